//! Publishing: a snapshot is verified, checked, compiled and kept before it is in force.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::StatusCode;
use rialto_esb_snapshot::{self as model, DecodeSnapshotError, GroupKey, TrustedKeys, Verified};

use super::auth::Nonces;
use super::calls::Seen;
use super::drift::Drift;
use super::once::Once;
use super::store::{Active, Store};
use super::table::{Living, Table};
use super::trace::Names;
use super::{Acknowledged, Interfaces, InterfacesConfig, InterfacesState, OpenInterfacesError};
use crate::problem::Problem;

/// What changes with publishes.
#[derive(Debug, Default)]
pub(crate) struct Control {
    active: Option<Active>,
    /// The table before, ready to go back to.
    previous: Option<Arc<Table>>,
    /// The table that was made ready for the next publish.
    ready: Option<Arc<Table>>,
}

/// What a signed snapshot is to a node.
enum Fresh {
    /// It is in force already.
    InForce(Acknowledged),
    /// It may be taken.
    New(Box<Verified>),
}

/// How often used quotas are kept on disk.
const USAGE_EVERY: Duration = Duration::from_secs(1);

impl Interfaces {
    /// Opens the folder and serves the newest snapshot in it that holds, the active one first.
    pub(crate) async fn open(config: InterfacesConfig) -> Result<Arc<Self>, OpenInterfacesError> {
        let named = (1..=32).contains(&config.node.len())
            && config
                .node
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !named {
            return Err(OpenInterfacesError::Node(config.node));
        }
        let mut seed = [0; 24];
        getrandom::fill(&mut seed)
            .map_err(|error| OpenInterfacesError::Random(error.to_string()))?;
        let part = |n: usize| u64::from_le_bytes(std::array::from_fn(|i| seed[n * 8 + i]));
        let folder = config.folder.clone();
        let source = |source| OpenInterfacesError::Folder { folder, source };
        let store = Store::open(config.folder, config.keep).map_err(source)?;
        let interfaces = Arc::new(Self {
            names: Names::new([part(0), part(1), part(2)], config.node.clone()),
            node: config.node,
            calls: Seen::new(config.clock.now().at),
            environment: config.environment,
            keys: config.keys,
            group: config.group,
            store,
            clock: config.clock,
            nonces: Nonces::default(),
            table: ArcSwapOption::empty(),
            living: Arc::default(),
            control: tokio::sync::Mutex::default(),
            requests: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            drift: Drift::default(),
            once: Once::default(),
        });
        interfaces.load_usage();
        let active = interfaces.boot();
        interfaces.control.lock().await.active = active;
        tokio::spawn(keep_usage(Arc::downgrade(&interfaces)));
        Ok(interfaces)
    }

    /// Serves what is on disk.
    fn boot(&self) -> Option<Active> {
        let recorded = self.store.active();
        let mut kept = self.store.kept().unwrap_or_else(|error| {
            tracing::error!(%error, "kept snapshots cannot be listed");
            Vec::new()
        });
        // The active one first, then from the newest down.
        if let Some(recorded) = &recorded {
            kept.sort_by_key(|(version, _)| *version != recorded.version);
        }
        for (version, path) in kept {
            let read = std::fs::read(&path).map_err(|error| error.to_string());
            let made = read
                .and_then(|signed| self.maker().make(&signed).map_err(|problem| problem.detail));
            match made {
                Ok(table) => {
                    let active = Active {
                        version,
                        digest: table.digest.clone(),
                        highest: recorded
                            .as_ref()
                            .map_or(version, |one| one.highest.max(version)),
                        token: recorded.as_ref().map_or(table.snapshot.token, |one| {
                            one.token.max(table.snapshot.token)
                        }),
                    };
                    tracing::info!(
                        version,
                        digest = table.digest,
                        "interfaces are served by a kept snapshot"
                    );
                    self.table.store(Some(Arc::new(table)));
                    return Some(active);
                }
                Err(reason) => {
                    tracing::error!(path = %path.display(), reason, "a kept snapshot does not hold, the next older is tried");
                }
            }
        }
        recorded
    }

    fn maker(&self) -> Maker {
        Maker {
            keys: self.keys.clone(),
            environment: self.environment.clone(),
            group: self.group.clone(),
            living: Arc::clone(&self.living),
        }
    }

    /// Verifies a signed snapshot; what is in force already, or is not above it, is told.
    async fn fresh(&self, control: &Control, signed: Bytes) -> Result<Fresh, Problem> {
        let maker = self.maker();
        let verified = in_background(move || maker.verify(&signed)).await?;
        let (version, token) = (verified.snapshot.version, verified.snapshot.token);
        if let Some(active) = &control.active {
            if active.version == version && active.digest == verified.digest {
                return Ok(Fresh::InForce(self.acknowledged(version, &verified.digest)));
            }
            if version <= active.highest || token < active.token {
                return Err(Problem::snapshot_refused(
                    StatusCode::CONFLICT,
                    "snapshot-older",
                    format!(
                        "version {version} (leader {}/{}) is not above version {} (leader {}/{}) that was taken already; to go back, roll back",
                        token.timeline,
                        token.epoch,
                        active.highest,
                        active.token.timeline,
                        active.token.epoch
                    ),
                    Vec::new(),
                ));
            }
        }
        Ok(Fresh::New(Box::new(verified)))
    }

