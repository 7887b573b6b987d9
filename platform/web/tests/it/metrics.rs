//! `/metrics`: what it says, and to whom.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use http_body_util::BodyExt as _;
use rialto_platform_identity::Role;
use rialto_platform_web::Gauge;
use tower::ServiceExt as _;

use crate::world::World;

async fn from(world: &World, ip: [u8; 4], header: Option<(&str, &str)>) -> (u16, String) {
    let mut request = Request::get("/metrics");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let peer = ConnectInfo(SocketAddr::from((ip, 4711)));
    request.extensions_mut().insert(peer);
    let answer = world.router.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn figures_are_for_this_machine_or_for_a_token() {
    for world in World::on_each_engine().await {
        let (near, far) = ([127, 0, 0, 1], [192, 0, 2, 1]);
        assert_eq!(from(&world, far, None).await.0, 401);
        assert_eq!(
            from(&world, near, Some(("x-forwarded-for", "1.2.3.4")))
                .await
                .0,
            401
        );
        let token = world.token("watcher", &[Role::Auditor]).await;
        let bearer = format!("Bearer {token}");
        assert_eq!(
            from(&world, far, Some(("authorization", &bearer))).await.0,
            200
        );
        assert_eq!(
            from(&world, far, Some(("authorization", "Bearer x")))
                .await
                .0,
            401
        );
        assert_eq!(from(&world, near, None).await.0, 200);
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_systems_add_their_figures() {
    for world in World::on_each_engine().await {
        world.web.add_gauges(Arc::new(|| {
            Box::pin(async {
                let pending = vec![("state", "pending".to_owned())];
                vec![Gauge {
                    name: "rialto_jobs",
                    help: "Jobs.",
                    labels: pending,
                    value: 7,
                }]
            })
        }));
        world.get("/problems/invalid").await;
        world.get("/problems/not_found").await;
        world.get("/problems/nonsense").await;
        let (_, text) = from(&world, [127, 0, 0, 1], None).await;
        let has = |line: &str| assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        let route = "method=\"GET\",route=\"/problems/{code}\"";
        has(&format!(
            "rialto_http_requests_total{{{route},status=\"200\"}} 2"
        ));
        has(&format!(
            "rialto_http_requests_total{{{route},status=\"404\"}} 1"
        ));
        has(&format!(
            "rialto_http_request_duration_seconds_count{{{route}}} 3"
        ));
        has("rialto_jobs{state=\"pending\"} 7");
        has("# TYPE rialto_database_bytes gauge");
        let bytes = text
            .lines()
            .find(|l| l.starts_with("rialto_database_bytes{"));
        let bytes: u64 = bytes.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(bytes > 10_000, "{bytes}");
    }
}
