//! A request's tries on the instances of a pool (specification, section 5.8).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rialto_esb_policy::breaker::Call;
use rialto_esb_policy::outlier::Took;
use rialto_esb_snapshot as model;
use tokio::time::Instant;

use super::Interfaces;
use super::pool::{Instance, Pass, Pool};
use super::refusal::{Refusal, Sent};
use super::table::Route;
use crate::forward::{Answer, AttemptError, attempt};
use crate::proxy::Outgoing;

/// Longest wait before another try, ms: 25, 50 … 250, a random part of it.
const LONGEST_BACKOFF_MS: u64 = 250;

/// What a request's tries need to know.
pub(crate) struct Tries<'a> {
    pub(crate) interfaces: &'a Interfaces,
    pub(crate) route: &'a Route,
    pub(crate) retry: &'a model::Retry,
    pub(crate) pool: &'a Arc<Pool>,
    /// The request may be sent again after it was sent.
    pub(crate) idempotent: bool,
    /// Tries beyond the first.
    pub(crate) retries: u32,
    pub(crate) deadline: Instant,
}

/// After a failed try.
struct Failure {
    refusal: Refusal,
    next: Option<Outgoing>,
}

/// How an instance took a try; none when it says nothing of it: a connection ended that was kept for
/// more requests.
fn taken(outcome: &Result<Answer, AttemptError>) -> Option<Took> {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(AttemptError::NotSent { reused: true, .. }) => return None,
        Err(AttemptError::NotSent { .. }) => return Some(Took::Unreachable),
        Err(_) => return Some(Took::Broke),
    };
    Some(match answer.response.status().as_u16() {
        502..=504 => Took::Broke,
        500 | 505.. => Took::Failed,
        _ => Took::Well,
    })
}

