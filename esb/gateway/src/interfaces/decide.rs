//! What becomes of a request, decided in a fixed order (specification, section 5.1). Explanations run
//! this very code with a trail that listens; serving runs it with one that does not.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{HeaderMap, header};
use jiff::ToSpan;
use rialto_esb_policy::idempotency::{LONGEST_KEY, key_of};
use rialto_esb_policy::limit::Admission;
use rialto_esb_policy::path;
use rialto_esb_snapshot::{
    self as model, Access, InterfaceState, Sticky, SubscriptionState, WHOLE_BP,
};

use super::auth::{Asked, Caller, Nonces, has_body};
use super::clock::Now;
use super::pool::Pool;
use super::refusal::Refusal;
use super::routing::{Variables, route};
use super::table::{Counts, Route, Subscription, Table};
use super::trace::Trace;

/// Hears each decision. Nothing is recorded by `()`.
pub(crate) trait Trail {
    /// Whether anybody listens.
    const LISTENS: bool;
    /// A phase and its outcome.
    fn step(&mut self, phase: &'static str, outcome: &'static str, detail: impl FnOnce() -> String);
}

impl Trail for () {
    const LISTENS: bool = false;

    fn step(&mut self, _: &'static str, _: &'static str, _: impl FnOnce() -> String) {}
}

/// A request's head.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a str,
    /// Path and query as they came.
    pub(crate) target: &'a str,
    /// `Host`, or the authority of the target.
    pub(crate) authority: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) peer: IpAddr,
    pub(crate) trace: &'a Trace,
}

/// Whether a decision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spend {
    /// Limits, quotas and nonces are used up.
    Live,
    /// They are looked at.
    Dry,
}

/// Where a request goes.
#[derive(Debug)]
pub(crate) struct Decided<'t> {
    /// Number of the route.
    pub(crate) number: usize,
    pub(crate) route: &'t Route,
    pub(crate) caller: Option<Caller>,
    pub(crate) subscription: Option<&'t Arc<Subscription>>,
    /// Number of the variant.
    pub(crate) variant: usize,
    pub(crate) pool: &'t Arc<Pool>,
    /// Path in normal form and query: what was decided on is what is sent.
    pub(crate) target: String,
    /// What the path's variables take, where the route's requests are checked.
    pub(crate) variables: Variables,
    /// What answers say of limits.
    pub(crate) limits: Vec<LimitState>,
    /// Keeps the place among requests at once.
    pub(crate) place: Option<Place>,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
}

/// A limit's state after a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitState {
    pub(crate) name: &'static str,
    pub(crate) quota: u64,
    pub(crate) window_s: u64,
    pub(crate) remaining: u64,
    pub(crate) reset_s: u64,
}

/// A place among a subscription's requests at once.
#[derive(Debug)]
pub(crate) struct Place(Arc<Counts>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Decides on a request.
///
/// # Errors
/// The first refusal, cheapest first.
pub(crate) fn decide<'t, T: Trail>(
    table: &'t Table,
    head: &Head<'_>,
    now: Now,
    nonces: &Nonces,
    spend: Spend,
    trail: &mut T,
) -> Result<Decided<'t>, Refusal> {
    let (path_part, query) = match head.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (head.target, None),
    };
    let path = path::normalise(path_part).map_err(|error| {
        trail.step("normalise", "refused", || error.to_string());
        Refusal::new(
            "ambiguous-path",
            error.to_string(),
            "路径含有可作多种解读的字符",
        )
    })?;
    trail.step("normalise", "passed", || path.to_string());
    let (number, variables) = route(table, head, &path, query, trail)?;
    let (route, spec) = (&table.routes[number], &table.snapshot.routes[number]);
    state(table, route, trail)?;
    let (caller, subscription) = match &table.snapshot.policies[route.policy].access {
        Access::Open => {
            trail.step("authenticate", "skipped", || "open to anybody".to_owned());
            (None, None)
        }
        Access::Callers { any_of } => {
            let caller = authenticate(table, any_of, head, now, nonces, spend, trail)?;
            let subscription = authorise(table, number, &caller, head, now, trail)?;
            (Some(caller), Some(subscription))
        }
    };
    let key = idempotency(spec, head, trail)?;
    let (mut limits, mut place) = (Vec::new(), None);
    if let Some(subscription) = subscription {
        (limits, place) = limit(table, subscription, now, spend, trail)?;
    }
    if let Some(rules) = &route.rules {
        trail.step("validate", "passed", || {
            let (requests, answers) = (rules.request.word(), rules.response.word());
            format!("requests: {requests}, answers: {answers}")
        });
    }
    let application = caller
        .as_ref()
        .map(|caller| table.snapshot.applications[caller.application].id.as_str());
    let forced = subscription.is_some_and(|one| one.spec.may_force_variant);
    let (variant, why) = variant(spec, application, forced, head);
    trail.step("select variant", "chosen", || {
        format!("{} ({why})", spec.variants[variant].name)
    });
    let mut target = match &spec.prefix {
        Some(prefix) => path.replacen(&prefix.from, &prefix.to, 1),
        None => path.into_owned(),
    };
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    Ok(Decided {
        number,
        route,
        caller,
        subscription,
        variant,
        pool: &route.pools[variant],
        target,
        variables,
        limits,
        place,
        key,
    })
}

