use jiff::civil::date;
use proptest::prelude::*;
use rialto_esb_snapshot::CredentialKind;

use super::*;

fn operation(id: &str, path: &str) -> Operation {
    Operation {
        id: Some(id.to_owned()),
        method: "GET".to_owned(),
        path: path.to_owned(),
        rules: Rules::None,
        labels: None,
    }
}

fn offered(code: &str, number: (u32, u32, u32), state: State) -> Offered {
    Offered {
        interface: code.to_owned(),
        number,
        standing: Standing {
            state,
            suspended: false,
        },
        suspended_for: String::new(),
        deprecated_at: None,
        sunset: None,
        successor: None,
        retired_on: None,
        highest_level: 1,
        operations: vec![operation("get", "/orders/{id}")],
        binding: Some(Binding {
            upstreams: vec![(([127, 0, 0, 1], 8_000).into(), 1)],
            base_path: String::new(),
            timeouts: Timeouts::default(),
            retries: 2,
            grey_bp: 500,
            checks: Checks::default(),
            idempotency: None,
        }),
    }
}

fn granted(id: &str, application: &str, state: subscription::State) -> Granted {
    Granted {
        id: id.to_owned(),
        application: application.to_owned(),
        interface: "trade.order".to_owned(),
        major: 1,
        state,
        until: date(2027, 1, 1),
        operations: Vec::new(),
        rate: 20,
        burst: 0,
        daily: 1_000,
        concurrency: 2,
        clearance: 1,
    }
}

fn facts(environment: &str, offered: Vec<Offered>) -> Facts {
    Facts {
        environment: environment.to_owned(),
        version: 7,
        token: Token::default(),
        at: Timestamp::UNIX_EPOCH,
        author: "operator".to_owned(),
        today: date(2026, 11, 23),
        offered,
        applications: vec![("app".into(), "App".into()), ("other".into(), "O".into())],
        granted: vec![granted("s1", "app", subscription::State::ManagerApproved)],
        credentials: vec![Credential {
            id: "c1".to_owned(),
            application: "app".to_owned(),
            not_after: None,
            kind: CredentialKind::ApiKey {
                digest: "0".repeat(64),
            },
        }],
    }
}

/// Path, version, and the weight of each pool.
type Told<'c> = (&'c str, &'c str, Vec<(&'c str, u32)>);

fn variants(cut: &Cut) -> Vec<Told<'_>> {
    let routes = cut.snapshot.routes.iter();
    routes
        .map(|route| {
            let all = route.variants.iter();
            let weights = all.map(|one| (one.pool.as_str(), one.weight)).collect();
            (route.path.as_str(), route.version.as_str(), weights)
        })
        .collect()
}

fn left_out(cut: &Cut) -> Vec<(&str, &str)> {
    let all = cut.left_out.iter();
    all.map(|one| (one.what.as_str(), one.code)).collect()
}

#[test]
fn what_is_published_is_served_below_its_code_and_major_number() {
    let cut = cut(&facts(
        "production",
        vec![offered("trade.order", (1, 2, 0), State::Published)],
    ))
    .expect("cut");
    assert_eq!(left_out(&cut), []);
    assert_eq!(
        variants(&cut),
        [(
            "/trade.order/v1/orders/{id}",
            "1.2.0",
            vec![("trade.order@1.2.0", 10_000)]
        )]
    );
    let one = &cut.snapshot.subscriptions[0];
    assert_eq!(
        (one.id.as_str(), one.state),
        ("s1", SubscriptionState::Active)
    );
    assert_eq!(
        one.limits.rate.map(|rate| (rate.requests, rate.burst)),
        Some((20, 1))
    );
}

#[test]
fn a_grey_version_takes_its_share_of_what_both_have() {
    let mut grey = offered("trade.order", (1, 3, 0), State::Grey);
    grey.operations.push(operation("list", "/orders"));
    let stable = offered("trade.order", (1, 2, 0), State::Published);
    let cut = cut(&facts("production", vec![grey, stable])).expect("cut");
    assert_eq!(
        variants(&cut),
        [
            (
                "/trade.order/v1/orders/{id}",
                "1.2.0",
                vec![("trade.order@1.3.0", 500), ("trade.order@1.2.0", 9_500)]
            ),
            (
                "/trade.order/v1/orders",
                "1.3.0",
                vec![("trade.order@1.3.0", 10_000)]
            ),
        ]
    );
}

