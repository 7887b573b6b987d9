//! Write transactions: whole or not at all, one after the other.

use rialto_platform_store::testing::engines;
use rialto_platform_store::{Db, params};

use crate::{BALANCE, CREDIT, CREDIT_RETURNING, OPEN_ACCOUNT, SET_BALANCE, SETS};

async fn open_account(db: &Db, id: &str) {
    let values = params![id, 0_i64, true, None::<Vec<u8>>, None::<&str>];
    assert_eq!(db.execute(OPEN_ACCOUNT, values).await.expect("opens"), 1);
}

async fn balance(db: &Db) -> i64 {
    db.fetch_one::<(i64,)>(BALANCE, params!["a"])
        .await
        .expect("reads")
        .0
}

#[tokio::test]
async fn a_transaction_dropped_before_commit_never_happened() {
    for db in engines(SETS).await {
        open_account(&db, "a").await;
        {
            let mut tx = db.begin().await.expect("begins");
            tx.execute(CREDIT, params![5_i64, "a"])
                .await
                .expect("credits");
            let inside: (i64,) = tx.fetch_one(BALANCE, params!["a"]).await.expect("reads");
            assert_eq!(inside.0, 5);
        }
        assert_eq!(balance(&db).await, 0);
        let mut tx = db.begin().await.expect("the writer is free again");
        tx.execute(CREDIT, params![7_i64, "a"])
            .await
            .expect("credits");
        tx.commit().await.expect("commits");
        assert_eq!(balance(&db).await, 7, "{}", db.engine());
    }
}

#[tokio::test]
async fn a_task_aborted_inside_a_transaction_frees_the_writer() {
    for test in engines(SETS).await {
        open_account(&test, "a").await;
        let db = test.db.clone();
        let (inside, entered) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut tx = db.begin().await.expect("begins");
            tx.execute(CREDIT, params![5_i64, "a"])
                .await
                .expect("credits");
            inside.send(()).expect("the test waits");
            std::future::pending::<()>().await;
            drop(tx);
        });
        entered.await.expect("the task is inside");
        task.abort();
        assert!(task.await.expect_err("aborted").is_cancelled());
        test.execute(CREDIT, params![1_i64, "a"])
            .await
            .expect("the writer is free");
        assert_eq!(balance(&test).await, 1);
    }
}

#[tokio::test]
async fn a_reader_sees_the_state_before_an_open_transaction() {
    for db in engines(SETS).await {
        open_account(&db, "a").await;
        let mut tx = db.begin().await.expect("begins");
        tx.execute(CREDIT, params![5_i64, "a"])
            .await
            .expect("credits");
        assert_eq!(balance(&db).await, 0);
        tx.commit().await.expect("commits");
        assert_eq!(balance(&db).await, 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_transaction_read_is_still_true_when_it_writes() {
    for test in engines(SETS).await {
        open_account(&test, "a").await;
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let db = test.db.clone();
                tokio::spawn(async move {
                    for _ in 0..25 {
                        let mut tx = db.begin().await.expect("begins");
                        let (now,): (i64,) =
                            tx.fetch_one(BALANCE, params!["a"]).await.expect("reads");
                        tokio::task::yield_now().await;
                        tx.execute(SET_BALANCE, params![now + 1, "a"])
                            .await
                            .expect("writes");
                        tx.commit().await.expect("commits");
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(
            balance(&test).await,
            200,
            "{}: an update was lost",
            test.engine()
        );
    }
}

#[tokio::test]
async fn a_change_that_returns_rows_is_carried_out() {
    for db in engines(SETS).await {
        open_account(&db, "a").await;
        let mut tx = db.begin().await.expect("begins");
        let row: Option<(i64,)> = tx
            .fetch_optional(CREDIT_RETURNING, params![3_i64, "a"])
            .await
            .expect("credits");
        assert_eq!(row, Some((3,)));
        tx.commit().await.expect("commits");
        assert_eq!(balance(&db).await, 3);
    }
}

#[tokio::test]
async fn a_committed_change_survives_closing_and_opening_again() {
    for test in engines(SETS).await {
        open_account(&test, "a").await;
        test.execute(CREDIT, params![42_i64, "a"])
            .await
            .expect("credits");
        test.db.close().await;
        let again = Db::open(&test.url).await.expect("opens again");
        again.migrate(SETS).await.expect("nothing to do");
        assert_eq!(balance(&again).await, 42);
        again.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_writers_never_keep_a_reader_out() {
    for test in engines(SETS).await {
        open_account(&test, "a").await;
        let mut tx = test.begin().await.expect("begins");
        tx.execute(CREDIT, params![1_i64, "a"])
            .await
            .expect("credits");
        let waiting: Vec<_> = (0..40)
            .map(|_| {
                let db = test.db.clone();
                tokio::spawn(async move { db.execute(CREDIT, params![1_i64, "a"]).await })
            })
            .collect();
        // The writers are all spawned; a reader inside the open transaction's task gets through.
        for _ in 0..20 {
            tokio::task::yield_now().await;
            assert_eq!(balance(&test).await, 0);
        }
        tx.commit().await.expect("commits");
        for writer in waiting {
            writer.await.expect("no panic").expect("credits");
        }
        assert_eq!(balance(&test).await, 41, "{}", test.engine());
    }
}
