//! Range accruals, accumulators and return swaps on paths made by hand.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::templates_world::{codes, compile, flows, lot, note, pair, pays, sheet, told};

#[test]
fn a_range_accrual_counts_its_days_by_its_edges() {
    let terms =
        |edges: &str| json!({"lower": "95%", "upper": "105%", "rate": "8%", "edges": edges});
    let path = ["95", "105", "100", "106"];
    for (edges, days) in [("[)", 2), ("[]", 3), ("(]", 2), ("()", 1)] {
        let sheet = note("range_accrual", terms(edges));
        assert_eq!(
            pays(&sheet, &path),
            format!("coupon {} @1", 20000 * days),
            "{edges}"
        );
    }
    let mut stated = terms("[)");
    stated["principal"] = json!({});
    stated["basis"] = json!("absolute");
    assert_eq!(
        pays(&note("range_accrual", stated), &["100"; 4]),
        "principal 1000000 @1, coupon 80000 @1"
    );
    let open = json!({"lower": "95%", "rate": "8%"});
    assert_eq!(
        pays(&note("range_accrual", open), &["95", "1", "500", "94"]),
        "coupon 40000 @1"
    );
    let none = json!({"rate": "8%"});
    assert_eq!(codes(&note("range_accrual", none)), ["E-TERM-RANGE /terms"]);
}

/// Strike 96, barrier 104, twice below the strike.
fn terms(changes: Value) -> Value {
    let mut terms = json!({"strike": "96", "barrier": "104", "leverage": 2, "ko": "skip",
                           "settlement": "daily"});
    let all = terms.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => all.remove(name),
            value => all.insert(name.clone(), value.clone()),
        };
    }
    terms
}

fn accumulator(changes: Value) -> Value {
    lot("accumulator", terms(changes))
}

#[test]
fn an_accumulator_buys_by_zone() {
    let path = ["95", "96", "103.99", "104"];
    assert_eq!(
        pays(&accumulator(json!({})), &path),
        "accrual -20 @0.25, accrual 79.9 @0.75"
    );
    // Two units below the strike, one on it, one below the barrier, none on it.
    assert_eq!(
        pays(&accumulator(json!({"settlement": "end"})), &path),
        "settlement 320 @1"
    );
    let none = json!({"ko": "none", "barrier": null});
    assert_eq!(
        pays(&accumulator(none), &["95", "104", "200", "96"]),
        "accrual -20 @0.25, accrual 80 @0.5, accrual 1040 @0.75"
    );
}

#[test]
fn an_accumulator_that_stops_accrues_nothing_that_day_and_pays_for_the_days_left() {
    let stop = json!({"ko": "stop", "rebate": "1.5"});
    for (day, wanted) in [
        (0, "rebate 60 @0.25"),
        (1, "accrual 40 @0.25, rebate 45 @0.5"),
        (2, "accrual 40 @0.25, accrual 40 @0.5, rebate 30 @0.75"),
        (
            3,
            "accrual 40 @0.25, accrual 40 @0.5, accrual 40 @0.75, rebate 15 @1",
        ),
    ] {
        let mut path = ["100"; 4];
        path[day] = "104";
        assert_eq!(pays(&accumulator(stop.clone()), &path), wanted, "day {day}");
    }
}

#[test]
fn units_of_the_end_settle_at_the_knock_out_or_at_the_end() {
    let path = ["95", "100", "110", "90"];
    let stop = json!({"ko": "stop", "rebate": "1", "settlement": "end"});
    assert_eq!(
        pays(&accumulator(stop), &path),
        "rebate 20 @0.75, settlement 420 @0.75"
    );
    let late = json!({"ko": "stop", "rebate": "1", "settlement": "end", "settle_on_ko": "end"});
    assert_eq!(
        pays(&accumulator(late.clone()), &path),
        "rebate 20 @0.75, settlement -180 @1"
    );
    // A second touch pays no second rebate, and nothing accrues after the first.
    assert_eq!(
        pays(&accumulator(late), &["110", "110", "100", "100"]),
        "rebate 40 @0.25"
    );
}

#[test]
fn the_day_of_the_knock_out_may_accrue() {
    let zones = json!([{"below": "96", "units": "2"}, {"below": "104", "units": "1"},
                       {"units": "1", "cash": "2"}]);
    let terms = |accrues: bool| {
        json!({"ko": "stop", "zones": zones.clone(), "leverage": null,
               "accumulate_on_ko_day": accrues})
    };
    assert_eq!(
        pays(&accumulator(terms(true)), &["104", "1", "1", "1"]),
        "accrual 100 @0.25"
    );
    assert_eq!(
        pays(&accumulator(terms(false)), &["104", "1", "1", "1"]),
        ""
    );
}

