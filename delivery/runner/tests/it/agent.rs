//! The agent against a server: nothing lost, nothing doubled, whoever dies.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rialto_delivery_pipeline::plan::{Artifacts, Reports};
use rialto_delivery_run::assignment::{ArtifactSource, Assignment, JobResult, Source};
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_runner::agent::{Agent, AgentConfig};
use rialto_delivery_runner::archive::{Packing, pack};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::peer::{Peer, TOKEN};
use crate::supervisor::{cage, program};
use crate::world::{assignment, eventually, failed, is_alive, pid_in};

#[derive(Serialize, Deserialize)]
struct Entry {
    server: String,
    work_dir: PathBuf,
}

fn config(server: &str, work_dir: &Path) -> AgentConfig {
    let mut config = AgentConfig::new(server, TOKEN, work_dir).unwrap();
    config.supervisor = program();
    config.isolation.cage = cage();
    config.grace = Duration::from_millis(300);
    config.renew_every = Duration::from_millis(100);
    config.wait_s = 2;
    config
}

#[test]
#[ignore = "the body of the agent processes that other tests start and kill"]
fn agent_entry() {
    let file = std::env::args_os().next_back().unwrap();
    let entry: Entry = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let agent = Agent::new(config(&entry.server, &entry.work_dir)).unwrap();
    runtime.block_on(agent.run(std::future::pending()));
}

struct World {
    dir: tempfile::TempDir,
    peer: Peer,
}

/// An agent in this process, stopped when dropped.
struct Running {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("project")).unwrap();
        Self {
            dir,
            peer: Peer::start(),
        }
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    fn job(&self, script: &[&str]) -> Assignment {
        let path = self.project().to_string_lossy().into_owned();
        assignment(script, Source::WorkingCopy { path })
    }

    fn work_dir(&self) -> PathBuf {
        self.dir.path().join("runner")
    }

    fn agent(&self) -> Running {
        self.agent_with(|_| ())
    }

    fn agent_with(&self, change: impl FnOnce(&mut AgentConfig)) -> Running {
        let mut config = config(&self.peer.address, &self.work_dir());
        change(&mut config);
        let agent = Agent::new(config).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(agent.run(async {
                let _ = stopped.await;
            }));
        });
        Running {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// An agent in a process of its own, to be killed.
    fn agent_process(&self) -> Child {
        let file = self.dir.path().join("entry.json");
        let entry = Entry {
            server: self.peer.address.clone(),
            work_dir: self.work_dir(),
        };
        std::fs::write(&file, serde_json::to_vec(&entry).unwrap()).unwrap();
        Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--nocapture", "--exact", "agent::agent_entry"])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait_for(&self, file: &str) {
        let path = self.project().join(file);
        assert!(
            eventually(|| path.exists()),
            "{file} never came; log: {}",
            self.peer.log()
        );
    }

    fn wait_for_end(&self) -> rialto_delivery_run::assignment::JobOutcome {
        assert!(
            eventually(|| self.peer.outcome().is_some()),
            "log: {}",
            self.peer.log()
        );
        self.peer.outcome().unwrap()
    }

    fn spools(&self) -> usize {
        std::fs::read_dir(self.work_dir().join("jobs"))
            .unwrap()
            .count()
    }
}

#[test]
fn a_job_is_taken_run_and_reported_once() {
    let world = World::new();
    let mut job = world.job(&["echo hello", "echo x > a.txt; echo '<testsuite/>' > r.xml"]);
    job.artifacts = Some(Artifacts {
        paths: vec!["a.txt".to_owned()],
        reports: Reports {
            junit: vec!["r.xml".to_owned()],
            ..Reports::default()
        },
        ..Artifacts::default()
    });
    let agent = world.agent();
    world.peer.offer(job);
    let outcome = world.wait_for_end();
    assert_eq!(outcome.result, JobResult::Success);
    assert!(eventually(|| world.spools() == 0), "the spool stayed");
    drop(agent);
    let known = world.peer.known.lock().unwrap();
    assert_eq!(known.reports, 1);
    assert_eq!(known.log.len() as u64, outcome.log_bytes);
    assert!(String::from_utf8_lossy(&known.log).contains("\nhello\n"));
    let kinds: Vec<&str> = known
        .files
        .iter()
        .map(|(kind, _, _)| kind.as_str())
        .collect();
    assert_eq!(kinds, ["junit", "archive", "manifest"]);
}

