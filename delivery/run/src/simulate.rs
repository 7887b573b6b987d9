//! "What if": events applied to a plan by the very machine that runs pipelines.

use std::collections::HashSet;

use rialto_delivery_pipeline::plan::Plan;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::event::{Event, JobIndex, Outcome, RefuseEventError};
use crate::machine::{Machine, PipelineState};
use crate::state::{FailureReason, Status};

/// One event of an events file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulationEvent {
    /// What happens.
    pub event: EventKind,
    /// To which jobs; absent means the whole pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<String>>,
    /// Exit code of a `drop`; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Failure reason of a `drop`; `script_failure` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A runner takes the jobs: `pending` to `running`.
    Run,
    /// They end well: `running`, or `pending` and then taken first, to `success`. What is
    /// `canceling` ends `canceled`.
    Success,
    /// They fail: as `success`, and also while `preparing`.
    Drop,
    /// A person plays them: `manual` or `scheduled` as a plain start.
    Play,
    /// A person runs them again: `success`, `failed` or `canceled` to a new attempt.
    Retry,
    /// A person stops them: `running` to `canceling`, what is `canceling` or waits to `canceled`.
    /// A job that waits for a person (`manual`) and one that ended cannot be stopped.
    Cancel,
}

/// State after an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Status of the pipeline.
    pub pipeline: Status,
    /// Status by stage, in order.
    #[serde(serialize_with = "as_map")]
    pub stages: Vec<(String, Status)>,
    /// Status by job, in pipeline order.
    #[serde(serialize_with = "as_map")]
    pub jobs: Vec<(String, Status)>,
}

fn as_map<S: Serializer>(pairs: &[(String, Status)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (name, status) in pairs {
        map.serialize_entry(name, status)?;
    }
    map.end()
}

/// Why an events file cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// A job that the pipeline does not contain.
    #[error("event {index}: this pipeline has no job `{name}`")]
    UnknownJob {
        /// Number of the event, from 1.
        index: usize,
        /// Name given.
        name: String,
    },
    /// An event that does not fit the state.
    #[error("event {index}: {source}")]
    Refused {
        /// Number of the event, from 1.
        index: usize,
        /// Why.
        source: RefuseEventError,
    },
}

impl SimulateError {
    /// Number of the event, from 1.
    #[must_use]
    pub fn index(&self) -> usize {
        match self {
            Self::UnknownJob { index, .. } | Self::Refused { index, .. } => *index,
        }
    }
}

/// Plays events on a plan: one snapshot after creation, then one after each event.
///
/// # Errors
/// [`SimulateError`] names the first event that cannot happen.
pub fn simulate(plan: &Plan, events: &[SimulationEvent]) -> Result<Vec<Snapshot>, SimulateError> {
    let machine = Machine::new(plan, |_| false);
    let mut player = Player {
        plan,
        state: machine.initial(),
        machine,
    };
    let mut snapshots = Vec::with_capacity(events.len() + 1);
    player
        .apply(&Event::Created)
        .map_err(|source| SimulateError::Refused { index: 0, source })?;
    snapshots.push(player.snapshot());
    for (position, event) in events.iter().enumerate() {
        player.play(position + 1, event)?;
        snapshots.push(player.snapshot());
    }
    Ok(snapshots)
}

struct Player<'a> {
    plan: &'a Plan,
    machine: Machine,
    state: PipelineState,
}

