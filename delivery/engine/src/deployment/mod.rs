//! The deployment controller: carries managed deployments out, step by step, as a saga that can be
//! interrupted anywhere.
//!
//! Each step is written down as intent, done, and written down as outcome; a write is one
//! transaction with the deployment's state, the environment, the slots, the evidence record and the
//! events. After a crash the router is asked what it really serves, and
//! [`rialto_delivery_release::resume`] decides.

mod approve;
mod back;
mod bake;
mod bundle;
mod control;
mod create;
mod drive;
mod involved;
mod journal;
mod load;
mod prepare;
mod roll_back;
mod router;
mod scripted;
mod supersede;
mod sync;
mod traffic;
pub mod view;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rialto_delivery_release::DeploymentState;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::{DeploymentId, JobId};
use rialto_delivery_store::{deployment, job};
use rialto_delivery_supervisor::Supervisor;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::managed::{Boxed, ManagedDeployments, ManagedJob};
use crate::{Delivery, DeliveryError};
use control::Control;
pub use load::CommitPerson;
pub use router::{RouterAccess, RouterError, Target};

/// The deployment controller. Cheap to clone.
#[derive(Clone)]
pub struct Deployments {
    inner: Arc<Inner>,
}

struct Inner {
    delivery: Delivery,
    supervisor: Supervisor,
    router: RouterAccess,
    /// What is being worked on by this process.
    running: Mutex<HashMap<DeploymentId, Running>>,
    /// Jobs whose deployment is being created.
    beginning: Mutex<HashSet<JobId>>,
    /// Tasks that live as long as the controller.
    background: Mutex<Vec<AbortHandle>>,
    /// Journal points left until the controller stops as if killed; negative: never.
    points_left: AtomicI64,
    /// Nothing is begun any more.
    stopped: AtomicBool,
    /// How often expired approvals and unfinished deployments are looked for.
    sweep_every: Duration,
}

struct Running {
    task: AbortHandle,
    control: Control,
}

/// Why a drive ended without reaching an end state.
#[derive(Debug, thiserror::Error)]
enum DriveError {
    /// The recovery drill stops here.
    #[error("stopped as if killed")]
    Killed,
    /// Somebody else changed the deployment: read it again.
    #[error("the deployment was changed meanwhile")]
    Changed,
    /// Trouble that may pass.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

impl From<rialto_platform_store::StoreError> for DriveError {
    fn from(error: rialto_platform_store::StoreError) -> Self {
        Self::Delivery(error.into())
    }
}

impl Deployments {
    /// A controller over running services. Nothing happens before [`Deployments::start`] or the
    /// first managed job.
    #[must_use]
    pub fn new(delivery: Delivery, supervisor: Supervisor, router: RouterAccess) -> Self {
        Self {
            inner: Arc::new(Inner {
                delivery,
                supervisor,
                router,
                running: Mutex::default(),
                beginning: Mutex::default(),
                background: Mutex::default(),
                points_left: AtomicI64::new(-1),
                stopped: AtomicBool::new(false),
                sweep_every: Duration::from_secs(5),
            }),
        }
    }

    /// Takes up what a stop or crash left: routes are set up again where the router lost them,
    /// unfinished deployments go on, slots are watched.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(&self) -> Result<(), DeliveryError> {
        self.restore_routes().await?;
        self.take_up().await?;
        let sync = tokio::spawn(sync::keep(Arc::downgrade(&self.inner))).abort_handle();
        let sweep = tokio::spawn(sync::sweep(Arc::downgrade(&self.inner))).abort_handle();
        let scripted = tokio::spawn(scripted::follow(Arc::downgrade(&self.inner))).abort_handle();
        let end = tokio::spawn(stop_with(
            self.delivery().stop_signal(),
            Arc::downgrade(&self.inner),
        ))
        .abort_handle();
        self.background().extend([sync, sweep, scripted, end]);
        Ok(())
    }

