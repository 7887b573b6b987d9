//! What the desk answers: shapes of the interface.

mod figures;
mod prices;

use std::collections::BTreeMap;

pub use figures::*;
pub use prices::*;

use jiff::Timestamp;
use rialto_otc_contract::note::Note;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl Words {
    /// Of two texts.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }
}

/// What a reader of a value should know: an approximation or a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoteView {
    /// Stable code, `N-RQMC-PATHS`.
    pub code: String,
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl From<Note> for NoteView {
    fn from(Note { code, en, zh }: Note) -> Self {
        Self { code, en, zh }
    }
}

/// Something wrong or noteworthy in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// Stable code, `E-TERM-KI-LEVEL`.
    pub code: String,
    /// `error` stops the document, `notice` does not.
    pub severity: String,
    /// JSON pointer of the field.
    pub pointer: String,
    /// Line, from 1, when the document was sent as text.
    pub line: Option<u32>,
    /// Column, from 1.
    pub column: Option<u32>,
    /// The value seen.
    pub seen: Option<String>,
    /// What is wrong, the rule, the cure.
    pub text: Words,
}

/// A contract in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SummaryView {
    /// Template, or `program`.
    pub product: String,
    /// What it is called.
    pub title: Words,
    /// Codes of its underlyings.
    pub underlyings: Vec<String>,
    /// ISO 4217.
    pub currency: String,
    /// Currency units.
    pub notional: String,
    /// Start, `yyyy-mm-dd`; null in numeric contracts.
    pub start: Option<String>,
    /// End.
    pub end: Option<String>,
    /// The compiled contract in words, line by line.
    pub words: Lines,
    /// What can be solved for.
    pub unknowns: Vec<String>,
}

/// Lines of text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Lines {
    /// English.
    pub en: Vec<String>,
    /// Simplified Chinese.
    pub zh: Vec<String>,
}

/// What was found of a term sheet.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Validation {
    /// Whether it can be used.
    pub valid: bool,
    /// All findings at once.
    pub findings: Vec<FindingView>,
    /// The contract in short, when it is valid.
    pub summary: Option<SummaryView>,
}

/// A template with an example that prices.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TemplateView {
    /// `snowball`.
    pub name: String,
    /// Named variant of the example; null for the plain form.
    pub preset: Option<String>,
    /// `autocallable`, `accumulator`, `option`, `barrier`, `binary`, `asian`, `basket`, `linear`.
    pub family: String,
    /// What it is called.
    pub title: Words,
    /// A term sheet.
    #[schema(value_type = Object)]
    pub example: Value,
    /// What can be solved for.
    pub unknowns: Vec<String>,
}

/// A market.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SnapshotView {
    /// SHA-256 of its content.
    pub id: String,
    /// Moment of its quotes: `{date, phase}`, or years.
    #[schema(value_type = Object)]
    pub as_of: Value,
    /// Underlyings quoted.
    pub names: Vec<String>,
    /// Who entered it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Its content; in lists null.
    #[schema(value_type = Option<Object>)]
    pub content: Option<Value>,
    /// Notices about it, when it was just entered.
    pub findings: Vec<FindingView>,
}

/// A trade in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TradeRowView {
    /// The trade's id, as its sheet names it.
    pub id: String,
    /// Running number.
    pub no: i64,
    /// Template, or `program`.
    pub product: String,
    /// What it is called.
    pub title: Words,
    /// Codes, separated by commas.
    pub underlying: String,
    /// Counterparty.
    pub counterparty: String,
    /// `house_sells` or `house_buys`.
    pub direction: String,
    /// Currency units.
    pub notional: String,
    /// ISO 4217.
    pub currency: String,
    /// Start.
    pub start: String,
    /// End.
    pub end: String,
    /// `draft`, `pending_approval`, `pending_confirm`, `live`, `settling`, `closed`, `cancelled`, …
    pub status: String,
    /// `ki`, `missed:n`, `resized`, `review`.
    pub flags: Vec<String>,
    /// Version for If-Match: decisions recorded.
    pub version: u64,
    /// Last event's number: grows with every event.
    pub seq: u64,
    /// First date whose fixings are awaited.
    pub next_observation: Option<String>,
    /// Last date observed.
    pub observed_to: Option<String>,
    /// How and when it ended: `knocked_out 2026-08-10`.
    pub outcome: Option<String>,
    /// Value in the house's book, currency units, when it was valued.
    pub pv: Option<f64>,
    /// Date of that value.
    pub pv_as_of: Option<String>,
    /// Last change.
    pub updated_at: Timestamp,
}

/// A page of trades.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TradePage {
    /// The rows.
    pub items: Vec<TradeRowView>,
    /// Give it as `page_token` for the next page; null on the last one.
    pub next_page_token: Option<String>,
    /// How many trades of the whole book are in each status.
    pub counts: BTreeMap<String, i64>,
}

