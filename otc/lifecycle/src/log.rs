//! The chain of one trade, and the book of all of them.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use rialto_otc_time::Date;
use serde::Serialize;

use crate::canon::Hash;
use crate::context::Context;
use crate::event::{Effective, Event, NewEvent};
use crate::payload::{Change, Payload, Seen};
use crate::refusal::{Alarm, Fault, Refusal};
use crate::state::{Status, TradeState};
use crate::trade::Trade;

/// What became of an event that was sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Receipt {
    /// The event's id.
    pub event_id: String,
    /// Its number in the chain.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// Number of the last event recorded with it: derived ones stand between.
    pub last_seq: u64,
    /// Version of the trade after it (`ETag`).
    pub version: u64,
    /// Where the trade stands after it.
    pub status: Option<Status>,
    /// Whether it was recorded before: nothing happened now.
    pub repeated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark {
    seq: u64,
    last_seq: u64,
    version: u64,
    status: Option<Status>,
}

/// The chain of one trade and what it adds up to.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeLog {
    events: Vec<Event>,
    marks: HashMap<String, Mark>,
    trade: Trade,
}

impl TradeLog {
    /// Of a trade that is not booked yet.
    #[must_use]
    pub fn new(trade_id: impl Into<String>) -> Self {
        Self {
            events: Vec::new(),
            marks: HashMap::new(),
            trade: Trade::new(trade_id),
        }
    }

    /// Folds a stored chain.
    ///
    /// # Errors
    /// An integrity alarm when the chain is broken or its derived events differ from what its
    /// inputs give.
    pub fn replay(
        context: &mut Context<'_>,
        trade_id: impl Into<String>,
        events: Vec<Event>,
    ) -> Result<Self, Alarm> {
        let mut log = Self::new(trade_id);
        for event in &events {
            log.trade.apply(context, event)?;
            log.mark(event);
        }
        if !log.trade.is_complete() {
            return Err(Alarm {
                trade_id: log.trade.trade_id.clone(),
                seq: log.trade.seq(),
                fault: Fault::Sequence {
                    expected: log.trade.seq() + 1,
                },
            });
        }
        log.events = events;
        Ok(log)
    }

    fn mark(&mut self, event: &Event) {
        let (last_seq, version, status) = (event.seq, self.trade.version(), self.trade.status());
        let id = match (event.kind.is_derived(), &event.cause) {
            (true, Some(cause)) => cause,
            _ => &event.event_id,
        };
        let seq = event.seq;
        let mark = self.marks.entry(id.clone()).or_insert(Mark {
            seq,
            last_seq,
            version,
            status,
        });
        mark.last_seq = last_seq;
    }

    /// All events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What they add up to.
    #[must_use]
    pub const fn trade(&self) -> &Trade {
        &self.trade
    }

    /// Events from a number on: what has to be stored after [`TradeLog::append`].
    #[must_use]
    pub fn since(&self, seq: u64) -> &[Event] {
        let from = usize::try_from(seq.saturating_sub(1)).unwrap_or(usize::MAX);
        self.events.get(from..).unwrap_or_default()
    }

    /// Records an event and what the interpreter derives from it. An id sent again with the same
    /// content gives the earlier result; so does a fixing that is known with the same value.
    ///
    /// # Errors
    /// The reason of a refusal; nothing was changed then.
    pub fn append(&mut self, context: &mut Context<'_>, new: NewEvent) -> Result<Receipt, Refusal> {
        if let Some(earlier) = self.earlier(&new)? {
            return Ok(earlier);
        }
        self.check_trade(&new)?;
        self.trade.check(context, &new)?;
        self.check_superseded(&new)?;
        let event = self.link(new.clone());
        let mut next = self.trade.clone();
        let changes = next.input(context, &event)?;
        if event.kind.needs_version() {
            next.check_effect(&new)?;
        }
        self.trade = next;
        Ok(self.record(event, changes))
    }

