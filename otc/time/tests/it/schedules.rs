use rialto_otc_time::{
    Calendars, DatedRow, Exchange, Findings, MAX_ROWS, NumericRows, Roll, Rows, ScheduleContext,
    ScheduleForm, ScheduleSpec, Severity, Status,
};

use crate::day;

fn context<'a>(start: &str, end: &str) -> ScheduleContext<'a> {
    ScheduleContext {
        pointer: "/terms/ko/schedule",
        start: Some(day(start)),
        end: Some(day(end)),
        calendar: Exchange::Xshg,
        roll: Roll::Following,
        calendars: Calendars::builtin(),
        grid: None,
        end_time: None,
    }
}

fn spec(text: &str) -> ScheduleSpec {
    serde_json::from_str(text).unwrap()
}

fn rows(text: &str, start: &str, end: &str) -> Vec<DatedRow> {
    match spec(text).expand(&context(start, end)).unwrap().rows {
        Rows::Dated(rows) => rows,
        Rows::Numeric(_) => panic!("dated schedule expected"),
    }
}

fn dates(text: &str, start: &str, end: &str) -> Vec<String> {
    rows(text, start, end)
        .iter()
        .map(|row| row.date.to_string())
        .collect()
}

fn refused(text: &str, start: &str, end: &str) -> Findings {
    spec(text).expand(&context(start, end)).unwrap_err()
}

fn codes(findings: &Findings) -> Vec<(&str, &str)> {
    findings
        .0
        .iter()
        .map(|finding| (finding.code, finding.pointer.as_str()))
        .collect()
}

