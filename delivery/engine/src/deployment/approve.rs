//! Decisions of people: approve, reject, cancel.

use rialto_delivery_release::approval::{
    ApprovalContext, ApprovalRefusal, Candidate, Person, may_approve, quorum,
};
use rialto_delivery_release::{DeploymentState, Event, Step};
use rialto_delivery_store::deployment::{self, ApprovalRow};
use rialto_delivery_store::ids::{DeploymentId, JobId};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, new_id, now, to_micros};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::Deployments;
use super::control::Asked;
use super::journal::{Line, body};
use super::load::{Loaded, approval_context, load};
use super::view::refusal_text;
use crate::DeliveryError;
use crate::record::{evidence_actor, reference};

/// Longest comment kept with a decision, characters.
const MAX_COMMENT: usize = 4_000;

impl Deployments {
    /// Approves a deployment. When that makes the quorum, it goes on by itself.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`] without the permission, [`DeliveryError::Refused`] with the rule of
    /// separation of duties that forbids it, [`DeliveryError::NotFound`].
    pub async fn approve(
        &self,
        actor: &Actor,
        id: &DeploymentId,
        comment: &str,
    ) -> Result<(), DeliveryError> {
        self.decide(actor, id, comment, true).await
    }

    /// Rejects a deployment, which ends it.
    ///
    /// # Errors
    /// As [`Deployments::approve`].
    pub async fn reject(
        &self,
        actor: &Actor,
        id: &DeploymentId,
        comment: &str,
    ) -> Result<(), DeliveryError> {
        self.decide(actor, id, comment, false).await
    }

    async fn decide(
        &self,
        actor: &Actor,
        id: &DeploymentId,
        comment: &str,
        approved: bool,
    ) -> Result<(), DeliveryError> {
        if comment.chars().count() > MAX_COMMENT {
            let message = format!("is longer than {MAX_COMMENT} characters");
            return Err(DeliveryError::invalid("/comment", "too_long", message));
        }
        if approved {
            self.refuse_superseded(id).await?;
        }
        let mut tx = self.delivery().db().begin().await?;
        let mut at = load(&mut tx, id).await?;
        let mut context = approval_context(&mut tx, &at.deployment).await?;
        check_right(actor, &context)?;
        let row = decision(&at, actor, comment, approved);
        deployment::add_approval(&mut tx, &row).await?;
        self.record_decision(&mut tx, &at, actor, &row).await?;
        context
            .approved_by
            .extend(approved.then(|| person_of(actor)));
        let said = format!("{} by {}{}", row.decision, actor.name, quoted(comment));
        let line = Line::ok(Step::Approval, &said).by(evidence_actor(actor));
        let line = match (approved, quorum(&context)) {
            (true, Some(quorum)) => line.with(Event::QuorumReached(quorum)),
            (true, None) => line,
            (false, _) => {
                let reason = format!("rejected by {}{}", actor.name, quoted(comment));
                at.set_reasons(&[reason])?;
                Line {
                    outcome: rialto_delivery_release::Outcome::Failed,
                    ..line
                }
                .with(Event::ApprovalRefused)
            }
        };
        let shown = self.write(&mut tx, &mut at, &line).await?;
        tx.commit().await?;
        self.show(&at, &shown).await;
        if at.state()? != DeploymentState::AwaitingApproval {
            self.spawn(id.clone());
        }
        Ok(())
    }

    /// Nobody approves what would replace a newer version without a word.
    async fn refuse_superseded(&self, id: &DeploymentId) -> Result<(), DeliveryError> {
        let found = deployment::find(&mut self.delivery().db(), id).await?;
        let waiting = DeploymentState::AwaitingApproval.as_str();
        let Some(row) = found.filter(|row| row.state == waiting) else {
            return Ok(());
        };
        match self.superseded_by(&row).await? {
            Some(why) => Err(DeliveryError::refused(why)),
            None => Ok(()),
        }
    }

    async fn record_decision(
        &self,
        tx: &mut Tx<'_>,
        at: &Loaded,
        actor: &Actor,
        row: &ApprovalRow,
    ) -> Result<(), DeliveryError> {
        let mut body = body(at)?;
        body["result"] = json!(row.decision);
        body["approver"] =
            json!({ "id": row.user_id, "name": row.user_name, "email": row.user_email });
        body["roles"] = json!(actor.roles);
        body["comment"] = json!(row.comment);
        body["subject_sha256"] = json!(row.subject_sha256);
        body["required"] = json!(at.deployment.required_approvals);
        let subject = format!("release:{}", at.release.id);
        let refs = reference("artifact", &at.release.artifact_name, &at.release.digest);
        let refs = refs.into_iter().collect();
        self.delivery()
            .record(tx, evidence_actor(actor), "approval", subject, body, refs)
            .await
            .map(drop)
    }

