//! Prices on their way into the chains of trades, and what they do there.

use std::collections::{BTreeMap, BTreeSet};

use rialto_otc_lifecycle::event::OBSERVED;
use rialto_otc_lifecycle::payload::{Fixing, Payload};
use rialto_otc_lifecycle::{
    Context, Effective, Event, NewEvent, Refusal, Status, TradeLog, TradeState, difference,
};
use rialto_otc_store::fixing::FixingRow;
use rialto_otc_time::Date;
use rialto_platform_store::now;
use rust_decimal::Decimal;

use crate::fixing::Price;
use crate::view::{EffectView, Words};
use crate::{Desk, DeskError, words};

/// Underlying, rule and date of a price.
pub(crate) type Key = (String, String, Date);

/// A price on its way into a trade's chain.
#[derive(Clone)]
pub(crate) struct Step {
    pub price: Price,
    pub version: i64,
    pub maker: String,
    pub checker: Option<String>,
    pub reason: String,
}

impl Step {
    pub fn key(&self) -> Key {
        let Price {
            code, rule, date, ..
        } = &self.price;
        (code.clone(), rule.clone(), *date)
    }

    pub fn of(row: &FixingRow, price: &Price) -> Self {
        Self {
            price: price.clone(),
            version: row.version,
            maker: row.maker.clone(),
            checker: row.checker.clone(),
            reason: row.reason.clone(),
        }
    }

    pub fn read(row: FixingRow) -> Result<Self, DeskError> {
        let broken = |what: &str| DeskError::Internal(format!("a stored fixing has no {what}"));
        Ok(Self {
            price: Price {
                date: row.date.parse().map_err(|_| broken("date"))?,
                value: row.value.parse().map_err(|_| broken("value"))?,
                code: row.code,
                rule: row.rule,
                source: row.source,
                row: 0,
            },
            version: row.version,
            maker: row.maker,
            checker: row.checker,
            reason: row.reason,
        })
    }
}

/// The event that tells the price in force.
fn in_force<'l>(log: &'l TradeLog, price: &Price) -> Option<(&'l Event, Decimal)> {
    log.events().iter().rev().find_map(|event| {
        let (Payload::Fixing(fixing) | Payload::FixingCorrected(fixing)) = &event.payload else {
            return None;
        };
        let same =
            fixing.date == price.date && fixing.code == price.code && fixing.rule == price.rule;
        same.then_some((event, fixing.value))
    })
}

/// Appends a price to a trade's chain; whether it took it. A trade that is over takes only
/// corrections of prices it had seen.
pub(crate) fn enter(
    context: &mut Context<'_>,
    log: &mut TradeLog,
    step: &Step,
) -> Result<bool, Refusal> {
    let price = &step.price;
    let known = in_force(log, price).map(|(event, value)| (event.event_id.clone(), value));
    let fixing = Fixing {
        code: price.code.clone(),
        date: price.date,
        reason: String::new(),
        rule: price.rule.clone(),
        value: price.value,
    };
    let name = format!("fixing/{}/{}/{}", price.code, price.rule, price.date);
    let (event_id, supersedes, payload) = match known {
        Some((_, value)) if value == price.value => return Ok(false),
        Some((before, _)) => {
            let id = format!("{name}/{}", step.version);
            let fixing = Fixing {
                reason: step.reason.clone(),
                ..fixing
            };
            (id, Some(before), Payload::FixingCorrected(fixing))
        }
        None if log.trade().status() == Some(Status::Live) => {
            let id = match step.version {
                1 => name,
                version => format!("{name}/{version}"),
            };
            (id, None, Payload::Fixing(fixing))
        }
        None => return Ok(false),
    };
    let last = log.events().last().map(|event| event.known_at);
    let new = NewEvent {
        event_id,
        trade_id: log.trade().id().to_owned(),
        effective_at: Effective::new(price.date, OBSERVED),
        known_at: last.map_or_else(now, |last| last.max(now())),
        source: price.source.clone(),
        cause: None,
        supersedes,
        payload,
        maker: step.maker.clone(),
        checker: None,
        approval_hash: None,
        expected_version: None,
    };
    let new = match &step.checker {
        Some(checker) => new.signed(checker.clone()),
        None => new,
    };
    log.append(context, new).map(|receipt| !receipt.repeated)
}

