//! What a holder pays in as principal is what the contract pays back when nothing is lost.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::{Initials, compile_with};
use rialto_otc_contract::formula::Booking;
use rialto_otc_contract::interpret::{Memory, Seen, walk};
use rialto_otc_time::Calendars;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The example of every template and preset.
fn products() -> Vec<(String, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sheets/products");
    let files = fs::read_dir(folder).expect("the folder of examples");
    let read = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).expect("a file");
        let name = path.file_stem().expect("a name").to_string_lossy();
        (
            name.into_owned(),
            serde_json::from_str(&text).expect("JSON"),
        )
    };
    let paths = files.map(|file| file.expect("an entry").path());
    let mut all: Vec<(String, Value)> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(read)
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

/// What a contract pays back of its principal when no price ever moves; nothing is lost then.
fn paid_back(sheet: &Value) -> (Option<Decimal>, Decimal) {
    let sheet = TermSheet::from_value(sheet).unwrap_or_else(|findings| panic!("{findings}"));
    let open = sheet.open_initials().into_iter();
    let initials: Initials = open
        .map(|(code, ..)| (code.to_owned(), Decimal::ONE_THOUSAND))
        .collect();
    let compiled = compile_with(&sheet, Calendars::builtin(), &initials)
        .unwrap_or_else(|findings| panic!("{}: {findings}", sheet.trade_id));
    let flat: Vec<Decimal> = compiled
        .plan
        .underlyings
        .iter()
        .map(|u| u.initial)
        .collect();
    let (mut memory, mut booking) = (Memory::new(&compiled.plan), Booking::new(&compiled));
    let seen = |_| Some(Seen::fixings(&flat));
    walk(&compiled.plan, &mut memory, seen, &mut booking).expect("walks");
    let back = booking.flows.iter();
    let back = back.filter(|flow| matches!(flow.leg.as_str(), "principal" | "redemption"));
    let principal = sheet.principal().map(|principal| principal.amount);
    (principal, back.map(|flow| flow.amount).sum())
}

#[test]
fn every_funded_template_pays_back_what_was_paid_in_and_no_other_has_principal() {
    let mut funded = BTreeSet::new();
    for (name, sheet) in products() {
        let (paid_in, back) = paid_back(&sheet);
        assert_eq!(paid_in.unwrap_or_default(), back, "{name}");
        let Some(_) = paid_in else {
            continue;
        };
        funded.insert(sheet["template"].as_str().expect("named").to_owned());
        let mut part = sheet.clone();
        part["terms"]["principal"]["margin"] = "40%".into();
        let (paid_in, back) = paid_back(&part);
        assert_eq!(paid_in, Some(back), "{name}");
        assert!(
            paid_in
                < TermSheet::from_value(&sheet)
                    .ok()
                    .and_then(|whole| Some(whole.principal()?.notional))
        );
        if sheet["preset"] != "margin" {
            part["terms"]["principal"] = json!({"included": false});
            assert_eq!(paid_back(&part), (None, Decimal::ZERO), "{name}");
        }
    }
    let all = [
        "enhanced_index/1",
        "phoenix/1",
        "range_accrual/1",
        "sharkfin/1",
        "snowball/1",
    ];
    assert_eq!(funded, all.map(str::to_owned).into());
}

proptest! {
    #[test]
    fn any_margin_of_any_notional_is_paid_in_to_the_cent(
        notional in 1i64..10_000_000_000,
        margin in 1i64..=10_000,
        percent in any::<bool>(),
    ) {
        let text = include_str!("../sheets/products/snowball.json");
        let mut sheet: Value = serde_json::from_str(text).expect("JSON");
        sheet["notional"] = Decimal::new(notional, 2).to_string().into();
        let share = match percent {
            true => format!("{}%", Decimal::new(margin, 2)),
            false => Decimal::new(margin, 4).to_string(),
        };
        sheet["terms"]["principal"] = json!({"margin": share});
        let (paid_in, back) = paid_back(&sheet);
        prop_assert_eq!(paid_in.unwrap_or_default(), back);
    }
}
