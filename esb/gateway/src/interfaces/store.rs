//! Signed snapshots on disk: each written beside, synced, renamed; which of them is active in a file
//! of its own. The newest that holds serves after a start; a damaged one is passed over, aloud.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Snapshots in a folder.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
    keep: usize,
}

/// Which snapshot is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Active {
    pub(crate) version: u64,
    pub(crate) digest: String,
    /// Highest version ever taken: nothing below is published any more.
    pub(crate) highest: u64,
    /// Highest rank of a leader seen.
    pub(crate) token: rialto_esb_snapshot::Token,
}

const ACTIVE: &str = "active.json";
const USAGE: &str = "usage.json";

impl Store {
    pub(crate) fn open(folder: PathBuf, keep: usize) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self {
            folder,
            keep: keep.max(2),
        })
    }

    fn file(&self, version: u64, digest: &str) -> PathBuf {
        let short = digest.get(..16).unwrap_or(digest);
        self.folder.join(format!("{version:020}-{short}.snapshot"))
    }

    /// Keeps a signed snapshot; after this returns it survives a power cut.
    pub(crate) fn keep(&self, version: u64, digest: &str, signed: &[u8]) -> io::Result<()> {
        self.write(&self.file(version, digest), signed)
    }

    /// Says which snapshot is in force.
    pub(crate) fn activate(&self, active: &Active) -> io::Result<()> {
        let text = serde_json::to_vec(active).map_err(io::Error::other)?;
        self.write(&self.folder.join(ACTIVE), &text)
    }

    /// What was in force; `None` when nothing was, or the file is damaged.
    pub(crate) fn active(&self) -> Option<Active> {
        let path = self.folder.join(ACTIVE);
        let text = fs::read(&path).ok()?;
        let active = serde_json::from_slice(&text);
        if let Err(error) = &active {
            tracing::error!(path = %path.display(), %error, "the record of the active snapshot is damaged");
        }
        active.ok()
    }

    /// Kept snapshots, the newest first.
    pub(crate) fn kept(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let version = name
                .strip_suffix(".snapshot")
                .and_then(|name| name.split('-').next())
                .and_then(|digits| digits.parse().ok());
            if let Some(version) = version {
                found.push((version, path));
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// Throws the oldest away, never the one in force.
    pub(crate) fn thin(&self, active: u64) -> io::Result<()> {
        let kept = self.kept()?;
        for (version, path) in kept.into_iter().skip(self.keep) {
            if version != active {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    pub(crate) fn save_usage(&self, text: &[u8]) -> io::Result<()> {
        self.write(&self.folder.join(USAGE), text)
    }

    pub(crate) fn usage(&self) -> Option<Vec<u8>> {
        fs::read(self.folder.join(USAGE)).ok()
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(&self.folder)?.sync_all()
    }
}
