//! What every handler shares.

use std::sync::Arc;

use rialto_platform_evidence::EvidenceLog;
use rialto_platform_identity::Identity;
use rialto_platform_lease::LeaseView;
use rialto_platform_lease::drill::{DrillId, DrillKind};
use rialto_platform_store::Db;
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::metrics::{GaugeSource, Metrics};

/// Live streams at the same time, over all people.
const STREAMS: usize = 1_000;

/// A system shown in the console.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Module {
    /// Its name, such as `delivery`.
    pub name: String,
    /// Base of its interface, such as `/api/delivery/v1`.
    pub base: String,
}

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Address people use, when it differs from the one listened on.
    pub public_url: Option<String>,
    /// Largest JSON body, bytes.
    pub body_limit: usize,
    /// Systems shown in the console.
    pub modules: Vec<Module>,
    /// Version of the binary.
    pub version: &'static str,
    /// Signs paging tokens; the same on all servers of a house and over restarts.
    pub signing_key: [u8; 32],
}

impl Default for WebSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            body_limit: 1 << 20,
            modules: Vec::new(),
            version: env!("CARGO_PKG_VERSION"),
            signing_key: [0; 32],
        }
    }
}

/// What every handler shares; cheap to clone.
#[derive(Clone)]
pub struct Web {
    pub(crate) db: Db,
    pub(crate) identity: Identity,
    pub(crate) evidence: EvidenceLog,
    pub(crate) settings: Arc<WebSettings>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) metrics: Arc<Metrics>,
    /// Ends live streams, so that they do not hold up an orderly stop.
    pub(crate) stopping: CancellationToken,
    pub(crate) standby: Option<Arc<Standby>>,
}

/// The server's part in leading the house.
#[derive(Debug)]
pub(crate) struct Standby {
    pub(crate) lease: LeaseView,
    /// Drills this process is to end by.
    pub(crate) drills: mpsc::Sender<(DrillId, DrillKind)>,
}

impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Web")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Web {
    /// Over a migrated database.
    #[must_use]
    pub fn new(db: Db, identity: Identity, evidence: EvidenceLog, settings: WebSettings) -> Self {
        Self {
            db,
            identity,
            evidence,
            settings: Arc::new(settings),
            streams: Arc::new(Semaphore::new(STREAMS)),
            metrics: Arc::new(Metrics::default()),
            stopping: CancellationToken::new(),
            standby: None,
        }
    }

    /// With a token that, once cancelled, ends live streams.
    #[must_use]
    pub fn stopping_with(mut self, stopping: CancellationToken) -> Self {
        self.stopping = stopping;
        self
    }

    /// With the lease this server leads by, and who makes the process end in a drill.
    #[must_use]
    pub fn led_by(mut self, lease: LeaseView, drills: mpsc::Sender<(DrillId, DrillKind)>) -> Self {
        self.standby = Some(Arc::new(Standby { lease, drills }));
        self
    }

    /// Adds figures of a system to `/metrics`.
    pub fn add_gauges(&self, source: GaugeSource) {
        self.metrics.add_source(source);
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Users, sessions and tokens.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The evidence log.
    #[must_use]
    pub fn evidence(&self) -> &EvidenceLog {
        &self.evidence
    }

    /// How the server is set up.
    #[must_use]
    pub fn settings(&self) -> &WebSettings {
        &self.settings
    }

    /// Whether session cookies are marked `Secure`: only a public address with https can promise
    /// that browsers send them back.
    pub(crate) fn secure_cookies(&self) -> bool {
        self.settings
            .public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }
}
