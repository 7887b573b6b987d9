//! Facts about quotes, on contracts with a handful of dates.

use jiff::Timestamp;
use proptest::prelude::*;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;

use super::*;
use crate::solve::{PRECISION, SolveError};
use crate::valuation::value;

const MARKET: &str =
    r#"{"as_of": 0, "underlyings": {"A": {"spot": 100, "q": 0.04, "vol": 0.22}}, "r": 0.018}"#;

const SNOWBALL: &str = r#"{"ko": {"schedule": {"times": [0.25, 0.5, 0.75, 1]}, "levels": {"first": "103%", "step": "-1%"}},
  "coupon": {"rate": "12%"}, "bonus": "12%", "ki": {"schedule": {"times": [0.25, 0.5, 0.75, 1]}, "level": "75%"}}"#;
const CALL: &str = r#"{"type": "call", "strike": "104%", "part": "80%"}"#;
const NOTE: &str = r#"{"form": "note", "type": "call", "strike": "100%", "barrier": "120%",
  "monitoring": {"times": [0.5, 1]}, "part": "50%", "rebate": "2%"}"#;
const DIGITAL: &str = r#"{"type": "call", "strike": "103%", "cash": "4.2%"}"#;

const NOTIONAL: f64 = 1e6;

fn sheet(template: &str, terms: &str, premium: Option<f64>) -> TermSheet {
    let premium = premium.map_or_else(String::new, |amount| {
        format!(r#", "premium": {{"amount": "{amount:.2}"}}"#)
    });
    let text = format!(
        r#"{{"schema": "rialto.otc/1", "trade_id": "T", "template": "{template}/1", "direction": "house_sells",
        "underlying": {{"code": "A", "initial": 100}}, "currency": "CNY", "dates": {{"start": 0, "end": 1}},
        "clocks": {{"all": "times"}}, "notional": 1000000, "terms": {terms} {premium}}}"#
    );
    TermSheet::from_text(&text).unwrap_or_else(|findings| panic!("{findings}"))
}

fn market() -> Snapshot {
    Snapshot::from_text(MARKET).unwrap().0
}

fn ask(sheet: &TermSheet, asked: &Asked) -> Result<Quoted, QuoteError> {
    let request = Request::default();
    quote(sheet, &market(), Calendars::builtin(), &request, asked)
}

fn worth(sheet: &TermSheet) -> f64 {
    value(sheet, &market(), Calendars::builtin(), &Request::default())
        .unwrap()
        .value
}

fn asked(unknown: Unknown, side: Side) -> Asked {
    Asked {
        spreads: Spreads {
            vol: 0.01,
            q: 0.004,
            r: 0.001,
        },
        charges: Charges {
            hedge_bp: 12.0,
            margin_bp: 30.0,
            reserve_bp: 5.0,
            funding_bp: 3.0,
        },
        ..Asked::fair(unknown, side)
    }
}

#[test]
fn a_quote_without_spreads_and_charges_is_the_solution_of_the_plain_question() {
    let sheet = sheet("snowball", SNOWBALL, None);
    let quoted = ask(&sheet, &Asked::fair(Unknown::Coupon, Side::HouseSells)).unwrap();
    assert_eq!(quoted.corners, []);
    assert_eq!(quoted.pays, NOTIONAL);
    assert_eq!(
        (quoted.bid, quoted.offer),
        (quoted.fair_value, quoted.fair_value)
    );
    let priced = TermSheet::from_value(&quoted.terms).unwrap();
    assert!((worth(&priced) - quoted.fair_value).abs() < 1e-9);
    // The house gives less than the exact coupon, by less than a step.
    assert!(quoted.solved.number <= quoted.solved.exact);
    assert!(quoted.solved.exact - quoted.solved.number < 1e-4);
    assert!(quoted.edge > 0.0 && quoted.edge < 1e-4 * NOTIONAL);
    assert_eq!(quoted.solved.method, "affine");
}

