//! The lives of the contracts: every event that the desk would have sent, folded as it goes, because
//! payments answer what the contract determined.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rialto_otc_contract::TermSheet;
use rialto_otc_contract::compile::Initials;
use rialto_otc_lifecycle::event::{OBSERVED, POST_CLOSE};
use rialto_otc_lifecycle::payload::{
    Abandon, Amend, Approve, Book, Cancel, Confirm, Exercise, Fixing, Flows, Link, LinkKind,
    Novate, NovationForm, Payload, Reject, Resize, Settlement, Submit, Terminate,
};
use rialto_otc_lifecycle::{Context, Document, Effective, FlowStatus, NewEvent, Status, TradeLog};
use rialto_otc_time::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use crate::names::Counterparty;
use crate::paths::Paths;
use crate::{SampleContract, SampleError};

/// Who makes and who checks.
const TRADER: &str = "trader";
const MIDDLE_OFFICE: &str = "middleoffice";
const SETTLEMENT: &str = "settlement";
/// Where published prices come from.
const VENDOR: &str = "vendor";

/// What becomes of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Story {
    /// Booked and confirmed; it lives as its fixings have it.
    Lives,
    /// Written and not submitted.
    Draft,
    /// Submitted and refused by the checker.
    Rejected,
    /// Before the checker.
    PendingApproval,
    /// Before the counterparty.
    PendingConfirm,
    /// Taken back.
    Cancelled,
    /// Its coupon was changed on the way.
    Amended,
    /// Its end was put off.
    Extended,
    /// Ended early by agreement.
    Terminated,
    /// A part ended early.
    PartlyTerminated,
    /// It became larger.
    Increased,
    /// Exercised by its holder.
    Exercised,
    /// Its holder gave the right up.
    Abandoned,
    /// Taken over by another counterparty.
    Novated,
    /// Takes the place of the one before.
    TakesOver,
    /// Knocked out by a fixing that was corrected later.
    Corrected,
    /// A payment came back.
    PaymentFailed,
}

/// The wrong fixing: published, then corrected.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub code: String,
    pub session: usize,
    pub published: Decimal,
}

/// What all lives share.
pub(crate) struct Stage<'a> {
    pub context: Context<'static>,
    pub paths: &'a Paths,
    pub wrong: Wrong,
    pub parties: &'a [Counterparty],
}

/// One contract on its way.
pub(crate) struct Life<'s, 'a> {
    stage: &'s mut Stage<'a>,
    trade: &'s SampleContract,
    pub log: TradeLog,
    pub events: Vec<NewEvent>,
    sheet: TermSheet,
    /// Sessions on which it is observed, by position.
    observed: BTreeSet<usize>,
    codes: Vec<String>,
    /// First pay date of what is open.
    due: Option<Date>,
    failed: bool,
    /// Last price sent of each underlying.
    seen: BTreeMap<String, Decimal>,
    /// The state it starts from when it takes another's place.
    link: Option<Link>,
}

/// A minute of a date in Shanghai.
pub(crate) fn at(date: Date, hour: i64, minute: i64) -> Result<Timestamp, SampleError> {
    let seconds = i64::from(date.days()) * 86_400 + (hour - 8) * 3_600 + minute * 60;
    Timestamp::from_second(seconds).map_err(|_| SampleError::Calendar(date))
}

impl<'s, 'a> Life<'s, 'a> {
    pub fn new(
        stage: &'s mut Stage<'a>,
        trade: &'s SampleContract,
        link: Option<Link>,
    ) -> Result<Self, SampleError> {
        let told = |findings: rialto_otc_contract::Findings| SampleError::Contract {
            trade_id: trade.trade_id.clone(),
            told: findings.to_string(),
        };
        let sheet = TermSheet::from_value(&trade.terms).map_err(told)?;
        let paths = stage.paths;
        let mut initials = Initials::new();
        let mut observed = BTreeSet::new();
        for (code, _, date) in sheet.open_initials() {
            let session = paths.session_from(date.unwrap_or(Date::MIN));
            initials.insert(code.to_owned(), paths.close(code, session));
            observed.insert(session);
        }
        let compiled = stage.context.compiled(&sheet, &initials).map_err(told)?;
        let instants = compiled.plan.instants.iter();
        observed.extend(instants.filter_map(|instant| paths.position(instant.at.date?)));
        let codes = sheet.underlyings.iter().map(|u| u.code.clone()).collect();
        Ok(Self {
            log: TradeLog::new(trade.trade_id.clone()),
            stage,
            trade,
            events: Vec::new(),
            sheet,
            observed,
            codes,
            due: None,
            failed: false,
            seen: BTreeMap::new(),
            link,
        })
    }