    fn record(&mut self, event: Event, changes: Vec<Change>) -> Receipt {
        let inputs = self.trade.walk.cursor.hash.and(&[&event.hash.0]);
        let (seq, hash, cause) = (event.seq, event.hash, event.event_id.clone());
        let (known_at, at) = (event.known_at, event.effective_at);
        let trade_id = event.trade_id.clone();
        self.trade.cause = Some(cause.clone());
        self.follow(event);
        for change in changes {
            let effective_at = effective(&change, at);
            let payload = change.payload(inputs);
            let seq = self.trade.head.seq + 1;
            let event = Event {
                approval_hash: None,
                cause: Some(cause.clone()),
                checker: None,
                effective_at,
                event_id: format!("{trade_id}#{seq}"),
                hash: Hash::ZERO,
                kind: payload.kind(),
                known_at,
                maker: "interpreter".to_owned(),
                payload,
                prev_hash: self.trade.head.hash,
                seq,
                source: "interpreter".to_owned(),
                supersedes: None,
                trade_id: trade_id.clone(),
            };
            self.follow(seal(event));
        }
        Receipt {
            event_id: cause,
            seq,
            hash,
            last_seq: self.trade.head.seq,
            version: self.trade.version(),
            status: self.trade.status(),
            repeated: false,
        }
    }

    fn follow(&mut self, event: Event) {
        self.trade.head = crate::trade::Head {
            seq: event.seq,
            hash: event.hash,
            known_at: Some(event.known_at),
        };
        self.mark(&event);
        self.events.push(event);
    }

    fn link(&self, new: NewEvent) -> Event {
        seal(Event {
            approval_hash: new.approval_hash,
            cause: new.cause,
            checker: new.checker,
            effective_at: new.effective_at,
            event_id: new.event_id,
            hash: Hash::ZERO,
            kind: new.payload.kind(),
            known_at: new.known_at,
            maker: new.maker,
            payload: new.payload,
            prev_hash: self.trade.head.hash,
            seq: self.trade.head.seq + 1,
            source: new.source,
            supersedes: new.supersedes,
            trade_id: new.trade_id,
        })
    }

    /// The result of the same event sent before.
    fn earlier(&self, new: &NewEvent) -> Result<Option<Receipt>, Refusal> {
        if let Some(mark) = self.marks.get(&new.event_id) {
            let Some(event) = self.at(mark.seq) else {
                return Ok(None);
            };
            if event.subject() == new.subject() && event.maker == new.maker {
                return Ok(Some(receipt(event, mark)));
            }
            let en = format!(
                "Event {:?} is recorded with other content. Use a new id.",
                new.event_id
            );
            let zh = format!("事件 {:?} 已以不同内容登记，请使用新编号。", new.event_id);
            let refusal = Refusal::new("E-BOOK-CONFLICT", "/event_id", en, zh);
            return Err(refusal.value(&new.event_id));
        }
        let Payload::Fixing(fixing) = &new.payload else {
            return Ok(None);
        };
        let slot = self.trade.deal.find_slot(&fixing.code, &fixing.rule);
        let known = slot.and_then(|slot| self.trade.deal.fixings.get(&(fixing.date, slot)));
        let same = known.filter(|known| known.value == fixing.value && new.supersedes.is_none());
        let event = same.and_then(|known| self.at(known.seq));
        Ok(event.and_then(|event| Some(receipt(event, self.marks.get(&event.event_id)?))))
    }

    fn at(&self, seq: u64) -> Option<&Event> {
        self.events.get(usize::try_from(seq).ok()?.checked_sub(1)?)
    }

    fn check_trade(&self, new: &NewEvent) -> Result<(), Refusal> {
        if new.trade_id == self.trade.trade_id && !new.trade_id.is_empty() {
            return Ok(());
        }
        let en = format!(
            "The event is of trade {:?}, the chain of {:?}.",
            new.trade_id, self.trade.trade_id
        );
        let zh = format!(
            "事件属于交易 {:?}，链属于 {:?}。",
            new.trade_id, self.trade.trade_id
        );
        Err(Refusal::new("E-BOOK-TRADE", "/trade_id", en, zh).value(&new.trade_id))
    }

