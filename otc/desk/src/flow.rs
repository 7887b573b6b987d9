//! Flows of the whole book, and their payment.

use rialto_otc_lifecycle::Flow;
use rialto_otc_lifecycle::payload::{Kind, Payload};
use rialto_otc_store::flow::{self, FlowRow};
use rialto_platform_identity::Actor;
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
            let text = format!("`{other}` is not one of {}", STATUSES.join(", "));
            return Err(DeskError::invalid("status", "unknown", text));
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
        if !log
            .trade()
            .flows()
            .iter()
            .any(|flow| flow.flow_id == flow_id)
        {
            return Err(DeskError::not_found("flow", flow_id));
        }
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
        let event_id = input.event_id.unwrap_or_else(|| {
            let flow = flow_id.strip_prefix(trade_id).unwrap_or(flow_id);
            format!("{}{flow}/{step}", kind.text())
        });
        let mut payload = json!({"flows": [flow_id]});
        if let Some(note) = input.note.filter(|note| !note.is_empty()) {
            payload["note"] = note.into();
        }
        let event = EventInput {
            event_id,
            kind: kind.text().to_owned(),
            payload: Some(payload),
            effective: None,
            reason: None,
        };
        self.send(actor, trade_id, None, event).await
    }
}
