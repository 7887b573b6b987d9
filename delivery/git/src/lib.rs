//! Git hosting through the `git` program: smart HTTP, push policy, refs, trees, diffs.
//!
//! Bare repositories live under one root as `<namespace>/<project>.git`. Every `git` process is
//! started with an empty environment, no system or personal configuration, and with the settings
//! that matter given on the command line, so nothing a pusher can write is ever executed.
//!
//! The push policy is enforced inside git's own quarantine by a `pre-receive` hook that calls
//! [`hook::pre_receive`]; an accepted push leaves a [`hook::PushReceipt`] on disk before its refs
//! move, so that a crash between the ref update and the database cannot lose who pushed what.

mod diff;
mod error;
pub mod hook;
mod http;
mod name;
mod oversize;
mod program;
mod read;
mod snapshot;
mod write;

pub use error::GitError;
pub use http::{Begun, Exchange, Limits, Service};
pub use name::RepositoryName;
pub use program::{Git, GitSettings, Repository};
pub use read::{BranchRef, CommitInfo, TreeEntry};
pub use snapshot::Snapshot;
pub use write::{CommitFile, NewCommit, Signature};

/// The object id git uses for "no object": a ref that is created or deleted.
pub const ZERO_SHA: &str = "0000000000000000000000000000000000000000";
