//! The exchanges a contract can name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::date::{Date, known};

/// An exchange by its market identifier code (ISO 10383), or the Chinese interbank and payment
/// system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Exchange {
    /// Shanghai Stock Exchange (上交所).
    Xshg,
    /// Shenzhen Stock Exchange (深交所).
    Xshe,
    /// China Financial Futures Exchange (中金所).
    Ccfx,
    /// Shanghai Futures Exchange (上期所).
    Xsge,
    /// Shanghai International Energy Exchange (上期能源).
    Xine,
    /// Dalian Commodity Exchange (大商所).
    Xdce,
    /// Zhengzhou Commodity Exchange (郑商所).
    Xzce,
    /// Guangzhou Futures Exchange (广期所).
    Gfex,
    /// Hong Kong Stock Exchange (港交所).
    Xhkg,
    /// Interbank market and payments (银行间与支付): open on make-up working weekends.
    CnIb,
}

/// A name that is none of the exchanges.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no known calendar: use one of {list}", list = Exchange::list())]
pub struct UnknownExchange(pub String);

impl Exchange {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Xshg,
        Self::Xshe,
        Self::Ccfx,
        Self::Xsge,
        Self::Xine,
        Self::Xdce,
        Self::Xzce,
        Self::Gfex,
        Self::Xhkg,
        Self::CnIb,
    ];

    /// Its text form, as `XSHG` and `CN-IB`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Xshg => "XSHG",
            Self::Xshe => "XSHE",
            Self::Ccfx => "CCFX",
            Self::Xsge => "XSGE",
            Self::Xine => "XINE",
            Self::Xdce => "XDCE",
            Self::Xzce => "XZCE",
            Self::Gfex => "GFEX",
            Self::Xhkg => "XHKG",
            Self::CnIb => "CN-IB",
        }
    }

    /// The first day of trading in what contracts refer to, when it is after 2007-01-01:
    /// index futures of CCFX, crude oil of XINE, industrial silicon of GFEX.
    #[must_use]
    pub const fn opened(self) -> Option<Date> {
        match self {
            Self::Ccfx => Some(const { known(2010, 4, 16) }),
            Self::Xine => Some(const { known(2018, 3, 26) }),
            Self::Gfex => Some(const { known(2022, 12, 22) }),
            _ => None,
        }
    }

    /// The first trading date that begins with a night session, of the exchanges that have them:
    /// gold and silver on XSGE (evening of 2013-07-05), palm oil and coke on XDCE (2014-07-04),
    /// XZCE (2014-12-12), crude oil on XINE (2018-03-26). GFEX trades by day only.
    #[must_use]
    pub const fn first_night(self) -> Option<Date> {
        match self {
            Self::Xsge => Some(const { known(2013, 7, 8) }),
            Self::Xdce => Some(const { known(2014, 7, 7) }),
            Self::Xzce => Some(const { known(2014, 12, 15) }),
            Self::Xine => Some(const { known(2018, 3, 27) }),
            _ => None,
        }
    }

    fn list() -> String {
        Self::ALL.map(Self::code).join(", ")
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Exchange {
    type Err = UnknownExchange;

    fn from_str(text: &str) -> Result<Self, UnknownExchange> {
        Self::ALL
            .into_iter()
            .find(|exchange| exchange.code() == text)
            .ok_or_else(|| UnknownExchange(text.to_owned()))
    }
}

impl TryFrom<String> for Exchange {
    type Error = UnknownExchange;

    fn try_from(text: String) -> Result<Self, UnknownExchange> {
        text.parse()
    }
}

impl From<Exchange> for &'static str {
    fn from(exchange: Exchange) -> Self {
        exchange.code()
    }
}
