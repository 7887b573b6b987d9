//! Quotes.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A quote.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_quote`")]
pub struct QuoteRow {
    pub id: String,
    pub no: i64,
    /// `firm`, `accepted`, `rejected`, `booked`; a firm one past its time is expired.
    pub status: String,
    pub product: String,
    pub counterparty: String,
    pub underlying: String,
    pub snapshot_id: String,
    /// JSON of the quote as it was made.
    pub document: String,
    pub content_hash: String,
    pub valid_until: i64,
    pub trade_id: Option<String>,
    pub reason: String,
    pub version: i64,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
}

statements! {
    INSERT_QUOTE = "INSERT INTO otc_quote (id, no, status, product, counterparty, underlying,
        snapshot_id, document, content_hash, valid_until, trade_id, reason, version, created_by,
        created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    FIND_QUOTE = "SELECT * FROM otc_quote WHERE id = $1";
    DECIDE_QUOTE = "UPDATE otc_quote SET status = $3, trade_id = $4, reason = $5,
        updated_at = $6, version = version + 1 WHERE id = $1 AND version = $2";
    LIST_QUOTES = "SELECT * FROM otc_quote
        WHERE (CAST($1 AS TEXT) IS NULL
            OR ($1 = 'expired' AND status = 'firm' AND valid_until < $3)
            OR ($1 = status AND (status <> 'firm' OR valid_until >= $3)))
        AND (CAST($2 AS TEXT) IS NULL OR counterparty = $2)
        AND no < $4 ORDER BY no DESC LIMIT $5";
}

/// Adds a quote.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &QuoteRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        row.no,
        &row.status,
        &row.product,
        &row.counterparty,
        &row.underlying,
        &row.snapshot_id,
        &row.document,
        &row.content_hash,
        row.valid_until,
        row.trade_id.clone(),
        &row.reason,
        row.version,
        &row.created_by,
        row.created_at,
        row.updated_at
    ];
    tx.execute(INSERT_QUOTE, values).await.map(drop)
}

/// A quote.
///
/// # Errors
/// Store errors.
pub async fn find(reader: &mut impl Reader, id: &str) -> Result<Option<QuoteRow>, StoreError> {
    reader.optional(FIND_QUOTE, params![id]).await
}

/// Writes status, trade and reason; whether the version was still that of `row`.
///
/// # Errors
/// Store errors.
pub async fn decide(tx: &mut Tx<'_>, row: &QuoteRow) -> Result<bool, StoreError> {
    let values = params![
        &row.id,
        row.version,
        &row.status,
        row.trade_id.clone(),
        &row.reason,
        row.updated_at
    ];
    Ok(tx.execute(DECIDE_QUOTE, values).await? == 1)
}

/// Quotes, newest first, with a number below `before`; `now` tells firm ones from expired ones.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    status: Option<&str>,
    counterparty: Option<&str>,
    now: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<QuoteRow>, StoreError> {
    let values = params![
        status.map(str::to_owned),
        counterparty.map(str::to_owned),
        now,
        before.unwrap_or(i64::MAX),
        limit
    ];
    reader.all(LIST_QUOTES, values).await
}
