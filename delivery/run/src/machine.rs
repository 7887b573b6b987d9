//! The state machine: (pipeline state, event) to transitions. No clock, no I/O; the same function
//! drives the server, `rialto ci run` and `rialto ci simulate`.

use std::collections::HashMap;

use rialto_delivery_pipeline::plan::{
    AllowFailure, EnvironmentAction, OnNewCommit, Plan, Retry, When,
};
use serde::{Deserialize, Serialize};

use crate::composite::{Token, TokenSet};
use crate::event::{DeploymentPhase, Event, JobIndex, Outcome, RefuseEventError, Transition};
use crate::state::{FailureReason, Status};

/// What never changes about a job.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    name: String,
    stage: usize,
    when: When,
    allow_failure: AllowFailure,
    /// Indexes of the jobs it needs; `None` = stage order.
    needs: Option<Vec<JobIndex>>,
    retry: Retry,
    interruptible: bool,
    locked: bool,
    deploys: bool,
    managed: bool,
}

/// What changes about a job: its newest attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobState {
    /// Status.
    pub status: Status,
    /// From 1; each retry adds one.
    pub attempt: u32,
    /// Why it failed, if it did.
    pub reason: Option<FailureReason>,
    /// Exit code, if it failed with one.
    pub exit_code: Option<i32>,
    /// A person started it: it does not stop at `manual` or `scheduled` again.
    pub played: bool,
    /// `manual` because its deployment awaits approval.
    pub awaits_approval: bool,
}

impl Default for JobState {
    fn default() -> Self {
        Self {
            status: Status::Created,
            attempt: 1,
            reason: None,
            exit_code: None,
            played: false,
            awaits_approval: false,
        }
    }
}

/// The state of a pipeline: one entry per job of the plan, in plan order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineState {
    /// Jobs.
    pub jobs: Vec<JobState>,
}

/// A plan made ready for running.
#[derive(Debug, Clone)]
pub struct Machine {
    stages: Vec<String>,
    nodes: Vec<Node>,
    by_name: HashMap<String, JobIndex>,
    /// Jobs that need a job, by index of the needed one.
    dependents: Vec<Vec<JobIndex>>,
    /// Every job once: by stage, and after the jobs it needs within the stage.
    order: Vec<JobIndex>,
    cancel_on_job_failure: bool,
}

impl Machine {
    /// Prepares a plan. `managed` says which jobs are carried out by the deployment controller
    /// instead of a runner.
    #[must_use]
    pub fn new(plan: &Plan, managed: impl Fn(&str) -> bool) -> Self {
        let by_name: HashMap<String, JobIndex> = plan
            .jobs
            .iter()
            .enumerate()
            .map(|(i, job)| (job.name.clone(), i))
            .collect();
        let stage_of: HashMap<&str, usize> = plan
            .stages
            .iter()
            .enumerate()
            .map(|(i, stage)| (stage.as_str(), i))
            .collect();
        let nodes: Vec<Node> = plan
            .jobs
            .iter()
            .map(|job| Node {
                name: job.name.clone(),
                stage: stage_of
                    .get(job.stage.as_str())
                    .copied()
                    .unwrap_or(plan.stages.len()),
                when: job.when,
                allow_failure: job.allow_failure.clone(),
                needs: job.needs.as_ref().map(|needs| {
                    needs
                        .iter()
                        .filter_map(|need| by_name.get(&need.job).copied())
                        .collect()
                }),
                retry: job.retry.clone(),
                interruptible: job.interruptible,
                locked: job.resource_group.is_some(),
                deploys: job
                    .environment
                    .as_ref()
                    .is_some_and(|environment| environment.action == EnvironmentAction::Start),
                managed: managed(&job.name),
            })
            .collect();
        let mut dependents = vec![Vec::new(); nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            for need in node.needs.iter().flatten() {
                dependents[*need].push(index);
            }
        }
        let order = processing_order(&nodes);
        Self {
            stages: plan.stages.clone(),
            nodes,
            by_name,
            dependents,
            order,
            cancel_on_job_failure: plan.cancel_on_job_failure,
        }
    }

    /// State before [`Event::Created`].
    #[must_use]
    pub fn initial(&self) -> PipelineState {
        PipelineState {
            jobs: vec![JobState::default(); self.nodes.len()],
        }
    }

