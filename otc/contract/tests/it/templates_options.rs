//! Options, barriers, binaries, averages and several underlyings on paths made by hand.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::templates_world::{codes, compile, flows, lot, note, pair, pays, told};

#[test]
fn forward_and_european_in_both_sizes() {
    assert_eq!(
        pays(&lot("forward", json!({"strike": "97.5"})), &["90"]),
        "settlement -75 @1"
    );
    assert_eq!(
        pays(&note("forward", json!({"strike": "100%"})), &["112"]),
        "settlement 120000 @1"
    );
    let put = json!({"type": "put", "strike": "95%", "part": "80%"});
    assert_eq!(
        pays(&note("european", put.clone()), &["90"]),
        "payoff 40000 @1"
    );
    assert_eq!(pays(&note("european", put), &["95"]), "");
    let call = json!({"type": "call", "strike": "95"});
    assert_eq!(pays(&lot("european", call), &["100.25"]), "payoff 52.5 @1");
}

#[test]
fn an_american_may_be_exercised_and_otherwise_ends_like_a_european() {
    let american = json!({"type": "put", "strike": "95"});
    let contract = compile(&lot("american", american.clone()));
    let right = contract.plan.exercise.as_ref().expect("a right");
    assert!(right.instants.is_empty(), "at any time");
    assert_eq!(pays(&lot("american", american), &["90"]), "payoff 50 @1");
    let bermudan = json!({"type": "put", "strike": "95", "exercise_dates": {"times": [0.5, 1.0]}});
    let contract = compile(&lot("american", bermudan));
    let right = contract.plan.exercise.as_ref().expect("a right");
    assert_eq!(right.instants, [0, 1]);
    assert!(contract.plan.shape.is_none());
}

#[test]
fn named_combinations_pay_like_their_legs() {
    let cases = [
        (
            "call_spread",
            json!(["90%", "110%"]),
            ["80", "100", "130"],
            ["0", "100000", "200000"],
        ),
        (
            "put_spread",
            json!(["90%", "110%"]),
            ["80", "100", "130"],
            ["200000", "100000", "0"],
        ),
        (
            "straddle",
            json!(["100%"]),
            ["80", "100", "130"],
            ["200000", "0", "300000"],
        ),
        (
            "strangle",
            json!(["90%", "110%"]),
            ["80", "100", "130"],
            ["100000", "0", "200000"],
        ),
        (
            "collar",
            json!(["90%", "110%"]),
            ["80", "100", "130"],
            ["100000", "0", "-200000"],
        ),
        (
            "risk_reversal",
            json!(["90%", "110%"]),
            ["80", "100", "130"],
            ["-100000", "0", "200000"],
        ),
        (
            "butterfly",
            json!(["90%", "100%", "110%"]),
            ["95", "100", "130"],
            ["50000", "100000", "0"],
        ),
        (
            "condor",
            json!(["80%", "90%", "110%", "120%"]),
            ["85", "100", "130"],
            ["50000", "100000", "0"],
        ),
    ];
    for (form, strikes, path, wanted) in cases {
        let sheet = note("combo", json!({"form": form, "strikes": strikes}));
        for (price, amount) in path.iter().zip(wanted) {
            let wanted = if amount == "0" {
                String::new()
            } else {
                format!("payoff {amount} @1")
            };
            assert_eq!(pays(&sheet, &[price]), wanted, "{form} at {price}");
        }
    }
    let legs = json!({"legs": [{"type": "put", "strike": "90%", "part": -1},
                               {"type": "call", "strike": "106%", "part": "1.5"}]});
    assert_eq!(pays(&note("combo", legs), &["80"]), "payoff -100000 @1");
    let bad = json!({"form": "strangle", "strikes": ["110%", "90%"]});
    assert_eq!(codes(&note("combo", bad)), ["E-TERM-COMBO /terms/strikes"]);
}

