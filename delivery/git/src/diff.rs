//! Differences between commits.

use crate::read::check_revision;
use crate::{GitError, Repository};

/// The empty tree, which git knows without storing it.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

impl Repository {
    /// Unified diff with no context, renames found at 50 % similarity; `None` compares with
    /// nothing, so every line is new.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] above `limit` bytes; unknown revisions.
    pub async fn diff(
        &self,
        base: Option<&str>,
        head: &str,
        limit: usize,
    ) -> Result<Vec<u8>, GitError> {
        let base = base.unwrap_or(EMPTY_TREE);
        check_revision(base)?;
        check_revision(head)?;
        let arguments = [
            "diff",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--full-index",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "-M50%",
            "-U0",
            base,
            head,
            "--",
        ];
        self.run(&arguments, limit).await
    }

    /// Paths that differ; a rename shows both names.
    ///
    /// # Errors
    /// Unknown revisions.
    pub async fn changed_paths(
        &self,
        base: Option<&str>,
        head: &str,
    ) -> Result<Vec<String>, GitError> {
        let base = base.unwrap_or(EMPTY_TREE);
        check_revision(base)?;
        check_revision(head)?;
        let arguments = [
            "diff",
            "--no-ext-diff",
            "--no-renames",
            "--name-only",
            "-z",
            base,
            head,
        ];
        let out = self.run(&arguments, 64 << 20).await?;
        Ok(crate::snapshot::split_paths(&out))
    }
}
