use proptest::prelude::*;
use rialto_delivery_gate::{ReplayError, Verdict, evaluate, replay};
use serde_json::{Value, json};

use crate::samples::{facts, good_facts, input};

#[test]
fn a_stored_input_gives_the_same_bytes_again() {
    let input = input(good_facts());
    let verdict = evaluate(&input);
    let replayed = replay(&input.canonical_bytes()).unwrap();
    assert_eq!(replayed.bytes, verdict.canonical_bytes());
    assert_eq!(replayed.identical, None);
}

#[test]
fn a_recorded_verdict_is_compared_without_its_place_in_the_log() {
    let input = input(good_facts());
    let mut verdict = evaluate(&input);
    verdict.evidence_seq = Some(42);
    let pair = |verdict: &Verdict| {
        serde_json::to_vec(&json!({"input": input, "verdict": verdict})).unwrap()
    };
    assert_eq!(replay(&pair(&verdict)).unwrap().identical, Some(true));
    verdict.rules[2].numerator = Some(81);
    assert_eq!(replay(&pair(&verdict)).unwrap().identical, Some(false));
}

#[test]
fn the_sentences_a_server_adds_for_readers_are_no_part_of_the_record() {
    let input = input(facts((9, 10), (1, 100), (600, 1000)));
    let mut shown = serde_json::to_value(evaluate(&input)).unwrap();
    shown["error_text"] = json!(null);
    shown["rules"][0]["text"] = json!({"en": "a", "zh": "甲"});
    let pair =
        |shown: &Value| serde_json::to_vec(&json!({"input": input, "verdict": shown})).unwrap();
    assert_eq!(replay(&pair(&shown)).unwrap().identical, Some(true));
    shown["rules"][0]["detail"] = json!("all is well");
    assert_eq!(replay(&pair(&shown)).unwrap().identical, Some(false));
    for odd in [json!(null), json!([1]), json!({"rules": [7]})] {
        assert!(replay(&pair(&odd)).is_err());
    }
}

#[test]
fn the_canonical_bytes_of_a_verdict_do_not_change() {
    // If this changes, EVALUATOR has to be counted up: stored verdicts could not be replayed.
    let bytes = evaluate(&input(good_facts())).canonical_bytes();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let mut value: Value = serde_json::from_slice(&input(good_facts()).canonical_bytes()).unwrap();
    value["surprise"] = json!(1);
    let unknown = replay(&serde_json::to_vec(&value).unwrap()).unwrap_err();
    assert!(unknown.to_string().contains("surprise"), "{unknown}");
    let mut value: Value = serde_json::from_slice(&input(good_facts()).canonical_bytes()).unwrap();
    value["evaluator"] = json!("rialto-gate/0");
    let other = replay(&serde_json::to_vec(&value).unwrap()).unwrap_err();
    assert!(matches!(other, ReplayError::Evaluator { .. }));
    assert!(replay(b"{").is_err());
    assert!(replay(b"[]").is_err());
}

proptest! {
    #[test]
    fn every_input_survives_its_canonical_form(
        tests in (0_u64..9, 0_u64..9), new in (0_u64..99, 0_u64..99), old in (0_u64..99, 0_u64..99),
        author in "\\PC{0,8}",
    ) {
        let mut input = input(facts(tests, new, old));
        input.subject.authors = vec![author];
        let bytes = input.canonical_bytes();
        let read = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&input, &read);
        prop_assert_eq!(replay(&bytes).unwrap().bytes, evaluate(&input).canonical_bytes());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(replay(&bytes).is_err());
    }
}
