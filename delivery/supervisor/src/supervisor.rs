//! All slots below one root.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::cage::ServiceCage;
use crate::error::{InstallError, SupervisorError};
use crate::process;
use crate::record::{Desired, Record, RunSpec, SlotKey};
use crate::slot::Slot;
use crate::status::{ProcessState, SlotStatus};
use crate::unpack::unpack;

/// Keeps the processes of all slots. Clones share it; when the last one is dropped the processes go
/// on running and are adopted by the next supervisor on the same root.
#[derive(Debug, Clone)]
pub struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    slots: Mutex<BTreeMap<SlotKey, Arc<Slot>>>,
    changes: watch::Sender<u64>,
    cage: Option<Arc<ServiceCage>>,
}

/// An archive unpacked into a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Folder of the unpacked archive.
    pub folder: PathBuf,
    /// Bytes unpacked.
    pub bytes: u64,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for slot in self
            .slots
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            slot.abandon();
        }
    }
}

impl Supervisor {
    /// As [`Supervisor::open_caged`], but services reach whatever their user does.
    ///
    /// # Errors
    /// The same.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self, SupervisorError> {
        Self::open_with(root.into(), None).await
    }

    /// Opens a root: living processes that the records know are adopted, those that should run and
    /// do not are started again.
    ///
    /// # Errors
    /// [`SupervisorError`] when the root cannot be read or a record is damaged. A service that does
    /// not start again is no error: it is shown as unhealthy and tried again.
    pub async fn open_caged(
        root: impl Into<PathBuf>,
        cage: ServiceCage,
    ) -> Result<Self, SupervisorError> {
        if let Some(warning) = cage.warning() {
            tracing::warn!(warning, "services are not fully isolated");
        }
        Self::open_with(root.into(), Some(Arc::new(cage))).await
    }

    async fn open_with(
        root: PathBuf,
        cage: Option<Arc<ServiceCage>>,
    ) -> Result<Self, SupervisorError> {
        fs::create_dir_all(&root).map_err(SupervisorError::io("create", &root))?;
        let root = root
            .canonicalize()
            .map_err(SupervisorError::io("find", &root))?;
        let changes = watch::Sender::new(0);
        let inner = Inner {
            root: root.clone(),
            slots: Mutex::new(BTreeMap::new()),
            changes,
            cage,
        };
        let supervisor = Self(Arc::new(inner));
        for folder in slot_folders(&root)? {
            if let Some(record) = Record::read(&folder)? {
                let (changes, cage) = (supervisor.0.changes.clone(), supervisor.0.cage.clone());
                let slot = Slot::new(record, folder, changes, cage);
                supervisor
                    .lock()
                    .insert(slot.key.clone(), Arc::clone(&slot));
                recover(&slot).await?;
            }
        }
        Ok(supervisor)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SlotKey, Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &SlotKey) -> Result<Arc<Slot>, SupervisorError> {
        self.lock()
            .get(key)
            .cloned()
            .ok_or_else(|| SupervisorError::NotInstalled(key.to_string()))
    }

    /// Number that grows with every change of any slot's status.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// What is known of a slot; `None` when nothing was ever installed in it.
    #[must_use]
    pub fn status(&self, key: &SlotKey) -> Option<SlotStatus> {
        self.lock().get(key).map(|slot| slot.status())
    }

    /// Stops what runs in the slot, checks the archive's digest and unpacks it into a fresh folder.
    ///
    /// # Errors
    /// [`InstallError`] inside [`SupervisorError`] when the archive is not what was released or is
    /// hostile; the slot is then empty, and nothing runs in it.
    pub async fn install(
        &self,
        key: &SlotKey,
        archive: &Path,
        digest: &str,
    ) -> Result<Installed, SupervisorError> {
        let folder = key.folder(&self.0.root)?;
        if let Ok(slot) = self.slot(key) {
            let _operation = slot.operation.lock().await;
            slot.write(|record| record.desired = Desired::Stopped)?;
            slot.halt().await;
            slot.end_strays().await?;
        }
        let (archive, expected) = (archive.to_owned(), digest.to_owned());
        let target = folder.clone();
        let installed =
            tokio::task::spawn_blocking(move || unpack_fresh(&archive, &expected, &target))
                .await
                .map_err(|error| SupervisorError::Io {
                    action: "unpack into",
                    path: folder.clone(),
                    source: std::io::Error::other(error),
                })??;
        let record = Record {
            key: key.clone(),
            desired: Desired::Stopped,
            folder: installed.folder.clone(),
            digest: digest.to_owned(),
            run: None,
            port: None,
            process: None,
        };
        record.write(&folder)?;
        let (changes, cage) = (self.0.changes.clone(), self.0.cage.clone());
        let slot = Slot::new(record, folder, changes, cage);
        self.lock().insert(key.clone(), slot);
        self.0.changes.send_modify(|n| *n += 1);
        Ok(installed)
    }

    /// Starts what is installed. Asked again for what already runs, it changes nothing.
    ///
    /// # Errors
    /// [`SupervisorError`] when nothing is installed, the service asks for more than the house
    /// gives, or the program cannot be started. A program
    /// that starts and ends at once is no error here: see [`Supervisor::status`].
    pub async fn start(&self, key: &SlotKey, run: RunSpec) -> Result<SocketAddr, SupervisorError> {
        let slot = self.slot(key)?;
        let _operation = slot.operation.lock().await;
        let (record, status) = (slot.record(), slot.status());
        if let Some(address) = status.address
            && status.process == ProcessState::Running
            && record.run.as_ref() == Some(&run)
        {
            return Ok(address);
        }
        slot.limits(&run)?;
        slot.halt().await;
        let port = process::free_port().map_err(SupervisorError::io(
            "open a free port for",
            slot.folder.clone(),
        ))?;
        if let Err(error) = slot.launch(run, port).await {
            slot.write(|record| record.desired = Desired::Stopped)?;
            return Err(error);
        }
        Ok(SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, port)))
    }

    /// Stops what runs in the slot, for good.
    ///
    /// # Errors
    /// [`SupervisorError`] when the wish cannot be written down.
    pub async fn stop(&self, key: &SlotKey) -> Result<(), SupervisorError> {
        let Ok(slot) = self.slot(key) else {
            return Ok(());
        };
        let _operation = slot.operation.lock().await;
        slot.write(|record| record.desired = Desired::Stopped)?;
        slot.halt().await;
        slot.end_strays().await
    }

    /// Stops every process and keeps the wishes: the next supervisor starts them again.
    pub async fn stop_all(&self) {
        let slots: Vec<Arc<Slot>> = self.lock().values().cloned().collect();
        let tasks: Vec<_> = slots
            .into_iter()
            .map(|slot| {
                tokio::spawn(async move {
                    let _operation = slot.operation.lock().await;
                    slot.halt().await;
                })
            })
            .collect();
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "stopping a slot broke off");
            }
        }
    }

    /// Probes a slot once on its private address.
    ///
    /// # Errors
    /// A sentence saying what came instead of 2xx.
    pub async fn probe(
        &self,
        key: &SlotKey,
        path: &str,
        limit: Duration,
    ) -> Result<crate::http::Answer, String> {
        let status = self
            .status(key)
            .ok_or_else(|| format!("nothing is installed in {key}"))?;
        match (status.process, status.address) {
            (ProcessState::Running, Some(address)) => {
                crate::http::probe(address, path, limit).await
            }
            _ => Err(status
                .last_failure
                .unwrap_or_else(|| "the process does not run".to_owned())),
        }
    }
}

