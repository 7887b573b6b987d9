//! A slot being kept: one task watches its process, one probes it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::cage::ServiceCage;
use crate::error::SupervisorError;
use crate::limits::{ServiceLimits, ServiceTree};
use crate::record::{Desired, Identity, Record, RunSpec, SlotKey};
use crate::status::{Health, ProcessState, SlotStatus};
use crate::{http, logs, process};

/// First pause before a process is started again; doubles with each end.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// Longest pause.
const BACKOFF_LAST: Duration = Duration::from_secs(10);
/// A process that lived this long starts with the first pause again.
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// Ends in a row that make a crash loop.
const CRASH_LOOP_AFTER: u32 = 3;
/// How often logs are looked at.
const ROTATE_EVERY: Duration = Duration::from_secs(10);

/// A slot.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) key: SlotKey,
    pub(crate) folder: PathBuf,
    /// Held during install, start and stop.
    pub(crate) operation: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    cage: Option<Arc<ServiceCage>>,
}

#[derive(Debug)]
struct State {
    record: Record,
    status: SlotStatus,
    keeper: Option<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    stop: watch::Sender<bool>,
    watcher: JoinHandle<()>,
    prober: JoinHandle<()>,
}

/// A process being watched; adopted ones are no child of ours.
pub(crate) struct Live {
    pub(crate) child: Option<Child>,
    pub(crate) identity: Identity,
    tree: ServiceTree,
}

