//! Trades: booked, listed, shown.

use jiff::Timestamp;
use rialto_otc_contract::TermSheet;
use rialto_otc_lifecycle::{TradeLog, net};
use rialto_otc_store::trade::{self, Order, Place, TradeRow, Wanted};
use rialto_otc_time::Date;
use rialto_platform_store::{from_micros, now};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::dates;
use crate::summary::NO_DATE;
use crate::view::{
    EventView, LinkView, PostingView, StateView, TradeFlows, TradePage, TradePostings,
    TradeRowView, TradeView, Words,
};
use crate::{Desk, DeskError, blocking, event, termsheet, words};

/// Most rows of a page of trades.
pub const MOST_ROWS: u32 = 500;

/// A trade to be booked.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookInput {
    /// The term sheet; its `trade_id` names the trade.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// Name of the counterparty, when the sheet names none.
    pub counterparty: Option<String>,
    /// The trade it continues.
    pub link: Option<LinkView>,
    /// Since when it lives in the place of the trade it continues, `yyyy-mm-dd`; only with a link.
    pub effective: Option<String>,
    /// Unique in the trade; `book` when not told.
    pub event_id: Option<String>,
}

/// Which trades are asked for.
#[derive(Debug, Clone, Default)]
pub struct TradeQuery {
    /// Statuses, separated by commas.
    pub status: Option<String>,
    /// Underlying.
    pub underlying: Option<String>,
    /// Product.
    pub product: Option<String>,
    /// Counterparty.
    pub counterparty: Option<String>,
    /// Text in id, title, counterparty or underlying.
    pub text: Option<String>,
    /// Name of an order, `-` before it for largest first.
    pub sort: Option<String>,
}

impl TradeQuery {
    pub(crate) fn wanted(&self) -> Result<Wanted, DeskError> {
        let sort = self.sort.as_deref().unwrap_or("-no");
        let (name, descending) = match sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (sort, false),
        };
        let order = Order::named(name).ok_or_else(|| {
            let known = Order::NAMES.join(", ");
            let text = format!("`{name}` is not one of {known} (`-` before it: largest first)");
            let zh = format!("`{name}` 不可用；可选 {known}（前加 `-` 表示从大到小）");
            DeskError::invalid("sort", "unknown", text, zh)
        })?;
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let status = filled(&self.status).unwrap_or_default();
        let status: Vec<String> = status
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        for name in &status {
            let known =
                serde_json::from_value::<rialto_otc_lifecycle::Status>(name.as_str().into());
            if known.is_err() {
                let text = format!("`{name}` is no status of a trade");
                let zh = format!("`{name}` 不是交易状态");
                return Err(DeskError::invalid("status", "unknown", text, zh));
            }
        }
        Ok(Wanted {
            status,
            underlying: filled(&self.underlying),
            product: filled(&self.product),
            counterparty: filled(&self.counterparty),
            text: filled(&self.text),
            order,
            descending,
        })
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A row as it is shown.
pub fn row_view(row: TradeRow) -> Result<TradeRowView, DeskError> {
    Ok(TradeRowView {
        id: row.trade_id,
        no: row.no,
        product: row.product,
        title: Words::new(row.title_en, row.title_zh),
        underlying: row.underlying,
        counterparty: row.counterparty,
        direction: row.direction,
        notional: row.notional,
        currency: row.currency,
        start: row.start_date,
        end: row.end_date,
        status: row.status,
        flags: row
            .flags
            .split(',')
            .filter(|flag| !flag.is_empty())
            .map(str::to_owned)
            .collect(),
        version: u64::try_from(row.version).unwrap_or(0),
        seq: u64::try_from(row.seq).unwrap_or(0),
        next_observation: some(&row.next_date).filter(|date| date != NO_DATE),
        observed_to: some(&row.observed_to),
        outcome: some(&row.outcome),
        pv: row.pv.as_deref().and_then(|pv| pv.parse().ok()),
        pv_as_of: row.pv_as_of,
        updated_at: from_micros(row.updated_at)?,
    })
}

/// A page of trades and the place after it.
pub struct TradeList {
    /// The page, without its token.
    pub page: TradePage,
    /// Where the next page begins.
    pub next: Option<String>,
}

impl Desk {
    /// A page of trades: one indexed query, no fold.
    ///
    /// # Errors
    /// [`DeskError::Invalid`] for an unknown status or order.
    pub async fn trades(
        &self,
        query: &TradeQuery,
        after: Option<&str>,
        size: u32,
    ) -> Result<TradeList, DeskError> {
        let wanted = query.wanted()?;
        let after = after.and_then(|cursor| {
            let (no, key) = cursor.split_once('|')?;
            Some(Place {
                key: key.to_owned(),
                no: no.parse().ok()?,
            })
        });
        let mut reader = self.db();
        let limit = i64::from(size) + 1;
        let mut rows = trade::list(&mut reader, &wanted, after.as_ref(), limit).await?;
        let counts = trade::counts(&mut reader).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more).map(|row| {
            let place = Place::of(row, wanted.order);
            format!("{}|{}", place.no, place.key)
        });
        let items: Result<_, _> = rows.into_iter().map(row_view).collect();
        let page = TradePage {
            items: items?,
            next_page_token: None,
            counts: counts.into_iter().collect(),
        };
        Ok(TradeList { page, next: last })
    }

