//! Snowball and phoenix on paths made by hand: every branch.

use serde_json::{Value, json};

use crate::templates_world::{codes, note, pays, preset};

/// Knock-out at 103 on the last three quarters, knock-in at 75 on all four, 12 % a year.
fn terms() -> Value {
    json!({"ko": {"schedule": {"times": [0.5, 0.75, 1.0]}, "levels": "103%"},
           "coupon": {"rate": "12%"}, "ki": {"schedule": "daily", "level": "75%"}})
}

/// The terms above with one part replaced.
fn with(changes: &[(&str, Value)]) -> Value {
    let mut terms = terms();
    let all = terms.as_object_mut().expect("an object");
    for (name, value) in changes {
        match value {
            Value::Null => all.remove(*name),
            value => all.insert((*name).to_owned(), value.clone()),
        };
    }
    terms
}

fn ko(levels: Value) -> Value {
    json!({"schedule": {"times": [0.5, 0.75, 1.0]}, "levels": levels})
}

#[test]
fn a_snowball_on_its_knock_out_level_pays_principal_and_coupon() {
    let sheet = note("snowball", terms());
    assert_eq!(
        pays(&sheet, &["103", "103", "1", "1"]),
        "principal 1000000 @0.5, coupon 60000 @0.5"
    );
    assert_eq!(
        pays(&sheet, &["103", "102.9999", "103", "1"]),
        "principal 1000000 @0.75, coupon 90000 @0.75"
    );
}

#[test]
fn a_snowball_never_knocked_in_pays_the_bonus() {
    let sheet = note("snowball", terms());
    assert_eq!(
        pays(&sheet, &["100", "100", "75.0001", "90"]),
        "redemption 1000000 @1, bonus 120000 @1"
    );
    let other = note("snowball", with(&[("bonus", json!("2%"))]));
    assert_eq!(
        pays(&other, &["100", "100", "100", "100"]),
        "redemption 1000000 @1, bonus 20000 @1"
    );
}

#[test]
fn a_snowball_on_its_knock_in_level_loses_like_a_put() {
    let sheet = note("snowball", terms());
    assert_eq!(
        pays(&sheet, &["75", "100", "100", "90"]),
        "redemption 900000 @1"
    );
    assert_eq!(
        pays(&sheet, &["100", "100", "100", "75"]),
        "redemption 750000 @1"
    );
    assert_eq!(
        pays(&sheet, &["75", "100", "100", "101"]),
        "redemption 1000000 @1"
    );
}

#[test]
fn knock_out_beats_knock_in_and_the_last_date_is_an_ordinary_one() {
    let sheet = note("snowball", terms());
    assert_eq!(
        pays(&sheet, &["60", "60", "60", "103"]),
        "principal 1000000 @1, coupon 120000 @1"
    );
    let parachute = preset("snowball", "parachute", terms());
    assert_eq!(
        pays(&parachute, &["100", "100", "100", "75"]),
        "principal 1000000 @1, coupon 120000 @1"
    );
    assert_eq!(
        pays(&parachute, &["100", "100", "100", "74.99"]),
        "redemption 749900 @1"
    );
    assert_eq!(
        pays(&parachute, &["75", "75", "75", "76"]),
        "principal 1000000 @1, coupon 120000 @1"
    );
}

#[test]
fn levels_and_coupons_follow_their_rows() {
    let steps = ko(json!({"first": "103%", "step": "-1.5%"}));
    let stepdown = preset("snowball", "stepdown", with(&[("ko", steps.clone())]));
    assert_eq!(
        pays(&stepdown, &["100", "101.5", "101.5", "1"]),
        "principal 1000000 @0.75, coupon 90000 @0.75"
    );
    let tiers = json!({"tiers": [{"to": 1, "rate": "20%"}, {"rate": "4%"}]});
    let booster = preset("snowball", "booster", with(&[("coupon", tiers)]));
    assert_eq!(
        pays(&booster, &["1", "103", "1", "1"]),
        "principal 1000000 @0.5, coupon 100000 @0.5"
    );
    assert_eq!(
        pays(&booster, &["90", "90", "103", "1"]),
        "principal 1000000 @0.75, coupon 30000 @0.75"
    );
    let rates = json!({"rate": ["20%", "10%", "4%"]});
    let butterfly = preset("snowball", "butterfly", with(&[("coupon", rates.clone())]));
    assert_eq!(
        pays(&butterfly, &["90", "90", "90", "90"]),
        "redemption 1000000 @1, bonus 40000 @1"
    );
    let both = preset(
        "snowball",
        "both_down",
        with(&[("ko", steps), ("coupon", rates)]),
    );
    assert_eq!(
        pays(&both, &["90", "90", "101.5", "1"]),
        "principal 1000000 @0.75, coupon 75000 @0.75"
    );
}

