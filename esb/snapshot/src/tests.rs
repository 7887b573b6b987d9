//! The text, the signature and the checks of snapshots.

use ed25519_dalek::SigningKey;
use jiff::civil::{date, time};
use proptest::prelude::*;
use rialto_esb_policy::mask;

use super::*;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn trusted() -> TrustedKeys {
    TrustedKeys::new([key().verifying_key()])
}

fn route(id: &str, path: &str) -> Route {
    Route {
        id: id.to_owned(),
        interface: "trade.order".to_owned(),
        version: "2.1.0".to_owned(),
        operation: "createOrder".to_owned(),
        host: None,
        path: path.to_owned(),
        methods: vec!["POST".to_owned()],
        predicates: Vec::new(),
        order: 0,
        policy: "callers".to_owned(),
        variants: vec![Variant {
            name: "stable".to_owned(),
            pool: "order".to_owned(),
            weight: WHOLE_BP,
            callers: Vec::new(),
        }],
        sticky: Sticky::Caller,
        force_header: None,
        prefix: None,
        timeouts: Timeouts::default(),
        retry: Retry::default(),
        validation: None,
        idempotency: None,
        masking: Some(Masking {
            fields: vec![FieldMask {
                pointer: "/items/*/mobile".to_owned(),
                label: "mobile".to_owned(),
            }],
        }),
    }
}

fn sample() -> Snapshot {
    Snapshot {
        format: 1,
        version: 7,
        token: Token {
            timeline: 1,
            epoch: 3,
        },
        environment: "prod".to_owned(),
        created_at: "2026-11-22T10:00:00Z".parse().expect("a time"),
        author: "publisher".to_owned(),
        changes: vec!["c-1".to_owned()],
        interfaces: vec![Interface {
            id: "trade.order".to_owned(),
            version: "2.1.0".to_owned(),
            state: InterfaceState::Published,
        }],
        routes: vec![
            route("create", "/v2/orders"),
            route("one", "/v2/orders/{id}"),
        ],
        pools: vec![Pool {
            id: "order".to_owned(),
            endpoints: vec![Endpoint {
                address: "127.0.0.1:9000".parse().expect("an address"),
                weight: 1,
            }],
            health: None,
            breaker: Some(BreakerConfig::default()),
        }],
        policies: vec![Policy {
            id: "callers".to_owned(),
            access: Access::Callers {
                any_of: vec![vec![AuthMethod::ApiKey], vec![AuthMethod::Jwt]],
            },
            body_bytes: 1 << 20,
            buffered_bytes: 1 << 16,
        }],
        applications: vec![Application {
            id: "otc".to_owned(),
            name: "场外衍生品".to_owned(),
            trusted: true,
        }],
        credentials: callers(),
        issuers: vec![issuer()],
        subscriptions: vec![subscription()],
        windows: vec![Window {
            id: "am".to_owned(),
            zone: "Asia/Shanghai".to_owned(),
            spans: vec![Span {
                days: Days::Trading,
                from: time(9, 30, 0, 0),
                to: Some(time(11, 30, 0, 0)),
            }],
        }],
        calendar: Calendar {
            zone: "Asia/Shanghai".to_owned(),
            from: Some(date(2026, 1, 1)),
            to: Some(date(2026, 12, 31)),
            trading: [date(2026, 11, 23)].into(),
        },
        labels: mask::catalogue(),
        schemas: std::collections::BTreeMap::new(),
    }
}

fn issuer() -> Issuer {
    Issuer {
        issuer: "https://id.house".to_owned(),
        audiences: vec!["esb".to_owned()],
        leeway_s: 30,
        keys: vec![IssuerKey {
            kid: "k1".to_owned(),
            key: KeyMaterial::EdDSA {
                x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
            },
        }],
    }
}

fn subscription() -> Subscription {
    Subscription {
        id: "s1".to_owned(),
        application: "otc".to_owned(),
        interface: "trade.order".to_owned(),
        major: 2,
        operations: vec!["createOrder".to_owned()],
        state: SubscriptionState::Active,
        until: Some(date(2027, 12, 31)),
        limits: Limits {
            rate: Some(Rate {
                requests: 100,
                per_ms: 1000,
                burst: 10,
            }),
            daily: Some(1000),
            concurrency: Some(5),
        },
        windows: vec!["am".to_owned()],
        addresses: vec!["10.0.0.0/8".to_owned()],
        clearance: 2,
        may_force_variant: false,
    }
}

fn callers() -> Vec<Credential> {
    let one = |id: &str, kind| Credential {
        id: id.to_owned(),
        application: "otc".to_owned(),
        not_after: None,
        kind,
    };
    vec![
        one(
            "k7",
            CredentialKind::ApiKey {
                digest: "0".repeat(64),
            },
        ),
        one(
            "t1",
            CredentialKind::Jwt {
                issuer: "https://id.house".to_owned(),
                subject: "otc-client".to_owned(),
            },
        ),
    ]
}

