//! What `.rialto/release.toml` says, fully checked.

use serde::{Deserialize, Serialize};

use crate::message::DefinitionError;
use crate::read;

/// Where the definition lives in a repository.
pub const DEFINITION_PATH: &str = ".rialto/release.toml";

/// Largest definition that is read, in bytes.
pub const MAX_DEFINITION_BYTES: usize = 256 * 1024;

/// Names the supervisor sets itself and a definition may not.
pub const RESERVED_ENV: [&str; 6] = [
    "PORT",
    "RIALTO_PORT",
    "RIALTO_VERSION",
    "RIALTO_ENVIRONMENT",
    "RIALTO_SLOT",
    "RIALTO_SLOT_FOLDER",
];

/// A checked release definition: how one artifact becomes a running service in each environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseDefinition {
    /// Pipeline job whose artifact archive is the release ("build once").
    pub artifact_job: String,
    /// How the service is started and stopped.
    pub service: ServiceSpec,
    /// How its health is read.
    pub health: HealthSpec,
    /// Environments in the order of the file.
    pub environments: Vec<EnvironmentSpec>,
}

/// How the service is started and stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Program and arguments, run in the unpacked archive; `${PORT}` is replaced in each.
    pub command: Vec<String>,
    /// Time within which a started process must be ready, ms.
    pub ready_timeout_ms: u64,
    /// Time between the polite and the final signal, ms.
    pub stop_timeout_ms: u64,
    /// Memory it may use with all it starts, bytes; `None`: what the server gives.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Processes it may be at the same time; `None`: what the server gives.
    #[serde(default)]
    pub processes: Option<u32>,
    /// Variables that are the same everywhere, in name order.
    pub env: Vec<(String, String)>,
}

/// How health is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSpec {
    /// Path answered with 2xx when the service is well.
    pub path: String,
    /// Time between probes, ms.
    pub interval_ms: u64,
    /// Time one probe may take, ms.
    pub timeout_ms: u64,
    /// Successes in a row needed before the switch.
    pub consecutive: u32,
    /// Failures in a row while baking that roll back.
    pub failure_limit: u32,
}

/// An environment and what differs in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentSpec {
    /// Name, e.g. `production`.
    pub name: String,
    /// Tier.
    pub tier: Tier,
    /// How traffic moves to a new version.
    pub strategy: Strategy,
    /// Fixed public address; `None`: the server picks a free loopback port once and keeps it.
    pub listen: Option<std::net::SocketAddr>,
    /// How long a new version is watched after the switch before it counts as succeeded, ms.
    pub bake_ms: u64,
    /// Environment in which the same digest must have been deployed before.
    pub requires: Option<String>,
    /// Approvals needed, by people who are neither authors nor the requester.
    pub approvals: u32,
    /// Paths that must answer 2xx on the candidate's private address before the switch.
    pub smoke: Vec<String>,
    /// Variables of this environment, in name order; they win over the service's.
    pub env: Vec<(String, String)>,
}

/// How traffic moves to a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Two slots; the new version starts beside the old one and takes the traffic at once.
    #[default]
    BlueGreen,
}

/// Tier of an environment, by GitLab's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Serves customers.
    Production,
    /// Last stop before production.
    Staging,
    /// For tests.
    Testing,
    /// For developers.
    Development,
    /// Anything else.
    Other,
}

impl Tier {
    /// The word used in files, APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Testing => "testing",
            Self::Development => "development",
            Self::Other => "other",
        }
    }

    /// Tier of an environment that does not name one, from its name as GitLab does.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
        if has(&["dev", "review", "trunk"]) {
            Self::Development
        } else if has(&[
            "test", "tst", "int", "acpt", "accept", "qa", "qc", "control", "quality",
        ]) {
            Self::Testing
        } else if has(&["stg", "stag", "modl", "model", "pre", "demo", "non"]) {
            Self::Staging
        } else if has(&["prd", "prod", "live"]) {
            Self::Production
        } else {
            Self::Other
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Production,
            Self::Staging,
            Self::Testing,
            Self::Development,
            Self::Other,
        ]
        .into_iter()
        .find(|tier| tier.as_str() == word)
    }
}

impl ReleaseDefinition {
    /// Reads and checks a definition; `file` is the path named in errors.
    ///
    /// # Errors
    /// Every error found, in the order of the file: syntax, unknown keys (with the nearest known
    /// one), wrong types, values out of range, references to environments that are not declared.
    pub fn parse(text: &str, file: &str) -> Result<Self, Vec<DefinitionError>> {
        read::definition(text, file)
    }

    /// The environment of this name, if the definition declares it.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&EnvironmentSpec> {
        self.environments.iter().find(|e| e.name == name)
    }

    /// Variables given to the process in an environment: the service's, overlaid by the
    /// environment's own.
    #[must_use]
    pub fn env_for(&self, environment: &EnvironmentSpec) -> Vec<(String, String)> {
        let mut merged: std::collections::BTreeMap<String, String> =
            self.service.env.iter().cloned().collect();
        merged.extend(environment.env.iter().cloned());
        merged.into_iter().collect()
    }
}
