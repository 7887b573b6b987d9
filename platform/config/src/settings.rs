//! The settings of the suite and the table of their keys.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{ByteSize, Span};

/// Everything that can be configured. `Settings::default()` is a server on loopback with
/// embedded storage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The HTTP server.
    pub server: ServerSettings,
    /// Where state is kept.
    pub store: StoreSettings,
    /// Signed-in browsers.
    pub session: SessionSettings,
    /// Rules for local passwords.
    pub password: PasswordSettings,
    /// Logs of the process itself.
    pub telemetry: TelemetrySettings,
    /// Limits of delivery.
    pub delivery: DeliverySettings,
    /// Rules of the OTC desk.
    pub otc: OtcSettings,
    /// The runner inside `rialto up` and `rialto serve`; `rialto runner` has flags of its own.
    pub runner: RunnerSettings,
    /// Deployed services, which this server starts.
    pub services: ServiceSettings,
    /// The gateway inside `rialto up` and `rialto serve`, or where to find one.
    pub gateway: GatewaySettings,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// Address people use, when it differs from `listen`.
    pub public_url: Option<String>,
    /// Largest JSON request body.
    pub body_limit: ByteSize,
}

/// Where state is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSettings {
    /// Folder of everything the server keeps on disk.
    pub data: PathBuf,
    /// Database; absent: SQLite in the data folder.
    pub url: Option<String>,
    /// File that holds the database URL.
    pub url_file: Option<PathBuf>,
}

/// Signed-in browsers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    /// A session ends after this long without a request.
    pub idle: Span,
    /// A session ends this long after sign-in, used or not.
    pub absolute: Span,
}

/// Rules for local passwords.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    /// Fewest characters of a new password.
    pub minimum_length: u32,
}

/// Logs of the process itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Form of the log lines.
    pub format: TelemetryFormat,
    /// Which lines are written.
    pub filter: String,
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TelemetryFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Limits of delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliverySettings {
    /// Log kept of one job.
    pub log_limit: ByteSize,
    /// Largest artifact archive of one job.
    pub artifact_limit: ByteSize,
    /// Largest report file.
    pub report_limit: ByteSize,
    /// Largest pack of one push.
    pub push_limit: ByteSize,
    /// How long artifacts without `expire_in` are kept, in days.
    pub artifact_days: u32,
    /// Memory of one job, if limited.
    pub job_memory: Option<ByteSize>,
    /// Disk of one job's folders.
    pub job_disk: ByteSize,
    /// Processes of one job.
    pub job_processes: u32,
    /// A pending job that no runner takes for this long fails.
    pub stuck_after: Span,
}

/// Rules of the OTC desk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtcSettings {
    /// Oldest market of a firm quote, in calendar days, if limited.
    pub market_days: Option<u32>,
}

/// The runner inside `rialto up` and `rialto serve`; `rialto runner` has flags of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunnerSettings {
    /// Name shown on jobs.
    pub name: String,
    /// Jobs at the same time.
    pub concurrency: u32,
    /// Tags of the jobs it takes.
    pub tags: Vec<String>,
    /// Folder of workspaces and caches; absent: `runner` in the data folder.
    pub folder: Option<PathBuf>,
    /// What keeps jobs from the server's files: `landlock`, `required` or `off`.
    pub isolation: String,
    /// Further folders and files no job may reach.
    pub hide: Vec<PathBuf>,
    /// Folders and files every job may write to; absent: the caches of the user's tools.
    pub writable: Option<Vec<PathBuf>>,
}

/// Deployed services, which this server starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSettings {
    /// What keeps services from the server's files: `landlock`, `required` or `off`.
    pub isolation: String,
    /// Folders and files every service may write to, beside its own.
    pub writable: Vec<PathBuf>,
    /// Memory of one service with all it starts; its release may ask for less.
    pub memory: ByteSize,
    /// Processes of one service; its release may ask for fewer.
    pub processes: u32,
}

