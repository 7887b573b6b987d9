//! Unpacking archives, each as if a stranger had made it.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use rialto_delivery_run::size::Size;
use zip::ZipArchive;

use super::{MAX_ENTRIES, MAX_RATIO, RATIO_FREE_BYTES, check_link, digest};

/// Longest target of a symbolic link.
const MAX_LINK_BYTES: u64 = 4096;

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
    #[error("it unpacks to more than {} (at entry {entry:?})", Size(*limit))]
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
    /// The caller no longer wants it.
    #[error("unpacking was stopped")]
    Stopped,
    /// Not a readable zip archive.
    #[error("not a readable zip archive: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// The archive could not be read.
    #[error("cannot read the archive: {0}")]
    Read(#[from] io::Error),
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
    unpack_while(&|| true, archive, root, expected, max_bytes)
}

/// The same as long as it is to go on, which is asked again and again.
///
/// # Errors
/// As [`unpack`], and [`UnpackError::Stopped`]; what was written before stays.
pub fn unpack_while(
    go_on: &dyn Fn() -> bool,
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
        go_on,
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

struct Target<'a> {
    root: PathBuf,
    archive_bytes: u64,
    written: u64,
    max_bytes: u64,
    go_on: &'a dyn Fn() -> bool,
}

impl Target<'_> {
    /// Writes one entry; says whether it replaced a file.
    fn unpack_one<R: Read>(
        &mut self,
        entry: &mut zip::read::ZipFile<'_, R>,
    ) -> Result<bool, UnpackError> {
        if !(self.go_on)() {
            return Err(UnpackError::Stopped);
        }
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
            if !(self.go_on)() {
                return Err(UnpackError::Stopped);
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
}
