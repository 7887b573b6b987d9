//! Upstreams of interfaces: instances, which of them is asked, the circuit breaker.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rialto_esb_policy::breaker::{Breaker, Call, Passage};
use rialto_esb_snapshot as model;

use crate::config::{HealthCheck, Target};
use crate::health;
use crate::service::Activation;
use crate::upstream::{Health, Upstream};

/// First time an instance is left alone after a failed connect, ms; grows with each in a row.
const EJECTED_MS: u64 = 5_000;
/// Longest time.
const LONGEST_EJECTED_MS: u64 = 300_000;

/// An instance. Its connections outlive snapshots that keep it.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) upstream: Arc<Upstream>,
    /// Milliseconds of the gateway's clock until which it is left alone.
    ejected_until_ms: AtomicU64,
    ejections: AtomicU32,
    probe: Option<tokio::task::AbortHandle>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(probe) = &self.probe {
            probe.abort();
        }
    }
}

impl Instance {
    pub(crate) fn new(address: SocketAddr, health: Option<&model::HealthProbe>) -> Arc<Self> {
        let label = address.to_string();
        let upstream = Arc::new(Upstream::new(Target { address, label }));
        let probe = health.map(|probe| {
            let check = HealthCheck {
                path: probe.path.clone(),
                interval_ms: probe.interval_ms,
                timeout_ms: probe.timeout_ms,
                unhealthy_after: probe.unhealthy_after,
                healthy_after: probe.healthy_after,
            };
            health::watch(&upstream, check).abort_handle()
        });
        Arc::new(Self {
            upstream,
            ejected_until_ms: AtomicU64::new(0),
            ejections: AtomicU32::new(0),
            probe,
        })
    }

    fn is_usable(&self, now_ms: u64) -> bool {
        self.upstream.health() != Health::Unhealthy
            && self.ejected_until_ms.load(Ordering::Relaxed) <= now_ms
    }

    /// A connect failed: it is left alone for a while, the longer the oftener.
    pub(crate) fn eject(&self, now_ms: u64) {
        let count = u64::from(self.ejections.fetch_add(1, Ordering::Relaxed)) + 1;
        let time = EJECTED_MS.saturating_mul(count).min(LONGEST_EJECTED_MS);
        self.ejected_until_ms
            .store(now_ms + time, Ordering::Relaxed);
        if self.probe.is_some() {
            self.upstream.set_health(Health::Unhealthy);
        }
    }

    /// It answered.
    pub(crate) fn is_back(&self) {
        if self.ejections.load(Ordering::Relaxed) != 0 {
            self.ejections.store(0, Ordering::Relaxed);
            self.ejected_until_ms.store(0, Ordering::Relaxed);
        }
    }

    /// What explanations say of it.
    pub(crate) fn words(&self, now_ms: u64) -> String {
        let state = if self.is_usable(now_ms) {
            "usable"
        } else {
            "left alone"
        };
        format!(
            "{} {state}, {} in flight",
            self.upstream.address(),
            self.upstream.in_flight()
        )
    }
}

/// An instance and its weight.
pub(crate) type Weighed = (Arc<Instance>, u32);

/// A pool.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) id: String,
    pub(crate) instances: Vec<Weighed>,
    pub(crate) breaker: Option<Arc<Mutex<Breaker>>>,
    /// Never over: requests of a pool that was replaced end by their own limits.
    pub(crate) activation: Arc<Activation>,
}

impl Pool {
    /// The instance for a try: of two by chance the less busy one, those already tried last. Only
    /// when none is usable all are used.
    pub(crate) fn choose(
        &self,
        chance: u64,
        tried: &[SocketAddr],
        now_ms: u64,
    ) -> Option<&Arc<Instance>> {
        let fresh = |one: &Weighed| !tried.contains(&one.0.upstream.address());
        let usable = |one: &Weighed| one.0.is_usable(now_ms);
        let pick = |wanted: &dyn Fn(&Weighed) -> bool| {
            let found: Vec<&Weighed> = self.instances.iter().filter(|one| wanted(one)).collect();
            less_busy(&found, chance)
        };
        let found = pick(&|one| fresh(one) && usable(one))
            .or_else(|| pick(&usable))
            .or_else(|| pick(&fresh))
            .or_else(|| pick(&|_| true))?;
        Some(&found.0)
    }

    /// Asks the breaker.
    ///
    /// # Errors
    /// Milliseconds until another try makes sense.
    pub(crate) fn pass(&self, now_ms: u64) -> Result<Option<Pass>, u64> {
        let Some(breaker) = &self.breaker else {
            return Ok(None);
        };
        let asked = breaker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ask(now_ms);
        match asked {
            Passage::Open { retry_after_ms } => Err(retry_after_ms),
            Passage::Closed | Passage::Probe => Ok(Some(Pass {
                breaker: Arc::clone(breaker),
                probe: asked == Passage::Probe,
                told: false,
            })),
        }
    }

    /// Whether the breaker lets requests pass freely; nothing is asked of it.
    pub(crate) fn is_closed(&self) -> bool {
        let closed = |one: &Arc<Mutex<Breaker>>| {
            one.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_closed()
        };
        self.breaker.as_ref().is_none_or(closed)
    }
}

/// Power of two choices on requests in flight for a unit of weight.
fn less_busy<'a>(of: &[&'a Weighed], chance: u64) -> Option<&'a Weighed> {
    let count = u64::try_from(of.len()).unwrap_or(u64::MAX);
    let first = chance.checked_rem(count)?;
    let second = (first + 1 + (chance >> 32).checked_rem(count.max(2) - 1)?) % count;
    let at = |n: u64| usize::try_from(n).ok().and_then(|n| of.get(n)).copied();
    let (a, b) = (at(first)?, at(second)?);
    let load = |one: &Weighed, other: &Weighed| {
        (one.0.upstream.in_flight() + 1).saturating_mul(u64::from(other.1))
    };
    Some(if load(b, a) < load(a, b) { b } else { a })
}

/// A passage of a breaker: its outcome is told, or forgotten when the caller hangs up.
#[derive(Debug)]
pub(crate) struct Pass {
    breaker: Arc<Mutex<Breaker>>,
    probe: bool,
    told: bool,
}

impl Pass {
    pub(crate) fn tell(mut self, call: Call, now_ms: u64, chance: u64) {
        self.told = true;
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.tell(call, now_ms, chance % 21);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.probe && !self.told {
            let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.forget();
        }
    }
}
