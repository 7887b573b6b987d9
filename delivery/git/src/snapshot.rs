//! A commit's files for synchronous readers: one `cat-file --batch` process, started at need.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::read::{check_revision, parse_batch_header, parse_tree, unreadable};
use crate::{GitError, Repository};

/// The files of one commit. Blocking: use it on a thread that may wait.
pub struct Snapshot {
    repository: Repository,
    commit: String,
    batch: RefCell<Option<Batch>>,
}

struct Batch {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Repository {
    /// The files of a commit, for blocking readers.
    ///
    /// # Errors
    /// When the revision is malformed.
    pub fn snapshot(&self, commit: &str) -> Result<Snapshot, GitError> {
        check_revision(commit)?;
        Ok(Snapshot {
            repository: self.clone(),
            commit: commit.to_owned(),
            batch: RefCell::new(None),
        })
    }
}

impl Snapshot {
    /// A file; `None` when the path does not exist or is not a file.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] above `limit` bytes; git failures.
    pub fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, GitError> {
        if path.is_empty() || path.contains(['\n', '\0']) {
            return Ok(None);
        }
        let mut slot = self.batch.borrow_mut();
        if slot.is_none() {
            *slot = Some(self.start()?);
        }
        let Some(batch) = slot.as_mut() else {
            return Err(unreadable("cat-file", "it was not started"));
        };
        let answer = ask(batch, &format!("{}:{path}", self.commit), path, limit);
        if answer.is_err() {
            // The stream's position is unknown now: the next read starts afresh.
            *slot = None;
        }
        answer
    }

    fn start(&self) -> Result<Batch, GitError> {
        let git = &self.repository.git;
        let mut child = git
            .blocking_command(&self.repository.path)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| git.start_error(e))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Batch {
                child,
                stdin,
                stdout: BufReader::new(stdout),
            }),
            _ => Err(unreadable("cat-file", "its pipes are missing")),
        }
    }

    /// All paths of files and links at this commit, in git's order.
    ///
    /// # Errors
    /// Git failures.
    pub fn paths(&self) -> Result<Vec<String>, GitError> {
        let out = self.output(&["ls-tree", "-r", "-z", "--full-tree", &self.commit])?;
        Ok(parse_tree(&out)
            .into_iter()
            .map(|entry| entry.path)
            .collect())
    }

    /// Paths that differ between `base` and this commit.
    ///
    /// # Errors
    /// Git failures and unknown revisions.
    pub fn changed_paths(&self, base: &str) -> Result<Vec<String>, GitError> {
        check_revision(base)?;
        let out = self.output(&[
            "diff",
            "--no-ext-diff",
            "--no-renames",
            "--name-only",
            "-z",
            base,
            &self.commit,
        ])?;
        Ok(split_paths(&out))
    }

    /// Whether a branch, tag or commit of this name exists.
    ///
    /// # Errors
    /// When git cannot be started.
    pub fn has_revision(&self, name: &str) -> Result<bool, GitError> {
        if check_revision(name).is_err() {
            return Ok(false);
        }
        let commit = format!("{name}^{{commit}}");
        match self.output(&["rev-parse", "--quiet", "--verify", &commit]) {
            Ok(_) => Ok(true),
            Err(GitError::Failed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn output(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        let git = &self.repository.git;
        let out = git
            .blocking_command(&self.repository.path)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| git.start_error(e))?;
        if out.status.success() {
            return Ok(out.stdout);
        }
        Err(GitError::Failed {
            command: arguments.first().copied().unwrap_or_default().to_owned(),
            status: out.status.to_string(),
            stderr: String::from_utf8_lossy(&out.stderr)
                .trim()
                .chars()
                .take(4096)
                .collect(),
        })
    }
}

fn ask(
    batch: &mut Batch,
    object: &str,
    path: &str,
    limit: usize,
) -> Result<Option<Vec<u8>>, GitError> {
    let broken = |e: std::io::Error| unreadable("cat-file", &e.to_string());
    writeln!(batch.stdin, "{object}").map_err(broken)?;
    batch.stdin.flush().map_err(broken)?;
    let mut header = String::new();
    if batch.stdout.read_line(&mut header).map_err(broken)? == 0 {
        return Err(unreadable("cat-file", "it ended early"));
    }
    let header = header.trim_end();
    // A submodule's commit is in another repository; newer versions of git say so.
    if [" missing", " ambiguous", " submodule"]
        .iter()
        .any(|end| header.ends_with(end))
    {
        return Ok(None);
    }
    let blob = parse_batch_header(header);
    let size = match blob {
        Some(size) => size,
        None => header
            .rsplit(' ')
            .next()
            .and_then(|s| s.parse().ok())
            .ok_or_else(|| unreadable("cat-file", header))?,
    };
    if size > limit {
        return Err(GitError::TooLarge {
            what: path.to_owned(),
            limit,
        });
    }
    let mut bytes = vec![0; size + 1];
    batch.stdout.read_exact(&mut bytes).map_err(broken)?;
    bytes.truncate(size);
    // A folder is an object too, but not a file.
    Ok(blob.map(|_| bytes))
}

/// Splits NUL-terminated paths.
pub(crate) fn split_paths(out: &[u8]) -> Vec<String> {
    out.split(|&b| b == 0)
        .filter(|p| !p.is_empty())
        .map(|p| String::from_utf8_lossy(p).into_owned())
        .collect()
}
