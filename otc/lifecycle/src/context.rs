//! What the book is told from outside: calendars and rules of the house. Compiled contracts are kept
//! here, shared by trades with the same terms.

use std::collections::HashMap;
use std::sync::Arc;

use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::{Findings, TermSheet};
use rialto_otc_time::{Calendars, Date};
use rust_decimal::Decimal;

use crate::canon::Hash;

/// Rules of the house.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// A fixing that differs from the one before by more than this share needs a second person
    /// (0.12: 12 %). Broad Chinese indices move at most about 10 % a day.
    pub outlier: Decimal,
    /// Whether the cumulative FVPL of a closed trade passes to INVINC.
    pub realise_on_close: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            outlier: Decimal::new(12, 2),
            realise_on_close: true,
        }
    }
}

/// Most compiled contracts that are kept for trades to come; those in use are kept by their trades.
const MOST_PLANS: usize = 256;

/// Calendars, rules, and compiled contracts by their terms.
#[derive(Debug)]
pub struct Context<'c> {
    /// Calendars.
    pub calendars: &'c Calendars,
    /// Rules of the house.
    pub policy: Policy,
    plans: HashMap<Hash, Arc<Compiled>>,
}

impl<'c> Context<'c> {
    /// Without any contract compiled yet.
    #[must_use]
    pub fn new(calendars: &'c Calendars, policy: Policy) -> Self {
        let plans = HashMap::new();
        Self {
            calendars,
            policy,
            plans,
        }
    }

    /// Works with prices that the house holds already: none of them is an outlier.
    pub fn without_outliers<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let outlier = std::mem::replace(&mut self.policy.outlier, Decimal::MAX);
        let done = work(self);
        self.policy.outlier = outlier;
        done
    }

    /// Compiles a sheet, or takes the plan of another with the same terms.
    ///
    /// # Errors
    /// The findings of the sheet.
    pub fn compiled(
        &mut self,
        sheet: &TermSheet,
        initials: &Initials,
    ) -> Result<Arc<Compiled>, Findings> {
        let key = terms(sheet, initials);
        if let Some(plan) = self.plans.get(&key) {
            return Ok(Arc::clone(plan));
        }
        let compiled = Arc::new(compile_with(sheet, self.calendars, initials)?);
        if self.plans.len() >= MOST_PLANS {
            self.plans.clear();
        }
        self.plans.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// Hash of everything that decides the plan.
fn terms(sheet: &TermSheet, initials: &Initials) -> Hash {
    let mut bare = sheet.fixed(initials);
    bare.trade_id.clear();
    bare.version = 1;
    bare.parties = rialto_otc_contract::envelope::Parties::default();
    for labels in [&mut bare.agreement, &mut bare.ids, &mut bare.options] {
        labels.clear();
    }
    bare.premium = None;
    bare.memo = None;
    Hash::of(bare.to_json().as_bytes())
}

/// The date in Shanghai (UTC+8 all year since 1991), where the book is kept.
pub(crate) fn local_date(known: jiff::Timestamp) -> Date {
    let days = (known.as_second() + 8 * 3600).div_euclid(86_400);
    i32::try_from(days)
        .ok()
        .and_then(|days| Date::from_days(days).ok())
        .unwrap_or(Date::MAX)
}
