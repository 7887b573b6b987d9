//! Application services of delivery: push to pipeline to gate to deployment.
//!
//! [`Delivery`] is the one way in. Every change is a write transaction that holds the fact, its
//! evidence record and its events; whatever has to follow (handing jobs to runners, judging the
//! gate, turning the light) is either part of it or found again by a sweep after a crash:
//!
//! - refs on disk are compared with the refs in the table (a push that was accepted but not taken),
//! - push events without a pipeline are handled,
//! - pipelines that came to rest and were not looked at are settled,
//! - managed jobs that had begun are handed to the deployment controller again.
//!
//! Jobs on runners keep their lease over a restart of the server; a job is never falsely green.

mod apply;
mod artifact;
mod assignment;
mod causes;
mod configure;
mod create;
pub mod deployment;
mod error;
mod expiry;
mod figures;
mod gate;
mod incident;
mod log_view;
mod logs;
mod managed;
mod predefined;
mod project;
mod push;
mod queue;
mod record;
mod report;
mod report_view;
mod repository;
mod reserved;
mod runner;
pub mod sample;
mod settings;
mod settle;
#[cfg(test)]
mod testing;
mod timer;
mod transition;
pub mod view;
mod view_query;
mod waiting;
pub mod words;
mod working;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use rialto_delivery_git::{Git, GitSettings};
use rialto_delivery_store::Cas;
use rialto_delivery_store::ids::{JobId, PipelineId, ProjectId};
use rialto_platform_evidence::EvidenceLog;
use rialto_platform_store::{Db, now};
use tokio::sync::{Notify, mpsc, watch};

pub use apply::Cause;
pub use artifact::{ArtifactFile, Upload};
pub use create::NewPipeline;
pub use error::DeliveryError;
pub use figures::Figures;
pub use log_view::{
    LogBytes, LogLine, LogLines, LogMatch, LogMatches, LogSection, MAX_LINES, strip_escapes,
};
pub use logs::{LogEnd, Logs};
pub use managed::{Boxed, ManagedDeployments, ManagedJob};
pub use project::{NewProject, RuleSetView, VariableInput, VariableView};
pub use push::Push;
pub use runner::{Holding, RunnerAsk, RunnerHello, TraceAnswer};
pub use settings::DeliverySettings;
pub use view_query::PipelineQuery;

/// The delivery services. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    evidence: EvidenceLog,
    git: Git,
    cas: Cas,
    logs: Logs,
    settings: DeliverySettings,
    prepared: apply::PreparedCache,
    /// A job became pending.
    queue: Notify,
    /// A job on a runner is not wanted any more.
    leases: Notify,
    /// A timer was set.
    timers: Notify,
    controller: OnceLock<Arc<dyn ManagedDeployments>>,
    /// One reconciliation of a project at a time.
    reconciling: Mutex<HashMap<ProjectId, Arc<tokio::sync::Mutex<()>>>>,
    /// One pipeline is settled at a time.
    settling: tokio::sync::Mutex<()>,
    runners: Mutex<HashMap<String, runner::KnownRunner>>,
    log_progress: mpsc::UnboundedSender<JobId>,
    started_at: Timestamp,
    stop: watch::Sender<bool>,
}

impl Delivery {
    /// Opens the services over a migrated database. Nothing runs by itself before
    /// [`Delivery::start`].
    ///
    /// # Errors
    /// When a folder of the data folder cannot be used or `git` is missing.
    pub async fn open(
        db: Db,
        evidence: EvidenceLog,
        settings: DeliverySettings,
    ) -> Result<Self, DeliveryError> {
        let mut git_settings = GitSettings::new(&settings.data, settings.hook_command.clone());
        git_settings.limits.push_bytes = settings.push_bytes;
        let git = Git::open(git_settings).await?;
        let cas = Cas::open(settings.data.join("cas"))?;
        let logs = Logs::open(settings.data.join("logs"))?;
        let (log_progress, progress) = mpsc::unbounded_channel();
        let (stop, _) = watch::channel(false);
        let inner = Inner {
            db,
            evidence,
            git,
            cas,
            logs,
            settings,
            prepared: apply::PreparedCache::default(),
            queue: Notify::new(),
            leases: Notify::new(),
            timers: Notify::new(),
            controller: OnceLock::new(),
            reconciling: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
            runners: Mutex::default(),
            log_progress,
            started_at: now(),
            stop,
        };
        let delivery = Self {
            inner: Arc::new(inner),
        };
        delivery.spawn_log_progress(progress);
        Ok(delivery)
    }

    /// Sets who carries out managed deployments. Without one, managed jobs fail and say so.
    /// Call it once, before [`Delivery::start`].
    pub fn set_controller(&self, controller: Arc<dyn ManagedDeployments>) {
        if self.inner.controller.set(controller).is_err() {
            tracing::error!("a deployment controller was set already; the first one stays");
        }
    }

    /// Takes up what a stop or crash left, then keeps timers and sweeps running until
    /// [`Delivery::stop`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(&self) -> Result<(), DeliveryError> {
        self.reconcile_all().await?;
        self.handle_push_events().await?;
        self.settle_all().await?;
        self.resume_managed().await?;
        self.spawn_timers();
        Ok(())
    }

    /// Ends timers, sweeps and waiting requests. Jobs on runners go on.
    pub fn stop(&self) {
        self.inner.stop.send_replace(true);
        self.wake_queue();
        self.wake_leases();
        self.wake_timers();
    }

    pub(crate) fn stopping(&self) -> bool {
        *self.inner.stop.borrow()
    }

    pub(crate) fn stop_signal(&self) -> watch::Receiver<bool> {
        self.inner.stop.subscribe()
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// The evidence log.
    #[must_use]
    pub fn evidence(&self) -> &EvidenceLog {
        &self.inner.evidence
    }

    /// Repositories.
    #[must_use]
    pub fn git(&self) -> &Git {
        &self.inner.git
    }

    /// Stored content.
    #[must_use]
    pub fn content(&self) -> &Cas {
        &self.inner.cas
    }

    /// Job logs.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.inner.logs
    }

    /// Settings.
    #[must_use]
    pub fn settings(&self) -> &DeliverySettings {
        &self.inner.settings
    }

    pub(crate) fn prepared(&self) -> &apply::PreparedCache {
        &self.inner.prepared
    }

    pub(crate) fn wake_queue(&self) {
        self.inner.queue.notify_waiters();
    }

    pub(crate) fn wake_leases(&self) {
        self.inner.leases.notify_waiters();
    }

    pub(crate) fn wake_timers(&self) {
        self.inner.timers.notify_one();
    }

    pub(crate) fn note_log_progress(&self, job: &JobId) {
        // The receiver lives as long as the services.
        let _ = self.inner.log_progress.send(job.clone());
    }

    pub(crate) fn settle_soon(&self, id: PipelineId) {
        let delivery = self.clone();
        tokio::spawn(async move {
            if let Err(error) = delivery.settle(&id).await {
                tracing::warn!(pipeline = %id, %error, "cannot settle yet; the sweep tries again");
            }
        });
    }
}
