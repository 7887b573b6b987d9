//! Services that use more than they may, beside one that does not.

use std::path::Path;
use std::time::Duration;

use rialto_delivery_release::SlotName;
use rialto_delivery_supervisor::{
    Health, IsolationMode, ProcessState, RunSpec, ServiceCage, ServiceLimits, SlotStatus,
    Supervisor, SupervisorError,
};

use crate::world::{World, is_alive, key, run, until};

const MEMORY: u64 = 128 << 20;

/// The first words of a breach, or nothing.
fn breach(status: &SlotStatus) -> &str {
    status.last_end.as_deref().unwrap_or_default()
}

fn within(memory_bytes: Option<u64>, processes: Option<u32>) -> RunSpec {
    RunSpec {
        memory_bytes,
        processes,
        ..run("well")
    }
}

/// Live processes that work in the folder of a slot.
fn of_slot(folder: &Path) -> Vec<i32> {
    let folder = folder.canonicalize().unwrap();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let cwd = std::fs::read_link(format!("/proc/{pid}/cwd"));
            cwd.is_ok_and(|cwd| cwd.starts_with(&folder)) && is_alive(*pid)
        })
        .collect()
}

/// A service that keeps to its limits, in the blue slot.
async fn neighbour(world: &World, supervisor: &Supervisor) -> i32 {
    let key = world.install(supervisor, SlotName::Blue).await;
    supervisor.start(&key, run("well")).await.unwrap();
    let well = until(supervisor, &key, "healthy", |s| s.health == Health::Healthy).await;
    well.pid.unwrap()
}

/// Starts what misbehaves in the green slot and waits for its end.
async fn misbehave(supervisor: &Supervisor, before: &str, spec: RunSpec) -> SlotStatus {
    let bad = World::with_script(before);
    let key = bad.install(supervisor, SlotName::Green).await;
    supervisor.start(&key, spec).await.unwrap();
    until(supervisor, &key, "ended for its limit", |status| {
        breach(status).starts_with("the process was ended with all it started")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_eats_memory_is_ended_and_its_neighbour_is_not() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let well = neighbour(&world, &supervisor).await;
    let eats = "head -c 400000000 /dev/zero | tail -c 400000000 | (sleep 300; cat)";
    let ended = misbehave(&supervisor, eats, within(Some(MEMORY), None)).await;
    let limit = format!(" MiB of memory, the limit is {} MiB", MEMORY >> 20);
    assert!(breach(&ended).contains(&limit), "{}", breach(&ended));
    assert_ne!(ended.health, Health::Healthy);
    let neighbour = supervisor.status(&key(SlotName::Blue)).unwrap();
    assert_eq!((neighbour.pid, neighbour.restarts), (Some(well), 0));
    assert_eq!(neighbour.health, Health::Healthy);
    supervisor.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_forks_for_ever_is_ended_to_the_last_process() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let well = neighbour(&world, &supervisor).await;
    // Half of them leave the session and their parents.
    let forks = "while :; do sleep 300 & (setsid sleep 301 &) ; done";
    let ended = misbehave(&supervisor, forks, within(None, Some(20))).await;
    let text = breach(&ended);
    assert!(
        text.contains(" processes at once, the limit is 20"),
        "{text}"
    );
    let key = key(SlotName::Green);
    let looping = |s: &SlotStatus| s.process == ProcessState::CrashLoop;
    until(&supervisor, &key, "in a crash loop", looping).await;
    supervisor.stop(&key).await.unwrap();
    let folder = world
        .folder
        .path()
        .join("services/sample%2Fquotes/test/green");
    assert_eq!(of_slot(&folder), [] as [i32; 0]);
    assert!(is_alive(well));
    supervisor.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_service_is_held_to_its_limits_too() {
    let world = World::new();
    let supervisor = world.supervisor().await;
    let key = world.install(&supervisor, SlotName::Blue).await;
    let spec = within(Some(MEMORY), None);
    supervisor.start(&key, spec).await.unwrap();
    let healthy = |s: &SlotStatus| s.health == Health::Healthy;
    let before = until(&supervisor, &key, "healthy", healthy).await;
    drop(supervisor);
    let supervisor = world.supervisor().await;
    let adopted = until(&supervisor, &key, "healthy again", healthy).await;
    assert_eq!((adopted.pid, adopted.last_end), (before.pid, None));
    let limit = Duration::from_secs(10);
    // Ended while it answers, or just after.
    let _ = supervisor.probe(&key, "/eat", limit).await;
    let ended = until(&supervisor, &key, "ended for its limit", |s| {
        s.last_end.is_some()
    })
    .await;
    assert!(
        breach(&ended).contains("of memory, the limit is"),
        "{}",
        breach(&ended)
    );
    until(&supervisor, &key, "healthy once more", healthy).await;
    supervisor.stop_all().await;
}

#[tokio::test]
async fn a_release_may_ask_for_less_than_the_house_gives_and_not_for_more() {
    let world = World::new();
    let mut cage = ServiceCage::new(IsolationMode::Off, Vec::new()).unwrap();
    cage.program = crate::isolation::program();
    cage.limits = ServiceLimits {
        memory_bytes: 1 << 30,
        processes: 50,
    };
    let root = world.data().join("services");
    let supervisor = Supervisor::open_caged(root, cage).await.unwrap();
    let key = world.install(&supervisor, SlotName::Blue).await;
    for (spec, name) in [
        (within(Some((1 << 30) + 1), None), "service.memory"),
        (within(None, Some(51)), "service.processes"),
    ] {
        let error = supervisor.start(&key, spec).await.unwrap_err();
        assert!(matches!(error, SupervisorError::Limit { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(supervisor.status(&key).unwrap().pid, None);
    }
    let spec = within(Some(1 << 30), Some(50));
    supervisor.start(&key, spec).await.unwrap();
    until(&supervisor, &key, "healthy", |s| {
        s.health == Health::Healthy
    })
    .await;
    supervisor.stop_all().await;
}
