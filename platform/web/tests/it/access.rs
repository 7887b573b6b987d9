//! Every endpoint without login and without right, from the one table.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use rialto_platform_identity::{Permission, Role};
use rialto_platform_store::testing::TestDb;
use rialto_platform_web::{Access, Endpoint};

use crate::world::World;

fn concrete(path: &str) -> String {
    path.replace("{id}", "0190163d-8694-739b-aea5-966c26f8ad91")
        .replace("{code}", "invalid")
}

#[tokio::test]
async fn without_login_nothing_but_public_endpoints_answers() {
    for world in World::on_each_engine().await {
        for endpoint in world.endpoints.clone() {
            let path = concrete(endpoint.path);
            let request = Request::builder().method(endpoint.method).uri(&path);
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            let refused = answer.status.as_u16() == 401 && answer.code() == "unauthenticated";
            let public = endpoint.access == Access::Public;
            assert_eq!(
                refused, !public,
                "{} {path}: {}",
                endpoint.method, answer.status
            );
            if refused {
                assert!(answer.header("www-authenticate").starts_with("Bearer"));
            }
        }
    }
}

#[tokio::test]
async fn without_the_right_every_endpoint_that_needs_one_refuses() {
    for world in World::on_each_engine().await {
        let browser = world.browser("nobody", &[]).await;
        for endpoint in world.endpoints.clone() {
            let Access::Needs(permission) = endpoint.access else {
                continue;
            };
            let path = concrete(endpoint.path);
            let answer = world.by(&browser, endpoint.method, &path, "{}").await;
            assert_eq!(answer.status, 403, "{} {path}", endpoint.method);
            assert_eq!(answer.json()["permission"], permission.as_str());
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_in_the_table_is_not_served() {
    let routes = Router::new().route("/api/x/v1/secret", get(|| async { "hidden text" }));
    let sets = [
        rialto_platform_evidence::MIGRATIONS,
        rialto_platform_identity::MIGRATIONS,
        rialto_platform_web::MIGRATIONS,
    ];
    let world = World::over(TestDb::sqlite(&sets).await, routes, &[]).await;
    let answer = world.get("/api/x/v1/secret").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (500, "internal")
    );
    assert!(!String::from_utf8_lossy(&answer.body).contains("hidden text"));
}

#[tokio::test]
async fn a_change_with_a_cookie_needs_the_csrf_token_and_the_own_origin() {
    for world in World::on_each_engine().await {
        let browser = world.browser("dev", &[Role::Developer]).await;
        let change = |csrf: Option<String>, origin: Option<&str>| {
            let mut request = Request::delete("/api/platform/v1/tokens/x")
                .header("cookie", &browser.cookie)
                .header("host", "127.0.0.1:8088");
            if let Some(csrf) = csrf {
                request = request.header("x-csrf-token", csrf);
            }
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            world.send(request.body(Body::empty()).unwrap())
        };
        assert_eq!(change(None, None).await.code(), "csrf");
        assert_eq!(change(Some("0".repeat(64)), None).await.code(), "csrf");
        let other = world.browser("other", &[Role::Developer]).await;
        assert_eq!(
            change(Some(other.csrf), None).await.code(),
            "csrf",
            "another session's"
        );
        let own = Some(browser.csrf.clone());
        let foreign = Some("http://evil.example");
        assert_eq!(change(own.clone(), foreign).await.code(), "foreign_origin");
        let answer = change(own, Some("http://127.0.0.1:8088")).await;
        assert_eq!(answer.code(), "not_found", "let through to the handler");
    }
}

#[tokio::test]
async fn a_sign_in_from_another_site_is_refused() {
    for world in World::on_each_engine().await {
        let request = Request::post("/api/platform/v1/sessions")
            .header("host", "127.0.0.1:8088")
            .header("origin", "https://evil.example");
        let answer = world.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.code(), "foreign_origin");
    }
}

#[tokio::test]
async fn a_wrong_or_revoked_token_is_told_apart_from_a_missing_right() {
    for world in World::on_each_engine().await {
        let token = world.token("dev", &[Role::Developer]).await;
        let with = |token: String| {
            let request = Request::get("/api/platform/v1/users")
                .header("authorization", format!("Bearer {token}"));
            world.send(request.body(Body::empty()).unwrap())
        };
        assert_eq!(with(token.clone()).await.status, 200);
        for wrong in ["", "x", "rlt_0123456789abcdef_0", &token[..token.len() - 1]] {
            let answer = with(wrong.to_owned()).await;
            assert_eq!(answer.code(), "unauthenticated", "{wrong}");
        }
        let none = world.token("nobody", &[]).await;
        assert_eq!(with(none).await.code(), "forbidden");
        assert_eq!(Permission::UserRead.as_str(), "platform.user.read");
    }
}

#[tokio::test]
async fn a_session_only_endpoint_refuses_a_token() {
    for world in World::on_each_engine().await {
        let token = world.token("dev", &[Role::Developer]).await;
        let request = Request::delete("/api/platform/v1/sessions/current")
            .header("authorization", format!("Bearer {token}"));
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.code(), "unauthenticated");
    }
}

#[test]
fn a_line_of_the_table_says_what_it_says() {
    let line = Endpoint::new("POST", "/x", Access::SignedIn).slow();
    assert!(line.slow && line.access == Access::SignedIn);
}
