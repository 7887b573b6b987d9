//! Draws from a seed: the same seed and name give the same draws on every machine.

use rialto_otc_numerics::normal::inverse_cdf;
use rialto_otc_numerics::philox::{Philox, derive_seed};
use rust_decimal::Decimal;

/// A stream of draws.
#[derive(Debug, Clone)]
pub struct Dice {
    philox: Philox,
    next: u64,
}

impl Dice {
    /// The stream of a name; what other streams draw does not move it.
    pub fn new(seed: u64, name: &str) -> Self {
        let parts: Vec<u64> = name.bytes().map(u64::from).collect();
        Self {
            philox: Philox::new(derive_seed(seed, &parts)),
            next: 0,
        }
    }

    /// Uniform in (0, 1).
    pub fn unit(&mut self) -> f64 {
        let [first, _] = self.philox.uniforms(self.next, 0, 0);
        self.next += 1;
        first
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        inverse_cdf(self.unit())
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A whole number from `low` to `high`, both included.
    pub fn whole(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low + 1) as f64;
        low + ((self.unit() * span) as i64).min(high - low)
    }

    /// One of some things; there is at least one.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let last = from.len() as i64 - 1;
        &from[self.whole(0, last) as usize]
    }

    /// A number from `low` to `high` in steps: `tenths(90, 180)` of 0.1 is 9.0 to 18.0.
    pub fn steps(&mut self, low: i64, high: i64, scale: u32) -> Decimal {
        Decimal::new(self.whole(low, high), scale)
    }

    /// A percentage text from `low` to `high` hundredths of a percent, in steps.
    pub fn percent(&mut self, low: i64, high: i64, step: i64) -> String {
        let hundredths = low + step * self.whole(0, (high - low) / step);
        format!("{}%", Decimal::new(hundredths, 2).normalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_own_stream_and_gives_it_again() {
        let draws = |name: &str| -> Vec<f64> {
            let mut dice = Dice::new(7, name);
            (0..5).map(|_| dice.unit()).collect()
        };
        assert_eq!(draws("a"), draws("a"));
        assert_ne!(draws("a"), draws("b"));
        assert_ne!(draws("ab"), draws("ba"));
    }

    #[test]
    fn whole_numbers_reach_both_ends_and_stay_between() {
        let mut dice = Dice::new(1, "ends");
        let seen: Vec<i64> = (0..400).map(|_| dice.whole(-2, 3)).collect();
        assert_eq!(
            (seen.iter().min(), seen.iter().max()),
            (Some(&-2), Some(&3))
        );
    }

    #[test]
    fn percentages_stand_on_their_steps() {
        let mut dice = Dice::new(1, "percent");
        for _ in 0..50 {
            let text = dice.percent(950, 1_000, 25);
            assert!(["9.5%", "9.75%", "10%"].contains(&text.as_str()), "{text}");
        }
    }
}
