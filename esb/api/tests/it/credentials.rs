//! Credentials: secrets told once, rotation, revocation, and what gateways get of them.

use rialto_esb_sealing::open;
use rialto_esb_snapshot::{ApiKey, Credential, CredentialKind};
use rialto_platform_identity::Role;
use serde_json::{Value, json};

use crate::world::{World, groups, in_days};

fn asked(kind: &str) -> Value {
    json!({"application": "mobile-app", "environment": "production", "kind": kind,
        "until": in_days(90), "deliver_to": "deployer"})
}

async fn in_force(world: &World) -> Vec<Credential> {
    let taken = world.api.platform.credentials_in_force("production").await;
    taken.unwrap()
}

/// The application of the other story, and two people of its firm.
async fn people(world: &World, owner: &str, deployer: &str) -> (String, String) {
    let owner_token = world.token(owner, &[Role::Caller]).await;
    let deployer = world.token(deployer, &[Role::Caller]).await;
    (owner_token, deployer)
}

pub async fn a_secret_is_told_once_to_a_second_person(world: &World) {
    let (owner, deployer) = people(world, "app-owner", "deployer").await;
    let app = json!({"code": "back-office", "name": "Back office", "owner": "app-owner"});
    world.post(&owner, "/applications", app).await.is(201);
    let mut wanted = asked("api_key");
    wanted["application"] = "back-office".into();
    for (pointer, value) in [
        ("/application", json!("none")),
        ("/environment", json!("moon")),
        ("/kind", json!("password")),
        ("/until", json!(in_days(-1))),
        ("/until", json!(in_days(367))),
        ("/deliver_to", json!("")),
        ("/deliver_to", json!("app-owner")),
    ] {
        let mut wrong = wanted.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        let refused = world.post(&owner, "/credentials", wrong).await.is(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    // Another's application.
    let mut others = wanted.clone();
    others["deliver_to"] = "app-owner".into();
    let stranger = world.post(&deployer, "/credentials", others).await;
    assert_eq!(stranger.refusal(), (403, "E-GUARDS".into()));

    let made = world.post(&owner, "/credentials", wanted).await;
    assert_eq!(made.header("etag"), "\"v1\"");
    let made = made.is(201);
    assert_eq!(made["state"], "created");
    assert!(made.get("secret").is_none(), "{made}");
    let id = made["id"].as_str().unwrap();
    // Nothing of it is taken before somebody has its secret.
    assert!(in_force(world).await.is_empty());
    let secret = format!("/credentials/{id}/secret");
    let own = world.post(&owner, &secret, json!({})).await;
    assert_eq!(own.guards(), ["role"]);
    let fetched = world.post(&deployer, &secret, json!({})).await;
    assert_eq!(fetched.header("cache-control"), "no-store");
    let fetched = fetched.is(200);
    assert_eq!(fetched["credential"]["state"], "delivered");
    let text = fetched["secret"].as_str().unwrap();
    let key = ApiKey::parse(text).unwrap();
    assert_eq!(
        (key.environment.as_str(), key.id.as_str()),
        ("production", id)
    );
    let again = world.post(&deployer, &secret, json!({})).await;
    assert_eq!(again.guards(), ["state"]);
    assert_eq!(again.status, 409);

    let taken = in_force(world).await;
    let digest = groups().production.api_key_digest(id, &key.secret);
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].kind, CredentialKind::ApiKey { digest });
    assert_eq!(taken[0].application, "back-office");
    let shown = world.get(&format!("/credentials/{id}")).await;
    assert!(!shown.text.contains(&key.secret), "{}", shown.text);
    assert_eq!(shown.is(200)["revision"], 2);
    assert_eq!(world.get("/credentials/none").await.status, 404);
    let listed = world
        .get("/credentials?application=back-office&page_size=1")
        .await
        .is(200);
    assert_eq!(listed["items"][0]["id"], id);
    assert_eq!(world.get("/credentials?page_token=x").await.status, 400);

    let path = format!("/credentials/{id}/revocation");
    let why = json!({"reason": "the key was seen in a ticket"});
    let stranger = world.post_any(&deployer, &path, why.clone()).await;
    assert_eq!(stranger.guards(), ["role"]);
    let stale = world
        .call_if(&owner, "POST", &path, Some("\"v1\""), Some(why.clone()))
        .await;
    assert_eq!(stale.status, 412);
    let silent = world.post_any(&owner, &path, json!({"reason": " "})).await;
    assert_eq!(silent.guards(), ["reason"]);
    // A manager may, whoever's it is.
    let gone = world.post_any(&world.manager, &path, why).await.is(200);
    assert_eq!(gone["state_words"]["zh"], "已吊销");
    assert!(in_force(world).await.is_empty());
}

