//! The console's files, health and headers.

use axum::body::Body;
use http::Request;

use crate::world::World;

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    for world in World::on_each_engine().await {
        for path in ["/healthz", "/", "/api/platform/v1/users", "/nothing.js"] {
            let answer = world.get(path).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            assert!(
                answer
                    .header("content-security-policy")
                    .contains("frame-ancestors 'none'")
            );
            assert_eq!(answer.header("x-trace-id").len(), 32, "{path}");
        }
        let api = world.get("/api/platform/v1/users").await;
        assert_eq!(api.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn routes_of_the_console_answer_with_its_page_and_nothing_else_does() {
    for world in World::on_each_engine().await {
        for path in ["/", "/login?link=x", "/delivery/pipelines/1", "/index.html"] {
            let request = Request::get(path).header("accept", "text/html,*/*;q=0.8");
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 200, "{path}");
            let page = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(page.contains("<!doctype html>"), "{path}");
            assert!(
                !page.contains("__CSP_NONCE__"),
                "{path}: the nonce is filled in"
            );
            assert_eq!(answer.header("cache-control"), "no-cache");
        }
        for path in ["/api/x", "/assets/gone.js", "/git/x", "/ui/x"] {
            assert_eq!(world.get(path).await.code(), "not_found", "{path}");
        }
        for path in [
            "/../Cargo.toml",
            "/..%2f..%2fCargo.toml",
            "/%2e%2e/package.json",
        ] {
            let body = world.get(path).await.body;
            let text = String::from_utf8_lossy(&body);
            assert!(
                !text.contains("[workspace]") && !text.contains("\"dependencies\""),
                "{path}"
            );
        }
        for accept in ["application/json", "*/*"] {
            let program = Request::get("/delivery").header("accept", accept);
            let answer = world.send(program.body(Body::empty()).unwrap()).await;
            assert_eq!(
                answer.code(),
                "not_found",
                "a program that mistook the address"
            );
        }
        let post = Request::post("/delivery").body(Body::empty()).unwrap();
        assert_eq!(world.send(post).await.code(), "not_found");
    }
}

#[tokio::test]
async fn health_readiness_version_and_configuration_need_no_login() {
    for world in World::on_each_engine().await {
        assert_eq!(world.get("/healthz").await.json()["status"], "ok");
        assert_eq!(world.get("/readyz").await.json()["status"], "ready");
        let version = world.get("/version").await.json();
        assert_eq!(version["store"], world.db.engine().to_string());
        let config = world.get("/ui/config.json").await.json();
        assert_eq!(
            (&config["brand"], &config["locale"]),
            (&"Rialto".into(), &"zh-CN".into())
        );
        world.db.close().await;
        let answer = world.get("/readyz").await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["status"]),
            (503, &"not_ready".into())
        );
        assert_eq!(
            world.get("/healthz").await.status,
            200,
            "alive, though not ready"
        );
    }
}
