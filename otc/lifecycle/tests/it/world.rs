//! A desk that books, checks and pays.

use jiff::Timestamp;
use rialto_otc_lifecycle::event::{OBSERVED, POST_CLOSE};
use rialto_otc_lifecycle::payload::{Approve, Book, Confirm, Fixing, Flows, Payload, Submit};
use rialto_otc_lifecycle::{
    Context, Document, Effective, Event, Flow, NewEvent, Policy, Receipt, Refusal, TradeLog,
    TradeState,
};
use rialto_otc_time::{Calendars, Date, Exchange};
use rust_decimal::Decimal;
use serde_json::Value;

pub const SNOWBALL: &str = include_str!("../../../contract/tests/spec/snowball.json");
pub const ACCUMULATOR: &str = include_str!("../../../contract/tests/spec/accumulator.json");
pub const PHOENIX: &str = include_str!("../../../contract/tests/spec/phoenix.json");

pub fn d(text: &str) -> Decimal {
    text.parse().expect("a number")
}

pub fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

/// An hour of a date in Shanghai.
pub fn at(date: Date, hour: i64) -> Timestamp {
    let seconds = i64::from(date.days()) * 86_400 + (hour - 8) * 3600;
    Timestamp::from_second(seconds).expect("a time")
}

pub fn context() -> Context<'static> {
    Context::new(Calendars::builtin(), Policy::default())
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

pub fn sessions(from: &str, to: &str) -> Vec<Date> {
    let calendar = Calendars::builtin().get(Exchange::Xshg);
    let mut day = date(from);
    let mut all = Vec::new();
    while day <= date(to) {
        if calendar.is_session(day).expect("covered") {
            all.push(day);
        }
        day = day.add_days(1).expect("a date");
    }
    all
}

pub struct Desk {
    pub context: Context<'static>,
    pub log: TradeLog,
    pub now: Timestamp,
    pub code: String,
    next: u32,
}

impl Desk {
    pub fn new(trade_id: &str, code: &str, today: Date) -> Self {
        Self {
            context: context(),
            log: TradeLog::new(trade_id),
            now: at(today, 9),
            code: code.to_owned(),
            next: 0,
        }
    }

    /// An event that nobody checked yet; `on` is when it takes effect.
    pub fn event(&mut self, on: Date, payload: Payload) -> NewEvent {
        self.next += 1;
        let phase = match payload {
            Payload::Fixing(_) | Payload::FixingCorrected(_) => OBSERVED,
            _ => POST_CLOSE,
        };
        NewEvent {
            event_id: format!("e{}", self.next),
            trade_id: self.log.trade().id().to_owned(),
            effective_at: Effective::new(on, phase),
            known_at: self.now,
            source: "desk".to_owned(),
            cause: None,
            supersedes: None,
            payload,
            maker: "t07".to_owned(),
            checker: None,
            approval_hash: None,
            expected_version: Some(self.log.trade().version()),
        }
    }

    pub fn send(&mut self, new: NewEvent) -> Result<Receipt, Refusal> {
        self.log.append(&mut self.context, new)
    }

    /// Sends an event signed by a second person.
    pub fn signed(&mut self, on: Date, payload: Payload) -> Result<Receipt, Refusal> {
        let new = self.event(on, payload).signed("c02");
        self.send(new)
    }

    pub fn fixing(&mut self, on: Date, value: &str) -> NewEvent {
        let fixing = Fixing {
            code: self.code.clone(),
            date: on,
            reason: String::new(),
            rule: "close".to_owned(),
            value: d(value),
        };
        let mut new = self.event(on, Payload::Fixing(fixing));
        new.source = "vendor".to_owned();
        new.maker = "feed".to_owned();
        new.event_id = format!("fix-{on}");
        new.expected_version = None;
        new
    }

    pub fn fix(&mut self, on: Date, value: &str) -> Receipt {
        self.now = self.now.max(at(on, 16));
        let new = self.fixing(on, value);
        self.send(new).expect("a fixing")
    }

    pub fn correction(&mut self, on: Date, value: &str, supersedes: &str) -> NewEvent {
        let fixing = Fixing {
            code: self.code.clone(),
            date: on,
            reason: "the exchange corrected its close".to_owned(),
            rule: "close".to_owned(),
            value: d(value),
        };
        let mut new = self.event(on, Payload::FixingCorrected(fixing));
        new.supersedes = Some(supersedes.to_owned());
        new.signed("c02")
    }

    /// Books, submits, approves and confirms.
    pub fn live(&mut self, sheet: &Value, on: Date) {
        self.book(sheet, on, None);
        self.confirm(on);
    }

    pub fn book(
        &mut self,
        sheet: &Value,
        on: Date,
        link: Option<rialto_otc_lifecycle::payload::Link>,
    ) {
        let book = Book {
            link,
            quote: None,
            sheet: Document(sheet.clone()),
        };
        let new = self.event(on, Payload::Book(book));
        let subject = new.subject();
        self.send(new).expect("books");
        let limit_check = "within limits".to_owned();
        let submit = self.event(on, Payload::Submit(Submit { limit_check }));
        self.send(submit).expect("submits");
        let mut approve = self.event(on, Payload::Approve(Approve { subject }));
        approve.maker = "c02".to_owned();
        self.send(approve).expect("approves");
    }

    pub fn confirm(&mut self, on: Date) {
        let reference = "CF-1".to_owned();
        let confirm = self.event(on, Payload::Confirm(Confirm { reference }));
        self.send(confirm).expect("confirms");
    }

    pub fn state(&self) -> TradeState {
        self.log.state()
    }

    pub fn open(&self) -> Vec<Flow> {
        self.log
            .trade()
            .flows()
            .iter()
            .filter(|flow| flow.is_open())
            .cloned()
            .collect()
    }

    /// Instructs and settles all open flows.
    pub fn pay(&mut self, on: Date) {
        self.now = self.now.max(at(on, 17));
        let flows: Vec<String> = self.open().into_iter().map(|flow| flow.flow_id).collect();
        let note = "bank".to_owned();
        let all = Flows { flows, note };
        self.signed(on, Payload::Instructed(all.clone()))
            .expect("instructs");
        let settled = self.event(on, Payload::Settled(all));
        self.send(settled).expect("settles");
    }

    pub fn events(&self) -> Vec<Event> {
        self.log.events().to_vec()
    }
}

pub fn shown(flow: &Flow) -> String {
    let Flow {
        leg,
        amount,
        pay_date,
        payee,
        status,
        trace,
        ..
    } = flow;
    format!("{pay_date} {leg} {amount:.2} to {payee:?} {status:?} = {trace}")
}