    /// What is superseded must be the fixing in force.
    fn check_superseded(&self, new: &NewEvent) -> Result<(), Refusal> {
        let Some(superseded) = &new.supersedes else {
            return Ok(());
        };
        let Payload::FixingCorrected(fixing) = &new.payload else {
            let en = "Only fixings are superseded. Amend or cancel what was decided.";
            let zh = "仅定盘价可被取代；其他决定请修订或撤销。";
            return Err(Refusal::new("E-BOOK-SUPERSEDES", "/supersedes", en, zh).value(superseded));
        };
        let slot = self.trade.deal.find_slot(&fixing.code, &fixing.rule);
        let known = slot.and_then(|slot| self.trade.deal.fixings.get(&(fixing.date, slot)));
        let now = known
            .and_then(|known| self.at(known.seq))
            .map(|event| event.event_id.as_str());
        if now == Some(superseded.as_str()) {
            return Ok(());
        }
        let now = now.unwrap_or_default();
        let en = format!("The fixing in force is told by event {now:?}; supersede that one.");
        let zh = format!("现行定盘价来自事件 {now:?}，请取代该事件。");
        Err(Refusal::new("E-BOOK-SUPERSEDES", "/supersedes", en, zh).value(superseded))
    }

    /// The trade at a date (what takes effect up to its end), as it was known at a time.
    ///
    /// # Errors
    /// When its contract does not compile any more (other calendars).
    pub fn state_at(
        &self,
        context: &mut Context<'_>,
        effective: Date,
        known: Timestamp,
    ) -> Result<TradeState, Refusal> {
        let at = Effective::new(effective, u8::MAX);
        Ok(self.fold_at(context, at, known)?.state())
    }

    /// The fold behind [`TradeLog::state_at`].
    ///
    /// # Errors
    /// As there.
    pub fn fold_at(
        &self,
        context: &mut Context<'_>,
        effective: Effective,
        known: Timestamp,
    ) -> Result<Trade, Refusal> {
        let mut trade = Trade::new(self.trade.trade_id.clone());
        let inputs = self.events.iter().filter(|event| {
            !event.kind.is_derived() && event.known_at <= known && event.effective_at <= effective
        });
        for event in inputs {
            trade.input(context, event)?;
        }
        Ok(trade)
    }

    /// The trade now.
    #[must_use]
    pub fn state(&self) -> TradeState {
        self.trade.state()
    }
}

fn seal(mut event: Event) -> Event {
    event.hash = event.content_hash();
    event
}

fn receipt(event: &Event, mark: &Mark) -> Receipt {
    Receipt {
        event_id: event.event_id.clone(),
        seq: event.seq,
        hash: event.hash,
        last_seq: mark.last_seq,
        version: mark.version,
        status: mark.status,
        repeated: true,
    }
}

/// Where a derived event stands in the contract's life.
fn effective(change: &Change, cause: Effective) -> Effective {
    match change {
        Change::Observed(fact) | Change::Withdrawn(fact) => {
            let phase = match &fact.what {
                Seen::Ended(crate::state::Outcome::KnockedOut) => 30,
                Seen::Ended(_) => 50,
                Seen::Set { var, .. } if var == "ki" => 40,
                Seen::Set { .. } => 35,
                Seen::Hit(_) => 10,
            };
            Effective::new(fact.on, phase)
        }
        Change::Determined(flow) => Effective::new(flow.observed, 50),
        Change::Reversed { .. } | Change::Status { .. } | Change::Review(_) => cause,
    }
}

/// All trades, by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    trades: BTreeMap<String, TradeLog>,
}

impl Book {
    /// Records an event in its trade's chain (see [`TradeLog::append`]).
    ///
    /// # Errors
    /// The reason of a refusal; nothing was changed then.
    pub fn append(&mut self, context: &mut Context<'_>, new: NewEvent) -> Result<Receipt, Refusal> {
        if let Some(log) = self.trades.get_mut(&new.trade_id) {
            return log.append(context, new);
        }
        let mut log = TradeLog::new(new.trade_id.clone());
        let receipt = log.append(context, new)?;
        self.trades.insert(log.trade.trade_id.clone(), log);
        Ok(receipt)
    }

    /// One trade.
    #[must_use]
    pub fn trade(&self, trade_id: &str) -> Option<&TradeLog> {
        self.trades.get(trade_id)
    }

    /// All trades.
    pub fn trades(&self) -> impl Iterator<Item = (&str, &TradeLog)> {
        self.trades.iter().map(|(id, log)| (id.as_str(), log))
    }
}
