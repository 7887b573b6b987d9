//! Published prices.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;

/// A price.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_fixing`")]
pub struct FixingRow {
    pub code: String,
    pub rule: String,
    pub date: String,
    pub version: i64,
    pub value: String,
    pub source: String,
    /// Whether no correction took its place.
    pub current: bool,
    pub maker: String,
    pub checker: Option<String>,
    pub entered_at: i64,
    /// Why it took the place of another; empty for a first price.
    pub reason: String,
}

statements! {
    INSERT_FIXING = "INSERT INTO otc_fixing (code, rule, date, version, value, source, current,
        maker, checker, entered_at, reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    RETIRE_FIXING = "UPDATE otc_fixing SET current = false
        WHERE code = $1 AND rule = $2 AND date = $3 AND version = $4";
    FIND_FIXING = "SELECT * FROM otc_fixing WHERE code = $1 AND rule = $2 AND date = $3
        AND current ORDER BY version DESC LIMIT 1";
    FIXING_BEFORE = "SELECT * FROM otc_fixing WHERE code = $1 AND rule = $2 AND date < $3
        AND current ORDER BY date DESC, version DESC LIMIT 1";
    FIXINGS_OF = "SELECT * FROM otc_fixing WHERE code = $1 AND rule = $2 AND date >= $3
        AND date <= $4 AND current ORDER BY date";
    LIST_FIXINGS = "SELECT * FROM otc_fixing WHERE current
        AND (CAST($1 AS TEXT) IS NULL OR code = $1)
        AND date >= $2 AND date <= $3 AND (date, code, rule) < ($4, $5, $6)
        ORDER BY date DESC, code DESC, rule DESC LIMIT $7";
}

/// Adds a price.
///
/// # Errors
/// [`StoreError::Unique`] when that version is there.
pub async fn insert(tx: &mut Tx<'_>, row: &FixingRow) -> Result<(), StoreError> {
    if row.version > 1 {
        let before = params![&row.code, &row.rule, &row.date, row.version - 1];
        tx.execute(RETIRE_FIXING, before).await?;
    }
    add(tx, row).await
}

async fn add(tx: &mut Tx<'_>, row: &FixingRow) -> Result<(), StoreError> {
    let values = params![
        &row.code,
        &row.rule,
        &row.date,
        row.version,
        &row.value,
        &row.source,
        row.current,
        &row.maker,
        row.checker.clone(),
        row.entered_at,
        &row.reason
    ];
    tx.execute(INSERT_FIXING, values).await.map(drop)
}

/// Adds prices as they are: each says itself whether it is in force.
///
/// # Errors
/// [`StoreError::Unique`] when one is there.
pub async fn insert_all(tx: &mut Tx<'_>, rows: &[FixingRow]) -> Result<(), StoreError> {
    for row in rows {
        add(tx, row).await?;
    }
    Ok(())
}

/// The price in force.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    code: &str,
    rule: &str,
    date: &str,
) -> Result<Option<FixingRow>, StoreError> {
    reader
        .optional(FIND_FIXING, params![code, rule, date])
        .await
}

/// The last price before a date.
///
/// # Errors
/// Store errors.
pub async fn before(
    reader: &mut impl Reader,
    code: &str,
    rule: &str,
    date: &str,
) -> Result<Option<FixingRow>, StoreError> {
    reader
        .optional(FIXING_BEFORE, params![code, rule, date])
        .await
}

/// Prices in force of one underlying and rule, by date.
///
/// # Errors
/// Store errors.
pub async fn of(
    reader: &mut impl Reader,
    code: &str,
    rule: &str,
    (from, to): (&str, &str),
) -> Result<Vec<FixingRow>, StoreError> {
    reader.all(FIXINGS_OF, params![code, rule, from, to]).await
}

/// Prices in force, newest date first, before a place (date, code, rule).
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    code: Option<&str>,
    (from, to): (Option<&str>, Option<&str>),
    before: Option<(String, String, String)>,
    limit: i64,
) -> Result<Vec<FixingRow>, StoreError> {
    let last = || ("~".to_owned(), String::new(), String::new());
    let (date, name, rule) = before.unwrap_or_else(last);
    let values = params![
        code.map(str::to_owned),
        from.unwrap_or_default(),
        to.unwrap_or("9999-12-31"),
        date,
        name,
        rule,
        limit
    ];
    reader.all(LIST_FIXINGS, values).await
}
