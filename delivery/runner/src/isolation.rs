//! What a job must not reach.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use rialto_delivery_cage::{openable, own_program};
use serde::{Deserialize, Serialize};

pub use rialto_delivery_cage::IsolationMode;

/// Who is isolated, in messages.
const JOBS: &str = "jobs";

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
            let usable = caches
                .iter()
                .filter_map(|path| openable(path, &self.hidden, JOBS).ok());
            self.writable = usable.collect();
            return Ok(());
        };
        self.writable = paths
            .iter()
            .map(|path| openable(path, &self.hidden, JOBS))
            .collect::<Result<_, _>>()?;
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

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
        assert_eq!(isolation.cage, ["/proc/self/exe", "job-cage"]);
        let work = Path::new("/var/lib/rialto/runner");
        let agent = crate::agent::AgentConfig::new("http://127.0.0.1:1", "token", work).unwrap();
        assert_eq!(agent.supervisor, ["/proc/self/exe", "job-supervisor"]);
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
}
