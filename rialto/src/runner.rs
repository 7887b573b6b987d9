//! `rialto runner`: the role that runs jobs, and the hidden command that runs one of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rialto_delivery_cage::close_inherited;
use rialto_delivery_runner::agent::{Agent, AgentConfig};
use rialto_delivery_runner::executor::RunAs;
use rialto_delivery_runner::isolation::IsolationMode;
use rialto_delivery_runner::supervisor;

use crate::client::tokens_of_this_user;

/// Take jobs from a server and run them on this machine.
///
/// Jobs go on when the runner or the server is stopped or killed; the next runner started on the
/// same work directory takes them up where they are.
#[derive(Debug, clap::Args)]
pub struct RunnerArgs {
    /// The server, e.g. `http://127.0.0.1:8080`.
    #[arg(long, value_name = "URL", env = "RIALTO_RUNNER_SERVER")]
    server: String,
    /// File with the runner's token; `RIALTO_RUNNER_TOKEN` may hold the token itself instead.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Name shown to people.
    #[arg(long, default_value = "runner")]
    name: String,
    /// A tag; may be given several times. A job runs where all of its tags are.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Jobs at once.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=256))]
    slots: u32,
    /// Folder for working trees, caches and jobs under way; one runner at a time uses it.
    #[arg(long, value_name = "DIR", default_value = "rialto-runner")]
    work_dir: PathBuf,
    /// Run jobs as this unprivileged user; needs a runner that may switch users.
    #[arg(long, value_name = "USER")]
    run_as: Option<String>,
    /// What keeps jobs from the runner's own files and processes: landlock (as far as the kernel
    /// has it), required (else the job fails), off.
    #[arg(long, value_name = "MODE", default_value_t = IsolationMode::Landlock)]
    isolation: IsolationMode,
    /// A further folder or file no job may reach; may be given several times.
    #[arg(long = "hide", value_name = "PATH")]
    hide: Vec<PathBuf>,
    /// A folder or file every job may write to, beside its own; may be given several times. Without
    /// this flag: the caches of cargo and npm, and `~/.cache`.
    #[arg(long = "writable", value_name = "PATH")]
    writable: Vec<PathBuf>,
    /// Bytes all caches together may take.
    #[arg(long, value_name = "BYTES", default_value_t = 10 * 1024 * 1024 * 1024)]
    cache_bytes: u64,
    /// `PATH` of jobs; absent: the runner's own.
    #[arg(long, value_name = "PATH", env = "PATH", hide_env_values = true)]
    path: String,
    /// A variable of the runner's environment that jobs get too; may be given several times.
    #[arg(long = "inherit", value_name = "NAME")]
    inherit: Vec<String>,
    /// Seconds between asking a job to stop and killing it.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,
}

impl RunnerArgs {
    /// Works until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// When the token is missing, the user unknown, or the work directory not usable.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        let token = token(self.token_file.as_deref())?;
        std::fs::create_dir_all(&self.work_dir)
            .with_context(|| format!("{} cannot be made", self.work_dir.display()))?;
        let work_dir = self.work_dir.canonicalize()?;
        let mut config = AgentConfig::new(&self.server, &token, &work_dir)
            .context("the path of this program is not known")?;
        config.name = self.name;
        config.tags = self.tags;
        config.slots = self.slots;
        config.cache_bytes = self.cache_bytes;
        config.grace = Duration::from_secs(self.grace);
        config.path = self.path;
        config.inherited = tool_chains();
        for name in self.inherit {
            let value = std::env::var(&name).with_context(|| format!("--inherit {name}"))?;
            config.inherited.push((name, value));
        }
        if let Some(user) = &self.run_as {
            config.run_as = Some(RunAs::named(user).with_context(|| format!("--run-as {user}"))?);
        }
        config.isolation.mode = self.isolation;
        config.isolation.hidden.extend(tokens_of_this_user());
        for path in self.token_file.iter().chain(&self.hide) {
            let real = path.canonicalize();
            let real = real.with_context(|| format!("{} cannot be hidden", path.display()))?;
            config.isolation.hidden.push(real);
        }
        let writable = (!self.writable.is_empty()).then_some(self.writable);
        let opened = config.isolation.allow_writing(writable);
        opened.map_err(anyhow::Error::msg).context("--writable")?;
        let agent = Agent::new(config)?;
        eprintln!(
            "runner: taking jobs from {}, {} at once, in {}",
            self.server,
            self.slots,
            work_dir.display()
        );
        agent.run(stop_signal()).await;
        eprintln!("runner: stopped; jobs under way go on and are taken up by the next runner here");
        Ok(ExitCode::SUCCESS)
    }
}

/// Where rustup keeps the machine's tool chains: jobs have a `HOME` of their own, in which the
/// `cargo` on the path would not find them.
pub fn tool_chains() -> Vec<(String, String)> {
    let own = std::env::var("RUSTUP_HOME").ok();
    let usual = || Some(format!("{}/.rustup", std::env::var("HOME").ok()?));
    let folder = own
        .or_else(usual)
        .filter(|folder| Path::new(folder).is_dir());
    folder
        .map(|folder| ("RUSTUP_HOME".to_owned(), folder))
        .into_iter()
        .collect()
}

fn token(file: Option<&Path>) -> anyhow::Result<String> {
    let text = match file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("--token-file {} cannot be read", path.display()))?,
        None => std::env::var("RIALTO_RUNNER_TOKEN").unwrap_or_default(),
    };
    let token = text.trim().to_owned();
    if token.is_empty() {
        bail!("no runner token: give --token-file FILE or set RIALTO_RUNNER_TOKEN");
    }
    Ok(token)
}

/// Ready when the process is asked to stop.
pub async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

/// Keeps the shells of one job from what the job must not reach; the supervisor speaks to it on
/// its standard input.
pub fn cage() -> anyhow::Result<ExitCode> {
    rialto_delivery_runner::cage::serve()?;
    Ok(ExitCode::SUCCESS)
}

/// Run the one job spooled in a folder, in a process and session of its own.
#[derive(Debug, clap::Args)]
pub struct JobSupervisorArgs {
    /// Folder the runner made for the job.
    dir: PathBuf,
}

impl JobSupervisorArgs {
    /// Runs the job; how it ended is in the folder.
    ///
    /// # Errors
    /// When the folder is incomplete, taken by another supervisor, or cannot be written.
    pub fn execute(self) -> anyhow::Result<ExitCode> {
        // What whoever started the server left open is nothing for a job.
        close_inherited().context("files left open by others cannot be closed")?;
        supervisor::supervise(&self.dir)?;
        Ok(ExitCode::SUCCESS)
    }
}
