//! A snapshot cut from what the catalogue holds (specification, section 5.3).
//!
//! - C1: the same facts give the same snapshot, in whatever order they come.
//! - C2: what cannot be served is left out and told; it never takes the rest with it.
//! - C3: nobody gets a route who has no subscription in force, and no subscription shows fields
//!   above its clearance: they are masked by their labels, or it is left out.
//!
//! An operation `/orders/{id}` of `trade.order` 1.2.0 is called at `/trade.order/v1/orders/{id}`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use rialto_esb_contract::Words;
use rialto_esb_policy::mask::catalogue;
use rialto_esb_snapshot as model;
use rialto_esb_snapshot::{
    Access, Application, AuthMethod, Credential, Endpoint, FieldMask, InterfaceState, Limits,
    Masking, Mode, Policy, Pool, Prefix, Rate, Retry, Route, Snapshot, SubscriptionState, Timeouts,
    Token, Variant, WHOLE_BP, is_id,
};

use crate::subscription;
use crate::version::{Standing, State};

/// What every route of the catalogue asks of requests: a subscription.
const POLICY: &str = "subscribers";
/// A throttled subscription has this part of its rate.
const THROTTLED_PART: u32 = 10;

/// Where requests to a version go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Addresses and their weights, 1 to 10,000.
    pub upstreams: Vec<(SocketAddr, u32)>,
    /// Beginning of paths there; empty or `/api`.
    pub base_path: String,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Tries beyond the first, 0 to 2.
    pub retries: u32,
    /// Its share of the traffic while it is grey, basis points.
    pub grey_bp: u32,
    /// How its requests and answers are checked.
    pub checks: Checks,
    /// Idempotency keys of requests that change something.
    pub idempotency: Option<model::Idempotency>,
}

/// How requests and answers are checked against the definition (specification, section 5.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checks {
    /// Requests.
    pub request: Mode,
    /// Answers to requests that may be repeated.
    pub response: Mode,
    /// Answers to all others: withholding one hides what became of the order, so this is raised
    /// above observing by name alone.
    pub unsafe_response: Mode,
}

impl Checks {
    /// Whether anything is checked.
    #[must_use]
    pub fn any(&self) -> bool {
        [self.request, self.response, self.unsafe_response] != [Mode::Off; 3]
    }

    fn of(&self, method: &str) -> (Mode, Mode) {
        let repeatable = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(&method);
        let response = match repeatable {
            true => self.response,
            false => self.unsafe_response,
        };
        (self.request, response)
    }
}

/// What an operation's requests and answers are checked by.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rules {
    /// Nothing is checked.
    #[default]
    None,
    /// The rules as gateways read them (`esb/schema::portable`).
    Text(String),
    /// Rules that cannot be compiled, and why.
    Wrong(String),
}

/// An operation of a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Its id; none when its definition gives none.
    pub id: Option<String>,
    /// `GET`.
    pub method: String,
    /// `/orders/{id}`.
    pub path: String,
    /// What it is checked by.
    pub rules: Rules,
    /// Labels of the fields of its answers; none when nobody looked.
    pub labels: Option<Vec<FieldMask>>,
}

/// A version that gateways may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Code of the interface.
    pub interface: String,
    /// Major, minor, patch.
    pub number: (u32, u32, u32),
    /// Where it stands.
    pub standing: Standing,
    /// Why it is suspended.
    pub suspended_for: String,
    /// Since when it is deprecated.
    pub deprecated_at: Option<Timestamp>,
    /// When it goes.
    pub sunset: Option<Timestamp>,
    /// What follows it: `trade.order@2.0.0`, or another text.
    pub successor: Option<String>,
    /// Since which day it is retired.
    pub retired_on: Option<Date>,
    /// The highest level of its labels, 1 to 4.
    pub highest_level: u8,
    /// Its operations.
    pub operations: Vec<Operation>,
    /// Where requests go; none when nobody said.
    pub binding: Option<Binding>,
}

/// A subscription to the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Its id.
    pub id: String,
    /// Code of the application.
    pub application: String,
    /// Code of the interface.
    pub interface: String,
    /// Major number of the versions it is for.
    pub major: u32,
    /// Where it stands today.
    pub state: subscription::State,
    /// Its last day.
    pub until: Date,
    /// Ids of operations; empty for all.
    pub operations: Vec<String>,
    /// Requests per second.
    pub rate: u32,
    /// Requests at once beyond the rate.
    pub burst: u32,
    /// Requests of a day.
    pub daily: u64,
    /// Requests under way at the same time.
    pub concurrency: u32,
    /// Highest level of data it may see, 1 to 4.
    pub clearance: u8,
}

