//! Passwords, one-time links and the lock-out by delay.

use jiff::SignedDuration;
use rialto_platform_identity::{Actor, Auth, IdentityError, Role, SignInError};

use crate::world::{ADDRESS, PASSWORD, World};

#[tokio::test]
async fn the_right_password_signs_in_and_nothing_else_does() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[Role::Developer]).await;
        let found = world
            .identity
            .verify_password("DEV", PASSWORD, ADDRESS)
            .await
            .unwrap();
        assert_eq!(found.id, user.id);
        for (login, password) in [
            ("dev", "wrong"),
            ("nobody", PASSWORD),
            ("", ""),
            ("dev", ""),
        ] {
            let error = world
                .identity
                .verify_password(login, password, ADDRESS)
                .await;
            assert!(
                matches!(error, Err(SignInError::Wrong)),
                "{login}: {error:?}"
            );
        }
        let failures = world
            .entries()
            .await
            .into_iter()
            .filter(|kind| kind == "sign_in_failed")
            .count();
        assert_eq!(failures, 4, "every failure is on record");
    }
}

#[tokio::test]
async fn failures_make_the_next_try_wait_but_not_forever() {
    for world in World::on_each_engine().await {
        world.person("dev", &[]).await;
        for _ in 0..5 {
            let error = world
                .identity
                .verify_password("dev", "wrong", ADDRESS)
                .await;
            assert!(matches!(error, Err(SignInError::Wrong)), "{error:?}");
        }
        let error = world
            .identity
            .verify_password("dev", PASSWORD, ADDRESS)
            .await;
        assert!(matches!(error, Err(SignInError::Wait { .. })), "{error:?}");
        let elsewhere = world
            .identity
            .verify_password("dev", PASSWORD, "192.0.2.9")
            .await;
        assert!(
            elsewhere.is_ok(),
            "another address is not kept out: {elsewhere:?}"
        );
        world.wait(SignedDuration::from_secs(2));
        assert!(
            world
                .identity
                .verify_password("dev", PASSWORD, ADDRESS)
                .await
                .is_ok()
        );
        let error = world
            .identity
            .verify_password("dev", "wrong", ADDRESS)
            .await;
        assert!(
            matches!(error, Err(SignInError::Wrong)),
            "a sign-in forgets: {error:?}"
        );
    }
}

#[tokio::test]
async fn many_tries_at_once_do_not_get_round_the_wait() {
    for world in World::on_each_engine().await {
        world.person("dev", &[]).await;
        let tries = (0..12).map(|_| world.identity.verify_password("dev", "wrong", ADDRESS));
        let answers = futures_join(tries).await;
        let waits = answers
            .iter()
            .filter(|answer| matches!(answer, Err(SignInError::Wait { .. })))
            .count();
        assert_eq!(waits, 7, "the sixth and later ones must wait");
    }
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pinned: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in pinned.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter()
        .map(|value| value.expect("ready"))
        .collect()
}

#[tokio::test]
async fn somebody_shut_out_cannot_sign_in() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[]).await;
        let system = Actor::system("test");
        world.person("admin", &[Role::Administrator]).await;
        world
            .identity
            .set_active(&system, &user.id, false)
            .await
            .unwrap();
        let error = world
            .identity
            .verify_password("dev", PASSWORD, ADDRESS)
            .await;
        assert!(matches!(error, Err(SignInError::Wrong)), "{error:?}");
    }
}

#[tokio::test]
async fn a_link_works_once_and_not_after_its_time() {
    let system = Actor::system("test");
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[]).await;
        let first = world
            .identity
            .create_login_link(&system, &user.id)
            .await
            .unwrap();
        let second = world
            .identity
            .create_login_link(&system, &user.id)
            .await
            .unwrap();
        let redeem = |link: String| {
            let identity = world.identity.clone();
            async move { identity.redeem_login_link(&link, ADDRESS).await }
        };
        assert!(
            matches!(redeem(first).await, Err(SignInError::Link)),
            "replaced by the second"
        );
        assert_eq!(redeem(second.clone()).await.unwrap().id, user.id);
        assert!(
            matches!(redeem(second).await, Err(SignInError::Link)),
            "used up"
        );
        assert!(matches!(
            redeem("nonsense".into()).await,
            Err(SignInError::Link)
        ));
        let late = world
            .identity
            .create_login_link(&system, &user.id)
            .await
            .unwrap();
        world.wait(SignedDuration::from_hours(25));
        assert!(
            matches!(redeem(late).await, Err(SignInError::Link)),
            "expired"
        );
    }
}

#[tokio::test]
async fn the_first_link_is_offered_until_the_administrator_has_a_password() {
    let roles = [Role::Administrator];
    for world in World::on_each_engine().await {
        let link = world
            .identity
            .first_login_link(&roles)
            .await
            .unwrap()
            .expect("an empty house");
        let admin = world
            .identity
            .redeem_login_link(&link, ADDRESS)
            .await
            .unwrap();
        assert_eq!(admin.login, "admin");
        assert!(
            world
                .identity
                .first_login_link(&roles)
                .await
                .unwrap()
                .is_some()
        );
        let actor = admin.actor(Auth::Session);
        world
            .identity
            .set_password(&actor, &admin.id, PASSWORD)
            .await
            .unwrap();
        assert_eq!(world.identity.first_login_link(&roles).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_house_with_people_but_no_admin_login_gets_no_first_link() {
    for world in World::on_each_engine().await {
        world.person("dev", &[]).await;
        let link = world
            .identity
            .first_login_link(&[Role::Administrator])
            .await
            .unwrap();
        assert_eq!(link, None);
    }
}

#[tokio::test]
async fn a_token_cannot_change_its_owners_password() {
    for world in World::on_each_engine().await {
        let user = world.person("dev", &[]).await;
        let by = user.actor(Auth::Token);
        let error = world
            .identity
            .set_password(&by, &user.id, "another good one")
            .await;
        assert!(matches!(error, Err(IdentityError::Denied(_))), "{error:?}");
        let by = user.actor(Auth::Session);
        world
            .identity
            .set_password(&by, &user.id, "another good one")
            .await
            .unwrap();
        assert!(
            world
                .identity
                .verify_password("dev", "another good one", ADDRESS)
                .await
                .is_ok()
        );
    }
}
