//! A private copy of the working copy for one job.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::executor::CancelToken;

/// What every copy is made from; read once for a run.
#[derive(Debug)]
pub(super) struct Workspace {
    root: PathBuf,
    files: Vec<PathBuf>,
    git: Option<GitDirectories>,
}

#[derive(Debug)]
struct GitDirectories {
    /// Of this working tree: HEAD, index.
    own: PathBuf,
    /// Of the repository: objects, refs, config.
    common: PathBuf,
    /// Commit checked out.
    head: Option<String>,
    /// All refs in one file, and those that point to other refs by their path.
    refs: String,
    symbolic: Vec<(PathBuf, Vec<u8>)>,
}

impl Workspace {
    pub(super) fn new(root: &Path, files: &[String], head: Option<&str>) -> Self {
        let files = files
            .iter()
            .map(PathBuf::from)
            .filter(|p| !p.starts_with(".rialto/ci") && !p.starts_with(".git"))
            .collect();
        Self {
            root: root.to_path_buf(),
            files,
            git: GitDirectories::of(root, head),
        }
    }

    /// Makes the copy in `target`, which must not exist.
    ///
    /// Contents are copied, never linked: a job that writes into a file must not reach the
    /// original. File systems that can share blocks do so. Gives the bytes of the files.
    pub(super) fn copy_to(&self, target: &Path, cancel: &CancelToken) -> io::Result<u64> {
        fs::create_dir(target)?;
        let mut bytes = 0;
        let mut made: HashSet<PathBuf> = HashSet::new();
        for path in &self.files {
            if cancel.is_canceled() {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "it was stopped"));
            }
            if let Some(parent) = path.parent()
                && !parent.as_os_str().is_empty()
                && !made.contains(parent)
            {
                fs::create_dir_all(target.join(parent))?;
                made.insert(parent.to_path_buf());
            }
            bytes += copy_entry(&self.root.join(path), &target.join(path))?;
        }
        if let Some(git) = &self.git {
            bytes += git.copy_to(&target.join(".git"))?;
        }
        Ok(bytes)
    }

    /// Number of files and links.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }
}