    async fn compiled(&self, verified: Box<Verified>) -> Result<Arc<Table>, Problem> {
        let maker = self.maker();
        let table = in_background(move || maker.compile(*verified)).await?;
        Ok(Arc::new(table))
    }

    /// Makes a signed snapshot ready: verified, checked and compiled, and served only once it is
    /// published. It is held in memory until then, or until another one is.
    pub(crate) async fn prepare(&self, signed: Bytes) -> Result<Acknowledged, Problem> {
        let mut control = self.control.lock().await;
        let verified = match self.fresh(&control, signed).await? {
            Fresh::InForce(acknowledged) => return Ok(acknowledged),
            Fresh::New(verified) => verified,
        };
        let table = self.compiled(verified).await?;
        let acknowledged = self.acknowledged(table.snapshot.version, &table.digest);
        control.ready = Some(table);
        Ok(acknowledged)
    }

    /// Puts a signed snapshot in force.
    pub(crate) async fn publish(&self, signed: Bytes) -> Result<Acknowledged, Problem> {
        let mut control = self.control.lock().await;
        let verified = match self.fresh(&control, signed.clone()).await? {
            Fresh::InForce(acknowledged) => return Ok(acknowledged),
            Fresh::New(verified) => verified,
        };
        let (version, token) = (verified.snapshot.version, verified.snapshot.token);
        let ready = control.ready.take();
        let table = match ready.filter(|table| table.digest == verified.digest) {
            Some(table) => table,
            None => self.compiled(verified).await?,
        };
        let active = Active {
            version,
            digest: table.digest.clone(),
            highest: version,
            token,
        };
        let (store, kept) = (self.store.clone(), active.clone());
        in_background(move || {
            store
                .keep(kept.version, &kept.digest, &signed)
                .and_then(|()| store.activate(&kept))
                .map_err(not_kept)?;
            // Too many files are no reason to refuse a publish.
            if let Err(error) = store.thin(kept.version) {
                tracing::warn!(%error, "old snapshots could not be removed");
            }
            Ok(())
        })
        .await?;
        Ok(self.put_in_force(&mut control, table, active))
    }

    /// Goes back to an earlier snapshot; `None`: the one kept before the one in force.
    pub(crate) async fn roll_back(&self, to: Option<u64>) -> Result<Acknowledged, Problem> {
        let mut control = self.control.lock().await;
        let Some(active) = control.active.clone() else {
            return Err(nothing_to_go_back_to(
                "nothing was published yet".to_owned(),
            ));
        };
        let store = self.store.clone();
        let kept = in_background(move || store.kept().map_err(not_kept)).await?;
        let wanted = |version: u64| match to {
            Some(to) => version == to,
            None => version < active.version,
        };
        let Some((version, path)) = kept.into_iter().find(|(version, _)| wanted(*version)) else {
            let which = to.map_or("older".to_owned(), |to| format!("version {to}"));
            return Err(nothing_to_go_back_to(format!(
                "no {which} snapshot is kept here"
            )));
        };
        if version > active.highest {
            return Err(nothing_to_go_back_to(format!(
                "version {version} was never in force here"
            )));
        }
        let in_memory = control
            .previous
            .clone()
            .filter(|table| table.snapshot.version == version);
        let table = match in_memory {
            Some(table) => table,
            None => {
                let maker = self.maker();
                Arc::new(
                    in_background(move || {
                        let signed = std::fs::read(&path).map_err(not_kept)?;
                        maker.make(&signed)
                    })
                    .await?,
                )
            }
        };
        let active = Active {
            version,
            digest: table.digest.clone(),
            ..active
        };
        let (store, kept) = (self.store.clone(), active.clone());
        in_background(move || store.activate(&kept).map_err(not_kept)).await?;
        Ok(self.put_in_force(&mut control, table, active))
    }

    fn put_in_force(
        &self,
        control: &mut Control,
        table: Arc<Table>,
        active: Active,
    ) -> Acknowledged {
        let before = self.table.swap(Some(Arc::clone(&table)));
        if let Some(before) = &before {
            table.take_over(before, self.clock.now().ns);
        }
        let acknowledged = self.acknowledged(active.version, &active.digest);
        tracing::info!(
            version = active.version,
            digest = active.digest,
            "a snapshot is in force"
        );
        control.previous = before;
        control.active = Some(active);
        acknowledged
    }

    fn acknowledged(&self, version: u64, digest: &str) -> Acknowledged {
        Acknowledged {
            node: self.node.clone(),
            environment: self.environment.clone(),
            version,
            digest: digest.to_owned(),
        }
    }

