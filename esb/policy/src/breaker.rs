//! The circuit breaker (熔断) of a backend (specification, section 5.8).

use std::collections::VecDeque;

/// When a breaker opens and how it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BreakerConfig {
    /// Length of the window that is looked at, milliseconds.
    pub window_ms: u64,
    /// Buckets of the window.
    pub buckets: u64,
    /// Fewest calls in the window before anything is judged.
    pub least_calls: u32,
    /// Share of failures that opens it, percent.
    pub failure_percent: u32,
    /// Share of slow calls that opens it, percent.
    pub slow_percent: u32,
    /// First time it stays open, milliseconds; doubles each time.
    pub open_ms: u64,
    /// Longest time it stays open, milliseconds.
    pub longest_open_ms: u64,
    /// Probes that must succeed, one after another, before it closes.
    pub probes: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window_ms: 10_000,
            buckets: 10,
            least_calls: 20,
            failure_percent: 50,
            slow_percent: 80,
            open_ms: 5_000,
            longest_open_ms: 60_000,
            probes: 5,
        }
    }
}

/// How a call went. What the gateway itself refuses and callers that hang up are no calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// It was answered in time.
    Ok,
    /// It was answered, but slowly.
    Slow,
    /// Connecting failed, it timed out, was reset, or was answered 5xx other than 501.
    Failed,
}

/// What a breaker says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It may pass.
    Closed,
    /// It passes as the one probe; its outcome decides.
    Probe,
    /// It may not; try again after so many milliseconds.
    Open {
        /// Milliseconds until a probe may pass.
        retry_after_ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until_ms: u64 },
    HalfOpen { succeeded: u32, probing: bool },
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    slot: u64,
    calls: u32,
    failed: u32,
    slow: u32,
}

