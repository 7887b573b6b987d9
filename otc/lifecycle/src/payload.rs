//! What events say. Input events are decisions and facts from outside; derived ones are what the
//! interpreter makes of them. Fields are declared in the order of their names: what is written is
//! canonical as it is.

use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canon::{Document, Hash, exact};
use crate::flow::Flow;
use crate::refusal::Refusal;
use crate::state::{Outcome, Review, Status};

mod faults;

use faults::Unreadable;

/// Kinds that the specification names and the book does not act on yet.
pub const NOT_ACTED_ON: &[&str] = &[
    "correct",
    "premium",
    "trs-reset",
    "dividend",
    "basket-change",
    "rate-change",
    "give-up",
    "compression",
    "corporate-action",
    "disruption",
    "postponement",
    "calendar-reprojection",
    "margin-call",
    "margin-top-up",
    "margin-substitution",
    "margin-return",
    "forced-close-out",
    "valuation-sent",
    "dispute-opened",
    "dispute-closed",
];

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident($body:ty) = $text:literal,)*) => {
        /// What kind of event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in the ledger.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        /// What an event says.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Payload {
            $($(#[$doc])* $name($body),)*
        }

        impl Payload {
            /// Of which kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)* }
            }

            pub(crate) fn parse(kind: Kind, value: &Value) -> Result<Self, Unreadable> {
                Ok(match kind {
                    $(Kind::$name => Self::$name(serde_path_to_error::deserialize(value)?),)*
                })
            }
        }
    };
}

kinds! {
    /// A contract enters the book.
    Book(Book) = "book",
    /// It is put before the checker.
    Submit(Submit) = "submit",
    /// The checker agrees.
    Approve(Approve) = "approve",
    /// The checker does not.
    Reject(Reject) = "reject",
    /// The counterparty's confirmation matches.
    Confirm(Confirm) = "confirm",
    /// A published price.
    Fixing(Fixing) = "fixing",
    /// Another price in its place.
    FixingCorrected(Fixing) = "fixing-corrected",
    /// A barrier watched at every instant was seen to be hit.
    BarrierHit(BarrierHit) = "barrier-hit",
    /// The holder exercises.
    Exercise(Exercise) = "exercise",
    /// The holder gives the right up.
    Abandon(Abandon) = "abandon",
    /// Other terms from here on.
    Amend(Amend) = "amend",
    /// A later end.
    Extend(Amend) = "extend",
    /// A part ends early.
    TerminatePartial(Resize) = "terminate-partial",
    /// More of the same.
    NotionalIncrease(Resize) = "notional-increase",
    /// All of it ends early.
    Terminate(Terminate) = "terminate",
    /// The counterparty's place is taken by another.
    Novate(Novate) = "novate",
    /// As if it had never been.
    Cancel(Cancel) = "cancel",
    /// Flows are given to the bank.
    Instructed(Flows) = "settlement-instructed",
    /// Flows are paid.
    Settled(Flows) = "settled",
    /// Flows came back unpaid.
    Failed(Flows) = "settlement-failed",
    /// The official valuation of a day's end.
    Revaluation(Revaluation) = "revaluation",
    /// A review is done.
    ReviewClosed(ReviewClosed) = "review-closed",
    /// Derived: knock-in.
    Ki(Derived) = "ki",
    /// Derived: knock-out.
    Ko(Derived) = "ko",
    /// Derived: a coupon is determined.
    Coupon(Derived) = "coupon",
    /// Derived: units, days or missed coupons are counted.
    Accrual(Derived) = "accrual",
    /// Derived: a fixing enters an average.
    Averaging(Derived) = "averaging",
    /// Derived: the contract lived to its end.
    Expiry(Derived) = "expiry",
    /// Derived: a flow is determined.
    Flow(Derived) = "flow",
    /// Derived: a flow is taken back.
    FlowReversed(Derived) = "flow-reversed",
    /// Derived: what was observed is no longer so.
    Withdrawn(Derived) = "withdrawn",
    /// Derived: the trade passes to another status.
    Status(Derived) = "status",
    /// Derived: someone has to look at it.
    Review(Derived) = "review",
}

