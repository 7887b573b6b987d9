//! A server in a folder of its own, and the people and runners around it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rialto_delivery_engine::view::{JobView, PipelineView};
use rialto_delivery_engine::{
    Delivery, DeliveryError, DeliverySettings, Holding, ManagedDeployments, NewProject,
    PipelineQuery, RunnerAsk, RunnerHello, Upload,
};
use rialto_delivery_git::hook::{PushReceipt, Pusher, RefChange};
use rialto_delivery_git::{CommitFile, NewCommit, RepositoryName, Signature};
use rialto_delivery_run::assignment::{
    Assignment, JobOutcome, JobResult, JobVariable, OutcomeFile,
};
use rialto_delivery_run::state::{FailureReason, Status};
use rialto_delivery_store::ids::{JobId, PipelineId};
use rialto_delivery_store::project::ProjectRow;
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Auth, Role, UserId};
use rialto_platform_store::testing::{TestDb, engines};
use rialto_platform_store::{Db, MigrationSet, new_id};
use sha2::{Digest as _, Sha256};

const SETS: &[MigrationSet] = &[
    rialto_platform_evidence::MIGRATIONS,
    rialto_platform_identity::MIGRATIONS,
    rialto_delivery_store::MIGRATIONS,
];

/// The hook of every test repository: git starts this test program again, which then does nothing
/// but judge the push.
#[test]
fn hook_entry() {
    let env: HashMap<String, String> = std::env::vars().collect();
    if !env.contains_key(rialto_delivery_git::hook::POLICY_VARIABLE) {
        return;
    }
    let now = rialto_platform_store::to_micros(rialto_platform_store::now());
    match rialto_delivery_git::hook::pre_receive(&mut std::io::stdin(), &env, now) {
        Ok(()) => std::process::exit(0),
        Err(refusal) => {
            eprintln!("{refusal}");
            std::process::exit(1);
        }
    }
}

/// A server with one project.
pub struct World {
    pub delivery: Delivery,
    pub project: ProjectRow,
    database: TestDb,
    folder: tempfile::TempDir,
    settings: DeliverySettings,
    commits: std::sync::atomic::AtomicI64,
}

pub fn person(login: &str, roles: &[Role]) -> Actor {
    Actor {
        user_id: new_id::<UserId>(),
        login: login.into(),
        name: login.to_uppercase(),
        email: format!("{login}@example.test"),
        roles: roles.to_vec(),
        auth: Auth::Token,
    }
}

pub fn developer() -> Actor {
    person(
        "lin",
        &[Role::Developer, Role::ReleaseManager, Role::QualityOwner],
    )
}

pub fn runner_actor() -> Actor {
    Actor {
        auth: Auth::Runner,
        ..person("runner", &[])
    }
}

impl World {
    /// A world on each engine.
    pub async fn all() -> Vec<Self> {
        Self::all_with(|_| {}).await
    }

    pub async fn all_with(change: impl Fn(&mut DeliverySettings)) -> Vec<Self> {
        let mut worlds = Vec::new();
        for database in engines(SETS).await {
            worlds.push(Self::on(database, &change).await);
        }
        worlds
    }

