use std::time::Duration;

use rialto_delivery_release::SlotName;
use rialto_delivery_supervisor::{Health, ProcessState, SlotStatus, SupervisorError};

use crate::world::{World, is_alive, key, run, until, zip};

#[tokio::test]
async fn a_service_runs_in_its_own_session_with_its_own_variables_only() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    let address = supervisor.start(&key, run("well")).await.unwrap();
    let status = until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    assert_eq!(status.address, Some(address));
    let pid = status.pid.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    assert_eq!(fields[3], pid.to_string(), "its session is its own: {stat}");
    let limit = Duration::from_secs(5);
    let answer = supervisor.probe(&key, "/variables", limit).await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    for expected in [
        format!("PORT={}", address.port()),
        format!("RIALTO_PORT={}", address.port()),
        "RIALTO_VERSION=1-abc".into(),
        "RIALTO_ENVIRONMENT=test".into(),
        "RIALTO_SLOT=blue".into(),
        "COLOUR=blue green".into(),
    ] {
        assert!(
            text.lines().any(|line| line == expected),
            "{expected} in {text}"
        );
    }
    assert!(
        !text.contains("CARGO"),
        "nothing of the server's own environment: {text}"
    );
    supervisor.stop(&key).await.unwrap();
    assert!(!is_alive(pid));
    let status = supervisor.status(&key).unwrap();
    assert_eq!(
        (status.process, status.health),
        (ProcessState::Stopped, Health::Stopped)
    );
    let log = world
        .folder
        .path()
        .join("services/sample%2Fquotes/test/blue/log");
    assert!(
        std::fs::read_to_string(log.join("stdout.log"))
            .unwrap()
            .contains("serving on")
    );
    assert!(
        std::fs::read_to_string(log.join("stderr.log"))
            .unwrap()
            .contains("behaviour well")
    );
}

#[tokio::test]
async fn a_living_service_is_adopted_after_the_server_was_killed() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    let address = supervisor.start(&key, run("well")).await.unwrap();
    let before = until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    drop(supervisor);
    let supervisor = world.supervisor().await;
    let after = until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    assert_eq!(
        (after.pid, after.address, after.restarts),
        (before.pid, Some(address), 0)
    );
    assert_eq!(after.label, "1-abc");
    // An adopted process is watched like any other: it comes back on the same address.
    let pid = before.pid.unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
    let again = until(&supervisor, &key, "restarted", |s| {
        s.restarts == 1 && s.health == Health::Healthy
    })
    .await;
    assert_eq!(again.address, Some(address));
    assert_ne!(again.pid, before.pid);
    supervisor.stop(&key).await.unwrap();
    assert!(!is_alive(again.pid.unwrap()));
}

/// The moment between the start of a process and the line that records it.
#[tokio::test]
async fn a_service_that_works_elsewhere_is_found_after_the_server_was_killed_without_a_record() {
    let world = World::with_script("cd /");
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    supervisor.start(&key, run("well")).await.unwrap();
    let healthy = |s: &SlotStatus| s.health == Health::Healthy;
    let before = until(&supervisor, &key, "healthy", healthy).await;
    let lost = before.pid.unwrap();
    let cwd = std::fs::read_link(format!("/proc/{lost}/cwd")).unwrap();
    assert_eq!(cwd, std::path::Path::new("/"));
    // With its record it is adopted wherever it works.
    drop(supervisor);
    let supervisor = world.supervisor().await;
    let adopted = until(&supervisor, &key, "healthy", healthy).await;
    assert_eq!((adopted.pid, adopted.restarts), (Some(lost), 0));
    drop(supervisor);
    let path = world
        .folder
        .path()
        .join("services/sample%2Fquotes/test/blue/process.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record["process"]["pid"], lost);
    record["process"] = serde_json::Value::Null;
    std::fs::write(&path, record.to_string()).unwrap();

    let supervisor = world.supervisor().await;
    let after = until(&supervisor, &key, "healthy", healthy).await;
    assert!(!is_alive(lost), "two processes of one slot");
    assert_ne!(after.pid, Some(lost));
    assert_eq!((after.address, after.restarts), (before.address, 0));
    supervisor.stop(&key).await.unwrap();
}

#[tokio::test]
async fn a_clean_stop_ends_processes_and_the_next_start_brings_back_what_was_wished() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let blue = world.install(&supervisor, SlotName::Blue).await;
    let green = world.install(&supervisor, SlotName::Green).await;
    let address = supervisor.start(&blue, run("well")).await.unwrap();
    supervisor.start(&green, run("well")).await.unwrap();
    supervisor.stop(&green).await.unwrap();
    let pid = until(&supervisor, &blue, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await
    .pid
    .unwrap();
    supervisor.stop_all().await;
    assert!(!is_alive(pid));
    drop(supervisor);
    let supervisor = world.supervisor().await;
    let status = until(&supervisor, &blue, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    assert_eq!(status.address, Some(address));
    assert_eq!(
        supervisor.status(&green).unwrap().process,
        ProcessState::Stopped
    );
    supervisor.stop(&blue).await.unwrap();
}

#[tokio::test]
async fn a_process_that_does_not_stay_alive_is_a_crash_loop_and_says_why() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    supervisor.start(&key, run("exit-after:10")).await.unwrap();
    let status = until(&supervisor, &key, "crash loop", |s| {
        s.process == ProcessState::CrashLoop
    })
    .await;
    assert_eq!(status.health, Health::Unhealthy);
    assert!(status.restarts >= 2, "{status:?}");
    let failure = status.last_failure.unwrap();
    assert!(
        failure.contains("exited with status 3") && failure.contains("behaviour"),
        "{failure}"
    );
    supervisor.stop(&key).await.unwrap();
}

#[tokio::test]
async fn health_is_lost_after_failures_in_a_row() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    supervisor.start(&key, run("well")).await.unwrap();
    until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    let limit = Duration::from_secs(5);
    supervisor.probe(&key, "/sicken", limit).await.unwrap();
    let status = until(&supervisor, &key, "unhealthy", |s| {
        s.health == Health::Unhealthy
    })
    .await;
    assert_eq!(status.process, ProcessState::Running);
    assert!(status.last_failure.unwrap().contains("500"));
    supervisor.stop(&key).await.unwrap();
}

