//! The shell contract: one bash, exit codes, persistence, environment.

use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::FailureReason;

use crate::world::{World, failed};

#[test]
fn a_script_that_exits_zero_succeeds() {
    let world = World::new(&["echo hello"]);
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success);
    assert_eq!(outcome.exit_code, Some(0));
    assert_eq!(
        world.script_output(),
        "\u{1b}[32;1m$ echo hello\u{1b}[0;m\nhello\n"
    );
    assert_eq!(outcome.log_bytes, world.log.0.lock().unwrap().len() as u64);
    assert!(
        outcome.isolation.contains(&"process_tree_gone".to_owned()),
        "{outcome:?}"
    );
}

#[test]
fn exports_directories_and_functions_persist_between_elements() {
    let mut world = World::new(&[
        "cd sub",
        "export A=1; f() { echo \"f $A $(basename $PWD)\"; }",
        "f",
    ]);
    world.assignment.before_script = vec!["mkdir sub".to_owned()];
    assert_eq!(world.run().result, JobResult::Success);
    assert_eq!(world.lines(), ["f 1 sub"]);
}

#[test]
fn the_exit_status_of_the_script_is_the_jobs() {
    let world = World::new(&["exit 42", "echo never"]);
    let outcome = world.run();
    let message = failed(&outcome, FailureReason::ScriptFailure);
    assert_eq!(message, "the script ended with exit status 42");
    assert_eq!(outcome.exit_code, Some(42));
    assert!(world.lines().is_empty());
}

#[test]
fn a_failing_line_stops_the_script() {
    let world = World::new(&["false", "echo never"]);
    assert_eq!(world.run().exit_code, Some(1));
    assert!(!world.script_output().contains("never"));
}

#[test]
fn death_by_signal_is_128_plus_its_number() {
    let world = World::new(&["kill -KILL $$"]);
    assert_eq!(world.run().exit_code, Some(137));
    let world = World::new(&["bash -c 'kill -TERM $$'"]);
    assert_eq!(world.run().exit_code, Some(143));
}

#[test]
fn a_failure_inside_a_pipe_counts() {
    let world = World::new(&["false | cat"]);
    assert_eq!(world.run().exit_code, Some(1));
    let world = World::new(&["yes | head -1"]);
    assert_eq!(world.run().exit_code, Some(141));
}

#[test]
fn bashs_own_traps_are_kept() {
    let world = World::new(&["false && true", "echo still here"]);
    assert_eq!(world.run().result, JobResult::Success);
    assert_eq!(world.lines(), ["still here"]);
}

#[test]
fn a_command_cannot_swallow_the_script() {
    let world = World::new(&["cat", "echo after cat"]);
    assert_eq!(world.run().result, JobResult::Success);
    assert_eq!(world.lines(), ["after cat"]);
}

#[test]
fn stdout_and_stderr_are_merged_in_order() {
    let world = World::new(&["for i in 1 2 3; do echo out $i; echo err $i >&2; done"]);
    world.run();
    assert_eq!(
        world.lines(),
        ["out 1", "err 1", "out 2", "err 2", "out 3", "err 3"]
    );
}

#[test]
fn redirection_may_overwrite_files() {
    let world = World::new(&["echo a > f", "echo b > f", "cat f"]);
    assert_eq!(world.run().result, JobResult::Success);
    assert_eq!(world.lines(), ["b"]);
}

#[test]
fn the_environment_starts_empty() {
    let mut world = World::new(&["env | cut -d= -f1 | sort"]);
    world.variable("MINE", "x");
    world.run();
    let names = world.lines();
    for name in &names {
        let known = name.starts_with("CI_")
            || [
                "HOME",
                "LANG",
                "MINE",
                "PATH",
                "PWD",
                "RIALTO_JOB_RUN",
                "SHLVL",
                "TMPDIR",
                "_",
            ]
            .contains(&name.as_str());
        assert!(known, "{name} came from outside");
    }
    assert!(names.contains(&"MINE".to_owned()));
}

#[test]
fn home_and_temporary_directory_are_private_and_go_away() {
    let world = World::new(&["echo $HOME; touch $HOME/x; mktemp; pwd; echo $CI_PROJECT_DIR"]);
    assert_eq!(world.run().result, JobResult::Success);
    let lines = world.lines();
    assert!(lines[0].ends_with("builds/1.tmp/home"), "{lines:?}");
    assert!(lines[1].contains("builds/1.tmp/tmp/"), "{lines:?}");
    assert_eq!(lines[2], lines[3]);
    assert!(!std::path::Path::new(&lines[0]).exists());
}