/// Copies a file, link or (for a submodule) directory; what git lists but is deleted is skipped.
/// Gives the bytes copied.
fn copy_entry(from: &Path, to: &Path) -> io::Result<u64> {
    let Ok(meta) = fs::symlink_metadata(from) else {
        return Ok(0);
    };
    if meta.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        Ok(0)
    } else if meta.is_dir() {
        fs::create_dir_all(to)?;
        let mut bytes = 0;
        for entry in fs::read_dir(from)?.flatten() {
            if entry.file_name() != ".git" {
                bytes += copy_entry(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        Ok(bytes)
    } else if meta.is_file() {
        fs::copy(from, to)
    } else {
        Ok(0)
    }
}

impl GitDirectories {
    fn of(root: &Path, head: Option<&str>) -> Option<Self> {
        let git = root.join(".git");
        let meta = fs::metadata(&git).ok()?;
        let own = if meta.is_dir() {
            git
        } else {
            let text = fs::read_to_string(&git).ok()?;
            root.join(text.strip_prefix("gitdir:")?.trim())
        };
        let common = match fs::read_to_string(own.join("commondir")) {
            Ok(path) => own.join(path.trim()),
            Err(_) => own.clone(),
        };
        let common = common.canonicalize().ok()?;
        let (refs, symbolic) = refs_of(&common);
        Some(Self {
            own,
            common,
            head: head.map(str::to_owned),
            refs,
            symbolic,
        })
    }

    /// A repository of its own that borrows the original's objects: what a job commits, fetches
    /// or configures stays in the copy.
    fn copy_to(&self, target: &Path) -> io::Result<u64> {
        for folder in ["", "objects", "objects/info", "refs"] {
            fs::create_dir(target.join(folder))?;
        }
        let objects = self.common.join("objects");
        let mut alternates = format!("{}\n", objects.display());
        if let Ok(more) = fs::read_to_string(objects.join("info/alternates")) {
            for line in more.lines().filter(|l| !l.is_empty()) {
                alternates.push_str(&format!("{}\n", objects.join(line).display()));
            }
        }
        fs::write(target.join("objects/info/alternates"), alternates)?;
        for name in ["config", "shallow"] {
            copy_entry(&self.common.join(name), &target.join(name))?;
        }
        let bytes = copy_entry(&self.own.join("index"), &target.join("index"))?;
        if !self.refs.is_empty() {
            fs::write(target.join("packed-refs"), &self.refs)?;
        }
        for (path, content) in &self.symbolic {
            let path = target.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, content)?;
        }
        match &self.head {
            Some(sha) => fs::write(target.join("HEAD"), format!("{sha}\n"))?,
            None => {
                copy_entry(&self.own.join("HEAD"), &target.join("HEAD"))?;
            }
        }
        Ok(bytes)
    }
}

/// All refs of a repository as the text of a `packed-refs`, which costs each copy one file instead
/// of one for each ref, and the refs that are no ids.
fn refs_of(common: &Path) -> (String, Vec<(PathBuf, Vec<u8>)>) {
    let mut refs: BTreeMap<String, String> = BTreeMap::new();
    // Without its head line and the peeled ids the file is still valid: git looks them up.
    let packed = fs::read_to_string(common.join("packed-refs")).unwrap_or_default();
    for line in packed.lines().filter(|line| !line.starts_with(['#', '^'])) {
        if let Some((id, name)) = line.split_once(' ') {
            refs.insert(name.to_owned(), id.to_owned());
        }
    }
    let mut symbolic = Vec::new();
    let mut folders = vec![PathBuf::from("refs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(common.join(&folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = folder.join(entry.file_name());
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                folders.push(path);
            } else if let Ok(content) = fs::read(entry.path()) {
                let id = std::str::from_utf8(&content).ok().map(str::trim_end);
                let is_id = |id: &&str| id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
                match (id.filter(is_id), path.to_str()) {
                    (Some(id), Some(name)) => {
                        refs.insert(name.to_owned(), id.to_owned());
                    }
                    _ => symbolic.push((path, content)),
                }
            }
        }
    }
    let lines = refs.into_iter().map(|(name, id)| format!("{id} {name}\n"));
    (lines.collect(), symbolic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copy_has_uncommitted_files_and_shares_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/a"), "original").unwrap();
        std::os::unix::fs::symlink("sub/a", root.join("link")).unwrap();
        let files = ["sub/a", "link", "deleted", ".rialto/ci/lock"].map(str::to_owned);
        let target = dir.path().join("copy");
        Workspace::new(&root, &files, None)
            .copy_to(&target, &CancelToken::default())
            .unwrap();
        fs::write(target.join("link"), "changed through the link").unwrap();
        assert_eq!(fs::read_to_string(root.join("sub/a")).unwrap(), "original");
        assert_eq!(
            fs::read_to_string(target.join("sub/a")).unwrap(),
            "changed through the link"
        );
        assert!(!target.join("deleted").exists());
        assert!(!target.join(".rialto").exists());
    }

    #[test]
    fn refs_loose_and_packed_are_the_same_in_the_copy() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("a"), "x").unwrap();
        let git = |folder: &Path, words: &[&str]| {
            let output = std::process::Command::new("git")
                .arg("-C")
                .arg(folder)
                .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
                .args(words)
                .output()
                .unwrap();
            assert!(output.status.success(), "{words:?}: {output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        git(&root, &["init", "-q", "-b", "main"]);
        git(&root, &["add", "a"]);
        git(&root, &["commit", "-qm", "one"]);
        git(&root, &["tag", "-a", "v1", "-m", "first"]);
        git(&root, &["branch", "old"]);
        git(&root, &["pack-refs", "--all"]);
        git(&root, &["commit", "-q", "--allow-empty", "-m", "two"]);
        git(&root, &["tag", "light"]);
        git(&root, &["branch", "topic/deep"]);
        git(&root, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
        let head = [
            "symbolic-ref",
            "refs/remotes/origin/HEAD",
            "refs/remotes/origin/main",
        ];
        git(&root, &head);
        let target = dir.path().join("copy");
        let sha = git(&root, &["rev-parse", "HEAD"]);
        Workspace::new(&root, &["a".to_owned()], Some(sha.trim()))
            .copy_to(&target, &CancelToken::default())
            .unwrap();
        let format = "--format=%(refname) %(objectname) %(*objectname) %(symref)";
        let refs = |folder: &Path| git(folder, &["for-each-ref", format]);
        assert_eq!(refs(&target), refs(&root));
        assert_eq!(git(&target, &["status", "--porcelain"]), "");
        assert_eq!(
            git(&target, &["describe", "--tags"]),
            git(&root, &["describe", "--tags"])
        );
        git(&target, &["branch", "-D", "topic/deep"]);
        assert!(refs(&root).contains("topic/deep"));
    }
}
