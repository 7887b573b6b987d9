//! What a list of trades shows, and which prices each trade looks at.

use rialto_platform_store::{Bind as _, Params, StoreError, Tx, Value, params, statements};

use crate::Reader;

/// A trade in a list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `otc_trade`")]
pub struct TradeRow {
    pub trade_id: String,
    pub no: i64,
    pub product: String,
    pub title_en: String,
    pub title_zh: String,
    /// Codes, separated by commas.
    pub underlying: String,
    pub counterparty: String,
    pub direction: String,
    pub notional: String,
    pub notional_cents: i64,
    pub currency: String,
    pub start_date: String,
    pub end_date: String,
    pub status: String,
    /// Words, separated by commas.
    pub flags: String,
    pub version: i64,
    pub contract_version: i64,
    /// Next observation; `~` when there is none.
    pub next_date: String,
    pub observed_to: String,
    pub outcome: String,
    /// Lower-case text that is searched.
    pub search: String,
    pub quote_id: Option<String>,
    pub open_approval: Option<String>,
    pub pv: Option<String>,
    pub pv_as_of: Option<String>,
    /// Number and hash of the last event.
    pub seq: i64,
    pub head: String,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// By what a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Running number.
    No,
    /// Last change.
    Updated,
    /// Size in currency units.
    Notional,
    /// Start date.
    Start,
    /// End date.
    End,
    /// Next observation.
    Next,
    /// Counterparty.
    Counterparty,
    /// Underlying.
    Underlying,
    /// Product.
    Product,
    /// Status.
    Status,
}

impl Order {
    /// The order of a name; `None` for an unknown one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "no" => Self::No,
            "updated_at" => Self::Updated,
            "notional" => Self::Notional,
            "start" => Self::Start,
            "end" => Self::End,
            "next_observation" => Self::Next,
            "counterparty" => Self::Counterparty,
            "underlying" => Self::Underlying,
            "product" => Self::Product,
            "status" => Self::Status,
            _ => return None,
        })
    }

    /// Names of all orders.
    pub const NAMES: [&str; 10] = [
        "no",
        "updated_at",
        "notional",
        "start",
        "end",
        "next_observation",
        "counterparty",
        "underlying",
        "product",
        "status",
    ];
}

/// A statement that reads a page of the list in one order.
#[derive(Debug)]
pub struct PageStatement {
    pub(crate) order: Order,
    pub(crate) descending: bool,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! page {
    ($order:ident, $column:literal, $descending:literal, $after:literal, $direction:literal) => {
        PageStatement {
            order: Order::$order,
            descending: $descending,
            name: concat!("TRADES_BY_", $column, "_", $direction),
            sql: concat!(
                "SELECT * FROM otc_trade WHERE (CAST($1 AS TEXT) IS NULL
                    OR $1 LIKE ('%,' || status || ',%'))
                 AND (CAST($2 AS TEXT) IS NULL OR (',' || underlying || ',') LIKE ('%,' || $2 || ',%'))
                 AND (CAST($3 AS TEXT) IS NULL OR product = $3)
                 AND (CAST($4 AS TEXT) IS NULL OR counterparty = $4)
                 AND (CAST($5 AS TEXT) IS NULL OR search LIKE $5 ESCAPE '!')
                 AND (", $column, ", no) ", $after, " ($6, $7)
                 ORDER BY ", $column, " ", $direction, ", no ", $direction, " LIMIT $8"
            ),
        }
    };
}

macro_rules! pages {
    ($($order:ident $column:literal;)+) => {
        /// A statement for each order and direction.
        pub static PAGES: &[PageStatement] = &[
            $(
                page!($order, $column, false, ">", "ASC"),
                page!($order, $column, true, "<", "DESC"),
            )+
        ];
    };
}

pages! {
    No "no";
    Updated "updated_at";
    Notional "notional_cents";
    Start "start_date";
    End "end_date";
    Next "next_date";
    Counterparty "counterparty";
    Underlying "underlying";
    Product "product";
    Status "status";
}

const INSERT: &str = "INSERT INTO otc_trade (trade_id, no, product, title_en, title_zh, underlying,
    counterparty, direction, notional, notional_cents, currency, start_date, end_date, status, flags,
    version, contract_version, next_date, observed_to, outcome, search, quote_id, open_approval, pv,
    pv_as_of, seq, head, created_by, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
    $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)";

