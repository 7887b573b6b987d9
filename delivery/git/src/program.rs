//! The `git` program, started safely.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::{GitError, Limits, RepositoryName};

/// How repositories are kept and served.
#[derive(Debug, Clone)]
pub struct GitSettings {
    /// Folder of the bare repositories.
    pub root: PathBuf,
    /// Folder that holds the hook scripts; written by [`Git::open`].
    pub hooks: PathBuf,
    /// Program and arguments a hook runs; the hook's name is appended
    /// (`rialto git-hook` becomes `rialto git-hook pre-receive`).
    pub hook_command: Vec<String>,
    /// The `git` program.
    pub program: PathBuf,
    /// Limits of one exchange.
    pub limits: Limits,
}

impl GitSettings {
    /// Settings for a data folder, with `git` from PATH.
    #[must_use]
    pub fn new(data: &Path, hook_command: Vec<String>) -> Self {
        Self {
            root: data.join("git"),
            hooks: data.join("hooks"),
            hook_command,
            program: PathBuf::from("git"),
            limits: Limits::default(),
        }
    }
}

/// The hosting service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Git {
    settings: Arc<GitSettings>,
}

/// One bare repository. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(crate) git: Git,
    pub(crate) path: PathBuf,
    pub(crate) name: RepositoryName,
}

impl Git {
    /// Prepares the folders and writes the hook script.
    ///
    /// # Errors
    /// When a folder cannot be made or `git` cannot be started.
    pub async fn open(settings: GitSettings) -> Result<Self, GitError> {
        for folder in [&settings.root, &settings.hooks] {
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(GitError::file(folder))?;
        }
        let git = Self {
            settings: Arc::new(settings),
        };
        git.write_hook().await?;
        git.run(None, &["version"], &[], 4096).await?;
        Ok(git)
    }

    async fn write_hook(&self) -> Result<(), GitError> {
        use std::os::unix::fs::PermissionsExt as _;
        let command: Vec<String> = self
            .settings
            .hook_command
            .iter()
            .map(|word| shell_quote(word))
            .collect();
        let script = format!("#!/bin/sh\nexec {} pre-receive\n", command.join(" "));
        let path = self.settings.hooks.join("pre-receive");
        // Written beside and renamed: a push that runs meanwhile sees the old or the new script.
        let fresh = self
            .settings
            .hooks
            .join(format!(".pre-receive.{}", std::process::id()));
        tokio::fs::write(&fresh, script)
            .await
            .map_err(GitError::file(&fresh))?;
        let mode = std::fs::Permissions::from_mode(0o755);
        tokio::fs::set_permissions(&fresh, mode)
            .await
            .map_err(GitError::file(&fresh))?;
        tokio::fs::rename(&fresh, &path)
            .await
            .map_err(GitError::file(&path))
    }

    /// The repository of this name, which must exist.
    ///
    /// # Errors
    /// [`GitError::NotFound`].
    pub fn repository(&self, name: &RepositoryName) -> Result<Repository, GitError> {
        let repository = self.locate(name);
        if repository.path.join("HEAD").is_file() {
            Ok(repository)
        } else {
            Err(GitError::NotFound {
                what: "the repository".to_owned(),
                repository: name.to_string(),
            })
        }
    }

    fn locate(&self, name: &RepositoryName) -> Repository {
        let path = self
            .settings
            .root
            .join(name.namespace())
            .join(format!("{}.git", name.project()));
        Repository {
            git: self.clone(),
            path,
            name: name.clone(),
        }
    }

