use rialto_kernel::Calendar as Kernel;
use rialto_otc_time::{Announcement, CalendarError, Calendars, Date, Exchange, Kind, Roll, Status};

use crate::day;

fn open(exchange: Exchange, text: &str) -> bool {
    Calendars::builtin()
        .get(exchange)
        .is_session(day(text))
        .unwrap()
}

/// Sessions of a year.
fn in_year(exchange: Exchange, year: i32) -> usize {
    let calendar = Calendars::builtin().get(exchange);
    let first = Date::new(year, 1, 1).unwrap();
    let last = Date::new(year, 12, 31).unwrap();
    let before = usize::from(calendar.is_session(first).unwrap());
    before + calendar.sessions(first, last).unwrap().len()
}

#[test]
fn each_year_has_as_many_sessions_as_the_exchanges_held() {
    // XSHG, CN-IB, XHKG, counted in exchange_calendars 4.13.2 and chinesecalendar 1.11.0.
    let expected = [
        (2007, 242, 249, 246),
        (2008, 246, 251, 245),
        (2009, 244, 250, 249),
        (2010, 242, 250, 249),
        (2011, 244, 250, 246),
        (2012, 243, 249, 247),
        (2013, 238, 250, 244),
        (2014, 245, 250, 247),
        (2015, 244, 249, 247),
        (2016, 244, 250, 245),
        (2017, 244, 249, 246),
        (2018, 243, 250, 246),
        (2019, 244, 250, 246),
        (2020, 243, 249, 248),
        (2021, 243, 250, 247),
        (2022, 242, 249, 246),
        (2023, 242, 249, 245),
        (2024, 242, 251, 246),
        (2025, 243, 248, 246),
        (2026, 242, 248, 247),
    ];
    for (year, market, office, hong_kong) in expected {
        let counted = (
            in_year(Exchange::Xshg, year),
            in_year(Exchange::CnIb, year),
            in_year(Exchange::Xhkg, year),
        );
        assert_eq!(counted, (market, office, hong_kong), "{year}");
    }
}

#[test]
fn known_closures_of_each_announced_year_are_closed() {
    // Weekdays: the first and last of a long holiday, or a day of its own.
    for text in "2007-01-01 2007-01-03 2007-02-19 2007-05-07 2007-12-31 2008-02-12 2008-09-29 \
        2009-01-30 2009-10-08 2010-02-19 2010-06-16 2010-09-24 2011-02-08 2011-04-04 \
        2012-01-03 2012-04-02 2012-06-22 2013-01-03 2013-02-15 2013-04-05 2013-09-20 \
        2014-02-06 2014-09-08 2015-01-02 2015-02-24 2015-09-03 2015-09-04 2016-02-12 \
        2016-06-10 2017-01-02 2017-05-30 2018-02-21 2018-04-30 2018-12-31 2019-02-08 \
        2019-05-02 2020-01-24 2020-01-31 2020-06-26 2020-10-08 2021-02-17 2021-09-21 \
        2022-01-31 2022-04-05 2023-01-27 2023-06-23 2024-02-09 2024-02-16 2024-09-16 \
        2025-01-28 2025-06-02 2025-10-08 2026-01-02 2026-02-23 2026-04-06 2026-06-19 \
        2026-09-25 2026-10-07"
        .split_whitespace()
    {
        assert!(!open(Exchange::Xshg, text), "{text}");
    }
    for text in [
        "2020-02-03",
        "2024-02-19",
        "2025-10-09",
        "2026-02-24",
        "2026-06-22",
    ] {
        assert!(open(Exchange::Xshg, text), "{text}");
    }
}

#[test]
fn make_up_weekends_are_business_days_of_payments_and_no_sessions() {
    for text in "2007-02-17 2008-02-02 2009-01-24 2010-02-20 2011-12-31 2012-03-31 2013-01-05 \
        2014-10-11 2015-10-10 2016-02-06 2017-01-22 2018-12-29 2019-04-28 2020-09-27 \
        2021-02-07 2022-01-29 2023-01-28 2024-02-04 2024-02-18 2025-01-26 2025-10-11 \
        2026-01-04 2026-02-14 2026-10-10"
        .split_whitespace()
    {
        assert!(day(text).is_weekend(), "{text}");
        assert!(open(Exchange::CnIb, text), "{text}");
        assert!(!open(Exchange::Xshg, text), "{text}");
        assert!(!open(Exchange::Xsge, text), "{text}");
    }
    // New Year's Eve of 2024: markets rested, payments did not.
    assert!(open(Exchange::CnIb, "2024-02-09"));
    // The Spring Festival of 2020 was lengthened over a Saturday that was to be worked.
    assert!(!open(Exchange::CnIb, "2020-02-01"));
}

