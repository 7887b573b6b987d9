//! Four eyes: what waits for a second person, and the decision.

use jiff::SignedDuration;
use rialto_otc_lifecycle::payload::{Approve, Payload, Reject};
use rialto_otc_lifecycle::{Effective, Hash, NewEvent};
use rialto_otc_store::approval::{self, ApprovalRow};
use rialto_otc_store::{numbers, trade};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, from_micros, now, to_micros};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ledger::Held;
use crate::view::{ApprovalView, Decision, FixingReport, Recorded, Words};
use crate::{Desk, DeskError};

/// How long something may wait.
const LIFE: SignedDuration = SignedDuration::from_hours(24);
const LIFE_OF_A_BOOKING: SignedDuration = SignedDuration::from_hours(24 * 365 * 10);

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// Agreed to.
    Approved,
    /// Not agreed to.
    Rejected,
}

/// Something to be put before a second person.
pub struct Request {
    pub kind: &'static str,
    pub trade_id: Option<String>,
    pub event_id: String,
    pub subject: String,
    pub document: Value,
    pub words: Words,
    pub reason: String,
    pub difference: Option<Words>,
}

/// What is kept beside what is to be agreed to.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    document: Value,
    words: Words,
    reason: String,
    difference: Option<Words>,
}

/// An event as it was put before the second person.
#[derive(Debug, Deserialize)]
struct KeptEvent {
    event_id: String,
    kind: String,
    effective: Effective,
    payload: Value,
    version: Option<u64>,
    source: String,
}

/// An approval as it is shown.
pub fn view(row: ApprovalRow) -> Result<ApprovalView, DeskError> {
    let kept: Kept = serde_json::from_str(&row.document).map_err(DeskError::json("approval"))?;
    let expired = row.state == "open" && row.expires_at <= to_micros(now());
    let event_kind = kept.document.get("kind").and_then(Value::as_str);
    Ok(ApprovalView {
        event_kind: event_kind.map(str::to_owned),
        id: row.id,
        no: row.no,
        kind: row.kind,
        trade_id: row.trade_id,
        words: kept.words,
        reason: kept.reason,
        difference: kept.difference,
        document: kept.document,
        subject: row.subject,
        state: if expired {
            "expired".to_owned()
        } else {
            row.state
        },
        maker: row.maker,
        checker: row.checker,
        comment: row.comment,
        created_at: from_micros(row.created_at)?,
        expires_at: from_micros(row.expires_at)?,
        decided_at: row.decided_at.map(from_micros).transpose()?,
    })
}

rialto_kernel::define_id!(ApprovalId);

impl Desk {
    /// Puts something before a second person.
    pub(crate) async fn ask(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        request: Request,
    ) -> Result<ApprovalView, DeskError> {
        let at = now();
        // A booking waits until it is decided: its trade can do nothing else meanwhile.
        let life = match request.kind {
            "booking" => LIFE_OF_A_BOOKING,
            _ => LIFE,
        };
        let kept = Kept {
            document: request.document,
            words: request.words,
            reason: request.reason,
            difference: request.difference,
        };
        let id: ApprovalId = rialto_platform_store::new_id();
        let row = ApprovalRow {
            id: id.as_str().to_owned(),
            no: numbers(tx, "approval", 1).await?,
            kind: request.kind.to_owned(),
            trade_id: request.trade_id,
            event_id: request.event_id,
            subject: request.subject,
            document: serde_json::to_string(&kept).map_err(DeskError::json("approval"))?,
            state: "open".to_owned(),
            maker: actor.login.clone(),
            checker: None,
            comment: String::new(),
            result: None,
            created_at: to_micros(at),
            expires_at: to_micros(at + life),
            decided_at: None,
        };
        approval::insert(tx, &row).await?;
        tx.publish("list:otc-approvals", &row.id, 1, &["created"], Value::Null)
            .await;
        view(row)
    }

