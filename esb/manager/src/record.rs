//! Events, evidence and news of a change, written with it.

use rialto_esb_store::event::{self, EventRow};
use rialto_platform_evidence::{Actor as Witness, NewRecord};
use rialto_platform_identity::{Actor, Auth};
use rialto_platform_store::{Tx, now, to_micros};
use serde_json::{Value, json};

use crate::{InterfacePlatform, PlatformError};

/// What happened to an interface or one of its versions.
pub(crate) struct Happened<'a> {
    /// Code of the interface.
    pub interface: &'a str,
    /// Id and revision of the version.
    pub version: Option<(&'a str, i64)>,
    /// What, `submitted`.
    pub kind: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Details.
    pub document: Value,
}

/// The evidence actor of a person or part of the platform.
fn witness(actor: &Actor) -> Witness {
    let kind = match actor.auth {
        Auth::Session | Auth::Token => "user",
        Auth::System => "system",
        Auth::Runner => "runner",
    };
    Witness::new(actor.user_id.as_str(), kind, actor.auth.as_str())
}

impl InterfacePlatform {
    /// Appends an evidence record in the caller's transaction.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        kind: &'static str,
        subject: String,
        body: Value,
    ) -> Result<(), PlatformError> {
        let new = NewRecord {
            actor: witness(actor),
            kind,
            subject,
            body,
            refs: Vec::new(),
        };
        self.evidence().append(tx, new).await?;
        Ok(())
    }

    /// Writes what happened: the event, the evidence, the news.
    pub(crate) async fn happened(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        what: Happened<'_>,
    ) -> Result<(), PlatformError> {
        let row = EventRow {
            no: 0,
            interface: what.interface.to_owned(),
            version_id: what.version.map(|(id, _)| id.to_owned()),
            kind: what.kind.to_owned(),
            actor: actor.login.clone(),
            reason: what.reason.to_owned(),
            document: what.document.to_string(),
            at: to_micros(now()),
        };
        event::insert(tx, &row).await?;
        let (kind, subject) = match what.version {
            Some((id, _)) => ("esb_version", format!("esb_version:{id}")),
            None => ("esb_interface", format!("esb_interface:{}", what.interface)),
        };
        let body = json!({"interface": what.interface, "event": what.kind,
            "reason": what.reason, "detail": what.document});
        self.record(tx, actor, kind, subject, body).await?;
        if let Some((id, revision)) = what.version {
            let topic = format!("esb-version:{id}");
            tx.publish(&topic, id, revision, &[what.kind], Value::Null)
                .await;
        }
        let topic = format!("esb-interface:{}", what.interface);
        for topic in [topic.as_str(), "list:esb-interfaces"] {
            tx.publish(topic, what.interface, 1, &[what.kind], Value::Null)
                .await;
        }
        Ok(())
    }
}
