//! What is published: interfaces, routes, upstreams and policies.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use rialto_esb_policy::breaker::BreakerConfig;
use rialto_esb_policy::mask::Label;
use rialto_esb_policy::route::Predicate;
use serde::{Deserialize, Serialize};

use crate::access::{Application, Calendar, Credential, Issuer, Subscription, Window};

/// The whole of a route's traffic, in basis points.
pub const WHOLE_BP: u32 = 10_000;

/// One publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Version of the form: 1.
    pub format: u32,
    /// Grows with every publish of an environment; at least 1.
    pub version: u64,
    /// Rank of the leader that cut it; a node takes none below the highest it has seen.
    pub token: Token,
    /// The environment it is for, e.g. `prod`.
    pub environment: String,
    /// When it was cut.
    pub created_at: Timestamp,
    /// Who published it.
    pub author: String,
    /// Changes it carries, by id.
    #[serde(default)]
    pub changes: Vec<String>,
    /// Interfaces in force.
    #[serde(default)]
    pub interfaces: Vec<Interface>,
    /// Where requests go.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Upstreams.
    #[serde(default)]
    pub pools: Vec<Pool>,
    /// What routes ask of requests.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Callers.
    #[serde(default)]
    pub applications: Vec<Application>,
    /// How callers prove who they are.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// Who issues the tokens that are taken.
    #[serde(default)]
    pub issuers: Vec<Issuer>,
    /// Who may call what, how often and when.
    #[serde(default)]
    pub subscriptions: Vec<Subscription>,
    /// Time windows subscriptions name.
    #[serde(default)]
    pub windows: Vec<Window>,
    /// Trading days.
    #[serde(default)]
    pub calendar: Calendar,
    /// Masking labels.
    #[serde(default)]
    pub labels: Vec<Label>,
    /// Rules of operations as JSON text (`esb/schema::portable`), each under the SHA-256 of its text
    /// in hexadecimal.
    #[serde(default)]
    pub schemas: BTreeMap<String, String>,
}

/// Rank of a leader: a database's timeline, then the lease's epoch.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Timeline of the database.
    pub timeline: u32,
    /// Epoch of the lease.
    pub epoch: u64,
}

/// A version of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// Its id, e.g. `trade.order`.
    pub id: String,
    /// `major.minor.patch`.
    pub version: String,
    /// Where it stands.
    pub state: InterfaceState,
}

impl Interface {
    /// The major part of its version; `None` when it is no version.
    #[must_use]
    pub fn major(&self) -> Option<u32> {
        let parts: Vec<&str> = self.version.split('.').collect();
        let numbers: Option<Vec<u32>> = parts.iter().map(|part| part.parse().ok()).collect();
        numbers
            .filter(|numbers| numbers.len() == 3)
            .map(|numbers| numbers[0])
    }
}

/// Where a version of an interface stands, as far as requests feel it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum InterfaceState {
    /// It is served.
    Published,
    /// It is served, and answers say that it ends.
    Deprecated {
        /// Since when (RFC 9745).
        since: Timestamp,
        /// When it ends (RFC 8594).
        sunset: Option<Timestamp>,
        /// Address of what comes after it.
        successor: Option<String>,
    },
    /// It is refused for now.
    Suspended {
        /// Why, for callers.
        reason: String,
    },
    /// It is gone.
    Retired {
        /// Since which day.
        on: Date,
    },
}

/// A route: an operation of an interface and where its requests go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its id.
    pub id: String,
    /// The interface's id.
    pub interface: String,
    /// The interface's version.
    pub version: String,
    /// The operation's id.
    pub operation: String,
    /// `api.example`, `*.example`, or nothing for any host.
    #[serde(default)]
    pub host: Option<String>,
    /// Path template, e.g. `/v2/orders/{id}`.
    pub path: String,
    /// `GET`, …, or `*` for any.
    pub methods: Vec<String>,
    /// All of them must hold.
    #[serde(default)]
    pub predicates: Vec<Predicate>,
    /// Among routes with as many predicates the lower comes first.
    #[serde(default)]
    pub order: i32,
    /// What it asks of requests: a policy's id.
    pub policy: String,
    /// Where requests go; weights sum to [`WHOLE_BP`].
    pub variants: Vec<Variant>,
    /// What keeps a caller on its variant.
    #[serde(default)]
    pub sticky: Sticky,
    /// Header by which a caller with the right chooses the variant.
    #[serde(default)]
    pub force_header: Option<String>,
    /// Beginning of the path that is another at the upstream.
    #[serde(default)]
    pub prefix: Option<Prefix>,
    /// Time limits.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// When a request is sent again.
    #[serde(default)]
    pub retry: Retry,
    /// Checks of requests and answers against the definition.
    #[serde(default)]
    pub validation: Option<Validation>,
    /// What callers do not see of answers.
    #[serde(default)]
    pub masking: Option<Masking>,
    /// Idempotency keys of requests that change something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
}

