//! Services and their instances.

use std::collections::BTreeMap;
use std::time::Duration;

use rialto_esb_center::registry::{
    Beats, Instance, InstanceKey, Life, Listing, RegistryFull, Seen, ServiceKey,
};
use rialto_esb_center::{is_name, nacos};
use rialto_platform_identity::{Actor, Permission};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::view::{InstanceView, ServiceSummary, ServiceView};
use crate::{CenterError, ServiceCenter, table};

/// Most names that an instance says of itself, and bytes of them with their values.
const MOST_METADATA: (usize, usize) = (64, 8 * 1024);
/// Greatest weight.
const MOST_WEIGHT: f64 = 10_000.0;
/// Longest silence, seconds.
const LONGEST_SILENCE_S: u64 = 24 * 3600;
/// A threshold of one as it is kept.
const MILLION: f64 = 1_000_000.0;

/// An instance of a service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InstanceRef {
    /// Address or host name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Cluster; `DEFAULT` when not told.
    pub cluster: Option<String>,
}

impl InstanceRef {
    /// Which one.
    #[must_use]
    pub fn key(&self) -> InstanceKey {
        InstanceKey {
            address: self.address.clone(),
            port: self.port,
            cluster: nacos::or(self.cluster.as_deref(), nacos::DEFAULT_CLUSTER).to_owned(),
        }
    }
}

const fn one() -> f64 {
    1.0
}

const fn yes() -> bool {
    true
}

/// An instance as it registers.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceInput {
    /// Address or host name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Cluster; `DEFAULT` when not told.
    pub cluster: Option<String>,
    /// Zone.
    #[serde(default)]
    pub zone: String,
    /// Share of calls beside the others, 0 to 10,000; 1 when not told.
    #[serde(default = "one")]
    pub weight: f64,
    /// Whether callers are to use it; they are when not told.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it lives by its beats (as when not told) or stays until it is removed.
    #[serde(default = "yes")]
    pub ephemeral: bool,
    /// Whether a persistent instance is healthy; it is when not told.
    #[serde(default = "yes")]
    pub healthy: bool,
    /// Seconds between its beats; 1 when not told.
    pub beat_s: Option<u64>,
    /// Seconds of silence after which it is unhealthy; 3 when not told.
    pub unhealthy_after_s: Option<u64>,
    /// Seconds of silence after which it is removed; 15 when not told.
    pub removed_after_s: Option<u64>,
    /// What it says of itself.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

impl InstanceInput {
    /// The instance meant.
    #[must_use]
    pub fn instance(&self) -> Instance {
        let seconds = |told: Option<u64>, own: Duration| told.map_or(own, Duration::from_secs);
        let key = InstanceRef {
            address: self.address.clone(),
            port: self.port,
            cluster: self.cluster.clone(),
        };
        Instance {
            key: key.key(),
            weight: self.weight,
            zone: self.zone.clone(),
            metadata: self.metadata.clone(),
            enabled: self.enabled,
            life: match self.ephemeral {
                true => Life::Ephemeral(Beats {
                    every: seconds(self.beat_s, Beats::OWN.every),
                    unhealthy_after: seconds(self.unhealthy_after_s, Beats::OWN.unhealthy_after),
                    removed_after: seconds(self.removed_after_s, Beats::OWN.removed_after),
                }),
                false => Life::Persistent {
                    healthy: self.healthy,
                },
            },
        }
    }
}

pub(crate) fn from_millionths(kept: i64) -> f64 {
    kept as f64 / MILLION
}

fn name(pointer: &str, text: &str) -> Result<(), CenterError> {
    if is_name(text) {
        return Ok(());
    }
    Err(CenterError::invalid(
        pointer,
        "invalid",
        "a name has 1 to 128 letters, digits and `._:-`",
        "名称为 1 至 128 个字母、数字或“._:-”",
    ))
}

fn check_service(key: &ServiceKey) -> Result<(), CenterError> {
    name("namespace", &key.namespace)?;
    name("group", &key.group)?;
    name("name", &key.name)
}

fn range(pointer: &str, en: &str, zh: &str) -> CenterError {
    CenterError::invalid(pointer, "out_of_range", en, zh)
}

