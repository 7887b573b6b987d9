//! Migrations: once, in order, whole or not at all, never altered, never backwards.

use rialto_platform_store::testing::engines;
use rialto_platform_store::{Migration, MigrationSet, StoreError, params};

const fn step(version: i64, sql: &'static str) -> Migration {
    Migration {
        version,
        name: "step",
        sql,
        sqlite: None,
        postgres: None,
    }
}

const ONE: Migration = step(1, "CREATE TABLE one (id BIGINT NOT NULL PRIMARY KEY)");
const TWO: Migration = step(2, "CREATE TABLE two (id BIGINT NOT NULL PRIMARY KEY)");
const ALTERED: Migration = step(1, "CREATE TABLE one (id TEXT NOT NULL PRIMARY KEY)");
const BROKEN: Migration = step(
    2,
    "CREATE TABLE half (id BIGINT); CREATE TABLE half (id BIGINT)",
);

const OLD: &[MigrationSet] = &[MigrationSet {
    system: "s",
    migrations: &[ONE],
}];
const NEW: &[MigrationSet] = &[MigrationSet {
    system: "s",
    migrations: &[ONE, TWO],
}];
const CHANGED: &[MigrationSet] = &[MigrationSet {
    system: "s",
    migrations: &[ALTERED],
}];
const FAILING: &[MigrationSet] = &[MigrationSet {
    system: "s",
    migrations: &[ONE, BROKEN],
}];
const GAP: &[MigrationSet] = &[MigrationSet {
    system: "s",
    migrations: &[TWO],
}];

const ENGINE_OWN: &[MigrationSet] = &[MigrationSet {
    system: "s",
    migrations: &[Migration {
        version: 1,
        name: "own",
        sql: "this text is used by no engine",
        sqlite: Some("CREATE TABLE own (id BIGINT NOT NULL PRIMARY KEY) WITHOUT ROWID"),
        postgres: Some("CREATE UNLOGGED TABLE own (id BIGINT NOT NULL PRIMARY KEY)"),
    }],
}];

fn message(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Migration { message }) => message,
        other => panic!("expected a migration error, got {other:?}"),
    }
}

#[tokio::test]
async fn migrations_are_applied_once_and_in_order() {
    for db in engines(OLD).await {
        db.migrate(NEW).await.expect("the second is added");
        db.migrate(NEW).await.expect("nothing to do");
        let applied = db.applied_migrations().await.expect("reads");
        let names: Vec<_> = applied
            .iter()
            .map(|m| (m.system.as_str(), m.version))
            .collect();
        assert_eq!(names, [("store", 1), ("s", 1), ("s", 2)], "{}", db.engine());
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_naming_the_binary_it_needs() {
    const FUTURE: &str = "UPDATE schema_migration SET binary_version = $1 WHERE version = 2";
    for db in engines(NEW).await {
        db.execute(FUTURE, params!["9.8.7"])
            .await
            .expect("pretends");
        let text = message(db.migrate(OLD).await);
        assert!(
            text.contains("schema 2 of `s`") && text.contains("run rialto 9.8.7"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_altered_migration_is_refused() {
    for db in engines(OLD).await {
        let text = message(db.migrate(CHANGED).await);
        assert!(
            text.contains("migration 1 `step` of `s`: its text is not the one"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_failing_migration_leaves_nothing_behind() {
    for db in engines(OLD).await {
        let text = message(db.migrate(FAILING).await);
        assert!(text.contains("migration 2"), "{text}");
        let half = db
            .fetch_all::<(i64,)>("SELECT id FROM half", params![])
            .await;
        assert!(
            half.is_err(),
            "{}: its first statement was undone",
            db.engine()
        );
        db.migrate(NEW).await.expect("a mended migration applies");
    }
}

#[tokio::test]
async fn a_gap_in_the_versions_is_refused() {
    for db in engines(&[]).await {
        assert!(message(db.migrate(GAP).await).contains("expected version 1"));
    }
}

#[tokio::test]
async fn an_engine_may_have_its_own_text() {
    for db in engines(ENGINE_OWN).await {
        let rows: Vec<(i64,)> = db
            .fetch_all("SELECT id FROM own", params![])
            .await
            .expect("exists");
        assert!(rows.is_empty());
    }
}

#[tokio::test]
async fn the_epoch_stays_over_restarts() {
    for db in engines(OLD).await {
        let before = db.event_window().await.expect("reads").epoch;
        db.migrate(OLD).await.expect("a second start");
        assert_eq!(db.event_window().await.expect("reads").epoch, before);
    }
}