#[test]
fn mainland_exchanges_share_their_sessions_from_the_day_they_opened() {
    let calendars = Calendars::builtin();
    let shanghai = calendars.get(Exchange::Xshg);
    for exchange in Exchange::ALL {
        if matches!(exchange, Exchange::Xhkg | Exchange::CnIb) {
            continue;
        }
        let calendar = calendars.get(exchange);
        let (first, last) = calendar.coverage();
        let ours: Vec<Date> = calendar.sessions(first, last).unwrap().collect();
        let theirs: Vec<Date> = shanghai.sessions(first, last).unwrap().collect();
        assert_eq!(ours, theirs, "{exchange}");
    }
    for (exchange, first) in [
        (Exchange::Ccfx, "2010-04-16"),
        (Exchange::Xine, "2018-03-26"),
        (Exchange::Gfex, "2022-12-22"),
    ] {
        let calendar = calendars.get(exchange);
        assert!(calendar.is_session(day(first)).unwrap());
        let error = calendar.previous(day(first)).unwrap_err();
        assert_eq!(error.code(), "E-CAL-COVERAGE");
    }
}

#[test]
fn announced_years_of_the_kernel_are_those_of_the_kernel() {
    let kernel = Kernel::china();
    let calendars = Calendars::builtin();
    let (mut date, last) = kernel.validity();
    while date <= last {
        let ours = Date::try_from(date).unwrap();
        let session = calendars.get(Exchange::Xshe).is_session(ours).unwrap();
        let office = calendars.get(Exchange::CnIb).is_session(ours).unwrap();
        assert_eq!(session, kernel.is_trading_day(date).unwrap(), "{date}");
        assert_eq!(office, kernel.is_office_day(date).unwrap(), "{date}");
        date = date.tomorrow().unwrap();
    }
    assert_eq!(calendars.version(), format!("cn-{}", kernel.version()));
    assert_eq!(calendars.version_of(Exchange::Xhkg), "hk-2026.1");
    assert_eq!(
        calendars.get(Exchange::Xshg).last_announced(),
        Date::try_from(last).unwrap()
    );
}

#[test]
fn a_session_tells_its_kind_status_source_and_version() {
    let calendars = Calendars::builtin();
    let session = |exchange, text| calendars.get(exchange).session(day(text)).unwrap();
    let old = session(Exchange::Xshg, "2015-06-15").unwrap();
    assert_eq!((old.kind, old.status), (Kind::Full, Status::Actual));
    assert_eq!(old.version, "2023.1");
    assert!(old.source.contains("exchange_calendars"));
    let now = session(Exchange::Xshg, "2026-11-20").unwrap();
    assert_eq!(
        (now.source, now.version),
        ("kernel/data/cn-exchanges.toml", "2026.1")
    );
    let later = session(Exchange::Xshg, "2031-11-20").unwrap();
    assert_eq!(later.status, Status::Projected);
    assert_eq!(session(Exchange::Xshg, "2026-10-01"), None);
    assert_eq!(
        serde_json::to_value(session(Exchange::Xhkg, "2026-12-24")).unwrap(),
        serde_json::json!({"exchange": "XHKG", "date": "2026-12-24", "kind": "half",
            "status": "actual", "source": "exchange_calendars 4.13.2 XHKG", "version": "2026.1"})
    );
}

#[test]
fn hong_kong_has_half_days_and_holidays_of_its_own() {
    let calendar = Calendars::builtin().get(Exchange::Xhkg);
    let kind = |text| calendar.kind(day(text)).unwrap();
    for text in ["2026-02-16", "2026-12-31", "2025-01-28", "2012-12-24"] {
        assert_eq!(kind(text), Some(Kind::Half), "{text}");
    }
    for text in [
        "2026-04-03",
        "2026-04-07",
        "2026-07-01",
        "2025-12-26",
        "2023-07-17",
    ] {
        assert_eq!(kind(text), None, "{text}");
    }
    assert_eq!(kind("2026-10-05"), Some(Kind::Full));
    assert!(!open(Exchange::Xshg, "2026-10-05"));
}

#[test]
fn rolls_follow_precede_or_stay() {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    let roll = |text, roll| calendar.roll(day(text), roll).unwrap().to_string();
    assert_eq!(roll("2026-08-09", Roll::Following), "2026-08-10");
    assert_eq!(roll("2026-08-09", Roll::Preceding), "2026-08-07");
    assert_eq!(roll("2026-08-09", Roll::None), "2026-08-09");
    assert_eq!(roll("2026-08-10", Roll::Preceding), "2026-08-10");
    // Saturday 31 January 2026: the following session is in February.
    assert_eq!(roll("2026-01-31", Roll::Following), "2026-02-02");
    assert_eq!(roll("2026-01-31", Roll::ModifiedFollowing), "2026-01-30");
    assert_eq!(roll("2026-08-09", Roll::ModifiedFollowing), "2026-08-10");
    assert_eq!(roll("2026-10-01", Roll::ModifiedFollowing), "2026-10-08");
    // A month's end before the National Day week.
    assert_eq!(roll("2023-09-30", Roll::ModifiedFollowing), "2023-09-28");
    assert_eq!(
        calendar.last_session_of_month(day("2028-02-05")).unwrap(),
        day("2028-02-29")
    );
}

