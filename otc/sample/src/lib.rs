//! A synthetic desk, made from a seed: counterparties, two years of daily closes, markets, three
//! hundred contracts over all products, and every event of their lives.
//!
//! The same seed and day give the same house to the byte. Prices are drawn, whatever their codes;
//! counterparties are invented and say so in their names.

mod dice;
mod market;
mod names;
mod paths;
mod story;
mod terms;

use std::collections::BTreeSet;

use rialto_otc_lifecycle::{Context, NewEvent, Policy, TradeLog};
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::{Calendars, Date, Exchange};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use names::{Class, Counterparty};
pub use story::Story;

use crate::dice::Dice;
use crate::paths::Paths;
use crate::story::{Life, Stage, Wrong};
use crate::terms::{Draw, Slot};

/// Sessions between the wrong fixing and its correction: three weeks.
const CORRECTED_AFTER: usize = 15;

/// Why there is no house.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// The calendars do not reach from two years before the day to two years after it.
    #[error(
        "E-SAMPLE-CALENDAR: the calendars do not cover the lives of contracts around {0}; take a day between 2010 and 2045"
    )]
    Calendar(Date),
    /// A contract that was drawn is not valid.
    #[error("E-SAMPLE-CONTRACT: {trade_id} is no valid contract: {told}")]
    Contract {
        /// Trade.
        trade_id: String,
        /// Findings.
        told: String,
    },
    /// The book refused an event.
    #[error("E-SAMPLE-EVENT: an event of {trade_id} was refused: {told}")]
    Event {
        /// Trade.
        trade_id: String,
        /// Refusal.
        told: String,
    },
    /// A market that was drawn is not valid.
    #[error("E-SAMPLE-MARKET: {0}")]
    Market(String),
}

/// An underlying of the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Underlying {
    /// `XSHG:000905`, `XSGE:cu2612`.
    pub code: String,
    /// Name in English.
    pub name_en: String,
    /// Name in Simplified Chinese.
    pub name_zh: String,
    /// What it is.
    pub class: Class,
}

/// A close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Close {
    /// Underlying.
    pub code: String,
    /// Exchange trading date.
    pub date: Date,
    /// Official close.
    pub value: Decimal,
    /// What was published first, when that was corrected later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Decimal>,
}

/// A contract of the house.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleContract {
    /// Trade.
    pub trade_id: String,
    /// Template.
    pub product: String,
    /// Named variant.
    pub preset: Option<String>,
    /// What becomes of it.
    pub story: Story,
    /// Id of its counterparty.
    pub counterparty: String,
    /// Trade date and start.
    pub start: Date,
    /// Last date.
    pub end: Date,
    /// The term sheet as it is booked.
    pub terms: Value,
}

/// The house.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleHouse {
    /// What it is made from.
    pub seed: u64,
    /// Its day: a session.
    pub as_of: Date,
    /// Underlyings, futures last.
    pub underlyings: Vec<Underlying>,
    /// Counterparties.
    pub counterparties: Vec<Counterparty>,
    /// Official closes of two years, by underlying and date. Days without trade are not there.
    pub fixings: Vec<Close>,
    /// Markets, oldest first; the last is that of the house's day.
    pub snapshots: Vec<Snapshot>,
    /// Contracts, by trade.
    pub contracts: Vec<SampleContract>,
    /// Every event in the order in which the book came to know it.
    pub events: Vec<NewEvent>,
    /// What the events add up to: one chain for each contract, in their order.
    pub logs: Vec<TradeLog>,
}

