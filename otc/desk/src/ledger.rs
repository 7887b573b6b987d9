//! Chains of trades in and out of the database.

use std::sync::Arc;

use jiff::Timestamp;
use rialto_otc_lifecycle::{Event, Flow, NewEvent, Receipt, TradeLog};
use rialto_otc_store::event::EventRow;
use rialto_otc_store::flow::{FlowRow, PostingRow};
use rialto_otc_store::trade::{self, TradeRow};
use rialto_otc_store::{Reader, date, event, flow, span};
use rialto_platform_store::{StoreError, Tx, now, to_micros};

use crate::dates::Ahead;
use crate::summary;
use crate::{Desk, DeskError, blocking};

/// Events read at once.
const READ: i64 = 2_000;

/// A trade that is being written: its row as the database has it, its chain, and what was known of
/// flows and postings when it was taken.
pub struct Held {
    pub row: TradeRow,
    pub log: TradeLog,
    flows: Vec<Flow>,
    postings: usize,
    /// Whether the row is not in the database yet.
    fresh: bool,
}

impl Held {
    /// Of a trade that is not in the database yet.
    pub fn fresh(row: TradeRow, log: TradeLog) -> Self {
        Self {
            row,
            log,
            flows: Vec::new(),
            postings: 0,
            fresh: true,
        }
    }

    /// The time to record an event with: now, and never before the chain's last one.
    pub fn known_at(&self) -> Timestamp {
        let last = self.log.events().last().map(|event| event.known_at);
        last.map_or_else(now, |last| last.max(now()))
    }
}

pub(crate) fn row_of(event: &Event) -> Result<EventRow, DeskError> {
    Ok(EventRow {
        trade_id: event.trade_id.clone(),
        seq: i64::try_from(event.seq).unwrap_or(i64::MAX),
        event_id: event.event_id.clone(),
        kind: event.kind.text().to_owned(),
        effective: event.effective_at.date.to_string(),
        known_at: to_micros(event.known_at),
        document: serde_json::to_string(event).map_err(DeskError::json("event"))?,
    })
}

/// All rows of a chain.
async fn rows(reader: &mut impl Reader, trade_id: &str) -> Result<Vec<EventRow>, StoreError> {
    let mut all: Vec<EventRow> = Vec::new();
    loop {
        let after = all.last().map_or(0, |row| row.seq);
        let page = event::of_trade(reader, trade_id, after, READ).await?;
        let full = page.len() == usize::try_from(READ).unwrap_or(usize::MAX);
        all.extend(page);
        if !full {
            return Ok(all);
        }
    }
}

impl Desk {
    /// Folds the chain of a trade; the hash chain and derived events are checked on the way.
    async fn load(&self, reader: &mut impl Reader, row: &TradeRow) -> Result<TradeLog, DeskError> {
        let rows = rows(reader, &row.trade_id).await?;
        let (desk, trade_id, head) = (self.clone(), row.trade_id.clone(), row.head.clone());
        blocking(move || {
            let events = rows.iter().map(|row| serde_json::from_str(&row.document));
            let events: Result<Vec<Event>, _> = events.collect();
            let events = events.map_err(DeskError::json("a stored event"))?;
            let last = events.last().map(|event| event.hash.to_string());
            if last.as_deref() != Some(head.as_str()) {
                let text = format!("the chain of trade {trade_id} does not end where its row says");
                return Err(DeskError::Internal(text));
            }
            Ok(TradeLog::replay(&mut desk.context(), trade_id, events)?)
        })
        .await
    }

