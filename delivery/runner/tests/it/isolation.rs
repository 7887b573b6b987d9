//! An isolated job reaches neither the server's files nor its processes, and builds all the same.
//! The supervisor and the cage are real processes; so is the server's stand-in.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rialto_delivery_pipeline::plan::Artifacts;
use rialto_delivery_run::assignment::{Assignment, JobOutcome, JobResult, Source};
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_runner::isolation::{Isolation, IsolationMode};
use rialto_delivery_runner::supervisor::{self, SupervisorSettings};

use crate::supervisor::{cage, program};
use crate::world::{assignment, eventually, failed, git, is_alive};

/// A server's data folder with the runner's folder inside, as `rialto up` has it, and a process
/// that stands for the server.
struct House {
    dir: tempfile::TempDir,
    server: Child,
    isolation: Isolation,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        for folder in ["secrets", "repositories/other.git", "runner"] {
            std::fs::create_dir_all(data.join(folder)).unwrap();
        }
        std::fs::write(data.join("secrets/evidence.pem"), "THE-SIGNING-KEY").unwrap();
        std::fs::write(data.join("rialto.db"), "rows").unwrap();
        let server = Command::new("sleep")
            .arg("300")
            .env("SECRET_OF_THE_SERVER", "hunter2")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut isolation = Isolation::new(vec![data]).unwrap();
        isolation.cage = cage();
        Self {
            dir,
            server,
            isolation,
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn project(&self) -> PathBuf {
        self.data().join("runner/builds/0/sample/quote")
    }

    /// A job in a folder of the runner's, without git.
    fn job(&self, script: &[&str]) -> Assignment {
        let path = self.project();
        std::fs::create_dir_all(&path).unwrap();
        let path = path.to_string_lossy().into_owned();
        self.filled(assignment(script, Source::WorkingCopy { path }))
    }

    /// `DATA`, `SERVER` and the like in scripts are the house's.
    fn filled(&self, mut assignment: Assignment) -> Assignment {
        let server = self.server.id().to_string();
        for script in [&mut assignment.script, &mut assignment.after_script] {
            for line in script {
                *line = line
                    .replace("DATA", &self.data().to_string_lossy())
                    .replace("SERVER", &server);
            }
        }
        assignment
    }

    fn run(&self, assignment: &Assignment) -> (JobOutcome, String) {
        let spool = self.data().join("runner/jobs/1");
        std::fs::create_dir_all(&spool).unwrap();
        let mut settings = SupervisorSettings::new(&self.data().join("runner"));
        settings.grace_ms = 300;
        settings.path = std::env::var("PATH").unwrap();
        settings.isolation = Some(self.isolation.clone());
        supervisor::write_json(&spool.join("settings.json"), &settings).unwrap();
        supervisor::write_json(&spool.join("assignment.json"), assignment).unwrap();
        let words = program();
        let ended = Command::new(&words[0])
            .args(&words[1..])
            .arg(&spool)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        let log = std::fs::read_to_string(spool.join("log")).unwrap_or_default();
        assert!(ended.success(), "{log}");
        let outcome = supervisor::read_json(&spool.join("outcome.json")).unwrap();
        (outcome, log)
    }

    fn succeeds(&self, script: &[&str]) -> String {
        let (outcome, log) = self.run(&self.job(script));
        assert_eq!(outcome.result, JobResult::Success, "{log}");
        log
    }
}

/// Shell words that fail when the command succeeds.
fn refused(command: &str) -> String {
    format!("if {command}; then echo 'REACHED: {command}' | tr a-z A-Z; exit 1; fi")
}

/// The shell's parent is the cage. Here it has a thread of the test harness, which the job cannot
/// signal, beside its own.
fn signal_cage(signal: &str) -> String {
    format!("for task in /proc/$PPID/task/*; do kill -{signal} ${{task##*/}} || true; done")
}

#[test]
fn a_job_reaches_no_file_of_the_server() {
    let house = House::new();
    let tries = [
        "cat DATA/secrets/evidence.pem",
        "ls DATA",
        "ls DATA/runner/jobs",
        "ls DATA/runner/builds",
        "echo x >> DATA/rialto.db",
        "truncate -s 0 DATA/rialto.db",
        "rm DATA/rialto.db",
        "mv DATA/rialto.db .",
        "ln DATA/rialto.db db",
        "touch DATA/secrets/new",
        "mkdir DATA/new",
        "cp DATA/secrets/evidence.pem .",
        "(ln -s DATA/secrets link && cat link/evidence.pem)",
        "cat ../../../../../secrets/evidence.pem",
        "cat /proc/self/root/DATA/secrets/evidence.pem",
        "mount --bind DATA/secrets .",
    ];
    let script: Vec<String> = tries.iter().map(|t| refused(t)).collect();
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let log = house.succeeds(&script);
    assert!(!log.contains("THE-SIGNING-KEY"), "{log}");
    let kept = std::fs::read_to_string(house.data().join("rialto.db")).unwrap();
    assert_eq!(kept, "rows");
}

#[test]
fn a_job_writes_nothing_outside_of_its_own_folders() {
    let house = House::new();
    let outside = house.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let program = outside.join("rialto");
    std::fs::write(&program, "the program of the server").unwrap();
    let name = format!("rialto-test-{}", std::process::id());
    let tries = [
        "mv PROGRAM aside",
        "ln PROGRAM aside",
        "rm -f PROGRAM",
        "echo x >> PROGRAM",
        "(echo x > new && mv new PROGRAM)",
        "touch OUTSIDE/NAME",
        "touch /usr/local/bin/NAME",
        "touch /etc/NAME",
        "touch ~root/NAME",
        "touch /dev/NAME",
        "touch /dev/mqueue/NAME",
        "cp /proc/sys/kernel/core_pattern pattern && cp pattern /proc/sys/kernel/core_pattern",
    ];
    // The job may have folders of its own there; the machine's must not change.
    let shared = ["/var/tmp", "/dev/shm"];
    let mut script: Vec<String> = tries.iter().map(|t| refused(t)).collect();
    script.extend(shared.map(|folder| format!("echo x > {folder}/NAME || true")));
    let script: Vec<String> = script
        .iter()
        .map(|line| {
            line.replace("PROGRAM", &program.to_string_lossy())
                .replace("OUTSIDE", &outside.to_string_lossy())
                .replace("NAME", &name)
        })
        .collect();
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    house.succeeds(&script);
    let kept = std::fs::read_to_string(&program).unwrap();
    assert_eq!(kept, "the program of the server");
    for folder in shared {
        assert!(!Path::new(folder).join(&name).exists(), "{folder}");
    }
}

#[test]
fn shared_folders_are_the_jobs_own_where_its_runner_may_mount() {
    let house = House::new();
    let (outcome, log) = house.run(
        &house.job(&["if echo x > /dev/shm/mine; then ls $TMPDIR /var/tmp; rm /var/tmp/mine; fi"]),
    );
    assert_eq!(outcome.result, JobResult::Success, "{log}");
    // Those below `/tmp`, where this house is, cannot be covered.
    let private = outcome.isolation.contains(&"private_folders_2".to_owned());
    assert_eq!(log.matches("mine\n").count() >= 2, private, "{log}");
    assert!(private || !nix::unistd::geteuid().is_root(), "{outcome:?}");
}

#[test]
fn a_job_of_root_changes_no_owner_mode_or_time_of_what_is_not_its_own() {
    let house = House::new();
    let outside = house.dir.path().join("outside");
    std::fs::write(&outside, "x").unwrap();
    let secrets = house.data().join("secrets");
    let before = std::fs::metadata(&secrets).unwrap();
    let tries = [
        "chmod 777 DATA/secrets",
        "touch -d 2001-01-01 DATA/secrets",
        "touch -d 2001-01-01 OUTSIDE",
        "chmod 777 OUTSIDE",
        "chown 1:1 OUTSIDE",
        "chmod 777 /usr/bin/env",
        "chown 1 /etc/hostname",
    ];
    let script: Vec<String> = tries
        .iter()
        .map(|t| refused(&t.replace("OUTSIDE", &outside.to_string_lossy())))
        .collect();
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let (outcome, log) = house.run(&house.job(&script));
    let told = |entry: &str| outcome.isolation.iter().any(|word| word == entry);
    if nix::unistd::geteuid().is_root() && told("elsewhere_read_only") {
        assert_eq!(outcome.result, JobResult::Success, "{log}");
        let after = std::fs::metadata(&secrets).unwrap();
        assert_eq!(before.permissions(), after.permissions());
        assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    } else {
        // Its owner is the runner's user, and nothing can be mounted.
        assert!(!told("elsewhere_read_only"), "{outcome:?}");
    }
}

#[test]
fn a_job_has_no_power_of_root_that_no_build_needs() {
    let house = House::new();
    let tries = [
        "date -s 2001-01-01",
        "hostname elsewhere",
        "ip link set lo down",
        "dmesg --clear",
        "chattr +i .",
        "mknod disk b 254 0",
        "chroot / true",
        "python3 -c \"import os; os.nice(-5)\"",
        "setpriv --reuid 1 --clear-groups true",
        "python3 -c \"import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\"",
    ];
    let mut script: Vec<String> = tries.iter().map(|t| refused(t)).collect();
    // CHOWN, DAC_OVERRIDE, FOWNER and FSETID, by their numbers.
    script.push("test $((0x$(grep CapBnd /proc/self/status | cut -f2) & ~0x1b)) -eq 0 || test $(id -u) -ne 0".to_owned());
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    house.succeeds(&script);
}

#[test]
fn tools_that_set_owners_work_as_root() {
    let house = House::new();
    let archive = house.dir.path().join("foreign.tar");
    let folder = house.dir.path().join("foreign");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("file"), "from elsewhere").unwrap();
    let packed = Command::new("tar")
        .args(["--owner=1234", "--group=1234", "--mode=u+s", "-cf"])
        .arg(&archive)
        .args(["-C", &folder.to_string_lossy(), "file"])
        .status();
    assert!(packed.unwrap().success());
    let (outcome, log) = house.run(&house.job(&[
        &format!("tar -xf {}", archive.display()),
        "cat file && chmod 600 file && touch -d 2001-01-01 file",
        "if command -v npm; then mkdir dep app; echo '{\"name\":\"dep\",\"version\":\"1.0.0\"}' > dep/package.json",
        "tarball=$(cd dep && npm pack --silent) && cd app && npm init --yes > /dev/null",
        "npm install --offline --no-audit ../dep/$tarball && test -e node_modules/dep; fi",
        "command -v pip3 && pip3 --version; git --version",
    ]));
    let may_mount = outcome
        .isolation
        .contains(&"elsewhere_read_only".to_owned());
    // Else `tar` may not set owners, and says so; the rest is not reached.
    assert_eq!(
        outcome.result == JobResult::Success,
        may_mount || !nix::unistd::geteuid().is_root(),
        "{log}"
    );
    assert!(log.contains("from elsewhere") || !may_mount, "{log}");
}

