//! Outlier ejection (specification, section 5.8): an instance that fails while its like do not is left
//! alone for a while, and gets its share back slowly.
//!
//! - O1: what outliers are ejected for never takes more than half of a pool's instances.
//! - O2: an instance that answered well all the time is never ejected.
//! - O3: the time grows with each ejection up to a bound, and is forgotten in time.

use crate::window::Window;

/// Failures in a row that eject.
pub const IN_A_ROW: u32 = 5;
/// First time an instance is left alone, milliseconds; grows by as much each time.
pub const EJECTED_MS: u64 = 5_000;
/// Longest time, milliseconds.
pub const LONGEST_MS: u64 = 300_000;
/// How long an instance needs to get its whole share back, milliseconds.
pub const SLOW_START_MS: u64 = 30_000;
/// The share it begins with, percent.
const FIRST_PERCENT: u64 = 10;
/// Time without an ejection that makes one of them forgotten, milliseconds.
const FORGOTTEN_MS: u64 = 60_000;
/// Fewest calls in ten seconds of an instance whose rate is compared.
const LEAST_CALLS: u32 = 100;
/// Fewest instances that can be compared.
const LEAST_INSTANCES: usize = 5;
/// Standard deviations below the mean.
const DEVIATIONS: f64 = 1.9;

/// How an instance took a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Took {
    /// Answered; its callers' mistakes are not its own.
    Well,
    /// Answered 5xx other than 501, 502, 503 and 504.
    Failed,
    /// As gateways fail: 502, 503, 504, cut off, no answer in time.
    Broke,
    /// No connection.
    Unreachable,
}

/// What a gateway knows of an instance; milliseconds are those of a clock that never goes back.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    in_a_row: u32,
    /// Calls, and of them those it took well.
    calls: Window,
    ejections: u32,
    until_ms: u64,
    unreachable: bool,
}

impl Standing {
    /// When it may be asked again.
    #[must_use]
    pub fn ejected_until_ms(&self) -> u64 {
        self.until_ms
    }

    /// Takes note of a call; true when it has to be ejected for what it did in a row.
    pub fn tell(&mut self, took: Took, now_ms: u64) -> bool {
        self.calls.add(now_ms, (1, u32::from(took == Took::Well)));
        match took {
            Took::Well | Took::Failed => {
                self.in_a_row = 0;
                // What does connect is there again, whoever said so first. What was ejected for its
                // answers stays so: this one was asked before.
                if std::mem::take(&mut self.unreachable) {
                    self.until_ms = self.until_ms.min(now_ms);
                }
                false
            }
            Took::Broke | Took::Unreachable => {
                self.in_a_row += 1;
                self.in_a_row >= IN_A_ROW && self.until_ms <= now_ms
            }
        }
    }

    /// Leaves it alone from now on.
    pub fn eject(&mut self, now_ms: u64, unreachable: bool) {
        let quiet = now_ms.saturating_sub(self.until_ms) / FORGOTTEN_MS;
        let forgotten = u32::try_from(quiet).unwrap_or(u32::MAX);
        self.ejections = self.ejections.saturating_sub(forgotten) + 1;
        let time = EJECTED_MS.saturating_mul(u64::from(self.ejections));
        self.until_ms = now_ms + time.min(LONGEST_MS);
        self.unreachable = unreachable;
        self.in_a_row = 0;
        self.calls = Window::default();
    }

    /// Share of calls of the last 10 s it took well; none when there were too few to compare.
    #[must_use]
    pub fn rate(&self, now_ms: u64) -> Option<f64> {
        let (calls, well) = self.calls.sums(now_ms);
        (calls >= LEAST_CALLS).then(|| f64::from(well) / f64::from(calls))
    }
}

/// The share of its weight an instance has at a moment, percent, when it was ejected until another;
/// never ejected: 0.
#[must_use]
pub fn percent(ejected_until_ms: u64, now_ms: u64) -> u64 {
    let since = now_ms.saturating_sub(ejected_until_ms);
    if ejected_until_ms == 0 || since >= SLOW_START_MS {
        return 100;
    }
    FIRST_PERCENT + (100 - FIRST_PERCENT) * since / SLOW_START_MS
}

