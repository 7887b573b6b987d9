//! Going back to the standby on a person's word.

use rialto_delivery_release::plan::DeploymentKind;
use rialto_delivery_release::{DeploymentState, SlotName};
use rialto_delivery_store::deployment::{self, DeploymentRow};
use rialto_delivery_store::environment::{self, EnvironmentRow, SlotRow};
use rialto_delivery_store::ids::{DeploymentId, EnvironmentId};
use rialto_delivery_store::project::{self, Number};
use rialto_delivery_store::release::{self, ReleaseRow};
use rialto_delivery_supervisor::Health;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{new_id, now, to_micros};

use super::Deployments;
use super::control::Asked;
use super::create::announce;
use super::load::{of_role, slot_key, slots};
use crate::DeliveryError;

impl Deployments {
    /// Rolls an environment back: a new version still being watched goes back at once, otherwise
    /// the router switches to the hot standby. The deployment that does it.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`], [`DeliveryError::Refused`] with the
    /// reason why there is nothing to go back to.
    pub async fn roll_back(
        &self,
        actor: &Actor,
        id: &EnvironmentId,
        reason: &str,
    ) -> Result<DeploymentId, DeliveryError> {
        actor.require(Permission::EnvironmentRollBack)?;
        let mut db = self.delivery().db();
        let row = environment::find(&mut db, id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("environment", id))?;
        if let Some((baking, previous)) = self.baking_of(&row).await? {
            if let Some(slot) = previous.filter(|slot| !self.is_healthy(&row, *slot)) {
                return Err(DeliveryError::refused(format!(
                    "the earlier version in slot {slot} is not healthy: there is nothing to go \
                     back to; deploy a repair"
                )));
            }
            let control = self.control_of(&baking).ok_or_else(|| {
                DeliveryError::refused(
                    "the deployment is not being worked on; try again in a moment",
                )
            })?;
            control.ask(Asked::GoBack {
                reason: format!("{}: {reason}", actor.name),
            });
            return Ok(baking);
        }
        let all = slots(&mut db, id).await?;
        if let Some(why_not) = self.why_no_rollback(&row, &all) {
            return Err(DeliveryError::refused(why_not));
        }
        self.create_rollback(actor, row, &all, reason).await
    }

    fn is_healthy(&self, row: &EnvironmentRow, slot: SlotName) -> bool {
        let status = self.supervisor().status(&slot_key(row, slot));
        status.is_some_and(|s| s.health == Health::Healthy)
    }

    /// The deployment being watched, and the slot it would go back to.
    async fn baking_of(
        &self,
        row: &EnvironmentRow,
    ) -> Result<Option<(DeploymentId, Option<SlotName>)>, DeliveryError> {
        let Some(id) = row
            .lock_deployment_id
            .as_deref()
            .and_then(|id| id.parse().ok())
        else {
            return Ok(None);
        };
        let found = deployment::find(&mut self.delivery().db(), &id).await?;
        let baking = DeploymentState::Baking.as_str();
        Ok(found.filter(|row| row.state == baking).map(|row| {
            let previous = row.previous_slot.as_deref().and_then(SlotName::parse);
            (row.id, previous)
        }))
    }

    /// Why an environment cannot be rolled back now; `None` when it can.
    pub(super) fn why_no_rollback(&self, row: &EnvironmentRow, all: &[SlotRow]) -> Option<String> {
        if !row.managed {
            return Some(
                "this environment is deployed by scripts; run its rollback job".to_owned(),
            );
        }
        if row.lock_deployment_id.is_some() {
            return Some("a deployment is under way".to_owned());
        }
        if row.active_slot.is_none() {
            return Some("nothing was deployed here yet".to_owned());
        }
        let Some(standby) = of_role(all, "standby") else {
            return Some("there is no standby: no earlier version is kept running here".to_owned());
        };
        let health = self
            .supervisor()
            .status(&slot_key(row, standby))
            .map(|s| s.health);
        match health {
            Some(Health::Healthy) => None,
            Some(other) => Some(format!("the standby is not healthy ({})", other.as_str())),
            None => Some("the standby does not run".to_owned()),
        }
    }

    async fn create_rollback(
        &self,
        actor: &Actor,
        row: EnvironmentRow,
        all: &[SlotRow],
        reason: &str,
    ) -> Result<DeploymentId, DeliveryError> {
        let target = all.iter().find(|slot| slot.role == "standby");
        let release_id = target.and_then(|slot| slot.release_id.as_deref()?.parse().ok());
        let release_id = release_id.ok_or_else(|| {
            DeliveryError::Internal("the standby slot names no release".to_owned())
        })?;
        let mut tx = self.delivery().db().begin().await?;
        let release = release::find(&mut tx, &release_id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("release", &release_id))?;
        let mut new = rollback_row(actor, &row, &release, reason);
        new.no = project::next_no(&mut tx, &row.project_id, Number::Deployment).await?;
        deployment::insert(&mut tx, &new).await?;
        announce(&mut tx, &new).await;
        tx.commit().await?;
        self.spawn(new.id.clone());
        Ok(new.id)
    }
}

fn rollback_row(
    actor: &Actor,
    row: &EnvironmentRow,
    release: &ReleaseRow,
    reason: &str,
) -> DeploymentRow {
    DeploymentRow {
        id: new_id(),
        no: 0,
        project_id: row.project_id.clone(),
        project_path: row.project_path.clone(),
        environment_id: row.id.clone(),
        environment_name: row.name.clone(),
        kind: DeploymentKind::Rollback.as_str().to_owned(),
        release_id: release.id.clone(),
        previous_release_id: row.active_release_id.clone(),
        rolls_back_id: row.last_deployment_id.clone(),
        state: DeploymentState::Requested.as_str().to_owned(),
        reasons: "[]".to_owned(),
        reason_given: reason.to_owned(),
        requested_by_id: Some(actor.user_id.to_string()),
        requested_by_name: Some(actor.name.clone()),
        requested_by_email: Some(actor.email.clone()),
        authors: release.authors.clone(),
        required_approvals: 0,
        approval_expires_at: None,
        candidate_slot: None,
        previous_slot: None,
        job_id: None,
        pipeline_id: Some(release.pipeline_id.to_string()),
        verdict_id: release.verdict_id.clone(),
        created_at: to_micros(now()),
        started_at: None,
        switched_at: None,
        finished_at: None,
        rollback_ms: None,
        version: 1,
    }
}