    /// Cancels a deployment that has not moved any traffic.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::Refused`] when it is too late.
    pub async fn cancel(&self, actor: &Actor, id: &DeploymentId) -> Result<(), DeliveryError> {
        actor.require(Permission::DeploymentCancel)?;
        let reason = format!("cancelled by {}", actor.name);
        self.end_waiting(id, evidence_actor(actor), &reason).await
    }

    pub(super) async fn cancel_of_job(&self, job: &JobId) -> Result<(), DeliveryError> {
        let found = deployment::find_by_job(&mut self.delivery().db(), job).await?;
        let Some(row) = found else { return Ok(()) };
        let ended = DeploymentState::parse(&row.state).is_some_and(DeploymentState::is_terminal);
        if ended {
            return Ok(());
        }
        let actor = rialto_platform_evidence::Actor::system("pipeline");
        self.end_waiting(&row.id, actor, "cancelled by its job")
            .await
    }

    /// Cancels a deployment before the switch, for a reason told in words.
    pub(super) async fn end_waiting(
        &self,
        id: &DeploymentId,
        actor: rialto_platform_evidence::Actor,
        reason: &str,
    ) -> Result<(), DeliveryError> {
        let mut tx = self.delivery().db().begin().await?;
        let mut at = load(&mut tx, id).await?;
        let state = at.state()?;
        if !state.is_before_switch() {
            return Err(DeliveryError::refused(match state.is_terminal() {
                true => format!("the deployment has ended ({state})"),
                false => "traffic was moved already; roll the environment back instead".to_owned(),
            }));
        }
        if state == DeploymentState::Preparing {
            // Whoever works on it stops the candidate first. The wish is written down: without
            // anybody, the next drive finds it and follows.
            let by = reason.strip_prefix("cancelled by ").unwrap_or(reason);
            at.set_reasons(&[format!("cancelled by {by}")])?;
            deployment::update(&mut tx, &at.deployment).await?;
            tx.commit().await?;
            self.spawn(id.clone());
            if let Some(control) = self.control_of(id) {
                control.ask(Asked::Cancel { by: by.to_owned() });
            }
            return Ok(());
        }
        at.set_reasons(&[reason.to_owned()])?;
        let line = Line::failed(Step::Approval, reason)
            .with(Event::Cancel)
            .by(actor);
        let shown = self.write(&mut tx, &mut at, &line).await?;
        tx.commit().await?;
        self.show(&at, &shown).await;
        self.spawn(id.clone());
        Ok(())
    }
}

fn check_right(actor: &Actor, context: &ApprovalContext) -> Result<(), DeliveryError> {
    match may_approve(&candidate_of(actor), context) {
        Ok(()) => Ok(()),
        Err(ApprovalRefusal::RoleMissing) => Ok(actor.require(Permission::DeploymentApprove)?),
        Err(refusal) => Err(DeliveryError::refused(refusal_text(refusal))),
    }
}

pub(super) fn candidate_of(actor: &Actor) -> Candidate {
    Candidate {
        person: person_of(actor),
        holds_role: actor.may(Permission::DeploymentApprove),
        is_service: !actor.is_person(),
    }
}

fn person_of(actor: &Actor) -> Person {
    Person {
        user_id: actor.user_id.to_string(),
        name: actor.name.clone(),
        emails: vec![actor.email.clone()],
    }
}

fn decision(at: &Loaded, actor: &Actor, comment: &str, approved: bool) -> ApprovalRow {
    let roles: Vec<&str> = actor.roles.iter().map(|role| role.as_str()).collect();
    ApprovalRow {
        id: new_id(),
        deployment_id: at.deployment.id.clone(),
        user_id: actor.user_id.to_string(),
        user_name: actor.name.clone(),
        user_email: actor.email.clone(),
        roles: json!(roles).to_string(),
        decision: if approved { "approved" } else { "rejected" }.to_owned(),
        comment: comment.to_owned(),
        subject_sha256: subject_sha256(at),
        at: to_micros(now()),
    }
}

/// What exactly is decided upon: any other digest, environment or definition needs a new decision.
fn subject_sha256(at: &Loaded) -> String {
    let subject = json!({
        "definition": at.release.definition,
        "deployment": at.deployment.id.as_str(),
        "digest": at.release.digest,
        "environment": at.environment.id.as_str(),
    });
    hex::encode(Sha256::digest(subject.to_string()))
}

fn quoted(comment: &str) -> String {
    if comment.is_empty() {
        String::new()
    } else {
        format!(": {comment}")
    }
}
