//! The seam to the deployment controller: what it implements, and what it may call.

use std::future::Future;
use std::pin::Pin;

use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::event::{DeploymentPhase, Event, Outcome};
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::{DeploymentId, JobId, PipelineId, ProjectId};
use rialto_delivery_store::job;

use crate::apply::Cause;
use crate::{Delivery, DeliveryError};

/// A boxed future, so that the controller can be an object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A managed job whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedJob {
    /// Job.
    pub job: JobId,
    /// Its pipeline.
    pub pipeline: PipelineId,
    /// Its project.
    pub project: ProjectId,
    /// Environment it deploys into.
    pub environment: String,
    /// State it is in: `preparing` when it has just begun; any unfinished state when it is handed
    /// over again after a restart.
    pub status: Status,
    /// JSON of who played or retried it, when a person did.
    pub played_by: Option<String>,
}

/// Carries out managed deployments. Calls return soon: the work goes on by itself and reports
/// through [`Delivery::deployment_phase`], [`Delivery::append_system_log`] and
/// [`Delivery::finish_job`].
pub trait ManagedDeployments: Send + Sync {
    /// Begins, or goes on with, the deployment of a job. Called again for the same job after a
    /// restart, so it is idempotent.
    fn start(&self, job: ManagedJob) -> Boxed<'_, ()>;

    /// The job was cancelled: the deployment stops if traffic was not touched.
    fn cancel(&self, job: JobId) -> Boxed<'_, ()>;
}

impl Delivery {
    /// Shows on the job where its deployment is.
    ///
    /// # Errors
    /// [`DeliveryError::Refused`] when the job has ended.
    pub async fn deployment_phase(
        &self,
        id: &JobId,
        phase: DeploymentPhase,
    ) -> Result<(), DeliveryError> {
        self.with_job(id, &Cause::system("deployment"), |job, _| {
            Ok(Event::Deployment { job, phase })
        })
        .await
        .map(drop)
    }

    /// Links a job to its deployment.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn link_deployment(
        &self,
        id: &JobId,
        deployment: &DeploymentId,
    ) -> Result<(), DeliveryError> {
        let mut tx = self.db().begin().await?;
        let mut row = job::find(&mut tx, id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("job", id))?;
        row.deployment_id = Some(deployment.to_string());
        let version = job::update(&mut tx, &row).await?;
        let topic = format!("job:{id}");
        let extra = serde_json::Value::Null;
        tx.publish(&topic, id.as_str(), version, &["deployment_id"], extra)
            .await;
        tx.commit().await?;
        Ok(())
    }

    /// Adds to the log of a managed job.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`], disk trouble.
    pub async fn append_system_log(&self, id: &JobId, bytes: &[u8]) -> Result<(), DeliveryError> {
        let row = job::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("job", id))?;
        if !row.managed {
            return Err(DeliveryError::refused(format!(
                "job `{}` writes its own log",
                row.name
            )));
        }
        self.logs().append_at_end(id, bytes.to_vec()).await?;
        self.note_log_progress(id);
        Ok(())
    }

    /// Ends a managed job. A job that has ended already stays as it is.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn finish_job(&self, id: &JobId, result: JobResult) -> Result<Status, DeliveryError> {
        let row = job::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("job", id))?;
        if row.status.is_completed() {
            return Ok(*row.status);
        }
        let (outcome, message) = match result {
            JobResult::Success => (Outcome::Success, None),
            JobResult::Canceled => (Outcome::Canceled, None),
            JobResult::Failed { reason, message } => (
                Outcome::Failed {
                    reason,
                    exit_code: None,
                },
                Some(message),
            ),
        };
        let log = self.logs().finish(id).await?;
        let mut cause = Cause::system("deployment");
        cause.failure_message = message;
        cause.log = Some(log);
        self.with_job(id, &cause, |job, _| Ok(Event::Finish { job, outcome }))
            .await
    }
}