    /// Index of a job by name.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<JobIndex> {
        self.by_name.get(name).copied()
    }

    /// Name of a job.
    #[must_use]
    pub fn job_name(&self, job: JobIndex) -> &str {
        &self.nodes[job].name
    }

    /// Stage names in order.
    #[must_use]
    pub fn stages(&self) -> &[String] {
        &self.stages
    }

    /// Number of jobs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// No jobs at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The job is carried out by the deployment controller.
    #[must_use]
    pub fn is_managed(&self, job: JobIndex) -> bool {
        self.nodes[job].managed
    }

    /// Whether this job's failure (or rest at `manual`) is allowed, given how it ended.
    #[must_use]
    pub fn failure_is_allowed(&self, job: JobIndex, state: &JobState) -> bool {
        match &self.nodes[job].allow_failure {
            AllowFailure::No => false,
            AllowFailure::Yes => true,
            AllowFailure::ExitCodes(codes) => {
                state.status == Status::Failed
                    && state.exit_code.is_some_and(|code| codes.contains(&code))
            }
        }
    }

    /// Status of the whole pipeline.
    #[must_use]
    pub fn status(&self, state: &PipelineState) -> Status {
        self.tokens(state, |_| true).status()
    }

    /// The pipeline passed, with something that was allowed to fail.
    #[must_use]
    pub fn has_warnings(&self, state: &PipelineState) -> bool {
        self.tokens(state, |_| true).has_warnings()
    }

    /// Status of each stage, in order.
    #[must_use]
    pub fn stage_statuses(&self, state: &PipelineState) -> Vec<(String, Status)> {
        let mut sets = vec![TokenSet::default(); self.stages.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            if let Some(set) = sets.get_mut(node.stage) {
                set.insert(self.token(state, index));
            }
        }
        self.stages
            .iter()
            .cloned()
            .zip(sets.into_iter().map(TokenSet::status))
            .collect()
    }

    /// Applies an event. On refusal the state is as it was.
    ///
    /// # Errors
    /// [`RefuseEventError`] when the event does not fit the job's state; a late report changes
    /// nothing.
    pub fn apply(
        &self,
        state: &mut PipelineState,
        event: &Event,
    ) -> Result<Vec<Transition>, RefuseEventError> {
        let mut step = Step {
            machine: self,
            state,
            transitions: Vec::new(),
        };
        match event {
            Event::Created => {}
            Event::Lease { job } => step.lease(*job)?,
            Event::GiveBack { job } => step.give_back(*job)?,
            Event::Finish { job, outcome } => step.finish(*job, *outcome)?,
            Event::Play { job } => step.play(*job)?,
            Event::Timer { job } => step.timer(*job)?,
            Event::Unschedule { job } => {
                step.check(*job, "unscheduling", "scheduled", |s| {
                    s == Status::Scheduled
                })?;
                step.set(*job, Status::Manual);
            }
            Event::Lock { job } => {
                step.check(*job, "taking the lock", "waiting for a resource", |s| {
                    s == Status::WaitingForResource
                })?;
                step.set(*job, Status::Pending);
            }
            Event::Deployment { job, phase } => step.deployment(*job, *phase)?,
            Event::Cancel { job } => step.cancel(*job)?,
            Event::Retry { job } => step.retry(*job)?,
            Event::CancelPipeline => step.cancel_all(|_, _| true),
            Event::RetryPipeline => step.retry_all(),
            Event::Supersede { mode } => step.supersede(*mode),
        }
        step.process();
        Ok(step.transitions)
    }

    fn token(&self, state: &PipelineState, job: JobIndex) -> Token {
        let job_state = &state.jobs[job];
        Token::of(job_state.status, self.failure_is_allowed(job, job_state))
    }

    fn tokens(&self, state: &PipelineState, keep: impl Fn(&Node) -> bool) -> TokenSet {
        (0..self.nodes.len())
            .filter(|job| keep(&self.nodes[*job]))
            .map(|job| self.token(state, job))
            .collect()
    }
}

