//! Bad input, one kind each: a typed finding with the path of the field, never a panic, never a
//! number that is wrong in silence.

use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::envelope::State;
use rialto_otc_contract::finding::Severity;
use rialto_otc_contract::{Findings, TermSheet};
use rialto_otc_time::{AsOf, Calendars, DayPhase};
use serde_json::{Value, json};

/// A snowball on exchange sessions.
fn dated() -> Value {
    json!({
        "schema": "rialto.otc/1", "trade_id": "T-1", "template": "snowball/1",
        "direction": "house_sells", "notional": "20000000", "currency": "CNY",
        "underlying": {"code": "XSHG:000905", "initial": "5802.16"},
        "dates": {"start": "2026-03-09", "end": "2027-03-09"},
        "terms": {"ko": {"levels": "103%"}, "coupon": {"rate": "15%"}, "ki": {"level": "75%"}},
        "clocks": {"variance": "sessions:XSHG/244", "rate": "act365", "coupon": "act365"},
    })
}

/// The same in years.
fn in_years() -> Value {
    json!({
        "schema": "rialto.otc/1", "trade_id": "T-1", "template": "snowball/1",
        "direction": "house_sells", "notional": "1000000",
        "underlying": {"code": "A", "initial": "100"},
        "schedules": {"grid": {"n": 4, "dt": "0.25"}},
        "terms": {
            "ko": {"schedule": "grid", "levels": "103%"}, "coupon": {"rate": "15%"},
            "ki": {"schedule": "grid", "level": "75%"},
        },
        "clocks": {"all": "times"},
    })
}

fn compiled(text: &str) -> Result<Compiled, Findings> {
    let sheet = TermSheet::from_text(text)?;
    compile_with(&sheet, Calendars::builtin(), &Initials::new())
}

/// Errors of a text that is refused, with their places.
fn told(text: &str) -> Vec<String> {
    let findings = compiled(text).expect_err("refused");
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{} {}", finding.code, finding.pointer))
        .collect()
}

/// A sheet with another value somewhere.
fn with(mut sheet: Value, pointer: &str, value: Value) -> String {
    *sheet.pointer_mut(pointer).expect("the field is there") = value;
    sheet.to_string()
}

#[test]
fn both_sheets_are_good_before_they_are_spoilt() {
    assert!(compiled(&dated().to_string()).is_ok());
    assert!(compiled(&in_years().to_string()).is_ok());
}

#[test]
fn what_is_no_finite_number_is_refused_at_its_field() {
    for (pointer, code) in [
        ("/notional", "E-VALUE-NUMBER"),
        ("/underlying/initial", "E-VALUE-NUMBER"),
        ("/terms/coupon/rate", "E-VALUE-RATIO"),
        ("/terms/ki/level", "E-VALUE-LEVEL"),
    ] {
        for number in ["NaN", "Infinity", "-Infinity", ".nan", "1e400"] {
            let wanted = [format!("{code} {pointer}")];
            let text = with(dated(), pointer, json!("@"));
            assert_eq!(told(&text.replace("\"@\"", number)), wanted, "{number}");
            assert_eq!(told(&text.replace('@', number)), wanted, "{number:?}");
        }
    }
}

#[test]
fn crossed_barriers_are_refused_at_the_lower_one() {
    let crossed = with(dated(), "/terms/ki/level", json!("104%"));
    assert_eq!(told(&crossed), ["E-TERM-KI-LEVEL /terms/ki/level"]);
}

#[test]
fn unsorted_schedules_are_refused_at_the_first_row_out_of_order() {
    for times in [json!([0.5, 0.25, 1]), json!([0.5, 0.5, 1])] {
        let text = with(in_years(), "/schedules/grid", json!({ "times": times }));
        assert_eq!(told(&text), ["E-SCHED-ORDER /schedules/grid/times/1"]);
    }
    let dates = json!({"levels": "103%", "schedule": {"dates": ["2026-09-09", "2026-06-09"]}});
    assert_eq!(
        told(&with(dated(), "/terms/ko", dates)),
        ["E-SCHED-ORDER /terms/ko/schedule/dates/1"]
    );
}

