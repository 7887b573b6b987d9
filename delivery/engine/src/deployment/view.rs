//! Environments, releases and deployments as the HTTP interface shows them.

use std::collections::HashMap;

use rialto_delivery_release::SlotName;
use rialto_delivery_release::approval::{ApprovalRefusal, may_approve};
use rialto_delivery_store::deployment::{self, DeploymentRow, StepRow};
use rialto_delivery_store::environment::{self, EnvironmentRow, SlotRow};
use rialto_delivery_store::ids::{DeploymentId, EnvironmentId, ProjectId, ReleaseId};
use rialto_delivery_store::release::{self, ReleaseRow};
use rialto_delivery_store::{json, verdict};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::from_micros;
use serde::Serialize;
use utoipa::ToSchema;

use super::Deployments;
use super::approve::candidate_of;
use super::involved::people;
use super::load::{CommitPerson, approval_context, slot_key, slots};
use super::router::RoutedService;
use super::sync::overlay;
use crate::DeliveryError;
use crate::words::Text;

/// An environment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct EnvironmentView {
    pub id: String,
    pub project_id: String,
    pub project_path: String,
    pub name: String,
    pub tier: String,
    pub protected: bool,
    pub url: Option<String>,
    /// `idle`, `deploying`, `serving` or `rollback_failed`.
    pub state: String,
    pub slots: Vec<SlotView>,
    pub active_release: Option<ReleaseLink>,
    /// The deployment that last worked on it (a refused one never did).
    pub last_deployment_id: Option<String>,
    pub traffic: Option<TrafficView>,
    pub can_roll_back: bool,
    pub why_not: Option<String>,
    /// The same in both languages.
    pub why_not_text: Option<Text>,
}

/// A slot.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct SlotView {
    /// `blue`, `green` or `violet`.
    pub name: String,
    /// `active`, `standby`, `candidate` (being tried out), `reserve` (stood by before the version
    /// that is being watched took the traffic; it does again if that fails) or `idle`.
    pub role: String,
    pub health: String,
    pub release_id: Option<String>,
    pub version: Option<String>,
    pub digest: Option<String>,
    pub pid: Option<i64>,
    pub address: Option<String>,
    pub started_at: Option<String>,
    pub last_probe_at: Option<String>,
}

/// What went through the router since it started.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TrafficView {
    /// Requests of users.
    pub requests: u64,
    /// What users saw: requests that ended with a 5xx or a cut answer.
    pub failed_requests: u64,
    /// What versions did: attempts that ended without a connection, with a cut or late answer or
    /// with a 5xx, whether or not the request was made good by another attempt.
    pub failed_attempts: u64,
    /// Requests that a version failed and whose user got a good answer nevertheless.
    pub rescued: u64,
    /// Attempts beyond a request's first.
    pub retried: u64,
}

/// A release, named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct ReleaseLink {
    pub id: String,
    pub version: String,
    pub digest: String,
}

/// A release.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct ReleaseView {
    pub id: String,
    pub no: i64,
    pub project_id: String,
    pub project_path: String,
    pub version: String,
    pub digest: String,
    pub sha: String,
    pub pipeline_id: String,
    pub artifact: ArtifactView,
    pub authors: Vec<CommitPerson>,
    pub created_at: String,
    pub verdict: Option<VerdictLink>,
    pub deployments: Vec<DeploymentLink>,
}

/// The artifact of a release.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
#[schema(as = ReleaseArtifactView)]
pub struct ArtifactView {
    pub name: String,
    pub size: i64,
}

/// A verdict, named.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct VerdictLink {
    pub id: String,
    pub result: String,
}

/// A deployment, named.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct DeploymentLink {
    pub id: String,
    pub environment: String,
    pub state: String,
}

