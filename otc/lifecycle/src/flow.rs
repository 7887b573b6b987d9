//! Cash flows: who pays whom how much when, by which formula, and how far the payment is.

use std::collections::BTreeMap;

use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::canon::exact;

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowStatus {
    /// Expected by an engine; never in the ledger.
    Projected,
    /// Its amount is known.
    Determined,
    /// Given to the bank.
    Instructed,
    /// Paid.
    Settled,
    /// Came back unpaid.
    Failed,
    /// Taken back; another flow may stand in its place.
    Reversed,
}

impl FlowStatus {
    /// Whether it may pass to another.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Projected, Self::Determined)
                | (Self::Determined | Self::Failed, Self::Instructed)
                | (Self::Instructed, Self::Settled | Self::Failed)
                | (
                    Self::Projected | Self::Determined | Self::Instructed | Self::Failed,
                    Self::Reversed
                )
        )
    }

    /// Name in English and Simplified Chinese.
    #[must_use]
    pub const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Projected => ("projected", "预计"),
            Self::Determined => ("determined", "已确定"),
            Self::Instructed => ("instructed", "已指令"),
            Self::Settled => ("settled", "已结算"),
            Self::Failed => ("failed", "结算失败"),
            Self::Reversed => ("reversed", "已冲回"),
        }
    }
}

/// Why a flow is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    /// The contract, or an agreement about it, says so.
    Contract,
    /// The difference to what was settled before a correction.
    Adjustment,
    /// Pays back what was settled before a cancellation.
    Reversal,
}

/// House or counterparty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The house.
    House,
    /// The counterparty.
    Counterparty,
}

/// A cash flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Currency units, rounded as the contract says; not negative.
    #[serde(with = "exact")]
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// Unique in the book: trade, leg, observation, number.
    pub flow_id: String,
    /// The same amount as the holder sees it: positive when the holder receives.
    #[serde(with = "exact")]
    pub holder: Decimal,
    /// Why it is there.
    pub kind: FlowKind,
    /// Name of the flow: `coupon`, `principal`, `unwind`, `fee`, …
    pub leg: String,
    /// Number among flows of the same leg, observation and row, from 1.
    pub n: u32,
    /// Counterparty, agreement, currency and pay date.
    pub netting_set: String,
    /// When it was observed.
    pub observed: Date,
    /// When the money moves.
    pub pay_date: Date,
    /// Who receives.
    pub payee: Side,
    /// Who pays.
    pub payer: Side,
    /// The flow it pays back or corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<String>,
    /// Row of its schedule, from 1; 0 otherwise.
    pub row: u32,
    /// How far the payment is.
    pub status: FlowStatus,
    /// The formula with its numbers.
    pub trace: String,
    /// Trade.
    pub trade_id: String,
}

/// What makes two flows of different folds the same one.
pub(crate) type FlowKey = (Date, String, u32, u32);

impl Flow {
    /// Currency units in the house's favour.
    #[must_use]
    pub fn house(&self) -> Decimal {
        match self.payee {
            Side::House => self.amount,
            Side::Counterparty => -self.amount,
        }
    }

    /// Whether it is not taken back.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.status != FlowStatus::Reversed
    }

    /// Whether money is still to move.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.counts() && self.status != FlowStatus::Settled
    }

    pub(crate) fn key(&self) -> FlowKey {
        (self.observed, self.leg.clone(), self.row, self.n)
    }
}

/// One payment for many flows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Netted {
    /// Counterparty, agreement, currency and pay date.
    pub netting_set: String,
    /// ISO 4217.
    pub currency: String,
    /// When the money moves.
    pub pay_date: Date,
    /// Currency units in the house's favour.
    pub net: Decimal,
    /// What the house receives gross.
    pub receives: Decimal,
    /// What the house pays gross.
    pub pays: Decimal,
    /// The flows.
    pub flows: Vec<String>,
}

/// Nets flows whose money is still to move, by counterparty, agreement, currency and pay date.
#[must_use]
pub fn net<'f>(flows: impl IntoIterator<Item = &'f Flow>) -> Vec<Netted> {
    let mut sets: BTreeMap<(Date, &str), Netted> = BTreeMap::new();
    for flow in flows.into_iter().filter(|flow| flow.is_open()) {
        let set = sets
            .entry((flow.pay_date, &flow.netting_set))
            .or_insert_with(|| Netted {
                netting_set: flow.netting_set.clone(),
                currency: flow.currency.clone(),
                pay_date: flow.pay_date,
                net: Decimal::ZERO,
                receives: Decimal::ZERO,
                pays: Decimal::ZERO,
                flows: Vec::new(),
            });
        let house = flow.house();
        set.net += house;
        if house.is_sign_negative() {
            set.pays -= house;
        } else {
            set.receives += house;
        }
        set.flows.push(flow.flow_id.clone());
    }
    sets.into_values().collect()
}