#[test]
fn the_parts_of_a_price_add_up() {
    for side in [Side::HouseSells, Side::HouseBuys] {
        let quoted = ask(
            &sheet("snowball", SNOWBALL, None),
            &asked(Unknown::Coupon, side),
        )
        .unwrap();
        assert_eq!(quoted.corners.len(), 8);
        let charges: f64 = quoted.charges.iter().map(|line| line.amount).sum();
        assert!((charges - 50e-4 * NOTIONAL).abs() < 1e-9);
        let shares = quoted.shares.vol + quoted.shares.q + quoted.shares.r;
        assert!((quoted.fair_value + shares - quoted.worst.value).abs() < 1e-6);
        let values = quoted.corners.iter().map(|corner| corner.value);
        let (price, worst) = match side {
            Side::HouseSells => (quoted.offer, values.fold(f64::MIN, f64::max)),
            Side::HouseBuys => (quoted.bid, values.fold(f64::MAX, f64::min)),
        };
        assert_eq!(worst, quoted.worst.value, "{side:?}");
        // What is paid is the price and what the rounding left.
        assert!(
            (quoted.pays - price - -side.sign() * quoted.edge).abs() < 1e-6,
            "{side:?}"
        );
        assert!(quoted.edge >= 0.0 && quoted.bid < quoted.fair_value);
        assert!(quoted.fair_value < quoted.offer);
    }
}

#[test]
fn the_client_gets_a_lower_coupon_than_the_fair_one_and_gives_a_higher() {
    let sheet = sheet("snowball", SNOWBALL, None);
    let coupon = |asked: &Asked| ask(&sheet, asked).unwrap().solved.number;
    let fair = coupon(&Asked::fair(Unknown::Coupon, Side::HouseSells));
    assert!(coupon(&asked(Unknown::Coupon, Side::HouseSells)) < fair);
    assert!(coupon(&asked(Unknown::Coupon, Side::HouseBuys)) > fair);
}

#[test]
fn every_unknown_is_quoted_on_either_side() {
    for (template, terms) in [
        ("snowball", SNOWBALL),
        ("european", CALL),
        ("sharkfin", NOTE),
        ("digital", DIGITAL),
    ] {
        let plain = sheet(template, terms, None);
        let now = worth(&plain);
        for unknown in crate::solve::unknowns(&plain) {
            for side in [Side::HouseSells, Side::HouseBuys] {
                let mut asked = asked(unknown, side);
                asked.charges.margin_bp = 1.0;
                asked.spreads.vol = 0.001;
                asked.pays = Some(Target::Amount(now - side.sign() * 4_000.0));
                if unknown == Unknown::KoLevel && template == "snowball" {
                    // Its value hardly moves with the level.
                    asked.charges = Charges::default();
                    asked.spreads = Spreads::default();
                    asked.pays = Some(Target::Amount(now + 50.0));
                }
                let quoted = ask(&plain, &asked)
                    .unwrap_or_else(|error| panic!("{template} {unknown:?} {side:?}: {error}"));
                let edge = quoted.edge;
                assert!(
                    edge >= -PRECISION * NOTIONAL,
                    "{template} {unknown:?}: {edge}"
                );
                assert!(quoted.bid <= quoted.fair_value && quoted.fair_value <= quoted.offer);
            }
        }
    }
}