#[test]
fn a_digital_pays_on_its_strike() {
    let call = json!({"type": "call", "strike": "103%", "cash": "4%"});
    assert_eq!(
        pays(&note("digital", call.clone()), &["103"]),
        "payoff 40000 @1"
    );
    assert_eq!(pays(&note("digital", call), &["102.9999"]), "");
    let put = json!({"type": "put", "strike": "103", "cash": "2.5"});
    assert_eq!(pays(&lot("digital", put), &["103"]), "payoff 25 @1");
    let asset = json!({"type": "put", "strike": "103", "payout": "asset"});
    assert_eq!(pays(&lot("digital", asset), &["99"]), "payoff 990 @1");
}

#[test]
fn intervals_include_their_edges_unless_told_otherwise() {
    let terms = json!({"lower": "95%", "upper": "105%", "cash": "3%", "otherwise": "0.5%"});
    let convex = note("binary_convex", terms.clone());
    let concave = note("binary_concave", terms);
    for (price, inside) in [
        ("94.99", false),
        ("95", true),
        ("105", true),
        ("105.01", false),
    ] {
        let (yes, no) = ("payoff 30000 @1", "payoff 5000 @1");
        assert_eq!(
            pays(&convex, &[price]),
            if inside { yes } else { no },
            "{price}"
        );
        assert_eq!(
            pays(&concave, &[price]),
            if inside { no } else { yes },
            "{price}"
        );
    }
    let half = json!({"lower": "95%", "upper": "105%", "cash": "3%", "edges": "()"});
    assert_eq!(pays(&note("binary_convex", half), &["95"]), "");
}

#[test]
fn touches_pay_at_the_hit_or_at_the_end() {
    let up = |paid: &str| json!({"side": "up", "barrier": "110%", "cash": "3%", "pay_at": paid, "monitoring": "daily"});
    let path = ["100", "110", "120", "90"];
    assert_eq!(
        pays(&note("one_touch", up("hit")), &path),
        "payoff 30000 @0.5"
    );
    assert_eq!(
        pays(&note("one_touch", up("end")), &path),
        "payoff 30000 @0.5>1"
    );
    assert_eq!(pays(&note("one_touch", up("hit")), &["109.99"; 4]), "");
    let down = json!({"side": "down", "barrier": "90%", "cash": "3%", "monitoring": "daily"});
    assert_eq!(
        pays(&note("no_touch", down.clone()), &["90.01"; 4]),
        "payoff 30000 @1"
    );
    assert_eq!(
        pays(&note("no_touch", down), &["100", "100", "100", "90"]),
        ""
    );
    let double = json!({"lower": "90%", "upper": "110%", "cash": "3%", "monitoring": "daily"});
    assert_eq!(
        pays(
            &note("double_touch", double.clone()),
            &["100", "90", "110", "1"]
        ),
        "payoff 30000 @0.5"
    );
    assert_eq!(
        pays(&note("double_no_touch", double.clone()), &["100"; 4]),
        "payoff 30000 @1"
    );
    assert_eq!(
        pays(
            &note("double_no_touch", double),
            &["100", "100", "110", "100"]
        ),
        ""
    );
}

#[test]
fn continuous_touches_end_at_the_hit_that_is_told() {
    let terms = json!({"side": "up", "barrier": "110%", "cash": "3%", "monitoring": "continuous"});
    let sheet = note("one_touch", terms);
    let contract = compile(&sheet);
    assert_eq!(contract.plan.monitors.len(), 1);
    // Nobody watched: the only fixing, on the level, counts.
    assert_eq!(pays(&sheet, &["110"]), "payoff 30000 @1");
}

fn barrier(kind: (&str, &str, &str), level: &str) -> Value {
    json!({"type": kind.0, "side": kind.1, "knock": kind.2, "strike": "100%", "barrier": level,
           "rebate": "1%", "monitoring": "daily"})
}

