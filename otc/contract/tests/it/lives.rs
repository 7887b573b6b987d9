//! Contracts in time: as-of, classes of memory, edges.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::fixings::Fixings;
use rialto_otc_contract::interpret::{
    Event, Hit, Memory, Record, Seen, WalkError, exercise_at, step, walk,
};
use rialto_otc_contract::observe::{Status, observe};
use rialto_otc_contract::plan::Carry;
use rialto_otc_time::{AsOf, Calendars, DayPhase};
use rust_decimal::Decimal;

use crate::world::{compiled, d, refused, sheet};

/// A bespoke contract on one underlying over two dates in years.
fn program(vars: &str, rules: &str, terminal: &str) -> String {
    format!(
        r#"{{"schema":"rialto.otc/1","trade_id":"B","direction":"house_sells","notional":1000,
        "underlying":{{"code":"A","initial":100}},"schedules":{{"m":{{"times":[0.5,1]}}}},
        "program":{{"vars":[{vars}],"rules":[{rules}],"terminal":[{terminal}]}}}}"#
    )
}

fn carry(vars: &str, rules: &str, terminal: &str) -> Vec<Carry> {
    let plan = compiled(&program(vars, rules, terminal))
        .expect("compiles")
        .plan;
    plan.vars.iter().map(|var| var.carry).collect()
}

const SUM: &str = r#"{"name":"x","kind":"sum"}"#;
const ADD: &str = r#"{"on":"m","phase":10,"do":[["set","x",["+","x","S"]]]}"#;