statements! {
    INSERT_TRADE = INSERT;
    UPDATE_TRADE = "UPDATE otc_trade SET product = $2, title_en = $3, title_zh = $4,
        underlying = $5, counterparty = $6, direction = $7, notional = $8, notional_cents = $9,
        currency = $10, start_date = $11, end_date = $12, status = $13, flags = $14, version = $15,
        contract_version = $16, next_date = $17, observed_to = $18, outcome = $19, search = $20,
        open_approval = $21, seq = $22, head = $23, updated_at = $24
        WHERE trade_id = $1 AND seq = $25";
    SET_APPROVAL = "UPDATE otc_trade SET open_approval = $2 WHERE trade_id = $1";
    SET_VALUE = "UPDATE otc_trade SET pv = $2, pv_as_of = $3 WHERE trade_id = $1 AND seq = $4";
    FIND_TRADE = "SELECT * FROM otc_trade WHERE trade_id = $1";
    COUNT_BY_STATUS = "SELECT status, count(*) FROM otc_trade GROUP BY status ORDER BY status";
    INSERT_NAME = "INSERT INTO otc_trade_name (code, rule, trade_id) VALUES ($1, $2, $3)
        ON CONFLICT (code, rule, trade_id) DO NOTHING";
    TRADES_LOOKING_AT = "SELECT t.trade_id FROM otc_trade_name n
        JOIN otc_trade t ON t.trade_id = n.trade_id
        WHERE n.code = $1 AND n.rule = $2 AND t.start_date <= $3 AND t.end_date >= $3
        AND t.status NOT IN ('draft', 'pending_approval', 'pending_confirm', 'cancelled')
        ORDER BY t.no";
    IS_LOOKED_AT = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM otc_trade_name
        WHERE code = $1 AND rule = $2 LIMIT 1) AS known";
    VALUED_TRADES = "SELECT * FROM otc_trade WHERE no > $1 AND (status IN ('live', 'settling')
        OR (status IN ('closed', 'cancelled') AND pv IS NOT NULL AND pv <> '0'))
        ORDER BY no LIMIT $2";
}

fn own(row: &TradeRow) -> Vec<Value> {
    vec![
        row.product.as_str().into_value(),
        row.title_en.as_str().into_value(),
        row.title_zh.as_str().into_value(),
        row.underlying.as_str().into_value(),
        row.counterparty.as_str().into_value(),
        row.direction.as_str().into_value(),
        row.notional.as_str().into_value(),
        row.notional_cents.into_value(),
        row.currency.as_str().into_value(),
        row.start_date.as_str().into_value(),
        row.end_date.as_str().into_value(),
        row.status.as_str().into_value(),
        row.flags.as_str().into_value(),
        row.version.into_value(),
        row.contract_version.into_value(),
        row.next_date.as_str().into_value(),
        row.observed_to.as_str().into_value(),
        row.outcome.as_str().into_value(),
        row.search.as_str().into_value(),
    ]
}

/// Adds a trade.
///
/// # Errors
/// [`StoreError::Unique`] when it is there already.
pub async fn insert(tx: &mut Tx<'_>, row: &TradeRow) -> Result<(), StoreError> {
    let mut values = vec![row.trade_id.as_str().into_value(), row.no.into_value()];
    values.extend(own(row));
    values.extend([
        row.quote_id.clone().into_value(),
        row.open_approval.clone().into_value(),
        row.pv.clone().into_value(),
        row.pv_as_of.clone().into_value(),
        row.seq.into_value(),
        row.head.as_str().into_value(),
        row.created_by.as_str().into_value(),
        row.created_at.into_value(),
        row.updated_at.into_value(),
    ]);
    tx.execute(INSERT_TRADE, Params::new(values))
        .await
        .map(drop)
}

/// Writes what may change; whether the last event was still number `seen`.
///
/// # Errors
/// Store errors.
pub async fn update(tx: &mut Tx<'_>, row: &TradeRow, seen: i64) -> Result<bool, StoreError> {
    let mut values = vec![row.trade_id.as_str().into_value()];
    values.extend(own(row));
    values.extend([
        row.open_approval.clone().into_value(),
        row.seq.into_value(),
        row.head.as_str().into_value(),
        row.updated_at.into_value(),
        seen.into_value(),
    ]);
    Ok(tx.execute(UPDATE_TRADE, Params::new(values)).await? == 1)
}

/// Writes what waits about a trade.
///
/// # Errors
/// Store errors.
pub async fn set_approval(
    tx: &mut Tx<'_>,
    trade_id: &str,
    approval: Option<&str>,
) -> Result<(), StoreError> {
    let values = params![trade_id, approval.map(str::to_owned)];
    tx.execute(SET_APPROVAL, values).await.map(drop)
}

/// Writes the value of a trade, unless its chain has grown beyond `seq`.
///
/// # Errors
/// Store errors.
pub async fn set_value(
    tx: &mut Tx<'_>,
    trade_id: &str,
    pv: &str,
    as_of: &str,
    seq: i64,
) -> Result<(), StoreError> {
    tx.execute(SET_VALUE, params![trade_id, pv, as_of, seq])
        .await
        .map(drop)
}

/// A trade.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    trade_id: &str,
) -> Result<Option<TradeRow>, StoreError> {
    reader.optional(FIND_TRADE, params![trade_id]).await
}

