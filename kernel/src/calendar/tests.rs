use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    format!("{text}+08:00").parse().expect("a time")
}

fn china() -> &'static Calendar {
    Calendar::china()
}

#[test]
fn the_years_have_their_known_number_of_sessions() {
    for (year, sessions) in [(2024, 242), (2025, 243), (2026, 242)] {
        let days = china()
            .trading_days(date(year, 1, 1), date(year, 12, 31))
            .expect("covered");
        assert_eq!(days.len(), sessions, "{year}");
    }
}

#[test]
fn a_make_up_workday_is_an_office_day_with_the_market_closed() {
    for (month, day) in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)] {
        let day = date(2026, month, day);
        assert_eq!(china().is_office_day(day), Ok(true), "{day}");
        assert_eq!(china().is_trading_day(day), Ok(false), "{day}");
    }
}

#[test]
fn the_market_may_be_closed_on_an_office_day() {
    let eve = date(2024, 2, 9);
    assert_eq!(china().is_trading_day(eve), Ok(false));
    assert_eq!(china().is_office_day(eve), Ok(true));
}

#[test]
fn holidays_are_closed_and_the_days_around_them_open() {
    assert_eq!(
        china().next_trading_day(date(2026, 2, 13)),
        Ok(date(2026, 2, 24))
    );
    assert_eq!(
        china().previous_trading_day(date(2026, 10, 8)),
        Ok(date(2026, 9, 30))
    );
    assert_eq!(
        china().next_trading_day(date(2025, 9, 30)),
        Ok(date(2025, 10, 9))
    );
    assert_eq!(china().is_trading_day(date(2026, 2, 16)), Ok(false));
}

#[test]
fn phases_are_half_open() {
    let phase = |time: &str| {
        let found = china()
            .session_at(at(&format!("2026-11-20T{time}")))
            .expect("covered");
        found.map(|phase| phase.name.as_str())
    };
    assert_eq!(phase("09:14:59"), None);
    assert_eq!(phase("09:15:00"), Some("opening_call_auction"));
    assert_eq!(phase("09:25:00"), None);
    assert_eq!(phase("09:30:00"), Some("morning_session"));
    assert_eq!(phase("11:30:00"), None);
    assert_eq!(phase("14:56:59.999"), Some("afternoon_session"));
    assert_eq!(phase("14:57:00"), Some("closing_call_auction"));
    assert_eq!(phase("15:00:00"), None);
    assert_eq!(phase("15:29:59"), Some("after_hours_fixed_price"));
    let sunday = china().session_at(at("2026-11-22T10:00:00"));
    assert_eq!(sunday, Ok(None));
}

#[test]
fn working_time_counts_office_hours_of_office_days() {
    let hours = |from: &str, to: &str| {
        let ms = china().working_ms(at(from), at(to)).expect("covered");
        ms as f64 / 3_600_000.0
    };
    assert_eq!(hours("2026-11-20T09:00:00", "2026-11-20T18:00:00"), 8.0);
    assert_eq!(hours("2026-11-20T00:00:00", "2026-11-20T23:59:59"), 8.0);
    assert_eq!(hours("2026-11-20T11:30:00", "2026-11-20T13:30:00"), 1.0);
    assert_eq!(
        hours("2026-11-20T17:00:00", "2026-11-23T10:00:00"),
        2.0,
        "over a weekend"
    );
    assert_eq!(
        hours("2026-09-20T09:00:00", "2026-09-20T12:00:00"),
        3.0,
        "a make-up Sunday"
    );
    assert_eq!(
        hours("2026-10-01T00:00:00", "2026-10-07T23:59:59"),
        0.0,
        "National Day"
    );
}

#[test]
fn outside_its_validity_nothing_is_answered() {
    let before = at("2023-12-31T23:59:59");
    let inside = at("2024-01-01T00:00:00");
    let after = at("2027-01-01T00:00:00");
    assert!(china().session_at(before).is_err());
    assert!(china().session_at(inside).is_ok());
    assert!(china().working_ms(before, inside).is_err());
    assert!(china().working_ms(inside, after).is_err());
    assert!(china().next_trading_day(date(2026, 12, 31)).is_err());
    assert!(china().previous_trading_day(date(2024, 1, 1)).is_err());
    let error = china()
        .is_trading_day(date(2027, 1, 4))
        .expect_err("not covered")
        .to_string();
    assert!(error.contains("install newer calendar data"), "{error}");
}