/// All that a snapshot is cut from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Number of the snapshot.
    pub version: u64,
    /// Rank of the leader.
    pub token: Token,
    /// Now.
    pub at: Timestamp,
    /// Login of who publishes.
    pub author: String,
    /// Today in the house's zone.
    pub today: Date,
    /// Versions.
    pub offered: Vec<Offered>,
    /// Applications: code and name.
    pub applications: Vec<(String, String)>,
    /// Subscriptions.
    pub granted: Vec<Granted>,
    /// Credentials in force.
    pub credentials: Vec<Credential>,
}

/// Something that is not in the snapshot, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// What, `trade.order@1.0.0` or the id of a subscription.
    pub what: String,
    /// A stable word.
    pub code: &'static str,
    /// Why, and what to do.
    pub words: Words,
}

/// What is wrong with a snapshot as a whole; nothing of it is published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// JSON pointer into the snapshot.
    pub pointer: String,
    /// A stable word.
    pub code: &'static str,
    /// What.
    pub words: Words,
}

/// A snapshot, and what is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The snapshot; it holds.
    pub snapshot: Snapshot,
    /// What was left out, in order.
    pub left_out: Vec<LeftOut>,
}

#[derive(Default)]
struct Cutter {
    interfaces: Vec<model::Interface>,
    routes: Vec<Route>,
    pools: BTreeMap<String, Pool>,
    /// Operations and the highest level by interface and major.
    served: BTreeMap<(String, u32), (BTreeSet<String>, u8)>,
    schemas: BTreeMap<String, String>,
    left_out: Vec<LeftOut>,
}

/// Cuts a snapshot.
///
/// # Errors
/// All that is wrong with it as a whole.
pub fn cut(facts: &Facts) -> Result<Cut, Vec<Fault>> {
    let mut cutter = Cutter::default();
    let mut majors: BTreeMap<(&str, u32), Vec<&Offered>> = BTreeMap::new();
    for one in &facts.offered {
        let key = (one.interface.as_str(), one.number.0);
        majors.entry(key).or_default().push(one);
    }
    let sandbox = facts.environment == "sandbox";
    for versions in majors.values_mut() {
        versions.sort_by_key(|one| std::cmp::Reverse(one.number));
        cutter.major(versions, sandbox, facts);
    }
    let subscriptions = cutter.subscriptions(facts);
    let applications: BTreeMap<&str, &str> = facts
        .applications
        .iter()
        .map(|(code, name)| (code.as_str(), name.as_str()))
        .collect();
    let mut credentials = facts.credentials.clone();
    credentials.retain(|one| applications.contains_key(one.application.as_str()));
    credentials.sort_by(|a, b| a.id.cmp(&b.id));
    let masked = cutter.routes.iter().any(|route| route.masking.is_some());
    let labels = if masked { catalogue() } else { Vec::new() };
    let snapshot = Snapshot {
        format: 1,
        version: facts.version,
        token: facts.token,
        environment: facts.environment.clone(),
        created_at: facts.at,
        author: facts.author.clone(),
        changes: Vec::new(),
        interfaces: cutter.interfaces,
        routes: cutter.routes,
        pools: cutter.pools.into_values().collect(),
        policies: vec![subscribers()],
        applications: applications
            .into_iter()
            .map(|(id, name)| Application {
                id: id.to_owned(),
                name: name.to_owned(),
                trusted: false,
            })
            .collect(),
        credentials,
        issuers: Vec::new(),
        subscriptions,
        windows: Vec::new(),
        calendar: model::Calendar::default(),
        labels,
        schemas: cutter.schemas,
    };
    let faults: Vec<Fault> = model::check(&snapshot).into_iter().map(fault).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    cutter.left_out.sort();
    Ok(Cut {
        snapshot,
        left_out: cutter.left_out,
    })
}

