//! A program in a session of its own, without another program before it.
//!
//! `posix_spawn` makes the session, and shares this process's memory until the program begins, so
//! that nothing of it is copied. What it cannot do is change the folder: the calling thread does, in
//! a working folder of its own, and goes back.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::fchdir;

use crate::process::{Child, Program};
use crate::shell::find;

/// `POSIX_SPAWN_SETSID` of glibc (from 2.26) and musl.
const SETSID: i32 = 0x80;

/// Starts a program as the leader of a new session. `None` where threads cannot have a working
/// folder of their own (in some containers), or where the program has no path.
pub(crate) fn spawn(program: &Program, output: &OwnedFd) -> Option<io::Result<Child>> {
    let path = Path::new(program.words.first()?);
    if !path.is_absolute() || !own_folders() {
        return None;
    }
    Some(spawn_there(path, program, output))
}

/// Starts a program in its folder. Of all threads only this one is there for a moment.
fn spawn_there(path: &Path, program: &Program, output: &OwnedFd) -> io::Result<Child> {
    unshare(CloneFlags::CLONE_FS)?;
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let before = open(".", flags, Mode::empty());
    std::env::set_current_dir(&program.directory)?;
    let child = spawn_here(path, program, output);
    // Nothing here goes by the working folder; only the program's must not be kept busy.
    if !before.is_ok_and(|before| fchdir(&before).is_ok()) {
        let _ = std::env::set_current_dir("/");
    }
    child
}

fn spawn_here(path: &Path, program: &Program, output: &OwnedFd) -> io::Result<Child> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    let errors = if program.with_errors {
        output.as_raw_fd()
    } else {
        nothing.as_raw_fd()
    };
    let mut files = PosixSpawnFileActions::init()?;
    files.add_dup2(nothing.as_raw_fd(), 0)?;
    files.add_dup2(output.as_raw_fd(), 1)?;
    files.add_dup2(errors, 2)?;
    let mut how = PosixSpawnAttr::init()?;
    // As the standard library does: this process ignores SIGPIPE, its children must not.
    let mut reset = SigSet::empty();
    reset.add(Signal::SIGPIPE);
    how.set_sigdefault(&reset)?;
    how.set_sigmask(&SigSet::empty())?;
    how.set_flags(
        PosixSpawnFlags::from_bits_retain(SETSID)
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
    )?;
    let words = program.words.iter().map(|word| text(word));
    let words = words.collect::<io::Result<Vec<CString>>>()?;
    let variables = program.environment.iter().map(|(name, value)| {
        let mut entry = name.as_bytes().to_vec();
        entry.push(b'=');
        entry.extend_from_slice(value.as_bytes());
        text(OsStr::from_bytes(&entry))
    });
    let variables = variables.collect::<io::Result<Vec<CString>>>()?;
    let pid = posix_spawn(path, &files, &how, &words, &variables)?;
    Ok(Child(pid.as_raw()))
}

fn text(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

/// Whether a thread can have a working folder of its own here.
fn own_folders() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        std::thread::spawn(|| unshare(CloneFlags::CLONE_FS).is_ok())
            .join()
            .unwrap_or(false)
    })
}

/// Whether shells get sessions of their own here, and not only process groups.
pub(crate) fn is_possible() -> bool {
    own_folders() || session_starter().is_some()
}

/// `setsid` from util-linux: gives a program its own session before it starts. Only where
/// [`spawn`] does not work, and for other users.
pub(crate) fn session_starter() -> Option<&'static Path> {
    static SETSID: OnceLock<PathBuf> = OnceLock::new();
    let path = SETSID.get_or_init(|| find(&["/usr/bin/setsid", "/bin/setsid"], "setsid"));
    path.is_absolute().then_some(path)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_program_starts_in_its_folder_and_its_starter_stays_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().canonicalize().unwrap();
        let program = Program {
            words: vec!["/bin/sh".into(), "-c".into(), "pwd -P".into()],
            directory: folder.clone(),
            environment: Vec::new(),
            run_as: None,
            own_session: true,
            with_errors: true,
        };
        let before = std::env::current_dir().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let writer = OwnedFd::from(writer);
        let Some(started) = spawn(&program, &writer) else {
            return; // Threads have no folder of their own here.
        };
        drop(writer);
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(started.unwrap().wait().unwrap(), 0);
        assert_eq!(said.trim_end(), folder.to_str().unwrap());
        assert_eq!(std::env::current_dir().unwrap(), before);
        let missing = Program {
            directory: folder.join("none"),
            ..program
        };
        assert!(matches!(
            spawn(&missing, &OwnedFd::from(io::pipe().unwrap().1)),
            Some(Err(_))
        ));
        assert_eq!(std::env::current_dir().unwrap(), before);
    }
}
