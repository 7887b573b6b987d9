//! The worked examples of the product specification.

use rialto_otc_time::{
    Calendars, Clock, Exchange, Fallback, FixingSource, PaymentRule, Postponed, Roll, Rows,
    ScheduleContext, ScheduleSpec,
};

use crate::day;

fn rows(text: &str, start: &str, end: &str) -> Vec<rialto_otc_time::DatedRow> {
    let spec: ScheduleSpec = serde_json::from_str(text).unwrap();
    let context = ScheduleContext {
        pointer: "",
        start: Some(day(start)),
        end: Some(day(end)),
        calendar: Exchange::Xshg,
        roll: Roll::Following,
        calendars: Calendars::builtin(),
        grid: None,
        end_time: None,
    };
    match spec.expand(&context).unwrap().rows {
        Rows::Dated(rows) => rows,
        Rows::Numeric(_) => panic!("dated schedule expected"),
    }
}

#[test]
fn a_knock_out_on_a_sunday_is_observed_on_monday_and_paid_on_thursday() {
    let rows = rows(
        r#"{"freq":"1m","lock":"3m","roll":"following"}"#,
        "2026-03-09",
        "2028-03-09",
    );
    let row = rows[2];
    assert_eq!(row.unadjusted, day("2026-08-09"));
    assert_eq!(row.date, day("2026-08-10"));
    let rule: PaymentRule = serde_json::from_str(r#"{"lag":3,"calendar":"CN-IB"}"#).unwrap();
    assert_eq!(rule, PaymentRule::default());
    let calendars = Calendars::builtin();
    assert_eq!(rule.date(row.date, calendars).unwrap(), day("2026-08-13"));
    let coupon = Clock::Act365
        .year_fraction(day("2026-03-09"), row.date, calendars)
        .unwrap();
    assert_eq!(coupon, 154.0 / 365.0);
    assert!((20_000_000.0 * 0.147 * coupon - 1_240_438.356).abs() < 1e-3);
}

#[test]
fn the_phoenix_ends_on_its_last_observation() {
    let rows = rows(r#"{"freq":"1m"}"#, "2026-05-06", "2027-11-08");
    assert_eq!(rows.len(), 18);
    assert_eq!(rows[17].unadjusted, day("2027-11-06"));
    assert_eq!(rows[17].date, day("2027-11-08"));
}

#[test]
fn an_index_future_expires_on_the_session_after_a_closed_third_friday() {
    let calendar = Calendars::builtin().get(Exchange::Ccfx);
    let expiry = |year, month| calendar.index_futures_expiry(year, month).unwrap();
    assert_eq!(expiry(2026, 6), day("2026-06-22"));
    assert_eq!(expiry(2026, 12), day("2026-12-18"));
    assert_eq!(expiry(2024, 2), day("2024-02-19"));
}

#[test]
fn payments_use_working_weekends_and_skip_closures() {
    let calendars = Calendars::builtin();
    let pay = |obs: &str, lag| {
        PaymentRule {
            lag,
            calendar: Exchange::CnIb,
        }
        .date(day(obs), calendars)
        .unwrap()
        .to_string()
    };
    // 10 October 2026 is a Saturday on which payments work.
    assert_eq!(pay("2026-10-08", 2), "2026-10-10");
    assert_eq!(pay("2026-10-08", 3), "2026-10-12");
    assert_eq!(pay("2026-09-30", 1), "2026-10-08");
    assert_eq!(pay("2026-09-30", 0), "2026-09-30");
    assert_eq!(pay("2026-10-01", 0), "2026-10-08");
    assert!(serde_json::from_str::<PaymentRule>(r#"{"lag":-1}"#).is_err());
    assert!(serde_json::from_str::<PaymentRule>(r#"{"lags":1}"#).is_err());
}

#[test]
fn a_suspended_observation_waits_or_looks_back() {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    let obs = day("2026-09-29");
    let until = |last: &'static str| move |date| date >= obs && date <= day(last);
    let resolve = |fallback: Fallback, last| fallback.resolve(obs, calendar, until(last)).unwrap();
    assert_eq!(
        resolve(Fallback::default(), "2026-09-30"),
        Postponed::On(day("2026-10-08"))
    );
    assert_eq!(
        resolve(Fallback::default(), "2026-12-31"),
        Postponed::Exhausted(day("2026-10-16"))
    );
    assert_eq!(
        resolve(Fallback::LastClose, "2026-12-31"),
        Postponed::On(day("2026-09-28"))
    );
    assert_eq!(resolve(Fallback::Agent, "2026-12-31"), Postponed::Agent);
    assert_eq!(resolve(Fallback::Agent, "2026-01-01"), Postponed::On(obs));
    for text in ["\"postpone:5\"", "\"last_close\"", "\"agent\""] {
        let fallback: Fallback = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&fallback).unwrap(), text);
    }
    for text in ["\"close\"", "\"mean:30\"", "\"futures_settlement\""] {
        let source: FixingSource = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&source).unwrap(), text);
    }
    assert!(serde_json::from_str::<FixingSource>("\"mean:0\"").is_err());
    assert!(serde_json::from_str::<Fallback>("\"postpone:0\"").is_err());
}