/// How idempotency keys are asked for (幂等键).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// Whether a request without one is refused.
    pub required: bool,
    /// How long answers are kept, seconds: 1 to 604,800 (a week).
    pub keep_s: u32,
}

/// A variant of a route (灰度 / 蓝绿).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name, e.g. `canary`.
    pub name: String,
    /// The pool that serves it.
    pub pool: String,
    /// Its share of the traffic, basis points. The first variant owns the buckets from 0 on.
    pub weight: u32,
    /// Applications that always get it.
    #[serde(default)]
    pub callers: Vec<String>,
}

/// What a request's bucket is computed from, beside the route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sticky {
    /// The calling application; a caller that is not known, by the trace.
    #[default]
    Caller,
    /// The application and a header's value; without the header, by the trace.
    Header(String),
    /// The trace: every request anew.
    Trace,
}

/// A beginning of the path and what stands for it at the upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// What requests begin with; must be a literal beginning of the route's path.
    pub from: String,
    /// What the upstream gets in its place.
    pub to: String,
}

/// Time limits, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// From the request's head to the answer's head, all tries together.
    pub total_ms: u64,
    /// To open a connection.
    pub connect_ms: u64,
    /// From the request to the answer's head, each try.
    pub first_byte_ms: u64,
    /// Between two pieces of a body, either way.
    pub idle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            total_ms: 10_000,
            connect_ms: 500,
            first_byte_ms: 3_000,
            idle_ms: 15_000,
        }
    }
}

/// When a request is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Tries beyond the first, 0 to 2.
    pub retries: u32,
    /// Answers after which an idempotent request is sent again.
    pub statuses: Vec<u16>,
    /// The provider says that the operation may be repeated whatever its method.
    pub idempotent: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            retries: 2,
            statuses: vec![502, 503, 504],
            idempotent: false,
        }
    }
}

/// How strictly requests or answers are checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not at all.
    #[default]
    Off,
    /// Findings are kept, nothing is refused, nothing is changed.
    Observe,
    /// What does not fit is refused.
    Enforce,
}

impl Mode {
    /// `off`, `observe` or `enforce`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// Checks of requests and answers against the definition (specification, section 5.7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Of requests: parameters, type and body.
    #[serde(default)]
    pub request: Mode,
    /// Of answers: status, type and body.
    #[serde(default)]
    pub response: Mode,
    /// The operation's rules, by their name among the snapshot's schemas.
    pub rules: String,
}

/// What callers do not see of JSON answers. A field without a label is of level 3 and hidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masking {
    /// Labels of fields.
    pub fields: Vec<FieldMask>,
}

/// The label of a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldMask {
    /// JSON pointer, `*` for every item or member: `/items/*/id_card`.
    pub pointer: String,
    /// The label.
    pub label: String,
}

/// What a route asks of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// Who may call.
    pub access: Access,
    /// Largest body that passes, bytes.
    #[serde(default = "streamed_bytes")]
    pub body_bytes: u64,
    /// Largest body that is held in memory because something has to read it whole, bytes.
    #[serde(default = "buffered_bytes")]
    pub buffered_bytes: u64,
}

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Access {
    /// Anybody, without limits by caller. Spelled out, so that nobody opens a route by leaving
    /// something away.
    Open,
    /// Callers with a subscription that prove who they are by any of these sets, all of a set.
    Callers {
        /// Any of these sets, all of a set.
        any_of: Vec<Vec<AuthMethod>>,
    },
}

/// A way to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// `X-API-Key`.
    ApiKey,
    /// RFC 9421 with `hmac-sha256`.
    Hmac,
    /// `Authorization: Bearer` with a JWT of an issuer the snapshot names.
    Jwt,
    /// `Authorization: Bearer` with a token the gateways gave a client.
    Oauth2,
}

/// Upstreams that serve the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Its id.
    pub id: String,
    /// Its instances.
    pub endpoints: Vec<Endpoint>,
    /// Active health check.
    #[serde(default)]
    pub health: Option<HealthProbe>,
    /// Circuit breaker; none without.
    #[serde(default)]
    pub breaker: Option<BreakerConfig>,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Its address.
    pub address: SocketAddr,
    /// Its share beside the others, 1 to 10,000.
    #[serde(default = "one")]
    pub weight: u32,
}

/// An active health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthProbe {
    /// Path that answers 2xx when the instance is well.
    pub path: String,
    /// Time between probes, ms.
    pub interval_ms: u64,
    /// Time one probe may take, ms.
    pub timeout_ms: u64,
    /// Failures in a row that make it unhealthy.
    pub unhealthy_after: u32,
    /// Successes in a row that make it healthy again.
    pub healthy_after: u32,
}

fn streamed_bytes() -> u64 {
    64 << 20
}

fn buffered_bytes() -> u64 {
    1 << 20
}

fn one() -> u32 {
    1
}
