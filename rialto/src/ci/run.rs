//! `rialto ci run`: the pipeline of a working copy, run right here, without a server.

mod screen;
mod unrun;

use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rialto_delivery_pipeline::plan::Plan;
use rialto_delivery_pipeline::{Diagnostic, Repository as _, Severity};
use rialto_delivery_report::log_coverage::LogCoverage;
use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::Status;
use rialto_delivery_runner::executor::CancelToken;
use rialto_delivery_runner::local::{self, JobReport, LocalOptions, LocalSummary, RunLocallyError};
use serde_json::json;

use super::{EXIT_INVALID, Opened, Source, print_diagnostics, print_no_pipeline};
use screen::Screen;

/// Warnings shown before a run.
const SHOWN_WARNINGS: usize = 10;
/// Exit codes after SIGINT (Ctrl-C) and SIGTERM, as shells have them.
const EXIT_INTERRUPTED: u8 = 130;
const EXIT_TERMINATED: u8 = 143;
const EXIT_HUNG_UP: u8 = 129;

/// Variables of the caller that jobs are given beside `PATH`, so that the person's tools work as
/// they do in a terminal. Everything else of the caller's environment stays outside.
const INHERITED: [&str; 18] = [
    "HOME",
    "USER",
    "LOGNAME",
    "SSH_AUTH_SOCK",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "JAVA_HOME",
    "GOPATH",
    "NVM_DIR",
    "PYENV_ROOT",
    "SSL_CERT_FILE",
    "DOCKER_HOST",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Run the pipeline, or some jobs of it, right here.
///
/// Every job runs in a copy of the working copy of its own, uncommitted changes included, below
/// `.rialto/ci`; files flow from job to job as artifacts, which are also left in
/// `.rialto/ci/artifacts/JOB`. Exit code 0: passed, 1: a job failed, 2: wrong command line or
/// invalid file, 130: interrupted, 143: told to end.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Jobs to run; none = the whole pipeline.
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,
    /// With named jobs, run what they need as well.
    #[arg(long, requires = "jobs")]
    needs: bool,
    /// Play this manual job; may be given several times.
    #[arg(long = "manual", value_name = "JOB")]
    manual: Vec<String>,
    /// Jobs at once [default: the number of processors].
    #[arg(long, value_name = "N")]
    concurrency: Option<NonZeroUsize>,
    /// Run in the working copy itself, one job after another, without copies and caches.
    #[arg(long, conflicts_with = "concurrency")]
    here: bool,
    /// Hand this variable of your environment to the jobs; may be given several times.
    #[arg(long = "inherit", value_name = "NAME")]
    inherit: Vec<String>,
    /// Form of the summary; `json` goes to standard output, everything else to standard error.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    source: Source,
}

/// Form of the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// A table for people.
    Table,
    /// One object.
    Json,
}

/// Runs the pipeline.
///
/// # Errors
/// When the current folder or `.rialto/ci` cannot be used.
pub fn execute(args: Args) -> anyhow::Result<ExitCode> {
    let opened = args.source.open()?;
    let compiled = &opened.compiled;
    if !compiled.is_valid() {
        print_diagnostics(&compiled.diagnostics, false);
        return Ok(ExitCode::from(EXIT_INVALID));
    }
    let Some(plan) = &compiled.plan else {
        print_no_pipeline(compiled);
        return Ok(ExitCode::SUCCESS);
    };
    let cancel = CancelToken::default();
    let options = options(&args, &opened, cancel.clone());
    let selected = match local::selected(plan, &options) {
        Ok(selected) => selected,
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::from(EXIT_INVALID));
        }
    };
    if refuse(&opened, &selected) {
        return Ok(ExitCode::from(EXIT_INVALID));
    }
    tell_without_effect(&compiled.diagnostics);
    let stopped_by = cancel_on_signal(cancel);
    let colour = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && match args.output {
            Output::Table => std::io::stdout().is_terminal(),
            Output::Json => std::io::stderr().is_terminal(),
        };
    let names: Vec<&str> = selected.jobs.iter().map(|j| j.name.as_str()).collect();
    let screen = Screen::new(&names, colour, args.output == Output::Json);
    let summary = match local::run(plan, &options, Box::new(screen.clone())) {
        Ok(summary) => summary,
        Err(error @ (RunLocallyError::Select(_) | RunLocallyError::Busy(_))) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::from(EXIT_INVALID));
        }
        Err(error) => return Err(error.into()),
    };
    let coverage: Vec<Option<String>> = summary
        .jobs
        .iter()
        .map(|report| coverage(&selected, report))
        .collect();
    let unrun = unrun::reasons(&selected, &summary);
    match args.output {
        Output::Table => screen.summary(&summary, &coverage, &unrun),
        Output::Json => {
            let text = serde_json::to_string_pretty(&as_json(&summary, &coverage, &unrun))?;
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }
    Ok(exit_code(&summary, stopped_by.load(Ordering::SeqCst)))
}

