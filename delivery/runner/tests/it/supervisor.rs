//! The supervisor process by itself: spool, cancel, exclusiveness.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rialto_delivery_run::assignment::{Assignment, JobOutcome, JobResult, Source};
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_runner::supervisor::{self, SupervisorId, SupervisorSettings};

use crate::world::{assignment, eventually, failed, is_alive, pid_in};

/// The supervisor program of these tests: this very binary, running the entry below.
pub fn program() -> Vec<OsString> {
    entry("supervisor::job_supervisor_entry")
}

/// The cage program of these tests, in the same way.
pub fn cage() -> Vec<OsString> {
    entry("supervisor::job_cage_entry")
}

fn entry(name: &str) -> Vec<OsString> {
    let mut words = vec![std::env::current_exe().unwrap().into_os_string()];
    words.extend(["--ignored", "--nocapture", "--exact", name].map(OsString::from));
    words
}

#[test]
#[ignore = "the body of the supervisor processes that other tests start"]
fn job_supervisor_entry() {
    let dir = PathBuf::from(std::env::args_os().next_back().unwrap());
    supervisor::supervise(&dir).unwrap();
}

#[test]
#[ignore = "the body of the cage processes that other tests start"]
fn job_cage_entry() {
    rialto_delivery_runner::cage::serve().unwrap();
}

struct Spool {
    world: tempfile::TempDir,
    dir: PathBuf,
}

impl Drop for Spool {
    /// A failed test leaves no job behind.
    fn drop(&mut self) {
        let outcome = self.dir.join("outcome.json");
        if self.dir.join("pid").exists() && !outcome.exists() {
            std::fs::write(self.dir.join("cancel"), "").unwrap();
            eventually(|| outcome.exists());
        }
    }
}

impl Spool {
    fn new(script: &[&str]) -> Self {
        let world = tempfile::tempdir().unwrap();
        let dir = world.path().join("job");
        let project = world.path().join("project");
        std::fs::create_dir(&dir).unwrap();
        std::fs::create_dir(&project).unwrap();
        let source = Source::WorkingCopy {
            path: project.to_string_lossy().into_owned(),
        };
        let spool = Self { world, dir };
        spool.write(&assignment(script, source));
        spool
    }

    fn write(&self, assignment: &Assignment) {
        supervisor::write_json(&self.dir.join("assignment.json"), assignment).unwrap();
        let mut settings = SupervisorSettings::new(self.world.path());
        settings.grace_ms = 300;
        supervisor::write_json(&self.dir.join("settings.json"), &settings).unwrap();
    }

    fn project(&self) -> PathBuf {
        self.world.path().join("project")
    }

    fn command(&self) -> Command {
        let words = program();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    }

    fn start(&self) -> Child {
        self.command().spawn().unwrap()
    }

    fn id(&self) -> SupervisorId {
        assert!(eventually(|| self.dir.join("pid").exists()));
        supervisor::read_json(&self.dir.join("pid")).unwrap()
    }