impl Kind {
    /// Its name in Simplified Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Book => "入账",
            Self::Submit => "提交复核",
            Self::Approve => "复核通过",
            Self::Reject => "复核退回",
            Self::Confirm => "对手方确认",
            Self::Fixing => "定盘价",
            Self::FixingCorrected => "更正定盘价",
            Self::BarrierHit => "触及障碍",
            Self::Exercise => "行权",
            Self::Abandon => "放弃行权",
            Self::Amend => "修订",
            Self::Extend => "展期",
            Self::TerminatePartial => "部分平仓",
            Self::NotionalIncrease => "追加规模",
            Self::Terminate => "提前终止",
            Self::Novate => "更替",
            Self::Cancel => "撤销",
            Self::Instructed => "付款指令",
            Self::Settled => "结算",
            Self::Failed => "结算失败",
            Self::Revaluation => "估值",
            Self::ReviewClosed => "复核事项完成",
            Self::Ki => "敲入",
            Self::Ko => "敲出",
            Self::Coupon => "票息",
            Self::Accrual => "累计",
            Self::Averaging => "均价观察",
            Self::Expiry => "到期",
            Self::Flow => "现金流",
            Self::FlowReversed => "现金流冲回",
            Self::Withdrawn => "不再成立",
            Self::Status => "状态",
            Self::Review => "复核事项",
        }
    }

    /// Whether the interpreter makes it, not a sender.
    #[must_use]
    pub fn is_derived(self) -> bool {
        self >= Self::Ki
    }

    /// Whether it counts in the trade's version (If-Match): everything decided by people about the
    /// trade itself. Prices and payments under way do not disturb someone who amends.
    #[must_use]
    pub fn is_decision(self) -> bool {
        !self.is_derived()
            && !matches!(
                self,
                Self::Fixing
                    | Self::BarrierHit
                    | Self::Revaluation
                    | Self::Instructed
                    | Self::Settled
                    | Self::Failed
            )
    }

    /// Whether the sender must say which version was seen.
    #[must_use]
    pub fn needs_version(self) -> bool {
        matches!(
            self,
            Self::Amend
                | Self::Extend
                | Self::TerminatePartial
                | Self::NotionalIncrease
                | Self::Terminate
                | Self::Novate
                | Self::Cancel
                | Self::Exercise
                | Self::Abandon
        )
    }

    /// Whether a second person must have signed it. (Booking has an event of its own for that.)
    #[must_use]
    pub fn needs_approval(self) -> bool {
        (self.needs_version() && !matches!(self, Self::Exercise | Self::Abandon))
            || matches!(
                self,
                Self::FixingCorrected | Self::Instructed | Self::ReviewClosed | Self::BarrierHit
            )
    }

    /// The kind of a name.
    ///
    /// # Errors
    /// `E-BOOK-KIND`, which tells kinds that are known and not acted on yet from unknown ones.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        if let Some(kind) = Self::ALL.iter().find(|kind| kind.text() == text) {
            return Ok(*kind);
        }
        if NOT_ACTED_ON.contains(&text) {
            let en = format!("The book does not act on {text:?} events yet; it is not recorded.");
            let zh = format!("台账尚不处理 {text:?} 事件，未予记录。");
            return Err(Refusal::new("E-BOOK-KIND", "/kind", en, zh).value(text));
        }
        let known: Vec<_> = Self::ALL.iter().filter(|kind| !kind.is_derived()).collect();
        let known: Vec<_> = known.iter().map(|kind| kind.text()).collect();
        let en = format!(
            "{text:?} is no kind of event. Use one of {}.",
            known.join(", ")
        );
        let zh = format!("{text:?} 不是事件种类，可用：{}。", known.join("、"));
        Err(Refusal::new("E-BOOK-KIND", "/kind", en, zh).value(text))
    }
}

impl Payload {
    /// What the interpreter made, when it is a derived event.
    #[must_use]
    pub const fn derived(&self) -> Option<&Derived> {
        match self {
            Self::Ki(derived)
            | Self::Ko(derived)
            | Self::Coupon(derived)
            | Self::Accrual(derived)
            | Self::Averaging(derived)
            | Self::Expiry(derived)
            | Self::Flow(derived)
            | Self::FlowReversed(derived)
            | Self::Withdrawn(derived)
            | Self::Status(derived)
            | Self::Review(derived) => Some(derived),
            _ => None,
        }
    }

