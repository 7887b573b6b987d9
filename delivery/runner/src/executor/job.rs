//! The steps of a job in their order.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use rialto_delivery_run::assignment::{
    Assignment, JobOutcome, JobResult, JobVariable, OutcomeFile, Source,
};
use rialto_delivery_run::state::FailureReason;

use super::environment::{Environment, MARK_VARIABLE, secrets};
use super::reach;
use super::sources::remove_any;
use super::{ExecutorConfig, JobDirectories, SCRIPT, StepError};
use crate::log::{DEFAULT_LOG_BYTES, JobLog, LogSink};
use crate::mask::Masker;
use crate::process::Launcher;
use crate::room::Room;
use crate::shell::{self, CancelToken, End, Ended, Shell};
use crate::tree::{JobTree, start_time};
use crate::watchdog::{Bounds, Watchdog};

/// Tries of infrastructure steps.
const TRIES: u32 = 3;

/// Why a job ends before its natural end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    Failed(StepError),
    Canceled,
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Self {
        Self::Failed(error)
    }
}

/// One run of one job.
pub(super) struct Job<'a> {
    pub(super) assignment: &'a Assignment,
    pub(super) config: &'a ExecutorConfig,
    pub(super) cancel: &'a CancelToken,
    log: Arc<Mutex<JobLog>>,
    pub(super) tree: JobTree,
    pub(super) launcher: Launcher,
    pub(super) mark: String,
    deadline: Instant,
    pub(super) bounds: Bounds,
    pub(super) isolation: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) files: Vec<OutcomeFile>,
    pub(super) dotenv: Vec<JobVariable>,
    pub(super) exit_code: Option<i32>,
    survivors: usize,
    tree_is_clean: bool,
    /// A shell was started.
    has_run: bool,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        assignment: &'a Assignment,
        config: &'a ExecutorConfig,
        sink: Box<dyn LogSink>,
        cancel: &'a CancelToken,
    ) -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let mark = config.mark.clone().unwrap_or_else(|| {
            let run = RUNS.fetch_add(1, Ordering::Relaxed);
            format!("{}-{run}", own_mark())
        });
        let secrets = secrets(assignment);
        let masker = Masker::new(secrets.iter().map(String::as_str));
        let limit = assignment.limits.log_bytes.unwrap_or(DEFAULT_LOG_BYTES);
        Self {
            assignment,
            config,
            cancel,
            log: Arc::new(Mutex::new(JobLog::new(sink, masker, limit))),
            tree: JobTree::new(&format!("{MARK_VARIABLE}={mark}"), config.exclusive),
            launcher: Launcher::Direct,
            mark,
            deadline: Instant::now() + Duration::from_secs(assignment.timeout_s),
            bounds: Bounds::from(&assignment.limits),
            isolation: Vec::new(),
            notes: Vec::new(),
            files: Vec::new(),
            dotenv: Vec::new(),
            exit_code: None,
            survivors: 0,
            tree_is_clean: true,
            has_run: false,
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, JobLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn run(mut self) -> JobOutcome {
        let directories = JobDirectories::new(self.assignment, self.config);
        if let (Ok(places), Some(siblings)) = (&directories, &self.config.siblings) {
            let folders = vec![places.project.clone(), places.scratch.clone()];
            self.tree.join(siblings, folders);
        }
        let end = match &directories {
            Ok(directories) => self.steps(directories),
            Err(error) => Err(Stop::Failed(error.clone())),
        };
        if let Ok(directories) = &directories {
            self.clean_up(directories);
            self.give_room_back(directories, &end);
        }
        self.outcome(end)
    }

    fn steps(&mut self, directories: &JobDirectories) -> Result<(), Stop> {
        let environment = self.section("prepare_executor", "Preparing the shell", |job| {
            job.prepare(directories)
        })?;
        self.section("get_sources", "Getting the sources", |job| {
            job.get_sources(directories, &environment)
        })?;
        if !self.assignment.cache.is_empty() {
            self.section("restore_cache", "Restoring caches", |job| {
                job.restore_caches(directories, &environment);
                job.check()
            })?;
        }
        if !self.assignment.dependencies.is_empty() {
            self.section("download_artifacts", "Downloading artifacts", |job| {
                job.download(directories)
            })?;
        }
        self.own_trees(directories)?;
        let script = self.section("step_script", "Running the script", |job| {
            job.run_script(directories, &environment)
        });
        self.after(directories, environment, script)
    }

    /// What follows the script, whatever became of it.
    fn after(
        &mut self,
        directories: &JobDirectories,
        mut environment: Environment,
        script: Result<(), Stop>,
    ) -> Result<(), Stop> {
        let timed_out = |stop: &Stop| matches!(stop, Stop::Failed(e) if e.reason == FailureReason::JobExecutionTimeout);
        let over_limit = matches!(&script, Err(Stop::Failed(e))
            if e.reason == FailureReason::ResourceLimitExceeded);
        if script.as_ref().is_err_and(timed_out) {
            return script;
        }
        let mut result = script;
        if !self.assignment.after_script.is_empty() && !over_limit {
            let status = match &result {
                Ok(()) => "success",
                Err(Stop::Failed(_)) => "failed",
                Err(Stop::Canceled) => "canceled",
            };
            environment.set("CI_JOB_STATUS", status);
            let canceled = result == Err(Stop::Canceled);
            self.section("after_script", "Running the after-script", |job| {
                job.run_after_script(directories, &environment, canceled)
            })?;
        }
        if result.is_ok() && self.cancel.is_canceled() {
            result = Err(Stop::Canceled);
        }
        if result == Err(Stop::Canceled) {
            return result;
        }
        if !self.assignment.cache.is_empty() {
            self.section("archive_cache", "Saving caches", |job| {
                job.save_caches(directories, &environment, result.is_ok());
            });
        }
        if self.assignment.artifacts.is_some() {
            let kept = self.section("upload_artifacts", "Collecting artifacts", |job| {
                job.keep_artifacts(directories, &environment, result.is_ok())
            });
            // A job that failed by itself keeps that reason; one that was cancelled, or whose time
            // ran out meanwhile, is that.
            result = result
                .and_then(|()| self.check())
                .and(kept.map_err(Stop::Failed));
        }
        result
    }

    /// Runs a step inside its own log section.
    fn section<T>(&mut self, name: &str, header: &str, step: impl FnOnce(&mut Self) -> T) -> T {
        self.log().section_start(name, header);
        let result = step(self);
        self.log().section_end(name);
        result
    }

    /// Whether the job may go on.
    pub(super) fn check(&self) -> Result<(), Stop> {
        if self.cancel.is_canceled() {
            return Err(Stop::Canceled);
        }
        if Instant::now() >= self.deadline {
            return Err(self.timeout().into());
        }
        Ok(())
    }

    pub(super) fn timeout(&self) -> StepError {
        StepError {
            reason: FailureReason::JobExecutionTimeout,
            message: format!(
                "the job took longer than its timeout of {} s; raise `timeout` or make it faster",
                self.assignment.timeout_s
            ),
        }
    }

    /// Why a shell is not known to run. A job that stops the process isolating it may do so before
    /// that has told of the shell: what ended it is its time, as if it had done so later.
    fn not_started(&self, error: &io::Error) -> StepError {
        let silent = error.kind() == io::ErrorKind::TimedOut;
        if silent && Instant::now() >= self.deadline {
            return self.timeout();
        }
        StepError::system(format!("bash cannot be started: {error}"))
    }

    /// Tries an infrastructure step up to three times. While the server at `url` takes no
    /// connection, nothing has been tried: the job waits for it, until its time is over.
    pub(super) fn try_step(
        &mut self,
        what: &str,
        url: &str,
        mut step: impl FnMut(&mut Self, u32) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut tried = 0;
        loop {
            self.check()?;
            let error = match step(self, tried) {
                Err(Stop::Failed(error)) if error.reason == FailureReason::RunnerSystemFailure => {
                    error
                }
                other => return other,
            };
            if self.waited_for(what, url)? {
                continue;
            }
            tried += 1;
            if tried == TRIES {
                return Err(StepError::system(format!(
                    "{what} failed {TRIES} times, at last: {}",
                    error.message
                ))
                .into());
            }
            self.log()
                .warning(&format!("{what} failed ({}), trying again", error.message));
            self.pause()?;
        }
    }

    /// Waits until the server at `url` takes connections again; whether there was a need to.
    fn waited_for(&mut self, what: &str, url: &str) -> Result<bool, Stop> {
        let Err(error) = reach::knock(url) else {
            return Ok(false);
        };
        self.log().warning(&format!(
            "{what}: the server cannot be reached ({error}); the job waits for it and goes on \
             when it is back"
        ));
        while reach::knock(url).is_err() {
            self.pause()?;
        }
        self.log().line("The server is back");
        Ok(true)
    }

    /// Lets some time pass between two tries, unless the job is to stop.
    fn pause(&self) -> Result<(), Stop> {
        let until = Instant::now() + self.config.retry_pause;
        self.check()?;
        while Instant::now() < until {
            std::thread::sleep(self.config.poll_every.min(self.config.retry_pause));
            self.check()?;
        }
        Ok(())
    }

    /// Runs a script under the job's limits, output into the log.
    pub(super) fn shell(
        &mut self,
        directories: &JobDirectories,
        text: &str,
        environment: &[(OsString, OsString)],
        cancel: Option<&CancelToken>,
        limit: Option<Duration>,
        keep_background: bool,
    ) -> Result<Ended, StepError> {
        let file = directories.script.join(SCRIPT);
        // Laid out for this job: nobody has had it in their hands yet.
        let laid_out = self.config.scratch.is_some() && !self.has_run;
        self.has_run = true;
        let written = if laid_out {
            overwrite(&file, text.as_bytes())
        } else {
            replace_file(&file, text)
        };
        written.map_err(|e| StepError::system(format!("{}: {e}", file.display())))?;
        let watched = vec![directories.project.clone(), directories.scratch.clone()];
        let watchdog = Watchdog::new(self.bounds, watched);
        let bounds = shell::Bounds {
            job_deadline: self.deadline,
            part_deadline: limit.map(|l| Instant::now() + l),
            cancel,
            grace: self.config.grace,
            poll_every: self.config.poll_every,
            watchdog: &watchdog,
            keep_background,
        };
        let shell = Shell {
            script: &file,
            directory: &directories.project,
            environment,
            run_as: self.config.run_as,
        };
        let ended = shell::run(&shell, &bounds, &self.launcher, &mut self.tree, &self.log)
            .map_err(|e| self.not_started(&e))?;
        self.survivors = ended.survivors;
        // The shell has just been seen to leave nothing behind, unless it was told to.
        self.tree_is_clean = !keep_background || ended.end != End::Exited;
        Ok(ended)
    }

    pub(super) fn file_blocks(&self) -> Option<u64> {
        // The shell counts in 1024 bytes; an absurdly high bound is none.
        (self.bounds.disk_bytes < 1 << 50).then_some(self.bounds.disk_bytes / 1024)
    }

    pub(super) fn own_trees(&self, directories: &JobDirectories) -> Result<(), StepError> {
        let Some(user) = self.config.run_as else {
            return Ok(());
        };
        for root in [&directories.project, &directories.scratch] {
            super::keep::own_tree(root, user)
                .map_err(|e| StepError::system(format!("{}: {e}", root.display())))?;
        }
        Ok(())
    }

    fn clean_up(&mut self, directories: &JobDirectories) {
        // A cage that was killed while it started a shell never told which: with its end the shell
        // comes to this process.
        let caged = matches!(self.launcher, Launcher::Caged(_));
        self.launcher = Launcher::Direct;
        if caged || !self.tree_is_clean || self.survivors > 0 {
            self.survivors = self.tree.kill_all(Duration::from_secs(5));
        }
        if self.survivors == 0 {
            self.isolation.push("process_tree_gone".to_owned());
        }
        if self.config.scratch.is_none()
            && let Err(error) = remove_any(&directories.scratch)
        {
            self.log()
                .warning(&format!("{}: {error}", directories.scratch.display()));
        }
    }

    /// A working tree is kept for the next job of the project, but not one that outgrew its limit,
    /// and none while the disk is short of room.
    fn give_room_back(&self, directories: &JobDirectories, end: &Result<(), Stop>) {
        let Source::Git { .. } = &self.assignment.source else {
            return;
        };
        let outgrown = matches!(end, Err(Stop::Failed(error))
            if error.reason == FailureReason::ResourceLimitExceeded);
        let short =
            Room::of(&directories.project).is_some_and(|room| room.is_short() || room.free == 0);
        if (outgrown || short)
            && let Err(error) = remove_any(&directories.project)
        {
            let shown = directories.project.display();
            self.log().warning(&format!("{shown}: {error}"));
        }
    }

    fn outcome(self, end: Result<(), Stop>) -> JobOutcome {
        let mut result = match end {
            Ok(()) => JobResult::Success,
            Err(Stop::Canceled) => JobResult::Canceled,
            Err(Stop::Failed(error)) => JobResult::Failed {
                reason: error.reason,
                message: error.message,
            },
        };
        if self.survivors > 0 {
            let message = format!("{} processes of the job could not be ended", self.survivors);
            result = JobResult::Failed {
                reason: FailureReason::RunnerSystemFailure,
                message,
            };
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            JobResult::Success => log.line("\u{1b}[32;1mJob succeeded\u{1b}[0;m"),
            JobResult::Canceled => log.line("\u{1b}[33;1mJob canceled\u{1b}[0;m"),
            JobResult::Failed { message, .. } => log.error(&format!("Job failed: {message}")),
        }
        let log_bytes = log.written();
        if let Err(error) = log.finish() {
            let message = format!("the job's log could not be stored: {error}");
            result = JobResult::Failed {
                reason: FailureReason::RunnerSystemFailure,
                message,
            };
        }
        let mut notes = self.notes;
        if log.is_full() {
            notes.push("log_limit_reached".to_owned());
        }
        drop(log);
        JobOutcome {
            result,
            exit_code: self.exit_code,
            log_bytes,
            coverage: None,
            files: self.files,
            dotenv: self.dotenv,
            isolation: self.isolation,
            notes,
        }
    }
}

/// Writes a new file in the place of an old one, whatever that is: a link is not followed.
fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    remove_any(path)?;
    let mut file = fs::File::create_new(path)?;
    file.write_all(text.as_bytes())
}

/// Writes a file that is there already. It is never empty in between: ext4 writes one that was to
/// the disk when it is closed.
pub(crate) fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = fs::File::options()
        .write(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)?;
    file.write_all(text)?;
    file.set_len(text.len() as u64)
}

/// This process, told apart from every other one of this machine, past and future.
pub(crate) fn own_mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        let pid = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
        format!("{pid}-{}", start_time(pid).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_over_a_file_is_all_of_it_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("script.sh");
        for text in ["long and longer", "short", "", "again"] {
            let _ = fs::File::options()
                .create(true)
                .append(true)
                .open(&path)
                .unwrap();
            overwrite(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(overwrite(&link, b"through").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "again");
    }
}
