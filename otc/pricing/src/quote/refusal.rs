//! Why there is no quote.

use crate::solve::SolveError;
use crate::valuation::ValueError;

/// Why there is no quote.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuoteError {
    /// A number of the request is out of its range.
    #[error("/{field} is {value}; it must be {rule}.")]
    Number {
        /// Field of the request.
        field: String,
        /// What it is.
        value: f64,
        /// What it may be.
        rule: &'static str,
    },
    /// Nothing says what is paid.
    #[error(
        "Nothing says what the buyer pays: this is no note and the sheet names no premium. Write /premium/amount, or tell the quote what is paid."
    )]
    NoPayment,
    /// The product has no such field to be found.
    #[error(transparent)]
    Field(SolveError),
    /// The open field cannot be found. Its values are those of the worst corner; charges are taken
    /// off what is paid.
    #[error("{source}{}", told(*.pays, *.charges))]
    Unsolved {
        /// Why.
        source: SolveError,
        /// What is paid, currency units.
        pays: f64,
        /// All charges, currency units.
        charges: f64,
    },
    /// The contract cannot be valued.
    #[error(transparent)]
    Value(#[from] ValueError),
}

fn told(pays: f64, charges: f64) -> String {
    format!(" (Worst corner of the spreads; {pays:.2} is paid, the charges are {charges:.2}.)")
}

impl QuoteError {
    pub(super) fn number(field: &str, value: f64, rule: &'static str) -> Self {
        Self::Number {
            field: field.to_owned(),
            value,
            rule,
        }
    }

    /// `E-QUOTE-…`, or the code of what went wrong below.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Number { .. } => "E-QUOTE-NUMBER",
            Self::NoPayment => "E-QUOTE-PAYMENT",
            Self::Field(source) | Self::Unsolved { source, .. } => source.code(),
            Self::Value(_) => "E-QUOTE-VALUE",
        }
    }

    /// JSON pointer of the field of the request it is about.
    #[must_use]
    pub fn pointer(&self) -> String {
        match self {
            Self::Number { field, .. } => format!("/{field}"),
            Self::NoPayment => "/pays".to_owned(),
            _ => "/unknown".to_owned(),
        }
    }

    /// The text in Simplified Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Number { field, value, .. } => format!("/{field} 的值 {value} 超出允许范围。"),
            Self::NoPayment => {
                "该合约不含本金，条款也未写期权费；请填写 /premium/amount 或给出客户支付的金额。"
                    .to_owned()
            }
            Self::Field(source) => source.zh(),
            Self::Unsolved {
                source,
                pays,
                charges,
            } => format!(
                "{}（按点差最不利情形；支付 {pays:.2}，费用合计 {charges:.2}。）",
                source.zh()
            ),
            Self::Value(error) => error.to_string(),
        }
    }
}
