//! Templates against programs written by hand, and against each other on random paths.

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use rialto_otc_contract::document::Node;
use rialto_otc_contract::syntax;

use crate::templates_world::{compile, lot, note, preset, total};

/// The template writes exactly this program.
fn writes(sheet: &Value, program: Value) {
    let written = syntax::write(&compile(sheet).program);
    let wanted = Node::from_value(&program).expect("a program");
    assert_eq!(written.to_json(), wanted.to_json());
}

#[test]
fn the_snowball_is_this_program() {
    let terms = json!({"ko": {"schedule": {"times": [0.5, 1.0]}, "levels": "103%"},
                       "coupon": {"rate": "12%"}, "ki": {"schedule": "daily", "level": "75%"}});
    writes(
        &note("snowball", terms),
        json!({
            "vars": [{"name": "ki", "kind": "flag", "init": "0"}],
            "rules": [
                {"on": "ko", "phase": "30", "if": [">=", "S", ["row", "level"]], "do": [
                    ["pay", "N", "obs", "principal"],
                    ["pay", ["*", "N", ["row", "coupon"], "t"], "obs", "coupon"],
                    ["stop"]]},
                {"on": "ki", "phase": "40", "if": ["<=", "S", "75"], "do": [["set", "ki", "1"]]}],
            "terminal": [
                ["pay", ["if", "ki", ["-", "N", ["/", ["*", "N",
                    ["max", ["-", "100", "S"], "0"]], "S0"]], "N"], "end", "redemption"],
                ["pay", ["if", "ki", "0", ["*", "N", "0.12", "t"]], "end", "bonus"]],
        }),
    );
}

#[test]
fn the_phoenix_with_memory_is_this_program() {
    let terms = json!({"coupon": {"schedule": {"times": [0.5, 1.0]}, "rate": "1%", "level": "80%",
                                  "memory": true},
                       "ko": {"from": 2, "levels": "102%"}, "ki": {"level": "66%"}});
    writes(
        &note("phoenix", terms),
        json!({
            "vars": [{"name": "missed", "kind": "sum", "init": "0"},
                     {"name": "ki", "kind": "flag", "init": "0"}],
            "rules": [
                {"on": "coupon", "phase": "20", "if": [">=", "S", ["row", "coupon_level"]], "do": [
                    ["pay", ["*", "N", "0.01", ["+", "1", "missed"]], "obs", "coupon"],
                    ["set", "missed", "0"]]},
                {"on": "coupon", "phase": "20",
                 "if": ["not", [">=", "S", ["row", "coupon_level"]]], "do": [
                    ["set", "missed", ["+", "missed", "1"]]]},
                {"on": "coupon", "phase": "30",
                 "if": ["and", [">=", "k", "2"], [">=", "S", ["row", "level"]]], "do": [
                    ["pay", "N", "obs", "principal"], ["stop"]]},
                {"on": "ki", "phase": "40", "if": ["<=", "S", "66"], "do": [["set", "ki", "1"]]}],
            "terminal": [
                ["pay", ["if", "ki", ["-", "N", ["/", ["*", "N",
                    ["max", ["-", "100", "S"], "0"]], "S0"]], "N"], "end", "redemption"]],
        }),
    );
}

#[test]
fn the_fused_accumulator_is_this_program() {
    let terms = json!({"strike": "96", "barrier": "104", "leverage": 3, "ko": "stop",
                       "rebate": "1.5", "settlement": "daily"});
    writes(
        &lot("accumulator", terms),
        json!({
            "vars": [],
            "rules": [
                {"on": "days", "phase": "35", "do": [
                    ["pay", ["*", "10", ["if", ["<", "S", "96"], ["*", "3", ["-", "S", "96"]],
                        ["if", ["<", "S", "104"], ["-", "S", "96"], "0"]]], "obs", "accrual"]]},
                {"on": "days", "phase": "30", "if": [">=", "S", "104"], "do": [
                    ["pay", ["*", "10", "1.5", "left"], "obs", "rebate"], ["stop"]]}],
            "terminal": [],
        }),
    );
}

#[test]
fn the_sharkfin_note_is_this_program() {
    let terms = json!({"form": "note", "type": "call", "strike": "100%", "barrier": "112%",
                       "monitoring": "daily", "part": "55%", "floor": "0.4%", "rebate": "2%",
                       "rebate_basis": "annual"});
    writes(
        &note("sharkfin", terms),
        json!({
            "vars": [],
            "rules": [
                {"on": "monitoring", "phase": "30", "if": [">=", "S", "112"], "do": [
                    ["pay", "N", "end", "principal"],
                    ["pay", ["*", "N", "0.02"], "end", "rebate"],
                    ["stop"]]}],
            "terminal": [
                ["pay", "N", "end", "principal"],
                ["pay", ["*", "N", "0.004"], "end", "floor"],
                ["pay", ["/", ["*", "N", "0.55", ["max", ["-", "S", "100"], "0"]], "S0"], "end",
                    "payoff"]],
        }),
    );
}