    pub(crate) async fn state(&self) -> InterfacesState {
        let control = self.control.lock().await;
        let table = self.table.load_full();
        let store = self.store.clone();
        let kept = in_background(move || store.kept().map_err(not_kept)).await;
        InterfacesState {
            node: self.node.clone(),
            environment: self.environment.clone(),
            active: table
                .as_ref()
                .map(|table| self.acknowledged(table.snapshot.version, &table.digest)),
            highest: control.active.as_ref().map_or(0, |active| active.highest),
            kept: kept
                .unwrap_or_default()
                .into_iter()
                .map(|(version, _)| version)
                .collect(),
            keys: self.keys.ids().map(str::to_owned).collect(),
            routes: table.map_or(0, |table| table.routes.len()),
            requests: self.requests.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn load_usage(&self) {
        let Some(text) = self.store.usage() else {
            return;
        };
        let usage: BTreeMap<String, u64> = match serde_json::from_slice(&text) {
            Ok(usage) => usage,
            Err(error) => {
                tracing::error!(%error, "the record of used quotas is damaged, days begin anew");
                return;
            }
        };
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, word) in usage {
            living.counts(&id).day.store(word, Ordering::Release);
        }
    }

    fn usage(&self) -> BTreeMap<String, u64> {
        let living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        let words = living.all_counts();
        words
            .map(|(id, counts)| (id.clone(), counts.day.load(Ordering::Acquire)))
            .filter(|(_, word)| *word > 0)
            .collect()
    }
}

/// Keeps used quotas on disk for as long as the data plane lives: a kill loses at most the calls of
/// the last second.
async fn keep_usage(interfaces: Weak<Interfaces>) {
    let mut before = interfaces
        .upgrade()
        .map(|one| one.usage())
        .unwrap_or_default();
    loop {
        tokio::time::sleep(USAGE_EVERY).await;
        let Some(interfaces) = interfaces.upgrade() else {
            return;
        };
        let usage = interfaces.usage();
        if usage == before {
            continue;
        }
        let store = interfaces.store.clone();
        let text = serde_json::to_vec(&usage).unwrap_or_default();
        drop(interfaces);
        let saved = tokio::task::spawn_blocking(move || store.save_usage(&text)).await;
        match saved {
            Ok(Ok(())) => before = usage,
            Ok(Err(error)) => tracing::warn!(%error, "used quotas could not be kept"),
            Err(error) => tracing::warn!(%error, "used quotas could not be kept"),
        }
    }
}

/// Makes tables, away from the threads that serve.
struct Maker {
    keys: TrustedKeys,
    environment: String,
    group: GroupKey,
    living: Arc<Mutex<Living>>,
}

impl Maker {
    fn make(&self, signed: &[u8]) -> Result<Table, Problem> {
        self.verify(signed)
            .and_then(|verified| self.compile(verified))
    }

    fn verify(&self, signed: &[u8]) -> Result<Verified, Problem> {
        let refused = |status, code, detail: String| {
            Problem::snapshot_refused(status, code, detail, Vec::new())
        };
        let verified = self.keys.verify(signed).map_err(|error| {
            let (status, code) = match &error {
                DecodeSnapshotError::UnknownKey(_) | DecodeSnapshotError::Signature => {
                    (StatusCode::FORBIDDEN, "snapshot-signature")
                }
                DecodeSnapshotError::Digest => {
                    (StatusCode::UNPROCESSABLE_ENTITY, "snapshot-damaged")
                }
                DecodeSnapshotError::Size(_) => {
                    (StatusCode::PAYLOAD_TOO_LARGE, "snapshot-too-large")
                }
                _ => (StatusCode::UNPROCESSABLE_ENTITY, "snapshot-invalid"),
            };
            refused(status, code, error.to_string())
        })?;
        if verified.snapshot.environment != self.environment {
            let detail = format!(
                "it is for environment {}, this node serves {}",
                verified.snapshot.environment, self.environment
            );
            return Err(refused(
                StatusCode::CONFLICT,
                "snapshot-environment",
                detail,
            ));
        }
        Ok(verified)
    }

    fn compile(&self, verified: Verified) -> Result<Table, Problem> {
        let invalid = |detail: String, errors: Vec<(String, String)>| {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Problem::snapshot_refused(status, "snapshot-invalid", detail, errors)
        };
        let found = model::check(&verified.snapshot);
        if !found.is_empty() {
            let detail = format!("{} finding(s); nothing of it is served", found.len());
            let errors = found.into_iter().map(|one| {
                let text = format!("{}: {}", one.code, one.message);
                (one.pointer, text)
            });
            return Err(invalid(detail, errors.collect()));
        }
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        living.forget_rules();
        Table::compile(verified.snapshot, verified.digest, &self.group, &mut living)
            .map_err(|error| invalid(error.to_string(), Vec::new()))
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Problem::persist_failed(error.to_string())))
}

fn not_kept(error: std::io::Error) -> Problem {
    Problem::persist_failed(format!("the folder of snapshots: {error}"))
}

fn nothing_to_go_back_to(detail: String) -> Problem {
    Problem::snapshot_refused(
        StatusCode::CONFLICT,
        "nothing-to-roll-back-to",
        detail,
        Vec::new(),
    )
}
