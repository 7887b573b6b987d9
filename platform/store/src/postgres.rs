//! Opening a PostgreSQL database.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::StoreError;

/// Longest wait for a lock, and longest pause inside an open transaction, before PostgreSQL ends
/// it: a stopped process must not keep the writers' lock.
const LOCK_TIMEOUT: &str = "30s";
const IDLE_IN_TRANSACTION: &str = "60s";
const CONNECTIONS: u32 = 16;

pub(crate) async fn open(url: &str) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::Url { message: error.to_string() })?
        .application_name("rialto")
        .options([
            ("lock_timeout", LOCK_TIMEOUT),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
        ]);
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(Duration::from_secs(30))
        .connect_with(options)
        .await
        .map_err(|error| StoreError::of_text(error, "connect"))?;
    check_collation(&pool).await?;
    Ok(pool)
}

async fn check_collation(pool: &PgPool) -> Result<(), StoreError> {
    const SQL: &str = "SELECT datname::text, datcollate::text, pg_encoding_to_char(encoding)::text
                       FROM pg_database WHERE datname = current_database()";
    let (name, collation, encoding): (String, String, String) =
        sqlx::query_as(SQL).fetch_one(pool).await.map_err(|error| StoreError::of(error, SQL))?;
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