/// Stage order, and inside a stage every job after the ones it needs; file order otherwise.
fn processing_order(nodes: &[Node]) -> Vec<JobIndex> {
    fn visit(job: JobIndex, nodes: &[Node], seen: &mut [bool], order: &mut Vec<JobIndex>) {
        // An explicit stack: a chain of needs may be as long as the pipeline.
        let mut stack = vec![(job, 0)];
        if std::mem::replace(&mut seen[job], true) {
            return;
        }
        while let Some((current, next)) = stack.pop() {
            let needs = nodes[current].needs.as_deref().unwrap_or_default();
            if let Some(need) = needs.get(next).copied() {
                stack.push((current, next + 1));
                let same_stage = nodes[need].stage == nodes[current].stage;
                if same_stage && !std::mem::replace(&mut seen[need], true) {
                    stack.push((need, 0));
                }
            } else {
                order.push(current);
            }
        }
    }
    let mut by_stage: Vec<JobIndex> = (0..nodes.len()).collect();
    by_stage.sort_by_key(|job| nodes[*job].stage);
    let mut seen = vec![false; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    for job in by_stage {
        visit(job, nodes, &mut seen, &mut order);
    }
    order
}

/// One event being applied.
struct Step<'a> {
    machine: &'a Machine,
    state: &'a mut PipelineState,
    transitions: Vec<Transition>,
}

