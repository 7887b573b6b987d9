//! Flows of the whole book, and their payment.

use jiff::tz::Offset;
use rialto_otc_lifecycle::payload::{Kind, Payload};
use rialto_otc_lifecycle::{Event, Flow, TradeLog};
use rialto_otc_store::approval;
use rialto_otc_store::flow::{self, FlowRow};
use rialto_platform_identity::Actor;
use rialto_platform_store::{now, to_micros};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::event::{EventInput, Sent};
use crate::view::FlowView;
use crate::{Desk, DeskError, words};

/// What is said about a payment.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentInput {
    /// The bank's reference, or why it failed.
    pub note: Option<String>,
    /// Unique in the trade; made from flow and step when not told.
    pub event_id: Option<String>,
}

/// How far a payment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// Given to the bank (a second person signs).
    Instruct,
    /// Paid.
    Settle,
    /// Came back unpaid.
    Fail,
}

impl Payment {
    const fn kind(self) -> Kind {
        match self {
            Self::Instruct => Kind::Instructed,
            Self::Settle => Kind::Settled,
            Self::Fail => Kind::Failed,
        }
    }
}

/// A flow's place in the list: pay date, trade number, flow.
pub type Place = (String, i64, String);

/// A stored flow as it is shown.
pub fn view(row: FlowRow) -> Result<FlowView, DeskError> {
    let flow: Flow = serde_json::from_str(&row.document).map_err(DeskError::json("flow"))?;
    let mut view = words::flow(&flow);
    view.trade_no = Some(row.trade_no);
    view.counterparty = Some(row.counterparty);
    Ok(view)
}

impl Desk {
    /// Flows by pay date, after a place.
    ///
    /// # Errors
    /// [`DeskError::Invalid`] for an unknown status.
    pub async fn flows(
        &self,
        status: Option<&str>,
        range: (Option<&str>, Option<&str>),
        after: Option<Place>,
        limit: i64,
    ) -> Result<Vec<FlowView>, DeskError> {
        const STATUSES: [&str; 5] = ["determined", "instructed", "settled", "failed", "reversed"];
        let status = status.filter(|status| !status.is_empty());
        if let Some(other) = status.filter(|status| !STATUSES.contains(status)) {
            return Err(DeskError::not_among("status", other, &STATUSES));
        }
        let rows = flow::list(&mut self.db(), status, range, after, limit).await?;
        rows.into_iter().map(view).collect()
    }

    /// Takes a payment one step further.
    ///
    /// # Errors
    /// As [`Desk::send`].
    pub async fn pay(
        &self,
        actor: &Actor,
        trade_id: &str,
        flow_id: &str,
        payment: Payment,
        input: PaymentInput,
    ) -> Result<Sent, DeskError> {
        let (_, log) = self.log(trade_id).await?;
        let flows = log.trade().flows();
        let Some(flow) = flows.iter().find(|flow| flow.flow_id == flow_id) else {
            return Err(DeskError::not_found("flow", flow_id));
        };
        let kind = payment.kind();
        let before = log.events().iter().filter(|event| {
            let flows = match &event.payload {
                Payload::Instructed(flows) | Payload::Settled(flows) | Payload::Failed(flows) => {
                    flows
                }
                _ => return false,
            };
            event.kind == kind && flows.flows.iter().any(|id| id == flow_id)
        });
        let step = before.count() + 1;
        let event_id = match input.event_id {
            Some(told) => told,
            None => self.step_id(trade_id, flow_id, kind, step).await?,
        };
        let mut payload = json!({"flows": [flow_id]});
        let mut reason = None;
        match input.note.filter(|note| !note.is_empty()) {
            Some(note) => payload["note"] = note.into(),
            // What is due says by itself why it is paid.
            None => reason = Some(format!("{} {}: {}", flow.leg, flow.pay_date, flow.trace)),
        }
        let event = EventInput {
            event_id,
            kind: kind.text().to_owned(),
            payload: Some(payload),
            effective: None,
            reason,
        };
        self.send(actor, trade_id, None, event).await
    }

    /// The id of the next step of a payment; what a second person decided about is behind it.
    async fn step_id(
        &self,
        trade_id: &str,
        flow_id: &str,
        kind: Kind,
        first: usize,
    ) -> Result<String, DeskError> {
        let flow = flow_id.strip_prefix(trade_id).unwrap_or(flow_id);
        let mut step = first;
        loop {
            let id = format!("{}{flow}/{step}", kind.text());
            let asked = approval::of_event(&mut self.db(), trade_id, &id).await?;
            let over =
                asked.is_some_and(|row| row.state != "open" || row.expires_at <= to_micros(now()));
            if !over {
                return Ok(id);
            }
            step += 1;
        }
    }
}

/// Who took this very step of a payment before, when, and what was said; `None` when nobody did.
pub(crate) fn taken_before(log: &TradeLog, payload: &Payload) -> Option<(String, String)> {
    let kind = payload.kind();
    let (Payload::Instructed(flows) | Payload::Settled(flows) | Payload::Failed(flows)) = payload
    else {
        return None;
    };
    let of = |event: &&Event| match &event.payload {
        Payload::Instructed(done) | Payload::Settled(done) | Payload::Failed(done) => {
            done.flows.iter().any(|id| flows.flows.contains(id))
        }
        _ => false,
    };
    // Only the last step counts: what came back unpaid may be instructed again.
    let last = log.events().iter().rev().find(of)?;
    let done = match &last.payload {
        Payload::Instructed(done) | Payload::Settled(done) | Payload::Failed(done)
            if last.kind == kind =>
        {
            done
        }
        _ => return None,
    };
    let id = done.flows.iter().find(|id| flows.flows.contains(id))?;
    let at = Offset::constant(8).to_datetime(last.known_at);
    let at = at.strftime("%Y-%m-%d %H:%M:%S");
    let (en, zh) = match kind {
        Kind::Instructed => ("given to the bank", "发出付款指令"),
        Kind::Settled => ("settled", "结算"),
        _ => ("reported as unpaid", "登记为结算失败"),
    };
    let by = match &last.checker {
        Some(checker) => format!("{}, {checker}", last.maker),
        None => last.maker.clone(),
    };
    let (note, anmerkung) = match done.note.trim() {
        "" => (String::new(), String::new()),
        note => (format!(", note {note:?}"), format!("，备注“{note}”")),
    };
    let event = &last.event_id;
    Some((
        format!(
            "Flow {id} was {en} already, by {by} at {at} (UTC+8, event {event}{note}). Nothing was \
             recorded or posted again."
        ),
        format!(
            "现金流 {id} 已由 {by} 于 {at}（UTC+8）{zh}（事件 {event}{anmerkung}），本次未重复登记，也未重复记账。"
        ),
    ))
}

/// The refusal of a step that was taken before says who took it.
pub(crate) fn told_who(error: DeskError, taken: Option<(String, String)>) -> DeskError {
    match (error, taken) {
        // After the last payment the trade is closed and takes none at all; of two people who take a
        // step at once the later one's event has the name of the earlier one's.
        (DeskError::Refused(refusal), Some((en, zh)))
            if matches!(
                refusal.code,
                "E-FLOW-STATUS" | "E-BOOK-STATE" | "E-BOOK-CONFLICT"
            ) =>
        {
            DeskError::conflict("E-FLOW-STATUS", en, zh)
        }
        (error, _) => error,
    }
}
