//! Batches on pools of any size, in any order: the same bits.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use rialto_otc_contract::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::batch;
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::select;
use rialto_otc_pricing::valuation::{Request, Valuation, ValueError, value};
use rialto_otc_time::Calendars;

type Valued = Result<Valuation, ValueError>;

const MARKET: &str = r#"{
  "schema": "rialto.market/1",
  "as_of": {"date": "2026-03-09", "phase": "post_close"},
  "discount": {"CNY": "1.71%"},
  "underlyings": {
    "XSHG:000905": {"spot": "5811.3", "vol": "21.5%", "q": "5.2%"},
    "XSHG:000852": {"spot": "6418.37", "q": "7.4%", "vol": "24%"},
    "XSHG:000300": {"spot": "3921.5", "q": "2.5%", "vol": "18%"},
    "XSHG:000016": {"spot": "2711.08", "q": "2.8%", "vol": "17%"},
    "XSGE:cu2609": {"spot": "78260", "q": "1.7%", "vol": "16%"},
    "XSGE:zn2609": {"spot": "22840", "q": "1.7%", "vol": "19%"},
    "XSHG:600519": {"spot": "1431.5", "q": "0%", "vol": "22%"},
    "XSHE:000333": {"spot": "78.36", "q": "0%", "vol": "27%"},
    "XSHG:601318": {"spot": "57.02", "q": "3.5%", "vol": "25%"},
    "XSHG:510500": {"spot": "5802.16", "q": "1%",
      "model": {"heston": {"v0": 0.05, "kappa": 1.5, "theta": 0.04, "xi": 0.6, "rho": -0.7}}},
    "XSHG:510050": {"spot": "5900", "q": "1%", "vol": "0%"},
    "XSHG:510300": {"spot": "5802.16", "q": "1%", "model": {"cev": {"a": 0.2, "b": -0.8, "lo": 0.1, "hi": 0.6}}}
  },
  "correlation": "60%",
  "calendars": "cn-2026.1"
}"#;

fn market() -> Snapshot {
    let (market, _) = Snapshot::from_text(MARKET).unwrap_or_else(|findings| panic!("{findings}"));
    market
}

/// A product sheet of the contract crate, with one text in it changed for another.
fn sheet(name: &str, (old, new): (&str, &str)) -> TermSheet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/tests/sheets/products");
    let text = std::fs::read_to_string(folder.join(name).with_extension("json")).expect("a sheet");
    let text = text.replace(old, new);
    TermSheet::from_text(&text).unwrap_or_else(|findings| panic!("{name}:\n{findings}"))
}

/// One contract or more for every engine that is chosen of itself, and one that has no price.
fn mixed() -> Vec<TermSheet> {
    let plain = [
        "european",
        "digital",
        "barrier",
        "double_touch",
        "american",
        "accumulator",
        "airbag",
        "asian-floating",
        "range_accrual",
        "snowball-small",
        "sharkfin-note-continuous",
        "worst_of",
        "spread",
        "trs",
        "basket",
        "enhanced_index",
    ];
    let mut sheets: Vec<TermSheet> = plain.map(|name| sheet(name, ("", ""))).into();
    for (name, code) in [
        ("european", "XSHG:510500"),
        ("snowball-small", "XSHG:510050"),
        ("digital", "XSHG:510500"),
        ("european", "XSHG:510300"),
        ("european", "XSHG:NONE"),
    ] {
        sheets.push(sheet(name, ("XSHG:000905", code)));
    }
    sheets
}

fn request(engine: Option<&str>) -> Request {
    Request {
        engine: engine.map(str::to_owned),
        greeks: Greeking::All,
        paths: Some(1 << 11),
        ..Request::default()
    }
}

fn on(threads: usize, sheets: &[TermSheet], request: &Request) -> Vec<Valued> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a pool");
    let market = market();
    pool.install(|| batch::values(sheets, &market, Calendars::builtin(), request))
}

