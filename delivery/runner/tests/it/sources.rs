//! Getting the sources from a real repository.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use rialto_delivery_run::assignment::{ArtifactSource, JobOutcome, JobResult, Source};
use rialto_delivery_run::state::FailureReason;
use rialto_delivery_runner::download::HttpArtifacts;

use crate::world::{World, eventually, failed, git};

struct Repository {
    path: PathBuf,
}

impl Repository {
    fn new(world: &World) -> Self {
        let path = world.dir.path().join("origin");
        std::fs::create_dir(&path).unwrap();
        git(&path, &["init", "-q"]);
        Self { path }
    }

    fn commit(&self, name: &str, content: &str) -> String {
        std::fs::write(self.path.join(name), content).unwrap();
        git(&self.path, &["add", "-A"]);
        git(&self.path, &["commit", "-q", "-m", name]);
        git(&self.path, &["rev-parse", "HEAD"])
    }

    fn source(&self, sha: &str) -> Source {
        Source::Git {
            url: format!("file://{}", self.path.display()),
            sha: sha.to_owned(),
            git_ref: "refs/heads/main".to_owned(),
        }
    }
}

#[test]
fn the_commit_is_checked_out_detached() {
    let mut world =
        World::new(&["cat a.txt; git rev-parse HEAD; git symbolic-ref -q HEAD || echo detached"]);
    let repository = Repository::new(&world);
    let first = repository.commit("a.txt", "first");
    repository.commit("a.txt", "second");
    world.assignment.source = repository.source(&first);
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    assert_eq!(
        world.lines(),
        [format!("first{first}"), "detached".to_owned()]
    );
}

#[test]
fn the_next_job_in_the_slot_finds_a_clean_tree() {
    let mut world = World::new(&[
        "ls; touch dropped; echo x >> a.txt; echo ignored.txt > .gitignore; touch ignored.txt",
    ]);
    let repository = Repository::new(&world);
    let sha = repository.commit("a.txt", "first");
    world.assignment.source = repository.source(&sha);
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    world.log.0.lock().unwrap().clear();
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    assert_eq!(world.lines(), ["a.txt"]);
}

#[test]
fn a_commit_deeper_than_the_history_fetched_is_found() {
    let mut world = World::new(&["cat a.txt; git rev-list --count HEAD"]);
    let repository = Repository::new(&world);
    let first = repository.commit("a.txt", "0\n");
    for n in 1..6 {
        repository.commit("a.txt", &format!("{n}\n"));
    }
    world.variable("GIT_DEPTH", "2");
    world.assignment.source = repository.source(&first);
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    assert_eq!(world.lines()[0], "0");
}

#[test]
fn nothing_a_former_job_left_in_the_repository_is_executed() {
    let mut world = World::new(&["true"]);
    let repository = Repository::new(&world);
    let sha = repository.commit("a.txt", "first");
    world.assignment.source = repository.source(&sha);
    let canary = world.dir.path().join("executed");
    let plant = format!(
        "printf '#!/bin/sh\\ntouch {c}\\n' > .git/hooks/post-checkout 2>/dev/null || \
         {{ mkdir -p .git/hooks; printf '#!/bin/sh\\ntouch {c}\\n' > .git/hooks/post-checkout; }}\n\
         chmod +x .git/hooks/post-checkout\n\
         git config core.fsmonitor 'touch {c}; false'\n\
         git config filter.evil.smudge 'touch {c}; cat'\n\
         git config filter.evil.clean 'touch {c}; cat'\n\
         git config core.sshCommand 'touch {c}'\n\
         mkdir -p .git/info; echo '* filter=evil' > .git/info/attributes\n\
         rm -f {c}",
        c = canary.display()
    );
    world.assignment.script = vec![plant];
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    assert!(!canary.exists());
    world.assignment.script = vec!["echo x > a.txt".to_owned()];
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    world.assignment.script = vec!["true".to_owned()];
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    assert!(!canary.exists(), "something planted by a job was executed");
}

#[test]
fn a_damaged_repository_is_made_anew() {
    let mut world = World::new(&["cat a.txt; rm -rf .git/objects; echo junk > .git/HEAD"]);
    let repository = Repository::new(&world);
    let sha = repository.commit("a.txt", "first\n");
    world.assignment.source = repository.source(&sha);
    assert_eq!(world.run().result, JobResult::Success);
    world.log.0.lock().unwrap().clear();
    assert_eq!(
        world.run().result,
        JobResult::Success,
        "{}",
        world.log.text()
    );
    assert_eq!(world.lines(), ["first"]);
}

