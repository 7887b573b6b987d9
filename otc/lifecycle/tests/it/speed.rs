//! How long a replay takes. Run in release: `cargo test --release -p rialto-otc-lifecycle --
//! --ignored --nocapture replay_of_a_million`.

use std::time::Instant;

use rialto_otc_lifecycle::{Event, Replay};

use crate::world::{ACCUMULATOR, Desk, SNOWBALL, context, date, json, sessions};

/// Trades of different terms with their daily fixings, up to at least `wanted` events.
fn ledger(wanted: usize) -> Vec<Event> {
    let mut all = Vec::new();
    let snowball_days = sessions("2026-03-09", "2028-03-09");
    let copper_days = sessions("2026-04-02", "2026-06-30");
    let mut n = 0_u32;
    while all.len() < wanted {
        n += 1;
        let id = format!("T-{n}");
        let mut sheet = json(if n.is_multiple_of(8) {
            ACCUMULATOR
        } else {
            SNOWBALL
        });
        sheet["trade_id"] = id.clone().into();
        let mut desk;
        if n.is_multiple_of(8) {
            desk = Desk::new(&id, "XSGE:cu2609", date("2026-04-01"));
            sheet["quantity"] = n.to_string().into();
            desk.live(&sheet, date("2026-04-01"));
            for day in &copper_days {
                desk.fix(*day, "78000");
            }
        } else {
            desk = Desk::new(&id, "XSHG:000905", date("2026-03-06"));
            sheet["notional"] = (1_000_000 + n).to_string().into();
            desk.live(&sheet, date("2026-03-06"));
            for day in &snowball_days {
                desk.fix(*day, if day.day() == 17 { "4750" } else { "5300" });
            }
        }
        all.extend(desk.events());
    }
    all
}

#[test]
#[ignore = "a measurement of some seconds in release, minutes in debug"]
fn replay_of_a_million_events_takes_less_than_ten_seconds() {
    let start = Instant::now();
    let mut events = ledger(250_000);
    println!("{} events made in {:.1?}", events.len(), start.elapsed());
    // In the order in which a ledger holds them: by time of knowledge, trades mixed.
    events.sort_by_key(|event| event.known_at);
    let mut context = context();
    let start = Instant::now();
    let mut fed = 0;
    for _ in 0..4 {
        let mut replay = Replay::default();
        for event in &events {
            replay.feed(&mut context, event).expect("replays");
        }
        replay.finish().expect("complete");
        fed += replay.fed();
    }
    let took = start.elapsed();
    println!(
        "replay of {fed} events: {took:.2?}, {:.2} us each",
        took.as_secs_f64() * 1e6 / fed as f64
    );
    let texts: Vec<String> = events
        .iter()
        .map(|event| serde_json::to_string(event).expect("writes"))
        .collect();
    let start = Instant::now();
    let read: Vec<Event> = texts
        .iter()
        .map(|text| serde_json::from_str(text).expect("reads"))
        .collect();
    println!(
        "reading {} events from JSON: {:.2?}",
        read.len(),
        start.elapsed()
    );
    assert_eq!(read, events);
    assert!(
        took.as_secs_f64() < 10.0 * fed as f64 / 1e6,
        "more than 10 us for an event"
    );
}
