//! Money: an exact decimal amount in a currency, with the currency's own number of decimals.
//!
//! A price or a rate is not money: it may have more decimals. Money comes from it by an explicit
//! rounding. Amounts of different currencies never meet: every operation says so instead.

mod currency;

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

pub use currency::{Currency, UnknownCurrency};

/// An amount of money. Its amount always has exactly the currency's decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

/// `{"amount": "12.50", "currency": "CNY"}`: the amount is text, since JSON numbers are not exact.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    amount: String,
    currency: Currency,
}

/// Why an operation on money has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// More decimals than the currency has.
    #[error("{amount} has more than the {decimals} decimals of {currency}; round it first")]
    TooManyDecimals {
        /// The amount.
        amount: Decimal,
        /// The currency.
        currency: Currency,
        /// Its number of decimals.
        decimals: u32,
    },
    /// Two currencies.
    #[error("{left} and {right} cannot be taken together")]
    CurrencyMismatch {
        /// Currency of the left operand.
        left: Currency,
        /// Currency of the right operand.
        right: Currency,
    },
    /// The result is larger than an amount can be.
    #[error("the amount is too large")]
    Overflow,
    /// The text is not a decimal number.
    #[error("`{text}` is not an amount: expected digits with at most one point, like 1234.50")]
    Syntax {
        /// The text, shortened.
        text: String,
    },
    /// Weights that give no shares.
    #[error("the weights of an allocation must be zero or more and not all zero")]
    Weights,
}

/// How to drop decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Half away from zero (四舍五入), the usual of the trade.
    HalfUp,
    /// Half to the even digit.
    HalfEven,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

impl Rounding {
    fn strategy(self) -> RoundingStrategy {
        match self {
            Self::HalfUp => RoundingStrategy::MidpointAwayFromZero,
            Self::HalfEven => RoundingStrategy::MidpointNearestEven,
            Self::Down => RoundingStrategy::ToZero,
            Self::Up => RoundingStrategy::AwayFromZero,
        }
    }
}

impl Money {
    /// An exact amount.
    ///
    /// # Errors
    /// [`MoneyError::TooManyDecimals`] when it is not a whole number of the currency's smallest
    /// units, [`MoneyError::Overflow`] when it cannot be held with the currency's decimals.
    pub fn new(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let decimals = currency.decimals();
        let mut scaled = amount.normalize();
        if scaled.scale() > decimals {
            return Err(MoneyError::TooManyDecimals {
                amount,
                currency,
                decimals,
            });
        }
        scaled.rescale(decimals);
        if scaled.scale() != decimals {
            return Err(MoneyError::Overflow);
        }
        // Negative zero would be a second form of nothing.
        let amount = if scaled.is_zero() {
            scaled.abs()
        } else {
            scaled
        };
        Ok(Self { amount, currency })
    }

