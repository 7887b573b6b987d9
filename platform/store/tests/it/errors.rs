//! Errors are told apart the same way on both engines.

use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_store::{Db, StoreError, params};

use crate::{ADD_CARD, BALANCE, OPEN_ACCOUNT, SETS};

#[tokio::test]
async fn constraint_violations_are_told_apart() {
    for db in engines(SETS).await {
        let open = |balance: i64| params!["a", balance, true, None::<Vec<u8>>, None::<&str>];
        db.execute(OPEN_ACCOUNT, open(1)).await.expect("the first");
        let again = db
            .execute(OPEN_ACCOUNT, open(1))
            .await
            .expect_err("the same id");
        assert!(again.is_unique(), "{}: {again}", db.engine());
        let orphan = db
            .execute(ADD_CARD, params!["1", "nobody"])
            .await
            .expect_err("no account");
        assert!(
            matches!(orphan, StoreError::ForeignKey { .. }),
            "{}: {orphan}",
            db.engine()
        );
        let values = params!["b", -1_i64, true, None::<Vec<u8>>, None::<&str>];
        let negative = db
            .execute(OPEN_ACCOUNT, values)
            .await
            .expect_err("negative");
        assert!(
            matches!(negative, StoreError::Constraint { .. }),
            "{}: {negative}",
            db.engine()
        );
    }
}

#[tokio::test]
async fn a_missing_row_is_not_found() {
    for db in engines(SETS).await {
        let missing = db.fetch_one::<(i64,)>(BALANCE, params!["nobody"]).await;
        assert!(missing.expect_err("absent").is_not_found());
        let none: Option<(i64,)> = db
            .fetch_optional(BALANCE, params!["nobody"])
            .await
            .expect("no error");
        assert_eq!(none, None);
    }
}

#[tokio::test]
async fn a_nul_character_is_refused_on_both_engines() {
    for db in engines(SETS).await {
        let error = db.fetch_optional::<(i64,)>(BALANCE, params!["a\0b"]).await;
        let error = error.expect_err("refused");
        assert!(error.to_string().contains("$1 contains a NUL"), "{error}");
    }
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let db = TestDb::sqlite(SETS).await;
    const SNEAK: &str = "UPDATE account SET balance = 9 RETURNING balance";
    let error = db
        .fetch_all::<(i64,)>(SNEAK, params![])
        .await
        .expect_err("query_only");
    assert!(error.to_string().contains("readonly"), "{error}");
}

#[tokio::test]
async fn a_url_of_another_form_is_refused_with_the_right_form() {
    for url in [
        "mysql://localhost/x",
        "sqlite::memory:",
        "sqlite://relative.db",
        "sqlite:///tmp/x.db?mode=ro",
        "nonsense",
    ] {
        let error = Db::open(url).await.expect_err("refused");
        assert!(matches!(error, StoreError::Url { .. }), "{url}: {error}");
        assert!(
            error.to_string().contains("sqlite:///absolute/path"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_unreachable_database_is_a_connection_error() {
    let missing = Db::open("sqlite:///nonexistent-folder/x.db")
        .await
        .expect_err("no folder");
    assert!(
        matches!(missing, StoreError::Connection { .. }),
        "{missing}"
    );
    let refused = Db::open("postgres://x@127.0.0.1:1/x")
        .await
        .expect_err("nobody listens");
    assert!(
        matches!(refused, StoreError::Connection { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn the_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let db = TestDb::sqlite(SETS).await;
    let path = db.url.strip_prefix("sqlite://").expect("a file URL");
    let mode = std::fs::metadata(path)
        .expect("exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}
