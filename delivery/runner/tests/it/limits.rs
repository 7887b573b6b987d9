//! A job that forks, grabs memory or fills the disk is stopped, and the limit is named.

use std::time::{Duration, Instant};

use rialto_delivery_run::assignment::{JobResult, Limits, Source};
use rialto_delivery_run::state::FailureReason;

use crate::world::{World, failed, git};

#[test]
fn a_job_that_forks_too_much_is_stopped_and_leaves_nothing() {
    let mut world =
        World::new(&["for i in $(seq 300); do sleep 311.$i & done; touch forked; wait"]);
    world.limits(Limits {
        processes: Some(64),
        ..Limits::default()
    });
    let outcome = world.run();
    let message = failed(&outcome, FailureReason::ResourceLimitExceeded);
    assert!(
        message.contains("processes at once, the limit is 64"),
        "{message}"
    );
    assert!(world.log.text().contains("the limit is 64"));
    let left = rialto_delivery_runner::tree::snapshot()
        .into_iter()
        .filter_map(|p| std::fs::read(format!("/proc/{}/cmdline", p.id.pid)).ok())
        .filter(|c| String::from_utf8_lossy(c).contains("311."))
        .count();
    assert_eq!(left, 0);
}

#[test]
fn a_job_that_forks_for_ever_loses() {
    // Each process starts two and ends, so that a kill that looks at one process after the other
    // runs behind. It grows for seven rounds and then ends by itself: a failing test must leave no
    // harm.
    let bomb = "b() { [ $1 -lt 7 ] || exec sleep 20; ( sleep 0.05; b $(($1+1)) ) & ( sleep 0.05; b $(($1+1)) ) & }";
    let mut world = World::new(&[bomb, "b 0", "sleep 300"]);
    world.limits(Limits {
        processes: Some(60),
        ..Limits::default()
    });
    let outcome = world.run();
    failed(&outcome, FailureReason::ResourceLimitExceeded);
    assert!(
        outcome.isolation.contains(&"process_tree_gone".to_owned()),
        "{outcome:?}"
    );
}

#[test]
fn a_job_that_grabs_memory_is_stopped() {
    let mut world =
        World::new(&["x=$(head -c 150000000 /dev/zero | tr '\\0' a); sleep 300; echo ${#x}"]);
    world.limits(Limits {
        memory_bytes: Some(64 * 1024 * 1024),
        ..Limits::default()
    });
    let begin = Instant::now();
    let message = failed(&world.run(), FailureReason::ResourceLimitExceeded);
    assert!(
        message.contains(" MiB of memory, the limit is 64 MiB"),
        "{message}"
    );
    assert!(begin.elapsed() < Duration::from_secs(120));
}

#[test]
fn a_job_that_fills_the_disk_is_stopped() {
    let mut world =
        World::new(&["for i in $(seq 40); do head -c 500000 /dev/zero > f$i; done; sleep 300"]);
    world.limits(Limits {
        disk_bytes: Some(5_000_000),
        ..Limits::default()
    });
    let message = failed(&world.run(), FailureReason::ResourceLimitExceeded);
    assert!(
        message.contains("on disk in the working tree, the limit is 4.8 MiB"),
        "{message}"
    );
}

/// A small disk of its own, unmounted when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None`, with the reason said, where this test may not mount anything.
    fn mount(at: &std::path::Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(at)
            .output()
            .unwrap();
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr).into_owned();
            eprintln!("skipped, no disk can be mounted here: {why}");
            return None;
        }
        Some(Self(at.to_path_buf()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

#[test]
fn a_full_disk_fails_the_job_in_words_and_the_next_job_finds_room() {
    let mut world = World::new(&["head -c 50000000 /dev/zero > huge"]);
    let Some(_disk) = SmallDisk::mount(&world.project(), 4 << 20) else {
        return;
    };
    let message = failed(&world.run(), FailureReason::ScriptFailure);
    assert!(
        message.contains("exit status 1; the disk of") && message.contains("is full"),
        "{message}"
    );
    assert!(world.log.text().contains("No space left on device"));
    std::fs::remove_file(world.project().join("huge")).unwrap();
    world.assignment.script = vec!["echo fine > small".to_owned()];
    assert_eq!(world.run().result, JobResult::Success);
}

#[test]
fn a_job_leaves_room_for_others_and_gives_back_what_it_took() {
    let script = "for n in $(seq 400); do head -c 1000000 /dev/zero > $n; sleep 0.005; done";
    let mut world = World::new(&[script]);
    let builds = world.dir.path().join("builds");
    let Some(_disk) = SmallDisk::mount(&builds, 200 << 20) else {
        return;
    };
    let origin = world.dir.path().join("origin");
    std::fs::create_dir(&origin).unwrap();
    git(&origin, &["init", "-q"]);
    std::fs::write(origin.join("a"), "a").unwrap();
    git(&origin, &["add", "-A"]);
    git(&origin, &["commit", "-q", "-m", "a"]);
    world.assignment.source = Source::Git {
        url: format!("file://{}", origin.display()),
        sha: git(&origin, &["rev-parse", "HEAD"]),
        git_ref: "refs/heads/main".to_owned(),
    };
    let message = failed(&world.run(), FailureReason::ResourceLimitExceeded);
    assert!(message.contains("10 MiB are kept for"), "{message}");
    assert!(!world.project().exists(), "its tree is still there");
    world.assignment.script = vec!["ls".to_owned()];
    assert_eq!(world.run().result, JobResult::Success);
    assert!(
        world.project().join("a").exists(),
        "a tree that fits is kept"
    );
}

#[test]
fn a_single_huge_file_is_stopped_at_the_limit() {
    let mut world = World::new(&["head -c 50000000 /dev/zero > huge"]);
    world.limits(Limits {
        disk_bytes: Some(5_000_000),
        ..Limits::default()
    });
    let message = failed(&world.run(), FailureReason::ResourceLimitExceeded);
    assert!(message.contains("limit"), "{message}");
    let size = std::fs::metadata(world.project().join("huge"))
        .unwrap()
        .len();
    assert!(size <= 5_000_000, "{size}");
}

#[test]
fn a_job_that_prints_endlessly_neither_fills_nor_slows_anything() {
    let mut world = World::new(&[
        "head -c 200000000 /dev/zero | tr '\\0' x",
        "echo",
        "echo done",
    ]);
    world.limits(Limits {
        log_bytes: Some(100_000),
        ..Limits::default()
    });
    let begin = Instant::now();
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success);
    assert!(
        begin.elapsed() < Duration::from_secs(60),
        "{:?}",
        begin.elapsed()
    );
    assert!(outcome.log_bytes < 101_000, "{}", outcome.log_bytes);
    assert!(outcome.notes.contains(&"log_limit_reached".to_owned()));
    let text = world.log.text();
    assert_eq!(text.matches("log limit of 100000 bytes").count(), 1);
    assert!(
        text.contains("Job succeeded"),
        "the end is told after the limit, too"
    );
}

#[test]
fn a_job_leaves_no_core_file() {
    let world = World::new(&["ulimit -c", "ulimit -Hc"]);
    world.run();
    assert_eq!(world.lines(), ["0", "0"]);
}