fn codes(snapshot: &Snapshot) -> Vec<(String, &'static str)> {
    let found = check(snapshot).into_iter();
    found.map(|one| (one.pointer, one.code)).collect()
}

#[test]
fn a_whole_snapshot_has_no_findings() {
    assert_eq!(check(&sample()), []);
}

#[test]
fn a_signed_snapshot_reads_back() {
    let encoded = Encoded::of(&sample()).expect("encodes");
    let verified = trusted().verify(&encoded.sign(&key())).expect("verifies");
    assert_eq!(verified.snapshot, sample());
    assert_eq!(verified.digest, encoded.digest());
}

#[test]
fn a_snapshot_signed_by_somebody_else_is_refused() {
    let encoded = Encoded::of(&sample()).expect("encodes");
    let other = SigningKey::from_bytes(&[8; 32]);
    let found = trusted().verify(&encoded.sign(&other));
    assert!(
        matches!(found, Err(DecodeSnapshotError::UnknownKey(_))),
        "{found:?}"
    );
    let forged = encoded.signed(&key_id(&key().verifying_key()), &"0".repeat(128));
    assert_eq!(
        trusted().verify(&forged),
        Err(DecodeSnapshotError::Signature)
    );
}

#[test]
fn what_is_signed_but_no_snapshot_is_refused_with_its_place() {
    let text = Encoded::of(&sample()).expect("encodes").text().to_owned();
    let changed = text.replacen("\"weight\":10000", "\"weight\":\"all\"", 1);
    assert_ne!(text, changed);
    let digest = {
        use sha2::Digest as _;
        hex::encode(sha2::Sha256::digest(&changed))
    };
    use ed25519_dalek::Signer as _;
    let signature = hex::encode(
        key()
            .sign(format!("{DOMAIN}\n{digest}").as_bytes())
            .to_bytes(),
    );
    let id = key_id(&key().verifying_key());
    let signed = format!(
        "{{\"digest\":\"{digest}\",\"key\":\"{id}\",\"signature\":\"{signature}\"}}\n{changed}"
    );
    match trusted().verify(signed.as_bytes()) {
        Err(DecodeSnapshotError::Content { pointer, .. }) => {
            assert_eq!(pointer, "/routes/0/variants/0/weight");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_are_read_from_pem() {
    use ed25519_dalek::pkcs8::EncodePublicKey as _;
    use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
    let pem = key()
        .verifying_key()
        .to_public_key_pem(LineEnding::LF)
        .expect("a key");
    let keys = TrustedKeys::from_pem(&format!("{pem}{pem}")).expect("two keys");
    assert_eq!(keys.ids().count(), 1);
    assert!(TrustedKeys::from_pem("").is_err());
    assert!(TrustedKeys::from_pem("-----BEGIN PUBLIC KEY-----").is_err());
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let mut wrong = sample();
    wrong.routes[0].policy = "none".to_owned();
    wrong.routes[0].variants[0].weight = 9_999;
    wrong.routes[1].variants[0].pool = "none".to_owned();
    wrong.subscriptions[0].windows = vec!["none".to_owned()];
    wrong.subscriptions[0].operations = vec!["none".to_owned()];
    wrong.windows[0].spans[0].to = Some(time(9, 0, 0, 0));
    wrong.calendar.zone = "Moon/Base".to_owned();
    let expected = [
        ("/calendar/zone", "zone"),
        ("/routes/0/policy", "dangling"),
        ("/routes/0/variants", "weights"),
        ("/routes/1/variants/0/pool", "dangling"),
        ("/subscriptions/0/operations", "dangling"),
        ("/subscriptions/0/windows", "dangling"),
        ("/windows/0/spans/0", "window"),
    ];
    let expected = expected.map(|(pointer, code)| (pointer.to_owned(), code));
    assert_eq!(codes(&wrong), expected);
}

#[test]
fn two_routes_for_the_same_requests_are_ambiguous() {
    let mut wrong = sample();
    wrong.routes.push(route("again", "/v2/orders/{number}"));
    assert_eq!(codes(&wrong), [("/routes/2".to_owned(), "ambiguous-route")]);
}

#[test]
fn a_route_no_request_reaches_is_told() {
    let header = |values: &[&str]| Predicate {
        source: Source::Header("x-desk".to_owned()),
        one_of: values.iter().map(|value| (*value).to_owned()).collect(),
    };
    let mut wrong = sample();
    wrong.routes[1].predicates = vec![header(&["a", "b"])];
    let mut narrower = route("narrower", "/v2/orders/{x}");
    narrower.predicates = vec![header(&["a"])];
    narrower.order = 1;
    wrong.routes.push(narrower);
    wrong.routes.push(route("rest", "/v2/orders/{x}"));
    assert_eq!(codes(&wrong), [("/routes/2".to_owned(), "shadowed-route")]);
    wrong.routes[2].predicates = vec![header(&["c"])];
    assert_eq!(codes(&wrong), []);
}

#[test]
fn addresses_are_taken_by_network() {
    let mut one = sample().subscriptions.remove(0);
    let from = |text: &str| text.parse().expect("an address");
    assert!(one.takes_address(from("10.9.8.7")));
    assert!(one.takes_address(from("::ffff:10.9.8.7")));
    assert!(!one.takes_address(from("11.0.0.1")));
    assert!(!one.takes_address(from("::1")));
    one.addresses = vec!["0.0.0.0/0".to_owned(), "2001:db8::/32".to_owned()];
    assert!(one.takes_address(from("8.8.8.8")));
    assert!(one.takes_address(from("2001:db8::5")));
    assert!(!one.takes_address(from("2001:db9::5")));
    one.addresses.clear();
    assert!(one.takes_address(from("2001:db9::5")));
}

#[test]
fn broken_callers_are_told() {
    let mut wrong = sample();
    wrong.credentials[0].application = "none".to_owned();
    wrong.credentials[1].id = "under_score".to_owned();
    wrong.issuers[0].audiences.clear();
    wrong.issuers[0].keys[0].key = KeyMaterial::ES256 {
        x: "AA".to_owned(),
        y: "AA".to_owned(),
    };
    wrong.subscriptions[0].addresses = vec!["10.0.0.0/33".to_owned()];
    wrong.subscriptions[0].limits.daily = Some(0);
    let expected = [
        ("/credentials/0/application", "dangling"),
        ("/credentials/1/id", "id"),
        ("/issuers/0/audiences", "empty"),
        ("/issuers/0/keys/0/key", "key"),
        ("/subscriptions/0/addresses", "address"),
        ("/subscriptions/0/limits", "bounds"),
    ];
    assert_eq!(
        codes(&wrong),
        expected.map(|(at, code)| (at.to_owned(), code))
    );
}

fn any_snapshot() -> impl Strategy<Value = Snapshot> {
    let ids = proptest::collection::btree_set("[a-z0-9]{1,6}", 0..5);
    (
        1_u64..=1 << 53,
        "\\PC{1,20}",
        ids,
        0..=WHOLE_BP,
        any::<i32>(),
    )
        .prop_map(|(version, author, ids, weight, order)| {
            let mut made = sample();
            made.version = version;
            made.author = author;
            made.routes = ids
                .iter()
                .map(|id| {
                    let mut one = route(id, &format!("/v1/{id}/{{x}}"));
                    one.order = order;
                    one.variants[0].weight = weight;
                    one.host = id.starts_with('a').then(|| format!("{id}.house"));
                    one
                })
                .collect();
            made
        })
}

proptest! {
    // Signing takes milliseconds without optimisation.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn what_is_written_reads_back_as_itself(snapshot in any_snapshot()) {
        let encoded = Encoded::of(&snapshot).expect("encodes");
        let verified = trusted().verify(&encoded.sign(&key())).expect("verifies");
        let again = Encoded::of(&verified.snapshot).expect("encodes");
        prop_assert_eq!(verified.snapshot, snapshot);
        prop_assert_eq!(again, encoded);
    }

    #[test]
    fn a_changed_byte_is_refused(snapshot in any_snapshot(), at: prop::sample::Index, flip in 1_u8..) {
        let mut signed = Encoded::of(&snapshot).expect("encodes").sign(&key());
        let at = at.index(signed.len());
        signed[at] ^= flip;
        prop_assert!(trusted().verify(&signed).is_err(), "byte {}", at);
    }

    #[test]
    fn a_cut_or_longer_text_is_refused(at: prop::sample::Index, more in "[ \n{}a]{1,3}") {
        let signed = Encoded::of(&sample()).expect("encodes").sign(&key());
        prop_assert!(trusted().verify(&signed[..at.index(signed.len())]).is_err());
        let longer = [signed.as_slice(), more.as_bytes()].concat();
        prop_assert!(trusted().verify(&longer).is_err());
    }
}

#[test]
fn changes_are_told_thing_by_thing() {
    let before = sample();
    let mut after = before.clone();
    after.version += 1;
    assert_eq!(changes(Some(&before), &after), []);
    after.routes[0].retry.retries = 0;
    after.routes.remove(1);
    after.pools[0].id = "other".to_owned();
    let told: Vec<_> = changes(Some(&before), &after)
        .into_iter()
        .map(|one| (one.kind, one.what, one.became))
        .collect();
    let of = |kind, what: &str, became| (kind, what.to_owned(), became);
    assert_eq!(
        told,
        [
            of("pool", "order", Became::Removed),
            of("pool", "other", Became::Added),
            of("route", "create", Became::Changed),
            of("route", "one", Became::Removed),
        ]
    );
    let first = changes(None, &before);
    assert!(first.iter().all(|one| one.became == Became::Added));
}

#[test]
fn an_own_record_is_read_back() {
    let signed = Encoded::of(&sample()).expect("encodes").sign(&key());
    let text = String::from_utf8(signed).expect("text");
    assert_eq!(read_own(&text).expect("reads"), sample());
    assert!(read_own("no line end").is_err());
}
