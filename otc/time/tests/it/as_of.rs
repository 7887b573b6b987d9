use rialto_otc_time::{
    AsOf, Calendars, Clock, DayPhase, Exchange, Kind, Moment, NightEnd, TradingHours,
};

use crate::day;

fn read(text: &str) -> Result<AsOf, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn past(as_of: &str, obs: &str) -> bool {
    read(as_of)
        .unwrap()
        .is_past(Moment::Date(day(obs)))
        .unwrap()
}

#[test]
fn observations_up_to_a_post_close_as_of_are_past() {
    let close = r#"{"date":"2026-08-10"}"#;
    assert_eq!(read(close).unwrap(), AsOf::post_close(day("2026-08-10")));
    assert!(past(close, "2026-08-07"));
    assert!(past(close, "2026-08-10"));
    assert!(!past(close, "2026-08-11"));
    for early in [
        r#"{"date":"2026-08-10","phase":"pre_open"}"#,
        r#"{"date":"2026-08-10","phase":"intraday","time":"14:59"}"#,
    ] {
        assert!(past(early, "2026-08-07"));
        assert!(!past(early, "2026-08-10"));
    }
}

#[test]
fn numeric_times_within_the_tolerance_are_past() {
    let now = read("0.25").unwrap();
    let past = |time| now.is_past(Moment::Time(time)).unwrap();
    assert!(past(0.25) && past(0.25 + 5e-11) && past(0.1));
    assert!(!past(0.25 + 2e-10));
    assert_eq!(AsOf::default(), AsOf::Numeric(0.0));
    assert!(AsOf::default().is_past(Moment::Time(0.0)).unwrap());
}

#[test]
fn dates_and_numbers_do_not_compare() {
    let error = read("0").unwrap().is_past(Moment::Date(day("2026-08-10")));
    assert_eq!(error.unwrap_err().code(), "E-ASOF-KIND");
    let dated = AsOf::post_close(day("2026-08-10"));
    assert_eq!(
        dated.is_past(Moment::Time(0.5)).unwrap_err().code(),
        "E-ASOF-KIND"
    );
}

#[test]
fn the_forms_of_an_as_of_come_back_as_they_were() {
    for text in [
        r#"{"date":"2026-08-10","phase":"pre_open"}"#,
        r#"{"date":"2026-08-10","phase":"intraday","time":"14:00:00"}"#,
        r#"{"date":"2026-08-10","phase":"post_close"}"#,
        "0.25",
    ] {
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
    }
    for text in [
        r#"{"date":"2026-08-10","phase":"intraday"}"#,
        r#"{"date":"2026-08-10","time":"14:00"}"#,
        r#"{"date":"2026-08-10","phase":"noon"}"#,
        r#"{"date":"2026-08-10","zone":"x"}"#,
        r#"{"phase":"pre_open"}"#,
        r#"{"date":"2026-02-30"}"#,
        "-0.5",
        "\"2026-08-10\"",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn the_remaining_share_is_that_of_trading_minutes() {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    let share = |time: &str| {
        let text = format!(r#"{{"date":"2026-08-10","phase":"intraday","time":"{time}"}}"#);
        read(&text)
            .unwrap()
            .remaining_share(calendar, NightEnd::None)
            .unwrap()
    };
    assert_eq!(share("09:00"), 1.0);
    assert_eq!(share("09:30"), 1.0);
    assert_eq!(share("10:30"), 180.0 / 240.0);
    assert_eq!(share("12:15"), 0.5);
    assert_eq!(share("13:00"), 0.5);
    assert_eq!(share("14:59:30"), 0.5 / 240.0);
    assert_eq!(share("15:00"), 0.0);
    assert_eq!(share("16:00"), 0.0);
    let whole = |phase| {
        AsOf::Dated {
            date: day("2026-08-10"),
            phase,
        }
        .remaining_share(calendar, NightEnd::None)
        .unwrap()
    };
    assert_eq!(
        (whole(DayPhase::PreOpen), whole(DayPhase::PostClose)),
        (1.0, 0.0)
    );
    // On a Sunday nothing trades.
    let sunday = AsOf::Dated {
        date: day("2026-08-09"),
        phase: DayPhase::PreOpen,
    };
    assert_eq!(
        sunday.remaining_share(calendar, NightEnd::None).unwrap(),
        0.0
    );
}

#[test]
fn every_exchange_has_its_trading_minutes() {
    let minutes =
        |exchange, kind| TradingHours::of(exchange, kind, NightEnd::of(exchange)).minutes();
    assert_eq!(minutes(Exchange::Xshg, Kind::Full), 240);
    assert_eq!(minutes(Exchange::Ccfx, Kind::Full), 240);
    assert_eq!(minutes(Exchange::Xsge, Kind::Full), 225);
    assert_eq!(minutes(Exchange::Xsge, Kind::NightDay), 465);
    assert_eq!(minutes(Exchange::Xine, Kind::NightDay), 555);
    assert_eq!(minutes(Exchange::Xdce, Kind::NightDay), 345);
    assert_eq!(minutes(Exchange::Gfex, Kind::Full), 225);
    assert_eq!(minutes(Exchange::Xhkg, Kind::Full), 330);
    assert_eq!(minutes(Exchange::Xhkg, Kind::Half), 150);
}

#[test]
fn a_night_session_is_spent_before_its_day() {
    let hours = TradingHours::of(Exchange::Xsge, Kind::NightDay, NightEnd::At0100);
    let share = |time: &str| hours.remaining_share(time.parse().unwrap());
    assert_eq!(share("20:30"), 1.0);
    assert_eq!(share("23:00"), 345.0 / 465.0);
    assert_eq!(share("00:30"), 255.0 / 465.0);
    assert_eq!(share("08:00"), 225.0 / 465.0);
    assert_eq!(share("10:20"), 150.0 / 465.0);
    assert_eq!(share("15:00"), 0.0);
}

#[test]
fn variance_time_takes_the_rest_of_today() {
    let clock: Clock = "sessions:XSHG/244".parse().unwrap();
    let time = |as_of: &str, to: &str| {
        read(as_of)
            .unwrap()
            .variance_time(
                day(to),
                &clock,
                Exchange::Xshg,
                NightEnd::None,
                Calendars::builtin(),
            )
            .unwrap()
    };
    let noon = r#"{"date":"2026-08-10","phase":"intraday","time":"12:00"}"#;
    assert_eq!(time(noon, "2026-08-10"), 0.5 / 244.0);
    assert_eq!(time(noon, "2026-08-12"), 2.0 / 244.0 + 0.5 / 244.0);
    assert_eq!(time(r#"{"date":"2026-08-10"}"#, "2026-08-10"), 0.0);
    let open = r#"{"date":"2026-08-10","phase":"pre_open"}"#;
    assert_eq!(time(open, "2026-08-10"), 1.0 / 244.0);
    // On the eve after the close it is the same time as before the open.
    assert_eq!(
        time(r#"{"date":"2026-08-07"}"#, "2026-08-10"),
        time(open, "2026-08-10")
    );
}
