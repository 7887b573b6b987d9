//! What is known of a slot at this moment.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Health of what runs in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Started, not yet answered well.
    Starting,
    /// Answers well.
    Healthy,
    /// Failed too often in a row, or its process does not stay alive.
    Unhealthy,
    /// Nothing runs.
    Stopped,
}

impl Health {
    /// The word used in APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Stopped => "stopped",
        }
    }
}

/// What the process of a slot does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// Alive.
    Running,
    /// Ended by itself and is about to be started again.
    Restarting,
    /// Ended by itself again and again.
    CrashLoop,
    /// Not wanted.
    Stopped,
}

/// A slot at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotStatus {
    /// The process.
    pub process: ProcessState,
    /// Health.
    pub health: Health,
    /// SHA-256 of the installed archive.
    pub digest: String,
    /// Version label; empty until the first start.
    pub label: String,
    /// Folder of the unpacked archive.
    pub folder: std::path::PathBuf,
    /// Process id.
    pub pid: Option<i32>,
    /// Private address.
    pub address: Option<SocketAddr>,
    /// Start of the process, microseconds since the epoch.
    pub started_at_micros: Option<i64>,
    /// Last probe, microseconds since the epoch.
    pub last_probe_at_micros: Option<i64>,
    /// Why the last probe failed, or how the process ended.
    pub last_failure: Option<String>,
    /// How the process before this one ended; `None` when none ended by itself since the start.
    pub last_end: Option<String>,
    /// Times it was started again after it ended by itself.
    pub restarts: u32,
}