    /// After a booking was submitted: its approval.
    pub(crate) async fn ask_for_booking(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        held: &mut Held,
        reason: &str,
    ) -> Result<(), DeskError> {
        let booked = held.log.events().iter().rev();
        let booked = booked
            .into_iter()
            .find(|e| matches!(e.payload, Payload::Book(_)));
        let Some(booked) = booked else {
            return Err(DeskError::Internal(
                "a submitted trade has no booking".into(),
            ));
        };
        let row = &held.row;
        let request = Request {
            kind: "booking",
            trade_id: Some(row.trade_id.clone()),
            event_id: booked.event_id.clone(),
            subject: booked.subject().to_string(),
            document: json!({"kind": "book", "maker": booked.maker, "payload": booked.payload}),
            words: Words::new(
                format!(
                    "Book {}: {} {} with {}",
                    row.title_en, row.notional, row.currency, row.counterparty
                ),
                format!(
                    "入账 {}：{} {}，对手方 {}",
                    row.title_zh, row.notional, row.currency, row.counterparty
                ),
            ),
            reason: reason.to_owned(),
            difference: None,
        };
        let asked = self.ask(tx, actor, request).await?;
        trade::set_approval(tx, &held.row.trade_id, Some(&asked.id)).await?;
        held.row.open_approval = Some(asked.id);
        Ok(())
    }

