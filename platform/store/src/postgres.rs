//! Opening a PostgreSQL database.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::StoreError;

/// Longest wait for a lock, and longest pause inside an open transaction, before PostgreSQL ends
/// it: a stopped process must not keep the writers' lock.
const LOCK_TIMEOUT: &str = "30s";
const IDLE_IN_TRANSACTION: &str = "60s";
/// Writers wait for each other, so a few connections are enough; readers have their own, so that
/// waiting writers never keep a reader out.
const WRITERS: u32 = 4;
const READERS: u32 = 12;
/// Prepared statements kept per connection: more than the suite has.
const STATEMENTS_KEPT: usize = 1_000;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pools for writing and for reading.
pub(crate) async fn open(url: &str) -> Result<(PgPool, PgPool), StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::Url {
            message: error.to_string(),
        })?
        .application_name("rialto")
        .statement_cache_capacity(STATEMENTS_KEPT)
        .options([
            ("lock_timeout", LOCK_TIMEOUT),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        ]);
    // One connection first: the pool would repeat a refused connection until its timeout.
    let failed = |error| StoreError::of_text(error, "connect");
    let mut first = PgConnection::connect_with(&options).await.map_err(failed)?;
    check_collation(&mut first).await?;
    first.close().await.map_err(failed)?;
    let pool = |connections| {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.clone())
    };
    Ok((pool(WRITERS), pool(READERS)))
}

async fn check_collation(connection: &mut PgConnection) -> Result<(), StoreError> {
    const SQL: &str = "SELECT datname::text, datcollate::text, pg_encoding_to_char(encoding)::text
                       FROM pg_database WHERE datname = current_database()";
    let (name, collation, encoding): (String, String, String) = sqlx::query_as(SQL)
        .fetch_one(connection)
        .await
        .map_err(|error| StoreError::of(error, SQL))?;
    let by_bytes = matches!(collation.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8");
    if by_bytes && encoding == "UTF8" {
        return Ok(());
    }
    Err(StoreError::Url {
        message: format!(
            "database `{name}` has collation {collation} and encoding {encoding}; Rialto needs \
             text ordered by bytes: CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' \
             LC_COLLATE 'C' LC_CTYPE 'C'"
        ),
    })
}