/// The gateway inside `rialto up` and `rialto serve`, or where to find one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySettings {
    /// Address of the admin listener.
    pub admin_listen: SocketAddr,
    /// File that holds the admin token.
    pub token_file: Option<PathBuf>,
    /// The admin token itself.
    pub token: Option<String>,
    /// File the gateway keeps its table of services in; absent: in the data folder.
    pub state_file: Option<PathBuf>,
    /// Where interfaces of the catalogue are served in production.
    pub production_listen: SocketAddr,
    /// Where interfaces of the catalogue are served in the sandbox.
    pub sandbox_listen: SocketAddr,
    /// Further gateways that snapshots are brought to: `environment name address token-file`.
    pub nodes: Vec<String>,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8088)),
            public_url: None,
            body_limit: ByteSize(1 << 20),
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            data: PathBuf::from(".rialto"),
            url: None,
            url_file: None,
        }
    }
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            idle: Span(Duration::from_secs(30 * 60)),
            absolute: Span(Duration::from_secs(12 * 3600)),
        }
    }
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self { minimum_length: 10 }
    }
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            format: TelemetryFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            log_limit: ByteSize(16 << 20),
            artifact_limit: ByteSize(100 << 20),
            report_limit: ByteSize(100 << 20),
            push_limit: ByteSize(512 << 20),
            artifact_days: 30,
            job_memory: None,
            job_disk: ByteSize(20 << 30),
            job_processes: 4096,
            stuck_after: Span(Duration::from_secs(24 * 3600)),
        }
    }
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            name: "local".to_owned(),
            concurrency: 2,
            tags: Vec::new(),
            folder: None,
            isolation: "landlock".to_owned(),
            hide: Vec::new(),
            writable: None,
        }
    }
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            isolation: "landlock".to_owned(),
            writable: Vec::new(),
            memory: ByteSize(2 << 30),
            processes: 1024,
        }
    }
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 8089)),
            token_file: None,
            token: None,
            state_file: None,
            production_listen: SocketAddr::from(([127, 0, 0, 1], 8090)),
            sandbox_listen: SocketAddr::from(([127, 0, 0, 1], 8091)),
            nodes: Vec::new(),
        }
    }
}

/// One key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `section.key`.
    pub path: &'static str,
    /// What it sets, in which unit.
    pub doc: &'static str,
    /// Hidden when printed, and refused in the file (a variable or a `*_file` key carries it).
    pub secret: bool,
    /// A value worth showing in the example when the default is "absent".
    pub example: &'static str,
}

impl Key {
    /// Whether a key without a default takes a list: its example is one.
    pub(crate) fn is_list(&self) -> bool {
        self.example.starts_with('[')
    }
}

const fn key(path: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        doc,
        secret: false,
        example: "",
    }
}

const fn absent(path: &'static str, example: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        doc,
        secret: false,
        example,
    }
}

const fn secret(path: &'static str, doc: &'static str) -> Key {
    Key {
        path,
        doc,
        secret: true,
        example: "",
    }
}

