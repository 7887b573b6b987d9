use http_body_util::Full;
use hyper::Request;
use serde_json::json;

use crate::world::{Backend, World, get, health};

#[tokio::test]
async fn without_the_token_nothing_is_told_or_changed() {
    let world = World::start().await;
    for token in [
        "",
        "Bearer ",
        "Bearer wrong",
        &format!("Basic {}", world.gateway.token),
    ] {
        let request = Request::get(format!(
            "http://{}/admin/v1/services",
            world.gateway.admin_address
        ))
        .header("authorization", token)
        .body(Full::default())
        .unwrap();
        let response = world.client.request(request).await.unwrap();
        assert_eq!(response.status(), 401, "{token}");
    }
}

#[tokio::test]
async fn the_same_wish_twice_changes_nothing_and_the_picked_port_is_kept() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world
        .service(&blue, None, json!({ "health": health() }))
        .await;
    assert_eq!(
        world
            .service(&blue, None, json!({ "health": health() }))
            .await,
        at
    );
    assert_eq!(world.state().await.version, 1);
    assert_eq!(world.service(&blue, None, json!({})).await, at);
    assert_eq!(world.state().await.version, 2);
}

#[tokio::test]
async fn a_switch_on_an_old_version_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let (blue, green) = (Backend::start("blue").await, Backend::start("green").await);
    let at = world.service(&blue, Some(&green), json!({})).await;
    let stale = json!({ "active": green.target(), "standby": null, "expect_version": 7 });
    let (status, problem) = world.admin("POST", "/services/s/switch", Some(stale)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("version-conflict"))
    );
    assert_eq!(get(&world.client, at, "/").await.unwrap().1, "blue");
}

#[tokio::test]
async fn wrong_wishes_are_refused_by_name() {
    let world = World::start().await;
    let cases = [
        (json!({}), "missing field"),
        (
            json!({ "listen": "127.0.0.1:0", "active": null, "standby": null, "helth": {} }),
            "helth",
        ),
        (
            json!({ "listen": "nowhere", "active": null, "standby": null }),
            "socket address",
        ),
        (
            json!({ "listen": "127.0.0.1:0", "active": { "address": "127.0.0.1:0", "label": "x" }, "standby": null }),
            "port 0",
        ),
        (
            json!({ "listen": "127.0.0.1:0", "active": { "address": "127.0.0.1:9", "label": "a b" }, "standby": null }),
            "label",
        ),
        (
            json!({ "listen": "127.0.0.1:0", "active": null, "standby": null, "retry": { "max_attempts": 0 } }),
            "max_attempts",
        ),
        (
            json!({ "listen": "127.0.0.1:0", "active": null, "standby": null, "header_label": "a b" }),
            "header name",
        ),
    ];
    for (spec, said) in cases {
        let (status, problem) = world.admin("PUT", "/services/s", Some(spec.clone())).await;
        assert_eq!(status.as_u16(), 422, "{spec}");
        assert!(problem.to_string().contains(said), "{said}: {problem}");
    }
    let spec = json!({ "listen": "127.0.0.1:0", "active": null, "standby": null });
    assert_eq!(
        world.admin("PUT", "/services/a%2Fb", Some(spec)).await.0,
        422
    );
    assert_eq!(world.admin("GET", "/services/s", None).await.0, 404);
    assert_eq!(world.admin("PATCH", "/services/s", None).await.0, 405);
    assert_eq!(world.admin("GET", "/elsewhere", None).await.0, 404);
}

#[tokio::test]
async fn an_address_in_use_is_refused_and_a_deleted_one_is_free_again() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let spec = json!({ "listen": at, "active": blue.target(), "standby": null });
    let (status, problem) = world
        .admin("PUT", "/services/other", Some(spec.clone()))
        .await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (409, &json!("listen-failed"))
    );
    assert_eq!(world.admin("DELETE", "/services/s", None).await.0, 204);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
    while world
        .admin("PUT", "/services/other", Some(spec.clone()))
        .await
        .0
        != 200
    {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the address stays taken"
        );
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(
        get(&crate::world::client(), at, "/").await.unwrap().1,
        "blue"
    );
}

#[tokio::test]
async fn a_gateway_that_cannot_take_its_admin_address_opens_nothing_else() {
    let world = World::start().await;
    let blue = Backend::start("blue").await;
    let at = world.service(&blue, None, json!({})).await;
    let World {
        gateway, folder, ..
    } = world;
    gateway.shutdown(std::time::Duration::from_secs(10)).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = rialto_esb_gateway::GatewayConfig {
        admin_listen: taken.local_addr().unwrap(),
        admin_token: None,
        state_file: Some(folder.path().join("gateway/state.json")),
    };
    let error = rialto_esb_gateway::Gateway::start(config)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("admin address"), "{error}");
    // Whoever starts it again at another address finds the public one free.
    drop(std::net::TcpListener::bind(at).unwrap());
    let gateway = crate::world::start(&folder).await;
    assert_eq!(
        get(&crate::world::client(), at, "/").await.unwrap().1,
        "blue"
    );
    drop(gateway);
}
