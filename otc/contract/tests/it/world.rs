//! Sheets and fixings of the tests.

use std::collections::BTreeMap;

use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::{Findings, TermSheet};
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

/// The six sheets of the specification.
pub const SHEETS: [(&str, &str); 6] = [
    ("snowball", include_str!("../spec/snowball.json")),
    ("phoenix", include_str!("../spec/phoenix.json")),
    ("accumulator", include_str!("../spec/accumulator.json")),
    ("sharkfin", include_str!("../spec/sharkfin.json")),
    ("trs", include_str!("../spec/trs.json")),
    ("program", include_str!("../spec/program.json")),
];

pub fn sheet(name: &str) -> &'static str {
    SHEETS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a known sheet")
        .1
}

pub fn d(text: &str) -> Decimal {
    text.parse().expect("a number")
}

/// Initial fixings that the sheets leave to the market.
pub fn initials() -> Initials {
    let pairs = [
        ("XSHG:000905", "5802.16"),
        ("XSHG:000016", "2712.44"),
        ("XSHG:600519", "1482.5"),
        ("XSHE:000333", "74.12"),
        ("XSHG:601318", "51.9"),
    ];
    BTreeMap::from(pairs.map(|(code, price)| (code.to_owned(), d(price))))
}

pub fn compiled(text: &str) -> Result<Compiled, Findings> {
    let sheet = TermSheet::from_text(text)?;
    compile_with(&sheet, Calendars::builtin(), &initials())
}

/// The findings of a text that is refused.
pub fn refused(text: &str) -> Findings {
    compiled(text).expect_err("the sheet is refused")
}
