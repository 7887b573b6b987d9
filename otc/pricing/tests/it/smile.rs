//! A quoted smile: a vanilla option is worth what its own strike is quoted at, whatever prices it,
//! and what is priced by one volatility instead says so.

use rialto_otc_contract::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_pricing::valuation::{Request, Valuation, value};
use rialto_otc_time::Calendars;
use serde_json::json;

const MARKET: &str = r#"{"schema": "rialto.market/1", "as_of": 0, "spot": 100, "r": 0.02, "q": 0.05,
    "vol": {"svi": [{"tenor": 1.0, "a": 0.02, "b": 0.09, "rho": -0.33, "m": 0.03, "s": 0.22}]}}"#;

fn priced(template: &str, terms: &serde_json::Value, engine: Option<&str>) -> Valuation {
    let sheet = json!({"schema": "rialto.otc/1", "trade_id": "T", "template": template,
        "direction": "house_sells", "quantity": "1",
        "underlying": {"code": "A", "initial": "100"},
        "schedules": {"grid": {"n": 1, "dt": "1"}}, "terms": terms, "clocks": {"all": "times"}});
    let sheet = TermSheet::from_text(&sheet.to_string()).expect("a sheet");
    let (market, _) = Snapshot::from_text(MARKET).expect("a market");
    let request = Request {
        engine: engine.map(str::to_owned),
        ..Request::default()
    };
    value(&sheet, &market, Calendars::builtin(), &request).expect("a value")
}

fn told(valuation: &Valuation) -> bool {
    let mut codes = valuation.notes.iter().map(|note| note.code.as_ref());
    codes.any(|code: &str| code == "N-MODEL-SMILE")
}

#[test]
fn a_vanilla_option_is_priced_at_the_volatility_of_its_strike() {
    // Black-Scholes with the surface's variance at ln(K/F), F = 100 exp(-0.03); found with SciPy.
    let oracle = [
        ("70", 1.062_146),
        ("80", 2.316_855),
        ("90", 4.778_977),
        ("110", 15.857_350),
    ];
    for (strike, expected) in oracle {
        let terms = json!({"type": "put", "strike": strike});
        for engine in [None, Some("closed/1"), Some("quad1d/1"), Some("pde1d/1")] {
            let found = priced("european/1", &terms, engine);
            let allowed = 1e-6 + found.error_estimate.abs;
            let off = (found.value - expected).abs();
            assert!(off <= allowed, "{strike} by {engine:?}: {}", found.value);
            assert!(!told(&found), "nothing is left out");
        }
    }
}

#[test]
fn what_takes_one_volatility_for_a_smile_says_so() {
    let terms = json!({"type": "put", "strike": "80", "cash": "1"});
    assert!(told(&priced("digital/1", &terms, None)));
}
