//! A private copy of the working copy for one job.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
    /// original. File systems that can share blocks do so.
    pub(super) fn copy_to(&self, target: &Path) -> io::Result<()> {
        fs::create_dir_all(target)?;
        let mut made: HashSet<PathBuf> = HashSet::new();
        for path in &self.files {
            if let Some(parent) = path.parent()
                && !parent.as_os_str().is_empty()
                && !made.contains(parent)
            {
                fs::create_dir_all(target.join(parent))?;
                made.insert(parent.to_path_buf());
            }
            copy_entry(&self.root.join(path), &target.join(path))?;
        }
        if let Some(git) = &self.git {
            git.copy_to(&target.join(".git"))?;
        }
        Ok(())
    }
}

/// Copies a file, link or (for a submodule) directory; what git lists but is deleted is skipped.
fn copy_entry(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(meta) = fs::symlink_metadata(from) else {
        return Ok(());
    };
    if meta.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)
    } else if meta.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)?.flatten() {
            if entry.file_name() != ".git" {
                copy_entry(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        Ok(())
    } else if meta.is_file() {
        fs::copy(from, to).map(drop)
    } else {
        Ok(())
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
        Some(Self {
            own,
            common,
            head: head.map(str::to_owned),
        })
    }

    /// A repository of its own that borrows the original's objects: what a job commits, fetches
    /// or configures stays in the copy.
    fn copy_to(&self, target: &Path) -> io::Result<()> {
        fs::create_dir_all(target.join("objects/info"))?;
        let objects = self.common.join("objects");
        let mut alternates = format!("{}\n", objects.display());
        if let Ok(more) = fs::read_to_string(objects.join("info/alternates")) {
            for line in more.lines().filter(|l| !l.is_empty()) {
                alternates.push_str(&format!("{}\n", objects.join(line).display()));
            }
        }
        fs::write(target.join("objects/info/alternates"), alternates)?;
        for name in ["config", "packed-refs", "shallow"] {
            copy_entry(&self.common.join(name), &target.join(name))?;
        }
        copy_entry(&self.own.join("index"), &target.join("index"))?;
        fs::create_dir_all(target.join("refs"))?;
        copy_entry(&self.common.join("refs"), &target.join("refs"))?;
        match &self.head {
            Some(sha) => fs::write(target.join("HEAD"), format!("{sha}\n")),
            None => copy_entry(&self.own.join("HEAD"), &target.join("HEAD")),
        }
    }
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
            .copy_to(&target)
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
}