/// Something or somebody with id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// A deployment.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct DeploymentView {
    pub id: String,
    pub no: i64,
    pub project_id: String,
    pub project_path: String,
    pub environment: Named,
    pub kind: String,
    pub release: ReleaseLink,
    pub previous_release: Option<ReleaseLink>,
    pub rolls_back_id: Option<String>,
    pub state: String,
    pub reasons: Vec<String>,
    /// The reasons in both languages, one for one.
    pub reasons_text: Vec<Text>,
    /// Why a person asked for it.
    pub reason_given: String,
    pub requested_by: Option<Named>,
    pub authors: Vec<CommitPerson>,
    pub approvals: Vec<ApprovalView>,
    pub required_approvals: i64,
    pub may_approve: bool,
    pub why_not_approve: Option<String>,
    /// The same in both languages.
    pub why_not_approve_text: Option<Text>,
    pub steps: Vec<StepView>,
    pub job_id: Option<String>,
    pub pipeline_id: Option<String>,
    pub verdict_id: Option<String>,
    pub created_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub switched_at: Option<String>,
    pub approval_expires_at: Option<String>,
    pub rollback_ms: Option<i64>,
    pub version: i64,
}

/// A decision.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct ApprovalView {
    pub user: Named,
    pub decision: String,
    pub comment: String,
    pub at: String,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "one for one the fields of the HTTP contract")]
pub struct StepView {
    pub at: String,
    pub name: String,
    pub outcome: String,
    pub detail: String,
    /// The detail in both languages.
    pub text: Option<Text>,
    pub duration_ms: Option<i64>,
}

/// Selects deployments; `None` = any.
#[derive(Debug, Clone, Default)]
pub struct DeploymentFilter {
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Into this environment.
    pub environment: Option<EnvironmentId>,
    /// Older than this `(created_at in microseconds, id)`.
    pub before: Option<(i64, String)>,
}

impl Deployments {
    /// Environments of a project, or all.
    ///
    /// # Errors
    /// Store errors.
    pub async fn environments(
        &self,
        project: Option<&ProjectId>,
    ) -> Result<Vec<EnvironmentView>, DeliveryError> {
        let traffic = self.traffic().await;
        let mut views = Vec::new();
        for row in environment::list(&mut self.delivery().db(), project).await? {
            views.push(self.environment_view(row, &traffic).await?);
        }
        Ok(views)
    }