#[test]
fn a_premium_is_the_worst_value_and_the_charges() {
    let plain = sheet("european", CALL, None);
    let sold = ask(&plain, &asked(Unknown::Premium, Side::HouseSells)).unwrap();
    assert!((sold.pays - sold.offer).abs() < 0.01 && sold.pays >= sold.offer);
    assert_eq!(
        sold.worst.vol, 0.01,
        "a call is worth most at the highest volatility"
    );
    assert_eq!((sold.worst.q, sold.worst.r), (-0.004, 0.001));
    let bought = ask(&plain, &asked(Unknown::Premium, Side::HouseBuys)).unwrap();
    assert!((bought.pays - bought.bid).abs() < 0.01 && bought.pays <= bought.bid);
    assert!(bought.pays < sold.pays);
    assert_eq!(sold.terms.pointer("/direction").unwrap(), "house_sells");
    assert_eq!(bought.terms.pointer("/direction").unwrap(), "house_buys");
    assert_eq!(
        sold.terms.pointer("/premium/amount").unwrap(),
        &serde_json::Value::from(sold.solved.rounded.clone())
    );
}

#[test]
fn what_cannot_be_reached_is_refused_with_both_ends() {
    let mut asked = asked(Unknown::Coupon, Side::HouseSells);
    asked.pays = Some(Target::Share(0.3));
    let error = ask(&sheet("snowball", SNOWBALL, None), &asked).unwrap_err();
    assert_eq!(error.code(), "E-SOLVE-RANGE");
    let text = error.to_string();
    assert!(text.contains("between 0% and 200%"), "{text}");
    assert!(
        text.contains("300000.00 is paid, the charges are 5000.00"),
        "{text}"
    );
    let QuoteError::Unsolved {
        source: SolveError::OutOfReach { at_lo, at_hi, .. },
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(at_lo > 295_000.0 && at_hi > at_lo);
}

#[test]
fn what_makes_no_sense_is_refused_by_its_field() {
    let call = sheet("european", CALL, None);
    let plain = Asked::fair(Unknown::Strike, Side::HouseSells);
    assert_eq!(ask(&call, &plain).unwrap_err(), QuoteError::NoPayment);
    let mut wrong = plain;
    wrong.spreads.q = f64::NAN;
    assert_eq!(ask(&call, &wrong).unwrap_err().code(), "E-QUOTE-NUMBER");
    wrong = plain;
    wrong.charges.margin_bp = -1.0;
    let text = ask(&call, &wrong).unwrap_err().to_string();
    assert!(text.starts_with("/charges/margin_bp is -1"), "{text}");
    wrong = Asked::fair(Unknown::Bonus, Side::HouseSells);
    assert_eq!(ask(&call, &wrong).unwrap_err().code(), "E-SOLVE-UNKNOWN");
    // More spread than there is volatility.
    wrong = Asked::fair(Unknown::Premium, Side::HouseSells);
    wrong.spreads.vol = 0.5;
    let text = ask(&call, &wrong).unwrap_err().to_string();
    assert!(text.contains("E-BUMP-VOL"), "{text}");
}

#[test]
fn a_note_of_which_a_part_is_paid_in_is_quoted_at_that_part() {
    let margin = SNOWBALL.replacen('{', r#"{"principal": {"margin": "25%"}, "#, 1);
    let quoted = ask(
        &sheet("snowball", &margin, None),
        &Asked::fair(Unknown::Coupon, Side::HouseSells),
    )
    .unwrap();
    assert_eq!(quoted.pays, 0.25 * NOTIONAL);
    let excluded = SNOWBALL.replacen('{', r#"{"principal": {"included": false}, "#, 1);
    let asked = Asked::fair(Unknown::Coupon, Side::HouseSells);
    let error = ask(&sheet("snowball", &excluded, None), &asked).unwrap_err();
    assert_eq!(error, QuoteError::NoPayment);
    let swap = ask(&sheet("snowball", &excluded, Some(0.0)), &asked).unwrap();
    assert_eq!(swap.pays, 0.0);
}

fn heading() -> Heading {
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    Heading {
        id: "q1".into(),
        no: "Q-2026-0001".into(),
        counterparty: "cp".into(),
        created_by: "trader".into(),
        created_at: time("2026-11-20T02:00:00Z"),
        valid_until: time("2026-11-20T02:10:00Z"),
    }
}

/// Every leaf of a document with another value in its place.
fn changed(value: &serde_json::Value, path: &str, out: &mut Vec<String>) {
    use serde_json::Value;
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(name, value)| changed(value, &format!("{path}/{name}"), out)),
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .enumerate()
            .for_each(|(n, value)| changed(value, &format!("{path}/{n}"), out)),
        _ => out.push(path.to_owned()),
    }
}

#[test]
fn a_change_of_any_field_changes_the_hash() {
    let quoted = ask(
        &sheet("snowball", SNOWBALL, None),
        &asked(Unknown::Coupon, Side::HouseSells),
    )
    .unwrap();
    let quote = Quote {
        heading: heading(),
        quoted,
    };
    let text = quote.canonical();
    assert!(is_intact(&text, &quote.content_hash()));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut places = Vec::new();
    changed(&document, "", &mut places);
    assert!(places.len() > 80, "{}", places.len());
    for place in places {
        let mut other = document.clone();
        *other.pointer_mut(&place).unwrap() = serde_json::json!("another");
        assert!(
            !is_intact(&canonical(&other), &quote.content_hash()),
            "{place}"
        );
    }
    // The order in which names were written says nothing.
    assert_eq!(
        canonical(&serde_json::json!({"b": 1, "a": [true, null]})),
        r#"{"a":[true,null],"b":1}"#
    );
}

#[test]
fn a_quote_stands_before_its_moment_and_not_from_it_on() {
    let heading = heading();
    let one = jiff::SignedDuration::from_nanos(1);
    assert!(!heading.is_expired(heading.valid_until - one));
    assert!(heading.is_expired(heading.valid_until));
}

#[test]
fn a_spot_slips_beyond_the_limit_only_and_what_is_no_price_has() {
    assert!(!slipped(5000.0, 5010.0, SLIPPAGE) && !slipped(5000.0, 4990.0, SLIPPAGE));
    assert!(slipped(5000.0, 5010.01, SLIPPAGE) && slipped(5000.0, 4989.99, SLIPPAGE));
    for no_price in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        assert!(slipped(5000.0, no_price, SLIPPAGE) && slipped(no_price, 5000.0, SLIPPAGE));
    }
}

