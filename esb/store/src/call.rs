//! Calls as gateways counted them.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// Calls of an edge within an hour, since a start of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "one for one the columns of `esb_call`")]
pub struct CallRow {
    pub environment: String,
    pub interface: String,
    /// `1.0.0`.
    pub version: String,
    pub operation: String,
    /// Empty where anybody may call.
    pub application: String,
    pub variant: String,
    /// Hours since 1970.
    pub hour: i64,
    pub node: String,
    /// Start of the node.
    pub boot: i64,
    pub requests: i64,
    pub succeeded: i64,
    pub refused: i64,
    pub failed: i64,
    pub durations: [i64; 6],
    pub first_at: i64,
    pub last_at: i64,
}

/// Calls of an operation by an application, summed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "sums of the columns of `esb_call`")]
pub struct EdgeRow {
    pub interface: String,
    pub version: String,
    pub operation: String,
    pub application: String,
    pub requests: i64,
    pub succeeded: i64,
    pub refused: i64,
    pub failed: i64,
    pub up_to_10_ms: i64,
    pub up_to_50_ms: i64,
    pub up_to_200_ms: i64,
    pub up_to_1_s: i64,
    pub up_to_5_s: i64,
    pub longer: i64,
    pub first_at: i64,
    pub last_at: i64,
}

/// A field that requests held.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_call_field`")]
pub struct FieldRow {
    pub environment: String,
    pub interface: String,
    pub version: String,
    pub operation: String,
    pub application: String,
    pub field: String,
    pub last_at: i64,
}

/// Since when no call of a node was missed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_call_watch`")]
pub struct WatchRow {
    pub environment: String,
    pub node: String,
    pub boot: i64,
    pub told_at: i64,
    pub since: i64,
}

statements! {
    PUT_CALL = "INSERT INTO esb_call (environment, interface, version, operation, application,
        variant, hour, node, boot, requests, succeeded, refused, failed, up_to_10_ms, up_to_50_ms,
        up_to_200_ms, up_to_1_s, up_to_5_s, longer, first_at, last_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
        $19, $20, $21)
        ON CONFLICT (environment, interface, version, operation, application, variant, hour, node,
        boot) DO UPDATE SET requests = excluded.requests, succeeded = excluded.succeeded,
        refused = excluded.refused, failed = excluded.failed, up_to_10_ms = excluded.up_to_10_ms,
        up_to_50_ms = excluded.up_to_50_ms, up_to_200_ms = excluded.up_to_200_ms,
        up_to_1_s = excluded.up_to_1_s, up_to_5_s = excluded.up_to_5_s, longer = excluded.longer,
        last_at = excluded.last_at
        WHERE esb_call.requests <= excluded.requests";
    PUT_FIELD = "INSERT INTO esb_call_field (environment, interface, version, operation,
        application, field, last_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (environment, interface, version, operation, application, field)
        DO UPDATE SET last_at = excluded.last_at WHERE esb_call_field.last_at < excluded.last_at";
    PUT_WATCH = "INSERT INTO esb_call_watch (environment, node, boot, told_at, since)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (environment, node) DO UPDATE
        SET boot = excluded.boot, told_at = excluded.told_at, since = excluded.since";
    WATCHES = "SELECT * FROM esb_call_watch WHERE environment = $1 ORDER BY node";
    EDGES = "SELECT interface, version, operation, application,
        CAST(sum(requests) AS BIGINT) AS requests, CAST(sum(succeeded) AS BIGINT) AS succeeded,
        CAST(sum(refused) AS BIGINT) AS refused, CAST(sum(failed) AS BIGINT) AS failed,
        CAST(sum(up_to_10_ms) AS BIGINT) AS up_to_10_ms,
        CAST(sum(up_to_50_ms) AS BIGINT) AS up_to_50_ms,
        CAST(sum(up_to_200_ms) AS BIGINT) AS up_to_200_ms,
        CAST(sum(up_to_1_s) AS BIGINT) AS up_to_1_s, CAST(sum(up_to_5_s) AS BIGINT) AS up_to_5_s,
        CAST(sum(longer) AS BIGINT) AS longer, min(first_at) AS first_at, max(last_at) AS last_at
        FROM esb_call WHERE environment = $1 AND (CAST($2 AS TEXT) IS NULL OR interface = $2)
        AND hour >= $3 GROUP BY interface, version, operation, application
        ORDER BY interface, version, operation, application LIMIT $4";
    LAST_CALL = "SELECT max(last_at) FROM esb_call WHERE environment = $1 AND interface = $2
        AND version = $3";
    FIELDS = "SELECT * FROM esb_call_field WHERE environment = $1 AND interface = $2
        AND last_at >= $3 ORDER BY application, version, operation, field LIMIT $4";
    FORGET_CALLS = "DELETE FROM esb_call WHERE hour < $1";
    FORGET_FIELDS = "DELETE FROM esb_call_field WHERE last_at < $1";
}