/// Every key with its meaning. A test compares this table with [`Settings`].
pub const KEYS: &[Key] = &[
    key("server.listen", "Address and port of the HTTP server."),
    absent(
        "server.public_url",
        "https://rialto.example",
        "Address people use. With https, session cookies are marked Secure. Needed off loopback.",
    ),
    key("server.body_limit", "Largest JSON request body."),
    key(
        "store.data",
        "Folder of everything the server keeps on disk.",
    ),
    secret(
        "store.url",
        "Database: postgres://… or sqlite:///path. Absent: SQLite in the data folder.",
    ),
    absent(
        "store.url_file",
        "/etc/rialto/store-url",
        "File that holds the database URL.",
    ),
    key(
        "session.idle",
        "A session ends after this long without a request.",
    ),
    key(
        "session.absolute",
        "A session ends this long after sign-in, used or not.",
    ),
    key(
        "password.minimum_length",
        "Fewest characters of a new password; at least 8.",
    ),
    key("telemetry.format", "Form of log lines: text or json."),
    key(
        "telemetry.filter",
        "Which log lines are written, such as info or info,rialto=debug.",
    ),
    key(
        "delivery.log_limit",
        "Log kept of one job; the rest is dropped with a notice.",
    ),
    key(
        "delivery.artifact_limit",
        "Largest artifact archive of one job.",
    ),
    key("delivery.report_limit", "Largest report file."),
    key(
        "delivery.push_limit",
        "The most one push may bring (its pack, as sent).",
    ),
    key(
        "delivery.artifact_days",
        "Days that artifacts without expire_in are kept.",
    ),
    absent(
        "delivery.job_memory",
        "2GiB",
        "Memory of one job. Absent: not limited.",
    ),
    key(
        "delivery.job_disk",
        "Disk of one job: its working tree, home and temporary files.",
    ),
    key(
        "delivery.job_processes",
        "Processes of one job at the same time.",
    ),
    key(
        "delivery.stuck_after",
        "A pending job that no runner takes for this long fails.",
    ),
    absent(
        "otc.market_days",
        "1",
        "Oldest market a quote may be firm on, in calendar days: 0 is today's only. An older one \
         makes it indicative. Absent: any, with a note.",
    ),
    key(
        "runner.name",
        "Name of the runner of `rialto up` and `rialto serve`, shown on its jobs.",
    ),
    key(
        "runner.concurrency",
        "Jobs this runner carries out at the same time.",
    ),
    key(
        "runner.tags",
        "Tags of the jobs this runner takes, beside untagged ones.",
    ),
    absent(
        "runner.folder",
        "/var/lib/rialto/runner",
        "Folder of workspaces and caches.",
    ),
    key(
        "runner.isolation",
        "Keeps jobs from the server's files: landlock (as far as the kernel has it), required (else the job fails), off.",
    ),
    key(
        "runner.hide",
        "Further folders and files no job or service may reach, beside the data folder and the *_file keys.",
    ),
    absent(
        "runner.writable",
        "[\"/srv/cache\"]",
        "Folders and files every job may write to. Absent: caches of cargo, npm and ~/.cache.",
    ),
    key(
        "services.isolation",
        "Keeps deployed services from the server's files: landlock (as far as the kernel has it), required (else none starts), off.",
    ),
    key(
        "services.writable",
        "Folders and files every deployed service may write to, beside its HOME and TMPDIR.",
    ),
    key(
        "services.memory",
        "Memory of one deployed service with all it starts; its release may ask for less, not for more.",
    ),
    key(
        "services.processes",
        "Processes of one deployed service; its release may ask for fewer, not for more.",
    ),
    key(
        "gateway.admin_listen",
        "Address of the gateway's admin listener; keep it on loopback.",
    ),
    absent(
        "gateway.token_file",
        "/etc/rialto/gateway-token",
        "File that holds the admin token.",
    ),
    secret("gateway.token", "The gateway's admin token itself."),
    absent(
        "gateway.state_file",
        "/var/lib/rialto/gateway.json",
        "Table of services on disk.",
    ),
    key(
        "gateway.production_listen",
        "Where interfaces of the catalogue are served in production; a busy port gives way to a free one.",
    ),
    key(
        "gateway.sandbox_listen",
        "Where interfaces of the catalogue are served in the sandbox; a busy port gives way to a free one.",
    ),
    key(
        "gateway.nodes",
        "Further gateways (rialto esb gateway) that snapshots are brought to, each \"environment name admin-address token-file\".",
    ),
];

impl Settings {
    /// Rules that no single key can break. Each answer names the key it is about.
    #[must_use]
    pub fn conflicts(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if self.session.idle > self.session.absolute {
            found.push((
                "session.idle",
                format!(
                    "{} is longer than session.absolute ({}); make it shorter",
                    self.session.idle, self.session.absolute
                ),
            ));
        }
        if self.password.minimum_length < 8 {
            found.push(("password.minimum_length", "must be 8 or more".to_owned()));
        }
        if self.delivery.push_limit.0 == 0 {
            found.push(("delivery.push_limit", "must be more than 0".to_owned()));
        }
        if self.runner.concurrency == 0 {
            found.push(("runner.concurrency", "must be 1 or more".to_owned()));
        }
        if self.services.memory.0 < 1 << 20 {
            found.push(("services.memory", "must be 1MiB or more".to_owned()));
        }
        if self.services.processes == 0 {
            found.push(("services.processes", "must be 1 or more".to_owned()));
        }
        for (key, mode) in [
            ("runner.isolation", &self.runner.isolation),
            ("services.isolation", &self.services.isolation),
        ] {
            if !matches!(mode.as_str(), "landlock" | "required" | "off") {
                found.push((key, "must be landlock, required or off".to_owned()));
            }
        }
        if self.store.url.is_some() && self.store.url_file.is_some() {
            found.push((
                "store.url_file",
                "store.url is set too; keep one of them".to_owned(),
            ));
        }
        let url = self.server.public_url.as_deref();
        if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            found.push((
                "server.public_url",
                "must begin with http:// or https://".to_owned(),
            ));
        }
        found
    }
}
