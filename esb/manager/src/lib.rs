//! The interface platform: application services over the pure crates of contract and catalogue.
//!
//! Every change is one transaction: the rows, the event of the interface's history, the evidence
//! record and the change told to live readers. Definitions are read, checked and compared on
//! threads that may block.

pub mod artefact;
mod bindings;
mod calls;
mod compat;
mod credentials;
mod definitions;
mod drift;
mod error;
mod gathering;
mod history;
mod interfaces;
mod pages;
mod preview;
mod publisher;
mod reading;
mod record;
pub mod sample;
mod samples;
mod subscriptions;
mod systems;
mod transitions;
mod trying;
mod versions;
pub mod view;

use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use rialto_esb_catalogue::taxonomy::Taxonomy;
use rialto_platform_evidence::EvidenceLog;
use rialto_platform_store::{Db, now};

pub use bindings::{
    BindingInput, CheckMode, IdempotencyInput, TimeoutsInput, UpstreamInput, ValidationInput,
};
pub use credentials::{CredentialInput, GroupKeys, RevocationInput, RotationInput};
pub use definitions::DefinitionInput;
pub use error::PlatformError;
pub use interfaces::{InterfaceInput, InterfaceQuery};
pub use publisher::{
    Asked, GatewayNode, NodeStatus, PublishInput, Publisher, Readiness, RollbackInput,
};
pub use rialto_esb_policy::calls::CallReport;
pub use rialto_esb_policy::drift::DriftReport;
pub use rialto_esb_store::MIGRATIONS;
pub use subscriptions::{
    ApplicationInput, Quota, Request, SubscriptionEventInput, SubscriptionInput,
};
pub use systems::SystemInput;
pub use transitions::{TransitionInput, WaiverInput};
pub use trying::{Trial, TrialAnswer, TryInput};
pub use versions::{SimilarInput, SlaInput};

/// The interface platform; cheap to clone.
#[derive(Clone)]
pub struct InterfacePlatform {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    evidence: EvidenceLog,
    taxonomy: Taxonomy,
    groups: GroupKeys,
    publishing: Publishing,
    asked: calls::Asked,
}

/// Who publishes, and one change at a time of what is in force.
#[derive(Default)]
pub(crate) struct Publishing {
    publisher: OnceLock<Publisher>,
    change: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for InterfacePlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InterfacePlatform").finish_non_exhaustive()
    }
}

impl InterfacePlatform {
    /// Over a migrated database, with the starter tree of the taxonomy; `groups` are the keys under
    /// which secrets of credentials are kept.
    #[must_use]
    pub fn new(db: Db, evidence: EvidenceLog, groups: GroupKeys) -> Self {
        Self {
            inner: Arc::new(Inner {
                db,
                evidence,
                taxonomy: Taxonomy::starter(),
                groups,
                publishing: Publishing::default(),
                asked: calls::Asked::default(),
            }),
        }
    }

    /// Says who signs snapshots and which gateways take them; without, nothing is published.
    pub fn set_publisher(&self, publisher: Publisher) {
        // The first one stays: gateways trust its key.
        let _ = self.inner.publishing.publisher.set(publisher);
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    pub(crate) fn evidence(&self) -> &EvidenceLog {
        &self.inner.evidence
    }

    pub(crate) fn groups(&self) -> &GroupKeys {
        &self.inner.groups
    }

    pub(crate) fn publishing(&self) -> &Publishing {
        &self.inner.publishing
    }

    pub(crate) fn asked(&self) -> &calls::Asked {
        &self.inner.asked
    }

    pub(crate) fn tree(&self) -> &Taxonomy {
        &self.inner.taxonomy
    }
}

/// Today in Shanghai (UTC+8 all year since 1991).
pub(crate) fn today() -> Date {
    rialto_kernel::Calendar::china().local(now()).date()
}

/// Runs work that computes on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PlatformError> + Send + 'static,
) -> Result<T, PlatformError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| PlatformError::Internal(format!("a worker thread ended early: {e}")))?
}