    fn date(&self, session: usize) -> Date {
        self.stage.paths.sessions[session.min(self.last())]
    }

    fn last(&self) -> usize {
        self.stage.paths.sessions.len() - 1
    }

    /// Sends an event; what is refused is a mistake of this crate and tells the trade.
    fn send(&mut self, event: NewEvent) -> Result<(), SampleError> {
        self.events.push(event.clone());
        let sent = self.log.append(&mut self.stage.context, event);
        sent.map_err(|refusal| SampleError::Event {
            trade_id: self.trade.trade_id.clone(),
            told: refusal.to_string(),
        })?;
        let flows = self.log.trade().flows().iter();
        self.due = flows.filter(|f| f.is_open()).map(|f| f.pay_date).min();
        Ok(())
    }

    fn event(&self, on: Date, known_at: Timestamp, maker: &str, payload: Payload) -> NewEvent {
        let kind = payload.kind();
        let (phase, source, id) = match &payload {
            Payload::Fixing(fixing) => (OBSERVED, VENDOR, format!("fixing {} {on}", fixing.code)),
            Payload::FixingCorrected(fixing) => {
                (OBSERVED, VENDOR, format!("correction {} {on}", fixing.code))
            }
            _ => {
                let id = format!("{} {}", kind.text(), self.events.len() + 1);
                (POST_CLOSE, "desk", id)
            }
        };
        let version = kind.needs_version().then(|| self.log.trade().version());
        NewEvent {
            event_id: id,
            trade_id: self.trade.trade_id.clone(),
            effective_at: Effective::new(on, phase),
            known_at,
            source: source.to_owned(),
            cause: None,
            supersedes: None,
            payload,
            maker: maker.to_owned(),
            checker: None,
            approval_hash: None,
            expected_version: version,
        }
    }

    fn by_trader(
        &mut self,
        on: Date,
        time: Timestamp,
        payload: Payload,
    ) -> Result<(), SampleError> {
        let event = self.event(on, time, TRADER, payload);
        self.send(event)
    }

    fn signed(&mut self, on: Date, time: Timestamp, payload: Payload) -> Result<(), SampleError> {
        let event = self.event(on, time, TRADER, payload).signed(MIDDLE_OFFICE);
        self.send(event)
    }

    /// Books, and goes as far towards life as the story has it. Whether it lives.
    fn begin(&mut self, session: usize) -> Result<bool, SampleError> {
        let on = self.date(session);
        let book = Book {
            link: self.link.clone(),
            quote: None,
            sheet: Document(self.trade.terms.clone()),
        };
        let hour = if self.link.is_some() { 17 } else { 10 };
        let booked = self.event(on, at(on, hour, 0)?, TRADER, Payload::Book(book));
        let subject = booked.subject();
        self.send(booked)?;
        let story = self.trade.story;
        if story == Story::Draft {
            return Ok(false);
        }
        let limit_check = "within limits".to_owned();
        self.by_trader(
            on,
            at(on, hour, 20)?,
            Payload::Submit(Submit { limit_check }),
        )?;
        if story == Story::PendingApproval {
            return Ok(false);
        }
        if story == Story::Rejected {
            let reason = "the level of the barrier is not the one agreed on".to_owned();
            let payload = Payload::Reject(Reject { reason });
            let refused = self.event(on, at(on, 14, 0)?, MIDDLE_OFFICE, payload);
            self.send(refused)?;
            return Ok(false);
        }
        let payload = Payload::Approve(Approve { subject });
        let approved = self.event(on, at(on, hour, 40)?, MIDDLE_OFFICE, payload);
        self.send(approved)?;
        if story == Story::PendingConfirm {
            return Ok(false);
        }
        let reference = format!("CF-{}", self.trade.trade_id);
        let payload = Payload::Confirm(Confirm { reference });
        let confirmed = self.event(on, at(on, hour, 50)?, MIDDLE_OFFICE, payload);
        self.send(confirmed)?;
        Ok(true)
    }

