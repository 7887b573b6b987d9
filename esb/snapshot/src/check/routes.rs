//! Routes, their upstreams and policies.

use std::collections::{BTreeMap, BTreeSet};

use rialto_esb_policy::route::{self, CompileRoutesError, Predicate, Router, Source};
use rialto_esb_policy::template::{Segment, Template};

use super::{Findings, Known, is_whole};
use crate::model::{Access, HealthProbe, Pool, Route, Snapshot, WHOLE_BP};

/// Methods a route may name.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "*",
];

pub(super) fn check(snapshot: &Snapshot, known: &Known<'_>, findings: &mut Findings) {
    for (n, one) in snapshot.routes.iter().enumerate() {
        let at = |part: &str| format!("/routes/{n}/{part}");
        references(one, snapshot, known, &at, findings);
        matching(one, &at, findings);
        variants(one, known, &at, findings);
        bounds(one, &at, findings);
        bodies(one, snapshot, known, &at, findings);
    }
    table(snapshot, findings);
    shadowed(snapshot, findings);
    for (n, pool) in snapshot.pools.iter().enumerate() {
        pool_of(pool, &|part: &str| format!("/pools/{n}{part}"), findings);
    }
    policies(snapshot, findings);
}

type At<'a> = &'a dyn Fn(&str) -> String;

fn references(
    one: &Route,
    snapshot: &Snapshot,
    known: &Known<'_>,
    at: At<'_>,
    findings: &mut Findings,
) {
    let version = (one.interface.as_str(), one.version.as_str());
    findings.unless(
        known.interfaces.contains(&version),
        || at("interface"),
        "dangling",
        || {
            format!(
                "there is no interface `{}` {} in the snapshot",
                one.interface, one.version
            )
        },
    );
    findings.refers(&known.policies, &one.policy, "policy", || at("policy"));
    let policy = snapshot.policies.iter().find(|p| p.id == one.policy);
    let open = policy.is_some_and(|policy| policy.access == Access::Open);
    findings.unless(
        !(one.idempotency.is_some() && open),
        || at("idempotency"),
        "open",
        || "keys are kept by caller, and anybody may call here".to_owned(),
    );
    let forced = one.force_header.is_some() && open;
    findings.unless(
        !forced,
        || at("force_header"),
        "force-header",
        || "nobody has the right to choose a variant on a route open to anybody".to_owned(),
    );
}

fn matching(one: &Route, at: At<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    findings.unless(
        !one.methods.is_empty(),
        || at("methods"),
        "methods",
        || "a route takes at least one method, or `*`".to_owned(),
    );
    for method in &one.methods {
        let fits = METHODS.contains(&method.as_str()) && seen.insert(method);
        findings.unless(
            fits,
            || at("methods"),
            "methods",
            || format!("`{method}` stands twice or is none of {METHODS:?}"),
        );
    }
    let caller = |one: &Predicate| matches!(one.source, Source::Caller(_));
    if let Some(n) = one.predicates.iter().position(caller) {
        findings.add(
            at(&format!("predicates/{n}")),
            "not-yet",
            "routing by an attribute of the caller is not done yet: the route is found before the caller is known".to_owned(),
        );
    }
    for (n, predicate) in one.predicates.iter().enumerate() {
        if let Source::Header(name) = &predicate.source {
            let lower = is_header(name) && !name.bytes().any(|b| b.is_ascii_uppercase());
            findings.unless(
                lower,
                || at(&format!("predicates/{n}")),
                "header",
                || format!("`{name}` is no header's name in small letters"),
            );
        }
    }
    if let Some(prefix) = &one.prefix {
        let literal = one.path.split('{').next().unwrap_or_default();
        let fits = prefix.from.starts_with('/')
            && prefix.to.starts_with('/')
            && literal.starts_with(&prefix.from);
        findings.unless(
            fits,
            || at("prefix"),
            "prefix",
            || "`from` is a literal beginning of the path, `to` begins with `/`".to_owned(),
        );
    }
}

fn is_header(name: &str) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(token)
}

fn variants(one: &Route, known: &Known<'_>, at: At<'_>, findings: &mut Findings) {
    let mut names = BTreeSet::new();
    let mut callers = BTreeSet::new();
    for (n, variant) in one.variants.iter().enumerate() {
        let here = |part: &str| at(&format!("variants/{n}/{part}"));
        findings.refers(&known.pools, &variant.pool, "pool", || here("pool"));
        let named = super::is_id(&variant.name) && names.insert(&variant.name);
        findings.unless(
            named,
            || here("name"),
            "duplicate",
            || format!("`{}` is no name, or stands twice", variant.name),
        );
        for caller in &variant.callers {
            findings.refers(&known.applications, caller, "application", || {
                here("callers")
            });
            findings.unless(
                callers.insert(caller),
                || here("callers"),
                "duplicate",
                || format!("`{caller}` stands at two variants"),
            );
        }
    }
    findings.unless(
        is_whole(one.variants.iter().map(|variant| variant.weight)),
        || at("variants"),
        "weights",
        || format!("weights sum to {WHOLE_BP} basis points"),
    );
    for (name, part) in [
        (one.force_header.as_ref(), "force_header"),
        (sticky_header(one), "sticky"),
    ] {
        findings.unless(
            name.is_none_or(|name| is_header(name)),
            || at(part),
            "header",
            || "it is no header's name".to_owned(),
        );
    }
}

