//! The fold of one trade: what its events add up to.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::envelope::Size;
use rialto_otc_contract::formula::grouped;
use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::canon::Hash;
use crate::context::Context;
use crate::deal::Deal;
use crate::event::Event;
use crate::flow::Flow;
use crate::payload::{Change, Derived, Fact, Kind, Link, Seen};
use crate::postings::{Accounts, Stamp};
use crate::refusal::{Alarm, Fault, Refusal};
use crate::state::{Review, Status, TradeState, Why};
use crate::walk::{Undone, Walk};

/// End of the chain so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
    pub(crate) known_at: Option<Timestamp>,
}

/// What flows need to know about the contract.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) counterparty: String,
    pub(crate) agreement: String,
    pub(crate) currency: String,
    /// +1 when the house holds the product, -1 when it sold it.
    pub(crate) house_sign: i8,
    /// What the holder pays at inception.
    pub(crate) inception: Vec<Payment>,
    pub(crate) observed_from: Option<Date>,
    pub(crate) codes: Vec<String>,
}

/// A payment of the holder at inception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Payment {
    /// `premium` or `paid_in`.
    pub(crate) leg: String,
    /// Currency units, paid by the holder; negative when the house pays.
    pub(crate) amount: Decimal,
    pub(crate) date: Date,
    /// Its formula with numbers.
    pub(crate) trace: String,
}

/// What the holder pays at inception, by the sheet.
///
/// A contract that pays principal back has it paid in first: `paid_in`, on the date of the premium
/// or of the start. The premium a sheet names is the whole price of the contract. For a contract
/// without principal it is a flow of its own; for a funded one the principal is part of it, and what
/// is left (above par, or below: then the house pays) is the flow `premium`. So what is paid in as
/// principal is always what the contract pays back when nothing is lost.
///
/// `since` is the day from which a contract lives that another party, or another system, began. Its
/// principal was paid in there and is not paid twice: only a premium is a flow, what the new party
/// pays to come in.
///
/// A part that ends early, an increase, a termination and a novation are paid by their own unwind
/// price and leave these flows as they are: the price settles what was paid in, too. An amended
/// notional or margin level is what should have been paid in from the start; a difference to what
/// was settled is paid as an adjustment. A cancellation takes them back like any flow.
fn inception(sheet: &TermSheet, start: Option<Date>, since: Option<Date>) -> Vec<Payment> {
    let premium = sheet.premium.as_ref();
    let date = premium.and_then(|premium| premium.date).or(since).or(start);
    let Some(date) = date else {
        return Vec::new();
    };
    let principal = sheet.principal().filter(|_| since.is_none());
    let mut all = Vec::new();
    if let Some(principal) = &principal {
        all.push(Payment {
            leg: "paid_in".to_owned(),
            amount: principal.amount,
            date,
            trace: principal.trace(),
        });
    }
    if let Some(premium) = premium {
        let whole = grouped(premium.amount);
        let (amount, trace) = match &principal {
            None => (premium.amount, format!("premium {whole}")),
            Some(principal) => (
                premium.amount - principal.amount,
                format!("premium {whole} - {}", principal.trace()),
            ),
        };
        // A contract issued at par has nothing left; a premium of nothing is told as it is.
        if principal.is_none() || !amount.is_zero() {
            let leg = "premium".to_owned();
            all.push(Payment {
                leg,
                amount,
                date,
                trace,
            });
        }
    }
    all
}

impl Terms {
    /// `since`: the day from which it lives, of a contract that continues another.
    pub(crate) fn of(sheet: &TermSheet, since: Option<Date>) -> Self {
        use rialto_otc_contract::envelope::When;
        let party = &sheet.parties.counterparty;
        let party = ["lei", "uscc", "name"]
            .iter()
            .find_map(|name| party.get(*name));
        let start = match sheet.dates.start {
            Some(When::Date(date)) => Some(date),
            _ => None,
        };
        let from = since.or(sheet.dates.trade).or(start);
        Self {
            counterparty: party.cloned().unwrap_or_default(),
            agreement: sheet.agreement.get("id").cloned().unwrap_or_default(),
            currency: sheet.currency.clone(),
            house_sign: sheet.direction.house_sign(),
            inception: inception(sheet, start, since),
            observed_from: from,
            codes: sheet.underlyings.iter().map(|u| u.code.clone()).collect(),
        }
    }
}

