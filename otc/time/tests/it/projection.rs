use rialto_otc_time::{
    Announced, Announcement, Calendars, Date, Exchange, Kind, Reprojection, Status,
};

use crate::day;

const MAINLAND: &str = include_str!("../../data/mainland.txt");
const HONG_KONG: &str = include_str!("../../data/hongkong.txt");

/// The data as if later years had not been announced yet.
fn until(text: &str, year: &str) -> Announced {
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("20") || line[..4] <= *year)
        .collect();
    Announced::new(Announcement::parse("kept", &kept.join("\n")).unwrap())
}

fn changes(all: &Reprojection, exchange: Exchange) -> Vec<String> {
    all.changes
        .iter()
        .filter(|change| change.exchange == exchange)
        .map(|change| {
            let sign = |state: Option<rialto_otc_time::DayState>| match state
                .and_then(|state| state.kind)
            {
                Some(Kind::Full) => "open",
                Some(Kind::Half) => "half",
                Some(Kind::NightDay) => "night",
                None => "closed",
            };
            format!("{} {}>{}", change.date, sign(change.was), sign(change.now))
        })
        .collect()
}

#[test]
fn an_announcement_tells_which_expected_days_changed() {
    let old = Calendars::new(until(MAINLAND, "2023"), until(HONG_KONG, "2026")).unwrap();
    let new = Calendars::builtin();
    let found = Calendars::reproject(&old, new);
    assert_eq!((&*found.from, &*found.to), ("cn-2023.1", "cn-2026.1"));
    assert_eq!(
        found.announced[0],
        (Exchange::Xshg, day("2024-01-01"), day("2026-12-31"))
    );
    assert!(
        found
            .announced
            .iter()
            .all(|(exchange, ..)| *exchange != Exchange::Xhkg)
    );
    assert_eq!(
        changes(&found, Exchange::Xshg),
        [
            // 2024: the bridges to Qingming and to Mid-Autumn.
            "2024-04-05 open>closed",
            "2024-09-16 open>closed",
            // 2025: Dragon Boat, a Saturday, kept on Monday; Mid-Autumn within the National week.
            "2025-06-02 open>closed",
            "2025-10-08 open>closed",
            // 2026: the bridge of the new year; Qingming, a Sunday, kept on Monday.
            "2026-01-02 open>closed",
            "2026-04-06 open>closed",
        ]
    );
    // The interbank market also gets its make-up days.
    let office = changes(&found, Exchange::CnIb);
    assert!(office.contains(&"2026-02-14 closed>open".to_owned()));
    assert!(office.contains(&"2024-02-09 closed>open".to_owned()));
    assert_eq!(
        office
            .iter()
            .filter(|change| change.ends_with(">open"))
            .count(),
        20
    );
    let change = found.changes[0];
    assert_eq!(change.was.unwrap().status, Status::Projected);
    assert_eq!(change.now.unwrap().status, Status::Actual);
}

#[test]
fn calendars_that_did_not_change_differ_in_nothing() {
    let same = Calendars::reproject(Calendars::builtin(), &Calendars::builtin().clone());
    assert!(same.changes.is_empty() && same.announced.is_empty());
}

#[test]
fn hong_kong_rule_gives_every_announced_day_but_storms_and_one_parade() {
    let old = Calendars::new(until(MAINLAND, "2023"), until(HONG_KONG, "2013")).unwrap();
    let found = Calendars::reproject(&old, Calendars::builtin());
    assert_eq!(
        changes(&found, Exchange::Xhkg),
        [
            "2015-09-03 open>closed", // seventy years after the war
            "2016-08-02 open>closed", // typhoons
            "2016-10-21 open>closed",
            "2017-08-23 open>closed",
            "2020-10-13 open>closed",
            "2021-10-13 open>closed",
            "2023-07-17 open>closed",
            "2024-09-06 open>closed",
        ]
    );
}

#[test]
fn the_mainland_rule_never_misses_more_than_a_week_of_a_year() {
    // As if nothing after 2013 were announced: the bridges are what the rule cannot know.
    let old = Calendars::new(until(MAINLAND, "2013"), until(HONG_KONG, "2026")).unwrap();
    let new = Calendars::builtin();
    for year in 2014..=2026 {
        let (from, to) = (
            Date::new(year, 1, 1).unwrap(),
            Date::new(year, 12, 31).unwrap(),
        );
        let count = |all: &Calendars| all.get(Exchange::Xshg).count_sessions(from, to).unwrap();
        let missed = count(&old) - count(new);
        assert!((-3..=5).contains(&missed), "{year}: {missed}");
    }
}

#[test]
fn projected_closures_are_those_of_the_rule() {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    // 2028: lunar new year 26 January, Dragon Boat a Sunday, Mid-Autumn within the National week.
    for text in [
        "2028-01-25",
        "2028-01-26",
        "2028-02-01",
        "2028-04-04",
        "2028-05-01",
        "2028-05-05",
        "2028-10-02",
        "2028-10-06",
    ] {
        assert!(!calendar.is_session(day(text)).unwrap(), "{text}");
        assert_eq!(calendar.status(day(text)).unwrap(), Status::Projected);
    }
    for text in [
        "2028-01-24",
        "2028-02-02",
        "2028-04-03",
        "2028-05-08",
        "2028-05-29",
        "2028-10-09",
    ] {
        assert!(calendar.is_session(day(text)).unwrap(), "{text}");
    }
    // The year with a leap eleventh month, over which tables disagree: Mid-Autumn 2033.
    assert!(!calendar.is_session(day("2033-09-08")).unwrap());
    assert!(!calendar.is_session(day("2034-06-20")).unwrap());
    // No make-up day is guessed.
    let payments = Calendars::builtin().get(Exchange::CnIb);
    for date in payments
        .sessions(day("2026-12-31"), day("2050-12-31"))
        .unwrap()
    {
        assert!(!date.is_weekend(), "{date}");
    }
}

#[test]
fn a_new_year_is_loaded_from_text() {
    let text = "format 1\ncalendar mainland\nversion 2027.1\nsource notice of 2026\n\
        2027 closed 01-01..01-03 02-05..02-13 04-03..04-05 05-01..05-05 06-09 09-15 10-01..10-07\n\
        2027 work 01-31 02-14 05-08 10-09\n";
    let new = Calendars::builtin()
        .with(Announcement::parse("2027.txt", text).unwrap())
        .unwrap();
    assert_eq!(new.version(), "cn-2027.1");
    let found = Calendars::reproject(Calendars::builtin(), &new);
    assert_eq!(
        found.announced[0],
        (Exchange::Xshg, day("2027-01-01"), day("2027-12-31"))
    );
    assert!(changes(&found, Exchange::Xshg).is_empty());
    assert_eq!(
        changes(&found, Exchange::CnIb),
        [
            "2027-01-31 closed>open",
            "2027-02-14 closed>open",
            "2027-05-08 closed>open",
            "2027-10-09 closed>open",
        ]
    );
    // A year told again, as when the Spring Festival of 2020 was lengthened, replaces itself.
    let longer = text
        .replace("02-05..02-13", "02-05..02-15")
        .replace(" 02-14", "");
    let corrected = new
        .with(Announcement::parse("2027b.txt", &longer).unwrap())
        .unwrap();
    let found = Calendars::reproject(&new, &corrected);
    assert_eq!(changes(&found, Exchange::Xshg), ["2027-02-15 open>closed"]);
    assert!(found.announced.is_empty());
}
