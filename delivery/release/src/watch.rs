//! Counting probes: readiness before the switch, health after it. Time comes in as milliseconds
//! since the watch began.

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
}