#[test]
fn a_job_inherits_no_open_file() {
    let mut house = House::new();
    let mut words: Vec<std::ffi::OsString> = ["sh", "-c", "exec 9</etc/passwd; exec \"$@\"", "sh"]
        .map(Into::into)
        .to_vec();
    words.append(&mut house.isolation.cage);
    house.isolation.cage = words;
    let log = house.succeeds(&[
        &refused("read line <&9"),
        "for file in /proc/$$/fd/*; do echo open ${file##*/}; done",
    ]);
    assert!(log.contains("open 2") && !log.contains("open 9"), "{log}");
}

#[test]
fn a_named_folder_is_open_but_for_what_is_hidden_in_it() {
    let mut house = House::new();
    let cache = house.dir.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    let tries = ["touch DATA/secrets/new", "cat DATA/secrets/evidence.pem"];
    let mut script: Vec<String> = tries.iter().map(|t| refused(t)).collect();
    script.push(format!("echo kept > {}/file", cache.display()));
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    // The folder around the server's data: hiding wins.
    house.isolation.writable = vec![house.dir.path().to_path_buf()];
    house.succeeds(&script);
    assert_eq!(
        std::fs::read_to_string(cache.join("file")).unwrap(),
        "kept\n"
    );
}

#[test]
fn a_job_reaches_no_process_of_the_server() {
    let mut house = House::new();
    let tries = [
        "kill -0 SERVER",
        "kill -9 SERVER",
        "cat /proc/SERVER/environ",
        "ls -l /proc/SERVER/fd",
        "ls /proc/SERVER/root/",
        "cat /proc/SERVER/mem",
        // The supervisor is the parent of the cage, which is the shell's parent.
        "kill -9 $(ps -o ppid= -p $PPID)",
        "cat /proc/$(ps -o ppid= -p $PPID)/environ",
    ];
    let script: Vec<String> = tries.iter().map(|t| refused(t)).collect();
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let log = house.succeeds(&script);
    assert!(!log.contains("hunter2"), "{log}");
    assert_eq!(house.server.try_wait().unwrap(), None);
}

