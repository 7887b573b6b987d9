//! What runs beside the deployments: slots as they really are, routes that the router lost, and a
//! look around for what nobody works on.

use std::collections::HashMap;
use std::sync::Weak;
use std::time::Duration;

use rialto_delivery_release::{DeploymentState, SlotName};
use rialto_delivery_store::deployment;
use rialto_delivery_store::environment::{self, EnvironmentRow, SlotRow};
use rialto_delivery_store::release;
use rialto_delivery_supervisor::SlotStatus;
use rialto_platform_store::{now, to_micros};
use serde_json::{Value, json};

use super::load::{Loaded, definition, slot_key, slots, target};
use super::router::Fallback;
use super::{Deployments, Inner};
use crate::DeliveryError;

/// Changes of slots are gathered for this long before they are written.
const GATHER: Duration = Duration::from_millis(200);

/// Writes what changed in the slots, as long as the controller lives.
pub(super) async fn keep(inner: Weak<Inner>) {
    let Some(mut changes) = inner.upgrade().map(|inner| inner.supervisor.changes()) else {
        return;
    };
    loop {
        {
            let Some(inner) = inner.upgrade() else { return };
            let controller = Deployments { inner };
            if let Err(error) = controller.write_slots().await {
                tracing::warn!(%error, "the state of slots was not written");
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(GATHER).await;
        changes.mark_unchanged();
    }
}

/// Looks around for deployments that wait for a lock that is free, or for an approval that has
/// expired, and for those nobody works on.
pub(super) async fn sweep(inner: Weak<Inner>) {
    loop {
        let pause = {
            let Some(inner) = inner.upgrade() else { return };
            let controller = Deployments { inner };
            if let Err(error) = controller.look_around().await {
                tracing::warn!(%error, "unfinished deployments were not looked at");
            }
            controller.inner.sweep_every
        };
        tokio::time::sleep(pause).await;
    }
}

impl Deployments {
    async fn look_around(&self) -> Result<(), DeliveryError> {
        let time = to_micros(now());
        for row in deployment::unfinished(&mut self.delivery().db()).await? {
            let waits = row.state == DeploymentState::AwaitingApproval.as_str();
            let expired = row.approval_expires_at.is_some_and(|at| at <= time);
            if !waits || expired {
                self.spawn(row.id);
            }
        }
        self.take_up_ended().await
    }

    /// Writes health, process and address of every slot that differs from its row.
    async fn write_slots(&self) -> Result<(), DeliveryError> {
        for row in environment::list(&mut self.delivery().db(), None).await? {
            if !row.managed {
                continue;
            }
            let all = slots(&mut self.delivery().db(), &row.id).await?;
            let stale = all.iter().any(|slot| fresh(&row, slot, self).is_some());
            if stale {
                self.write_slots_of(&row).await?;
            }
        }
        Ok(())
    }

    async fn write_slots_of(&self, row: &EnvironmentRow) -> Result<(), DeliveryError> {
        let mut tx = self.delivery().db().begin().await?;
        // Read again: a deployment may have written meanwhile.
        for slot in slots(&mut tx, &row.id).await? {
            let Some(changed) = fresh(row, &slot, self) else {
                continue;
            };
            if changed.health != slot.health && slot.role != "candidate" {
                let actor = rialto_platform_evidence::Actor::system("supervisor");
                let body = json!({
                    "project": row.project_path,
                    "environment": row.name,
                    "slot": slot.name,
                    "role": slot.role,
                    "version": slot.version_label,
                    "health": changed.health,
                });
                let subject = format!("environment:{}", row.id);
                self.delivery()
                    .record(&mut tx, actor, "slot_health", subject, body, vec![])
                    .await?;
            }
            environment::put_slot(&mut tx, &changed).await?;
        }
        let topic = format!("environment:{}", row.id);
        tx.publish(
            &topic,
            row.id.as_str(),
            row.version,
            &["slots"],
            Value::Null,
        )
        .await;
        Ok(tx.commit().await?)
    }

    /// Sets up routes that the router does not have, as after the loss of its state.
    pub(super) async fn restore_routes(&self) -> Result<(), DeliveryError> {
        let known: HashMap<String, _> = match self.router().list().await {
            Ok(all) => all
                .into_iter()
                .map(|service| (service.name.clone(), service))
                .collect(),
            Err(error) => {
                tracing::error!(%error, "the router cannot be read; deployments will wait for it");
                return Ok(());
            }
        };
        for row in environment::list(&mut self.delivery().db(), None).await? {
            let lost = match known.get(row.id.as_str()) {
                None => Some("the router had lost a route"),
                // The watch ended and the router could not be told.
                Some(service)
                    if row.lock_deployment_id.is_none() && !service.fallback_on.is_empty() =>
                {
                    Some("the router still passed failures of a version by to its standby")
                }
                Some(_) => None,
            };
            if let (true, true, Some(lost)) = (row.managed, row.active_slot.is_some(), lost) {
                match self.restore_route(&row).await {
                    Ok(()) => tracing::warn!(
                        environment = row.name,
                        project = row.project_path,
                        "{lost}, it is set up again"
                    ),
                    Err(error) => tracing::error!(
                        environment = row.name,
                        error,
                        "a route was not set up again"
                    ),
                }
            }
        }
        Ok(())
    }

    async fn restore_route(&self, row: &EnvironmentRow) -> Result<(), String> {
        let said = |error: DeliveryError| error.to_string();
        let mut db = self.delivery().db();
        let all = slots(&mut db, &row.id).await.map_err(said)?;
        let id = row
            .active_release_id
            .as_deref()
            .and_then(|id| id.parse().ok());
        let id = id.ok_or("its release is not known")?;
        let found = release::find(&mut db, &id)
            .await
            .map_err(|e| e.to_string())?;
        let release = found.ok_or("its release is not known")?;
        let definition = definition(&release).map_err(said)?;
        let spec = definition.environment(&row.name).cloned();
        let spec = spec.ok_or("its release does not declare the environment")?;
        let last = row
            .last_deployment_id
            .as_deref()
            .and_then(|id| id.parse().ok());
        let last = last.ok_or("it has no deployment")?;
        let found = deployment::find(&mut db, &last)
            .await
            .map_err(|e| e.to_string())?;
        let at = Loaded {
            deployment: found.ok_or("it has no deployment")?,
            release,
            environment: row.clone(),
            slots: all,
            definition,
            spec,
            also: None,
            asked_back: None,
        };
        let of_role = |role: &str| at.slots.iter().find(|s| s.role == role).and_then(target);
        let (active, standby) = (of_role("active"), of_role("standby"));
        self.put_route(&at, active, standby, Fallback::Off)
            .await
            .map(drop)
            .map_err(|e| e.to_string())
    }
}

/// The slot's row as it should be, when it is not.
fn fresh(row: &EnvironmentRow, slot: &SlotRow, controller: &Deployments) -> Option<SlotRow> {
    let name = SlotName::parse(&slot.name)?;
    if slot.role == "idle" {
        return None;
    }
    let status = controller.supervisor().status(&slot_key(row, name))?;
    let changed = overlay(slot, &status);
    let differs = changed.health != slot.health
        || changed.pid != slot.pid
        || changed.started_at != slot.started_at;
    differs.then_some(changed)
}

/// A slot's row with what the supervisor knows at this moment.
pub(super) fn overlay(slot: &SlotRow, status: &SlotStatus) -> SlotRow {
    SlotRow {
        health: status.health.as_str().to_owned(),
        pid: status.pid.map(i64::from),
        started_at: status.started_at_micros,
        last_probe_at: status.last_probe_at_micros,
        ..slot.clone()
    }
}
