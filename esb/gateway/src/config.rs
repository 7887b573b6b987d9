//! What callers say to the gateway and what it says of itself: the admin interface's data.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a gateway is started.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where the admin interface listens; must be a loopback address. Port 0 picks a free one.
    pub admin_listen: SocketAddr,
    /// Bearer token of the admin interface; `None` makes a random one.
    pub admin_token: Option<String>,
    /// File the services are kept in; `None` forgets them at the end (tests).
    pub state_file: Option<PathBuf>,
}

/// A service as its owner wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// Public address. Port 0: a free one is picked once, reported and kept.
    pub listen: SocketAddr,
    /// Version that takes the traffic; `None` answers 503.
    pub active: Option<Target>,
    /// Version that waits, and takes over requests the active one cannot.
    pub standby: Option<Target>,
    /// Active health checks; `None` makes none.
    #[serde(default)]
    pub health: Option<HealthCheck>,
    /// How long requests begun before a switch may go on, ms.
    #[serde(default = "default_drain_timeout_ms")]
    pub drain_timeout_ms: u64,
    /// Retry of idempotent requests.
    #[serde(default)]
    pub retry: Retry,
    /// Answer header that carries the label of the version that served.
    #[serde(default = "default_header_label")]
    pub header_label: String,
    /// Time limits towards the upstream.
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// An upstream: one running version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Address of the process.
    pub address: SocketAddr,
    /// What is put into the label header, e.g. `12-3f2a9c1`.
    pub label: String,
}

/// An active health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// Path that answers 2xx when the version is well.
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

/// Retry of idempotent requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Attempts in all after failures of the connection, the first included; 1 never retries.
    pub max_attempts: u32,
    /// The fallback rule: an idempotent request with a repeatable body that the active version
    /// answers with one of these statuses (500, 502, 503, 504), or does not answer at all, is sent
    /// once to the standby, and the client gets the standby's answer if that is no 5xx. Empty: no
    /// rule. Comes on top of `max_attempts`.
    #[serde(default)]
    pub fallback_on: Vec<u16>,
}

/// The statuses a version may be passed by for: the ones that speak of the version, not of the
/// request.
pub const FALLBACK_STATUSES: [u16; 4] = [500, 502, 503, 504];

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            fallback_on: Vec::new(),
        }
    }
}

/// Time limits towards the upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To open a connection, ms.
    pub connect_ms: u64,
    /// From the request's head to the answer's head, per attempt, ms.
    pub first_byte_ms: u64,
    /// Between two pieces of a body, either way, ms.
    pub idle_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_ms: 500,
            first_byte_ms: 30_000,
            idle_ms: 300_000,
        }
    }
}

/// A switch of the active version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Version that takes the traffic from now on; `None` takes the service off.
    pub active: Option<Target>,
    /// Version that waits.
    pub standby: Option<Target>,
    /// [`ServiceState::version`] the caller last saw; another one refuses the switch.
    pub expect_version: u64,
    /// [`Retry::fallback_on`] from now on. A switch that names none ends the rule: it belongs to a
    /// pair of versions, not to the service.
    #[serde(default)]
    pub fallback_on: Vec<u16>,
}

/// A service as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Name.
    pub name: String,
    /// Public address in use.
    pub listen: SocketAddr,
    /// Why the public address could not be opened (yet), if so.
    pub listen_error: Option<String>,
    /// Version that takes the traffic.
    pub active: Option<TargetState>,
    /// Version that waits.
    pub standby: Option<TargetState>,
    /// Versions that finish what they began.
    pub draining: Vec<TargetState>,
    /// Requests taken since the start of the gateway.
    pub requests: u64,
    /// What users saw: requests whose client got a 5xx (a version's or the gateway's own) or a cut
    /// answer.
    pub failed_requests: u64,
    /// What versions did: attempts that ended without a connection, with a cut or late answer or
    /// with a 5xx, whether or not another attempt made it good.
    pub failed_attempts: u64,
    /// Requests with a failed attempt whose client got a good answer nevertheless.
    pub rescued: u64,
    /// Attempts beyond the first.
    pub retried: u64,
    /// [`Retry::fallback_on`] in force.
    pub fallback_on: Vec<u16>,
    /// When the active version last changed, RFC 3339.
    pub switched_at: Option<String>,
    /// Grows with every change.
    pub version: u64,
}