/// The booking that awaits approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Booked {
    pub(crate) subject: Hash,
    pub(crate) maker: String,
    /// When it takes effect.
    #[serde(default)]
    pub(crate) on: Option<Date>,
}

/// The fold of one trade. It can be written and read back at any point (a replay that was killed
/// goes on from there); compiled contracts are made again when needed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    pub(crate) trade_id: String,
    pub(crate) head: Head,
    /// Derived events that must come next, with the input they come from.
    pub(crate) expected: VecDeque<Derived>,
    pub(crate) cause: Option<String>,
    pub(crate) workflow: Option<Status>,
    pub(crate) status: Option<Status>,
    pub(crate) version: u64,
    pub(crate) booked: Option<Booked>,
    /// The day from which it lives, when it continues another.
    #[serde(default)]
    pub(crate) since: Option<Date>,
    pub(crate) terms: Terms,
    pub(crate) deal: Deal,
    pub(crate) walk: Walk,
    pub(crate) flows: Vec<Flow>,
    /// How many of the walk's flows are in `flows`.
    pub(crate) taken: usize,
    pub(crate) accounts: Accounts,
    /// Whether the accounts are closed.
    pub(crate) closed: bool,
    pub(crate) reviews: Vec<Review>,
    pub(crate) last_review: u64,
    pub(crate) link: Option<Link>,
    pub(crate) replacement: Option<String>,
}

/// One input under way.
pub(crate) struct Turn {
    pub(crate) changes: Vec<Change>,
    pub(crate) undone: Undone,
    pub(crate) stamp: Stamp,
    /// Whether all flows must be compared, not the new ones alone.
    pub(crate) whole: bool,
}

impl Trade {
    /// A trade that is not booked yet.
    #[must_use]
    pub fn new(trade_id: impl Into<String>) -> Self {
        Self {
            trade_id: trade_id.into(),
            ..Self::default()
        }
    }

    /// Takes the next event of the chain. Inputs are folded; derived events are compared with what
    /// the fold derived.
    ///
    /// # Errors
    /// An integrity alarm; nothing of the event was taken then, unless the fold itself failed.
    pub fn apply(&mut self, context: &mut Context<'_>, event: &Event) -> Result<(), Alarm> {
        let alarm = |fault| Alarm {
            trade_id: event.trade_id.clone(),
            seq: event.seq,
            fault,
        };
        let expected = self.head.seq + 1;
        if event.seq != expected || event.trade_id != self.trade_id {
            return Err(alarm(Fault::Sequence { expected }));
        }
        if event.prev_hash != self.head.hash {
            return Err(alarm(Fault::Chain));
        }
        if event.content_hash() != event.hash || event.kind != event.payload.kind() {
            return Err(alarm(Fault::Content));
        }
        let differs = |expected: Option<&Derived>| {
            let shown = |derived: Option<&Derived>| match derived {
                None => "nothing".to_owned(),
                Some(derived) => serde_json::to_string(derived).unwrap_or_default(),
            };
            let found = shown(event.payload.derived());
            let expected = shown(expected);
            alarm(Fault::Derived { expected, found })
        };
        if event.kind.is_derived() {
            let next = self.expected.front();
            let kind = next.map(|next| next.change.kind());
            let same = kind == Some(event.kind) && next == event.payload.derived();
            if !same || event.cause != self.cause {
                return Err(differs(next));
            }
            self.expected.pop_front();
        } else {
            if let Some(missing) = self.expected.front() {
                return Err(differs(Some(missing)));
            }
            let changes = self
                .input(context, event)
                .map_err(|r| alarm(Fault::Fold(Box::new(r))))?;
            self.expect(event, changes);
        }
        self.follow(event);
        Ok(())
    }

