//! Archives, slots and supervisors for the tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rialto_delivery_release::SlotName;
use rialto_delivery_release::definition::HealthSpec;
use rialto_delivery_supervisor::{
    IsolationMode, RunSpec, ServiceCage, SlotKey, SlotStatus, Supervisor,
};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub struct World {
    pub folder: tempfile::TempDir,
    pub archive: PathBuf,
    pub digest: String,
}

pub fn sha256(path: &Path) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(std::fs::read(path).unwrap()))
}

pub fn zip(path: &Path, entries: &[(&str, u32, &[u8])]) {
    let mut zip = ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, mode, content) in entries {
        let options = SimpleFileOptions::default().unix_permissions(*mode);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

/// A script that becomes this test binary as a service; `before` runs first.
pub fn script(before: &str) -> String {
    let own = std::env::current_exe().unwrap();
    format!(
        "#!/bin/sh\n{before}\nexec {} --exact service::serves_when_started_as_a_service --nocapture\n",
        own.display()
    )
}

impl World {
    pub fn new() -> Self {
        Self::with_script("")
    }

    pub fn with_script(before: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("release.zip");
        zip(
            &archive,
            &[
                ("service", 0o755, script(before).as_bytes()),
                ("data/x", 0o644, b"x"),
            ],
        );
        let digest = sha256(&archive);
        Self {
            folder,
            archive,
            digest,
        }
    }

    pub async fn supervisor(&self) -> Supervisor {
        Supervisor::open(self.folder.path().join("services"))
            .await
            .unwrap()
    }

    /// The data folder of a server, with the slots inside.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A supervisor whose services are kept from everything in the data folder.
    pub async fn caged(&self, mode: IsolationMode) -> Supervisor {
        let mut cage = ServiceCage::new(mode, vec![self.data()]).unwrap();
        cage.program = crate::isolation::program();
        Supervisor::open_caged(self.data().join("services"), cage)
            .await
            .unwrap()
    }

    pub async fn install(&self, supervisor: &Supervisor, slot: SlotName) -> SlotKey {
        let key = key(slot);
        supervisor
            .install(&key, &self.archive, &self.digest)
            .await
            .unwrap();
        key
    }
}

pub fn key(slot: SlotName) -> SlotKey {
    SlotKey {
        project: "sample/quotes".into(),
        environment: "test".into(),
        slot,
    }
}

pub fn run(behaviour: &str) -> RunSpec {
    RunSpec {
        label: "1-abc".into(),
        environment: "test".into(),
        command: vec!["./service".into()],
        env: vec![
            ("SERVE".into(), behaviour.into()),
            ("COLOUR".into(), "blue green".into()),
        ],
        health: HealthSpec {
            path: "/healthz".into(),
            interval_ms: 50,
            timeout_ms: 1_000,
            consecutive: 2,
            failure_limit: 2,
        },
        stop_timeout_ms: 3_000,
        memory_bytes: None,
        processes: None,
    }
}

/// Waits until the slot is as wanted; fails after ten seconds.
pub async fn until(
    supervisor: &Supervisor,
    key: &SlotKey,
    what: &str,
    wanted: impl Fn(&SlotStatus) -> bool,
) -> SlotStatus {
    let mut changes = supervisor.changes();
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let status = supervisor.status(key).unwrap();
            if wanted(&status) {
                return status;
            }
            changes.changed().await.unwrap();
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("not {what}: {:?}", supervisor.status(key)))
}

/// A live process that is no zombie.
pub fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit_once(')')
            .unwrap()
            .1
            .trim_start()
            .starts_with('Z')
    })
}
