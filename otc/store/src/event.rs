//! The ledger's events.

use std::sync::LazyLock;

use rialto_platform_store::{Bind as _, Params, StoreError, Tx, params, statements};

use crate::Reader;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_event`")]
pub struct EventRow {
    pub trade_id: String,
    pub seq: i64,
    pub event_id: String,
    pub kind: String,
    /// Effective date.
    pub effective: String,
    pub known_at: i64,
    /// JSON of the event.
    pub document: String,
}

const COLUMNS: usize = 7;
/// Rows of one statement.
const MANY: usize = 64;

statements! {
    INSERT_EVENT = "INSERT INTO otc_event (trade_id, seq, event_id, kind, effective, known_at,
        document) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    EVENTS_OF = "SELECT * FROM otc_event WHERE trade_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    FIND_EVENT = "SELECT * FROM otc_event WHERE trade_id = $1 AND event_id = $2";
    ALL_EVENTS = "SELECT * FROM otc_event WHERE (trade_id, seq) > ($1, $2)
        AND (CAST($3 AS TEXT) IS NULL OR kind = $3)
        AND effective >= $4 AND effective <= $5 ORDER BY trade_id, seq LIMIT $6";
    COUNT_EVENTS = "SELECT count(*) FROM otc_event";
}

static INSERT_EVENTS: LazyLock<String> = LazyLock::new(|| {
    let rows: Vec<String> = (0..MANY)
        .map(|row| {
            let binds: Vec<String> = (1..=COLUMNS)
                .map(|column| format!("${}", row * COLUMNS + column))
                .collect();
            format!("({})", binds.join(", "))
        })
        .collect();
    format!(
        "INSERT INTO otc_event (trade_id, seq, event_id, kind, effective, known_at, document) \
         VALUES {}",
        rows.join(", ")
    )
});

/// The statement that adds 64 events at once.
#[must_use]
pub fn insert_many() -> &'static str {
    INSERT_EVENTS.as_str()
}

fn values(row: &EventRow) -> [rialto_platform_store::Value; COLUMNS] {
    [
        row.trade_id.as_str().into_value(),
        row.seq.into_value(),
        row.event_id.as_str().into_value(),
        row.kind.as_str().into_value(),
        row.effective.as_str().into_value(),
        row.known_at.into_value(),
        row.document.as_str().into_value(),
    ]
}

/// Adds events.
///
/// # Errors
/// [`StoreError::Unique`] when one is there already.
pub async fn insert(tx: &mut Tx<'_>, rows: &[EventRow]) -> Result<(), StoreError> {
    let (full, rest) = rows.as_chunks::<MANY>();
    for chunk in full {
        let binds: Vec<_> = chunk.iter().flat_map(values).collect();
        tx.execute(insert_many(), Params::new(binds)).await?;
    }
    for row in rest {
        tx.execute(INSERT_EVENT, Params::new(values(row).to_vec()))
            .await?;
    }
    Ok(())
}

/// Events of a trade after a number, in order.
///
/// # Errors
/// Store errors.
pub async fn of_trade(
    reader: &mut impl Reader,
    trade_id: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    reader.all(EVENTS_OF, params![trade_id, after, limit]).await
}

/// One event by its sender's id.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    trade_id: &str,
    event_id: &str,
) -> Result<Option<EventRow>, StoreError> {
    reader
        .optional(FIND_EVENT, params![trade_id, event_id])
        .await
}

/// Which events of the whole ledger.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this kind.
    pub kind: Option<String>,
    /// Effective from this date.
    pub from: Option<String>,
    /// Effective up to this date.
    pub to: Option<String>,
}

/// Events of all trades after one (trade and number), in the order of trades and numbers.
///
/// # Errors
/// Store errors.
pub async fn all(
    reader: &mut impl Reader,
    wanted: &Wanted,
    after: (String, i64),
    limit: i64,
) -> Result<Vec<EventRow>, StoreError> {
    let values = params![
        after.0,
        after.1,
        wanted.kind.clone(),
        wanted.from.clone().unwrap_or_default(),
        wanted.to.clone().unwrap_or_else(|| "9999-12-31".to_owned()),
        limit
    ];
    reader.all(ALL_EVENTS, values).await
}

/// How many events there are.
///
/// # Errors
/// Store errors.
pub async fn count(reader: &mut impl Reader) -> Result<i64, StoreError> {
    let row: Option<(i64,)> = reader.optional(COUNT_EVENTS, params![]).await?;
    Ok(row.map_or(0, |(count,)| count))
}