    /// Remembers what must come behind an input.
    fn expect(&mut self, event: &Event, changes: Vec<Change>) {
        let inputs = self.walk.cursor.hash.and(&[&event.hash.0]);
        self.expected = changes
            .into_iter()
            .map(|change| Derived {
                change: Box::new(change),
                inputs,
            })
            .collect();
        self.cause = Some(event.event_id.clone());
    }

    fn follow(&mut self, event: &Event) {
        self.head = Head {
            seq: event.seq,
            hash: event.hash,
            known_at: Some(event.known_at),
        };
    }

    /// Whether derived events are still missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.expected.is_empty()
    }

    /// Folds an input event; returns what changed.
    pub(crate) fn input(
        &mut self,
        context: &mut Context<'_>,
        event: &Event,
    ) -> Result<Vec<Change>, Refusal> {
        let mut turn = Turn {
            changes: Vec::new(),
            undone: Undone::default(),
            stamp: Stamp {
                cause: event.seq,
                known_at: event.known_at,
                effective: event.effective_at.date,
            },
            whole: false,
        };
        if event.kind.is_decision() {
            self.version += 1;
        }
        self.record(event, &mut turn)?;
        let old_facts = self.walk.facts.len();
        if self.workflow == Some(Status::Live) {
            self.walk.advance(&mut self.deal, context)?;
        }
        self.compare(old_facts, &mut turn);
        if self.workflow == Some(Status::Live) {
            self.reconcile(context, &mut turn)?;
        }
        self.pass(context, &mut turn);
        if self.walk.outcome.is_some() {
            // What is over is seldom walked again; its plan need not stay in memory.
            self.deal.unload();
        }
        Ok(turn.changes)
    }

    /// Facts that are new and facts that are no longer so; reviews of what ended otherwise.
    fn compare(&mut self, old: usize, turn: &mut Turn) {
        let new = self.walk.facts.get(old..).unwrap_or_default();
        let gone = &turn.undone.facts;
        let same = gone.iter().zip(new).take_while(|(a, b)| a == b).count();
        let (gone, new) = (&gone[same..], &new[same..]);
        let withdrawn = gone.iter().filter(|fact| !new.contains(fact));
        let withdrawn: Vec<Change> = withdrawn.cloned().map(Change::Withdrawn).collect();
        let observed = new.iter().filter(|fact| !gone.contains(fact));
        turn.changes.extend(withdrawn);
        turn.changes.extend(observed.cloned().map(Change::Observed));
        match (turn.undone.outcome, self.walk.outcome) {
            (Some(_), None) => self.review(Why::Reopened, turn),
            (Some(before), Some(after)) if before != after => {
                self.review(Why::OutcomeChanged, turn);
            }
            _ => {}
        }
    }

    pub(crate) fn review(&mut self, why: Why, turn: &mut Turn) {
        self.last_review += 1;
        let review = Review {
            id: self.last_review,
            why,
        };
        self.reviews.push(review.clone());
        turn.changes.push(Change::Review(review));
    }

    /// Passes from status to status, and closes or reopens the accounts.
    fn pass(&mut self, context: &Context<'_>, turn: &mut Turn) {
        let open = self.flows.iter().any(Flow::is_open);
        let target = match (self.workflow, self.walk.outcome) {
            (Some(Status::Live), Some(_)) if open => Some(Status::Settling),
            (Some(Status::Live), Some(_)) => Some(Status::Closed),
            (workflow, _) => workflow,
        };
        let mut path = Vec::new();
        if let (Some(Status::Live), Some(Status::PendingConfirm)) = (self.workflow, self.status) {
            path.push(Status::Live);
        }
        let was_over = matches!(self.status, Some(Status::Settling | Status::Closed));
        if let (Some(Status::Live), Some((outcome, _)), false) =
            (self.workflow, self.walk.outcome, was_over)
        {
            path.extend([outcome.status(), Status::Settling]);
        }
        path.extend(target);
        for to in path {
            match self.status {
                Some(from) if from != to => turn.changes.push(Change::Status { from, to }),
                _ => {}
            }
            self.status = Some(to);
        }
        let over = match self.status {
            Some(Status::Closed) => true,
            Some(Status::Cancelled) => !open,
            _ => false,
        };
        if over != self.closed {
            let realise = context.policy.realise_on_close;
            match over {
                true => self
                    .accounts
                    .close(&self.terms.currency, realise, turn.stamp),
                false => self.accounts.reopen(turn.stamp),
            }
            self.closed = over;
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.trade_id
    }

    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        self.status
    }

    /// Version for If-Match.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// All flows, also those taken back.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// Its accounts.
    #[must_use]
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Number of its last event.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.head.seq
    }

    /// What was observed, in order.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.walk.facts
    }

    /// Fixings in force: underlying, rule, date, price.
    pub fn fixings(&self) -> impl Iterator<Item = (&str, &str, Date, Decimal)> {
        self.deal
            .fixings
            .iter()
            .filter_map(|((date, slot), fixed)| {
                let (code, rule) = self.deal.slots.get(usize::from(*slot))?;
                Some((code.as_str(), rule.as_str(), *date, fixed.value))
            })
    }

    /// The term sheet in force; `None` when the trade is not booked.
    #[must_use]
    pub fn sheet(&self) -> Option<TermSheet> {
        self.deal.sheet(self.walk.cursor.version).ok()
    }

    /// The term sheet in force at the size that is left; `None` when the trade is not booked.
    #[must_use]
    pub fn sized_sheet(&self) -> Option<TermSheet> {
        let mut sheet = self.sheet()?;
        if let Some((left, whole)) = self.walk.cursor.size {
            sheet.size = match sheet.size {
                Size::Notional(_) => Size::Notional(left),
                Size::Quantity(_) => Size::Quantity(left),
            };
            for underlying in &mut sheet.underlyings {
                let scaled = |units: Decimal| units.checked_mul(left)?.checked_div(whole);
                underlying.units = underlying.units.and_then(scaled);
            }
        }
        Some(sheet)
    }

    /// The contract as engines value it: the terms in force with the initial fixings that are known,
    /// the size that is left, and the state of the book with the flows that are `due`. `None` when
    /// the trade is not booked.
    #[must_use]
    pub fn valued_sheet(&self, due: impl Fn(&Flow) -> bool) -> Option<TermSheet> {
        let sheet = self.sized_sheet()?;
        let mut initials = BTreeMap::new();
        for (code, rule, date) in sheet.open_initials() {
            let slot = self.deal.find_slot(code, rule).zip(date);
            if let Some(fixed) = slot.and_then(|(slot, date)| self.deal.fixings.get(&(date, slot)))
            {
                initials.insert(code.to_owned(), fixed.value);
            }
        }
        let mut sheet = sheet.fixed(&initials);
        sheet.premium = None;
        sheet.state = Some(self.state().pricing_state(due));
        Some(sheet)
    }

    /// The trade as people and engines are shown it.
    #[must_use]
    pub fn state(&self) -> TradeState {
        let cursor = &self.walk.cursor;
        let values = cursor.named();
        let values = values
            .map(|(name, value)| (name.to_owned(), value.normalize()))
            .collect();
        let knocked_in = self.walk.facts.iter().rev().find(
            |fact| matches!(&fact.what, Seen::Set { var, to, .. } if var == "ki" && !to.is_zero()),
        );
        let balances = self.accounts.balances().into_iter();
        TradeState {
            trade_id: self.trade_id.clone(),
            status: self.status,
            version: self.version,
            contract_version: self.deal.versions.len(),
            contract_hash: self
                .deal
                .versions
                .get(cursor.version)
                .map(|version| version.hash),
            sheet: self
                .deal
                .versions
                .get(cursor.version)
                .map(|version| version.sheet.clone()),
            size: cursor.size,
            observed_to: cursor.last,
            waiting_for: self.walk.waiting,
            values,
            ki_date: knocked_in.map(|fact| fact.on),
            outcome: self.walk.outcome,
            flows: self.flows.clone(),
            reviews: self.reviews.clone(),
            link: self.link.clone(),
            replacement: self.replacement.clone(),
            balances: balances
                .map(|((account, ccy), sum)| (format!("{} {ccy}", account.text()), sum.normalize()))
                .collect(),
        }
    }

    pub(crate) fn allowed(&self) -> Vec<Kind> {
        crate::state::allowed(self.status)
    }
}