/// The idempotency key of a request, where the route asks for one.
fn idempotency<T: Trail>(
    spec: &model::Route,
    head: &Head<'_>,
    trail: &mut T,
) -> Result<Option<String>, Refusal> {
    let Some(asked) = &spec.idempotency else {
        return Ok(None);
    };
    if matches!(head.method, "GET" | "HEAD" | "OPTIONS" | "TRACE") {
        trail.step("idempotency", "skipped", || {
            format!("{} changes nothing", head.method)
        });
        return Ok(None);
    }
    let Some(value) = head.headers.get("idempotency-key") else {
        if !asked.required {
            trail.step("idempotency", "skipped", || "no Idempotency-Key".to_owned());
            return Ok(None);
        }
        trail.step("idempotency", "refused", || "no Idempotency-Key".to_owned());
        return Err(Refusal::new(
            "idempotency-key-missing",
            "send an Idempotency-Key of your own making with each request, and the same one with a repeat",
            "请为每个请求自行生成 Idempotency-Key，重发时使用同一个键",
        ));
    };
    let Some(key) = value.to_str().ok().and_then(key_of) else {
        trail.step("idempotency", "refused", || "no key".to_owned());
        return Err(Refusal::new(
            "malformed-request",
            format!("an Idempotency-Key has 1 to {LONGEST_KEY} visible ASCII letters"),
            format!("Idempotency-Key 须为 1 至 {LONGEST_KEY} 个可见 ASCII 字符"),
        ));
    };
    trail.step("idempotency", "passed", || format!("key {key}"));
    Ok(Some(key.to_owned()))
}

fn state<T: Trail>(table: &Table, route: &Route, trail: &mut T) -> Result<(), Refusal> {
    let interface = &table.snapshot.interfaces[route.interface];
    let refusal = match &interface.state {
        InterfaceState::Published | InterfaceState::Deprecated { .. } => {
            trail.step("interface", "passed", || {
                format!("{} {}", interface.id, interface.version)
            });
            return Ok(());
        }
        InterfaceState::Suspended { reason } => Refusal::new(
            "interface-suspended",
            format!("{} is suspended: {reason}", interface.id),
            format!("接口 {} 已暂停：{reason}", interface.id),
        ),
        InterfaceState::Retired { on } => Refusal::new(
            "interface-retired",
            format!(
                "{} {} is retired since {on}",
                interface.id, interface.version
            ),
            format!("接口 {} {} 已于 {on} 退役", interface.id, interface.version),
        ),
    };
    trail.step("interface", "refused", || refusal.detail.0.clone());
    Err(refusal)
}

