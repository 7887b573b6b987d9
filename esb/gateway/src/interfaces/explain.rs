//! Explanations (specification, section 5.4): the code that serves, heard step by step, nothing used
//! up and nothing sent.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Interfaces;
use super::auth::Caller;
use super::clock::Now;
use super::decide::{Decided, Head, Spend, Trail, decide};
use super::table::Table;
use crate::problem::Problem;

/// A request to explain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// Its first line: `GET /v2/orders/7 HTTP/1.1`; the protocol may be left away.
    pub request: String,
    /// Its headers, names and values.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Where it comes from; none: 127.0.0.1.
    #[serde(default)]
    pub peer: Option<IpAddr>,
    /// When; none: now.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// What would become of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Version of the snapshot that decided.
    pub version: u64,
    /// Its digest.
    pub digest: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Every decision, in order.
    pub steps: Vec<Step>,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It would be sent on.
    Forwarded {
        /// The route.
        route: String,
        /// The operation.
        operation: String,
        /// The caller, if it has to be known.
        application: Option<String>,
        /// The subscription.
        subscription: Option<String>,
        /// The variant.
        variant: String,
        /// The pool.
        pool: String,
        /// Path and query the upstream would get.
        target: String,
    },
    /// It would be refused.
    Refused {
        /// Status.
        status: u16,
        /// Kind.
        code: String,
        /// Why.
        detail: String,
    },
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The phase.
    pub phase: String,
    /// `matched`, `passed over`, `passed`, `skipped`, `chosen` or `refused`.
    pub outcome: String,
    /// What was decided on.
    pub detail: String,
}

#[derive(Default)]
struct Steps(Vec<Step>);

impl Trail for Steps {
    const LISTENS: bool = true;

    fn step(
        &mut self,
        phase: &'static str,
        outcome: &'static str,
        detail: impl FnOnce() -> String,
    ) {
        self.0.push(Step {
            phase: phase.to_owned(),
            outcome: outcome.to_owned(),
            detail: detail(),
        });
    }
}

impl Interfaces {
    /// Explains a request.
    pub(crate) fn explain(&self, asked: &ExplainRequest) -> Result<Explanation, Problem> {
        let invalid = |detail: String| Problem::invalid(detail, Vec::new());
        let table = self
            .table
            .load_full()
            .ok_or_else(|| invalid("there is no snapshot yet".to_owned()))?;
        let mut words = asked.request.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(invalid(
                "`request` is a first line, `GET /path HTTP/1.1`".to_owned(),
            ));
        };
        let uri: http::Uri = target
            .parse()
            .map_err(|_| invalid(format!("`{target}` is no path")))?;
        let method: http::Method = method
            .parse()
            .map_err(|_| invalid(format!("`{method}` is no method")))?;
        let headers = headers_of(asked)?;
        let host = headers
            .get(http::header::HOST)
            .and_then(|value| value.to_str().ok());
        let authority = uri
            .authority()
            .map(http::uri::Authority::as_str)
            .or(host)
            .unwrap_or_default();
        let now = self.clock.now();
        let now = Now {
            at: asked.at.unwrap_or(now.at),
            ..now
        };
        let mut steps = Steps::default();
        let trace = self.names.trace(&headers);
        steps.step(
            "trace",
            if trace.continued { "passed" } else { "chosen" },
            || trace.parent(),
        );
        let head = Head {
            method: method.as_str(),
            target: uri.path_and_query().map_or("/", |target| target.as_str()),
            authority,
            headers: &headers,
            peer: asked.peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            trace: &trace,
        };
        let decided = decide(&table, &head, now, &self.nonces, Spend::Dry, &mut steps);
        let outcome = match decided {
            Err(refusal) => Outcome::Refused {
                status: refusal.status.as_u16(),
                code: refusal.slug.to_owned(),
                detail: refusal.detail.0.clone(),
            },
            Ok(decided) => forwarded(&table, decided, now.ns / 1_000_000, &mut steps),
        };
        Ok(Explanation {
            version: table.snapshot.version,
            digest: table.digest.clone(),
            outcome,
            steps: steps.0,
        })
    }
}

fn headers_of(asked: &ExplainRequest) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in &asked.headers {
        let name_of = HeaderName::try_from(name.as_str()).ok();
        let (Some(name_of), Ok(value)) = (name_of, HeaderValue::from_str(value)) else {
            let detail = format!("`{name}` is no header, or its value is none");
            return Err(Problem::invalid(detail, Vec::new()));
        };
        headers.append(name_of, value);
    }
    Ok(headers)
}

/// What a request that passes meets: the breaker and the instances.
fn forwarded(table: &Table, decided: Decided<'_>, now_ms: u64, steps: &mut Steps) -> Outcome {
    let closed = decided.pool.is_closed();
    let passed = if closed { "passed" } else { "refused" };
    steps.step("breaker", passed, || format!("pool {}", decided.pool.id));
    for (instance, weight) in &decided.pool.instances {
        steps.step("select instance", "passed", || {
            format!("{}, weight {weight}", instance.words(now_ms))
        });
    }
    let spec = &table.snapshot.routes[decided.number];
    let application = |caller: &Caller| table.snapshot.applications[caller.application].id.clone();
    Outcome::Forwarded {
        route: spec.id.clone(),
        operation: spec.operation.clone(),
        application: decided.caller.as_ref().map(application),
        subscription: decided.subscription.map(|one| one.spec.id.clone()),
        variant: spec.variants[decided.variant].name.clone(),
        pool: decided.pool.id.clone(),
        target: decided.target,
    }
}