#[test]
fn the_sandbox_serves_what_comes_next_and_production_does_not() {
    let all = || {
        vec![
            offered("trade.order", (1, 0, 0), State::Published),
            offered("trade.order", (1, 1, 0), State::Testing),
        ]
    };
    let sandbox = cut(&facts("sandbox", all())).expect("cut");
    assert_eq!(variants(&sandbox)[0].1, "1.1.0");
    let production = cut(&facts("production", all())).expect("cut");
    assert_eq!(variants(&production)[0].1, "1.0.0");
}

#[test]
fn what_cannot_be_served_is_told_and_takes_nothing_with_it() {
    let mut unbound = offered("a.unbound", (1, 0, 0), State::Published);
    unbound.binding = None;
    let mut nameless = offered("b.nameless", (1, 0, 0), State::Published);
    nameless.operations[0].id = None;
    let mut secret = offered("trade.order", (1, 0, 0), State::Published);
    secret.highest_level = 3;
    let mut told = facts("production", vec![unbound, nameless, secret]);
    let mut cleared = granted("s2", "other", subscription::State::Suspended);
    cleared.clearance = 3;
    let mut elsewhere = granted("s3", "app", subscription::State::Active);
    elsewhere.interface = "a.unbound".to_owned();
    let unheard = granted("s4", "other", subscription::State::Requested);
    told.granted.extend([cleared, elsewhere, unheard]);
    let cut = cut(&told).expect("cut");
    assert_eq!(
        left_out(&cut),
        [
            ("a.unbound@1.0.0", "no-binding"),
            ("b.nameless@1.0.0 GET /orders/{id}", "operation-id"),
            ("s1", "clearance"),
            ("s3", "not-served"),
        ]
    );
    assert!(cut.left_out.iter().all(|one| !one.words.zh.is_empty()));
    let held = &cut.snapshot.subscriptions;
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].state, SubscriptionState::Suspended);
}

