//! Adding people and changing what they may do.

use rialto_platform_identity::{
    Actor, IdentityError, NewUser, Permission, Role, STATEMENTS, UserId,
};
use rialto_platform_store::testing::explain_all;

use crate::world::World;

fn new(login: &str) -> NewUser {
    NewUser {
        login: login.into(),
        name: "Somebody".into(),
        email: "somebody@example.com".into(),
        password: None,
        roles: vec![Role::Developer],
        locale: None,
    }
}

#[tokio::test]
async fn every_statement_is_accepted_by_each_engine() {
    for world in World::on_each_engine().await {
        explain_all(&world.db, STATEMENTS).await;
    }
}

#[tokio::test]
async fn a_login_is_unique_whatever_its_case() {
    for world in World::on_each_engine().await {
        world.person("Somebody", &[]).await;
        let error = world
            .identity
            .create_user(&Actor::system("test"), new("somebody"))
            .await;
        assert!(
            matches!(error, Err(IdentityError::LoginTaken { .. })),
            "{error:?}"
        );
        let found = world
            .identity
            .user_by_login("SOMEBODY")
            .await
            .unwrap()
            .expect("found");
        assert_eq!(found.login, "Somebody");
    }
}

#[tokio::test]
async fn only_an_administrator_adds_people_and_changes_roles() {
    for world in World::on_each_engine().await {
        let admin = world.actor("admin", &[Role::Administrator]).await;
        for role in Role::ALL
            .into_iter()
            .filter(|role| *role != Role::Administrator)
        {
            let actor = world.actor(&format!("is-{role}"), &[role]).await;
            let error = world.identity.create_user(&actor, new("other")).await;
            assert!(
                matches!(error, Err(IdentityError::Denied(_))),
                "{role}: {error:?}"
            );
            let error = world
                .identity
                .set_roles(&actor, &actor.user_id, &[role])
                .await;
            assert!(
                matches!(error, Err(IdentityError::Denied(_))),
                "{role}: {error:?}"
            );
        }
        let user = world
            .identity
            .create_user(&admin, new("other"))
            .await
            .unwrap();
        let changed = world
            .identity
            .set_roles(
                &admin,
                &user.id,
                &[Role::Operations, Role::Tester, Role::Tester],
            )
            .await
            .unwrap();
        assert_eq!(changed.roles, [Role::Tester, Role::Operations]);
        let entries = world.entries().await;
        assert_eq!(
            entries.last().map(String::as_str),
            Some("roles_changed"),
            "{entries:?}"
        );
    }
}

#[tokio::test]
async fn a_house_keeps_an_administrator() {
    for world in World::on_each_engine().await {
        let admin = world.actor("admin", &[Role::Administrator]).await;
        let error = world
            .identity
            .set_roles(&admin, &admin.user_id, &[Role::Auditor])
            .await;
        assert!(
            matches!(error, Err(IdentityError::LastAdministrator)),
            "{error:?}"
        );
        let error = world
            .identity
            .set_active(&admin, &admin.user_id, false)
            .await;
        assert!(
            matches!(error, Err(IdentityError::LastAdministrator)),
            "{error:?}"
        );
        let still = world.identity.user(&admin.user_id).await.unwrap();
        assert!(still.active && still.roles == [Role::Administrator]);
    }
}

#[tokio::test]
async fn bad_fields_are_refused_by_name() {
    let system = Actor::system("test");
    for world in World::on_each_engine().await {
        let cases = [
            (
                "login",
                NewUser {
                    login: "x".into(),
                    ..new("x")
                },
            ),
            (
                "login",
                NewUser {
                    login: "张三".into(),
                    ..new("x")
                },
            ),
            (
                "login",
                NewUser {
                    login: "-rf".into(),
                    ..new("x")
                },
            ),
            (
                "name",
                NewUser {
                    name: " \t".into(),
                    ..new("abc")
                },
            ),
            (
                "name",
                NewUser {
                    name: "a\nb".into(),
                    ..new("abc")
                },
            ),
            (
                "email",
                NewUser {
                    email: "nobody".into(),
                    ..new("abc")
                },
            ),
            (
                "email",
                NewUser {
                    email: "a@b <c>".into(),
                    ..new("abc")
                },
            ),
            (
                "password",
                NewUser {
                    password: Some("password123".into()),
                    ..new("abc")
                },
            ),
        ];
        for (field, new) in cases {
            let error = world.identity.create_user(&system, new.clone()).await;
            let named =
                matches!(&error, Err(IdentityError::Invalid { field: f, .. }) if *f == field);
            assert!(named, "{field} of {new:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn an_unknown_user_is_not_found() {
    for world in World::on_each_engine().await {
        let id = UserId::from_parts(1, [1; 10]);
        let error = world.identity.user(&id).await.expect_err("nobody");
        assert!(error.to_string().contains("no user"), "{error}");
    }
}

#[tokio::test]
async fn people_are_listed_in_order_without_runners() {
    for world in World::on_each_engine().await {
        let reader = world.actor("mid", &[Role::Auditor]).await;
        for login in ["Zoe", "adam"] {
            world.person(login, &[]).await;
        }
        let day = jiff::SignedDuration::from_hours(24);
        world
            .identity
            .issue_runner_token(&Actor::system("test"), "local", day)
            .await
            .unwrap();
        let logins = |after: &'static str, limit| {
            let (identity, reader) = (world.identity.clone(), reader.clone());
            async move {
                let people = identity.people(&reader, after, limit).await.unwrap();
                people
                    .into_iter()
                    .map(|user| user.login)
                    .collect::<Vec<_>>()
            }
        };
        assert_eq!(logins("", 10).await, ["adam", "mid", "Zoe"]);
        assert_eq!(logins("Adam", 1).await, ["mid"]);
        assert!(reader.may(Permission::UserRead));
    }
}