/// A trade.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TradeView {
    /// As in the list.
    #[serde(flatten)]
    pub row: TradeRowView,
    /// The term sheet in force.
    #[schema(value_type = Object)]
    pub terms: Value,
    /// State now.
    pub state: StateView,
    /// Kinds of events that may be sent now to `/trades/{id}/events`.
    pub allowed: Vec<String>,
    /// The contract in words.
    pub words: Lines,
    /// The quote it comes from.
    pub quote_id: Option<String>,
    /// What waits for a second person.
    pub open_approval: Option<String>,
}

/// A trade at a date, as it was known at a time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StateView {
    /// Where it stands; null when it is not booked.
    pub status: Option<String>,
    /// Version for If-Match.
    pub version: u64,
    /// Version of the terms.
    pub contract_version: u64,
    /// Hash of the terms.
    pub contract_hash: Option<String>,
    /// Size left and at inception, once a part ended early.
    pub size: Option<[String; 2]>,
    /// Last date observed.
    pub observed_to: Option<String>,
    /// First date whose fixings are missing.
    pub waiting_for: Option<String>,
    /// What the contract remembers: `ki`, `missed`, …
    pub values: BTreeMap<String, String>,
    /// When it was knocked in.
    pub ki_date: Option<String>,
    /// `knocked_out`, `expired`, …
    pub outcome: Option<String>,
    /// When it ended.
    pub outcome_date: Option<String>,
    /// Reviews that are open.
    pub reviews: Vec<ReviewView>,
    /// The trade it continues.
    pub link: Option<LinkView>,
    /// The trade that took its place.
    pub replacement: Option<String>,
    /// Balance of each account, debit positive: `FV CNY`.
    pub balances: BTreeMap<String, String>,
    /// Net of all flows in the house's favour, currency units.
    pub net_cash: String,
    /// All flows, also those taken back.
    pub flows: Vec<FlowView>,
}

/// Something a person must look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReviewView {
    /// Number in the trade.
    pub id: u64,
    /// `reopened`, `outcome_changed` or `instruction_recalled`.
    pub why: String,
    /// The same in words.
    pub text: Words,
}

/// A link to another trade.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkView {
    /// `novated_from`, `migrated_from` or `rebooks`.
    pub kind: String,
    /// Which trade.
    pub trade_id: String,
}

/// A cash flow.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlowView {
    /// Unique in the book.
    pub id: String,
    /// Trade.
    pub trade_id: String,
    /// Running number of the trade; null inside a state.
    pub trade_no: Option<i64>,
    /// Counterparty; null inside a state.
    pub counterparty: Option<String>,
    /// `coupon`, `principal`, `premium`, `unwind`, …
    pub leg: String,
    /// The leg in words.
    pub leg_text: Words,
    /// `contract`, `adjustment` or `reversal`.
    pub kind: String,
    /// Currency units, not negative.
    pub amount: String,
    /// The same with the sign of the house: positive when it receives.
    pub house: String,
    /// ISO 4217.
    pub currency: String,
    /// `house` or `counterparty`.
    pub payer: String,
    /// `house` or `counterparty`.
    pub payee: String,
    /// When it was observed.
    pub observed: String,
    /// When the money moves.
    pub pay_date: String,
    /// `determined`, `instructed`, `settled`, `failed` or `reversed`.
    pub status: String,
    /// The formula with its numbers.
    pub trace: String,
    /// The same with its words in both languages.
    pub trace_text: Words,
    /// Counterparty, agreement, currency and pay date.
    pub netting_set: String,
    /// The flow it pays back or corrects.
    pub reverses: Option<String>,
}

/// One payment for many flows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NettedView {
    /// Counterparty, agreement, currency and pay date.
    pub netting_set: String,
    /// ISO 4217.
    pub currency: String,
    /// When.
    pub pay_date: String,
    /// In the house's favour.
    pub net: String,
    /// What the house receives gross.
    pub receives: String,
    /// What it pays gross.
    pub pays: String,
    /// The flows.
    pub flows: Vec<String>,
}

/// Flows of a trade.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TradeFlows {
    /// All flows, also those taken back.
    pub items: Vec<FlowView>,
    /// Those still open, netted.
    pub netted: Vec<NettedView>,
}

/// A posting.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PostingView {
    /// Number in the trade.
    pub id: u64,
    /// Debited: `FV`, `RECV`, `PAYB`, `CASH`, `FEE`, `FVPL`, `INVINC`.
    pub debit: String,
    /// Credited.
    pub credit: String,
    /// Currency units.
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
    /// Date it belongs to.
    pub effective: String,
    /// When the book came to know it.
    pub known_at: Timestamp,
    /// `determined`, `settled`, `revaluation`, `residual`, `realised` or `reversal`.
    pub purpose: String,
    /// The event it comes from.
    pub cause: u64,
    /// The flow it is about.
    pub flow_id: Option<String>,
    /// The entry it takes back.
    pub reverses: Option<u64>,
}

/// Postings of a trade.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TradePostings {
    /// All of them, in order.
    pub items: Vec<PostingView>,
    /// Balance of each account, debit positive: `FV CNY`.
    pub balances: BTreeMap<String, String>,
}

