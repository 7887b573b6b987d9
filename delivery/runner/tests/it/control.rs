//! Time, cancel and the whole process tree.

use std::time::{Duration, Instant};

use rialto_delivery_run::assignment::{JobOutcome, JobResult};
use rialto_delivery_run::state::FailureReason;

use rialto_delivery_runner::executor::RunAs;

use crate::world::{World, eventually, failed, is_alive, pid_in};

/// Runs the world's job and cancels it when the file appears.
fn cancel_when(world: &World, file: &str) -> JobOutcome {
    let marker = world.project().join(file);
    std::thread::scope(|scope| {
        let job = scope.spawn(|| world.run());
        assert!(eventually(|| marker.exists()), "{}", world.log.text());
        world.cancel.cancel();
        job.join().unwrap()
    })
}

const TREE: &str = "\
sleep 301 & echo $! > plain
setsid bash -c 'echo $$ > session; sleep 302; true' &
(setsid bash -c 'echo $$ > orphan.tmp; mv orphan.tmp orphan; sleep 303; true' > /dev/null 2>&1 < /dev/null &)
trap '' TERM
until [ -s plain ] && [ -s session ] && [ -s orphan ]; do sleep 0.01; done
sleep 0.2
touch ready
wait
while true; do sleep 304; done";

fn assert_tree_is_gone(world: &World) {
    for name in ["plain", "session", "orphan"] {
        let pid = pid_in(&world.project().join(name));
        assert!(!is_alive(pid), "{name} ({pid}) survived");
    }
}

#[test]
fn a_timeout_ends_the_whole_tree_and_skips_the_after_script() {
    let mut world = World::new(&[TREE]);
    world.assignment.timeout_s = 2;
    world.assignment.after_script = vec!["touch after".to_owned()];
    let begin = Instant::now();
    let outcome = world.run();
    let message = failed(&outcome, FailureReason::JobExecutionTimeout);
    assert!(message.contains("timeout of 2 s"), "{message}");
    assert!(
        begin.elapsed() < Duration::from_secs(60),
        "{:?}",
        begin.elapsed()
    );
    assert_tree_is_gone(&world);
    assert!(!world.project().join("after").exists());
    assert!(outcome.isolation.contains(&"process_tree_gone".to_owned()));
}

#[test]
fn a_cancelled_job_leaves_no_process() {
    let world = World::new(&[TREE]);
    let outcome = cancel_when(&world, "ready");
    assert_eq!(outcome.result, JobResult::Canceled);
    assert_tree_is_gone(&world);
}

#[test]
fn a_cancelled_job_still_runs_its_after_script() {
    let mut world = World::new(&["touch ready; sleep 300"]);
    world.assignment.after_script = vec!["echo $CI_JOB_STATUS > after".to_owned()];
    assert_eq!(cancel_when(&world, "ready").result, JobResult::Canceled);
    let after = std::fs::read_to_string(world.project().join("after")).unwrap();
    assert_eq!(after, "canceled\n");
}

#[test]
fn a_job_may_clean_up_on_sigterm() {
    let world = World::new(&["trap 'echo bye > bye; exit 0' TERM; touch ready; sleep 300 & wait"]);
    assert_eq!(cancel_when(&world, "ready").result, JobResult::Canceled);
    assert!(
        world.project().join("bye").exists(),
        "a job that was cancelled is never green"
    );
}

#[test]
fn a_job_cancelled_before_its_start_never_runs() {
    let mut world = World::new(&["touch ran"]);
    world.assignment.after_script = vec!["touch after".to_owned()];
    world.cancel.cancel();
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Canceled);
    assert_eq!(outcome.exit_code, None);
    assert!(!world.project().join("ran").exists());
    assert!(!world.project().join("after").exists());
}

#[test]
fn a_script_timeout_is_a_script_failure_and_the_after_script_runs() {
    let mut world = World::new(&["sleep 300"]);
    world.variable("RUNNER_SCRIPT_TIMEOUT", "300ms");
    world.assignment.after_script = vec!["echo $CI_JOB_STATUS > after".to_owned()];
    let message = failed(&world.run(), FailureReason::ScriptFailure);
    assert!(message.contains("RUNNER_SCRIPT_TIMEOUT"), "{message}");
    assert_eq!(
        std::fs::read_to_string(world.project().join("after")).unwrap(),
        "failed\n"
    );
}

#[test]
fn an_after_script_that_hangs_is_stopped_and_changes_nothing() {
    let mut world = World::new(&["true"]);
    world.variable("RUNNER_AFTER_SCRIPT_TIMEOUT", "200ms");
    world.assignment.after_script = vec!["sleep 300".to_owned()];
    assert_eq!(world.run().result, JobResult::Success);
    assert!(
        world
            .log
            .text()
            .contains("the after-script took longer than")
    );
}

#[test]
fn a_timeout_that_is_not_a_duration_is_refused() {
    let mut world = World::new(&["true"]);
    world.variable("RUNNER_SCRIPT_TIMEOUT", "5 minutes");
    let message = failed(&world.run(), FailureReason::RunnerSystemFailure);
    assert!(
        message.contains("RUNNER_SCRIPT_TIMEOUT=5 minutes"),
        "{message}"
    );
}

#[test]
fn a_process_left_behind_by_a_finished_script_is_ended() {
    let world = World::new(&["setsid sleep 305 > /dev/null 2>&1 & echo $! > pid; sleep 0.1"]);
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success);
    assert!(!is_alive(pid_in(&world.project().join("pid"))));
}

#[test]
fn a_background_process_holding_the_output_does_not_hold_the_job() {
    let world = World::new(&["sleep 306 &", "echo done"]);
    let begin = Instant::now();
    assert_eq!(world.run().result, JobResult::Success);
    assert!(begin.elapsed() < Duration::from_secs(120));
    assert_eq!(world.lines(), ["done"]);
}

#[test]
fn a_job_can_be_run_as_an_unprivileged_user() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root may switch users");
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mut world = World::new(&["id -u; id -G; touch $HOME/a $TMPDIR/b c; cat $KEY"]);
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.dir.path(), open).unwrap();
    world.config.run_as = Some(RunAs {
        uid: 65534,
        gid: 65534,
    });
    world.variable("KEY", "of the job\n").file = true;
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success, "{}", world.log.text());
    assert_eq!(world.lines(), ["65534", "65534", "of the job"]);
    assert!(outcome.isolation.contains(&"run_as_uid_65534".to_owned()));
}
