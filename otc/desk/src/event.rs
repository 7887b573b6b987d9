//! Events sent by people: recorded at once, or put before a second person.

use rialto_otc_contract::Compiled;
use rialto_otc_lifecycle::payload::{Kind, Payload};
use rialto_otc_lifecycle::{
    Effective, NewEvent, Receipt, Status, TradeState, difference, has_use, state,
};
use rialto_otc_store::{approval, trade};
use rialto_otc_time::Date;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::Tx;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::approval::Request;
use crate::ledger::Held;
use crate::view::{ApprovalView, Recorded};
use crate::{Desk, DeskError, today, words};

/// An event as a person sends it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventInput {
    /// Unique in the trade: sent again with the same content it gives the earlier result.
    pub event_id: String,
    /// `submit`, `confirm`, `amend`, `terminate`, `settlement-instructed`, …
    pub kind: String,
    /// What it says.
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
    /// When it takes effect in the contract's life, `yyyy-mm-dd`; today when not told.
    pub effective: Option<String>,
    /// Why, here or in the payload: goes into the payload of kinds that keep it, into the approval
    /// and into the evidence of all. What a second person signs must have one; of payments and
    /// reviews their `note` is one.
    pub reason: Option<String>,
}

/// What became of it.
#[derive(Debug)]
pub enum Sent {
    /// It is recorded.
    Recorded(Box<Recorded>),
    /// It waits for a second person.
    Waiting(Box<ApprovalView>),
}

/// Kinds whose payload has a reason.
const WITH_REASON: [Kind; 4] = [Kind::Amend, Kind::Extend, Kind::Cancel, Kind::Abandon];

/// Kinds that come in other ways than `/events`: fixings by `/fixings`, decisions by `/approvals`.
const ELSEWHERE: [Kind; 4] = [
    Kind::Fixing,
    Kind::FixingCorrected,
    Kind::Approve,
    Kind::Reject,
];

/// Kinds that may be sent now: what the status allows and the contract's program has a use for.
pub fn sendable(status: Option<Status>, contract: &Compiled) -> Vec<String> {
    let kinds = state::allowed(status).into_iter();
    kinds
        .filter(|kind| !ELSEWHERE.contains(kind) && *kind != Kind::Book)
        .filter(|kind| has_use(*kind, &contract.plan))
        .map(|kind| kind.text().to_owned())
        .collect()
}

/// What sending a kind needs.
fn permission(kind: Kind) -> Permission {
    match kind {
        Kind::Confirm | Kind::Revaluation | Kind::ReviewClosed => Permission::OtcConfirm,
        Kind::BarrierHit => Permission::OtcFixing,
        Kind::Instructed | Kind::Settled | Kind::Failed => Permission::OtcSettle,
        _ => Permission::OtcTrade,
    }
}

/// A date of a request.
pub fn date(pointer: &str, text: &str) -> Result<Date, DeskError> {
    text.parse().map_err(|_| {
        let message = format!("`{text}` is no date like 2026-05-18");
        let zh = format!("`{text}` 不是 2026-05-18 这样的日期");
        DeskError::invalid(pointer, "invalid_date", message, zh)
    })
}

/// Why it is sent: in the payload, which is what is signed, else beside it; put where its kind keeps
/// it.
///
/// # Errors
/// [`DeskError::Invalid`] when there is none for a second person to read.
fn reason(input: &EventInput, kind: Kind, payload: &mut Value) -> Result<String, DeskError> {
    let told = |text: Option<&str>| text.map(str::trim).unwrap_or_default().to_owned();
    let beside = told(input.reason.as_deref());
    let Some(object) = payload.as_object_mut() else {
        return Ok(beside);
    };
    let within = object.get("reason");
    if within.is_some_and(|reason| !reason.is_string()) {
        // The book's reader says what is wrong with it.
        return Ok(beside);
    }
    let within = told(within.and_then(Value::as_str));
    let reason = if within.is_empty() { beside } else { within };
    if !WITH_REASON.contains(&kind) {
        object.remove("reason");
    } else if !reason.is_empty() {
        object.insert("reason".to_owned(), Value::from(reason.clone()));
    }
    if !reason.is_empty() {
        return Ok(reason);
    }
    let note = told(object.get("note").and_then(Value::as_str));
    // A payment is due by its contract; everything else is somebody's decision.
    if note.is_empty() && kind.needs_approval() && kind != Kind::Instructed {
        let kind = kind.text();
        return Err(DeskError::Invalid {
            pointer: "/reason".to_owned(),
            code: "E-BOOK-REASON",
            en: format!("Say why in \"reason\": the second person who signs {kind:?} reads it."),
            zh: format!("请在 reason 中说明原因：复核“{kind}”的人须据此判断。"),
        });
    }
    Ok(note)
}

