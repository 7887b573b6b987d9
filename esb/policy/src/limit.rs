//! Rate limits by the generic cell rate algorithm (ITU-T I.371; specification, section 5.6).
//!
//! Within any window of `w` seconds at most `burst + rate × w` is admitted. The state is one number:
//! the theoretical arrival time, in nanoseconds of a clock that never goes back.

use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// A rate and a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limit {
    /// Nanoseconds between two requests at the steady rate.
    interval_ns: u64,
    /// How many requests may come at once.
    burst: u64,
}

/// What a limit says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may pass.
    Admitted {
        /// How many more could pass right now.
        remaining: u64,
        /// Nanoseconds until the whole burst is free again.
        reset_ns: u64,
    },
    /// It must wait.
    Refused {
        /// Nanoseconds until it could pass.
        retry_after_ns: u64,
    },
}

impl Limit {
    /// `rate` requests in `per_ns` nanoseconds, `burst` at once; `None` when one of them is zero or
    /// the rate is above one a nanosecond.
    #[must_use]
    pub fn new(rate: u64, per_ns: u64, burst: u64) -> Option<Self> {
        let interval_ns = per_ns.checked_div(rate)?;
        let whole = interval_ns.checked_mul(burst)?;
        (interval_ns > 0 && whole > 0).then_some(Self { interval_ns, burst })
    }

    /// `rate` requests a second.
    #[must_use]
    pub fn per_second(rate: u64, burst: u64) -> Option<Self> {
        Self::new(rate, SECOND, burst)
    }

    /// How many requests may come at once.
    #[must_use]
    pub fn burst(self) -> u64 {
        self.burst
    }

    fn tolerance_ns(self) -> u64 {
        self.interval_ns.saturating_mul(self.burst)
    }

    /// The decision and the new state; a refused request changes nothing.
    fn decide(self, arrival_ns: u64, now_ns: u64, cost: u64) -> (Admission, u64) {
        let tolerance = self.tolerance_ns();
        let next = arrival_ns
            .max(now_ns)
            .saturating_add(self.interval_ns.saturating_mul(cost));
        let ahead = next - now_ns.min(next);
        if ahead > tolerance {
            let retry_after_ns = ahead - tolerance;
            return (Admission::Refused { retry_after_ns }, arrival_ns);
        }
        let remaining = (tolerance - ahead) / self.interval_ns;
        let admitted = Admission::Admitted {
            remaining,
            reset_ns: ahead,
        };
        (admitted, next)
    }
}

/// A bucket shared by many threads without a lock.
#[derive(Debug, Default)]
pub struct Bucket(AtomicU64);

impl Bucket {
    /// Asks for `cost` requests at `now_ns`.
    pub fn admit(&self, limit: Limit, now_ns: u64, cost: u64) -> Admission {
        let mut arrival = self.0.load(Ordering::Relaxed);
        loop {
            let (admission, next) = limit.decide(arrival, now_ns, cost);
            if next == arrival {
                return admission;
            }
            match self
                .0
                .compare_exchange_weak(arrival, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return admission,
                Err(seen) => arrival = seen,
            }
        }
    }

    /// What it would say, nothing spent: for explanations.
    #[must_use]
    pub fn look(&self, limit: Limit, now_ns: u64, cost: u64) -> Admission {
        limit.decide(self.0.load(Ordering::Relaxed), now_ns, cost).0
    }

    /// Goes over to another limit: credit is carried, cut to the new burst, never raised.
    pub fn change(&self, old: Limit, new: Limit, now_ns: u64) {
        let change = |arrival: u64| {
            let ahead = arrival.saturating_sub(now_ns);
            let credit = old.tolerance_ns().saturating_sub(ahead) / old.interval_ns;
            let kept = credit.min(new.burst);
            Some(now_ns.saturating_add(new.tolerance_ns() - kept * new.interval_ns))
        };
        // The closure never answers `None`, so there is nothing to handle.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}

#[cfg(test)]
#[path = "limit_tests.rs"]
mod tests;