#[test]
fn an_isolated_job_builds_as_ever() {
    let house = House::new();
    let repository = house.dir.path().join("origin");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "--quiet"]);
    std::fs::write(repository.join("a.txt"), "one").unwrap();
    git(&repository, &["add", "."]);
    git(&repository, &["commit", "--quiet", "-m", "first"]);
    let source = Source::Git {
        url: repository.to_string_lossy().into_owned(),
        sha: git(&repository, &["rev-parse", "HEAD"]),
        git_ref: "refs/heads/main".to_owned(),
    };
    let mut job = assignment(
        &[
            "cat a.txt",
            "file=$(mktemp) && echo temporary > $file && cat $file",
            "python3 -c 'import tempfile; tempfile.TemporaryFile().write(b\"x\"); print(\"python\")'",
            "cat <(echo substitution) > /dev/stdout; echo nothing > /dev/null",
            "git status --short && git log -1 --format=%s",
            "mkdir -p out/deep && mv a.txt out/deep/b.txt && ln out/deep/b.txt c.txt",
            "echo $HOME && touch $HOME/.config && mv $HOME/.config out/",
            "sleep 300 & echo $! > background",
        ],
        source,
    );
    // Each shell is another one, but all are of one job.
    job.after_script = vec!["kill $(cat background) && echo stopped it".to_owned()];
    let (outcome, log) = house.run(&job);
    assert_eq!(outcome.result, JobResult::Success, "{log}");
    for part in ["temporary", "python", "substitution", "first", "stopped it"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let expected = ["hidden_folders_1", "process_tree_gone"].map(str::to_owned);
    for entry in &expected {
        assert!(outcome.isolation.contains(entry), "{outcome:?}");
    }
    let landlock = |entry: &String| entry.starts_with("landlock_abi_");
    assert!(outcome.isolation.iter().any(landlock), "{outcome:?}");
}