#[test]
fn periods_are_counted_from_the_start_and_never_chained() {
    let rows = rows(r#"{"freq":"1m","roll":"none"}"#, "2026-01-31", "2026-06-30");
    let dates: Vec<String> = rows.iter().map(|row| row.date.to_string()).collect();
    assert_eq!(
        dates,
        [
            "2026-02-28",
            "2026-03-31",
            "2026-04-30",
            "2026-05-31",
            "2026-06-30"
        ]
    );
}

#[test]
fn month_end_drops_a_short_month_or_takes_its_last_session() {
    let of = |end: &str, roll: &str| {
        let text = format!(r#"{{"freq":"1m","roll":"{roll}"{end}}}"#);
        dates(&text, "2025-12-31", "2026-04-30")
    };
    // February rolls into March when nothing is told.
    assert_eq!(
        of("", "following"),
        ["2026-02-02", "2026-03-02", "2026-03-31", "2026-04-30"]
    );
    assert_eq!(
        of(r#","month_end":"drop""#, "following"),
        ["2026-02-02", "2026-03-31"]
    );
    assert_eq!(
        of(r#","month_end":"last_session""#, "following"),
        ["2026-02-02", "2026-02-27", "2026-03-31", "2026-04-30"]
    );
}

#[test]
fn a_day_of_the_month_is_observed_from_the_first_one_after_the_start() {
    assert_eq!(
        dates(r#"{"freq":"1m","day":15}"#, "2026-03-09", "2026-06-30"),
        ["2026-03-16", "2026-04-15", "2026-05-15", "2026-06-15"]
    );
    assert_eq!(
        dates(r#"{"freq":"1m","day":"5"}"#, "2026-03-09", "2026-06-30"),
        ["2026-04-07", "2026-05-06", "2026-06-05"]
    );
    assert_eq!(
        dates(r#"{"freq":"1m","day":"eom"}"#, "2026-01-09", "2026-05-31"),
        [
            "2026-01-30",
            "2026-02-27",
            "2026-03-31",
            "2026-04-30",
            "2026-05-29"
        ]
    );
    // A leap day, and the day 31 in a leap February.
    assert_eq!(
        dates(r#"{"freq":"1y"}"#, "2024-02-29", "2028-02-29"),
        ["2025-02-28", "2026-03-02", "2027-03-01", "2028-02-29"]
    );
    assert_eq!(
        dates(
            r#"{"freq":"1m","day":31,"month_end":"last_session"}"#,
            "2028-01-31",
            "2028-02-29"
        ),
        ["2028-02-29"]
    );
}

#[test]
fn a_lock_keeps_the_first_date_on_its_end() {
    let rows = rows(
        r#"{"freq":"1m","lock":"3m","roll":"following"}"#,
        "2026-03-09",
        "2028-03-09",
    );
    assert_eq!(rows.len(), 22);
    assert_eq!(rows[0].date, day("2026-06-09"));
    assert_eq!(rows[21].date, day("2028-03-09"));
    // The schedule runs into years not announced yet.
    let actual = rows
        .iter()
        .filter(|row| row.status == Status::Actual)
        .count();
    assert_eq!(actual, 7);
    let expansion = spec(r#"{"freq":"1m","lock":"3m"}"#)
        .expand(&context("2026-03-09", "2028-03-09"))
        .unwrap();
    assert_eq!(expansion.notices.len(), 1);
    assert_eq!(expansion.notices[0].code, "N-SCHED-PROJECTED");
    assert_eq!(expansion.notices[0].severity, Severity::Notice);
    assert_eq!(expansion.notices[0].value, "15");
}

#[test]
fn daily_is_every_session_after_the_start() {
    assert_eq!(
        dates("\"daily\"", "2026-09-29", "2026-10-09"),
        ["2026-09-30", "2026-10-08", "2026-10-09"]
    );
    assert_eq!(
        dates(
            r#"{"freq":"daily","observe_start":true}"#,
            "2026-09-29",
            "2026-10-08"
        ),
        ["2026-09-29", "2026-09-30", "2026-10-08"]
    );
    assert_eq!(
        dates(
            r#"{"freq":"daily","lock":"2d","calendar":"CN-IB"}"#,
            "2026-10-08",
            "2026-10-12"
        ),
        ["2026-10-10", "2026-10-12"]
    );
    let copper = rows("\"daily\"", "2026-04-01", "2026-06-30");
    let calendar = Calendars::builtin().get(Exchange::Xsge);
    let count = calendar
        .count_sessions(day("2026-04-01"), day("2026-06-30"))
        .unwrap();
    assert_eq!(copper.len(), usize::try_from(count).unwrap());
}

#[test]
fn two_dates_that_meet_make_one_row_and_a_notice() {
    // Thursdays: 1 October 2026 rolls onto the 8th, which is one itself.
    let expansion = spec(r#"{"freq":"1w"}"#)
        .expand(&context("2026-09-17", "2026-10-15"))
        .unwrap();
    let Rows::Dated(rows) = &expansion.rows else {
        panic!("dated schedule expected")
    };
    let found: Vec<(String, String)> = rows
        .iter()
        .map(|row| (row.unadjusted.to_string(), row.date.to_string()))
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        found,
        [
            pair("2026-09-24", "2026-09-24"),
            pair("2026-10-08", "2026-10-08"),
            pair("2026-10-15", "2026-10-15"),
        ]
    );
    assert_eq!(expansion.notices[0].code, "N-SCHED-MERGED");
}

#[test]
fn listed_dates_never_move_and_a_closure_is_for_decision() {
    let text = r#"{"dates":["2026-06-18","2026-06-19","2026-07-20"]}"#;
    let expansion = spec(text)
        .expand(&context("2026-03-09", "2026-07-20"))
        .unwrap();
    assert_eq!(
        dates(text, "2026-03-09", "2026-07-20"),
        ["2026-06-18", "2026-06-19", "2026-07-20"]
    );
    assert_eq!(expansion.notices.len(), 1);
    let finding = &expansion.notices[0];
    assert_eq!(finding.code, "D-SCHED-CLOSED");
    assert_eq!(finding.severity, Severity::Decision);
    assert_eq!(finding.pointer, "/terms/ko/schedule/dates/1");
}

#[test]
fn every_fault_of_listed_dates_is_told_at_once() {
    let text = r#"{"dates":["2026-03-09","2026-05-20","2026-05-19","2026-08-03","2051-01-03"]}"#;
    let findings = refused(text, "2026-03-09", "2026-07-20");
    assert_eq!(
        codes(&findings),
        [
            ("E-SCHED-RANGE", "/terms/ko/schedule/dates/0"),
            ("E-SCHED-ORDER", "/terms/ko/schedule/dates/2"),
            ("E-SCHED-RANGE", "/terms/ko/schedule/dates/3"),
            ("E-SCHED-RANGE", "/terms/ko/schedule/dates/4"),
            ("E-CAL-COVERAGE", "/terms/ko/schedule/dates/4"),
        ]
    );
    assert!(findings.0[0].cure.en.contains("observe_start"));
}

#[test]
fn fields_that_make_no_sense_together_are_refused_by_name() {
    let findings = refused(
        r#"{"freq":"2w","day":15,"month_end":"drop","observe_start":true,"lock":"1m"}"#,
        "2026-03-09",
        "2026-07-20",
    );
    assert_eq!(
        codes(&findings),
        [
            ("E-SCHED-FORM", "/terms/ko/schedule/day"),
            ("E-SCHED-FORM", "/terms/ko/schedule/month_end"),
            ("E-SCHED-FORM", "/terms/ko/schedule/observe_start"),
        ]
    );
    let findings = refused(
        r#"{"freq":"1m","day":"eom","month_end":"drop"}"#,
        "2026-03-09",
        "2026-07-20",
    );
    assert_eq!(
        codes(&findings),
        [("E-SCHED-FORM", "/terms/ko/schedule/month_end")]
    );
}

#[test]
fn a_schedule_without_rows_bounds_or_coverage_is_refused() {
    let one = |text: &str, start: &str, end: &str| refused(text, start, end).0.remove(0).code;
    assert_eq!(
        one(r#"{"freq":"1m","lock":"1y"}"#, "2026-03-09", "2026-07-20"),
        "E-SCHED-EMPTY"
    );
    assert_eq!(
        one(r#"{"freq":"1m"}"#, "2026-03-09", "2026-03-09"),
        "E-SCHED-RANGE"
    );
    assert_eq!(
        one(r#"{"freq":"1m"}"#, "2049-03-09", "2052-03-09"),
        "E-CAL-COVERAGE"
    );
    assert_eq!(
        one("\"daily\"", "2049-03-09", "2052-03-09"),
        "E-CAL-COVERAGE"
    );
    assert_eq!(
        one(r#"{"dates":[]}"#, "2026-03-09", "2026-07-20"),
        "E-SCHED-EMPTY"
    );
    let nowhere = ScheduleContext {
        start: None,
        end: None,
        ..context("2026-03-09", "2026-07-20")
    };
    let findings = spec("\"daily\"").expand(&nowhere).unwrap_err();
    assert_eq!(
        codes(&findings),
        [
            ("E-SCHED-BOUND", "/terms/ko/schedule/start"),
            ("E-SCHED-BOUND", "/terms/ko/schedule/end"),
        ]
    );
}

#[test]
fn numeric_schedules_are_lists_grids_picks_or_one_list_per_clock() {
    let numeric = |text: &str, context: &ScheduleContext<'_>| match spec(text)
        .expand(context)
        .unwrap()
        .rows
    {
        Rows::Numeric(rows) => rows,
        Rows::Dated(_) => panic!("numeric schedule expected"),
    };
    let plain = context("2026-03-09", "2026-07-20");
    let times = numeric(r#"{"times":[0.1,"1/4",0.5]}"#, &plain);
    assert_eq!(times, NumericRows::same(vec![0.1, 0.25, 0.5]));
    let grid = numeric(r#"{"n":250,"dt":"1/250"}"#, &plain);
    assert_eq!(
        (grid.len(), grid.rate[20], grid.coupon[249]),
        (250, 21.0 / 250.0, 1.0)
    );
    let picking = ScheduleContext {
        grid: Some(&grid),
        end_time: Some(1.0),
        ..plain
    };
    let picked = numeric(r#"{"rows":[21,42,250]}"#, &picking);
    assert_eq!(picked.variance, [21.0 / 250.0, 42.0 / 250.0, 1.0]);
    let three = numeric(
        r#"{"variance":[0.1,0.2],"rate":[0.11,0.21],"coupon":[0.0,0.25]}"#,
        &plain,
    );
    assert_eq!(three.coupon, [0.0, 0.25]);
    assert_eq!(
        numeric(r#"{"times":[0,1],"observe_start":true}"#, &plain).rate,
        [0.0, 1.0]
    );
}

#[test]
fn faulty_times_are_refused_with_their_place() {
    let end = ScheduleContext {
        end_time: Some(1.0),
        ..context("2026-03-09", "2026-07-20")
    };
    let codes_of = |text: &str| {
        let findings = spec(text).expand(&end).unwrap_err();
        codes(&findings)
            .into_iter()
            .map(|(code, pointer)| format!("{code} {}", &pointer["/terms/ko/schedule".len()..]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        codes_of(r#"{"times":[0,0.5,0.4,-1,2]}"#),
        [
            "E-SCHED-RANGE /times/0",
            "E-SCHED-ORDER /times/2",
            "E-SCHED-RANGE /times/3",
            "E-SCHED-ORDER /times/3",
            "E-SCHED-RANGE /times/4",
        ]
    );
    assert_eq!(codes_of(r#"{"rows":[1]}"#), ["E-SCHED-GRID /rows"]);
    assert_eq!(codes_of(r#"{"n":0,"dt":1}"#), ["E-SCHED-EMPTY /n"]);
    assert_eq!(codes_of(r#"{"n":300,"dt":"1/250"}"#), ["E-SCHED-RANGE /n"]);
    assert_eq!(
        codes_of(r#"{"n":1000001,"dt":"1/250"}"#),
        ["E-SCHED-ROWS /n"]
    );
    assert_eq!(
        codes_of(r#"{"variance":[0.1,0.2],"rate":[0.1],"coupon":[0.1,0.1]}"#),
        ["E-SCHED-LENGTH /rate"]
    );
}

#[test]
fn a_schedule_of_more_than_a_million_rows_is_refused() {
    let times: Vec<f64> = (1..=MAX_ROWS + 1).map(|row| row as f64).collect();
    let text = serde_json::json!({ "times": times }).to_string();
    let error = serde_json::from_str::<ScheduleSpec>(&text)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("E-SCHED-ROWS at /times (1000001)"),
        "{error}"
    );
    let spec = ScheduleSpec::Times {
        times,
        observe_start: false,
    };
    let findings = spec
        .expand(&context("2026-03-09", "2026-07-20"))
        .unwrap_err();
    assert_eq!(
        codes(&findings),
        [("E-SCHED-ROWS", "/terms/ko/schedule/times")]
    );
}

#[test]
fn findings_beyond_a_hundred_are_counted() {
    let list: Vec<String> = vec!["2026-03-09".into(); 1000];
    let text = serde_json::json!({ "dates": list }).to_string();
    let findings = refused(&text, "2026-03-09", "2026-07-20");
    assert_eq!(findings.0.len(), 101);
    assert_eq!(findings.0[100].code, "E-SCHED-MORE");
}

#[test]
fn many_closures_do_not_hide_a_fault() {
    let start = day("2026-03-01");
    let mut list: Vec<String> = (1..=900)
        .map(|ahead| start.add_days(ahead).unwrap())
        .filter(|date| date.is_weekend())
        .map(|date| date.to_string())
        .collect();
    list.push("2026-03-07".to_owned());
    let text = serde_json::json!({ "dates": list }).to_string();
    let findings = refused(&text, "2026-03-01", "2028-12-29");
    assert!(findings.has_error());
    let order = findings
        .0
        .iter()
        .filter(|finding| finding.code == "E-SCHED-ORDER");
    assert_eq!(order.count(), 1);
}

#[test]
fn a_schedule_rolled_away_altogether_is_refused() {
    // Saturday rolls back onto Friday, the start.
    let findings = refused(
        r#"{"freq":"1d","roll":"preceding"}"#,
        "2026-03-13",
        "2026-03-14",
    );
    assert!(codes(&findings).contains(&("E-SCHED-EMPTY", "/terms/ko/schedule")));
}

#[test]
fn a_form_read_apart_gives_findings_with_their_place() {
    let form: ScheduleForm = serde_json::from_str(r#"{"freq":"1x","roll":"up"}"#).unwrap();
    let findings = form.read("/terms/ko/schedule").unwrap_err();
    assert_eq!(
        codes(&findings),
        [
            ("E-SCHED-VALUE", "/terms/ko/schedule/freq"),
            ("E-SCHED-VALUE", "/terms/ko/schedule/roll"),
        ]
    );
    let form: ScheduleForm = serde_json::from_str("\"weekly\"").unwrap();
    let findings = form.read("/terms/ki/schedule").unwrap_err();
    assert_eq!(codes(&findings), [("E-SCHED-VALUE", "/terms/ki/schedule")]);
}

#[test]
fn every_fault_of_a_written_schedule_is_told_at_once() {
    let error = serde_json::from_str::<ScheduleSpec>(
        r#"{"freq":"0m","day":32,"lock":"soon","roll":"forward","calendar":"NYSE",
            "month_end":"keep","start":"2026-02-30","times":[1]}"#,
    )
    .unwrap_err()
    .to_string();
    for told in [
        "E-SCHED-VALUE at /freq (0m)",
        "E-SCHED-VALUE at /day (32)",
        "E-SCHED-VALUE at /lock (soon)",
        "E-SCHED-VALUE at /roll (forward)",
        "E-SCHED-VALUE at /calendar (NYSE)",
        "E-SCHED-VALUE at /month_end (keep)",
        "E-SCHED-VALUE at /start (2026-02-30)",
        "E-SCHED-FORM at /times",
    ] {
        assert!(error.contains(told), "{told} in {error}");
    }
    for (text, told) in [
        ("{}", "E-SCHED-FORM"),
        (r#"{"n":3}"#, "E-SCHED-FORM at /dt"),
        (r#"{"n":3,"dt":"1/0"}"#, "E-SCHED-VALUE at /dt (1/0)"),
        (r#"{"n":3,"dt":-1}"#, "E-SCHED-VALUE at /dt (-1)"),
        (r#"{"rows":[0,1.5]}"#, "E-SCHED-VALUE at /rows/1 (1.5)"),
        (r#"{"dates":["soon"]}"#, "E-SCHED-VALUE at /dates/0 (soon)"),
        (r#"{"times":["NaN"]}"#, "E-SCHED-VALUE at /times/0 (NaN)"),
        (r#"{"freq":"1m","tenor":"1y"}"#, "unknown field `tenor`"),
        ("\"weekly\"", "E-SCHED-VALUE (weekly)"),
    ] {
        let error = serde_json::from_str::<ScheduleSpec>(text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{told} in {error}");
    }
}

#[test]
fn written_schedules_come_back_as_they_were() {
    for text in [
        "\"daily\"",
        r#"{"freq":"daily"}"#,
        r#"{"start":"2026-03-09","end":"2028-03-09","freq":"1m","day":"eom","lock":"3m","roll":"modified_following","calendar":"XSHG","month_end":"last_session"}"#,
        r#"{"freq":"2w","roll":"none","observe_start":true}"#,
        r#"{"freq":"1m","day":31}"#,
        r#"{"freq":"1m","day":"start"}"#,
        r#"{"dates":["2026-03-09"],"calendar":"XHKG","observe_start":true}"#,
        r#"{"times":[0.1,0.2]}"#,
        r#"{"n":250,"dt":"1/250"}"#,
        r#"{"n":4,"dt":0.25}"#,
        r#"{"rows":[21,42]}"#,
        r#"{"variance":[0.1],"rate":[0.2],"coupon":[0.3]}"#,
    ] {
        assert_eq!(serde_json::to_string(&spec(text)).unwrap(), text);
    }
}