    /// A trade and its chain, for reading.
    pub(crate) async fn log(&self, trade_id: &str) -> Result<(TradeRow, Arc<TradeLog>), DeskError> {
        let mut reader = self.db();
        for _ in 0..3 {
            let row = trade::find(&mut reader, trade_id).await?;
            let row = row.ok_or_else(|| DeskError::not_found("trade", trade_id))?;
            let seq = u64::try_from(row.seq).unwrap_or(0);
            let known = self.cache().get(trade_id, seq);
            if let Some(log) = known {
                return Ok((row, log));
            }
            match self.load(&mut reader, &row).await {
                Ok(log) => {
                    let log = Arc::new(log);
                    self.cache().put(Arc::clone(&log));
                    return Ok((row, log));
                }
                // An event was added between reading the row and reading the chain.
                Err(DeskError::Internal(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let text = format!("the chain of trade {trade_id} does not end where its row says");
        Err(DeskError::Internal(text))
    }

    /// Takes a trade for writing, in a transaction.
    pub(crate) async fn hold(&self, tx: &mut Tx<'_>, trade_id: &str) -> Result<Held, DeskError> {
        let row = trade::find(tx, trade_id).await?;
        let row = row.ok_or_else(|| DeskError::not_found("trade", trade_id))?;
        let seq = u64::try_from(row.seq).unwrap_or(0);
        let known = self.cache().take(trade_id, seq);
        let log = match known {
            Some(log) => Arc::unwrap_or_clone(log),
            None => self.load(tx, &row).await?,
        };
        Ok(Held {
            flows: log.trade().flows().to_vec(),
            postings: log.trade().accounts().entries().len(),
            row,
            log,
            fresh: false,
        })
    }

    /// Appends one event to a chain in memory.
    pub(crate) async fn append(
        &self,
        held: Held,
        new: NewEvent,
    ) -> Result<(Held, Receipt), DeskError> {
        let desk = self.clone();
        blocking(move || {
            let mut held = held;
            let receipt = held.log.append(&mut desk.context(), new)?;
            Ok((held, receipt))
        })
        .await
    }

    /// Writes what was appended since the trade was taken: events, flows, postings, the row of the
    /// list and the dates to come, in the caller's transaction.
    pub(crate) async fn persist(&self, tx: &mut Tx<'_>, held: Held) -> Result<Held, DeskError> {
        let desk = self.clone();
        let seen = held.row.seq;
        let (mut held, rows, (dates, names)) = blocking(move || {
            let mut held = held;
            let next = u64::try_from(held.row.seq + 1).unwrap_or(1);
            let rows: Result<Vec<EventRow>, _> = held.log.since(next).iter().map(row_of).collect();
            let rows = rows?;
            let before = held.row.clone();
            summary::refresh(&mut held.row, &held.log)?;
            let dates = crate::dates::changed(&before, &held.row, held.fresh)
                .then(|| crate::dates::rows(&held.row, &held.log, &mut desk.context()));
            let names = match before.contract_version == held.row.contract_version {
                true => Vec::new(),
                false => summary::looks_at(&held.log),
            };
            Ok((held, rows, (dates, names)))
        })
        .await?;
        if rows.is_empty() {
            return Ok(held);
        }
        if held.fresh {
            trade::insert(tx, &held.row).await?;
        } else if !trade::update(tx, &held.row, seen).await? {
            let text = format!("trade {} grew in another transaction", held.row.trade_id);
            return Err(DeskError::Internal(text));
        }
        for (code, rule) in names {
            trade::add_name(tx, &held.row.trade_id, &code, &rule).await?;
        }
        event::insert(tx, &rows).await?;
        self.persist_money(tx, &mut held).await?;
        if let Some(Ahead { dates, spans }) = dates {
            date::replace(tx, &held.row.trade_id, &dates).await?;
            span::replace(tx, &held.row.trade_id, &spans).await?;
        }
        held.fresh = false;
        Ok(held)
    }

    /// Flows that changed and postings that are new.
    async fn persist_money(&self, tx: &mut Tx<'_>, held: &mut Held) -> Result<(), DeskError> {
        let trade = held.log.trade();
        for (n, now) in trade.flows().iter().enumerate() {
            if held.flows.get(n) == Some(now) {
                continue;
            }
            flow::put(tx, &flow_row(&held.row, now)?).await?;
        }
        let entries = trade.accounts().entries();
        for entry in entries.get(held.postings..).unwrap_or_default() {
            flow::insert_posting(tx, &posting_row(&held.row.trade_id, entry)?).await?;
        }
        held.postings = entries.len();
        held.flows = trade.flows().to_vec();
        Ok(())
    }

    /// Gives a trade back after its transaction was committed.
    pub(crate) fn release(&self, held: Held) {
        self.cache().put(Arc::new(held.log));
    }
}

/// Name of an enum value as serde writes it.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

pub(crate) fn flow_row(row: &TradeRow, now: &Flow) -> Result<FlowRow, DeskError> {
    Ok(FlowRow {
        trade_id: row.trade_id.clone(),
        flow_id: now.flow_id.clone(),
        trade_no: row.no,
        counterparty: row.counterparty.clone(),
        status: word(&now.status),
        pay_date: now.pay_date.to_string(),
        document: serde_json::to_string(now).map_err(DeskError::json("flow"))?,
    })
}

pub(crate) fn posting_row(
    trade_id: &str,
    entry: &rialto_otc_lifecycle::Entry,
) -> Result<PostingRow, DeskError> {
    Ok(PostingRow {
        trade_id: trade_id.to_owned(),
        id: i64::try_from(entry.id).unwrap_or(i64::MAX),
        effective: entry.effective.to_string(),
        document: serde_json::to_string(entry).map_err(DeskError::json("posting"))?,
    })
}