#[test]
fn losses_are_limited_begin_lower_or_are_looked_at_late() {
    let limited = with(&[("loss", json!({"k_lo": "85%"}))]);
    let limited = preset("snowball", "limited_loss", limited);
    assert_eq!(
        pays(&limited, &["60", "90", "90", "60"]),
        "redemption 850000 @1"
    );
    assert_eq!(
        pays(&limited, &["60", "90", "90", "90"]),
        "redemption 900000 @1"
    );
    let otm = with(&[("loss", json!({"k_hi": "85%", "base": "k_hi"}))]);
    let otm = preset("snowball", "otm", otm);
    assert_eq!(
        pays(&otm, &["60", "90", "90", "68"]),
        "redemption 800000 @1"
    );
    assert_eq!(
        pays(&otm, &["60", "90", "90", "86"]),
        "redemption 1000000 @1"
    );
}

#[test]
fn a_european_knock_in_is_looked_at_on_the_last_date_only() {
    let sheet = preset(
        "snowball",
        "european_ki",
        with(&[("ki", json!({"level": "75%"}))]),
    );
    assert_eq!(
        pays(&sheet, &["60", "60", "90"]),
        "redemption 1000000 @1, bonus 120000 @1"
    );
    assert_eq!(pays(&sheet, &["60", "60", "75"]), "redemption 750000 @1");
}

#[test]
fn participation_absolute_coupons_and_the_small_one() {
    let mut up = ko(json!("103%"));
    up["participation"] = json!("30%");
    up["call"] = json!("103%");
    let plus = preset("snowball", "plus", with(&[("ko", up)]));
    assert_eq!(
        pays(&plus, &["1", "110", "1", "1"]),
        "principal 1000000 @0.5, coupon 60000 @0.5, participation 21000 @0.5"
    );
    let trigger = with(&[("coupon", json!({"rate": "5%"})), ("bonus", json!("1%"))]);
    let trigger = preset("snowball", "trigger", trigger);
    assert_eq!(
        pays(&trigger, &["90", "110", "1", "1"]),
        "principal 1000000 @0.5, coupon 50000 @0.5"
    );
    assert_eq!(
        pays(&trigger, &["90", "90", "90", "90"]),
        "redemption 1000000 @1, bonus 10000 @1"
    );
    let small = with(&[("ki", Value::Null), ("bonus", json!("0.5%"))]);
    let small = preset("snowball", "small", small);
    assert_eq!(
        pays(&small, &["1", "1", "1"]),
        "principal 1000000 @1, bonus 5000 @1"
    );
}

#[test]
fn a_paris_knock_in_needs_its_touches() {
    let ki = json!({"schedule": {"times": [0.25, 0.5, 0.75, 1.0]}, "level": "75%", "count": 3});
    let sheet = preset("snowball", "paris", with(&[("ki", ki)]));
    assert_eq!(
        pays(&sheet, &["75", "75", "90", "90"]),
        "redemption 1000000 @1, bonus 120000 @1"
    );
    assert_eq!(
        pays(&sheet, &["75", "75", "90", "70"]),
        "redemption 700000 @1"
    );
    assert_eq!(
        pays(&sheet, &["75", "75", "75", "75"]),
        "redemption 750000 @1"
    );
}

#[test]
fn a_bear_snowball_turns_every_inequality_round() {
    let bear = with(&[
        ("ko", ko(json!("97%"))),
        ("ki", json!({"schedule": "daily", "level": "130%"})),
        ("loss", json!({"k_cap": "150%"})),
    ]);
    let sheet = preset("snowball", "bear", bear);
    assert_eq!(
        pays(&sheet, &["97", "97", "1", "1"]),
        "principal 1000000 @0.5, coupon 60000 @0.5"
    );
    assert_eq!(
        pays(&sheet, &["129.99", "100", "100", "110"]),
        "redemption 1000000 @1, bonus 120000 @1"
    );
    assert_eq!(
        pays(&sheet, &["130", "100", "100", "110"]),
        "redemption 900000 @1"
    );
    assert_eq!(
        pays(&sheet, &["130", "100", "100", "190"]),
        "redemption 500000 @1"
    );
}

#[test]
fn margin_is_floored_only_without_recourse() {
    let margin = |principal: Value| preset("snowball", "margin", with(&[("principal", principal)]));
    let called = margin(json!({"margin": "25%"}));
    assert_eq!(
        pays(&called, &["60", "90", "90", "60"]),
        "redemption -150000 @1"
    );
    let kept = margin(json!({"margin": "25%", "no_recourse": true}));
    assert_eq!(pays(&kept, &["60", "90", "90", "60"]), "");
    assert_eq!(
        pays(&kept, &["60", "90", "90", "90"]),
        "redemption 150000 @1"
    );
    assert_eq!(
        pays(&kept, &["60", "103", "1", "1"]),
        "principal 250000 @0.5, coupon 60000 @0.5"
    );
    let apart = note(
        "snowball",
        with(&[("principal", json!({"included": false}))]),
    );
    assert_eq!(
        pays(&apart, &["60", "90", "90", "60"]),
        "redemption -400000 @1"
    );
    assert_eq!(pays(&apart, &["60", "103", "1", "1"]), "coupon 60000 @0.5");
}