    /// Stops all work where it is. Nothing is lost: the next controller takes it up. Processes of
    /// services and the router are not touched.
    pub fn stop(&self) {
        self.inner.stopped.store(true, Ordering::SeqCst);
        for (_, running) in self.running().drain() {
            running.task.abort();
        }
        for task in self.background().drain(..) {
            task.abort();
        }
    }

    /// Makes the controller stop as if killed after `points` more journal points (each line has
    /// one before and one after its commit). For recovery drills.
    #[doc(hidden)]
    pub fn stop_after(&self, points: u32) {
        self.inner
            .points_left
            .store(i64::from(points), Ordering::SeqCst);
    }

    /// Works on every deployment that has not ended, and on those whose job does not know it.
    async fn take_up(&self) -> Result<(), DeliveryError> {
        for row in deployment::unfinished(&mut self.delivery().db()).await? {
            self.spawn(row.id);
        }
        self.take_up_ended().await
    }

    /// Jobs at work whose deployment has ended: the end did not reach them.
    async fn take_up_ended(&self) -> Result<(), DeliveryError> {
        let mut db = self.delivery().db();
        for status in [
            Status::Preparing,
            Status::WaitingForResource,
            Status::Running,
            Status::Manual,
        ] {
            for row in job::by_status(&mut db, status).await? {
                if !row.managed || row.deployment_id.is_none() {
                    continue;
                }
                let found = deployment::find_by_job(&mut db, &row.id).await?;
                let ended = found.filter(|d| {
                    DeploymentState::parse(&d.state).is_some_and(DeploymentState::is_terminal)
                });
                if let Some(ended) = ended {
                    self.spawn(ended.id);
                }
            }
        }
        Ok(())
    }

    /// The recovery drill has stopped the controller.
    #[doc(hidden)]
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        self.inner.stopped.load(Ordering::SeqCst)
    }

    fn delivery(&self) -> &Delivery {
        &self.inner.delivery
    }

    fn supervisor(&self) -> &Supervisor {
        &self.inner.supervisor
    }

    fn router(&self) -> &RouterAccess {
        &self.inner.router
    }

    fn running(&self) -> MutexGuard<'_, HashMap<DeploymentId, Running>> {
        self.inner
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn background(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        self.inner
            .background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A point at which a recovery drill may stop the controller.
    fn point(&self) -> Result<(), DriveError> {
        let before =
            self.inner
                .points_left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    (left > 0).then(|| left - 1)
                });
        match before {
            Err(0) => Err(DriveError::Killed),
            _ => Ok(()),
        }
    }

    /// Works on a deployment, unless this process does already.
    fn spawn(&self, id: DeploymentId) {
        let mut running = self.running();
        if running.contains_key(&id) || self.inner.stopped.load(Ordering::SeqCst) {
            return;
        }
        let control = Control::new();
        let weak = Arc::downgrade(&self.inner);
        let task = tokio::spawn(drive::carry(weak, id.clone(), control.clone())).abort_handle();
        running.insert(id, Running { task, control });
    }

    /// The control of a deployment this process works on.
    fn control_of(&self, id: &DeploymentId) -> Option<Control> {
        self.running()
            .get(id)
            .map(|running| running.control.clone())
    }
}

/// Stops the controller when the services stop: what is watched must not be judged while its
/// processes are being ended.
async fn stop_with(mut stopping: watch::Receiver<bool>, inner: Weak<Inner>) {
    // A dropped sender means that the services are gone.
    drop(stopping.wait_for(|stop| *stop).await);
    if let Some(inner) = inner.upgrade() {
        Deployments { inner }.stop();
    }
}

impl ManagedDeployments for Deployments {
    fn start(&self, job: ManagedJob) -> Boxed<'_, ()> {
        Box::pin(async move {
            let controller = self.clone();
            // Creating may read git and take a while; the caller does not wait.
            tokio::spawn(async move { controller.begin(job).await });
        })
    }

    fn cancel(&self, job: JobId) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.cancel_of_job(&job).await {
                tracing::warn!(%job, %error, "a deployment was not cancelled with its job");
            }
        })
    }
}
