//! Making commits without a working tree: sample projects and reverts.

use std::fmt::Write as _;

use crate::read::{check_revision, unreadable};
use crate::{GitError, Repository};

/// Author or committer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name; control characters and `<>` are removed.
    pub name: String,
    /// E-mail; same rule.
    pub email: String,
    /// Seconds since 1970.
    pub at: i64,
}

/// A file of a new commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFile {
    /// Path from the root.
    pub path: String,
    /// New content; `None` deletes the file.
    pub content: Option<Vec<u8>>,
    /// Executable bit.
    pub executable: bool,
}

/// A commit to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// Branch without `refs/heads/`; its head becomes the parent if it exists.
    pub branch: String,
    /// Message.
    pub message: String,
    /// Author and committer.
    pub author: Signature,
    /// Changed files; others stay.
    pub files: Vec<CommitFile>,
}

impl Repository {
    /// Makes a commit and moves the branch to it, through `git fast-import`. No hook runs: the
    /// caller is the server itself.
    ///
    /// # Errors
    /// Malformed paths or branch names, git failures.
    pub async fn commit_files(&self, new: &NewCommit) -> Result<String, GitError> {
        check_revision(&new.branch)?;
        let parent = self.resolve(&format!("refs/heads/{}", new.branch)).await?;
        let mut stream = Vec::new();
        let mut head = String::new();
        let who = format!(
            "{} <{}> {} +0000",
            clean(&new.author.name),
            clean(&new.author.email),
            new.author.at
        );
        let _ = write!(
            head,
            "commit refs/heads/{}\nmark :1\nauthor {who}\ncommitter {who}\ndata {}\n{}\n",
            new.branch,
            new.message.len(),
            new.message
        );
        if let Some(parent) = &parent {
            let _ = writeln!(head, "from {parent}");
        }
        stream.extend_from_slice(head.as_bytes());
        for file in &new.files {
            check_path(&file.path)?;
            match &file.content {
                None => stream.extend_from_slice(format!("D {}\n", file.path).as_bytes()),
                Some(content) => {
                    let mode = if file.executable { "100755" } else { "100644" };
                    let line = format!("M {mode} inline {}\ndata {}\n", file.path, content.len());
                    stream.extend_from_slice(line.as_bytes());
                    stream.extend_from_slice(content);
                    stream.push(b'\n');
                }
            }
        }
        stream.extend_from_slice(b"\nget-mark :1\ndone\n");
        let arguments = ["fast-import", "--quiet", "--done", "--date-format=raw"];
        let out = self
            .git
            .run(Some(&self.path), &arguments, &stream, 4096)
            .await?;
        let sha = String::from_utf8_lossy(&out).trim().to_owned();
        if sha.len() < 40 {
            return Err(unreadable("fast-import", &sha));
        }
        Ok(sha)
    }
}

fn clean(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !"<>".contains(*c))
        .collect()
}

fn check_path(path: &str) -> Result<(), GitError> {
    let plain = !path.is_empty()
        && !path.starts_with(['/', '"'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| {
            !part.is_empty() && part != "." && part != ".." && !part.eq_ignore_ascii_case(".git")
        });
    if plain {
        Ok(())
    } else {
        Err(GitError::InvalidRevision {
            revision: path.to_owned(),
        })
    }
}
