//! One shell of a job: started in its own session, its output pumped into the log, stopped by
//! time, cancel or limits, and its exit status read.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::log::JobLog;
use crate::process::{Ending, Launcher, Program};
use crate::tree::JobTree;
use crate::watchdog::Watchdog;

/// How long killed processes may take to disappear before they count as survivors.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// How long the news of a killed shell's end may take.
const TOLD_PATIENCE: Duration = Duration::from_secs(2);
/// Exit status of a shell that was killed, where nobody is left to tell it.
const KILLED: i32 = 128 + Signal::SIGKILL as i32;

/// Asks a running job to stop; clones ask the same job.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Asks to stop; may be called any number of times, from any thread.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_canceled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// An unprivileged user to run jobs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RunAs {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl RunAs {
    /// The user of that name on this machine.
    ///
    /// # Errors
    /// When there is no such user, or the user database cannot be read.
    pub fn named(name: &str) -> std::io::Result<Self> {
        let user = nix::unistd::User::from_name(name)?.ok_or_else(|| {
            std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such user")
        })?;
        Ok(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    }
}

/// What to start.
#[derive(Debug)]
pub struct Shell<'a> {
    /// Script file for bash.
    pub script: &'a Path,
    /// Start directory.
    pub directory: &'a Path,
    /// The whole environment.
    pub environment: &'a [(OsString, OsString)],
    /// Change to this user.
    pub run_as: Option<RunAs>,
}

/// When and how to stop a shell.
#[derive(Debug)]
pub struct Bounds<'a> {
    /// End of the whole job.
    pub job_deadline: Instant,
    /// End of this part of it.
    pub part_deadline: Option<Instant>,
    /// Cancel wish; `None` where cancel must not interrupt (the after-script of a cancelled job).
    pub cancel: Option<&'a CancelToken>,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// How often limits are checked.
    pub poll_every: Duration,
    /// Limits.
    pub watchdog: &'a Watchdog,
    /// Leave background processes of a shell that ended by itself alive (an after-script follows).
    pub keep_background: bool,
}

/// Why a shell ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited,
    /// Stopped: somebody cancelled the job.
    Canceled,
    /// Stopped: the whole job took too long.
    JobTimeout,
    /// Stopped: this part took too long.
    PartTimeout,
    /// Stopped: the limit named.
    Limit(String),
    /// Stopped: the process that kept it isolated was ended.
    CageLost,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub end: End,
    /// Exit status; 128 + n for death by signal n.
    pub code: i32,
    /// Processes that could not be ended; 0 in any ordinary world.
    pub survivors: usize,
}

/// Runs a shell to its end.
///
/// # Errors
/// When it cannot be started, e.g. bash is missing.
pub(crate) fn run(
    shell: &Shell<'_>,
    bounds: &Bounds<'_>,
    launcher: &Launcher,
    tree: &mut JobTree,
    log: &Arc<Mutex<JobLog>>,
) -> std::io::Result<Ended> {
    let (running, output) = launcher.start(&shell.program())?;
    let root = running.pid();
    tree.add_root(root);
    let exited = Ending::of(&running)?;
    let pump = Pump::start(output, Arc::clone(log))?;
    let mut end = watch(bounds, tree, &exited);
    if end == End::Exited
        && let Some(limit) = tree.kernel_breach()
    {
        end = End::Limit(limit);
    }
    let survivors = match &end {
        End::Exited if bounds.keep_background => {
            // Known from now on, whoever their parents will be.
            tree.alive();
            0
        }
        _ => tree.kill_all(KILL_PATIENCE),
    };
    // The shell is dead: whoever does not say so soon will never do.
    if end != End::Exited && exited.within(TOLD_PATIENCE).is_none() {
        running.give_up();
    }
    exited.finish();
    let code = match running.reap() {
        Ok(code) => code,
        Err(_) if end != End::Exited => KILLED,
        Err(_) => {
            end = End::CageLost;
            KILLED
        }
    };
    tree.remove_root(root);
    pump.drain(survivors > 0);
    Ok(Ended {
        end,
        code,
        survivors,
    })
}

impl Shell<'_> {
    fn program(&self) -> Program {
        let mut words: Vec<OsString> = vec![bash().into()];
        words.extend(["--noprofile", "--norc"].map(Into::into));
        words.push(self.script.into());
        Program {
            words,
            directory: self.directory.to_path_buf(),
            environment: self.environment.to_vec(),
            run_as: self.run_as,
            own_session: true,
            with_errors: true,
        }
    }
}

