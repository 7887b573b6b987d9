//! Drills: who is there to take over, and what is kept of it.

use std::time::Duration;

use rialto_platform_lease::drill::{self, Asked, DrillId, DrillKind};
use rialto_platform_lease::{LeaseSettings, LeaseView, MIGRATIONS};
use rialto_platform_store::testing::TestDb;
use rialto_platform_store::{StoreError, new_id};

use crate::world::{Server, postgres, until};

async fn ask(server: &Server, lease: &LeaseView, id: &DrillId) -> Result<(), StoreError> {
    let asked = Asked {
        by_id: "u1",
        by_name: "王运维",
        kind: DrillKind::Kill,
        reason: "monthly",
    };
    let mut tx = server.db.begin().await?;
    drill::ask(&mut tx, lease, id, asked).await?;
    tx.commit().await
}

#[tokio::test]
async fn a_drill_is_measured_by_the_server_that_takes_over() {
    let Some(db) = postgres().await else { return };
    // Nobody loses it by being slow: it ends with its connection.
    let patient = LeaseSettings {
        ttl: Duration::from_secs(60),
        ..LeaseSettings::default()
    };
    let one = Server::with(&db.url, &db.url, "one", patient).await;
    let before = one.leads().await;
    let two = Server::with(&db.url, &db.url, "two", patient).await;
    let names = async || {
        let servers = drill::servers(&one.db).await.expect("servers");
        let names: Vec<String> = servers.into_iter().map(|server| server.name).collect();
        (names == ["one", "two"]).then_some(())
    };
    until("both servers", names).await;

    let (id, never): (DrillId, DrillId) = (new_id(), new_id());
    let view = one.lease.view();
    ask(&one, &view, &id).await.expect("asked");
    ask(&one, &view, &never).await.expect("asked");
    let standing = ask(&two, &two.lease.view(), &new_id()).await;
    assert!(matches!(standing, Err(StoreError::Standby)), "{standing:?}");
    drill::begin(&one.db, &id).await.expect("begun");

    drop(one);
    let after = two.leads().await;
    let led = drill::database_now(&two.db).await.expect("the time");
    let mut tx = two.db.begin().await.expect("a transaction");
    let view = two.lease.view();
    let finished = drill::finish(&mut tx, &view, led.expect("PostgreSQL"))
        .await
        .expect("finished");
    drill::proved(&mut tx, id.as_str(), 7).await.expect("kept");
    tx.commit().await.expect("committed");

    let [done] = finished.as_slice() else {
        panic!("one was begun: {finished:?}")
    };
    assert_eq!(done.id, id.as_str());
    assert_eq!(
        (done.epoch_before, done.epoch_after),
        (before.epoch, Some(after.epoch))
    );
    assert_eq!(done.leader_after.as_deref(), Some("two"));
    assert_eq!(done.old_token_refused, Some(true));
    assert!(done.take_over() <= done.outage() && done.outage().is_some());
    let listed = drill::list(&two.db, view.role()).await.expect("listed");
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].id, never.as_str(), "newest first");
    assert_eq!(listed[0].met(), None, "it never began");
    assert_eq!(listed[1].evidence_seq, Some(7));
    until("one server", async || {
        let servers = drill::servers(&two.db).await.expect("servers");
        (servers.len() == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn on_sqlite_there_is_nobody_to_take_over() {
    let db = TestDb::sqlite(&[MIGRATIONS]).await;
    assert_eq!(drill::servers(&db).await.expect("servers"), []);
    assert_eq!(drill::database_now(&db).await.expect("the time"), None);
    assert_eq!(drill::list(&db, "house").await.expect("drills"), []);
}