#[test]
fn a_reversed_interval_is_refused() {
    let result = china().working_ms(at("2026-01-05T10:00:00"), at("2026-01-05T09:00:00"));
    assert!(matches!(result, Err(CalendarError::Reversed { .. })));
}

#[test]
fn data_that_contradicts_itself_is_refused_at_its_line() {
    let refused = |from: &str, to: &str, why: &str| {
        let text = BUILT_IN.replacen(from, to, 1);
        assert_ne!(text, BUILT_IN, "{from}");
        let error = Calendar::from_toml("c.toml", &text).expect_err(to);
        assert!(error.message.contains(why), "{error}");
        error.line
    };
    let line_of = |part: &str| {
        let (line, _) =
            crate::errors::line_and_column(BUILT_IN, BUILT_IN.find(part).expect("present"));
        line
    };
    let format = refused("format = 1", "format = 2", "unknown format");
    assert_eq!(format, line_of("format = 1"));
    refused(
        "valid_to = 2026-12-31",
        "valid_to = 2020-12-31",
        "ends before it begins",
    );
    refused(
        "valid_to = 2026-12-31",
        "valid_to = 2027-12-31",
        "year 2027",
    );
    refused("version =", "colour = 1\nversion =", "unknown field");
    let phase = refused("from = 09:30:00", "from = 09:20:00", "before the one above");
    assert_eq!(phase, line_of("from = 09:30:00"));
    refused("to = 11:30:00", "to = 09:30:00", "ends before it begins");
    refused("year = 2025", "year = 2026", "expected year 2025");
    let closed = refused("[2024-02-09]", "[2024-02-10]", "no holiday");
    assert_eq!(closed, line_of("[2024-02-09]"));
    refused("2026-01-04,", "2026-01-05,", "a weekend day");
    refused(
        "from = 2026-02-15, to",
        "from = 2026-02-24, to",
        "in this order",
    );
    refused(
        "from = 2026-04-04",
        "from = 2026-02-23",
        "meets another holiday",
    );
    refused(
        "valid_from = 2024-01-01",
        "valid_from = 09:00:00",
        "expected a date",
    );
    refused("from = 09:15:00", "from = 2024-01-01", "expected a time");
}

fn instants() -> impl Strategy<Value = Timestamp> {
    let first = at("2024-01-01T00:00:00").as_millisecond();
    let last = at("2026-12-31T23:59:59").as_millisecond();
    (first..=last).prop_map(|ms| Timestamp::from_millisecond(ms).expect("in range"))
}

fn days() -> impl Strategy<Value = Date> {
    (0_i64..1_096).prop_map(|n| date(2024, 1, 1).checked_add(n.days()).expect("in range"))
}

proptest! {
    #[test]
    fn working_time_adds_up(mut times in proptest::collection::vec(instants(), 3)) {
        times.sort();
        let ms = |from: usize, to: usize| china().working_ms(times[from], times[to]).expect("covered");
        prop_assert_eq!(ms(0, 1) + ms(1, 2), ms(0, 2));
        let whole = times[2].as_millisecond() - times[0].as_millisecond();
        prop_assert!((0..=whole).contains(&ms(0, 2)));
    }

    #[test]
    fn a_trading_day_is_an_office_weekday(day in days()) {
        if china().is_trading_day(day).expect("covered") {
            prop_assert!(!is_weekend(day));
            prop_assert!(china().is_office_day(day).expect("covered"));
        }
    }

    #[test]
    fn next_and_previous_trading_day_are_inverse(day in days()) {
        prop_assume!(china().is_trading_day(day).expect("covered"));
        if let Ok(next) = china().next_trading_day(day) {
            prop_assert_eq!(china().previous_trading_day(next), Ok(day));
            prop_assert_eq!(china().trading_days(day, next).expect("covered").len(), 2);
        }
    }

    #[test]
    fn a_session_is_only_on_a_trading_day(instant in instants()) {
        if let Some(phase) = china().session_at(instant).expect("covered") {
            let local = china().local(instant);
            prop_assert!(china().is_trading_day(local.date()).expect("covered"));
            prop_assert!(phase.from <= local.time() && local.time() < phase.to);
        }
    }

    #[test]
    fn arbitrary_text_is_refused_without_panic(text in "(?s).{0,200}") {
        prop_assert!(Calendar::from_toml("c.toml", &text).is_err());
    }
}