#[test]
fn a_comparison_may_be_strict() {
    let mut strict = ko(json!("103%"));
    strict["compare"] = json!(">");
    let ki = json!({"schedule": "daily", "level": "75%", "compare": "<"});
    let sheet = note("snowball", with(&[("ko", strict), ("ki", ki)]));
    assert_eq!(
        pays(&sheet, &["75", "103", "103", "103"]),
        "redemption 1000000 @1, bonus 120000 @1"
    );
}

#[test]
fn presets_refuse_what_contradicts_them() {
    let refused = |name: &str, changes: &[(&str, Value)]| {
        codes(&preset("snowball", name, with(changes))).join(", ")
    };
    let rising = ko(json!({"first": "103%", "step": "1%"}));
    let tiers = json!({"rate": ["20%", "10%", "4%"]});
    type Case<'c> = (&'c str, Vec<(&'c str, Value)>, &'c str);
    let cases: [Case<'_>; 17] = [
        ("standard", vec![("ko", rising.clone())], "/terms/ko/levels"),
        ("standard", vec![("coupon", tiers.clone())], "/terms/coupon"),
        ("stepdown", vec![("ko", rising.clone())], "/terms/ko/levels"),
        ("booster", vec![("coupon", tiers)], "/terms/coupon"),
        ("butterfly", vec![], "/terms/coupon"),
        ("both_down", vec![("ko", rising)], "/terms/ko/levels"),
        (
            "parachute",
            vec![("ko", ko(json!(["103%", "103%", "80%"])))],
            "/terms/ko/levels",
        ),
        ("limited_loss", vec![], "/terms"),
        (
            "otm",
            vec![("loss", json!({"k_hi": "100%"}))],
            "/terms/loss",
        ),
        ("european_ki", vec![], "/terms/ki"),
        ("plus", vec![], "/terms"),
        (
            "trigger",
            vec![("coupon", json!({"rate": "5%", "basis": "annual"}))],
            "/terms/coupon/basis",
        ),
        ("small", vec![], "/terms/ki"),
        ("small", vec![("ki", Value::Null)], "/terms"),
        ("paris", vec![], "/terms/ki"),
        ("margin", vec![], "/terms"),
        ("standard", vec![("ki", Value::Null)], "/terms"),
    ];
    for (name, changes, pointer) in cases {
        assert_eq!(
            refused(name, &changes),
            format!("E-TERM-PRESET {pointer}"),
            "{name}"
        );
    }
    let bull = with(&[("side", json!("bull")), ("ki", json!({"level": "75%"}))]);
    assert_eq!(
        codes(&preset("snowball", "bear", bull)),
        ["E-TERM-PRESET /terms"]
    );
}

#[test]
fn no_recourse_needs_something_to_lose() {
    let kept = json!({"no_recourse": true});
    let safe = with(&[("ki", Value::Null), ("principal", kept.clone())]);
    assert_eq!(
        codes(&note("snowball", safe)),
        ["E-TERM-PRINCIPAL /terms/principal"]
    );
    let range = json!({"lower": "95%", "rate": "8%", "principal": kept.clone()});
    assert_eq!(
        codes(&note("range_accrual", range)),
        ["E-TERM-PRINCIPAL /terms/principal"]
    );
    let mut fixed = phoenix(false);
    fixed["principal"] = kept;
    fixed.as_object_mut().expect("an object").remove("ki");
    assert_eq!(
        codes(&note("phoenix", fixed)),
        ["E-TERM-PRINCIPAL /terms/principal"]
    );
}

#[test]
fn crossed_levels_are_refused_by_name() {
    let high = with(&[("ki", json!({"schedule": "daily", "level": "103%"}))]);
    assert_eq!(
        codes(&note("snowball", high)),
        ["E-TERM-KI-LEVEL /terms/ki/level"]
    );
    let lost = with(&[("loss", json!({"k_lo": "101%"}))]);
    assert_eq!(
        codes(&note("snowball", lost)),
        ["E-TERM-ORDER /terms/loss/k_lo"]
    );
    let stray = with(&[("ki", Value::Null), ("loss", json!({"part": "50%"}))]);
    assert_eq!(codes(&note("snowball", stray)), ["E-TERM-LOSS /terms/loss"]);
    let apart = with(&[("principal", json!({"included": false, "no_recourse": true}))]);
    assert_eq!(
        codes(&note("snowball", apart)),
        ["E-TERM-PRINCIPAL /terms/principal"]
    );
}

