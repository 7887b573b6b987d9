//! Schedules that are looked at day by day.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A schedule of many dates of one trade.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_span`")]
pub struct SpanRow {
    pub trade_id: String,
    pub kind: String,
    /// Number among those of the same trade and kind.
    pub n: i64,
    pub trade_no: i64,
    pub first: String,
    pub last: String,
    /// One bit for each day from the first on, in hexadecimal digits, lowest bit first.
    pub days: String,
    pub code: String,
    pub level: Option<String>,
    /// `at_least` or `at_most` the level.
    pub side: Option<String>,
}

statements! {
    CLEAR_SPANS = "DELETE FROM otc_span WHERE trade_id = $1";
    INSERT_SPAN = "INSERT INTO otc_span (trade_id, kind, n, trade_no, first, last, days, code,
        level, side) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LIST_SPANS = "SELECT * FROM otc_span WHERE last >= $1 AND first <= $2
        AND (CAST($3 AS TEXT) IS NULL OR kind = $3)
        AND (CASE WHEN first < $1 THEN $1 ELSE first END, trade_no, kind, n) > ($4, $5, $6, $7)
        ORDER BY CASE WHEN first < $1 THEN $1 ELSE first END, trade_no, kind, n LIMIT $8";
}

/// Writes the schedules of a trade anew.
///
/// # Errors
/// Store errors.
pub async fn replace(tx: &mut Tx<'_>, trade_id: &str, rows: &[SpanRow]) -> Result<(), StoreError> {
    tx.execute(CLEAR_SPANS, params![trade_id]).await?;
    insert(tx, rows).await
}

/// Adds schedules.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, rows: &[SpanRow]) -> Result<(), StoreError> {
    for row in rows {
        let values = params![
            &row.trade_id,
            &row.kind,
            row.n,
            row.trade_no,
            &row.first,
            &row.last,
            &row.days,
            &row.code,
            row.level.clone(),
            row.side.clone()
        ];
        tx.execute(INSERT_SPAN, values).await?;
    }
    Ok(())
}

/// Place of a schedule in the list: the later of its first date and the range's, trade number, kind,
/// number.
pub type Place = (String, i64, String, i64);

/// Schedules that have dates between two dates, after a place.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    (from, to): (&str, &str),
    kind: Option<&str>,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<SpanRow>, StoreError> {
    let (date, no, after_kind, n) = after.unwrap_or_default();
    let kind = kind.map(str::to_owned);
    let values = params![from, to, kind, date, no, after_kind, n, limit];
    reader.all(LIST_SPANS, values).await
}