    /// One environment.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn environment(&self, id: &EnvironmentId) -> Result<EnvironmentView, DeliveryError> {
        let row = environment::find(&mut self.delivery().db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("environment", id))?;
        self.environment_view(row, &self.traffic().await).await
    }

    async fn traffic(&self) -> HashMap<String, RoutedService> {
        match self.router().list().await {
            Ok(all) => all
                .into_iter()
                .map(|service| (service.name.clone(), service))
                .collect(),
            Err(error) => {
                // Shown as unknown: a page about deployments works without the router.
                tracing::debug!(%error, "the router's counters are not known");
                HashMap::new()
            }
        }
    }

    async fn environment_view(
        &self,
        row: EnvironmentRow,
        traffic: &HashMap<String, RoutedService>,
    ) -> Result<EnvironmentView, DeliveryError> {
        let all = if row.managed {
            slots(&mut self.delivery().db(), &row.id).await?
        } else {
            vec![]
        };
        let why_not = self.why_no_rollback(&row, &all);
        let active_release = self.link(row.active_release_id.as_deref()).await?;
        let slots = all.iter().map(|slot| self.slot_view(&row, slot)).collect();
        Ok(EnvironmentView {
            traffic: traffic.get(row.id.as_str()).map(|service| TrafficView {
                requests: service.requests,
                failed_requests: service.failed_requests,
                failed_attempts: service.failed_attempts,
                rescued: service.rescued,
                retried: service.retried,
            }),
            id: row.id.to_string(),
            project_id: row.project_id.to_string(),
            project_path: row.project_path,
            name: row.name,
            tier: row.tier,
            protected: row.protected,
            url: row.url,
            state: row.state,
            slots,
            active_release,
            last_deployment_id: row.last_deployment_id,
            can_roll_back: why_not.is_none(),
            why_not_text: Text::of_some(why_not.as_deref()),
            why_not,
        })
    }

    fn slot_view(&self, environment: &EnvironmentRow, slot: &SlotRow) -> SlotView {
        let status = SlotName::parse(&slot.name)
            .filter(|_| slot.role != "idle")
            .and_then(|name| self.supervisor().status(&slot_key(environment, name)));
        let now = status.map_or_else(|| slot.clone(), |status| overlay(slot, &status));
        SlotView {
            name: now.name,
            role: now.role,
            health: now.health,
            release_id: now.release_id,
            version: now.version_label,
            digest: now.digest,
            pid: now.pid,
            address: now.address,
            started_at: now.started_at.map(time),
            last_probe_at: now.last_probe_at.map(time),
        }
    }

    async fn link(&self, id: Option<&str>) -> Result<Option<ReleaseLink>, DeliveryError> {
        let Some(id) = id.and_then(|id| id.parse::<ReleaseId>().ok()) else {
            return Ok(None);
        };
        Ok(release::find(&mut self.delivery().db(), &id)
            .await?
            .map(|row| release_link(&row)))
    }

    /// Releases, newest first.
    ///
    /// # Errors
    /// Store errors.
    pub async fn releases(
        &self,
        project: Option<&ProjectId>,
        before: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<(ReleaseView, i64)>, DeliveryError> {
        let rows = release::list(&mut self.delivery().db(), project, before, limit).await?;
        let mut views = Vec::new();
        for row in rows {
            let created_at = row.created_at;
            views.push((self.release_view(row).await?, created_at));
        }
        Ok(views)
    }

    /// One release.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn release(&self, id: &ReleaseId) -> Result<ReleaseView, DeliveryError> {
        let row = release::find(&mut self.delivery().db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("release", id))?;
        self.release_view(row).await
    }

    async fn release_view(&self, row: ReleaseRow) -> Result<ReleaseView, DeliveryError> {
        let mut db = self.delivery().db();
        let verdict = verdict::newest_of_pipeline(&mut db, &row.pipeline_id).await?;
        let deployments = deployment::of_release(&mut db, &row.id).await?;
        Ok(ReleaseView {
            verdict: verdict.map(|v| VerdictLink {
                id: v.id.to_string(),
                result: v.overall,
            }),
            deployments: deployments
                .into_iter()
                .map(|d| DeploymentLink {
                    id: d.id.to_string(),
                    environment: d.environment_name,
                    state: d.state,
                })
                .collect(),
            authors: people("authors", &row.authors)?,
            id: row.id.to_string(),
            no: row.no,
            project_id: row.project_id.to_string(),
            project_path: row.project_path,
            version: row.version_label,
            digest: row.digest,
            sha: row.sha,
            pipeline_id: row.pipeline_id.to_string(),
            artifact: ArtifactView {
                name: row.artifact_name,
                size: row.artifact_size,
            },
            created_at: time(row.created_at),
        })
    }

    /// Deployments, newest first, each with its time for paging; `actor` decides on `may_approve`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn deployments(
        &self,
        actor: &Actor,
        filter: &DeploymentFilter,
        limit: i64,
    ) -> Result<Vec<(DeploymentView, i64)>, DeliveryError> {
        let rows = deployment::list(
            &mut self.delivery().db(),
            filter.project.as_ref(),
            filter.environment.as_ref(),
            filter.before.clone(),
            limit,
        )
        .await?;
        let mut views = Vec::new();
        for row in rows {
            let created_at = row.created_at;
            views.push((self.deployment_view(actor, row).await?, created_at));
        }
        Ok(views)
    }

    /// One deployment.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn deployment(
        &self,
        actor: &Actor,
        id: &DeploymentId,
    ) -> Result<DeploymentView, DeliveryError> {
        let row = deployment::find(&mut self.delivery().db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("deployment", id))?;
        self.deployment_view(actor, row).await
    }

    async fn deployment_view(
        &self,
        actor: &Actor,
        row: DeploymentRow,
    ) -> Result<DeploymentView, DeliveryError> {
        let mut db = self.delivery().db();
        let context = approval_context(&mut db, &row).await?;
        let refusal = may_approve(&candidate_of(actor), &context)
            .err()
            .map(refusal_text);
        let release = release::find(&mut db, &row.release_id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("release", &row.release_id))?;
        let approvals = deployment::approvals(&mut db, &row.id).await?;
        let steps = deployment::steps(&mut db, &row.id).await?;
        let reasons: Vec<String> = json::read("reasons", &row.reasons)?;
        Ok(DeploymentView {
            release: release_link(&release),
            previous_release: self.link(row.previous_release_id.as_deref()).await?,
            may_approve: refusal.is_none(),
            why_not_approve_text: refusal.as_deref().map(Text::of),
            why_not_approve: refusal,
            approvals: approvals
                .into_iter()
                .map(|a| ApprovalView {
                    user: Named {
                        id: a.user_id,
                        name: a.user_name,
                    },
                    decision: a.decision,
                    comment: a.comment,
                    at: time(a.at),
                })
                .collect(),
            steps: steps.into_iter().map(step_view).collect(),
            reasons_text: reasons.iter().map(|reason| Text::of(reason)).collect(),
            reasons,
            authors: people("authors", &row.authors)?,
            requested_by: row.requested_by_id.map(|id| Named {
                id,
                name: row.requested_by_name.unwrap_or_default(),
            }),
            environment: Named {
                id: row.environment_id.to_string(),
                name: row.environment_name,
            },
            id: row.id.to_string(),
            no: row.no,
            project_id: row.project_id.to_string(),
            project_path: row.project_path,
            kind: row.kind,
            rolls_back_id: row.rolls_back_id,
            state: row.state,
            reason_given: row.reason_given,
            required_approvals: row.required_approvals,
            job_id: row.job_id,
            pipeline_id: row.pipeline_id,
            verdict_id: row.verdict_id,
            created_at: time(row.created_at),
            started_at: row.started_at.map(time),
            finished_at: row.finished_at.map(time),
            switched_at: row.switched_at.map(time),
            approval_expires_at: row.approval_expires_at.map(time),
            rollback_ms: row.rollback_ms,
            version: row.version,
        })
    }
}