#[test]
fn the_eight_barrier_options_begin_or_end_on_their_level() {
    let high = ["100", "115", "100", "108"];
    let low = ["100", "85", "100", "92"];
    let calm_up = ["100", "114.99", "100", "108"];
    let calm_down = ["100", "85.01", "100", "92"];
    for (side, level, hit, calm) in [
        ("up", "115%", high, calm_up),
        ("down", "85%", low, calm_down),
    ] {
        for w in ["call", "put"] {
            let worth = match (side, w) {
                ("up", "call") | ("down", "put") => "payoff 80000 @1",
                _ => "",
            };
            let out = note("barrier", barrier((w, side, "out"), level));
            assert_eq!(pays(&out, &hit), "rebate 10000 @0.5", "{side} {w}");
            assert_eq!(pays(&out, &calm), worth, "{side} {w}");
            let into = note("barrier", barrier((w, side, "in"), level));
            assert_eq!(pays(&into, &hit), worth, "{side} {w}");
            assert_eq!(pays(&into, &calm), "rebate 10000 @1", "{side} {w}");
        }
    }
    let mut late = barrier(("call", "up", "out"), "115%");
    late["rebate_at"] = json!("end");
    assert_eq!(pays(&note("barrier", late), &high), "rebate 10000 @0.5>1");
    let mut early = barrier(("call", "up", "in"), "115%");
    early["rebate_at"] = json!("hit");
    assert_eq!(
        codes(&note("barrier", early)),
        ["E-TERM-REBATE /terms/rebate_at"]
    );
}

#[test]
fn a_sharkfin_in_both_forms() {
    let option = json!({"type": "call", "strike": "100%", "barrier": "112%", "monitoring": "daily",
                        "part": "50%", "rebate": "1%"});
    let sheet = note("sharkfin", option);
    assert_eq!(
        pays(&sheet, &["100", "100", "100", "111"]),
        "payoff 55000 @1"
    );
    assert_eq!(
        pays(&sheet, &["100", "112", "100", "111"]),
        "rebate 10000 @0.5>1"
    );
    assert_eq!(
        pays(&sheet, &["100", "100", "100", "112"]),
        "rebate 10000 @1"
    );
    let put = json!({"type": "put", "strike": "100", "barrier": "88", "monitoring": "daily",
                     "rebate": "1.5", "rebate_at": "hit"});
    assert_eq!(
        pays(&lot("sharkfin", put.clone()), &["88", "100", "100", "95"]),
        "rebate 15 @0.25"
    );
    assert_eq!(
        pays(&lot("sharkfin", put), &["89", "100", "100", "95"]),
        "payoff 50 @1"
    );
    let mut note_form = json!({"form": "note", "type": "call", "strike": "100%", "barrier": "112%",
                          "monitoring": "daily", "part": "50%", "floor": "0.4%", "rebate": "2%",
                          "rebate_basis": "annual"});
    assert_eq!(
        pays(
            &note("sharkfin", note_form.clone()),
            &["100", "100", "100", "110"]
        ),
        "principal 1000000 @1, floor 4000 @1, payoff 50000 @1"
    );
    assert_eq!(
        pays(
            &note("sharkfin", note_form.clone()),
            &["100", "112", "100", "110"]
        ),
        "principal 1000000 @0.5>1, rebate 20000 @0.5>1"
    );
    note_form["rebate_at"] = json!("hit");
    assert_eq!(
        pays(
            &note("sharkfin", note_form.clone()),
            &["100", "112", "100", "110"]
        ),
        "principal 1000000 @0.5, rebate 10000 @0.5"
    );
    note_form["monitoring"] = json!("continuous");
    assert_eq!(
        codes(&note("sharkfin", note_form)),
        ["E-TERM-NOT-YET /terms/rebate_basis"]
    );
}