/// Folders three levels below the root.
fn slot_folders(root: &Path) -> Result<Vec<PathBuf>, SupervisorError> {
    let mut level = vec![root.to_owned()];
    for _ in 0..3 {
        let mut below = Vec::new();
        for folder in level {
            let entries = fs::read_dir(&folder).map_err(SupervisorError::io("read", &folder))?;
            below.extend(
                entries
                    .flatten()
                    .map(|e| e.path())
                    .filter(|path| path.is_dir()),
            );
        }
        level = below;
    }
    level.sort();
    Ok(level)
}

/// Brings a slot found on disk back to what its record wishes.
async fn recover(slot: &Arc<Slot>) -> Result<(), SupervisorError> {
    let record = slot.record();
    let alive = record.process.clone().filter(process::is_alive);
    match (record.desired, alive) {
        (Desired::Running, Some(identity)) => {
            tracing::info!(slot = %slot.key, pid = identity.pid, "a living service is adopted");
            slot.adopt(identity);
            Ok(())
        }
        (Desired::Running, None) => {
            let (Some(run), Some(port)) = (record.run, record.port) else {
                return Ok(());
            };
            tracing::info!(slot = %slot.key, "a service is started again");
            if let Err(error) = slot.launch(run, port).await {
                // One service that cannot start must not keep the others down.
                slot.note_not_started(&error.to_string());
            }
            Ok(())
        }
        (Desired::Stopped, Some(identity)) => process::end(&identity, Duration::from_secs(10))
            .await
            .map(drop),
        (Desired::Stopped, None) => Ok(()),
    }
}

fn unpack_fresh(
    archive: &Path,
    expected: &str,
    slot_folder: &Path,
) -> Result<Installed, SupervisorError> {
    let found = sha256(archive)?;
    if found != expected {
        let expected = expected.to_owned();
        return Err(InstallError::Digest { expected, found }.into());
    }
    let releases = slot_folder.join("releases");
    if releases.exists() {
        fs::remove_dir_all(&releases).map_err(SupervisorError::io("remove", &releases))?;
    }
    let short = &found[..12];
    let folder = releases.join(format!("{short}-{}", process::now_micros()));
    fs::create_dir_all(&folder).map_err(SupervisorError::io("create", &folder))?;
    let bytes = unpack(archive, &folder).map_err(InstallError::from)?;
    Ok(Installed { folder, bytes })
}

fn sha256(path: &Path) -> Result<String, SupervisorError> {
    let mut file = fs::File::open(path).map_err(SupervisorError::io("open", path))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        let count = file
            .read(&mut piece)
            .map_err(SupervisorError::io("read", path))?;
        if count == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&piece[..count]);
    }
}