#[test]
fn a_job_reads_its_runners_tags_as_a_json_list() {
    let world = World::new();
    let _agent = world.agent_with(|config| {
        config.tags = vec!["linux".to_owned(), "build \"big\"".to_owned()];
    });
    world.peer.offer(world.job(&["echo tags=$CI_RUNNER_TAGS"]));
    assert_eq!(world.wait_for_end().result, JobResult::Success);
    let log = world.peer.log();
    assert!(log.contains(r#"tags=["linux","build \"big\""]"#), "{log}");
}

#[test]
fn the_first_log_byte_comes_while_the_job_runs() {
    let world = World::new();
    let _agent = world.agent();
    world
        .peer
        .offer(world.job(&["until [ -e seen ]; do sleep 0.05; done"]));
    let come = || world.peer.known.lock().unwrap().first_byte.is_some();
    assert!(eventually(come), "no byte came while the job ran");
    std::fs::write(world.project().join("seen"), "").unwrap();
    assert_eq!(world.wait_for_end().result, JobResult::Success);
}

#[test]
fn a_killed_agent_loses_and_doubles_nothing() {
    let world = World::new();
    world.peer.offer(world.job(&[
        "echo run >> runs",
        "for i in $(seq 40); do echo line $i; sleep 0.03; [ $i != 10 ] || touch tenth; done",
    ]));
    let mut first = world.agent_process();
    world.wait_for("tenth");
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(
        world.peer.outcome().is_none(),
        "the test's premise: killed in mid-job"
    );
    let _second = world.agent();
    let outcome = world.wait_for_end();
    assert_eq!(outcome.result, JobResult::Success);
    assert_eq!(
        std::fs::read_to_string(world.project().join("runs")).unwrap(),
        "run\n"
    );
    let log = world.peer.log();
    let lines: Vec<&str> = log.lines().filter(|l| l.starts_with("line ")).collect();
    let expected: Vec<String> = (1..=40).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected);
    assert_eq!(log.len() as u64, outcome.log_bytes);
    assert!(eventually(|| world.spools() == 0));
    assert_eq!(world.peer.known.lock().unwrap().reports, 1);
}

#[test]
fn the_server_hears_which_jobs_a_work_directory_holds() {
    let world = World::new();
    // What an agent leaves that is killed before it has kept its job.
    let unfinished = world.work_dir().join("jobs/lost-0000");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("slot"), "0").unwrap();
    let job = world.job(&["touch started; while [ ! -e go ]; do sleep 0.01; done"]);
    let id = job.job_id.clone();
    world.peer.offer(job);
    let mut first = world.agent_process();
    world.wait_for("started");
    let held = || world.peer.known.lock().unwrap().held.clone();
    let own = vec![id];
    assert!(eventually(|| held()
        .last()
        .is_some_and(|(_, jobs)| *jobs == own)));
    let (instance, before) = held()[0].clone();
    assert_eq!(before, [""; 0], "the unfinished one was never begun");
    first.kill().unwrap();
    first.wait().unwrap();
    let asked = held().len();
    let _second = world.agent();
    assert!(eventually(|| held().len() > asked));
    assert_eq!(
        held()[asked],
        (instance, own),
        "the same directory, the same job"
    );
    std::fs::write(world.project().join("go"), "").unwrap();
    world.wait_for_end();
    assert!(eventually(|| held()
        .last()
        .is_some_and(|(_, jobs)| jobs.is_empty())));
}

#[test]
fn a_job_that_ended_while_no_agent_was_there_is_reported_by_the_next() {
    let world = World::new();
    world
        .peer
        .offer(world.job(&["touch started; sleep 0.3; touch over"]));
    let mut first = world.agent_process();
    world.wait_for("started");
    first.kill().unwrap();
    first.wait().unwrap();
    world.wait_for("over");
    let _second = world.agent();
    assert_eq!(world.wait_for_end().result, JobResult::Success);
}