/// Which of a pool's instances answer so much worse than the others that they are left alone, by their
/// rates; none while too few can be compared.
#[must_use]
pub fn outliers(rates: &[Option<f64>]) -> Vec<usize> {
    let known: Vec<f64> = rates.iter().copied().flatten().collect();
    if known.len() < LEAST_INSTANCES {
        return Vec::new();
    }
    let count = f64::from(u32::try_from(known.len()).unwrap_or(u32::MAX));
    let mean = known.iter().sum::<f64>() / count;
    let variance = known.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / count;
    let bound = mean - DEVIATIONS * variance.sqrt();
    let below = |(n, rate): (usize, &Option<f64>)| rate.filter(|rate| *rate < bound).map(|_| n);
    rates.iter().enumerate().filter_map(below).collect()
}

/// Whether one more of so many instances may be ejected for its answers, when so many are already.
#[must_use]
pub fn may_eject(instances: usize, ejected: usize) -> bool {
    (ejected + 1) * 2 <= instances
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn five_failures_in_a_row_eject_and_one_good_answer_between_does_not() {
        let mut one = Standing::default();
        for n in 0..4 {
            assert!(!one.tell(Took::Broke, n));
        }
        assert!(!one.tell(Took::Failed, 4), "it did answer");
        for n in 5..9 {
            assert!(!one.tell(Took::Unreachable, n));
        }
        assert!(one.tell(Took::Broke, 9));
        one.eject(9, false);
        assert_eq!(one.ejected_until_ms(), 5_009);
        // Asked before it was ejected.
        assert!(!one.tell(Took::Well, 10));
        assert_eq!(one.ejected_until_ms(), 5_009);
    }

    #[test]
    fn what_could_not_be_reached_and_answers_is_back() {
        let mut one = Standing::default();
        one.eject(100, true);
        assert_eq!(one.ejected_until_ms(), 5_100);
        one.tell(Took::Well, 200);
        assert_eq!(one.ejected_until_ms(), 200);
    }

    #[test]
    fn the_time_grows_to_its_bound_and_is_forgotten() {
        let mut one = Standing::default();
        let mut now = 1;
        for count in 1..=70 {
            one.eject(now, false);
            let time = one.ejected_until_ms() - now;
            assert_eq!(time, (5_000 * count).min(300_000));
            now = one.ejected_until_ms() + 1;
        }
        now += 69 * 60_000;
        one.eject(now, false);
        assert_eq!(one.ejected_until_ms() - now, 10_000);
    }

    #[test]
    fn the_share_grows_from_a_tenth_to_the_whole_in_half_a_minute() {
        let shares: Vec<u64> = [1_000, 16_000, 30_999, 31_000]
            .map(|now| percent(1_000, now))
            .into();
        assert_eq!(shares, [10, 55, 99, 100]);
        assert_eq!(percent(0, 5), 100, "never ejected");
    }

    #[test]
    fn the_one_that_fails_among_its_like_is_found() {
        let mut pool = vec![Standing::default(); 6];
        for n in 0..200 {
            for (k, one) in pool.iter_mut().enumerate() {
                let bad = k == 3 && n % 2 == 0 || n % 50 == 0;
                one.tell(if bad { Took::Failed } else { Took::Well }, n * 10);
            }
        }
        let rates = |now: u64| pool.iter().map(|one| one.rate(now)).collect::<Vec<_>>();
        assert_eq!(outliers(&rates(2_000)), [3]);
        assert_eq!(outliers(&rates(2_000)[..4]), [0; 0], "too few to compare");
        assert_eq!(outliers(&rates(60_000)), [0; 0], "long over");
    }

    proptest! {
        /// O2.
        #[test]
        fn whoever_answers_well_stays(
            rates in proptest::collection::vec(0.0..1.0_f64, 4..20)
        ) {
            let mut all: Vec<Option<f64>> = rates.into_iter().map(Some).collect();
            all.push(Some(1.0));
            prop_assert!(!outliers(&all).contains(&(all.len() - 1)));
        }

        /// O1.
        #[test]
        fn half_of_them_stay(instances in 0..50_usize) {
            let mut ejected = 0;
            while may_eject(instances, ejected) {
                ejected += 1;
            }
            prop_assert!(ejected * 2 <= instances);
        }
    }
}
