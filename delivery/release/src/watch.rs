//! Counting probes: readiness before the switch, health after it. Time comes in as milliseconds
//! since the watch began.

use std::collections::VecDeque;

/// What a watch says after a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// Go on probing.
    Continue,
    /// Ended well.
    Passed,
    /// Ended badly, with the reason for people.
    Failed(String),
}

/// Readiness: enough successes in a row before the deadline.
#[derive(Debug, Clone)]
pub struct ReadinessWatch {
    needed: u32,
    deadline_ms: u64,
    in_a_row: u32,
    last_failure: Option<String>,
}

impl ReadinessWatch {
    /// Needs `needed` successes in a row (at least 1) within `deadline_ms`.
    #[must_use]
    pub fn new(needed: u32, deadline_ms: u64) -> Self {
        Self {
            needed: needed.max(1),
            deadline_ms,
            in_a_row: 0,
            last_failure: None,
        }
    }

    /// Takes a probe that ended at `elapsed_ms`; `Err` says how it failed.
    pub fn observe(&mut self, elapsed_ms: u64, probe: Result<(), String>) -> Watched {
        match probe {
            Ok(()) => self.in_a_row += 1,
            Err(reason) => {
                self.in_a_row = 0;
                self.last_failure = Some(reason);
            }
        }
        if self.in_a_row >= self.needed {
            return Watched::Passed;
        }
        if elapsed_ms >= self.deadline_ms {
            let last = self
                .last_failure
                .as_deref()
                .unwrap_or("too few probes fitted in");
            return Watched::Failed(format!(
                "not ready within {} ms: {} of {} successes in a row; last failure: {last}",
                self.deadline_ms, self.in_a_row, self.needed
            ));
        }
        Watched::Continue
    }
}

/// The watch after the switch: a number of failures in a row rolls back, the end of the bake time
/// with the last probe good passes.
#[derive(Debug, Clone)]
pub struct BakeWatch {
    failure_limit: u32,
    bake_ms: u64,
    failures_in_a_row: u32,
    successes: u64,
}

impl BakeWatch {
    /// Fails at `failure_limit` failures in a row (at least 1), passes after `bake_ms`.
    #[must_use]
    pub fn new(failure_limit: u32, bake_ms: u64) -> Self {
        Self {
            failure_limit: failure_limit.max(1),
            bake_ms,
            failures_in_a_row: 0,
            successes: 0,
        }
    }

    /// Takes a probe that ended at `elapsed_ms`; `Err` says how it failed.
    pub fn observe(&mut self, elapsed_ms: u64, probe: Result<(), String>) -> Watched {
        match probe {
            Ok(()) => {
                self.failures_in_a_row = 0;
                self.successes += 1;
                if elapsed_ms >= self.bake_ms {
                    Watched::Passed
                } else {
                    Watched::Continue
                }
            }
            Err(reason) => {
                self.failures_in_a_row += 1;
                if self.failures_in_a_row >= self.failure_limit {
                    Watched::Failed(format!(
                        "{} probes in a row failed after {} good ones; last: {reason}",
                        self.failures_in_a_row, self.successes
                    ))
                } else {
                    Watched::Continue
                }
            }
        }
    }

    /// Failures in a row so far.
    #[must_use]
    pub const fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }
}

/// Requests sent to a version, and how many of them it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Requests sent to it.
    pub requests: u64,
    /// Those that ended without an answer or with a 5xx.
    pub failures: u64,
}

impl Tally {
    /// What is left when `other` is taken out; never below nothing.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            failures: self.failures.saturating_sub(other.failures),
        }
    }

    /// Failures in ten thousand requests; 0 of none.
    const fn rate(self) -> u64 {
        match self
            .failures
            .saturating_mul(10_000)
            .checked_div(self.requests)
        {
            Some(rate) => rate,
            None => 0,
        }
    }
}

/// How much more than the version before a new one may fail: 1 % (in ten thousandths).
const TOLERANCE: u64 = 100;
/// Requests the version before must have had for its rate to mean anything.
const BASELINE_REQUESTS: u64 = 200;
/// Looking back over all of the watch would let a long good start hide a sudden end.
const WINDOW_MS: u64 = 30_000;

/// The watch over what users ask: too many of their requests failed by the new version roll back,
/// also when its health check is green. It fails when at least the limit of requests, and over 1 %
/// more of them than the version before failed, ended badly: since the watch began, or within the
/// last half minute.
#[derive(Debug, Clone)]
pub struct TrafficWatch {
    failure_limit: u64,
    allowed: u64,
    first: Tally,
    window: VecDeque<(u64, Tally)>,
}

impl TrafficWatch {
    /// Watches from `first` on; `before` is what the version before did in its time.
    #[must_use]
    pub fn new(failure_limit: u32, before: Tally, first: Tally) -> Self {
        let usual = if before.requests >= BASELINE_REQUESTS {
            before.rate()
        } else {
            0
        };
        Self {
            failure_limit: u64::from(failure_limit.max(1)),
            allowed: usual.saturating_add(TOLERANCE),
            first,
            window: VecDeque::new(),
        }
    }

