//! A newer version that went live while an older one still waited.

use rialto_delivery_git::RepositoryName;
use rialto_delivery_release::DeploymentState;
use rialto_delivery_release::plan::DeploymentKind;
use rialto_delivery_store::deployment::{self, DeploymentRow};
use rialto_delivery_store::{environment, release};
use rialto_platform_evidence::Actor;

use super::load::Loaded;
use super::{Deployments, DriveError};
use crate::DeliveryError;

/// Deployments looked through for the one that brought what is served.
const LOOK_BACK: i64 = 100;

impl Deployments {
    /// Which newer version went live in the environment since this deployment was asked for. An
    /// older version that is asked for afterwards is what somebody wants.
    pub(super) async fn superseded_by(
        &self,
        row: &DeploymentRow,
    ) -> Result<Option<String>, DeliveryError> {
        if row.kind != DeploymentKind::Deploy.as_str() {
            return Ok(None);
        }
        let mut db = self.delivery().db();
        let Some(own) = release::find(&mut db, &row.release_id).await? else {
            return Ok(None);
        };
        let active = environment::find(&mut db, &row.environment_id)
            .await?
            .and_then(|environment| environment.active_release_id?.parse().ok());
        let Some(active) = active else {
            return Ok(None);
        };
        let Some(live) = release::find(&mut db, &active).await? else {
            return Ok(None);
        };
        if live.sha == own.sha {
            return Ok(None);
        }
        let (project, place) = (&row.project_id, &row.environment_id);
        let all = deployment::list(&mut db, Some(project), Some(place), None, LOOK_BACK).await?;
        let brought = all
            .into_iter()
            .filter(|d| d.release_id == live.id && d.switched_at > Some(row.created_at))
            .max_by_key(|d| d.switched_at);
        let Some(brought) = brought else {
            return Ok(None);
        };
        let name = RepositoryName::parse(&row.project_path)?;
        let repository = self.delivery().git().repository(&name)?;
        if !repository.is_ancestor(&own.sha, &live.sha).await? {
            return Ok(None);
        }
        Ok(Some(format!(
            "superseded: version {} (deployment {}), which holds this change and newer ones, went \
             live after this deployment was asked for; to go back to this version, run its job again",
            live.version_label, brought.no
        )))
    }

    /// Ends the older deployments that waited for the environment in which `at` went live.
    pub(super) async fn supersede_waiting(&self, at: &Loaded) -> Result<(), DriveError> {
        if at.state()? != DeploymentState::Succeeded || at.kind() != DeploymentKind::Deploy {
            return Ok(());
        }
        for row in deployment::unfinished(&mut self.delivery().db()).await? {
            let waits = DeploymentState::parse(&row.state)
                .is_some_and(|state| state.is_before_switch() && !state.holds_lock());
            if !waits || row.environment_id != at.environment.id || row.id == at.deployment.id {
                continue;
            }
            let Some(why) = self.superseded_by(&row).await? else {
                continue;
            };
            let actor = Actor::system("deployment");
            if let Err(error) = self.end_waiting(&row.id, actor, &why).await {
                tracing::info!(deployment = %row.id, %error, "it moved on before it was superseded");
            }
        }
        Ok(())
    }
}