/// An event of the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventView {
    /// Number in the trade's chain.
    pub seq: u64,
    /// Given by its sender.
    pub event_id: String,
    /// `book`, `fixing`, `ko`, `coupon`, `settled`, …
    pub kind: String,
    /// Whether the interpreter derived it.
    pub derived: bool,
    /// When it takes effect in the contract's life.
    pub effective: String,
    /// Phase of that date.
    pub phase: u8,
    /// When the book came to know it.
    pub known_at: Timestamp,
    /// `manual`, a system, a data vendor, `interpreter`.
    pub source: String,
    /// The event that led to it.
    pub cause: Option<String>,
    /// The event whose place it takes.
    pub supersedes: Option<String>,
    /// Who made it.
    pub maker: String,
    /// Who checked.
    pub checker: Option<String>,
    /// What it says.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// The same in a line.
    pub words: Words,
    /// Hash of its content.
    pub hash: String,
    /// Hash of the event before.
    pub prev_hash: String,
}

/// What became of an event that was sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Recorded {
    /// The event and what the interpreter derived from it.
    pub events: Vec<EventView>,
    /// What differs for the trade; null when nothing does.
    pub difference: Option<Words>,
    /// Where the trade stands now.
    pub status: String,
    /// Version of the trade now.
    pub version: u64,
    /// Whether it was recorded before: nothing happened now.
    pub repeated: bool,
}

/// An event that waits for a second person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Waiting {
    /// What waits.
    pub approval: ApprovalView,
}

/// What waits for a second person, or was decided.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApprovalView {
    /// Id.
    pub id: String,
    /// Running number.
    pub no: i64,
    /// `booking`, `event` or `fixings`.
    pub kind: String,
    /// Trade it is about.
    pub trade_id: Option<String>,
    /// Kind of the event: `amend`, `settlement-instructed`, …
    pub event_kind: Option<String>,
    /// What is to be agreed to, in a line.
    pub words: Words,
    /// Why, as its maker says.
    pub reason: String,
    /// What would change, or did change.
    pub difference: Option<Words>,
    /// What is to be agreed to.
    #[schema(value_type = Object)]
    pub document: Value,
    /// Hash of it: what the checker signs.
    pub subject: String,
    /// `open`, `approved`, `rejected`, `void` or `expired`.
    pub state: String,
    /// Who made it.
    pub maker: String,
    /// Who decided.
    pub checker: Option<String>,
    /// What the checker said.
    pub comment: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be decided.
    pub expires_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}

/// A decision and what came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Decision {
    /// The approval as it stands now.
    pub approval: ApprovalView,
    /// The event recorded by it.
    pub recorded: Option<Recorded>,
    /// The fixings entered by it.
    pub fixings: Option<FixingReport>,
}

/// A published price.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FixingView {
    /// Underlying.
    pub underlying: String,
    /// Date.
    pub date: String,
    /// Which price: `close`, …
    pub rule: String,
    /// Price units.
    pub value: String,
    /// Where it comes from.
    pub source: String,
    /// 1; higher once corrected.
    pub version: i64,
    /// Who entered it.
    pub maker: String,
    /// Who signed it.
    pub checker: Option<String>,
    /// Why it took the place of another; null for a first price.
    pub reason: Option<String>,
    /// When.
    pub entered_at: Timestamp,
}

/// What is said about a row of a file.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RowRefusal {
    /// Row of the file, from 1 with its heading; place in the list, from 1.
    pub row: u64,
    /// Column by name.
    pub column: String,
    /// The value seen.
    pub value: String,
    /// Stable code.
    pub code: String,
    /// What is wrong, the rule, the cure.
    pub message: Words,
}

/// A price far from the one before.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OutlierView {
    /// Row.
    pub row: u64,
    /// Underlying.
    pub underlying: String,
    /// Date.
    pub date: String,
    /// The price.
    pub value: String,
    /// The price before it.
    pub before: String,
    /// What is said about it.
    pub message: Words,
}

/// What fixings did to a trade.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EffectView {
    /// Trade.
    pub trade_id: String,
    /// Running number.
    pub trade_no: i64,
    /// Kinds of the events derived: `ko`, `coupon`, `flow`, …
    pub events: Vec<String>,
    /// What differs, after a correction.
    pub difference: Option<Words>,
    /// Why the trade did not take the fixing; the others did.
    pub refused: Option<Words>,
}

/// What became of fixings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FixingReport {
    /// Rows read.
    pub rows: u64,
    /// Prices not known before.
    pub new: u64,
    /// Prices known already.
    pub same: u64,
    /// Prices that correct known ones.
    pub corrected: u64,
    /// Rows not taken.
    pub refused: Vec<RowRefusal>,
    /// Prices far from the one before: a second person must sign them.
    pub outliers: Vec<OutlierView>,
    /// Rows that were taken, with what should be known of them: prices given again, underlyings
    /// that no trade looks at.
    pub notices: Vec<RowRefusal>,
    /// Trades to which something happened.
    pub effects: Vec<EffectView>,
    /// Trades that took a fixing.
    pub trades: u64,
    /// What waits for a second person: corrections, outliers and prices typed by hand.
    pub approval: Option<ApprovalView>,
    /// Whether nothing was written.
    pub dry_run: bool,
}
