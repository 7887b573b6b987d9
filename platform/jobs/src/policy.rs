//! How often and how soon a failed job is tried again.

use std::time::Duration;

/// Attempts, pauses and lease of one kind of job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts in all before the job is dead; at least 1.
    pub max_attempts: u32,
    /// Pause after the first failure; doubled after each further one.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
    /// How long a worker that gives no sign of life keeps a job. A living worker renews it.
    pub lease: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
            lease: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// The pause after failed attempt number `attempt` (from 1).
    #[must_use]
    pub fn pause_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32
            .checked_pow(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.first_pause
            .saturating_mul(doubled)
            .min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = Policy::default();
        let seconds: Vec<_> = (1..=11).map(|n| policy.pause_after(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    proptest! {
        #[test]
        fn pauses_never_shrink_nor_exceed_the_longest(attempt: u32) {
            let policy = Policy::default();
            let pause = policy.pause_after(attempt);
            prop_assert!(pause <= policy.longest_pause);
            prop_assert!(policy.pause_after(attempt.saturating_add(1)) >= pause);
        }
    }
}
