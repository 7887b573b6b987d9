//! What holds for any contract.

use proptest::prelude::*;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::document::Node;
use rialto_otc_contract::interpret::{Memory, Record, Seen, walk};
use rialto_otc_contract::number::binary;
use rust_decimal::Decimal;

use crate::world::{SHEETS, compiled, d, sheet};

/// JSON values of any shape, with the words of the language among them.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let words = prop::sample::select(vec![
        "N",
        "S",
        "worst",
        "row",
        "touch",
        "101%",
        "daily",
        "end",
        "obs",
        "snowball/1",
        "m",
        "k",
        "rialto.otc/1",
        "house_sells",
        "2026-03-09",
        "-1e400",
        "NaN",
        "",
        "pay",
        "stop",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        words.prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let name = prop::sample::select(vec![
            "terms", "ko", "ki", "level", "levels", "schedule", "freq", "times", "first", "step",
            "rules", "if", "do", "vars", "on", "phase",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(name, inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

/// Puts a value somewhere into a sheet.
fn planted(sheet: &str, at: usize, value: serde_json::Value) -> serde_json::Value {
    let mut root: serde_json::Value = serde_json::from_str(sheet).expect("a sheet is JSON");
    let mut pointers = Vec::new();
    pointers_of(&root, String::new(), &mut pointers);
    let pointer = &pointers[at % pointers.len()];
    *root.pointer_mut(pointer).expect("it is there") = value;
    root
}

fn pointers_of(value: &serde_json::Value, here: String, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .for_each(|(name, value)| pointers_of(value, format!("{here}/{name}"), into)),
        serde_json::Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, value)| pointers_of(value, format!("{here}/{n}"), into)),
        _ => {}
    }
    into.push(here);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_makes_the_reader_panic(text in ".{0,200}") {
        let _ = TermSheet::from_text(&text);
    }

    #[test]
    fn a_sheet_with_anything_anywhere_compiles_or_is_refused_with_findings(
        which in 0..SHEETS.len(),
        at in any::<usize>(),
        value in any_json(),
    ) {
        let json = planted(SHEETS[which].1, at, value);
        if let Err(findings) = compiled(&json.to_string()) {
            prop_assert!(findings.has_errors());
            for finding in &findings {
                prop_assert!(!finding.en.is_empty() && !finding.zh.is_empty());
            }
        }
    }

    #[test]
    fn documents_survive_canonical_json(value in any_json()) {
        let node = Node::from_value(&value).expect("within the limits");
        let again = Node::from_text(&node.to_json());
        // Numbers come back as text, which is the same value; odd characters must survive too.
        prop_assert_eq!(again.map(|again| again.to_json()), Ok(node.to_json()));
    }

    #[test]
    fn decimals_and_binary_numbers_walk_alike(
        which in prop::sample::select(vec!["snowball", "phoenix", "accumulator"]),
        moves in prop::collection::vec(-60i64..60, 500),
    ) {
        let contract = compiled(sheet(which)).expect("compiles");
        let plan = &contract.plan;
        let binary_plan = plan.to_f64();
        let mut price = plan.underlyings[0].initial;
        let path: Vec<[Decimal; 1]> = (0..plan.instants.len())
            .map(|n| {
                let moved = Decimal::new(1000 + moves[n % moves.len()], 3);
                price = (price * moved).round_dp(2).max(d("1"));
                [price]
            })
            .collect();
        let binary_path: Vec<[f64; 1]> = path.iter().map(|[price]| [binary(*price)]).collect();
        let (mut memory, mut record) = (Memory::new(plan), Record::default());
        walk(plan, &mut memory, |n| Some(Seen::fixings(&path[n])), &mut record).expect("walks");
        let (mut binary_memory, mut binary_record) =
            (Memory::new(&binary_plan), Record::default());
        let seen = |n: usize| Some(Seen::fixings(&binary_path[n]));
        walk(&binary_plan, &mut binary_memory, seen, &mut binary_record).expect("walks");
        prop_assert_eq!(record.flows.len(), binary_record.flows.len());
        for (exact, near) in record.flows.iter().zip(&binary_record.flows) {
            prop_assert_eq!((exact.leg, exact.at, exact.source), (near.leg, near.at, near.source));
            let scale = binary(plan.notional);
            prop_assert!((binary(exact.amount) - near.amount).abs() <= 1e-9 * scale);
        }
        prop_assert_eq!(memory.alive, binary_memory.alive);
    }

    #[test]
    fn observations_that_do_nothing_change_nothing(
        prices in prop::collection::vec((200i64..1200, 200i64..1200), 6),
        extra in 1u32..9,
    ) {
        let text = sheet("program");
        let more = text.replace(
            "\"schedules\":{",
            &format!("\"schedules\":{{\"idle\":{{\"times\":[0.0{extra},0.2{extra}]}},"),
        ).replace(
            "\"rules\":[",
            "\"rules\":[{\"on\":\"idle\",\"phase\":35,\"do\":[[\"set\",\"touch\",\"touch\"]]},",
        );
        let (plain, split) = (
            compiled(text).expect("compiles").plan,
            compiled(&more).expect("compiles").plan,
        );
        prop_assert_eq!(split.instants.len(), plain.instants.len() + 2);
        let fixings: Vec<[Decimal; 2]> = prices
            .iter()
            .map(|(a, b)| [Decimal::new(*a, 1), Decimal::new(*b, 2)])
            .collect();
        let mut flows = Vec::new();
        for plan in [&plain, &split] {
            let (mut memory, mut record) = (Memory::new(plan), Record::default());
            let row = |n: usize| plain.instants.iter().position(|i| i.at == plan.instants[n].at);
            let seen = |n: usize| Some(Seen::fixings(&fixings[row(n).unwrap_or(0)]));
            walk(plan, &mut memory, seen, &mut record).expect("walks");
            flows.push(
                record.flows.iter().map(|f| (f.leg.to_owned(), f.amount, f.at)).collect::<Vec<_>>(),
            );
        }
        prop_assert_eq!(&flows[0], &flows[1]);
    }
}