/// Says which keywords of the jobs to run nothing executes yet, if there are any.
fn refuse(opened: &Opened, selected: &Plan) -> bool {
    let mut refused = false;
    for diagnostic in opened.compiled.refusals() {
        debug_assert_eq!(diagnostic.severity, Severity::Unsupported);
        let concerns = diagnostic
            .job
            .as_ref()
            .is_none_or(|job| selected.jobs.iter().any(|j| j.base_name == *job));
        if concerns {
            eprintln!("{diagnostic}");
            refused = true;
        }
    }
    refused
}

/// Says which keywords do nothing here: at most [`SHOWN_WARNINGS`], the rest is for `lint`.
fn tell_without_effect(diagnostics: &[Diagnostic]) {
    let without = |found: &&Diagnostic| {
        found.severity == Severity::Warning
            && ["no_effect", "not_started"].contains(&found.code.as_str())
    };
    for found in diagnostics.iter().filter(without).take(SHOWN_WARNINGS) {
        eprintln!("{found}");
    }
    let more = diagnostics
        .iter()
        .filter(without)
        .count()
        .saturating_sub(SHOWN_WARNINGS);
    if more > 0 {
        eprintln!("{more} more warnings of this kind: see `rialto ci lint`");
    }
}

fn exit_code(summary: &LocalSummary, stopped_by: u8) -> ExitCode {
    if summary.canceled {
        return ExitCode::from(stopped_by);
    }
    match summary.status {
        // A pipeline that waits for a person has done what it could.
        Status::Success | Status::Skipped | Status::Manual => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn options(args: &Args, opened: &Opened, cancel: CancelToken) -> LocalOptions {
    let root = opened.copy.root();
    let given: Vec<&str> = args
        .source
        .variables
        .iter()
        .map(|(key, _)| key.as_str())
        .collect();
    let mut predefined: Vec<(String, String)> = opened
        .context
        .variables
        .iter()
        .filter(|(key, _)| !given.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    predefined.push(("CI_PIPELINE_SOURCE".to_owned(), args.source.source.clone()));
    let commit = std::thread::scope(|scope| {
        let commit = scope.spawn(|| commit_variables(root));
        let user = scope.spawn(|| user_variables(root));
        let files = opened.copy.list();
        let mut variables = commit.join().unwrap_or_default();
        variables.extend(user.join().unwrap_or_default());
        (files, variables)
    });
    let (files, facts) = commit;
    predefined.extend(facts);
    let names = INHERITED
        .iter()
        .copied()
        .chain(args.inherit.iter().map(String::as_str));
    LocalOptions {
        root: root.to_path_buf(),
        files,
        concurrency: args.concurrency.map_or_else(
            || std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            NonZeroUsize::get,
        ),
        here: args.here,
        only: args.jobs.clone(),
        with_needs: args.needs,
        play: args.manual.clone(),
        predefined,
        variables: args.source.variables.clone(),
        path: std::env::var("PATH").unwrap_or_default(),
        inherited: names
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
            .collect(),
        exclusive: true,
        cancel,
        grace: Duration::from_secs(3),
    }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).ok())?
}

/// What `CI_COMMIT_…` say of the commit that is checked out.
fn commit_variables(root: &Path) -> Vec<(String, String)> {
    let Some(text) = git(
        root,
        &[
            "log",
            "-1",
            "--format=%an <%ae>%x00%cI%x00%s%x00%b%x00%B%x00%P",
        ],
    ) else {
        return Vec::new();
    };
    let fields: Vec<&str> = text.trim_end().split('\0').collect();
    let [author, time, title, body, message, parents] = fields[..] else {
        return Vec::new();
    };
    let zero = "0".repeat(40);
    let before = parents
        .split(' ')
        .next()
        .filter(|p| !p.is_empty())
        .unwrap_or(&zero);
    [
        ("CI_COMMIT_AUTHOR", author),
        ("CI_COMMIT_TIMESTAMP", time),
        ("CI_COMMIT_TITLE", title),
        ("CI_COMMIT_DESCRIPTION", body),
        ("CI_COMMIT_MESSAGE", message),
        ("CI_COMMIT_BEFORE_SHA", before),
    ]
    .map(|(key, value)| (key.to_owned(), value.trim_end().to_owned()))
    .into()
}

fn user_variables(root: &Path) -> Vec<(String, String)> {
    let text = git(root, &["config", "--get-regexp", "^user\\.(name|email)$"]).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(key, value)| {
            let key = if key == "user.name" {
                "GITLAB_USER_NAME"
            } else {
                "GITLAB_USER_EMAIL"
            };
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

/// Stops the run cleanly on Ctrl-C, SIGTERM or the end of its terminal, and keeps the exit code for
/// the one that came. Jobs
/// have sessions of their own, so a terminal's Ctrl-C reaches them only this way.
fn cancel_on_signal(cancel: CancelToken) -> Arc<AtomicU8> {
    use tokio::signal::unix::{SignalKind, signal};
    let code = Arc::new(AtomicU8::new(EXIT_INTERRUPTED));
    let kept = Arc::clone(&code);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else {
            return;
        };
        runtime.block_on(async {
            let interrupt = signal(SignalKind::interrupt());
            let terminate = signal(SignalKind::terminate());
            // `nohup` has it ignored, and it stays so.
            let hangup = match ignores_hangup() {
                true => None,
                false => signal(SignalKind::hangup()).ok(),
            };
            // Not to be had: then a signal ends this process the hard way, as it always did.
            let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => kept.store(EXIT_TERMINATED, Ordering::SeqCst),
                () = hung_up(hangup) => kept.store(EXIT_HUNG_UP, Ordering::SeqCst),
            }
            cancel.cancel();
        });
    });
    code
}

