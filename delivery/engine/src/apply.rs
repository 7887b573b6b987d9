//! An event applied to a pipeline: state machine, changed rows, evidence and events, all in one
//! transaction.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use rialto_delivery_pipeline::plan::Plan;
use rialto_delivery_run::event::{Event, JobIndex, RefuseEventError};
use rialto_delivery_run::machine::{JobState, Machine, PipelineState};
use rialto_delivery_run::state::{FailureReason, Status};
use rialto_delivery_store::ids::{JobId, PipelineId};
use rialto_delivery_store::job::{self, JobRow};
use rialto_delivery_store::pipeline::{self, PipelineRow};
use rialto_delivery_store::{Reader, json};
use rialto_platform_evidence::Actor;
use rialto_platform_store::{Tx, now, to_micros};
use serde_json::Value;

use crate::logs::{LogEnd, lock};
use crate::managed::ManagedJob;
use crate::transition::{next_attempt, take_transition};
use crate::{Delivery, DeliveryError};

/// Who or what makes an event, and the facts that come with it.
#[derive(Debug, Clone)]
pub struct Cause {
    /// For the evidence log.
    pub actor: Actor,
    /// What a person asked for (`play`, `retry`, `cancel`); recorded when present.
    pub action: Option<&'static str>,
    /// JSON of the person, kept with a played job.
    pub played_by: Option<String>,
    /// A sentence for a job that fails.
    pub failure_message: Option<String>,
    /// The finished log.
    pub log: Option<LogEnd>,
    /// What the runner told at the end.
    pub facts: Option<EndFacts>,
    /// The runner that takes the job.
    pub lease: Option<LeaseFacts>,
    /// The lease is void: reports under it are refused from now on.
    pub void_lease: bool,
}

/// What a runner told at the end of a job.
#[derive(Debug, Clone, Default)]
pub struct EndFacts {
    /// Exit status of the script.
    pub exit_code: Option<i64>,
    /// Decimal text.
    pub coverage: Option<String>,
    /// JSON array.
    pub isolation: String,
    /// JSON array.
    pub notes: String,
    /// JSON array.
    pub dotenv: String,
    /// JSON of the line that failed.
    pub failing_line: Option<String>,
}

/// The runner that takes a job.
#[derive(Debug, Clone)]
pub struct LeaseFacts {
    /// Secret.
    pub lease: String,
    /// Runner id.
    pub runner_id: String,
    /// Runner name.
    pub runner_name: String,
}

impl Cause {
    /// A part of the platform itself.
    #[must_use]
    pub fn system(component: &str) -> Self {
        Self::of(Actor::system(component))
    }

    /// Somebody.
    #[must_use]
    pub fn of(actor: Actor) -> Self {
        Self {
            actor,
            action: None,
            played_by: None,
            failure_message: None,
            log: None,
            facts: None,
            lease: None,
            void_lease: false,
        }
    }
}

/// A plan ready to run, shared by all events of its pipeline.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub plan: Plan,
    pub machine: Machine,
}

/// The newest few prepared plans.
#[derive(Debug, Default)]
pub(crate) struct PreparedCache {
    plans: Mutex<CachedPlans>,
}

#[derive(Debug, Default)]
struct CachedPlans {
    by_pipeline: HashMap<PipelineId, Arc<Prepared>>,
    /// In order of arrival.
    order: VecDeque<PipelineId>,
}

const CACHED_PLANS: usize = 64;

impl PreparedCache {
    fn get(&self, id: &PipelineId) -> Option<Arc<Prepared>> {
        lock(&self.plans).by_pipeline.get(id).cloned()
    }

    pub(crate) fn put(&self, id: &PipelineId, prepared: Arc<Prepared>) {
        let mut plans = lock(&self.plans);
        if plans.by_pipeline.insert(id.clone(), prepared).is_none() {
            plans.order.push_back(id.clone());
        }
        if plans.order.len() > CACHED_PLANS
            && let Some(oldest) = plans.order.pop_front()
        {
            plans.by_pipeline.remove(&oldest);
        }
    }
}

/// A pipeline with its current attempts.
pub(crate) struct Loaded {
    pub pipeline: PipelineRow,
    pub prepared: Arc<Prepared>,
    /// Newest attempt of each job, in plan order.
    pub rows: Vec<JobRow>,
    pub state: PipelineState,
}

