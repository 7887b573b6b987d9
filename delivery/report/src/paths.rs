//! Paths of a report to files of the repository.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::coverage::Coverage;

/// Maps paths as tools write them to the files of one commit.
///
/// In this order: the path as it is; the path under each source root; then the file with the
/// longest common ending, which must be the only one and must cover either the whole path of the
/// file or the whole path of the report. What fits nothing is listed, never dropped in silence.
#[derive(Debug, Clone)]
pub struct PathMapper<'a> {
    files: HashSet<&'a str>,
    by_name: HashMap<&'a str, Vec<&'a str>>,
    /// Folder of the working copy on the machine that made the report, without the last slash.
    checkout: Option<String>,
    roots: Vec<String>,
}

/// A path of a report that is no file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnmappedPath {
    /// As written in the report.
    pub path: String,
    /// Why it fits nothing, with the candidates when there are several.
    pub reason: String,
}

impl<'a> PathMapper<'a> {
    /// A mapper onto `files`, the paths of a commit relative to its root.
    pub fn new(files: impl IntoIterator<Item = &'a str>) -> Self {
        let files: HashSet<&str> = files.into_iter().collect();
        let mut by_name: HashMap<&str, Vec<&str>> = HashMap::new();
        for file in &files {
            let name = file.rsplit_once('/').map_or(*file, |(_, name)| name);
            by_name.entry(name).or_default().push(file);
        }
        for candidates in by_name.values_mut() {
            candidates.sort_unstable();
        }
        Self {
            files,
            by_name,
            checkout: None,
            roots: Vec::new(),
        }
    }

    /// Says where the working copy was on the machine that made the report.
    #[must_use]
    pub fn with_checkout(mut self, folder: &str) -> Self {
        self.checkout = Some(normalise(folder));
        self
    }

    /// Adds source roots (relative to the repository, or absolute) tried before suffixes.
    #[must_use]
    pub fn with_roots<S: AsRef<str>>(mut self, roots: impl IntoIterator<Item = S>) -> Self {
        self.roots
            .extend(roots.into_iter().map(|root| normalise(root.as_ref())));
        self
    }

    /// The coverage with repository paths; paths that fit no file are taken out and listed.
    /// Paths that fit the same file are merged.
    pub fn map(&self, coverage: Coverage) -> (Coverage, Vec<UnmappedPath>) {
        let roots: Vec<String> = self
            .roots
            .iter()
            .cloned()
            .chain(coverage.source_roots.iter().map(|root| normalise(root)))
            .collect();
        let mut unmapped = Vec::new();
        let mut files = BTreeMap::new();
        for (path, file) in coverage.files {
            match self.find(&path, &roots) {
                Ok(found) => match files.entry(found.to_owned()) {
                    std::collections::btree_map::Entry::Vacant(place) => {
                        place.insert(file);
                    }
                    std::collections::btree_map::Entry::Occupied(mut own) => {
                        let own: &mut crate::coverage::FileCoverage = own.get_mut();
                        own.merge(&file);
                    }
                },
                Err(reason) => unmapped.push(UnmappedPath { path, reason }),
            }
        }
        (
            Coverage {
                files,
                source_roots: BTreeSet::new(),
                ..coverage
            },
            unmapped,
        )
    }

