//! Product sheets as plans, and markets for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rialto_otc_contract::compile::{Initials, compile_with};
use rialto_otc_contract::plan::Plan;
use rialto_otc_contract::{Findings, TermSheet};
use rialto_otc_market::model::{Curve, Dynamics, Model, Name, Origin};
use rialto_otc_pricing::engine::{Ask, Greeking};
use rialto_otc_time::Calendars;

/// Initial fixings that the sheets leave to the market.
fn initials() -> Initials {
    let pairs = [
        ("XSHG:000905", "5802.16"),
        ("XSHG:000016", "2712.44"),
        ("XSHG:600519", "1482.5"),
        ("XSHE:000333", "74.12"),
        ("XSHG:601318", "51.9"),
    ];
    BTreeMap::from(pairs.map(|(code, price)| (code.to_owned(), price.parse().expect("a price"))))
}

/// The plan of a sheet.
pub fn compiled(text: &str) -> Result<Plan<f64>, Findings> {
    let sheet = TermSheet::from_text(text)?;
    Ok(compile_with(&sheet, Calendars::builtin(), &initials())?
        .plan
        .to_f64())
}

/// Every product sheet of the contract crate with its plan, by name.
pub fn products() -> Vec<(String, Plan<f64>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract/tests/sheets/products");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert!(paths.len() > 50, "the sheets are there");
    let plan = |path: &PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let text = std::fs::read_to_string(path).expect("a sheet");
        let plan = compiled(&text).unwrap_or_else(|findings| panic!("{name}:\n{findings}"));
        (name.into_owned(), plan)
    };
    paths.iter().map(plan).collect()
}

/// How far the spots are from the initial fixings, and the market around them.
#[derive(Debug, Clone, Copy)]
pub struct Market {
    pub performance: f64,
    pub rate: f64,
    pub carry: f64,
    pub vol: f64,
}

impl Market {
    /// A term structure of rates, carry and volatility around these numbers.
    pub fn model(self, plan: &Plan<f64>) -> Model {
        let names: Vec<Name> = plan
            .underlyings
            .iter()
            .enumerate()
            .map(|(index, underlying)| {
                let vol = self.vol * (1.0 + 0.2 * index as f64);
                let variance = Curve::pieces(&[(0.3, 0.8 * vol * vol), (9.0, 1.1 * vol * vol)]);
                Name::new(
                    underlying.code.clone(),
                    self.performance * underlying.initial,
                    Curve::pieces(&[(0.25, self.carry + 0.02), (9.0, self.carry)]),
                    Dynamics::Gbm { variance },
                )
            })
            .collect();
        let count = names.len();
        let correlation = (0..count * count).map(|cell| {
            if cell / count == cell % count {
                1.0
            } else {
                0.55
            }
        });
        Model {
            as_of: Origin {
                variance: 0.0,
                rate: 0.0,
            },
            discount: Curve::pieces(&[(0.5, self.rate), (9.0, self.rate + 0.003)]),
            names,
            correlation: correlation.collect(),
        }
    }
}

pub const NEAR: Market = Market {
    performance: 1.004,
    rate: 0.017,
    carry: 0.03,
    vol: 0.21,
};

pub fn ask(plan: &Plan<f64>) -> Ask {
    Ask {
        greeks: Greeking::Spot,
        ladder: Vec::new(),
        flows: false,
        // 0.1 bp of notional.
        tolerance: 1e-5 * plan.notional.abs(),
        seed: 11,
        paths: Some(1 << 11),
        draft: false,
    }
}
