//! Entries of the evidence log about identity.

use rialto_platform_evidence::{Actor as EvidenceActor, EvidenceError, EvidenceLog, NewRecord};
use rialto_platform_store::Tx;
use serde_json::Value;

use crate::{Actor, Auth};

impl Actor {
    /// This actor as the evidence log writes it.
    #[must_use]
    pub fn evidence(&self) -> EvidenceActor {
        match self.auth {
            Auth::System => {
                EvidenceActor::system(self.login.strip_prefix("system:").unwrap_or(&self.login))
            }
            Auth::Runner => EvidenceActor::new(self.user_id.as_str(), "runner", "token"),
            Auth::Session | Auth::Token => {
                EvidenceActor::new(self.user_id.as_str(), "user", self.auth.as_str())
            }
        }
    }
}

/// Somebody who has not proved who they are.
pub(crate) fn nobody() -> Actor {
    Actor::system("sign-in")
}

/// Writes one entry in the transaction of its fact.
pub(crate) async fn append(
    log: &EvidenceLog,
    tx: &mut Tx<'_>,
    by: &Actor,
    kind: &'static str,
    subject: String,
    body: Value,
) -> Result<(), EvidenceError> {
    let record = NewRecord {
        actor: by.evidence(),
        kind,
        subject,
        body,
        refs: Vec::new(),
    };
    log.append(tx, record).await.map(drop)
}
