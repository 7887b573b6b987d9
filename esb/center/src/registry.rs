//! The registry: services, their instances, who was heard of when.
//!
//! Times are spans since a moment that the caller chooses and keeps, so a clock that is set does
//! nothing. An ephemeral instance lives by its beats; a persistent one stays until it is removed and
//! is as healthy as it was last said to be.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Most services.
pub const MOST_SERVICES: usize = 10_000;
/// Most instances of one service.
pub const MOST_INSTANCES: usize = 5_000;
/// Expiries within this span count together for self-preservation.
pub const WINDOW: Duration = Duration::from_secs(10);
/// A service of fewer instances is never preserved: one of two that ends is half of them.
pub const PRESERVED_FROM: usize = 3;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// Namespace, such as an environment; `public` when a client names none.
    pub namespace: String,
    /// Group; `DEFAULT_GROUP` when a client names none.
    pub group: String,
    /// Name within its group.
    pub name: String,
}

/// An instance within its service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceKey {
    /// Address or host name.
    pub address: String,
    /// Port.
    pub port: u16,
    /// Cluster, such as a data center; `DEFAULT` when a client names none.
    pub cluster: String,
}

/// By which silence an ephemeral instance is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beats {
    /// How often it promises to be heard.
    pub every: Duration,
    /// Unhealthy after this silence.
    pub unhealthy_after: Duration,
    /// Removed after this silence; not less than the other.
    pub removed_after: Duration,
}

impl Beats {
    /// What the service center asks for by itself: heard each second, unhealthy after 3, removed
    /// after 15.
    pub const OWN: Self = Self::seconds(1, 3, 15);
    /// What Nacos clients expect: heard every 5 s, unhealthy after 15, removed after 30.
    pub const NACOS: Self = Self::seconds(5, 15, 30);

    /// Of whole seconds.
    #[must_use]
    pub const fn seconds(every: u64, unhealthy_after: u64, removed_after: u64) -> Self {
        Self {
            every: Duration::from_secs(every),
            unhealthy_after: Duration::from_secs(unhealthy_after),
            removed_after: Duration::from_secs(removed_after),
        }
    }
}

/// How an instance lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// By its beats.
    Ephemeral(Beats),
    /// Until it is removed; as healthy as it was last said to be.
    Persistent {
        /// Whether it takes calls.
        healthy: bool,
    },
}

/// An instance as it was registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Which one.
    pub key: InstanceKey,
    /// Share of calls beside the others; 0 gets none. 0 to 10,000.
    pub weight: f64,
    /// Where it runs; empty when not told.
    pub zone: String,
    /// What it says of itself.
    pub metadata: BTreeMap<String, String>,
    /// Whether callers are to use it at all.
    pub enabled: bool,
    /// How it lives.
    pub life: Life,
}

#[derive(Debug, Clone, PartialEq)]
struct Held {
    instance: Instance,
    healthy: bool,
    heard: Duration,
}

#[derive(Debug, Clone, Default)]
struct Service {
    threshold: f64,
    instances: BTreeMap<InstanceKey, Held>,
    revision: u64,
    /// When instances were removed for their silence, within [`WINDOW`].
    expired: Vec<Duration>,
    frozen: bool,
    empty_since: Option<Duration>,
}

/// An instance and whether it is healthy.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// As registered.
    pub instance: Instance,
    /// By its beats, or as last said.
    pub healthy: bool,
    /// Silence since it was last heard of.
    pub silent: Duration,
}

/// A service as it is at a moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// Changes with every change of the service; 0 for a service that is not known.
    pub revision: u64,
    /// Share of healthy instances below which all are given out.
    pub threshold: f64,
    /// In order of address, port and cluster.
    pub instances: Vec<Seen>,
    /// Whether so few are healthy that all are given out: too many calls on the few left would end
    /// those too.
    pub protected: bool,
    /// Whether removals are frozen, because more than half fell silent within 10 s: that is more
    /// likely a broken network than the end of half a service.
    pub frozen: bool,
}

impl Listing {
    /// Those that callers are to use.
    #[must_use]
    pub fn usable(mut self, healthy_only: bool) -> Self {
        let protected = self.protected;
        self.instances
            .retain(|seen| seen.instance.enabled && (seen.healthy || protected || !healthy_only));
        self
    }
}

/// Why something is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFull {
    /// Too many services.
    #[error("there are {MOST_SERVICES} services, the most that are held")]
    Services,
    /// Too many instances of the service.
    #[error("the service has {MOST_INSTANCES} instances, the most that are held of one")]
    Instances,
}

/// All services.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    services: BTreeMap<ServiceKey, Service>,
    /// Of the last change of any service.
    revision: u64,
}

