//! The data plane of interfaces (specification, section 5): one listener that serves by a signed
//! snapshot, replaced as a whole.

mod auth;
mod call;
mod calls;
mod clock;
mod decide;
mod drift;
mod explain;
mod mask;
mod metrics;
mod once;
mod outgoing;
mod pool;
mod publish;
mod reading;
mod refusal;
mod routing;
mod serve;
mod store;
mod table;
mod token;
mod trace;
mod validate;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use rialto_esb_snapshot::{GroupKey, TrustedKeys};
use serde::{Deserialize, Serialize};

pub use clock::Clock;
pub(crate) use metrics::KIND as METRICS_KIND;

pub use explain::{ExplainRequest, Explanation, Outcome, Step};

use auth::Nonces;
use calls::Seen;
use drift::Drift;
use once::Once;
use publish::Control;
use store::Store;
use table::{Living, Table};
use trace::Names;

/// How interfaces are served.
#[derive(Debug, Clone)]
pub struct InterfacesConfig {
    /// Name of the node: letters, digits and dashes.
    pub node: String,
    /// Environment whose snapshots are taken.
    pub environment: String,
    /// Public address. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Folder snapshots are kept in.
    pub folder: PathBuf,
    /// Keys whose snapshots are taken.
    pub keys: TrustedKeys,
    /// Key of API keys and sealed secrets.
    pub group: GroupKey,
    /// Snapshots kept on disk, at least 2.
    pub keep: usize,
    /// Time.
    pub clock: Clock,
}

/// Why interfaces cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenInterfacesError {
    /// The folder cannot be used.
    #[error("cannot use the folder of snapshots {folder}: {source}")]
    Folder {
        /// Folder.
        folder: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The node's name would break the numbers made of it.
    #[error("`{0}` is no name of a node: 1 to 32 letters, digits and dashes")]
    Node(String),
    /// No randomness.
    #[error("the system gave no randomness: {0}")]
    Random(String),
}

/// A node's word that it serves a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The node.
    pub node: String,
    /// Its environment.
    pub environment: String,
    /// Version in force.
    pub version: u64,
    /// SHA-256 of the snapshot's text in hexadecimal.
    pub digest: String,
}

/// What a node serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfacesState {
    /// The node.
    pub node: String,
    /// Its environment.
    pub environment: String,
    /// What is in force; none before the first publish.
    pub active: Option<Acknowledged>,
    /// Highest version ever taken: only higher ones are published.
    pub highest: u64,
    /// Versions kept on disk, the newest first.
    pub kept: Vec<u64>,
    /// Ids of the keys whose snapshots are taken.
    pub keys: Vec<String>,
    /// Routes in force.
    pub routes: usize,
    /// Requests taken since the start.
    pub requests: u64,
    /// Requests the gateway answered itself.
    pub refused: u64,
}

/// The data plane of a node.
#[derive(Debug)]
pub(crate) struct Interfaces {
    node: String,
    environment: String,
    keys: TrustedKeys,
    group: GroupKey,
    store: Store,
    clock: Clock,
    names: Names,
    nonces: Nonces,
    table: ArcSwapOption<Table>,
    living: Arc<Mutex<Living>>,
    /// One change at a time.
    control: tokio::sync::Mutex<Control>,
    requests: AtomicU64,
    refused: AtomicU64,
    pub(crate) drift: Drift,
    pub(crate) calls: Seen,
    pub(crate) once: Once,
}

impl Interfaces {
    /// Calls of edges with one at an instant (microseconds since 1970) or later.
    pub(crate) fn calls_since(&self, since: i64) -> rialto_esb_policy::calls::CallReport {
        self.calls.report(since, self.clock.now().at)
    }
}
