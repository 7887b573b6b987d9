//! Writing archives.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use rialto_delivery_run::size::Size;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{MAX_ENTRIES, MAX_RATIO, RATIO_FREE_BYTES, digest};

/// Files of more than so many times the archive's limit are not even tried: source text becomes an
/// eighth at best.
pub const HOPELESS: u64 = 8;
/// How many of the largest files are named.
const NAMED: usize = 3;
/// The level of compression at which packing is little slower than reading.
const FAST: i64 = 1;

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Larger than allowed, or certain to become so.
    #[error("the archive is larger than {}: {files}", Size(*limit))]
    TooLarge {
        /// Most bytes the archive may have.
        limit: u64,
        /// What was to be packed, the largest files by name.
        files: Content,
    },
    /// The caller no longer wants it.
    #[error("packing was stopped")]
    Stopped,
    /// More entries than allowed.
    #[error("{0} entries, at most {MAX_ENTRIES} are allowed")]
    TooManyEntries(usize),
    /// It could not be unpacked again.
    #[error(
        "it would unpack to more than {MAX_RATIO} times its size and be refused; compress or split \
         the files"
    )]
    Ratio,
    /// A file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Relative path.
        path: String,
        /// Cause.
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("cannot write the archive: {0}")]
    Write(#[from] io::Error),
    /// The archive could not be written.
    #[error("cannot write the archive: {0}")]
    Zip(#[from] zip::result::ZipError),
}

/// One entry of an archive's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Path relative to the project directory.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the content (of the target text for a link), hex.
    pub sha256: String,
    /// Target of a symbolic link.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
}

/// A written archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// SHA-256 of the archive, hex.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// What is in it.
    pub entries: Vec<ManifestEntry>,
}

/// What is to be packed, before it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Files, links and directories.
    pub entries: usize,
    /// Bytes of all files together.
    pub bytes: u64,
    /// The largest files, the largest first.
    pub largest: Vec<(PathBuf, u64)>,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} entries", Size(self.bytes), self.entries)?;
        let largest: Vec<String> = self
            .largest
            .iter()
            .map(|(path, bytes)| format!("{} ({})", path.display(), Size(*bytes)))
            .collect();
        if largest.is_empty() {
            return Ok(());
        }
        write!(f, ", the largest {}", largest.join(", "))
    }
}

impl Content {
    /// Looks at the files, which are relative to `root`.
    #[must_use]
    pub fn of(root: &Path, files: &[PathBuf]) -> Self {
        let mut content = Self {
            entries: files.len(),
            bytes: 0,
            largest: Vec::new(),
        };
        for path in files {
            let Ok(meta) = fs::symlink_metadata(root.join(path)) else {
                continue;
            };
            if !meta.is_file() {
                continue;
            }
            content.bytes = content.bytes.saturating_add(meta.len());
            let smaller = |(_, bytes): &(PathBuf, u64)| *bytes < meta.len();
            let place = content.largest.iter().position(smaller);
            let place = place.unwrap_or(content.largest.len());
            if place < NAMED {
                content.largest.insert(place, (path.clone(), meta.len()));
                content.largest.truncate(NAMED);
            }
        }
        content
    }
}

/// How to pack.
pub struct Packing<'a> {
    /// Most bytes the archive may have.
    pub limit: u64,
    /// Fast, at the price of a somewhat larger archive.
    pub fast: bool,
    /// Whether to go on; asked again and again.
    pub go_on: &'a dyn Fn() -> bool,
}

impl fmt::Debug for Packing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packing")
            .field("limit", &self.limit)
            .field("fast", &self.fast)
            .finish_non_exhaustive()
    }
}

impl Packing<'_> {
    /// At most `limit` bytes, to the end.
    #[must_use]
    pub fn within(limit: u64) -> Self {
        Self {
            limit,
            fast: false,
            go_on: &|| true,
        }
    }
}

/// Writes the files (relative to `root`, regular files, links and directories) into a zip archive,
/// piece by piece: memory does not grow with them.
///
/// # Errors
/// When a file cannot be read, a bound is broken, or the archive cannot be written; an
/// unfinished archive is removed. Files of more than [`HOPELESS`] times the limit are refused
/// before anything is packed.
pub fn pack(
    root: &Path,
    files: &[PathBuf],
    target: &Path,
    packing: &Packing<'_>,
) -> Result<Packed, PackError> {
    let content = Content::of(root, files);
    let too_large = || PackError::TooLarge {
        limit: packing.limit,
        files: content.clone(),
    };
    if content.bytes / HOPELESS > packing.limit {
        return Err(too_large());
    }
    let result = match write_archive(root, files, target, packing) {
        Err(PackError::Write(e) | PackError::Zip(zip::result::ZipError::Io(e)))
            if e.kind() == io::ErrorKind::FileTooLarge =>
        {
            Err(too_large())
        }
        other => other,
    };
    if result.is_err() {
        let _ = fs::remove_file(target);
    }
    result
}