impl Tries<'_> {
    /// Sends a request until it is answered or may not be sent again.
    pub(crate) async fn run(self, mut outgoing: Outgoing) -> Result<Answer, Refusal> {
        let mut tried: Vec<SocketAddr> = Vec::new();
        self.pool.asked(self.now_ms());
        loop {
            let pass = self.pass()?;
            let chance = self.interfaces.names.random();
            let now_ms = self.now_ms();
            let instance = self.pool.choose(chance, &tried, now_ms).ok_or_else(|| {
                Refusal::new(
                    "no-healthy-backend",
                    format!("pool {} has no instance", self.pool.id),
                    format!("资源池 {} 没有可用实例", self.pool.id),
                )
            })?;
            tried.push(instance.upstream.address());
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.late(Sent::No));
            }
            let limits = (
                self.route.connect.min(left),
                self.route.first_byte.min(left),
            );
            let (request, again) = outgoing.take();
            let in_flight = instance.upstream.begin();
            let fresh = tried.len() > 1;
            let may_retry = u32::try_from(tried.len()).unwrap_or(u32::MAX) <= self.retries;
            let began = Instant::now();
            let outcome = attempt(in_flight, &self.pool.activation, request, fresh, limits).await;
            let took = began.elapsed();
            // A caller's own short time says nothing of the instance.
            let hurried = outcome.is_err()
                && took >= left
                && took < self.route.first_byte.min(self.route.total);
            if !hurried {
                self.tell(pass, &outcome, took);
                self.pool.took(instance, taken(&outcome), self.now_ms());
            }
            let next = match outcome {
                Ok(answer) => match again {
                    Some(again)
                        if may_retry
                            && self.asks_again(answer.response.status())
                            && self.pool.may_retry(self.now_ms()) =>
                    {
                        answer.discard();
                        again
                    }
                    _ => return Ok(answer),
                },
                Err(error) => {
                    let failure = self.failed(error, again, instance);
                    match failure.next {
                        Some(next) if may_retry && self.pool.may_retry(self.now_ms()) => next,
                        _ => return Err(failure.refusal),
                    }
                }
            };
            outgoing = next;
            self.back_off(tried.len(), chance).await;
        }
    }

    fn now_ms(&self) -> u64 {
        self.interfaces.clock.now().ns / 1_000_000
    }

    fn pass(&self) -> Result<Option<Pass>, Refusal> {
        self.pool.pass(self.now_ms()).map_err(|retry_after_ms| {
            Refusal::new(
                "circuit-open",
                format!("pool {} failed too often and is left alone", self.pool.id),
                format!("资源池 {} 失败过多，暂时熔断", self.pool.id),
            )
            .retry_after_ns(retry_after_ms.saturating_mul(1_000_000))
        })
    }

    /// An answer that comes after four fifths of its time counts as slow.
    fn tell(&self, pass: Option<Pass>, outcome: &Result<Answer, AttemptError>, took: Duration) {
        let Some(pass) = pass else { return };
        let call = match outcome {
            Ok(answer) => {
                let status = answer.response.status();
                if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
                    Call::Failed
                } else if took > self.route.first_byte * 4 / 5 {
                    Call::Slow
                } else {
                    Call::Ok
                }
            }
            Err(_) => Call::Failed,
        };
        pass.tell(call, self.now_ms(), self.interfaces.names.random());
    }

    fn asks_again(&self, status: StatusCode) -> bool {
        self.idempotent && self.retry.statuses.contains(&status.as_u16())
    }

    fn late(&self, sent: Sent) -> Refusal {
        let ms = self.route.total.as_millis();
        Refusal::new(
            "deadline-exceeded",
            format!("no answer within {ms} ms in all"),
            format!("{ms} 毫秒内未得到应答"),
        )
        .sent(sent)
    }

    fn failed(
        &self,
        error: AttemptError,
        again: Option<Outgoing>,
        instance: &Arc<Instance>,
    ) -> Failure {
        let repeatable = again.filter(|_| self.idempotent);
        match error {
            AttemptError::NotSent {
                request, reason, ..
            } => {
                tracing::warn!(pool = self.pool.id, instance = %instance.upstream.address(), reason, "a try was not sent");
                Failure {
                    // Nothing was sent: any method may be tried elsewhere.
                    next: Some(repeatable.unwrap_or(Outgoing::Once(request))),
                    refusal: Refusal::new(
                        "backend-connect-failed",
                        "no instance of the service took the connection",
                        "后端服务的实例均无法连接",
                    ),
                }
            }
            AttemptError::Reset { reason, .. } => {
                tracing::warn!(pool = self.pool.id, instance = %instance.upstream.address(), reason, "a try was broken off");
                Failure {
                    next: repeatable,
                    refusal: Refusal::new(
                        "backend-reset",
                        "the connection ended before an answer came; nobody knows what the service did",
                        "应答前连接中断，无法确定后端是否已处理",
                    )
                    .sent(Sent::Unknown),
                }
            }
            AttemptError::Protocol { reason } => {
                tracing::warn!(pool = self.pool.id, instance = %instance.upstream.address(), reason, "an answer is not HTTP");
                Failure {
                    next: None,
                    refusal: Refusal::new(
                        "backend-protocol-error",
                        "what came back is not HTTP",
                        "后端返回的内容不是有效的 HTTP",
                    )
                    .sent(Sent::Yes),
                }
            }
            AttemptError::Timeout => {
                let late = Instant::now() >= self.deadline;
                let ms = self.route.first_byte.as_millis();
                let slow = Refusal::new(
                    "backend-timeout",
                    format!("no answer within {ms} ms"),
                    format!("后端在 {ms} 毫秒内未应答"),
                )
                .sent(Sent::Unknown);
                Failure {
                    next: repeatable.filter(|_| !late),
                    refusal: if late { self.late(Sent::Unknown) } else { slow },
                }
            }
        }
    }

    async fn back_off(&self, tries: usize, chance: u64) {
        let shift = u32::try_from(tries.saturating_sub(1)).unwrap_or(4).min(4);
        let most = (25_u64 << shift).min(LONGEST_BACKOFF_MS);
        let until = Instant::now() + Duration::from_millis(chance % (most + 1));
        tokio::time::sleep_until(until.min(self.deadline)).await;
    }
}
