//! How a number is written in a term sheet (specification, section 5): plain, as a ratio, as a
//! level of the underlying, or as a vector over the rows of a schedule.

use rust_decimal::{Decimal, RoundingStrategy};

/// Most digits kept after the point of any number of a term sheet.
pub const MAX_SCALE: u32 = 28;
/// Largest magnitude of any number of a term sheet: 10^15.
pub const MAX_MAGNITUDE: i64 = 1_000_000_000_000_000;
/// A bare ratio above this is taken for a forgotten percent sign.
pub const MAX_BARE_RATIO: Decimal = Decimal::TWO;

/// Reads a decimal from text, exactly; `None` when it is no number, too large or too fine.
#[must_use]
pub fn decimal(text: &str) -> Option<Decimal> {
    if text.len() > 64 || text.contains('_') {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let first = text.strip_prefix('-').unwrap_or(text).bytes().next();
    if !first.is_some_and(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = match text.contains(['e', 'E']) {
        true => Decimal::from_scientific(text).ok()?,
        false => Decimal::from_str_exact(text).ok()?,
    };
    let value = value.normalize();
    (value.scale() <= MAX_SCALE && value.abs() <= Decimal::from(MAX_MAGNITUDE)).then_some(value)
}

/// Reads `14.7%` (also `14.7 %`) as 0.147; `None` when it is no percentage.
#[must_use]
pub fn percentage(text: &str) -> Option<Decimal> {
    let number = decimal(text.strip_suffix('%')?.trim_end())?;
    Some((number / Decimal::ONE_HUNDRED).normalize())
}

/// Writes a fraction as a percentage, `14.7 %`.
#[must_use]
pub fn percent_text(fraction: Decimal) -> String {
    match fraction.checked_mul(Decimal::ONE_HUNDRED) {
        Some(percent) => format!("{} %", percent.normalize()),
        None => fraction.normalize().to_string(),
    }
}

/// Rounds half away from zero (half-up on magnitudes), as levels and amounts are rounded.
#[must_use]
pub fn round(value: Decimal, decimals: u32) -> Decimal {
    value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
}

/// A level of an underlying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Fraction of the initial fixing: `"101%"` is 1.01.
    OfInitial(Decimal),
    /// Price.
    Price(Decimal),
}

impl Level {
    /// Price of the level, rounded half-up to `decimals`; `None` when it leaves the range of
    /// decimals.
    #[must_use]
    pub fn price(self, initial: Decimal, decimals: u32) -> Option<Decimal> {
        match self {
            Self::OfInitial(fraction) => Some(round(fraction.checked_mul(initial)?, decimals)),
            Self::Price(price) => Some(price),
        }
    }
}

/// One value per row of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vector<T> {
    /// The same on every row.
    One(T),
    /// One for each row.
    List(Vec<T>),
    /// `first`, then `step` more on each row; the final row is `last` when given.
    Steps {
        /// First row.
        first: T,
        /// Change from row to row.
        step: T,
        /// Final row, whatever the steps say.
        last: Option<T>,
    },
}

impl<T: Copy> Vector<T> {
    /// The values of `rows` rows; `add(first, step, n)` is `first + n × step`. `None` when a list
    /// has another length or `add` fails.
    pub fn expand(&self, rows: usize, add: impl Fn(T, T, usize) -> Option<T>) -> Option<Vec<T>> {
        match self {
            Self::One(value) => Some(vec![*value; rows]),
            Self::List(values) => (values.len() == rows).then(|| values.clone()),
            Self::Steps { first, step, last } => {
                let mut values: Vec<T> = (0..rows)
                    .map(|n| add(*first, *step, n))
                    .collect::<Option<_>>()?;
                if let (Some(end), Some(last)) = (values.last_mut(), last) {
                    *end = *last;
                }
                Some(values)
            }
        }
    }
}

/// `first + n × step` for numbers.
#[must_use]
pub fn step_number(first: Decimal, step: Decimal, n: usize) -> Option<Decimal> {
    first.checked_add(step.checked_mul(Decimal::from(n))?)
}

/// `first + n × step` for levels of one kind; `None` when one is a percentage and the other a
/// price.
#[must_use]
pub fn step_level(first: Level, step: Level, n: usize) -> Option<Level> {
    Some(match (first, step) {
        (Level::OfInitial(a), Level::OfInitial(b)) => Level::OfInitial(step_number(a, b, n)?),
        (Level::Price(a), Level::Price(b)) => Level::Price(step_number(a, b, n)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        decimal(text).expect("a number")
    }

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        assert_eq!(d("1e-3"), Decimal::new(1, 3));
        assert_eq!(d("-0.10").to_string(), "-0.1");
        for text in [
            "",
            "-",
            ".5",
            "1_0",
            "NaN",
            "inf",
            "1e40",
            "0x1",
            "1e-30",
            "1,000",
            "--1",
            "1e999999999",
            "1e-999999999",
            "1e99999999999999999999",
        ] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_percentage_is_a_hundredth() {
        assert_eq!(percentage("14.7%"), Some(d("0.147")));
        assert_eq!(percentage("14.7 %"), Some(d("0.147")));
        assert_eq!(percentage("14.7"), None);
        assert_eq!(percent_text(d("0.147")), "14.7 %");
    }

    #[test]
    fn levels_of_the_initial_fixing_are_rounded_half_up() {
        let level = Level::OfInitial(d("1.01"));
        assert_eq!(level.price(d("5802.16"), 4), Some(d("5860.1816")));
        assert_eq!(
            Level::OfInitial(d("0.5")).price(d("0.00025"), 4),
            Some(d("0.0001"))
        );
        assert_eq!(
            Level::OfInitial(d("0.5")).price(d("0.0003"), 4),
            Some(d("0.0002"))
        );
    }

    #[test]
    fn steps_run_from_the_first_row_and_the_last_may_be_given() {
        let steps = Vector::Steps {
            first: d("1.01"),
            step: d("-0.01"),
            last: Some(d("0.7")),
        };
        let values = steps.expand(4, step_number).expect("expands");
        assert_eq!(values, [d("1.01"), d("1.00"), d("0.99"), d("0.7")]);
        assert_eq!(Vector::List(vec![d("1")]).expand(2, step_number), None);
    }
}
