//! Appending, heads, queries and the check inside the server.

use std::time::Duration;

use rialto_platform_evidence::{
    EvidenceError, EvidenceLog, Hash, RecordQuery, STATEMENTS, SigningKey,
};
use rialto_platform_store::testing::{engines, explain_all};
use rialto_platform_store::{Db, params};
use serde_json::json;

use crate::{SETS, append_pushes, fact, key};

#[tokio::test]
async fn every_statement_is_accepted_by_both_engines() {
    for db in engines(SETS).await {
        explain_all(&db, STATEMENTS).await;
    }
}

#[tokio::test]
async fn records_are_chained_from_zero() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        append_pushes(&db, &log, 3).await;
        let query = RecordQuery {
            from_seq: Some(0),
            ..RecordQuery::default()
        };
        let records = log.records(&db, &query).await.expect("reads");
        assert_eq!(records.iter().map(|r| r.seq).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(records[0].prev, Hash::ZERO);
        assert_eq!(records[1].prev, records[0].hash().expect("a hash"));
        assert_eq!(records[2].prev, records[1].hash().expect("a hash"));
        assert!(records.iter().all(|r| r.log == log.id() && r.epoch == 1));
        let report = log.check(&db).await.expect("checks");
        assert!(report.ok, "{}: {}", db.engine(), report.message);
        assert_eq!(report.size, 3);
    }
}

