//! The form of refusals.

use axum::body::Body;
use http::Request;
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE};
use rialto_platform_identity::Role;

use crate::world::World;

#[tokio::test]
async fn a_problem_has_every_member_in_the_readers_language() {
    for world in World::on_each_engine().await {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (language, title) in [("zh-CN,zh;q=0.9", "需要登录"), ("en", "Sign-in needed")] {
            let request = Request::get("/api/platform/v1/users?page_size=3")
                .header(ACCEPT_LANGUAGE, language)
                .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            let problem = answer.json();
            assert_eq!(problem["type"], "/problems/unauthenticated");
            assert_eq!(problem["title"], title);
            assert_eq!(problem["status"], 401);
            assert_eq!(problem["instance"], "/api/platform/v1/users");
            assert_eq!(problem["trace_id"], trace);
            assert_eq!(answer.header("x-trace-id"), trace);
            assert!(problem["errors"].as_array().unwrap().is_empty());
            assert_eq!(
                answer.header("content-length"),
                answer.body.len().to_string()
            );
        }
    }
}

#[tokio::test]
async fn each_code_has_a_page_in_both_languages() {
    for world in World::on_each_engine().await {
        let answer = world.get("/problems/too_large").await;
        let page = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(
            page.contains("请求过大") && page.contains("The request is too large"),
            "{page}"
        );
        assert_eq!(world.get("/problems/nonsense").await.code(), "not_found");
    }
}

#[tokio::test]
async fn bad_bodies_are_refused_each_in_its_way() {
    let path = "/api/platform/v1/tokens";
    for world in World::on_each_engine().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        let send = |body: String| {
            let dev = dev.clone();
            let world = &world;
            async move { world.by(&dev, "POST", path, &body).await }
        };
        assert_eq!(send("{".into()).await.code(), "malformed");
        assert_eq!(send("\u{0}".into()).await.code(), "malformed");
        let array = send(r#"["x",1]"#.into()).await;
        assert_eq!(array.code(), "invalid");
        let errors = &array.json()["errors"];
        assert!(
            errors[0]["message"]
                .as_str()
                .unwrap()
                .contains("expected an object"),
            "{errors}"
        );
        let unknown = send(r#"{"name":"x","expires_in_days":1,"scope":"all"}"#.into()).await;
        assert_eq!(
            (unknown.status.as_u16(), unknown.code().as_str()),
            (422, "invalid")
        );
        assert_eq!(unknown.json()["errors"][0]["code"], "unknown_field");
        let missing = send("{}".into()).await.json();
        assert_eq!(missing["errors"][0]["code"], "missing");
        let wrong = send(r#"{"name":"x","expires_in_days":-1}"#.into())
            .await
            .json();
        assert_eq!(wrong["errors"][0]["pointer"], "/expires_in_days");
        let huge = send(format!("{{\"name\":\"{}\"}}", "x".repeat(70_000))).await;
        assert_eq!(
            (huge.status.as_u16(), huge.code().as_str()),
            (413, "too_large")
        );
        let nul = send(r#"{"name":"a\u0000b","expires_in_days":1}"#.into()).await;
        assert_eq!(nul.code(), "invalid");

        let request = Request::post(path)
            .header("cookie", &dev.cookie)
            .header("x-csrf-token", &dev.csrf)
            .header(CONTENT_TYPE, "text/plain");
        let answer = world.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (415, "unsupported_media_type")
        );
    }
}

#[tokio::test]
async fn unknown_paths_methods_and_parameters_are_refused() {
    for world in World::on_each_engine().await {
        assert_eq!(
            world.get("/api/platform/v1/nothing").await.code(),
            "not_found"
        );
        assert_eq!(world.get("/api/nothing").await.code(), "not_found");
        let request = Request::patch("/api/platform/v1/users")
            .body(Body::empty())
            .unwrap();
        let answer = world.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (405, "method_not_allowed")
        );
        assert!(
            answer.header("allow").contains("GET"),
            "{:?}",
            answer.headers
        );
        let dev = world.browser("dev", &[Role::Developer]).await;
        let answer = world
            .by(&dev, "GET", "/api/platform/v1/users?colour=red", "")
            .await;
        assert_eq!(answer.code(), "malformed");
        assert!(
            answer.json()["detail"].as_str().unwrap().contains("colour"),
            "{:?}",
            answer.body
        );
        for size in ["0", "1001"] {
            let path = format!("/api/platform/v1/users?page_size={size}");
            assert_eq!(world.by(&dev, "GET", &path, "").await.code(), "invalid");
        }
        let path = "/api/platform/v1/users?page_token=AAAA";
        assert_eq!(
            world.by(&dev, "GET", path, "").await.code(),
            "invalid_page_token"
        );
    }
}
