//! A deployment with everything it touches.

use std::net::SocketAddr;

use rialto_delivery_release::approval::{ApprovalContext, Person};
use rialto_delivery_release::plan::DeploymentKind;
use rialto_delivery_release::{
    DeploymentState, Entry, EnvironmentSpec, Journal, Outcome, ReleaseDefinition, SlotName, Step,
};
use rialto_delivery_store::deployment::{self, DeploymentRow, StepRow};
use rialto_delivery_store::environment::{self, EnvironmentRow, SlotRow};
use rialto_delivery_store::ids::{DeploymentId, EnvironmentId};
use rialto_delivery_store::release::{self, ReleaseRow};
use rialto_delivery_store::{Reader, json};
use rialto_delivery_supervisor::SlotKey;
use serde::{Deserialize, Serialize};

use super::involved::{people, pushers};
use super::router::Target;
use crate::DeliveryError;

/// A person of a commit.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub struct CommitPerson {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// A deployment with everything it touches, as last read or written.
pub(super) struct Loaded {
    pub deployment: DeploymentRow,
    pub release: ReleaseRow,
    pub environment: EnvironmentRow,
    pub slots: Vec<SlotRow>,
    pub definition: ReleaseDefinition,
    pub spec: EnvironmentSpec,
    /// A deployment to insert with the next line: the rollback as a record of its own.
    pub also: Option<DeploymentRow>,
    /// Why a person asked to go back while it was watched.
    pub asked_back: Option<String>,
}

pub(super) async fn load(
    reader: &mut impl Reader,
    id: &DeploymentId,
) -> Result<Loaded, DeliveryError> {
    let deployment = deployment::find(reader, id)
        .await?
        .ok_or_else(|| DeliveryError::not_found("deployment", id))?;
    let release = release::find(reader, &deployment.release_id)
        .await?
        .ok_or_else(|| DeliveryError::not_found("release", &deployment.release_id))?;
    let environment = environment::find(reader, &deployment.environment_id)
        .await?
        .ok_or_else(|| DeliveryError::not_found("environment", &deployment.environment_id))?;
    let slots = slots(reader, &environment.id).await?;
    let definition = definition(&release)?;
    let spec = definition
        .environment(&environment.name)
        .cloned()
        .ok_or_else(|| {
            DeliveryError::Internal(format!(
                "release {} does not declare environment {}",
                release.version_label, environment.name
            ))
        })?;
    Ok(Loaded {
        deployment,
        release,
        environment,
        slots,
        definition,
        spec,
        also: None,
        asked_back: None,
    })
}

/// The definition a release was made with.
pub(super) fn definition(release: &ReleaseRow) -> Result<ReleaseDefinition, DeliveryError> {
    let file = rialto_delivery_release::DEFINITION_PATH;
    ReleaseDefinition::parse(&release.definition, file).map_err(|errors| {
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        DeliveryError::Internal(format!(
            "a stored release definition is not valid: {}",
            all.join("; ")
        ))
    })
}