#[test]
fn zones_carry_fixed_cash() {
    let zones =
        json!([{"below": "96", "units": "2"}, {"below": "104", "cash": "3"}, {"cash": "5"}]);
    let daily = json!({"zones": zones, "leverage": null, "barrier": null});
    assert_eq!(
        pays(&accumulator(daily.clone()), &["95", "96", "103", "104"]),
        "accrual -20 @0.25, accrual 30 @0.5, accrual 30 @0.75, accrual 50 @1"
    );
    let mut end = daily;
    end["settlement"] = json!("end");
    assert_eq!(
        pays(&accumulator(end), &["95", "96", "103", "104"]),
        "settlement 270 @1"
    );
}

#[test]
fn the_last_day_may_count_more() {
    let last = |extra: &str, factor: &str| json!({"settlement": "end", "last_day": {"if": "S<K", "extra": extra, "factor": factor}});
    let path = ["100", "100", "100", "95"];
    assert_eq!(
        pays(&accumulator(last("day", "1")), &path),
        "settlement -50 @1, last_day -20 @1"
    );
    assert_eq!(
        pays(&accumulator(last("all_accrued", "0.5")), &path),
        "settlement -50 @1, last_day -25 @1"
    );
    assert_eq!(
        pays(&accumulator(last("day", "1")), &["100"; 4]),
        "settlement 160 @1"
    );
    let daily = json!({"last_day": {"if": "S<=K", "extra": "all_accrued", "factor": "1"}});
    assert_eq!(
        pays(&accumulator(daily), &["100", "104", "96", "95"]),
        "accrual 40 @0.25, accrual -20 @1, last_day -40 @1"
    );
}

#[test]
fn a_decumulator_mirrors_the_accumulator() {
    let terms = |ko: &str| json!({"strike": "104", "barrier": "96", "leverage": 2, "ko": ko, "settlement": "daily"});
    assert_eq!(
        pays(
            &lot("decumulator", terms("skip")),
            &["105", "104", "96.01", "96"]
        ),
        "accrual -20 @0.25, accrual 79.9 @0.75"
    );
    let mut stop = terms("stop");
    stop["rebate"] = json!("1");
    assert_eq!(
        pays(&lot("decumulator", stop), &["100", "96", "1", "1"]),
        "accrual 40 @0.25, rebate 30 @0.5"
    );
}

#[test]
fn an_accumulator_refuses_what_contradicts_itself() {
    let cases = [
        (json!({"barrier": "96"}), "E-TERM-ORDER /terms/barrier"),
        (json!({"barrier": null}), "E-FIELD-MISSING /terms"),
        (json!({"ko": "none"}), "E-TERM-BARRIER /terms/barrier"),
        (json!({"rebate": "1"}), "E-TERM-KO /terms/rebate"),
        (
            json!({"ko": "stop", "settle_on_ko": "end"}),
            "E-TERM-SETTLEMENT /terms/settle_on_ko",
        ),
        (
            json!({"zones": [{"units": "1"}], "barrier": null}),
            "E-TERM-ZONES /terms/leverage",
        ),
        (
            json!({"zones": [{"below": "5"}, {"below": "4"}, {}], "barrier": null,
                   "leverage": null}),
            "E-TERM-ZONES /terms/zones",
        ),
    ];
    for (changes, wanted) in cases {
        assert_eq!(codes(&accumulator(changes.clone())), [wanted], "{changes}");
    }
    let mirrored = json!({"strike": "96", "barrier": "104", "ko": "skip", "settlement": "daily"});
    assert_eq!(
        codes(&lot("decumulator", mirrored)),
        ["E-TERM-ORDER /terms/barrier"]
    );
}

fn swap(changes: &[(&str, Value)]) -> Value {
    let mut terms = json!({"reset": {"times": [0.25, 0.5, 0.75, 1.0]}, "units": "constant_shares",
                           "financing": {"rate": "3%", "spread": "1%"}});
    for (name, value) in changes {
        terms[*name] = value.clone();
    }
    note("trs", terms)
}

#[test]
fn a_return_swap_pays_the_move_less_financing() {
    let path = ["110", "99", "99", "100"];
    assert_eq!(
        pays(&swap(&[]), &path),
        "equity 100000 @0.25, financing -10000 @0.25, equity -110000 @0.5, \
         financing -10000 @0.5, financing -10000 @0.75, equity 10000 @1, financing -10000 @1"
    );
    assert_eq!(
        pays(
            &swap(&[("units", json!("constant_notional"))]),
            &["110", "99", "99", "99"]
        ),
        "equity 100000 @0.25, financing -10000 @0.25, equity -100000 @0.5, \
         financing -10000 @0.5, financing -10000 @0.75, financing -10000 @1"
    );
}

