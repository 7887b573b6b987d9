//! The six sheets of the specification.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::interpret::{Event, Memory, Record, Seen, walk};
use rialto_otc_contract::plan::Carry;
use rialto_otc_contract::value::round;

use crate::world::{SHEETS, compiled, d, sheet};

#[test]
fn every_sheet_compiles() {
    for (name, text) in SHEETS {
        if let Err(findings) = compiled(text) {
            panic!("{name}:\n{findings}");
        }
    }
}

#[test]
fn every_sheet_goes_to_json_and_back_unchanged() {
    for (name, text) in SHEETS {
        let sheet = TermSheet::from_text(text).expect(name);
        let json = sheet.to_json();
        let again = TermSheet::from_text(&json).expect(name);
        assert_eq!(sheet, again, "{name}");
        assert_eq!(json, again.to_json(), "{name}");
        assert_eq!(sheet.hash(), again.hash(), "{name}");
        let value = TermSheet::from_value(&sheet.to_value()).expect(name);
        assert_eq!(sheet, value, "{name}");
    }
}

#[test]
fn the_snowball_knocked_out_in_august_pays_principal_and_coupon_three_days_later() {
    let contract = compiled(sheet("snowball")).expect("compiles");
    let plan = &contract.plan;
    let august = plan
        .instants
        .iter()
        .position(|i| {
            i.at.date
                .is_some_and(|date| date.to_string() == "2026-08-10")
        })
        .expect("observed on Monday 10 August, the 9th being a Sunday");
    // June and July stay below their levels; August closes above 100.2 % of 5802.16.
    let calm = [d("5700")];
    let high = [d("5820")];
    let mut memory = Memory::new(plan);
    let mut record = Record::default();
    let walked = walk(
        plan,
        &mut memory,
        |n| Some(Seen::fixings(if n == august { &high } else { &calm })),
        &mut record,
    );
    assert_eq!(walked, Ok(august + 1));
    assert!(!memory.alive);
    let flows: Vec<(&str, String, String)> = record
        .flows
        .iter()
        .map(|flow| {
            let date = flow.at.date.expect("a dated contract").to_string();
            (flow.leg, format!("{:.2}", round(flow.amount, 2)), date)
        })
        .collect();
    assert_eq!(
        flows,
        [
            (
                "principal",
                "20000000.00".to_owned(),
                "2026-08-13".to_owned()
            ),
            ("coupon", "1240438.36".to_owned(), "2026-08-13".to_owned()),
        ]
    );
    assert!(matches!(
        record.events.last(),
        Some(Event::End { early: true, .. })
    ));
}

#[test]
fn memory_is_carried_as_its_use_allows() {
    let phoenix = compiled(sheet("phoenix")).expect("compiles").plan;
    let carried: Vec<(&str, Carry)> = phoenix
        .vars
        .iter()
        .map(|var| (var.name.as_str(), var.carry))
        .collect();
    assert!(carried.contains(&("ki", Carry::Discrete)), "{carried:?}");
    assert!(carried.contains(&("missed", Carry::Affine)), "{carried:?}");
    assert_eq!(phoenix.class.path, 0);
    let bespoke = compiled(sheet("program")).expect("compiles").plan;
    assert_eq!(bespoke.class.discrete_states, 4);
    assert_eq!(bespoke.class.underlyings, 2);
}

#[test]
fn clocks_that_a_sheet_does_not_name_are_told_with_those_that_were_taken() {
    let told = |text: &str| {
        let contract = compiled(text).expect("compiles");
        let found = contract.notices.iter().find(|f| f.code == "N-TERM-CLOCKS");
        (found.cloned(), contract.clocks)
    };
    let named = sheet("snowball");
    let mut silent: serde_json::Value = serde_json::from_str(named).expect("json");
    silent.as_object_mut().expect("an object").remove("clocks");
    let (notice, clocks) = told(&silent.to_string());
    let notice = notice.expect("told");
    assert_eq!(notice.pointer, "/clocks");
    for part in ["sessions:XSHG/244", "act365", "clocks"] {
        assert!(
            notice.en.contains(part) && notice.zh.contains(part),
            "{notice}"
        );
    }
    assert_eq!((told(named).0, told(named).1), (None, clocks));
    // Times of a numeric contract are years on all clocks: nothing was chosen.
    let mut numeric: serde_json::Value = serde_json::from_str(sheet("program")).expect("json");
    numeric.as_object_mut().expect("an object").remove("clocks");
    assert_eq!(told(&numeric.to_string()).0, None);
}
