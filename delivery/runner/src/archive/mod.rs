//! Zip archives of artifacts and caches: written with a manifest, unpacked as if hostile.

mod pack;
mod unpack;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path};

use sha2::{Digest as _, Sha256};

pub use pack::{Content, HOPELESS, ManifestEntry, PackError, Packed, Packing, pack};
pub use unpack::{UnpackError, unpack, unpack_while};

/// Most entries an archive may have.
pub const MAX_ENTRIES: usize = 1_000_000;
/// Most bytes that may come out of one archived byte.
pub const MAX_RATIO: u64 = 200;
/// Below this much unpacked data the ratio is not looked at: it cannot hurt.
pub(crate) const RATIO_FREE_BYTES: u64 = 16 * 1024 * 1024;
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

#[cfg(test)]
mod tests {
    use super::*;

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
