//! Questions as people write them.

use rialto_otc_contract::value::{decimal, percentage};
use rust_decimal::Decimal;

use super::{Target, Unknown};

impl Unknown {
    /// The unknown of a name.
    ///
    /// # Errors
    /// Which there are.
    pub fn told(name: &str) -> Result<Self, String> {
        Self::named(name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("it is one of {}", names.join(", "))
        })
    }
}

impl Target {
    /// `100%` of the notional, an amount of currency, or `premium`.
    ///
    /// # Errors
    /// What it should be.
    pub fn told(text: &str) -> Result<Self, &'static str> {
        let finite = |text: &str| {
            let number = text.trim().parse::<f64>().ok();
            number
                .filter(|number| number.is_finite())
                .ok_or("write 100%, an amount, or premium")
        };
        Ok(match text.strip_suffix('%') {
            _ if text == "premium" => Self::Premium,
            Some(percent) => Self::Share(finite(percent)? / 100.0),
            None => Self::Amount(finite(text)?),
        })
    }
}

/// The step of an answer: `0.01%`, or a number.
///
/// # Errors
/// What it should be.
pub fn increment_of(text: &str) -> Result<Decimal, &'static str> {
    percentage(text)
        .or_else(|| decimal(text))
        .filter(|step| *step > Decimal::ZERO)
        .ok_or("write a step above 0, like 0.01%")
}
