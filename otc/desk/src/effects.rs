//! Prices on their way into the chains of trades, and what they do there.

use std::collections::{BTreeMap, BTreeSet};

use rialto_otc_lifecycle::event::OBSERVED;
use rialto_otc_lifecycle::payload::{Fixing, Payload};
use rialto_otc_lifecycle::{
    Context, Effective, Event, NewEvent, Refusal, Status, TradeLog, difference,
};
use rialto_otc_store::fixing::FixingRow;
use rialto_platform_store::now;
use rust_decimal::Decimal;

use crate::DeskError;
use crate::fixing::Price;
use crate::view::{EffectView, Words};
use crate::words;

/// A price on its way into a trade's chain.
pub(crate) struct Step {
    pub price: Price,
    pub version: i64,
    pub maker: String,
    pub checker: Option<String>,
}

impl Step {
    pub fn of(row: &FixingRow, price: &Price) -> Self {
        Self {
            price: price.clone(),
            version: row.version,
            maker: row.maker.clone(),
            checker: row.checker.clone(),
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
        rule: price.rule.clone(),
        value: price.value,
    };
    let name = format!("fixing/{}/{}/{}", price.code, price.rule, price.date);
    let (event_id, supersedes, payload) = match known {
        Some((_, value)) if value == price.value => return Ok(false),
        Some((before, _)) => {
            let id = format!("{name}/{}", step.version);
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

/// What prices did, by trade.
#[derive(Default)]
pub(crate) struct Effects {
    pub touched: BTreeSet<String>,
    pub of: BTreeMap<String, EffectView>,
    /// Trades that were over and live again.
    pub reopened: BTreeSet<String>,
}

impl Effects {
    pub fn enter(&mut self, context: &mut Context<'_>, log: &mut TradeLog, no: i64, step: &Step) {
        let id = log.trade().id().to_owned();
        let corrects = in_force(log, &step.price).is_some();
        let before = corrects.then(|| log.state());
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
        let derived = log.since(seen + 1).iter();
        let derived = derived.filter(|event| event.kind.is_derived());
        let events: Vec<String> = derived.map(|event| event.kind.text().to_owned()).collect();
        let found = before.and_then(|before| words::difference(&difference(&before, &log.state())));
        if events.is_empty() && found.is_none() && refused.is_none() {
            return;
        }
        self.add(EffectView {
            trade_id: id,
            trade_no: no,
            events,
            difference: found,
            refused,
        });
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