#[tokio::test]
async fn a_record_lives_and_dies_with_its_transaction() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        {
            let mut tx = db.begin().await.expect("begins");
            log.append(&mut tx, fact("push", "p", json!({})))
                .await
                .expect("appends");
        }
        append_pushes(&db, &log, 1).await;
        let head = log.head(&db).await.expect("a head");
        assert_eq!(head.head.size, 1);
        assert!(log.check(&db).await.expect("checks").ok);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_appends_lose_nothing_and_stay_chained() {
    for test in engines(SETS).await {
        let log = EvidenceLog::open(&test, key()).await.expect("opens");
        let tasks: Vec<_> = (0..8)
            .map(|task| {
                // A handle and log of its own, as another process has.
                let (url, key) = (test.url.clone(), key());
                let shared = (task % 2 == 0).then(|| (test.db.clone(), log.clone()));
                tokio::spawn(async move {
                    let (db, log) = match shared {
                        Some(shared) => shared,
                        None => {
                            let db = Db::open(&url).await.expect("opens");
                            let log = EvidenceLog::open(&db, key).await.expect("opens");
                            (db, log)
                        }
                    };
                    for turn in 0..20 {
                        let mut tx = db.begin().await.expect("begins");
                        let body = json!({"task": task, "turn": turn});
                        log.append(&mut tx, fact("job", "p", body))
                            .await
                            .expect("appends");
                        if turn % 4 == 3 {
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
        let report = log.check(&test).await.expect("checks");
        assert!(report.ok, "{}: {}", test.engine(), report.message);
        assert_eq!(report.size, 8 * 15, "{}: an append was lost", test.engine());
    }
}

#[tokio::test]
async fn heads_are_signed_each_thousand_records_and_after_what_people_point_to() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        append_pushes(&db, &log, 1_100).await;
        let mut tx = db.begin().await.expect("begins");
        log.append(&mut tx, fact("approval", "p", json!({})))
            .await
            .expect("appends");
        tx.commit().await.expect("commits");
        let sizes: Vec<(i64,)> = db
            .fetch_all("SELECT size FROM evidence_head ORDER BY size", params![])
            .await
            .expect("reads");
        assert_eq!(sizes, [(1_000,), (1_101,)]);
        append_pushes(&db, &log, 1).await;
        let head = log.head(&db).await.expect("a head");
        assert_eq!(head.head.size, 1_102);
        assert!(head.verifies(&log.public_key()));
        assert_eq!(log.head(&db).await.expect("the same"), head);
        let report = log.check(&db).await.expect("checks");
        assert!(report.ok, "{}", report.message);
        assert!(
            report.message.contains("3 signed heads"),
            "{}",
            report.message
        );
    }
}

#[tokio::test]
async fn new_records_are_signed_in_the_background() {
    const SIZES: &str = "SELECT size FROM evidence_head ORDER BY size";
    let every = Duration::from_millis(5);
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        append_pushes(&db, &log, 3).await;
        let signed = async {
            loop {
                let sizes: Vec<(i64,)> = db.fetch_all(SIZES, params![]).await.expect("reads");
                if sizes.contains(&(3,)) {
                    break;
                }
                tokio::time::sleep(every).await;
            }
        };
        tokio::select! {
            () = log.keep_signed(&db, every) => unreachable!("never ends"),
            signed = tokio::time::timeout(Duration::from_secs(30), signed) => signed.expect("signed in time"),
        }
    }
}

#[tokio::test]
async fn records_are_found_by_type_and_subject_newest_first() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        let mut tx = db.begin().await.expect("begins");
        for number in 0..12 {
            let kind = if number % 2 == 0 { "push" } else { "job" };
            let subject = if number % 3 == 0 { "a" } else { "b" };
            log.append(&mut tx, fact(kind, subject, json!({})))
                .await
                .expect("appends");
        }
        tx.commit().await.expect("commits");
        let find = async |query: RecordQuery| {
            let records = log.records(&db, &query).await.expect("reads");
            records.iter().map(|record| record.seq).collect::<Vec<_>>()
        };
        let all = RecordQuery::default();
        let (kind, subject) = (Some("push".to_owned()), Some("a".to_owned()));
        assert_eq!(
            find(RecordQuery {
                limit: 2,
                ..all.clone()
            })
            .await,
            [11, 10]
        );
        assert_eq!(
            find(RecordQuery {
                limit: 2,
                before_seq: Some(10),
                ..all.clone()
            })
            .await,
            [9, 8]
        );
        assert_eq!(
            find(RecordQuery {
                kind: kind.clone(),
                from_seq: Some(5),
                ..all.clone()
            })
            .await,
            [6, 8, 10]
        );
        assert_eq!(
            find(RecordQuery {
                from_seq: Some(u64::MAX),
                ..all.clone()
            })
            .await,
            [0_u64; 0]
        );
        assert_eq!(
            find(RecordQuery {
                subject: subject.clone(),
                ..all.clone()
            })
            .await,
            [9, 6, 3, 0]
        );
        assert_eq!(
            find(RecordQuery {
                kind,
                subject,
                ..all
            })
            .await,
            [6, 0]
        );
    }
}

#[tokio::test]
async fn a_fact_that_cannot_be_recorded_is_refused() {
    for db in engines(SETS).await {
        let log = EvidenceLog::open(&db, key()).await.expect("opens");
        let mut tx = db.begin().await.expect("begins");
        let large = fact("report", "p", json!({"text": "x".repeat(2_000_000)}));
        let error = log.append(&mut tx, large).await.expect_err("too large");
        assert!(
            error.to_string().contains("keep the content as a blob"),
            "{error}"
        );
        let inexact = fact("report", "p", json!({"n": i64::MAX}));
        let error = log.append(&mut tx, inexact).await.expect_err("inexact");
        assert!(
            error.to_string().contains("write it as a string"),
            "{error}"
        );
        tx.commit().await.expect("nothing was written");
        assert_eq!(log.head(&db).await.expect("a head").head.size, 0);
        assert!(log.check(&db).await.expect("checks").ok);
    }
}

#[tokio::test]
async fn another_key_is_refused() {
    for db in engines(SETS).await {
        EvidenceLog::open(&db, key()).await.expect("opens");
        let other = EvidenceLog::open(&db, SigningKey::from_bytes(&[1; 32])).await;
        assert!(
            matches!(other, Err(EvidenceError::WrongKey { .. })),
            "{}",
            db.engine()
        );
        EvidenceLog::open(&db, key())
            .await
            .expect("its own key opens it again");
    }
}

/// A statement that alters the stored log, the record it must be found at, and a word of why.
const ALTERATIONS: &[(&str, Option<u64>, &str)] = &[
    (
        "UPDATE evidence_record SET record = replace(record, '\"number\":4', '\"number\":5') WHERE seq = 4",
        Some(4),
        "altered",
    ),
    (
        "UPDATE evidence_record SET record = record || ' ' WHERE seq = 7",
        Some(7),
        "canonical",
    ),
    (
        "UPDATE evidence_record SET subject = 'other' WHERE seq = 3",
        Some(3),
        "column",
    ),
    (
        "UPDATE evidence_record SET hash = 'x' WHERE seq = 3",
        Some(3),
        "hash differs",
    ),
    (
        "DELETE FROM evidence_record WHERE seq = 5",
        Some(5),
        "missing",
    ),
    (
        "DELETE FROM evidence_record WHERE seq >= 8",
        Some(8),
        "missing",
    ),
    (
        "UPDATE evidence_log SET last_hash = (SELECT hash FROM evidence_record WHERE seq = 1)",
        Some(9),
        "row differs",
    ),
    (
        "UPDATE evidence_log SET size = size - 1",
        Some(8),
        "row differs",
    ),
    ("UPDATE evidence_log SET size = size - 3", None, "frontier"),
    (
        "UPDATE evidence_head SET head = replace(head, '\"size\":10', '\"size\":9')",
        Some(9),
        "signature fails",
    ),
    ("DELETE FROM evidence_key", None, "public key is missing"),
];

#[tokio::test]
async fn the_check_names_the_first_altered_record() {
    for (statement, seq, why) in ALTERATIONS {
        for db in engines(SETS).await {
            let log = EvidenceLog::open(&db, key()).await.expect("opens");
            append_pushes(&db, &log, 10).await;
            log.head(&db).await.expect("a head");
            assert!(log.check(&db).await.expect("checks").ok);
            assert!(
                db.execute(statement, params![]).await.expect("alters") > 0,
                "{statement}"
            );
            let report = log.check(&db).await.expect("checks");
            assert!(!report.ok, "{statement}");
            assert_eq!(
                report.first_bad_seq, *seq,
                "{statement}: {}",
                report.message
            );
            assert!(
                report.message.contains(why),
                "{statement}: {}",
                report.message
            );
        }
    }
}