    async fn on(database: TestDb, change: &impl Fn(&mut DeliverySettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap().display().to_string();
        let command = [
            program.as_str(),
            "--exact",
            "world::hook_entry",
            "--nocapture",
            "--skip",
        ];
        let mut settings = DeliverySettings::new(
            folder.path().join("data"),
            "http://127.0.0.1:8080".into(),
            command.map(str::to_owned).to_vec(),
        );
        settings.tick = Duration::from_millis(50);
        change(&mut settings);
        let delivery = open(&database.db, &settings).await;
        let new = NewProject {
            path: "sample/quote".into(),
            name: None,
            description: String::new(),
            default_branch: None,
        };
        let project = delivery.create_project(&developer(), &new).await.unwrap();
        let commits = std::sync::atomic::AtomicI64::new(1_800_000_000);
        Self {
            delivery,
            project,
            database,
            folder,
            settings,
            commits,
        }
    }

    pub fn identity(&self) -> rialto_platform_identity::Identity {
        let evidence = self.delivery.evidence().clone();
        rialto_platform_identity::Identity::new(self.delivery.db().clone(), evidence)
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Stops the server as a kill would, and starts it again over the same data.
    pub async fn restart(&mut self) {
        self.restart_with(None).await;
    }

    pub async fn restart_with(&mut self, controller: Option<Arc<dyn ManagedDeployments>>) {
        self.delivery.stop();
        let db = Db::open(&self.database.url).await.unwrap();
        self.delivery = open(&db, &self.settings).await;
        if let Some(controller) = controller {
            self.delivery.set_controller(controller);
        }
        self.delivery.start().await.unwrap();
    }

    /// Commits on a branch without telling the server.
    pub async fn commit(&self, branch: &str, files: &[(&str, &str)], message: &str) -> String {
        let name = RepositoryName::parse(&self.project.path).unwrap();
        let repository = self.delivery.git().repository(&name).unwrap();
        let at = self
            .commits
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let new = NewCommit {
            branch: branch.into(),
            message: message.into(),
            author: Signature {
                name: "Lin".into(),
                email: "lin@example.test".into(),
                at,
            },
            files: files
                .iter()
                .map(|(path, content)| CommitFile {
                    path: (*path).into(),
                    content: Some(content.as_bytes().to_vec()),
                    executable: false,
                })
                .collect(),
        };
        repository.commit_files(&new).await.unwrap()
    }

    /// Takes a move of a branch as the push of this person.
    pub async fn pushed_by(&self, who: &Actor, branch: &str, old: &str, new: &str) {
        let name = RepositoryName::parse(&self.project.path).unwrap();
        let folder = self
            .delivery
            .git()
            .repository(&name)
            .unwrap()
            .receipts_folder();
        let receipt = PushReceipt {
            push_id: format!("push-{new}"),
            pusher: Pusher {
                id: who.user_id.to_string(),
                login: who.login.clone(),
                name: who.name.clone(),
                email: who.email.clone(),
                auth: "token".into(),
            },
            changes: vec![RefChange {
                name: format!("refs/heads/{branch}"),
                old: old.into(),
                new: new.into(),
            }],
            options: vec![],
            received_at: rialto_platform_store::to_micros(rialto_platform_store::now()),
        };
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.json", receipt.push_id));
        std::fs::write(file, serde_json::to_vec(&receipt).unwrap()).unwrap();
        self.delivery.take_pushes(&self.project).await.unwrap();
    }

    /// Commits and lets the server take it; the newest pipeline afterwards.
    pub async fn push(&self, branch: &str, files: &[(&str, &str)]) -> PipelineView {
        self.commit(branch, files, "a change").await;
        self.delivery.take_pushes(&self.project).await.unwrap();
        self.newest().await
    }

    /// Pushes a configuration to `main`.
    pub async fn configure(&self, yaml: &str) -> PipelineView {
        self.push("main", &[(".gitlab-ci.yml", yaml)]).await
    }

    pub async fn newest(&self) -> PipelineView {
        let list = self
            .delivery
            .list_pipelines(&PipelineQuery::default())
            .await
            .unwrap();
        self.view(&list.items[0].id).await
    }

    pub async fn count(&self) -> usize {
        self.delivery
            .list_pipelines(&PipelineQuery::default())
            .await
            .unwrap()
            .items
            .len()
    }

    pub async fn view(&self, id: &str) -> PipelineView {
        self.delivery
            .pipeline_view(&id.parse::<PipelineId>().unwrap())
            .await
            .unwrap()
    }

    /// The newest attempt of a job.
    pub async fn job(&self, pipeline: &str, name: &str) -> JobView {
        let view = self.view(pipeline).await;
        let mut jobs = view.stages.into_iter().flat_map(|stage| stage.jobs);
        jobs.rfind(|job| job.name == name && !job.superseded)
            .unwrap()
    }

    pub async fn status(&self, pipeline: &str) -> Status {
        self.view(pipeline).await.summary.status
    }

    /// Waits until something holds; what is waited for is always the end of work in progress.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, test: impl Fn() -> F) {
        for _ in 0..400 {
            if test().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{what} did not happen within 10 s");
    }

    /// A runner's request for a job.
    pub async fn take(&self) -> Option<Work> {
        self.take_as("r1", &[], 0).await
    }

    pub async fn take_as(&self, name: &str, tags: &[&str], wait_s: u64) -> Option<Work> {
        self.take_holding(name, tags, wait_s, None).await
    }

    /// The same by a runner that tells what it holds.
    pub async fn take_holding(
        &self,
        name: &str,
        tags: &[&str],
        wait_s: u64,
        holding: Option<Holding>,
    ) -> Option<Work> {
        let ask = RunnerAsk {
            runner: RunnerHello {
                name: name.into(),
                tags: tags.iter().map(|t| (*t).to_owned()).collect(),
                version: "1".into(),
                executors: vec!["shell".into()],
            },
            wait_s,
            holding,
        };
        let assignment = self
            .delivery
            .request_job(&runner_actor(), &ask)
            .await
            .unwrap()?;
        Some(Work::new(assignment))
    }

    /// Takes a job and ends it well.
    pub async fn pass(&self) -> String {
        let work = self.take().await.expect("a job waits");
        work.finish(self, JobResult::Success).await.unwrap();
        work.assignment.job_name
    }

    /// Takes a job and ends it badly.
    pub async fn fail(&self) -> String {
        let work = self.take().await.expect("a job waits");
        work.log(self, "error: it does not work\n").await;
        work.finish(self, failed(FailureReason::ScriptFailure))
            .await
            .unwrap();
        work.assignment.job_name
    }
}

/// What a runner says of a script that failed.
pub const FAILED: &str = "the script ended with exit status 1";

pub fn failed(reason: FailureReason) -> JobResult {
    JobResult::Failed {
        reason,
        message: FAILED.into(),
    }
}

async fn open(db: &Db, settings: &DeliverySettings) -> Delivery {
    let key = SigningKey::from_bytes(&[7; 32]);
    let evidence = EvidenceLog::open(db, key).await.unwrap();
    Delivery::open(db.clone(), evidence, settings.clone())
        .await
        .unwrap()
}

/// A job in the hands of a runner.
pub struct Work {
    pub assignment: Assignment,
    pub id: JobId,
    files: std::sync::Mutex<Vec<OutcomeFile>>,
    sent: std::sync::atomic::AtomicU64,
}

impl Work {
    fn new(assignment: Assignment) -> Self {
        let id = assignment.job_id.parse().unwrap();
        Self {
            assignment,
            id,
            files: std::sync::Mutex::default(),
            sent: 0.into(),
        }
    }

    pub fn variable(&self, key: &str) -> Option<&JobVariable> {
        self.assignment.variables.iter().find(|v| v.key == key)
    }

    pub fn value(&self, key: &str) -> Option<&str> {
        self.variable(key).map(|v| v.value.as_str())
    }

    pub async fn log(&self, world: &World, text: &str) -> Status {
        use std::sync::atomic::Ordering::Relaxed;
        let from = self.sent.load(Relaxed);
        let lease = &self.assignment.lease;
        let bytes = text.as_bytes().to_vec();
        let answer = world
            .delivery
            .append_trace(&self.id, lease, from, bytes)
            .await
            .unwrap();
        self.sent.store(answer.accepted_bytes, Relaxed);
        answer.job_status
    }

    pub async fn upload(
        &self,
        world: &World,
        kind: &str,
        name: &str,
        content: &[u8],
    ) -> Result<(), DeliveryError> {
        let sha256 = hex::encode(Sha256::digest(content));
        let upload = Upload {
            kind: kind.into(),
            name: name.into(),
            sha256: sha256.clone(),
        };
        let body = futures::stream::iter(vec![Ok(Bytes::copy_from_slice(content))]);
        world
            .delivery
            .upload_file(&self.id, &self.assignment.lease, &upload, body)
            .await?;
        self.files.lock().unwrap().push(OutcomeFile {
            kind: kind.into(),
            name: name.into(),
            path: String::new(),
            sha256,
            size: content.len() as u64,
        });
        Ok(())
    }

    pub fn outcome(&self, result: JobResult) -> JobOutcome {
        let exit_code = match result {
            JobResult::Failed { .. } => Some(1),
            _ => Some(0),
        };
        JobOutcome {
            result,
            exit_code,
            log_bytes: self.sent.load(std::sync::atomic::Ordering::Relaxed),
            coverage: None,
            files: self.files.lock().unwrap().clone(),
            dotenv: Vec::new(),
            isolation: vec!["process_group".into()],
            notes: Vec::new(),
        }
    }

    pub async fn finish(&self, world: &World, result: JobResult) -> Result<Status, DeliveryError> {
        let outcome = self.outcome(result);
        world
            .delivery
            .finish_leased(&self.id, &self.assignment.lease, outcome)
            .await
    }
}

/// A small zip archive.
pub fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

impl World {
    /// Ends a job in hand well.
    pub async fn pass_work(&self, work: &Work) {
        work.finish(self, JobResult::Success).await.unwrap();
    }
}
