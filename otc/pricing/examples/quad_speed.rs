//! Time of one daily-knock-in snowball by quadrature, in one thread:
//! `cargo run --release -p rialto-otc-pricing --example quad_speed -- SHEET MARKET`.

use std::time::Instant;

use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::ModelConfig;
use rialto_otc_pricing::engine::{Engine as _, Greeking};
use rialto_otc_pricing::quad::Quadrature;
use rialto_otc_pricing::valuation::{Request, prepare};
use rialto_otc_time::Calendars;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let read = |path: &str| std::fs::read_to_string(path).expect("a readable file");
    let sheet = TermSheet::from_text(&read(&arguments[0])).expect("a valid sheet");
    let (snapshot, _) = Snapshot::from_text(&read(&arguments[1])).expect("a valid market");
    let (calendars, config) = (Calendars::builtin(), ModelConfig::default());
    let prepared =
        prepare(&sheet, &snapshot, calendars, None, &config).expect("a contract with its market");
    let ask = prepared.ask(&Request {
        greeks: Greeking::Spot,
        ..Request::default()
    });
    let mut best = f64::INFINITY;
    let mut priced = None;
    for _ in 0..200 {
        let start = Instant::now();
        priced = Some(
            Quadrature
                .price(&prepared.plan, &prepared.model, &ask)
                .expect("a price"),
        );
        best = best.min(start.elapsed().as_secs_f64());
    }
    if let Some(priced) = priced {
        println!(
            "{} dates: value {:.4} ± {:.1e}, best of 200: {:.3} ms",
            prepared.plan.instants.len(),
            priced.value,
            priced.error.abs,
            best * 1e3
        );
    }
}