pub async fn two_work_side_by_side_during_a_rotation(world: &World) {
    let (owner, deployer) = people(world, "app-owner2", "deployer2").await;
    let app = json!({"code": "risk-desk", "name": "Risk desk", "owner": "app-owner2"});
    world.post(&owner, "/applications", app).await.is(201);
    let mut wanted = asked("hmac");
    wanted["application"] = "risk-desk".into();
    wanted["deliver_to"] = "deployer2".into();
    let made = world.post(&owner, "/credentials", wanted).await.is(201);
    let first = made["id"].as_str().unwrap().to_owned();
    let rotate = |id: &str, days: u32| {
        let body = json!({"overlap_days": days, "until": in_days(180), "deliver_to": "deployer2"});
        let (path, owner) = (format!("/credentials/{id}/rotation"), owner.clone());
        async move { world.post_any(&owner, &path, body).await }
    };
    let fetch = |id: &str| {
        let (path, deployer) = (format!("/credentials/{id}/secret"), deployer.clone());
        async move { world.post(&deployer, &path, json!({})).await.is(200) }
    };
    // One that nobody has yet needs no successor.
    assert_eq!(rotate(&first, 7).await.status, 409);
    let told = fetch(&first).await;
    let taken = in_force(world).await;
    let CredentialKind::Hmac { sealed } = &taken[0].kind else {
        panic!("{taken:?}");
    };
    let opened = open(&groups().production, &first, sealed).unwrap();
    assert_eq!(opened, told["secret"].as_str().unwrap().as_bytes());
    assert_eq!(open(&groups().sandbox, &first, sealed), None);

    assert_eq!(rotate(&first, 31).await.guards(), ["overlap"]);
    let second = rotate(&first, 7).await.is(201);
    assert_eq!(second["replaces"], first.as_str());
    let second = second["id"].as_str().unwrap().to_owned();
    // Nobody has the new secret yet: the old one goes on as long as it takes.
    let before = world.get(&format!("/credentials/{first}")).await.is(200);
    assert_eq!(
        (&before["state"], &before["overlap_ends_at"]),
        (&json!("rotating"), &Value::Null)
    );
    assert_eq!(rotate(&first, 7).await.status, 409);
    // The successor went away before it was fetched: another one is made.
    let path = format!("/credentials/{second}/revocation");
    let why = json!({"reason": "the wrong person was named"});
    world.post_any(&owner, &path, why).await.is(200);
    let third = rotate(&first, 7).await.is(201);
    let third = third["id"].as_str().unwrap().to_owned();
    fetch(&third).await;
    let taken = in_force(world).await;
    let ids: Vec<&str> = taken.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, [first.as_str(), third.as_str()]);
    // Counted from when it was fetched.
    let told = world.get(&format!("/credentials/{third}")).await.is(200);
    let fetched: jiff::Timestamp = told["delivered_at"].as_str().unwrap().parse().unwrap();
    let counted = taken[0].not_after.unwrap().as_second() - fetched.as_second();
    assert!((604_800..604_860).contains(&counted), "{counted}");
    assert!(taken[1].not_after > taken[0].not_after);
    // Never three of one line.
    let refused = rotate(&third, 7).await;
    assert_eq!(refused.refusal(), (409, "E-CREDENTIAL-OVERLAP".into()));
}