#[test]
fn a_sum_that_is_paid_linearly_needs_no_dimension() {
    assert_eq!(
        carry(SUM, ADD, r#"["pay",["*",2,"x"],"end"]"#),
        [Carry::Affine]
    );
    assert_eq!(
        carry(SUM, ADD, r#"["pay",["*","S","x"],"end"]"#),
        [Carry::Affine]
    );
    assert_eq!(
        carry(SUM, ADD, r#"["pay",["max","x",0],"end"]"#),
        [Carry::Path]
    );
    assert_eq!(
        carry(SUM, ADD, r#"["pay",["*","x","x"],"end"]"#),
        [Carry::Path]
    );
    let asked = r#"{"on":"m","phase":20,"if":[">","x",5],"do":[["pay",1,"obs"]]}"#;
    assert_eq!(
        carry(SUM, &format!("{ADD},{asked}"), r#"["pay","x","end"]"#),
        [Carry::Path]
    );
}

#[test]
fn more_than_64_states_are_not_carried_one_by_one() {
    let counts = r#"{"name":"a","kind":"count","max":7},{"name":"b","kind":"count","max":7},
        {"name":"f","kind":"flag"}"#;
    let rule = r#"{"on":"m","phase":20,"if":[">=","S",["+","a","b"]],"do":[["set","f",1]]}"#;
    let plan = compiled(&program(counts, rule, r#"["pay","f","end"]"#))
        .expect("compiles")
        .plan;
    assert_eq!(plan.class.discrete_states, 16);
    assert_eq!(plan.class.path, 1);
}

#[test]
fn counts_stay_within_their_range() {
    let count = r#"{"name":"c","kind":"count","max":1}"#;
    let rule = r#"{"on":"m","phase":20,"do":[["set","c",["+","c",1]]]}"#;
    let plan = compiled(&program(count, rule, r#"["pay","c","end"]"#))
        .expect("compiles")
        .plan;
    let (mut memory, mut record) = (Memory::new(&plan), Record::default());
    let price = [d("100")];
    walk(
        &plan,
        &mut memory,
        |_| Some(Seen::fixings(&price)),
        &mut record,
    )
    .expect("walks");
    assert_eq!(record.flows[0].amount, d("1"));
}

#[test]
fn knock_out_beats_knock_in_on_one_date_and_coupons_come_before_both() {
    let flag = r#"{"name":"ki","kind":"flag"}"#;
    let rules = r#"{"on":"m","phase":40,"do":[["set","ki",1]]},
        {"on":"m","phase":30,"if":[">=","S","100%"],"do":[["pay","N","obs"],["stop"]]},
        {"on":"m","phase":20,"do":[["pay",5,"obs","coupon"]]}"#;
    let plan = compiled(&program(flag, rules, r#"["pay",0,"end"]"#))
        .expect("compiles")
        .plan;
    let (mut memory, mut record) = (Memory::new(&plan), Record::default());
    // Spot exactly on the level: at or above knocks out.
    step(
        &plan,
        0,
        Seen::fixings(&[d("100")]),
        &mut memory,
        &mut record,
    )
    .expect("steps");
    let legs: Vec<&str> = record.flows.iter().map(|flow| flow.leg).collect();
    assert_eq!(legs, ["coupon", "payment"]);
    assert_eq!(memory.vars, [d("0")]);
    assert!(!memory.alive);
}

#[test]
fn a_barrier_watched_continuously_pays_at_its_first_hit() {
    let rule = r#"{"on":"continuous","phase":30,"if":["<=","S","80%"],
        "do":[["pay",7,"obs","rebate"],["stop"]]}"#;
    let idle = r#"{"on":"m","phase":20,"do":[["pay",1,"obs"]]}"#;
    let text = program("", &format!("{rule},{idle}"), r#"["pay","N","end"]"#);
    let plan = compiled(&text).expect("compiles").plan;
    assert!(plan.class.continuous);
    let at = rialto_otc_contract::schedule::years(0.7);
    let pay = rialto_otc_contract::schedule::years(0.72);
    let hits = [Hit {
        monitor: 0,
        at,
        pay,
    }];
    let (mut memory, mut record) = (Memory::new(&plan), Record::default());
    let price = [d("95")];
    let seen = |n: usize| {
        let hits = if n == 1 { &hits[..] } else { &[] };
        Some(Seen {
            fixings: &price,
            hits: Some(hits),
            exercise: false,
        })
    };
    walk(&plan, &mut memory, seen, &mut record).expect("walks");
    let flows: Vec<(&str, f64)> = record.flows.iter().map(|f| (f.leg, f.at.rate)).collect();
    assert_eq!(flows, [("payment", 0.5), ("rebate", 0.72)]);
    assert!(record.events.contains(&Event::Hit { at, monitor: 0 }));
    // Nobody watched: the fixing of the instant tells.
    let (mut memory, mut record) = (Memory::new(&plan), Record::default());
    let low = [d("80")];
    walk(
        &plan,
        &mut memory,
        |_| Some(Seen::fixings(&low)),
        &mut record,
    )
    .expect("walks");
    assert_eq!(
        record.flows.iter().map(|f| f.leg).collect::<Vec<_>>(),
        ["rebate"]
    );
}

#[test]
fn a_missing_or_odd_fixing_stops_the_walk() {
    let plan = compiled(sheet("snowball")).expect("compiles").plan.to_f64();
    for fixings in [&[][..], &[0.0], &[-1.0], &[f64::NAN], &[f64::INFINITY]] {
        let mut memory = Memory::new(&plan);
        let told = step(
            &plan,
            0,
            Seen::fixings(fixings),
            &mut memory,
            &mut Record::default(),
        );
        assert_eq!(
            told,
            Err(WalkError::Fixing {
                instant: 0,
                underlying: 0
            }),
            "{fixings:?}"
        );
    }
}

#[test]
fn in_the_session_a_part_of_the_day_is_still_ahead() {
    let contract = compiled(sheet("snowball")).expect("compiles");
    let calendars = Calendars::builtin();
    let date = "2026-05-18".parse().expect("a date");
    let at = |phase| {
        contract
            .now(&AsOf::Dated { date, phase }, calendars)
            .expect("covered")
            .variance
    };
    let (open, close) = (at(DayPhase::PreOpen), at(DayPhase::PostClose));
    let noon = at(DayPhase::Intraday("11:30".parse().expect("a time")));
    assert!((close - open - 1.0 / 244.0).abs() < 1e-12);
    assert!((noon - open - 0.5 / 244.0).abs() < 1e-12);
    assert!(contract.now(&AsOf::Numeric(0.5), calendars).is_err());
}

#[test]
fn json_and_yaml_are_the_same_sheet() {
    let json = TermSheet::from_text(sheet("phoenix")).expect("reads");
    let yaml = "schema: rialto.otc/1\ntrade_id: PX-2026-0014\ntemplate: phoenix/1\n\
        direction: house_sells\nunderlying: {code: 'XSHG:000852', initial: 6418.37}\n\
        notional: 8000000\ndates:\n  start: 2026-05-06\n  end: 2027-11-08\nterms:\n  coupon:\n    \
        schedule: {freq: 1m}\n    rate: 0.95%\n    basis: per_period\n    level: 78%\n    \
        memory: true\n  ko: {from: 4, levels: 102%}\n  ki: {schedule: daily, level: 66%}\n\
        clocks: {variance: 'sessions:XSHG/244', rate: act365, coupon: act365}\n";
    let yaml = TermSheet::from_text(yaml).expect("reads");
    assert_eq!(json, yaml);
    assert_eq!(json.hash(), yaml.hash());
}

#[test]
fn what_is_not_priced_or_has_expired_is_refused() {
    let code = |text: &str| {
        let findings = refused(text);
        findings
            .into_iter()
            .map(|f| f.code)
            .filter(|code| code.starts_with("E-"))
            .collect::<Vec<_>>()
    };
    let quanto = sheet("phoenix").replace("\"notional\"", "\"quanto\":true,\"notional\"");
    assert_eq!(code(&quanto), ["E-TERM-QUANTO"]);
    let expired = sheet("accumulator").replace("2026-06-30", "2026-10-09");
    assert_eq!(code(&expired), ["E-TERM-EXPIRED"]);
    let many = sheet("program").replace(
        "{\"times\":[0.1,0.2,0.3,0.4,0.5,0.6]}",
        "{\"n\":1000000,\"dt\":\"1/250\"}",
    );
    assert_eq!(code(&many), ["E-SCHED-SIZE"]);
}

#[test]
fn a_right_to_exercise_at_any_time_is_used_once() {
    let text = program("", "", r#"["pay",["max",["-","S",100],0],"end"]"#).replace(
        "\"terminal\"",
        "\"exercise\":{\"on\":\"continuous\",\"payoff\":[\"max\",[\"-\",\"S\",100],0]},\"terminal\"",
    );
    let plan = compiled(&text).expect("compiles").plan;
    let (mut memory, mut record) = (Memory::new(&plan), Record::default());
    let at = rialto_otc_contract::schedule::years(0.25);
    let price = [d("110")];
    exercise_at(&plan, (at, at), &price, &mut memory, &mut record).expect("exercises");
    assert_eq!(
        (record.flows[0].leg, record.flows[0].amount),
        ("exercise", d("10"))
    );
    let again = exercise_at(&plan, (at, at), &price, &mut memory, &mut record);
    assert_eq!(again, Err(WalkError::NoRight));
    step(&plan, 0, Seen::fixings(&price), &mut memory, &mut record).expect("nothing happens");
    assert_eq!(record.flows.len(), 1);
}

#[test]
fn a_date_between_instants_has_its_moment_and_payment() {
    let contract = compiled(sheet("snowball")).expect("compiles");
    let date = "2026-08-10".parse().expect("a date");
    let (at, pay) = contract
        .moments(date, Calendars::builtin())
        .expect("covered");
    let row = contract.schedules[0]
        .rows
        .iter()
        .find(|row| row.at.date == Some(date));
    let row = row.expect("an observation");
    assert_eq!((at, pay), (row.at, row.pay));
}

#[test]
fn initial_fixings_left_to_the_market_are_asked_for_and_kept() {
    let sheet = TermSheet::from_text(sheet("snowball")).expect("reads");
    let open = sheet.open_initials();
    assert_eq!(open, [("XSHG:000905", "close", "2026-03-09".parse().ok())]);
    let fixed = sheet.fixed(&crate::world::initials());
    assert!(fixed.open_initials().is_empty());
    let again = TermSheet::from_text(&fixed.to_json()).expect("reads");
    assert_eq!(fixed, again);
    let plan = rialto_otc_contract::compile(&again, Calendars::builtin()).expect("compiles");
    assert_eq!(
        plan,
        compiled(crate::world::sheet("snowball"))
            .expect("compiles")
            .plan
    );
}

#[test]
fn a_schedule_that_names_itself_is_refused() {
    let text = sheet("program").replace("{\"times\":[0.1,0.2,0.3,0.4,0.5,0.6]}", "\"m\"");
    let findings = refused(&text.replace("\"clocks\"", "\"dates\":{\"end\":1},\"clocks\""));
    assert!(
        findings.iter().any(|f| f.code == "E-SCHED-VALUE"),
        "{findings}"
    );
}

#[test]
fn a_flood_of_findings_is_cut_short() {
    let fields: Vec<String> = (0..5000).map(|n| format!("\"f{n}\":1")).collect();
    let findings = refused(&format!("{{{}}}", fields.join(",")));
    assert!(findings.iter().count() < 100);
    let steps = vec!["[\"pay\",\"x\",\"obs\"]"; 30].join(",");
    let rules = vec![format!("{{\"on\":\"m\",\"phase\":20,\"do\":[{steps}]}}"); 100].join(",");
    let findings = refused(&program("", &rules, ""));
    assert_eq!(findings.iter().count(), 501);
    assert!(findings.iter().any(|f| f.code == "E-DOC-MORE"));
}

#[test]
fn a_close_beyond_a_barrier_watched_at_every_instant_is_a_hit_of_its_day() {
    let text = include_str!("../spec/sharkfin.json")
        .replace("\"monitoring\":\"daily\"", "\"monitoring\":\"continuous\"")
        .replace(
            "\"rebate_basis\":\"annual\"",
            "\"rebate_basis\":\"absolute\"",
        )
        .replace("\"rebate_at\":\"end\"", "\"rebate_at\":\"hit\"");
    let terms = TermSheet::from_text(&text).expect("a sheet");
    let walked = |prices: &[(&str, &str)]| {
        let mut fixings = Fixings::default();
        for (row, (day, price)) in prices.iter().enumerate() {
            fixings
                .add("XSHG:000016", day, price, row)
                .expect("a fixing");
        }
        observe(&terms, &fixings, None, Calendars::builtin()).expect("walks")
    };
    let start = ("2026-04-15", "2712.44");
    let live = walked(&[start, ("2026-06-09", "3037.9")]);
    assert_eq!(live.status, Status::Live);
    assert!(live.events.is_empty() && live.flows.is_empty());
    // The barrier is at 3,037.9328: nothing of the contract is dated between start and end.
    let hit = walked(&[
        start,
        ("2026-06-09", "3037.9328"),
        ("2026-06-10", "2500"),
        ("2026-06-11", "3100"),
    ]);
    assert_eq!(hit.status, Status::EndedEarly);
    let events: Vec<(&str, &str)> = hit.events.iter().map(|e| (e.at.as_str(), e.kind)).collect();
    assert_eq!(events, [("2026-06-09", "hit"), ("2026-06-09", "end")]);
    let paid = hit
        .flows
        .iter()
        .map(|flow| (flow.pay.as_str(), flow.amount));
    let paid: Vec<(&str, Decimal)> = paid.collect();
    assert_eq!(
        paid,
        [("2026-06-12", d("5000000")), ("2026-06-12", d("105000"))]
    );
}

#[test]
fn a_fixing_of_a_day_without_a_session_is_passed_over_with_a_note() {
    let text = include_str!("../spec/sharkfin.json");
    let terms = TermSheet::from_text(text).expect("a sheet");
    let walked = |saturday: &[(&str, &str)]| {
        let mut fixings = Fixings::default();
        let known = [
            ("2026-04-15", "2712.44"),
            ("2026-04-16", "2700"),
            ("2026-04-17", "2710"),
        ];
        for (row, (day, price)) in known.iter().chain(saturday).enumerate() {
            let code = "XSHG:000016";
            fixings.add(code, day, price, row).expect("a fixing");
        }
        observe(&terms, &fixings, None, Calendars::builtin()).expect("walks")
    };
    let (plain, more) = (walked(&[]), walked(&[("2026-04-18", "9999")]));
    assert_eq!(plain.notes, []);
    // 18 April 2026 is a Saturday: it neither moves the end of the walk nor knocks anything.
    assert_eq!((more.observed, more.status), (plain.observed, plain.status));
    insta::assert_snapshot!(
        format!("{} {} {}", more.notes[0].code, more.notes[0].en, more.notes[0].zh),
        @"N-FIXING-SESSION fixings on days without a session are passed over: XSHG:000016 2026-04-18 非交易日的定盘价未被采用：XSHG:000016 2026-04-18"
    );
}
