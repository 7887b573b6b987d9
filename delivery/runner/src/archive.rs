//! Zip archives of artifacts and caches: written with a manifest, unpacked as if hostile.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Most entries an archive may have.
pub const MAX_ENTRIES: usize = 1_000_000;
/// Most bytes that may come out of one archived byte.
pub const MAX_RATIO: u64 = 200;
/// Below this much unpacked data the ratio is not looked at: it cannot hurt.
const RATIO_FREE_BYTES: u64 = 16 * 1024 * 1024;
/// Longest target of a symbolic link.
const MAX_LINK_BYTES: u64 = 4096;

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

/// Why an archive was refused. Nothing outside the target directory was touched.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Not the promised bytes.
    #[error("its SHA-256 is {found}, expected {expected}")]
    Digest {
        /// As computed.
        found: String,
        /// As promised.
        expected: String,
    },
    /// More entries than allowed.
    #[error("{0} entries, at most {MAX_ENTRIES} are allowed")]
    TooManyEntries(usize),
    /// Expands too far.
    #[error("it unpacks to more than {MAX_RATIO} times its size (at entry {entry:?})")]
    Ratio {
        /// Entry being unpacked.
        entry: String,
    },
    /// Larger than the working tree may be.
    #[error("it unpacks to more than {limit} bytes (at entry {entry:?})")]
    TooLarge {
        /// Entry being unpacked.
        entry: String,
        /// Bound, bytes.
        limit: u64,
    },
    /// A hostile or broken entry.
    #[error("entry {entry:?}: {problem}")]
    Entry {
        /// Name as written.
        entry: String,
        /// What is wrong.
        problem: String,
    },
    /// File system error at an entry.
    #[error("entry {entry:?}: {source}")]
    Io {
        /// Name as written.
        entry: String,
        /// Cause.
        source: io::Error,
    },
    /// Not a readable zip archive.
    #[error("not a readable zip archive: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The archive could not be read.
    #[error("cannot read the archive: {0}")]
    Read(#[from] io::Error),
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

/// SHA-256 (hex) and size of a file.
///
/// # Errors
/// When it cannot be read.
pub fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((hex::encode(hash.finalize()), size));
        }
        hash.update(&buffer[..count]);
        size += count as u64;
    }
}

/// Unpacks an archive below `root`. With `expected` the digest is compared first.
///
/// Returns the paths written that existed before as files: a later archive overwrites an earlier.
///
/// # Errors
/// On the first entry that is absolute, climbs out, goes through or makes a link that leaves the
/// tree, or breaks a bound. Entries before it stay.
pub fn unpack(
    archive: &Path,
    root: &Path,
    expected: Option<&str>,
    max_bytes: u64,
) -> Result<Vec<String>, UnpackError> {
    if let Some(expected) = expected {
        let (found, _) = digest(archive)?;
        if !found.eq_ignore_ascii_case(expected) {
            return Err(UnpackError::Digest {
                found,
                expected: expected.to_owned(),
            });
        }
    }
    let file = File::open(archive)?;
    let archive_bytes = file.metadata()?.len();
    let mut zip = ZipArchive::new(io::BufReader::new(file))?;
    if zip.len() > MAX_ENTRIES {
        return Err(UnpackError::TooManyEntries(zip.len()));
    }
    let mut target = Target {
        root: root.canonicalize()?,
        archive_bytes,
        written: 0,
        max_bytes,
    };
    let mut overwritten = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        if target.unpack_one(&mut entry)? {
            overwritten.push(String::from_utf8_lossy(entry.name_raw()).into_owned());
        }
    }
    Ok(overwritten)
}

struct Target {
    root: PathBuf,
    archive_bytes: u64,
    written: u64,
    max_bytes: u64,
}

impl Target {
    /// Writes one entry; says whether it replaced a file.
    fn unpack_one<R: Read>(
        &mut self,
        entry: &mut zip::read::ZipFile<'_, R>,
    ) -> Result<bool, UnpackError> {
        let name =
            String::from_utf8(entry.name_raw().to_vec()).map_err(|e| UnpackError::Entry {
                entry: String::from_utf8_lossy(e.as_bytes()).into_owned(),
                problem: "its name is not UTF-8".to_owned(),
            })?;
        let problem = |text: &str| UnpackError::Entry {
            entry: name.clone(),
            problem: text.into(),
        };
        let failed = |source| UnpackError::Io {
            entry: name.clone(),
            source,
        };
        let path = safe_path(&name).map_err(problem)?;
        if entry.is_dir() {
            self.directory(&path).map_err(failed)?;
            return Ok(false);
        }
        let parent = self
            .directory(path.parent().unwrap_or(Path::new("")))
            .map_err(failed)?;
        let full = parent.join(
            path.file_name()
                .ok_or_else(|| problem("it has no file name"))?,
        );
        let replaced = match fs::symlink_metadata(&full) {
            Ok(meta) if meta.is_dir() => return Err(problem("a directory of that name exists")),
            Ok(_) => fs::remove_file(&full).map(|()| true).map_err(failed)?,
            Err(_) => false,
        };
        if entry.is_symlink() {
            let mut text = String::new();
            entry
                .by_ref()
                .take(MAX_LINK_BYTES)
                .read_to_string(&mut text)
                .map_err(failed)?;
            let depth = parent
                .strip_prefix(&self.root)
                .map_or(0, |p| p.components().count());
            check_link(&text, depth).map_err(problem)?;
            std::os::unix::fs::symlink(&text, &full).map_err(failed)?;
            return Ok(replaced);
        }
        let kind = entry.unix_mode().map_or(0, |m| m & 0o170_000);
        if !matches!(kind, 0 | 0o100_000) {
            return Err(problem("neither a file, a directory nor a link"));
        }
        let mode = entry.unix_mode().unwrap_or(0o644) & 0o777;
        let time = entry.last_modified().and_then(system_time);
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(mode | 0o600)
            .open(&full)
            .map_err(failed)?;
        self.copy(entry, &mut file, &name)?;
        file.set_permissions(fs::Permissions::from_mode(mode))
            .map_err(failed)?;
        if let Some(time) = time {
            let _ = file.set_modified(time);
        }
        Ok(replaced)
    }

