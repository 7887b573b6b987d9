//! A private world for each test: a project directory, an executor, an assignment.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rialto_delivery_run::assignment::{
    Assignment, JobOutcome, JobResult, JobVariable, Limits, Source,
};
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_runner::cache::CacheStore;
use rialto_delivery_runner::executor::{CancelToken, ExecutorConfig, run_job};
use rialto_delivery_runner::log::LogSink;

/// A log kept in memory.
#[derive(Clone, Default)]
pub struct MemoryLog(pub Arc<Mutex<Vec<u8>>>);

impl LogSink for MemoryLog {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MemoryLog {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Everything one job needs.
pub struct World {
    pub dir: tempfile::TempDir,
    pub config: ExecutorConfig,
    pub assignment: Assignment,
    pub log: MemoryLog,
    pub cancel: CancelToken,
}

impl World {
    /// A job in an empty working copy.
    pub fn new(script: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("project");
        std::fs::create_dir(&project).unwrap();
        let mut config = ExecutorConfig::new(dir.path().join("builds"), dir.path().join("out"));
        config.grace = Duration::from_millis(400);
        config.retry_pause = Duration::from_millis(10);
        config.cache = Some(CacheStore::new(dir.path().join("cache"), 1 << 30));
        let source = Source::WorkingCopy {
            path: project.to_string_lossy().into_owned(),
        };
        let assignment = assignment(script, source);
        Self {
            dir,
            config,
            assignment,
            log: MemoryLog::default(),
            cancel: CancelToken::default(),
        }
    }

    pub fn project(&self) -> PathBuf {
        match &self.assignment.source {
            Source::WorkingCopy { path } => PathBuf::from(path),
            Source::Git { .. } => self.dir.path().join("builds/0/sample/quote"),
        }
    }

    pub fn variable(&mut self, key: &str, value: &str) -> &mut JobVariable {
        self.assignment.variables.push(JobVariable {
            key: key.to_owned(),
            value: value.to_owned(),
            masked: false,
            file: false,
        });
        self.assignment.variables.last_mut().unwrap()
    }

    pub fn run(&self) -> JobOutcome {
        run_job(
            &self.assignment,
            &self.config,
            Box::new(self.log.clone()),
            &self.cancel,
        )
    }

    /// The log without sections, colours and the runner's own lines before the script.
    pub fn script_output(&self) -> String {
        let text = self.log.text();
        let from = text.find("section_start").map_or(0, |_| {
            let start = text.find(":step_script").expect("the script ran");
            start + text[start..].find('\n').unwrap() + 1
        });
        let to = text[from..].find("\u{1b}[0Ksection_end:").unwrap() + from;
        text[from..to].to_owned()
    }

    /// Output lines of the script, without the echoed commands.
    pub fn lines(&self) -> Vec<String> {
        self.script_output()
            .lines()
            .filter(|l| !l.starts_with("\u{1b}[32;1m$"))
            .map(str::to_owned)
            .collect()
    }

    pub fn limits(&mut self, limits: Limits) {
        self.assignment.limits = limits;
    }
}

pub fn assignment(script: &[&str], source: Source) -> Assignment {
    Assignment {
        job_id: "1".to_owned(),
        lease: "lease-of-the-test".to_owned(),
        job_name: "test".to_owned(),
        stage: "test".to_owned(),
        project_path: "sample/quote".to_owned(),
        source,
        before_script: Vec::new(),
        script: script.iter().map(|s| (*s).to_owned()).collect(),
        after_script: Vec::new(),
        variables: Vec::new(),
        dependencies: Vec::new(),
        artifacts: None,
        cache: Vec::new(),
        protected_ref: false,
        timeout_s: 60,
        limits: Limits::default(),
        image: None,
        services: Vec::new(),
    }
}

/// Asserts how a job failed and returns the message.
#[track_caller]
pub fn failed(outcome: &JobOutcome, expected: FailureReason) -> String {
    match &outcome.result {
        JobResult::Failed { reason, message } => {
            assert_eq!(*reason, expected, "{message}");
            message.clone()
        }
        other => panic!("expected {expected:?}, got {other:?}"),
    }
}

/// Waits for a condition with a bound; says whether it came true.
pub fn eventually(condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

/// Whether a process of that number is there and not a zombie.
pub fn is_alive(pid: i32) -> bool {
    rialto_delivery_runner::tree::start_time(pid).is_some()
}

/// The process number a job wrote into a file.
pub fn pid_in(path: &Path) -> i32 {
    std::fs::read_to_string(path)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Runs git in a directory and returns what it printed.
pub fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