    /// Takes the counters as they stand at `elapsed_ms`; never says [`Watched::Passed`].
    pub fn observe(&mut self, elapsed_ms: u64, counted: Tally) -> Watched {
        if counted.requests < self.first.requests {
            // The router was started again and counts anew.
            self.first = Tally::default();
            self.window.clear();
        }
        self.window.push_back((elapsed_ms, counted));
        let begin = elapsed_ms.saturating_sub(WINDOW_MS);
        while self.window.get(1).is_some_and(|(at, _)| *at <= begin) {
            self.window.pop_front();
        }
        let lately = self.window.front().map_or(self.first, |(_, tally)| *tally);
        for (since, span) in [(self.first, "since the switch"), (lately, "lately")] {
            let seen = counted.without(since);
            if seen.failures >= self.failure_limit && seen.rate() > self.allowed {
                return Watched::Failed(format!(
                    "the new version failed {} of {} requests of users {span} ({}), more than \
                     the {} it may",
                    seen.failures,
                    seen.requests,
                    percent(seen.rate()),
                    percent(self.allowed)
                ));
            }
        }
        Watched::Continue
    }
}

fn percent(ten_thousandths: u64) -> String {
    format!("{}.{:02} %", ten_thousandths / 100, ten_thousandths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_starts_the_count_of_readiness_again() {
        let mut watch = ReadinessWatch::new(3, 1_000);
        assert_eq!(watch.observe(10, Ok(())), Watched::Continue);
        assert_eq!(watch.observe(20, Ok(())), Watched::Continue);
        assert_eq!(watch.observe(30, Err("503".into())), Watched::Continue);
        assert_eq!(watch.observe(40, Ok(())), Watched::Continue);
        assert_eq!(watch.observe(50, Ok(())), Watched::Continue);
        assert_eq!(watch.observe(60, Ok(())), Watched::Passed);
    }

    #[test]
    fn readiness_names_the_last_failure_at_the_deadline() {
        let mut watch = ReadinessWatch::new(3, 100);
        let Watched::Failed(reason) = watch.observe(100, Err("refused".into())) else {
            panic!("the deadline passed");
        };
        assert!(
            reason.contains("refused") && reason.contains("0 of 3"),
            "{reason}"
        );
    }

    #[test]
    fn baking_does_not_pass_on_a_failing_probe_and_fails_at_the_limit() {
        let mut watch = BakeWatch::new(3, 100);
        assert_eq!(watch.observe(100, Err("500".into())), Watched::Continue);
        assert_eq!(watch.observe(110, Ok(())), Watched::Passed);
        let mut watch = BakeWatch::new(2, 1_000);
        assert_eq!(watch.observe(10, Err("a".into())), Watched::Continue);
        assert_eq!(watch.observe(20, Ok(())), Watched::Continue);
        assert_eq!(watch.observe(30, Err("b".into())), Watched::Continue);
        assert!(matches!(
            watch.observe(40, Err("c".into())),
            Watched::Failed(_)
        ));
    }

    fn tally(requests: u64, failures: u64) -> Tally {
        Tally { requests, failures }
    }

    #[test]
    fn users_requests_that_fail_roll_back_from_the_limit_and_over_one_percent() {
        let mut watch = TrafficWatch::new(3, Tally::default(), tally(10, 1));
        assert_eq!(watch.observe(0, tally(12, 3)), Watched::Continue);
        let Watched::Failed(reason) = watch.observe(100, tally(20, 4)) else {
            panic!("three of ten failed");
        };
        assert!(
            reason.contains("3 of 10") && reason.contains("30.00 %"),
            "{reason}"
        );
        let mut watch = TrafficWatch::new(3, Tally::default(), Tally::default());
        assert_eq!(watch.observe(0, tally(1_000, 10)), Watched::Continue);
        assert!(matches!(
            watch.observe(10, tally(1_001, 11)),
            Watched::Failed(_)
        ));
    }

    #[test]
    fn what_the_version_before_failed_as_well_is_not_held_against_the_new_one() {
        let mut watch = TrafficWatch::new(3, tally(1_000, 300), Tally::default());
        assert_eq!(watch.observe(0, tally(100, 31)), Watched::Continue);
        assert!(matches!(
            watch.observe(10, tally(100, 32)),
            Watched::Failed(_)
        ));
        // Too few requests are no measure.
        let mut watch = TrafficWatch::new(3, tally(10, 5), Tally::default());
        assert!(matches!(
            watch.observe(0, tally(100, 5)),
            Watched::Failed(_)
        ));
    }

    #[test]
    fn a_long_good_start_does_not_hide_a_sudden_end() {
        let mut watch = TrafficWatch::new(3, Tally::default(), Tally::default());
        for second in 0..600 {
            let seen = watch.observe(second * 1_000, tally(second * 100, 0));
            assert_eq!(seen, Watched::Continue);
        }
        let before = 599 * 100;
        assert!(matches!(
            watch.observe(600_000, tally(before + 100, 100)),
            Watched::Failed(_)
        ));
    }

    #[test]
    fn a_router_that_counts_anew_is_followed() {
        let mut watch = TrafficWatch::new(2, Tally::default(), tally(5_000, 0));
        assert_eq!(watch.observe(0, tally(10, 1)), Watched::Continue);
        assert!(matches!(
            watch.observe(10, tally(20, 2)),
            Watched::Failed(_)
        ));
    }
}
