//! API tokens of people and runners.

use jiff::SignedDuration;
use rialto_platform_identity::{Actor, Auth, IdentityError, Permission, Role};

use crate::world::World;

#[tokio::test]
async fn a_token_acts_as_its_owner_until_revoked() {
    for world in World::on_each_engine().await {
        let owner = world.actor("dev", &[Role::Developer]).await;
        let issued = world
            .identity
            .issue_token(&owner, "laptop", 30)
            .await
            .unwrap();
        assert!(issued.text.starts_with("rlt_"));
        let actor = world
            .identity
            .actor_by_token(&issued.text)
            .await
            .unwrap()
            .expect("good");
        assert_eq!(
            (actor.user_id.clone(), actor.auth),
            (owner.user_id.clone(), Auth::Token)
        );
        let listed = world.identity.tokens(&owner).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(listed[0].last_used_at.is_some(), "its last use is shown");

        let other = world.actor("other", &[Role::Administrator]).await;
        let error = world
            .identity
            .revoke_token(&other, issued.token.id.as_str())
            .await;
        assert!(
            matches!(error, Err(IdentityError::NotFound { .. })),
            "not theirs: {error:?}"
        );
        world
            .identity
            .revoke_token(&owner, issued.token.id.as_str())
            .await
            .unwrap();
        assert!(
            world
                .identity
                .actor_by_token(&issued.text)
                .await
                .unwrap()
                .is_none()
        );
        let error = world
            .identity
            .revoke_token(&owner, issued.token.id.as_str())
            .await;
        assert!(
            matches!(error, Err(IdentityError::NotFound { .. })),
            "gone already: {error:?}"
        );
        let entries = world.entries().await;
        assert!(entries.contains(&"token_issued".to_owned()), "{entries:?}");
        assert_eq!(
            entries.last().map(String::as_str),
            Some("token_revoked"),
            "{entries:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_or_expired_token_is_nobody() {
    for world in World::on_each_engine().await {
        let owner = world.actor("dev", &[Role::Developer]).await;
        let issued = world
            .identity
            .issue_token(&owner, "laptop", 1)
            .await
            .unwrap();
        let last = issued.text.chars().last().expect("not empty");
        let other = if last == '0' { '1' } else { '0' };
        let mut wrong = issued.text.clone();
        wrong.pop();
        wrong.push(other);
        for text in [wrong.as_str(), "", "rlt_x_y", "rlt_0123456789abcdef_"] {
            assert!(
                world.identity.actor_by_token(text).await.unwrap().is_none(),
                "{text}"
            );
        }
        world.wait(SignedDuration::from_hours(24));
        assert!(
            world
                .identity
                .actor_by_token(&issued.text)
                .await
                .unwrap()
                .is_none(),
            "expired"
        );
    }
}

#[tokio::test]
async fn a_token_cannot_issue_tokens_and_lifetimes_have_bounds() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[Role::Developer]).await;
        let error = world
            .identity
            .issue_token(&user.actor(Auth::Token), "more", 1)
            .await;
        assert!(
            matches!(error, Err(IdentityError::Invalid { field: "token", .. })),
            "{error:?}"
        );
        let session = user.actor(Auth::Session);
        for days in [0, 367, u32::MAX] {
            let error = world.identity.issue_token(&session, "laptop", days).await;
            let named = matches!(
                error,
                Err(IdentityError::Invalid {
                    field: "expires_in_days",
                    ..
                })
            );
            assert!(named, "{days}: {error:?}");
        }
        let error = world.identity.issue_token(&session, "  ", 1).await;
        assert!(
            matches!(error, Err(IdentityError::Invalid { field: "name", .. })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_token_never_exceeds_its_owner() {
    for world in World::on_each_engine().await {
        world.person("admin", &[Role::Administrator]).await;
        let owner = world.actor("dev", &[Role::Developer]).await;
        let issued = world
            .identity
            .issue_token(&owner, "laptop", 1)
            .await
            .unwrap();
        let system = Actor::system("test");
        world
            .identity
            .set_roles(&system, &owner.user_id, &[Role::Auditor])
            .await
            .unwrap();
        let actor = world
            .identity
            .actor_by_token(&issued.text)
            .await
            .unwrap()
            .expect("good");
        assert!(!actor.may(Permission::CodePush));
        world
            .identity
            .set_active(&system, &owner.user_id, false)
            .await
            .unwrap();
        assert!(
            world
                .identity
                .actor_by_token(&issued.text)
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn a_runner_has_its_own_identity_and_one_right() {
    let system = Actor::system("test");
    let year = SignedDuration::from_hours(24 * 365);
    for world in World::on_each_engine().await {
        let first = world
            .identity
            .issue_runner_token(&system, "local", year)
            .await
            .unwrap();
        let second = world
            .identity
            .issue_runner_token(&system, "local", year)
            .await
            .unwrap();
        let a = world
            .identity
            .actor_by_token(&first.text)
            .await
            .unwrap()
            .expect("good");
        let b = world
            .identity
            .actor_by_token(&second.text)
            .await
            .unwrap()
            .expect("good");
        assert_eq!((&a.user_id, a.auth), (&b.user_id, Auth::Runner));
        assert!(a.may(Permission::RunnerWork) && !a.may(Permission::DeliveryRead));
        world.person("runner-other", &[]).await;
        let error = world
            .identity
            .issue_runner_token(&system, "other", year)
            .await;
        assert!(
            matches!(error, Err(IdentityError::LoginTaken { .. })),
            "{error:?}"
        );
    }
}
