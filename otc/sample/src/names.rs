//! Who and what the synthetic desk deals with. Counterparties are invented and say so; prices of the
//! underlyings are drawn, whatever their codes.

use serde::Serialize;

/// What an underlying is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Stock index.
    Index,
    /// Listed share.
    Stock,
    /// Commodity whose futures are traded.
    Commodity,
}

/// An underlying as its price is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    /// `XSHG:000905`; of commodities without the month of the future, `XSGE:cu`.
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    pub class: Class,
    /// First price.
    pub first: f64,
    /// Smallest step of a price, in 10⁻⁴.
    pub tick: i64,
    /// Volatility per year.
    pub vol: f64,
    /// Share of its variance that is the market's (commodities: their own market's).
    pub common: f64,
    /// Carry per year: what futures lose against the spot.
    pub carry: f64,
}

const fn index(
    code: &'static str,
    (zh, en): (&'static str, &'static str),
    first: f64,
    (vol, common, carry): (f64, f64, f64),
) -> Asset {
    Asset {
        code,
        zh,
        en,
        class: Class::Index,
        first,
        tick: 100,
        vol,
        common,
        carry,
    }
}

const fn stock(
    code: &'static str,
    (zh, en): (&'static str, &'static str),
    first: f64,
    (vol, common, carry): (f64, f64, f64),
) -> Asset {
    Asset {
        class: Class::Stock,
        ..index(code, (zh, en), first, (vol, common, carry))
    }
}

const fn commodity(
    code: &'static str,
    (zh, en): (&'static str, &'static str),
    (first, tick): (f64, i64),
    (vol, common): (f64, f64),
) -> Asset {
    Asset {
        class: Class::Commodity,
        tick,
        ..index(code, (zh, en), first, (vol, common, 0.0))
    }
}

/// All of them.
pub(crate) const ASSETS: [Asset; 11] = [
    index(
        "XSHG:000905",
        ("中证500", "CSI 500"),
        5_480.0,
        (0.21, 0.86, 0.055),
    ),
    index(
        "XSHG:000852",
        ("中证1000", "CSI 1000"),
        5_930.0,
        (0.24, 0.82, 0.075),
    ),
    index(
        "XSHG:000300",
        ("沪深300", "CSI 300"),
        3_920.0,
        (0.17, 0.88, 0.025),
    ),
    index(
        "XSHG:000016",
        ("上证50", "SSE 50"),
        2_640.0,
        (0.16, 0.78, 0.022),
    ),
    stock(
        "XSHG:600519",
        ("贵州茅台", "Kweichow Moutai"),
        1_510.0,
        (0.25, 0.45, 0.018),
    ),
    stock(
        "XSHE:000333",
        ("美的集团", "Midea Group"),
        71.0,
        (0.27, 0.42, 0.032),
    ),
    stock(
        "XSHG:601318",
        ("中国平安", "Ping An Insurance"),
        51.0,
        (0.26, 0.48, 0.038),
    ),
    stock(
        "XSHE:300750",
        ("宁德时代", "CATL"),
        236.0,
        (0.36, 0.40, 0.012),
    ),
    commodity(
        "XSGE:cu",
        ("沪铜", "SHFE copper"),
        (74_800.0, 100_000),
        (0.16, 0.55),
    ),
    commodity("XSGE:au", ("沪金", "SHFE gold"), (552.0, 200), (0.14, 0.35)),
    commodity(
        "XDCE:i",
        ("铁矿石", "DCE iron ore"),
        (770.0, 5_000),
        (0.30, 0.50),
    ),
];

/// Name and tax of a party of the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counterparty {
    /// `CP-03`.
    pub id: String,
    /// Name in English.
    pub name_en: String,
    /// Name in Simplified Chinese.
    pub name_zh: String,
    /// Legal entity identifier with the right check digits, of an issuer that does not exist.
    pub lei: String,
    /// `product` or `legal_person`.
    pub investor: &'static str,
    /// Number of its master agreement.
    pub agreement: String,
}

/// The counterparties, numbered from 1.
pub(crate) fn counterparties() -> Vec<Counterparty> {
    let kinds = [
        ("Sample Counterparty", "样例机构", "legal_person"),
        ("Sample Fund", "样例基金", "product"),
        ("Sample Wealth Product", "样例理财产品", "product"),
        ("Sample Securities", "样例证券", "legal_person"),
        ("Sample Trader in Metals", "样例金属贸易", "legal_person"),
        ("Sample Private Fund", "样例私募基金", "product"),
    ];
    let one = |n: usize| {
        let (en, zh, investor) = kinds[(n - 1) % kinds.len()];
        Counterparty {
            id: format!("CP-{n:02}"),
            name_en: format!("{en} {n:02}"),
            name_zh: format!("{zh}{n:02}"),
            lei: lei(&format!("0000SAMPLEPARTY{n:03}")),
            investor,
            agreement: format!("SAC-{n:04}"),
        }
    };
    (1..=24).map(one).collect()
}

/// The house's own identifier.
pub(crate) fn house_lei() -> String {
    lei("0000SAMPLEHOUSE001")
}

/// Eighteen characters and their two check digits (ISO 17442, mod 97-10).
fn lei(base: &str) -> String {
    let rest = format!("{base}00").bytes().fold(0_u32, |rest, byte| {
        let digit = u32::from(match byte {
            b'0'..=b'9' => byte - b'0',
            letter => letter - b'A' + 10,
        });
        let shift = if digit > 9 { 100 } else { 10 };
        (rest * shift + digit) % 97
    });
    format!("{base}{:02}", 98 - rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_the_standard() {
        // An identifier published as an example of the standard.
        assert_eq!(lei("5493000IBP32UQZ0KL"), "5493000IBP32UQZ0KL24");
        for party in counterparties() {
            assert_eq!(party.lei.len(), 20, "{party:?}");
        }
    }

    #[test]
    fn every_counterparty_says_that_it_is_a_sample() {
        for party in counterparties() {
            assert!(party.name_en.starts_with("Sample") && party.name_zh.starts_with("样例"));
        }
    }
}