/// What an event says, and why it is sent.
fn payload(input: &EventInput) -> Result<(Payload, String), DeskError> {
    let kind = Kind::read(&input.kind)?;
    if ELSEWHERE.contains(&kind) || kind == Kind::Book {
        let place = match kind {
            Kind::Book => "POST /trades",
            Kind::Approve | Kind::Reject => "POST /approvals/{id}/approve or /reject",
            _ => "POST /fixings",
        };
        let text = format!("{:?} comes by {place}", kind.text());
        let zh = format!("{:?} 须经 {place} 提交", kind.text());
        return Err(DeskError::invalid("/kind", "elsewhere", text, zh));
    }
    let mut value = input.payload.clone().unwrap_or_else(|| json!({}));
    let reason = reason(input, kind, &mut value)?;
    if let (Some(object), Kind::Submit) = (value.as_object_mut(), kind) {
        let told = object.insert("limit_check".to_owned(), words::NO_LIMITS.into());
        if told.is_some_and(|told| told != words::NO_LIMITS) {
            let en = "what the limits say is written by the system; leave it out";
            let zh = "限额检查结果由系统填写，请勿提交";
            let pointer = "/payload/limit_check";
            return Err(DeskError::invalid(pointer, "system", en, zh));
        }
    }
    Ok((Payload::read(&input.kind, value)?, reason))
}

impl Desk {
    /// Takes an event about a trade. `version` is the one the sender saw (If-Match).
    ///
    /// # Errors
    /// [`DeskError::Refused`] with the book's reason; nothing was changed then.
    pub async fn send(
        &self,
        actor: &Actor,
        trade_id: &str,
        version: Option<u64>,
        input: EventInput,
    ) -> Result<Sent, DeskError> {
        let (payload, reason) = payload(&input)?;
        actor.require(permission(payload.kind()))?;
        let told = input.effective.as_deref();
        let told = told.map(|text| date("/effective", text)).transpose()?;
        let mut tx = self.db().begin().await?;
        let held = self.hold(&mut tx, trade_id).await?;
        let day = match told.or_else(|| effective(&payload)) {
            Some(day) => day,
            // The way into force belongs to the date the contract was dealt.
            None if matches!(payload.kind(), Kind::Submit | Kind::Confirm) => dealt(&held),
            None => today(),
        };
        let new = NewEvent {
            event_id: input.event_id.clone(),
            trade_id: trade_id.to_owned(),
            effective_at: Effective::after(day),
            known_at: held.known_at(),
            source: "manual".to_owned(),
            cause: None,
            supersedes: None,
            payload,
            maker: actor.login.clone(),
            checker: None,
            approval_hash: None,
            expected_version: version,
        };
        let taken = crate::flow::taken_before(&held.log, &new.payload);
        let told = |error| crate::flow::told_who(error, taken);
        if needs_second(&held, &new) {
            let view = self.put_before(&mut tx, actor, held, new, &reason).await;
            let view = view.map_err(told)?;
            tx.commit().await?;
            return Ok(Sent::Waiting(Box::new(view)));
        }
        let sent = self.record_event(&mut tx, actor, held, new, &reason).await;
        let (held, recorded) = sent.map_err(told)?;
        tx.commit().await?;
        self.release(held);
        Ok(Sent::Recorded(Box::new(recorded)))
    }

    /// Appends an event and everything that goes with it, in the caller's transaction.
    pub(crate) async fn record_event(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        held: Held,
        new: NewEvent,
        reason: &str,
    ) -> Result<(Held, Recorded), DeskError> {
        let kind = new.payload.kind();
        let before = held.log.state();
        let seen = held.row.seq;
        let (held, receipt) = self.append(held, new).await?;
        if receipt.repeated {
            let recorded = told(&held, &receipt, None);
            return Ok((held, recorded));
        }
        let held = match kind {
            Kind::Confirm => self.catch_up(tx, held).await?,
            _ => held,
        };
        let mut held = self.persist(tx, held).await?;
        if kind == Kind::Submit {
            self.ask_for_booking(tx, actor, &mut held, reason).await?;
        } else if kind.is_decision() && held.row.open_approval.is_some() {
            self.void_approvals(tx, &mut held).await?;
        }
        let recorded = told(&held, &receipt, Some((&before, seen)));
        let body = json!({"trade": held.row.trade_id, "event": receipt.event_id,
            "kind": kind.text(), "hash": receipt.hash.to_string(), "reason": reason,
            "events": recorded.events.len(), "status": held.row.status});
        let subject = format!("otc_trade:{}", held.row.trade_id);
        self.record(tx, actor, evidence(kind), subject, body)
            .await?;
        self.tell(tx, &held.row, &[kind.text()]).await;
        if matches!(kind, Kind::Instructed | Kind::Settled | Kind::Failed) {
            let id = held.row.trade_id.clone();
            tx.publish(
                "list:otc-flows",
                &id,
                held.row.seq,
                &[kind.text()],
                Value::Null,
            )
            .await;
        }
        Ok((held, recorded))
    }

