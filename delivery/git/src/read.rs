//! The reading side: refs, commits, trees, files.

use serde::{Deserialize, Serialize};

use crate::{GitError, Repository};

/// Largest answer of a listing command.
const LISTING_LIMIT: usize = 64 << 20;

/// A branch or tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchRef {
    /// Full name, e.g. `refs/heads/main`.
    pub name: String,
    /// Object the ref points at (for an annotated tag the tag object).
    pub sha: String,
    /// Commit behind it; `None` for a tag of something else.
    pub commit: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitInfo {
    /// Full id.
    pub sha: String,
    /// Tree id.
    pub tree: String,
    /// Parents in order.
    pub parents: Vec<String>,
    /// Author's name.
    pub author_name: String,
    /// Author's e-mail.
    pub author_email: String,
    /// Seconds since 1970.
    pub authored_at: i64,
    /// Committer's name.
    pub committer_name: String,
    /// Committer's e-mail.
    pub committer_email: String,
    /// Seconds since 1970.
    pub committed_at: i64,
    /// Whole message; bytes that are not UTF-8 replaced.
    pub message: String,
}

impl CommitInfo {
    /// First line of the message.
    #[must_use]
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or("").trim_end()
    }
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Path from the root.
    pub path: String,
    /// Git's mode, e.g. `100644`.
    pub mode: String,
    /// Object id.
    pub sha: String,
}

const COMMIT_FORMAT: &str =
    "--format=tformat:%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%at%x1f%cn%x1f%ce%x1f%ct%x1f%B";

impl Repository {
    /// Branches and tags.
    ///
    /// # Errors
    /// When git fails.
    pub async fn refs(&self) -> Result<Vec<BranchRef>, GitError> {
        let format =
            "--format=%(refname)%1f%(objectname)%1f%(objecttype)%1f%(*objectname)%1f%(*objecttype)";
        let out = self
            .run(
                &["for-each-ref", format, "refs/heads", "refs/tags"],
                LISTING_LIMIT,
            )
            .await?;
        let text = String::from_utf8_lossy(&out);
        let mut refs = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split('\u{1f}').collect();
            let &[name, sha, kind, peeled, peeled_kind] = fields.as_slice() else {
                return Err(unreadable("for-each-ref", line));
            };
            let commit = match (kind, peeled_kind) {
                ("commit", _) => Some(sha.to_owned()),
                ("tag", "commit") => Some(peeled.to_owned()),
                _ => None,
            };
            refs.push(BranchRef {
                name: name.to_owned(),
                sha: sha.to_owned(),
                commit,
            });
        }
        Ok(refs)
    }

    /// The commit a revision names, if there is one.
    ///
    /// # Errors
    /// When the revision is malformed or git fails.
    pub async fn resolve(&self, revision: &str) -> Result<Option<String>, GitError> {
        check_revision(revision)?;
        let peeled = format!("{revision}^{{commit}}");
        let arguments = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &peeled,
        ];
        let out = self
            .git
            .try_run(Some(&self.path), &arguments, &[], 4096)
            .await?;
        Ok((out.code == Some(0)).then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned()))
    }

    /// A commit.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when there is no such commit.
    pub async fn commit(&self, revision: &str) -> Result<CommitInfo, GitError> {
        check_revision(revision)?;
        let peeled = format!("{revision}^{{commit}}");
        let arguments = [
            "log",
            "-1",
            "-z",
            COMMIT_FORMAT,
            "--no-show-signature",
            "--end-of-options",
            &peeled,
        ];
        let out = self
            .git
            .try_run(Some(&self.path), &arguments, &[], 4 << 20)
            .await?;
        if out.code != Some(0) {
            if out.stderr.contains("bad revision") || out.stderr.contains("unknown revision") {
                return Err(self.missing(format!("commit {revision}")));
            }
            return Err(out.into_error());
        }
        parse_commits(&out.stdout)?
            .pop()
            .ok_or_else(|| self.missing(format!("commit {revision}")))
    }

    /// Commits reachable from `to` and not from `from`, newest first, at most `limit`.
    ///
    /// # Errors
    /// When a revision is malformed or unknown.
    pub async fn log(
        &self,
        from: Option<&str>,
        to: &str,
        limit: u32,
    ) -> Result<Vec<CommitInfo>, GitError> {
        check_revision(to)?;
        let count = format!("-{limit}");
        let mut arguments = vec![
            "log",
            &count,
            "-z",
            COMMIT_FORMAT,
            "--no-show-signature",
            "--end-of-options",
            to,
        ];
        let excluded = from.map(|f| format!("^{f}"));
        if let (Some(from), Some(excluded)) = (from, &excluded) {
            check_revision(from)?;
            arguments.push(excluded);
        }
        parse_commits(&self.run(&arguments, LISTING_LIMIT).await?)
    }

    /// Best common ancestor.
    ///
    /// # Errors
    /// When a revision is malformed or unknown.
    pub async fn merge_base(&self, a: &str, b: &str) -> Result<Option<String>, GitError> {
        check_revision(a)?;
        check_revision(b)?;
        let out = self
            .git
            .try_run(Some(&self.path), &["merge-base", a, b], &[], 4096)
            .await?;
        match out.code {
            Some(0) => Ok(Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())),
            Some(1) => Ok(None),
            _ => Err(out.into_error()),
        }
    }

    /// Whether `descendant` contains `ancestor` (or is it).
    ///
    /// # Errors
    /// When a revision is malformed or unknown.
    pub async fn is_ancestor(&self, ancestor: &str, descendant: &str) -> Result<bool, GitError> {
        check_revision(ancestor)?;
        check_revision(descendant)?;
        let arguments = ["merge-base", "--is-ancestor", ancestor, descendant];
        let out = self
            .git
            .try_run(Some(&self.path), &arguments, &[], 4096)
            .await?;
        match out.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(out.into_error()),
        }
    }

    /// A file at a commit; `None` when the path does not exist or is not a file.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] above `limit` bytes.
    pub async fn read_file(
        &self,
        commit: &str,
        path: &str,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, GitError> {
        check_revision(commit)?;
        if path.contains(['\n', '\0']) {
            return Ok(None);
        }
        let object = format!("{commit}:{path}\n");
        // `--batch` answers "missing" for a path that is not there, without guessing from stderr.
        let out = self
            .git
            .run(
                Some(&self.path),
                &["cat-file", "--batch"],
                object.as_bytes(),
                limit + 1024,
            )
            .await?;
        let (header, rest) = match out.iter().position(|&b| b == b'\n') {
            Some(end) => (
                String::from_utf8_lossy(&out[..end]).into_owned(),
                &out[end + 1..],
            ),
            None => return Err(unreadable("cat-file", "no header line")),
        };
        match parse_batch_header(&header) {
            Some(size) if size > limit => Err(GitError::TooLarge {
                what: path.to_owned(),
                limit,
            }),
            Some(size) => Ok(rest.get(..size).map(<[u8]>::to_vec)),
            None => Ok(None),
        }
    }

    /// All files at a commit, or those under a folder.
    ///
    /// # Errors
    /// When the revision is malformed or unknown.
    pub async fn tree(
        &self,
        commit: &str,
        folder: Option<&str>,
    ) -> Result<Vec<TreeEntry>, GitError> {
        check_revision(commit)?;
        let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", commit];
        let folder = folder.map(|f| format!("{}/", f.trim_matches('/')));
        if let Some(folder) = &folder {
            arguments.extend(["--", folder]);
        }
        let out = self.run(&arguments, LISTING_LIMIT).await?;
        Ok(parse_tree(&out))
    }

    pub(crate) fn missing(&self, what: String) -> GitError {
        GitError::NotFound {
            what,
            repository: self.name.to_string(),
        }
    }
}

