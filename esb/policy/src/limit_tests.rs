//! Bursts, windows, changes and threads.

use proptest::prelude::*;

use super::*;

fn passes(bucket: &Bucket, limit: Limit, now: u64) -> bool {
    matches!(bucket.admit(limit, now, 1), Admission::Admitted { .. })
}

#[test]
fn a_burst_passes_and_then_the_rate() {
    let limit = Limit::per_second(10, 3).expect("a limit");
    let bucket = Bucket::default();
    let start = 5 * SECOND;
    assert_eq!(
        [0; 4].map(|_| passes(&bucket, limit, start)),
        [true, true, true, false]
    );
    let refused = bucket.admit(limit, start, 1);
    assert_eq!(
        refused,
        Admission::Refused {
            retry_after_ns: SECOND / 10
        }
    );
    assert!(!passes(&bucket, limit, start + SECOND / 10 - 1));
    assert!(passes(&bucket, limit, start + SECOND / 10));
}

#[test]
fn what_cannot_be_a_limit_is_none() {
    assert_eq!(Limit::new(0, SECOND, 1), None);
    assert_eq!(Limit::new(1, SECOND, 0), None);
    assert_eq!(Limit::new(2 * SECOND, SECOND, 1), None);
    assert_eq!(Limit::new(1, u64::MAX, 2), None);
}

#[test]
fn looking_spends_nothing() {
    let limit = Limit::per_second(1, 1).expect("a limit");
    let bucket = Bucket::default();
    assert_eq!(bucket.look(limit, 9, 1), bucket.look(limit, 9, 1));
    assert!(passes(&bucket, limit, 9));
}

proptest! {
    /// Invariant L1: within any window at most `burst + rate × window` is admitted.
    #[test]
    fn no_window_admits_more_than_burst_and_rate(
        rate in 1_u64..50, burst in 1_u64..20,
        gaps in prop::collection::vec(0_u64..SECOND / 5, 1..200),
    ) {
        let limit = Limit::per_second(rate, burst).expect("a limit");
        let bucket = Bucket::default();
        let mut now = SECOND;
        let mut admitted = Vec::new();
        for gap in gaps {
            now += gap;
            if passes(&bucket, limit, now) {
                admitted.push(now);
            }
        }
        for (n, first) in admitted.iter().enumerate() {
            for (m, last) in admitted.iter().enumerate().skip(n) {
                let within = (m - n + 1) as u64;
                let most = burst + (last - first) / limit.interval_ns;
                prop_assert!(within <= most, "{within} in {} ns, at most {most}", last - first);
            }
        }
    }

    /// Invariant L2: a change of the limit never gives credit.
    #[test]
    fn a_change_never_raises_credit(
        rate in 1_u64..50, burst in 1_u64..20, other_rate in 1_u64..50, other in 1_u64..20, spent in 0_u64..20,
    ) {
        let (old, new) = (Limit::per_second(rate, burst), Limit::per_second(other_rate, other));
        let (old, new) = (old.expect("a limit"), new.expect("a limit"));
        let bucket = Bucket::default();
        for _ in 0..spent {
            bucket.admit(old, SECOND, 1);
        }
        bucket.change(old, new, SECOND);
        let left = (0..40).filter(|_| passes(&bucket, new, SECOND)).count() as u64;
        prop_assert!(left <= other.min(burst.saturating_sub(spent)));
    }
}

#[test]
fn threads_share_a_bucket_without_admitting_more() {
    let limit = Limit::per_second(1, 1000).expect("a limit");
    let bucket = Bucket::default();
    let count = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    if passes(&bucket, limit, SECOND) {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(count.into_inner(), 1000);
}