#[test]
fn a_firm_quote_in_time_and_near_the_spot_can_be_accepted_and_no_other() {
    let Heading {
        created_at: early,
        valid_until: late,
        ..
    } = heading();
    let good = [(5000.0, 5001.0)];
    let accept = |status, now, spots: &[(f64, f64)]| acceptable(status, late, now, spots, SLIPPAGE);
    assert_eq!(accept(Status::Firm, early, &good), Ok(()));
    let code = |status, now, spots: &[(f64, f64)]| accept(status, now, spots).unwrap_err().code();
    assert_eq!(code(Status::Indicative, early, &good), "E-QUOTE-STATUS");
    assert_eq!(code(Status::Firm, late, &good), "E-QUOTE-EXPIRED");
    assert_eq!(
        code(Status::Firm, early, &[good[0], (10.0, 10.1)]),
        "E-QUOTE-SLIPPED"
    );
}

#[test]
fn every_status_allows_what_it_names_and_refuses_the_rest() {
    for status in Status::ALL {
        assert_eq!(Status::named(status.name()), Some(status));
        for action in Action::ALL {
            let after = status.after(action);
            assert_eq!(after.is_ok(), status.allowed().contains(&action));
            if let Err(refusal) = after {
                let text = refusal.to_string();
                for allowed in status.allowed() {
                    assert!(text.contains(allowed.name()), "{text}");
                }
            }
        }
    }
    let text = Status::Booked
        .after(Action::Accept)
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "A quote that is booked cannot accept; nothing more can be done with it."
    );
    // From the first word to the trade.
    let way = [Action::Confirm, Action::Accept, Action::Book];
    let end = way
        .iter()
        .try_fold(Status::Indicative, |at, action| at.after(*action));
    assert_eq!(end, Ok(Status::Booked));
}

