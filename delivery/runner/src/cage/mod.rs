//! The cage of a job: a process that takes away its own right to reach what the job must not, and
//! then starts the job's shells, which inherit that.
//!
//! It is a process and not a thread of the supervisor, because a thread would share the
//! supervisor's memory with whatever may look into it; and it is one process for all shells of a
//! job, because the after-script must be able to signal what the script left running. It holds no
//! secret and no open file but its end of a socket to the supervisor. A job that kills its cage
//! fails.

mod frame;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use rialto_delivery_cage::{Reach, Restricted, close_inherited, give_up};
use serde::{Deserialize, Serialize};

use crate::process::{Child, Program, await_end};
use crate::tree;
use frame::{read, write};

/// How long a living cage may take to answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// Name of the pipe that carries the output of the program being started.
const OUTPUT: &str = "output";

/// What the supervisor asks of a cage.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// Give up every right but these. The first request, once.
    Restrict(Reach),
    /// Start a program, its output into this named pipe. Answered twice: when it was started and
    /// when it ended.
    Start { program: Program, output: PathBuf },
    /// Reap the program that ended.
    Reap,
}

/// What a cage answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Restricted(Restricted),
    Started(i32),
    Ended,
    Reaped(i32),
    Failed(String),
}

/// A cage and what it said of itself.
#[derive(Debug)]
pub(crate) struct Cage {
    host: Arc<Host>,
    pipes: PathBuf,
}

#[derive(Debug)]
struct Host {
    process: Mutex<std::process::Child>,
    pid: i32,
    socket: UnixStream,
}

impl Drop for Host {
    fn drop(&mut self) {
        let process = self
            .process
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
    }
}

impl Cage {
    /// Starts a cage: `words` is a program that calls [`serve`], `mark` the variable by which the
    /// processes of the job are known, `pipes` an empty folder that `reach` names.
    ///
    /// # Errors
    /// When it cannot be started or restricted. That is no word about the kernel: see
    /// [`Restricted::abi`].
    pub(crate) fn open(
        words: &[OsString],
        mark: (&str, &str),
        reach: Reach,
        pipes: &Path,
    ) -> io::Result<(Self, Restricted)> {
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| io::Error::other("no program is configured for it"))?;
        let (own, other) = UnixStream::pair()?;
        own.set_write_timeout(Some(ANSWER_PATIENCE))?;
        own.set_read_timeout(Some(ANSWER_PATIENCE))?;
        let process = Command::new(program)
            .args(arguments)
            .current_dir("/")
            .env_clear()
            .env(mark.0, mark.1)
            .stdin(OwnedFd::from(other))
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", program.display())))?;
        let pid = i32::try_from(process.id()).unwrap_or(i32::MAX);
        let host = Host {
            process: Mutex::new(process),
            pid,
            socket: own,
        };
        write(&host.socket, &Request::Restrict(reach))?;
        let Answer::Restricted(restricted) = host.answer()? else {
            return Err(unexpected());
        };
        let cage = Self {
            host: Arc::new(host),
            pipes: pipes.to_path_buf(),
        };
        Ok((cage, restricted))
    }

    /// The cage's own process, which is no process of the job.
    pub(crate) fn pid(&self) -> i32 {
        self.host.pid
    }

    /// Starts a program inside; one at a time.
    pub(crate) fn start(&self, program: &Program) -> io::Result<(Caged, File)> {
        let output = self.pipes.join(OUTPUT);
        let _ = std::fs::remove_file(&output);
        nix::unistd::mkfifo(&output, Mode::S_IRUSR | Mode::S_IWUSR)?;
        // Opened for reading first, and without waiting for the other side.
        let reader = File::options()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(&output)?;
        let request = Request::Start {
            program: program.clone(),
            output: output.clone(),
        };
        write(&self.host.socket, &request)?;
        let answer = self.host.answer();
        let _ = std::fs::remove_file(&output);
        let Answer::Started(pid) = answer? else {
            return Err(unexpected());
        };
        // Its process group will be killed one day: it must be what it says.
        if tree::parent(pid) != Some(self.host.pid) {
            return Err(io::Error::other(
                "the job's cage names a process not its own",
            ));
        }
        let host = Arc::clone(&self.host);
        Ok((Caged { host, pid }, reader))
    }
}

impl Host {
    fn answer(&self) -> io::Result<Answer> {
        match read(&self.socket).map_err(silent)? {
            Some(Answer::Failed(why)) => Err(io::Error::other(why)),
            Some(answer) => Ok(answer),
            None => Err(lost()),
        }
    }
}

/// The end of [`ANSWER_PATIENCE`], which the kernel tells as `EAGAIN`, in words.
fn silent(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(
            io::ErrorKind::TimedOut,
            "the process that isolates the job does not answer; has the job stopped it?",
        ),
        _ => error,
    }
}

fn lost() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the process that isolates the job was ended",
    )
}

fn unexpected() -> io::Error {
    io::Error::other("the job's cage gave an answer to another question")
}

/// A program running in a cage.
#[derive(Debug)]
pub(crate) struct Caged {
    host: Arc<Host>,
    pid: i32,
}

impl Caged {
    /// Its process number.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// See [`crate::process::Running::end`]; false when the cage is gone.
    pub(crate) fn end(&self) -> io::Result<Box<dyn FnOnce() -> bool + Send>> {
        self.host.socket.set_read_timeout(None)?;
        let host = Arc::clone(&self.host);
        Ok(Box::new(move || {
            let ended = matches!(host.answer(), Ok(Answer::Ended));
            ended && host.socket.set_read_timeout(Some(ANSWER_PATIENCE)).is_ok()
        }))
    }

    /// Ends the cage.
    pub(crate) fn give_up(&self) {
        let _ = self.host.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Its exit status.
    pub(crate) fn reap(self) -> io::Result<i32> {
        write(&self.host.socket, &Request::Reap)?;
        match self.host.answer()? {
            Answer::Reaped(code) => Ok(code),
            _ => Err(unexpected()),
        }
    }
}

/// Serves as a cage on the socket that is the standard input; the body of `rialto job-cage`.
///
/// The calling thread is restricted by the first request and starts every program itself.
///
/// # Errors
/// When the socket breaks, or a request cannot be understood.
pub fn serve() -> io::Result<()> {
    close_inherited()?;
    // A job of the same user could else look into this process and speak for it.
    nix::sys::prctl::set_dumpable(false)?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut ended: Option<Child> = None;
    while let Some(request) = read(&socket)? {
        match request {
            Request::Restrict(reach) => {
                let answer = give_up(&reach).map_or_else(Answer::Failed, Answer::Restricted);
                write(&socket, &answer)?;
            }
            Request::Start { program, output } => match start(&program, &output) {
                Ok(child) => {
                    let pid = child.pid();
                    write(&socket, &Answer::Started(pid))?;
                    await_end(pid);
                    ended = Some(child);
                    write(&socket, &Answer::Ended)?;
                }
                Err(error) => write(&socket, &Answer::Failed(error.to_string()))?,
            },
            Request::Reap => {
                let answer = match ended.take().map(Child::wait) {
                    Some(Ok(code)) => Answer::Reaped(code),
                    Some(Err(error)) => Answer::Failed(error.to_string()),
                    None => Answer::Failed("nothing has ended".to_owned()),
                };
                write(&socket, &answer)?;
            }
        }
    }
    Ok(())
}

fn start(program: &Program, output: &Path) -> io::Result<Child> {
    let output = File::options().write(true).open(output)?;
    program.spawn(output.into())
}
