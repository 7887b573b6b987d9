//! From a term sheet and a snapshot to a value: compile, drop what is past, build the model, choose
//! the engine.

use rialto_otc_contract::compile::{Compiled, Initials, compile_with};
use rialto_otc_contract::envelope::{Initial, Pending, State, When};
use rialto_otc_contract::finding::{Finding, Findings, Place, Sink};
use rialto_otc_contract::fixings::OffSession;
use rialto_otc_contract::interpret::{Memory, Record, Seen, WalkError, step};
use rialto_otc_contract::note::Note;
use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_contract::schedule::Term;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::bump::Bump;
use rialto_otc_market::model::Model;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_market::view::{self, Ground, ModelConfig};
use rialto_otc_time::{AsOf, Calendars, Date, DayPhase};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;

use crate::engine::{Ask, ErrorEstimate, ExpectedFlow, Greeking, Greeks, LadderPoint, PriceError};
use crate::notes;
use crate::select::{self, Candidate, Chosen};

/// Most breaches of no-arbitrage told of one surface.
const SHOWN_BREACHES: usize = 3;

/// Default tolerance: 0.1 bp of notional (specification, section 8.1).
pub const TOLERANCE: f64 = 1e-5;

/// Reads a tolerance: a share of the notional like `0.1bp`, `0.001%` or `1e-5`.
///
/// # Errors
/// What it should be.
pub fn tolerance_of(text: &str) -> Result<f64, &'static str> {
    let share = if let Some(points) = text.strip_suffix("bp") {
        points.trim().parse::<f64>().map(|points| points * 1e-4)
    } else if let Some(percent) = text.strip_suffix('%') {
        percent.trim().parse::<f64>().map(|percent| percent * 1e-2)
    } else {
        text.parse::<f64>()
    };
    match share {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("write a share of the notional above 0, like 0.1bp, 0.001% or 1e-5"),
    }
}

/// What is wanted of a valuation.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Moment of valuation; that of the snapshot when not told.
    pub as_of: Option<AsOf>,
    /// How the market is modelled.
    pub config: ModelConfig,
    /// Engine by name; chosen when not told.
    pub engine: Option<String>,
    /// Which Greeks.
    pub greeks: Greeking,
    /// Spots of a ladder, price units.
    pub ladder: Vec<f64>,
    /// Expected flows by date.
    pub flows: bool,
    /// Largest acceptable error as a share of notional.
    pub tolerance: f64,
    /// Seed of simulated engines.
    pub seed: u64,
    /// Paths of a simulation, when fixed.
    pub paths: Option<u64>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            as_of: None,
            config: ModelConfig::default(),
            engine: None,
            greeks: Greeking::All,
            ladder: Vec::new(),
            flows: false,
            tolerance: TOLERANCE,
            seed: 1,
            paths: None,
        }
    }
}

/// The value of one contract, to its holder, in currency units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Valuation {
    /// Trade.
    pub trade_id: String,
    /// Holder's present value: flows still open and flows determined but unpaid.
    pub value: f64,
    /// Of it, flows not yet determined.
    pub value_open: f64,
    /// Of it, flows determined and unpaid.
    pub value_determined: f64,
    /// Currency, ISO 4217.
    pub currency: String,
    /// Raw Greeks per contract.
    pub greeks: Greeks,
    /// Values at other spots, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<LadderPoint>,
    /// Expected flows, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<ExpectedFlow>,
    /// How far off the value may be, currency units, and how that was found.
    pub error_estimate: ErrorEstimate,
    /// Whether the error is within what was asked for.
    pub tolerance_met: bool,
    /// Engine.
    pub engine: &'static str,
    /// Every engine looked at and why it was or was not used.
    pub why: Vec<Candidate>,
    /// Approximations and notices in force.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What the number can be found again by.
    pub stamp: Stamp,
}

/// What a valuation rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stamp {
    /// Moment of valuation.
    pub as_of: AsOf,
    /// SHA-256 of the snapshot.
    pub snapshot_id: String,
    /// SHA-256 of the term sheet.
    pub contract_hash: String,
    /// Seed of simulated engines.
    pub seed: u64,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// Something in the sheet or the market is wrong.
    #[error("{0}")]
    Findings(Findings),
    /// The engine has no price.
    #[error(transparent)]
    Price(#[from] PriceError),
}

impl From<Findings> for ValueError {
    fn from(findings: Findings) -> Self {
        Self::Findings(findings)
    }
}