    /// A trade with its terms, state and what may be done with it.
    ///
    /// # Errors
    /// [`DeskError::NotFound`]; [`DeskError::Alarm`] when the stored chain is broken.
    pub async fn trade(&self, trade_id: &str) -> Result<TradeView, DeskError> {
        let (row, log) = self.log(trade_id).await?;
        let desk = self.clone();
        blocking(move || trade_view(&desk, row, &log)).await
    }

    /// Events of a trade after a number, in order.
    ///
    /// # Errors
    /// As [`Desk::trade`].
    pub async fn events(
        &self,
        trade_id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<EventView>, DeskError> {
        let (_, log) = self.log(trade_id).await?;
        let events = log.since(after + 1).iter().take(limit);
        Ok(events.map(words::event).collect())
    }

    /// The trade at a date, as it was known at a time.
    ///
    /// # Errors
    /// As [`Desk::trade`].
    pub async fn state(
        &self,
        trade_id: &str,
        effective: Option<Date>,
        known: Option<Timestamp>,
    ) -> Result<StateView, DeskError> {
        let (_, log) = self.log(trade_id).await?;
        if effective.is_none() && known.is_none() {
            return Ok(words::state(&log.state()));
        }
        let desk = self.clone();
        blocking(move || {
            let effective = effective.unwrap_or(Date::MAX);
            let known = known.unwrap_or_else(now);
            let state = log.state_at(&mut desk.context(), effective, known)?;
            Ok(words::state(&state))
        })
        .await
    }

    /// Flows of a trade.
    ///
    /// # Errors
    /// As [`Desk::trade`].
    pub async fn trade_flows(&self, trade_id: &str) -> Result<TradeFlows, DeskError> {
        let (row, log) = self.log(trade_id).await?;
        let flows = log.trade().flows();
        let items = flows.iter().map(|flow| {
            let mut view = words::flow(flow);
            view.trade_no = Some(row.no);
            view.counterparty = Some(row.counterparty.clone());
            view
        });
        Ok(TradeFlows {
            items: items.collect(),
            netted: net(flows).iter().map(words::netted).collect(),
        })
    }

    /// Postings of a trade.
    ///
    /// # Errors
    /// As [`Desk::trade`].
    pub async fn trade_postings(&self, trade_id: &str) -> Result<TradePostings, DeskError> {
        let (_, log) = self.log(trade_id).await?;
        let entries = log.trade().accounts().entries().iter();
        let items: Vec<PostingView> = entries.map(words::posting).collect();
        let balances = words::state(&log.state()).balances;
        Ok(TradePostings { items, balances })
    }
}

fn trade_view(desk: &Desk, row: TradeRow, log: &TradeLog) -> Result<TradeView, DeskError> {
    let sheet = log.trade().sheet();
    let sheet = sheet.ok_or_else(|| DeskError::not_found("trade", log.trade().id()))?;
    let known = dates::initials(log);
    let contract = termsheet::compiled(desk, &sheet, &known)?;
    let state = log.state();
    Ok(TradeView {
        terms: sheet.to_value(),
        words: termsheet::lines(&contract),
        allowed: event::sendable(state.status, &contract),
        state: words::state(&state),
        quote_id: row.quote_id.clone(),
        open_approval: row.open_approval.clone(),
        row: row_view(row)?,
    })
}

/// The sheet of a booking: the counterparty set, when the sheet names none.
pub fn booked_sheet(input: &BookInput) -> Result<TermSheet, DeskError> {
    let mut sheet = TermSheet::from_value(&input.terms)?;
    if let Some(name) = input
        .counterparty
        .as_deref()
        .filter(|name| !name.is_empty())
    {
        let labels = &mut sheet.parties.counterparty;
        let shown = crate::summary::party(labels);
        if shown.is_empty() || !labels.contains_key("name") {
            labels.insert("name".to_owned(), name.to_owned());
        } else if shown != name {
            let text = format!("the sheet's counterparty is {shown}");
            let zh = format!("条款所写交易对手为 {shown}");
            return Err(DeskError::invalid("/counterparty", "conflict", text, zh));
        }
    }
    Ok(sheet)
}