/// Every number of an answer as its bits, and everything else as text.
fn bits(valued: &Valued) -> (Vec<u64>, String) {
    let valuation = match valued {
        Ok(valuation) => valuation,
        Err(error) => return (Vec::new(), error.to_string()),
    };
    let greeks = &valuation.greeks;
    let lists = [&greeks.delta, &greeks.gamma, &greeks.vega, &greeks.rho_q];
    let points = valuation.ladder.iter();
    let flows = valuation.flows.iter();
    let numbers = [
        valuation.value,
        valuation.value_open,
        valuation.value_determined,
        valuation.error_estimate.abs,
    ]
    .into_iter()
    .chain(lists.into_iter().flatten().copied())
    .chain(greeks.rho)
    .chain(greeks.theta_1d)
    .chain(points.flat_map(|point| [point.spot, point.value, point.delta, point.gamma]))
    .chain(flows.flat_map(|flow| [flow.probability, flow.amount, flow.contribution]));
    let text = format!(
        "{} {:?} {:?}",
        valuation.engine, valuation.why, valuation.notes
    );
    (numbers.map(f64::to_bits).collect(), text)
}

fn assert_same(sheets: &[TermSheet], one: &[Valued], other: &[Valued], what: &str) {
    assert_eq!((one.len(), other.len()), (sheets.len(), sheets.len()));
    for ((sheet, one), other) in sheets.iter().zip(one).zip(other) {
        assert_eq!(bits(one), bits(other), "{} {what}", sheet.trade_id);
    }
}

#[test]
fn a_mixed_batch_has_the_same_bits_on_any_number_of_threads() {
    let sheets = mixed();
    let asked = Request {
        flows: true,
        ..request(None)
    };
    let alone = on(1, &sheets, &asked);
    for threads in [2, 3, 8] {
        let other = on(threads, &sheets, &asked);
        assert_same(&sheets, &alone, &other, &format!("on {threads} threads"));
    }
    let used: BTreeSet<&str> = alone.iter().flatten().map(|one| one.engine).collect();
    let never: Vec<&str> = select::names()
        .filter(|name| !used.contains(name))
        .collect();
    // Only ever taken when named.
    assert_eq!(never, ["naive/1"]);
    assert!(matches!(alone.last(), Some(Err(ValueError::Findings(_)))));
}

#[test]
fn a_named_engine_has_the_same_bits_on_any_number_of_threads() {
    let named = |names: &[&str]| -> Vec<TermSheet> {
        let plain = names.iter().map(|name| sheet(name, ("", "")));
        let heston = sheet("digital", ("XSHG:000905", "XSHG:510500"));
        plain.chain([heston]).collect()
    };
    // Two blocks of paths to each replicate of the simulation, so that blocks are shared out too.
    let runs: [(&str, u64, &[&str]); 4] = [
        (
            "rqmc",
            1 << 15,
            &["snowball-small", "basket", "digital", "one_touch"],
        ),
        (
            "naive",
            1 << 8,
            &["snowball-small", "basket", "digital", "one_touch"],
        ),
        (
            "pde1d",
            0,
            &["snowball-small", "barrier", "airbag", "digital"],
        ),
        (
            "quad1d",
            0,
            &["snowball-small", "phoenix", "airbag", "digital"],
        ),
    ];
    for (engine, paths, names) in runs {
        let sheets = named(names);
        let asked = Request {
            paths: (paths > 0).then_some(paths),
            greeks: Greeking::Spot,
            tolerance: 1e-4,
            ..request(Some(engine))
        };
        let alone = on(1, &sheets, &asked);
        for (sheet, one) in sheets.iter().zip(&alone).take(names.len()) {
            assert!(one.is_ok(), "{engine}, {}: {one:?}", sheet.trade_id);
        }
        for threads in [2, 3, 8] {
            let what = format!("by {engine} on {threads} threads");
            assert_same(&sheets, &alone, &on(threads, &sheets, &asked), &what);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_contract_is_worth_the_same_alone_and_anywhere_in_a_batch(
        picks in prop::collection::vec(0_usize..64, 1..8), threads in 2_usize..9, seed: u64,
        engine in prop::sample::select(vec![None, Some("rqmc")]),
    ) {
        let all = mixed();
        let sheets: Vec<TermSheet> = picks.iter().map(|at| all[at % all.len()].clone()).collect();
        let asked = Request {
            seed,
            greeks: Greeking::None,
            ..request(engine)
        };
        let market = market();
        let alone: Vec<Valued> = sheets
            .iter()
            .map(|sheet| value(sheet, &market, Calendars::builtin(), &asked))
            .collect();
        let together = on(threads, &sheets, &asked);
        for (one, other) in alone.iter().zip(&together) {
            prop_assert_eq!(bits(one), bits(other));
        }
    }
}