    /// A decision about the trade itself makes what waits about it void: it was made for what was
    /// before.
    pub(crate) async fn void_approvals(
        &self,
        tx: &mut Tx<'_>,
        held: &mut Held,
    ) -> Result<(), DeskError> {
        let now = rialto_platform_store::to_micros(rialto_platform_store::now());
        let id = held.row.trade_id.clone();
        approval::void(tx, &id, "the trade was changed meanwhile", now).await?;
        trade::set_approval(tx, &id, None).await?;
        held.row.open_approval = None;
        Ok(())
    }

    /// Puts an event before a second person, after trying whether the book would take it.
    async fn put_before(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        held: Held,
        new: NewEvent,
        reason: &str,
    ) -> Result<ApprovalView, DeskError> {
        let subject = new.subject();
        if let Some(known) = approval::of_event(tx, &new.trade_id, &new.event_id).await? {
            let same = known.subject == subject.to_string();
            if same && known.state == "open" && known.maker != actor.login {
                let (maker, no) = (&known.maker, known.no);
                return Err(DeskError::conflict(
                    "E-BOOK-CONFLICT",
                    format!("{maker} put this before a second person already (approval {no})."),
                    format!("{maker} 已提交该事项，正待复核（申请 {no}）。"),
                ));
            }
            if !same || known.maker != actor.login {
                return Err(DeskError::conflict(
                    "E-BOOK-CONFLICT",
                    format!(
                        "Event {:?} was sent with other content. Use a new id.",
                        new.event_id
                    ),
                    format!("事件 {:?} 已以不同内容提交，请使用新编号。", new.event_id),
                ));
            }
            return crate::approval::view(known);
        }
        self.check_novation(tx, &held, &new).await?;
        let before = held.log.state();
        let row = held.row.clone();
        // Somebody else will sign; who that is makes no difference to what the event does.
        let trial = new
            .clone()
            .signed(format!("{} (second person)", actor.login));
        let (tried, _) = self.append(held, trial).await?;
        let found = difference(&before, &tried.log.state());
        let document = json!({
            "event_id": new.event_id,
            "kind": new.payload.kind().text(),
            "effective": new.effective_at,
            "payload": new.payload,
            "version": new.expected_version,
            "source": new.source,
        });
        let request = Request {
            kind: "event",
            trade_id: Some(new.trade_id.clone()),
            event_id: new.event_id.clone(),
            subject: subject.to_string(),
            document,
            words: words::payload(&new.payload),
            reason: reason.to_owned(),
            difference: words::difference(&found),
        };
        let view = self.ask(tx, actor, request).await?;
        trade::set_approval(tx, &row.trade_id, Some(&view.id)).await?;
        self.tell(tx, &row, &["open_approval"]).await;
        Ok(view)
    }
}

/// When the contract was dealt: the date of its booking.
pub fn dealt(held: &Held) -> Date {
    let booked = held.log.events().first();
    booked.map_or_else(today, |event| event.effective_at.date)
}

/// The date that a payload itself names.
fn effective(payload: &Payload) -> Option<Date> {
    match payload {
        Payload::BarrierHit(hit) => Some(hit.date),
        _ => None,
    }
}

/// Whether the event has to be signed, and was not recorded before.
fn needs_second(held: &Held, new: &NewEvent) -> bool {
    let known = held
        .log
        .events()
        .iter()
        .any(|event| event.event_id == new.event_id);
    new.needs_approval() && !known
}

/// Type of the evidence record.
const fn evidence(kind: Kind) -> &'static str {
    match kind {
        Kind::Instructed | Kind::Settled | Kind::Failed => "otc_settlement",
        Kind::FixingCorrected => "otc_correction",
        _ => "otc_event",
    }
}

/// What an event did, in the form it is answered.
pub fn told(held: &Held, receipt: &Receipt, before: Option<(&TradeState, i64)>) -> Recorded {
    let after = held.log.state();
    let from = match before {
        Some((_, seen)) => u64::try_from(seen).unwrap_or(0) + 1,
        None => receipt.seq,
    };
    let events = held.log.since(from).iter();
    let last = match before {
        Some(_) => u64::MAX,
        None => receipt.last_seq,
    };
    Recorded {
        events: events
            .take_while(|event| event.seq <= last)
            .map(words::event)
            .collect(),
        difference: before.and_then(|(before, _)| words::difference(&difference(before, &after))),
        status: held.row.status.clone(),
        version: receipt.version,
        repeated: receipt.repeated,
    }
}
