//! What shall run in a slot and what does, on disk.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rialto_delivery_release::SlotName;
use rialto_delivery_release::definition::HealthSpec;
use serde::{Deserialize, Serialize};

use crate::error::SupervisorError;

/// Which slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SlotKey {
    /// Project, by path or id.
    pub project: String,
    /// Environment, by name or id.
    pub environment: String,
    /// Slot.
    pub slot: SlotName,
}

impl std::fmt::Display for SlotKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} · {} · {}", self.project, self.environment, self.slot)
    }
}

impl SlotKey {
    /// The slot's folder below the root.
    pub(crate) fn folder(&self, root: &Path) -> Result<PathBuf, SupervisorError> {
        Ok(root
            .join(path_part(&self.project)?)
            .join(path_part(&self.environment)?)
            .join(self.slot.as_str()))
    }
}

/// A name as one path component: other characters than letters, digits, `.`, `_` and `-` are
/// percent-encoded.
fn path_part(name: &str) -> Result<String, SupervisorError> {
    let mut part = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("%{byte:02X}"));
        }
    }
    if part.is_empty() || part == "." || part == ".." || part.len() > 250 {
        return Err(SupervisorError::Name(name.to_owned()));
    }
    Ok(part)
}

/// How a service is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Version label given to the process and to the router.
    pub label: String,
    /// Environment name given to the process.
    pub environment: String,
    /// Program and arguments; `${PORT}` is replaced.
    pub command: Vec<String>,
    /// Variables.
    pub env: Vec<(String, String)>,
    /// Health checks.
    pub health: HealthSpec,
    /// Time between the polite and the final signal, ms.
    pub stop_timeout_ms: u64,
    /// Memory it may use, bytes, if it asks for less than the house gives.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Processes it may be, if it asks for fewer than the house gives.
    #[serde(default)]
    pub processes: Option<u32>,
}

/// What the slot's file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) key: SlotKey,
    /// What is wished for: kept over restarts.
    pub(crate) desired: Desired,
    /// Folder of the unpacked archive.
    pub(crate) folder: PathBuf,
    pub(crate) digest: String,
    /// How it runs; `None` until the first start.
    pub(crate) run: Option<RunSpec>,
    /// Private port.
    pub(crate) port: Option<u16>,
    /// The live process, when there was one.
    pub(crate) process: Option<Identity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Desired {
    Running,
    Stopped,
}

/// A process told apart from every other, also from a later one with the same pid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// Start time in the kernel's ticks since boot.
    pub(crate) start_ticks: u64,
    /// Which boot the ticks count from.
    pub(crate) boot_id: String,
    /// Wall clock, microseconds.
    pub(crate) started_at_micros: i64,
}

const FILE: &str = "process.json";

impl Record {
    /// Writes durably.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), SupervisorError> {
        let path = folder.join(FILE);
        let io = |source| SupervisorError::Io {
            action: "write",
            path: path.clone(),
            source,
        };
        let text = serde_json::to_vec_pretty(self).map_err(|e| io(std::io::Error::other(e)))?;
        let beside = folder.join("process.json.new");
        // Variables may hold secrets.
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .map_err(io)?;
        file.write_all(&text).map_err(io)?;
        file.sync_all().map_err(io)?;
        fs::rename(&beside, &path).map_err(io)?;
        File::open(folder).and_then(|f| f.sync_all()).map_err(io)
    }

    /// Reads a slot's file, if there is one.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, SupervisorError> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(SupervisorError::Io {
                    action: "read",
                    path,
                    source,
                });
            }
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| SupervisorError::Record {
                path,
                reason: error.to_string(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_become_paths() {
        let key = |project: &str| SlotKey {
            project: project.into(),
            environment: "review/x".into(),
            slot: SlotName::Blue,
        };
        let folder = key("sample/quote-service").folder(Path::new("/r")).unwrap();
        assert_eq!(
            folder,
            Path::new("/r/sample%2Fquote-service/review%2Fx/blue")
        );
        assert!(key("..").folder(Path::new("/r")).is_err());
        assert!(key("").folder(Path::new("/r")).is_err());
        let odd = key("../../etc").folder(Path::new("/r")).unwrap();
        assert_eq!(odd, Path::new("/r/..%2F..%2Fetc/review%2Fx/blue"));
    }
}
