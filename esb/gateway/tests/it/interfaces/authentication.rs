//! Who calls.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use rialto_esb_snapshot::*;
use ring::rand::SystemRandom;
use ring::signature::{EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use serde_json::{Value, json};

use super::{Answer, MORNING, World, api_key, group};

const NOW: i64 = (MORNING / 1000) as i64;

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn an_api_key_opens_and_anything_else_does_not() {
    let world = World::start().await;
    assert_eq!(world.call("/v1/x").await.text(), "one");
    let missing = world.get("/v1/x").await;
    assert_eq!(outcome(&missing), refused(401, "auth-missing"));
    assert_eq!(
        missing.headers.get_all("www-authenticate").iter().count(),
        3
    );
    let other = |environment: &str, id: &str, secret: &str| {
        let key = ApiKey {
            environment: environment.to_owned(),
            id: id.to_owned(),
            secret: secret.to_owned(),
        };
        key.text()
    };
    for key in [
        other("test", "k1", &"x".repeat(32)),
        other("test", "k2", super::SECRET),
        other("prod", "k1", super::SECRET),
        api_key() + "0",
        "nonsense".to_owned(),
    ] {
        let answer = world.send("GET", "/v1/x", &[("x-api-key", &key)], "").await;
        assert_eq!(outcome(&answer), refused(401, "auth-invalid"), "{key}");
    }
    let twice = world
        .send(
            "GET",
            "/v1/x",
            &[("x-api-key", &api_key()), ("x-api-key", "b")],
            "",
        )
        .await;
    assert_eq!(outcome(&twice), refused(401, "auth-invalid"));
}

#[tokio::test]
async fn a_credential_ends_at_its_time() {
    let world = World::with(|snapshot| {
        let end = jiff::Timestamp::from_second(NOW + 10).unwrap();
        snapshot.credentials[0].not_after = Some(end);
    })
    .await;
    assert_eq!(world.call("/v1/x").await.status, 200);
    world.pass(10_000);
    assert_eq!(
        outcome(&world.call("/v1/x").await),
        refused(401, "auth-expired")
    );
}

#[tokio::test]
async fn all_of_a_set_must_hold_and_speak_of_one_caller() {
    let world = World::with(|snapshot| {
        with_tokens(snapshot);
        snapshot.policies[1].access = Access::Callers {
            any_of: vec![vec![AuthMethod::ApiKey, AuthMethod::Jwt]],
        };
        let mut other = snapshot.applications[0].clone();
        other.id = "other".to_owned();
        snapshot.applications.push(other);
        let mut theirs = snapshot.credentials[0].clone();
        theirs.id = "k2".to_owned();
        theirs.application = "other".to_owned();
        theirs.kind = CredentialKind::ApiKey {
            digest: group().api_key_digest("k2", super::SECRET),
        };
        snapshot.credentials.push(theirs);
    })
    .await;
    let bearer = format!("Bearer {}", token("ed", &claims()));
    let with = |key: String| {
        let world = &world;
        let bearer = bearer.clone();
        async move {
            let headers = [
                ("x-api-key", key.as_str()),
                ("authorization", bearer.as_str()),
            ];
            outcome(&world.send("GET", "/v1/x", &headers, "").await)
        }
    };
    assert_eq!(with(api_key()).await, refused(200, ""));
    assert_eq!(
        outcome(&world.call("/v1/x").await),
        refused(401, "auth-missing")
    );
    let theirs = ApiKey {
        environment: "test".to_owned(),
        id: "k2".to_owned(),
        secret: super::SECRET.to_owned(),
    };
    assert_eq!(with(theirs.text()).await, refused(401, "auth-missing"));
}

fn with_secret(snapshot: &mut Snapshot) {
    let sealed = rialto_esb_sealing::seal(&group(), "h1", b"the shared secret").unwrap();
    snapshot.credentials.push(Credential {
        id: "h1".to_owned(),
        application: "otc".to_owned(),
        not_after: None,
        kind: CredentialKind::Hmac { sealed },
    });
}

/// A request signed as RFC 9421 says.
struct Signed {
    covered: &'static [&'static str],
    created: i64,
    nonce: &'static str,
    body: &'static str,
    sent_body: &'static str,
}

impl Default for Signed {
    fn default() -> Self {
        Self {
            covered: &["@method", "@authority", "@path", "@query", "content-digest"],
            created: NOW,
            nonce: "n1",
            body: "body",
            sent_body: "body",
        }
    }
}

