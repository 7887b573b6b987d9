//! Leaders that are cut off, frozen or thawed.

use rialto_platform_lease::{LeaseSettings, Token};
use rialto_platform_store::{Db, StoreError, WriteGate, params};

use crate::world::{Server, Wire, notes, postgres, until};

/// A gate that still believes in an old token, as a frozen process does.
#[derive(Debug)]
struct Believer(Token);

impl WriteGate for Believer {
    fn token(&self) -> Option<Token> {
        Some(self.0.clone())
    }
}

#[tokio::test]
async fn a_leader_cut_off_fences_itself_before_another_one_leads() {
    let Some(db) = postgres().await else { return };
    let wire = Wire::to(&db.url).await;
    let one = Server::with(&db.url, &wire.url, "one", LeaseSettings::default()).await;
    let first = one.leads().await;
    let two = Server::start(&db.url, "two").await;
    wire.cut();
    let second = until("the standby to take over", async || {
        let taken = two.lease.token()?;
        assert_eq!(one.lease.token(), None, "two leaders at once");
        Some(taken)
    })
    .await;
    assert_eq!(second.epoch, first.epoch + 1);
    // Its writes have another way to the database, which is open.
    let refused = one.write("one").await.expect_err("it does not lead");
    assert!(matches!(refused, StoreError::Standby), "{refused}");
    two.write("two").await.expect("the new leader writes");
    // The wire is whole again: what the old one had sent arrives and changes nothing.
    wire.mend();
    let settled = wire.passed() + 20;
    until("the old one to have asked again", async || {
        (wire.passed() > settled).then_some(())
    })
    .await;
    assert_eq!(one.lease.token(), None);
    assert_eq!(two.leads().await, second);
    assert_eq!(notes(&db).await, [("two".to_owned(), 2)]);
}

#[tokio::test]
async fn a_write_by_an_older_token_is_refused_by_the_database_itself() {
    let Some(db) = postgres().await else { return };
    let one = Server::start(&db.url, "one").await;
    let first = one.leads().await;
    let zombie = Db::open(&db.url).await.expect("opens");
    assert!(zombie.guard_writes(std::sync::Arc::new(Believer(first))));
    let write = "INSERT INTO note VALUES ('zombie', 0)";
    zombie.execute(write, params![]).await.expect("it leads");
    one.lease.release().await;
    let two = Server::start(&db.url, "two").await;
    two.leads().await;
    let refused = zombie.execute(write, params![]).await.expect_err("old");
    assert!(matches!(refused, StoreError::Standby), "{refused}");
    assert_eq!(notes(&db).await, [("zombie".to_owned(), 0)]);
}

#[tokio::test]
async fn a_leader_frozen_inside_a_transaction_does_not_block_the_take_over() {
    let Some(db) = postgres().await else { return };
    let wire = Wire::to(&db.url).await;
    let one = Server::with(&wire.url, &wire.url, "one", LeaseSettings::default()).await;
    one.leads().await;
    let mut open = one.db.begin().await.expect("a transaction");
    let row = params!["frozen", 1];
    open.execute("INSERT INTO note VALUES ($1, $2)", row)
        .await
        .expect("written, not committed");
    let two = Server::start(&db.url, "two").await;
    wire.cut();
    two.leads().await;
    two.write("two").await.expect("the new leader writes");
    wire.mend();
    open.commit().await.expect_err("the server ended it");
    assert_eq!(notes(&db).await, [("two".to_owned(), 2)]);
}

#[tokio::test]
async fn a_take_over_waits_for_a_write_in_flight() {
    let Some(db) = postgres().await else { return };
    let one = Server::start(&db.url, "one").await;
    one.leads().await;
    let two = Server::start(&db.url, "two").await;
    let mut open = one.db.begin().await.expect("a transaction");
    // The lease is given away while the write is under way.
    let giving = tokio::spawn(one.lease.release());
    open.execute("SELECT pg_sleep(0.4)", params![])
        .await
        .expect("still the leader's");
    assert_eq!(two.lease.token(), None, "the write is not committed yet");
    open.execute("INSERT INTO note VALUES ('one', 1)", params![])
        .await
        .expect("still the leader's");
    open.commit().await.expect("begun in time");
    let token = two.leads().await;
    assert_eq!(token.epoch, 2);
    giving.await.expect("given");
    assert_eq!(notes(&db).await, [("one".to_owned(), 1)]);
}

#[tokio::test]
async fn the_lock_of_a_thawed_leader_does_not_displace_its_successor() {
    let Some(db) = postgres().await else { return };
    let wire = Wire::to(&db.url).await;
    let one = Server::with(&db.url, &wire.url, "one", LeaseSettings::default()).await;
    one.leads().await;
    wire.cut();
    let two = Server::start(&db.url, "two").await;
    let second = two.leads().await;
    let three = Server::start(&db.url, "three").await;
    // The first one's session ends, and its lock is free for whoever asks first: the third, which
    // does not hold the lease, or the second, which does.
    let gone: (i64,) = db
        .fetch_one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks
             WHERE locktype = 'advisory' AND granted AND classid = 7845
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            params![],
        )
        .await
        .expect("the session is ended");
    assert_eq!(gone.0, 1);
    until("the second one to have the lock", async || {
        let (locked,): (bool,) = db
            .fetch_one("SELECT locked FROM ha_lease", params![])
            .await
            .expect("a row");
        assert_eq!(three.lease.token(), None, "displaced");
        locked.then_some(())
    })
    .await;
    assert_eq!(two.leads().await, second);
    wire.close();
}

#[tokio::test]
async fn a_restarted_database_session_is_opened_again_and_the_lease_kept() {
    let Some(db) = postgres().await else { return };
    let one = Server::start(&db.url, "one").await;
    let first = one.leads().await;
    db.fetch_one::<(i64,)>(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE starts_with(application_name, 'rialto-lease ') AND datname = current_database()",
        params![],
    )
    .await
    .expect("the session is ended");
    one.stands().await;
    // Nobody else asked: the same holder takes it again under the same token.
    assert_eq!(one.leads().await, first);
}