fn check_instance(instance: &Instance) -> Result<(), CenterError> {
    name("/address", &instance.key.address)?;
    name("/cluster", &instance.key.cluster)?;
    if !instance.zone.is_empty() {
        name("/zone", &instance.zone)?;
    }
    if instance.key.port == 0 {
        return Err(range("/port", "a port is 1 to 65535", "端口为 1 至 65535"));
    }
    if !(0.0..=MOST_WEIGHT).contains(&instance.weight) {
        return Err(range(
            "/weight",
            "a weight is 0 to 10,000",
            "权重为 0 至 10000",
        ));
    }
    let bytes: usize = instance
        .metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if instance.metadata.len() > MOST_METADATA.0 || bytes > MOST_METADATA.1 {
        return Err(range(
            "/metadata",
            "metadata holds at most 64 names and 8 KiB",
            "元数据最多 64 项、8 KiB",
        ));
    }
    if let Life::Ephemeral(beats) = instance.life {
        let most = Duration::from_secs(LONGEST_SILENCE_S);
        if beats.every.is_zero()
            || beats.unhealthy_after < beats.every
            || beats.removed_after < beats.unhealthy_after
            || beats.removed_after > most
        {
            return Err(range(
                "/removed_after_s",
                "beats, being unhealthy and being removed follow each other, within a day",
                "心跳间隔、不健康时限、摘除时限应依次不减，且不超过一天",
            ));
        }
    }
    Ok(())
}