/// Why somebody may not approve, and the roles of those who may.
pub(crate) fn refusal_text(refusal: ApprovalRefusal) -> String {
    let who = match refusal {
        ApprovalRefusal::RoleMissing | ApprovalRefusal::ServiceIdentity => "one of these roles may",
        ApprovalRefusal::IsAuthor
        | ApprovalRefusal::IsPusher
        | ApprovalRefusal::IsRequester
        | ApprovalRefusal::AlreadyApproved => "somebody else with one of these roles may",
        ApprovalRefusal::NotAwaiting => return refusal.to_string(),
    };
    let roles = Permission::DeploymentApprove.roles().iter();
    let roles: Vec<&str> = roles.map(|role| role.as_str()).collect();
    format!("{refusal}; {who}: {}", roles.join(", "))
}

fn step_view(row: StepRow) -> StepView {
    StepView {
        at: time(row.at),
        name: row.step,
        outcome: row.outcome,
        text: Text::of_some(Some(&row.detail)),
        detail: row.detail,
        duration_ms: row.duration_ms,
    }
}

fn release_link(row: &ReleaseRow) -> ReleaseLink {
    ReleaseLink {
        id: row.id.to_string(),
        version: row.version_label.clone(),
        digest: row.digest.clone(),
    }
}

/// RFC 3339 of stored microseconds; a damaged number stays a number.
fn time(micros: i64) -> String {
    from_micros(micros).map_or_else(|_| micros.to_string(), |at| at.to_string())
}