/// Four closes from 50.00 to 150.00, often on a level.
fn path() -> impl Strategy<Value = Vec<Vec<Decimal>>> {
    let level = prop::sample::select(vec![7000_i64, 7500, 9000, 9500, 10000, 10300, 10500, 11500]);
    let price = prop_oneof![3 => 5000_i64..15000, 1 => level];
    prop::collection::vec(price.prop_map(|cents| vec![Decimal::new(cents, 2)]), 4)
}

fn at(path: &[Vec<Decimal>], sheet: &Value) -> Decimal {
    let contract = compile(sheet);
    let instants = contract.plan.instants.len();
    // Contracts that look at the end only see the last close.
    total(&contract, &path[path.len() - instants..]).normalize()
}

fn near(a: Decimal, b: Decimal) -> bool {
    (a - b).abs() < Decimal::new(1, 12)
}

fn snowball(name: Option<&str>, levels: Value, coupon: &str, ki: &str) -> Value {
    let terms = json!({"ko": {"schedule": {"times": [0.5, 0.75, 1.0]}, "levels": levels},
                       "coupon": {"rate": coupon}, "ki": {"schedule": "daily", "level": ki}});
    match name {
        Some(name) => preset("snowball", name, terms),
        None => note("snowball", terms),
    }
}

fn phoenix(memory: bool, level: Option<&str>) -> Value {
    let mut coupon = json!({"schedule": {"times": [0.25, 0.5, 0.75, 1.0]}, "rate": "1.5%"});
    if let Some(level) = level {
        coupon["level"] = json!(level);
    }
    if memory {
        coupon["memory"] = json!(true);
    }
    let terms = json!({"coupon": coupon, "ko": {"from": 2, "levels": "105%"},
                       "ki": {"level": "70%"}});
    match level {
        Some(_) => note("phoenix", terms),
        None => preset("phoenix", "fcn", terms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn in_and_out_make_the_vanilla(path in path(), call in any::<bool>(), up in any::<bool>()) {
        let w = if call { "call" } else { "put" };
        let (side, level) = if up { ("up", "115%") } else { ("down", "90%") };
        let knock = |knock: &str| note("barrier", json!({"type": w, "side": side, "knock": knock,
            "strike": "95%", "barrier": level, "monitoring": "daily"}));
        let vanilla = note("european", json!({"type": w, "strike": "95%"}));
        prop_assert_eq!(at(&path, &knock("in")) + at(&path, &knock("out")), at(&path, &vanilla));
    }

    #[test]
    fn call_less_put_is_the_forward(path in path()) {
        let option = |w: &str| note("european", json!({"type": w, "strike": "95%"}));
        let forward = at(&path, &note("forward", json!({"strike": "95%"})));
        prop_assert_eq!(at(&path, &option("call")) - at(&path, &option("put")), forward);
    }

    #[test]
    fn convex_and_concave_make_a_bond(path in path(), edges in prop::sample::select(vec!["[]", "[)", "(]", "()"])) {
        let terms = json!({"lower": "90%", "upper": "103%", "cash": "2%", "edges": edges});
        let both = at(&path, &note("binary_convex", terms.clone()))
            + at(&path, &note("binary_concave", terms));
        prop_assert_eq!(both, Decimal::from(20_000));
    }

    #[test]
    fn touch_and_no_touch_make_a_bond(path in path()) {
        let terms = || json!({"lower": "90%", "upper": "105%", "cash": "2%", "monitoring": "daily"});
        let both = at(&path, &note("double_touch", terms()))
            + at(&path, &note("double_no_touch", terms()));
        prop_assert_eq!(both, Decimal::from(20_000));
        let one = |side: &str, level: &str| json!({"side": side, "barrier": level, "cash": "2%",
            "monitoring": "daily"});
        for (side, level) in [("up", "105%"), ("down", "90%")] {
            let both = at(&path, &note("one_touch", one(side, level)))
                + at(&path, &note("no_touch", one(side, level)));
            prop_assert_eq!(both, Decimal::from(20_000));
        }
    }

    #[test]
    fn a_step_of_zero_is_the_standard_snowball(path in path()) {
        let flat = snowball(Some("standard"), json!("103%"), "12%", "75%");
        let steps = json!({"first": "103%", "step": "0%"});
        let steps = snowball(Some("stepdown"), steps, "12%", "75%");
        prop_assert_eq!(at(&path, &flat), at(&path, &steps));
        prop_assert_eq!(compile(&flat).plan, compile(&steps).plan);
    }

    #[test]
    fn out_of_reach_a_snowball_is_a_bond(path in path()) {
        let calm = snowball(None, json!("500%"), "12%", "10%");
        prop_assert_eq!(at(&path, &calm), Decimal::from(1_120_000));
    }

    #[test]
    fn without_coupon_and_knock_out_a_snowball_is_a_bond_less_a_down_and_in_put(path in path()) {
        let note_form = snowball(None, json!("500%"), "0%", "75%");
        let put = note("barrier", json!({"type": "put", "side": "down", "knock": "in",
            "strike": "100%", "barrier": "75%", "monitoring": "daily"}));
        prop_assert_eq!(at(&path, &note_form) + at(&path, &put), Decimal::from(1_000_000));
    }

    #[test]
    fn no_loss_between_equal_strikes(path in path()) {
        let mut sheet = snowball(None, json!("103%"), "0%", "75%");
        sheet["terms"]["loss"] = json!({"k_hi": "80%", "k_lo": "80%"});
        prop_assert_eq!(at(&path, &sheet), Decimal::from(1_000_000));
    }

    #[test]
    fn the_value_of_a_snowball_is_affine_in_its_coupon(path in path()) {
        let of = |rate: &str| at(&path, &snowball(None, json!("103%"), rate, "75%"));
        prop_assert!(near(of("8%") - of("4%"), of("16%") - of("12%")));
    }

    #[test]
    fn a_coupon_level_of_zero_is_a_fixed_coupon_note(path in path()) {
        let zero = phoenix(false, Some("0%"));
        prop_assert_eq!(compile(&zero).plan, compile(&phoenix(false, None)).plan);
        prop_assert_eq!(at(&path, &zero), at(&path, &phoenix(false, None)));
    }

    #[test]
    fn memory_never_pays_less(path in path()) {
        let with = at(&path, &phoenix(true, Some("90%")));
        prop_assert!(with >= at(&path, &phoenix(false, Some("90%"))));
    }

    #[test]
    fn an_airbag_is_calls_less_down_and_in_puts(path in path()) {
        let airbag = note("airbag", json!({"strike": "100%", "barrier": "75%", "part": "90%",
            "part_down": "80%", "monitoring": "daily"}));
        let call = note("european", json!({"type": "call", "strike": "100%", "part": "90%"}));
        let put = note("barrier", json!({"type": "put", "side": "down", "knock": "in",
            "strike": "100%", "barrier": "75%", "part": "80%", "monitoring": "daily"}));
        prop_assert_eq!(at(&path, &airbag), at(&path, &call) - at(&path, &put));
    }

    #[test]
    fn the_geometric_mean_is_never_above_the_arithmetic(path in path()) {
        let of = |mean: &str| at(&path, &lot("asian", json!({"type": "call", "strike": "1",
            "schedule": "daily", "mean": mean})));
        prop_assert!(of("geometric") <= of("arithmetic") + Decimal::new(1, 12));
    }

    #[test]
    fn the_enhanced_average_is_a_strip_of_options(path in path()) {
        let terms = json!({"type": "call", "strike": "95", "level": "97", "schedule": "daily"});
        let strip: Decimal = path.iter().map(|close| {
            (close[0] - Decimal::from(97)).max(Decimal::ZERO) + Decimal::from(2)
        }).sum();
        let whole = strip * Decimal::from(10) / Decimal::from(4);
        prop_assert!(near(at(&path, &lot("enhanced_asian", terms)), whole));
    }

    #[test]
    fn a_range_without_bounds_is_a_bond(path in path()) {
        let sheet = note("range_accrual", json!({"lower": "1%", "rate": "8%"}));
        prop_assert_eq!(at(&path, &sheet), Decimal::from(80_000));
    }

    #[test]
    fn daily_settlement_of_one_unit_everywhere_is_a_strip_of_forwards(path in path()) {
        let sheet = lot("accumulator", json!({"strike": "96", "ko": "none", "leverage": 1,
            "settlement": "daily"}));
        let strip: Decimal = path.iter().map(|close| close[0] - Decimal::from(96)).sum();
        prop_assert_eq!(at(&path, &sheet), (strip * Decimal::from(10)).normalize());
    }

    #[test]
    fn a_decumulator_is_the_accumulator_sold_when_zones_are_mirrored(path in path()) {
        let terms = |name: &str, k: &str, h: &str| lot(name, json!({"strike": k, "barrier": h,
            "leverage": 2, "ko": "stop", "rebate": "1", "settlement": "end"}));
        let mirrored: Vec<Vec<Decimal>> =
            path.iter().map(|close| vec![Decimal::from(200) - close[0]]).collect();
        let bought = at(&path, &terms("accumulator", "96", "105"));
        let sold = at(&mirrored, &terms("decumulator", "104", "95"));
        prop_assert_eq!(bought, sold);
    }

    #[test]
    fn a_double_sharkfin_without_a_wing_is_a_sharkfin_while_the_other_level_is_far(path in path()) {
        let double = note("double_sharkfin", json!({"call": {"strike": "100%"},
            "put": {"strike": "98%", "part": "0%"}, "lower": "1%", "upper": "115%",
            "rebate_up": "1%", "monitoring": "daily"}));
        let single = note("sharkfin", json!({"type": "call", "strike": "100%", "barrier": "115%",
            "rebate": "1%", "monitoring": "daily"}));
        prop_assert_eq!(at(&path, &double), at(&path, &single));
    }

    #[test]
    fn a_swap_of_constant_shares_adds_up_to_the_forward(path in path()) {
        let swap = note("trs", json!({"reset": {"times": [0.25, 0.5, 0.75, 1.0]},
            "units": "constant_shares", "financing": {"rate": "0%"}}));
        let forward = note("forward", json!({"strike": "100%"}));
        prop_assert_eq!(at(&path, &swap), at(&path, &forward));
    }
}
