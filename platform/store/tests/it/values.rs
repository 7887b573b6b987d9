//! Values come back as they went in, and text is ordered by bytes, on both engines.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use rialto_kernel::define_id;
use rialto_platform_store::testing::engines;
use rialto_platform_store::{from_micros, new_id, now, params, to_micros};

use crate::{ACCOUNT, ACCOUNTS_AFTER, OPEN_ACCOUNT, SETS};

define_id!(AccountId);

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Account {
    #[sqlx(try_from = "String")]
    id: AccountId,
    balance: i64,
    open: Option<bool>,
    photo: Option<Vec<u8>>,
    note: Option<String>,
}

type Optional = (Option<bool>, Option<Vec<u8>>, Option<String>);

fn optional() -> impl Strategy<Value = Optional> {
    (
        any::<Option<bool>>(),
        any::<Option<Vec<u8>>>(),
        proptest::option::of("[^\0]{0,12}"),
    )
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let engines = engines(SETS).await;
    for _ in 0..64 {
        let tree = (0..i64::MAX, optional())
            .new_tree(&mut runner)
            .expect("a value");
        let (balance, (open, photo, note)) = tree.current();
        for db in &engines {
            let id: AccountId = new_id();
            let account = Account {
                id,
                balance,
                open,
                photo: photo.clone(),
                note: note.clone(),
            };
            let values = params![&account.id, balance, open, photo.clone(), note.clone()];
            db.execute(OPEN_ACCOUNT, values).await.expect("inserts");
            let found: Account = db
                .fetch_one(ACCOUNT, params![&account.id])
                .await
                .expect("reads");
            assert_eq!(found, account, "{}", db.engine());
        }
    }
}

#[tokio::test]
async fn text_is_ordered_by_bytes() {
    let names = ["B", "Z", "a", "b", "é", "一", "万", "𠮷"];
    for db in engines(SETS).await {
        for name in names.iter().rev() {
            let values = params![*name, 0_i64, None::<bool>, None::<Vec<u8>>, None::<String>];
            db.execute(OPEN_ACCOUNT, values).await.expect("inserts");
        }
        let rows: Vec<(String,)> = db
            .fetch_all(ACCOUNTS_AFTER, params!["B", 100_i64])
            .await
            .expect("reads");
        let found: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(found, names[1..], "{}", db.engine());
    }
}

#[test]
fn a_time_survives_its_stored_form() {
    let at = now();
    assert_eq!(from_micros(to_micros(at)).expect("in range"), at);
    assert!(from_micros(i64::MAX).is_err());
}

#[test]
fn fresh_ids_differ() {
    let ids: std::collections::BTreeSet<AccountId> = (0..1_000).map(|_| new_id()).collect();
    assert_eq!(ids.len(), 1_000);
}
