//! The service center: registry and configuration items, over the pure rules of
//! `rialto-esb-center`.
//!
//! Ephemeral instances live in memory: after a restart they are back with their next beat, for which
//! the center asks them to register again. Persistent instances, thresholds and configuration items
//! are rows, written by the leader alone; each change of them is one transaction with its evidence
//! record, and the change of an item also with its history. Reads are answered from memory.

mod configs;
mod error;
mod record;
mod seal;
mod services;
mod table;
pub mod view;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rialto_esb_center::config::ItemKey;
use rialto_esb_center::registry::{Instance, Registry, ServiceKey};
use rialto_platform_evidence::EvidenceLog;
use rialto_platform_store::{Db, Migration, MigrationSet};
use tokio::sync::watch;

pub use configs::{GreyInput, ItemInput, Publication};
pub use error::CenterError;
pub use rialto_esb_center as rules;
pub use services::{InstanceInput, InstanceRef};

use crate::seal::Seal;
use crate::table::ConfigRow;

/// How often silent instances are looked for.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// The tables of the service center.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "esb_center",
    migrations: &[Migration {
        version: 1,
        name: "services and configuration items",
        sql: include_str!("../migrations/0001_start.sql"),
        sqlite: None,
        postgres: None,
    }],
};

/// Every statement of this crate by name.
pub const STATEMENTS: &[(&str, &str)] = table::STATEMENTS;

/// The service center; cheap to clone.
#[derive(Clone)]
pub struct ServiceCenter {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    evidence: EvidenceLog,
    seal: Seal,
    started: Instant,
    registry: Mutex<Registry>,
    configs: RwLock<BTreeMap<ItemKey, Arc<ConfigRow>>>,
    /// Durable changes one after the other, so that memory follows the rows in their order.
    writing: tokio::sync::Mutex<()>,
    /// Ticks with every change of an instance.
    instances: watch::Sender<u64>,
    /// Ticks with every change of an item.
    items: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for ServiceCenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceCenter").finish_non_exhaustive()
    }
}

impl ServiceCenter {
    /// Over a migrated database. `key` seals secret items.
    ///
    /// # Errors
    /// The store's; rows that are not as they must be.
    pub async fn open(db: Db, evidence: EvidenceLog, key: [u8; 32]) -> Result<Self, CenterError> {
        let mut registry = Registry::default();
        let full = |error: rules::registry::RegistryFull| CenterError::Internal(error.to_string());
        for row in table::instances(&db).await? {
            let service = ServiceKey {
                namespace: row.namespace,
                group: row.grp,
                name: row.name,
            };
            let instance: Instance = serde_json::from_str(&row.document).map_err(|error| {
                CenterError::Internal(format!("an instance of {}: {error}", service.name))
            })?;
            registry
                .register(&service, instance, Duration::ZERO)
                .map_err(full)?;
        }
        for row in table::services(&db).await? {
            let service = ServiceKey {
                namespace: row.namespace,
                group: row.grp,
                name: row.name,
            };
            let threshold = services::from_millionths(row.threshold);
            registry
                .protect(&service, threshold, Duration::ZERO)
                .map_err(full)?;
        }
        let rows = table::configs(&db).await?;
        let configs = rows.into_iter().map(|row| (row.key(), Arc::new(row)));
        Ok(Self {
            inner: Arc::new(Inner {
                evidence,
                seal: Seal::new(&key)?,
                started: Instant::now(),
                registry: Mutex::new(registry),
                configs: RwLock::new(configs.collect()),
                writing: tokio::sync::Mutex::new(()),
                instances: watch::Sender::new(0),
                items: watch::Sender::new(0),
                stopping: watch::Sender::new(false),
                db,
            }),
        })
    }

    /// Looks for silent instances until it is dropped.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(SWEEP_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = self.now();
            if self.registry().sweep(now) {
                self.inner.instances.send_modify(|tick| *tick += 1);
            }
        }
    }

    /// Answers everybody who waits for a change at once, now and from now on, so that they do not
    /// hold up an orderly stop.
    pub fn stop(&self) {
        self.inner.stopping.send_replace(true);
    }

    /// Time since the start, by which silence is told.
    fn now(&self) -> Duration {
        self.inner.started.elapsed()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // Whoever broke off left a registry that is whole: its changes cannot break off midway.
        self.inner
            .registry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `found` finds something, looking after every tick, at most for `wait`; `None`
    /// when it did not.
    async fn wait<T>(
        &self,
        ticks: &watch::Sender<u64>,
        wait: Duration,
        found: impl Fn() -> Option<T>,
    ) -> Option<T> {
        let mut ticks = ticks.subscribe();
        let mut stopping = self.inner.stopping.subscribe();
        let end = tokio::time::Instant::now() + wait;
        loop {
            // Before looking, so that no change is missed.
            ticks.borrow_and_update();
            if let Some(found) = found() {
                return Some(found);
            }
            tokio::select! {
                // The sender lives as long as this center.
                _ = ticks.changed() => {}
                _ = stopping.wait_for(|stop| *stop) => return None,
                () = tokio::time::sleep_until(end) => return None,
            }
        }
    }
}