async fn hung_up(hangup: Option<tokio::signal::unix::Signal>) {
    match hangup {
        Some(mut hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether this process was started with SIGHUP ignored.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// The coverage a job's log tells, by the job's `coverage` expression.
fn coverage(plan: &Plan, report: &JobReport) -> Option<String> {
    let expression = plan
        .jobs
        .iter()
        .find(|j| j.name == report.name)?
        .coverage
        .as_ref()?;
    let log = std::fs::read(report.log.as_ref()?).ok()?;
    LogCoverage::new(&format!("/{expression}/"))
        .ok()?
        .find(&String::from_utf8_lossy(&log))
}

fn as_json(
    summary: &LocalSummary,
    coverage: &[Option<String>],
    unrun: &[Option<String>],
) -> serde_json::Value {
    let jobs: Vec<serde_json::Value> = summary
        .jobs
        .iter()
        .zip(coverage)
        .zip(unrun)
        .map(|((job, coverage), unrun)| {
            let failure = job.outcome.as_ref().and_then(|o| match &o.result {
                JobResult::Failed { reason, message } => Some((reason, message)),
                _ => None,
            });
            json!({
                "name": job.name,
                "stage": job.stage,
                "status": job.status,
                "failure_allowed": job.failure_allowed,
                "attempt": job.attempt,
                "duration_ms": job.duration.map(|d| d.as_millis()),
                "exit_code": job.outcome.as_ref().and_then(|o| o.exit_code),
                "failure_reason": failure.map(|(reason, _)| reason),
                "failure_message": failure.map(|(_, message)| message),
                "coverage_percent": coverage,
                "not_run_because": unrun,
                "log": job.log,
                "artifacts": job.artifacts,
            })
        })
        .collect();
    json!({
        "status": summary.status,
        "warnings": summary.warnings,
        "canceled": summary.canceled,
        "duration_ms": summary.duration.as_millis(),
        "jobs": jobs,
    })
}
