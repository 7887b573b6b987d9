use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use serde_json::json;

use crate::world::{Backend, Load, World, get, health, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_switches_under_load_fail_no_request() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world
        .service(&blue, Some(&green), json!({ "health": health() }))
        .await;
    let load = Load::start(at, "/slow?ms=1", 8);
    for round in 0..50 {
        let (active, standby) = if round % 2 == 0 {
            (&green, &blue)
        } else {
            (&blue, &green)
        };
        world.switch(active, Some(standby)).await;
        // The very next request is served by the new version.
        let (_, label) = get(&world.client, at, "/").await.unwrap();
        assert_eq!(label, active.label, "round {round}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (count, failures) = load.end().await;
    assert_eq!(failures, Vec::<String>::new(), "of {count}");
    assert!(count > 500, "the load was no load: {count}");
    let state = world.state().await;
    assert_eq!((state.version, state.failed_requests), (51, 0));
    assert!(state.requests >= count);
}

#[tokio::test]
async fn the_answer_names_the_version_that_served_and_hides_the_connection_level() {
    let world = World::start().await;
    let blue = Backend::start("12-3f2a9c1").await;
    let at = world.service(&blue, None, json!({})).await;
    let request = Request::get(format!("http://{at}/"))
        .header("x-forwarded-for", "9.9.9.9")
        .header("connection", "x-private")
        .header("x-private", "1")
        .body(Full::default())
        .unwrap();
    let response = world.client.request(request).await.unwrap();
    assert_eq!(response.headers()["x-rialto-version"], "12-3f2a9c1");
    assert_eq!(response.headers()["via"], "1.1 rialto");
    let seen = blue.shared.last_headers.lock().unwrap().clone().unwrap();
    assert_eq!(seen["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen["x-forwarded-host"], at.to_string());
    assert_eq!(seen["host"], at.to_string());
    assert!(!seen.contains_key("x-private"));
}

#[tokio::test]
async fn what_was_confirmed_is_served_again_after_a_restart() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world.service(&blue, Some(&green), json!({})).await;
    world.switch(&green, Some(&blue)).await;
    let World {
        gateway,
        folder,
        client,
    } = world;
    drop(gateway);
    let gateway = start(&folder).await;
    let world = World {
        gateway,
        folder,
        client,
    };
    let state = world.until("listening", |s| s.listen_error.is_none()).await;
    assert_eq!((state.listen, state.version), (at, 2));
    assert_eq!(
        get(&crate::world::client(), at, "/").await.unwrap().1,
        "green"
    );
}

#[tokio::test]
async fn a_damaged_state_falls_back_to_the_one_before_and_never_to_nothing() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world.service(&blue, Some(&green), json!({})).await;
    world.switch(&green, Some(&blue)).await;
    let World {
        gateway,
        folder,
        client,
    } = world;
    drop(gateway);
    let file = folder.path().join("gateway/state.json");
    std::fs::write(&file, "{\"format\":1,").unwrap();
    let gateway = start(&folder).await;
    let world = World {
        gateway,
        folder,
        client,
    };
    let state = world.until("listening", |s| s.listen_error.is_none()).await;
    assert_eq!((state.listen, state.version), (at, 1));
    assert_eq!(
        get(&crate::world::client(), at, "/").await.unwrap().1,
        "blue"
    );
    let World {
        gateway, folder, ..
    } = world;
    drop(gateway);
    std::fs::write(&file, "{").unwrap();
    std::fs::write(folder.path().join("gateway/state.previous.json"), "{").unwrap();
    let error = rialto_esb_gateway::Gateway::start(rialto_esb_gateway::GatewayConfig {
        admin_listen: "127.0.0.1:0".parse().unwrap(),
        admin_token: None,
        state_file: Some(file),
    })
    .await
    .unwrap_err();
    assert!(
        error.to_string().contains("restore it from a backup"),
        "{error}"
    );
}