    /// Reads the payload of a kind.
    ///
    /// # Errors
    /// `E-BOOK-KIND`, `E-BOOK-PAYLOAD`.
    pub fn read(kind: &str, value: Value) -> Result<Self, Refusal> {
        let kind = Kind::read(kind)?;
        if !value.is_object() {
            let kind = kind.text();
            let en = format!("The payload of {kind:?} is an object of named fields.");
            let zh = format!("{kind:?} 事件的内容须为对象。");
            return Err(Refusal::new("E-BOOK-PAYLOAD", "/payload", en, zh));
        }
        Self::parse(kind, &value).map_err(|error| faults::refusal(kind, value, &error))
    }
}

/// Another trade that this one continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// It takes the place of a trade novated away; it lives from the event's effective date on.
    NovatedFrom,
    /// It comes from another system in mid-life; it lives from the event's effective date on.
    MigratedFrom,
    /// It is booked anew after a cancellation.
    Rebooks,
}

/// A link to another trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// How.
    pub kind: LinkKind,
    /// Which.
    pub trade_id: String,
}

/// A contract enters the book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// The trade it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The quote it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The term sheet.
    pub sheet: Document,
}

/// Put before the checker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// What the limit check said.
    pub limit_check: String,
}

/// The checker agrees; the event's approval hash is that of the booking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Hash of what is agreed to: [`crate::event::Event::subject`] of the booking.
    pub subject: Hash,
}

/// The checker does not agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Why.
    pub reason: String,
}

/// The counterparty's confirmation matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// Number of the confirmation.
    pub reference: String,
}

/// A published price. The event's effective date is its date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixing {
    /// Underlying, `XSHG:000905`.
    pub code: String,
    /// Exchange trading date.
    pub date: Date,
    /// Why it takes the place of another; empty for a first price.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Which price: `close`, `open`, `vwap`, `mean:30`, `futures_settlement`, `index_settlement`.
    #[serde(default = "close")]
    pub rule: String,
    /// Price units.
    #[serde(with = "exact")]
    pub value: Decimal,
}

fn close() -> String {
    "close".to_owned()
}

/// A price at which a barrier watched at every instant was hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarrierHit {
    /// Underlying.
    pub code: String,
    /// Exchange trading date.
    pub date: Date,
    /// The price seen, at the barrier or beyond.
    #[serde(with = "exact")]
    pub price: Decimal,
}

/// How an exercise is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// In money.
    Cash,
    /// In the underlying (refused: the book delivers nothing).
    Physical,
}

/// The holder exercises on the event's effective date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exercise {
    /// How it is settled.
    pub settlement: Settlement,
}

/// The holder gives the right up on the event's effective date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abandon {
    /// Why.
    pub reason: String,
}

/// Other terms for observations after the event's effective date and phase. What the contract
/// remembers is kept by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amend {
    /// Why.
    pub reason: String,
    /// The new term sheet, its `version` one higher. Its size is that at inception: parts ended
    /// early stay ended.
    pub sheet: Document,
}

/// The contract's size changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// Fee in the house's favour, currency units.
    #[serde(with = "exact")]
    pub fee: Decimal,
    /// When fee and price are paid.
    pub pay_date: Date,
    /// How much goes or comes, in the unit of the sheet's size (currency units or quantity).
    #[serde(with = "exact")]
    pub size: Decimal,
    /// Unwind price, currency units to the holder (negative: the holder pays).
    #[serde(with = "exact")]
    pub unwind: Decimal,
}

/// All of it ends early.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terminate {
    /// Fee in the house's favour, currency units.
    #[serde(with = "exact")]
    pub fee: Decimal,
    /// When fee and price are paid.
    pub pay_date: Date,
    /// Unwind price, currency units to the holder (negative: the holder pays).
    #[serde(with = "exact")]
    pub unwind: Decimal,
}

/// Who takes part in a novation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NovationForm {
    /// The house agrees with the leaving party alone; the new trade stands for itself.
    OneLeg,
    /// House, leaving party and new party sign one agreement.
    ThreeParty,
}