/// A breaker; milliseconds are those of a clock that never goes back.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    state: State,
    /// How often it opened without closing in between.
    openings: u32,
    window: VecDeque<Counts>,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            state: State::Closed,
            openings: 0,
            window: VecDeque::new(),
        }
    }

    /// Asks for a passage. Who gets [`Passage::Probe`] must tell the outcome or [`Breaker::forget`].
    pub fn ask(&mut self, now_ms: u64) -> Passage {
        if let State::Open { until_ms } = self.state {
            if now_ms < until_ms {
                return Passage::Open {
                    retry_after_ms: until_ms - now_ms,
                };
            }
            self.state = State::HalfOpen {
                succeeded: 0,
                probing: false,
            };
        }
        match &mut self.state {
            State::HalfOpen { probing: true, .. } => Passage::Open { retry_after_ms: 1 },
            State::HalfOpen { probing, .. } => {
                *probing = true;
                Passage::Probe
            }
            _ => Passage::Closed,
        }
    }

    /// Tells how a call went. `jitter_percent` (0 to 20) spreads the time a breaker stays open by
    /// that much minus ten percent.
    pub fn tell(&mut self, call: Call, now_ms: u64, jitter_percent: u64) {
        match &mut self.state {
            State::HalfOpen { succeeded, probing } => {
                *probing = false;
                if call == Call::Failed {
                    self.open(now_ms, jitter_percent);
                    return;
                }
                *succeeded += 1;
                if *succeeded >= self.config.probes {
                    self.state = State::Closed;
                    self.openings = 0;
                    self.window.clear();
                }
            }
            // An answer that comes after the breaker opened was asked for before.
            State::Open { .. } => {}
            State::Closed => {
                self.count(call, now_ms);
                if self.is_tripped() {
                    self.open(now_ms, jitter_percent);
                }
            }
        }
    }

    /// A probe that ended without an outcome: its caller hung up.
    pub fn forget(&mut self) {
        if let State::HalfOpen { probing, .. } = &mut self.state {
            *probing = false;
        }
    }

    /// Whether requests pass freely.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    fn open(&mut self, now_ms: u64, jitter_percent: u64) {
        let doubled = self
            .config
            .open_ms
            .saturating_mul(1 << self.openings.min(20));
        let base = doubled.min(self.config.longest_open_ms);
        let spread = base.saturating_mul(90 + jitter_percent.min(20)) / 100;
        self.openings += 1;
        self.window.clear();
        self.state = State::Open {
            until_ms: now_ms.saturating_add(spread.max(1)),
        };
    }

    fn count(&mut self, call: Call, now_ms: u64) {
        let length = (self.config.window_ms / self.config.buckets.max(1)).max(1);
        let slot = now_ms / length;
        let oldest = slot.saturating_sub(self.config.buckets.saturating_sub(1));
        while self
            .window
            .front()
            .is_some_and(|counts| counts.slot < oldest)
        {
            self.window.pop_front();
        }
        if self.window.back().is_none_or(|counts| counts.slot != slot) {
            self.window.push_back(Counts {
                slot,
                ..Counts::default()
            });
        }
        if let Some(counts) = self.window.back_mut() {
            counts.calls += 1;
            counts.failed += u32::from(call == Call::Failed);
            counts.slow += u32::from(call != Call::Ok);
        }
    }

    fn is_tripped(&self) -> bool {
        let sum = |pick: fn(&Counts) -> u32| {
            self.window
                .iter()
                .map(|one| u64::from(pick(one)))
                .sum::<u64>()
        };
        let calls = sum(|one| one.calls);
        let share = |part: u64, percent: u32| part * 100 >= calls * u64::from(percent);
        calls >= u64::from(self.config.least_calls)
            && (share(sum(|one| one.failed), self.config.failure_percent)
                || share(sum(|one| one.slow), self.config.slow_percent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now_ms: u64) -> Breaker {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for _ in 0..20 {
            assert_eq!(breaker.ask(now_ms), Passage::Closed);
            breaker.tell(Call::Failed, now_ms, 10);
        }
        breaker
    }

    #[test]
    fn twenty_failures_open_it_and_nineteen_do_not() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for _ in 0..19 {
            breaker.tell(Call::Failed, 0, 10);
        }
        assert!(breaker.is_closed());
        breaker.tell(Call::Failed, 0, 10);
        assert_eq!(
            breaker.ask(1000),
            Passage::Open {
                retry_after_ms: 4000
            }
        );
    }

    #[test]
    fn failures_leave_the_window_with_time() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for _ in 0..19 {
            breaker.tell(Call::Failed, 0, 10);
        }
        for _ in 0..19 {
            breaker.tell(Call::Failed, 10_000, 10);
        }
        assert!(breaker.is_closed());
    }

    #[test]
    fn slow_calls_open_it_by_their_own_share() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for n in 0..20 {
            breaker.tell(if n < 5 { Call::Ok } else { Call::Slow }, 0, 10);
        }
        assert!(breaker.is_closed());
        for _ in 0..5 {
            breaker.tell(Call::Slow, 0, 10);
        }
        assert!(!breaker.is_closed());
    }

    #[test]
    fn five_probes_one_after_another_close_it() {
        let mut breaker = opened(0);
        for _ in 0..5 {
            assert_eq!(breaker.ask(5_000), Passage::Probe);
            assert_eq!(breaker.ask(5_000), Passage::Open { retry_after_ms: 1 });
            breaker.tell(Call::Ok, 5_000, 10);
        }
        assert_eq!(breaker.ask(5_000), Passage::Closed);
    }

    #[test]
    fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_minute() {
        let mut breaker = opened(0);
        let mut now = 5_000;
        for expected in [10_000, 20_000, 40_000, 60_000, 60_000] {
            assert_eq!(breaker.ask(now), Passage::Probe);
            breaker.tell(Call::Failed, now, 10);
            assert_eq!(
                breaker.ask(now),
                Passage::Open {
                    retry_after_ms: expected
                }
            );
            now += expected;
        }
    }

    #[test]
    fn a_probe_whose_caller_hung_up_is_given_again() {
        let mut breaker = opened(0);
        assert_eq!(breaker.ask(5_000), Passage::Probe);
        breaker.forget();
        assert_eq!(breaker.ask(5_000), Passage::Probe);
    }
}