impl Slot {
    pub(crate) fn new(
        record: Record,
        folder: PathBuf,
        changes: watch::Sender<u64>,
        cage: Option<Arc<ServiceCage>>,
    ) -> Arc<Self> {
        let status = SlotStatus {
            process: ProcessState::Stopped,
            health: Health::Stopped,
            digest: record.digest.clone(),
            label: record
                .run
                .as_ref()
                .map(|run| run.label.clone())
                .unwrap_or_default(),
            folder: record.folder.clone(),
            pid: None,
            address: record.port.map(address),
            started_at_micros: None,
            last_probe_at_micros: None,
            last_failure: None,
            last_end: None,
            restarts: 0,
        };
        Arc::new(Self {
            key: record.key.clone(),
            folder,
            operation: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                record,
                status,
                keeper: None,
            }),
            changes,
            cage,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> SlotStatus {
        self.lock().status.clone()
    }

    pub(crate) fn record(&self) -> Record {
        self.lock().record.clone()
    }

    fn change(&self, make: impl FnOnce(&mut SlotStatus)) {
        let mut state = self.lock();
        let before = state.status.clone();
        make(&mut state.status);
        if state.status != before {
            drop(state);
            self.changes.send_modify(|n| *n += 1);
        }
    }

    /// Changes the record on disk, then in memory.
    pub(crate) fn write(&self, make: impl FnOnce(&mut Record)) -> Result<(), SupervisorError> {
        let mut state = self.lock();
        let mut record = state.record.clone();
        make(&mut record);
        record.write(&self.folder)?;
        state.record = record;
        Ok(())
    }

    /// Starts a process and keeps it running. The port is written down before the process exists.
    pub(crate) async fn launch(
        self: &Arc<Self>,
        run: RunSpec,
        port: u16,
    ) -> Result<(), SupervisorError> {
        let label = run.label.clone();
        self.write(|record| {
            record.desired = Desired::Running;
            record.run = Some(run);
            record.port = Some(port);
            record.process = None;
        })?;
        self.change(|status| {
            status.label = label;
            status.address = Some(address(port));
            status.restarts = 0;
            status.last_failure = None;
            status.last_end = None;
            status.last_probe_at_micros = None;
        });
        self.end_strays().await?;
        let live = self.spawn()?;
        self.keep(live);
        Ok(())
    }

    /// A wished-for process could not be started: the wish stays, the slot shows why.
    pub(crate) fn note_not_started(&self, reason: &str) {
        tracing::error!(slot = %self.key, reason, "a service was not started again");
        self.change(|status| {
            status.process = ProcessState::CrashLoop;
            status.health = Health::Unhealthy;
            status.last_failure = Some(reason.to_owned());
        });
    }

    /// Ends processes of this slot that the record does not know.
    pub(crate) async fn end_strays(&self) -> Result<(), SupervisorError> {
        for stray in process::strays(&self.folder) {
            tracing::warn!(slot = %self.key, pid = stray.pid, "a process without a record is ended");
            process::end(&stray, Duration::from_secs(2)).await?;
        }
        Ok(())
    }

    /// What a service may use here.
    pub(crate) fn limits(&self, run: &RunSpec) -> Result<ServiceLimits, SupervisorError> {
        let house = self.cage.as_ref().map(|cage| cage.limits);
        house.unwrap_or_default().lowered(run)
    }

    /// Keeps a living process that was started by an earlier process of the server.
    pub(crate) fn adopt(self: &Arc<Self>, identity: Identity) {
        let run = self.record().run;
        // Limits that were lowered since hold for it, too.
        let house = self
            .cage
            .as_ref()
            .map(|cage| cage.limits)
            .unwrap_or_default();
        let limits = run.and_then(|run| self.limits(&run).ok()).unwrap_or(house);
        let tree = ServiceTree::of_adopted(&identity, &self.folder, limits);
        self.keep(Live {
            child: None,
            identity,
            tree,
        });
    }

    fn spawn(&self) -> Result<Live, SupervisorError> {
        let record = self.record();
        let (Some(run), Some(port)) = (&record.run, record.port) else {
            return Err(SupervisorError::NotInstalled(self.key.to_string()));
        };
        let place = process::Place {
            folder: &self.folder,
            release: &record.folder,
            slot: self.key.slot,
            port,
            cage: self.cage.as_deref(),
        };
        let limits = self.limits(run)?;
        let (child, identity) = process::spawn(&place, run)?;
        let tree = ServiceTree::of_new(&identity, &self.folder, limits);
        self.write(|record| record.process = Some(identity.clone()))?;
        self.note_running(&identity);
        Ok(Live {
            child: Some(child),
            identity,
            tree,
        })
    }

    fn note_running(&self, identity: &Identity) {
        self.change(|status| {
            status.process = ProcessState::Running;
            if status.health != Health::Unhealthy {
                status.health = Health::Starting;
            }
            status.pid = Some(identity.pid);
            status.started_at_micros = Some(identity.started_at_micros);
        });
    }

    /// Watches and probes a live process from now on.
    pub(crate) fn keep(self: &Arc<Self>, live: Live) {
        self.note_running(&live.identity);
        let (stop, stopping) = watch::channel(false);
        let watcher = tokio::spawn(Arc::clone(self).watch(live, stopping));
        let prober = tokio::spawn(Arc::clone(self).probe_loop());
        self.lock().keeper = Some(Keeper {
            stop,
            watcher,
            prober,
        });
    }

    /// Stops the process; the wish on disk is not touched.
    pub(crate) async fn halt(&self) {
        let keeper = self.lock().keeper.take();
        if let Some(keeper) = keeper {
            keeper.stop.send_replace(true);
            keeper.prober.abort();
            if let Err(error) = keeper.watcher.await {
                tracing::error!(slot = %self.key, %error, "the watcher of a slot broke off");
            }
        }
        self.change(|status| {
            status.process = ProcessState::Stopped;
            status.health = Health::Stopped;
            status.pid = None;
        });
    }

    /// Leaves the process alone and forgets it (this process is ending without a clean stop).
    pub(crate) fn abandon(&self) {
        if let Some(keeper) = self.lock().keeper.take() {
            keeper.watcher.abort();
            keeper.prober.abort();
        }
    }

    async fn watch(self: Arc<Self>, first: Live, mut stopping: watch::Receiver<bool>) {
        let mut live = first;
        let mut ends_in_a_row = 0;
        loop {
            let began = Instant::now();
            let how = tokio::select! {
                how = ended(&mut live) => how,
                () = told(&mut stopping) => return self.end(live).await,
            };
            process::sweep(&live.identity);
            live.tree.close().await;
            ends_in_a_row = if began.elapsed() >= STABLE_AFTER {
                1
            } else {
                ends_in_a_row + 1
            };
            self.note_end(&how, ends_in_a_row);
            live = loop {
                let pause = backoff(ends_in_a_row);
                tokio::select! {
                    () = sleep(pause) => {}
                    () = told(&mut stopping) => return,
                }
                match self.spawn() {
                    Ok(live) => break live,
                    Err(error) => {
                        ends_in_a_row += 1;
                        self.note_end(&error.to_string(), ends_in_a_row);
                    }
                }
            };
            self.change(|status| status.restarts += 1);
        }
    }

    fn note_end(&self, how: &str, ends_in_a_row: u32) {
        let last_words = logs::tail(&self.folder.join("log"), "stderr.log", 300);
        tracing::warn!(slot = %self.key, how, last_words, "a service ended by itself");
        let said = if last_words.is_empty() {
            String::new()
        } else {
            format!("; it said: {last_words}")
        };
        self.change(|status| {
            status.pid = None;
            status.health = Health::Unhealthy;
            status.last_failure = Some(format!("the process {how}{said}"));
            status.last_end.clone_from(&status.last_failure);
            status.process = if ends_in_a_row >= CRASH_LOOP_AFTER {
                ProcessState::CrashLoop
            } else {
                ProcessState::Restarting
            };
        });
        if let Err(error) = self.write(|record| record.process = None) {
            tracing::error!(slot = %self.key, %error, "the end of a service was not written down");
        }
    }

    async fn end(&self, mut live: Live) {
        let patience = self.record().run.map_or(5_000, |run| run.stop_timeout_ms);
        match process::end(&live.identity, Duration::from_millis(patience)).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(slot = %self.key, pid = live.identity.pid,
                "a service did not stop in time and was killed"),
            Err(error) => tracing::error!(slot = %self.key, %error, "a service was not stopped"),
        }
        process::sweep(&live.identity);
        live.tree.close().await;
        if let Some(child) = &mut live.child
            && let Err(error) = child.wait().await
        {
            tracing::debug!(%error, "waiting for a service failed");
        }
        if let Err(error) = self.write(|record| record.process = None) {
            tracing::error!(slot = %self.key, %error, "the end of a service was not written down");
        }
    }