fn authenticate<T: Trail>(
    table: &Table,
    any_of: &[Vec<rialto_esb_snapshot::AuthMethod>],
    head: &Head<'_>,
    now: Now,
    nonces: &Nonces,
    spend: Spend,
    trail: &mut T,
) -> Result<Caller, Refusal> {
    let asked = Asked {
        method: head.method,
        target: head.target,
        authority: head.authority,
        headers: head.headers,
        has_body: has_body(head.headers),
        now,
        nonces: (spend == Spend::Live).then_some(nonces),
        seen: nonces,
    };
    let caller = table.auth.caller(any_of, &asked).inspect_err(|refusal| {
        trail.step("authenticate", "refused", || {
            format!("{}: {}", refusal.slug, refusal.detail.0)
        });
    })?;
    trail.step("authenticate", "passed", || {
        let application = &table.snapshot.applications[caller.application];
        format!("{} by {}", application.id, caller.credentials.join(" and "))
    });
    Ok(caller)
}

fn authorise<'t, T: Trail>(
    table: &'t Table,
    number: usize,
    caller: &Caller,
    head: &Head<'_>,
    now: Now,
    trail: &mut T,
) -> Result<&'t Arc<Subscription>, Refusal> {
    let (route, spec) = (&table.routes[number], &table.snapshot.routes[number]);
    let found = table.subscription(caller.application, &spec.interface, route.major);
    let outcome = match found {
        None => Err(Refusal::new(
            "not-subscribed",
            format!(
                "there is no subscription of {} v{}; ask for one",
                spec.interface, route.major
            ),
            format!(
                "未订阅接口 {} v{}，请先申请订阅",
                spec.interface, route.major
            ),
        )),
        Some(subscription) => {
            permitted(table, subscription, &spec.operation, head, now).map(|()| subscription)
        }
    };
    match &outcome {
        Ok(subscription) => trail.step("authorise", "passed", || {
            format!("subscription {}", subscription.spec.id)
        }),
        Err(refusal) => trail.step("authorise", "refused", || {
            format!("{}: {}", refusal.slug, refusal.detail.0)
        }),
    }
    outcome
}

fn permitted(
    table: &Table,
    subscription: &Subscription,
    operation: &str,
    head: &Head<'_>,
    now: Now,
) -> Result<(), Refusal> {
    let spec = &subscription.spec;
    if spec.state == SubscriptionState::Suspended {
        return Err(Refusal::new(
            "subscription-suspended",
            format!("subscription {} is suspended", spec.id),
            format!("订阅 {} 已暂停", spec.id),
        ));
    }
    if let Some(until) = spec.until
        && table.zone.to_datetime(now.at).date() > until
    {
        return Err(Refusal::new(
            "subscription-suspended",
            format!("subscription {} ended on {until}", spec.id),
            format!("订阅 {} 已于 {until} 到期", spec.id),
        ));
    }
    if !spec.operations.is_empty() && !spec.operations.iter().any(|one| one == operation) {
        return Err(Refusal::new(
            "scope-insufficient",
            format!(
                "subscription {} does not hold operation {operation}",
                spec.id
            ),
            format!("订阅 {} 不包含操作 {operation}", spec.id),
        ));
    }
    if !spec.takes_address(head.peer) {
        return Err(Refusal::new(
            "address-denied",
            format!("subscription {} takes no calls from {}", spec.id, head.peer),
            format!("订阅 {} 不接受来自 {} 的调用", spec.id, head.peer),
        ));
    }
    let open = |(window, zone): &(rialto_esb_snapshot::Window, jiff::tz::TimeZone)| {
        let local = zone.to_datetime(now.at);
        window.is_open(local.date(), local.time(), &table.snapshot.calendar)
    };
    if !subscription.windows.is_empty() && !subscription.windows.iter().any(open) {
        let names = spec.windows.join(", ");
        return Err(Refusal::new(
            "outside-window",
            format!("calls pass within {names} only"),
            format!("仅允许在以下时段调用：{names}"),
        ));
    }
    Ok(())
}

type Limited = (Vec<LimitState>, Option<Place>);

fn limit<T: Trail>(
    table: &Table,
    subscription: &Subscription,
    now: Now,
    spend: Spend,
    trail: &mut T,
) -> Result<Limited, Refusal> {
    let outcome = limits(table, subscription, now, spend);
    match &outcome {
        Ok((states, _)) if states.is_empty() => {
            trail.step("limit", "skipped", || "no rate, no quota".to_owned())
        }
        Ok((states, _)) => trail.step("limit", "passed", || {
            let texts = states
                .iter()
                .map(|one| format!("{}: {} of {} left", one.name, one.remaining, one.quota));
            texts.collect::<Vec<_>>().join("; ")
        }),
        Err(refusal) => trail.step("limit", "refused", || {
            format!("{}: {}", refusal.slug, refusal.detail.0)
        }),
    }
    outcome
}

