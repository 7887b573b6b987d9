use proptest::prelude::*;
use rialto_otc_time::{
    AsOf, Calendars, Clock, Clocks, Date, Exchange, Roll, Rows, ScheduleContext, ScheduleSpec,
};

fn exchange() -> impl Strategy<Value = Exchange> {
    prop::sample::select(Exchange::ALL.to_vec())
}

/// A day from 2023-02-12 to 2043-12-04, which every calendar covers with room on both sides.
fn covered() -> impl Strategy<Value = Date> {
    (19_400_i32..27_000).prop_map(|days| Date::from_days(days).unwrap())
}

fn additive() -> impl Strategy<Value = Clock> {
    prop::sample::select(vec![
        "sessions:XSHG/244",
        "sessions:XHKG/246",
        "act365",
        "act360",
        "30e360",
        "weighted:XSGE:0.3/280",
    ])
    .prop_map(|text| text.parse().unwrap())
}

proptest! {
    #[test]
    fn text_and_civil_forms_of_a_date_are_itself(days in Date::MIN.days()..=Date::MAX.days()) {
        let date = Date::from_days(days).unwrap();
        let (year, month, day) = date.civil();
        prop_assert_eq!(Date::new(year, month, day), Ok(date));
        prop_assert_eq!(date.to_string().parse(), Ok(date));
    }

    #[test]
    fn adding_then_subtracting_sessions_is_nothing(
        exchange in exchange(), date in covered(), n in 1_i32..400,
    ) {
        let calendar = Calendars::builtin().get(exchange);
        let session = calendar.roll(date, Roll::Following).unwrap();
        let there = calendar.add_sessions(session, n).unwrap();
        prop_assert_eq!(calendar.add_sessions(there, -n), Ok(session));
        prop_assert_eq!(calendar.count_sessions(session, there), Ok(n));
        prop_assert!(calendar.is_session(there).unwrap());
    }

    #[test]
    fn next_and_previous_are_the_nearest_sessions(exchange in exchange(), date in covered()) {
        let calendar = Calendars::builtin().get(exchange);
        let (next, previous) = (calendar.next(date).unwrap(), calendar.previous(date).unwrap());
        prop_assert!(previous < date && date < next);
        for between in previous.days() + 1..next.days() {
            let between = Date::from_days(between).unwrap();
            let open = calendar.is_session(between).unwrap();
            prop_assert_eq!(open, between == date && open);
        }
    }

    #[test]
    fn counting_sessions_is_additive_and_one_by_one(
        exchange in exchange(), a in covered(), b in covered(), c in covered(),
    ) {
        let calendar = Calendars::builtin().get(exchange);
        let count = |from, to| calendar.count_sessions(from, to).unwrap();
        prop_assert_eq!(count(a, b) + count(b, c), count(a, c));
        let (first, last) = (a.min(b), a.max(b));
        let walked = (first.days() + 1..=last.days())
            .filter(|day| calendar.is_session(Date::from_days(*day).unwrap()).unwrap())
            .count();
        prop_assert_eq!(calendar.sessions(first, last).unwrap().len(), walked);
        prop_assert_eq!(usize::try_from(count(first, last)).unwrap(), walked);
    }

    #[test]
    fn a_rolled_date_is_a_session_and_rolls_no_further(
        exchange in exchange(),
        date in covered(),
        roll in prop::sample::select(vec![
            Roll::Following, Roll::ModifiedFollowing, Roll::Preceding,
        ]),
    ) {
        let calendar = Calendars::builtin().get(exchange);
        let rolled = calendar.roll(date, roll).unwrap();
        prop_assert!(calendar.is_session(rolled).unwrap());
        prop_assert_eq!(calendar.roll(rolled, roll), Ok(rolled));
        if roll == Roll::ModifiedFollowing {
            prop_assert_eq!(rolled.end_of_month(), date.end_of_month());
        }
    }

    #[test]
    fn adjoining_year_fractions_add_up(
        clock in additive(), a in covered(), b in covered(), c in covered(),
    ) {
        prop_assert!(clock.is_additive());
        let years = |from, to| clock.year_fraction(from, to, Calendars::builtin()).unwrap();
        prop_assert!((years(a, b) + years(b, c) - years(a, c)).abs() < 1e-12);
        prop_assert_eq!(years(a, b), -years(b, a));
        prop_assert!(years(a.min(b), a.max(b)) >= 0.0);
    }

    #[test]
    fn months12_grows_with_time_and_counts_months(start in covered(), k in 0_i32..60, more in 1_i32..40) {
        let later = start.add_months(k).unwrap();
        let years = |to| Clock::Months12.year_fraction(start, to, Calendars::builtin()).unwrap();
        prop_assert_eq!(years(later), f64::from(k) / 12.0);
        prop_assert!(years(later.add_days(more).unwrap()) > years(later));
    }

    #[test]
    fn a_schedule_rises_strictly_between_its_start_and_end(
        start in covered(),
        length in 40_i32..2000,
        exchange in exchange(),
        freq in prop::sample::select(vec!["daily", "1d", "3d", "1w", "2w", "1m", "3m", "1y"]),
        day in prop::sample::select(vec!["", r#","day":31"#, r#","day":"eom""#, r#","day":7"#]),
        roll in prop::sample::select(vec!["following", "modified_following", "preceding", "none"]),
        lock in prop::sample::select(vec!["", r#","lock":"1m""#, r#","lock":"10d""#]),
    ) {
        let monthly = ["1m", "3m", "1y"].contains(&freq);
        let day = if monthly { day } else { "" };
        let text = format!(r#"{{"freq":"{freq}","roll":"{roll}"{day}{lock}}}"#);
        let spec: ScheduleSpec = serde_json::from_str(&text).unwrap();
        let end = start.add_days(length).unwrap();
        let context = ScheduleContext {
            pointer: "",
            start: Some(start),
            end: Some(end),
            calendar: exchange,
            roll: Roll::Following,
            calendars: Calendars::builtin(),
            grid: None,
            end_time: None,
        };
        let expansion = match spec.expand(&context) {
            Ok(expansion) => expansion,
            Err(findings) => {
                prop_assert_eq!(findings.0[0].code, "E-SCHED-EMPTY");
                return Ok(());
            }
        };
        let Rows::Dated(rows) = expansion.rows else {
            panic!("dated schedule expected")
        };
        let calendar = Calendars::builtin().get(exchange);
        let last = calendar.roll(end, Roll::Following).unwrap();
        for pair in rows.windows(2) {
            prop_assert!(pair[0].date < pair[1].date && pair[0].unadjusted < pair[1].unadjusted);
        }
        for row in rows {
            prop_assert!(start < row.date && row.date <= last);
            prop_assert!(start < row.unadjusted && row.unadjusted <= end);
            prop_assert!(roll == "none" || calendar.is_session(row.date).unwrap());
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in ".{0,60}") {
        let _ = text.parse::<Clock>();
        let _ = text.parse::<Date>();
        let _ = serde_json::from_str::<ScheduleSpec>(&text);
        let _ = serde_json::from_str::<AsOf>(&text);
        let _ = serde_json::from_str::<Clocks>(&text);
        let _ = rialto_otc_time::Announcement::parse("x", &text);
    }

    #[test]
    fn no_schedule_panics(
        freq in "[0-9]{1,5}[dwmy]",
        lock in "[0-9]{1,5}[dwmy]",
        start in Date::MIN.days()..=Date::MAX.days(),
        end in Date::MIN.days()..=Date::MAX.days(),
    ) {
        let text = format!(r#"{{"freq":"{freq}","lock":"{lock}"}}"#);
        if let Ok(spec) = serde_json::from_str::<ScheduleSpec>(&text) {
            let _ = spec.expand(&ScheduleContext {
                pointer: "",
                start: Some(Date::from_days(start).unwrap()),
                end: Some(Date::from_days(end).unwrap()),
                calendar: Exchange::Xshg,
                roll: Roll::Following,
                calendars: Calendars::builtin(),
                grid: None,
                end_time: None,
            });
        }
    }
}