impl SampleHouse {
    /// SHA-256 over everything in it, hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text.as_bytes());
        };
        add(&format!("{} {}", self.seed, self.as_of));
        // What is only text, numbers and lists of them can always be written.
        let json = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
        add(&json(serde_json::to_string(&self.underlyings)));
        add(&json(serde_json::to_string(&self.counterparties)));
        add(&json(serde_json::to_string(&self.fixings)));
        for snapshot in &self.snapshots {
            add(snapshot.id());
        }
        add(&json(serde_json::to_string(&self.contracts)));
        for event in &self.events {
            add(&event.event_id);
            add(&event.subject().to_string());
        }
        for event in self.logs.iter().flat_map(|log| log.events().last()) {
            add(&event.hash.to_string());
        }
        hex::encode(digest.finalize())
    }
}

/// The trade that takes the place of a novated one.
fn taken_over(trade_id: &str) -> String {
    format!("{trade_id}-N")
}

/// Makes the house of a seed for a day: the last session on or before it is the house's own.
///
/// # Errors
/// [`SampleError::Calendar`] when the calendars do not reach; the others would be mistakes of this
/// crate and name the trade.
pub fn house(seed: u64, as_of: Date) -> Result<SampleHouse, SampleError> {
    let calendars = Calendars::builtin();
    let calendar = calendars.get(Exchange::Xshg);
    let told = |_| SampleError::Calendar(as_of);
    let as_of = match calendar.is_session(as_of).map_err(told)? {
        true => as_of,
        false => calendar.previous(as_of).map_err(told)?,
    };
    let paths = Paths::new(seed, as_of, calendars)?;
    let counterparties = names::counterparties();
    let mut contracts = contracts(seed, &paths, &counterparties, calendars)?;
    let wrong = wrong(&paths);
    aim(&mut contracts, &paths, &wrong);
    let (logs, events) = lives(&mut contracts, &paths, &wrong, &counterparties, calendars)?;
    let futures: BTreeSet<String> = logs
        .iter()
        .filter_map(|log| log.trade().sheet())
        .flat_map(|sheet| sheet.underlyings.into_iter().map(|u| u.code))
        .filter(|code| paths::expiry(code).is_some())
        .collect();
    let last = paths.sessions.len() - 1;
    let mut snapshots = Vec::new();
    for session in [last - 20, last - 1, last] {
        snapshots.push(market::snapshot(&paths, session, &futures, calendars)?);
    }
    let fixings = paths.published(&futures).into_iter();
    let fixings = fixings.map(|(code, session, value)| Close {
        first: (code == wrong.code && session == wrong.session).then_some(wrong.published),
        date: paths.sessions[session],
        code,
        value,
    });
    Ok(SampleHouse {
        seed,
        as_of,
        underlyings: underlyings(&futures),
        counterparties,
        fixings: fixings.collect(),
        snapshots,
        contracts,
        events,
        logs,
    })
}

fn underlyings(futures: &BTreeSet<String>) -> Vec<Underlying> {
    let own = names::ASSETS
        .iter()
        .filter(|asset| asset.class != Class::Commodity)
        .map(|asset| asset.code.to_owned());
    own.chain(futures.iter().cloned())
        .filter_map(|code| {
            let (_, asset) = paths::asset(&code)?;
            let month = code.strip_prefix(asset.code).unwrap_or_default();
            Some(Underlying {
                name_en: format!("{} {month}", asset.en).trim_end().to_owned(),
                name_zh: format!("{}{month}", asset.zh),
                class: asset.class,
                code,
            })
        })
        .collect()
}

/// The term sheets, by start; their numbers follow that order.
fn contracts(
    seed: u64,
    paths: &Paths,
    parties: &[Counterparty],
    calendars: &Calendars,
) -> Result<Vec<SampleContract>, SampleError> {
    let slots: Vec<Slot> = terms::slots();
    let mut draws = Vec::with_capacity(slots.len());
    for (number, slot) in slots.iter().enumerate() {
        draws.push(Draw::new((seed, number), slot, paths, calendars)?);
    }
    draws.sort_by_key(|draw| draw.start);
    let mut dice = Dice::new(seed, "counterparties");
    let mut contracts = Vec::with_capacity(draws.len() + 1);
    for (n, draw) in draws.iter_mut().enumerate() {
        let trade_id = format!("OTC-{}-{:04}", draw.start.year(), n + 1);
        // The first counterparty takes over; the others deal.
        let party = dice.pick(&parties[1..]);
        contracts.push(SampleContract {
            terms: draw.sheet(&trade_id, party),
            trade_id,
            product: draw.slot.product.to_owned(),
            preset: draw.slot.preset.map(str::to_owned),
            story: draw.slot.story,
            counterparty: party.id.clone(),
            start: draw.start,
            end: draw.end,
        });
    }
    Ok(contracts)
}

