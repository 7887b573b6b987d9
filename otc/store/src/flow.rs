//! Flows and postings as the newest event of their trade left them.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_flow`")]
pub struct FlowRow {
    pub trade_id: String,
    pub flow_id: String,
    pub trade_no: i64,
    pub counterparty: String,
    pub status: String,
    pub pay_date: String,
    /// JSON of the flow.
    pub document: String,
}

/// A posting.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_posting`")]
pub struct PostingRow {
    pub trade_id: String,
    pub id: i64,
    pub effective: String,
    /// JSON of the entry.
    pub document: String,
}

statements! {
    PUT_FLOW = "INSERT INTO otc_flow (trade_id, flow_id, trade_no, counterparty, status, pay_date,
        document) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (trade_id, flow_id)
        DO UPDATE SET status = excluded.status, pay_date = excluded.pay_date,
        document = excluded.document";
    LIST_FLOWS = "SELECT * FROM otc_flow WHERE (CAST($1 AS TEXT) IS NULL OR status = $1)
        AND pay_date >= $2 AND pay_date <= $3
        AND (pay_date, trade_no, flow_id) > ($4, $5, $6)
        ORDER BY pay_date, trade_no, flow_id LIMIT $7";
    INSERT_POSTING = "INSERT INTO otc_posting (trade_id, id, effective, document)
        VALUES ($1, $2, $3, $4)";
    LIST_POSTINGS = "SELECT * FROM otc_posting WHERE effective >= $1 AND effective <= $2
        AND (trade_id, id) > ($3, $4) ORDER BY trade_id, id LIMIT $5";
}

/// Adds a flow, or writes how far it is.
///
/// # Errors
/// Store errors.
pub async fn put(tx: &mut Tx<'_>, row: &FlowRow) -> Result<(), StoreError> {
    let values = params![
        &row.trade_id,
        &row.flow_id,
        row.trade_no,
        &row.counterparty,
        &row.status,
        &row.pay_date,
        &row.document
    ];
    tx.execute(PUT_FLOW, values).await.map(drop)
}

/// Flows by pay date, after one (pay date, trade number, flow).
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    status: Option<&str>,
    (from, to): (Option<&str>, Option<&str>),
    after: Option<(String, i64, String)>,
    limit: i64,
) -> Result<Vec<FlowRow>, StoreError> {
    let (date, no, id) = after.unwrap_or_default();
    let values = params![
        status.map(str::to_owned),
        from.unwrap_or_default(),
        to.unwrap_or("9999-12-31"),
        date,
        no,
        id,
        limit
    ];
    reader.all(LIST_FLOWS, values).await
}

/// Adds a posting.
///
/// # Errors
/// [`StoreError::Unique`] when it is there already.
pub async fn insert_posting(tx: &mut Tx<'_>, row: &PostingRow) -> Result<(), StoreError> {
    let values = params![&row.trade_id, row.id, &row.effective, &row.document];
    tx.execute(INSERT_POSTING, values).await.map(drop)
}

/// Postings by trade and number, after one.
///
/// # Errors
/// Store errors.
pub async fn postings(
    reader: &mut impl Reader,
    (from, to): (Option<&str>, Option<&str>),
    after: (String, i64),
    limit: i64,
) -> Result<Vec<PostingRow>, StoreError> {
    let values = params![
        from.unwrap_or_default(),
        to.unwrap_or("9999-12-31"),
        after.0,
        after.1,
        limit
    ];
    reader.all(LIST_POSTINGS, values).await
}