fn limits(
    table: &Table,
    subscription: &Subscription,
    now: Now,
    spend: Spend,
) -> Result<Limited, Refusal> {
    let mut states = Vec::new();
    let spec = &subscription.spec.limits;
    let counts = &subscription.counts;
    let place = at_once(spec.concurrency, counts, spend)?;
    if let (Some(limit), Some(rate)) = (subscription.limit, spec.rate) {
        let admission = match spend {
            Spend::Live => counts.bucket.admit(limit, now.ns, 1),
            Spend::Dry => counts.bucket.look(limit, now.ns, 1),
        };
        let window_s = rate
            .per_ms
            .saturating_mul(rate.burst)
            .div_ceil(rate.requests.max(1))
            .div_ceil(1000);
        let mut state = LimitState {
            name: "rate",
            quota: rate.burst,
            window_s: window_s.max(1),
            remaining: 0,
            reset_s: 0,
        };
        match admission {
            Admission::Admitted {
                remaining,
                reset_ns,
            } => {
                (state.remaining, state.reset_s) = (remaining, reset_ns.div_ceil(1_000_000_000));
                states.push(state);
            }
            Admission::Refused { retry_after_ns } => {
                state.reset_s = retry_after_ns.div_ceil(1_000_000_000);
                let refusal = Refusal::new(
                    "rate-limited",
                    format!(
                        "{} requests in {} ms, {} at once",
                        rate.requests, rate.per_ms, rate.burst
                    ),
                    format!(
                        "限速为每 {} 毫秒 {} 次，突发 {} 次",
                        rate.per_ms, rate.requests, rate.burst
                    ),
                );
                return Err(told(refusal.retry_after_ns(retry_after_ns), &[state]));
            }
        }
    }
    if let Some(daily) = spec.daily {
        states.push(quota(table, daily, counts, now, spend)?);
    }
    Ok((states, place))
}

fn at_once(
    most: Option<u32>,
    counts: &Arc<Counts>,
    spend: Spend,
) -> Result<Option<Place>, Refusal> {
    let Some(most) = most else {
        return Ok(None);
    };
    let full = || {
        Refusal::new(
            "concurrency-limited",
            format!("{most} requests at once are allowed"),
            format!("最多允许 {most} 个并发请求"),
        )
        .retry_after_ns(1)
    };
    if spend == Spend::Dry {
        let free = counts.in_flight.load(Ordering::Acquire) < most;
        return if free { Ok(None) } else { Err(full()) };
    }
    let one_more = |now: u32| (now < most).then_some(now + 1);
    counts
        .in_flight
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
        .map_err(|_| full())?;
    Ok(Some(Place(Arc::clone(counts))))
}

/// Bits of the calls of a day.
const CALLS_BITS: u32 = 40;

/// A day's number beside its calls.
pub(crate) fn unpacked(packed: u64) -> (u64, u64) {
    (packed >> CALLS_BITS, packed & ((1 << CALLS_BITS) - 1))
}

/// See [`unpacked`].
pub(crate) fn packed(day: u64, calls: u64) -> u64 {
    day << CALLS_BITS | calls.min((1 << CALLS_BITS) - 1)
}