#[test]
fn stepping_by_sessions_never_counts_the_day_itself() {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    let step = |text, n| calendar.add_sessions(day(text), n).unwrap().to_string();
    assert_eq!(step("2026-09-30", 1), "2026-10-08");
    assert_eq!(step("2026-10-03", 1), "2026-10-08");
    assert_eq!(step("2026-10-03", -1), "2026-09-30");
    assert_eq!(step("2026-10-08", -2), "2026-09-29");
    assert_eq!(step("2026-10-03", 0), "2026-10-08");
    assert_eq!(step("2026-10-09", 0), "2026-10-09");
    let count = |from, to| calendar.count_sessions(day(from), day(to)).unwrap();
    assert_eq!(count("2026-09-30", "2026-10-08"), 1);
    assert_eq!(count("2026-10-01", "2026-10-07"), 0);
    assert_eq!(count("2026-10-09", "2026-09-30"), -2);
    assert_eq!(count("2026-10-08", "2026-10-08"), 0);
}

#[test]
fn outside_its_coverage_a_calendar_refuses_and_says_what_it_covers() {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    assert_eq!(calendar.coverage(), (day("2007-01-01"), day("2050-12-31")));
    let late = day("2051-01-02");
    for error in [
        calendar.is_session(late).unwrap_err(),
        calendar.next(day("2050-12-31")).unwrap_err(),
        calendar
            .count_sessions(day("2026-01-05"), late)
            .unwrap_err(),
        calendar.roll(late, Roll::Following).unwrap_err(),
        calendar
            .add_sessions(day("2026-01-05"), i32::MIN)
            .unwrap_err(),
        calendar
            .add_sessions(day("2026-01-05"), i32::MAX)
            .unwrap_err(),
        calendar.previous(day("2007-01-04")).unwrap_err(),
    ] {
        assert_eq!(error.code(), "E-CAL-COVERAGE");
        assert!(matches!(error, CalendarError::Coverage { .. }));
    }
    assert_eq!(
        calendar.is_session(late).unwrap_err().to_string(),
        "calendar XSHG covers 2007-01-01 to 2050-12-31, and the question leads to 2051-01-02: \
         shorten the term or load newer calendar data"
    );
    let finding = calendar.is_session(late).unwrap_err().finding("/dates/end");
    assert_eq!(finding.pointer, "/dates/end");
    assert_eq!(finding.rule.zh, "日历 XSHG 覆盖 2007-01-01 至 2050-12-31");
}

#[test]
fn a_broken_announcement_is_refused_with_its_line() {
    let head = "format 1\ncalendar mainland\nversion t\nsource s\n";
    let error = |text: &str| {
        Announcement::parse("a.txt", &format!("{head}{text}"))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("2027 closed 02-30\n"),
        "a.txt:5: \"02-30\" is no day of 2027: write it as MM-DD"
    );
    assert_eq!(
        error("2027 closed 01-03..01-01\n"),
        "a.txt:5: 01-03..01-01 ends before it begins"
    );
    assert_eq!(
        error("2027 shut 01-01\n"),
        "a.txt:5: \"shut\" is no kind of day: expected closed, market, work or half"
    );
    assert_eq!(
        error("2027 work 01-04\n"),
        "a.txt:5: 2027-01-04 is no weekend day and works anyway"
    );
    assert_eq!(
        error("2027 closed 01-01 01-01\n"),
        "a.txt:5: 2027-01-01 is told twice"
    );
    assert_eq!(
        error("2027 closed 01-01\n2029 closed 01-01\n"),
        "a.txt: year 2028 is left out"
    );
    assert_eq!(error(""), "a.txt: there is no year");
    assert_eq!(
        error("holiday 2027\n"),
        "a.txt:5: \"holiday\" is no line of this format: expected format, calendar, version, \
         source or a year"
    );
    let gap = Announcement::parse("a.txt", &format!("{head}2029 closed 01-01\n")).unwrap();
    assert_eq!(
        Calendars::builtin().with(gap).unwrap_err().to_string(),
        "announcement t: it covers 2029 to 2029, which does not follow the known years 2007 to \
         2026: add the years between first"
    );
}
