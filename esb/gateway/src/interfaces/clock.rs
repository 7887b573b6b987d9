//! Time as the data plane sees it: a wall clock for days and expiry, and one that never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use jiff::Timestamp;

/// A clock; the system's, or one that is set by hand (drills and tests).
#[derive(Debug, Clone)]
pub struct Clock {
    began: Instant,
    by_hand: Option<Arc<AtomicU64>>,
}

/// Both times of a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Of the wall.
    pub(crate) at: Timestamp,
    /// Nanoseconds since some moment, never going back.
    pub(crate) ns: u64,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self {
            began: Instant::now(),
            by_hand: None,
        }
    }

    /// A clock that shows the milliseconds since 1970 that stand in `unix_ms`.
    #[must_use]
    pub fn by_hand(unix_ms: Arc<AtomicU64>) -> Self {
        Self {
            began: Instant::now(),
            by_hand: Some(unix_ms),
        }
    }

    pub(crate) fn now(&self) -> Now {
        match &self.by_hand {
            None => Now {
                at: Timestamp::now(),
                ns: u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX),
            },
            Some(hand) => {
                let ms = hand.load(Ordering::Acquire);
                let at = i64::try_from(ms)
                    .ok()
                    .and_then(|ms| Timestamp::from_millisecond(ms).ok());
                Now {
                    at: at.unwrap_or(Timestamp::MAX),
                    ns: ms.saturating_mul(1_000_000),
                }
            }
        }
    }
}
