//! What the service center tells.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rialto_esb_center::config::Grey;
use serde::Serialize;
use utoipa::ToSchema;

/// A service in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServiceSummary {
    /// Namespace.
    pub namespace: String,
    /// Group.
    pub group: String,
    /// Name.
    pub name: String,
    /// Instances of it.
    pub instances: usize,
    /// Those that are healthy.
    pub healthy: usize,
}

/// A service and its instances.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ServiceView {
    /// Namespace.
    pub namespace: String,
    /// Group.
    pub group: String,
    /// Name.
    pub name: String,
    /// Changes with every change; 0 for a service nobody registered at.
    pub revision: u64,
    /// Share of healthy instances below which all are given out.
    pub protection_threshold: f64,
    /// Whether so few are healthy that all are given out.
    pub protected: bool,
    /// Whether removals are frozen because more than half fell silent at once.
    pub frozen: bool,
    /// In order of address, port and cluster.
    pub instances: Vec<InstanceView>,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct InstanceView {
    /// Address or host name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Cluster.
    pub cluster: String,
    /// Zone; empty when not told.
    pub zone: String,
    /// Share of calls beside the others.
    pub weight: f64,
    /// Whether callers are to use it at all.
    pub enabled: bool,
    /// Whether it was heard of in time, or is said to be healthy.
    pub healthy: bool,
    /// Whether it lives by its beats.
    pub ephemeral: bool,
    /// Seconds between its beats; null when it is persistent.
    pub beat_s: Option<u64>,
    /// Seconds of silence after which it is unhealthy.
    pub unhealthy_after_s: Option<u64>,
    /// Seconds of silence after which it is removed.
    pub removed_after_s: Option<u64>,
    /// Milliseconds since it was last heard of; null when it is persistent.
    pub silent_ms: Option<u64>,
    /// What it says of itself.
    pub metadata: BTreeMap<String, String>,
}

/// An item in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ItemSummary {
    /// Namespace.
    pub namespace: String,
    /// Group.
    pub group: String,
    /// Id.
    pub id: String,
    /// `text`, `json`, `yaml` or `properties`.
    pub r#type: String,
    /// Whether its content is sealed at rest and shown with a right of its own only.
    pub secret: bool,
    /// Whether another content is being tried out.
    pub grey: bool,
    /// Raised with every change.
    pub revision: u64,
    /// Login of who changed it last.
    pub updated_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A content that some clients get first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GreyView {
    /// Addresses and blocks of them.
    pub addresses: Vec<String>,
    /// Values by label.
    pub labels: BTreeMap<String, Vec<String>>,
    /// The content; null when it is secret and one may not see it.
    pub content: Option<String>,
    /// Its MD5; null likewise.
    pub md5: Option<String>,
}

impl GreyView {
    pub(crate) fn new(rule: Grey, content: Option<String>) -> Self {
        let labels = rule.labels.into_iter();
        Self {
            addresses: rule.addresses,
            labels: labels
                .map(|(name, values)| (name, values.into_iter().collect()))
                .collect(),
            md5: content.as_deref().map(rialto_esb_center::config::md5),
            content,
        }
    }
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ItemView {
    #[serde(flatten)]
    /// What lists tell.
    pub summary: ItemSummary,
    /// The content; null when it is secret and one may not see it.
    pub content: Option<String>,
    /// Its MD5; null likewise.
    pub md5: Option<String>,
    /// The content that some clients get first.
    pub release: Option<GreyView>,
}

/// What was done to an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChangeView {
    /// Revision it made.
    pub revision: u64,
    /// `created`, `changed`, `rolled_back`, `grey_started`, `grey_ended`, `grey_released`, `removed`.
    pub event: String,
    /// Type of the content.
    pub r#type: String,
    /// Whether the content is secret.
    pub secret: bool,
    /// The content afterwards; null when it is secret and one may not see it.
    pub content: Option<String>,
    /// Login of who did it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// The content that a client gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContentView {
    /// The content; null when there is no such item (any more).
    pub content: Option<String>,
    /// Its MD5; empty when there is none.
    pub md5: String,
    /// Its type; null when there is none.
    pub r#type: Option<String>,
    /// Revision of the item; 0 when there is none.
    pub revision: u64,
    /// Whether it is a content that only some clients get.
    pub grey: bool,
}