#[test]
fn rust_is_built_in_an_isolated_job() {
    let house = House::new();
    let mut job = house.job(&[
        "cargo init --quiet --name tiny . && cargo build --quiet --offline && ./target/debug/tiny",
    ]);
    for name in ["RUSTUP_HOME", "CARGO_HOME"] {
        if let Ok(value) = std::env::var(name) {
            job.variables
                .push(rialto_delivery_run::assignment::JobVariable {
                    key: name.to_owned(),
                    value,
                    masked: false,
                    file: false,
                });
        }
    }
    let (outcome, log) = house.run(&job);
    assert_eq!(outcome.result, JobResult::Success, "{log}");
    assert!(log.contains("Hello, world!"), "{log}");
}

#[test]
fn a_job_cannot_smuggle_a_file_out_as_an_artifact() {
    let house = House::new();
    // Git is told of a working tree with the names of the server's, which here lead elsewhere.
    let mut job = house.job(&[
        "git init --quiet . && mkdir -p fake/secrets && touch fake/secrets/evidence.pem",
        "git config core.worktree $PWD/fake && ln -s DATA/secrets secrets",
        "git config log.showSignature true && git config gpg.program DATA/runner/evil",
    ]);
    job.artifacts = Some(Artifacts {
        untracked: true,
        ..Artifacts::default()
    });
    let (outcome, log) = house.run(&job);
    assert!(!log.contains("THE-SIGNING-KEY"), "{log}");
    for file in &outcome.files {
        let bytes = std::fs::read(&file.path).unwrap();
        assert!(!bytes.windows(15).any(|w| w == b"THE-SIGNING-KEY"));
        let text = String::from_utf8_lossy(&bytes);
        assert!(file.kind != "manifest" || !text.contains("\"secrets/evidence.pem\""));
    }
}

