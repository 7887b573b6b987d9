//! Active health checks: a probe over a new connection each time, counted in a row.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Empty};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::config::HealthCheck;
use crate::upstream::{Health, Upstream, connect};

/// Probes a version until it is dropped or the task is aborted.
pub(crate) fn watch(upstream: &Arc<Upstream>, check: HealthCheck) -> JoinHandle<()> {
    let upstream = Arc::downgrade(upstream);
    tokio::spawn(probe_loop(upstream, check))
}

async fn probe_loop(upstream: Weak<Upstream>, check: HealthCheck) {
    let interval = Duration::from_millis(check.interval_ms);
    let (mut good, mut bad) = (0u32, 0u32);
    loop {
        let began = Instant::now();
        let Some(version) = upstream.upgrade() else {
            return;
        };
        match probe(&version, &check).await {
            Ok(()) => {
                bad = 0;
                good = good.saturating_add(1);
                if good >= check.healthy_after || version.health() == Health::Starting {
                    version.set_health(Health::Healthy);
                }
            }
            Err(reason) => {
                good = 0;
                bad = bad.saturating_add(1);
                if bad == check.unhealthy_after {
                    tracing::warn!(address = %version.address(), label = version.target.label,
                        reason, "version is unhealthy");
                }
                if bad >= check.unhealthy_after {
                    version.set_health(Health::Unhealthy);
                }
            }
        }
        drop(version);
        tokio::time::sleep_until(began + interval).await;
    }
}

async fn probe(upstream: &Upstream, check: &HealthCheck) -> Result<(), String> {
    let limit = Duration::from_millis(check.timeout_ms);
    timeout(limit, ask(upstream, check, limit))
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} ms", check.timeout_ms)))
}

async fn ask(upstream: &Upstream, check: &HealthCheck, limit: Duration) -> Result<(), String> {
    let mut connection = connect(upstream.address(), limit)
        .await
        .map_err(|error| error.to_string())?;
    let request = Request::get(&check.path)
        .header(header::HOST, upstream.address().to_string())
        .header(header::USER_AGENT, "rialto-gateway-health")
        .header(header::CONNECTION, "close")
        .body(
            Empty::<Bytes>::new()
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
        .map_err(|error| error.to_string())?;
    let answer = connection
        .send_request(request)
        .await
        .map_err(|error| error.to_string())?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(format!("{} answered {}", check.path, answer.status()))
    }
}
