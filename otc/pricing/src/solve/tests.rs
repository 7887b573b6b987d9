//! Facts about the solver, on contracts with a handful of dates.

use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

use super::{PRECISION, Question, Solution, SolveError, Target, Unknown, solve, unknowns};
use crate::valuation::{Request, value};

const MARKET: &str =
    r#"{"as_of": 0, "underlyings": {"A": {"spot": 100, "q": 0.04, "vol": 0.22}}, "r": 0.018}"#;

const SNOWBALL: &str = r#"{"ko": {"schedule": {"times": [0.25, 0.5, 0.75, 1]}, "levels": {"first": "103%", "step": "-1%"}},
  "coupon": {"rate": "12%"}, "bonus": "12%", "ki": {"schedule": {"times": [0.25, 0.5, 0.75, 1]}, "level": "75%"}}"#;

fn sheet(template: &str, terms: &str, more: &str) -> TermSheet {
    let text = format!(
        r#"{{"schema": "rialto.otc/1", "trade_id": "T", "template": "{template}/1", "direction": "house_sells",
        "underlying": {{"code": "A", "initial": 100}}, "currency": "CNY", "dates": {{"start": 0, "end": 1}},
        "clocks": {{"all": "times"}}, "terms": {terms} {more}}}"#
    );
    TermSheet::from_text(&text).unwrap_or_else(|findings| panic!("{findings}"))
}

fn notional(template: &str, terms: &str) -> TermSheet {
    sheet(template, terms, r#", "notional": 1000000"#)
}

fn market() -> Snapshot {
    Snapshot::from_text(MARKET).unwrap().0
}

fn ask(sheet: &TermSheet, unknown: Unknown, target: Target) -> Result<Solution, SolveError> {
    stepped(sheet, unknown, target, None)
}

fn stepped(
    sheet: &TermSheet,
    unknown: Unknown,
    target: Target,
    increment: Option<Decimal>,
) -> Result<Solution, SolveError> {
    let question = Question {
        unknown,
        target,
        increment,
    };
    solve(
        sheet,
        &market(),
        Calendars::builtin(),
        &Request::default(),
        &question,
    )
}

fn worth(sheet: &TermSheet) -> f64 {
    value(sheet, &market(), Calendars::builtin(), &Request::default())
        .unwrap()
        .value
}

#[test]
fn every_unknown_solved_for_gives_the_target_when_its_sheet_is_priced_again() {
    let contracts = [
        ("snowball", SNOWBALL),
        (
            "european",
            r#"{"type": "call", "strike": "104%", "part": "80%"}"#,
        ),
        (
            "sharkfin",
            r#"{"form": "note", "type": "call", "strike": "100%", "barrier": "120%",
            "monitoring": {"times": [0.5, 1]}, "part": "50%", "rebate": "2%"}"#,
        ),
        (
            "digital",
            r#"{"type": "call", "strike": "103%", "cash": "4.2%"}"#,
        ),
    ];
    for (template, terms) in contracts {
        let sheet = notional(template, terms);
        let now = worth(&sheet);
        for unknown in unknowns(&sheet) {
            if unknown == Unknown::Premium {
                continue;
            }
            let target = now + 100.0;
            let solved = ask(&sheet, unknown, Target::Amount(target))
                .unwrap_or_else(|error| panic!("{template} {}: {error}", unknown.name()));
            let again = TermSheet::from_value(&solved.terms).unwrap();
            let off = (worth(&again) - target).abs();
            assert!(
                off <= 1.5 * PRECISION * 1e6,
                "{template} {}: {off}",
                unknown.name()
            );
        }
    }
}

#[test]
fn a_coupon_takes_two_evaluations_and_a_check_and_a_level_takes_brent() {
    let sheet = notional("snowball", SNOWBALL);
    let coupon = ask(&sheet, Unknown::Coupon, Target::Share(1.0)).unwrap();
    assert_eq!((coupon.method, coupon.evaluations), ("affine", 4));
    assert_eq!(coupon.pointer, "/terms/coupon/rate");
    assert!((coupon.valuation.value - 1e6).abs() < 1e-3, "{coupon:?}");
    let level = ask(
        &sheet,
        Unknown::KiLevel,
        Target::Amount(worth(&sheet) + 500.0),
    )
    .unwrap();
    assert_eq!(level.method, "brent");
    assert!(
        level.number < 0.75,
        "a lower knock-in is worth more: {}",
        level.number
    );
    let steps = ask(
        &sheet,
        Unknown::KoLevel,
        Target::Amount(worth(&sheet) + 50.0),
    )
    .unwrap();
    assert!(steps.terms.pointer("/terms/ko/levels/first").is_some());
    assert_eq!(steps.terms.pointer("/terms/ko/levels/step").unwrap(), "-1%");
}