#[test]
fn values_reach_the_script_byte_by_byte() {
    let value = "a $HOME `id` \"q\" 'q' \\ *\n  second line\ttab ";
    let mut world = World::new(&["printf '%s' \"$V\" > v"]);
    world.variable("V", value);
    world.run();
    assert_eq!(
        std::fs::read_to_string(world.project().join("v")).unwrap(),
        value
    );
}

#[test]
fn a_value_may_name_the_project_directory() {
    let mut world = World::new(&["echo $CARGO_HOME"]);
    world.variable("CARGO_HOME", "$CI_PROJECT_DIR/.cargo");
    world.run();
    assert_eq!(
        world.lines(),
        [format!("{}/.cargo", world.project().display())]
    );
}

#[test]
fn a_file_variable_is_a_private_file() {
    let mut world = World::new(&["cat $KEY; stat -c %a $KEY; echo $KEY > where"]);
    world.variable("KEY", "line one\nline two\n").file = true;
    assert_eq!(world.run().result, JobResult::Success);
    assert_eq!(world.lines(), ["line one", "line two", "600"]);
    let path = std::fs::read_to_string(world.project().join("where")).unwrap();
    assert!(
        !std::path::Path::new(path.trim()).exists(),
        "the file outlived the job"
    );
}

#[test]
fn a_value_over_128_kib_fails_before_the_start_and_is_named() {
    let mut world = World::new(&["touch ran"]);
    world.variable("BIG", &"x".repeat(140_000));
    let message = failed(&world.run(), FailureReason::RunnerSystemFailure);
    assert!(message.contains("variable BIG"), "{message}");
    assert!(!world.project().join("ran").exists());
}

#[test]
fn the_after_script_runs_in_a_fresh_shell_and_changes_nothing() {
    let mut world = World::new(&["export A=1; mkdir d; cd d"]);
    world.assignment.after_script =
        vec!["echo \"$CI_JOB_STATUS [$A] $(basename $PWD)\" > after; exit 3".to_owned()];
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success);
    assert_eq!(outcome.exit_code, Some(0));
    let after = std::fs::read_to_string(world.project().join("after")).unwrap();
    assert_eq!(after, "success [] project\n");
    assert!(
        world
            .log
            .text()
            .contains("after-script ended with exit status 3")
    );
}

#[test]
fn the_after_script_sees_a_failure() {
    let mut world = World::new(&["exit 7"]);
    world.assignment.after_script = vec!["echo $CI_JOB_STATUS > after".to_owned()];
    assert_eq!(world.run().exit_code, Some(7));
    let after = std::fs::read_to_string(world.project().join("after")).unwrap();
    assert_eq!(after, "failed\n");
}

#[test]
fn a_background_process_of_the_script_lives_until_the_after_script_ended() {
    let mut world = World::new(&["sleep 300 & echo $! > pid"]);
    world.assignment.after_script = vec!["kill -0 $(cat pid) && echo alive > after".to_owned()];
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success, "{}", world.log.text());
    assert!(world.project().join("after").exists());
    assert!(!crate::world::is_alive(crate::world::pid_in(
        &world.project().join("pid")
    )));
}

#[test]
fn an_image_is_ignored_aloud() {
    let mut world = World::new(&["true"]);
    world.assignment.image = Some("alpine:3".to_owned());
    let outcome = world.run();
    assert_eq!(outcome.result, JobResult::Success);
    assert!(outcome.notes.contains(&"image_ignored".to_owned()));
    assert!(
        world
            .log
            .text()
            .contains("WARNING: image alpine:3 is ignored")
    );
}

#[test]
fn services_are_refused() {
    let mut world = World::new(&["touch ran"]);
    world.assignment.services = vec!["postgres:16".to_owned()];
    let message = failed(&world.run(), FailureReason::RunnerUnsupported);
    assert!(message.contains("postgres:16"), "{message}");
    assert!(!world.project().join("ran").exists());
}

#[test]
fn a_syntax_error_fails_the_job_with_bashs_words() {
    let world = World::new(&["echo before", "if then"]);
    let outcome = world.run();
    failed(&outcome, FailureReason::ScriptFailure);
    assert!(
        world.script_output().contains("syntax error"),
        "{}",
        world.script_output()
    );
    assert!(world.lines().contains(&"before".to_owned()));
}
