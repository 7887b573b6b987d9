//! What a job must not reach, and what is done where the kernel cannot see to that.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Landlock's oldest version that allows renaming between folders; builds break without that.
const OLDEST_USABLE_ABI: u8 = 2;
/// Guards against emptying a file that may not be written (Linux 6.2).
const TRUNCATE_ABI: u8 = 3;
/// Guards against signals to processes outside of the job (Linux 6.12).
const SCOPE_ABI: u8 = 6;

/// How strictly jobs are kept from the files and processes of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsolationMode {
    /// By Landlock as far as this kernel has it; what it lacks is told in the log of each job.
    #[default]
    Landlock,
    /// By Landlock with all that is used of it; else the job fails as `runner_system_failure`.
    Required,
    /// Not at all: a job reaches whatever its user does.
    Off,
}

/// The names, as written in settings.
const NAMES: [(&str, IsolationMode); 3] = [
    ("landlock", IsolationMode::Landlock),
    ("required", IsolationMode::Required),
    ("off", IsolationMode::Off),
];

impl fmt::Display for IsolationMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, mode)| mode == self);
        f.write_str(name.map_or("landlock", |(name, _)| name))
    }
}

impl FromStr for IsolationMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, mode)| *mode)
            .ok_or_else(|| format!("{text:?} is no isolation; use landlock, required or off"))
    }
}

/// The isolation of a runner's jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// How strictly.
    pub mode: IsolationMode,
    /// Folders and files that no job may read, list or write; the job's own folders inside them
    /// stay open to it.
    pub hidden: Vec<PathBuf>,
    /// Folders and files that every job may write to, beside its own; what is hidden in them stays
    /// hidden.
    #[serde(default)]
    pub writable: Vec<PathBuf>,
    /// Program and arguments of the process that restricts itself and then starts the shells; see
    /// [`crate::cage::serve`].
    pub cage: Vec<OsString>,
}

impl Isolation {
    /// The usual one: Landlock, with this very program's `job-cage`, hiding these paths.
    ///
    /// # Errors
    /// When this program cannot be started again: `/proc` is not there.
    pub fn new(hidden: Vec<PathBuf>) -> io::Result<Self> {
        Ok(Self {
            mode: IsolationMode::default(),
            hidden,
            writable: Vec::new(),
            cage: vec![own_program()?, "job-cage".into()],
        })
    }

    /// Lets jobs write to these paths too; absent: to the caches of the tools of the runner's user,
    /// as far as they exist. Relies on [`Self::hidden`] being complete.
    ///
    /// # Errors
    /// With a sentence when a path does not exist, is hidden, or leads to the program that is
    /// running, which a job could then replace.
    pub fn allow_writing(&mut self, paths: Option<Vec<PathBuf>>) -> Result<(), String> {
        let Some(paths) = paths else {
            let caches = tool_caches(|name| std::env::var_os(name).map(PathBuf::from));
            let usable = caches.iter().filter_map(|path| self.openable(path).ok());
            self.writable = usable.collect();
            return Ok(());
        };
        self.writable = paths
            .iter()
            .map(|path| self.openable(path))
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    /// The real path, if jobs may be allowed to write there.
    fn openable(&self, path: &Path) -> Result<PathBuf, String> {
        let refused = |why: &str| format!("{} cannot be opened to jobs: {why}", path.display());
        let real = path.canonicalize().map_err(|e| refused(&e.to_string()))?;
        let program = std::fs::read_link(OWN_PROGRAM).map_err(|e| refused(&e.to_string()))?;
        if program.starts_with(&real) {
            let why = format!("the running program {} is in there", program.display());
            return Err(refused(&why));
        }
        let hidden = self.hidden.iter().filter_map(|p| p.canonicalize().ok());
        if let Some(outer) = hidden.into_iter().find(|outer| real.starts_with(outer)) {
            return Err(refused(&format!("{} is hidden from them", outer.display())));
        }
        Ok(real)
    }
}

/// Leads to the file this process was started from, also when its path was given to another file
/// since.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The word that starts this very program anew, whatever its path leads to by then.
///
/// # Errors
/// When there is no `/proc`.
pub(crate) fn own_program() -> io::Result<OsString> {
    std::fs::read_link(OWN_PROGRAM)?;
    Ok(OWN_PROGRAM.into())
}

/// What package managers keep for all builds of a user. Of cargo's folder not all: its programs are
/// in there too.
fn tool_caches(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    const OF_CARGO: [&str; 5] = [
        "registry",
        "git",
        ".package-cache",
        ".package-cache-mutate",
        ".global-cache",
    ];
    let home = variable("HOME").filter(|home| home.is_absolute());
    let cargo = variable("CARGO_HOME").or_else(|| Some(home.as_ref()?.join(".cargo")));
    let mut caches: Vec<PathBuf> = cargo
        .iter()
        .flat_map(|cargo| OF_CARGO.map(|name| cargo.join(name)))
        .collect();
    caches.extend(variable("CARGO_TARGET_DIR"));
    caches.extend(
        home.iter()
            .flat_map(|home| [".npm", ".cache"].map(|name| home.join(name))),
    );
    caches
}

/// What a kernel's version of Landlock (0: none) means for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All that is used of it is there.
    Full,
    /// It is used, and this warning tells what it cannot do.
    Partial(String),
    /// It cannot be used; the job runs without, after this warning.
    None(String),
    /// The job must not run.
    Refused(String),
}