fn full(error: RegistryFull) -> CenterError {
    CenterError::conflict(
        "E-REGISTRY-FULL",
        error.to_string(),
        "注册中心已达到可容纳的上限",
    )
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn instance_view(seen: Seen) -> InstanceView {
    let instance = seen.instance;
    let beats = match instance.life {
        Life::Ephemeral(beats) => Some(beats),
        Life::Persistent { .. } => None,
    };
    InstanceView {
        address: instance.key.address,
        port: instance.key.port,
        cluster: instance.key.cluster,
        zone: instance.zone,
        weight: instance.weight,
        enabled: instance.enabled,
        healthy: seen.healthy,
        ephemeral: beats.is_some(),
        beat_s: beats.map(|beats| beats.every.as_secs()),
        unhealthy_after_s: beats.map(|beats| beats.unhealthy_after.as_secs()),
        removed_after_s: beats.map(|beats| beats.removed_after.as_secs()),
        silent_ms: beats.map(|_| millis(seen.silent)),
        metadata: instance.metadata,
    }
}

/// A listing as it is told.
fn view(key: &ServiceKey, listing: Listing) -> ServiceView {
    ServiceView {
        namespace: key.namespace.clone(),
        group: key.group.clone(),
        name: key.name.clone(),
        revision: listing.revision,
        protection_threshold: listing.threshold,
        protected: listing.protected,
        frozen: listing.frozen,
        instances: listing.instances.into_iter().map(instance_view).collect(),
    }
}

impl ServiceCenter {
    fn tick(&self) {
        self.inner.instances.send_modify(|tick| *tick += 1);
    }

    /// Registers an instance, or says anew what is to be known of it.
    ///
    /// # Errors
    /// [`CenterError::Denied`], [`CenterError::Invalid`]; [`CenterError::Conflict`] when it would
    /// turn a persistent instance into an ephemeral one, or there are too many.
    pub async fn register(
        &self,
        actor: &Actor,
        key: &ServiceKey,
        instance: Instance,
    ) -> Result<(), CenterError> {
        actor.require(Permission::EsbInstanceRegister)?;
        check_service(key)?;
        check_instance(&instance)?;
        if matches!(instance.life, Life::Persistent { .. }) {
            return self.keep(actor, key, instance).await;
        }
        let changed = {
            let mut registry = self.registry();
            let old = registry.instance(key, &instance.key);
            if old.is_some_and(|old| matches!(old.life, Life::Persistent { .. })) {
                return Err(CenterError::conflict(
                    "E-INSTANCE-PERSISTENT",
                    "this instance is persistent; deregister it before it lives by its beats",
                    "该实例为持久实例，请先注销，再以临时实例注册",
                ));
            }
            let now = self.now();
            registry.register(key, instance, now).map_err(full)?
        };
        if changed {
            self.tick();
        }
        Ok(())
    }

    /// Registers a persistent instance: a row, and evidence.
    async fn keep(
        &self,
        actor: &Actor,
        key: &ServiceKey,
        instance: Instance,
    ) -> Result<(), CenterError> {
        let _writing = self.inner.writing.lock().await;
        let document = serde_json::to_string(&instance)
            .map_err(|error| CenterError::Internal(format!("an instance: {error}")))?;
        let old = {
            let mut registry = self.registry();
            let old = registry.instance(key, &instance.key).cloned();
            // In memory first, which may be full; taken back when it cannot be kept.
            let now = self.now();
            registry
                .register(key, instance.clone(), now)
                .map_err(full)?;
            old
        };
        let kept = async {
            let mut tx = self.inner.db.begin().await?;
            table::put_instance(&mut tx, key, &instance.key, &document).await?;
            let body = json!({"event": "registered", "address": instance.key.address,
                "port": instance.key.port, "cluster": instance.key.cluster,
                "weight": instance.weight, "enabled": instance.enabled, "life": instance.life});
            let subject = subject(key);
            self.record(&mut tx, actor, "esb_instance", subject, body)
                .await?;
            tx.commit().await.map_err(CenterError::from)
        };
        let kept = kept.await;
        if kept.is_err() {
            let mut registry = self.registry();
            let now = self.now();
            match old {
                Some(old) => drop(registry.register(key, old, now)),
                None => drop(registry.deregister(key, &instance.key, now)),
            }
        }
        self.tick();
        kept
    }

    /// An instance was heard of; false when it is not known and has to register again.
    ///
    /// # Errors
    /// [`CenterError::Denied`].
    pub fn beat(
        &self,
        actor: &Actor,
        key: &ServiceKey,
        instance: &InstanceKey,
    ) -> Result<bool, CenterError> {
        actor.require(Permission::EsbInstanceRegister)?;
        let now = self.now();
        let known = self.registry().beat(key, instance, now);
        if known == Some(true) {
            self.tick();
        }
        Ok(known.is_some())
    }

    /// Removes an instance; whether it was there.
    ///
    /// # Errors
    /// [`CenterError::Denied`], store errors.
    pub async fn deregister(
        &self,
        actor: &Actor,
        key: &ServiceKey,
        instance: &InstanceKey,
    ) -> Result<bool, CenterError> {
        actor.require(Permission::EsbInstanceRegister)?;
        let _writing = self.inner.writing.lock().await;
        let found = self.registry().instance(key, instance).cloned();
        let Some(found) = found else {
            return Ok(false);
        };
        if matches!(found.life, Life::Persistent { .. }) {
            let mut tx = self.inner.db.begin().await?;
            table::delete_instance(&mut tx, key, instance).await?;
            let body = json!({"event": "deregistered", "address": instance.address,
                "port": instance.port, "cluster": instance.cluster});
            self.record(&mut tx, actor, "esb_instance", subject(key), body)
                .await?;
            tx.commit().await?;
        }
        let now = self.now();
        let gone = self.registry().deregister(key, instance, now).is_some();
        self.tick();
        Ok(gone)
    }

    /// Sets the share of healthy instances, 0 to 1, below which all are given out.
    ///
    /// # Errors
    /// [`CenterError::Denied`], [`CenterError::Invalid`], store errors.
    pub async fn protect(
        &self,
        actor: &Actor,
        key: &ServiceKey,
        threshold: f64,
    ) -> Result<ServiceView, CenterError> {
        actor.require(Permission::EsbInstanceRegister)?;
        check_service(key)?;
        if !(0.0..=1.0).contains(&threshold) {
            return Err(range(
                "/protection_threshold",
                "a threshold is 0 to 1",
                "保护阈值为 0 至 1",
            ));
        }
        // 0 to a million, checked above.
        let millionths = (threshold * MILLION).round() as i64;
        let _writing = self.inner.writing.lock().await;
        let mut tx = self.inner.db.begin().await?;
        table::put_service(&mut tx, key, millionths).await?;
        let body = json!({"event": "protected", "threshold": threshold});
        self.record(&mut tx, actor, "esb_instance", subject(key), body)
            .await?;
        tx.commit().await?;
        let now = self.now();
        self.registry()
            .protect(key, from_millionths(millionths), now)
            .map_err(full)?;
        self.tick();
        Ok(self.service(key, &[]))
    }

    /// A service; without instances and at revision 0 when nobody registered at it.
    #[must_use]
    pub fn listing(&self, key: &ServiceKey, clusters: &[&str]) -> Listing {
        let now = self.now();
        self.registry().list(key, clusters, now)
    }

    /// A service as it is told.
    #[must_use]
    pub fn service(&self, key: &ServiceKey, clusters: &[&str]) -> ServiceView {
        view(key, self.listing(key, clusters))
    }

    /// The instances of a service that callers are to use.
    #[must_use]
    pub fn usable(&self, key: &ServiceKey, clusters: &[&str]) -> ServiceView {
        view(key, self.listing(key, clusters).usable(true))
    }

    /// A service as soon as its revision is another than `since`, or after `wait`.
    pub async fn watch_service(&self, key: &ServiceKey, since: u64, wait: Duration) -> ServiceView {
        let changed = || {
            let listing = self.listing(key, &[]);
            (listing.revision != since).then_some(listing)
        };
        let found = self.wait(&self.inner.instances, wait, changed).await;
        found.map_or_else(|| self.service(key, &[]), |listing| view(key, listing))
    }

    /// Services of a namespace after a group and name, in order.
    #[must_use]
    pub fn services(
        &self,
        namespace: &str,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Vec<ServiceSummary> {
        let found = self.registry().services(namespace, after, limit);
        let summary = |(key, instances, healthy): (ServiceKey, usize, usize)| ServiceSummary {
            namespace: key.namespace,
            group: key.group,
            name: key.name,
            instances,
            healthy,
        };
        found.into_iter().map(summary).collect()
    }
}

fn subject(key: &ServiceKey) -> String {
    format!("esb_service:{}/{}/{}", key.namespace, key.group, key.name)
}
