//! The clockwork: delayed jobs, lost leases, alarms, and the sweeps that find what a crash left.

use std::time::Duration;

use rialto_delivery_run::event::{Event, Outcome};
use rialto_delivery_run::state::{FailureReason, Status};
use rialto_delivery_store::ids::JobId;
use rialto_delivery_store::job;
use rialto_platform_store::{now, to_micros};
use serde_json::json;
use tokio::sync::mpsc;

use crate::apply::{Cause, managed_job};
use crate::expiry::Sweep;
use crate::managed::ManagedJob;
use crate::{Delivery, DeliveryError};

/// Log progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(150);
/// Sweeps run once in this many ticks.
const SWEEP_EVERY: u32 = 5;
/// Expired archives are looked for once in this many ticks.
const EXPIRY_EVERY: u32 = 600;

impl Delivery {
    pub(crate) fn spawn_timers(&self) {
        let delivery = self.clone();
        tokio::spawn(async move {
            let mut stop = delivery.stop_signal();
            let mut ticks: u32 = 0;
            let mut expired = Sweep::default();
            while !delivery.stopping() {
                let pause = delivery.until_next_timer().await;
                tokio::select! {
                    _ = stop.changed() => return,
                    () = delivery.inner.timers.notified() => continue,
                    () = tokio::time::sleep(pause) => {}
                }
                ticks = ticks.wrapping_add(1);
                delivery.tick(ticks.is_multiple_of(SWEEP_EVERY)).await;
                if ticks % EXPIRY_EVERY == 1
                    && let Err(error) = delivery.remove_expired(&mut expired).await
                {
                    tracing::warn!(%error, "expired archives were not removed; it is tried again");
                }
            }
        });
    }

    async fn until_next_timer(&self) -> Duration {
        let tick = self.settings().tick;
        match job::next_due(&mut self.db()).await {
            Ok(Some(due)) => {
                let wait = u64::try_from(due - to_micros(now())).unwrap_or(0);
                tick.min(Duration::from_micros(wait))
            }
            Ok(None) => tick,
            Err(error) => {
                tracing::warn!(%error, "cannot read the timers");
                tick
            }
        }
    }

    /// One look around. Every part goes on when another fails.
    async fn tick(&self, sweep: bool) {
        let told = |what: &str, result: Result<(), DeliveryError>| {
            if let Err(error) = result {
                tracing::warn!(what, %error, "a periodic task failed; it runs again");
            }
        };
        told("delayed jobs", self.start_due_jobs().await);
        told("lost leases", self.fail_lost_jobs().await);
        if sweep {
            told("stuck jobs", self.fail_stuck_jobs().await);
            told("push events", self.handle_push_events().await);
            told("settling", self.settle_all().await);
            told("alarms", self.raise_alarms().await);
            // Jobs of another process of the same database are seen here at the latest.
            self.wake_queue();
            self.wake_leases();
        }
    }

    async fn start_due_jobs(&self) -> Result<(), DeliveryError> {
        for row in job::due(&mut self.db(), to_micros(now())).await? {
            let cause = Cause::system("timer");
            match self
                .with_job(&row.id, &cause, |job, _| Ok(Event::Timer { job }))
                .await
            {
                // Played or cancelled at the same moment.
                Ok(_) | Err(DeliveryError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells the controller of every managed job that had begun.
    pub(crate) async fn resume_managed(&self) -> Result<(), DeliveryError> {
        for status in [
            Status::Preparing,
            Status::WaitingForResource,
            Status::Running,
            Status::Manual,
            Status::Canceling,
        ] {
            for row in job::by_status(&mut self.db(), status).await? {
                let begun = status != Status::Manual || row.awaits_approval;
                if row.managed && begun {
                    self.start_managed(managed_job(&row));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn start_managed(&self, job: ManagedJob) {
        let delivery = self.clone();
        tokio::spawn(async move {
            if let Some(controller) = delivery.inner.controller.get() {
                controller.start(job).await;
                return;
            }
            let message = format!(
                "this server has no deployment controller, so nothing was deployed to `{}`",
                job.environment
            );
            let reason = FailureReason::UnmetPrerequisites;
            let mut cause = Cause::system("deployment");
            cause.failure_message = Some(message);
            let outcome = Outcome::Failed {
                reason,
                exit_code: None,
            };
            let failed = delivery
                .with_job(&job.job, &cause, |job, _| {
                    Ok(Event::Finish { job, outcome })
                })
                .await;
            if let Err(error) = failed {
                tracing::warn!(job = %job.job, %error, "cannot fail a managed job");
            }
        });
    }

    pub(crate) fn cancel_managed(&self, job: JobId) {
        let delivery = self.clone();
        tokio::spawn(async move {
            if let Some(controller) = delivery.inner.controller.get() {
                controller.cancel(job).await;
            }
        });
    }

    /// Tells of growing logs: at once for the first piece, then in bundles.
    pub(crate) fn spawn_log_progress(&self, mut progress: mpsc::UnboundedReceiver<JobId>) {
        // Weak, or the services would keep themselves alive through their own channel.
        let inner = std::sync::Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            while let Some(first) = progress.recv().await {
                let mut jobs = std::collections::BTreeSet::from([first]);
                while let Ok(next) = progress.try_recv() {
                    jobs.insert(next);
                }
                let Some(inner) = inner.upgrade() else { return };
                let delivery = Self { inner };
                if let Err(error) = delivery.tell_progress(&jobs).await {
                    tracing::warn!(%error, "cannot tell how logs grow");
                }
                drop(delivery);
                tokio::time::sleep(PROGRESS_EVERY).await;
            }
        });
    }

    async fn tell_progress(
        &self,
        jobs: &std::collections::BTreeSet<JobId>,
    ) -> Result<(), DeliveryError> {
        let at = to_micros(now());
        let mut tx = self.db().begin().await?;
        for id in jobs {
            let Some(size) = self.logs().live_size(id) else {
                continue;
            };
            let bytes = i64::try_from(size).unwrap_or(i64::MAX);
            job::log_progress(&mut tx, id, bytes, at).await?;
            let extra = json!({"log_bytes": size});
            tx.publish(&format!("job:{id}"), id.as_str(), 0, &["log_bytes"], extra)
                .await;
        }
        tx.commit().await?;
        Ok(())
    }
}
