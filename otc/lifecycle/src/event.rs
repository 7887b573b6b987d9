//! Events: immutable, numbered, each bound to the one before by its hash.

use jiff::Timestamp;
use rialto_otc_time::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canon::Hash;
use crate::context::local_date;
use crate::payload::{Kind, Payload};
use crate::refusal::Refusal;

/// Before anything is observed on a date.
pub const PRE_OPEN: u8 = 0;
/// Observations of a date: fixings.
pub const OBSERVED: u8 = 10;
/// After everything observed on a date.
pub const POST_CLOSE: u8 = 60;

/// A point of the contract's life: a date, and on it a phase (specification, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effective {
    /// Date.
    pub date: Date,
    /// Phase: below 10 before the date's observations, from 10 on after them.
    #[serde(default = "post_close")]
    pub phase: u8,
}

const fn post_close() -> u8 {
    POST_CLOSE
}

impl Effective {
    /// At a date and phase.
    #[must_use]
    pub const fn new(date: Date, phase: u8) -> Self {
        Self { date, phase }
    }

    /// After everything observed on a date.
    #[must_use]
    pub const fn after(date: Date) -> Self {
        Self::new(date, POST_CLOSE)
    }

    /// Before anything observed on a date.
    #[must_use]
    pub const fn before(date: Date) -> Self {
        Self::new(date, PRE_OPEN)
    }
}

/// An event in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Event {
    /// Hash of what the checker signed.
    pub approval_hash: Option<Hash>,
    /// The event that led to it.
    pub cause: Option<String>,
    /// Who checked.
    pub checker: Option<String>,
    /// When it takes effect in the contract's life.
    pub effective_at: Effective,
    /// Given by the sender, unique in the trade.
    pub event_id: String,
    /// Hash of everything else here.
    pub hash: Hash,
    /// Of which kind.
    pub kind: Kind,
    /// When the book came to know it.
    pub known_at: Timestamp,
    /// Who made it.
    pub maker: String,
    /// What it says.
    pub payload: Payload,
    /// Hash of the event before; zeros for the first.
    pub prev_hash: Hash,
    /// Number in the trade's chain, from 1.
    pub seq: u64,
    /// Where it comes from: `manual`, a system, a data vendor; `interpreter` for derived ones.
    pub source: String,
    /// The event whose place it takes.
    pub supersedes: Option<String>,
    /// Trade.
    pub trade_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    approval_hash: Option<Hash>,
    cause: Option<String>,
    checker: Option<String>,
    effective_at: Effective,
    event_id: String,
    hash: Hash,
    kind: String,
    known_at: Timestamp,
    maker: String,
    payload: Value,
    prev_hash: Hash,
    seq: u64,
    source: String,
    supersedes: Option<String>,
    trade_id: String,
}

impl TryFrom<Stored> for Event {
    type Error = Refusal;

    fn try_from(stored: Stored) -> Result<Self, Refusal> {
        let payload = Payload::read(&stored.kind, stored.payload)?;
        Ok(Self {
            approval_hash: stored.approval_hash,
            cause: stored.cause,
            checker: stored.checker,
            effective_at: stored.effective_at,
            event_id: stored.event_id,
            hash: stored.hash,
            kind: payload.kind(),
            known_at: stored.known_at,
            maker: stored.maker,
            payload,
            prev_hash: stored.prev_hash,
            seq: stored.seq,
            source: stored.source,
            supersedes: stored.supersedes,
            trade_id: stored.trade_id,
        })
    }
}

/// What is hashed, in the order of names.
#[derive(Serialize)]
struct Hashed<'e> {
    approval_hash: Option<Hash>,
    cause: Option<&'e str>,
    checker: Option<&'e str>,
    effective_at: Effective,
    event_id: &'e str,
    kind: Kind,
    known_at: Timestamp,
    maker: &'e str,
    payload: &'e Payload,
    prev_hash: Hash,
    seq: u64,
    source: &'e str,
    supersedes: Option<&'e str>,
    trade_id: &'e str,
}

impl Event {
    /// Hash of its content: what [`Event::hash`] must be.
    #[must_use]
    pub fn content_hash(&self) -> Hash {
        Hash::of_json(&Hashed {
            approval_hash: self.approval_hash,
            cause: self.cause.as_deref(),
            checker: self.checker.as_deref(),
            effective_at: self.effective_at,
            event_id: &self.event_id,
            kind: self.kind,
            known_at: self.known_at,
            maker: &self.maker,
            payload: &self.payload,
            prev_hash: self.prev_hash,
            seq: self.seq,
            source: &self.source,
            supersedes: self.supersedes.as_deref(),
            trade_id: &self.trade_id,
        })
    }

    /// Hash of what is decided: what a checker signs and what makes two sendings the same.
    #[must_use]
    pub fn subject(&self) -> Hash {
        let supersedes = self.supersedes.as_deref();
        subject(&self.trade_id, self.effective_at, supersedes, &self.payload)
    }
}

#[derive(Serialize)]
struct Subject<'e> {
    effective_at: Effective,
    kind: Kind,
    payload: &'e Payload,
    supersedes: Option<&'e str>,
    trade_id: &'e str,
}

fn subject(trade: &str, at: Effective, supersedes: Option<&str>, payload: &Payload) -> Hash {
    Hash::of_json(&Subject {
        effective_at: at,
        kind: payload.kind(),
        payload,
        supersedes,
        trade_id: trade,
    })
}

/// An event as its sender gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Unique in the trade; sent again with the same content it gives the earlier result.
    pub event_id: String,
    /// Trade.
    pub trade_id: String,
    /// When it takes effect in the contract's life.
    pub effective_at: Effective,
    /// Now.
    pub known_at: Timestamp,
    /// Where it comes from.
    pub source: String,
    /// The event that led to it.
    pub cause: Option<String>,
    /// The event whose place it takes.
    pub supersedes: Option<String>,
    /// What it says.
    pub payload: Payload,
    /// Who makes it.
    pub maker: String,
    /// Who checked.
    pub checker: Option<String>,
    /// Hash of what the checker signed: [`NewEvent::subject`].
    pub approval_hash: Option<Hash>,
    /// The version of the trade that the sender saw (If-Match).
    pub expected_version: Option<u64>,
}

impl NewEvent {
    /// Whether a second person must have signed it: by its kind, a price typed by hand, and a right
    /// used or given up with knowledge of what came after.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        let late = || self.effective_at.date < local_date(self.known_at);
        self.payload.kind().needs_approval()
            || match self.payload {
                Payload::Fixing(_) => self.source == "manual",
                Payload::Exercise(_) | Payload::Abandon(_) => late(),
                _ => false,
            }
    }

    /// Hash of what is decided: what a checker signs. It covers trade, effective date, what is
    /// superseded and the payload, so a signature dies with any change of them.
    #[must_use]
    pub fn subject(&self) -> Hash {
        let supersedes = self.supersedes.as_deref();
        subject(&self.trade_id, self.effective_at, supersedes, &self.payload)
    }

    /// The same, signed by a checker.
    #[must_use]
    pub fn signed(mut self, checker: impl Into<String>) -> Self {
        self.checker = Some(checker.into());
        self.approval_hash = Some(self.subject());
        self
    }
}
