//! The attempts a request gets: on which version, how often, and what the client is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::forward::{Answer, AttemptError, attempt};
use crate::problem::Problem;
use crate::proxy::Outgoing;
use crate::service::{Routing, Service};
use crate::upstream::{Health, Upstream};

/// A request's attempts.
pub(crate) struct Attempts<'a> {
    service: &'a Arc<Service>,
    idempotent: bool,
    made: u32,
    /// An attempt failed by the version's fault.
    failed: bool,
    /// The version that failed the request under a fallback rule: it is not asked again.
    passed_by: Option<Arc<Upstream>>,
    /// Its 5xx answer, given to the client if the other version has none better.
    held: Option<(Answer, Arc<Routing>)>,
}

/// What comes after a failed attempt.
struct Failure {
    /// What the client is told if it was the last one.
    problem: Problem,
    /// What may be sent again.
    next: Option<Outgoing>,
    /// The version is to blame, not the age of a connection.
    blamed: bool,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(service: &'a Arc<Service>, idempotent: bool) -> Self {
        Self {
            service,
            idempotent,
            made: 0,
            failed: false,
            passed_by: None,
            held: None,
        }
    }

    /// Sends the request until it has an answer or may not be sent again.
    pub(crate) async fn run(
        mut self,
        mut outgoing: Outgoing,
    ) -> Result<(Answer, Arc<Routing>), Problem> {
        loop {
            // Each attempt reads the snapshot anew: after a switch it goes to the new version.
            let (made, passed_by) = (self.made, self.passed_by.clone());
            let (routing, in_flight) = self.service.select(|r| choose(r, made, passed_by.as_ref()));
            let Some(in_flight) = in_flight else {
                return self
                    .held
                    .ok_or_else(|| Problem::no_backend(&self.service.name));
            };
            let upstream = Arc::clone(in_flight.upstream());
            if self.made > 0 {
                self.service.retried.fetch_add(1, Ordering::Relaxed);
                upstream.retried.fetch_add(1, Ordering::Relaxed);
            }
            self.made += 1;
            let (request, again) = outgoing.take();
            let times = &routing.spec.timeouts;
            let limits = (
                Duration::from_millis(times.connect_ms),
                Duration::from_millis(times.first_byte_ms),
            );
            let fresh = self.made > 1;
            let activation = &routing.activation;
            let next = match attempt(in_flight, activation, request, fresh, limits).await {
                Ok(answer) => match self.weigh(answer, again, &upstream, routing) {
                    Ok(done) => return Ok(done),
                    Err(next) => Some(next),
                },
                Err(error) => self.failed(error, again, &upstream, &routing)?,
            };
            match next {
                Some(next) => outgoing = next,
                None => {
                    return self
                        .held
                        .ok_or_else(|| Problem::no_backend(&self.service.name));
                }
            }
            if self.held.is_none() {
                tokio::time::sleep(Duration::from_millis(5 << self.made.min(5))).await;
            }
        }
    }

    /// Decides on an answer: it is the client's, or the other version is asked.
    fn weigh(
        &mut self,
        answer: Answer,
        again: Option<Outgoing>,
        upstream: &Arc<Upstream>,
        routing: Arc<Routing>,
    ) -> Result<(Answer, Arc<Routing>), Outgoing> {
        let status = answer.response.status();
        if !status.is_server_error() {
            if self.failed {
                self.service.rescued.fetch_add(1, Ordering::Relaxed);
            }
            if let Some((unseen, _)) = self.held.take() {
                unseen.discard();
            }
            return Ok((answer, routing));
        }
        self.failed = true;
        self.service.count_failed_attempt(upstream);
        if let Some(first) = self.held.take() {
            answer.discard();
            return Ok(first);
        }
        let ruled = routing.spec.retry.fallback_on.contains(&status.as_u16());
        match again {
            Some(again) if ruled && self.idempotent && self.may_fall_back(upstream) => {
                self.passed_by = Some(Arc::clone(upstream));
                self.held = Some((answer, routing));
                Err(again)
            }
            _ => Ok((answer, routing)),
        }
    }