#[test]
fn a_field_that_the_sheet_leaves_open_can_be_solved_for() {
    let open = SNOWBALL.replace(r#""coupon": {"rate": "12%"},"#, r#""coupon": {},"#);
    let coupon = ask(
        &notional("snowball", &open),
        Unknown::Coupon,
        Target::Share(1.0),
    )
    .unwrap();
    let full = ask(
        &notional("snowball", SNOWBALL),
        Unknown::Coupon,
        Target::Share(1.0),
    )
    .unwrap();
    assert!((coupon.number - full.number).abs() < 1e-9);
}

#[test]
fn rounding_is_on_the_side_of_the_house() {
    let step = Some(Decimal::new(1, 4));
    let sells = notional("snowball", SNOWBALL);
    let buys = TermSheet::from_text(&sells.to_json().replace("house_sells", "house_buys")).unwrap();
    let low = stepped(&sells, Unknown::Coupon, Target::Share(1.0), step).unwrap();
    let high = stepped(&buys, Unknown::Coupon, Target::Share(1.0), step).unwrap();
    assert!(
        low.number < low.exact && low.exact < high.number,
        "{} {}",
        low.value,
        high.value
    );
    assert!((high.number - low.number - 1e-4).abs() < 1e-12);
    for solved in [&low, &high] {
        assert!(
            solved.edge > 0.0 && solved.value.trim_end_matches('%').len() <= 5,
            "{solved:?}"
        );
    }
    let premium = stepped(
        &sells,
        Unknown::Premium,
        Target::Amount(0.0),
        Some(Decimal::ONE_THOUSAND),
    )
    .unwrap();
    assert!(
        premium.number >= premium.exact && premium.edge >= 0.0,
        "{premium:?}"
    );
}

#[test]
fn the_premium_is_the_value_and_may_be_the_target() {
    let option = notional("european", r#"{"type": "put", "strike": "95%"}"#);
    let premium = ask(&option, Unknown::Premium, Target::Amount(0.0)).unwrap();
    assert!((premium.number - worth(&option)).abs() <= 0.005);
    let priced = TermSheet::from_value(&premium.terms).unwrap();
    let strike = ask(&priced, Unknown::Strike, Target::Premium).unwrap();
    assert!((strike.number - 0.95).abs() < 1e-5, "{}", strike.number);
    assert_eq!(
        ask(&option, Unknown::Strike, Target::Premium),
        Err(SolveError::NoTarget)
    );
}

#[test]
fn levels_written_as_prices_are_answered_as_prices() {
    let terms = r#"{"type": "put", "strike": "95"}"#;
    let option = sheet("european", terms, r#", "quantity": 10"#);
    let solved = ask(
        &option,
        Unknown::Strike,
        Target::Amount(worth(&option) + 1.0),
    )
    .unwrap();
    assert!(solved.number > 95.0 && solved.number < 96.0 && !solved.value.contains('%'));
}

#[test]
fn what_cannot_be_solved_is_refused_by_name() {
    let snowball = notional("snowball", SNOWBALL);
    let refused = |sheet: &TermSheet, unknown, target| ask(sheet, unknown, target).unwrap_err();
    let far = refused(&snowball, Unknown::KiLevel, Target::Share(3.0));
    assert_eq!(far.code(), "E-SOLVE-RANGE");
    let text = far.to_string();
    assert!(
        text.contains("No ki_level between 0.1% and 99.99"),
        "{text}"
    );
    let absent = refused(&snowball, Unknown::Rebate, Target::Share(1.0));
    assert_eq!(
        absent.to_string(),
        "`snowball` has no rebate. It can be solved for: coupon, bonus, strike, ko_level, \
         ki_level, premium, part."
    );
    let list = SNOWBALL.replace(
        r#""12%"}, "bonus""#,
        r#"["12%", "11%", "10%", "9%"]}, "bonus""#,
    );
    let several = refused(
        &notional("snowball", &list),
        Unknown::Coupon,
        Target::Share(1.0),
    );
    assert_eq!(several.code(), "E-SOLVE-SEVERAL");
    let number = refused(&snowball, Unknown::Coupon, Target::Share(f64::NAN));
    assert_eq!(number.code(), "E-SOLVE-NUMBER");
    let zero = stepped(
        &snowball,
        Unknown::Coupon,
        Target::Share(1.0),
        Some(Decimal::ZERO),
    );
    assert_eq!(zero.unwrap_err().code(), "E-SOLVE-NUMBER");
}

#[test]
fn every_product_has_its_unknowns() {
    let told = |template: &str, terms: &str| {
        let names: Vec<&str> = unknowns(&notional(template, terms))
            .into_iter()
            .map(Unknown::name)
            .collect();
        names.join(" ")
    };
    let table = [
        ("forward", "{}", "strike premium"),
        ("european", "{}", "strike premium part"),
        ("american", "{}", "strike premium part"),
        ("combo", "{}", "premium"),
        ("trs", "{}", "premium spread"),
        ("digital", "{}", "coupon strike premium"),
        ("one_touch", "{}", "coupon ko_level premium"),
        ("no_touch", "{}", "coupon ko_level premium"),
        ("double_touch", "{}", "coupon premium"),
        ("double_no_touch", "{}", "coupon premium"),
        ("binary_convex", "{}", "coupon premium"),
        ("binary_concave", "{}", "coupon premium"),
        ("asian", "{}", "strike premium part"),
        ("enhanced_asian", "{}", "strike premium part"),
        ("exchange", "{}", "premium part"),
        ("spread", "{}", "strike premium part"),
        ("basket", "{}", "strike premium part"),
        ("worst_of", "{}", "strike premium part"),
        ("best_of", "{}", "strike premium part"),
        ("enhanced_index", "{}", "coupon premium"),
        (
            "barrier",
            r#"{"knock": "out"}"#,
            "strike ko_level premium part rebate",
        ),
        (
            "barrier",
            r#"{"knock": "in"}"#,
            "strike ki_level premium part rebate",
        ),
        ("sharkfin", "{}", "strike ko_level premium part rebate"),
        ("double_sharkfin", "{}", "premium"),
        ("airbag", "{}", "strike ki_level premium part"),
        ("range_accrual", "{}", "coupon premium"),
        ("accumulator", "{}", "strike ko_level premium rebate"),
        ("decumulator", "{}", "strike ko_level premium rebate"),
        (
            "snowball",
            "{}",
            "coupon bonus strike ko_level ki_level premium part",
        ),
        (
            "phoenix",
            "{}",
            "coupon strike ko_level ki_level premium part",
        ),
    ];
    for (template, terms, expected) in table {
        assert_eq!(told(template, terms), expected, "{template}");
    }
    let products = rialto_otc_contract::templates::catalog::PRODUCTS;
    for product in products {
        assert!(
            table.iter().any(|(name, ..)| *name == product.name),
            "{}",
            product.name
        );
    }
}

/// Up and out, 1.2 % at the hit: hit at once below the spot, cheap above it, dear far above.
fn up_and_out(barrier: &str) -> TermSheet {
    let terms = r#"{"type": "call", "side": "up", "knock": "out", "strike": "100%", "barrier": "HERE",
        "rebate": "1.2%", "rebate_at": "hit", "monitoring": "continuous"}"#;
    notional("barrier", &terms.replace("HERE", barrier))
}

#[test]
fn a_barrier_that_is_met_twice_is_the_one_nearest_to_the_sheet() {
    let near = worth(&up_and_out("103%"));
    let dip = worth(&up_and_out("108%"));
    assert!(dip < near, "{dip} {near}: the value falls and rises again");
    let target = 0.5 * (dip + near);
    let solved = |from: &str| {
        let found = ask(&up_and_out(from), Unknown::KoLevel, Target::Amount(target));
        let found = found.unwrap_or_else(|error| panic!("from {from}: {error}"));
        let again = worth(&TermSheet::from_value(&found.terms).unwrap());
        assert!((again - target).abs() <= 1.5, "{again} {target}");
        assert!(
            found
                .notes
                .iter()
                .any(|note| note.en.contains("at 2 places")),
            "{:?}",
            found.notes
        );
        found.number
    };
    let (low, high) = (solved("103.5%"), solved("140%"));
    assert!(1.0 < low && low < 1.08 && high > 1.08, "{low} {high}");
    // From anywhere it is one of the two.
    assert!((solved("150%") - high).abs() < 1e-5);
    assert!((solved("104%") - low).abs() < 1e-5);
}

#[test]
fn a_target_below_the_dip_is_refused_with_the_lowest_value_there_is() {
    let least = (1050..1200)
        .map(|tenths| worth(&up_and_out(&format!("{}.{}%", tenths / 10, tenths % 10))))
        .fold(f64::INFINITY, f64::min);
    let sheet = up_and_out("115%");
    // Just above the least, two barriers give it; just below none does.
    let above = ask(&sheet, Unknown::KoLevel, Target::Amount(least + 5.0)).unwrap();
    let again = worth(&TermSheet::from_value(&above.terms).unwrap());
    assert!((again - least - 5.0).abs() <= 1.5, "{again} {least}");
    let error = ask(&sheet, Unknown::KoLevel, Target::Amount(least - 50.0)).unwrap_err();
    assert_eq!(error.code(), "E-SOLVE-RANGE");
    let text = error.to_string();
    let told: f64 = text
        .split("goes from ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    assert!((told - least).abs() < 20.0, "{told} {least}");
}