/// A contract with its market, ready for any engine.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The contract from the as-of on.
    pub compiled: Compiled,
    /// Its plan in binary numbers.
    pub plan: Plan<f64>,
    /// Its market.
    pub model: Model,
    /// When it is valued.
    pub as_of: AsOf,
    /// What a reader should know.
    pub notes: Vec<Note>,
}

/// Compiles a sheet against a snapshot: initial fixings that the sheet leaves to the market, and
/// past observations that its state does not tell, come from the snapshot's fixings.
///
/// # Errors
/// All findings at once.
pub fn prepare(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    calendars: &Calendars,
    as_of: Option<AsOf>,
    config: &ModelConfig,
) -> Result<Prepared, Findings> {
    let compiled = compile_with(sheet, calendars, &initials(sheet, snapshot))?;
    let mut ready = prepared(compiled, snapshot, calendars, as_of, config)?;
    ready.notes.extend(surfaces(sheet, snapshot, calendars));
    Ok(ready)
}

/// Where the surfaces a contract is valued on admit arbitrage, or could not be checked: the first few
/// breaches of each underlying.
#[must_use]
pub fn surfaces(sheet: &TermSheet, snapshot: &Snapshot, calendars: &Calendars) -> Vec<Note> {
    let mut notes = Vec::new();
    for underlying in &sheet.underlyings {
        let mut found = snapshot.arbitrage_of(&underlying.code, calendars);
        notes.extend(found.by_ref().take(SHOWN_BREACHES).map(Note::from));
        let more = found.count();
        if more > 0 {
            notes.push(notes::more_breaches(&underlying.code, more));
        }
    }
    notes
}

/// The same from the contract compiled already.
pub(crate) fn prepared(
    compiled: Compiled,
    snapshot: &Snapshot,
    calendars: &Calendars,
    as_of: Option<AsOf>,
    config: &ModelConfig,
) -> Result<Prepared, Findings> {
    let as_of = as_of.unwrap_or(*snapshot.as_of());
    let state = match &compiled.state {
        Some(_) => None,
        None => lived(&compiled, snapshot, &as_of, calendars)?,
    };
    let against = against_fixings(&compiled, snapshot, &as_of, calendars);
    let gap = state
        .is_none()
        .then(|| first_gap(&compiled, snapshot, &as_of))
        .flatten();
    let rest = compiled.remaining(&as_of, state.as_ref(), calendars);
    let compiled = rest.map_err(|mut findings| {
        findings.extend(gap);
        findings
    })?;
    let plan = compiled.plan.to_f64();
    let start = match compiled.term {
        Term::Dated { start, .. } => Some(start),
        Term::Numeric { .. } => None,
    };
    let ground = Ground {
        clocks: &compiled.clocks,
        calendars,
        start,
    };
    let viewed = view::model(snapshot, &plan, &ground, &as_of, config)?;
    let notices = compiled.notices.iter().chain(viewed.notices.iter());
    let mut notes: Vec<Note> = notices.map(Note::from).collect();
    notes.extend(off_session(&compiled, snapshot, calendars));
    notes.extend(against);
    Ok(Prepared {
        compiled,
        plan,
        model: viewed.model,
        as_of,
        notes,
    })
}

/// Fixings of the contract's underlyings that no session fixed.
fn off_session(compiled: &Compiled, snapshot: &Snapshot, calendars: &Calendars) -> Option<Note> {
    let names = compiled.plan.underlyings.iter().map(|name| &name.code);
    let off = names.map(|code| {
        let dates = snapshot.fixings(code).map(|(date, _)| date);
        OffSession::of(code, dates, calendars)
    });
    off.reduce(OffSession::and)?.note()
}

/// Initial fixings that a sheet leaves open and the snapshot knows.
#[must_use]
pub fn initials(sheet: &TermSheet, snapshot: &Snapshot) -> Initials {
    let start = match sheet.dates.start {
        Some(When::Date(date)) => Some(date),
        _ => None,
    };
    let mut initials = Initials::new();
    for underlying in &sheet.underlyings {
        if let Initial::Fixing {
            date, value: None, ..
        } = &underlying.initial
            && let Some(date) = date.or(start)
            && let Some(fixing) = snapshot.fixing(&underlying.code, date)
        {
            initials.insert(underlying.code.clone(), fixing);
        }
    }
    initials
}