    /// The file of the repository that a path of a report, with the source roots of that report,
    /// stands for.
    ///
    /// # Errors
    /// Why there is none: no file ends like this, or several do.
    pub fn find(&self, path: &str, roots: &[String]) -> Result<&'a str, String> {
        let path = normalise(path);
        let absolute = path.starts_with('/');
        let mut full = Vec::new();
        if absolute {
            full.push(path.clone());
        } else {
            if let Some(file) = self.exact(&path) {
                return Ok(file);
            }
            full.extend(roots.iter().map(|root| join(root, &path)));
        }
        for candidate in &full {
            if let Some(file) = self.exact(self.below_checkout(candidate)) {
                return Ok(file);
            }
        }
        // The file whose whole path ends one of the full paths: the longest wins.
        let whole = full
            .iter()
            .chain((!absolute).then_some(&path))
            .filter_map(|candidate| self.longest_whole(candidate))
            .max_by_key(|file| (file.len(), std::cmp::Reverse(*file)));
        // Or the only file that ends with the whole path of the report.
        match (whole, self.ending_with(&path).as_slice()) {
            (Some(file), []) => Ok(file),
            (None, [file]) => Ok(file),
            // Both: the repository path that contains the report path says more.
            (Some(file), [other]) => Ok(if other.len() > file.len() {
                other
            } else {
                file
            }),
            (Some(file), _) if file.contains('/') => Ok(file),
            (None, []) => Err("no file of the repository ends like this".to_owned()),
            (_, several) => Err(format!(
                "{} files of the repository end like this: {}",
                several.len(),
                several
                    .iter()
                    .take(3)
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }

    fn exact(&self, path: &str) -> Option<&'a str> {
        self.files.get(path).copied()
    }

    fn below_checkout<'p>(&self, path: &'p str) -> &'p str {
        self.checkout
            .as_deref()
            .and_then(|folder| path.strip_prefix(folder)?.strip_prefix('/'))
            .unwrap_or(path)
    }

    fn longest_whole(&self, path: &str) -> Option<&'a str> {
        let mut rest = path;
        loop {
            if let Some(file) = self.exact(rest) {
                return Some(file);
            }
            rest = rest.split_once('/')?.1;
        }
    }

    /// Files that end with the whole of `path`.
    fn ending_with(&self, path: &str) -> Vec<&'a str> {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let candidates = self
            .by_name
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let whole_parts = |before: &str| before.is_empty() || before.ends_with('/');
        candidates
            .iter()
            .copied()
            .filter(|file| file.strip_suffix(path).is_some_and(whole_parts))
            .collect()
    }
}

fn join(root: &str, path: &str) -> String {
    if root.is_empty() || root == "." {
        path.to_owned()
    } else {
        normalise(&format!("{root}/{path}"))
    }
}

/// Forward slashes, no drive letter, no empty, `.` or inner `..` parts, no last slash.
fn normalise(path: &str) -> String {
    let slashes = path.trim().replace('\\', "/");
    let bytes = slashes.as_bytes();
    let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    let rest = if drive {
        &slashes[2..]
    } else {
        slashes.as_str()
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let start = if rest.starts_with('/') { "/" } else { "" };
    format!("{start}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{PathMapper, normalise};

    const FILES: [&str; 7] = [
        "setup.py",
        "src/app/main.py",
        "src/app/util.py",
        "lib/util.py",
        "src/main/java/cn/house/Quote.java",
        "web/index.ts",
        "a/web/index.ts",
    ];

    fn find(path: &str, roots: &[&str]) -> Result<String, String> {
        let roots: Vec<String> = roots.iter().map(|root| (*root).to_owned()).collect();
        PathMapper::new(FILES).find(path, &roots).map(str::to_owned)
    }

    #[test]
    fn a_path_is_found_as_it_is_under_a_root_or_by_its_ending() {
        for (path, roots, expected) in [
            ("src/app/main.py", &[][..], "src/app/main.py"),
            ("./src/app/../app/main.py", &[], "src/app/main.py"),
            ("src\\app\\main.py", &[], "src/app/main.py"),
            ("main.py", &["src/app"], "src/app/main.py"),
            ("util.py", &["/builds/house/quote/lib"], "lib/util.py"),
            (
                "/builds/house/quote/src/app/util.py",
                &[],
                "src/app/util.py",
            ),
            ("C:\\work\\quote\\lib\\util.py", &[], "lib/util.py"),
            (
                "cn/house/Quote.java",
                &[],
                "src/main/java/cn/house/Quote.java",
            ),
            ("/builds/house/quote/setup.py", &[], "setup.py"),
            ("/builds/x/a/web/index.ts", &[], "a/web/index.ts"),
        ] {
            assert_eq!(find(path, roots).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn an_ambiguous_or_foreign_path_is_not_guessed() {
        let ambiguous = find("util.py", &[]).unwrap_err();
        assert!(
            ambiguous.contains("2 files") && ambiguous.contains("lib/util.py"),
            "{ambiguous}"
        );
        assert!(find("/usr/lib/python3/json/decoder.py", &[]).is_err());
        assert!(find("app/other.py", &[]).is_err());
    }

    #[test]
    fn the_checkout_folder_decides_before_endings_do() {
        let mapper = PathMapper::new(FILES).with_checkout("/builds/a/");
        assert_eq!(
            mapper.find("/builds/a/web/index.ts", &[]),
            Ok("web/index.ts")
        );
    }

    #[test]
    fn normalising_keeps_leading_parent_parts() {
        assert_eq!(normalise("../x/./y/"), "../x/y");
        assert_eq!(normalise("/a/../../b"), "/../b");
    }
}
