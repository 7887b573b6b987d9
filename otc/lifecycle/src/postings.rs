//! Double entry by the table of the specification, section 11. House view, accounts by role; the
//! chart of accounts maps roles to numbers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::flow::Flow;

/// Role of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Account {
    /// The trade at the value of its flows not yet determined; debit is worth to the house.
    Fv,
    /// Determined and not received.
    Recv,
    /// Determined and not paid.
    Payb,
    /// Money.
    Cash,
    /// Fees.
    Fee,
    /// Gains and losses of fair value (公允价值变动损益).
    Fvpl,
    /// Investment income (投资收益).
    Invinc,
}

impl Account {
    /// Its name in exports.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Fv => "FV",
            Self::Recv => "RECV",
            Self::Payb => "PAYB",
            Self::Cash => "CASH",
            Self::Fee => "FEE",
            Self::Fvpl => "FVPL",
            Self::Invinc => "INVINC",
        }
    }
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A flow is determined.
    Determined,
    /// Its money moved.
    Settled,
    /// The day's valuation.
    Revaluation,
    /// What is left in FV when the trade closes.
    Residual,
    /// Cumulative FVPL becomes income.
    Realised,
    /// Exactly the opposite of another entry.
    Reversal,
}

/// One entry: the same amount on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Currency units, above zero.
    pub amount: Decimal,
    /// The event it comes from, by number.
    pub cause: u64,
    /// Credited.
    pub credit: Account,
    /// ISO 4217.
    pub currency: String,
    /// Debited.
    pub debit: Account,
    /// Date to which it belongs.
    pub effective: Date,
    /// The flow it is about.
    pub flow_id: Option<String>,
    /// Number in the trade, from 1.
    pub id: u64,
    /// When the book came to know it.
    pub known_at: Timestamp,
    /// What it is for.
    pub purpose: Purpose,
    /// The entry it takes back.
    pub reverses: Option<u64>,
}

/// What an entry comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) cause: u64,
    pub(crate) known_at: Timestamp,
    pub(crate) effective: Date,
}

/// The accounts of one trade.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Accounts {
    entries: Vec<Entry>,
    /// Entries that close the trade and stand.
    closing: Vec<u64>,
    #[serde(with = "crate::canon::pairs")]
    balances: BTreeMap<(Account, String), Decimal>,
}

/// The account beside money or debt of a flow.
fn counter(flow: &Flow) -> Account {
    if flow.leg == "fee" {
        Account::Fee
    } else {
        Account::Fv
    }
}

impl Accounts {
    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Balances other than zero, debit positive.
    #[must_use]
    pub fn balances(&self) -> BTreeMap<(Account, String), Decimal> {
        let moved = self
            .balances
            .iter()
            .filter(|(_, balance)| !balance.is_zero());
        moved
            .map(|(key, balance)| (key.clone(), *balance))
            .collect()
    }

    /// Balance of an account, debit positive.
    #[must_use]
    pub fn balance(&self, account: Account, currency: &str) -> Decimal {
        self.balances
            .get(&(account, currency.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// Posts `amount` from `debit` to `credit` (the other way round when it is negative).
    fn post(
        &mut self,
        stamp: Stamp,
        purpose: Purpose,
        (debit, credit): (Account, Account),
        (amount, currency): (Decimal, &str),
        flow_id: Option<&str>,
    ) {
        if amount.is_zero() {
            return;
        }
        let (debit, credit) = match amount.is_sign_negative() {
            true => (credit, debit),
            false => (debit, credit),
        };
        let amount = amount.abs();
        for (account, change) in [(debit, amount), (credit, -amount)] {
            *self
                .balances
                .entry((account, currency.to_owned()))
                .or_default() += change;
        }
        self.entries.push(Entry {
            amount,
            cause: stamp.cause,
            credit,
            currency: currency.to_owned(),
            debit,
            effective: stamp.effective,
            flow_id: flow_id.map(str::to_owned),
            id: self.entries.len() as u64 + 1,
            known_at: stamp.known_at,
            purpose,
            reverses: None,
        });
    }

    /// A flow is determined.
    pub(crate) fn determined(&mut self, flow: &Flow, stamp: Stamp) {
        let house = flow.house();
        let debt = if house.is_sign_negative() {
            Account::Payb
        } else {
            Account::Recv
        };
        let amount = (house, flow.currency.as_str());
        let sides = (debt, counter(flow));
        self.post(
            stamp,
            Purpose::Determined,
            sides,
            amount,
            Some(&flow.flow_id),
        );
    }

    /// Its money moved.
    pub(crate) fn settled(&mut self, flow: &Flow, stamp: Stamp) {
        let house = flow.house();
        let debt = if house.is_sign_negative() {
            Account::Payb
        } else {
            Account::Recv
        };
        let amount = (house, flow.currency.as_str());
        self.post(
            stamp,
            Purpose::Settled,
            (Account::Cash, debt),
            amount,
            Some(&flow.flow_id),
        );
    }

    /// A flow that was not settled is taken back.
    pub(crate) fn reversed(&mut self, flow: &Flow, stamp: Stamp) {
        let found = self.entries.iter().rev().find(|entry| {
            entry.purpose == Purpose::Determined && entry.flow_id.as_deref() == Some(&flow.flow_id)
        });
        if let Some(id) = found.map(|entry| entry.id) {
            self.take_back(id, stamp);
        }
    }

    fn take_back(&mut self, id: u64, stamp: Stamp) {
        let Some(entry) = self.entries.iter().find(|entry| entry.id == id).cloned() else {
            return;
        };
        let (sides, amount) = (
            (entry.credit, entry.debit),
            (entry.amount, &*entry.currency),
        );
        self.post(
            stamp,
            Purpose::Reversal,
            sides,
            amount,
            entry.flow_id.as_deref(),
        );
        if let Some(last) = self.entries.last_mut() {
            last.reverses = Some(id);
        }
    }

    /// The day's valuation: FV becomes `pv_open`. The same one twice posts nothing more.
    pub(crate) fn revalued(&mut self, pv_open: Decimal, currency: &str, stamp: Stamp) {
        let change = pv_open - self.balance(Account::Fv, currency);
        let sides = (Account::Fv, Account::Fvpl);
        self.post(stamp, Purpose::Revaluation, sides, (change, currency), None);
    }

    /// The trade is over: what is left in FV goes to FVPL, and that to income when the house's
    /// policy says so.
    pub(crate) fn close(&mut self, currency: &str, realise: bool, stamp: Stamp) {
        let from = self.entries.len();
        let left = self.balance(Account::Fv, currency);
        let sides = (Account::Fvpl, Account::Fv);
        self.post(stamp, Purpose::Residual, sides, (left, currency), None);
        if realise {
            let gain = -self.balance(Account::Fvpl, currency);
            let sides = (Account::Fvpl, Account::Invinc);
            self.post(stamp, Purpose::Realised, sides, (gain, currency), None);
        }
        let new = self.entries.get(from..).unwrap_or_default();
        self.closing.extend(new.iter().map(|entry| entry.id));
    }

    /// It lives again: the closing entries are taken back.
    pub(crate) fn reopen(&mut self, stamp: Stamp) {
        for id in std::mem::take(&mut self.closing).into_iter().rev() {
            self.take_back(id, stamp);
        }
    }
}
