//! Starting, recognising and ending processes.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{AccessFlags, Pid, access};
use rialto_delivery_release::SlotName;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::cage::{Open, ServiceCage};
use crate::error::SupervisorError;
use crate::logs;
use crate::record::{Identity, RunSpec};

/// How often a process that is not our child is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The variable by which a process of a slot is known wherever it works.
const SLOT_FOLDER: &str = "RIALTO_SLOT_FOLDER";

/// What a start needs to know of its slot.
pub(crate) struct Place<'a> {
    /// Folder of the slot.
    pub(crate) folder: &'a Path,
    /// Folder of the unpacked archive.
    pub(crate) release: &'a Path,
    pub(crate) slot: SlotName,
    pub(crate) port: u16,
    pub(crate) cage: Option<&'a ServiceCage>,
}

/// A free port of the loopback address.
pub(crate) fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}

/// Starts a service in a session of its own, by its cage if there is one.
pub(crate) fn spawn(
    place: &Place<'_>,
    run: &RunSpec,
) -> Result<(Child, Identity), SupervisorError> {
    let port = place.port.to_string();
    let words = service_words(place, run, &port)?;
    let program = PathBuf::from(&words[0]);
    let home = own_folder(place.folder.join("home"))?;
    let temporary = emptied(place.folder.join("tmp"))?;
    let log_folder = place.folder.join("log");
    let log = |name| {
        logs::open(&log_folder, name).map_err(SupervisorError::io("open", log_folder.join(name)))
    };
    let (output, errors) = (log("stdout.log")?, log("stderr.log")?);
    let words = match place.cage {
        Some(cage) => {
            let open = Open {
                release: place.release,
                home: &home,
                temporary: &temporary,
                logs: [
                    &log_folder.join("stdout.log"),
                    &log_folder.join("stderr.log"),
                ],
            };
            cage.words(words, &open)
                .map_err(SupervisorError::Isolation)?
        }
        None => {
            // `setsid` makes the session and becomes the program: same process, same pid.
            [vec![session_starter()?.into()], words].concat()
        }
    };
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .current_dir(place.release)
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("HOME", &home)
        .env("TMPDIR", &temporary)
        .env("LANG", "C.UTF-8")
        .envs(run.env.iter().map(|(name, value)| (name, value)))
        .env("PORT", &port)
        .env("RIALTO_PORT", &port)
        .env("RIALTO_VERSION", &run.label)
        .env("RIALTO_ENVIRONMENT", &run.environment)
        .env("RIALTO_SLOT", place.slot.as_str())
        .env(SLOT_FOLDER, place.folder)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors);
    let child = command
        .spawn()
        .map_err(SupervisorError::io("start", &program))?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or_else(|| SupervisorError::Signal {
            pid: 0,
            reason: "it has no pid".to_owned(),
        })?;
    let identity = identify(pid).unwrap_or(Identity {
        pid,
        start_ticks: 0,
        boot_id: boot_id(),
        started_at_micros: now_micros(),
    });
    Ok((child, identity))
}

/// The service's program and its arguments.
fn service_words(
    place: &Place<'_>,
    run: &RunSpec,
    port: &str,
) -> Result<Vec<OsString>, SupervisorError> {
    let mut words = run.command.iter().map(|word| word.replace("${PORT}", port));
    let Some(program) = words.next() else {
        return Err(SupervisorError::ProgramMissing {
            program: String::new(),
            path: place.release.to_owned(),
        });
    };
    let program = find_program(&program, place.release)?.into_os_string();
    Ok([program].into_iter().chain(words.map(Into::into)).collect())
}

fn session_starter() -> Result<&'static Path, SupervisorError> {
    ["/usr/bin/setsid", "/bin/setsid"]
        .iter()
        .map(Path::new)
        .find(|path| path.is_file())
        .ok_or(SupervisorError::SetsidMissing)
}

/// A folder for the service alone.
fn own_folder(path: PathBuf) -> Result<PathBuf, SupervisorError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    match builder.create(&path) {
        Ok(()) => Ok(path),
        Err(error) => Err(SupervisorError::io("create", path)(error)),
    }
}

/// The same, without what an earlier process left in it: that one is gone.
fn emptied(path: PathBuf) -> Result<PathBuf, SupervisorError> {
    match fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(SupervisorError::io("remove", path)(error))
        }
        _ => own_folder(path),
    }
}