/// Size from a `cat-file --batch` header, when the object is a blob.
pub(crate) fn parse_batch_header(header: &str) -> Option<usize> {
    let mut words = header.rsplitn(3, ' ');
    let size = words.next()?;
    (words.next()? == "blob").then(|| size.parse().ok())?
}

pub(crate) fn parse_tree(out: &[u8]) -> Vec<TreeEntry> {
    out.split(|&b| b == 0)
        .filter_map(|entry| {
            let entry = String::from_utf8_lossy(entry);
            let (meta, path) = entry.split_once('\t')?;
            let mut words = meta.split(' ');
            let (mode, _kind, sha) = (words.next()?, words.next()?, words.next()?);
            Some(TreeEntry {
                path: path.to_owned(),
                mode: mode.to_owned(),
                sha: sha.to_owned(),
            })
        })
        .collect()
}

fn parse_commits(out: &[u8]) -> Result<Vec<CommitInfo>, GitError> {
    let mut commits = Vec::new();
    for record in out.split(|&b| b == 0).filter(|r| !r.is_empty()) {
        let text = String::from_utf8_lossy(record);
        let fields: Vec<&str> = text.splitn(10, '\u{1f}').collect();
        let &[sha, tree, parents, an, ae, at, cn, ce, ct, message] = fields.as_slice() else {
            return Err(unreadable("log", &text));
        };
        let seconds = |s: &str| s.parse().map_err(|_| unreadable("log", s));
        commits.push(CommitInfo {
            sha: sha.trim_start_matches('\n').to_owned(),
            tree: tree.to_owned(),
            parents: parents.split_whitespace().map(str::to_owned).collect(),
            author_name: an.to_owned(),
            author_email: ae.to_owned(),
            authored_at: seconds(at)?,
            committer_name: cn.to_owned(),
            committer_email: ce.to_owned(),
            committed_at: seconds(ct)?,
            message: message.trim_end().to_owned(),
        });
    }
    Ok(commits)
}

pub(crate) fn unreadable(command: &str, detail: &str) -> GitError {
    GitError::Unreadable {
        command: command.to_owned(),
        detail: detail.chars().take(200).collect(),
    }
}

/// Only object ids and plain ref names reach a command line: no options, ranges or `@{}` forms.
pub(crate) fn check_revision(revision: &str) -> Result<(), GitError> {
    let plain = !revision.is_empty()
        && revision.len() <= 512
        && !revision.starts_with(['-', '.', '/'])
        && !revision.contains("..")
        && !revision.contains("@{")
        && !revision.ends_with(".lock")
        && !revision
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c));
    if plain {
        Ok(())
    } else {
        Err(GitError::InvalidRevision {
            revision: revision.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_never_an_option_or_expression() {
        for bad in [
            "",
            "-x",
            "--output=f",
            "a..b",
            "HEAD~1",
            "a:b",
            "x^",
            "a b",
            "HEAD@{1}",
        ] {
            assert!(check_revision(bad).is_err(), "{bad:?} was accepted");
        }
        for good in ["main", "refs/heads/a/b", "HEAD", "功能/一", "abc123"] {
            assert!(check_revision(good).is_ok(), "{good:?} was refused");
        }
    }
}