fn write_archive(
    root: &Path,
    files: &[PathBuf],
    target: &Path,
    packing: &Packing<'_>,
) -> Result<Packed, PackError> {
    if files.len() > MAX_ENTRIES {
        return Err(PackError::TooManyEntries(files.len()));
    }
    let limit = Rc::new(Cell::new(packing.limit));
    let mut zip = ZipWriter::new(Bounded {
        file: File::create(target)?,
        position: 0,
        limit: Rc::clone(&limit),
    });
    let mut entries = Vec::with_capacity(files.len());
    let mut total = 0;
    for path in files {
        match pack_one(&mut zip, root, path, packing) {
            Ok(entry) => {
                total += entry.size;
                entries.push(entry);
            }
            Err(error) => {
                // Dropped, it is finished anyway, and complains aloud when it cannot be.
                limit.set(u64::MAX);
                return Err(error);
            }
        }
    }
    let bounded = zip.finish()?;
    let file = bounded.file;
    file.sync_data()?;
    let (sha256, size) = digest(target)?;
    if total > RATIO_FREE_BYTES && total / size.max(1) > MAX_RATIO {
        return Err(PackError::Ratio);
    }
    Ok(Packed {
        sha256,
        size,
        entries,
    })
}

fn pack_one(
    zip: &mut ZipWriter<Bounded>,
    root: &Path,
    path: &Path,
    packing: &Packing<'_>,
) -> Result<ManifestEntry, PackError> {
    let name = path.to_string_lossy().into_owned();
    let full = root.join(path);
    let read = |source| PackError::Read {
        path: name.clone(),
        source,
    };
    let meta = fs::symlink_metadata(&full).map_err(read)?;
    let mode = meta.permissions().mode() & 0o7777;
    let mut options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(packing.fast.then_some(FAST))
        .unix_permissions(mode)
        .large_file(meta.len() >= u64::from(u32::MAX));
    if let Some(time) = meta.modified().ok().and_then(zip_time) {
        options = options.last_modified_time(time);
    }
    if meta.is_symlink() {
        let link = fs::read_link(&full)
            .map_err(read)?
            .to_string_lossy()
            .into_owned();
        zip.add_symlink(&name, &link, options)?;
        let sha256 = hex::encode(Sha256::digest(link.as_bytes()));
        return Ok(ManifestEntry {
            path: name,
            mode,
            size: link.len() as u64,
            sha256,
            link: Some(link),
        });
    }
    if meta.is_dir() {
        zip.add_directory(&name, options)?;
        let sha256 = hex::encode(Sha256::digest(b""));
        return Ok(ManifestEntry {
            path: format!("{name}/"),
            mode,
            size: 0,
            sha256,
            link: None,
        });
    }
    let mut source = File::options()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
        .open(&full)
        .map_err(read)?;
    zip.start_file(&name, options)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0_u8; 256 * 1024];
    loop {
        let count = source.read(&mut buffer).map_err(read)?;
        if count == 0 {
            break;
        }
        if !(packing.go_on)() {
            return Err(PackError::Stopped);
        }
        hash.update(&buffer[..count]);
        zip.write_all(&buffer[..count])?;
        size += count as u64;
    }
    Ok(ManifestEntry {
        path: name,
        mode,
        size,
        sha256: hex::encode(hash.finalize()),
        link: None,
    })
}

/// A file that refuses to grow beyond its bound.
#[derive(Debug)]
struct Bounded {
    file: File,
    position: u64,
    limit: Rc<Cell<u64>>,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.position.saturating_add(bytes.len() as u64) > self.limit.get() {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let count = self.file.write(bytes)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Bounded {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(position)?;
        Ok(self.position)
    }
}

fn zip_time(time: SystemTime) -> Option<zip::DateTime> {
    let utc = jiff::Timestamp::try_from(time)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC);
    zip::DateTime::from_date_and_time(
        u16::try_from(utc.year()).ok()?,
        u8::try_from(utc.month()).ok()?,
        u8::try_from(utc.day()).ok()?,
        u8::try_from(utc.hour()).ok()?,
        u8::try_from(utc.minute()).ok()?,
        u8::try_from(utc.second()).ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_refused_before_it_is_packed_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = [("a", 10), ("b", 4 << 30), ("c", 20), ("d", 30)];
        for (name, size) in sizes {
            let file = File::create(dir.path().join(name)).unwrap();
            file.set_len(size).unwrap();
        }
        let files = ["a", "b", "c", "d"].map(PathBuf::from);
        let target = dir.path().join("out.zip");
        let packing = Packing {
            go_on: &|| panic!("nothing was to be read"),
            ..Packing::within(1 << 20)
        };
        let error = pack(dir.path(), &files, &target, &packing).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the archive is larger than 1 MiB: 4.1 GiB in 4 entries, the largest \
             b (4 GiB), d (30 bytes), c (20 bytes)"
        );
        assert!(!target.exists());
    }

    #[test]
    fn packing_stops_when_it_is_no_longer_wanted() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), vec![1; 1 << 20]).unwrap();
        let target = dir.path().join("out.zip");
        let packing = Packing {
            go_on: &|| false,
            ..Packing::within(1 << 20)
        };
        let stopped = pack(dir.path(), &["a".into()], &target, &packing);
        assert!(matches!(stopped, Err(PackError::Stopped)));
        assert!(!target.exists());
    }
}
