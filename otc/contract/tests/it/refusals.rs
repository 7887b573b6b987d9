//! What is refused, and how it is told.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::finding::Severity;

use crate::world::{refused, sheet};

/// The codes of a refusal, with their pointers.
fn told(text: &str) -> Vec<String> {
    let findings = refused(text)
        .into_iter()
        .filter(|f| f.severity == Severity::Error);
    findings
        .map(|f| format!("{} {}", f.code, f.pointer))
        .collect()
}

#[test]
fn all_findings_come_at_once_with_field_place_rule_and_cure() {
    let text = sheet("snowball")
        .replace("\"house_sells\"", "\"house_sell\"")
        .replace("\"20000000\"", "\"-5\"")
        .replace("\"memo\"", "\"x\"")
        .replace("\"currency\":\"CNY\"", "\"curency\":\"CNY\"")
        .replace("\"end\":\"2028-03-09\"", "\"end\":\"2026-02-30\"")
        .replace("\"lag\":3", "\"lag\":300");
    insta::assert_snapshot!(refused(&text));
}

#[test]
fn terms_are_refused_with_line_and_column() {
    let text = sheet("snowball")
        .replace("\"rate\":\"14.7%\"", "\"rate\":14.7")
        .replace("\"part\":\"100%\"", "\"prat\":\"100%\"")
        .replace("\"level\":\"71%\"", "\"level\":\"103%\"");
    insta::assert_snapshot!(refused(&text));
}

#[test]
fn programs_are_refused_where_they_are_wrong() {
    let text = sheet("program")
        .replace("\"phase\":20", "\"phase\":200")
        .replace("[\"*\",\"N\",0.0125]", "[\"*\",\"N\",\"1.25%\"]")
        .replace("[\"+\",\"touch\",1]", "[\"+\",\"tuch\",1]")
        .replace("[\"stop\"]", "[\"halt\"]");
    insta::assert_snapshot!(refused(&text));
}

#[test]
fn a_divisor_that_can_be_zero_is_refused() {
    let zero = sheet("program").replace("[\"*\",\"N\",0.0125]", "[\"/\",\"N\",\"touch\"]");
    assert_eq!(told(&zero), ["E-PROG-DIVISION /program/rules/0"]);
    let never = zero.replace("\"touch\"],\"obs\"", "[\"+\",\"touch\",1]],\"obs\"");
    assert_ne!(never, zero);
    TermSheet::from_text(&never).expect("one more than a count is never zero");
    assert!(crate::world::compiled(&never).is_ok());
}

#[test]
fn a_missing_initial_fixing_is_asked_for() {
    let text = sheet("snowball").replace("XSHG:000905", "XSHG:000300");
    assert_eq!(told(&text), ["E-TERM-INITIAL /underlying/initial"]);
}

#[test]
fn what_is_not_a_sheet_is_told_so() {
    assert_eq!(told("[]"), ["E-FIELD-KIND "]);
    assert_eq!(told("{"), ["E-DOC-SYNTAX "]);
    let codes = told("{}");
    for field in ["schema", "trade_id", "direction", "underlying", "template"] {
        assert!(
            refused("{}")
                .iter()
                .any(|f| f.en.contains(&format!("{field:?}"))),
            "{field} is asked for: {codes:?}"
        );
    }
}

#[test]
fn ids_that_addresses_cut_and_unknown_currencies_are_refused() {
    for id in ["..", "a/b", "<b>", "RVA ", " RVA"] {
        let text = sheet("snowball").replace("SB-2026-0091", id);
        assert_eq!(told(&text), ["E-TERM-ID /trade_id"], "{id:?}");
    }
    let text = sheet("snowball").replace("\"CNY\"", "\"ZZZ\"");
    assert_eq!(told(&text), ["E-TERM-CURRENCY /currency"]);
}

/// A part that another reader takes: its findings stand at their own fields, in both languages, with
/// the value, the rule and the cure.
#[test]
fn what_is_wrong_in_a_schedule_or_a_clock_stands_at_its_field() {
    let text = sheet("snowball").replace("\"freq\":\"1m\"", "\"freq\":\"0m\"");
    assert_eq!(told(&text), ["E-SCHED-VALUE /terms/ko/schedule/freq"]);
    let findings = refused(&text);
    let finding = findings.iter().next().expect("a finding");
    assert!(finding.line > 0, "{findings}");
    for text in [&finding.en, &finding.zh] {
        assert!(text.contains("0m"), "{text}");
    }
}

#[test]
fn unknown_state_and_unfitting_schedules_are_refused() {
    let state = sheet("snowball").replace("\"rounding\":", "\"state\":{\"kii\":1},\"rounding\":");
    assert_eq!(told(&state), ["E-STATE-UNKNOWN /state/kii"]);
    let wrong = sheet("snowball").replace("\"rounding\":", "\"state\":{\"ki\":2},\"rounding\":");
    assert_eq!(told(&wrong), ["E-STATE-VALUE /state/ki"]);
    let times = sheet("snowball").replace(
        "{\"freq\":\"1m\",\"lock\":\"3m\",\"roll\":\"following\"}",
        "{\"times\":[0.5,1]}",
    );
    assert!(
        told(&times)
            .iter()
            .any(|code| code.starts_with("E-SCHED-KIND")),
        "{:?}",
        told(&times)
    );
    let beyond = sheet("program").replace("\"schedules\"", "\"dates\":{\"end\":0.5},\"schedules\"");
    assert!(!told(&beyond).is_empty());
}

#[test]
fn a_knock_in_above_a_knock_out_is_told_as_the_specification_says() {
    let text = sheet("snowball").replace("\"level\":\"71%\"", "\"level\":\"103%\"");
    let findings = refused(&text);
    let error = findings.iter().find(|f| f.severity == Severity::Error);
    insta::assert_snapshot!(error.expect("refused"));
}

#[test]
fn what_is_wrong_before_the_terms_does_not_hide_the_terms() {
    let crossed = sheet("snowball").replace("\"level\":\"71%\"", "\"level\":\"103%\"");
    let level = "E-TERM-KI-LEVEL /terms/ki/level";
    let size = crossed.replace("\"20000000\"", "\"x\"");
    assert_eq!(told(&size), ["E-VALUE-NUMBER /notional", level]);
    let unknown = crossed
        .replace("\"currency\"", "\"curency\"")
        .replace("\"rate\":\"14.7%\"", "\"rate\":14.7");
    assert_eq!(
        told(&unknown),
        [
            "E-FIELD-UNKNOWN /curency",
            "E-VALUE-RATIO-BARE /terms/coupon/rate",
            level
        ]
    );
    let two = size.replace("\"bonus\":", "\"kii\":{},\"bonus\":");
    let mut both = told(&two);
    both.sort();
    let all = [
        "E-FIELD-UNKNOWN /terms/kii",
        level,
        "E-VALUE-NUMBER /notional",
    ];
    assert_eq!(both, all);
    assert!(refused(&two).iter().all(|f| f.severity == Severity::Error));
    // Dates that stand in say nothing about the schedules.
    let dates = crossed.replace("\"end\":\"2028-03-09\"", "\"end\":\"2026-03-08\"");
    assert_eq!(told(&dates), ["E-TERM-DATES /dates/end", level]);
    let nothing = sheet("snowball").replace("\"20000000\"", "\"x\"");
    assert_eq!(told(&nothing), ["E-VALUE-NUMBER /notional"]);
}
