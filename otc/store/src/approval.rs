//! What waits for a second person.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// Something that waits, or was decided.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_approval`")]
pub struct ApprovalRow {
    pub id: String,
    pub no: i64,
    /// `booking`, `event` or `fixings`.
    pub kind: String,
    pub trade_id: Option<String>,
    pub event_id: String,
    /// Hash of what is to be agreed to.
    pub subject: String,
    /// JSON of what is to be agreed to.
    pub document: String,
    /// `open`, `approved`, `rejected` or `void`; an open one past its time is expired.
    pub state: String,
    pub maker: String,
    pub checker: Option<String>,
    pub comment: String,
    /// JSON of what came of it.
    pub result: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
    pub decided_at: Option<i64>,
}

statements! {
    INSERT_APPROVAL = "INSERT INTO otc_approval (id, no, kind, trade_id, event_id, subject,
        document, state, maker, checker, comment, result, created_at, expires_at, decided_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    FIND_APPROVAL = "SELECT * FROM otc_approval WHERE id = $1";
    APPROVAL_OF_EVENT = "SELECT * FROM otc_approval WHERE trade_id = $1 AND event_id = $2
        ORDER BY no DESC LIMIT 1";
    APPROVAL_OF_SUBJECT = "SELECT * FROM otc_approval WHERE kind = $1 AND subject = $2
        AND state = 'open' AND expires_at > $3 ORDER BY no DESC LIMIT 1";
    DECIDE_APPROVAL = "UPDATE otc_approval SET state = $2, checker = $3, comment = $4,
        result = $5, decided_at = $6 WHERE id = $1 AND state = 'open'";
    VOID_OF_TRADE = "UPDATE otc_approval SET state = 'void', comment = $2, decided_at = $3
        WHERE trade_id = $1 AND state = 'open'";
    LIST_APPROVALS = "SELECT * FROM otc_approval
        WHERE (CAST($1 AS TEXT) IS NULL
            OR ($1 = 'expired' AND state = 'open' AND expires_at <= $2)
            OR ($1 = state AND (state <> 'open' OR expires_at > $2)))
        AND no < $3 ORDER BY no DESC LIMIT $4";
}

/// Adds one.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &ApprovalRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        row.no,
        &row.kind,
        row.trade_id.clone(),
        &row.event_id,
        &row.subject,
        &row.document,
        &row.state,
        &row.maker,
        row.checker.clone(),
        &row.comment,
        row.result.clone(),
        row.created_at,
        row.expires_at,
        row.decided_at
    ];
    tx.execute(INSERT_APPROVAL, values).await.map(drop)
}

/// One by id.
///
/// # Errors
/// Store errors.
pub async fn find(reader: &mut impl Reader, id: &str) -> Result<Option<ApprovalRow>, StoreError> {
    reader.optional(FIND_APPROVAL, params![id]).await
}

/// The newest about an event of a trade.
///
/// # Errors
/// Store errors.
pub async fn of_event(
    reader: &mut impl Reader,
    trade_id: &str,
    event_id: &str,
) -> Result<Option<ApprovalRow>, StoreError> {
    reader
        .optional(APPROVAL_OF_EVENT, params![trade_id, event_id])
        .await
}

/// The open one about the same thing, when there is one at `now`.
///
/// # Errors
/// Store errors.
pub async fn of_subject(
    reader: &mut impl Reader,
    kind: &str,
    subject: &str,
    now: i64,
) -> Result<Option<ApprovalRow>, StoreError> {
    reader
        .optional(APPROVAL_OF_SUBJECT, params![kind, subject, now])
        .await
}

/// Writes the decision; whether it was still open.
///
/// # Errors
/// Store errors.
pub async fn decide(tx: &mut Tx<'_>, row: &ApprovalRow) -> Result<bool, StoreError> {
    let values = params![
        &row.id,
        &row.state,
        row.checker.clone(),
        &row.comment,
        row.result.clone(),
        row.decided_at
    ];
    Ok(tx.execute(DECIDE_APPROVAL, values).await? == 1)
}

/// Ends everything that waits about a trade: what was to be signed is no longer so.
///
/// # Errors
/// Store errors.
pub async fn void(
    tx: &mut Tx<'_>,
    trade_id: &str,
    reason: &str,
    now: i64,
) -> Result<u64, StoreError> {
    tx.execute(VOID_OF_TRADE, params![trade_id, reason, now])
        .await
}

/// Newest first, with a number below `before`.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    state: Option<&str>,
    now: i64,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<ApprovalRow>, StoreError> {
    let values = params![
        state.map(str::to_owned),
        now,
        before.unwrap_or(i64::MAX),
        limit
    ];
    reader.all(LIST_APPROVALS, values).await
}