    /// Makes an empty bare repository; an existing one is returned as it is.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn create(
        &self,
        name: &RepositoryName,
        default_branch: &str,
    ) -> Result<Repository, GitError> {
        let repository = self.locate(name);
        if repository.path.join("HEAD").is_file() {
            return Ok(repository);
        }
        tokio::fs::create_dir_all(&repository.path)
            .await
            .map_err(GitError::file(&repository.path))?;
        crate::read::check_revision(default_branch)?;
        let initial = format!("--initial-branch={default_branch}");
        // `--template=` (empty): no sample hooks, no description, nothing to execute.
        let path = repository.path.as_os_str();
        self.run(
            None,
            &[
                OsStr::new("init"),
                OsStr::new("--bare"),
                OsStr::new("--quiet"),
                OsStr::new("--template="),
                OsStr::new(&initial),
                path,
            ],
            &[],
            4096,
        )
        .await?;
        let receipts = repository.receipts_folder();
        tokio::fs::create_dir_all(&receipts)
            .await
            .map_err(GitError::file(&receipts))?;
        Ok(repository)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    /// Arguments that come before the sub-command: all configuration that matters.
    fn configuration(&self) -> Vec<OsString> {
        let mut hooks = OsString::from("core.hooksPath=");
        hooks.push(&self.settings.hooks);
        let max_input = format!("receive.maxInputSize={}", self.settings.limits.push_bytes);
        let fixed = [
            "safe.directory=*",
            // Objects and refs are on disk before a push is acknowledged.
            "core.fsync=objects,derived-metadata,reference",
            "core.fsyncMethod=batch",
            "transfer.fsckObjects=true",
            "transfer.hideRefs=refs/rialto",
            "receive.advertisePushOptions=true",
            "receive.autogc=false",
            "gc.auto=0",
            "maintenance.auto=false",
            "uploadpack.allowFilter=true",
            "uploadpack.allowAnySHA1InWant=true",
            "core.quotePath=false",
            "core.attributesFile=/dev/null",
            "core.fsmonitor=false",
            "diff.renameLimit=5000",
        ];
        let mut arguments = Vec::new();
        for setting in fixed
            .into_iter()
            .map(OsString::from)
            .chain([hooks, max_input.into()])
        {
            arguments.push("-c".into());
            arguments.push(setting);
        }
        arguments
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        vec![
            ("PATH", path),
            ("HOME", self.settings.root.clone().into_os_string()),
            ("LC_ALL", "C".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_ATTR_NOSYSTEM", "1".into()),
            ("GIT_TERMINAL_PROMPT", "0".into()),
            ("GIT_NO_REPLACE_OBJECTS", "1".into()),
            ("GIT_OPTIONAL_LOCKS", "0".into()),
        ]
    }

    /// A command with the safe environment; `repository` becomes `--git-dir`.
    pub(crate) fn command(&self, repository: Option<&Path>) -> Command {
        let mut command = Command::new(&self.settings.program);
        command
            .env_clear()
            .envs(self.environment())
            .args(self.configuration());
        if let Some(path) = repository {
            command.arg("--git-dir").arg(path);
        }
        command.kill_on_drop(true).stdin(Stdio::null());
        command
    }

    /// The same for a blocking child (see [`crate::Snapshot`]).
    pub(crate) fn blocking_command(&self, repository: &Path) -> std::process::Command {
        let mut command = std::process::Command::new(&self.settings.program);
        command
            .env_clear()
            .envs(self.environment())
            .args(self.configuration());
        command.arg("--git-dir").arg(repository);
        command
    }

    pub(crate) fn start_error(&self, source: std::io::Error) -> GitError {
        GitError::Start {
            program: self.settings.program.display().to_string(),
            source,
        }
    }

    /// Runs a sub-command to its end and returns its output.
    pub(crate) async fn run<S: AsRef<OsStr>>(
        &self,
        repository: Option<&Path>,
        arguments: &[S],
        input: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, GitError> {
        let output = self.try_run(repository, arguments, input, limit).await?;
        if output.code == Some(0) {
            return Ok(output.stdout);
        }
        Err(output.into_error())
    }

    /// Runs a sub-command to its end and returns output and status.
    pub(crate) async fn try_run<S: AsRef<OsStr>>(
        &self,
        repository: Option<&Path>,
        arguments: &[S],
        input: &[u8],
        limit: usize,
    ) -> Result<Output, GitError> {
        let name = arguments
            .first()
            .map_or_else(String::new, |a| a.as_ref().to_string_lossy().into());
        let mut command = self.command(repository);
        command
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !input.is_empty() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().map_err(|e| self.start_error(e))?;
        let seconds = self.settings.limits.read_timeout.as_secs();
        let work = async {
            let unreadable = |detail: std::io::Error| GitError::Unreadable {
                command: name.clone(),
                detail: detail.to_string(),
            };
            let stdin = child.stdin.take();
            let stdout = child.stdout.take();
            let stderr = child.stderr.take();
            let feed = async {
                if let Some(mut stdin) = stdin {
                    // A child that stops reading early explains itself by status and stderr.
                    let _ = stdin.write_all(input).await;
                }
            };
            let out = read_limited(stdout, limit);
            let err = read_limited(stderr, 4096);
            let ((), out, err) = tokio::join!(feed, out, err);
            let (stdout, cut) = out.map_err(unreadable)?;
            if cut {
                return Err(GitError::TooLarge {
                    what: format!("the answer of git {name}"),
                    limit,
                });
            }
            let (stderr, _) = err.map_err(unreadable)?;
            let status = child.wait().await.map_err(unreadable)?;
            Ok(Output {
                command: name.clone(),
                code: status.code(),
                status: status.to_string(),
                stdout,
                stderr: String::from_utf8_lossy(&stderr).trim().to_owned(),
            })
        };
        tokio::time::timeout(Duration::from_secs(seconds), work)
            .await
            .unwrap_or(Err(GitError::TimedOut {
                command: name.clone(),
                seconds,
            }))
    }
}

impl Repository {
    /// Folder of the bare repository.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `namespace/project`.
    #[must_use]
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// Where accepted pushes wait to be taken into the database.
    #[must_use]
    pub fn receipts_folder(&self) -> PathBuf {
        self.path.join("rialto-pushes")
    }

    pub(crate) async fn run<S: AsRef<OsStr>>(
        &self,
        arguments: &[S],
        limit: usize,
    ) -> Result<Vec<u8>, GitError> {
        self.git.run(Some(&self.path), arguments, &[], limit).await
    }
}

/// What a finished `git` said.
pub(crate) struct Output {
    command: String,
    pub(crate) code: Option<i32>,
    status: String,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn into_error(self) -> GitError {
        GitError::Failed {
            command: self.command,
            status: self.status,
            stderr: self.stderr,
        }
    }
}

/// Reads to the end, or to one byte over the limit; the flag says that there was more.
async fn read_limited(
    reader: Option<impl tokio::io::AsyncRead + Unpin>,
    limit: usize,
) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let Some(reader) = reader else {
        return Ok((bytes, false));
    };
    let mut reader = reader.take(limit as u64 + 1);
    reader.read_to_end(&mut bytes).await?;
    let cut = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((bytes, cut))
}

/// Quotes a word for `sh`.
fn shell_quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