impl Loaded {
    /// Position of a job's newest attempt.
    pub fn index_of(&self, id: &JobId) -> Option<JobIndex> {
        self.rows.iter().position(|row| &row.id == id)
    }
}

/// What is to be done once the transaction is committed.
#[derive(Debug, Default)]
pub(crate) struct After {
    pub queue: bool,
    pub leases: bool,
    pub timers: bool,
    pub groups: bool,
    pub start: Vec<ManagedJob>,
    pub cancel: Vec<JobId>,
    pub settle: BTreeSet<PipelineId>,
}

impl Delivery {
    /// Applies an event to a job of a running pipeline and returns the job's state afterwards.
    pub(crate) async fn with_job(
        &self,
        id: &JobId,
        cause: &Cause,
        event: impl FnOnce(JobIndex, &Loaded) -> Result<Event, DeliveryError> + Send,
    ) -> Result<Status, DeliveryError> {
        let mut tx = self.db().begin().await?;
        let row = job::find(&mut tx, id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("job", id))?;
        let mut loaded = self.load(&mut tx, &row.pipeline_id).await?;
        let index = loaded.index_of(id).ok_or_else(|| {
            DeliveryError::refused(format!("job `{}` has a newer attempt", row.name))
        })?;
        let event = event(index, &loaded)?;
        let mut after = After::default();
        self.apply(&mut tx, &mut loaded, &event, cause, &mut after)
            .await?;
        self.grant_locks(&mut tx, &mut after).await?;
        tx.commit().await?;
        self.after_commit(after);
        Ok(loaded.state.jobs[index].status)
    }

    /// Applies an event to a whole pipeline.
    pub(crate) async fn with_pipeline(
        &self,
        id: &PipelineId,
        cause: &Cause,
        event: &Event,
    ) -> Result<(), DeliveryError> {
        let mut tx = self.db().begin().await?;
        let mut loaded = self.load(&mut tx, id).await?;
        let mut after = After::default();
        self.apply(&mut tx, &mut loaded, event, cause, &mut after)
            .await?;
        self.grant_locks(&mut tx, &mut after).await?;
        tx.commit().await?;
        self.after_commit(after);
        Ok(())
    }

    /// Reads a pipeline for an event. Write transactions are serial, so what is read in one is true
    /// until it ends; outside of one it is good for showing only.
    pub(crate) async fn load(
        &self,
        tx: &mut impl Reader,
        id: &PipelineId,
    ) -> Result<Loaded, DeliveryError> {
        let pipeline = pipeline::find(tx, id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("pipeline", id))?;
        let prepared = match self.prepared().get(id) {
            Some(prepared) => prepared,
            None => {
                let row = pipeline::find_plan(tx, id).await?.ok_or_else(|| {
                    DeliveryError::refused(format!(
                        "pipeline {} has no jobs: its configuration was not valid",
                        pipeline.no
                    ))
                })?;
                let managed: HashSet<String> = json::read("managed", &row.managed)?;
                let prepared = Arc::new(prepare(json::read("plan", &row.plan)?, &managed));
                self.prepared().put(id, prepared.clone());
                prepared
            }
        };
        let rows = job::current(tx, id).await?;
        if rows.len() != prepared.plan.jobs.len() {
            return Err(DeliveryError::Internal(format!(
                "pipeline {id} has {} jobs in its plan and {} in the table",
                prepared.plan.jobs.len(),
                rows.len()
            )));
        }
        let state = PipelineState {
            jobs: rows.iter().map(job_state).collect(),
        };
        Ok(Loaded {
            pipeline,
            prepared,
            rows,
            state,
        })
    }