/// How many trades there are in each status.
///
/// # Errors
/// Store errors.
pub async fn counts(reader: &mut impl Reader) -> Result<Vec<(String, i64)>, StoreError> {
    reader.all(COUNT_BY_STATUS, params![]).await
}

/// Says that a trade looks at a price.
///
/// # Errors
/// Store errors.
pub async fn add_name(
    tx: &mut Tx<'_>,
    trade_id: &str,
    code: &str,
    rule: &str,
) -> Result<(), StoreError> {
    tx.execute(INSERT_NAME, params![code, rule, trade_id])
        .await
        .map(drop)
}

/// Trades past their confirmation whose term holds the date and which look at the price.
///
/// # Errors
/// Store errors.
pub async fn looking_at(
    reader: &mut impl Reader,
    code: &str,
    rule: &str,
    date: &str,
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = reader
        .all(TRADES_LOOKING_AT, params![code, rule, date])
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Whether any trade, of whatever state, looks at a price of an underlying.
///
/// # Errors
/// Store errors.
pub async fn looked_at(
    reader: &mut impl Reader,
    code: &str,
    rule: &str,
) -> Result<bool, StoreError> {
    let count: Option<(i64,)> = reader.optional(IS_LOOKED_AT, params![code, rule]).await?;
    Ok(count.is_some_and(|(count,)| count > 0))
}

/// Trades that have a value, after a number: in force, over with flows still to be paid, and those
/// paid since their last value was kept.
///
/// # Errors
/// Store errors.
pub async fn valued(
    reader: &mut impl Reader,
    after: i64,
    limit: i64,
) -> Result<Vec<TradeRow>, StoreError> {
    reader.all(VALUED_TRADES, params![after, limit]).await
}

/// Which trades, in which order.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// One of these.
    pub status: Vec<String>,
    /// Looking at this underlying.
    pub underlying: Option<String>,
    /// Of this product.
    pub product: Option<String>,
    /// With this counterparty.
    pub counterparty: Option<String>,
    /// Having this in id, title, counterparty or underlying.
    pub text: Option<String>,
    /// By what.
    pub order: Order,
    /// Largest first.
    pub descending: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            status: Vec::new(),
            underlying: None,
            product: None,
            counterparty: None,
            text: None,
            order: Order::No,
            descending: true,
        }
    }
}

/// Place of a row in a list: its key and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A number as text, or the text itself.
    pub key: String,
    /// Running number.
    pub no: i64,
}

impl Place {
    /// Of a row.
    #[must_use]
    pub fn of(row: &TradeRow, order: Order) -> Self {
        let key = match order {
            Order::No => row.no.to_string(),
            Order::Updated => row.updated_at.to_string(),
            Order::Notional => row.notional_cents.to_string(),
            Order::Start => row.start_date.clone(),
            Order::End => row.end_date.clone(),
            Order::Next => row.next_date.clone(),
            Order::Counterparty => row.counterparty.clone(),
            Order::Underlying => row.underlying.clone(),
            Order::Product => row.product.clone(),
            Order::Status => row.status.clone(),
        };
        Self { key, no: row.no }
    }
}

fn key(order: Order, descending: bool, after: Option<&Place>) -> Value {
    let number = matches!(order, Order::No | Order::Updated | Order::Notional);
    match (after, number, descending) {
        (Some(place), true, _) => place.key.parse::<i64>().unwrap_or_default().into_value(),
        (Some(place), false, _) => place.key.as_str().into_value(),
        (None, true, true) => i64::MAX.into_value(),
        (None, true, false) => i64::MIN.into_value(),
        (None, false, true) => "\u{10ffff}".into_value(),
        (None, false, false) => "".into_value(),
    }
}

/// A page of the list after a place.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    wanted: &Wanted,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<TradeRow>, StoreError> {
    let statement = PAGES
        .iter()
        .find(|page| page.order == wanted.order && page.descending == wanted.descending);
    // Every order has both directions.
    let Some(statement) = statement else {
        return Ok(Vec::new());
    };
    let status = (!wanted.status.is_empty()).then(|| format!(",{},", wanted.status.join(",")));
    let text = wanted.text.as_ref().map(|text| {
        let mut pattern = String::from("%");
        for letter in text.to_lowercase().chars() {
            if matches!(letter, '%' | '_' | '!') {
                pattern.push('!');
            }
            pattern.push(letter);
        }
        pattern.push('%');
        pattern
    });
    let edge = if wanted.descending {
        i64::MAX
    } else {
        i64::MIN
    };
    let values = vec![
        status.into_value(),
        wanted.underlying.clone().into_value(),
        wanted.product.clone().into_value(),
        wanted.counterparty.clone().into_value(),
        text.into_value(),
        key(wanted.order, wanted.descending, after),
        after.map_or(edge, |place| place.no).into_value(),
        limit.into_value(),
    ];
    reader.all(statement.sql, Params::new(values)).await
}