/// An upstream as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetState {
    /// Address of the process.
    pub address: SocketAddr,
    /// Label.
    pub label: String,
    /// `starting`, `healthy` or `unhealthy`.
    pub health: String,
    /// Requests it works on.
    pub in_flight: u64,
    /// Requests sent to it.
    pub requests: u64,
    /// Attempts on it that failed, see [`ServiceState::failed_attempts`].
    pub failed_attempts: u64,
    /// Attempts on it that were retries.
    pub retried: u64,
}

fn default_drain_timeout_ms() -> u64 {
    30_000
}

fn default_header_label() -> String {
    "X-Rialto-Version".to_owned()
}

impl ServiceSpec {
    /// What is wrong with the wish, as JSON pointer and sentence.
    pub(crate) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Some(health) = &self.health {
            if !health.path.starts_with('/') || health.path.parse::<http::Uri>().is_err() {
                found.push(("/health/path", format!("\"{}\" is not a path", health.path)));
            }
            if !(10..=3_600_000).contains(&health.interval_ms) {
                found.push(("/health/interval_ms", "must be 10 to 3600000".to_owned()));
            }
            if !(1..=600_000).contains(&health.timeout_ms) {
                found.push(("/health/timeout_ms", "must be 1 to 600000".to_owned()));
            }
            if health.unhealthy_after == 0 || health.healthy_after == 0 {
                found.push(("/health", "counts must be at least 1".to_owned()));
            }
        }
        if !(1..=10).contains(&self.retry.max_attempts) {
            found.push(("/retry/max_attempts", "must be 1 to 10".to_owned()));
        }
        found.extend(fallback_fault(
            "/retry/fallback_on",
            &self.retry.fallback_on,
        ));
        if self.header_label.parse::<http::HeaderName>().is_err() {
            found.push((
                "/header_label",
                format!("\"{}\" is not a header name", self.header_label),
            ));
        }
        if self.timeouts.connect_ms == 0
            || self.timeouts.first_byte_ms == 0
            || self.timeouts.idle_ms == 0
        {
            found.push(("/timeouts", "must be at least 1 ms each".to_owned()));
        }
        found.extend(target_faults(self.active.as_ref(), self.standby.as_ref()));
        found
    }
}

impl Switch {
    pub(crate) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut found = target_faults(self.active.as_ref(), self.standby.as_ref());
        found.extend(fallback_fault("/fallback_on", &self.fallback_on));
        found
    }
}

fn fallback_fault(pointer: &'static str, statuses: &[u16]) -> Option<(&'static str, String)> {
    let other = statuses.iter().find(|s| !FALLBACK_STATUSES.contains(s))?;
    Some((pointer, format!("{other} is none of 500, 502, 503 and 504")))
}

fn target_faults(active: Option<&Target>, standby: Option<&Target>) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for (pointer, target) in [("/active", active), ("/standby", standby)] {
        let Some(target) = target else { continue };
        if target.address.port() == 0 {
            found.push((pointer, "port 0 is not an address of a process".to_owned()));
        }
        let labelled = !target.label.is_empty()
            && target.label.len() <= 200
            && target.label.bytes().all(|b| b.is_ascii_graphic());
        if !labelled {
            found.push((
                pointer,
                "label must be 1 to 200 visible ASCII characters".to_owned(),
            ));
        }
    }
    if active.is_some() && active == standby {
        found.push(("/standby", "is the same as active".to_owned()));
    }
    found
}
