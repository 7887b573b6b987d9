//! A definition as it is handed in: one file, or a zip archive of several.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;

use rialto_document::Limits;
use sha2::{Digest as _, Sha256};

/// Names a definition's own file has in a bundle of several.
const ROOTS: &[&str] = &["openapi", "swagger", "api", "index", "root"];
/// Most files of a definition.
const MOST_FILES: usize = 1_000;

/// Most bytes of a definition, its files together.
#[must_use]
pub fn most_bytes() -> usize {
    Limits::default().bytes
}

/// The files of a definition by path, and which one is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Path of its own file.
    pub root: String,
    /// Texts by path.
    pub texts: BTreeMap<String, String>,
}

/// Why something handed in is no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadArtefactError {
    /// More than is read.
    #[error("longer than {0} bytes, the most that is read")]
    TooLong(usize),
    /// More files than are read.
    #[error("holds more than {0} files, the most that are read")]
    TooMany(usize),
    /// Not text.
    #[error("{name}: byte {at} is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// The file.
        name: String,
        /// The byte, from 0.
        at: usize,
    },
    /// No zip archive although it begins like one.
    #[error("the archive cannot be read: {0}")]
    Broken(String),
    /// An entry that would be written elsewhere.
    #[error("the entry {0:?} leaves the archive")]
    Leaves(String),
    /// The file that was named is not there.
    #[error("holds no file {0}")]
    NoRoot(String),
    /// No file says that it is one.
    #[error("holds no OpenAPI document")]
    None,
    /// Several files say that they are one.
    #[error("holds several OpenAPI documents ({}); name the root", .0.join(", "))]
    Several(Vec<String>),
}

impl ReadArtefactError {
    /// The same in Simplified Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::TooLong(most) => format!("超过 {most} 字节的读取上限"),
            Self::TooMany(most) => format!("超过 {most} 个文件的读取上限"),
            Self::NotUtf8 { name, at } => {
                format!("{name} 第 {at} 字节不是 UTF-8，请以 UTF-8 保存")
            }
            Self::Broken(_) => "压缩包无法读取".to_owned(),
            Self::Leaves(name) => format!("条目 {name:?} 指向压缩包之外"),
            Self::NoRoot(name) => format!("其中没有文件 {name}"),
            Self::None => "其中没有 OpenAPI 文档".to_owned(),
            Self::Several(names) => {
                format!(
                    "其中有多个 OpenAPI 文档（{}），请指定主文件",
                    names.join("、")
                )
            }
        }
    }
}

impl Artefact {
    /// What was handed in under a name: a zip archive, or one text.
    ///
    /// # Errors
    /// [`ReadArtefactError`].
    pub fn read(name: &str, bytes: Vec<u8>, root: Option<&str>) -> Result<Self, ReadArtefactError> {
        if bytes.len() > most_bytes() {
            return Err(ReadArtefactError::TooLong(most_bytes()));
        }
        if bytes.starts_with(b"PK\x03\x04") {
            return Self::among(archive(&bytes)?, root);
        }
        let text = utf8(name, bytes)?;
        Ok(Self {
            root: name.to_owned(),
            texts: BTreeMap::from([(name.to_owned(), text)]),
        })
    }

    /// The definition's own file among several: the one named, else the one file with a name that
    /// definitions have, else the one that says what it is.
    ///
    /// # Errors
    /// [`ReadArtefactError`]: none, or several.
    pub fn among(
        texts: BTreeMap<String, String>,
        root: Option<&str>,
    ) -> Result<Self, ReadArtefactError> {
        let root = match root {
            Some(root) if texts.contains_key(root) => root.to_owned(),
            Some(root) => return Err(ReadArtefactError::NoRoot(root.to_owned())),
            None => chosen(&texts)?,
        };
        Ok(Self { root, texts })
    }

    /// SHA-256 of the files and their paths.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        let mut add = |text: &str| {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        add(&self.root);
        for (path, text) in &self.texts {
            add(path);
            add(text);
        }
        hex::encode(hasher.finalize())
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.texts.values().map(String::len).sum()
    }
}

fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, ReadArtefactError> {
    String::from_utf8(bytes).map_err(|error| ReadArtefactError::NotUtf8 {
        name: name.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })
}

/// Whether a file of this name may belong to a definition.
#[must_use]
pub fn is_text(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|one| one.to_str());
    matches!(extension, Some("json" | "yaml" | "yml"))
}

