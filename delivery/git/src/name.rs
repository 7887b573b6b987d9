//! Names of repositories: the only way from user input to a path on disk.

use crate::GitError;

/// `namespace/project`, checked: it can be joined to the root without leaving it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RepositoryName {
    namespace: String,
    project: String,
}

impl RepositoryName {
    /// Reads `namespace/project`.
    ///
    /// # Errors
    /// [`GitError::InvalidName`] with the rule that the name breaks.
    pub fn parse(path: &str) -> Result<Self, GitError> {
        let bad = |why| GitError::InvalidName {
            name: path.to_owned(),
            why,
        };
        let (namespace, project) = path
            .split_once('/')
            .ok_or_else(|| bad("it must be `namespace/project`"))?;
        for part in [namespace, project] {
            check_part(part).map_err(bad)?;
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            project: project.to_owned(),
        })
    }

    /// First part.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Second part.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }
}

impl std::fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.project)
    }
}

fn check_part(part: &str) -> Result<(), &'static str> {
    if part.is_empty() || part.len() > 100 {
        return Err("each part has 1 to 100 characters");
    }
    if !part
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    {
        return Err("only letters, digits, `.`, `_` and `-` are allowed in each part");
    }
    if !part.as_bytes()[0].is_ascii_alphanumeric() {
        return Err("each part starts with a letter or digit");
    }
    if part.contains("..") {
        return Err("`..` is not allowed");
    }
    let lower = part.to_ascii_lowercase();
    if lower.ends_with(".git") || lower.ends_with(".lock") || lower.ends_with('.') {
        return Err("no part ends in `.git`, `.lock` or `.`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_root() {
        for bad in [
            "",
            "a",
            "a/",
            "/a",
            "a/b/c",
            "../x",
            "a/..",
            "a/../b",
            "a/b.git",
            "a/.hidden",
            "a/-x",
            "a/b\0",
            "a/b\\c",
            "a b/c",
            "a/x.lock",
            "a/b..c",
        ] {
            assert!(RepositoryName::parse(bad).is_err(), "{bad:?} was accepted");
        }
        let name = RepositoryName::parse("sample/quote-service").unwrap();
        assert_eq!(
            (name.namespace(), name.project()),
            ("sample", "quote-service")
        );
    }
}
