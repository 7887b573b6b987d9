//! Starting one program of a job: by this process itself, or by the job's cage.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::cage::{Cage, Caged};
use crate::session::{self, session_starter};
use crate::shell::RunAs;

/// Most bytes taken from a program whose output is kept in memory.
const MAX_OUTPUT: usize = 256 * 1024 * 1024;

/// A program of a job, its standard output (and errors) to one pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Program {
    /// The program's path and its arguments.
    pub words: Vec<OsString>,
    /// Start directory.
    pub directory: PathBuf,
    /// The whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Change to this user.
    pub run_as: Option<RunAs>,
    /// Lead a session of its own; where that is not possible, a process group.
    pub own_session: bool,
    /// Errors go to the same pipe; else nowhere.
    pub with_errors: bool,
}

impl Program {
    /// Starts it, with `output` as its standard output.
    pub(crate) fn spawn(&self, output: OwnedFd) -> io::Result<Child> {
        let starter = session_starter().filter(|_| self.own_session);
        let starter = starter.map(|path| path.as_os_str().to_owned());
        let words: Vec<&OsString> = starter.iter().chain(&self.words).collect();
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| io::Error::other("no program to start"))?;
        let errors = if self.with_errors {
            Stdio::from(output.try_clone()?)
        } else {
            Stdio::null()
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        if self.own_session && starter.is_none() {
            command.process_group(0);
        }
        if let Some(user) = self.run_as {
            command.uid(user.uid).gid(user.gid);
        }
        let child = command.spawn()?;
        // Not reaped by dropping it.
        Ok(Child(i32::try_from(child.id()).unwrap_or(i32::MAX)))
    }
}

/// A child of this process that was not reaped yet.
#[derive(Debug)]
pub(crate) struct Child(pub(crate) i32);

impl Child {
    /// Its process number.
    pub(crate) fn pid(&self) -> i32 {
        self.0
    }

    /// Waits for its end and reaps it: its exit status, 128 + n for death by signal n.
    pub(crate) fn wait(self) -> io::Result<i32> {
        loop {
            match waitpid(Pid::from_raw(self.0), None) {
                Ok(WaitStatus::Exited(_, code)) => return Ok(code),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(128 + signal as i32),
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Who starts the programs of a job.
#[derive(Debug, Default)]
pub(crate) enum Launcher {
    /// This process.
    #[default]
    Direct,
    /// The job's cage.
    Caged(Cage),
}

impl Launcher {
    /// Starts a program; what it prints can be read from the file returned with it.
    pub(crate) fn start(&self, program: &Program) -> io::Result<(Running, File)> {
        match self {
            Self::Direct => {
                let (reader, writer) = io::pipe()?;
                let writer = OwnedFd::from(writer);
                let quick = program.own_session && program.run_as.is_none();
                let child = match quick.then(|| session::spawn(program, &writer)).flatten() {
                    Some(started) => started?,
                    None => program.spawn(writer)?,
                };
                Ok((Running::Direct(child), File::from(OwnedFd::from(reader))))
            }
            Self::Caged(cage) => {
                let (caged, output) = cage.start(program)?;
                Ok((Running::Caged(caged), output))
            }
        }
    }

    /// Runs a program to its end: its exit status, and what it printed.
    pub(crate) fn output(&self, program: &Program) -> io::Result<(i32, Vec<u8>)> {
        let (running, output) = self.start(program)?;
        let text = read_all(&output)?;
        let end = running.end()?;
        if !end() {
            return Err(io::Error::other("it was ended before its time"));
        }
        Ok((running.reap()?, text))
    }
}

/// Everything a pipe has, to its end, whether reading from it waits or not.
fn read_all(mut pipe: &File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(text),
            Ok(_) if text.len() > MAX_OUTPUT => {
                return Err(io::Error::other("it printed more than can be kept"));
            }
            Ok(count) => text.extend_from_slice(&buffer[..count]),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => {}
                _ => return Err(error),
            },
        }
    }
}

/// A program that was started and not yet reaped.
#[derive(Debug)]
pub(crate) enum Running {
    /// A child of this process.
    Direct(Child),
    /// A child of the cage.
    Caged(Caged),
}

impl Running {
    /// Its process number.
    pub(crate) fn pid(&self) -> i32 {
        match self {
            Self::Direct(child) => child.pid(),
            Self::Caged(caged) => caged.pid(),
        }
    }

    /// A blocking call, for another thread, that returns when the program has ended; its number is
    /// not given away before [`Running::reap`]. It says whether that is known.
    pub(crate) fn end(&self) -> io::Result<Box<dyn FnOnce() -> bool + Send>> {
        match self {
            Self::Direct(_) => {
                let pid = self.pid();
                Ok(Box::new(move || {
                    await_end(pid);
                    true
                }))
            }
            Self::Caged(caged) => caged.end(),
        }
    }

    /// Ends whoever started the program, if that is not this process: for one who does not answer.
    pub(crate) fn give_up(&self) {
        if let Self::Caged(caged) = self {
            caged.give_up();
        }
    }

    /// Its exit status; 128 + n for death by signal n.
    pub(crate) fn reap(self) -> io::Result<i32> {
        match self {
            Self::Direct(child) => child.wait(),
            Self::Caged(caged) => caged.reap(),
        }
    }
}

/// How the end of a program becomes known.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The kernel says it of a child of this process.
    Seen(OwnedFd),
    /// A thread waits for it: whether it is known.
    Told(Receiver<bool>, JoinHandle<()>),
}

impl Ending {
    /// Watches a program.
    pub(crate) fn of(running: &Running) -> io::Result<Self> {
        if let Running::Direct(child) = running
            && let Some(pid) = rustix::process::Pid::from_raw(child.pid())
            && let Ok(seen) = pidfd_open(pid, PidfdFlags::empty())
        {
            return Ok(Self::Seen(seen));
        }
        let (sender, told) = mpsc::channel();
        let end = running.end()?;
        let waiter = std::thread::Builder::new()
            .name("job-wait".into())
            .spawn(move || {
                let _ = sender.send(end());
            })?;
        Ok(Self::Told(told, waiter))
    }

    /// Waits for the end, at most this long: whether it is known. `None`: it has not come yet.
    pub(crate) fn within(&self, pause: Duration) -> Option<bool> {
        match self {
            Self::Seen(seen) => {
                // Rounded up: a wait of no length would be repeated without end.
                let ms = i32::try_from(pause.as_millis()).unwrap_or(i32::MAX - 1) + 1;
                let mut fds = [PollFd::new(seen.as_fd(), PollFlags::POLLIN)];
                let limit = PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX);
                matches!(poll(&mut fds, limit), Ok(1..)).then_some(true)
            }
            Self::Told(told, _) => match told.recv_timeout(pause) {
                Ok(known) => Some(known),
                Err(RecvTimeoutError::Disconnected) => Some(false),
                Err(RecvTimeoutError::Timeout) => None,
            },
        }
    }

    /// Waits for the thread, if there is one.
    pub(crate) fn finish(self) {
        if let Self::Told(_, waiter) = self {
            let _ = waiter.join();
        }
    }
}

/// Waits for the end of a child and keeps the zombie, so that its number cannot be given away
/// while it is still used.
pub(crate) fn await_end(pid: i32) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(Pid::from_raw(pid)), flags) == Err(nix::Error::EINTR) {}
}