impl Signed {
    async fn send(&self, world: &World) -> (u16, String) {
        let sha = ring::digest::digest(&ring::digest::SHA256, self.body.as_bytes());
        let digest = format!("sha-256=:{}:", STANDARD.encode(sha));
        let authority = world.address().to_string();
        let names: Vec<String> = self
            .covered
            .iter()
            .map(|one| format!("\"{one}\""))
            .collect();
        let input = format!(
            "({});created={};keyid=\"h1\";alg=\"hmac-sha256\";nonce=\"{}\"",
            names.join(" "),
            self.created,
            self.nonce
        );
        let value = |name: &str| match name {
            "@method" => "POST".to_owned(),
            "@authority" => authority.clone(),
            "@path" => "/v1/echo".to_owned(),
            "@query" => "?a=1".to_owned(),
            "@target-uri" => format!("http://{authority}/v1/echo?a=1"),
            _ => digest.clone(),
        };
        let lines: Vec<String> = self
            .covered
            .iter()
            .map(|one| format!("\"{one}\": {}\n", value(one)))
            .collect();
        let base = format!("{}\"@signature-params\": {input}", lines.concat());
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"the shared secret");
        let tag = ring::hmac::sign(&key, base.as_bytes());
        let signature = format!("sig1=:{}:", STANDARD.encode(tag));
        let input = format!("sig1={input}");
        let headers = [
            ("signature-input", input.as_str()),
            ("signature", signature.as_str()),
            ("content-digest", digest.as_str()),
        ];
        outcome(
            &world
                .send("POST", "/v1/echo?a=1", &headers, self.sent_body)
                .await,
        )
    }
}

#[tokio::test]
async fn a_signed_request_passes_once() {
    let world = World::with(with_secret).await;
    assert_eq!(Signed::default().send(&world).await, refused(200, ""));
    assert_eq!(
        Signed::default().send(&world).await,
        refused(401, "replay-detected")
    );
    let by_uri = Signed {
        covered: &["@method", "@target-uri", "content-digest"],
        nonce: "n2",
        ..Signed::default()
    };
    assert_eq!(by_uri.send(&world).await, refused(200, ""));
}

#[tokio::test]
async fn a_signature_that_covers_less_is_old_or_of_another_body_is_refused() {
    let world = World::with(with_secret).await;
    for (what, signed, code) in [
        (
            "body",
            Signed {
                sent_body: "Body",
                ..Signed::default()
            },
            "signature-invalid",
        ),
        (
            "no digest",
            Signed {
                covered: &["@method", "@target-uri"],
                nonce: "n3",
                ..Signed::default()
            },
            "signature-invalid",
        ),
        (
            "no method",
            Signed {
                covered: &["@target-uri", "content-digest"],
                nonce: "n4",
                ..Signed::default()
            },
            "signature-invalid",
        ),
        (
            "no query",
            Signed {
                covered: &["@method", "@authority", "@path", "content-digest"],
                nonce: "n5",
                ..Signed::default()
            },
            "signature-invalid",
        ),
        (
            "old",
            Signed {
                created: NOW - 301,
                nonce: "n6",
                ..Signed::default()
            },
            "signature-stale",
        ),
        (
            "early",
            Signed {
                created: NOW + 301,
                nonce: "n7",
                ..Signed::default()
            },
            "signature-stale",
        ),
    ] {
        assert_eq!(signed.send(&world).await, refused(401, code), "{what}");
    }
    let edge = Signed {
        created: NOW - 300,
        nonce: "n8",
        ..Signed::default()
    };
    assert_eq!(edge.send(&world).await, refused(200, ""));
}

fn ed() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn ec() -> &'static EcdsaKeyPair {
    static KEY: std::sync::OnceLock<EcdsaKeyPair> = std::sync::OnceLock::new();
    KEY.get_or_init(|| {
        let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap()
    })
}

/// A key made for these tests and nothing else.
fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(include_bytes!("rsa.pk8")).unwrap()
}

fn with_tokens(snapshot: &mut Snapshot) {
    let coded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let point = ec().public_key().as_ref();
    let rsa = rsa();
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(rsa.public());
    let (n, e) = (coded(&public.n), coded(&public.e));
    let keys = [
        (
            "ed",
            KeyMaterial::EdDSA {
                x: coded(ed().verifying_key().as_bytes()),
            },
        ),
        (
            "ec",
            KeyMaterial::ES256 {
                x: coded(&point[1..33]),
                y: coded(&point[33..]),
            },
        ),
        (
            "rsa",
            KeyMaterial::RS256 {
                n: n.clone(),
                e: e.clone(),
            },
        ),
        ("pss", KeyMaterial::PS256 { n, e }),
    ];
    snapshot.issuers.push(Issuer {
        issuer: "https://id.house".to_owned(),
        audiences: vec!["esb".to_owned()],
        leeway_s: 30,
        keys: keys
            .into_iter()
            .map(|(kid, key)| IssuerKey {
                kid: kid.to_owned(),
                key,
            })
            .collect(),
    });
    snapshot.credentials.push(Credential {
        id: "t1".to_owned(),
        application: "otc".to_owned(),
        not_after: None,
        kind: CredentialKind::Jwt {
            issuer: "https://id.house".to_owned(),
            subject: "otc-client".to_owned(),
        },
    });
}