#[test]
fn a_job_cannot_make_its_supervisor_write_elsewhere() {
    let house = House::new();
    // The script of the next shell is written beside the working tree.
    let attack = "for file in ../quote.tmp/script ../quote.tmp/script/script.sh; do \
                  ln -sfn DATA/rialto.db $file || rm -rf $file || true; done";
    let mut job = house.job(&[attack]);
    job.after_script = vec!["echo after".to_owned()];
    let (outcome, log) = house.run(&job);
    assert_eq!(outcome.result, JobResult::Success, "{log}");
    assert!(log.contains("after"), "{log}");
    let kept = std::fs::read_to_string(house.data().join("rialto.db")).unwrap();
    assert_eq!(kept, "rows");
}

#[test]
fn a_job_that_kills_its_cage_fails_and_leaves_nothing() {
    let house = House::new();
    let (outcome, log) = house.run(&house.job(&[
        "sleep 300 & echo $! > background",
        &signal_cage("KILL"),
        "sleep 300",
    ]));
    let message = failed(&outcome, FailureReason::RunnerSystemFailure);
    assert!(message.contains("isolates the job was ended"), "{message}");
    assert!(!log.contains("Job succeeded"), "{log}");
    let pid = crate::world::pid_in(&house.project().join("background"));
    // Killed it is; the kernel may still be taking its mounts apart.
    assert!(eventually(|| !is_alive(pid)));
}

#[test]
fn a_job_that_stops_its_cage_is_ended_by_its_timeout() {
    let house = House::new();
    let mut job = house.job(&[&signal_cage("STOP")]);
    job.timeout_s = 1;
    let (outcome, _) = house.run(&job);
    failed(&outcome, FailureReason::JobExecutionTimeout);
}

#[test]
fn a_job_without_isolation_says_so_by_what_it_lacks() {
    let mut house = House::new();
    house.isolation.mode = IsolationMode::Off;
    let (outcome, log) = house.run(&house.job(&["cat DATA/secrets/evidence.pem"]));
    assert_eq!(outcome.result, JobResult::Success, "{log}");
    let isolated = |entry: &String| entry.starts_with("landlock") || entry.starts_with("hidden");
    assert!(!outcome.isolation.iter().any(isolated), "{outcome:?}");
}

#[test]
fn a_job_that_cannot_be_isolated_does_not_run() {
    let mut house = House::new();
    house.isolation.cage = vec!["/nowhere/rialto".into()];
    let (outcome, log) = house.run(&house.job(&["touch ran"]));
    let message = failed(&outcome, FailureReason::RunnerSystemFailure);
    assert!(
        message.contains("cannot be isolated: /nowhere/rialto"),
        "{message}"
    );
    assert!(!Path::new(&house.project().join("ran")).exists(), "{log}");
}