#[test]
fn a_killed_supervisor_is_reported_as_a_system_failure_and_never_rerun() {
    let world = World::new();
    world
        .peer
        .offer(world.job(&["echo run >> runs; echo $$ > pid; touch started; sleep 341"]));
    let _agent = world.agent();
    world.wait_for("started");
    let spool = std::fs::read_dir(world.work_dir().join("jobs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let id: rialto_delivery_runner::supervisor::SupervisorId =
        rialto_delivery_runner::supervisor::read_json(&spool.path().join("pid")).unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(id.pid),
        nix::sys::signal::SIGKILL,
    )
    .unwrap();
    failed(&world.wait_for_end(), FailureReason::RunnerSystemFailure);
    assert_eq!(
        std::fs::read_to_string(world.project().join("runs")).unwrap(),
        "run\n"
    );
    assert!(!is_alive(pid_in(&world.project().join("pid"))));
}

#[test]
fn a_server_that_is_away_loses_nothing() {
    let world = World::new();
    world
        .peer
        .offer(world.job(&["touch started; sleep 0.2; seq 1000; touch over"]));
    let _agent = world.agent();
    world.wait_for("started");
    world.peer.known.lock().unwrap().away = true;
    world.wait_for("over");
    std::thread::sleep(Duration::from_millis(400));
    assert!(world.peer.outcome().is_none());
    world.peer.known.lock().unwrap().away = false;
    let outcome = world.wait_for_end();
    assert_eq!(outcome.result, JobResult::Success);
    assert_eq!(world.peer.log().len() as u64, outcome.log_bytes);
    assert!(world.peer.log().contains("\n999\n1000\n"));
}

#[test]
fn a_cancel_at_the_server_stops_the_job() {
    let world = World::new();
    world.peer.offer(world.job(&["touch started; sleep 342"]));
    let _agent = world.agent();
    world.wait_for("started");
    world.peer.known.lock().unwrap().canceling = true;
    assert_eq!(world.wait_for_end().result, JobResult::Canceled);
}

/// Waits until a renewal of the lease is under way.
fn wait_for_renewal(world: &World) {
    let asked = || world.peer.known.lock().unwrap().renewals > 0;
    assert!(eventually(asked), "no renewal came");
}

#[test]
fn a_cancel_reaches_a_silent_job_before_the_next_renewal() {
    let world = World::new();
    world.peer.offer(world.job(&["touch started; sleep 344"]));
    let _agent = world.agent_with(|config| config.renew_every = Duration::from_secs(3600));
    world.wait_for("started");
    wait_for_renewal(&world);
    world.peer.known.lock().unwrap().canceling = true;
    assert_eq!(world.wait_for_end().result, JobResult::Canceled);
    let renewals = world.peer.known.lock().unwrap().renewals;
    assert_eq!(renewals, 1, "the one that waited brought the news");
}

#[test]
fn a_cancel_while_the_server_is_away_is_heard_when_it_is_back() {
    let world = World::new();
    world.peer.offer(world.job(&["touch started; sleep 345"]));
    let _agent = world.agent_with(|config| config.renew_every = Duration::from_secs(3600));
    world.wait_for("started");
    wait_for_renewal(&world);
    world.peer.known.lock().unwrap().away = true;
    let again = || world.peer.known.lock().unwrap().renewals > 1;
    assert!(eventually(again), "a broken-off renewal was not repeated");
    {
        let mut known = world.peer.known.lock().unwrap();
        known.canceling = true;
        known.away = false;
    }
    assert_eq!(world.wait_for_end().result, JobResult::Canceled);
}

#[test]
fn a_stale_lease_ends_the_job_without_a_report() {
    let world = World::new();
    world
        .peer
        .offer(world.job(&["echo $$ > pid; touch started; sleep 343"]));
    let _agent = world.agent();
    world.wait_for("started");
    world.peer.known.lock().unwrap().stale = true;
    assert!(
        eventually(|| world.spools() == 0),
        "the job of a stale lease is still there"
    );
    assert!(!is_alive(pid_in(&world.project().join("pid"))));
    assert_eq!(world.peer.known.lock().unwrap().reports, 0);
}

#[test]
fn the_lease_is_renewed_while_the_job_is_silent() {
    let world = World::new();
    world.peer.offer(world.job(&["sleep 1"]));
    let _agent = world.agent();
    world.wait_for_end();
    assert!(world.peer.known.lock().unwrap().renewals >= 3);
}

#[test]
fn success_without_its_artifacts_is_no_success() {
    let world = World::new();
    world.peer.known.lock().unwrap().refuse_files = true;
    let mut job = world.job(&["echo x > a.txt"]);
    job.artifacts = Some(Artifacts {
        paths: vec!["a.txt".to_owned()],
        ..Artifacts::default()
    });
    world.peer.offer(job);
    let _agent = world.agent();
    let outcome = world.wait_for_end();
    let message = failed(&outcome, FailureReason::DataIntegrityFailure);
    assert!(message.contains("digest differs"), "{message}");
}

#[test]
fn artifacts_of_other_jobs_are_fetched_with_the_lease() {
    let world = World::new();
    let archive = world.dir.path().join("a.zip");
    std::fs::write(world.dir.path().join("f"), "from build").unwrap();
    let packed = pack(
        world.dir.path(),
        &["f".into()],
        &archive,
        &Packing::within(1 << 20),
    )
    .unwrap();
    world.peer.known.lock().unwrap().artifact = std::fs::read(&archive).unwrap();
    let mut job = world.job(&["cat f; echo"]);
    job.dependencies = vec![ArtifactSource {
        job_name: "build".to_owned(),
        location: format!("{}/api/delivery/v1/runner/artifacts/7", world.peer.address),
        sha256: packed.sha256,
        size: packed.size,
    }];
    world.peer.offer(job);
    let _agent = world.agent();
    let outcome = world.wait_for_end();
    assert_eq!(outcome.result, JobResult::Success, "{}", world.peer.log());
    assert!(world.peer.log().contains("\nfrom build\n"));
}

#[test]
fn slots_bound_the_jobs_at_once() {
    let world = World::new();
    for n in 0..3 {
        let mut job = world.job(&[&format!(
            "touch run-{n}; sleep 0.4; echo $(ls run-* | wc -l) > seen{n}; rm run-{n}"
        )]);
        job.job_id = format!("j{n}");
        world.peer.offer(job);
    }
    let _agent = world.agent();
    assert!(eventually(|| world.peer.known.lock().unwrap().reports == 3));
    for n in 0..3 {
        let seen = std::fs::read_to_string(world.project().join(format!("seen{n}"))).unwrap();
        assert!(seen.trim().parse::<u32>().unwrap() <= 2, "{seen}");
    }
}

#[test]
fn two_agents_do_not_share_a_directory() {
    let world = World::new();
    let _first = world.agent();
    let error = Agent::new(config(&world.peer.address, &world.work_dir())).unwrap_err();
    assert!(
        error.to_string().contains("used by another runner"),
        "{error}"
    );
}