/// Keeps what a node counted; a count that was kept before grows.
///
/// # Errors
/// Store errors.
pub async fn put(tx: &mut Tx<'_>, row: &CallRow) -> Result<(), StoreError> {
    let [d0, d1, d2, d3, d4, d5] = row.durations;
    let values = params![
        &row.environment,
        &row.interface,
        &row.version,
        &row.operation,
        &row.application,
        &row.variant,
        row.hour,
        &row.node,
        row.boot,
        row.requests,
        row.succeeded,
        row.refused,
        row.failed,
        d0,
        d1,
        d2,
        d3,
        d4,
        d5,
        row.first_at,
        row.last_at
    ];
    tx.execute(PUT_CALL, values).await.map(drop)
}

/// Keeps a field with the last time it was seen.
///
/// # Errors
/// Store errors.
pub async fn put_field(tx: &mut Tx<'_>, row: &FieldRow) -> Result<(), StoreError> {
    let values = params![
        &row.environment,
        &row.interface,
        &row.version,
        &row.operation,
        &row.application,
        &row.field,
        row.last_at
    ];
    tx.execute(PUT_FIELD, values).await.map(drop)
}

/// Says since when no call of a node was missed.
///
/// # Errors
/// Store errors.
pub async fn put_watch(tx: &mut Tx<'_>, row: &WatchRow) -> Result<(), StoreError> {
    let values = params![
        &row.environment,
        &row.node,
        row.boot,
        row.told_at,
        row.since
    ];
    tx.execute(PUT_WATCH, values).await.map(drop)
}

/// Nodes of an environment whose calls are collected.
///
/// # Errors
/// Store errors.
pub async fn watches(
    reader: &mut impl Reader,
    environment: &str,
) -> Result<Vec<WatchRow>, StoreError> {
    reader.all(WATCHES, params![environment]).await
}

/// Calls from an hour on, by operation and application; of one interface or of all.
///
/// # Errors
/// Store errors.
pub async fn edges(
    reader: &mut impl Reader,
    environment: &str,
    interface: Option<&str>,
    from_hour: i64,
    limit: i64,
) -> Result<Vec<EdgeRow>, StoreError> {
    let interface = interface.map(str::to_owned);
    let values = params![environment, interface, from_hour, limit];
    reader.all(EDGES, values).await
}

/// When a version was last called; `None` when no call is kept.
///
/// # Errors
/// Store errors.
pub async fn last_call(
    reader: &mut impl Reader,
    environment: &str,
    interface: &str,
    version: &str,
) -> Result<Option<i64>, StoreError> {
    let values = params![environment, interface, version];
    let found: Option<(Option<i64>,)> = reader.optional(LAST_CALL, values).await?;
    Ok(found.and_then(|(last,)| last))
}

/// Fields that requests to an interface held at an instant or later.
///
/// # Errors
/// Store errors.
pub async fn fields(
    reader: &mut impl Reader,
    environment: &str,
    interface: &str,
    from: i64,
    limit: i64,
) -> Result<Vec<FieldRow>, StoreError> {
    let values = params![environment, interface, from, limit];
    reader.all(FIELDS, values).await
}

/// Forgets calls of hours before one, and fields not seen since its beginning.
///
/// # Errors
/// Store errors.
pub async fn forget(tx: &mut Tx<'_>, hour: i64, instant: i64) -> Result<(), StoreError> {
    tx.execute(FORGET_CALLS, params![hour]).await?;
    tx.execute(FORGET_FIELDS, params![instant]).await.map(drop)
}