/// Coupons of 1 % a quarter from 90, knock-out from the second quarter at 105, knock-in at 70.
fn phoenix(memory: bool) -> Value {
    json!({"coupon": {"schedule": {"times": [0.25, 0.5, 0.75, 1.0]}, "rate": "1%", "level": "90%",
                      "memory": memory},
           "ko": {"from": 2, "levels": "105%"}, "ki": {"schedule": "daily", "level": "70%"}})
}

#[test]
fn a_phoenix_pays_coupons_on_and_above_their_level() {
    let sheet = note("phoenix", phoenix(false));
    assert_eq!(
        pays(&sheet, &["90", "89.99", "95", "90"]),
        "coupon 10000 @0.25, coupon 10000 @0.75, coupon 10000 @1, redemption 1000000 @1"
    );
}

#[test]
fn a_phoenix_with_memory_pays_what_was_missed_and_forgets_at_the_end() {
    let sheet = note("phoenix", phoenix(true));
    assert_eq!(
        pays(&sheet, &["80", "80", "90", "80"]),
        "coupon 30000 @0.75, redemption 1000000 @1"
    );
    assert_eq!(
        pays(&sheet, &["80", "90", "80", "90"]),
        "coupon 20000 @0.5, coupon 20000 @1, redemption 1000000 @1"
    );
}

#[test]
fn a_phoenix_knocks_out_from_its_row_with_the_coupon_of_the_date() {
    let sheet = note("phoenix", phoenix(true));
    assert_eq!(
        pays(&sheet, &["105", "105", "1", "1"]),
        "coupon 10000 @0.25, coupon 10000 @0.5, principal 1000000 @0.5"
    );
    assert_eq!(
        pays(&sheet, &["60", "60", "105", "1"]),
        "coupon 30000 @0.75, principal 1000000 @0.75"
    );
    assert_eq!(
        pays(&sheet, &["70", "80", "80", "80"]),
        "redemption 800000 @1"
    );
}

#[test]
fn annualised_coupons_accrue_over_their_period_and_are_remembered_as_amounts() {
    let mut terms = phoenix(true);
    terms["coupon"]["basis"] = json!("annual");
    terms["coupon"]["rate"] = json!(["4%", "8%", "4%", "4%"]);
    let sheet = note("phoenix", terms);
    assert_eq!(
        pays(&sheet, &["80", "80", "95", "80"]),
        "coupon 40000 @0.75, redemption 1000000 @1"
    );
}

#[test]
fn presets_of_the_phoenix() {
    let mut dcn = phoenix(false);
    dcn["ki"] = json!({"level": "70%"});
    let dcn = preset("phoenix", "dcn", dcn);
    assert_eq!(
        pays(&dcn, &["60", "60", "60", "80"]),
        "redemption 1000000 @1"
    );
    assert_eq!(
        pays(&dcn, &["60", "60", "60", "70"]),
        "redemption 700000 @1"
    );
    let mut fcn = phoenix(false);
    fcn["coupon"]
        .as_object_mut()
        .expect("an object")
        .remove("level");
    fcn["coupon"]
        .as_object_mut()
        .expect("an object")
        .remove("memory");
    let fixed = preset("phoenix", "fcn", fcn);
    assert_eq!(
        pays(&fixed, &["60", "105", "1", "1"]),
        "coupon 10000 @0.25, coupon 10000 @0.5, principal 1000000 @0.5"
    );
    let mut some = phoenix(false);
    some["coupon"]["guaranteed"] = json!(2);
    let some = preset("phoenix", "fcn", some);
    assert_eq!(
        pays(&some, &["80", "80", "80", "90"]),
        "coupon 10000 @0.25, coupon 10000 @0.5, coupon 10000 @1, redemption 1000000 @1"
    );
}

#[test]
fn a_phoenix_refuses_what_contradicts_itself() {
    assert_eq!(
        codes(&preset("phoenix", "fcn", phoenix(false))),
        ["E-TERM-PRESET /terms/coupon/level"]
    );
    assert_eq!(
        codes(&preset("phoenix", "dcn", phoenix(false))),
        ["E-TERM-PRESET /terms/ki/level"]
    );
    let mut above = phoenix(false);
    above["coupon"]["level"] = json!("106%");
    assert_eq!(
        codes(&note("phoenix", above)),
        ["E-TERM-COUPON-LEVEL /terms/coupon/level"]
    );
    let mut none = phoenix(true);
    none["coupon"]["level"] = json!("0%");
    assert_eq!(
        codes(&note("phoenix", none)),
        ["E-TERM-MEMORY /terms/coupon/memory"]
    );
}
