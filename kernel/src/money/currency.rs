//! Currencies of ISO 4217 and their decimals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency by its ISO 4217 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

/// A text that is not the code of a currency in use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency of ISO 4217: expected a code like CNY")]
pub struct UnknownCurrency(String);

/// Codes in use, by their number of decimals. Codes of funds, metals and testing are not money.
const CODES: &[(u8, &str)] = &[
    (
        0,
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    ),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
         CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD \
         GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL \
         MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN \
         PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
         SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

impl Currency {
    /// Renminbi.
    pub const CNY: Self = Self {
        code: *b"CNY",
        decimals: 2,
    };
    /// Hong Kong dollar.
    pub const HKD: Self = Self {
        code: *b"HKD",
        decimals: 2,
    };
    /// United States dollar.
    pub const USD: Self = Self {
        code: *b"USD",
        decimals: 2,
    };
    /// Euro.
    pub const EUR: Self = Self {
        code: *b"EUR",
        decimals: 2,
    };
    /// Yen.
    pub const JPY: Self = Self {
        code: *b"JPY",
        decimals: 0,
    };

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        // Codes are ASCII letters, from the table above only.
        str::from_utf8(&self.code).unwrap_or_default()
    }

    /// Decimals of the smallest unit.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        u32::from(self.decimals)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let unknown = || UnknownCurrency(text.chars().take(16).collect());
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| unknown())?;
        CODES
            .iter()
            .find(|(_, codes)| codes.split(' ').any(|known| known == text))
            .map(|(decimals, _)| Self {
                code,
                decimals: *decimals,
            })
            .ok_or_else(unknown)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_capital_letters_and_listed_once() {
        let codes: Vec<_> = CODES
            .iter()
            .flat_map(|(_, codes)| codes.split(' '))
            .collect();
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(distinct.len(), codes.len());
        for code in codes {
            assert!(
                code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()),
                "{code:?}"
            );
        }
    }

    #[test]
    fn named_currencies_are_those_of_the_table() {
        for named in [
            Currency::CNY,
            Currency::HKD,
            Currency::USD,
            Currency::EUR,
            Currency::JPY,
        ] {
            assert_eq!(named.code().parse(), Ok(named));
        }
        assert_eq!("KWD".parse::<Currency>().expect("known").decimals(), 3);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "cny", "RMB", "XAU", "CNYY", "人民币", " US"] {
            let error = text.parse::<Currency>().expect_err("unknown").to_string();
            assert!(error.contains("ISO 4217"), "{error}");
        }
    }
}