/// The program's path: a file of the archive if the word has a slash, a program of the system
/// otherwise.
fn find_program(word: &str, release: &Path) -> Result<PathBuf, SupervisorError> {
    if !word.contains('/') {
        return Ok(PathBuf::from(word));
    }
    let path = release.join(word.trim_start_matches("./"));
    if !path.is_file() {
        return Err(SupervisorError::ProgramMissing {
            program: word.to_owned(),
            path,
        });
    }
    match access(&path, AccessFlags::X_OK) {
        Ok(()) => Ok(path),
        Err(_) => Err(SupervisorError::NotExecutable {
            program: word.to_owned(),
        }),
    }
}

/// What tells this process apart; `None` when it is gone.
fn identify(pid: i32) -> Option<Identity> {
    let start_ticks = start_ticks(pid)?;
    Some(Identity {
        pid,
        start_ticks,
        boot_id: boot_id(),
        started_at_micros: now_micros(),
    })
}

/// Start time of a live process in ticks since boot. A zombie is not alive.
fn start_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields come after the last one.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let state = *fields.first()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Whether the recorded process is still this one and alive.
pub(crate) fn is_alive(identity: &Identity) -> bool {
    identity.boot_id == boot_id() && start_ticks(identity.pid) == Some(identity.start_ticks)
}

/// Returns when the process, which need not be our child, is gone.
pub(crate) async fn until_gone(identity: &Identity) {
    while is_alive(identity) {
        sleep(LOOK_EVERY).await;
    }
}

/// Ends a process and its group: politely, then finally. True when it went on the polite word.
pub(crate) async fn end(identity: &Identity, patience: Duration) -> Result<bool, SupervisorError> {
    if !is_alive(identity) {
        return Ok(true);
    }
    signal(identity.pid, Signal::SIGTERM)?;
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if !is_alive(identity) {
            return Ok(true);
        }
        sleep(Duration::from_millis(20)).await;
    }
    if is_alive(identity) {
        signal(identity.pid, Signal::SIGKILL)?;
        until_gone(identity).await;
        return Ok(false);
    }
    Ok(true)
}

/// Ends what the process may have left behind in its group.
pub(crate) fn sweep(identity: &Identity) {
    if identity.boot_id == boot_id() && start_ticks(identity.pid).is_none() {
        // The leader is gone; while the group lives its number is not given to others.
        let _gone = killpg(Pid::from_raw(identity.pid), Signal::SIGKILL);
    }
}

/// Processes of a slot that no record knows: started just before a crash, or left behind.
pub(crate) fn strays(folder: &Path) -> Vec<Identity> {
    let Ok(all) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    all.flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| is_of_slot(*pid, folder))
        .filter_map(identify)
        .collect()
}

/// Whether a process was given the folder of a slot by its environment, which it keeps wherever it
/// goes; or, as services started by earlier versions, works in the folder with the variables every
/// service is given.
pub(crate) fn is_of_slot(pid: i32, folder: &Path) -> bool {
    let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let mut variables = variables.split(|byte| *byte == 0);
    let of_folder = |value: &[u8]| value == folder.as_os_str().as_bytes();
    let works_there =
        || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    variables.any(
        |variable| match variable.strip_prefix(SLOT_FOLDER.as_bytes()) {
            Some(value) => value.strip_prefix(b"=").is_some_and(of_folder),
            None => variable.starts_with(b"RIALTO_SLOT=") && works_there(),
        },
    )
}

fn signal(pid: i32, signal: Signal) -> Result<(), SupervisorError> {
    // Never the caller's own group (0), nor everybody (1).
    if pid <= 1 {
        return Err(SupervisorError::Signal {
            pid,
            reason: "it is not a service's pid".to_owned(),
        });
    }
    // A process just begun may not have made its session yet: then it is signalled alone.
    let sent = killpg(Pid::from_raw(pid), signal).or_else(|error| match error {
        Errno::ESRCH => kill(Pid::from_raw(pid), signal),
        other => Err(other),
    });
    match sent {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(SupervisorError::Signal {
            pid,
            reason: error.to_string(),
        }),
    }
}

pub(crate) fn now_micros() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