/// The fixing that is published 1.2 % too high.
fn wrong(paths: &Paths) -> Wrong {
    let code = "XSHE:300750";
    let session = paths.sessions.len() - 1 - CORRECTED_AFTER;
    let right = paths.close(code, session);
    Wrong {
        code: code.to_owned(),
        session,
        published: (right * Decimal::new(1_012, 3)).round_dp(2),
    }
}

/// Makes the contract of the corrected fixing: it first looks for a knock-out on that day, at a level
/// between what was published and what was right.
fn aim(contracts: &mut [SampleContract], paths: &Paths, wrong: &Wrong) {
    let Some(contract) = contracts.iter_mut().find(|c| c.story == Story::Corrected) else {
        return;
    };
    let right = paths.close(&wrong.code, wrong.session);
    let between = ((right + wrong.published) / Decimal::TWO).round_dp(2);
    let dates: Vec<Date> = [wrong.session, wrong.session + 12]
        .map(|session| paths.sessions[session])
        .into_iter()
        .chain([contract.end])
        .collect();
    let terms = &mut contract.terms;
    let floor = (between * Decimal::new(6, 1)).round_dp(2);
    terms["terms"]["ko"] = serde_json::json!({"schedule": {"dates": dates}, "levels": between});
    terms["terms"]["ki"]["level"] = serde_json::json!(floor);
    // Absolute levels need an absolute initial price.
    let before = paths.session_from(contract.start).saturating_sub(1);
    terms["underlying"]["initial"] = serde_json::json!(paths.close(&wrong.code, before));
}

type Lived = (Vec<TradeLog>, Vec<NewEvent>);

/// Lives every contract; the one that takes over is added to the contracts.
fn lives(
    contracts: &mut Vec<SampleContract>,
    paths: &Paths,
    wrong: &Wrong,
    parties: &[Counterparty],
    calendars: &'static Calendars,
) -> Result<Lived, SampleError> {
    let mut stage = Stage {
        context: Context::new(calendars, Policy::default()),
        paths,
        wrong: wrong.clone(),
        parties,
    };
    let mut logs = Vec::with_capacity(contracts.len() + 1);
    let mut events: Vec<NewEvent> = Vec::new();
    let mut successor = None;
    for contract in contracts.iter() {
        let mut life = Life::new(&mut stage, contract, None)?;
        life.live(contract.start)?;
        life.correct()?;
        events.append(&mut life.events);
        let log = life.log;
        if contract.story == Story::Novated
            && let Some((terms, link)) = story::successor(&log, contract, &parties[0])
        {
            let next = SampleContract {
                trade_id: taken_over(&contract.trade_id),
                story: Story::TakesOver,
                counterparty: parties[0].id.clone(),
                terms,
                ..contract.clone()
            };
            let outcome = log.state().outcome;
            successor = outcome.map(|(_, on)| (next, link, on));
        }
        logs.push(log);
    }
    if let Some((contract, link, on)) = successor {
        let mut life = Life::new(&mut stage, &contract, Some(link))?;
        life.live(on)?;
        life.correct()?;
        events.append(&mut life.events);
        logs.push(life.log);
        contracts.push(contract);
    }
    // Events of one trade are in order already, and stay so among equals.
    events.sort_by_key(|event| event.known_at);
    Ok((logs, events))
}
