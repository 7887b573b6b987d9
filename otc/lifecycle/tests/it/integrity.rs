//! The chain: what is altered is found, what is derived comes out again, what was killed goes on.

use rialto_otc_lifecycle::payload::{Change, Payload};
use rialto_otc_lifecycle::{Event, Fault, Hash, Kind, Replay, TradeLog};

use crate::world::{ACCUMULATOR, Desk, SNOWBALL, at, context, d, date, json, sessions};

/// An accumulator over two weeks: derived events every day.
fn copper() -> Desk {
    let mut desk = Desk::new("AC-2026-0233", "XSGE:cu2609", date("2026-04-01"));
    desk.live(&json(ACCUMULATOR), date("2026-04-01"));
    let prices = ["78000", "75000", "76500", "79000", "74000", "75500"];
    for (day, price) in sessions("2026-04-02", "2026-04-10").into_iter().zip(prices) {
        desk.fix(day, price);
    }
    desk.pay(date("2026-04-13"));
    desk
}

fn fault(events: &[Event]) -> Option<Fault> {
    let result = TradeLog::replay(&mut context(), "AC-2026-0233", events.to_vec());
    result.err().map(|alarm| alarm.fault)
}

#[test]
fn replay_gives_the_same_trade() {
    let desk = copper();
    let log = TradeLog::replay(&mut context(), "AC-2026-0233", desk.events()).expect("replays");
    assert_eq!(log, desk.log);
}

#[test]
fn events_are_written_and_read_without_loss_and_their_json_is_canonical() {
    for event in copper().events() {
        let text = serde_json::to_string(&event).expect("writes");
        let read: Event = serde_json::from_str(&text).expect("reads");
        assert_eq!(read, event);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let sorted = serde_json::to_string(&rialto_otc_lifecycle::Document(value));
        assert_eq!(
            sorted.expect("writes"),
            text,
            "fields stand in the order of their names"
        );
    }
}

#[test]
fn an_altered_event_breaks_the_chain() {
    let events = copper().events();
    assert_eq!(fault(&events), None);
    for n in 0..events.len() {
        let mut altered = events.clone();
        altered[n].maker.push('x');
        assert_eq!(fault(&altered), Some(Fault::Content), "event {n}");
        // With a new hash the next event no longer follows.
        altered[n].hash = altered[n].content_hash();
        let last = n + 1 == events.len();
        let found = fault(&altered);
        assert!(
            found == (!last).then_some(Fault::Chain),
            "event {n}: {found:?}"
        );
        let mut short = events.clone();
        short.remove(n);
        assert_eq!(
            fault(&short).is_some(),
            !last || events[n].kind.is_derived(),
            "event {n}"
        );
    }
}

/// Gives a chain its hashes anew from an event on.
fn resealed(mut events: Vec<Event>, from: usize) -> Vec<Event> {
    let mut before = events[..from].last().map_or(Hash::ZERO, |event| event.hash);
    for event in &mut events[from..] {
        event.prev_hash = before;
        event.hash = event.content_hash();
        before = event.hash;
    }
    events
}

#[test]
fn a_derived_event_that_its_inputs_do_not_give_raises_the_alarm_though_the_chain_holds() {
    let mut events = copper().events();
    let is_flow = |event: &Event| event.kind == Kind::Flow;
    let n = events.iter().position(is_flow).expect("a flow");
    if let Payload::Flow(derived) = &mut events[n].payload
        && let Change::Determined(flow) = &mut *derived.change
    {
        flow.amount += d("0.01");
    }
    let found = fault(&resealed(events, n));
    assert!(matches!(found, Some(Fault::Derived { .. })), "{found:?}");
    // So does a fixing changed without one that supersedes it.
    let mut events = copper().events();
    let n = events
        .iter()
        .position(|event| event.kind == Kind::Fixing)
        .expect("a fixing");
    if let Payload::Fixing(fixing) = &mut events[n].payload {
        fixing.value = d("78001");
    }
    let found = fault(&resealed(events, n));
    assert!(matches!(found, Some(Fault::Derived { .. })), "{found:?}");
}

#[test]
fn a_replay_killed_at_any_event_goes_on_from_its_snapshot() {
    let mut desk = copper();
    desk.now = at(date("2026-04-14"), 9);
    let correction = desk.correction(date("2026-04-07"), "77000", "fix-2026-04-07");
    desk.send(correction).expect("corrects");
    let events = desk.events();
    let mut whole = Replay::default();
    for event in &events {
        whole.feed(&mut context(), event).expect("replays");
    }
    for cut in 0..=events.len() {
        let mut first = Replay::default();
        for event in &events[..cut] {
            first.feed(&mut context(), event).expect("replays");
        }
        let text = serde_json::to_string(&first).expect("writes");
        let mut second: Replay = serde_json::from_str(&text).expect("reads");
        assert_eq!(second, first);
        // The reader goes back further than the snapshot: no event is taken twice.
        for event in &events[cut.saturating_sub(3)..] {
            second.feed(&mut context(), event).expect("replays");
        }
        second.finish().expect("complete");
        assert_eq!(second, whole, "cut at {cut}");
    }
    assert_eq!(whole.trade("AC-2026-0233"), Some(desk.log.trade()));
}

#[test]
fn a_snowball_killed_in_mid_life_goes_on_to_the_same_end() {
    let mut desk = Desk::new("SB-2026-0091", "XSHG:000905", date("2026-03-06"));
    desk.live(&json(SNOWBALL), date("2026-03-06"));
    for day in sessions("2026-03-09", "2026-08-10") {
        desk.fix(
            day,
            if day == date("2026-08-10") {
                "5820"
            } else {
                "5802.16"
            },
        );
    }
    let events = desk.events();
    for cut in [1, 5, 40, 60, events.len() - 2] {
        let mut replay = Replay::default();
        for event in &events[..cut] {
            replay.feed(&mut context(), event).expect("replays");
        }
        let text = serde_json::to_string(&replay).expect("writes");
        let mut replay: Replay = serde_json::from_str(&text).expect("reads");
        for event in &events[cut..] {
            replay.feed(&mut context(), event).expect("replays");
        }
        assert_eq!(
            replay.trade("SB-2026-0091"),
            Some(desk.log.trade()),
            "cut at {cut}"
        );
    }
}
