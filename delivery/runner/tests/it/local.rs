//! A whole pipeline from a working copy, without a server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rialto_delivery_pipeline::plan::Plan;
use rialto_delivery_pipeline::{Context, Repository, compile};
use rialto_delivery_run::state::Status;
use rialto_delivery_runner::executor::{CancelToken, DEFAULT_PATH};
use rialto_delivery_runner::local::{
    self, JobReport, LocalOptions, LocalSummary, Reporter, RunLocallyError,
};

use crate::world::{eventually, git};

struct Copy {
    dir: tempfile::TempDir,
    options: LocalOptions,
    heard: Heard,
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn has(&self, text: &str) -> bool {
        self.all().iter().any(|l| l.contains(text))
    }
}

impl Reporter for Heard {
    fn started(&mut self, job: &str) {
        self.0.lock().unwrap().push(format!("{job} started"));
    }
    fn delayed(&mut self, job: &str, delay: Duration) {
        self.0.lock().unwrap().push(format!("{job} in {delay:?}"));
    }
    fn line(&mut self, job: &str, text: &str, _: bool) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{job}: {}", local::plain(text)));
    }
    fn ended(&mut self, report: &JobReport, will_retry: bool) {
        let retry = if will_retry { " again" } else { "" };
        self.0
            .lock()
            .unwrap()
            .push(format!("{} ended {}{retry}", report.name, report.status));
    }
    fn notice(&mut self, text: &str) {
        self.0.lock().unwrap().push(format!("notice {text}"));
    }
}

struct OneFile(String);

impl Repository for OneFile {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        (path == ".gitlab-ci.yml").then(|| self.0.clone().into_bytes())
    }
    fn list(&self) -> Vec<String> {
        vec![".gitlab-ci.yml".to_owned()]
    }
    fn changed_paths(&self, _: Option<&str>) -> Option<Vec<String>> {
        None
    }
}

