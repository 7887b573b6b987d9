//! Throw-away databases for tests on both engines, and the check of every statement.

use std::ops::Deref;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqlSafeStr as _};

use crate::db::Pools;
use crate::{Db, MigrationSet};

/// Superuser URL of the PostgreSQL server for tests.
pub const POSTGRES_VARIABLE: &str = "RIALTO_TEST_POSTGRES";
/// When set, a missing PostgreSQL fails the tests instead of being reported.
pub const REQUIRE_VARIABLE: &str = "RIALTO_REQUIRE_POSTGRES";

/// A migrated database of its own, removed when dropped.
#[derive(Debug)]
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// Its URL, to open it a second time.
    pub url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Kept for its drop, which removes the folder.
    Folder {
        _folder: tempfile::TempDir,
    },
    Server {
        admin_url: String,
        name: String,
    },
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl TestDb {
    /// A SQLite file in a temporary folder.
    ///
    /// # Panics
    /// When it cannot be made or migrated.
    pub async fn sqlite(sets: &[MigrationSet]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let db = Db::open(&url).await.expect("SQLite opens");
        db.migrate(sets).await.expect("SQLite is migrated");
        Self {
            db,
            url,
            place: Place::Folder { _folder: folder },
        }
    }

    /// A database on the server that `RIALTO_TEST_POSTGRES` names; `None`, said aloud, when the
    /// variable is absent.
    ///
    /// # Panics
    /// When the variable is absent and `RIALTO_REQUIRE_POSTGRES` is set, or the database cannot
    /// be made or migrated.
    pub async fn postgres(sets: &[MigrationSet]) -> Option<Self> {
        let Ok(admin_url) = std::env::var(POSTGRES_VARIABLE) else {
            assert!(
                std::env::var_os(REQUIRE_VARIABLE).is_none(),
                "{REQUIRE_VARIABLE} is set but {POSTGRES_VARIABLE} is not"
            );
            eprintln!("NOT TESTED on PostgreSQL: {POSTGRES_VARIABLE} is not set");
            return None;
        };
        let name = fresh_name();
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        );
        let mut admin = PgConnection::connect(&admin_url)
            .await
            .expect("PostgreSQL answers");
        admin
            .execute(AssertSqlSafe(create))
            .await
            .expect("a database is made");
        admin.close().await.expect("the connection closes");
        let url = with_database(&admin_url, &name);
        let db = Db::open(&url).await.expect("PostgreSQL opens");
        db.migrate(sets).await.expect("PostgreSQL is migrated");
        Some(Self {
            db,
            url,
            place: Place::Server { admin_url, name },
        })
    }
}

/// A database on each engine that can be tested here, SQLite first.
///
/// # Panics
/// See [`TestDb::sqlite`] and [`TestDb::postgres`].
pub async fn engines(sets: &[MigrationSet]) -> Vec<TestDb> {
    let mut found = vec![TestDb::sqlite(sets).await];
    found.extend(TestDb::postgres(sets).await);
    found
}

/// Prepares and explains every statement; panics with the name of one that the engine refuses.
///
/// # Panics
/// When a statement is refused.
pub async fn explain_all(db: &Db, statements: &[(&str, &'static str)]) {
    for (name, sql) in statements {
        let refused = match &db.pools {
            Pools::Sqlite { write, .. } => {
                let text = AssertSqlSafe(format!("EXPLAIN {sql}")).into_sql_str();
                sqlx::raw_sql(text).execute(write).await.map(drop)
            }
            Pools::Postgres { read, .. } => explain_on_postgres(read, sql).await,
        };
        if let Err(error) = refused {
            panic!(
                "{}: statement {name} is refused: {error}\n{sql}",
                db.engine()
            );
        }
    }
}

async fn explain_on_postgres(pool: &sqlx::PgPool, sql: &'static str) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    connection.prepare(sql.into_sql_str()).await?;
    let binds = (1..=999).take_while(|n| mentions(sql, *n)).count();
    let nulls = vec!["NULL"; binds].join(", ");
    let arguments = if binds == 0 {
        String::new()
    } else {
        format!("({nulls})")
    };
    let script = format!(
        "PREPARE checked_statement AS {sql};
         EXPLAIN EXECUTE checked_statement{arguments};
         DEALLOCATE checked_statement;"
    );
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(&mut *connection)
        .await
        .map(drop)
}

/// Whether `sql` has the bind `$n` (and not merely `$n0`).
fn mentions(sql: &str, n: usize) -> bool {
    let bind = format!("${n}");
    sql.match_indices(&bind)
        .any(|(at, _)| !sql[at + bind.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

fn fresh_name() -> String {
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    format!("rialto_test_{}", hex::encode(random))
}

/// `url` with its database replaced; parameters after `?` stay.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url
        .split_once('?')
        .map_or((url, None), |(a, p)| (a, Some(p)));
    let after_scheme = address.find("://").map_or(0, |at| at + 3);
    let host_end = address[after_scheme..]
        .find('/')
        .map_or(address.len(), |at| after_scheme + at);
    let mut made = format!("{}/{name}", &address[..host_end]);
    if let Some(parameters) = parameters {
        made = format!("{made}?{parameters}");
    }
    made
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Place::Server { admin_url, name } = &self.place else {
            return;
        };
        let (admin_url, name) = (admin_url.clone(), name.clone());
        // A runtime of its own: the test's one may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&admin_url).await?;
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                admin.execute(AssertSqlSafe(drop)).await?;
                admin.close().await
            })?;
            Ok::<_, sqlx::Error>(())
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("a test database was left behind: {error}");
        }
    }
}
