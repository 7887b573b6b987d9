//! Live events: nothing missed, nothing doubled, nothing shown to those who may not see it.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use futures::StreamExt as _;
use http::Request;
use rialto_platform_identity::{Permission, Role};
use rialto_platform_store::Db;
use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_web::{Access, Endpoint, EventRequest, Problem, Web, event_stream};
use serde_json::{Value, json};

use crate::world::{Browser, World};

const PATH: &str = "/api/test/v1/events";
const ENDPOINTS: &[Endpoint] = &[Endpoint::new(
    "GET",
    PATH,
    Access::Needs(Permission::DeliveryRead),
)];

async fn events(State(web): State<Web>, request: EventRequest) -> Result<Response, Problem> {
    event_stream(&web, request, |actor, topic| {
        topic != "secret" && actor.may(Permission::DeliveryRead)
    })
    .await
}

async fn worlds() -> Vec<World> {
    let sets = [
        rialto_platform_evidence::MIGRATIONS,
        rialto_platform_identity::MIGRATIONS,
        rialto_platform_web::MIGRATIONS,
    ];
    let mut worlds = Vec::new();
    for db in engines(&sets).await {
        worlds.push(world(db).await);
    }
    worlds
}

async fn world(db: TestDb) -> World {
    let plain = World::over(db, Router::new(), &[]).await;
    let routes = Router::new()
        .route(PATH, get(events))
        .with_state(plain.web.clone());
    let World { db, .. } = plain;
    // Built again with the route, over the same database.
    World::over(db, routes.with_state(()), ENDPOINTS).await
}

async fn publish(db: &Db, topic: &str, version: i64) {
    let mut tx = db.begin().await.unwrap();
    tx.publish(
        topic,
        "x",
        version,
        &["status"],
        json!({"log_bytes": 7, "id": "not replaced"}),
    )
    .await;
    tx.commit().await.unwrap();
}

struct Stream(BodyDataStream, String);

impl Stream {
    /// The next event with data: its id and data.
    async fn next(&mut self) -> (String, String, Value) {
        loop {
            let wait = Duration::from_secs(20);
            let chunk = tokio::time::timeout(wait, self.0.next())
                .await
                .expect("in time");
            let text = String::from_utf8(chunk.expect("not ended").unwrap().to_vec()).unwrap();
            let field = |name: &str| {
                let found = text.lines().find_map(|line| line.strip_prefix(name));
                found.unwrap_or_default().trim().to_owned()
            };
            self.1 = field("id:");
            if !field("data:").is_empty() {
                let data = serde_json::from_str(&field("data:")).unwrap();
                return (field("event:"), field("id:"), data);
            }
        }
    }

    /// Reads until the stream ends.
    async fn ends(mut self) {
        let end = async { while self.0.next().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(20), end)
            .await
            .expect("the stream ends");
    }
}

async fn open(world: &World, by: &Browser, topics: &str, last: Option<&str>) -> Stream {
    let mut request = Request::get(format!("{PATH}?topics={topics}")).header("cookie", &by.cookie);
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = world.open(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let first = stream.next().await.expect("a position").unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    let id = first
        .lines()
        .find_map(|line| line.strip_prefix("id: "))
        .expect("an id")
        .to_owned();
    if first.contains("event: reset") {
        return Stream(stream, format!("reset {id}"));
    }
    Stream(stream, id)
}

#[tokio::test]
async fn a_stream_carries_its_topics_in_order_and_no_others() {
    for world in worlds().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        let mut stream = open(&world, &dev, "job:1,list:jobs", None).await;
        for (topic, version) in [("job:1", 1), ("job:2", 1), ("list:jobs", 2), ("job:1", 3)] {
            publish(&world.db, topic, version).await;
        }
        let mut versions = Vec::new();
        for _ in 0..3 {
            let (_, _, data) = stream.next().await;
            assert_eq!((&data["id"], &data["log_bytes"]), (&json!("x"), &json!(7)));
            versions.push(data["version"].as_i64().unwrap());
        }
        assert_eq!(versions, [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_once() {
    for world in worlds().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        let mut stream = open(&world, &dev, "job:1", None).await;
        publish(&world.db, "job:1", 1).await;
        let (_, id, _) = stream.next().await;
        drop(stream);
        for version in 2..=2_100 {
            if version % 100 == 0 || version < 5 {
                publish(&world.db, "job:1", version).await;
            }
        }
        let mut stream = open(&world, &dev, "job:1", Some(&id)).await;
        publish(&world.db, "job:1", 9_999).await;
        let mut versions = Vec::new();
        while versions.last() != Some(&9_999) {
            versions.push(stream.next().await.2["version"].as_i64().unwrap());
        }
        let mut expected: Vec<i64> = vec![2, 3, 4];
        expected.extend((1..=21).map(|hundred| hundred * 100));
        expected.push(9_999);
        assert_eq!(versions, expected);
    }
}

#[tokio::test]
async fn a_position_of_another_life_of_the_log_means_reset() {
    for world in worlds().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        for last in ["1-0", "nonsense", "-", "99999999999999999999-1"] {
            let stream = open(&world, &dev, "job:1", Some(last)).await;
            assert!(stream.1.starts_with("reset "), "{last}: {}", stream.1);
        }
    }
}

#[tokio::test]
async fn a_topic_that_may_not_be_followed_is_refused_and_bad_lists_too() {
    for world in worlds().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        let get = |topics: String| {
            let (world, dev) = (&world, dev.clone());
            async move {
                world
                    .by(&dev, "GET", &format!("{PATH}?topics={topics}"), "")
                    .await
                    .code()
            }
        };
        assert_eq!(get("job:1,secret".into()).await, "forbidden");
        assert_eq!(get(",,".into()).await, "invalid");
        let many: Vec<String> = (0..201).map(|number| format!("job:{number}")).collect();
        assert_eq!(get(many.join(",")).await, "invalid");
        assert_eq!(world.by(&dev, "GET", PATH, "").await.code(), "malformed");
    }
}

#[tokio::test]
async fn signing_out_ends_the_stream() {
    for world in worlds().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        let stream = open(&world, &dev, "job:1", None).await;
        let out = world
            .by(&dev, "DELETE", "/api/platform/v1/sessions/current", "")
            .await;
        assert_eq!(out.status, 204);
        stream.ends().await;
    }
}