fn archive(bytes: &[u8]) -> Result<BTreeMap<String, String>, ReadArtefactError> {
    let broken = |text: String| ReadArtefactError::Broken(text);
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(error.to_string()))?;
    let (most, mut total) = (most_bytes(), 0);
    let mut found = BTreeMap::new();
    for n in 0..archive.len() {
        let entry = archive
            .by_index(n)
            .map_err(|error| broken(error.to_string()))?;
        let name = entry.name().map_err(|error| broken(error.to_string()))?;
        let name = name.into_owned();
        if entry.is_dir() || !is_text(&name) {
            continue;
        }
        if entry.enclosed_name().is_none() {
            return Err(ReadArtefactError::Leaves(name));
        }
        if found.len() == MOST_FILES {
            return Err(ReadArtefactError::TooMany(MOST_FILES));
        }
        let mut bytes = Vec::new();
        let left = (most - total) as u64 + 1;
        entry
            .take(left)
            .read_to_end(&mut bytes)
            .map_err(|error| broken(error.to_string()))?;
        total += bytes.len();
        if total > most {
            return Err(ReadArtefactError::TooLong(most));
        }
        let text = utf8(&name, bytes)?;
        found.insert(name, text);
    }
    Ok(found)
}

fn chosen(texts: &BTreeMap<String, String>) -> Result<String, ReadArtefactError> {
    let says = |text: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches(['{', ' ', '\t', '"', '\'']);
            line.starts_with("openapi") || line.starts_with("swagger")
        })
    };
    let stem = |name: &str| {
        Path::new(name)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .map(str::to_lowercase)
    };
    let candidates: Vec<&String> = texts
        .iter()
        .filter(|(_, text)| says(text))
        .map(|(name, _)| name)
        .collect();
    let named: Vec<&&String> = candidates
        .iter()
        .filter(|name| stem(name).is_some_and(|stem| ROOTS.contains(&stem.as_str())))
        .collect();
    match (candidates.as_slice(), named.as_slice()) {
        ([one], _) => Ok((*one).clone()),
        (_, [one]) => Ok((**one).clone()),
        ([], _) => Err(ReadArtefactError::None),
        (many, _) => {
            let names = many.iter().map(|name| (*name).clone()).collect();
            Err(ReadArtefactError::Several(names))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(*name, options).expect("an entry");
            writer.write_all(text.as_bytes()).expect("written");
        }
        writer.finish().expect("an archive").into_inner()
    }

    #[test]
    fn the_root_of_an_archive_is_found_or_asked_for() {
        let read = |files: &[(&str, &str)], root| Artefact::read("x.zip", zipped(files), root);
        let one = read(
            &[
                ("a/api.yaml", "openapi: 3.0.3"),
                ("b.json", "{}"),
                ("c.txt", "x"),
            ],
            None,
        );
        let one = one.expect("one");
        assert_eq!((one.root.as_str(), one.texts.len()), ("a/api.yaml", 2));
        let two = [("a.yaml", "openapi: 3.0.3"), ("b.yaml", "swagger: '2.0'")];
        let several = ReadArtefactError::Several(vec!["a.yaml".into(), "b.yaml".into()]);
        assert_eq!(read(&two, None), Err(several));
        assert_eq!(read(&two, Some("b.yaml")).expect("named").root, "b.yaml");
        assert_eq!(
            read(&two, Some("c")),
            Err(ReadArtefactError::NoRoot("c".into()))
        );
        assert_eq!(
            read(&[("a.yaml", "x: 1")], None),
            Err(ReadArtefactError::None)
        );
    }

    #[test]
    fn what_is_broken_or_leaves_the_archive_is_refused() {
        let bytes = zipped(&[("../a.yaml", "openapi: 3.0.3")]);
        assert_eq!(
            Artefact::read("x.zip", bytes, None),
            Err(ReadArtefactError::Leaves("../a.yaml".into()))
        );
        let broken = Artefact::read("x.zip", b"PK\x03\x04nothing".to_vec(), None);
        assert!(matches!(broken, Err(ReadArtefactError::Broken(_))));
        let bad = Artefact::read("a.yaml", vec![b'a', 0xff], None);
        assert!(matches!(bad, Err(ReadArtefactError::NotUtf8 { at: 1, .. })));
    }

    #[test]
    fn a_hash_is_of_texts_and_paths() {
        let of = |name: &str, text: &str| {
            Artefact::read(name, text.into(), None)
                .expect("read")
                .hash()
        };
        assert_eq!(of("a", "x"), of("a", "x"));
        assert_ne!(of("a", "x"), of("a", "y"));
        assert_ne!(of("a", "x"), of("b", "x"));
    }
}
