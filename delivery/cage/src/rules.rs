//! The restriction itself. Landlock knows only what is allowed, never what is not: everything
//! beside the way from the root to a hidden path may be read, one rule each; of what is hidden only
//! the process's own folders are open. Written may be these, the folders an operator named, and the few
//! devices every program writes to.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, LandlockStatus, PathBeneath, RestrictionStatus, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use nix::fcntl::OFlag;

use super::Reach;

/// The newest version of Landlock whose rights are used.
const KNOWN: ABI = ABI::V7;

/// Where devices are.
const DEVICES: &str = "/dev";
/// Devices that are the machine's memory.
const MEMORY: [&str; 4] = ["mem", "kmem", "port", "nvram"];
/// Devices there, and a folder of them, that programs write to.
const WRITTEN_DEVICES: [&str; 8] = [
    "null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts",
];

/// Restricts the calling thread and all it will start. Gives Landlock's version in use (0: none),
/// how many paths are hidden, and which folders on the way to them could not be listed.
///
/// # Errors
/// With a sentence when a rule cannot be made; the thread may then be restricted or not.
pub(crate) fn restrict(reach: &Reach) -> Result<(u8, usize, Vec<PathBuf>), String> {
    let hidden = outermost(&reach.hidden)?;
    let told = |error: RulesetError| format!("Landlock refused a rule: {error}");
    let mut rules = Rules {
        ruleset: Ruleset::default()
            .handle_access(AccessFs::from_all(KNOWN))
            .and_then(|ruleset| ruleset.scope(Scope::from_all(KNOWN)))
            .and_then(Ruleset::create)
            .map_err(told)?,
        closed: Vec::new(),
    };
    let everything = AccessFs::from_all(KNOWN);
    let read = AccessFs::from_read(KNOWN);
    rules
        .allow_beside(Path::new("/"), &hidden, read)
        .map_err(told)?;
    for path in outermost(&reach.named)? {
        if hidden.iter().any(|outer| path.starts_with(outer)) {
            continue;
        }
        if hidden.iter().any(|inner| inner.starts_with(&path)) {
            rules.allow_beside(&path, &hidden, everything)
        } else {
            rules.allow(&path, everything)
        }
        .map_err(told)?;
    }
    let writing = AccessFs::WriteFile | AccessFs::ReadDir;
    for (paths, access) in [
        (&reach.writable, everything),
        (&reach.readable, read),
        (&reach.pipes, writing),
    ] {
        for path in paths {
            let real = path
                .canonicalize()
                .map_err(|e| format!("{}: {e}", path.display()))?;
            rules.allow(&real, access).map_err(told)?;
        }
    }
    let closed = rules.closed;
    let status = rules.ruleset.restrict_self().map_err(told)?;
    Ok((effective(&status), hidden.len(), closed))
}

fn effective(status: &RestrictionStatus) -> u8 {
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. }
            if status.ruleset != RulesetStatus::NotEnforced =>
        {
            effective_abi as u8
        }
        _ => 0,
    }
}

/// The version of Landlock this kernel has, 0 when it has none that can be used.
#[must_use]
pub fn kernel_abi() -> u8 {
    // Only a restriction tells. A thread of its own is restricted, and ends.
    let asked = std::thread::spawn(|| {
        Ruleset::default()
            .handle_access(AccessFs::from_all(KNOWN))
            .and_then(Ruleset::create)
            .and_then(RulesetCreated::restrict_self)
            .map_or(0, |status| effective(&status))
    });
    asked.join().unwrap_or(0)
}

/// The real paths of what exists, without those inside another one.
fn outermost(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut real = Vec::new();
    for path in paths {
        match path.canonicalize() {
            Ok(path) if path == Path::new("/") => {
                return Err("the root folder can be neither hidden nor opened".to_owned());
            }
            Ok(path) => real.push(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    real.sort();
    // Sorted by components: what is inside a folder follows it.
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in real {
        if !kept.last().is_some_and(|outer| path.starts_with(outer)) {
            kept.push(path);
        }
    }
    Ok(kept)
}

struct Rules {
    ruleset: RulesetCreated,
    closed: Vec<PathBuf>,
}

impl Rules {
    /// Allows this access to everything in a folder but what is hidden, and the way there.
    fn allow_beside(
        &mut self,
        folder: &Path,
        hidden: &[PathBuf],
        access: BitFlags<AccessFs>,
    ) -> Result<(), RulesetError> {
        let Ok(entries) = fs::read_dir(folder) else {
            self.closed.push(folder.to_path_buf());
            return Ok(());
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if hidden.contains(&path) {
                continue;
            }
            if hidden.iter().any(|inner| inner.starts_with(&path)) {
                self.allow_beside(&path, hidden, access)?;
            } else if path == Path::new(DEVICES) {
                self.allow_devices(&path)?;
            } else {
                self.allow(&path, access)?;
            }
        }
        Ok(())
    }

    /// Allows what is in the folder of devices but disks, which hold every file there is, and the
    /// machine's memory. Only what every program writes to may be written.
    fn allow_devices(&mut self, folder: &Path) -> Result<(), RulesetError> {
        let Ok(entries) = fs::read_dir(folder) else {
            self.closed.push(folder.to_path_buf());
            return Ok(());
        };
        let entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        // To list is all that this right allows.
        self.allow(folder, AccessFs::ReadDir.into())?;
        for path in entries {
            let Ok(kind) = fs::symlink_metadata(&path).map(|meta| meta.file_type()) else {
                continue;
            };
            let memory = MEMORY.iter().any(|name| path.ends_with(name));
            if kind.is_block_device() || (kind.is_char_device() && memory) {
                continue;
            }
            let written = WRITTEN_DEVICES
                .iter()
                .any(|name| path == Path::new(DEVICES).join(name));
            if written {
                self.allow(&path, AccessFs::from_all(KNOWN))?;
            } else if kind.is_dir() {
                self.allow_devices(&path)?;
            } else {
                self.allow(&path, AccessFs::from_read(KNOWN))?;
            }
        }
        Ok(())
    }

    /// Allows a path and all below it. A link is nothing to allow: where it leads is allowed or
    /// hidden by itself.
    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), RulesetError> {
        let opened = File::options()
            .read(true)
            .custom_flags((OFlag::O_PATH | OFlag::O_NOFOLLOW).bits())
            .open(path);
        // What cannot even be looked up now, the process could not use either.
        let Ok(file) = opened else { return Ok(()) };
        let Ok(meta) = file.metadata() else {
            return Ok(());
        };
        if meta.is_symlink() {
            return Ok(());
        }
        let access = if meta.is_dir() {
            access
        } else {
            access & AccessFs::from_file(KNOWN)
        };
        (&mut self.ruleset).add_rule(PathBeneath::new(file, access))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_inside_a_hidden_one_needs_no_rule_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        for name in ["data/runner", "data-2", "token"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let paths = ["token", "data/runner", "data", "data-2", "absent"].map(|n| root.join(n));
        let kept = outermost(&paths).unwrap();
        assert_eq!(kept, ["data", "data-2", "token"].map(|n| root.join(n)));
        assert!(outermost(&[PathBuf::from("/")]).is_err());
    }
}
