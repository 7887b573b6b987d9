//! The file services are kept in: written beside, synced, renamed; the one before is kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::ServiceSpec;

/// Version of the file's form.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    services: Vec<StoredService>,
}

/// A service as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredService {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) switched_at: Option<String>,
    pub(crate) spec: ServiceSpec,
}

/// Why the kept services cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadStateError {
    /// The file exists and cannot be read.
    #[error("cannot read the gateway's state {path}: {source}")]
    Read {
        /// File.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// Neither it nor the one before makes sense.
    #[error(
        "the gateway's state {path} is damaged ({reason}) and so is the one before it; \
         restore it from a backup, or remove both files to begin with no services"
    )]
    Damaged {
        /// File.
        path: PathBuf,
        /// Cause.
        reason: String,
    },
}

fn previous(path: &Path) -> PathBuf {
    path.with_extension("previous.json")
}

/// Writes durably: after this returns the services survive a power cut.
pub(crate) fn write(path: &Path, services: Vec<StoredService>) -> io::Result<()> {
    let text = serde_json::to_vec_pretty(&Stored {
        format: FORMAT,
        services,
    })
    .map_err(io::Error::other)?;
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(&text)?;
    file.sync_all()?;
    if path.exists() {
        fs::copy(path, previous(path))?;
    }
    fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

/// Reads what was kept; no file is no services. A damaged file falls back to the one before it.
pub(crate) fn read(path: &Path) -> Result<Vec<StoredService>, ReadStateError> {
    let reason = match read_one(path)? {
        Some(Ok(services)) => return Ok(services),
        None if !previous(path).exists() => return Ok(Vec::new()),
        None => "it is missing".to_owned(),
        Some(Err(reason)) => reason,
    };
    match read_one(&previous(path))? {
        Some(Ok(services)) => {
            tracing::error!(path = %path.display(), reason,
                "the gateway's state is damaged, the one before it is used");
            Ok(services)
        }
        _ => Err(ReadStateError::Damaged {
            path: path.to_owned(),
            reason,
        }),
    }
}

type Parsed = Result<Vec<StoredService>, String>;

fn read_one(path: &Path) -> Result<Option<Parsed>, ReadStateError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ReadStateError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    Ok(Some(match serde_json::from_slice::<Stored>(&text) {
        Ok(stored) if stored.format == FORMAT => Ok(stored.services),
        Ok(stored) => Err(format!("format {} is not known", stored.format)),
        Err(error) => Err(error.to_string()),
    }))
}
