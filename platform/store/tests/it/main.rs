//! The store's behaviour, the same on SQLite and PostgreSQL.

mod errors;
mod events;
mod migrations;
mod transactions;
mod values;

use rialto_platform_store::{Migration, MigrationSet};

/// A small schema for these tests.
pub const SETS: &[MigrationSet] = &[MigrationSet {
    system: "sample",
    migrations: &[Migration {
        version: 1,
        name: "accounts",
        sql: "CREATE TABLE account (
                  id TEXT NOT NULL PRIMARY KEY,
                  balance BIGINT NOT NULL CHECK (balance >= 0),
                  open BOOLEAN,
                  photo BYTEA,
                  note TEXT
              );
              CREATE TABLE card (
                  no TEXT NOT NULL UNIQUE,
                  account_id TEXT NOT NULL REFERENCES account (id)
              );",
        sqlite: None,
        postgres: None,
    }],
}];

rialto_platform_store::statements! {
    /// Opens an account.
    pub OPEN_ACCOUNT = "INSERT INTO account (id, balance, open, photo, note) VALUES ($1, $2, $3, $4, $5)";
    pub ADD_CARD = "INSERT INTO card (no, account_id) VALUES ($1, $2)";
    pub CREDIT = "UPDATE account SET balance = balance + $1 WHERE id = $2";
    pub CREDIT_RETURNING = "UPDATE account SET balance = balance + $1 WHERE id = $2 RETURNING balance";
    pub SET_BALANCE = "UPDATE account SET balance = $1 WHERE id = $2";
    pub BALANCE = "SELECT balance FROM account WHERE id = $1";
    pub ACCOUNT = "SELECT id, balance, open, photo, note FROM account WHERE id = $1";
    pub ACCOUNTS_AFTER = "SELECT id FROM account WHERE id > $1 ORDER BY id LIMIT $2";
}

#[tokio::test]
async fn every_statement_is_accepted_by_both_engines() {
    for db in rialto_platform_store::testing::engines(SETS).await {
        rialto_platform_store::testing::explain_all(&db, STATEMENTS).await;
        rialto_platform_store::testing::explain_all(&db, rialto_platform_store::STATEMENTS).await;
    }
}

#[tokio::test]
#[should_panic(expected = "statement BROKEN is refused")]
async fn a_statement_with_an_unknown_column_fails_the_check() {
    let db = rialto_platform_store::testing::TestDb::sqlite(SETS).await;
    let broken = [("BROKEN", "SELECT colour FROM account WHERE id = $1")];
    rialto_platform_store::testing::explain_all(&db, &broken).await;
}
