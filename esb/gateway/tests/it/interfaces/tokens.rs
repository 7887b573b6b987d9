//! Tokens given to clients and taken from them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use rialto_esb_snapshot::*;
use serde_json::{Value, json};

use super::{Answer, MORNING, World, api_key, group};

const NOW: i64 = (MORNING / 1000) as i64;
const SECRET: &str = "7d+9f %&=:colon";
const GRANT: &str = "grant_type=client_credentials";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn with_client(snapshot: &mut Snapshot) {
    snapshot.credentials.push(Credential {
        id: "c1".to_owned(),
        application: "otc".to_owned(),
        not_after: None,
        kind: CredentialKind::Oauth2Client {
            digest: group().client_secret_digest("c1", SECRET),
        },
    });
    let Access::Callers { any_of } = &mut snapshot.policies[1].access else {
        panic!("callers are known");
    };
    any_of.push(vec![AuthMethod::Oauth2]);
}

/// As a client library writes it: each encoded as in a form, then joined.
fn basic(id: &str, secret: &str) -> String {
    let coded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", coded(id), coded(secret));
    format!("Basic {}", STANDARD.encode(pair))
}

async fn ask(world: &World, authorization: &str, form: &str) -> Answer {
    let headers = [("authorization", authorization), FORM];
    world.send("POST", "/oauth2/token", &headers, form).await
}