impl Step<'_> {
    fn node(&self, job: JobIndex) -> &Node {
        &self.machine.nodes[job]
    }

    fn status(&self, job: JobIndex) -> Status {
        self.state.jobs[job].status
    }

    fn check(
        &self,
        job: JobIndex,
        event: &'static str,
        allowed: &'static str,
        test: impl Fn(Status) -> bool,
    ) -> Result<(), RefuseEventError> {
        let state = self
            .state
            .jobs
            .get(job)
            .ok_or(RefuseEventError::UnknownJob(job))?;
        if test(state.status) {
            return Ok(());
        }
        let job = self.node(job).name.clone();
        Err(RefuseEventError::WrongState {
            job,
            status: state.status,
            event,
            allowed,
        })
    }

    fn set(&mut self, job: JobIndex, to: Status) {
        let state = &mut self.state.jobs[job];
        let from = std::mem::replace(&mut state.status, to);
        if from != to {
            let (attempt, reason) = (state.attempt, state.reason);
            let reason = reason.filter(|_| to == Status::Failed);
            let new_attempt = false;
            self.transitions.push(Transition {
                job,
                attempt,
                from,
                to,
                new_attempt,
                reason,
            });
        }
    }

    fn lease(&mut self, job: JobIndex) -> Result<(), RefuseEventError> {
        self.check(job, "starting", "pending", |s| s == Status::Pending)?;
        self.set(job, Status::Running);
        Ok(())
    }

    fn give_back(&mut self, job: JobIndex) -> Result<(), RefuseEventError> {
        self.check(job, "giving back", "running", |s| s == Status::Running)?;
        self.set(job, Status::Pending);
        Ok(())
    }

    fn finish(&mut self, job: JobIndex, outcome: Outcome) -> Result<(), RefuseEventError> {
        use Status::{Canceling, Pending, Preparing, Running, WaitingForResource};
        let started = |s| matches!(s, Running | Canceling);
        match outcome {
            Outcome::Success => self.check(job, "success", "running or canceling", started)?,
            Outcome::Canceled => {
                self.check(job, "the end of a cancel", "running or canceling", started)?;
            }
            // A job may also fail before it ran: stuck, rejected, missing dependency.
            Outcome::Failed { .. } => {
                let allowed = "waiting_for_resource, preparing, pending, running or canceling";
                self.check(job, "failure", allowed, |s| {
                    let waiting = matches!(s, Pending | Preparing | WaitingForResource);
                    started(s) || waiting || self.state.jobs[job].awaits_approval
                })?;
            }
        }
        self.state.jobs[job].awaits_approval = false;
        if self.status(job) == Canceling {
            // The cancel came first; what the job says afterwards no longer counts.
            self.set(job, Status::Canceled);
            return Ok(());
        }
        match outcome {
            Outcome::Success => self.set(job, Status::Success),
            Outcome::Canceled => self.set(job, Status::Canceled),
            Outcome::Failed { reason, exit_code } => self.fail(job, reason, exit_code),
        }
        Ok(())
    }

    fn fail(&mut self, job: JobIndex, reason: FailureReason, exit_code: Option<i32>) {
        let state = &mut self.state.jobs[job];
        state.reason = Some(reason);
        state.exit_code = exit_code;
        self.set(job, Status::Failed);
        if self.retries_itself(job, reason, exit_code) {
            self.start_attempt(job, true);
        } else if self.machine.cancel_on_job_failure
            && !self.machine.failure_is_allowed(job, &self.state.jobs[job])
        {
            self.cancel_all(|_, _| true);
        }
    }

    /// `retry`: reasons and exit codes are joined by OR; deployments never repeat by themselves.
    fn retries_itself(&self, job: JobIndex, reason: FailureReason, code: Option<i32>) -> bool {
        let node = self.node(job);
        if node.deploys || self.state.jobs[job].attempt > u32::from(node.retry.max) {
            return false;
        }
        let Retry {
            when, exit_codes, ..
        } = &node.retry;
        let any = when.is_empty() && exit_codes.is_empty();
        let by_reason = when
            .iter()
            .any(|word| word == "always" || word == reason.as_str());
        any || by_reason || code.is_some_and(|code| exit_codes.contains(&code))
    }

    fn play(&mut self, job: JobIndex) -> Result<(), RefuseEventError> {
        let startable = |s| matches!(s, Status::Manual | Status::Scheduled);
        self.check(job, "play", "manual or scheduled", startable)?;
        if self.state.jobs[job].awaits_approval {
            return Err(RefuseEventError::AwaitsApproval {
                job: self.node(job).name.clone(),
            });
        }
        self.state.jobs[job].played = true;
        self.enqueue(job);
        self.revive_dependents(job);
        Ok(())
    }

    fn timer(&mut self, job: JobIndex) -> Result<(), RefuseEventError> {
        self.check(job, "the timer", "scheduled", |s| s == Status::Scheduled)?;
        self.enqueue(job);
        Ok(())
    }

    fn deployment(
        &mut self,
        job: JobIndex,
        phase: DeploymentPhase,
    ) -> Result<(), RefuseEventError> {
        use Status::{Manual, Preparing, Running, WaitingForResource};
        let awaits = self
            .state
            .jobs
            .get(job)
            .is_some_and(|state| state.awaits_approval);
        self.check(job, "a deployment phase", "being deployed", |s| match s {
            Preparing | WaitingForResource | Running => true,
            Manual => awaits,
            _ => false,
        })?;
        if !self.node(job).managed {
            return Err(RefuseEventError::NotManaged {
                job: self.node(job).name.clone(),
            });
        }
        self.state.jobs[job].awaits_approval = phase == DeploymentPhase::AwaitingApproval;
        self.set(
            job,
            match phase {
                DeploymentPhase::Checking => Preparing,
                DeploymentPhase::AwaitingApproval => Manual,
                DeploymentPhase::Queued => WaitingForResource,
                DeploymentPhase::Deploying => Running,
            },
        );
        Ok(())
    }

    fn cancel(&mut self, job: JobIndex) -> Result<(), RefuseEventError> {
        let awaits = self
            .state
            .jobs
            .get(job)
            .is_some_and(|state| state.awaits_approval);
        let allowed =
            "created, waiting_for_resource, preparing, pending, scheduled, running or canceling";
        self.check(job, "cancel", allowed, |s| {
            !s.is_completed() && (s != Status::Manual || awaits)
        })?;
        self.stop(job);
        Ok(())
    }

    /// Running work is asked to stop first; asked again, or not begun, it is stopped at once.
    fn stop(&mut self, job: JobIndex) {
        let running = self.status(job) == Status::Running;
        self.state.jobs[job].awaits_approval = false;
        self.set(
            job,
            if running {
                Status::Canceling
            } else {
                Status::Canceled
            },
        );
    }

    fn cancel_all(&mut self, applies: impl Fn(&Node, Status) -> bool) {
        for job in 0..self.machine.nodes.len() {
            let status = self.status(job);
            let waits_for_a_person =
                status == Status::Manual && !self.state.jobs[job].awaits_approval;
            let over = status.is_completed() || status == Status::Canceling;
            if !over && !waits_for_a_person && applies(self.node(job), status) {
                self.stop(job);
            }
        }
    }

    fn supersede(&mut self, mode: OnNewCommit) {
        // A deployment that has begun is never cut off by a newer push.
        let begun = |s| matches!(s, Status::Running | Status::Preparing);
        let spared = move |node: &Node, s: Status| node.deploys && begun(s);
        match mode {
            OnNewCommit::None => {}
            OnNewCommit::Interruptible => {
                self.cancel_all(|node, s| node.interruptible && !spared(node, s));
            }
            OnNewCommit::Conservative => {
                let blocked = (0..self.machine.nodes.len()).any(|job| {
                    let state = &self.state.jobs[job];
                    let ran = matches!(
                        state.status,
                        Status::Running | Status::Canceling | Status::Success | Status::Failed
                    );
                    ran && !self.node(job).interruptible
                });
                if !blocked {
                    self.cancel_all(|node, s| !spared(node, s));
                }
            }
        }
    }

    fn retry(&mut self, job: JobIndex) -> Result<(), RefuseEventError> {
        self.check(job, "retry", "success, failed or canceled", |s| {
            matches!(s, Status::Success | Status::Failed | Status::Canceled)
        })?;
        // Asked for by name, a manual or delayed job starts at once.
        self.start_attempt(job, true);
        self.revive_dependents(job);
        Ok(())
    }

    fn retry_all(&mut self) {
        for job in 0..self.machine.nodes.len() {
            match self.status(job) {
                Status::Failed | Status::Canceled => self.start_attempt(job, false),
                Status::Skipped => self.set(job, Status::Created),
                _ => {}
            }
        }
    }

    fn start_attempt(&mut self, job: JobIndex, played: bool) {
        let state = &mut self.state.jobs[job];
        let (from, attempt) = (state.status, state.attempt + 1);
        *state = JobState {
            attempt,
            played,
            ..JobState::default()
        };
        let to = Status::Created;
        self.transitions.push(Transition {
            job,
            attempt,
            from,
            to,
            new_attempt: true,
            reason: None,
        });
    }

    /// Jobs skipped because of this one get another chance; [`Self::process`] skips again those
    /// for which nothing changed.
    fn revive_dependents(&mut self, job: JobIndex) {
        let mut reached = vec![false; self.machine.nodes.len()];
        let mut queue = vec![job];
        while let Some(current) = queue.pop() {
            for dependent in &self.machine.dependents[current] {
                if !std::mem::replace(&mut reached[*dependent], true) {
                    queue.push(*dependent);
                }
            }
        }
        let stage = self.node(job).stage;
        for (other, reached) in reached.into_iter().enumerate() {
            let later = self.node(other).stage > stage;
            if (later || reached) && self.status(other) == Status::Skipped {
                self.set(other, Status::Created);
            }
        }
    }

    fn enqueue(&mut self, job: JobIndex) {
        let node = self.node(job);
        let to = if node.managed {
            Status::Preparing
        } else if node.locked {
            Status::WaitingForResource
        } else {
            Status::Pending
        };
        self.set(job, to);
    }

    /// Starts or skips every created job whose predecessors have ended (specification §5.2).
    fn process(&mut self) {
        let machine = self.machine;
        let mut before = TokenSet::default();
        let mut within = TokenSet::default();
        let mut stage = None;
        for &job in &machine.order {
            let node = &machine.nodes[job];
            if stage != Some(node.stage) {
                before = before.union(within);
                within = TokenSet::default();
                stage = Some(node.stage);
            }
            if self.status(job) == Status::Created {
                self.decide(job, before);
            }
            within.insert(machine.token(self.state, job));
        }
    }

    fn decide(&mut self, job: JobIndex, earlier_stages: TokenSet) {
        use Status::{Failed, Skipped, Success};
        let node = &self.machine.nodes[job];
        let predecessors = match &node.needs {
            Some(needs) => {
                let tokens = needs
                    .iter()
                    .map(|need| self.machine.token(self.state, *need));
                tokens.collect::<TokenSet>().status_of_needs()
            }
            None => earlier_stages.status(),
        };
        if !predecessors.is_completed() {
            return;
        }
        let starts = match node.when {
            When::Always => matches!(predecessors, Success | Failed | Skipped),
            When::OnFailure => predecessors == Failed,
            When::OnSuccess | When::Manual | When::Delayed => {
                predecessors == Success || (node.needs.is_none() && predecessors == Skipped)
            }
        };
        if !starts {
            self.set(job, Skipped);
        } else if self.state.jobs[job].played {
            self.enqueue(job);
        } else {
            match node.when {
                When::Delayed => self.set(job, Status::Scheduled),
                When::Manual => self.set(job, Status::Manual),
                _ => self.enqueue(job),
            }
        }
    }
}
