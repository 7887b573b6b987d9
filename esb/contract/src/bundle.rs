//! A document and the files it refers to.

use std::collections::BTreeMap;

use rialto_document::{Limits, Node, Place, ReadDocumentError, read};

/// Files of one definition by their path, `/` between folders, no leading `/` or `..`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    root: String,
    files: BTreeMap<String, Node>,
}

/// Why a bundle cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadBundleError {
    /// A file is neither JSON nor YAML, or breaks a limit.
    #[error("{file}:{}:{}: {}", .error.place.line, .error.place.column, .error.fault)]
    File {
        /// The file.
        file: String,
        /// What and where.
        error: ReadDocumentError,
    },
    /// The files are longer than the limit, together.
    #[error("the files have {0} bytes together; at most {1} are read")]
    TooLong(usize, usize),
    /// The root is not among the files.
    #[error("{0} is not among the files of the bundle")]
    NoRoot(String),
}

/// Where a reference leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Target {
    pub(crate) file: String,
    pub(crate) pointer: String,
}

/// Why a reference leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Astray {
    /// It names another machine.
    Remote,
    /// It leaves the bundle.
    Outside,
    /// The bundle has no such file.
    NoFile(String),
    /// The file has no such place.
    NoPlace(String),
    /// It only leads to itself.
    Circle,
}

impl Bundle {
    /// One file.
    ///
    /// # Errors
    /// As [`Bundle::read`].
    pub fn single(file: &str, text: &str) -> Result<Self, ReadBundleError> {
        let files = BTreeMap::from([(file.to_owned(), text.to_owned())]);
        Self::read(file, &files)
    }

    /// Reads all files; `root` is the one that holds the definition.
    ///
    /// # Errors
    /// [`ReadBundleError`]: the first file that cannot be read, or a missing root.
    pub fn read(root: &str, texts: &BTreeMap<String, String>) -> Result<Self, ReadBundleError> {
        let limits = Limits::default();
        let total = texts.values().map(String::len).sum();
        if total > limits.bytes {
            return Err(ReadBundleError::TooLong(total, limits.bytes));
        }
        if !texts.contains_key(root) {
            return Err(ReadBundleError::NoRoot(root.to_owned()));
        }
        let mut files = BTreeMap::new();
        for (file, text) in texts {
            let node = read(text, &limits).map_err(|error| ReadBundleError::File {
                file: file.clone(),
                error,
            })?;
            files.insert(file.clone(), node);
        }
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    /// The path of the definition's own file.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The definition's own document.
    #[must_use]
    pub fn document(&self) -> &Node {
        // `read` refuses a bundle without its root.
        self.files.get(&self.root).unwrap_or(NOTHING)
    }

    /// The path of a file, as the bundle keeps it.
    pub(crate) fn file(&self, path: &str) -> Option<&str> {
        self.files
            .get_key_value(path)
            .map(|(file, _)| file.as_str())
    }

    /// Where a `$ref` written in `file` leads; references to references are not followed.
    pub(crate) fn target(&self, file: &str, reference: &str) -> Result<Target, Astray> {
        let (path, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if path.contains("://") || path.starts_with("//") {
            return Err(Astray::Remote);
        }
        let to = if path.is_empty() {
            file.to_owned()
        } else {
            join(file, path).ok_or(Astray::Outside)?
        };
        if !self.files.contains_key(&to) {
            return Err(Astray::NoFile(to));
        }
        let pointer = percent_decoded(fragment);
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(Astray::NoPlace(pointer));
        }
        Ok(Target { file: to, pointer })
    }

    /// The node at a target.
    pub(crate) fn node(&self, target: &Target) -> Result<&Node, Astray> {
        self.files
            .get(&target.file)
            .and_then(|node| node.at(&target.pointer))
            .ok_or_else(|| Astray::NoPlace(target.pointer.clone()))
    }
}

static NOTHING: &Node = &Node {
    value: rialto_document::Value::Null,
    place: Place { line: 0, column: 0 },
};

/// A relative path seen from a file; `None` when it leaves the bundle.
fn join(file: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    if path.starts_with('/') {
        parts.clear();
    }
    let path = path.replace('\\', "/");
    let mut out: Vec<String> = parts.into_iter().map(str::to_owned).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                out.pop()?;
            }
            _ => out.push(percent_decoded(part)),
        }
    }
    Some(out.join("/"))
}

/// `%7B` as `{`; what is no escape stays.
pub(crate) fn percent_decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut n = 0;
    while n < bytes.len() {
        let escape = (bytes[n] == b'%')
            .then(|| bytes.get(n + 1..n + 3))
            .flatten()
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match escape {
            Some(byte) => {
                out.push(byte);
                n += 3;
            }
            None => {
                out.push(bytes[n]);
                n += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        let files = [
            ("api/root.yaml", "a: {x: 1}\n"),
            ("common/b.yaml", "c/d: 2\n"),
        ];
        let files = files.map(|(file, text)| (file.to_owned(), text.to_owned()));
        Bundle::read("api/root.yaml", &files.into()).expect("reads")
    }

    #[test]
    fn references_lead_through_the_files_of_the_bundle() {
        let bundle = bundle();
        let target = bundle
            .target("api/root.yaml", "../common/b.yaml#/c~1d")
            .expect("there");
        assert_eq!(target.file, "common/b.yaml");
        assert_eq!(bundle.node(&target).expect("there").number(), Some("2"));
        let own = bundle.target("api/root.yaml", "#/a/x").expect("there");
        assert_eq!(bundle.node(&own).expect("there").number(), Some("1"));
    }

    #[test]
    fn references_never_leave_the_bundle() {
        let bundle = bundle();
        let target = |text| bundle.target("api/root.yaml", text);
        assert_eq!(target("https://example.com/a.yaml"), Err(Astray::Remote));
        assert_eq!(target("../../etc/passwd"), Err(Astray::Outside));
        assert_eq!(target("b.yaml"), Err(Astray::NoFile("api/b.yaml".into())));
        let lost = target("#/nowhere").expect("a place may be asked for");
        assert_eq!(bundle.node(&lost), Err(Astray::NoPlace("/nowhere".into())));
    }
}