#[test]
fn empty_schedules_are_refused_however_they_came_to_be_empty() {
    let text = with(in_years(), "/schedules/grid", json!({"times": []}));
    assert_eq!(told(&text), ["E-SCHED-EMPTY /schedules/grid/times"]);
    let none = json!({"levels": "103%", "schedule": {"dates": []}});
    assert_eq!(
        told(&with(dated(), "/terms/ko", none)),
        ["E-SCHED-EMPTY /terms/ko/schedule/dates"]
    );
    let locked = json!({"levels": "103%", "schedule": {"freq": "1m", "lock": "30m"}});
    assert_eq!(
        told(&with(dated(), "/terms/ko", locked)),
        ["E-SCHED-EMPTY /terms/ko/schedule"]
    );
}

#[test]
fn times_before_the_start_and_dates_after_the_end_are_refused() {
    let text = with(
        in_years(),
        "/schedules/grid",
        json!({"times": [-0.5, 0.5, 1]}),
    );
    assert_eq!(told(&text), ["E-SCHED-RANGE /schedules/grid/times/0"]);
    let late = json!({"levels": "103%", "schedule": {"dates": ["2028-09-08"]}});
    assert_eq!(
        told(&with(dated(), "/terms/ko", late)),
        ["E-SCHED-RANGE /terms/ko/schedule/dates/0"]
    );
}

#[test]
fn a_term_that_ends_before_it_starts_is_refused() {
    let text = with(dated(), "/dates/end", json!("2025-03-09"));
    assert_eq!(told(&text), ["E-TERM-DATES /dates/end"]);
}

#[test]
fn a_calendar_that_does_not_cover_the_term_is_named() {
    let text = with(dated(), "/dates/end", json!("2060-03-09"));
    assert_eq!(told(&text), ["E-CAL-COVERAGE /dates/end"]);
    let text = with(dated(), "/dates/start", json!("1999-03-09"));
    assert!(
        told(&text)
            .iter()
            .all(|told| told.starts_with("E-CAL-COVERAGE "))
    );
}

#[test]
fn an_unknown_field_is_named() {
    let mut sheet = dated();
    sheet["terms"]["kii"] = json!(1);
    assert_eq!(told(&sheet.to_string()), ["E-FIELD-UNKNOWN /terms/kii"]);
}

#[test]
fn a_missing_fixing_is_asked_for_and_a_contract_without_it_has_no_plan_of_the_rest() {
    let contract = compiled(&dated().to_string()).expect("good");
    let as_of = AsOf::Dated {
        date: "2026-06-30".parse().expect("a date"),
        phase: DayPhase::PostClose,
    };
    let findings = contract
        .remaining(&as_of, None::<&State>, Calendars::builtin())
        .expect_err("its past is not known");
    assert!(
        findings
            .iter()
            .any(|finding| finding.code == "E-STATE-FIXING")
    );
}

#[test]
fn a_million_observations_are_read_and_one_more_is_refused() {
    let grid = |n: u32| {
        with(
            in_years(),
            "/schedules/grid",
            json!({"n": n, "dt": "1/250"}),
        )
    };
    assert_eq!(told(&grid(1_000_001)), ["E-SCHED-ROWS /schedules/grid/n"]);
    let sheet = TermSheet::from_text(&grid(1_000_000));
    assert!(sheet.is_ok());
}

#[test]
fn a_schedule_nobody_wrote_is_told_where_it_would_stand() {
    // Monthly observation, the phoenix's own habit, needs dates.
    let phoenix = json!({
        "schema": "rialto.otc/1", "trade_id": "T-1", "template": "phoenix/1",
        "direction": "house_sells", "notional": "1000000",
        "underlying": {"code": "A", "initial": "100"},
        "dates": {"end": "1"},
        "terms": {
            "coupon": {"rate": "1%", "level": "80%"},
            "ko": {"levels": "103%"}, "ki": {"level": "75%", "schedule": "end"},
        },
        "clocks": {"all": "times"},
    });
    assert_eq!(
        told(&phoenix.to_string()),
        ["E-SCHED-KIND /terms/coupon/schedule"]
    );
}

#[test]
fn a_schedule_that_leaves_the_term_is_told_at_its_field() {
    let mut late = dated();
    late["terms"]["ko"]["schedule"] = json!({"dates": ["2026-06-09", "2027-06-09"]});
    let found = told(&late.to_string());
    assert!(
        found.iter().all(|at| at.contains(" /terms/ko/schedule")),
        "{found:?}"
    );
    assert!(!found.is_empty());
}
