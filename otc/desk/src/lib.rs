//! The OTC desk: application services over the pure crates of contract, market, pricing and book.
//!
//! Every change is one transaction: events in the trade's hash chain, the rows lists are read from,
//! the evidence record and the change told to live readers. Pricing and folding run on threads that
//! may block.

mod approval;
mod book;
mod cache;
mod calendar;
mod catalog;
mod chart;
mod dates;
mod effects;
mod error;
mod event;
mod export;
mod fixing;
mod flow;
mod import;
mod ledger;
mod mark;
mod novation;
mod price;
mod quote;
mod record;
pub mod sample;
mod snapshot;
mod span;
mod summary;
mod termsheet;
mod trade;
pub mod view;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rialto_otc_lifecycle::{Context, Policy};
use rialto_otc_time::{Calendars, Date};
use rialto_platform_evidence::EvidenceLog;
use rialto_platform_store::{Db, now};

pub use approval::Decided;
pub use calendar::CalendarPage;
pub use error::DeskError;
pub use event::{EventInput, Sent};
pub use export::{ExportQuery, Form, Table};
pub use fixing::{FixingInput, FixingItem, RawRow};
pub use flow::{Payment, PaymentInput};
pub use import::{FileKind, MOST_BYTES};
pub use price::engines;
pub use price::{LadderInput, PriceInput, SolveInput};
pub use quote::{AcceptInput, ChargesInput, QuoteInput, SpreadsInput};
pub use rialto_otc_contract::Findings;
pub use rialto_otc_lifecycle::Refusal as BookRefusal;
pub use rialto_otc_store::MIGRATIONS;
pub use trade::{BookInput, MOST_ROWS, TradeList, TradeQuery};
pub use words::findings;

use cache::Cache;

/// The desk; cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    evidence: EvidenceLog,
    policy: Policy,
    market_days: Option<u32>,
    context: Mutex<Context<'static>>,
    cache: Mutex<Cache>,
    markets: Mutex<snapshot::Markets>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// Over a migrated database, with the built-in calendars and the default rules of the house.
    /// Quotes are firm on markets of at most `market_days` calendar days, on any when not told.
    #[must_use]
    pub fn new(db: Db, evidence: EvidenceLog, market_days: Option<u32>) -> Self {
        let policy = Policy::default();
        let context = Context::new(Calendars::builtin(), policy.clone());
        Self {
            inner: Arc::new(Inner {
                db,
                evidence,
                policy,
                market_days,
                context: Mutex::new(context),
                cache: Mutex::new(Cache::default()),
                markets: Mutex::new(snapshot::Markets::default()),
            }),
        }
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    pub(crate) fn market_days(&self) -> Option<u32> {
        self.inner.market_days
    }

    pub(crate) fn evidence(&self) -> &EvidenceLog {
        &self.inner.evidence
    }

    /// Calendars, rules and compiled contracts. A thread that broke while it held them left them
    /// whole: they are only ever added to.
    pub(crate) fn context(&self) -> MutexGuard<'_, Context<'static>> {
        self.inner
            .context
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.inner
            .cache
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn markets(&self) -> MutexGuard<'_, snapshot::Markets> {
        self.inner
            .markets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calendars(&self) -> &'static Calendars {
        Calendars::builtin()
    }
}

/// The date in Shanghai (UTC+8 all year since 1991), where the book is kept.
pub(crate) fn local_date(at: Timestamp) -> Date {
    let days = (at.as_second() + 8 * 3600).div_euclid(86_400);
    i32::try_from(days)
        .ok()
        .and_then(|days| Date::from_days(days).ok())
        .unwrap_or(Date::MAX)
}

pub(crate) fn today() -> Date {
    local_date(now())
}

/// Runs work that computes on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
) -> Result<T, DeskError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| DeskError::Internal(format!("a worker thread ended early: {e}")))?
}
