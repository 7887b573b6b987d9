use rialto_otc_time::{Calendars, Exchange, Kind};

use crate::day;

fn trading_date(exchange: Exchange, local: &str) -> String {
    Calendars::builtin()
        .get(exchange)
        .trading_date_of(local.parse().unwrap())
        .unwrap()
        .to_string()
}

#[test]
fn a_night_session_belongs_to_the_next_sessions_date() {
    for (local, date) in [
        ("2026-03-10T10:00:00", "2026-03-10"),
        ("2026-03-10T15:00:00", "2026-03-10"),
        ("2026-03-10T20:55:00", "2026-03-11"),
        ("2026-03-10T23:59:59", "2026-03-11"),
        ("2026-03-11T00:30:00", "2026-03-11"),
        // Friday's night is Monday's, on both sides of midnight.
        ("2026-03-13T21:00:00", "2026-03-16"),
        ("2026-03-14T01:00:00", "2026-03-16"),
        // The last evening before the National Day week.
        ("2026-09-30T21:00:00", "2026-10-08"),
    ] {
        assert_eq!(trading_date(Exchange::Xsge, local), date, "{local}");
    }
    assert_eq!(
        trading_date(Exchange::Xshg, "2026-03-10T21:00:00"),
        "2026-03-10"
    );
    assert_eq!(
        trading_date(Exchange::Gfex, "2026-03-10T21:00:00"),
        "2026-03-10"
    );
}

#[test]
fn a_date_begins_at_night_unless_a_weekday_before_it_is_closed() {
    let kind = |exchange, text| Calendars::builtin().get(exchange).kind(day(text)).unwrap();
    // Mondays after plain weekends have a night; days after a holiday have none.
    assert_eq!(kind(Exchange::Xsge, "2026-03-16"), Some(Kind::NightDay));
    assert_eq!(kind(Exchange::Xsge, "2026-03-17"), Some(Kind::NightDay));
    assert_eq!(kind(Exchange::Xsge, "2026-10-08"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xdce, "2026-04-07"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xshg, "2026-03-17"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Gfex, "2026-03-17"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xsge, "2026-10-07"), None);
}

#[test]
fn nights_began_on_a_day_and_were_suspended_in_the_spring_of_2020() {
    let kind = |exchange, text| Calendars::builtin().get(exchange).kind(day(text)).unwrap();
    assert_eq!(kind(Exchange::Xsge, "2013-07-05"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xsge, "2013-07-08"), Some(Kind::NightDay));
    assert_eq!(kind(Exchange::Xdce, "2014-07-04"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xdce, "2014-07-07"), Some(Kind::NightDay));
    assert_eq!(kind(Exchange::Xzce, "2014-12-15"), Some(Kind::NightDay));
    assert_eq!(kind(Exchange::Xine, "2018-03-26"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xine, "2018-03-27"), Some(Kind::NightDay));
    assert_eq!(kind(Exchange::Xsge, "2020-02-04"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xsge, "2020-05-06"), Some(Kind::Full));
    assert_eq!(kind(Exchange::Xsge, "2020-05-07"), Some(Kind::NightDay));
}
