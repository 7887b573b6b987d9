//! Dates still to come.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A date on which a trade does something.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_date`")]
pub struct DateRow {
    pub trade_id: String,
    pub date: String,
    pub kind: String,
    /// Number among those of the same trade, date and kind.
    pub n: i64,
    pub trade_no: i64,
    pub code: String,
    pub level: Option<String>,
    /// `at_least` or `at_most` the level.
    pub side: Option<String>,
    /// Probability under the pricing measure, when it was valued.
    pub probability: Option<String>,
}

statements! {
    CLEAR_DATES = "DELETE FROM otc_date WHERE trade_id = $1";
    INSERT_DATE = "INSERT INTO otc_date (trade_id, date, kind, n, trade_no, code, level, side,
        probability) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    SET_PROBABILITY = "UPDATE otc_date SET probability = $4
        WHERE trade_id = $1 AND date = $2 AND kind = $3";
    LIST_DATES = "SELECT * FROM otc_date WHERE date >= $1 AND date <= $2
        AND (CAST($3 AS TEXT) IS NULL OR kind = $3)
        AND (date, trade_no, kind, n) > ($4, $5, $6, $7)
        ORDER BY date, trade_no, kind, n LIMIT $8";
}

/// Writes the dates of a trade anew.
///
/// # Errors
/// Store errors.
pub async fn replace(tx: &mut Tx<'_>, trade_id: &str, rows: &[DateRow]) -> Result<(), StoreError> {
    tx.execute(CLEAR_DATES, params![trade_id]).await?;
    insert(tx, rows).await
}

/// Adds dates.
///
/// # Errors
/// Store errors.
pub async fn insert(tx: &mut Tx<'_>, rows: &[DateRow]) -> Result<(), StoreError> {
    for row in rows {
        let values = params![
            &row.trade_id,
            &row.date,
            &row.kind,
            row.n,
            row.trade_no,
            &row.code,
            row.level.clone(),
            row.side.clone(),
            row.probability.clone()
        ];
        tx.execute(INSERT_DATE, values).await?;
    }
    Ok(())
}

/// Writes how probable something is.
///
/// # Errors
/// Store errors.
pub async fn set_probability(
    tx: &mut Tx<'_>,
    trade_id: &str,
    (date, kind): (&str, &str),
    probability: &str,
) -> Result<(), StoreError> {
    tx.execute(SET_PROBABILITY, params![trade_id, date, kind, probability])
        .await
        .map(drop)
}

/// Place of a date in the list: date, trade number, kind, number.
pub type Place = (String, i64, String, i64);

/// Dates of all trades from one to another, after a place.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    (from, to): (&str, &str),
    kind: Option<&str>,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<DateRow>, StoreError> {
    let (date, no, after_kind, n) = after.unwrap_or_default();
    let values = params![
        from,
        to,
        kind.map(str::to_owned),
        date,
        no,
        after_kind,
        n,
        limit
    ];
    reader.all(LIST_DATES, values).await
}
