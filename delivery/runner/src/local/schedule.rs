//! Drives the state machine: starts what may start, reports what ended.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rialto_delivery_pipeline::plan::Plan;
use rialto_delivery_run::assignment::{
    ArtifactSource, Assignment, JobOutcome, JobResult, JobVariable, OutcomeFile,
};
use rialto_delivery_run::event::{Event, JobIndex, Outcome, Transition};
use rialto_delivery_run::machine::{Machine, PipelineState};
use rialto_delivery_run::state::{FailureReason, Status};
use sha2::{Digest as _, Sha256};

use super::assign::{Attempt, assignment, sources_of};
use super::copies::{Copies, Place};
use super::output::ScreenSink;
use super::select::is_named;
use super::workspace::Workspace;
use super::{Directories, JobReport, LocalOptions, LocalSummary, Reporter};
use crate::archive;
use crate::cache::{CacheStore, DEFAULT_STORE_BYTES};
use crate::executor::overwrite;
use crate::executor::sources::remove_any;
use crate::executor::{CancelToken, ExecutorConfig, Siblings, run_job};
use crate::log::FileSink;
use crate::supervisor::{failed_outcome, read_json};
use crate::tree::JobTree;

/// What is kept of a job's end.
const OUTCOME: &str = "outcome.json";
/// Longest name of a job that is a file's name as it is, and what is kept of longer ones.
const NAME_BYTES: usize = 120;
/// Letters of the digest of a name that cannot be a file's.
const DIGEST_LETTERS: usize = 16;
/// How often a wish to stop is looked for while nothing else happens.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// A job that ended.
struct Done {
    job: JobIndex,
    outcome: JobOutcome,
    /// Directory with its artifacts, or why there is none.
    artifacts: Result<Option<PathBuf>, String>,
    duration: Duration,
    /// Surely nobody is left who could write to where it worked.
    deserted: bool,
}