/// Gives a trade in force the prices it lacks, in this order, for as long as it lives. They are the
/// house's already: whether one is an outlier was decided when it came in, and is not asked again
/// because a correction moved the price before it.
pub(crate) fn fill(desk: &Desk, log: &mut TradeLog, steps: &[Step]) -> Result<(), Refusal> {
    let fixings = log.trade().fixings();
    let known: BTreeSet<Key> = fixings
        .map(|(code, rule, date, _)| (code.to_owned(), rule.to_owned(), date))
        .collect();
    for step in steps {
        if log.trade().status() != Some(Status::Live) {
            break;
        }
        if !known.contains(&step.key()) {
            // Bound here, so that the lock is free between two events.
            let entered = desk
                .context()
                .without_outliers(|context| enter(context, log, step));
            entered?;
        }
    }
    Ok(())
}

/// What prices did, by trade.
#[derive(Default)]
pub(crate) struct Effects {
    pub touched: BTreeSet<String>,
    pub of: BTreeMap<String, EffectView>,
    /// Trades that were over and live again.
    pub reopened: BTreeSet<String>,
    /// Corrected trades as they were before the first correction.
    before: BTreeMap<String, TradeState>,
}

impl Effects {
    pub fn enter(&mut self, context: &mut Context<'_>, log: &mut TradeLog, no: i64, step: &Step) {
        let id = log.trade().id().to_owned();
        let corrects = in_force(log, &step.price).is_some();
        let first = corrects && !self.before.contains_key(&id);
        let before = first.then(|| log.state());
        let seen = log.trade().seq();
        let was = log.trade().status();
        let entered = enter(context, log, step);
        let refused = match entered {
            Ok(false) => return,
            Ok(true) => None,
            Err(refusal) => Some(Words::new(&*refusal.en, &*refusal.zh)),
        };
        self.touched.insert(id.clone());
        if was != Some(Status::Live) && log.trade().status() == Some(Status::Live) {
            self.reopened.insert(id.clone());
        }
        if let Some(before) = before.filter(|_| refused.is_none()) {
            self.before.insert(id, before);
        }
        self.derived(log, no, seen, refused);
    }

    /// A trade that lives again is given the prices it has missed.
    pub fn caught_up(
        &mut self,
        desk: &Desk,
        log: &mut TradeLog,
        no: i64,
        steps: &[Step],
    ) -> Result<(), Refusal> {
        let seen = log.trade().seq();
        fill(desk, log, steps)?;
        self.derived(log, no, seen, None);
        Ok(())
    }

    /// What came of a chain's events behind this one.
    fn derived(&mut self, log: &TradeLog, no: i64, seen: u64, refused: Option<Words>) {
        let derived = log.since(seen + 1).iter();
        let derived = derived.filter(|event| event.kind.is_derived());
        let events: Vec<String> = derived.map(|event| event.kind.text().to_owned()).collect();
        if events.is_empty() && refused.is_none() {
            return;
        }
        self.add(EffectView {
            trade_id: log.trade().id().to_owned(),
            trade_no: no,
            events,
            difference: None,
            refused,
        });
    }

    /// All prices are in: tells from before the first correction to now what differs. What a
    /// second person signs is this and nothing that comes after it.
    pub fn finish(&mut self, log: &TradeLog, no: i64) {
        let id = log.trade().id();
        let Some(before) = self.before.remove(id) else {
            return;
        };
        let found = words::difference(&difference(&before, &log.state()));
        if found.is_some() {
            self.add(EffectView {
                trade_id: id.to_owned(),
                trade_no: no,
                events: Vec::new(),
                difference: found,
                refused: None,
            });
        }
    }

    fn add(&mut self, effect: EffectView) {
        match self.of.get_mut(&effect.trade_id) {
            None => {
                self.of.insert(effect.trade_id.clone(), effect);
            }
            Some(known) => {
                known.events.extend(effect.events);
                known.refused = effect.refused.or(known.refused.take());
                known.difference = match (known.difference.take(), effect.difference) {
                    (Some(a), Some(b)) => Some(Words {
                        en: format!("{}\n{}", a.en, b.en),
                        zh: format!("{}\n{}", a.zh, b.zh),
                    }),
                    (a, b) => a.or(b),
                };
            }
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.touched.extend(other.touched);
        self.reopened.extend(other.reopened);
        for effect in other.of.into_values() {
            self.add(effect);
        }
    }

    pub fn views(&self) -> Vec<EffectView> {
        self.of.values().cloned().collect()
    }

    /// All differences in one text, trade by trade.
    pub fn difference(&self) -> Option<Words> {
        let mut all = Words::default();
        for effect in self.of.values() {
            let Some(found) = &effect.difference else {
                continue;
            };
            let id = &effect.trade_id;
            all.en.push_str(&format!("{id}\n{}\n", found.en));
            all.zh.push_str(&format!("{id}\n{}\n", found.zh));
        }
        (!all.en.is_empty()).then_some(all)
    }
}
