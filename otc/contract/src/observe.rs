//! A contract walked on fixings from its start: what happened, which flows, what is remembered.

use std::collections::BTreeMap;

use rialto_otc_time::{Calendars, Date};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::compile::{Compiled, compile_with};
use crate::finding::Findings;
use crate::fixings::{Fixings, OffSession};
use crate::formula::Booking;
use crate::interpret::{Event, Hit, Memory, Seen, WalkError, first_hit, step, strike_between};
use crate::note::Note;
use crate::plan::Moment;
use crate::sheet::TermSheet;

/// Why a contract cannot be walked.
#[derive(Debug, Clone, PartialEq)]
pub enum ObserveError {
    /// It is wrong.
    Findings(Findings),
    /// A fixing is missing or cannot be used.
    Refused {
        /// Stable code.
        code: &'static str,
        /// What is wrong and what to do.
        en: String,
        /// The same in Simplified Chinese.
        zh: String,
    },
}

/// What became of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Observations are still to come.
    Live,
    /// Ended before its last date.
    EndedEarly,
    /// Lived to its last date.
    Expired,
}

/// What happened to a contract on its fixings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Walked {
    /// Trade.
    pub trade_id: String,
    /// Currency, ISO 4217.
    pub currency: String,
    /// What became of it.
    pub status: Status,
    /// Observations made.
    pub observed: usize,
    /// Observations still to come.
    pub to_come: usize,
    /// Moment of the last observation made.
    pub last: Option<String>,
    /// What it remembers.
    pub state: BTreeMap<String, Decimal>,
    /// What changed, in order.
    pub events: Vec<Told>,
    /// Flows, in order.
    pub flows: Vec<Flow>,
    /// What a reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// When.
    pub at: String,
    /// `set`, `hit` or `end`.
    pub kind: &'static str,
    /// Variable, or what ended.
    pub what: String,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Decimal>,
    /// After.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Decimal>,
}

/// A flow to the holder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flow {
    /// Name of the flow.
    pub leg: String,
    /// Rounded as the contract says.
    pub amount: Decimal,
    /// When it was decided.
    pub observed: String,
    /// When it is paid.
    pub pay: String,
    /// Row of its schedule, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    /// The formula with its numbers.
    pub trace: String,
}

/// Walks a contract from its start on fixings: up to `until`, or up to the last fixing of any of its
/// underlyings.
///
/// # Errors
/// [`ObserveError`]: findings of the sheet, a sheet with a state, a missing fixing.
pub fn observe(
    sheet: &TermSheet,
    fixings: &Fixings,
    until: Option<Date>,
    calendars: &Calendars,
) -> Result<Walked, ObserveError> {
    if sheet.state.is_some() {
        return Err(ObserveError::Refused {
            code: "E-OBSERVE-STATE",
            en: "The sheet holds a state, and the walk begins at the start. Remove \"state\"."
                .into(),
            zh: "条款含有 state，而回放从起始日开始，请删去 state。".into(),
        });
    }
    let initials = sheet
        .open_initials()
        .into_iter()
        .filter_map(|(code, _, date)| {
            let value = fixings.on(code, date?)?;
            Some((code.to_owned(), value))
        });
    let compiled =
        compile_with(sheet, calendars, &initials.collect()).map_err(ObserveError::Findings)?;
    let codes = compiled.plan.underlyings.iter().map(|u| u.code.as_str());
    let off_session = fixings.off_session(&codes.collect::<Vec<_>>(), calendars);
    let monitored = compiled.plan.monitors.iter().map(|monitor| {
        let underlying = compiled.plan.underlyings.get(monitor.underlying);
        let mut dated = underlying.map_or_else(BTreeMap::new, |u| fixings.dated(&u.code));
        dated.retain(|date, _| underlying.is_some_and(|u| !off_session.has(&u.code, *date)));
        dated
    });
    let monitored = monitored.collect();
    Walk {
        sheet,
        compiled: &compiled,
        calendars,
        fixings,
        monitored,
        off_session,
        until,
    }
    .run()
}

/// A contract on its way.
struct Walk<'w> {
    sheet: &'w TermSheet,
    compiled: &'w Compiled,
    calendars: &'w Calendars,
    fixings: &'w Fixings,
    /// For each barrier watched continuously, the dated fixings of its underlying.
    monitored: Vec<BTreeMap<Date, Decimal>>,
    off_session: OffSession,
    until: Option<Date>,
}