/// The counterparty's place is taken by another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Novate {
    /// Fee in the house's favour, currency units.
    #[serde(with = "exact")]
    pub fee: Decimal,
    /// Who signs.
    pub form: NovationForm,
    /// When fee and price are paid.
    pub pay_date: Date,
    /// The trade that takes its place.
    pub replacement: String,
    /// The new party; needed when three sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferee: Option<String>,
    /// Price between house and leaving party, currency units to the holder.
    #[serde(with = "exact")]
    pub unwind: Decimal,
}

/// As if it had never been: all flows are reversed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// When flows that were settled already are paid back; needed when there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pay_date: Option<Date>,
    /// Why; mandatory.
    pub reason: String,
}

/// Flows by id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flows {
    /// Which.
    pub flows: Vec<String>,
    /// The bank's reference, or why they failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The official valuation of a day's end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revaluation {
    /// Value of flows not yet determined in the house's view, currency units.
    #[serde(with = "exact")]
    pub pv_open: Decimal,
    /// The valuation record.
    pub valuation: String,
}

/// A review is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewClosed {
    /// What was decided.
    pub note: String,
    /// Which.
    pub review: u64,
}

/// What the interpreter made of inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// What changed.
    pub change: Box<Change>,
    /// Hash of the inputs it comes from: the contract's versions, decisions and fixings in the
    /// order in which they were walked, and the causing event.
    pub inputs: Hash,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Something was observed.
    Observed(Fact),
    /// It is no longer so.
    Withdrawn(Fact),
    /// A flow is determined.
    Determined(Flow),
    /// A flow is taken back.
    Reversed {
        /// Which.
        flow_id: String,
    },
    /// The trade passes to another status.
    Status {
        /// Before.
        from: Status,
        /// After.
        to: Status,
    },
    /// Someone has to look at it.
    Review(Review),
}

/// Something observed on a date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// When.
    pub on: Date,
    /// What.
    pub what: Seen,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// A number that the contract remembers took another value.
    Set {
        /// Value before.
        #[serde(with = "exact")]
        from: Decimal,
        /// Value after.
        #[serde(with = "exact")]
        to: Decimal,
        /// Its name.
        var: String,
    },
    /// A barrier watched at every instant was hit; its number in the plan.
    Hit(usize),
    /// The contract ended.
    Ended(Outcome),
}

impl Change {
    /// The kind of event that tells it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Withdrawn(_) => Kind::Withdrawn,
            Self::Determined(flow) if flow.leg == "coupon" => Kind::Coupon,
            Self::Determined(_) => Kind::Flow,
            Self::Reversed { .. } => Kind::FlowReversed,
            Self::Status { .. } => Kind::Status,
            Self::Review(_) => Kind::Review,
            Self::Observed(fact) => match &fact.what {
                Seen::Set { var, .. } if var == "ki" => Kind::Ki,
                Seen::Set { var, .. } if var.starts_with("fixings") => Kind::Averaging,
                Seen::Set { .. } => Kind::Accrual,
                Seen::Hit(_) => Kind::Ki,
                Seen::Ended(Outcome::KnockedOut) => Kind::Ko,
                Seen::Ended(_) => Kind::Expiry,
            },
        }
    }

    /// The same as a payload.
    #[must_use]
    pub fn payload(self, inputs: Hash) -> Payload {
        let kind = self.kind();
        let change = Box::new(self);
        let derived = Derived { change, inputs };
        match kind {
            Kind::Ki => Payload::Ki(derived),
            Kind::Ko => Payload::Ko(derived),
            Kind::Coupon => Payload::Coupon(derived),
            Kind::Accrual => Payload::Accrual(derived),
            Kind::Averaging => Payload::Averaging(derived),
            Kind::Expiry => Payload::Expiry(derived),
            Kind::FlowReversed => Payload::FlowReversed(derived),
            Kind::Withdrawn => Payload::Withdrawn(derived),
            Kind::Status => Payload::Status(derived),
            Kind::Review => Payload::Review(derived),
            _ => Payload::Flow(derived),
        }
    }
}