    /// Applies an event inside the caller's transaction.
    pub(crate) async fn apply(
        &self,
        tx: &mut Tx<'_>,
        loaded: &mut Loaded,
        event: &Event,
        cause: &Cause,
        after: &mut After,
    ) -> Result<(), DeliveryError> {
        let machine = loaded.prepared.clone();
        let transitions = machine
            .machine
            .apply(&mut loaded.state, event)
            .map_err(|refusal: RefuseEventError| DeliveryError::refused(refusal.to_string()))?;
        let at = to_micros(now());
        let mut touched: BTreeSet<JobIndex> = BTreeSet::new();
        let mut ended: Vec<JobRow> = Vec::new();
        for transition in &transitions {
            let index = transition.job;
            if transition.new_attempt {
                let mut old = loaded.rows[index].clone();
                old.superseded = true;
                job::update(tx, &old).await?;
                let fresh = next_attempt(&old, transition, cause, at);
                job::insert(tx, &fresh).await?;
                loaded.rows[index] = fresh;
            } else {
                let planned = &machine.plan.jobs[index];
                let protected = loaded.pipeline.protected_ref;
                let row = &mut loaded.rows[index];
                take_transition(row, planned, transition, cause, at, protected);
                if row.status.is_completed() {
                    ended.push(row.clone());
                }
            }
            touched.insert(index);
            // The controller's own reports do not start it again.
            let reported = matches!(event, Event::Deployment { .. });
            note_after(&loaded.rows[index], reported, after);
        }
        // Flags may change without a transition (an approval asked for twice).
        for (index, state) in loaded.state.jobs.iter().enumerate() {
            let row = &mut loaded.rows[index];
            if row.awaits_approval != state.awaits_approval || row.played != state.played {
                row.awaits_approval = state.awaits_approval;
                row.played = state.played;
                touched.insert(index);
            }
        }
        for index in &touched {
            let row = &mut loaded.rows[*index];
            row.version = job::update(tx, row).await?;
            // Nobody can follow a job that is only now being made.
            if *event != Event::Created {
                let (topic, id) = (format!("job:{}", row.id), row.id.as_str());
                tx.publish(&topic, id, row.version, &["status"], Value::Null)
                    .await;
            }
        }
        self.record_action(tx, loaded, event, cause).await?;
        for row in &ended {
            self.record_job(tx, &loaded.pipeline, row, cause).await?;
        }
        if !touched.is_empty() {
            self.refresh_pipeline(tx, loaded, at, after).await?;
        }
        Ok(())
    }

    /// Brings the pipeline's own row up to date with its jobs.
    async fn refresh_pipeline(
        &self,
        tx: &mut Tx<'_>,
        loaded: &mut Loaded,
        at: i64,
        after: &mut After,
    ) -> Result<(), DeliveryError> {
        let machine = &loaded.prepared.machine;
        let status = machine.status(&loaded.state);
        let row = &mut loaded.pipeline;
        let before = *row.status;
        row.status = status.into();
        row.has_warnings = machine.has_warnings(&loaded.state);
        if row.started_at.is_none() {
            let first = loaded.rows.iter().filter_map(|job| job.started_at).min();
            row.started_at = first;
            row.queued_ms = first.map(|first| (first - row.created_at).max(0) / 1000);
        }
        if status.is_completed() {
            let attempts = job::of_pipeline(tx, &row.id).await?;
            row.finished_at = Some(at);
            row.duration_ms = Some(running_ms(&attempts, at));
        } else {
            row.finished_at = None;
            row.duration_ms = None;
        }
        let rests = status.is_completed() || matches!(status, Status::Manual | Status::Scheduled);
        if status != before {
            row.unsettled = rests;
        }
        row.version = pipeline::update_state(tx, row).await?;
        if status != before && rests {
            after.settle.insert(row.id.clone());
        }
        if status != before && status.is_completed() {
            self.record_pipeline_end(tx, &loaded.pipeline, &loaded.rows)
                .await?;
        }
        let row = &loaded.pipeline;
        let changed: &[&str] = if status == before {
            &["jobs"]
        } else {
            &["status", "jobs"]
        };
        let topic = format!("pipeline:{}", row.id);
        tx.publish(&topic, row.id.as_str(), row.version, changed, Value::Null)
            .await;
        if status != before {
            tx.publish(
                "list:pipelines",
                row.id.as_str(),
                row.version,
                &["status"],
                Value::Null,
            )
            .await;
            let topic = format!("project:{}", row.project_id);
            let id = row.project_id.as_str();
            tx.publish(&topic, id, row.version, &["last_pipeline"], Value::Null)
                .await;
        }
        Ok(())
    }

