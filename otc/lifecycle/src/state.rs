//! Statuses of a trade, what may happen in each, and the state that people and engines are shown.

use std::collections::BTreeMap;

use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::canon::{Document, Hash};
use crate::flow::Flow;
use crate::payload::{Kind, Link};

/// Where a trade stands (specification, section 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being written.
    Draft,
    /// Before the checker.
    PendingApproval,
    /// Before the counterparty.
    PendingConfirm,
    /// In force.
    Live,
    /// Knocked out; its flows are being determined.
    KnockedOut,
    /// Lived to its end, or its right was given up.
    Expired,
    /// Exercised by the holder.
    Exercised,
    /// Ended early by agreement.
    Terminated,
    /// Taken over by another counterparty.
    Novated,
    /// Over; flows are still to be paid.
    Settling,
    /// Over and paid.
    Closed,
    /// As if it had never been.
    Cancelled,
}

impl Status {
    /// All statuses.
    pub const ALL: [Self; 12] = [
        Self::Draft,
        Self::PendingApproval,
        Self::PendingConfirm,
        Self::Live,
        Self::KnockedOut,
        Self::Expired,
        Self::Exercised,
        Self::Terminated,
        Self::Novated,
        Self::Settling,
        Self::Closed,
        Self::Cancelled,
    ];

    /// Name in English.
    #[must_use]
    pub const fn en(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PendingApproval => "pending approval",
            Self::PendingConfirm => "pending confirmation",
            Self::Live => "live",
            Self::KnockedOut => "knocked out",
            Self::Expired => "expired",
            Self::Exercised => "exercised",
            Self::Terminated => "terminated",
            Self::Novated => "novated",
            Self::Settling => "settling",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Name in Simplified Chinese.
    #[must_use]
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Draft => "草稿",
            Self::PendingApproval => "待复核",
            Self::PendingConfirm => "待确认",
            Self::Live => "存续",
            Self::KnockedOut => "已敲出",
            Self::Expired => "已到期",
            Self::Exercised => "已行权",
            Self::Terminated => "已提前终止",
            Self::Novated => "已更替",
            Self::Settling => "结算中",
            Self::Closed => "已了结",
            Self::Cancelled => "已撤销",
        }
    }
}

/// Facts of the market are recorded in every status: a published price is one whether or not the
/// contract already (or still) looks at it, and what comes after a knock-out is needed when a
/// correction takes the knock-out back.
const FACTS: [Kind; 3] = [Kind::Fixing, Kind::FixingCorrected, Kind::BarrierHit];
const PAYMENTS: [Kind; 3] = [Kind::Instructed, Kind::Settled, Kind::Failed];

/// The events that may happen to a trade; `None` is a trade that is not booked. Everything else is
/// refused.
#[must_use]
pub fn allowed(status: Option<Status>) -> Vec<Kind> {
    let Some(status) = status else {
        return vec![Kind::Book];
    };
    let (own, facts, payments): (&[Kind], bool, bool) = match status {
        Status::Draft => (&[Kind::Submit, Kind::Cancel], true, false),
        Status::PendingApproval => (&[Kind::Approve, Kind::Reject, Kind::Cancel], true, false),
        Status::PendingConfirm => (&[Kind::Confirm, Kind::Cancel], true, false),
        Status::Live => (
            &[
                Kind::Exercise,
                Kind::Abandon,
                Kind::Terminate,
                Kind::Novate,
                Kind::TerminatePartial,
                Kind::NotionalIncrease,
                Kind::Amend,
                Kind::Extend,
                Kind::Cancel,
                Kind::Revaluation,
                Kind::ReviewClosed,
            ],
            true,
            true,
        ),
        Status::KnockedOut
        | Status::Expired
        | Status::Exercised
        | Status::Terminated
        | Status::Novated
        | Status::Settling => (&[Kind::Revaluation, Kind::ReviewClosed], true, true),
        Status::Closed => (&[Kind::ReviewClosed], true, false),
        Status::Cancelled => (&[Kind::ReviewClosed], false, true),
    };
    let mut all = own.to_vec();
    if facts {
        all.extend(FACTS);
    }
    if payments {
        all.extend(PAYMENTS);
    }
    all
}