impl Walk<'_> {
    fn run(&self) -> Result<Walked, ObserveError> {
        let plan = &self.compiled.plan;
        let (due, last_day) = self.due();
        let mut memory = Memory::new(plan);
        let mut booking = Booking::new(self.compiled);
        let mut observed: usize = 0;
        let mut last = None;
        for (index, instant) in plan.instants.iter().take(due).enumerate() {
            let upto = instant.at.date.and_then(|date| date.add_days(-1).ok());
            self.strike(index, (&mut last, upto), &mut memory, &mut booking)?;
            if !memory.alive {
                break;
            }
            let mut seen = Vec::new();
            for underlying in &plan.underlyings {
                let fixing = self.fixings.at(&underlying.code, &instant.at);
                seen.push(fixing.ok_or_else(|| missing(&underlying.code, &instant.at))?);
            }
            let hits = instant.at.date.map(|date| self.hits(last, date));
            let hits = hits.transpose()?;
            let seen = Seen {
                hits: hits.as_deref(),
                ..Seen::fixings(&seen)
            };
            let walked = step(plan, index, seen, &mut memory, &mut booking);
            walked.map_err(|error| not_walked(&error, &instant.at.label()))?;
            observed += 1;
            last = instant.at.date;
        }
        self.strike(due, (&mut last, last_day), &mut memory, &mut booking)?;
        Ok(self.outcome(&memory, &booking, observed))
    }

    /// Runs barriers hit between two observations, in order, while what follows reads no fixing.
    fn strike(
        &self,
        instant: usize,
        (last, upto): (&mut Option<Date>, Option<Date>),
        memory: &mut Memory<Decimal>,
        booking: &mut Booking<'_>,
    ) -> Result<(), ObserveError> {
        let Some(upto) = upto else { return Ok(()) };
        while memory.alive {
            let open = (0..self.monitored.len())
                .filter(|index| memory.hit.get(*index) == Some(&false))
                .filter_map(|index| Some((self.first_hit(index, *last, upto)?, index)));
            let found: Vec<(Date, usize)> = open.collect();
            let Some(date) = found.iter().map(|(on, _)| *on).min() else {
                return Ok(());
            };
            let (mut now, mut told) = (memory.clone(), Booking::new(self.compiled));
            for (_, index) in found.into_iter().filter(|(on, _)| *on == date) {
                let hit = self.hit(index, date)?;
                match strike_between(&self.compiled.plan, instant, hit, &mut now, &mut told) {
                    Ok(()) => {}
                    Err(WalkError::Arithmetic { .. }) => return Ok(()),
                    Err(error) => return Err(not_walked(&error, &date.to_string())),
                }
            }
            *memory = now;
            booking.flows.append(&mut told.flows);
            booking.events.append(&mut told.events);
            *last = Some(date);
        }
        Ok(())
    }

    /// Barriers hit after `from` and up to `date`, in order.
    fn hits(&self, from: Option<Date>, date: Date) -> Result<Vec<Hit>, ObserveError> {
        let found = (0..self.monitored.len())
            .filter_map(|index| Some((self.first_hit(index, from, date)?, index)));
        let hits = found.map(|(on, index)| self.hit(index, on));
        let mut hits: Vec<Hit> = hits.collect::<Result<_, _>>()?;
        hits.sort_by(|a, b| a.at.rate.total_cmp(&b.at.rate));
        Ok(hits)
    }

    fn hit(&self, monitor: usize, on: Date) -> Result<Hit, ObserveError> {
        let moments = self.compiled.moments(on, self.calendars);
        let (at, pay) = moments.map_err(ObserveError::Findings)?;
        Ok(Hit { monitor, at, pay })
    }

    /// The first date after `after` and up to `upto` with a fixing at a barrier or beyond.
    fn first_hit(&self, index: usize, after: Option<Date>, upto: Date) -> Option<Date> {
        let monitor = self.compiled.plan.monitors.get(index)?;
        let known = self.monitored.get(index)?.range(..=upto);
        let known = known.map(|(on, price)| (*on, *price));
        first_hit(monitor, (after, upto), known)
    }

    fn outcome(&self, memory: &Memory<Decimal>, booking: &Booking<'_>, observed: usize) -> Walked {
        let plan = &self.compiled.plan;
        let early = booking
            .events
            .iter()
            .any(|event| matches!(event, Event::End { early: true, .. }));
        let status = match (memory.alive, early) {
            (true, _) => Status::Live,
            (false, true) => Status::EndedEarly,
            (false, false) => Status::Expired,
        };
        let last = observed
            .checked_sub(1)
            .and_then(|last| plan.instants.get(last));
        Walked {
            trade_id: self.sheet.trade_id.clone(),
            currency: plan.currency.clone(),
            status,
            observed,
            to_come: if memory.alive {
                plan.instants.len() - observed
            } else {
                0
            },
            last: last.map(|instant| instant.at.label()),
            state: plan
                .vars
                .iter()
                .zip(&memory.vars)
                .map(|(var, value)| (var.name.clone(), value.normalize()))
                .collect(),
            events: booking
                .events
                .iter()
                .map(|event| self.told(event))
                .collect(),
            flows: booking
                .flows
                .iter()
                .map(|flow| Flow {
                    leg: flow.leg.clone(),
                    amount: flow.amount,
                    observed: flow.observed.label(),
                    pay: flow.at.label(),
                    row: (flow.row > 0).then_some(flow.row),
                    trace: flow.trace.clone(),
                })
                .collect(),
            notes: self.notes(),
        }
    }

    /// How many observations are due: those up to the date asked for, or up to the last fixing of
    /// any underlying of the contract; and that date.
    fn due(&self) -> (usize, Option<Date>) {
        let plan = &self.compiled.plan;
        let codes: Vec<&str> = plan.underlyings.iter().map(|u| u.code.as_str()).collect();
        let (date, years) = self.fixings.last(&codes, &self.off_session);
        let last = self.until.or(date);
        let due = plan
            .instants
            .partition_point(|instant| match instant.at.date {
                Some(date) => last.is_some_and(|last| date <= last),
                None => instant.at.rate <= years + rialto_otc_time::TIME_TOLERANCE,
            });
        (due, last)
    }

    fn told(&self, event: &Event<Decimal>) -> Told {
        let plan = &self.compiled.plan;
        match event {
            Event::Set {
                at, var, from, to, ..
            } => Told {
                at: at.label(),
                kind: "set",
                what: plan
                    .vars
                    .get(*var)
                    .map_or_else(String::new, |var| var.name.clone()),
                from: Some(from.normalize()),
                to: Some(to.normalize()),
            },
            Event::Hit { at, monitor } => Told {
                at: at.label(),
                kind: "hit",
                what: plan
                    .monitors
                    .get(*monitor)
                    .map_or_else(String::new, |monitor| {
                        format!("barrier {}", monitor.level.normalize())
                    }),
                from: None,
                to: None,
            },
            Event::End { at, early, .. } => Told {
                at: at.label(),
                kind: "end",
                what: if *early { "early" } else { "last date" }.to_owned(),
                from: None,
                to: None,
            },
        }
    }

    fn notes(&self) -> Vec<Note> {
        let plan = &self.compiled.plan;
        let mut notes: Vec<Note> = self.off_session.note().into_iter().collect();
        if !plan.monitors.is_empty() {
            notes.push(Note::new(
                "N-OBSERVE-BARRIER",
                "barriers watched continuously are compared with these fixings alone",
                "连续观察的障碍仅与这些定盘价比较",
            ));
        }
        if plan.exercise.is_some() {
            notes.push(Note::new(
                "N-OBSERVE-EXERCISE",
                "the holder's right to exercise is not used",
                "未使用持有人的行权权利",
            ));
        }
        notes
    }
}

fn not_walked(error: &WalkError, at: &str) -> ObserveError {
    ObserveError::Refused {
        code: "E-OBSERVE-WALK",
        en: format!("{error} ({at})."),
        zh: format!("{at} 的观察无法执行：{error}。"),
    }
}

fn missing(code: &str, at: &Moment) -> ObserveError {
    let at = at.label();
    ObserveError::Refused {
        code: "E-FIXING-MISSING",
        en: format!("The fixing of {code} on {at} is missing. Add it, or stop before that date."),
        zh: format!("缺少 {code} 在 {at} 的定盘价，请补录，或在此之前停止。"),
    }
}