    /// Lives through its sessions up to the house's day.
    pub fn live(&mut self, from: Date) -> Result<(), SampleError> {
        let first = self.stage.paths.session_from(from);
        if !self.begin(first)? {
            return Ok(());
        }
        let turn = self.turn(first);
        // Who takes over in the evening has missed that day's fixing.
        let fixed_from = first + usize::from(self.link.is_some());
        for session in first..=self.last() {
            self.pay(session)?;
            if session >= fixed_from {
                self.fix(session)?;
            }
            if Some(session) == turn {
                self.decide(session)?;
            }
        }
        Ok(())
    }

    /// The session on which the story turns.
    fn turn(&self, first: usize) -> Option<usize> {
        let last = self.last();
        match self.trade.story {
            Story::Cancelled => Some(first + 4),
            Story::Amended | Story::Extended | Story::Increased => Some(last - 10),
            Story::Terminated | Story::PartlyTerminated => Some(last - 6),
            Story::Exercised | Story::Abandoned => Some(last - 3),
            Story::Novated => Some(last - 8),
            Story::Corrected => Some(last),
            _ => None,
        }
    }

    fn over(&self) -> bool {
        !matches!(self.log.trade().status(), Some(Status::Live))
    }

    /// The fixings of a session, when the contract looks at them.
    fn fix(&mut self, session: usize) -> Result<(), SampleError> {
        let decided = matches!(self.trade.story, Story::Exercised | Story::Abandoned)
            && Some(session) == self.turn(0);
        if self.over() || !(self.observed.contains(&session) || decided) {
            return Ok(());
        }
        self.fix_at(session, at(self.date(session), 15, 30)?)
    }

    fn fix_at(&mut self, session: usize, time: Timestamp) -> Result<(), SampleError> {
        let on = self.date(session);
        for code in self.codes.clone() {
            let wrong = &self.stage.wrong;
            let before = time < at(self.date(self.last()), 17, 0)?;
            let value = match wrong.code == code && wrong.session == session && before {
                true => wrong.published,
                false => self.stage.paths.close(&code, session),
            };
            let halted = self.stage.paths.halted(&code, session);
            let payload = Payload::Fixing(fixing(&code, on, value));
            let mut event = self.event(on, time, MIDDLE_OFFICE, payload);
            if halted {
                event.source = "fallback:last_close".to_owned();
            }
            // The book asks for a second person when a price is far from the one that it knows;
            // between two dates of a contract there may be months.
            let before = self.seen.insert(code, value).unwrap_or(value);
            if (value - before).abs() > before * self.stage.context.policy.outlier {
                event = event.signed(TRADER);
            }
            self.send(event)?;
        }
        Ok(())
    }

