//! Dates to come over the whole book: observations, expiries, payments.

use std::collections::BTreeMap;

use rialto_otc_lifecycle::Flow;
use rialto_otc_store::Reader;
use rialto_otc_store::date::{self, DateRow};
use rialto_otc_store::fixing;
use rialto_otc_store::flow::{self, FlowRow};
use rialto_otc_store::span::{self, SpanRow};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::view::{CalendarItemView, SpanView};
use crate::{Desk, DeskError, words};

const KINDS: [&str; 5] = ["knock_out", "knock_in", "coupon", "expiry", "payment"];

/// A page of the calendar and the place after it.
pub struct CalendarPage {
    /// The items.
    pub items: Vec<CalendarItemView>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Where the lists behind the calendar stand.
#[derive(Default)]
struct Cursor {
    date: Option<date::Place>,
    flow: Option<(String, i64, String)>,
    span: Option<span::Place>,
}

impl Cursor {
    fn write(&self) -> String {
        let date = self.date.clone().unwrap_or_default();
        let flow = self.flow.clone().unwrap_or_default();
        let span = self.span.clone().unwrap_or_default();
        let parts = [
            span.0,
            span.1.to_string(),
            span.2,
            span.3.to_string(),
            date.0,
            date.1.to_string(),
            date.2,
            date.3.to_string(),
            flow.0,
            flow.1.to_string(),
            flow.2,
        ];
        parts.join("|")
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(11, '|').map(str::to_owned);
        let mut next = || parts.next();
        let span = (
            next()?,
            next()?.parse().ok()?,
            next()?,
            next()?.parse().ok()?,
        );
        let date = (
            next()?,
            next()?.parse().ok()?,
            next()?,
            next()?.parse().ok()?,
        );
        let flow = (next()?, next()?.parse().ok()?, next()?);
        Some(Self {
            date: Some(date).filter(|date| !date.0.is_empty()),
            flow: Some(flow).filter(|flow| !flow.0.is_empty()),
            span: Some(span).filter(|span| span.1 > 0),
        })
    }
}

/// One entry of one of the lists.
enum Entry {
    Date(DateRow),
    Flow(FlowRow),
    /// With the date it stands at: its first one, or that from which is asked.
    Span(String, SpanRow),
}

impl Entry {
    fn order(&self) -> (&str, i64) {
        match self {
            Self::Date(row) => (&row.date, row.trade_no),
            Self::Flow(row) => (&row.pay_date, row.trade_no),
            Self::Span(at, row) => (at, row.trade_no),
        }
    }
}

impl Desk {
    /// What happens between two dates, over the whole book.
    ///
    /// # Errors
    /// [`DeskError::Invalid`] for an unknown kind.
    pub async fn calendar(
        &self,
        range: (&str, &str),
        kind: Option<&str>,
        after: Option<&str>,
        size: u32,
    ) -> Result<CalendarPage, DeskError> {
        let kind = kind.filter(|kind| !kind.is_empty());
        if let Some(other) = kind.filter(|kind| !KINDS.contains(kind)) {
            return Err(DeskError::not_among("kind", other, &KINDS));
        }
        let mut cursor = after.and_then(Cursor::read).unwrap_or_default();
        let limit = i64::from(size) + 1;
        let mut reader = self.db();
        let mut all: Vec<Entry> = Vec::new();
        if kind != Some("payment") {
            let rows = date::list(&mut reader, range, kind, cursor.date.clone(), limit).await?;
            all.extend(rows.into_iter().map(Entry::Date));
            let rows = span::list(&mut reader, range, kind, cursor.span.clone(), limit).await?;
            all.extend(rows.into_iter().map(|row| {
                let at = row.first.as_str().max(range.0).to_owned();
                Entry::Span(at, row)
            }));
        }
        if kind.is_none_or(|kind| kind == "payment") {
            let span = (Some(range.0), Some(range.1));
            let rows = flow::list(&mut reader, None, span, cursor.flow.clone(), limit).await?;
            all.extend(rows.into_iter().map(Entry::Flow));
        }
        all.sort_by(|a, b| a.order().cmp(&b.order()));
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = all.len() > size;
        all.truncate(size);
        for entry in &all {
            match entry {
                Entry::Date(row) => {
                    let place = (row.date.clone(), row.trade_no, row.kind.clone(), row.n);
                    cursor.date = Some(place);
                }
                Entry::Flow(row) => {
                    let place = (row.pay_date.clone(), row.trade_no, row.flow_id.clone());
                    cursor.flow = Some(place);
                }
                Entry::Span(at, row) => {
                    let place = (at.clone(), row.trade_no, row.kind.clone(), row.n);
                    cursor.span = Some(place);
                }
            }
        }
        let mut last: BTreeMap<String, Option<Decimal>> = BTreeMap::new();
        let mut items = Vec::new();
        for entry in all {
            items.push(match entry {
                // It has its place in the list, so that the next page begins behind it.
                Entry::Flow(row) if row.status == "reversed" => continue,
                Entry::Flow(row) => payment(row)?,
                Entry::Date(row) => {
                    let price = last_price(&mut reader, &row.code, &mut last).await?;
                    observation(row, price)
                }
                Entry::Span(_, row) => {
                    let Some(told) = crate::span::view(&row, range) else {
                        continue;
                    };
                    let price = last_price(&mut reader, &row.code, &mut last).await?;
                    watched(row, told, price)
                }
            });
        }
        items.sort_by(|a, b| (&a.date, a.trade_no).cmp(&(&b.date, b.trade_no)));
        Ok(CalendarPage {
            items,
            next: more.then(|| cursor.write()),
        })
    }
}

/// The last fixing of an underlying, looked up once.
async fn last_price(
    reader: &mut impl Reader,
    code: &str,
    known: &mut BTreeMap<String, Option<Decimal>>,
) -> Result<Option<Decimal>, DeskError> {
    if code.is_empty() {
        return Ok(None);
    }
    if let Some(price) = known.get(code) {
        return Ok(*price);
    }
    let found = fixing::before(reader, code, "close", "~").await?;
    let price = found.and_then(|row| row.value.parse().ok());
    known.insert(code.to_owned(), price);
    Ok(price)
}

/// A schedule that is looked at day by day, on its next date.
fn watched(row: SpanRow, told: SpanView, last: Option<Decimal>) -> CalendarItemView {
    let date = DateRow {
        trade_id: row.trade_id,
        date: told.next.clone(),
        kind: row.kind,
        n: row.n,
        trade_no: row.trade_no,
        code: row.code,
        level: row.level,
        side: row.side,
        probability: None,
    };
    CalendarItemView {
        span: Some(told),
        ..observation(date, last)
    }
}

fn payment(row: FlowRow) -> Result<CalendarItemView, DeskError> {
    let flow: Flow = serde_json::from_str(&row.document).map_err(DeskError::json("flow"))?;
    Ok(CalendarItemView {
        date: row.pay_date,
        trade_id: row.trade_id,
        trade_no: row.trade_no,
        kind: "payment".to_owned(),
        underlying: None,
        level: Some(words::money(flow.house())),
        side: None,
        distance: None,
        probability: None,
        span: None,
    })
}

fn observation(row: DateRow, last: Option<Decimal>) -> CalendarItemView {
    let level = row
        .level
        .as_deref()
        .and_then(|level| level.parse::<Decimal>().ok());
    let distance = level.zip(last).and_then(|(level, last)| {
        let share = level.checked_div(last)? - Decimal::ONE;
        share.round_dp(6).to_f64()
    });
    CalendarItemView {
        date: row.date,
        trade_id: row.trade_id,
        trade_no: row.trade_no,
        kind: row.kind,
        underlying: Some(row.code).filter(|code| !code.is_empty()),
        level: row.level,
        side: row.side,
        distance,
        probability: row.probability.and_then(|text| text.parse().ok()),
        span: None,
    }
}