/// The first past observation without a fixing, of an underlying whose fixings the market gives:
/// what stands between them and a state.
fn first_gap(compiled: &Compiled, snapshot: &Snapshot, as_of: &AsOf) -> Option<Finding> {
    let AsOf::Dated { date, phase } = *as_of else {
        return None;
    };
    let dates = compiled.plan.instants.iter().map_while(|i| i.at.date);
    let past = dates.take_while(|on| *on < date || (*on == date && phase == DayPhase::PostClose));
    let codes: Vec<&str> = compiled
        .plan
        .underlyings
        .iter()
        .map(|name| name.code.as_str())
        .filter(|code| snapshot.fixings(code).next().is_some())
        .collect();
    let missing = |on: Date| {
        let code = codes
            .iter()
            .find(|code| snapshot.fixing(code, on).is_none())?;
        Some((*code, on))
    };
    let (code, on) = past.into_iter().find_map(missing)?;
    let sink = Sink::default();
    let at = Place {
        pointer: "/fixings".to_owned(),
        ..Place::default()
    };
    sink.error(
        "E-FIXING-MISSING",
        &at,
        format!("The market has fixings of {code}, but none for {on}, when the contract looks at it. Add it."),
        format!("行情给出了 {code} 的定盘价，但缺少观察日 {on} 的，请补充。"),
    );
    sink.into_findings().into_iter().next()
}

/// Fixings that a contract cannot be walked over.
fn unusable(error: &WalkError) -> Findings {
    let sink = Sink::default();
    let at = Place {
        pointer: "/fixings".to_owned(),
        ..Place::default()
    };
    sink.error(
        "E-FIXING",
        &at,
        format!("{error}."),
        "定盘价无法用于该合约。",
    );
    sink.into_findings()
}

/// Where the state of a sheet is not what the market's fixings lead to. The state counts; a reader
/// should know. Barriers watched at every instant may have been hit between fixings.
fn against_fixings(
    compiled: &Compiled,
    snapshot: &Snapshot,
    as_of: &AsOf,
    calendars: &Calendars,
) -> Option<Note> {
    let told = compiled.state.as_ref()?;
    if !compiled.plan.monitors.is_empty() {
        return None;
    }
    let seen = lived(compiled, snapshot, as_of, calendars).ok()??;
    let other = told.values.iter().find_map(|(name, value)| {
        let seen = seen.values.get(name).filter(|seen| *seen != value)?;
        Some((name.clone(), *value, *seen))
    });
    if let Some((name, value, seen)) = other {
        return Some(notes::state_against(&name, value, seen));
    }
    (told.ended != seen.ended).then(|| notes::ended_against(told.ended))
}

/// The state that past fixings of the snapshot lead to; `None` when nothing is past or some fixing
/// is missing (which [`Compiled::remaining`] then reports). After the end none is needed.
fn lived(
    compiled: &Compiled,
    snapshot: &Snapshot,
    as_of: &AsOf,
    calendars: &Calendars,
) -> Result<Option<State>, Findings> {
    let AsOf::Dated { date, phase } = *as_of else {
        return Ok(None);
    };
    let now = compiled.now(as_of, calendars)?;
    let plan = &compiled.plan;
    let mut memory = Memory::new(plan);
    let mut record = Record::default();
    let mut walked = false;
    for (index, instant) in plan.instants.iter().enumerate() {
        let Some(on) = instant.at.date else {
            return Ok(None);
        };
        if on > date || (on == date && phase != DayPhase::PostClose) {
            break;
        }
        let fixings: Option<Vec<Decimal>> = plan
            .underlyings
            .iter()
            .map(|underlying| snapshot.fixing(&underlying.code, on))
            .collect();
        let Some(fixings) = fixings else {
            return Ok(None);
        };
        let seen = Seen::fixings(&fixings);
        step(plan, index, seen, &mut memory, &mut record).map_err(|error| unusable(&error))?;
        walked = true;
        if !memory.alive {
            break;
        }
    }
    if !walked {
        return Ok(None);
    }
    let values = plan
        .vars
        .iter()
        .zip(&memory.vars)
        .map(|(var, value)| (var.name.clone(), *value))
        .collect();
    let pending = record
        .flows
        .iter()
        .filter(|flow| {
            flow.at
                .date
                .is_some_and(|paid| now.date.is_some_and(|now| paid > now))
        })
        .map(|flow| Pending {
            leg: flow.leg.to_owned(),
            amount: flow.amount,
            pay: When::Date(flow.at.date.unwrap_or(date)),
        })
        .collect();
    Ok(Some(State {
        values,
        ki_date: None,
        paid: None,
        pending,
        ended: !memory.alive,
    }))
}

/// Values one contract.
///
/// # Errors
/// [`ValueError`].
pub fn value(
    sheet: &TermSheet,
    snapshot: &Snapshot,
    calendars: &Calendars,
    request: &Request,
) -> Result<Valuation, ValueError> {
    let prepared = prepare(sheet, snapshot, calendars, request.as_of, &request.config)?;
    told(&prepared, sheet, snapshot, calendars, request)
}