    /// Instructs and settles what is due.
    fn pay(&mut self, session: usize) -> Result<(), SampleError> {
        let on = self.date(session);
        if self.due.is_none_or(|due| due > on) {
            return Ok(());
        }
        let flows = self.log.trade().flows().iter();
        let due = flows.filter(|flow| flow.is_open() && flow.pay_date <= on);
        let ids: Vec<String> = due
            .filter(|flow| flow.status != FlowStatus::Instructed)
            .map(|flow| flow.flow_id.clone())
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let all = Flows {
            flows: ids,
            note: String::new(),
        };
        let minutes = jiff::SignedDuration::from_mins;
        // In the morning; what was booked this day a little later.
        let morning = at(on, 9, 30)?;
        let known = self.events.last().map_or(morning, |event| event.known_at);
        let instruct = morning.max(known + minutes(5));
        let settle = instruct + minutes(10);
        let event = self.event(on, instruct, SETTLEMENT, Payload::Instructed(all.clone()));
        self.send(event.signed(MIDDLE_OFFICE))?;
        let coupon = self.trade.story == Story::PaymentFailed && !self.failed && session > 20;
        if coupon && !self.log.trade().facts().is_empty() {
            self.failed = true;
            let note = "the account named by the counterparty is closed".to_owned();
            let back = Payload::Failed(Flows { note, ..all });
            let event = self.event(on, settle, SETTLEMENT, back);
            return self.send(event);
        }
        let note = format!("bank reference {on}");
        let paid = Payload::Settled(Flows { note, ..all });
        let event = self.event(on, settle, SETTLEMENT, paid);
        self.send(event)
    }

    /// What the story does on the session on which it turns.
    fn decide(&mut self, session: usize) -> Result<(), SampleError> {
        let on = self.date(session);
        let time = at(on, 16, 30)?;
        let pay_date = self.date(session + 3).max(on);
        if self.over() && self.trade.story != Story::Corrected {
            return Err(SampleError::Event {
                trade_id: self.trade.trade_id.clone(),
                told: format!("it had ended before its story could turn on {on}"),
            });
        }
        let size = size(&self.sheet);
        let money = |points: i64| (size * self.price() * Decimal::new(points, 4)).round_dp(2);
        let payload = match self.trade.story {
            Story::Cancelled => Payload::Cancel(Cancel {
                pay_date: Some(pay_date),
                reason: "booked for the wrong counterparty".to_owned(),
            }),
            Story::Terminated => Payload::Terminate(Terminate {
                fee: money(5),
                pay_date,
                unwind: money(self.unwind()),
            }),
            Story::PartlyTerminated | Story::Increased => {
                let ends = self.trade.story == Story::PartlyTerminated;
                let part = Resize {
                    fee: money(3),
                    pay_date,
                    size: (size / Decimal::TWO).round_dp(0),
                    unwind: money(if ends { self.unwind() } else { -self.unwind() } / 2),
                };
                match ends {
                    true => Payload::TerminatePartial(part),
                    false => Payload::NotionalIncrease(part),
                }
            }
            Story::Amended | Story::Extended => return self.amend(on, time),
            Story::Exercised => Payload::Exercise(Exercise {
                settlement: Settlement::Cash,
            }),
            Story::Abandoned => Payload::Abandon(Abandon {
                reason: "the holder's letter of this day".to_owned(),
            }),
            Story::Novated => Payload::Novate(Novate {
                fee: money(2),
                form: NovationForm::ThreeParty,
                pay_date,
                replacement: crate::taken_over(&self.trade.trade_id),
                transferee: Some(self.stage.parties[0].lei.clone()),
                unwind: money(self.unwind()),
            }),
            _ => return Ok(()),
        };
        match payload.kind().needs_approval() {
            true => self.signed(on, time, payload),
            false => self.by_trader(on, time, payload),
        }
    }

    /// Price of one unit of the size: 1 of a notional.
    fn price(&self) -> Decimal {
        match self.sheet.size {
            rialto_otc_contract::envelope::Size::Notional(_) => Decimal::ONE,
            rialto_otc_contract::envelope::Size::Quantity(_) => {
                let code = self.codes.first().map_or("", String::as_str);
                self.stage.paths.close(code, self.last())
            }
        }
    }

    /// What an early end pays the holder, in 10⁻⁴ of the size.
    fn unwind(&self) -> i64 {
        match &*self.trade.product {
            "snowball" | "phoenix" => 9_720,
            "airbag" => 180,
            _ => 120,
        }
    }

