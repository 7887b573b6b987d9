//! Which program a cage is, and what must not be opened to those inside.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Leads to the file this process was started from, also when its path was given to another file
/// since.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// The word that starts this very program anew, whatever its path leads to by then.
///
/// # Errors
/// When there is no `/proc`.
pub fn own_program() -> io::Result<OsString> {
    std::fs::read_link(OWN_PROGRAM)?;
    Ok(OWN_PROGRAM.into())
}

/// The real path, if those inside a cage (`whom`, in words) may be allowed to write there.
///
/// # Errors
/// With a sentence when it does not exist, is hidden, or leads to the running program, which could
/// then be replaced.
pub fn openable(path: &Path, hidden: &[PathBuf], whom: &str) -> Result<PathBuf, String> {
    let refused = |why: &str| format!("{} cannot be opened to {whom}: {why}", path.display());
    let real = path.canonicalize().map_err(|e| refused(&e.to_string()))?;
    let program = std::fs::read_link(OWN_PROGRAM).map_err(|e| refused(&e.to_string()))?;
    if program.starts_with(&real) {
        let why = format!("the running program {} is in there", program.display());
        return Err(refused(&why));
    }
    let hidden = hidden.iter().filter_map(|p| p.canonicalize().ok());
    if let Some(outer) = hidden.into_iter().find(|outer| real.starts_with(outer)) {
        return Err(refused(&format!("{} is hidden from them", outer.display())));
    }
    Ok(real)
}
