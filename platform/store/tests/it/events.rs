//! The outbox: committed events only, in order, without gaps, replayable.

use std::sync::Arc;
use std::time::Duration;

use rialto_platform_store::testing::engines;
use rialto_platform_store::{Db, params};
use serde_json::{Value, json};

use crate::SETS;

async fn publish(db: &Db, topic: &str) {
    let mut tx = db.begin().await.expect("begins");
    tx.publish(topic, "1", 2, &["status"], json!({"log_bytes": 7}))
        .await;
    tx.commit().await.expect("commits");
}

#[tokio::test]
async fn an_event_is_sent_after_commit_and_can_be_replayed() {
    for db in engines(SETS).await {
        let mut live = db.subscribe();
        publish(&db, "job:1").await;
        let event = live.try_recv().expect("sent at commit");
        assert_eq!((event.sequence, event.topic.as_str()), (1, "job:1"));
        assert_eq!(event.changed, ["status"]);
        assert_eq!(event.extra["log_bytes"], 7);
        assert_eq!(db.events_since(0, 10).await.expect("reads"), [event]);
        assert!(db.events_since(1, 10).await.expect("reads").is_empty());
    }
}

#[tokio::test]
async fn an_event_of_a_transaction_that_was_dropped_is_never_seen() {
    for db in engines(SETS).await {
        let mut live = db.subscribe();
        {
            let mut tx = db.begin().await.expect("begins");
            tx.publish("job:lost", "1", 1, &[], Value::Null).await;
        }
        publish(&db, "job:kept").await;
        let event = live.recv().await.expect("one event");
        assert_eq!((event.sequence, event.topic.as_str()), (1, "job:kept"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_commits_are_numbered_without_gaps_and_heard_in_order() {
    for test in engines(SETS).await {
        let db = Arc::new(test.db.clone());
        let mut live = db.subscribe();
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                let db = Arc::clone(&db);
                tokio::spawn(async move {
                    for turn in 0..25 {
                        let mut tx = db.begin().await.expect("begins");
                        tx.publish(&format!("t:{task}"), "x", turn, &[], Value::Null)
                            .await;
                        if turn % 5 == 4 {
                            drop(tx);
                        } else {
                            tx.commit().await.expect("commits");
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        for expected in 1..=160 {
            assert_eq!(live.recv().await.expect("an event").sequence, expected);
        }
        let stored = db.events_since(0, 1_000).await.expect("reads");
        assert!(stored.iter().map(|event| event.sequence).eq(1..=160));
    }
}

#[tokio::test]
async fn events_of_another_process_are_relayed_in_order() {
    for test in engines(SETS).await {
        let other = Db::open(&test.url).await.expect("a second handle");
        other.migrate(SETS).await.expect("nothing to do");
        let mut live = test.subscribe();
        publish(&other, "from:other").await;
        // Our own commit finds the gap before it and fills it first.
        publish(&test, "from:us").await;
        assert_eq!(live.recv().await.expect("first").topic, "from:other");
        assert_eq!(live.recv().await.expect("second").topic, "from:us");
        publish(&other, "from:other again").await;
        let heard = tokio::select! {
            () = test.relay_events(Duration::from_millis(5)) => unreachable!("never ends"),
            event = live.recv() => event.expect("relayed"),
        };
        assert_eq!(
            (heard.sequence, heard.topic.as_str()),
            (3, "from:other again")
        );
    }
}

#[tokio::test]
async fn a_client_resumes_only_within_the_window() {
    for db in engines(SETS).await {
        publish(&db, "a").await;
        publish(&db, "b").await;
        let window = db.event_window().await.expect("reads");
        assert_eq!((window.oldest, window.newest), (1, 2));
        assert_eq!(window.resume_after(&format!("{}-1", window.epoch)), Some(1));
        assert_eq!(window.resume_after(&format!("{}-0", window.epoch)), Some(0));
        assert_eq!(window.resume_after(&format!("{}-3", window.epoch)), None);
        assert_eq!(
            window.resume_after(&format!("{}-1", window.epoch + 1)),
            None
        );
        assert_eq!(window.resume_after("nonsense"), None);
    }
}

#[tokio::test]
async fn old_events_beyond_the_kept_number_are_pruned() {
    const AGE: &str = "UPDATE outbox_event SET at = $1";
    const SKIP: &str = "UPDATE outbox_position SET newest = $1";
    for db in engines(SETS).await {
        publish(&db, "old").await;
        db.execute(AGE, params![0_i64]).await.expect("ages");
        db.execute(SKIP, params![100_999_i64]).await.expect("skips");
        publish(&db, "new").await;
        let window = db.event_window().await.expect("reads");
        assert_eq!((window.oldest, window.newest), (101_000, 101_000));
    }
}