fn sticky_header(one: &Route) -> Option<&String> {
    match &one.sticky {
        crate::model::Sticky::Header(name) => Some(name),
        _ => None,
    }
}

fn bounds(one: &Route, at: At<'_>, findings: &mut Findings) {
    let times = one.timeouts;
    for (part, value) in [
        ("total_ms", times.total_ms),
        ("connect_ms", times.connect_ms),
        ("first_byte_ms", times.first_byte_ms),
        ("idle_ms", times.idle_ms),
    ] {
        findings.unless(
            (1..=3_600_000).contains(&value),
            || at(&format!("timeouts/{part}")),
            "bounds",
            || "1 to 3600000 ms".to_owned(),
        );
    }
    findings.unless(
        one.retry.retries <= 2,
        || at("retry/retries"),
        "bounds",
        || "0 to 2".to_owned(),
    );
    let keep = one.idempotency.map_or(1, |asked| asked.keep_s);
    findings.unless(
        (1..=604_800).contains(&keep),
        || at("idempotency/keep_s"),
        "bounds",
        || "1 to 604800 s".to_owned(),
    );
    let servers = one.retry.statuses.iter().all(|s| (500..600).contains(s));
    findings.unless(
        servers,
        || at("retry/statuses"),
        "bounds",
        || "only answers 500 to 599 are asked again".to_owned(),
    );
}

fn bodies(
    one: &Route,
    snapshot: &Snapshot,
    known: &Known<'_>,
    at: At<'_>,
    findings: &mut Findings,
) {
    if let Some(masking) = &one.masking {
        for (n, field) in masking.fields.iter().enumerate() {
            let here = |part: &str| at(&format!("masking/fields/{n}/{part}"));
            findings.refers(&known.labels, &field.label, "label", || here("label"));
            let pointer = field.pointer.is_empty() || field.pointer.starts_with('/');
            findings.unless(
                pointer,
                || here("pointer"),
                "pointer",
                || "a JSON pointer begins with `/`".to_owned(),
            );
        }
    }
    let Some(validation) = &one.validation else {
        return;
    };
    findings.unless(
        snapshot.schemas.contains_key(&validation.rules),
        || at("validation/rules"),
        "dangling",
        || format!("there is no schema {} in the snapshot", validation.rules),
    );
}

/// The table as the gateway compiles it: what `esb/policy` refuses.
fn table(snapshot: &Snapshot, findings: &mut Findings) {
    let routes = flattened(snapshot);
    let numbers: BTreeMap<&str, usize> = snapshot
        .routes
        .iter()
        .enumerate()
        .map(|(n, one)| (one.id.as_str(), n))
        .collect();
    let place = |id: &str, part: &str| {
        let n = numbers.get(id).copied().unwrap_or_default();
        format!("/routes/{n}{part}")
    };
    for error in Router::compile(&routes).err().unwrap_or_default() {
        let (pointer, code) = match &error {
            CompileRoutesError::Template { route, .. } => (place(route, "/path"), "template"),
            CompileRoutesError::Host { route, .. } => (place(route, "/host"), "host"),
            CompileRoutesError::Ambiguous { second, .. } => (place(second, ""), "ambiguous-route"),
        };
        findings.add(pointer, code, error.to_string());
    }
}

fn flattened(snapshot: &Snapshot) -> Vec<route::Route> {
    let each = snapshot.routes.iter().flat_map(Route::flattened);
    each.map(|(route, _)| route).collect()
}

impl Route {
    /// The route once for each of its methods, as `esb/policy` compiles routes.
    pub fn flattened(&self) -> impl Iterator<Item = (route::Route, &str)> {
        self.methods.iter().map(|method| {
            let route = route::Route {
                id: self.id.clone(),
                host: self.host.clone(),
                method: method.clone(),
                path: self.path.clone(),
                predicates: self.predicates.clone(),
                order: self.order,
            };
            (route, method.as_str())
        })
    }
}

/// What routes that take the same requests share: host, method, template.
type Shape<'s> = (Option<String>, &'s str, Vec<Segment>);