    fn copy(
        &mut self,
        source: &mut impl Read,
        file: &mut File,
        name: &str,
    ) -> Result<(), UnpackError> {
        let mut buffer = vec![0_u8; 64 * 1024];
        loop {
            let failed = |source| UnpackError::Io {
                entry: name.to_owned(),
                source,
            };
            let count = source.read(&mut buffer).map_err(failed)?;
            if count == 0 {
                return Ok(());
            }
            self.written += count as u64;
            if self.written > self.max_bytes {
                return Err(UnpackError::TooLarge {
                    entry: name.to_owned(),
                    limit: self.max_bytes,
                });
            }
            if self.written > RATIO_FREE_BYTES
                && self.written / self.archive_bytes.max(1) > MAX_RATIO
            {
                return Err(UnpackError::Ratio {
                    entry: name.to_owned(),
                });
            }
            file.write_all(&buffer[..count]).map_err(failed)?;
        }
    }

    /// Makes a directory below the root, component by component, and returns its real path; a
    /// link on the way must lead to a directory inside.
    fn directory(&self, path: &Path) -> io::Result<PathBuf> {
        let mut current = self.root.clone();
        for component in path.components() {
            current.push(component);
            match fs::symlink_metadata(&current) {
                Ok(meta) if meta.is_dir() => {}
                Ok(meta) if meta.is_symlink() => {
                    let real = current.canonicalize()?;
                    if !real.starts_with(&self.root) || !real.is_dir() {
                        return Err(io::Error::other(format!(
                            "the link {} leads out of the working tree",
                            current.display()
                        )));
                    }
                    current = real;
                }
                Ok(_) => {
                    return Err(io::Error::other(format!("{} is a file", current.display())));
                }
                Err(_) => fs::create_dir(&current)?,
            }
        }
        Ok(current)
    }
}

/// A relative path without tricks.
fn safe_path(name: &str) -> Result<PathBuf, &'static str> {
    if name.is_empty() || name.contains('\0') {
        return Err("it has no usable name");
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err("it climbs out of the tree with `..`"),
            Component::RootDir | Component::Prefix(_) => return Err("its path is absolute"),
        }
    }
    Ok(path)
}

/// Whether a link, `depth` directories below the root, can only lead inside: relative, and `..`
/// only in front and not above the root.
///
/// # Errors
/// With the reason when it may leave.
pub fn check_link(target: &str, depth: usize) -> Result<(), &'static str> {
    if target.is_empty() || target.contains('\0') {
        return Err("a link without a usable target");
    }
    let mut climbs = 0;
    let mut descended = false;
    for component in Path::new(target).components() {
        match component {
            Component::RootDir | Component::Prefix(_) => return Err("a link to an absolute path"),
            Component::ParentDir if descended => {
                return Err("a link with `..` behind a name, which may lead anywhere");
            }
            Component::ParentDir => climbs += 1,
            Component::Normal(_) => descended = true,
            Component::CurDir => {}
        }
    }
    if climbs > depth {
        return Err("a link that leaves the tree");
    }
    Ok(())
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

fn system_time(time: zip::DateTime) -> Option<SystemTime> {
    let date = jiff::civil::DateTime::new(
        i16::try_from(time.year()).ok()?,
        i8::try_from(time.month()).ok()?,
        i8::try_from(time.day()).ok()?,
        i8::try_from(time.hour()).ok()?,
        i8::try_from(time.minute()).ok()?,
        i8::try_from(time.second()).ok()?,
        0,
    )
    .ok()?;
    let seconds = date
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()?
        .timestamp()
        .as_second();
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_tree_are_refused() {
        assert!(safe_path("a/b").is_ok());
        for wrong in ["/etc/passwd", "../x", "a/../../x", "", "a\0b"] {
            assert!(safe_path(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn links_may_climb_only_to_the_root() {
        assert!(check_link("../a", 1).is_ok());
        assert!(check_link("b/c", 0).is_ok());
        for (target, depth) in [
            ("..", 0),
            ("../../a", 1),
            ("/etc", 5),
            ("a/../..", 3),
            ("", 0),
        ] {
            assert!(check_link(target, depth).is_err(), "{target:?} at {depth}");
        }
    }
}