    /// What waits or was decided, newest first, with a number below `before`.
    ///
    /// # Errors
    /// [`DeskError::Invalid`] for an unknown state.
    pub async fn approvals(
        &self,
        state: Option<&str>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<ApprovalView>, DeskError> {
        const STATES: [&str; 5] = ["open", "approved", "rejected", "void", "expired"];
        let state = state.filter(|state| !state.is_empty());
        if let Some(other) = state.filter(|state| !STATES.contains(state)) {
            return Err(DeskError::not_among("state", other, &STATES));
        }
        let rows = approval::list(&mut self.db(), state, to_micros(now()), before, limit).await?;
        rows.into_iter().map(view).collect()
    }

    /// One approval.
    ///
    /// # Errors
    /// [`DeskError::NotFound`].
    pub async fn approval(&self, id: &str) -> Result<ApprovalView, DeskError> {
        let row = approval::find(&mut self.db(), id).await?;
        view(row.ok_or_else(|| DeskError::not_found("approval", id))?)
    }

    /// Decides as the second person.
    ///
    /// # Errors
    /// [`DeskError::FourEyes`] for the maker, [`DeskError::Conflict`] when it is decided, expired
    /// or made for a trade that has changed since.
    pub async fn decide(
        &self,
        actor: &Actor,
        id: &str,
        decided: Decided,
        comment: &str,
    ) -> Result<Decision, DeskError> {
        actor.require(Permission::OtcApprove)?;
        if decided == Decided::Rejected && comment.trim().is_empty() {
            let text = "say why it is rejected";
            return Err(DeskError::invalid(
                "/comment",
                "missing",
                text,
                "请写明拒绝原因",
            ));
        }
        let mut tx = self.db().begin().await?;
        let row = approval::find(&mut tx, id).await?;
        let row = row.ok_or_else(|| DeskError::not_found("approval", id))?;
        check_open(&row)?;
        if row.maker == actor.login {
            let maker = actor.login.clone();
            return Err(DeskError::FourEyes { maker });
        }
        let outcome = match decided {
            Decided::Approved => self.approve(&mut tx, actor, &row, comment).await,
            Decided::Rejected => self.reject(&mut tx, actor, &row, comment).await,
        };
        let (held, recorded, fixings) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                drop(tx);
                return Err(self.void_if_stale(&row, error).await?);
            }
        };
        let state = match decided {
            Decided::Approved => "approved",
            Decided::Rejected => "rejected",
        };
        let row = ApprovalRow {
            state: state.to_owned(),
            checker: Some(actor.login.clone()),
            comment: comment.to_owned(),
            decided_at: Some(to_micros(now())),
            ..row
        };
        if !approval::decide(&mut tx, &row).await? {
            return Err(DeskError::Internal(format!(
                "approval {id} was decided twice"
            )));
        }
        let body = json!({"approval": row.id, "no": row.no, "kind": row.kind,
            "trade": row.trade_id, "subject": row.subject, "decision": state,
            "maker": row.maker, "checker": actor.login, "comment": comment});
        let subject = format!("otc_approval:{}", row.id);
        self.record(&mut tx, actor, "approval", subject, body)
            .await?;
        tx.publish(
            "list:otc-approvals",
            &row.id,
            2,
            &["state"],
            json!({"state": state}),
        )
        .await;
        tx.commit().await?;
        for held in held {
            self.release(held);
        }
        Ok(Decision {
            approval: view(row)?,
            recorded,
            fixings,
        })
    }

    /// What was made for an older version of the trade can never be signed: it is void from now on.
    async fn void_if_stale(
        &self,
        row: &ApprovalRow,
        error: DeskError,
    ) -> Result<DeskError, DeskError> {
        let stale =
            matches!(&error, DeskError::Refused(refusal) if refusal.code == "E-BOOK-VERSION");
        if !stale {
            return Ok(error);
        }
        let why = "the trade was changed meanwhile";
        let mut tx = self.db().begin().await?;
        let row = ApprovalRow {
            state: "void".to_owned(),
            comment: why.to_owned(),
            decided_at: Some(to_micros(now())),
            ..row.clone()
        };
        approval::decide(&mut tx, &row).await?;
        if let Some(trade_id) = &row.trade_id {
            trade::set_approval(&mut tx, trade_id, None).await?;
        }
        tx.publish(
            "list:otc-approvals",
            &row.id,
            2,
            &["state"],
            json!({"state": "void"}),
        )
        .await;
        tx.commit().await?;
        Ok(DeskError::conflict(
            "E-APPROVAL-STALE",
            "The trade was changed since this was made; it is void now. Have it made again.",
            "交易在提交后已被修改，该申请已作废，请重新提交。",
        ))
    }

    async fn approve(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &ApprovalRow,
        comment: &str,
    ) -> Result<Outcome, DeskError> {
        let kept: Kept =
            serde_json::from_str(&row.document).map_err(DeskError::json("approval"))?;
        if row.kind == "fixings" {
            let (held, report) = self
                .sign_fixings(tx, actor, row, kept.document, &kept.reason)
                .await?;
            return Ok((held, None, Some(report)));
        }
        let trade_id = row.trade_id.clone().unwrap_or_default();
        let held = self.hold(tx, &trade_id).await?;
        let new = if row.kind == "booking" {
            let subject: Hash = serde_json::from_value(row.subject.as_str().into())
                .map_err(DeskError::json("subject"))?;
            let payload = Payload::Approve(Approve { subject });
            event(&held, format!("approve-{}", row.no), payload, actor)
        } else {
            let event: KeptEvent =
                serde_json::from_value(kept.document).map_err(DeskError::json("approval"))?;
            NewEvent {
                event_id: event.event_id,
                trade_id: trade_id.clone(),
                effective_at: event.effective,
                known_at: held.known_at(),
                source: event.source,
                cause: None,
                supersedes: None,
                payload: Payload::read(&event.kind, event.payload)?,
                maker: row.maker.clone(),
                checker: None,
                approval_hash: None,
                expected_version: event.version,
            }
            .signed(actor.login.clone())
        };
        self.check_novation(tx, &held, &new).await?;
        trade::set_approval(tx, &trade_id, None).await?;
        let mut held = held;
        held.row.open_approval = None;
        let (held, recorded) = self.record_event(tx, actor, held, new, comment).await?;
        Ok((vec![held], Some(recorded), None))
    }

    async fn reject(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &ApprovalRow,
        comment: &str,
    ) -> Result<Outcome, DeskError> {
        let Some(trade_id) = &row.trade_id else {
            return Ok((Vec::new(), None, None));
        };
        trade::set_approval(tx, trade_id, None).await?;
        let mut held = self.hold(tx, trade_id).await?;
        held.row.open_approval = None;
        if row.kind != "booking" {
            self.tell(tx, &held.row, &["open_approval"]).await;
            return Ok((vec![held], None, None));
        }
        let reason = comment.to_owned();
        let payload = Payload::Reject(Reject { reason });
        let new = event(&held, format!("reject-{}", row.no), payload, actor);
        let (held, recorded) = self.record_event(tx, actor, held, new, comment).await?;
        Ok((vec![held], Some(recorded), None))
    }
}

type Outcome = (Vec<Held>, Option<Recorded>, Option<FixingReport>);

fn event(held: &Held, event_id: String, payload: Payload, actor: &Actor) -> NewEvent {
    NewEvent {
        event_id,
        trade_id: held.row.trade_id.clone(),
        effective_at: Effective::after(crate::event::dealt(held)),
        known_at: held.known_at(),
        source: "approval".to_owned(),
        cause: None,
        supersedes: None,
        payload,
        maker: actor.login.clone(),
        checker: None,
        approval_hash: None,
        expected_version: None,
    }
}

fn check_open(row: &ApprovalRow) -> Result<(), DeskError> {
    if row.state != "open" {
        return Err(DeskError::conflict(
            "E-APPROVAL-DECIDED",
            format!("This is {} already.", row.state),
            format!("该申请已处理（{}）。", row.state),
        ));
    }
    if row.expires_at <= to_micros(now()) {
        return Err(DeskError::conflict(
            "E-APPROVAL-EXPIRED",
            "This waited too long and has expired. Have it made again.",
            "该申请已过期，请重新提交。",
        ));
    }
    Ok(())
}