/// All slots, idle ones made up.
pub(super) async fn slots(
    reader: &mut impl Reader,
    id: &EnvironmentId,
) -> Result<Vec<SlotRow>, DeliveryError> {
    let mut found = environment::slots(reader, id).await?;
    for name in SlotName::ALL {
        if !found.iter().any(|slot| slot.name == name.as_str()) {
            found.push(empty_slot(id, name));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The slot that has a role only one slot can have.
pub(super) fn of_role(slots: &[SlotRow], role: &str) -> Option<SlotName> {
    let found = slots.iter().find(|slot| slot.role == role);
    found.and_then(|slot| SlotName::parse(&slot.name))
}

pub(super) fn empty_slot(id: &EnvironmentId, name: SlotName) -> SlotRow {
    SlotRow {
        environment_id: id.clone(),
        name: name.as_str().to_owned(),
        role: "idle".to_owned(),
        health: "stopped".to_owned(),
        release_id: None,
        version_label: None,
        digest: None,
        folder: None,
        address: None,
        supervisor: None,
        pid: None,
        started_at: None,
        last_probe_at: None,
        version: 1,
    }
}

impl Loaded {
    pub(super) fn state(&self) -> Result<DeploymentState, DeliveryError> {
        let word = &self.deployment.state;
        DeploymentState::parse(word).ok_or_else(|| {
            DeliveryError::Internal(format!("deployment state `{word}` is not known"))
        })
    }

    pub(super) fn kind(&self) -> DeploymentKind {
        // Rows are written with these words only; anything else is handled most cautiously.
        DeploymentKind::parse(&self.deployment.kind).unwrap_or(DeploymentKind::Deploy)
    }

    pub(super) fn active(&self) -> Option<SlotName> {
        self.environment
            .active_slot
            .as_deref()
            .and_then(SlotName::parse)
    }

    pub(super) fn candidate(&self) -> Result<SlotName, DeliveryError> {
        self.deployment
            .candidate_slot
            .as_deref()
            .and_then(SlotName::parse)
            .ok_or_else(|| DeliveryError::Internal("the deployment has no slot yet".to_owned()))
    }

    pub(super) fn previous(&self) -> Option<SlotName> {
        self.deployment
            .previous_slot
            .as_deref()
            .and_then(SlotName::parse)
    }

    /// The slot that stands by for the one that serves.
    pub(super) fn standby(&self) -> Option<SlotName> {
        of_role(&self.slots, "standby")
    }

    /// The slot that stood by before the version being watched took the traffic. It runs on until
    /// that version is known to be good, and stands by again if it is not.
    pub(super) fn reserve(&self) -> Option<SlotName> {
        of_role(&self.slots, "reserve")
    }

    pub(super) fn slot(&self, name: SlotName) -> Option<&SlotRow> {
        self.slots.iter().find(|slot| slot.name == name.as_str())
    }

    pub(super) fn slot_mut(&mut self, name: SlotName) -> &mut SlotRow {
        let at = self
            .slots
            .iter()
            .position(|slot| slot.name == name.as_str());
        let at = at.unwrap_or_else(|| {
            self.slots.push(empty_slot(&self.environment.id, name));
            self.slots.len() - 1
        });
        &mut self.slots[at]
    }

    /// The slot as the router is told of it.
    pub(super) fn target(&self, name: SlotName) -> Option<Target> {
        self.slot(name).and_then(target)
    }

    pub(super) fn slot_key(&self, slot: SlotName) -> SlotKey {
        slot_key(&self.environment, slot)
    }

    /// Name of the router's service.
    pub(super) fn service(&self) -> &str {
        self.environment.id.as_str()
    }

    pub(super) fn listen(&self) -> Option<SocketAddr> {
        self.environment
            .listen
            .as_deref()
            .and_then(|text| text.parse().ok())
    }

    pub(super) fn journal(&self, steps: &[StepRow]) -> Result<Journal, DeliveryError> {
        let entries = steps
            .iter()
            .filter_map(|row| {
                Some(Entry {
                    at_micros: row.at,
                    step: Step::parse(&row.step)?,
                    outcome: Outcome::parse(&row.outcome)?,
                    detail: row.detail.clone(),
                })
            })
            .collect();
        Ok(Journal {
            state: self.state()?,
            candidate: self.candidate().ok(),
            previous: self.previous(),
            entries,
        })
    }

    pub(super) fn reasons(&self) -> Result<Vec<String>, DeliveryError> {
        Ok(json::read("reasons", &self.deployment.reasons)?)
    }

    pub(super) fn set_reasons(&mut self, reasons: &[String]) -> Result<(), DeliveryError> {
        self.deployment.reasons = json::write(reasons)?;
        Ok(())
    }
}

pub(super) fn slot_key(environment: &EnvironmentRow, slot: SlotName) -> SlotKey {
    SlotKey {
        project: environment.project_path.clone(),
        environment: environment.name.clone(),
        slot,
    }
}

/// A slot as the router is told of it.
pub(super) fn target(slot: &SlotRow) -> Option<Target> {
    Some(Target {
        address: slot.address.as_deref()?.parse().ok()?,
        label: slot.version_label.clone()?,
    })
}

/// Who approved, who wrote, who pushed, who asked: what decides on an approval.
pub(super) async fn approval_context(
    reader: &mut impl Reader,
    row: &DeploymentRow,
) -> Result<ApprovalContext, DeliveryError> {
    let authors = people("authors", &row.authors)?
        .into_iter()
        .map(|p| Person {
            user_id: String::new(),
            name: p.name,
            emails: vec![p.email],
        })
        .collect();
    let pushers = pushers("authors", &row.authors)?
        .into_iter()
        .map(|p| Person {
            user_id: p.pusher_id.unwrap_or_default(),
            name: p.name,
            emails: vec![p.email],
        })
        .collect();
    let requested_by = row.requested_by_id.clone().map(|id| Person {
        user_id: id,
        name: row.requested_by_name.clone().unwrap_or_default(),
        emails: row.requested_by_email.clone().into_iter().collect(),
    });
    let approved_by = deployment::approvals(reader, &row.id)
        .await?
        .into_iter()
        .filter(|approval| approval.decision == "approved")
        .map(|a| Person {
            user_id: a.user_id,
            name: a.user_name,
            emails: vec![a.user_email],
        })
        .collect();
    Ok(ApprovalContext {
        state: DeploymentState::parse(&row.state).unwrap_or(DeploymentState::Canceled),
        required: u32::try_from(row.required_approvals).unwrap_or(u32::MAX),
        authors,
        pushers,
        requested_by,
        approved_by,
    })
}