    /// Decides on a failed attempt: what is sent next, `None` for the answer that is held.
    fn failed(
        &mut self,
        error: AttemptError,
        again: Option<Outgoing>,
        upstream: &Arc<Upstream>,
        routing: &Routing,
    ) -> Result<Option<Outgoing>, Problem> {
        let failure = self.judge(error, again, upstream, routing);
        if failure.blamed {
            self.failed = true;
            self.service.count_failed_attempt(upstream);
        }
        if self.held.is_some() {
            return Ok(None);
        }
        let ruled = !routing.spec.retry.fallback_on.is_empty();
        match failure.next {
            Some(next) if failure.blamed && ruled && self.may_fall_back(upstream) => {
                self.passed_by = Some(Arc::clone(upstream));
                Ok(Some(next))
            }
            Some(next) if self.made < routing.spec.retry.max_attempts => Ok(Some(next)),
            _ => {
                if !failure.blamed {
                    self.service.count_failed_attempt(upstream);
                }
                Err(failure.problem)
            }
        }
    }

    /// Whether another version is there for what this one failed; one request falls back once.
    fn may_fall_back(&self, from: &Arc<Upstream>) -> bool {
        self.passed_by.is_none() && other_than(&self.service.routing(), from).is_some()
    }

    fn judge(
        &self,
        failed: AttemptError,
        again: Option<Outgoing>,
        upstream: &Upstream,
        routing: &Routing,
    ) -> Failure {
        let repeatable = again.filter(|_| self.idempotent);
        match failed {
            AttemptError::NotSent {
                request,
                reason,
                reused,
            } => {
                // A failed connect ejects at once; the health check brings it back.
                if !reused && routing.spec.health.is_some() {
                    upstream.set_health(Health::Unhealthy);
                }
                Failure {
                    problem: Problem::connect_failed(reason),
                    next: repeatable.or(Some(Outgoing::Once(request))),
                    blamed: !reused,
                }
            }
            AttemptError::Reset { reason, reused } => Failure {
                problem: Problem::reset(reason),
                blamed: !reused,
                next: repeatable,
            },
            // Without a fallback rule neither is sent again: the same version would do the same.
            AttemptError::Protocol { reason } => Failure {
                problem: Problem::protocol(reason),
                next: repeatable.filter(|_| self.rule_applies(routing)),
                blamed: true,
            },
            AttemptError::Timeout => Failure {
                problem: Problem::timeout(routing.spec.timeouts.first_byte_ms),
                next: repeatable.filter(|_| self.rule_applies(routing)),
                blamed: true,
            },
        }
    }

    fn rule_applies(&self, routing: &Routing) -> bool {
        self.passed_by.is_none() && !routing.spec.retry.fallback_on.is_empty()
    }
}

/// The version for an attempt: the one that did not fail the request under a fallback rule; else
/// the active one, or the standby while the active one is unhealthy and the standby is not.
fn choose(
    routing: &Routing,
    made: u32,
    passed_by: Option<&Arc<Upstream>>,
) -> Option<Arc<Upstream>> {
    if let Some(failed) = passed_by {
        return other_than(routing, failed);
    }
    let active = routing.active.as_ref()?;
    let standby = routing
        .standby
        .as_ref()
        .filter(|s| s.health() != Health::Unhealthy);
    let failing =
        active.health() == Health::Unhealthy || (routing.spec.health.is_none() && made >= 2);
    match standby {
        Some(standby) if failing => Some(Arc::clone(standby)),
        _ => Some(Arc::clone(active)),
    }
}

/// The version beside `failed` that is not unhealthy: its standby, or, when the traffic has moved
/// back meanwhile, the active one.
fn other_than(routing: &Routing, failed: &Arc<Upstream>) -> Option<Arc<Upstream>> {
    [&routing.active, &routing.standby]
        .into_iter()
        .flatten()
        .find(|one| !Arc::ptr_eq(one, failed) && one.health() != Health::Unhealthy)
        .cloned()
}
