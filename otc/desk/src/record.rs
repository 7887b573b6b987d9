//! Evidence records, written with the change they describe.

use rialto_platform_evidence::{Actor as Witness, NewRecord};
use rialto_platform_identity::{Actor, Auth};
use rialto_platform_store::Tx;
use serde_json::Value;

use crate::{Desk, DeskError};

/// The evidence actor of a person or part of the platform.
fn witness(actor: &Actor) -> Witness {
    let kind = match actor.auth {
        Auth::Session | Auth::Token => "user",
        Auth::System => "system",
        Auth::Runner => "runner",
    };
    Witness::new(actor.user_id.as_str(), kind, actor.auth.as_str())
}

impl Desk {
    /// Appends a record in the caller's transaction.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        kind: &'static str,
        subject: String,
        body: Value,
    ) -> Result<(), DeskError> {
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
}