fn contract() -> impl Strategy<Value = (&'static str, &'static str, Unknown)> {
    prop_oneof![
        Just(("snowball", SNOWBALL, Unknown::Coupon)),
        Just(("snowball", SNOWBALL, Unknown::Bonus)),
        Just(("european", CALL, Unknown::Part)),
        Just(("sharkfin", NOTE, Unknown::Rebate)),
        Just(("digital", DIGITAL, Unknown::Coupon)),
    ]
}

prop_compose! {
    fn question()(
        (template, terms, unknown) in contract(),
        sells in any::<bool>(),
        vol in 0.0..0.02, q in 0.0..0.01, r in 0.0..0.003,
        margin in 0.0..20.0, hedge in 0.0..10.0,
    ) -> (TermSheet, Asked) {
        let plain = sheet(template, terms, None);
        let side = if sells { Side::HouseSells } else { Side::HouseBuys };
        let pays = worth(&plain) - side.sign() * 0.015 * NOTIONAL;
        let asked = Asked {
            pays: Some(Target::Amount(pays)),
            spreads: Spreads { vol, q, r },
            charges: Charges { hedge_bp: hedge, margin_bp: margin, ..Charges::default() },
            ..Asked::fair(unknown, side)
        };
        (plain, asked)
    }
}

/// The quote, unless nothing meets what is paid.
fn may(sheet: &TermSheet, asked: &Asked) -> Option<Quoted> {
    match ask(sheet, asked) {
        Ok(quoted) => Some(quoted),
        Err(error) => {
            assert_eq!(error.code(), "E-SOLVE-RANGE", "{error}");
            None
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn before_rounding_an_affine_unknown_leaves_the_charges_and_nothing_more(
        (plain, asked) in question()
    ) {
        let fine = Asked { increment: Some(Decimal::new(1, 12)), ..asked };
        let Some(quoted) = may(&plain, &fine) else { return Ok(()) };
        prop_assert!(quoted.edge.abs() <= PRECISION * NOTIONAL, "{}", quoted.edge);
        prop_assert!((quoted.solved.exact - quoted.solved.number).abs() <= 1e-12);
    }

    #[test]
    fn rounding_never_costs_the_house((plain, asked) in question()) {
        let Some(quoted) = may(&plain, &asked) else { return Ok(()) };
        prop_assert!(quoted.edge >= -PRECISION * NOTIONAL, "{}", quoted.edge);
        prop_assert!((quoted.solved.number / 1e-4 - (quoted.solved.number / 1e-4).round()).abs() < 1e-6);
    }

    #[test]
    fn bid_and_offer_bracket_the_fair_value((plain, asked) in question()) {
        let Some(quoted) = may(&plain, &asked) else { return Ok(()) };
        prop_assert!(quoted.bid <= quoted.fair_value && quoted.fair_value <= quoted.offer);
    }

    #[test]
    fn wider_marks_and_higher_charges_never_tighten(
        (plain, asked) in question(), wider in 1.0..2.0, dearer in 0.0..10.0,
    ) {
        // The premium shows the price of the contract itself.
        let premium = |spreads, charges| {
            let asked = Asked { unknown: Unknown::Premium, pays: None, spreads, charges, ..asked };
            let quoted = ask(&plain, &asked).unwrap();
            (quoted.bid, quoted.offer)
        };
        let Spreads { vol, q, r } = asked.spreads;
        let wide = Spreads { vol: wider * vol, q: wider * q, r: wider * r };
        let dear = Charges { reserve_bp: dearer, ..asked.charges };
        let (bid, offer) = premium(asked.spreads, asked.charges);
        for (spreads, charges) in [(wide, asked.charges), (asked.spreads, dear), (wide, dear)] {
            let (lower, higher) = premium(spreads, charges);
            prop_assert!(lower <= bid + 1e-6 && higher >= offer - 1e-6);
        }
    }
}
