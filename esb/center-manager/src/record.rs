//! Evidence of durable changes.

use rialto_platform_evidence::{Actor as Witness, NewRecord};
use rialto_platform_identity::{Actor, Auth};
use rialto_platform_store::Tx;
use serde_json::Value;

use crate::{CenterError, ServiceCenter};

impl ServiceCenter {
    /// Appends an evidence record in the caller's transaction.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        kind: &'static str,
        subject: String,
        body: Value,
    ) -> Result<(), CenterError> {
        let who = match actor.auth {
            Auth::Session | Auth::Token => "user",
            Auth::System => "system",
            Auth::Runner => "runner",
        };
        let new = NewRecord {
            actor: Witness::new(actor.user_id.as_str(), who, actor.auth.as_str()),
            kind,
            subject,
            body,
            refs: Vec::new(),
        };
        self.inner.evidence.append(tx, new).await?;
        Ok(())
    }
}