/// A run of a plan.
pub(super) struct Schedule<'a> {
    /// Jobs of this run.
    plan: &'a Plan,
    /// All jobs of the pipeline: artifacts may come from an earlier run.
    whole: &'a Plan,
    options: &'a LocalOptions,
    directories: &'a Directories,
    copies: Arc<Copies>,
    /// Jobs that have not begun.
    to_come: usize,
    machine: Machine,
    state: PipelineState,
    reporter: Arc<Mutex<Box<dyn Reporter>>>,
    reports: Vec<JobReport>,
    slugs: Vec<String>,
    ready: VecDeque<JobIndex>,
    running: HashMap<JobIndex, CancelToken>,
    timers: Vec<(Instant, JobIndex)>,
    locks: HashMap<String, JobIndex>,
    attempts: u64,
    /// Places where no job works.
    free: BTreeSet<usize>,
    /// The first place that was never given to a job.
    fresh: usize,
    places: HashMap<JobIndex, usize>,
    /// The jobs under way, if this process serves nothing else.
    siblings: Option<Arc<Siblings>>,
    sender: Sender<Done>,
    done: Receiver<Done>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(
        (plan, whole): (&'a Plan, &'a Plan),
        options: &'a LocalOptions,
        directories: &'a Directories,
        reporter: Box<dyn Reporter>,
    ) -> Self {
        let machine = Machine::new(plan, |_| false);
        let state = machine.initial();
        let head = options
            .predefined
            .iter()
            .find(|(k, _)| k == "CI_COMMIT_SHA");
        let head = head.map(|(_, sha)| sha.as_str());
        let workspace = Workspace::new(&options.root, &options.files, head);
        let first = directories.first_place;
        let fresh = first + options.concurrency.max(1);
        let (sender, done) = mpsc::channel();
        let reports = plan
            .jobs
            .iter()
            .map(|job| JobReport {
                name: job.name.clone(),
                stage: job.stage.clone(),
                status: Status::Created,
                failure_allowed: false,
                attempt: 1,
                duration: None,
                outcome: None,
                log: None,
                artifacts: None,
            })
            .collect();
        Self {
            plan,
            whole,
            options,
            directories,
            copies: Arc::new(Copies::new(workspace, &directories.builds, &options.cancel)),
            to_come: plan.jobs.len(),
            machine,
            state,
            reporter: Arc::new(Mutex::new(reporter)),
            reports,
            slugs: slugs(plan),
            ready: VecDeque::new(),
            running: HashMap::new(),
            timers: Vec::new(),
            locks: HashMap::new(),
            attempts: 0,
            free: (first..fresh).collect(),
            fresh,
            places: HashMap::new(),
            siblings: options.exclusive.then(Arc::default),
            sender,
            done,
        }
    }

    fn reporter(&self) -> MutexGuard<'_, Box<dyn Reporter>> {
        self.reporter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn run(mut self) -> LocalSummary {
        let begin = Instant::now();
        let mut canceled = false;
        self.apply(&Event::Created);
        loop {
            if !canceled && self.options.cancel.is_canceled() {
                canceled = true;
                self.apply(&Event::CancelPipeline);
            }
            self.start_ready();
            if self.running.is_empty() && self.ready.is_empty() && self.timers.is_empty() {
                break;
            }
            match self.done.recv_timeout(self.pause()) {
                Ok(done) => self.finish(done),
                Err(RecvTimeoutError::Timeout) => self.fire_timers(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.copies.finish();
        if self.options.exclusive {
            // Processes that left their job's tree without a trace were handed to this one.
            JobTree::new("", true).kill_all(Duration::from_secs(5));
        }
        for (index, report) in self.reports.iter_mut().enumerate() {
            let state = &self.state.jobs[index];
            report.status = state.status;
            report.attempt = state.attempt;
            report.failure_allowed = self.machine.failure_is_allowed(index, state);
        }
        LocalSummary {
            status: self.machine.status(&self.state),
            warnings: self.machine.has_warnings(&self.state),
            jobs: self.reports,
            duration: begin.elapsed(),
            canceled,
        }
    }

    fn pause(&self) -> Duration {
        let now = Instant::now();
        let timer = self
            .timers
            .iter()
            .map(|(at, _)| at.saturating_duration_since(now))
            .min();
        timer.map_or(CANCEL_POLL, |t| t.min(CANCEL_POLL))
    }

    fn fire_timers(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.timers)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.timers = later;
        for (_, job) in due {
            if self.state.jobs[job].status == Status::Scheduled {
                self.apply(&Event::Timer { job });
            }
        }
    }

    /// Applies an event and everything that follows from it here.
    fn apply(&mut self, event: &Event) {
        let mut events = VecDeque::from([event.clone()]);
        while let Some(event) = events.pop_front() {
            match self.machine.apply(&mut self.state, &event) {
                Ok(transitions) => {
                    for transition in transitions {
                        events.extend(self.follow(&transition));
                    }
                }
                Err(refused) => self.reporter().notice(&refused.to_string()),
            }
        }
    }

    /// What one transition asks for.
    fn follow(&mut self, transition: &Transition) -> Option<Event> {
        let index = transition.job;
        let job = &self.plan.jobs[index];
        match transition.to {
            Status::Pending => self.ready.push_back(index),
            Status::Manual => {
                let asked = self.options.play.iter().chain(&self.options.only);
                if !self.options.cancel.is_canceled() && asked.into_iter().any(|n| is_named(job, n))
                {
                    return Some(Event::Play { job: index });
                }
            }
            Status::Scheduled => {
                let delay = Duration::from_secs(job.start_in_s.unwrap_or(0));
                self.reporter().delayed(&job.name, delay);
                self.timers.push((Instant::now() + delay, index));
            }
            Status::WaitingForResource => {
                let group = job.resource_group.clone().unwrap_or_default();
                if let std::collections::hash_map::Entry::Vacant(free) = self.locks.entry(group) {
                    free.insert(index);
                    return Some(Event::Lock { job: index });
                }
            }
            Status::Canceling => {
                if let Some(token) = self.running.get(&index) {
                    token.cancel();
                }
            }
            Status::Canceled => {
                self.ready.retain(|j| *j != index);
                self.timers.retain(|(_, j)| *j != index);
            }
            _ => {}
        }
        None
    }

    /// Gives the lock of an ended job to the next one that waits for it.
    fn release_lock(&mut self, job: JobIndex) {
        let Some(group) = &self.plan.jobs[job].resource_group else {
            return;
        };
        if self.locks.get(group) != Some(&job) {
            return;
        }
        self.locks.remove(group);
        let next = (0..self.plan.jobs.len()).find(|&other| {
            self.state.jobs[other].status == Status::WaitingForResource
                && self.plan.jobs[other].resource_group.as_ref() == Some(group)
        });
        if let Some(next) = next {
            self.locks.insert(group.clone(), next);
            self.apply(&Event::Lock { job: next });
        }
    }

    fn start_ready(&mut self) {
        let at_once = if self.options.here {
            1
        } else {
            self.options.concurrency.max(1)
        };
        while self.running.len() < at_once
            && let Some(job) = self.ready.pop_front()
        {
            self.apply(&Event::Lease { job });
            self.start(job);
        }
    }

    fn start(&mut self, index: JobIndex) {
        let job = &self.plan.jobs[index];
        self.attempts += 1;
        let token = CancelToken::default();
        self.running.insert(index, token.clone());
        self.reporter().started(&job.name);
        // There are as many as jobs at once.
        let place = self.free.pop_first().unwrap_or_default();
        self.places.insert(index, place);
        let build = self.directories.builds.join(place.to_string());
        let project = if self.options.here {
            self.options.root.clone()
        } else {
            build.clone()
        };
        let prepared = self.assignment(index, &project);
        let log = self
            .directories
            .logs
            .join(format!("{}.log", self.slugs[index]));
        self.reports[index].log = Some(log.clone());
        let output = self.directories.jobs.join(&self.slugs[index]);
        let mut config = self.config(&output);
        self.to_come = self.to_come.saturating_sub(1);
        if self.to_come == 0 {
            self.copies.no_more_ahead();
        }
        let (copies, more) = (Arc::clone(&self.copies), self.to_come > 0);
        let exported = self.directories.artifacts.join(&self.slugs[index]);
        let (sender, reporter) = (self.sender.clone(), Arc::clone(&self.reporter));
        let (name, here) = (job.name.clone(), self.options.here);
        std::thread::spawn(move || {
            let begin = Instant::now();
            let mut place = None;
            let outcome = prepared.and_then(|assignment| {
                clear_output(&output);
                if !here {
                    let taken = copies
                        .take(&build)
                        .map_err(|e| format!("the working copy cannot be copied: {e}"))?;
                    config.scratch = Some(taken.scratch.clone());
                    place = Some(taken);
                    if more {
                        copies.make_ahead();
                    }
                }
                let file = FileSink::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
                let sink = ScreenSink {
                    file,
                    job: name,
                    reporter,
                    line: Vec::new(),
                    in_script: false,
                };
                Ok(run_job(&assignment, &config, Box::new(sink), &token))
            });
            let outcome = outcome.unwrap_or_else(|message| {
                failed_outcome(FailureReason::RunnerSystemFailure, message, 0)
            });
            let duration = begin.elapsed();
            let artifacts = export(&exported, &outcome, &token);
            let deserted = give_back(&copies, place, config.siblings.as_deref());
            let _ = sender.send(Done {
                job: index,
                outcome,
                artifacts,
                duration,
                deserted,
            });
        });
    }

    fn config(&self, output: &Path) -> ExecutorConfig {
        let mut config = ExecutorConfig::new(self.directories.builds.clone(), output.to_path_buf());
        config.cache = Some(CacheStore::new(
            self.directories.cache.clone(),
            DEFAULT_STORE_BYTES,
        ));
        config.path.clone_from(&self.options.path);
        config.inherited.clone_from(&self.options.inherited);
        config.inherited.push((
            // A copy without a repository of its own must not find one further up.
            "GIT_CEILING_DIRECTORIES".to_owned(),
            self.directories.builds.to_string_lossy().into_owned(),
        ));
        config.grace = self.options.grace;
        config.siblings.clone_from(&self.siblings);
        config
    }

    fn assignment(&self, index: JobIndex, project: &Path) -> Result<Assignment, String> {
        let job = &self.plan.jobs[index];
        let mut dependencies = Vec::new();
        let mut dotenv: Vec<JobVariable> = Vec::new();
        for name in sources_of(self.whole, job) {
            let (outcome, slug) = match self.machine.job(name) {
                Some(source) => (
                    self.reports[source].outcome.clone(),
                    self.slugs[source].clone(),
                ),
                // Not part of this run: what an earlier one left.
                None => {
                    let slug = file_name(name);
                    (read_json(&self.outcome_file(&slug)).ok(), slug)
                }
            };
            let Some(outcome) = outcome else {
                if self.machine.job(name).is_none() {
                    let text = format!(
                        "{}: nothing is kept of job {name}; run it first, or add --needs",
                        job.name
                    );
                    self.reporter().notice(&text);
                }
                continue;
            };
            dotenv.extend(outcome.dotenv.iter().cloned());
            let archive = outcome.files.iter().find(|f| f.kind == "archive");
            if let Some(file) = archive.filter(|_| !self.options.here) {
                dependencies.push(ArtifactSource {
                    job_name: name.to_owned(),
                    location: self.kept_file(&slug, file),
                    sha256: file.sha256.clone(),
                    size: file.size,
                });
            }
        }
        let attempt = Attempt {
            number: self.attempts,
            project_dir: project,
            dependencies,
            dotenv,
            played: self.state.jobs[index].played,
        };
        assignment(job, self.options, attempt).map_err(|e| format!("variables: {e}"))
    }

    fn outcome_file(&self, slug: &str) -> PathBuf {
        self.directories.jobs.join(slug).join(OUTCOME)
    }

    /// Where a file of an outcome is; the working copy may have moved since an earlier run.
    fn kept_file(&self, slug: &str, file: &OutcomeFile) -> String {
        let name = Path::new(&file.path).file_name().unwrap_or_default();
        self.directories
            .jobs
            .join(slug)
            .join(name)
            .to_string_lossy()
            .into_owned()
    }

    /// Frees the place of a job that ended, or another in its stead: whoever may be left there
    /// knows its path.
    fn leave_place(&mut self, job: JobIndex, deserted: bool) {
        let Some(place) = self.places.remove(&job) else {
            return;
        };
        if deserted {
            self.free.insert(place);
        } else {
            self.free.insert(self.fresh);
            self.fresh += 1;
        }
    }

    fn finish(&mut self, done: Done) {
        let Done {
            job,
            outcome,
            artifacts,
            duration,
            deserted,
        } = done;
        self.running.remove(&job);
        self.leave_place(job, deserted);
        let slug = self.slugs[job].clone();
        self.reports[job].artifacts = artifacts.unwrap_or_else(|error| {
            self.reporter().notice(&error);
            None
        });
        if let Ok(text) = serde_json::to_vec(&outcome) {
            let file = self.outcome_file(&slug);
            let _ = overwrite(&file, &text).or_else(|_| std::fs::write(&file, &text));
        }
        let event = match &outcome.result {
            JobResult::Success => Outcome::Success,
            JobResult::Canceled => Outcome::Canceled,
            JobResult::Failed { reason, .. } => Outcome::Failed {
                reason: *reason,
                exit_code: outcome.exit_code,
            },
        };
        let attempt = self.state.jobs[job].attempt;
        let report = &mut self.reports[job];
        report.duration = Some(duration);
        report.outcome = Some(outcome);
        report.attempt = attempt;
        report.status = match event {
            Outcome::Success => Status::Success,
            Outcome::Canceled => Status::Canceled,
            Outcome::Failed { .. } => Status::Failed,
        };
        self.apply(&Event::Finish {
            job,
            outcome: event,
        });
        let state = &self.state.jobs[job];
        self.reports[job].failure_allowed = self.machine.failure_is_allowed(job, state);
        let will_retry = state.attempt > attempt;
        self.reporter().ended(&self.reports[job], will_retry);
        self.release_lock(job);
    }
}

/// Gives back where a job worked; whether surely nobody is left there.
fn give_back(copies: &Copies, place: Option<Place>, siblings: Option<&Siblings>) -> bool {
    let Some(place) = place else {
        return true;
    };
    let deserted = siblings.is_some_and(Siblings::nothing_is_left);
    copies.give_back(place, deserted);
    deserted
}

/// Takes away what an earlier run kept of a job. Its outcome becomes a blank line, which is none: a
/// file is cheaper to write again than to make.
fn clear_output(output: &Path) {
    let entries = std::fs::read_dir(output).into_iter().flatten().flatten();
    for entry in entries {
        let plain = entry.file_type().is_ok_and(|kind| kind.is_file());
        let emptied =
            plain && entry.file_name() == OUTCOME && overwrite(&entry.path(), b"\n").is_ok();
        if !emptied {
            let _ = remove_any(&entry.path());
        }
    }
}

/// Unpacks what a job leaves to where a person finds it; half of it is not left there.
fn export(
    target: &Path,
    outcome: &JobOutcome,
    cancel: &CancelToken,
) -> Result<Option<PathBuf>, String> {
    std::fs::remove_dir_all(target).ok();
    if outcome.files.is_empty() {
        return Ok(None);
    }
    let export = || -> Result<(), String> {
        std::fs::create_dir_all(target).map_err(|e| e.to_string())?;
        for file in outcome.files.iter().filter(|f| f.kind != "manifest") {
            let path = Path::new(&file.path);
            if file.kind == "archive" {
                let go_on = || !cancel.is_canceled();
                archive::unpack_while(&go_on, path, target, Some(&file.sha256), u64::MAX)
                    .map_err(|e| e.to_string())?;
            } else {
                let to = target.join(&file.name);
                if let Some(parent) = to.parent() {
                    std::fs::create_dir_all(parent).map_err(|e| e.to_string())?;
                }
                std::fs::copy(path, to).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    };
    match export() {
        Ok(()) => Ok(Some(target.to_path_buf())),
        Err(error) => {
            std::fs::remove_dir_all(target).ok();
            Err(format!("{}: {error}", target.display()))
        }
    }
}

/// A file name for each job.
fn slugs(plan: &Plan) -> Vec<String> {
    plan.jobs.iter().map(|job| file_name(&job.name)).collect()
}

/// A job's name as a file name: the name itself where it can be one, else what can be kept of it,
/// and a digest of the whole. No two names meet, and none depends on the other jobs of a run.
fn file_name(name: &str) -> String {
    let is_safe = |c: char| c.is_alphanumeric() || "-_.+@".contains(c);
    let only_dots = name.trim_matches('.').is_empty();
    if !only_dots && name.len() <= NAME_BYTES && name.chars().all(is_safe) {
        return name.to_owned();
    }
    let mut text = String::new();
    for c in name.chars().map(|c| if is_safe(c) { c } else { '_' }) {
        if text.len() + c.len_utf8() > NAME_BYTES {
            break;
        }
        text.push(c);
    }
    if only_dots {
        text = "job".to_owned();
    }
    // A name that is kept as it is has no `~`.
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    format!("{text}~{}", &digest[..DIGEST_LETTERS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_jobs_share_a_file_name() {
        let long = "x".repeat(NAME_BYTES);
        let wide = "\u{4e00}".repeat(NAME_BYTES);
        let names = [
            "a_b".to_owned(),
            "a/b".to_owned(),
            "a b".to_owned(),
            "a\u{4e00}b".to_owned(),
            file_name("a/b").replace('~', "_"),
            "job".to_owned(),
            ".".to_owned(),
            "..".to_owned(),
            long.clone(),
            format!("{long}1"),
            format!("{long}2"),
            format!("{wide}1"),
            format!("{wide}2"),
            // As another name's file is called.
            file_name("a/b"),
            file_name(&format!("{long}1")),
        ];
        let files: std::collections::HashSet<String> = names.iter().map(|n| file_name(n)).collect();
        assert_eq!(files.len(), names.len(), "{files:?}");
        for file in &files {
            // With its ending, it is still a name that file systems take.
            assert!(file.len() + ".log".len() <= 255, "{file}");
            assert!(!file.contains('/') && !file.trim_matches('.').is_empty());
        }
        assert_eq!(file_name("unit-tests_1.2"), "unit-tests_1.2");
        assert_eq!(file_name(&long), long);
    }
}