/// How a contract ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Knocked out.
    KnockedOut,
    /// Lived to its end.
    Expired,
    /// Exercised.
    Exercised,
    /// The right was given up.
    Abandoned,
    /// Ended early by agreement.
    Terminated,
    /// Taken over by another counterparty.
    Novated,
}

impl Outcome {
    /// The status it leads to.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::KnockedOut => Status::KnockedOut,
            Self::Expired | Self::Abandoned => Status::Expired,
            Self::Exercised => Status::Exercised,
            Self::Terminated => Status::Terminated,
            Self::Novated => Status::Novated,
        }
    }
}

/// Something that a person must look at before anything more is instructed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// Number in the trade, from 1.
    pub id: u64,
    /// Why.
    pub why: Why,
}

/// Why a person must look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A trade that was over lives again.
    Reopened,
    /// A correction changed how the contract ended.
    OutcomeChanged,
    /// A flow given to the bank is no longer due: the instruction must be recalled.
    InstructionRecalled,
}

impl Why {
    /// In English and Simplified Chinese.
    #[must_use]
    pub const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Reopened => (
                "a correction took the end of the trade back; it lives again",
                "更正后合约的终止不再成立，交易恢复存续",
            ),
            Self::OutcomeChanged => (
                "a correction changed how the trade ended",
                "更正改变了合约的终止结果",
            ),
            Self::InstructionRecalled => (
                "an instructed payment is no longer due; recall the instruction",
                "已发出的付款指令不再应付，须撤回指令",
            ),
        }
    }
}

/// A trade as it stands at a date, as it was known at a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TradeState {
    /// Trade.
    pub trade_id: String,
    /// Where it stands; `None` when it is not booked.
    pub status: Option<Status>,
    /// Version for If-Match: decisions recorded.
    pub version: u64,
    /// Version of the contract's terms, from 1.
    pub contract_version: usize,
    /// Hash of the term sheet in force.
    pub contract_hash: Option<Hash>,
    /// The term sheet in force.
    #[serde(skip)]
    pub sheet: Option<Document>,
    /// Size left and size at inception, once a part ended early.
    pub size: Option<(Decimal, Decimal)>,
    /// Last date observed.
    pub observed_to: Option<Date>,
    /// First date whose fixings are missing.
    pub waiting_for: Option<Date>,
    /// What the contract remembers: `ki`, `missed`, …
    pub values: BTreeMap<String, Decimal>,
    /// When the knock-in flag was set.
    pub ki_date: Option<Date>,
    /// How and when it ended.
    pub outcome: Option<(Outcome, Date)>,
    /// All flows, also those taken back.
    pub flows: Vec<Flow>,
    /// Reviews that are open.
    pub reviews: Vec<Review>,
    /// The trade it continues.
    pub link: Option<Link>,
    /// The trade that took its place.
    pub replacement: Option<String>,
    /// Balance of each account, debit positive, by currency.
    pub balances: BTreeMap<String, Decimal>,
}

impl TradeState {
    /// Net of all flows that are not taken back, currency units in the house's favour.
    #[must_use]
    pub fn net_cash(&self) -> Decimal {
        self.flows
            .iter()
            .filter(|flow| flow.counts())
            .map(Flow::house)
            .sum()
    }

    /// The contract's state for pricing, in the form of the term sheet: what is `due` is
    /// pending, also after its pay date.
    #[must_use]
    pub fn pricing_state(
        &self,
        due: impl Fn(&Flow) -> bool,
    ) -> rialto_otc_contract::envelope::State {
        use rialto_otc_contract::envelope::{Pending, State, When};
        let due = self.flows.iter().filter(|flow| flow.counts() && due(flow));
        State {
            values: self.values.clone(),
            ki_date: self.ki_date,
            paid: None,
            pending: due
                .map(|flow| Pending {
                    leg: flow.leg.clone(),
                    amount: flow.holder,
                    pay: When::Date(flow.pay_date),
                })
                .collect(),
            // What was called off pays nothing but what it has to pay back.
            ended: self.outcome.is_some() || self.status == Some(Status::Cancelled),
        }
    }
}