/// Routes that no request reaches, because one that is tried before takes all of theirs.
fn shadowed(snapshot: &Snapshot, findings: &mut Findings) {
    let mut groups: BTreeMap<Shape<'_>, Vec<usize>> = BTreeMap::new();
    for (n, one) in snapshot.routes.iter().enumerate() {
        let Ok(template) = Template::parse(&one.path) else {
            continue;
        };
        let host = one.host.as_deref().map(rialto_esb_policy::path::host);
        for method in &one.methods {
            let key = (host.clone(), method.as_str(), template.segments.clone());
            groups.entry(key).or_default().push(n);
        }
    }
    for mut group in groups.into_values() {
        group.sort_by_key(|n| {
            let one = &snapshot.routes[*n];
            (std::cmp::Reverse(one.predicates.len()), one.order, *n)
        });
        for (place, n) in group.iter().enumerate() {
            let later = &snapshot.routes[*n];
            let taken = group[..place].iter().find(|before| {
                let before = &snapshot.routes[**before];
                let level = before.predicates.len() == later.predicates.len()
                    && before.order == later.order;
                !level && before.predicates.iter().all(|one| implied(one, later))
            });
            if let Some(before) = taken {
                let message = format!(
                    "no request reaches it: {} takes all of its requests before",
                    snapshot.routes[*before].id
                );
                findings.add(format!("/routes/{n}"), "shadowed-route", message);
            }
        }
    }
}

/// Whether a predicate holds wherever those of a route hold.
fn implied(one: &Predicate, route: &Route) -> bool {
    route.predicates.iter().any(|other| {
        let narrower = !other.one_of.is_empty() && other.one_of.is_subset(&one.one_of);
        other.source == one.source && (one.one_of.is_empty() || narrower)
    })
}

fn pool_of(pool: &Pool, at: At<'_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    findings.unless(
        !pool.endpoints.is_empty(),
        || at("/endpoints"),
        "empty",
        || "a pool has at least one instance".to_owned(),
    );
    for (n, endpoint) in pool.endpoints.iter().enumerate() {
        let here = || at(&format!("/endpoints/{n}"));
        let fits = endpoint.address.port() != 0 && seen.insert(endpoint.address);
        findings.unless(fits, here, "address", || {
            format!(
                "{} stands twice, or is no address of a process",
                endpoint.address
            )
        });
        let weighed = (1..=10_000).contains(&endpoint.weight);
        findings.unless(weighed, here, "weights", || {
            "an instance weighs 1 to 10000".to_owned()
        });
    }
    if let Some(health) = &pool.health {
        findings.unless(
            is_probe(health),
            || at("/health"),
            "bounds",
            || {
                "path `/…`, interval 10 to 3600000 ms, timeout 1 to 600000 ms, counts from 1"
                    .to_owned()
            },
        );
    }
    if let Some(breaker) = &pool.breaker {
        let fits = breaker.window_ms > 0
            && breaker.buckets > 0
            && breaker.least_calls > 0
            && (1..=100).contains(&breaker.failure_percent)
            && (1..=100).contains(&breaker.slow_percent)
            && breaker.open_ms > 0
            && breaker.longest_open_ms >= breaker.open_ms
            && breaker.probes > 0;
        findings.unless(
            fits,
            || at("/breaker"),
            "bounds",
            || {
                "all above zero, percents to 100, the longest opening not below the first"
                    .to_owned()
            },
        );
    }
}

fn is_probe(health: &HealthProbe) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'#';
    health.path.starts_with('/')
        && health.path.bytes().all(plain)
        && (10..=3_600_000).contains(&health.interval_ms)
        && (1..=600_000).contains(&health.timeout_ms)
        && health.unhealthy_after > 0
        && health.healthy_after > 0
}

fn policies(snapshot: &Snapshot, findings: &mut Findings) {
    for (n, policy) in snapshot.policies.iter().enumerate() {
        let at = |part: &str| format!("/policies/{n}/{part}");
        if let Access::Callers { any_of } = &policy.access {
            let fits = !any_of.is_empty() && any_of.iter().all(|set| !set.is_empty());
            findings.unless(
                fits,
                || at("access"),
                "empty",
                || "name at least one way to prove who calls; `open` is for anybody".to_owned(),
            );
        }
        findings.unless(
            policy.buffered_bytes <= 64 << 20 && policy.buffered_bytes <= policy.body_bytes,
            || at("buffered_bytes"),
            "bounds",
            || "at most 64 MiB are held, and never more than passes".to_owned(),
        );
        findings.unless(
            policy.body_bytes <= 1 << 40,
            || at("body_bytes"),
            "bounds",
            || "at most 2^40".to_owned(),
        );
    }
}
