//! Imports that are stopped in the middle: what is there is whole, and the same file finishes it.

use std::collections::BTreeSet;
use std::time::Duration;

use rialto_otc_desk::{Desk, FileKind};
use rialto_otc_lifecycle::{Context, Event, Policy, TradeLog};
use rialto_otc_store::event;
use rialto_otc_time::Calendars;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Auth, Role, UserId};
use serde_json::json;

use crate::world::{Calls, World, csv, sessions, snowball};

impl World {
    /// Every chain is replayed from the database by a fresh process, and every row of the list says
    /// what its chain adds up to. How many events there are.
    pub async fn replayed(&self) -> usize {
        let listed = self
            .get(&self.auditor, "/trades?page_size=500")
            .await
            .is(200);
        let mut context = Context::new(Calendars::builtin(), Policy::default());
        let mut count = 0;
        for row in listed["items"].as_array().unwrap() {
            let id = row["id"].as_str().unwrap();
            // A commit that was under way when its task was dropped may land between two reads:
            // the row is read again behind the chain, and both must agree once nothing moves.
            let (row, rows) = loop {
                let before = self.trade(id).await;
                let rows = event::of_trade(&mut &self.db.db, id, 0, 1_000_000)
                    .await
                    .unwrap();
                let after = self.trade(id).await;
                if before["seq"] == after["seq"] {
                    break (after, rows);
                }
            };
            let events: Vec<Event> = rows
                .iter()
                .map(|row| serde_json::from_str(&row.document).unwrap())
                .collect();
            let ids: BTreeSet<&String> = events.iter().map(|event| &event.event_id).collect();
            assert_eq!(ids.len(), events.len(), "{id}: no event twice");
            count += events.len();
            let log = TradeLog::replay(&mut context, id, events).unwrap();
            assert_eq!(row["seq"], log.trade().seq(), "{id}");
            assert_eq!(row["version"], log.trade().version(), "{id}");
            let state = log.state();
            let status = serde_json::to_value(state.status).unwrap();
            assert_eq!(row["status"], status, "{id}");
            let seen = state.observed_to.map(|date| date.to_string());
            assert_eq!(row["observed_to"], json!(seen), "{id}");
            let flows = self
                .get(&self.auditor, &format!("/trades/{id}/flows"))
                .await
                .is(200);
            assert_eq!(
                flows["items"].as_array().unwrap().len(),
                state.flows.len(),
                "{id}"
            );
        }
        count
    }
}

fn middle_office() -> Actor {
    Actor {
        user_id: UserId::from_parts(1, [1; 10]),
        login: "middleoffice".into(),
        name: "middle office".into(),
        email: String::new(),
        roles: vec![Role::MiddleOffice],
        auth: Auth::Token,
    }
}

#[tokio::test]
async fn an_import_that_is_killed_is_finished_by_the_same_file_and_no_event_is_there_twice() {
    for world in World::on_each_engine(&Calls::default()).await {
        for n in 0..3 {
            let id = format!("K-{n}");
            let body = json!({"terms": snowball(&id)});
            world.post(&world.trader, "/trades", body).await.is(201);
            world.make_live(&id).await;
        }
        let days = sessions("2024-03-11", "2024-04-30");
        let rows: Vec<(String, String)> = days
            .iter()
            .map(|day| (day.clone(), "5700".to_owned()))
            .collect();
        let file = csv(&rows);
        let mut stopped = 0;
        for n in 0..12_u64 {
            // A process of its own: nothing of it is in this one's memory when it is gone.
            let key = SigningKey::from_bytes(&[7; 32]);
            let evidence = EvidenceLog::open(&world.db, key).await.unwrap();
            let desk = Desk::new(world.db.db.clone(), evidence, None);
            let bytes = file.clone();
            let import = tokio::spawn(async move {
                let actor = middle_office();
                desk.import_fixings(&actor, bytes, FileKind::Csv, "", false)
                    .await
            });
            tokio::time::sleep(Duration::from_millis(3 + 23 * n)).await;
            import.abort();
            stopped += usize::from(import.await.is_err_and(|error| error.is_cancelled()));
            world.replayed().await;
        }
        assert!(
            stopped > 0,
            "every import was over before it could be stopped"
        );
        let told = world
            .import(&world.middle, "text/csv", file, false)
            .await
            .is(200);
        let (new, same) = (
            told["new"].as_u64().unwrap(),
            told["same"].as_u64().unwrap(),
        );
        assert_eq!(new + same, days.len() as u64);
        println!(
            "{}: {stopped} imports stopped, {same} dates were whole",
            world.db.engine()
        );
        // Four decisions and one status each, and one event for each date: as if never stopped.
        let once = world.replayed().await;
        for n in 0..3 {
            let row = world.trade(&format!("K-{n}")).await;
            assert_eq!(row["observed_to"], days.last().unwrap().as_str());
            let path = format!("/trades/K-{n}/events?page_size=1000");
            let events = world.get(&world.auditor, &path).await.is(200);
            let fixings = events["items"].as_array().unwrap().iter();
            let fixings = fixings.filter(|event| event["kind"] == "fixing").count();
            assert_eq!(fixings, days.len());
        }
        let again = world
            .import(&world.middle, "text/csv", csv(&rows), false)
            .await
            .is(200);
        assert_eq!(again["new"], 0);
        assert_eq!(world.replayed().await, once);
    }
}

/// A chain somebody altered in the database is not shown as if nothing had happened.
#[tokio::test]
async fn an_altered_event_is_an_alarm() {
    for world in World::on_each_engine(&Calls::default()).await {
        let body = json!({"terms": snowball("A-1")});
        world.post(&world.trader, "/trades", body).await.is(201);
        world.make_live("A-1").await;
        const ALTER: &str =
            "UPDATE otc_event SET document = replace(document, '20000000', '90000000')
            WHERE trade_id = 'A-1' AND seq = 1";
        assert_eq!(
            world
                .db
                .execute(ALTER, rialto_platform_store::params![])
                .await
                .unwrap(),
            1
        );
        let key = SigningKey::from_bytes(&[7; 32]);
        let evidence = EvidenceLog::open(&world.db, key).await.unwrap();
        let fresh = Desk::new(world.db.db.clone(), evidence, None);
        let error = fresh.trade("A-1").await.expect_err("altered");
        assert!(error.to_string().contains("E-BOOK-INTEGRITY"), "{error}");
    }
}