/// Values a contract that is ready, and says what it is.
pub(crate) fn told(
    prepared: &Prepared,
    sheet: &TermSheet,
    snapshot: &Snapshot,
    calendars: &Calendars,
    request: &Request,
) -> Result<Valuation, ValueError> {
    let mut valuation = signed(prepared.value(request)?, sheet, snapshot);
    // A contract on numeric times has no next session.
    let dated = matches!(prepared.as_of, AsOf::Dated { .. });
    if request.greeks == Greeking::All && valuation.greeks.theta_1d.is_none() && dated {
        match prepared.theta(request, calendars, &valuation)? {
            Ok(theta) => {
                valuation.greeks.theta_1d = Some(theta);
                valuation.notes.retain(|note| *note != notes::no_session());
            }
            Err(reason) => valuation.notes.push(notes::missing("theta_1d", reason)),
        }
    }
    Ok(valuation)
}

/// The valuation of a sheet in a market, with what it rests on.
pub(crate) fn signed(
    mut valuation: Valuation,
    sheet: &TermSheet,
    snapshot: &Snapshot,
) -> Valuation {
    valuation.trade_id.clone_from(&sheet.trade_id);
    valuation.stamp.snapshot_id = snapshot.id().to_owned();
    valuation.stamp.contract_hash = sheet.hash();
    valuation
}

/// A contract some dates later.
struct Walked {
    /// What is left of the plan.
    rest: Plan<f64>,
    /// Whether it has not ended.
    alive: bool,
    /// Amounts determined on the way, and when they are paid.
    flows: Vec<(f64, Moment)>,
}

impl Prepared {
    /// The ask of a request, in this contract's currency units.
    #[must_use]
    pub fn ask(&self, request: &Request) -> Ask {
        Ask {
            greeks: request.greeks,
            ladder: request.ladder.clone(),
            flows: request.flows,
            tolerance: request.tolerance * self.plan.notional.abs(),
            seed: request.seed,
            paths: request.paths,
            draft: false,
        }
    }

