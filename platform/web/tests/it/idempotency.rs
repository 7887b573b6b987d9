//! `Idempotency-Key`: the same request twice acts once.

use axum::body::Body;
use http::Request;
use http::header::CONTENT_TYPE;
use rialto_platform_identity::Role;
use rialto_platform_store::testing::explain_all;
use rialto_platform_web::STATEMENTS;
use serde_json::json;

use crate::world::{Answer, Browser, World};

const PATH: &str = "/api/platform/v1/users";

async fn post(world: &World, by: &Browser, path: &str, key: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header("cookie", &by.cookie)
        .header("x-csrf-token", &by.csrf)
        .header("idempotency-key", key)
        .header(CONTENT_TYPE, "application/json");
    world
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

fn person(login: &str) -> String {
    json!({"login": login, "name": login, "email": format!("{login}@x.org"), "roles": []})
        .to_string()
}

#[tokio::test]
async fn every_statement_is_accepted_by_each_engine() {
    for world in World::on_each_engine().await {
        explain_all(&world.db, STATEMENTS).await;
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_again_and_not_carried_out_again() {
    for world in World::on_each_engine().await {
        let admin = world.browser("admin", &[Role::Administrator]).await;
        let first = post(&world, &admin, PATH, "k1", &person("eve")).await;
        let second = post(&world, &admin, PATH, "k1", &person("eve")).await;
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
        assert_eq!(first.body, second.body);
        assert_eq!(first.header("idempotency-replayed"), "");
        assert_eq!(second.header("idempotency-replayed"), "true");
        let other = post(&world, &admin, PATH, "k1", &person("bob")).await;
        assert_eq!(
            (other.status.as_u16(), other.code().as_str()),
            (422, "idempotency_key_reused")
        );
        let people = world.by(&admin, "GET", PATH, "").await.json();
        assert_eq!(people["items"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_caller_and_one_path() {
    for world in World::on_each_engine().await {
        let admin = world.browser("admin", &[Role::Administrator]).await;
        let other = world.browser("other", &[Role::Administrator]).await;
        assert_eq!(
            post(&world, &admin, PATH, "k", &person("eve")).await.status,
            201
        );
        assert_eq!(
            post(&world, &other, PATH, "k", &person("bob")).await.status,
            201
        );
    }
}

#[tokio::test]
async fn a_refusal_frees_the_key() {
    for world in World::on_each_engine().await {
        let admin = world.browser("admin", &[Role::Administrator]).await;
        let bad = json!({"login": "x", "name": "X", "email": "x@x.org", "roles": []}).to_string();
        assert_eq!(
            post(&world, &admin, PATH, "k", &bad).await.code(),
            "invalid"
        );
        assert_eq!(
            post(&world, &admin, PATH, "k", &person("eve")).await.status,
            201
        );
        let long = "k".repeat(256);
        assert_eq!(
            post(&world, &admin, PATH, &long, &person("bob"))
                .await
                .code(),
            "malformed"
        );
    }
}

#[tokio::test]
async fn a_secret_is_not_kept_to_be_shown_again() {
    let path = "/api/platform/v1/tokens";
    for world in World::on_each_engine().await {
        let dev = world.browser("dev", &[Role::Developer]).await;
        let body = json!({"name": "laptop", "expires_in_days": 1}).to_string();
        let first = post(&world, &dev, path, "k", &body).await;
        let token = first.json()["token"].as_str().unwrap().to_owned();
        assert_eq!(
            post(&world, &dev, path, "k", &body).await.code(),
            "conflict"
        );
        let rows: Vec<(String,)> = world
            .db
            .fetch_all(
                "SELECT body FROM web_idempotency",
                rialto_platform_store::params![],
            )
            .await
            .unwrap();
        assert!(rows.iter().all(|(body,)| !body.contains(&token)));
        let listed = world.by(&dev, "GET", path, "").await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn requests_at_the_same_time_act_once() {
    for world in World::on_each_engine().await {
        let admin = world.browser("admin", &[Role::Administrator]).await;
        let body = person("eve");
        let send = || post(&world, &admin, PATH, "k", &body);
        let (a, b, c) = tokio::join!(send(), send(), send());
        let statuses: Vec<u16> = [a, b, c]
            .iter()
            .map(|answer| answer.status.as_u16())
            .collect();
        assert!(statuses.contains(&201), "{statuses:?}");
        assert!(
            statuses.iter().all(|status| matches!(status, 201 | 409)),
            "{statuses:?}"
        );
    }
}