#[test]
fn a_double_sharkfin_ends_on_the_first_level() {
    let terms = json!({"call": {"strike": "102%", "part": "60%"}, "put": {"strike": "98%"},
                       "lower": "88%", "upper": "112%", "rebate_up": "0.8%",
                       "rebate_down": "0.6%", "rebate_at": "hit", "monitoring": "daily"});
    let sheet = note("double_sharkfin", terms);
    assert_eq!(pays(&sheet, &["100", "112", "88", "1"]), "rebate 8000 @0.5");
    assert_eq!(pays(&sheet, &["88", "112", "88", "1"]), "rebate 6000 @0.25");
    assert_eq!(
        pays(&sheet, &["100", "100", "100", "107"]),
        "payoff 30000 @1"
    );
    assert_eq!(
        pays(&sheet, &["100", "100", "100", "93"]),
        "payoff 50000 @1"
    );
    assert_eq!(pays(&sheet, &["100"; 4]), "");
}

#[test]
fn an_airbag_takes_the_fall_only_once_knocked_in() {
    let terms = json!({"strike": "100%", "barrier": "80%", "part": "90%", "part_up": "70%",
                       "part_down": "100%", "cap": "120%", "cap_ki": "110%", "floor_ki": "60%",
                       "monitoring": "daily"});
    let sheet = note("airbag", terms);
    assert_eq!(pays(&sheet, &["81", "81", "81", "90"]), "");
    assert_eq!(pays(&sheet, &["81", "81", "81", "150"]), "payoff 180000 @1");
    assert_eq!(pays(&sheet, &["80", "81", "81", "90"]), "payoff -100000 @1");
    assert_eq!(pays(&sheet, &["80", "81", "81", "50"]), "payoff -400000 @1");
    assert_eq!(pays(&sheet, &["80", "81", "81", "130"]), "payoff 70000 @1");
    assert_eq!(
        pays(&sheet, &["100", "100", "100", "80"]),
        "payoff -200000 @1"
    );
}

#[test]
fn averages_weigh_their_fixings() {
    let asian = json!({"type": "call", "strike": "100%", "schedule": "daily"});
    assert_eq!(
        pays(&note("asian", asian), &["100", "104", "108", "112"]),
        "payoff 60000 @1"
    );
    let weighted = json!({"type": "call", "strike": "100", "schedule": "daily",
                          "weights": ["0", "0", "1", "3"]});
    assert_eq!(
        pays(&lot("asian", weighted), &["1", "1", "108", "112"]),
        "payoff 110 @1"
    );
    let floating = json!({"type": "put", "strike_type": "floating", "schedule": "daily"});
    assert_eq!(
        pays(&lot("asian", floating), &["100", "104", "108", "100"]),
        "payoff 30 @1"
    );
    let enhanced = json!({"type": "call", "strike": "100%", "level": "102%", "schedule": "daily"});
    assert_eq!(
        pays(
            &note("enhanced_asian", enhanced),
            &["90", "110", "90", "104"]
        ),
        "payoff 45000 @1"
    );
    let put = json!({"type": "put", "strike": "100", "schedule": "daily"});
    assert_eq!(
        pays(&lot("enhanced_asian", put), &["90", "110", "96", "104"]),
        "payoff 35 @1"
    );
}

#[test]
fn an_average_half_done_goes_on_from_its_state() {
    let mut sheet = lot(
        "asian",
        json!({"type": "call", "strike": "100", "schedule": "daily"}),
    );
    sheet["state"] = json!({"fixings_sum": "230"});
    let contract = compile(&sheet);
    assert!(contract.state.is_some());
    assert_eq!(contract.plan.vars[0].name, "fixings_sum");
}

fn on_two(sheet: &Value, a: &str, b: &str) -> String {
    let fixings = |text: &str| text.parse::<Decimal>().expect("a price");
    told(&flows(&compile(sheet), &[vec![fixings(a), fixings(b)]]))
}

