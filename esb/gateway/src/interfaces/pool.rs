//! Upstreams of interfaces: instances, which of them is asked, the circuit breaker.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rialto_esb_policy::breaker::{Breaker, Call, Passage};
use rialto_esb_policy::outlier::{self, Standing, Took};
use rialto_esb_policy::retry::Budget;
use rialto_esb_snapshot as model;

use crate::config::{HealthCheck, Target};
use crate::health;
use crate::service::Activation;
use crate::upstream::{Health, Upstream};

/// How often the rates of a pool's instances are compared.
const COMPARED_EVERY_MS: u64 = 1_000;

/// An instance. Its connections outlive snapshots that keep it.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) upstream: Arc<Upstream>,
    standing: Mutex<Standing>,
    /// Milliseconds of the gateway's clock until which it is left alone; as `standing` says.
    ejected_until_ms: AtomicU64,
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
            standing: Mutex::default(),
            ejected_until_ms: AtomicU64::new(0),
            probe,
        })
    }

    fn is_ejected(&self, now_ms: u64) -> bool {
        self.ejected_until_ms.load(Ordering::Relaxed) > now_ms
    }

    fn is_usable(&self, now_ms: u64) -> bool {
        self.upstream.health() != Health::Unhealthy && !self.is_ejected(now_ms)
    }

    /// Its share of the pool's traffic at a moment, whoever else there is.
    fn share(&self, weight: u32, now_ms: u64) -> u64 {
        let until = self.ejected_until_ms.load(Ordering::Relaxed);
        u64::from(weight) * outlier::percent(until, now_ms)
    }

    fn with_standing<T>(&self, change: impl FnOnce(&mut Standing) -> T) -> T {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let told = change(&mut standing);
        let until = standing.ejected_until_ms();
        self.ejected_until_ms.store(until, Ordering::Relaxed);
        told
    }

    /// A connect failed: it is left alone at once.
    fn is_unreachable(&self, now_ms: u64) {
        self.with_standing(|standing| {
            standing.tell(Took::Unreachable, now_ms);
            standing.eject(now_ms, true);
        });
        if self.probe.is_some() {
            self.upstream.set_health(Health::Unhealthy);
        }
    }

    /// What explanations say of it.
    pub(crate) fn words(&self, now_ms: u64) -> String {
        let until = self.ejected_until_ms.load(Ordering::Relaxed);
        let state = if until > now_ms {
            format!("left alone for {} ms", until - now_ms)
        } else if self.upstream.health() == Health::Unhealthy {
            "left alone until its check is passed".to_owned()
        } else {
            match outlier::percent(until, now_ms) {
                100 => "usable".to_owned(),
                percent => format!("usable with {percent} % of its weight"),
            }
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
    pub(crate) budget: Mutex<Budget>,
    /// When the rates of its instances were compared last.
    pub(crate) compared_ms: AtomicU64,
    /// Requests of a pool that was replaced end by their own limits.
    pub(crate) activation: Arc<Activation>,
}

impl Pool {
    /// The instance for a try: two drawn by their shares, of them the less busy one; those already
    /// tried last. Only when none is usable all are used.
    pub(crate) fn choose(
        &self,
        chance: u64,
        tried: &[SocketAddr],
        now_ms: u64,
    ) -> Option<&Arc<Instance>> {
        let fresh = |one: &Weighed| !tried.contains(&one.0.upstream.address());
        let usable = |one: &Weighed| one.0.is_usable(now_ms);
        let pick = |wanted: &dyn Fn(&Weighed) -> bool| {
            let share = |one: &Weighed| one.0.share(one.1, now_ms).max(1);
            let found = self.instances.iter().filter(|one| wanted(one));
            less_busy(found.map(|one| (one, share(one))).collect(), chance)
        };
        let found = pick(&|one| fresh(one) && usable(one))
            .or_else(|| pick(&usable))
            .or_else(|| pick(&fresh))
            .or_else(|| pick(&|_| true))?;
        Some(&found.0)
    }

    /// Takes note of how an instance took a call, and leaves those alone that fail while their like
    /// do not.
    pub(crate) fn took(&self, instance: &Instance, took: Option<Took>, now_ms: u64) {
        let Some(took) = took else { return };
        if took == Took::Unreachable {
            instance.is_unreachable(now_ms);
            return;
        }
        if instance.with_standing(|standing| standing.tell(took, now_ms)) {
            self.eject(instance, now_ms);
        }
        // Only a failure makes a rate fall.
        if took != Took::Well && self.is_time(now_ms) {
            let rate = |one: &Weighed| one.0.with_standing(|standing| standing.rate(now_ms));
            let rates: Vec<Option<f64>> = self.instances.iter().map(rate).collect();
            for n in outlier::outliers(&rates) {
                self.eject(&self.instances[n].0, now_ms);
            }
        }
    }

    /// Takes note of a request to it.
    pub(crate) fn asked(&self, now_ms: u64) {
        self.with_budget(|budget| budget.request(now_ms));
    }

    /// Whether one of its requests may be tried once more.
    pub(crate) fn may_retry(&self, now_ms: u64) -> bool {
        self.with_budget(|budget| budget.retry(now_ms))
    }

    fn with_budget<T>(&self, change: impl FnOnce(&mut Budget) -> T) -> T {
        change(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Rates are compared once a second.
    fn is_time(&self, now_ms: u64) -> bool {
        let before = self.compared_ms.load(Ordering::Relaxed);
        let due = now_ms.saturating_sub(before) >= COMPARED_EVERY_MS;
        let swap = || {
            let order = Ordering::Relaxed;
            self.compared_ms
                .compare_exchange(before, now_ms, order, order)
        };
        due && swap().is_ok()
    }

    fn eject(&self, instance: &Instance, now_ms: u64) {
        let all = &self.instances;
        let ejected = all.iter().filter(|one| one.0.is_ejected(now_ms)).count();
        if instance.is_ejected(now_ms) || !outlier::may_eject(all.len(), ejected) {
            return;
        }
        instance.with_standing(|standing| standing.eject(now_ms, false));
        tracing::warn!(pool = self.id, instance = %instance.upstream.address(),
            "an instance that fails while the others do not is left alone");
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

/// Power of two choices: two drawn by their shares, of them the one with fewer requests in flight.
fn less_busy(of: Vec<(&Weighed, u64)>, chance: u64) -> Option<&Weighed> {
    let whole: u64 = of.iter().map(|one| one.1).sum();
    let drawn = |place: u64, without: Option<usize>| {
        let mut left = place;
        let mut there = of.iter().enumerate().filter(|(n, _)| Some(*n) != without);
        there.find_map(|(n, (_, share))| match left.checked_sub(*share) {
            Some(rest) => {
                left = rest;
                None
            }
            None => Some(n),
        })
    };
    let first = drawn(chance.checked_rem(whole)?, None)?;
    let rest = whole - of[first].1;
    let second = (chance >> 32).checked_rem(rest);
    let second = second.and_then(|place| drawn(place, Some(first)));
    let busy = |n: usize| of[n].0.0.upstream.in_flight();
    let chosen = second.filter(|second| busy(*second) < busy(first));
    Some(of[chosen.unwrap_or(first)].0)
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
