//! What has expired is refused and told so.

use axum::body::Body;
use http::Request;
use jiff::SignedDuration;
use rialto_platform_identity::Role;

use crate::world::{Answer, World};

const ME: &str = "/api/platform/v1/sessions/current";

/// Refused with words that say why.
fn expired(answer: &Answer) {
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (401, "unauthenticated")
    );
    let problem = answer.json();
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(detail.contains("expired"), "{detail}");
}

#[tokio::test]
async fn an_idle_session_expires() {
    for world in World::on_each_engine().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        world.wait(SignedDuration::from_mins(29));
        assert_eq!(world.by(&dev, "GET", ME, "").await.status, 200);
        world.wait(SignedDuration::from_mins(31));
        expired(&world.by(&dev, "GET", ME, "").await);
        // Also the second time, when the session is forgotten.
        expired(&world.by(&dev, "GET", ME, "").await);
    }
}

#[tokio::test]
async fn a_session_in_constant_use_expires_after_twelve_hours() {
    for world in World::on_each_engine().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        for _ in 0..35 {
            world.wait(SignedDuration::from_mins(20));
            assert_eq!(world.by(&dev, "GET", ME, "").await.status, 200);
        }
        world.wait(SignedDuration::from_mins(20));
        expired(&world.by(&dev, "GET", ME, "").await);
    }
}

#[tokio::test]
async fn a_token_expires_and_says_when() {
    for world in World::on_each_engine().await {
        let token = world.token("dev", &[Role::Developer]).await;
        let ask = || {
            let request = Request::get(ME).header("authorization", format!("Bearer {token}"));
            world.send(request.body(Body::empty()).unwrap())
        };
        world.wait(SignedDuration::from_hours(23));
        assert_eq!(ask().await.status, 200);
        world.wait(SignedDuration::from_hours(2));
        let answer = ask().await;
        expired(&answer);
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .contains("expired at 20")
        );
        let other = format!("rlt_{}_{}", "0".repeat(16), "0".repeat(48));
        let request = Request::get(ME).header("authorization", format!("Bearer {other}"));
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("unknown or revoked"), "{detail}");
    }
}