fn quota(
    table: &Table,
    daily: u64,
    counts: &Counts,
    now: Now,
    spend: Spend,
) -> Result<LimitState, Refusal> {
    let local = now.at.to_zoned(table.zone.clone());
    let first = jiff::civil::date(1970, 1, 1);
    let days = local.date().since(first).map_or(0, |span| span.get_days());
    let today = u64::try_from(days).unwrap_or_default();
    let used = |word: u64| match unpacked(word) {
        (day, calls) if day == today => calls,
        _ => 0,
    };
    let spent = match spend {
        Spend::Dry => {
            let calls = used(counts.day.load(Ordering::Acquire));
            if calls < daily { Ok(calls) } else { Err(calls) }
        }
        Spend::Live => counts
            .day
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| {
                let calls = used(word);
                (calls < daily).then(|| packed(today, calls + 1))
            })
            .map(|before| used(before) + 1)
            .map_err(used),
    };
    let midnight = local
        .date()
        .saturating_add(1.day())
        .to_zoned(table.zone.clone());
    let left = midnight.map_or(86_400, |end| {
        end.timestamp().as_second() - now.at.as_second()
    });
    let reset_s = u64::try_from(left).unwrap_or(1).max(1);
    let state = |remaining| LimitState {
        name: "day",
        quota: daily,
        window_s: 86_400,
        remaining,
        reset_s,
    };
    match spent {
        Ok(calls) => Ok(state(daily.saturating_sub(calls))),
        Err(_) => {
            let refusal = Refusal::new(
                "quota-exhausted",
                format!("{daily} calls a day are allowed"),
                format!("每日最多允许 {daily} 次调用"),
            );
            Err(told(
                refusal.retry_after_ns(reset_s * 1_000_000_000),
                &[state(0)],
            ))
        }
    }
}

fn told(refusal: Refusal, states: &[LimitState]) -> Refusal {
    let add = |refusal: Refusal, (name, value): (header::HeaderName, String)| {
        refusal.with_header(name, &value)
    };
    limit_headers(states).into_iter().fold(refusal, add)
}

/// `RateLimit-Policy` and `RateLimit` (IETF draft-ietf-httpapi-ratelimit-headers).
pub(crate) fn limit_headers(states: &[LimitState]) -> Vec<(header::HeaderName, String)> {
    if states.is_empty() {
        return Vec::new();
    }
    let list =
        |each: fn(&LimitState) -> String| states.iter().map(each).collect::<Vec<_>>().join(", ");
    vec![
        (
            header::HeaderName::from_static("ratelimit-policy"),
            list(|one| format!("\"{}\";q={};w={}", one.name, one.quota, one.window_s)),
        ),
        (
            header::HeaderName::from_static("ratelimit"),
            list(|one| format!("\"{}\";r={};t={}", one.name, one.remaining, one.reset_s)),
        ),
    ]
}

/// The variant of a request: the caller's wish, then the caller's place, then its bucket.
fn variant<'w>(
    spec: &rialto_esb_snapshot::Route,
    application: Option<&str>,
    may_force: bool,
    head: &Head<'_>,
) -> (usize, Cow<'w, str>) {
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let wish = spec
        .force_header
        .as_deref()
        .and_then(header)
        .filter(|_| may_force);
    let named = |wish: &str| spec.variants.iter().position(|one| one.name == wish);
    if let Some(n) = wish.and_then(named) {
        return (n, Cow::Borrowed("the caller's wish"));
    }
    let listed = |id: &str| {
        spec.variants
            .iter()
            .position(|one| one.callers.iter().any(|c| c == id))
    };
    if let Some(n) = application.and_then(listed) {
        return (n, Cow::Borrowed("the caller is on its list"));
    }
    let trace = head.trace.id.as_str();
    let key = match &spec.sticky {
        Sticky::Trace => trace.to_owned(),
        Sticky::Caller => application.unwrap_or(trace).to_owned(),
        Sticky::Header(name) => match header(name) {
            Some(value) => format!("{}\n{value}", application.unwrap_or_default()),
            None => trace.to_owned(),
        },
    };
    let bucket = bucket(&spec.id, &key);
    let mut end = 0;
    for (n, variant) in spec.variants.iter().enumerate() {
        end += variant.weight;
        if bucket < end {
            return (n, Cow::Owned(format!("bucket {bucket} of {WHOLE_BP}")));
        }
    }
    // Weights sum to the whole, so a bucket is always somebody's.
    (spec.variants.len() - 1, Cow::Borrowed("the last"))
}

/// The bucket of a key, the same on every node and for every weight.
fn bucket(route: &str, key: &str) -> u32 {
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{route}\n{key}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_ref()[..8]);
    let bucket = u64::from_be_bytes(first) % u64::from(WHOLE_BP);
    u32::try_from(bucket).unwrap_or_default()
}
