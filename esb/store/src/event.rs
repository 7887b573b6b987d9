//! What happened to interfaces and their versions.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_event`")]
pub struct EventRow {
    pub no: i64,
    pub interface: String,
    pub version_id: Option<String>,
    pub kind: String,
    /// Login.
    pub actor: String,
    pub reason: String,
    /// JSON.
    pub document: String,
    pub at: i64,
}

statements! {
    NEXT_EVENT = "UPDATE esb_counter SET value = value + 1 WHERE name = 'event' RETURNING value";
    INSERT_EVENT = "INSERT INTO esb_event (no, interface, version_id, kind, actor, reason, document,
        at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    EVENTS_OF = "SELECT * FROM esb_event WHERE interface = $1
        AND (CAST($2 AS TEXT) IS NULL OR version_id = $2) AND no < $3 ORDER BY no DESC LIMIT $4";
}

/// Adds an event; its number is given here.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, row: &EventRow) -> Result<i64, StoreError> {
    let (no,): (i64,) = tx.fetch_one(NEXT_EVENT, params![]).await?;
    let values = params![
        no,
        &row.interface,
        row.version_id.clone(),
        &row.kind,
        &row.actor,
        &row.reason,
        &row.document,
        row.at
    ];
    tx.execute(INSERT_EVENT, values).await?;
    Ok(no)
}

/// Events of an interface, or of one of its versions, before a number, newest first.
///
/// # Errors
/// Store errors.
pub async fn of_interface(
    reader: &mut impl Reader,
    interface: &str,
    version_id: Option<&str>,
    before: i64,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    let values = params![interface, version_id.map(str::to_owned), before, limit];
    reader.all(EVENTS_OF, values).await
}
