//! What each step of a job does.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rialto_delivery_run::assignment::Source;
use rialto_delivery_run::size::Size;
use rialto_delivery_run::state::FailureReason;

use super::environment::Environment;
use super::job::{Job, Stop};
use super::sources::{self, Strategy};
use super::{JobDirectories, StepError, duration, script};
use crate::archive;
use crate::room::Room;
use crate::session;
use crate::shell::End;
use crate::tree::become_subreaper;

/// Time an after-script may take when `RUNNER_AFTER_SCRIPT_TIMEOUT` says nothing.
const AFTER_SCRIPT_TIMEOUT: Duration = Duration::from_secs(300);
/// What to say when the process that isolates the job is gone.
const CAGE_LOST: &str = "the process that isolates the job was ended, by the job or by somebody \
                         else; the job was stopped";
/// A disk with less room than this is full.
const FULL_BYTES: u64 = 1024 * 1024;
/// What bash reports for a command that died of SIGXFSZ: a file above the size limit.
const FILE_TOO_LARGE: i32 = 128 + 25;

impl Job<'_> {
    pub(super) fn prepare(&mut self, directories: &JobDirectories) -> Result<Environment, Stop> {
        self.check()?;
        if let Some(image) = &self.assignment.image {
            self.log().warning(&format!(
                "image {image} is ignored: this runner runs jobs in the machine's own shell"
            ));
            self.notes.push("image_ignored".to_owned());
        }
        if !self.assignment.services.is_empty() {
            return Err(StepError {
                reason: FailureReason::RunnerUnsupported,
                message: format!(
                    "services ({}) need a container engine, this runner has a shell only; start \
                     them in before_script or remove them",
                    self.assignment.services.join(", ")
                ),
            }
            .into());
        }
        let io = |path: &Path, error: std::io::Error| {
            StepError::system(format!("{}: {error}", path.display()))
        };
        if self.config.scratch.is_none() {
            let made =
                sources::empty_directory(&directories.scratch).and_then(|()| directories.make());
            made.map_err(|e| io(&directories.scratch, e))?;
        }
        fs::create_dir_all(&self.config.output_dir).map_err(|e| io(&self.config.output_dir, e))?;
        self.confine();
        self.own_trees(directories)?;
        super::isolate::isolate(self, directories)?;
        let environment =
            Environment::build(self.assignment, self.config, directories, &self.mark)?;
        self.log().line(&format!(
            "Job {} of {}",
            self.assignment.job_name, self.assignment.project_path
        ));
        self.own_trees(directories)?;
        Ok(environment)
    }

    /// Takes what keeps the job's processes together and within bounds.
    fn confine(&mut self) {
        if become_subreaper() {
            self.isolation.push("subreaper".to_owned());
        }
        let session = session::is_possible();
        self.isolation
            .push(if session { "session" } else { "process_group" }.to_owned());
        self.isolation
            .extend(["rlimit_core", "watchdog"].map(str::to_owned));
        if self.file_blocks().is_some() {
            self.isolation.push("rlimit_fsize".to_owned());
        }
        if let Some(cgroup) = self.tree.confine(&self.mark, self.bounds) {
            self.isolation.push("cgroup_v2".to_owned());
            self.isolation
                .extend(cgroup.controllers().iter().map(|c| (*c).to_owned()));
        }
        if let Some(user) = self.config.run_as {
            self.isolation.push(format!("run_as_uid_{}", user.uid));
        }
    }

    pub(super) fn get_sources(
        &mut self,
        directories: &JobDirectories,
        environment: &Environment,
    ) -> Result<(), Stop> {
        let project = &directories.project;
        let (url, sha, git_ref) = match &self.assignment.source {
            Source::WorkingCopy { path } => {
                if !project.is_dir() {
                    return Err(StepError::system(format!("{path}: no such directory")).into());
                }
                self.log().line(&format!("Using {path} as it is"));
                return Ok(());
            }
            Source::Git { url, sha, git_ref } => (url, sha, git_ref),
        };
        let io = |e: std::io::Error| StepError::system(format!("{}: {e}", project.display()));
        let strategy = sources::strategy(environment)?;
        match strategy {
            Strategy::None => {
                fs::create_dir_all(project).map_err(io)?;
                self.log()
                    .line("GIT_STRATEGY is none: no sources are fetched");
                return Ok(());
            }
            Strategy::Empty => {
                sources::empty_directory(project).map_err(io)?;
                self.log()
                    .line("GIT_STRATEGY is empty: no sources are fetched");
                return Ok(());
            }
            Strategy::Fetch | Strategy::Clone => {}
        }
        sources::check_names(sha, git_ref)?;
        let text = sources::script(url, sha, git_ref, environment);
        let pairs = sources::git_environment(url, environment);
        self.try_step("getting the sources", url, |job, tried| {
            // A tree that made git stumble is not trusted a second time.
            let keep = strategy == Strategy::Fetch && tried == 0;
            sources::prepare_tree(project, keep, sha).map_err(io)?;
            job.own_trees(directories)?;
            let ended = job.shell(directories, &text, &pairs, Some(job.cancel), None, false)?;
            match (ended.end, ended.code) {
                (End::Exited, 0) => Ok(()),
                (End::Canceled, _) => Err(Stop::Canceled),
                (End::JobTimeout, _) => Err(job.timeout().into()),
                (End::Limit(limit), _) => Err(StepError::system(limit).into()),
                (End::CageLost, _) => Err(StepError::system(CAGE_LOST).into()),
                (_, code) => Err(StepError::system(format!("git ended with status {code}")).into()),
            }
        })
    }

    pub(super) fn download(&mut self, directories: &JobDirectories) -> Result<(), Stop> {
        for source in &self.assignment.dependencies {
            let remote =
                source.location.starts_with("http://") || source.location.starts_with("https://");
            let copy = directories.temporary.join("artifacts.zip");
            let path = if remote {
                copy.as_path()
            } else {
                Path::new(&source.location)
            };
            if remote {
                self.try_step("downloading artifacts", &source.location, |job, _| {
                    let fetch = &job.config.fetch;
                    fetch
                        .fetch(&source.location, &job.assignment.lease, &copy)
                        .map_err(|e| StepError::system(e).into())
                })?;
            } else if !path.is_file() {
                return Err(StepError {
                    reason: FailureReason::MissingDependency,
                    message: format!("the artifacts of job {} are gone", source.job_name),
                }
                .into());
            }
            let limit = self.bounds.disk_bytes;
            let unpacked = archive::unpack_while(
                &|| self.check().is_ok(),
                path,
                &directories.project,
                Some(&source.sha256),
                limit,
            );
            self.check()?;
            let overwritten = unpacked.map_err(|e| StepError {
                reason: FailureReason::DataIntegrityFailure,
                message: format!("the artifacts of job {} were refused: {e}", source.job_name),
            })?;
            let mut log = self.log();
            log.line(&format!(
                "Artifacts of {}: {}",
                source.job_name,
                Size(source.size)
            ));
            if self.assignment.dependencies.len() > 1 && !overwritten.is_empty() {
                log.line(&format!(
                    "  {} files replaced, e.g. {}",
                    overwritten.len(),
                    overwritten[0]
                ));
            }
            drop(log);
            if remote {
                let _ = fs::remove_file(&copy);
            }
        }
        Ok(())
    }

    pub(super) fn run_script(
        &mut self,
        directories: &JobDirectories,
        environment: &Environment,
    ) -> Result<(), Stop> {
        self.check()?;
        let elements: Vec<&str> = self
            .assignment
            .before_script
            .iter()
            .chain(&self.assignment.script)
            .map(String::as_str)
            .collect();
        let text = script::job_script(&elements, traces(environment), self.file_blocks());
        let limit = part_timeout(environment, "RUNNER_SCRIPT_TIMEOUT")?;
        let keep = !self.assignment.after_script.is_empty();
        let pairs = environment.pairs();
        let ended = self.shell(directories, &text, &pairs, Some(self.cancel), limit, keep)?;
        self.exit_code = Some(ended.code);
        let failed = |reason, message| Err(Stop::Failed(StepError { reason, message }));
        match ended.end {
            End::Canceled => Err(Stop::Canceled),
            End::JobTimeout => Err(self.timeout().into()),
            End::PartTimeout => failed(
                FailureReason::ScriptFailure,
                "the script took longer than RUNNER_SCRIPT_TIMEOUT".to_owned(),
            ),
            End::Limit(limit) => failed(
                FailureReason::ResourceLimitExceeded,
                format!("the job was stopped: {limit}"),
            ),
            End::CageLost => failed(FailureReason::RunnerSystemFailure, CAGE_LOST.to_owned()),
            End::Exited if ended.code == 0 => Ok(()),
            End::Exited if ended.code == FILE_TOO_LARGE && self.file_blocks().is_some() => failed(
                FailureReason::ResourceLimitExceeded,
                format!(
                    "the job was stopped: a file grew beyond the limit of {}",
                    Size(self.bounds.disk_bytes)
                ),
            ),
            End::Exited => failed(
                FailureReason::ScriptFailure,
                format!(
                    "the script ended with exit status {}{}",
                    ended.code,
                    full_disk(&directories.project)
                ),
            ),
        }
    }

    /// Only the end of the whole job's time, or a cancel, changes the result.
    pub(super) fn run_after_script(
        &mut self,
        directories: &JobDirectories,
        environment: &Environment,
        canceled: bool,
    ) -> Result<(), Stop> {
        let elements: Vec<&str> = self
            .assignment
            .after_script
            .iter()
            .map(String::as_str)
            .collect();
        let text = script::job_script(&elements, traces(environment), self.file_blocks());
        let limit = part_timeout(environment, "RUNNER_AFTER_SCRIPT_TIMEOUT")?
            .unwrap_or(AFTER_SCRIPT_TIMEOUT);
        let cancel = (!canceled).then_some(self.cancel);
        let pairs = environment.pairs();
        let ended = self.shell(directories, &text, &pairs, cancel, Some(limit), false)?;
        let told = match ended.end {
            End::JobTimeout => return Err(self.timeout().into()),
            End::Canceled => return Err(Stop::Canceled),
            End::CageLost => return Err(StepError::system(CAGE_LOST).into()),
            End::PartTimeout => format!("the after-script took longer than {} s", limit.as_secs()),
            End::Limit(limit) => format!("the after-script was stopped: {limit}"),
            End::Exited if ended.code != 0 => {
                format!("the after-script ended with exit status {}", ended.code)
            }
            End::Exited => return Ok(()),
        };
        self.log()
            .warning(&format!("{told}; this does not change the job's result"));
        Ok(())
    }
}

/// What to add when a disk has no room left: most programs that met that said so badly or not at
/// all.
fn full_disk(folder: &Path) -> String {
    let free = Room::of(folder).map_or(u64::MAX, |room| room.free);
    if free >= FULL_BYTES {
        return String::new();
    }
    format!(
        "; the disk of {} is full, {} are free: the runner needs more room, or \
         `delivery.job_disk` a lower limit",
        folder.display(),
        Size(free)
    )
}

fn traces(environment: &Environment) -> bool {
    matches!(environment.get("CI_DEBUG_TRACE"), Some("true" | "1"))
}

fn part_timeout(environment: &Environment, name: &str) -> Result<Option<Duration>, StepError> {
    match environment.get(name) {
        None | Some("") => Ok(None),
        Some(text) => duration::parse(text).map(Some).ok_or_else(|| {
            StepError::system(format!(
                "{name}={text} is not a duration; write e.g. 5m or 1h30m"
            ))
        }),
    }
}
