//! The files of a commit, as the pipeline compiler wants them.

use rialto_delivery_git::{GitError, Repository, Snapshot};
use rialto_delivery_pipeline::Repository as Files;

/// Largest file read for a pipeline (an include may have 2 MB; the compiler refuses more itself).
const FILE_BYTES: usize = 4 << 20;

/// A commit for the compiler. Blocking.
pub(crate) struct CommitFiles {
    snapshot: Snapshot,
    /// What `rules:changes` compares with by default; `None` = unknown, so the rule is true.
    base: Option<String>,
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

    /// A file of the commit.
    pub fn file(&self, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        self.snapshot.read(path, FILE_BYTES)
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
}
