//! `/metrics`: figures in the text form of Prometheus, for the machine itself or with a token.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use crate::access::bearer_token;
use crate::{Problem, Web};

/// Upper bounds of the buckets of times, seconds.
const BUCKETS: [f64; 8] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// A figure as it stands now.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    /// Name, such as `rialto_jobs`.
    pub name: &'static str,
    /// What it says, with its unit.
    pub help: &'static str,
    /// What it is about.
    pub labels: Vec<(&'static str, String)>,
    /// The figure.
    pub value: u64,
}

/// Asks a system for its figures.
pub type GaugeSource =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<Gauge>> + Send>> + Send + Sync>;

/// Counts of this process, and where further figures come from.
pub(crate) struct Metrics {
    started: Instant,
    requests: Mutex<BTreeMap<(&'static str, String), Route>>,
    sources: Mutex<Vec<GaugeSource>>,
}

#[derive(Debug, Default)]
struct Route {
    by_status: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS.len()],
    seconds: f64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            requests: Mutex::default(),
            sources: Mutex::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn add_source(&self, source: GaugeSource) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.push(source);
    }

    fn count(&self, method: &'static str, route: String, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let route = requests.entry((method, route)).or_default();
        *route.by_status.entry(status).or_default() += 1;
        route.seconds += seconds;
        for (count, bound) in route.buckets.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= bound);
        }
    }

    fn render_requests(&self, out: &mut String) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        out.push_str("# HELP rialto_http_requests_total Requests answered.\n");
        out.push_str("# TYPE rialto_http_requests_total counter\n");
        for ((method, route), counts) in requests.iter() {
            for (status, count) in &counts.by_status {
                let _ = writeln!(
                    out,
                    "rialto_http_requests_total{{method=\"{method}\",route=\"{}\",\
                     status=\"{status}\"}} {count}",
                    escaped(route)
                );
            }
        }
        let name = "rialto_http_request_duration_seconds";
        let _ = writeln!(out, "# HELP {name} Time to the head of the answer.");
        let _ = writeln!(out, "# TYPE {name} histogram");
        for ((method, route), counts) in requests.iter() {
            let labels = format!("method=\"{method}\",route=\"{}\"", escaped(route));
            for (bound, count) in BUCKETS.iter().zip(counts.buckets) {
                let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
            }
            let total: u64 = counts.by_status.values().sum();
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {total}");
            let _ = writeln!(out, "{name}_sum{{{labels}}} {}", counts.seconds);
            let _ = writeln!(out, "{name}_count{{{labels}}} {total}");
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Names of methods as labels; what somebody makes up is `other`, so that nobody can make labels.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Counts every answer under its route.
pub(crate) async fn layer(State(web): State<Web>, request: Request, next: Next) -> Response {
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "console".to_owned(), |path| path.as_str().to_owned());
    let began = Instant::now();
    let answer = next.run(request).await;
    let status = answer.status().as_u16();
    web.metrics.count(method, route, status, began.elapsed());
    answer
}

/// The figures, for the machine itself or with a token of anybody.
pub(crate) async fn metrics(
    State(web): State<Web>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let local = peer.is_some_and(|axum::Extension(ConnectInfo(at))| at.ip().is_loopback());
    // A proxy on this machine speaks for somebody else.
    let forwarded = ["forwarded", "x-forwarded-for", "via"]
        .iter()
        .any(|name| headers.contains_key(*name));
    if !local || forwarded {
        let token = bearer_token(&headers).ok_or_else(Problem::unauthenticated)?;
        let actor = web.identity().actor_by_token(token).await?;
        actor.ok_or_else(Problem::unauthenticated)?;
    }
    let mut gauges = vec![Gauge {
        name: "rialto_uptime_seconds",
        help: "Time since this process started.",
        labels: vec![],
        value: web.metrics.started.elapsed().as_secs(),
    }];
    gauges.extend(database(&web).await);
    let sources = {
        let sources = web.metrics.sources.lock();
        sources.unwrap_or_else(PoisonError::into_inner).clone()
    };
    for source in sources {
        gauges.extend(source().await);
    }
    let mut text = String::new();
    web.metrics.render_requests(&mut text);
    render_gauges(&gauges, &mut text);
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, text).into_response())
}

/// The size of the database; left out when it cannot be read, because a zero would be a lie.
async fn database(web: &Web) -> Option<Gauge> {
    match web.db().size_bytes().await {
        Ok(value) => Some(Gauge {
            name: "rialto_database_bytes",
            help: "Size of the database on disk.",
            labels: vec![("engine", web.db().engine().to_string())],
            value,
        }),
        Err(error) => {
            tracing::warn!(%error, "the size of the database is not known");
            None
        }
    }
}

fn render_gauges(gauges: &[Gauge], out: &mut String) {
    let mut last = "";
    for gauge in gauges {
        if gauge.name != last {
            let _ = writeln!(out, "# HELP {} {}", gauge.name, gauge.help);
            let _ = writeln!(out, "# TYPE {} gauge", gauge.name);
            last = gauge.name;
        }
        let labels: Vec<String> = gauge
            .labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(out, "{}{labels} {}", gauge.name, gauge.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_their_buckets_and_labels_are_escaped() {
        let metrics = Metrics::default();
        for ms in [1, 30, 20_000] {
            metrics.count("GET", "/a/{id}".into(), 200, Duration::from_millis(ms));
        }
        let mut text = String::new();
        metrics.render_requests(&mut text);
        let labels = "method=\"GET\",route=\"/a/{id}\"";
        for line in [
            format!("rialto_http_requests_total{{{labels},status=\"200\"}} 3"),
            format!("rialto_http_request_duration_seconds_bucket{{{labels},le=\"0.005\"}} 1"),
            format!("rialto_http_request_duration_seconds_bucket{{{labels},le=\"0.1\"}} 2"),
            format!("rialto_http_request_duration_seconds_bucket{{{labels},le=\"10\"}} 2"),
            format!("rialto_http_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
