use rialto_otc_time::{Date, DateError, Weekday};

use crate::day;

#[test]
fn days_are_counted_from_1970() {
    assert_eq!(day("1970-01-01").days(), 0);
    assert_eq!(day("1969-12-31").days(), -1);
    assert_eq!(day("2000-03-01").days(), 11_017);
    assert_eq!(day("0001-01-01"), Date::MIN);
    assert_eq!(day("9999-12-31"), Date::MAX);
}

#[test]
fn every_day_of_two_centuries_agrees_with_jiff() {
    let mut theirs = jiff::civil::date(1899, 12, 30);
    let mut ours = Date::try_from(theirs).unwrap();
    while theirs.year() < 2101 {
        assert_eq!(ours.to_string(), theirs.to_string());
        assert_eq!(ours.weekday(), theirs.weekday());
        assert_eq!(jiff::civil::Date::from(ours), theirs);
        assert_eq!(day(&theirs.to_string()), ours);
        theirs = theirs.tomorrow().unwrap();
        ours = ours.add_days(1).unwrap();
    }
}

#[test]
fn a_month_later_is_the_last_day_of_a_shorter_month() {
    let after = |text, months| day(text).add_months(months).unwrap().to_string();
    assert_eq!(after("2026-01-31", 1), "2026-02-28");
    assert_eq!(after("2028-01-31", 1), "2028-02-29");
    assert_eq!(after("2028-02-29", 12), "2029-02-28");
    assert_eq!(after("2028-02-29", 48), "2032-02-29");
    assert_eq!(after("2026-03-31", -1), "2026-02-28");
    assert_eq!(after("2026-11-15", 2), "2027-01-15");
    assert_eq!(after("2026-01-15", -1), "2025-12-15");
}

#[test]
fn only_iso_text_of_a_real_day_is_a_date() {
    for text in [
        "2026-3-9",
        "2026/03/09",
        "20260309",
        "2026-03-09 ",
        "+026-03-09",
        "2026-03-09T00",
        "",
        "٢٠٢٦-٠٣",
    ] {
        assert!(
            matches!(text.parse::<Date>(), Err(DateError::Text(_))),
            "{text}"
        );
    }
    for text in [
        "2026-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-04-31",
        "0000-01-01",
        "1900-02-29",
    ] {
        assert_eq!(
            text.parse::<Date>().unwrap_err().code(),
            "E-DATE-RANGE",
            "{text}"
        );
    }
    assert_eq!(
        "9 March".parse::<Date>().unwrap_err().to_string(),
        "\"9 March\" is no date: write it as yyyy-mm-dd, for example 2026-03-09"
    );
}

#[test]
fn a_step_out_of_the_years_1_to_9999_is_an_error() {
    assert_eq!(Date::MAX.add_days(1), Err(DateError::Range));
    assert_eq!(Date::MIN.add_days(-1), Err(DateError::Range));
    assert_eq!(Date::MAX.add_days(i32::MAX), Err(DateError::Range));
    assert_eq!(Date::MAX.add_months(1), Err(DateError::Range));
    assert_eq!(Date::MIN.add_months(-1), Err(DateError::Range));
    assert_eq!(Date::MIN.add_months(i32::MIN), Err(DateError::Range));
    assert_eq!(Date::from_days(i32::MIN), Err(DateError::Range));
}

#[test]
fn the_third_friday_is_counted_from_the_first() {
    let third = |year, month| Date::nth_weekday(year, month, Weekday::Friday, 3).unwrap();
    assert_eq!(third(2026, 6), day("2026-06-19"));
    assert_eq!(third(2026, 5), day("2026-05-15"));
    assert_eq!(third(2024, 11), day("2024-11-15"));
    assert!(Date::nth_weekday(2026, 6, Weekday::Friday, 5).is_err());
    assert!(Date::nth_weekday(2026, 6, Weekday::Friday, 0).is_err());
}

#[test]
fn json_holds_a_date_as_text() {
    let date: Date = serde_json::from_str("\"2026-03-09\"").unwrap();
    assert_eq!(serde_json::to_string(&date).unwrap(), "\"2026-03-09\"");
    assert!(serde_json::from_str::<Date>("20521").is_err());
}