    fn amend(&mut self, on: Date, time: Timestamp) -> Result<(), SampleError> {
        let mut sheet = self.trade.terms.clone();
        sheet["version"] = json!(2);
        let extends = self.trade.story == Story::Extended;
        let reason = match extends {
            true => {
                let calendar = self
                    .stage
                    .context
                    .calendars
                    .get(rialto_otc_time::Exchange::Xshg);
                let end = self.trade.end.add_months(1).ok();
                let end =
                    end.and_then(|end| calendar.roll(end, rialto_otc_time::Roll::Following).ok());
                let end = end.ok_or(SampleError::Calendar(on))?;
                sheet["dates"]["end"] = json!(end);
                self.observed.extend(self.stage.paths.position(end));
                "the client wishes another month"
            }
            false => {
                sheet["terms"]["coupon"]["rate"] = json!("15.5%");
                sheet["terms"]["bonus"] = json!("15.5%");
                "the coupon was agreed on anew"
            }
        };
        let amend = Amend {
            reason: reason.to_owned(),
            sheet: Document(sheet),
        };
        let payload = match extends {
            true => Payload::Extend(amend),
            false => Payload::Amend(amend),
        };
        self.signed(on, time, payload)
    }

    /// The correction of the wrong fixing, where it was sent; then the fixings that a contract which
    /// lives again has missed.
    pub fn correct(&mut self) -> Result<(), SampleError> {
        let Wrong { code, session, .. } = self.stage.wrong.clone();
        let on = self.date(session);
        let first = format!("fixing {code} {on}");
        if !self.events.iter().any(|event| event.event_id == first) {
            return Ok(());
        }
        let time = at(self.date(self.last()), 17, 30)?;
        let value = self.stage.paths.close(&code, session);
        let payload = Payload::FixingCorrected(Fixing {
            reason: "the exchange corrected its close".to_owned(),
            ..fixing(&code, on, value)
        });
        let mut event = self.event(on, time, MIDDLE_OFFICE, payload);
        event.supersedes = Some(first);
        self.send(event.signed(TRADER))?;
        let known: BTreeSet<String> = self.events.iter().map(|e| e.event_id.clone()).collect();
        for missed in session + 1..=self.last() {
            let sent = known.contains(&format!("fixing {code} {}", self.date(missed)));
            if !self.over() && !sent && self.observed.contains(&missed) {
                self.fix_at(missed, time)?;
            }
        }
        Ok(())
    }
}

/// The contract that takes the place of a novated one: the same with another party, its initial
/// prices and its state as they are. Who comes in pays what the leaving party is paid.
pub(crate) fn successor(
    old: &TradeLog,
    before: &SampleContract,
    party: &Counterparty,
) -> Option<(Value, Link)> {
    let trade = old.trade();
    let initials: BTreeMap<String, Decimal> = trade
        .fixings()
        .filter(|(_, _, date, _)| *date == before.start)
        .map(|(code, _, _, value)| (code.to_owned(), value))
        .collect();
    let mut sheet = trade.sheet()?.fixed(&initials).to_value();
    sheet["trade_id"] = json!(crate::taken_over(&before.trade_id));
    sheet["parties"]["counterparty"] = json!({"lei": party.lei, "investor": party.investor,
        "name": format!("{} / {}", party.name_en, party.name_zh)});
    sheet["agreement"]["id"] = json!(party.agreement);
    let state: serde_json::Map<String, Value> = old
        .state()
        .values
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    sheet["state"] = Value::Object(state);
    let price = trade.flows().iter().find(|flow| flow.leg == "unwind")?;
    sheet["premium"] = json!({"amount": price.holder, "date": price.pay_date});
    let link = Link {
        kind: LinkKind::NovatedFrom,
        trade_id: before.trade_id.clone(),
    };
    Some((sheet, link))
}

fn fixing(code: &str, date: Date, value: Decimal) -> Fixing {
    Fixing {
        code: code.to_owned(),
        date,
        reason: String::new(),
        rule: "close".to_owned(),
        value,
    }
}

fn size(sheet: &TermSheet) -> Decimal {
    match sheet.size {
        rialto_otc_contract::envelope::Size::Notional(size)
        | rialto_otc_contract::envelope::Size::Quantity(size) => size,
    }
}
