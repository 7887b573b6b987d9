//! Writing archives.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{MAX_ENTRIES, MAX_RATIO, RATIO_FREE_BYTES, digest};

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Larger than allowed.
    #[error("the archive is larger than {0} bytes")]
    TooLarge(u64),
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

/// Writes the files (relative to `root`, regular files, links and directories) into a zip archive
/// of at most `limit` bytes.
///
/// # Errors
/// When a file cannot be read, a bound is broken, or the archive cannot be written; an
/// unfinished archive is removed.
pub fn pack(
    root: &Path,
    files: &[PathBuf],
    target: &Path,
    limit: u64,
) -> Result<Packed, PackError> {
    let result = write_archive(root, files, target, limit);
    if result.is_err() {
        let _ = fs::remove_file(target);
    }
    result
}

fn write_archive(
    root: &Path,
    files: &[PathBuf],
    target: &Path,
    limit: u64,
) -> Result<Packed, PackError> {
    if files.len() > MAX_ENTRIES {
        return Err(PackError::TooManyEntries(files.len()));
    }
    let mut zip = ZipWriter::new(Bounded {
        file: File::create(target)?,
        limit,
        exceeded: false,
    });
    let mut entries = Vec::with_capacity(files.len());
    let mut total = 0;
    for path in files {
        match pack_one(&mut zip, root, path) {
            Ok(entry) => {
                total += entry.size;
                entries.push(entry);
            }
            Err(PackError::Write(e) | PackError::Zip(zip::result::ZipError::Io(e)))
                if e.kind() == io::ErrorKind::FileTooLarge =>
            {
                return Err(PackError::TooLarge(limit));
            }
            Err(error) => return Err(error),
        }
    }
    let bounded = zip.finish()?;
    if bounded.exceeded {
        return Err(PackError::TooLarge(limit));
    }
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
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = source.read(&mut buffer).map_err(read)?;
        if count == 0 {
            break;
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
    limit: u64,
    exceeded: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.file.stream_position()? + bytes.len() as u64 > self.limit {
            self.exceeded = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Bounded {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
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
