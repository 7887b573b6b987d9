//! Browser sessions.

use jiff::SignedDuration;
use rialto_platform_identity::{Actor, Role};

use crate::world::{ADDRESS, PASSWORD, World};

#[tokio::test]
async fn a_session_is_found_by_its_cookie_until_it_is_closed() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[Role::Developer]).await;
        let opened = world
            .identity
            .open_session(user, ADDRESS, "Firefox")
            .await
            .unwrap();
        let found = world
            .identity
            .session_by_cookie(&opened.cookie)
            .await
            .unwrap()
            .expect("open");
        assert_eq!(found.actor.login, "dev");
        assert!(found.csrf_matches(&opened.csrf_token));
        assert!(!found.csrf_matches("") && !found.csrf_matches(&opened.cookie));
        assert!(
            world
                .identity
                .session_by_cookie("other")
                .await
                .unwrap()
                .is_none()
        );
        world.identity.close_session(&opened.cookie).await.unwrap();
        assert!(
            world
                .identity
                .session_by_cookie(&opened.cookie)
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_latest_end() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[]).await;
        let open = |user| world.identity.open_session(user, ADDRESS, "");
        let idle = open(user.clone()).await.unwrap();
        world.wait(SignedDuration::from_mins(29));
        assert!(
            world
                .identity
                .session_by_cookie(&idle.cookie)
                .await
                .unwrap()
                .is_some()
        );
        world.wait(SignedDuration::from_mins(30));
        assert!(
            world
                .identity
                .session_by_cookie(&idle.cookie)
                .await
                .unwrap()
                .is_none()
        );

        let busy = open(user).await.unwrap();
        for _ in 0..35 {
            world.wait(SignedDuration::from_mins(20));
            assert!(
                world
                    .identity
                    .session_by_cookie(&busy.cookie)
                    .await
                    .unwrap()
                    .is_some()
            );
        }
        world.wait(SignedDuration::from_mins(20));
        assert!(
            world
                .identity
                .session_by_cookie(&busy.cookie)
                .await
                .unwrap()
                .is_none(),
            "12 h"
        );
    }
}

#[tokio::test]
async fn changed_roles_and_shutting_out_take_effect_at_once() {
    let system = Actor::system("test");
    for world in World::on_each_engine().await {
        world.person("admin", &[Role::Administrator]).await;
        let user = world.person("dev", &[Role::Developer]).await;
        let opened = world
            .identity
            .open_session(user.clone(), ADDRESS, "")
            .await
            .unwrap();
        world
            .identity
            .set_roles(&system, &user.id, &[Role::Auditor])
            .await
            .unwrap();
        let found = world
            .identity
            .session_by_cookie(&opened.cookie)
            .await
            .unwrap()
            .expect("open");
        assert_eq!(found.actor.roles, [Role::Auditor]);
        world
            .identity
            .set_active(&system, &user.id, false)
            .await
            .unwrap();
        assert!(
            world
                .identity
                .session_by_cookie(&opened.cookie)
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn secrets_are_not_stored() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[]).await;
        let opened = world
            .identity
            .open_session(user, ADDRESS, "")
            .await
            .unwrap();
        let sessions: Vec<(String,)> = world
            .db
            .fetch_all(
                "SELECT cookie_hash FROM identity_session",
                rialto_platform_store::params![],
            )
            .await
            .unwrap();
        assert!(
            sessions
                .iter()
                .all(|(hash,)| hash.len() == 64 && *hash != opened.cookie)
        );
        let users: Vec<(String,)> = world
            .db
            .fetch_all(
                "SELECT password_hash FROM identity_user",
                rialto_platform_store::params![],
            )
            .await
            .unwrap();
        assert!(
            users
                .iter()
                .all(|(hash,)| hash.starts_with("$argon2id$") && !hash.contains(PASSWORD))
        );
    }
}
