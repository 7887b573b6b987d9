//! Keeps the processes of jobs and deployed services from what is not theirs: a process that takes
//! away its own right to reach it, and whatever it starts afterwards.
//!
//! * Landlock: what is hidden can be neither read nor listed nor written, only few folders can be
//!   written, and processes outside get no signal.
//! * Where the process may mount: everything but these few folders is read-only for it, so that
//!   modes, owners and times cannot be changed either, and the folders that all programs of a
//!   machine write to are its own.
//! * Of the powers of root only those remain that builds need.
//! * What they use is counted ([`process`]) and, where the kernel lets this process, bounded by it
//!   ([`cgroup`]).

pub mod cgroup;
mod descriptors;
mod mode;
mod mounts;
mod powers;
pub mod process;
mod program;
mod rules;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use descriptors::close_inherited;
pub use mode::{IsolationMode, Verdict, verdict};
pub use program::{openable, own_program};
pub use rules::kernel_abi;

/// What a process may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Neither read, listed nor written.
    pub hidden: Vec<PathBuf>,
    /// Open wherever they are.
    pub writable: Vec<PathBuf>,
    /// Open, but for what is hidden in there.
    pub named: Vec<PathBuf>,
    /// One of the process's own that takes the place of folders all programs write to, where it
    /// can.
    pub temporary: Option<PathBuf>,
    /// Open for reading wherever they are.
    pub readable: Vec<PathBuf>,
    /// Existing files in there may be written to.
    pub pipes: Vec<PathBuf>,
    /// The process will start programs as another user, so that it keeps the power to do so.
    pub switches_user: bool,
}

/// A restriction in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restricted {
    /// Landlock's version in use, 0 when this kernel has none.
    pub abi: u8,
    /// How many paths are hidden.
    pub hidden: usize,
    /// Folders on the way to a hidden path that could not be listed: what is in them is closed.
    pub closed: Vec<PathBuf>,
    /// How many folders that all programs write to were replaced by the process's own.
    pub private: usize,
    /// Whether everything that may not be written is mounted read-only.
    pub read_only: bool,
    /// Whether there were powers of root to take.
    pub powers_taken: bool,
}

/// Restricts the calling thread and all it will start. There is no way back.
///
/// # Errors
/// With a sentence when a rule cannot be made; the thread may then be restricted or not, and must
/// start nothing.
pub fn give_up(reach: &Reach) -> Result<Restricted, String> {
    // A restricted thread cannot mount any more.
    let mounts = mounts::arrange(reach);
    let (abi, hidden, closed) = rules::restrict(reach)?;
    let powers_taken = powers::give_up(mounts.read_only, reach.switches_user)
        .map_err(|e| format!("the powers of root cannot be given up: {e}"))?;
    Ok(Restricted {
        abi,
        hidden,
        closed,
        private: mounts.private,
        read_only: mounts.read_only,
        powers_taken,
    })
}