    /// Gives free resource groups to the jobs that wait for them, oldest first, in whatever
    /// pipeline they are.
    pub(crate) async fn grant_locks(
        &self,
        tx: &mut Tx<'_>,
        after: &mut After,
    ) -> Result<(), DeliveryError> {
        while std::mem::take(&mut after.groups) {
            for waiting in job::waiting_for_group(tx).await? {
                let group = waiting.resource_group.clone().unwrap_or_default();
                let holder =
                    job::holder_of_group(tx, &waiting.project_id, &group, &waiting.id).await?;
                if holder.is_some() {
                    continue;
                }
                let mut loaded = self.load(tx, &waiting.pipeline_id).await?;
                let Some(index) = loaded.index_of(&waiting.id) else {
                    continue;
                };
                let event = Event::Lock { job: index };
                let cause = Cause::system("resource_group");
                // Boxed: granting applies an event, and an event may free another group.
                Box::pin(self.apply(tx, &mut loaded, &event, &cause, after)).await?;
            }
        }
        Ok(())
    }

    /// Does what had to wait for the commit. Returns at once.
    pub(crate) fn after_commit(&self, after: After) {
        if after.queue {
            self.wake_queue();
        }
        if after.leases {
            self.wake_leases();
        }
        if after.timers {
            self.wake_timers();
        }
        for job in after.start {
            self.start_managed(job);
        }
        for job in after.cancel {
            self.cancel_managed(job);
        }
        for id in after.settle {
            self.settle_soon(id);
        }
    }
}

pub(crate) fn prepare(plan: Plan, managed: &HashSet<String>) -> Prepared {
    let machine = Machine::new(&plan, |name| managed.contains(name));
    Prepared { plan, machine }
}

fn job_state(row: &JobRow) -> JobState {
    JobState {
        status: *row.status,
        attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
        reason: row.failure_reason.as_deref().and_then(FailureReason::parse),
        exit_code: row.exit_code.and_then(|code| i32::try_from(code).ok()),
        played: row.played,
        awaits_approval: row.awaits_approval,
    }
}

fn note_after(row: &JobRow, reported: bool, after: &mut After) {
    match *row.status {
        Status::Pending => after.queue = true,
        Status::Scheduled => after.timers = true,
        Status::Preparing if row.managed && !reported => after.start.push(managed_job(row)),
        Status::Canceling | Status::Canceled if row.managed => after.cancel.push(row.id.clone()),
        _ => {}
    }
    // Also of a job that ended by its runner's word: a renewal may still wait.
    let unwanted = *row.status == Status::Canceling || row.status.is_completed();
    after.leases |= unwanted && row.lease.is_some() && !row.managed;
    let frees = row.status.is_completed() || *row.status == Status::WaitingForResource;
    if frees && row.resource_group.is_some() && !row.managed {
        after.groups = true;
    }
}

pub(crate) fn managed_job(row: &JobRow) -> ManagedJob {
    ManagedJob {
        job: row.id.clone(),
        pipeline: row.pipeline_id.clone(),
        project: row.project_id.clone(),
        environment: row.environment.clone().unwrap_or_default(),
        status: *row.status,
        played_by: row.played_by.clone(),
    }
}

/// Length of the union of all intervals in which a job ran, ms.
fn running_ms(rows: &[JobRow], now: i64) -> i64 {
    let mut spans: Vec<(i64, i64)> = rows
        .iter()
        .filter_map(|row| {
            row.started_at
                .map(|start| (start, row.finished_at.unwrap_or(now)))
        })
        .collect();
    spans.sort_unstable();
    let mut total = 0;
    let mut until = i64::MIN;
    for (start, end) in spans {
        let start = start.max(until);
        if end > start {
            total += end - start;
            until = end;
        }
    }
    total / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_duration_counts_overlapping_jobs_once() {
        let row = |start, end| JobRow {
            started_at: Some(start),
            finished_at: end,
            ..crate::testing::job_row()
        };
        let rows = [row(0, Some(5000)), row(2000, Some(7000)), row(9000, None)];
        assert_eq!(running_ms(&rows, 10_000), 8);
        assert_eq!(running_ms(&[], 10_000), 0);
    }
}
