//! A quoted smile: a vanilla option is worth what its own strike is quoted at, whatever prices it,
//! and what is priced by one volatility instead says so.

use rialto_otc_contract::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::{ModelConfig, ModelKind};
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::valuation::{Request, Valuation, value};
use rialto_otc_time::Calendars;
use serde_json::json;

/// A year's smile: `a`, `b`, `rho`, `m`, `s` of SVI.
const SMILE: [f64; 5] = [0.02, 0.09, -0.33, 0.03, 0.22];

fn market(smile: [f64; 5]) -> Snapshot {
    carried(smile, &json!(0.05))
}

fn carried([a, b, rho, m, s]: [f64; 5], q: &serde_json::Value) -> Snapshot {
    let svi = json!([{"tenor": 1.0, "a": a, "b": b, "rho": rho, "m": m, "s": s}]);
    let market = json!({"schema": "rialto.market/1", "as_of": 0, "spot": 100, "r": 0.02, "q": q,
        "vol": {"svi": svi}});
    let (market, notices) = Snapshot::from_text(&market.to_string()).expect("a market");
    assert!(notices.is_empty(), "{notices}");
    market
}

fn sheet(template: &str, terms: &serde_json::Value, years: &str) -> TermSheet {
    let sheet = json!({"schema": "rialto.otc/1", "trade_id": "T", "template": template,
        "direction": "house_sells", "quantity": "1",
        "underlying": {"code": "A", "initial": "100"},
        "schedules": {"grid": {"n": 1, "dt": years}}, "terms": terms, "clocks": {"all": "times"}});
    TermSheet::from_text(&sheet.to_string()).expect("a sheet")
}

fn priced(template: &str, terms: &serde_json::Value, engine: Option<&str>) -> Valuation {
    let request = Request {
        engine: engine.map(str::to_owned),
        ..Request::default()
    };
    let (sheet, market) = (sheet(template, terms, "1"), market(SMILE));
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

#[test]
fn errors_under_local_volatility_are_honest() {
    let smiles = [
        SMILE,
        [0.006, 0.05, -0.55, -0.04, 0.12],
        [0.012, 0.11, 0.15, 0.02, 0.28],
        [0.028, 0.035, -0.1, 0.0, 0.1],
        [0.009, 0.08, -0.45, 0.05, 0.18],
    ];
    let request = Request {
        greeks: Greeking::None,
        ..Request::default()
    };
    let local = Request {
        config: ModelConfig {
            kind: ModelKind::LocalVol,
        },
        ..request.clone()
    };
    let (mut seen, mut worst) = (0, 0.0_f64);
    for smile in smiles {
        let market = market(smile);
        for years in ["0.25", "0.5", "1"] {
            for strike in ["80", "95", "105"] {
                let terms = json!({"type": "put", "strike": strike});
                let sheet = sheet("european/1", &terms, years);
                let of = |request| value(&sheet, &market, Calendars::builtin(), request);
                let (exact, found) = (of(&request).expect("ok"), of(&local).expect("ok"));
                let off = (found.value - exact.value).abs();
                let ratio = off / found.error_estimate.abs;
                assert!(off < 2e-3, "{smile:?} {years} {strike}: {off}");
                (seen, worst) = (seen + 1, worst.max(ratio));
            }
        }
    }
    // At most three times the estimate (specification, section 18).
    assert!(seen == 45 && worst <= 3.0, "worst of {seen}: {worst}");
}

/// A local volatility was read where the forward is on the way, and is met there: futures rarely
/// tell one rate for all dates.
#[test]
fn a_carry_that_turns_on_the_way_is_followed() {
    let q = json!({"forward": [[0.3, -0.04], [0.6, 0.16], [null, 0.02]]});
    let market = carried([0.009, 0.08, -0.45, 0.05, 0.18], &q);
    let request = Request {
        greeks: Greeking::None,
        ..Request::default()
    };
    let local = Request {
        config: ModelConfig {
            kind: ModelKind::LocalVol,
        },
        ..request.clone()
    };
    for strike in ["80", "95", "110"] {
        let terms = json!({"type": "put", "strike": strike});
        let sheet = sheet("european/1", &terms, "1");
        let of = |request| value(&sheet, &market, Calendars::builtin(), request);
        let (exact, found) = (of(&request).expect("ok"), of(&local).expect("ok"));
        let off = (found.value - exact.value).abs();
        let told = found.error_estimate.abs;
        assert!(off <= 3.0 * told && off < 2e-3, "{strike}: {off} {told}");
    }
}