fn claims() -> Value {
    json!({"iss": "https://id.house", "aud": ["else", "esb"], "exp": NOW + 60, "client_id": "otc-client", "sub": "x"})
}

fn token(kid: &str, claims: &Value) -> String {
    let alg = match kid {
        "ed" => "EdDSA",
        "ec" => "ES256",
        "pss" => "PS256",
        _ => "RS256",
    };
    signed(
        &json!({"alg": alg, "kid": kid, "typ": "at+jwt"}),
        claims,
        kid,
    )
}

fn signed(head: &Value, claims: &Value, by: &str) -> String {
    let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", coded(head), coded(claims));
    let random = SystemRandom::new();
    let rsa = |padding: &'static dyn ring::signature::RsaEncoding| {
        let key = rsa();
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(padding, &random, message.as_bytes(), &mut signature)
            .unwrap();
        signature
    };
    let signature = match by {
        "ed" => ed().sign(message.as_bytes()).to_bytes().to_vec(),
        "ec" => ec()
            .sign(&random, message.as_bytes())
            .unwrap()
            .as_ref()
            .to_vec(),
        "rsa" => rsa(&ring::signature::RSA_PKCS1_SHA256),
        "pss" => rsa(&ring::signature::RSA_PSS_SHA256),
        "" => Vec::new(),
        secret => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
            ring::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
        }
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn by(world: &World, token: &str) -> (u16, String) {
    let bearer = format!("Bearer {token}");
    outcome(
        &world
            .send("GET", "/v1/x", &[("authorization", &bearer)], "")
            .await,
    )
}

#[tokio::test]
async fn tokens_of_each_algorithm_open() {
    let world = World::with(with_tokens).await;
    for kid in ["ed", "ec", "rsa", "pss"] {
        assert_eq!(
            by(&world, &token(kid, &claims())).await,
            refused(200, ""),
            "{kid}"
        );
    }
    let seen = world
        .backend
        .shared
        .last_headers
        .lock()
        .unwrap()
        .clone()
        .unwrap();
    assert!(!seen.contains_key("authorization"), "the token stays here");
}

#[tokio::test]
async fn the_key_decides_the_algorithm_never_the_token() {
    let world = World::with(with_tokens).await;
    let public = URL_SAFE_NO_PAD.encode(ed().verifying_key().as_bytes());
    for (what, forged) in [
        (
            "none",
            signed(&json!({"alg": "none", "kid": "ed"}), &claims(), ""),
        ),
        (
            "None",
            signed(&json!({"alg": "None", "kid": "ed"}), &claims(), ""),
        ),
        (
            "confusion",
            signed(&json!({"alg": "HS256", "kid": "ed"}), &claims(), &public),
        ),
        (
            "another key's",
            signed(&json!({"alg": "RS256", "kid": "pss"}), &claims(), "rsa"),
        ),
        (
            "unsigned",
            signed(&json!({"alg": "EdDSA", "kid": "ed"}), &claims(), ""),
        ),
        (
            "signed by another",
            signed(&json!({"alg": "EdDSA", "kid": "ed"}), &claims(), "ec"),
        ),
        (
            "no kid of several",
            signed(&json!({"alg": "EdDSA"}), &claims(), "ed"),
        ),
        (
            "critical",
            signed(
                &json!({"alg": "EdDSA", "kid": "ed", "crit": ["b64"]}),
                &claims(),
                "ed",
            ),
        ),
        (
            "unknown kid",
            signed(&json!({"alg": "EdDSA", "kid": "no"}), &claims(), "ed"),
        ),
        ("nonsense", "a.b".to_owned()),
    ] {
        assert_eq!(
            by(&world, &forged).await,
            refused(401, "auth-invalid"),
            "{what}"
        );
    }
    let long = "x".repeat(9_000);
    assert_eq!(by(&world, &long).await, refused(401, "auth-invalid"));
}

#[tokio::test]
async fn claims_must_be_meant_for_here_and_now() {
    let world = World::with(with_tokens).await;
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token("ed", &claims)
    };
    for (what, token, status, code) in [
        ("leeway", with("exp", json!(NOW - 29)), 200, ""),
        ("expired", with("exp", json!(NOW - 30)), 401, "auth-expired"),
        ("begins soon", with("nbf", json!(NOW + 30)), 200, ""),
        ("not yet", with("nbf", json!(NOW + 31)), 401, "auth-invalid"),
        ("one audience", with("aud", json!("esb")), 200, ""),
        (
            "another audience",
            with("aud", json!("other")),
            401,
            "auth-invalid",
        ),
        (
            "another issuer",
            with("iss", json!("https://else")),
            401,
            "auth-invalid",
        ),
        (
            "nobody known",
            with("client_id", json!("stranger")),
            401,
            "auth-invalid",
        ),
        ("no end", with("exp", json!(null)), 401, "auth-invalid"),
    ] {
        assert_eq!(by(&world, &token).await, refused(status, code), "{what}");
    }
}