fn fault(found: model::Finding) -> Fault {
    let place = &found.pointer;
    let zh = match found.code {
        "ambiguous-route" => format!("{place}：两条路由无法区分"),
        "duplicate" => format!("{place}：重复"),
        "dangling" => format!("{place}：引用的对象不在快照中"),
        "id" => format!("{place}：标识不合规"),
        "weights" => format!("{place}：权重之和不为 10000"),
        code => format!("{place}：不符合快照规则（{code}）"),
    };
    Fault {
        words: Words::new(format!("{}: {}", found.pointer, found.message), zh),
        pointer: found.pointer,
        code: found.code,
    }
}

fn subscribers() -> Policy {
    Policy {
        id: POLICY.to_owned(),
        access: Access::Callers {
            any_of: vec![
                vec![AuthMethod::ApiKey],
                vec![AuthMethod::Hmac],
                vec![AuthMethod::Oauth2],
            ],
        },
        body_bytes: 64 << 20,
        buffered_bytes: 1 << 20,
    }
}

/// Whether requests of a method change something (RFC 9110, section 9.2.1).
fn changes(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

fn number(one: &Offered) -> String {
    let (major, minor, patch) = one.number;
    format!("{major}.{minor}.{patch}")
}

fn named(one: &Offered) -> String {
    format!("{}@{}", one.interface, number(one))
}

/// A path template without the names of its parameters: routes of one shape are one route.
fn erased(path: &str) -> String {
    let parts = path.split('{').enumerate().map(|(n, part)| match n {
        0 => part.to_owned(),
        _ => format!("{{{}", part.trim_start_matches(|letter| letter != '}')),
    });
    parts.collect()
}

/// What callers feel of where a version stands.
fn felt(one: &Offered, facts: &Facts) -> InterfaceState {
    if one.standing.suspended {
        return InterfaceState::Suspended {
            reason: one.suspended_for.clone(),
        };
    }
    match one.standing.state {
        State::Deprecated => InterfaceState::Deprecated {
            since: one.deprecated_at.unwrap_or(facts.at),
            sunset: one.sunset,
            successor: one.successor.as_deref().and_then(|text| {
                let next = facts.offered.iter().find(|next| named(next) == text)?;
                Some(format!("/{}/v{}", next.interface, next.number.0))
            }),
        },
        State::Retired => InterfaceState::Retired {
            on: one.retired_on.unwrap_or(facts.today),
        },
        _ => InterfaceState::Published,
    }
}

impl Cutter {
    fn leave_out(&mut self, what: String, code: &'static str, en: &str, zh: &str) {
        let words = Words::new(en, zh);
        self.left_out.push(LeftOut { what, code, words });
    }

    /// The versions of a major, the highest number first.
    fn major(&mut self, versions: &[&Offered], sandbox: bool, facts: &Facts) {
        let in_state = |states: &[State]| {
            let mut fitting = versions.iter().copied();
            fitting.find(|one| states.contains(&one.standing.state))
        };
        let open = [State::Published, State::Deprecated];
        let (stable, grey) = if sandbox {
            // Who tests meets what comes next.
            let all = [
                State::Testing,
                State::Grey,
                State::Published,
                State::Deprecated,
            ];
            (in_state(&all), None)
        } else {
            (in_state(&open), in_state(&[State::Grey]))
        };
        // One year long callers are told that it is gone, by the last one that was.
        let gone = in_state(&[State::Retired]).filter(|one| {
            one.retired_on
                .is_none_or(|on| (facts.today - on).get_days() <= 365)
        });
        let chosen: Vec<&Offered> = stable.into_iter().chain(grey).collect();
        let chosen = if chosen.is_empty() {
            gone.into_iter().collect()
        } else {
            chosen
        };
        let usable: Vec<&Offered> = chosen.into_iter().filter(|one| self.usable(one)).collect();
        match usable.as_slice() {
            [] => {}
            [one] => self.version(one, None, facts),
            // A grey one stands beside the one before it, operation by operation.
            [one, grey, ..] => {
                self.version(one, Some(grey), facts);
                self.version_beside(grey, one, facts);
            }
        }
    }

    /// Whether a version can be served; what stands against it is told.
    fn usable(&mut self, one: &Offered) -> bool {
        if one
            .binding
            .as_ref()
            .is_none_or(|to| to.upstreams.is_empty())
        {
            self.leave_out(
                named(one),
                "no-binding",
                "Nobody said where its requests go: bind it in this environment.",
                "尚未在此环境绑定后端，请先绑定。",
            );
            return false;
        }
        let before = self.left_out.len();
        for operation in &one.operations {
            let at = format!("{} {} {}", named(one), operation.method, operation.path);
            if let Rules::Wrong(why) = &operation.rules {
                let en = format!(
                    "It is to be checked and its schemas cannot be compiled ({why}); the version is \
                     not served. Mend the definition, or turn the checks off.",
                );
                let zh = format!(
                    "已要求校验，但其结构无法编译（{why}），该版本不提供服务；请修正定义或关闭校验。"
                );
                self.leave_out(at.clone(), "rules", &en, &zh);
            }
            match &operation.id {
                Some(id) if is_id(id) => {}
                _ => self.leave_out(
                    at,
                    "operation-id",
                    "Its operationId is missing or has other than letters, digits and `._-/@`; the \
                     version is not served.",
                    "缺少 operationId 或含有字母、数字、“._-/@”以外的字符，该版本不提供服务。",
                ),
            }
        }
        self.left_out.len() == before
    }

    /// A version with all its operations; a grey one beside it takes its share of those it has too.
    fn version(&mut self, one: &Offered, grey: Option<&Offered>, facts: &Facts) {
        self.interface(one, facts);
        for operation in &one.operations {
            let also = grey.filter(|grey| !grey.standing.suspended);
            let also = also.filter(|grey| grey.operations.contains(operation));
            self.route(one, operation, also);
        }
    }

    /// A grey version's operations that the one before it does not have.
    fn version_beside(&mut self, grey: &Offered, before: &Offered, facts: &Facts) {
        self.interface(grey, facts);
        let shape = |one: &Operation| (one.method.clone(), erased(&one.path));
        let known: BTreeSet<_> = before.operations.iter().map(shape).collect();
        let own = grey.operations.iter();
        for operation in own.filter(|one| !known.contains(&shape(one))) {
            self.route(grey, operation, None);
        }
    }

    /// The highest level that answers of a version show: 1 where fields are masked by label, else
    /// that of all its labels.
    fn shown(one: &Offered) -> u8 {
        let masked = one.operations.iter().all(|one| one.labels.is_some());
        if masked { 1 } else { one.highest_level }
    }

    fn interface(&mut self, one: &Offered, facts: &Facts) {
        self.interfaces.push(model::Interface {
            id: one.interface.clone(),
            version: number(one),
            state: felt(one, facts),
        });
        let key = (one.interface.clone(), one.number.0);
        let (_, level) = self.served.entry(key).or_default();
        *level = (*level).max(Self::shown(one));
    }

    fn pool(&mut self, one: &Offered) -> String {
        let id = named(one);
        let upstreams = one.binding.iter().flat_map(|to| &to.upstreams);
        let endpoints = upstreams.map(|(address, weight)| Endpoint {
            address: *address,
            weight: *weight,
        });
        let pool = Pool {
            id: id.clone(),
            endpoints: endpoints.collect(),
            health: None,
            breaker: Some(model::BreakerConfig::default()),
        };
        self.pools.insert(id.clone(), pool);
        id
    }

    fn route(&mut self, one: &Offered, operation: &Operation, grey: Option<&Offered>) {
        let (Some(id), Some(binding)) = (&operation.id, &one.binding) else {
            return;
        };
        let major = one.number.0;
        let key = (one.interface.clone(), major);
        self.served.entry(key).or_default().0.insert(id.clone());
        let base = format!("/{}/v{major}", one.interface);
        let stable = self.pool(one);
        let share = grey.and_then(|grey| grey.binding.as_ref());
        let share = share.map_or(0, |binding| binding.grey_bp.min(WHOLE_BP));
        let variant = |name: &str, pool: String, weight: u32| Variant {
            name: name.to_owned(),
            pool,
            weight,
            callers: Vec::new(),
        };
        // The first variant owns the buckets from 0 on, so a growing share keeps who was on it.
        let mut variants = Vec::new();
        if let Some(grey) = grey {
            let pool = self.pool(grey);
            variants.push(variant("grey", pool, share));
        }
        variants.push(variant("stable", stable, WHOLE_BP - share));
        let route = format!("{}/{id}", named(one));
        let validation = self.validation(operation, binding);
        self.routes.push(Route {
            id: route,
            interface: one.interface.clone(),
            version: number(one),
            operation: id.clone(),
            host: None,
            path: format!("{base}{}", operation.path),
            methods: vec![operation.method.clone()],
            predicates: Vec::new(),
            order: 0,
            policy: POLICY.to_owned(),
            variants,
            sticky: model::Sticky::Caller,
            force_header: None,
            prefix: Some(Prefix {
                from: format!("{base}/"),
                to: format!("{}/", binding.base_path),
            }),
            timeouts: binding.timeouts,
            retry: Retry {
                retries: binding.retries,
                ..Retry::default()
            },
            validation,
            masking: operation.labels.clone().map(|fields| Masking { fields }),
            idempotency: binding.idempotency.filter(|_| changes(&operation.method)),
        });
    }

    fn validation(&mut self, operation: &Operation, to: &Binding) -> Option<model::Validation> {
        let (request, response) = to.checks.of(&operation.method);
        let Rules::Text(text) = &operation.rules else {
            return None;
        };
        if (request, response) == (Mode::Off, Mode::Off) {
            return None;
        }
        let rules = model::schema_name(text);
        self.schemas.insert(rules.clone(), text.clone());
        Some(model::Validation {
            request,
            response,
            rules,
        })
    }

    fn subscriptions(&mut self, facts: &Facts) -> Vec<model::Subscription> {
        let mut granted: Vec<&Granted> = facts.granted.iter().collect();
        granted.sort_by(|a, b| a.id.cmp(&b.id));
        let mut pairs = BTreeSet::new();
        let mut taken = Vec::new();
        for one in granted {
            let Some(state) = state_of(one.state) else {
                continue;
            };
            let pair = (&one.application, &one.interface, one.major);
            if !pairs.insert(pair) {
                let en = "The application has another one for the same interface; that one counts.";
                let zh = "该应用对同一接口已有另一订阅生效。";
                self.leave_out(one.id.clone(), "twice", en, zh);
                continue;
            }
            taken.extend(self.subscription(one, state));
        }
        taken
    }

    fn subscription(
        &mut self,
        one: &Granted,
        state: SubscriptionState,
    ) -> Option<model::Subscription> {
        let id = || one.id.clone();
        let key = (one.interface.clone(), one.major);
        let Some((operations, level)) = self.served.get(&key) else {
            let en = "The interface is not served in this environment.";
            self.leave_out(id(), "not-served", en, "该接口未在此环境提供服务。");
            return None;
        };
        if *level > one.clearance {
            let en = format!(
                "The interface holds data of level {level}, the subscription is for level {} at most; \
                 ask for that clearance.",
                one.clearance
            );
            let clearance = one.clearance;
            let zh =
                format!("接口含 {level} 级数据，订阅仅许可 {clearance} 级，请申请相应的数据级别。");
            self.leave_out(id(), "clearance", &en, &zh);
            return None;
        }
        let wanted = one.operations.iter();
        let known: Vec<String> = wanted
            .filter(|o| operations.contains(*o))
            .cloned()
            .collect();
        if known.is_empty() && !one.operations.is_empty() {
            let en = "None of the operations it is for is served.";
            self.leave_out(id(), "operations", en, "所订阅的操作均未提供服务。");
            return None;
        }
        let rate = match one.state {
            subscription::State::Throttled => (one.rate / THROTTLED_PART).max(1),
            _ => one.rate.max(1),
        };
        Some(model::Subscription {
            id: id(),
            application: one.application.clone(),
            interface: one.interface.clone(),
            major: one.major,
            operations: known,
            state,
            until: Some(one.until),
            limits: Limits {
                rate: Some(Rate {
                    requests: u64::from(rate),
                    per_ms: 1_000,
                    burst: u64::from(one.burst.max(1)),
                }),
                daily: Some(one.daily.max(1)),
                concurrency: Some(one.concurrency.max(1)),
            },
            windows: Vec::new(),
            addresses: Vec::new(),
            clearance: one.clearance,
            may_force_variant: false,
        })
    }
}

/// What callers feel of where a subscription stands; `None`: nothing yet, or no more.
fn state_of(state: subscription::State) -> Option<SubscriptionState> {
    use subscription::State;
    match state {
        State::ManagerApproved | State::Active | State::Throttled | State::Expiring => {
            Some(SubscriptionState::Active)
        }
        State::Suspended => Some(SubscriptionState::Suspended),
        State::Requested
        | State::ProviderApproved
        | State::Expired
        | State::Revoked
        | State::Rejected
        | State::Withdrawn => None,
    }
}

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
