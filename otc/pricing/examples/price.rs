//! Prices a term sheet: `cargo run -p rialto-otc-pricing --example price -- SHEET MARKET [ENGINE]`.

use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::valuation::{Request, value};
use rialto_otc_time::Calendars;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let read = |path: &str| std::fs::read_to_string(path).expect("a readable file");
    let sheet = match TermSheet::from_text(&read(&arguments[0])) {
        Ok(sheet) => sheet,
        Err(findings) => return println!("{findings}"),
    };
    let (snapshot, _) = match Snapshot::from_text(&read(&arguments[1])) {
        Ok(snapshot) => snapshot,
        Err(findings) => return println!("{findings}"),
    };
    let request = Request {
        engine: arguments.get(2).cloned(),
        ..Request::default()
    };
    match value(&sheet, &snapshot, Calendars::builtin(), &request) {
        Ok(valuation) => println!("{valuation:#?}"),
        Err(error) => println!("{error}"),
    }
}