async fn token(world: &World) -> String {
    let answer = ask(world, &basic("c1", SECRET), GRANT).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn by(world: &World, token: &str) -> (u16, String) {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let answer = world.send("GET", "/v1/x", &headers, "").await;
    (answer.status.as_u16(), answer.code())
}

fn part(token: &str, n: usize) -> Value {
    let part = token.split('.').nth(n).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_client_gets_a_token_that_opens_until_it_ends() {
    let world = World::with(with_client).await;
    let answer = ask(&world, &basic("c1", SECRET), GRANT).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.json();
    assert_eq!(
        (&told["token_type"], &told["expires_in"]),
        (&json!("Bearer"), &json!(600))
    );
    let token = told["access_token"].as_str().unwrap();
    assert_eq!(part(token, 0)["typ"], "at+jwt");
    let claims = part(token, 1);
    let who = (&claims["sub"], &claims["client_id"], &claims["exp"]);
    assert_eq!(who, (&json!("otc"), &json!("c1"), &json!(NOW + 600)));
    assert_eq!(by(&world, token).await, (200, String::new()));
    let seen = world.backend.shared.last_headers.lock().unwrap().clone();
    let seen = seen.unwrap();
    assert!(!seen.contains_key("authorization"), "the token stays here");
    assert_eq!(seen["x-rialto-application"], "otc");
    world.pass(629_000);
    assert_eq!(by(&world, token).await.0, 200);
    world.pass(2_000);
    assert_eq!(by(&world, token).await, (401, "auth-expired".to_owned()));
}

#[tokio::test]
async fn anybody_checks_a_token_by_the_keys_that_are_told() {
    let world = World::with(with_client).await;
    let token = token(&world).await;
    let keys = world.get("/oauth2/keys").await.json();
    let kid = part(&token, 0)["kid"].clone();
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3);
    let key = keys.iter().find(|key| key["kid"] == kid).unwrap();
    let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let key = VerifyingKey::from_bytes(&x.try_into().unwrap()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    key.verify(signed.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn a_token_outlives_the_change_of_keys_and_the_snapshot_it_was_given_under() {
    let world = World::with(with_client).await;
    let period = 30 * 24 * 3600 * 1000;
    // The last minute of a period.
    world.pass(period - MORNING % period - 60_000);
    let before = token(&world).await;
    world.pass(120_000);
    let after = token(&world).await;
    assert_ne!(part(&before, 0)["kid"], part(&after, 0)["kid"]);
    let mut next = world.snapshot(2);
    with_client(&mut next);
    assert_eq!(world.publish(&next).await.0, 200);
    for token in [&before, &after] {
        assert_eq!(by(&world, token).await, (200, String::new()));
    }
}

#[tokio::test]
async fn a_token_ends_with_its_client() {
    let world = World::with(|snapshot| {
        with_client(snapshot);
        let end = jiff::Timestamp::from_second(NOW + 100).unwrap();
        snapshot.credentials.last_mut().unwrap().not_after = Some(end);
    })
    .await;
    let answer = ask(&world, &basic("c1", SECRET), GRANT).await.json();
    assert_eq!(answer["expires_in"], 100);
    let token = answer["access_token"].as_str().unwrap();
    let mut without = world.snapshot(2);
    with_client(&mut without);
    without.credentials.pop();
    assert_eq!(world.publish(&without).await.0, 200);
    assert_eq!(by(&world, token).await, (401, "auth-invalid".to_owned()));
    // Nobody may ask for tokens: the address is nobody's.
    let answer = ask(&world, &basic("c1", SECRET), GRANT).await;
    assert_eq!(answer.code(), "route-not-found");
}

#[tokio::test]
async fn what_is_no_token_of_these_gateways_does_not_open() {
    let world = World::with(with_client).await;
    let token = token(&world).await;
    let parts: Vec<&str> = token.split('.').collect();
    let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = |name: &str, value: Value| {
        let mut claims = part(&token, 1);
        claims[name] = value;
        coded(&claims)
    };
    let head = |name: &str, value: &str| {
        let mut head = part(&token, 0);
        head[name] = value.into();
        coded(&head)
    };
    for changed in [
        format!(
            "{}.{}.{}",
            parts[0],
            claims("sub", json!("other")),
            parts[2]
        ),
        format!(
            "{}.{}.{}",
            parts[0],
            claims("exp", json!(NOW + 9_999)),
            parts[2]
        ),
        format!(
            "{}.{}.{}",
            parts[0],
            claims("iss", json!("urn:else")),
            parts[2]
        ),
        format!("{}.{}.{}", head("alg", "none"), parts[1], ""),
        format!("{}.{}.{}", head("alg", "HS256"), parts[1], parts[2]),
        format!("{}.{}.{}", head("kid", "own-1"), parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        api_key(),
    ] {
        assert_eq!(
            by(&world, &changed).await,
            (401, "auth-invalid".to_owned()),
            "{changed}"
        );
    }
}

async fn is_refused(world: &World, cases: &[(&str, &str)], status: u16, code: &str) {
    for (authorization, form) in cases {
        let answer = ask(world, authorization, form).await;
        let told = answer.json();
        let outcome = (answer.status.as_u16(), told["error"].as_str());
        assert_eq!(outcome, (status, Some(code)), "{form}: {told}");
        let described = told["error_description"].as_str();
        assert!(described.is_some_and(str::is_ascii), "{told}");
        let challenged = answer.headers.contains_key("www-authenticate");
        assert_eq!(challenged, status == 401);
    }
}

#[tokio::test]
async fn who_is_not_known_gets_no_token() {
    let world = World::with(with_client).await;
    let bearer = format!("Bearer {}", token(&world).await);
    let cases = [
        (&*basic("c1", "another"), GRANT),
        (&basic("c1", &format!("{SECRET}&x")), GRANT),
        (&basic("c2", SECRET), GRANT),
        // An API key is no client.
        (&basic("k1", super::SECRET), GRANT),
        ("Basic %%%", GRANT),
        (&bearer, GRANT),
        (&basic("c2", SECRET), "grant_type=password"),
    ];
    is_refused(&world, &cases, 401, "invalid_client").await;
    let unnamed = world.send("POST", "/oauth2/token", &[FORM], GRANT).await;
    assert_eq!(unnamed.status, 401);
}

#[tokio::test]
async fn what_is_not_meant_is_refused_as_the_standard_says() {
    let world = World::with(with_client).await;
    let right = &*basic("c1", SECRET);
    let long = "x".repeat(9_000);
    let wrong = [
        "",
        "grant_type=client_credentials&client_id=c2",
        "grant_type=client_credentials&client_secret=x",
        "grant_type=client_credentials&grant_type=x",
        &long,
    ];
    let wrong = wrong.map(|form| (right, form));
    is_refused(&world, &wrong, 400, "invalid_request").await;
    let grant = [(right, "grant_type=password")];
    is_refused(&world, &grant, 400, "unsupported_grant_type").await;
    let scope = [(right, "grant_type=client_credentials&scope=a")];
    is_refused(&world, &scope, 400, "invalid_scope").await;
    let json = [
        ("authorization", right),
        ("content-type", "application/json"),
    ];
    let json = world.send("POST", "/oauth2/token", &json, "{}").await;
    assert_eq!(json.json()["error"], "invalid_request");
    let got = world.get("/oauth2/token").await;
    assert_eq!(got.status, 405);
    assert_eq!(got.header("allow"), "POST");
}