impl Player<'_> {
    fn apply(&mut self, event: &Event) -> Result<(), RefuseEventError> {
        self.machine.apply(&mut self.state, event)?;
        self.grant_locks()
    }

    fn status(&self, job: JobIndex) -> Status {
        self.state.jobs[job].status
    }

    fn play(&mut self, index: usize, event: &SimulationEvent) -> Result<(), SimulateError> {
        let refused = |source| SimulateError::Refused { index, source };
        let Some(names) = &event.jobs else {
            return self.play_all(event).map_err(refused);
        };
        let mut jobs = Vec::with_capacity(names.len());
        for name in names {
            let unknown = || SimulateError::UnknownJob {
                index,
                name: name.clone(),
            };
            jobs.push(self.machine.job(name).ok_or_else(unknown)?);
        }
        for job in jobs {
            self.play_one(job, event).map_err(refused)?;
        }
        Ok(())
    }

    fn play_all(&mut self, event: &SimulationEvent) -> Result<(), RefuseEventError> {
        let fits = |status: Status| match event.event {
            EventKind::Run => status == Status::Pending,
            EventKind::Success | EventKind::Drop => {
                matches!(
                    status,
                    Status::Pending | Status::Running | Status::Canceling
                )
            }
            EventKind::Play => matches!(status, Status::Manual | Status::Scheduled),
            EventKind::Retry | EventKind::Cancel => false,
        };
        match event.event {
            EventKind::Retry => return self.apply(&Event::RetryPipeline),
            EventKind::Cancel => return self.apply(&Event::CancelPipeline),
            _ => {}
        }
        // Jobs that become startable on the way wait for the next event.
        let jobs: Vec<_> = (0..self.machine.len())
            .filter(|job| fits(self.status(*job)))
            .collect();
        for job in jobs {
            if fits(self.status(job)) {
                self.play_one(job, event)?;
            }
        }
        Ok(())
    }

    fn play_one(&mut self, job: JobIndex, event: &SimulationEvent) -> Result<(), RefuseEventError> {
        let status = self.status(job);
        match event.event {
            EventKind::Run => {
                self.check(job, "run", "pending", status == Status::Pending)?;
                self.apply(&Event::Lease { job })
            }
            EventKind::Play => self.apply(&Event::Play { job }),
            EventKind::Retry => self.apply(&Event::Retry { job }),
            EventKind::Cancel => self.apply(&Event::Cancel { job }),
            EventKind::Success | EventKind::Drop => {
                // A job that ends has been taken by a runner: told of a pending one, both happen.
                let (name, allowed, begins) = match event.event {
                    EventKind::Success => ("success", "pending, running or canceling", false),
                    _ => (
                        "drop",
                        "preparing, pending, running or canceling",
                        status == Status::Preparing,
                    ),
                };
                let at_work = matches!(
                    status,
                    Status::Pending | Status::Running | Status::Canceling
                );
                self.check(job, name, allowed, at_work || begins)?;
                if status == Status::Pending {
                    self.apply(&Event::Lease { job })?;
                }
                let outcome = if event.event == EventKind::Success {
                    Outcome::Success
                } else {
                    let reason = event.reason.unwrap_or(FailureReason::ScriptFailure);
                    Outcome::Failed {
                        reason,
                        exit_code: Some(event.exit_code.unwrap_or(1)),
                    }
                };
                self.apply(&Event::Finish { job, outcome })
            }
        }
    }

    /// Refuses an event that the job's state does not allow, in the words of the events file.
    fn check(
        &self,
        job: JobIndex,
        event: &'static str,
        allowed: &'static str,
        fits: bool,
    ) -> Result<(), RefuseEventError> {
        if fits {
            return Ok(());
        }
        Err(RefuseEventError::WrongState {
            job: self.machine.job_name(job).to_owned(),
            status: self.status(job),
            event,
            allowed,
        })
    }

    /// Inside one pipeline a resource group's lock goes to the first job that waits for it.
    fn grant_locks(&mut self) -> Result<(), RefuseEventError> {
        let group = |job: &JobIndex| self.plan.jobs[*job].resource_group.as_deref();
        let holds = |s| matches!(s, Status::Pending | Status::Running | Status::Canceling);
        let all = 0..self.machine.len();
        let mut held: HashSet<&str> = all
            .clone()
            .filter(|job| holds(self.status(*job)))
            .filter_map(|j| group(&j))
            .collect();
        let granted: Vec<_> = all
            .filter(|job| self.status(*job) == Status::WaitingForResource)
            .filter(|job| group(job).is_some_and(|name| held.insert(name)))
            .collect();
        for job in granted {
            self.machine.apply(&mut self.state, &Event::Lock { job })?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Snapshot {
        let jobs = (0..self.machine.len())
            .map(|job| (self.machine.job_name(job).to_owned(), self.status(job)))
            .collect();
        Snapshot {
            pipeline: self.machine.status(&self.state),
            stages: self.machine.stage_statuses(&self.state),
            jobs,
        }
    }
}