/// Decides by the kernel's version of Landlock and the mode.
pub(crate) fn verdict(abi: u8, mode: IsolationMode) -> Verdict {
    let advice = "Linux 6.12 or newer has all of it";
    let text = if abi < OLDEST_USABLE_ABI {
        format!(
            "this job is not isolated from the files of the server and of other jobs: this kernel \
             has no usable Landlock; {advice}"
        )
    } else if abi < SCOPE_ABI {
        let truncate = if abi < TRUNCATE_ABI {
            "emptying files of the server, and "
        } else {
            ""
        };
        format!(
            "this job is only partly isolated: Landlock of this kernel (ABI {abi}) does not keep \
             it from {truncate}sending signals to other processes of its user; {advice}"
        )
    } else {
        return Verdict::Full;
    };
    match mode {
        IsolationMode::Required => Verdict::Refused(format!("isolation is required, but {text}")),
        _ if abi < OLDEST_USABLE_ABI => Verdict::None(text),
        _ => Verdict::Partial(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_landlock_is_told_or_refused() {
        for abi in [0, 1] {
            let Verdict::None(text) = verdict(abi, IsolationMode::Landlock) else {
                panic!("ABI {abi} is not usable");
            };
            assert!(text.starts_with("this job is not isolated"), "{text}");
            let Verdict::Refused(text) = verdict(abi, IsolationMode::Required) else {
                panic!("ABI {abi} does not do what is required");
            };
            assert!(text.starts_with("isolation is required"), "{text}");
        }
    }

    #[test]
    fn what_an_old_landlock_cannot_do_is_named() {
        let Verdict::Partial(old) = verdict(2, IsolationMode::Landlock) else {
            panic!("usable in part");
        };
        assert!(old.contains("emptying files"), "{old}");
        let Verdict::Partial(newer) = verdict(5, IsolationMode::Landlock) else {
            panic!("usable in part");
        };
        assert!(
            newer.contains("signals") && !newer.contains("emptying"),
            "{newer}"
        );
        assert!(matches!(
            verdict(5, IsolationMode::Required),
            Verdict::Refused(_)
        ));
        assert_eq!(verdict(6, IsolationMode::Required), Verdict::Full);
    }

    #[test]
    fn a_folder_with_the_running_program_or_a_secret_is_never_opened() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("data/inner");
        let cache = dir.path().join("cache");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::create_dir(&cache).unwrap();
        let mut isolation = Isolation::new(vec![dir.path().join("data")]).unwrap();
        let program = std::env::current_exe().unwrap();
        for path in [program.as_path(), program.parent().unwrap(), Path::new("/")] {
            let why = isolation.allow_writing(Some(vec![path.to_path_buf()]));
            assert!(why.unwrap_err().contains("the running program"));
        }
        let why = isolation.allow_writing(Some(vec![inner])).unwrap_err();
        assert!(why.contains("is hidden from them"), "{why}");
        let why = isolation.allow_writing(Some(vec!["/nowhere/at/all".into()]));
        assert!(
            why.unwrap_err()
                .contains("/nowhere/at/all cannot be opened")
        );
        isolation.allow_writing(Some(vec![cache.clone()])).unwrap();
        assert_eq!(isolation.writable, [cache.canonicalize().unwrap()]);
    }

    #[test]
    fn a_program_put_in_the_place_of_this_one_is_not_started() {
        let isolation = Isolation::new(Vec::new()).unwrap();
        assert_eq!(isolation.cage, [OWN_PROGRAM, "job-cage"]);
        let work = Path::new("/var/lib/rialto/runner");
        let agent = crate::agent::AgentConfig::new("http://127.0.0.1:1", "token", work).unwrap();
        assert_eq!(agent.supervisor, [OWN_PROGRAM, "job-supervisor"]);
    }

    #[test]
    fn programs_are_no_tool_cache() {
        let caches = tool_caches(|name| (name == "HOME").then(|| "/home/ci".into()));
        assert!(
            caches.contains(&"/home/ci/.cargo/registry".into()),
            "{caches:?}"
        );
        assert!(caches.contains(&"/home/ci/.npm".into()), "{caches:?}");
        let programs = Path::new("/home/ci/.cargo/bin/cargo");
        assert!(!caches.iter().any(|cache| programs.starts_with(cache)));
    }

    #[test]
    fn a_mode_is_read_as_it_is_written() {
        for (name, mode) in NAMES {
            assert_eq!(name.parse(), Ok(mode));
            assert_eq!(mode.to_string(), name);
        }
        assert!("on".parse::<IsolationMode>().is_err());
    }
}