#[test]
fn callers_are_told_of_what_is_suspended_deprecated_and_retired() {
    let mut suspended = offered("a.one", (1, 0, 0), State::Published);
    suspended.standing.suspended = true;
    suspended.suspended_for = "wrong prices".to_owned();
    let mut deprecated = offered("a.two", (1, 0, 0), State::Deprecated);
    deprecated.successor = Some("a.one@1.0.0".to_owned());
    let mut retired = offered("a.three", (1, 0, 0), State::Retired);
    retired.retired_on = Some(date(2026, 11, 1));
    let mut long_gone = offered("a.four", (1, 0, 0), State::Retired);
    long_gone.retired_on = Some(date(2025, 1, 1));
    let all = vec![suspended, deprecated, retired, long_gone];
    let cut = cut(&facts("production", all)).expect("cut");
    let states: Vec<(&str, &InterfaceState)> = cut
        .snapshot
        .interfaces
        .iter()
        .map(|one| (one.id.as_str(), &one.state))
        .collect();
    assert_eq!(
        states,
        [
            (
                "a.one",
                &InterfaceState::Suspended {
                    reason: "wrong prices".to_owned()
                }
            ),
            (
                "a.three",
                &InterfaceState::Retired {
                    on: date(2026, 11, 1)
                }
            ),
            (
                "a.two",
                &InterfaceState::Deprecated {
                    since: Timestamp::UNIX_EPOCH,
                    sunset: None,
                    successor: Some("/a.one/v1".to_owned())
                }
            ),
        ]
    );
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

proptest! {
    /// C1 and C2: whatever the catalogue holds, there is a snapshot, and the order does not matter.
    #[test]
    fn any_catalogue_is_cut_and_always_alike(
        versions in prop::collection::btree_map(
            ("[ab]\\.[cd]", 0u32..3, 0u32..3), (any_state(), any::<bool>(), any::<bool>(), 1u8..5, any::<bool>()), 0..8),
        states in prop::collection::vec(
            (prop::sample::select(subscription::State::ALL.to_vec()), "[ab]\\.[cd]", 1u8..5), 0..6),
        production in any::<bool>(),
    ) {
        let all: Vec<Offered> = versions.into_iter().map(|((code, major, minor), told)| {
            let (state, suspended, bound, level, labelled) = told;
            let mut one = offered(&code, (major, minor, 0), state);
            one.standing.suspended = suspended && state.is_live();
            one.highest_level = level;
            if !bound { one.binding = None; }
            if labelled { one.operations[0].labels = Some(Vec::new()); }
            one
        }).collect();
        let mut told = facts(if production { "production" } else { "sandbox" }, all);
        for (n, (state, code, clearance)) in states.into_iter().enumerate() {
            let mut one = granted(&format!("t{n}"), "other", state);
            one.interface = code;
            one.clearance = clearance;
            told.granted.push(one);
        }
        let first = cut(&told).expect("it is cut");
        told.offered.reverse();
        told.granted.reverse();
        prop_assert_eq!(&first, &cut(&told).expect("it is cut"));
        for one in &first.snapshot.subscriptions {
            let level = told.offered.iter()
                .filter(|o| o.interface == one.interface && o.number.0 == one.major)
                .filter(|o| first.snapshot.interfaces.iter().any(|i| i.id == o.interface && i.version == number(o)))
                .map(|o| o.highest_level).max().unwrap_or(0);
            let masked = first.snapshot.routes.iter()
                .filter(|r| r.interface == one.interface && r.path.starts_with(&format!("/{}/v{}/", one.interface, one.major)))
                .all(|r| r.masking.is_some());
            prop_assert!(level <= one.clearance || masked);
        }
    }
}

#[test]
fn operations_are_checked_by_the_modes_of_their_binding() {
    let rules = "{\"answers\":{}}";
    let mut one = offered("trade.order", (1, 0, 0), State::Published);
    let mut post = operation("create", "/orders");
    post.method = "POST".to_owned();
    one.operations.push(post);
    for operation in &mut one.operations {
        operation.rules = Rules::Text(rules.to_owned());
    }
    let cut_with = |checks: Checks| {
        let mut one = one.clone();
        one.binding.as_mut().unwrap().checks = checks;
        let snapshot = cut(&facts("production", vec![one])).unwrap().snapshot;
        let modes = |method: &str| {
            let mut routes = snapshot.routes.iter();
            let route = routes.find(|route| route.methods == [method]).unwrap();
            let asked = route.validation.as_ref()?;
            assert_eq!(snapshot.schemas[&asked.rules], rules);
            Some((asked.request, asked.response))
        };
        (modes("GET"), modes("POST"))
    };
    assert_eq!(cut_with(Checks::default()), (None, None));
    let enforced = Checks {
        request: Mode::Enforce,
        response: Mode::Enforce,
        unsafe_response: Mode::Observe,
    };
    assert_eq!(
        cut_with(enforced),
        (
            Some((Mode::Enforce, Mode::Enforce)),
            Some((Mode::Enforce, Mode::Observe))
        )
    );
}

#[test]
fn keys_are_asked_for_where_something_changes() {
    let mut one = offered("trade.order", (1, 0, 0), State::Published);
    let mut post = operation("create", "/orders");
    post.method = "POST".to_owned();
    one.operations.push(post);
    let asked = Some(model::Idempotency {
        required: true,
        keep_s: 60,
    });
    one.binding.as_mut().unwrap().idempotency = asked;
    let snapshot = cut(&facts("production", vec![one])).unwrap().snapshot;
    let told: Vec<_> = snapshot
        .routes
        .iter()
        .map(|one| (&*one.operation, one.idempotency))
        .collect();
    assert_eq!(told, [("get", None), ("create", asked)]);
}

#[test]
fn a_version_whose_rules_cannot_be_compiled_is_left_out() {
    let mut one = offered("trade.order", (1, 0, 0), State::Published);
    one.operations[0].rules = Rules::Wrong("look-around".to_owned());
    let other = offered("trade.funds", (1, 0, 0), State::Published);
    let cut = cut(&facts("production", vec![one, other])).unwrap();
    let left: Vec<_> = cut.left_out.iter().map(|one| one.code).collect();
    assert_eq!(
        (left, cut.snapshot.routes.len()),
        (vec!["not-served", "rules"], 1)
    );
}

#[test]
fn fields_above_a_clearance_are_masked_rather_than_their_subscription_left_out() {
    let mut one = offered("trade.order", (1, 0, 0), State::Published);
    one.highest_level = 3;
    one.operations[0].labels = Some(vec![FieldMask {
        pointer: "/amount".to_owned(),
        label: "amount".to_owned(),
    }]);
    let cut = cut(&facts("production", vec![one])).expect("cut");
    assert_eq!(left_out(&cut), []);
    let masking = cut.snapshot.routes[0].masking.as_ref().expect("masked");
    assert_eq!(masking.fields[0].pointer, "/amount");
    assert_eq!(cut.snapshot.subscriptions[0].clearance, 1);
    assert!(
        cut.snapshot
            .labels
            .iter()
            .any(|label| label.name == "amount")
    );
}
