//! Which files of a working tree globs name (`artifacts:paths`, `cache:paths`, reports).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use crate::archive::check_link;

/// What a set of globs found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Files, links and empty directories, relative to the root, sorted.
    pub files: Vec<PathBuf>,
    /// What was left out and why, and which globs found nothing: lines for the log.
    pub warnings: Vec<String>,
    /// Whether a device, socket, pipe or outward link was refused.
    pub refused: bool,
}

/// A glob relative to the working tree, `**` for any depth. A name of a directory stands for
/// everything below it.
#[derive(Debug)]
struct Pattern {
    text: String,
    /// Directory part before the first wildcard.
    base: PathBuf,
    matcher: GlobMatcher,
}

impl Pattern {
    fn new(root: &Path, text: &str) -> Result<Self, String> {
        let relative = match Path::new(text).strip_prefix(root) {
            Ok(inside) => inside.to_string_lossy().into_owned(),
            Err(_) if text.starts_with('/') => {
                return Err(format!("{text}: outside the project directory"));
            }
            Err(_) => text.to_owned(),
        };
        let mut clean = relative.as_str();
        while let Some(rest) = clean.strip_prefix("./") {
            clean = rest.trim_start_matches('/');
        }
        let clean = clean.trim_end_matches('/');
        let clean = if clean.is_empty() || clean == "." {
            "**"
        } else {
            clean
        };
        if Path::new(clean)
            .components()
            .any(|c| c == Component::ParentDir)
        {
            return Err(format!(
                "{text}: `..` is not allowed, paths stay in the project directory"
            ));
        }
        let matcher = GlobBuilder::new(clean)
            .literal_separator(true)
            .backslash_escape(true)
            .empty_alternates(true)
            .build()
            .map_err(|e| format!("{text}: not a valid pattern: {}", e.kind()))?
            .compile_matcher();
        let base = clean
            .split('/')
            .take_while(|part| !part.contains(['*', '?', '[', '{', '\\']))
            .collect::<PathBuf>();
        Ok(Self {
            text: text.to_owned(),
            base,
            matcher,
        })
    }
}

/// Finds what `paths` name below `root`, without what `exclude` names. The repository's own `.git`
/// is only taken when a pattern names it.
#[must_use]
pub fn find(root: &Path, paths: &[String], exclude: &[String], untracked: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut files = BTreeSet::new();
    let mut exclusions = Vec::new();
    for text in exclude {
        match Pattern::new(root, text) {
            Ok(pattern) => exclusions.push(pattern),
            Err(warning) => found.warnings.push(warning),
        }
    }
    for text in paths {
        let pattern = match Pattern::new(root, text) {
            Ok(pattern) => pattern,
            Err(warning) => {
                found.warnings.push(warning);
                continue;
            }
        };
        let before = files.len();
        let mut any = false;
        walk(root, &pattern, &mut |path| {
            any = true;
            files.insert(path);
        });
        if !any && files.len() == before {
            found
                .warnings
                .push(format!("{}: no matching files", pattern.text));
        }
    }
    files.extend(untracked.iter().cloned());
    let mut folders = Folders::new(root);
    for path in files {
        if exclusions.iter().any(|e| e.matcher.is_match(&path)) {
            continue;
        }
        match folders.check(&path).and_then(|()| admissible(root, &path)) {
            Ok(()) => found.files.push(path),
            Err(why) => {
                found.refused = true;
                found
                    .warnings
                    .push(format!("{}: {why}; left out", path.display()));
            }
        }
    }
    found
}

/// Visits every file, link and empty directory that the pattern, or a directory it matches, holds.
fn walk(root: &Path, pattern: &Pattern, take: &mut dyn FnMut(PathBuf)) {
    let inside_already = |path: &Path| {
        path.ancestors()
            .any(|p| !p.as_os_str().is_empty() && pattern.matcher.is_match(p))
    };
    // A link on the way to the first wildcard could lead out of the tree: it is not followed.
    let mut base = PathBuf::new();
    for part in pattern.base.components() {
        base.push(part);
        match fs::symlink_metadata(root.join(&base)) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => {
                if inside_already(&base) {
                    take(base);
                }
                return;
            }
            Err(_) => return,
        }
    }
    let mut queue = vec![(base.clone(), inside_already(&base))];
    while let Some((directory, inside)) = queue.pop() {
        let Ok(entries) = fs::read_dir(root.join(&directory)) else {
            continue;
        };
        let mut empty = true;
        for entry in entries.flatten() {
            empty = false;
            let path = directory.join(entry.file_name());
            if path == Path::new(".git")
                && !pattern.text.trim_start_matches("./").starts_with(".git")
            {
                continue;
            }
            let matched = inside || pattern.matcher.is_match(&path);
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                queue.push((path, matched));
            } else if matched {
                take(path);
            }
        }
        if empty && inside && !directory.as_os_str().is_empty() {
            take(directory);
        }
    }
}

