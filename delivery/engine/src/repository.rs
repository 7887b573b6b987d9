//! The files of a commit, as the pipeline compiler wants them.

use rialto_delivery_git::{GitError, Repository, Snapshot};
use rialto_delivery_pipeline::Repository as Files;
use rialto_delivery_run::size::Size;

/// Largest file read for a pipeline: what the compiler, and with it the command line, reads at most.
const FILE_BYTES: usize = 2 << 20;

/// A commit for the compiler. Blocking.
pub(crate) struct CommitFiles {
    snapshot: Snapshot,
    /// What `rules:changes` compares with by default; `None` = unknown, so the rule is true.
    base: Option<String>,
}

/// What stands at a path.
pub(crate) enum Found {
    /// Nothing.
    Missing,
    /// A file's content.
    File(Vec<u8>),
    /// Something that can never be read; what it is, as the end of a sentence.
    Unfit(String),
}

impl CommitFiles {
    pub fn open(
        repository: &Repository,
        sha: &str,
        base: Option<String>,
    ) -> Result<Self, GitError> {
        Ok(Self {
            snapshot: repository.snapshot(sha)?,
            base,
        })
    }

    /// A file that configures the pipeline.
    ///
    /// # Errors
    /// What may be better at the next try. What the commit itself makes impossible is
    /// [`Found::Unfit`].
    pub fn find(&self, path: &str) -> Result<Found, GitError> {
        let unreadable = |error: &GitError| matches!(error, GitError::Unreadable { .. });
        let mut read = self.snapshot.read(path, FILE_BYTES);
        if read.as_ref().is_err_and(unreadable) {
            // The reading process may have been the trouble, the next one is a fresh one.
            read = self.snapshot.read(path, FILE_BYTES);
        }
        match read {
            Ok(Some(bytes)) => Ok(Found::File(bytes)),
            Ok(None) => {
                let below = format!("{path}/");
                let is_there = |known: &String| known == path || known.starts_with(&below);
                Ok(match self.snapshot.paths()?.iter().any(is_there) {
                    true => Found::Unfit(
                        "is no file with content in this repository (it is a folder, a submodule, \
                         or its content is missing); commit a file in its place"
                            .to_owned(),
                    ),
                    false => Found::Missing,
                })
            }
            Err(GitError::TooLarge { limit, .. }) => Ok(Found::Unfit(format!(
                "is larger than {} and is not read; split it with `include`",
                Size::of(limit)
            ))),
            Err(error) if unreadable(&error) => Ok(Found::Unfit(format!(
                "cannot be read from the repository: {error}"
            ))),
            Err(error) => Err(error),
        }
    }
}

impl Files for CommitFiles {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.snapshot.read(path, FILE_BYTES) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(path, %error, "cannot read a file of a commit");
                None
            }
        }
    }

    fn size(&self, path: &str) -> Option<u64> {
        match self.snapshot.read(path, FILE_BYTES) {
            Ok(found) => found.map(|bytes| bytes.len() as u64),
            // Too large to be handed over, and told so instead of "missing".
            Err(GitError::TooLarge { .. }) => Some(u64::MAX),
            Err(_) => None,
        }
    }

    fn list(&self) -> Vec<String> {
        self.snapshot.paths().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot list the files of a commit");
            Vec::new()
        })
    }

    fn changed_paths(&self, compare_to: Option<&str>) -> Option<Vec<String>> {
        let base = compare_to
            .map(str::to_owned)
            .or_else(|| self.base.clone())?;
        self.snapshot.changed_paths(&base).ok()
    }

    fn has_ref(&self, name: &str) -> bool {
        self.snapshot.has_revision(name).unwrap_or_else(|error| {
            tracing::warn!(name, %error, "cannot look up a ref to compare with");
            true
        })
    }
}
