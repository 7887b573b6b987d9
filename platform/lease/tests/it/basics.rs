//! Taking, keeping and giving away.

use std::time::Duration;

use rialto_platform_lease::{Leadership, Lease, LeaseSettings, MIGRATIONS};
use rialto_platform_store::testing::TestDb;
use rialto_platform_store::{StoreError, params};

use crate::world::{ROLE, Server, notes, postgres, until};

#[tokio::test]
async fn one_leads_the_other_stands_by_and_may_not_write() {
    let Some(db) = postgres().await else { return };
    let one = Server::start(&db.url, "one").await;
    let token = one.leads().await;
    assert_eq!((token.role.as_str(), token.epoch), (ROLE, 1));
    assert!(token.timeline > 0);
    let two = Server::start(&db.url, "two").await;
    let holder = until("who leads to be known", async || {
        match &*two.lease.watch().borrow() {
            Leadership::Standing { holder } => holder.clone(),
            Leadership::Leading(token) => panic!("two leaders: {token:?}"),
        }
    })
    .await;
    assert_eq!(holder, "one");
    one.write("one").await.expect("the leader writes");
    let refused = two.write("two").await.expect_err("a standby");
    assert!(matches!(refused, StoreError::Standby), "{refused}");
    // What a standby reads is what the leader wrote.
    assert_eq!(notes(&two.db).await, [("one".to_owned(), 1)]);
    let told = one.lease.guard(&one.db).expect_err("guarded already");
    assert!(told.to_string().contains("already"), "{told}");
}

#[tokio::test]
async fn a_lease_is_renewed_under_the_same_token() {
    let Some(db) = postgres().await else { return };
    let settings = LeaseSettings {
        ttl: Duration::from_millis(600),
        renew: Duration::from_millis(100),
        ..LeaseSettings::default()
    };
    let one = Server::with(&db.url, &db.url, "one", settings).await;
    let token = one.leads().await;
    let expiry = "SELECT extract(epoch FROM expires_at)::float8 FROM ha_lease";
    let (first,): (f64,) = db.fetch_one(expiry, params![]).await.expect("a row");
    until("the lease to live twice as long", async || {
        let (now,): (f64,) = db.fetch_one(expiry, params![]).await.expect("a row");
        (now > first + 1.2).then_some(())
    })
    .await;
    assert_eq!(one.leads().await, token);
}

#[tokio::test]
async fn what_is_given_away_is_taken_at_once_under_a_newer_token() {
    let Some(db) = postgres().await else { return };
    // It would not expire within the test.
    let settings = LeaseSettings {
        ttl: Duration::from_secs(3600),
        retry: Duration::from_secs(3600),
        ..LeaseSettings::default()
    };
    let one = Server::with(&db.url, &db.url, "one", settings).await;
    let first = one.leads().await;
    let two = Server::with(&db.url, &db.url, "two", settings).await;
    until("the standby to have looked", async || {
        let seen = two.lease.watch();
        let seen = seen.borrow();
        matches!(&*seen, Leadership::Standing { holder: Some(_) }).then_some(())
    })
    .await;
    one.lease.release().await;
    let second = two.leads().await;
    assert!(second > first);
    assert_eq!(second.epoch, first.epoch + 1);
    assert_eq!(two.lease.previous().as_deref(), Some("one"));
    two.write("two").await.expect("the new leader writes");
}

#[tokio::test]
async fn two_who_race_for_a_free_lease_make_one_step_of_the_epoch() {
    let Some(db) = postgres().await else { return };
    let mut last = 0;
    for round in 1..=10 {
        let names = [format!("a{round}"), format!("b{round}")];
        let (a, b) = tokio::join!(
            Server::start(&db.url, &names[0]),
            Server::start(&db.url, &names[1])
        );
        let token = until("one of them to lead", async || {
            let tokens = [a.lease.token(), b.lease.token()];
            assert!(!tokens.iter().all(Option::is_some), "two leaders");
            tokens.into_iter().flatten().next()
        })
        .await;
        assert_eq!(token.epoch, last + 1);
        // The standby first, or it would take over.
        let (first, second) = match a.lease.token() {
            Some(_) => (b, a),
            None => (a, b),
        };
        first.lease.release().await;
        second.lease.release().await;
        last = token.epoch;
    }
}

#[tokio::test]
async fn on_sqlite_one_process_leads_and_each_start_raises_the_epoch() {
    let db = TestDb::sqlite(&[MIGRATIONS]).await;
    let settings = LeaseSettings::default();
    let one = Server::start(&db.url, "one").await;
    assert_eq!(one.leads().await.epoch, 1);
    let two = Lease::start(&db.db, &db.url, ROLE, "two", settings)
        .await
        .expect("starts");
    assert_eq!(two.token(), None);
    one.lease.release().await;
    until("the next one to lead", async || two.token()).await;
    assert_eq!(two.token().map(|token| token.epoch), Some(2));
}

#[tokio::test]
async fn a_database_without_the_tables_or_an_address_of_nobody_is_refused() {
    let Some(bare) = TestDb::postgres(&[]).await else {
        return;
    };
    let settings = LeaseSettings::default();
    let refused = Lease::start(&bare.db, &bare.url, ROLE, "one", settings).await;
    let told = refused.expect_err("no tables").to_string();
    assert!(told.contains("ha_lease"), "{told}");
    let nobody = "postgres://x@127.0.0.1:1/x";
    let refused = Lease::start(&bare.db, nobody, ROLE, "one", settings).await;
    refused.expect_err("nobody answers");
}