    fn outcome(&self) -> JobOutcome {
        assert!(
            eventually(|| self.dir.join("outcome.json").exists()),
            "{}",
            self.log()
        );
        supervisor::read_json(&self.dir.join("outcome.json")).unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    fn wait_for(&self, file: &str) {
        let path = self.project().join(file);
        assert!(eventually(|| path.exists()), "{file}: {}", self.log());
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_job_is_spooled_with_its_log_and_outcome() {
    let spool = Spool::new(&["echo hello"]);
    assert!(spool.start().wait().unwrap().success());
    let outcome = spool.outcome();
    assert_eq!(outcome.result, JobResult::Success);
    assert_eq!(
        outcome.log_bytes,
        std::fs::metadata(spool.dir.join("log")).unwrap().len()
    );
    assert!(
        !spool.dir.join("settings.json").exists(),
        "the token stayed on disk"
    );
    assert_eq!(mode(&spool.dir.join("assignment.json")), 0o600);
}

#[test]
fn a_supervisor_survives_the_kill_of_its_parent() {
    let spool = Spool::new(&["touch started; sleep 1; echo over"]);
    let words = program();
    let mut parent = Command::new("bash")
        .args(["-c", "\"$@\" & wait", "parent"])
        .args(&words)
        .arg(&spool.dir)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    spool.wait_for("started");
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(spool.outcome().result, JobResult::Success);
    assert!(spool.log().contains("\nover\n"));
}

#[test]
fn an_orphan_without_any_mark_does_not_escape() {
    // It leaves session and group, loses its parent at once and carries no environment.
    let spool = Spool::new(&[
        "(setsid env -i /bin/bash -c 'echo $$ > o.tmp; mv o.tmp orphan; sleep 331; true' \
          > /dev/null 2>&1 < /dev/null &)",
        "until [ -e orphan ]; do sleep 0.01; done",
    ]);
    let mut child = spool.start();
    let outcome = spool.outcome();
    assert!(child.wait().unwrap().success());
    assert_eq!(outcome.result, JobResult::Success);
    assert!(outcome.isolation.contains(&"process_tree_gone".to_owned()));
    assert!(!is_alive(pid_in(&spool.project().join("orphan"))));
}

#[test]
fn a_file_cancels_the_job() {
    let spool = Spool::new(&["touch started; sleep 300"]);
    let mut child = spool.start();
    spool.wait_for("started");
    std::fs::write(spool.dir.join("cancel"), "").unwrap();
    assert_eq!(spool.outcome().result, JobResult::Canceled);
    child.wait().unwrap();
}

#[test]
fn a_signal_cancels_the_job() {
    let spool = Spool::new(&["touch started; sleep 300"]);
    let mut child = spool.start();
    spool.wait_for("started");
    let pid = nix::unistd::Pid::from_raw(spool.id().pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(spool.outcome().result, JobResult::Canceled);
    child.wait().unwrap();
}

#[test]
fn a_job_is_never_run_twice() {
    let spool = Spool::new(&["echo x >> runs; touch started; sleep 0.5"]);
    let mut first = spool.start();
    spool.wait_for("started");
    assert!(
        !spool.start().wait().unwrap().success(),
        "a second supervisor took a running job"
    );
    first.wait().unwrap();
    spool.outcome();
    assert!(spool.start().wait().unwrap().success());
    assert_eq!(
        std::fs::read_to_string(spool.project().join("runs")).unwrap(),
        "x\n"
    );
}

#[test]
fn a_killed_supervisor_is_a_failed_job_without_left_processes() {
    let spool = Spool::new(&["sleep 332 & echo $! > pid; touch started; wait"]);
    let mut child = spool.start();
    spool.wait_for("started");
    assert!(
        supervisor::outcome(&spool.dir, false).unwrap().is_none(),
        "it is still alive"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        is_alive(pid_in(&spool.project().join("pid"))),
        "the test's premise"
    );
    let outcome = supervisor::outcome(&spool.dir, false)
        .unwrap()
        .expect("an outcome");
    let message = failed(&outcome, FailureReason::RunnerSystemFailure);
    assert!(message.contains("not run again by itself"), "{message}");
    assert!(!is_alive(pid_in(&spool.project().join("pid"))));
    // Even a late supervisor finds the end and runs nothing.
    std::fs::remove_file(spool.project().join("started")).unwrap();
    assert!(spool.start().wait().unwrap().success());
    assert!(!spool.project().join("started").exists());
}

#[test]
fn a_job_whose_spool_is_removed_ends() {
    let spool = Spool::new(&["echo $$ > new; mv new pid; sleep 1000"]);
    let mut child = spool.start();
    spool.wait_for("pid");
    let job = pid_in(&spool.project().join("pid"));
    std::fs::remove_dir_all(&spool.dir).unwrap();
    assert!(!child.wait().unwrap().success(), "its outcome has no place");
    assert!(!is_alive(job), "the job goes on");
}

#[test]
fn a_bomb_whose_every_process_leaves_its_group_loses() {
    // Bounded: it grows for seven rounds, and what is left then ends by itself.
    let bomb = "#!/bin/bash\n[ $1 -lt 7 ] || exec sleep 20\nsleep 0.05\n\
                setsid env -i /bin/bash bomb $(($1+1)) &\nsetsid env -i /bin/bash bomb $(($1+1)) &\n";
    let spool = Spool::new(&[
        &format!("cat > bomb <<'END'\n{bomb}END"),
        "bash bomb 0 & sleep 300",
    ]);
    let mut assignment: Assignment =
        supervisor::read_json(&spool.dir.join("assignment.json")).unwrap();
    assignment.limits.processes = Some(40);
    supervisor::write_json(&spool.dir.join("assignment.json"), &assignment).unwrap();
    let mut child = spool.start();
    let outcome = spool.outcome();
    child.wait().unwrap();
    failed(&outcome, FailureReason::ResourceLimitExceeded);
    assert!(
        outcome.isolation.contains(&"process_tree_gone".to_owned()),
        "{outcome:?}"
    );
}
