//! What can go wrong with a repository.

use std::path::PathBuf;

/// A git operation that did not work.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The `git` program could not be started.
    #[error("cannot start `{program}`: {source}; install git 2.30 or newer and put it on PATH")]
    Start {
        /// Program as configured.
        program: String,
        /// Cause.
        source: std::io::Error,
    },
    /// `git` ended with an error.
    #[error("git {command} failed ({status}): {stderr}")]
    Failed {
        /// Sub-command.
        command: String,
        /// Exit status in words.
        status: String,
        /// What git said, at most 4 KiB.
        stderr: String,
    },
    /// The client's request is not of git's protocol.
    #[error("this is no request of git {command}: {detail}")]
    Malformed {
        /// Sub-command.
        command: String,
        /// What git said.
        detail: String,
    },
    /// `git` took longer than allowed and was stopped.
    #[error("git {command} did not finish within {seconds} s and was stopped")]
    TimedOut {
        /// Sub-command.
        command: String,
        /// Limit.
        seconds: u64,
    },
    /// The object, path or ref does not exist.
    #[error("{what} does not exist in {repository}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Repository path for people.
        repository: String,
    },
    /// The repository name is not allowed.
    #[error("`{name}` is not a repository name: {why}")]
    InvalidName {
        /// Name as given.
        name: String,
        /// Rule that it breaks.
        why: &'static str,
    },
    /// A revision given by a caller is not a plain object id or ref name.
    #[error("`{revision}` is not a commit id or ref name")]
    InvalidRevision {
        /// Revision as given.
        revision: String,
    },
    /// The answer is larger than the caller accepts.
    #[error("{what} is larger than {}", crate::oversize::size(*limit as u64))]
    TooLarge {
        /// What was read.
        what: String,
        /// Limit in bytes.
        limit: usize,
    },
    /// Git answered in a form that cannot be read.
    #[error("cannot read the answer of git {command}: {detail}")]
    Unreadable {
        /// Sub-command.
        command: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file of the repository folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Path.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
}

impl GitError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