impl Registry {
    /// Revision of the last change of any service.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    fn changed(revision: &mut u64, service: &mut Service, now: Duration) {
        *revision += 1;
        service.revision = *revision;
        service.empty_since = service.instances.is_empty().then_some(now);
    }

    fn service(&mut self, key: &ServiceKey) -> Result<(&mut u64, &mut Service), RegistryFull> {
        let full = self.services.len() >= MOST_SERVICES && !self.services.contains_key(key);
        if full {
            return Err(RegistryFull::Services);
        }
        let service = self.services.entry(key.clone()).or_default();
        Ok((&mut self.revision, service))
    }

    /// Adds an instance or replaces what was said of it; it counts as heard of. Whether anything
    /// that others see changed.
    ///
    /// # Errors
    /// [`RegistryFull`].
    pub fn register(
        &mut self,
        key: &ServiceKey,
        instance: Instance,
        now: Duration,
    ) -> Result<bool, RegistryFull> {
        let (revision, service) = self.service(key)?;
        let healthy = match instance.life {
            Life::Ephemeral(_) => true,
            Life::Persistent { healthy } => healthy,
        };
        let full = service.instances.len() >= MOST_INSTANCES;
        let held = Held {
            instance,
            healthy,
            heard: now,
        };
        let same = match service.instances.get(&held.instance.key) {
            Some(old) => old.instance == held.instance && old.healthy == healthy,
            None if full => return Err(RegistryFull::Instances),
            None => false,
        };
        service.instances.insert(held.instance.key.clone(), held);
        if !same {
            Self::changed(revision, service, now);
        }
        Ok(!same)
    }

    /// An instance was heard of. `None` when it is not known and has to register again, else
    /// whether that made it healthy.
    pub fn beat(
        &mut self,
        key: &ServiceKey,
        instance: &InstanceKey,
        now: Duration,
    ) -> Option<bool> {
        let service = self.services.get_mut(key)?;
        let held = service.instances.get_mut(instance)?;
        held.heard = now;
        let revived = matches!(held.instance.life, Life::Ephemeral(_)) && !held.healthy;
        if revived {
            held.healthy = true;
            Self::changed(&mut self.revision, service, now);
        }
        Some(revived)
    }

    /// Removes an instance; what it was.
    pub fn deregister(
        &mut self,
        key: &ServiceKey,
        instance: &InstanceKey,
        now: Duration,
    ) -> Option<Instance> {
        let service = self.services.get_mut(key)?;
        let held = service.instances.remove(instance)?;
        Self::changed(&mut self.revision, service, now);
        Some(held.instance)
    }

    /// Sets the share of healthy instances, 0 to 1, below which all are given out.
    ///
    /// # Errors
    /// [`RegistryFull`].
    pub fn protect(
        &mut self,
        key: &ServiceKey,
        threshold: f64,
        now: Duration,
    ) -> Result<(), RegistryFull> {
        let (revision, service) = self.service(key)?;
        service.threshold = threshold;
        Self::changed(revision, service, now);
        Ok(())
    }

    /// An instance as it was registered.
    #[must_use]
    pub fn instance(&self, key: &ServiceKey, instance: &InstanceKey) -> Option<&Instance> {
        let held = self.services.get(key)?.instances.get(instance)?;
        Some(&held.instance)
    }

    /// Looks who fell silent: marks, removes, freezes. Forgets services that have been empty for
    /// [`WINDOW`] and that nothing is set for. Whether anything changed.
    pub fn sweep(&mut self, now: Duration) -> bool {
        let mut any = false;
        for service in self.services.values_mut() {
            if sweep(service, now) {
                Self::changed(&mut self.revision, service, now);
                any = true;
            }
        }
        self.services.retain(|_, service| {
            let empty = service.empty_since.filter(|_| service.instances.is_empty());
            service.threshold > 0.0 || empty.is_none_or(|since| now.saturating_sub(since) < WINDOW)
        });
        any
    }

    /// A service, its instances in some clusters only when any are named.
    #[must_use]
    pub fn list(&self, key: &ServiceKey, clusters: &[&str], now: Duration) -> Listing {
        let Some(service) = self.services.get(key) else {
            return Listing::default();
        };
        let seen = |held: &Held| Seen {
            instance: held.instance.clone(),
            healthy: held.healthy,
            silent: now.saturating_sub(held.heard),
        };
        let wanted =
            |key: &InstanceKey| clusters.is_empty() || clusters.contains(&key.cluster.as_str());
        let instances: Vec<Seen> = service
            .instances
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(_, held)| seen(held))
            .collect();
        let enabled = instances.iter().filter(|one| one.instance.enabled);
        let (healthy, all) = enabled.fold((0_u32, 0_u32), |(healthy, all), one| {
            (healthy + u32::from(one.healthy), all + 1)
        });
        Listing {
            revision: service.revision,
            threshold: service.threshold,
            protected: f64::from(healthy) < service.threshold * f64::from(all),
            frozen: service.frozen,
            instances,
        }
    }

    /// Services of a namespace after a group and name, in order: key, instances, healthy ones.
    #[must_use]
    pub fn services(
        &self,
        namespace: &str,
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Vec<(ServiceKey, usize, usize)> {
        let of = |key: &ServiceKey| {
            key.namespace == namespace
                && after.is_none_or(|(group, name)| {
                    (key.group.as_str(), key.name.as_str()) > (group, name)
                })
        };
        self.services
            .iter()
            .filter(|(key, _)| of(key))
            .take(limit)
            .map(|(key, service)| {
                let healthy = service.instances.values().filter(|held| held.healthy);
                (key.clone(), service.instances.len(), healthy.count())
            })
            .collect()
    }
}

/// Marks and removes the silent of one service.
fn sweep(service: &mut Service, now: Duration) -> bool {
    service
        .expired
        .retain(|at| now.saturating_sub(*at) < WINDOW);
    let mut changed = false;
    let mut due = Vec::new();
    for (key, held) in &mut service.instances {
        let Life::Ephemeral(beats) = held.instance.life else {
            continue;
        };
        let silent = now.saturating_sub(held.heard);
        if held.healthy && silent >= beats.unhealthy_after {
            held.healthy = false;
            changed = true;
        }
        if silent >= beats.removed_after {
            due.push(key.clone());
        }
    }
    let recent = service.expired.len();
    let before = service.instances.len() + recent;
    let frozen = before >= PRESERVED_FROM && !due.is_empty() && (due.len() + recent) * 2 > before;
    if frozen != service.frozen {
        service.frozen = frozen;
        changed = true;
    }
    if !frozen {
        for key in due {
            service.instances.remove(&key);
            service.expired.push(now);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