    /// An amount rounded to the currency's decimals.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn rounded(
        amount: Decimal,
        currency: Currency,
        rounding: Rounding,
    ) -> Result<Self, MoneyError> {
        let amount = amount.round_dp_with_strategy(currency.decimals(), rounding.strategy());
        Self::new(amount, currency)
    }

    /// A whole number of the currency's smallest units (分 for CNY).
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when it cannot be held.
    pub fn from_minor(units: i64, currency: Currency) -> Result<Self, MoneyError> {
        let amount = Decimal::try_new(units, currency.decimals());
        Self::new(amount.map_err(|_| MoneyError::Overflow)?, currency)
    }

    /// An amount from text like `1234.50`.
    ///
    /// # Errors
    /// [`MoneyError::Syntax`], [`MoneyError::TooManyDecimals`] or [`MoneyError::Overflow`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let refuse = || MoneyError::Syntax {
            text: text.chars().take(40).collect(),
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = digits.len() <= 64
            && digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
            && digits.starts_with(|first: char| first.is_ascii_digit())
            && !digits.ends_with('.');
        if !plain {
            return Err(refuse());
        }
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if fraction.contains('.') {
            return Err(refuse());
        }
        // What is left to go wrong is a number that a decimal of 96 bits cannot hold.
        let too_long = whole.len() > fraction.len();
        let amount = Decimal::from_str_exact(text).map_err(|_| {
            if too_long {
                MoneyError::Overflow
            } else {
                refuse()
            }
        })?;
        Self::new(amount, currency)
    }

    /// Nothing, in a currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self {
            amount: Decimal::new(0, currency.decimals()),
            currency,
        }
    }

    /// The amount, with exactly the currency's decimals.
    #[must_use]
    pub fn amount(&self) -> Decimal {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The amount in the currency's smallest units.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when it does not fit.
    pub fn minor_units(&self) -> Result<i64, MoneyError> {
        i64::try_from(self.amount.mantissa()).map_err(|_| MoneyError::Overflow)
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_add(&self, other: &Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let sum = self
            .amount
            .checked_add(other.amount)
            .ok_or(MoneyError::Overflow)?;
        Self::new(sum, self.currency)
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_sub(&self, other: &Self) -> Result<Self, MoneyError> {
        self.checked_add(&other.negated())
    }

    /// The amount times a factor, rounded.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(&self, factor: Decimal, rounding: Rounding) -> Result<Self, MoneyError> {
        let product = self
            .amount
            .checked_mul(factor)
            .ok_or(MoneyError::Overflow)?;
        Self::rounded(product, self.currency, rounding)
    }

    /// The same amount with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        let amount = if self.amount.is_zero() {
            self.amount
        } else {
            -self.amount
        };
        Self {
            amount,
            currency: self.currency,
        }
    }

    /// Which amount is larger.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`].
    pub fn checked_cmp(&self, other: &Self) -> Result<Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.amount.cmp(&other.amount))
    }

    /// The sum of amounts, which may be none.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn sum<'a>(
        currency: Currency,
        amounts: impl IntoIterator<Item = &'a Self>,
    ) -> Result<Self, MoneyError> {
        amounts
            .into_iter()
            .try_fold(Self::zero(currency), |sum, next| sum.checked_add(next))
    }

    /// Shares in proportion to `weights` that add up to the amount exactly: each is rounded
    /// towards zero, and the smallest units left over go one each to the first shares with a
    /// weight.
    ///
    /// # Errors
    /// [`MoneyError::Weights`] or [`MoneyError::Overflow`].
    pub fn allocate(&self, weights: &[u32]) -> Result<Vec<Self>, MoneyError> {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        if total == 0 {
            return Err(MoneyError::Weights);
        }
        let units = i128::from(self.minor_units()?);
        let share = |weight: &u32| units * i128::from(*weight) / i128::from(total);
        let mut shares: Vec<i128> = weights.iter().map(share).collect();
        let mut left = units - shares.iter().sum::<i128>();
        let step = left.signum();
        // Fewer units are left than shares were rounded, so one round is enough.
        for (share, weight) in shares.iter_mut().zip(weights) {
            if left != 0 && *weight > 0 {
                *share += step;
                left -= step;
            }
        }
        let money = |units| {
            let units = i64::try_from(units).map_err(|_| MoneyError::Overflow)?;
            Self::from_minor(units, self.currency)
        };
        shares.into_iter().map(money).collect()
    }

    fn same_currency(&self, other: &Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch {
            left: self.currency,
            right: other.currency,
        })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

impl TryFrom<Wire> for Money {
    type Error = MoneyError;

    fn try_from(wire: Wire) -> Result<Self, MoneyError> {
        Self::parse(&wire.amount, wire.currency)
    }
}

impl From<Money> for Wire {
    fn from(money: Money) -> Self {
        Self {
            amount: money.amount.to_string(),
            currency: money.currency,
        }
    }
}

#[cfg(test)]
mod tests;
