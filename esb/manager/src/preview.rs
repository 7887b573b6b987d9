//! What a publish would change, before anybody publishes.

use rialto_esb_snapshot::{Became, Change, Snapshot, changes, read_own};
use rialto_esb_store::publishing;
use rialto_platform_identity::{Actor, Permission};

use crate::publisher::{counts, left_out};
use crate::subscriptions::ENVIRONMENTS;
use crate::systems::one_of;
use crate::view::{PreviewView, SnapshotChange, UnmetView, Words};
use crate::{InterfacePlatform, PlatformError};

/// Most changes that are told.
const MOST_CHANGES: usize = 500;

impl InterfacePlatform {
    /// Cuts what the catalogue holds for an environment, as a publish would, and tells how it differs
    /// from what is to be in force. Nothing is kept, no gateway is changed.
    ///
    /// # Errors
    /// [`PlatformError::Denied`] without the right to publish; [`PlatformError::Invalid`] for an
    /// environment that is none.
    pub async fn preview(
        &self,
        actor: &Actor,
        environment: &str,
    ) -> Result<PreviewView, PlatformError> {
        actor.require(Permission::EsbPublish)?;
        one_of("environment", environment, &ENVIRONMENTS)?;
        let activation = publishing::activation(&mut self.db(), environment).await?;
        let before = match &activation {
            Some(one) => {
                let mut reader = self.db();
                publishing::snapshot(&mut reader, environment, one.version).await?
            }
            None => None,
        };
        let before: Option<Snapshot> = before
            .map(|row| read_own(&row.signed))
            .transpose()
            .map_err(|error| PlatformError::Internal(format!("a kept snapshot: {error}")))?;
        let mut view = PreviewView {
            environment: environment.to_owned(),
            since: before.as_ref().map(|one| one.version),
            holds: None,
            changes: Vec::new(),
            total: 0,
            left_out: Vec::new(),
            unmet: Vec::new(),
        };
        let nodes = self.nodes(environment);
        if nodes.is_empty() {
            view.unmet.push(no_gateway());
        }
        match self.second_person(actor, environment).await {
            Err(PlatformError::NotMet(unmet)) => view.unmet.extend(unmet),
            other => other?,
        }
        match self.cut(actor, environment, &nodes).await {
            Ok(cut) => {
                let found = changes(before.as_ref(), &cut.snapshot);
                view.holds = Some(counts(&cut.snapshot));
                view.total = found.len();
                view.changes = found.into_iter().take(MOST_CHANGES).map(change).collect();
                view.left_out = left_out(cut.left_out);
            }
            Err(PlatformError::NotMet(unmet)) => view.unmet.extend(unmet),
            Err(error) => return Err(error),
        }
        Ok(view)
    }
}

fn change(one: Change) -> SnapshotChange {
    let became = match one.became {
        Became::Added => "added",
        Became::Changed => "changed",
        Became::Removed => "removed",
    };
    SnapshotChange {
        kind: one.kind.to_owned(),
        what: one.what,
        became: became.to_owned(),
    }
}

fn no_gateway() -> UnmetView {
    UnmetView {
        guard: "gateways".to_owned(),
        text: Words::new(
            "No gateway serves this environment: start one, or name one in gateway.nodes.",
            "此环境没有网关：请启动网关或在 gateway.nodes 中登记。",
        ),
        recorded: true,
        waivable: false,
    }
}