#[tokio::test]
async fn a_service_that_ignores_the_polite_signal_is_killed_with_its_children() {
    let world = World::with_script("trap '' TERM\nsleep 1000 &\necho child $!");
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    let mut run = run("well");
    run.stop_timeout_ms = 200;
    supervisor.start(&key, run).await.unwrap();
    let pid = until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await
    .pid
    .unwrap();
    let log = world
        .folder
        .path()
        .join("services/sample%2Fquotes/test/blue/log/stdout.log");
    let text = std::fs::read_to_string(log).unwrap();
    let child: i32 = text
        .lines()
        .find_map(|l| l.strip_prefix("child "))
        .unwrap()
        .parse()
        .unwrap();
    assert!(is_alive(child));
    supervisor.stop(&key).await.unwrap();
    assert!(!is_alive(pid));
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while is_alive(child) {
        assert!(
            std::time::Instant::now() < deadline,
            "the child outlived its service"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_process_started_just_before_a_crash_is_not_left_beside_a_second_one() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    supervisor.start(&key, run("well")).await.unwrap();
    let status = until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    drop(supervisor);
    // As if the crash had come between the start and its record.
    let file = world
        .folder
        .path()
        .join("services/sample%2Fquotes/test/blue/process.json");
    let mut record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    record["process"] = serde_json::Value::Null;
    std::fs::write(&file, record.to_string()).unwrap();
    let supervisor = world.supervisor().await;
    let after = until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    assert_ne!(after.pid, status.pid);
    assert!(!is_alive(status.pid.unwrap()));
    supervisor.stop(&key).await.unwrap();
}

#[tokio::test]
async fn starting_twice_is_starting_once() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Green).await;
    let first = supervisor.start(&key, run("well")).await.unwrap();
    let pid = supervisor.status(&key).unwrap().pid;
    assert_eq!(supervisor.start(&key, run("well")).await.unwrap(), first);
    assert_eq!(supervisor.status(&key).unwrap().pid, pid);
    supervisor.stop(&key).await.unwrap();
}

#[tokio::test]
async fn a_program_that_is_missing_or_not_executable_is_named() {
    let mut world = World::new();
    let supervisor = world.supervisor().await;
    let key = key(SlotName::Blue);
    let nothing = supervisor.start(&key, run("well")).await.unwrap_err();
    assert!(
        nothing.to_string().contains("nothing is installed"),
        "{nothing}"
    );
    zip(&world.archive, &[("service", 0o644, b"#!/bin/sh\n")]);
    world.digest = crate::world::sha256(&world.archive);
    world.install(&supervisor, SlotName::Blue).await;
    let error = supervisor.start(&key, run("well")).await.unwrap_err();
    assert!(
        matches!(error, SupervisorError::NotExecutable { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("chmod +x"), "{error}");
    let mut other = run("well");
    other.command = vec!["./elsewhere".into()];
    let error = supervisor.start(&key, other).await.unwrap_err();
    assert!(
        matches!(error, SupervisorError::ProgramMissing { .. }),
        "{error}"
    );
    assert_eq!(
        supervisor.status(&key).unwrap().process,
        ProcessState::Stopped
    );
}