#[test]
fn strategies_none_and_empty_need_no_repository() {
    for (strategy, expected) in [("none", vec!["kept"]), ("empty", vec![])] {
        let mut world = World::new(&["ls"]);
        world.assignment.source = Source::Git {
            url: "file:///nowhere".to_owned(),
            sha: "a".repeat(40),
            git_ref: "refs/heads/main".to_owned(),
        };
        std::fs::create_dir_all(world.project()).unwrap();
        std::fs::write(world.project().join("kept"), "").unwrap();
        world.variable("GIT_STRATEGY", strategy);
        assert_eq!(
            world.run().result,
            JobResult::Success,
            "{}",
            world.log.text()
        );
        assert_eq!(world.lines(), expected);
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (key, value) in [
        ("GIT_STRATEGY", "magic"),
        ("GIT_SUBMODULE_STRATEGY", "recursive"),
    ] {
        let mut world = World::new(&["true"]);
        world.assignment.source = Source::Git {
            url: "file:///nowhere".to_owned(),
            sha: "a".repeat(40),
            git_ref: "refs/heads/main".to_owned(),
        };
        world.variable(key, value);
        let message = failed(&world.run(), FailureReason::RunnerUnsupported);
        assert!(message.contains(&format!("{key}={value}")), "{message}");
    }
}

#[test]
fn a_project_path_cannot_leave_the_builds_directory() {
    let mut world = World::new(&["touch ran"]);
    world.assignment.source = Source::Git {
        url: "file:///nowhere".to_owned(),
        sha: "a".repeat(40),
        git_ref: "refs/heads/main".to_owned(),
    };
    world.assignment.project_path = "../../outside".to_owned();
    let message = failed(&world.run(), FailureReason::RunnerSystemFailure);
    assert!(message.contains("../../outside"), "{message}");
}

#[test]
fn credentials_go_to_the_server_in_a_header_only() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, heads) = std::sync::mpsc::channel();
    // Ends with the process: a server that is gone is waited for.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head: Vec<String> = BufReader::new(stream.try_clone().unwrap())
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let _ = stream.write_all(head_of("404 Not Found", 0).as_bytes());
            let _ = asked.send(head);
        }
    });
    let mut world = World::new(&["true"]);
    world.assignment.source = Source::Git {
        url: format!("http://ci:very-secret-token@{address}/git/a/b.git"),
        sha: "a".repeat(40),
        git_ref: "refs/heads/main".to_owned(),
    };
    let message = failed(&world.run(), FailureReason::RunnerSystemFailure);
    assert!(
        message.contains("getting the sources failed 3 times"),
        "{message}"
    );
    assert!(!world.log.text().contains("very-secret-token"));
    let head = heads.recv().unwrap();
    assert!(
        head[0].starts_with("GET /git/a/b.git/info/refs?service=git-upload-pack"),
        "{head:?}"
    );
    // base64 of ci:very-secret-token
    let expected = "Authorization: Basic Y2k6dmVyeS1zZWNyZXQtdG9rZW4=";
    assert!(head.iter().any(|line| line == expected), "{head:?}");
}

/// An address that is taken but at which nobody listens yet: connections to it are refused.
struct DeadServer(tokio::net::TcpSocket);

impl DeadServer {
    fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// Comes to life and serves the files of a folder; the thread ends with the process.
    fn serve(self, root: PathBuf) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(async { self.0.listen(16).unwrap().into_std().unwrap() });
        listener.set_nonblocking(false).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    continue;
                }
                let mut header = String::new();
                while reader.read_line(&mut header).unwrap_or(0) > 2 {
                    header.clear();
                }
                let path = line.split([' ', '?']).nth(1).unwrap();
                let answer = match std::fs::read(root.join(path.trim_start_matches('/'))) {
                    Ok(body) => [head_of("200 OK", body.len()).into_bytes(), body].concat(),
                    Err(_) => head_of("404 Not Found", 0).into_bytes(),
                };
                let _ = stream.write_all(&answer);
            }
        });
    }
}

fn head_of(status: &str, length: usize) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
}

/// Runs the job of a world whose server is dead, and calls `then` once the job has had more looks
/// at it than it has tries.
fn run_while_dead(world: &World, then: impl FnOnce()) -> JobOutcome {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| world.run());
        let waits = || world.log.text().contains("the server cannot be reached");
        assert!(eventually(|| waits() || run.is_finished()));
        then();
        run.join().unwrap()
    })
}

#[test]
fn sources_are_waited_for_while_the_server_is_restarted() {
    let mut world = World::new(&["cat a.txt"]);
    let repository = Repository::new(&world);
    let sha = repository.commit("a.txt", "first\n");
    git(&repository.path, &["update-server-info"]);
    let server = DeadServer::new();
    world.variable("GIT_DEPTH", "0");
    world.assignment.source = Source::Git {
        url: format!("http://{}", server.address()),
        sha,
        git_ref: "refs/heads/main".to_owned(),
    };
    let root = repository.path.join(".git");
    let outcome = run_while_dead(&world, || server.serve(root));
    assert_eq!(outcome.result, JobResult::Success, "{}", world.log.text());
    assert_eq!(world.lines(), ["first"]);
    assert!(world.log.text().contains("The server is back"));
}

#[test]
fn a_job_that_waits_for_its_server_can_be_canceled_and_times_out() {
    let server = DeadServer::new();
    let source = Source::Git {
        url: format!("http://{}/a.git", server.address()),
        sha: "a".repeat(40),
        git_ref: "refs/heads/main".to_owned(),
    };
    let mut world = World::new(&["true"]);
    world.assignment.source = source.clone();
    let outcome = run_while_dead(&world, || world.cancel.cancel());
    assert_eq!(outcome.result, JobResult::Canceled, "{}", world.log.text());
    let mut world = World::new(&["true"]);
    world.assignment.source = source;
    world.assignment.timeout_s = 1;
    failed(&world.run(), FailureReason::JobExecutionTimeout);
}

#[test]
fn artifacts_are_waited_for_while_the_server_is_restarted() {
    let mut world = World::new(&["true"]);
    let server = DeadServer::new();
    let address = server.address();
    world.config.fetch = Arc::new(HttpArtifacts::new(format!("http://{address}"), "t".into()));
    world.assignment.dependencies = vec![ArtifactSource {
        job_name: "build".to_owned(),
        location: format!("http://{address}/artifacts.zip"),
        sha256: "0".repeat(64),
        size: 4,
    }];
    let root = world.dir.path().to_path_buf();
    std::fs::write(root.join("artifacts.zip"), "none").unwrap();
    let outcome = run_while_dead(&world, || server.serve(root));
    // It came, and is looked at.
    let message = failed(&outcome, FailureReason::DataIntegrityFailure);
    assert!(message.contains("job build were refused"), "{message}");
}