/// Checks that files lie in the tree itself and not behind a link: a name from elsewhere than the
/// walk (git's list of untracked files) may lead anywhere.
struct Folders<'a> {
    root: &'a Path,
    real_root: Option<PathBuf>,
    /// The folder that was found good last: neighbours follow each other.
    good: Option<PathBuf>,
}

impl<'a> Folders<'a> {
    fn new(root: &'a Path) -> Self {
        Self {
            root,
            real_root: root.canonicalize().ok(),
            good: None,
        }
    }

    fn check(&mut self, path: &Path) -> Result<(), String> {
        let folder = path.parent().unwrap_or(Path::new(""));
        if self.good.as_deref() == Some(folder) {
            return Ok(());
        }
        let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
        let wanted = self.real_root.as_ref().map(|root| root.join(folder));
        if !plain || self.root.join(folder).canonicalize().ok() != wanted || wanted.is_none() {
            return Err("it is not in the working tree itself".to_owned());
        }
        self.good = Some(folder.to_path_buf());
        Ok(())
    }
}

/// Regular files, directories, and links that stay inside.
fn admissible(root: &Path, path: &Path) -> Result<(), String> {
    if path.to_str().is_none() {
        return Err("its name is not UTF-8".to_owned());
    }
    let full = root.join(path);
    let kind = fs::symlink_metadata(&full)
        .map_err(|e| e.to_string())?
        .file_type();
    if kind.is_symlink() {
        let target = fs::read_link(&full).map_err(|e| e.to_string())?;
        let depth = path.components().count() - 1;
        let target = target.to_str().ok_or("its target is not UTF-8")?;
        check_link(target, depth).map_err(str::to_owned)?;
        if let (Ok(real), Ok(root)) = (full.canonicalize(), root.canonicalize())
            && !real.starts_with(root)
        {
            return Err("a link that leaves the tree".to_owned());
        }
        return Ok(());
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        return Err("a device, pipe or socket".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        dir
    }

    fn names(dir: &tempfile::TempDir, paths: &[&str], exclude: &[&str]) -> Vec<String> {
        let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        find(dir.path(), &owned(paths), &owned(exclude), &[])
            .files
            .into_iter()
            .map(|p| p.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn globs_match_as_doublestar_does() {
        let dir = tree(&["a.txt", "b/a.txt", "b/c/a.txt", "b/c/d.log", ".git/config"]);
        assert_eq!(names(&dir, &["*.txt"], &[]), ["a.txt"]);
        assert_eq!(
            names(&dir, &["**/*.txt"], &[]),
            ["a.txt", "b/a.txt", "b/c/a.txt"]
        );
        assert_eq!(
            names(&dir, &["b"], &[]),
            ["b/a.txt", "b/c/a.txt", "b/c/d.log"]
        );
        assert_eq!(names(&dir, &["./b/c/"], &[]), ["b/c/a.txt", "b/c/d.log"]);
        assert_eq!(names(&dir, &["b/**/*.{log,tmp}"], &[]), ["b/c/d.log"]);
        assert_eq!(
            names(&dir, &["**/*"], &["b/*"]),
            ["a.txt", "b/c/a.txt", "b/c/d.log"]
        );
        assert_eq!(names(&dir, &["."], &["**/*.txt"]), ["b/c/d.log"]);
        let absolute = dir.path().join("b/c").to_string_lossy().into_owned();
        assert_eq!(names(&dir, &[&absolute], &[]), ["b/c/a.txt", "b/c/d.log"]);
    }

    #[test]
    fn a_name_through_a_link_is_left_out() {
        let (dir, other) = (tree(&["a/b"]), tree(&["secret"]));
        std::os::unix::fs::symlink(other.path(), dir.path().join("a/out")).unwrap();
        let outside = other.path().join("secret");
        let untracked = ["a/out/secret", "a/../a/b", "a/b"].map(PathBuf::from);
        let untracked = [&untracked[..], &[outside]].concat();
        let found = find(dir.path(), &[], &[], &untracked);
        assert_eq!(found.files, [PathBuf::from("a/b")]);
        assert_eq!(found.warnings.len(), 3, "{:?}", found.warnings);
    }

    #[test]
    fn what_leaves_the_tree_is_left_out_aloud() {
        let dir = tree(&["a.txt"]);
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("out")).unwrap();
        std::os::unix::fs::symlink("a.txt", dir.path().join("in")).unwrap();
        nix::unistd::mkfifo(&dir.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let paths = [
            "*".to_owned(),
            "/etc/passwd".to_owned(),
            "../x".to_owned(),
            "nothing".to_owned(),
        ];
        let found = find(dir.path(), &paths, &[], &[]);
        assert_eq!(found.files, [PathBuf::from("a.txt"), PathBuf::from("in")]);
        assert!(found.refused);
        let text = found.warnings.join("\n");
        for part in [
            "out: a link to an absolute",
            "pipe: a device",
            "/etc/passwd: outside",
            "`..`",
            "nothing: no matching",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
