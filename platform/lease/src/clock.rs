//! A clock that also runs while the machine sleeps.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the machine started, its sleep counted: a suspended leader must not believe that no
/// time has passed.
pub(crate) fn since_boot() -> Duration {
    // The clock is there since Linux 2.6.39; without it nothing could be promised, so nothing is:
    // a time beyond every deadline.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::since_boot;

    #[test]
    fn time_goes_on() {
        let before = since_boot();
        assert!(before.as_nanos() > 0);
        assert!(since_boot() >= before);
    }
}