impl Copy {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = LocalOptions {
            root: dir.path().to_path_buf(),
            files: Vec::new(),
            concurrency: 4,
            here: false,
            only: Vec::new(),
            with_needs: false,
            play: Vec::new(),
            predefined: vec![("CI".to_owned(), "true".to_owned())],
            variables: Vec::new(),
            path: DEFAULT_PATH.to_owned(),
            inherited: Vec::new(),
            exclusive: false,
            cancel: CancelToken::default(),
            grace: Duration::from_millis(300),
        };
        Self {
            dir,
            options,
            heard: Heard::default(),
        }
    }

    fn file(&mut self, name: &str, content: &str) {
        std::fs::write(self.dir.path().join(name), content).unwrap();
        self.options.files.push(name.to_owned());
    }

    fn plan(&self, text: &str) -> Plan {
        let context = Context {
            source: "push".to_owned(),
            variables: [("CI_COMMIT_BRANCH".to_owned(), "main".to_owned())]
                .into_iter()
                .collect(),
            ..Context::default()
        };
        let compiled = compile(&OneFile(text.to_owned()), &context);
        assert!(compiled.is_valid(), "{:?}", compiled.diagnostics);
        compiled.plan.unwrap()
    }

    fn run(&self, text: &str) -> LocalSummary {
        local::run(
            &self.plan(text),
            &self.options,
            Box::new(self.heard.clone()),
        )
        .unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn statuses(summary: &LocalSummary) -> Vec<(&str, Status)> {
    summary
        .jobs
        .iter()
        .map(|j| (j.name.as_str(), j.status))
        .collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn artifacts_and_variables_flow_by_needs() {
    let copy = Copy::new();
    let summary = copy.run(
        "
build:
  script: [mkdir out, echo built > out/f, 'echo VERSION=1.2 > v.env']
  artifacts: {paths: [out], reports: {dotenv: v.env}}
check:
  needs: [build]
  script: ['cat out/f; echo version $VERSION']
alone:
  needs: []
  script: [test ! -e out]
",
    );
    assert_eq!(summary.status, Status::Success, "{:?}", copy.heard.all());
    assert!(copy.heard.has("check: built") && copy.heard.has("check: version 1.2"));
    assert_eq!(
        read(&copy.path(".rialto/ci/artifacts/build/out/f")),
        "built\n"
    );
    assert!(
        !copy.path("out").exists(),
        "a job wrote into the person's working copy"
    );
    assert_eq!(
        std::fs::read_dir(copy.path(".rialto/ci/builds"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn jobs_see_the_files_as_they_are_and_cannot_reach_them() {
    let mut copy = Copy::new();
    copy.file("a.txt", "uncommitted\n");
    let text = "
one: {script: [cat a.txt, echo changed >> a.txt, sleep 0.1, cat a.txt]}
two: {script: [cat a.txt, echo changed >> a.txt, sleep 0.1, cat a.txt]}
";
    assert_eq!(copy.run(text).status, Status::Success);
    for job in ["one", "two"] {
        let lines: Vec<String> = copy
            .heard
            .all()
            .into_iter()
            .filter(|l| l.starts_with(&format!("{job}: ")) && !l.contains("$ "))
            .collect();
        let expected = ["uncommitted", "uncommitted", "changed"].map(|l| format!("{job}: {l}"));
        assert_eq!(lines, expected);
    }
    assert_eq!(read(&copy.path("a.txt")), "uncommitted\n");
}

#[test]
fn a_failure_skips_what_follows_and_fails_the_pipeline() {
    let copy = Copy::new();
    let summary = copy.run(
        "
stages: [build, test]
bad: {stage: build, script: [exit 3]}
allowed: {stage: build, script: [exit 4], allow_failure: true}
after: {stage: test, script: [echo never]}
rescue: {stage: test, script: [echo rescued], when: on_failure}
",
    );
    assert_eq!(summary.status, Status::Failed);
    assert_eq!(
        statuses(&summary),
        [
            ("bad", Status::Failed),
            ("allowed", Status::Failed),
            ("after", Status::Skipped),
            ("rescue", Status::Success)
        ]
    );
    assert_eq!(summary.jobs[0].outcome.as_ref().unwrap().exit_code, Some(3));
    assert!(summary.jobs[1].failure_allowed);
}

#[test]
fn retries_are_made_and_the_last_one_counts() {
    let copy = Copy::new();
    let marker = copy.path("tried");
    let text = format!(
        "flaky: {{retry: 2, script: ['test -e {m} || {{ touch {m}; exit 1; }}']}}",
        m = marker.display()
    );
    let summary = copy.run(&text);
    assert_eq!(summary.status, Status::Success);
    assert_eq!(summary.jobs[0].attempt, 2);
    assert!(copy.heard.has("flaky ended failed again"));
}

#[test]
fn manual_jobs_wait_unless_they_are_played() {
    let mut copy = Copy::new();
    let text = "
build: {script: ['true']}
deploy: {when: manual, script: [echo deployed $CI_JOB_MANUAL]}
";
    let summary = copy.run(text);
    assert_eq!(statuses(&summary)[1], ("deploy", Status::Manual));
    assert_eq!(summary.status, Status::Success);
    copy.options.play = vec!["deploy".to_owned()];
    let summary = copy.run(text);
    assert_eq!(statuses(&summary)[1], ("deploy", Status::Success));
    assert!(copy.heard.has("deploy: deployed true"));
}

#[test]
fn named_jobs_run_alone_or_with_their_needs() {
    let text = "
stages: [build, test]
lint: {stage: build, script: ['true']}
build: {stage: build, script: [echo b > f], artifacts: {paths: [f]}}
test: {stage: test, needs: [build], script: [cat f]}
";
    let mut copy = Copy::new();
    copy.options.only = vec!["test".to_owned()];
    let summary = copy.run(text);
    assert_eq!(statuses(&summary), [("test", Status::Failed)]);
    assert!(
        copy.heard.has("nothing is kept of job build"),
        "{:?}",
        copy.heard.all()
    );
    copy.options.with_needs = true;
    let summary = copy.run(text);
    assert_eq!(
        statuses(&summary),
        [("build", Status::Success), ("test", Status::Success)]
    );
    // What an earlier run kept is enough from now on.
    copy.options.with_needs = false;
    let summary = copy.run(text);
    assert_eq!(statuses(&summary), [("test", Status::Success)]);
}

#[test]
fn what_an_earlier_run_kept_is_of_the_job_that_is_named() {
    let long = "x".repeat(130);
    let text = format!(
        "
stages: [build, test]
a/b: {{stage: build, script: [echo from-slash > f], artifacts: {{paths: [f]}}}}
a_b: {{stage: build, script: [echo from-underscore > f], artifacts: {{paths: [f]}}}}
m:
  stage: build
  script: ['echo from-$N > f']
  artifacts: {{paths: [f]}}
  parallel: {{matrix: [{{LONG: {long}, N: [one, two]}}]}}
use: {{stage: test, needs: [a_b], script: [cat f]}}
slash: {{stage: test, needs: [a/b], script: [cat f]}}
second: {{stage: test, needs: ['m: [{long}, two]'], script: [cat f]}}
"
    );
    let kept = [
        ("use", "from-underscore"),
        ("slash", "from-slash"),
        ("second", "from-two"),
    ];
    let mut copy = Copy::new();
    assert_eq!(copy.run(&text).status, Status::Success);
    for (job, line) in kept {
        copy.heard = Heard::default();
        copy.options.only = vec![job.to_owned()];
        let summary = copy.run(&text);
        assert_eq!(statuses(&summary), [(job, Status::Success)]);
        assert!(
            copy.heard.has(&format!("{job}: {line}")),
            "{:?}",
            copy.heard.all()
        );
    }
    // Nor does it matter which jobs a run has.
    for (job, lone) in [("use", "a/b"), ("slash", "a_b")] {
        copy.options.only = vec![lone.to_owned()];
        assert_eq!(copy.run(&text).status, Status::Success);
        copy.heard = Heard::default();
        copy.options.only = vec![job.to_owned()];
        assert_eq!(copy.run(&text).status, Status::Success);
        let line = kept.iter().find(|(name, _)| *name == job).unwrap().1;
        assert!(
            copy.heard.has(&format!("{job}: {line}")),
            "{:?}",
            copy.heard.all()
        );
    }
}

#[test]
fn an_unknown_job_is_named() {
    let mut copy = Copy::new();
    copy.options.only = vec!["biuld".to_owned()];
    let plan = copy.plan("build: {script: ['true']}");
    let error = local::run(&plan, &copy.options, Box::new(copy.heard.clone())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no job \"biuld\" in this pipeline; it has build"
    );
}

#[test]
fn a_resource_group_excludes_and_a_delay_is_waited_for() {
    let copy = Copy::new();
    let lock = copy.path("lock-held");
    let script = format!("mkdir {l}; sleep 0.2; rmdir {l}", l = lock.display());
    let begin = Instant::now();
    let summary = copy.run(&format!(
        "
one: {{resource_group: g, script: ['{script}']}}
two: {{resource_group: g, script: ['{script}']}}
three: {{resource_group: g, script: ['{script}']}}
late: {{when: delayed, start_in: 1 seconds, script: ['true']}}
"
    ));
    assert_eq!(summary.status, Status::Success, "{:?}", copy.heard.all());
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert!(copy.heard.has("late in 1s"));
}

#[test]
fn independent_jobs_run_at_once() {
    let copy = Copy::new();
    let text: String = (0..4).map(|n| format!("j{n}: {{script: [touch {}/at-{n}, 'until [ $(ls {}/at-* | wc -l) = 4 ]; do sleep 0.1; done']}}\n", copy.dir.path().display(), copy.dir.path().display())).collect();
    assert_eq!(
        copy.run(&format!("default: {{timeout: 2 minutes}}\n{text}"))
            .status,
        Status::Success
    );
}

#[test]
fn a_cancelled_run_leaves_nothing_behind() {
    let copy = Copy::new();
    let text = format!(
        "one: {{script: ['echo $$ > {d}/pid.tmp; mv {d}/pid.tmp {d}/pid; sleep 351']}}\ntwo: {{needs: [one], script: ['true']}}",
        d = copy.dir.path().display()
    );
    let summary = std::thread::scope(|scope| {
        let run = scope.spawn(|| copy.run(&text));
        assert!(eventually(|| copy.path("pid").exists()));
        copy.options.cancel.cancel();
        run.join().unwrap()
    });
    assert!(summary.canceled);
    assert_eq!(
        statuses(&summary),
        [("one", Status::Canceled), ("two", Status::Canceled)]
    );
    assert!(!crate::world::is_alive(crate::world::pid_in(
        &copy.path("pid")
    )));
}

#[test]
fn here_runs_in_the_working_copy_itself() {
    let mut copy = Copy::new();
    copy.options.here = true;
    let text = "
build: {script: [echo x > made]}
test: {stage: test, needs: [build], script: [cat made]}
";
    assert_eq!(copy.run(text).status, Status::Success);
    assert_eq!(read(&copy.path("made")), "x\n");
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let copy = Copy::new();
    let text = format!(
        "one: {{script: ['touch {}/started; sleep 1']}}",
        copy.dir.path().display()
    );
    std::thread::scope(|scope| {
        let first = scope.spawn(|| copy.run(&text));
        assert!(eventually(|| copy.path("started").exists()));
        let error = local::run(
            &copy.plan(&text),
            &copy.options,
            Box::new(copy.heard.clone()),
        )
        .unwrap_err();
        assert!(matches!(error, RunLocallyError::Busy(_)), "{error}");
        assert_eq!(first.join().unwrap().status, Status::Success);
    });
}

#[test]
fn jobs_have_a_repository_that_is_not_the_persons() {
    let mut copy = Copy::new();
    let root = copy.dir.path().to_path_buf();
    git(&root, &["init", "-q"]);
    copy.file("a.txt", "a\n");
    git(&root, &["add", "a.txt"]);
    git(&root, &["commit", "-q", "-m", "first"]);
    let head = git(&root, &["rev-parse", "HEAD"]);
    copy.options
        .predefined
        .push(("CI_COMMIT_SHA".to_owned(), head.clone()));
    copy.file("new.txt", "n\n");
    let summary = copy.run(
        "
job:
  script:
    - git log --format=%s; git status --short
    - git -c user.name=J -c user.email=j@example.org commit -q --allow-empty -m second
    - git branch made-by-job
",
    );
    assert_eq!(summary.status, Status::Success, "{:?}", copy.heard.all());
    assert!(copy.heard.has("job: first") && copy.heard.has("job: ?? new.txt"));
    assert!(!copy.heard.has(".rialto"), "{:?}", copy.heard.all());
    assert_eq!(git(&root, &["rev-parse", "HEAD"]), head);
    assert_eq!(git(&root, &["branch", "--list", "made-by-job"]), "");
    assert!(!git(&root, &["status", "--short"]).contains(".rialto"));
}

#[test]
fn caches_live_from_run_to_run() {
    let copy = Copy::new();
    let text = "job: {cache: {key: k, paths: [deps]}, script: ['cat deps/x || { mkdir deps; echo kept > deps/x; }']}";
    copy.run(text);
    copy.run(text);
    assert!(copy.heard.has("job: kept"), "{:?}", copy.heard.all());
}

/// A process that runs a pipeline and does nothing else, as the command line does.
fn alone(copy: &Copy, text: &str) -> std::process::Command {
    std::fs::write(copy.path("alone.yml"), text).unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--nocapture", "--exact", "local::alone_entry"])
        .env("RUN_ALONE", copy.dir.path())
        .stdin(std::process::Stdio::null());
    command
}

fn run_alone(copy: &Copy, text: &str) {
    let output = alone(copy, text).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
}

#[test]
#[ignore = "the body of the processes that other tests start"]
fn alone_entry() {
    let root = PathBuf::from(std::env::var_os("RUN_ALONE").unwrap());
    let mut copy = Copy::new();
    copy.options.root.clone_from(&root);
    copy.options.exclusive = true;
    for entry in std::fs::read_dir(&root).unwrap().flatten() {
        if entry.file_type().unwrap().is_file() {
            let name = entry.file_name().into_string().unwrap();
            copy.options.files.push(name);
        }
    }
    let summary = copy.run(&read(&root.join("alone.yml")));
    assert_eq!(summary.status, Status::Success, "{:?}", copy.heard.all());
}

/// A line of script that starts a process without environment, session and parent, and waits for
/// it to be there; its number is in the file.
fn daemon(file: &Path, prelude: &str) -> String {
    let file = file.display();
    format!(
        "{prelude}(env -i setsid /bin/bash -c 'echo $$ > {file}.new; /bin/mv {file}.new {file}; \
         exec /bin/sleep 353' > /dev/null 2>&1 < /dev/null &) ; until [ -e {file} ]; do sleep 0.01; \
         done"
    )
}

#[test]
fn a_process_that_leaves_every_trace_behind_ends_with_its_job() {
    let copy = Copy::new();
    for (name, prelude) in [("here", ""), ("elsewhere", "cd /; ")] {
        let pid = copy.path(name);
        let text = format!(
            "one:\n  script:\n    - |\n      {}\ntwo:\n  needs: [one]\n  script: ['test ! -e /proc/$(cat {})']\n",
            daemon(&pid, prelude),
            pid.display()
        );
        run_alone(&copy, &text);
    }
}

#[test]
fn a_process_of_a_job_under_way_outlives_the_jobs_beside_it() {
    let copy = Copy::new();
    let (pid, over) = (copy.path("pid"), copy.path("over"));
    let (p, o) = (pid.display(), over.display());
    let text = format!(
        "
long:
  script:
    - |
      {daemon}
    - 'until [ -e {o} ]; do sleep 0.01; done; test -e /proc/$(cat {p})'
beside:
  script: ['until [ -e {p} ]; do sleep 0.01; done']
next:
  needs: [beside]
  script: ['touch {o}']
last:
  needs: [long]
  script: ['test ! -e /proc/$(cat {p})']
",
        daemon = daemon(&pid, "cd /; ")
    );
    run_alone(&copy, &text);
}

#[test]
fn a_run_ends_what_a_killed_one_left_and_works_elsewhere() {
    let copy = Copy::new();
    let (pid, places) = (copy.path("pid"), copy.path("places"));
    let (p, w) = (pid.display(), places.display());
    let text =
        format!("job: {{script: ['pwd > {w}', 'echo $$ > {p}.new; mv {p}.new {p}; sleep 355']}}");
    let mut run = alone(&copy, &text)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = eventually(|| pid.exists());
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(begun);
    let left = crate::world::pid_in(&pid);
    // What nobody has reaped yet is ended all the same.
    let runs = || {
        let all = rialto_delivery_runner::tree::snapshot();
        all.iter().any(|p| p.id.pid == left && p.is_alive())
    };
    assert!(runs(), "the test needs a job that is left");
    run_alone(
        &copy,
        &format!("job: {{script: ['test \"$PWD\" != \"$(cat {w})\"']}}"),
    );
    assert!(!runs());
    assert!(!copy.path(".rialto/ci/run").exists());
}

#[test]
fn where_somebody_may_be_left_no_job_works_again() {
    let copy = Copy::new();
    let [pid, beside, over, place] = ["pid", "beside", "over", "place"].map(|n| copy.path(n));
    let (p, b, o, w) = (
        pid.display(),
        beside.display(),
        over.display(),
        place.display(),
    );
    let text = format!(
        "
default: {{timeout: 1 minute}}
beside:
  script: ['touch {b}; until [ -e {o} ]; do sleep 0.01; done']
hides:
  script:
    - 'pwd > {w}; until [ -e {b} ]; do sleep 0.01; done'
    - |
      {daemon}
next:
  needs: [hides]
  script:
    # Looked at while `beside` runs: with its end what was left behind is ended, too.
    - 'if [ -e /proc/$(cat {p}) ]; then lives=yes; fi; touch {o}'
    - 'test \"$lives\" = yes; test \"$PWD\" != \"$(cat {w})\"'
",
        daemon = daemon(&pid, "cd /; ")
    );
    run_alone(&copy, &text);
}

#[test]
fn what_a_job_did_to_its_copy_is_not_seen_by_the_next() {
    let mut copy = Copy::new();
    copy.file("a.txt", "a");
    let jobs = [
        ("reads", "cat a.txt"),
        ("writes", "echo b > a.txt"),
        (
            "finds",
            "test \"$(cat a.txt)\" = a; touch new; mkdir $TMPDIR/x",
        ),
        (
            "misses",
            "test ! -e new; test -z \"$(ls -A $TMPDIR)\"; chmod 600 a.txt",
        ),
        ("stats", "test \"$(stat -c %a a.txt)\" != 600"),
    ];
    let mut text = String::new();
    let mut before = None;
    for (name, script) in jobs {
        text.push_str(&format!("{name}:\n  script:\n    - |\n      {script}\n"));
        if let Some(before) = before.replace(name) {
            text.push_str(&format!("  needs: [{before}]\n"));
        }
    }
    run_alone(&copy, &text);
}
