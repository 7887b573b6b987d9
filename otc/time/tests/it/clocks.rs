use rialto_otc_time::{Calendars, Clock, ClockError, Clocks, Exchange};

use crate::day;

fn years(clock: &str, from: &str, to: &str) -> f64 {
    clock
        .parse::<Clock>()
        .unwrap()
        .year_fraction(day(from), day(to), Calendars::builtin())
        .unwrap()
}

#[test]
fn each_kind_counts_by_its_rule() {
    assert_eq!(years("act365", "2026-03-09", "2026-08-10"), 154.0 / 365.0);
    assert_eq!(years("act360", "2026-03-09", "2026-08-10"), 154.0 / 360.0);
    assert_eq!(
        years("sessions:XSHG/244", "2025-12-31", "2026-12-31"),
        242.0 / 244.0
    );
    assert_eq!(
        years("sessions:CN-IB/250", "2025-12-31", "2026-12-31"),
        248.0 / 250.0
    );
    assert_eq!(years("30e360", "2026-01-31", "2026-02-28"), 28.0 / 360.0);
    assert_eq!(years("30e360", "2026-01-30", "2026-03-31"), 60.0 / 360.0);
    assert_eq!(years("30e360", "2027-02-28", "2028-02-29"), 361.0 / 360.0);
    assert_eq!(years("absolute", "2026-01-30", "2026-03-31"), 1.0);
    // A week with two closed days at a tenth each.
    assert_eq!(
        years("weighted:XSHG:0.1/256", "2026-03-09", "2026-03-16"),
        5.2 / 256.0
    );
}

#[test]
fn months12_counts_whole_months_from_the_first_date() {
    assert_eq!(years("months12", "2026-03-09", "2026-04-09"), 1.0 / 12.0);
    assert_eq!(years("months12", "2026-03-09", "2028-03-09"), 2.0);
    assert_eq!(years("months12", "2026-01-31", "2026-02-28"), 1.0 / 12.0);
    assert_eq!(years("months12", "2026-01-31", "2026-03-31"), 2.0 / 12.0);
    assert_eq!(years("months12", "2028-02-29", "2029-02-28"), 1.0);
    assert_eq!(
        years("months12", "2026-03-09", "2026-04-08"),
        30.0 / 31.0 / 12.0
    );
    assert_eq!(years("months12", "2026-04-09", "2026-03-09"), -1.0 / 12.0);
    assert_eq!(years("months12", "2026-04-09", "2026-04-09"), 0.0);
    // Accrual of a rolled observation counts to the date it was rolled from.
    let (obs, unadjusted) = (day("2026-08-10"), day("2026-08-09"));
    let accrual = |clock: Clock| {
        clock
            .accrual(day("2026-03-09"), obs, unadjusted, Calendars::builtin())
            .unwrap()
    };
    assert_eq!(accrual(Clock::Months12), 5.0 / 12.0);
    assert_eq!(accrual(Clock::Act365), 154.0 / 365.0);
}

#[test]
fn text_forms_come_back_as_they_were() {
    for text in [
        "sessions:XSHG/244",
        "sessions:CN-IB/250",
        "act365",
        "act360",
        "30e360",
        "months12",
        "weighted:XSGE:0.25/280.5",
        "absolute",
        "times",
    ] {
        assert_eq!(text.parse::<Clock>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "act/365",
        "sessions:XSHG",
        "sessions:XSHG/0",
        "sessions:XNYS/252",
        "sessions:XSHG/400",
        "sessions:XSHG/-1",
        "weighted:XSHG:1.5/256",
        "weighted:XSHG:0.1/0",
        "weighted:XSHG:NaN/256",
        "weighted:XSHG:0.1/inf",
        "weighted:XSHG/256",
    ] {
        assert!(
            matches!(text.parse::<Clock>(), Err(ClockError::Text(_))),
            "{text}"
        );
    }
}

#[test]
fn clocks_of_a_contract_are_named_one_by_one_or_all_at_once() {
    let text = r#"{"variance":"sessions:XSHG/244","rate":"act365","coupon":"act365"}"#;
    let clocks: Clocks = serde_json::from_str(text).unwrap();
    assert_eq!(clocks, Clocks::standard(Exchange::Xshg));
    assert_eq!(serde_json::to_string(&clocks).unwrap(), text);
    let numeric: Clocks = serde_json::from_str(r#"{"all":"times"}"#).unwrap();
    assert_eq!(numeric, Clocks::TIMES);
    assert_eq!(
        serde_json::to_string(&numeric).unwrap(),
        r#"{"all":"times"}"#
    );
}

#[test]
fn every_fault_of_the_clocks_is_told_at_once() {
    let error = serde_json::from_str::<Clocks>(r#"{"variance":"absolute","rate":"act/365"}"#)
        .unwrap_err()
        .to_string();
    for told in [
        "E-CLOCK-KIND at /variance (absolute)",
        "E-CLOCK-TEXT at /rate (act/365)",
        "E-CLOCK-MISSING at /coupon",
    ] {
        assert!(error.contains(told), "{told} in {error}");
    }
    let both = r#"{"all":"times","rate":"times"}"#;
    let error = serde_json::from_str::<Clocks>(both)
        .unwrap_err()
        .to_string();
    assert!(error.contains("E-CLOCK-FORM at /all"), "{error}");
    assert!(serde_json::from_str::<Clocks>(r#"{"all":"times","x":1}"#).is_err());
}

#[test]
fn the_clock_of_numeric_schedules_has_no_answer_for_dates() {
    let error = Clock::Times
        .year_fraction(day("2026-03-09"), day("2026-04-09"), Calendars::builtin())
        .unwrap_err();
    assert_eq!(error.code(), "E-CLOCK-TIMES");
    let error = Clocks::standard(Exchange::Xshg)
        .variance
        .year_fraction(day("2026-03-09"), day("2051-04-09"), Calendars::builtin())
        .unwrap_err();
    assert_eq!(error.code(), "E-CAL-COVERAGE");
}