#[test]
fn financing_is_on_the_notional_the_market_value_or_what_margin_leaves() {
    let on = |base: &str| {
        let financing = json!({"rate": "4%", "base": base, "yf": ["0.5", "0.25", "0.25", "0.25"]});
        let margin = json!({"initial": "25%", "maintenance": "20%"});
        swap(&[("financing", financing), ("margin", margin)])
    };
    let first = |base: &str| {
        let text = pays(&on(base), &["110", "110", "110", "110"]);
        text.split(", ")
            .filter(|flow| flow.starts_with("fin"))
            .take(2)
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        first("notional"),
        "financing -20000 @0.25, financing -10000 @0.5"
    );
    assert_eq!(
        first("market"),
        "financing -20000 @0.25, financing -11000 @0.5"
    );
    assert_eq!(
        first("net_of_margin"),
        "financing -15000 @0.25, financing -7500 @0.5"
    );
}

#[test]
fn long_and_short_legs_net_on_their_date() {
    let terms = json!({"reset": {"times": [1.0]}, "units": "constant_shares",
                       "financing": {"rate": "0%"}});
    let mut sheet = pair("trs", json!({"notional": "1000000"}), terms);
    sheet["underlyings"] = json!([{"code": "A", "initial": "100", "units": "300"},
                                  {"code": "B", "initial": "50", "units": "-200"}]);
    let d = |text: &str| text.parse::<Decimal>().expect("a price");
    let paid = flows(&compile(&sheet), &[vec![d("110"), d("57")]]);
    assert_eq!(told(&paid), "equity 1600 @1");
}

#[test]
fn a_return_swap_says_what_the_plan_does_not_hold() {
    let margin = json!({"initial": "35%", "maintenance": "25%"});
    let sheet = swap(&[
        ("margin", margin),
        ("basket_changes", json!("trade_file")),
        ("return", json!("total")),
        ("dividend_pass", json!("90%")),
    ]);
    let contract = compile(&sheet);
    let told: Vec<&str> = contract
        .notices
        .iter()
        .map(|f| f.pointer.as_str())
        .collect();
    assert_eq!(
        told,
        ["/terms/return", "/terms/margin", "/terms/basket_changes"]
    );
    assert!(
        contract
            .notices
            .iter()
            .all(|finding| finding.code == "N-TERM-NOT-YET")
    );
    let stray = swap(&[("dividend_pass", json!("90%"))]);
    assert_eq!(codes(&stray), ["E-TERM-DIVIDENDS /terms/dividend_pass"]);
    let short = swap(&[("reset", json!({"times": [0.25, 0.5]}))]);
    assert_eq!(codes(&short), ["E-TERM-RESET /terms/reset"]);
}

#[test]
fn listed_dividends_are_passed_on_their_dates() {
    let terms = json!({"reset": {"freq": "6m"}, "units": "constant_shares", "return": "total",
                       "dividend_pass": "90%",
                       "dividends": [{"code": "XSHG:600519", "date": "2026-06-18", "amount": "2"}],
                       "financing": {"rate": "0%", "yf": "act360"}});
    let mut dated = sheet("trs", json!({"notional": "1000000"}), terms);
    dated["underlying"] = json!({"code": "XSHG:600519", "initial": "1000", "units": "1000"});
    dated["dates"] = json!({"start": "2026-05-18", "end": "2027-05-18"});
    dated["payment"] = json!({"lag": 0});
    dated["clocks"] =
        json!({"variance": "sessions:XSHG/244", "rate": "act365", "coupon": "act365"});
    dated
        .as_object_mut()
        .expect("an object")
        .remove("schedules");
    let contract = compile(&dated);
    let price = vec!["1000".parse::<Decimal>().expect("a price")];
    let path = vec![price; contract.plan.instants.len()];
    let paid = flows(&contract, &path);
    let legs: Vec<(&str, String)> = paid
        .iter()
        .map(|flow| (flow.0.as_str(), flow.1.normalize().to_string()))
        .collect();
    assert_eq!(legs, [("dividend", "1800".to_owned())]);
    for date in ["2026-05-18", "2025-06-18", "2028-06-19"] {
        dated["terms"]["dividends"][0]["date"] = json!(date);
        let told = codes(&dated);
        assert!(
            told.iter().any(|code| code.contains("/terms/dividends")),
            "{date}: {told:?}"
        );
    }
}