/// Where bash is.
#[must_use]
pub fn bash() -> &'static Path {
    static BASH: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BASH.get_or_init(|| {
        find(
            &["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"],
            "bash",
        )
    })
}

pub(crate) fn find(usual: &[&str], name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    usual
        .iter()
        .map(PathBuf::from)
        .chain(std::env::split_paths(&path).map(|d| d.join(name)))
        .find(|p| p.is_absolute() && p.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}

/// Waits until the shell ended or must be stopped, and stops it.
fn watch(bounds: &Bounds<'_>, tree: &mut JobTree, exited: &Ending) -> End {
    let mut next_look = Instant::now() + bounds.poll_every;
    loop {
        let deadline = bounds
            .part_deadline
            .map_or(bounds.job_deadline, |p| p.min(bounds.job_deadline));
        let now = Instant::now();
        let pause = next_look.min(deadline).saturating_duration_since(now);
        match exited.within(pause) {
            Some(true) => return End::Exited,
            Some(false) => return End::CageLost,
            None => {}
        }
        let now = Instant::now();
        let stop = if bounds.cancel.is_some_and(CancelToken::is_canceled) {
            Some(End::Canceled)
        } else if now >= bounds.job_deadline {
            Some(End::JobTimeout)
        } else if bounds.part_deadline.is_some_and(|d| now >= d) {
            Some(End::PartTimeout)
        } else {
            None
        };
        if let Some(end) = stop {
            terminate(bounds.grace, tree);
            return end;
        }
        if now >= next_look {
            next_look = now + bounds.poll_every;
            let breach = tree
                .kernel_breach()
                .or_else(|| bounds.watchdog.breach(&tree.alive()));
            if let Some(limit) = breach {
                return End::Limit(limit);
            }
        }
    }
}

/// SIGTERM to the process group, then waits for the tree to go by itself.
fn terminate(grace: Duration, tree: &mut JobTree) {
    tree.signal_groups(Signal::SIGTERM);
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline {
        if tree.alive().is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Carries a shell's output into the log.
struct Pump {
    thread: std::thread::JoinHandle<()>,
    idle_is_enough: Arc<AtomicBool>,
    abandoned: Arc<AtomicBool>,
    done: Receiver<()>,
}

impl Pump {
    fn start(mut reader: File, log: Arc<Mutex<JobLog>>) -> std::io::Result<Self> {
        let idle_is_enough = Arc::new(AtomicBool::new(false));
        let abandoned = Arc::new(AtomicBool::new(false));
        let (idle, quit) = (Arc::clone(&idle_is_enough), Arc::clone(&abandoned));
        let (sender, done) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("job-output".into())
            .spawn(move || {
                let mut buffer = vec![0_u8; 64 * 1024];
                while !quit.load(Ordering::SeqCst) {
                    let ended = idle.load(Ordering::SeqCst);
                    if !readable(&reader) {
                        if ended {
                            let _ = sender.send(());
                        }
                        continue;
                    }
                    match reader.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(count) => {
                            log.lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .output(&buffer[..count]);
                        }
                        Err(error)
                            if matches!(
                                error.kind(),
                                std::io::ErrorKind::Interrupted | std::io::ErrorKind::WouldBlock
                            ) => {}
                        Err(_) => break,
                    }
                }
                let _ = sender.send(());
            })?;
        Ok(Self {
            thread,
            idle_is_enough,
            abandoned,
            done,
        })
    }

    /// Returns when everything the shell wrote before its end is in the log. Processes that
    /// outlive it may hold the pipe open; their later output still goes to the log.
    fn drain(self, abandon: bool) {
        self.idle_is_enough.store(true, Ordering::SeqCst);
        let _ = self.done.recv();
        if abandon {
            self.abandoned.store(true, Ordering::SeqCst);
        }
        if self.thread.is_finished() {
            let _ = self.thread.join();
        }
    }
}

/// Whether bytes or the end of the stream are there to be read, within a short wait.
fn readable(reader: &File) -> bool {
    let mut fds = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    !matches!(poll(&mut fds, PollTimeout::from(20_u8)), Ok(0) | Err(_))
}
