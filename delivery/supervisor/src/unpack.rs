//! Unpacks an archive from somebody else without letting it out of its folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rialto_delivery_run::size::Size;
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::error::UnpackError;

/// Most entries of an archive.
const MAX_ENTRIES: usize = 1_000_000;
/// Most bytes unpacked.
const MAX_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Most unpacked bytes per packed byte of the whole archive, small ones excepted.
const MAX_RATIO: u64 = 200;
/// Unpacked size that is allowed whatever the ratio.
const FREE_BYTES: u64 = 16 * 1024 * 1024;
/// Longest target of a symbolic link.
const MAX_LINK_BYTES: u64 = 4096;

const KIND_MASK: u32 = 0o170_000;
const KIND_FILE: u32 = 0o100_000;
const KIND_FOLDER: u32 = 0o040_000;
const KIND_LINK: u32 = 0o120_000;

/// Unpacks the zip file `archive` into `folder`, which must exist and be empty. Returns the number
/// of bytes written.
///
/// Refused are absolute names, `..`, backslashes, NUL, entries below a symbolic link, links that
/// leave the folder, devices, sockets, encrypted entries, names that come twice, more than
/// 1,000,000 entries, and more than 200 bytes out of one. Set-user-id bits are dropped.
///
/// # Errors
/// [`UnpackError`]; the folder then holds what was unpacked before the entry that was refused.
pub fn unpack(archive: &Path, folder: &Path) -> Result<u64, UnpackError> {
    let io = |source| UnpackError::Io {
        path: archive.to_owned(),
        source,
    };
    let file = File::open(archive).map_err(io)?;
    let packed = file.metadata().map_err(io)?.len();
    let mut zip = ZipArchive::new(io::BufReader::new(file)).map_err(format)?;
    if zip.len() > MAX_ENTRIES {
        return Err(UnpackError::TooLarge(format!(
            "{} entries, at most {MAX_ENTRIES} are allowed",
            zip.len()
        )));
    }
    let allowed = packed
        .saturating_mul(MAX_RATIO)
        .clamp(FREE_BYTES, MAX_BYTES);
    let mut target = Target {
        folder,
        allowed,
        written: 0,
    };
    // Links come last, so that nothing is ever written through one.
    let mut links = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(format)?;
        if let Some(link) = target.entry(entry)? {
            links.push(link);
        }
    }
    for (name, destination) in links {
        target.link(&name, &destination)?;
    }
    Ok(target.written)
}

fn format(error: zip::result::ZipError) -> UnpackError {
    UnpackError::Format(error.to_string())
}

struct Target<'a> {
    folder: &'a Path,
    allowed: u64,
    written: u64,
}

impl Target<'_> {
    /// Writes a file or folder; a link is handed back for later.
    fn entry<R: Read>(
        &mut self,
        mut entry: ZipFile<'_, R>,
    ) -> Result<Option<(PathBuf, String)>, UnpackError> {
        let raw = entry.name().map_err(format)?.into_owned();
        let refuse = |reason| UnpackError::Entry {
            name: shown(&raw),
            reason,
        };
        let name = relative(&raw).map_err(refuse)?;
        if entry.encrypted() {
            return Err(refuse("it is encrypted"));
        }
        let mode = entry.unix_mode();
        let kind = mode.map_or(0, |m| m & KIND_MASK);
        if entry.is_dir() || kind == KIND_FOLDER {
            self.folders(&name)?;
            return Ok(None);
        }
        match kind {
            0 | KIND_FILE => {}
            KIND_LINK => {
                let mut destination = String::new();
                let read = (&mut entry)
                    .take(MAX_LINK_BYTES + 1)
                    .read_to_string(&mut destination);
                if read.is_err() || destination.len() as u64 > MAX_LINK_BYTES {
                    return Err(refuse("its link target cannot be read"));
                }
                if !stays_inside(&name, &destination) {
                    return Err(refuse("it is a link that leaves the archive"));
                }
                return Ok(Some((name, destination)));
            }
            _ => return Err(refuse("it is neither a file, a folder nor a link")),
        }
        if name.as_os_str().is_empty() {
            return Err(refuse("it has no name"));
        }
        if let Some(parent) = name.parent() {
            self.folders(parent)?;
        }
        let executable = mode.is_some_and(|m| m & 0o111 != 0);
        self.file(
            &name,
            &raw,
            &mut entry,
            if executable { 0o755 } else { 0o644 },
        )?;
        Ok(None)
    }

    fn file(
        &mut self,
        name: &Path,
        raw: &str,
        content: &mut impl Read,
        mode: u32,
    ) -> Result<(), UnpackError> {
        let path = self.folder.join(name);
        let io = |source| UnpackError::Io {
            path: path.clone(),
            source,
        };
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let reason = "its name comes twice";
                return Err(UnpackError::Entry {
                    name: shown(raw),
                    reason,
                });
            }
            Err(error) => return Err(io(error)),
        };
        let mut piece = vec![0; 64 * 1024];
        loop {
            let count = content.read(&mut piece).map_err(|error| {
                UnpackError::Format(format!("entry \"{}\": {error}", shown(raw)))
            })?;
            if count == 0 {
                break;
            }
            self.written += count as u64;
            if self.written > self.allowed {
                return Err(UnpackError::TooLarge(format!(
                    "it unpacks to more than {} ({MAX_RATIO} times its size)",
                    Size(self.allowed)
                )));
            }
            file.write_all(&piece[..count]).map_err(io)?;
        }
        // The mode at creation is cut by the umask; what runs must be readable and executable.
        file.set_permissions(fs::Permissions::from_mode(mode))
            .map_err(io)
    }

    fn folders(&self, name: &Path) -> Result<(), UnpackError> {
        let path = self.folder.join(name);
        fs::create_dir_all(&path).map_err(|source| UnpackError::Io { path, source })
    }

    fn link(&self, name: &Path, destination: &str) -> Result<(), UnpackError> {
        let shown = || shown(&name.to_string_lossy());
        let mut parent = self.folder.to_owned();
        for part in name.parent().unwrap_or(Path::new("")).components() {
            parent.push(part);
            if parent
                .symlink_metadata()
                .is_ok_and(|m| m.file_type().is_symlink())
            {
                return Err(UnpackError::Entry {
                    name: shown(),
                    reason: "it lies below a link",
                });
            }
        }
        if let Some(parent) = name.parent() {
            self.folders(parent)?;
        }
        let path = self.folder.join(name);
        match std::os::unix::fs::symlink(destination, &path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(UnpackError::Entry {
                name: shown(),
                reason: "its name comes twice",
            }),
            Err(source) => Err(UnpackError::Io { path, source }),
        }
    }
}

/// The name as a path below the folder.
fn relative(name: &str) -> Result<PathBuf, &'static str> {
    if name.contains('\0') {
        return Err("its name holds a NUL character");
    }
    if name.contains('\\') {
        return Err("its name holds a backslash");
    }
    if name.len() > 4096 {
        return Err("its name is too long");
    }
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err("its name leaves the archive"),
            Component::RootDir | Component::Prefix(_) => return Err("its name is absolute"),
        }
    }
    Ok(path)
}

/// Whether a link at `name` to `destination` stays inside, step by step.
fn stays_inside(name: &Path, destination: &str) -> bool {
    if destination.is_empty() || destination.contains('\0') {
        return false;
    }
    let mut depth = name.components().count().saturating_sub(1);
    for part in Path::new(destination).components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

fn shown(name: &str) -> String {
    name.chars()
        .take(200)
        .flat_map(char::escape_default)
        .collect()
}
