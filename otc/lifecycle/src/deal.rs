//! What a walk reads: versions of the contract, decisions about it, fixings.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::{Compiled, Initials};
use rialto_otc_contract::envelope::Size;
use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::canon::{Document, Hash, pairs};
use crate::context::Context;
use crate::event::Effective;
use crate::refusal::Refusal;
use crate::state::Outcome;

/// Something that can be made again and therefore takes no part in snapshots and comparisons.
#[derive(Debug)]
pub(crate) struct Cache<T>(pub(crate) Option<Arc<T>>);

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> PartialEq for Cache<T> {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

/// A version of the contract, ready to be walked.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) sheet: TermSheet,
    pub(crate) compiled: Arc<Compiled>,
    /// Slot of each underlying's observations.
    pub(crate) slots: Vec<u16>,
}

/// A version of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) sheet: Document,
    /// Hash of the canonical term sheet.
    pub(crate) hash: Hash,
    /// Only instants after this are walked.
    pub(crate) from: Option<Effective>,
    #[serde(skip)]
    pub(crate) loaded: Cache<Loaded>,
}

/// A published price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub(crate) value: Decimal,
    /// The event that tells it.
    pub(crate) seq: u64,
}

/// A barrier seen to be hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SeenHit {
    pub(crate) date: Date,
    pub(crate) code: String,
    pub(crate) price: Decimal,
    pub(crate) seq: u64,
}

/// Money that a decision moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cash {
    pub(crate) leg: String,
    /// Currency units to the holder.
    pub(crate) holder: Decimal,
    pub(crate) pay_date: Date,
    pub(crate) trace: String,
}

/// What a decision does to the walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Act {
    /// Another version of the contract, by index.
    Version(usize),
    /// The size changes by this much.
    Resize(Decimal, Vec<Cash>),
    /// It ends.
    End(Outcome, Vec<Cash>),
    /// The holder exercises.
    Exercise,
}

/// A decision in the order of the contract's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Control {
    pub(crate) at: Effective,
    pub(crate) seq: u64,
    pub(crate) act: Act,
}

/// Everything a walk reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deal {
    pub(crate) versions: Vec<Version>,
    /// By effective date, phase and number.
    pub(crate) controls: Vec<Control>,
    /// What is fixed: underlying and rule (`close`).
    pub(crate) slots: Vec<(String, String)>,
    #[serde(with = "pairs")]
    pub(crate) fixings: BTreeMap<(Date, u16), Fixed>,
    /// By date and number.
    pub(crate) hits: Vec<SeenHit>,
}

/// A contract that cannot be walked yet.
pub(crate) enum Load {
    Ready(Arc<Loaded>),
    /// The initial fixing of this date is missing.
    Waiting(Date),
}

impl Deal {
    /// Slot of an underlying and rule.
    pub(crate) fn slot(&mut self, code: &str, rule: &str) -> u16 {
        let known = self.slots.iter().position(|(c, r)| c == code && r == rule);
        let index = known.unwrap_or_else(|| {
            self.slots.push((code.to_owned(), rule.to_owned()));
            self.slots.len() - 1
        });
        // A contract has at most 64 underlyings, each with a handful of rules.
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// Slot of an underlying and rule, when anything was fixed or asked there.
    pub(crate) fn find_slot(&self, code: &str, rule: &str) -> Option<u16> {
        let index = self
            .slots
            .iter()
            .position(|(c, r)| c == code && r == rule)?;
        u16::try_from(index).ok()
    }

    /// Records a decision; returns its place.
    pub(crate) fn decide(&mut self, control: Control) -> usize {
        let place = self
            .controls
            .partition_point(|c| (c.at, c.seq) <= (control.at, control.seq));
        self.controls.insert(place, control);
        place
    }

    /// The last fixing of a slot before a date.
    pub(crate) fn before(&self, date: Date, slot: u16) -> Option<Decimal> {
        let earlier = self.fixings.range(..(date, 0)).rev();
        earlier
            .take(1024)
            .find(|((_, s), _)| *s == slot)
            .map(|(_, fixed)| fixed.value)
    }

    /// Whether an initial level is taken from this fixing.
    pub(crate) fn is_initial(&self, (date, slot): (Date, u16)) -> bool {
        let Some((code, rule)) = self.slots.get(usize::from(slot)) else {
            return false;
        };
        (0..self.versions.len()).any(|index| {
            let sheet = self.sheet(index);
            sheet.is_ok_and(|sheet| {
                let asked = (code.as_str(), rule.as_str(), Some(date));
                sheet.open_initials().contains(&asked)
            })
        })
    }

    /// Forgets what was compiled.
    pub(crate) fn unload(&mut self) {
        for version in &mut self.versions {
            version.loaded = Cache(None);
        }
    }

    /// The term sheet of a version.
    pub(crate) fn sheet(&self, index: usize) -> Result<TermSheet, Refusal> {
        let Some(version) = self.versions.get(index) else {
            let en = format!("The contract has no version {}.", index + 1);
            return Err(Refusal::new("E-BOOK-SHEET", "", en, "合约无此版本。"));
        };
        TermSheet::from_value(&version.sheet.0).map_err(Refusal::sheet)
    }

    /// Makes a version ready.
    pub(crate) fn load(
        &mut self,
        index: usize,
        context: &mut Context<'_>,
    ) -> Result<Load, Refusal> {
        if let Some(loaded) = self.versions.get(index).and_then(|v| v.loaded.0.clone()) {
            return Ok(Load::Ready(loaded));
        }
        let sheet = self.sheet(index)?;
        let mut initials = Initials::new();
        for (code, rule, date) in sheet.open_initials() {
            let Some(date) = date else {
                let en = format!("The initial fixing of {code} has no date.");
                let refusal =
                    Refusal::new("E-BOOK-SHEET", "/payload/sheet", en, "初始定盘无日期。");
                return Err(refusal);
            };
            let slot = self.slot(code, rule);
            let Some(fixed) = self.fixings.get(&(date, slot)) else {
                return Ok(Load::Waiting(date));
            };
            initials.insert(code.to_owned(), fixed.value);
        }
        let compiled = context
            .compiled(&sheet, &initials)
            .map_err(Refusal::sheet)?;
        let rule = sheet.fixing.get("source").map_or("close", String::as_str);
        let codes = sheet.underlyings.iter();
        let slots = codes
            .map(|underlying| self.slot(&underlying.code, rule))
            .collect();
        let loaded = Arc::new(Loaded {
            sheet,
            compiled,
            slots,
        });
        if let Some(version) = self.versions.get_mut(index) {
            version.loaded = Cache(Some(Arc::clone(&loaded)));
        }
        Ok(Load::Ready(loaded))
    }
}

/// The size of a sheet in its own unit.
pub(crate) fn size_of(sheet: &TermSheet) -> Decimal {
    match sheet.size {
        Size::Notional(size) | Size::Quantity(size) => size,
    }
}