#[test]
fn several_underlyings_by_price_and_by_performance() {
    let by = |size: Value, name: &str, terms: Value| pair(name, size, terms);
    let (n, q) = (
        || json!({"notional": "1000000"}),
        || json!({"quantity": "10"}),
    );
    assert_eq!(
        on_two(&by(n(), "exchange", json!({})), "110", "52"),
        "payoff 60000 @1"
    );
    assert_eq!(
        on_two(&by(q(), "exchange", json!({})), "110", "52"),
        "payoff 580 @1"
    );
    let call = |k: &str| json!({"type": "call", "strike": k});
    let put = |k: &str| json!({"type": "put", "strike": k});
    assert_eq!(
        on_two(&by(q(), "spread", call("55")), "110", "52"),
        "payoff 30 @1"
    );
    assert_eq!(
        on_two(&by(n(), "spread", put("0%")), "100", "52"),
        "payoff 40000 @1"
    );
    assert_eq!(
        on_two(&by(n(), "basket", call("101%")), "110", "55"),
        "payoff 90000 @1"
    );
    assert_eq!(
        on_two(&by(q(), "basket", call("80")), "110", "55"),
        "payoff 80 @1"
    );
    assert_eq!(
        on_two(&by(n(), "worst_of", put("92%")), "110", "45"),
        "payoff 20000 @1"
    );
    assert_eq!(
        on_two(&by(q(), "worst_of", call("40")), "110", "45"),
        "payoff 50 @1"
    );
    assert_eq!(
        on_two(&by(n(), "best_of", call("104%")), "110", "45"),
        "payoff 60000 @1"
    );
    assert_eq!(
        on_two(&by(q(), "best_of", put("112")), "110", "45"),
        "payoff 20 @1"
    );
}

#[test]
fn an_enhanced_index_adds_its_rate() {
    let sheet = note("enhanced_index", json!({"enhancement": "6%"}));
    assert_eq!(
        pays(&sheet, &["90"]),
        "redemption 900000 @1, enhancement 60000 @1"
    );
    let bare = json!({"enhancement": "6%", "principal": {"included": false}});
    assert_eq!(
        pays(&note("enhanced_index", bare), &["90"]),
        "redemption -100000 @1, enhancement 60000 @1"
    );
}

#[test]
fn a_geometric_mean_is_the_root_of_the_product() {
    let terms = json!({"type": "call", "strike": "90", "schedule": "daily", "mean": "geometric"});
    assert_eq!(
        pays(&lot("asian", terms.clone()), &["50", "200", "400", "25"]),
        "payoff 100 @1"
    );
    assert_eq!(
        pays(&lot("asian", terms.clone()), &["160", "160", "160", "160"]),
        "payoff 700 @1"
    );
    let path = ["90.5", "104.25", "121.75", "133"];
    let product: f64 = path
        .iter()
        .map(|price| price.parse::<f64>().expect("a price"))
        .product();
    let wanted = 10.0 * (product.powf(0.25) - 90.0);
    let paid = flows(
        &compile(&lot("asian", terms.clone())),
        &crate::templates_world::prices(&path),
    );
    let paid: f64 = paid[0].1.to_string().parse().expect("a number");
    assert!((paid - wanted).abs() < 1e-10, "{paid} {wanted}");
    let mut far = lot(
        "asian",
        json!({"type": "call", "strike": "0.01", "schedule": "daily",
                                      "mean": "geometric"}),
    );
    assert_eq!(
        pays(&far, &["0.1", "100000", "0.1", "100000"]),
        "payoff 999.9 @1"
    );
    far["terms"]["schedule"] = json!({"times": [1.0]});
    assert_eq!(pays(&far, &["250"]), "payoff 2499.9 @1");
    far["terms"]["schedule"] = json!({"times": [0.5, 1.0]});
    assert_eq!(pays(&far, &["50", "200"]), "payoff 999.9 @1");
    let mut weighted = terms;
    weighted["weights"] = json!(["1", "1", "1", "2"]);
    assert_eq!(
        codes(&lot("asian", weighted)),
        ["E-TERM-NOT-YET /terms/weights"]
    );
}