    /// Values it. Trade, snapshot and hash are the caller's to fill.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn value(&self, request: &Request) -> Result<Valuation, PriceError> {
        let ask = self.ask(request);
        let (determined, sensitivity) = self.determined();
        let engine = request.engine.as_deref();
        let Chosen {
            engine,
            why,
            mut priced,
        } = select::price(&self.plan, &self.model, &ask, engine)?;
        priced.error.abs += self.table_error(&ask, engine, priced.value)?;
        // Determined flows stay when spot, carry and volatility move, the discounting does not.
        for point in &mut priced.ladder {
            point.value += determined;
        }
        priced.greeks.rho = priced.greeks.rho.map(|rho| rho + sensitivity);
        let mut notes = self.notes.clone();
        notes.extend(priced.notes);
        if !priced.flows.is_empty() {
            notes.retain(|note| *note != notes::no_flows());
        }
        if self.plan.instants.is_empty() {
            notes.push(notes::over());
        }
        Ok(Valuation {
            trade_id: String::new(),
            value: priced.value + determined,
            value_open: priced.value,
            value_determined: determined,
            currency: self.plan.currency.clone(),
            greeks: priced.greeks,
            ladder: priced.ladder,
            flows: priced.flows,
            tolerance_met: priced.error.abs <= ask.tolerance,
            error_estimate: priced.error,
            engine,
            why,
            notes,
            stamp: Stamp {
                as_of: self.as_of,
                snapshot_id: String::new(),
                contract_hash: String::new(),
                seed: request.seed,
            },
        })
    }

    /// How far the table of a local volatility may put the value off: as far as a coarser one does.
    fn table_error(&self, ask: &Ask, engine: &str, value: f64) -> Result<f64, PriceError> {
        let Some(coarser) = self.model.coarser() else {
            return Ok(0.0);
        };
        let ask = Ask {
            greeks: Greeking::None,
            ladder: Vec::new(),
            flows: false,
            ..ask.clone()
        };
        let off = select::price(&self.plan, &coarser, &ask, Some(engine))?;
        Ok((off.priced.value - value).abs())
    }

    /// The value alone, whose error nobody reads.
    pub(crate) fn draft(&self, request: &Request) -> Result<f64, PriceError> {
        let ask = Ask {
            greeks: Greeking::None,
            ladder: Vec::new(),
            flows: false,
            draft: true,
            ..self.ask(request)
        };
        let chosen = select::price(&self.plan, &self.model, &ask, request.engine.as_deref())?;
        Ok(chosen.priced.value + self.determined().0)
    }

    /// Present value of flows determined and unpaid, and its derivative by the zero rate.
    pub(crate) fn determined(&self) -> (f64, f64) {
        let pending = self.compiled.pending.iter();
        pending
            .map(|flow| {
                let amount = flow.amount.to_f64().unwrap_or(f64::NAN);
                let value = amount * self.discount(&flow.at);
                (value, -value * self.ahead(&flow.at))
            })
            .fold((0.0, 0.0), |sum, (value, slope)| {
                (sum.0 + value, sum.1 + slope)
            })
    }

    /// Years of the rate clock until then.
    fn ahead(&self, at: &Moment) -> f64 {
        (at.rate - self.model.as_of.rate).max(0.0)
    }

    fn discount(&self, at: &Moment) -> f64 {
        (-self.model.discount.integral_to(self.ahead(at))).exp()
    }

    /// Change of the value to the next session at the same phase with spot, r, q and volatility by
    /// tenor in place, flows paid between included; or why there is none.
    fn theta(
        &self,
        request: &Request,
        calendars: &Calendars,
        now: &Valuation,
    ) -> Result<Result<f64, (String, String)>, ValueError> {
        let (AsOf::Dated { date, phase }, Some(exchange)) = (self.as_of, self.compiled.exchange)
        else {
            let en = "no exchange says which session is next".to_owned();
            return Ok(Err((en, "没有交易所说明下一交易日".to_owned())));
        };
        let next = match calendars.get(exchange).next(date) {
            Ok(next) => next,
            Err(error) => return Ok(Err(notes::of_calendar(&error))),
        };
        let then = self
            .compiled
            .now(&AsOf::Dated { date: next, phase }, calendars)?;
        let roll = Bump::Roll {
            variance: then.variance - self.model.as_of.variance,
            rate: then.rate - self.model.as_of.rate,
        };
        let model = match self.model.bumped(&roll) {
            Ok(model) => model,
            Err(error) => return Ok(Err(notes::of_bump(&error))),
        };
        let past = |at: &Moment| match at.date {
            Some(on) => on < next || (on == next && phase == DayPhase::PostClose),
            None => false,
        };
        let Some(walked) = self.walked(past) else {
            let en = "today's spot cannot be observed at the next session".to_owned();
            return Ok(Err((en, "今日现价无法作为下一交易日的观察价".to_owned())));
        };
        let tomorrow = Self {
            model,
            ..self.clone()
        };
        // A flow paid by then counts at its amount, a later one at its present value then.
        let paid = |amount: f64, at: &Moment| {
            if at.rate <= then.rate {
                amount
            } else {
                amount * tomorrow.discount(at)
            }
        };
        let fresh: f64 = walked
            .flows
            .iter()
            .map(|(amount, at)| paid(*amount, at))
            .sum();
        let waiting: f64 = self
            .compiled
            .pending
            .iter()
            .map(|flow| paid(flow.amount.to_f64().unwrap_or(f64::NAN), &flow.at))
            .sum();
        let rest = &walked.rest;
        let open = if walked.alive && !rest.instants.is_empty() {
            let ask = Ask {
                greeks: Greeking::None,
                ladder: Vec::new(),
                flows: false,
                ..self.ask(request)
            };
            select::price(rest, &tomorrow.model, &ask, Some(now.engine))
                .or_else(|_| select::price(rest, &tomorrow.model, &ask, None))
                .map(|chosen| chosen.priced.value)?
        } else {
            0.0
        };
        Ok(Ok(open + fresh + waiting - now.value))
    }

    /// The plan after the dates that are `past`, observed at today's spots: what is left of it,
    /// whether it lives, and the flows determined on the way. `None` when a fixing cannot be used.
    fn walked(&self, past: impl Fn(&Moment) -> bool) -> Option<Walked> {
        let spots: Vec<f64> = self.model.names.iter().map(|name| name.spot).collect();
        let mut memory = Memory::new(&self.plan);
        let mut record = Record::default();
        let gone = self
            .plan
            .instants
            .partition_point(|instant| past(&instant.at));
        for index in 0..gone {
            step(
                &self.plan,
                index,
                Seen::fixings(&spots),
                &mut memory,
                &mut record,
            )
            .ok()?;
        }
        let mut rest = self.plan.clone();
        rest.instants.drain(..gone);
        for (var, value) in rest.vars.iter_mut().zip(&memory.vars) {
            var.value = *value;
        }
        let flows = record
            .flows
            .iter()
            .map(|flow| (flow.amount, flow.at))
            .collect();
        Some(Walked {
            rest,
            alive: memory.alive,
            flows,
        })
    }
}
