//! How the delivery services run.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the delivery services.
#[derive(Debug, Clone)]
pub struct DeliverySettings {
    /// Data folder; git, cas, logs and hooks live under it.
    pub data: PathBuf,
    /// Address under which people and runners reach the server, without a final slash.
    pub public_url: String,
    /// What a git hook runs, without the hook's name (`rialto git-hook`).
    pub hook_command: Vec<String>,
    /// Version shown as `CI_SERVER_VERSION`.
    pub version: String,
    /// A job without a sign of life for this long is lost.
    pub lease_grace: Duration,
    /// Log bytes of one job that a runner keeps.
    pub log_bytes: u64,
    /// Largest archive of one job.
    pub artifact_bytes: u64,
    /// Largest report file.
    pub report_bytes: u64,
    /// Largest pack of one push.
    pub push_bytes: u64,
    /// Artifacts without `expire_in` are kept this long.
    pub artifact_days: u32,
    /// Memory limit of a job, if any.
    pub job_memory_bytes: Option<u64>,
    /// Process limit of a job, if any.
    pub job_processes: Option<u32>,
    /// Disk limit of a job's folders, if any.
    pub job_disk_bytes: Option<u64>,
    /// A pending job that no runner takes for this long fails as stuck.
    pub stuck_after: Duration,
    /// How often timers and recovery sweeps look around.
    pub tick: Duration,
}

impl DeliverySettings {
    /// Settings for a data folder, everything else as documented.
    #[must_use]
    pub fn new(data: PathBuf, public_url: String, hook_command: Vec<String>) -> Self {
        Self {
            data,
            public_url: public_url.trim_end_matches('/').to_owned(),
            hook_command,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            lease_grace: Duration::from_secs(60),
            log_bytes: 16 << 20,
            artifact_bytes: 100 << 20,
            report_bytes: 100 << 20,
            push_bytes: 512 << 20,
            artifact_days: 30,
            job_memory_bytes: None,
            job_processes: Some(4096),
            job_disk_bytes: Some(20 << 30),
            stuck_after: Duration::from_secs(24 * 3600),
            tick: Duration::from_secs(1),
        }
    }
}