    async fn probe_loop(self: Arc<Self>) {
        let Some(health) = self.record().run.map(|run| run.health) else {
            return;
        };
        let interval = Duration::from_millis(health.interval_ms);
        let limit = Duration::from_millis(health.timeout_ms);
        let mut failures = 0;
        let mut rotated = Instant::now();
        loop {
            let began = Instant::now();
            let status = self.status();
            if let (ProcessState::Running, Some(address)) = (status.process, status.address) {
                let result = http::probe(address, &health.path, limit).await;
                failures = if result.is_ok() { 0 } else { failures + 1 };
                self.note_probe(status.pid, result.err(), failures >= health.failure_limit);
            }
            if rotated.elapsed() >= ROTATE_EVERY {
                rotated = Instant::now();
                let folder = self.folder.join("log");
                let done = tokio::task::spawn_blocking(move || logs::rotate(&folder)).await;
                if let Ok(Err(error)) = done {
                    tracing::warn!(slot = %self.key, %error, "a log was not rotated");
                }
            }
            tokio::time::sleep_until(began + interval).await;
        }
    }

    fn note_probe(&self, pid: Option<i32>, failure: Option<String>, too_many: bool) {
        self.change(|status| {
            // A probe of a process that has ended meanwhile says nothing of the next one.
            if status.pid != pid || status.process != ProcessState::Running {
                return;
            }
            status.last_probe_at_micros = Some(process::now_micros());
            match failure {
                None => {
                    status.health = Health::Healthy;
                    status.last_failure = None;
                }
                Some(reason) => {
                    if too_many && status.health != Health::Starting {
                        status.health = Health::Unhealthy;
                    }
                    status.last_failure = Some(reason);
                }
            }
        });
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn backoff(ends_in_a_row: u32) -> Duration {
    let factor = 1u32
        .checked_shl(ends_in_a_row.saturating_sub(1).min(16))
        .unwrap_or(u32::MAX);
    BACKOFF_FIRST.saturating_mul(factor).min(BACKOFF_LAST)
}

async fn told(stopping: &mut watch::Receiver<bool>) {
    // A dropped sender means that the slot is abandoned: the task is aborted then.
    if stopping.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How the process ended: by itself, or for the limit it broke.
async fn ended(live: &mut Live) -> String {
    let tree = live.tree.clone();
    tokio::select! {
        how = gone(live) => tree.verdict().await.unwrap_or(how),
        how = tree.broken() => {
            // Killed: what is left is to be reaped.
            gone(live).await;
            how
        }
    }
}

async fn gone(live: &mut Live) -> String {
    match &mut live.child {
        Some(child) => match child.wait().await {
            Ok(status) => describe(status),
            Err(error) => format!("was lost: {error}"),
        },
        None => {
            process::until_gone(&live.identity).await;
            "ended (its exit status is not known, it was started earlier)".to_owned()
        }
    }
}

fn describe(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
