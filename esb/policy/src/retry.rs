//! The retry budget of a backend (specification, section 5.8): what is down is not asked ever more
//! often by those who try again.

use crate::window::Window;

/// Retries for each hundred requests of the last ten seconds.
const PERCENT: u32 = 20;
/// Retries in ten seconds however few requests there are: three a second.
const FLOOR: u32 = 30;

/// What a backend's retries are counted by; milliseconds are those of a clock that never goes back.
#[derive(Debug, Clone, Default)]
pub struct Budget(Window);

impl Budget {
    /// Takes note of a request.
    pub fn request(&mut self, now_ms: u64) {
        self.0.add(now_ms, (1, 0));
    }

    /// Whether a request may be tried once more; if so, that is counted.
    pub fn retry(&mut self, now_ms: u64) -> bool {
        let (requests, retries) = self.0.sums(now_ms);
        let most = u64::from(requests) * u64::from(PERCENT) / 100 + u64::from(FLOOR);
        let may = u64::from(retries) < most;
        if may {
            self.0.add(now_ms, (0, 1));
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fifth_of_the_requests_is_tried_again_beside_three_a_second() {
        let mut budget = Budget::default();
        (0..1_000).for_each(|n| budget.request(n * 5));
        let granted = (0..1_000).filter(|_| budget.retry(5_000)).count();
        assert_eq!(granted, 230);
        assert!(!budget.retry(9_999));
        let later = (0..1_000).filter(|_| budget.retry(60_000)).count();
        assert_eq!(later, 30);
    }

    proptest! {
        /// Whatever comes, in any order: never more than the share and the floor.
        #[test]
        fn retries_stay_within_the_budget(asked in proptest::collection::vec(any::<bool>(), 0..600)) {
            let (mut budget, mut requests, mut retries) = (Budget::default(), 0_u32, 0_u32);
            for is_retry in asked {
                if is_retry {
                    retries += u32::from(budget.retry(1));
                } else {
                    requests += 1;
                    budget.request(1);
                }
                prop_assert!(retries <= requests / 5 + 30);
            }
        }
    }
}
