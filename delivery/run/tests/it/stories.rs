//! Small pipelines, told event by event.

use rialto_delivery_pipeline::plan::Plan;
use rialto_delivery_run::event::{Event, Outcome, RefuseEventError};
use rialto_delivery_run::machine::Machine;
use rialto_delivery_run::simulate::{SimulateError, SimulationEvent, simulate};
use rialto_delivery_run::state::{FailureReason, Status};

use crate::world::{event, plan, tell};

#[test]
fn stages_run_one_after_the_other_and_a_failure_skips_the_rest() {
    let plan = plan(&[
        "build@build",
        "test@test",
        "clean@test when=on_failure",
        "deploy@deploy",
    ]);
    assert_eq!(
        tell(&plan, &["run build", "drop build", "success clean"]),
        [
            "pending | build=pending test=created deploy=created \
             | build=pending test=created clean=created deploy=created",
            "running | build=running test=created deploy=created \
             | build=running test=created clean=created deploy=created",
            "running | build=failed test=pending deploy=created \
             | build=failed test=skipped clean=pending deploy=created",
            "failed | build=failed test=success deploy=skipped \
             | build=failed test=skipped clean=success deploy=skipped",
        ]
    );
}

#[test]
fn a_job_with_needs_starts_before_its_stage() {
    let plan = plan(&["a@build", "b@build", "fast@test needs=a", "slow@test"]);
    let story = tell(&plan, &["success a", "success fast", "success b"]);
    assert!(story[1].ends_with("a=success b=pending fast=pending slow=created"));
    assert!(story[3].ends_with("a=success b=success fast=success slow=pending"));
}

#[test]
fn a_need_that_was_never_played_skips_the_job_until_it_is() {
    let plan = plan(&[
        "a@t when=manual",
        "b@t needs=a",
        "c@t when=manual needs=b",
        "d@t needs=c",
    ]);
    assert_eq!(
        tell(
            &plan,
            &[
                "play a",
                "success a",
                "success b",
                "play c",
                "success c",
                "success d"
            ]
        ),
        [
            "skipped | t=skipped | a=manual b=skipped c=skipped d=skipped",
            "pending | t=pending | a=pending b=created c=created d=created",
            "running | t=running | a=success b=pending c=created d=created",
            "success | t=success | a=success b=success c=manual d=skipped",
            "running | t=running | a=success b=success c=pending d=created",
            "running | t=running | a=success b=success c=success d=pending",
            "success | t=success | a=success b=success c=success d=success",
        ]
    );
}

#[test]
fn a_blocking_manual_job_holds_the_later_stages() {
    let plan = plan(&[
        "ask@test when=manual block=yes",
        "deploy@deploy when=always",
    ]);
    assert_eq!(
        tell(&plan, &["play ask", "drop ask"]),
        [
            "manual | test=manual deploy=created | ask=manual deploy=created",
            "pending | test=pending deploy=created | ask=pending deploy=created",
            "running | test=failed deploy=pending | ask=failed deploy=pending",
        ]
    );
}

#[test]
fn needs_written_against_the_file_order_are_still_followed() {
    let plan = plan(&["late@t needs=early", "early@t"]);
    let story = tell(&plan, &["drop early"]);
    assert_eq!(story[0], "pending | t=pending | late=created early=pending");
    assert_eq!(story[1], "failed | t=failed | late=skipped early=failed");
}

#[test]
fn a_retried_job_revives_what_it_had_skipped() {
    let plan = plan(&["build@build", "test@test", "report@test needs=build"]);
    let story = tell(&plan, &["drop build", "retry build", "success build"]);
    assert!(story[1].starts_with("failed") && story[1].ends_with("test=skipped report=skipped"));
    assert!(story[2].ends_with("build=pending test=created report=created"));
    assert!(story[3].ends_with("build=success test=pending report=pending"));
}

#[test]
fn retrying_the_pipeline_leaves_manual_jobs_to_a_person_and_retrying_the_job_does_not() {
    let plan = plan(&["a@t", "b@t when=manual"]);
    let common = ["success a", "play b", "drop b"];
    let whole = tell(&plan, &[&common[..], &["retry"]].concat());
    assert_eq!(whole[3], "success | t=success | a=success b=failed");
    assert_eq!(whole[4], "success | t=success | a=success b=manual");
    let single = tell(&plan, &[&common[..], &["retry b"]].concat());
    assert_eq!(single[4], "running | t=running | a=success b=pending");
}

#[test]
fn a_running_job_is_canceling_until_it_is_gone_and_a_waiting_one_is_canceled_at_once() {
    let plan = plan(&["a@t", "b@t", "m@t when=manual", "c@u"]);
    let story = tell(&plan, &["run a", "cancel", "success a"]);
    assert_eq!(
        story[2],
        "canceling | t=canceling u=canceled | a=canceling b=canceled m=manual c=canceled"
    );
    assert_eq!(
        story[3],
        "canceled | t=canceled u=canceled | a=canceled b=canceled m=manual c=canceled"
    );
}

#[test]
fn a_canceled_predecessor_skips_every_kind_of_successor() {
    let plan = plan(&[
        "a@t",
        "b@u when=always",
        "c@u when=on_failure",
        "d@u needs=a when=always",
    ]);
    let story = tell(&plan, &["cancel a"]);
    assert_eq!(
        story[1],
        "canceled | t=canceled u=skipped | a=canceled b=skipped c=skipped d=skipped"
    );
}

#[test]
fn a_failure_with_an_allowed_exit_code_is_a_warning_and_another_is_not() {
    let plan = plan(&["a@t exit=3", "b@u"]);
    let machine = Machine::new(&plan, |_| false);
    for (code, expected) in [(3, Status::Pending), (4, Status::Skipped)] {
        let mut state = machine.initial();
        machine.apply(&mut state, &Event::Created).expect("created");
        machine
            .apply(&mut state, &Event::Lease { job: 0 })
            .expect("leased");
        let reason = FailureReason::ScriptFailure;
        let outcome = Outcome::Failed {
            reason,
            exit_code: Some(code),
        };
        machine
            .apply(&mut state, &Event::Finish { job: 0, outcome })
            .expect("ended");
        assert_eq!(state.jobs[1].status, expected);
    }
}

#[test]
fn automatic_retries_make_new_attempts_and_then_give_up() {
    let plan = plan(&["a@t retry=2"]);
    let story = tell(&plan, &["drop a", "drop a", "drop a"]);
    assert_eq!(story[2], "pending | t=pending | a=pending");
    assert_eq!(story[3], "failed | t=failed | a=failed");
}

#[test]
fn the_lock_of_a_resource_group_goes_to_one_job_at_a_time() {
    let plan = plan(&["a@t group=g", "b@t group=g"]);
    let story = tell(&plan, &["success a"]);
    assert_eq!(
        story[0],
        "running | t=running | a=pending b=waiting_for_resource"
    );
    assert_eq!(story[1], "running | t=running | a=success b=pending");
}

#[test]
fn one_failure_cancels_the_rest_when_the_workflow_says_so() {
    let mut plan = plan(&["a@t", "b@t", "tolerated@t allow"]);
    plan.cancel_on_job_failure = true;
    let story = tell(&plan, &["drop tolerated", "drop b"]);
    assert_eq!(
        story[1],
        "pending | t=pending | a=pending b=pending tolerated=failed"
    );
    assert_eq!(
        story[2],
        "failed | t=failed | a=canceled b=failed tolerated=failed"
    );
}

#[test]
fn an_event_that_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let plan = plan(&["a@t", "b@u"]);
    let refused = simulate(&plan, &[event("success b")]).expect_err("b has not started");
    assert_eq!(
        refused.to_string(),
        "event 1: job `b` is created: success is only possible while it is pending, running or \
         canceling"
    );
    let unknown = simulate(&plan, &[event("run x")]).expect_err("there is no x");
    assert_eq!(
        unknown,
        SimulateError::UnknownJob {
            index: 1,
            name: "x".into()
        }
    );
}

#[test]
fn a_late_success_never_turns_a_canceled_job_green() {
    let plan = plan(&["a@t"]);
    let machine = Machine::new(&plan, |_| false);
    let mut state = machine.initial();
    for event in [
        Event::Created,
        Event::Lease { job: 0 },
        Event::Cancel { job: 0 },
    ] {
        machine.apply(&mut state, &event).expect("possible");
    }
    let success = Event::Finish {
        job: 0,
        outcome: Outcome::Success,
    };
    machine.apply(&mut state, &success).expect("taken note of");
    assert_eq!(state.jobs[0].status, Status::Canceled);
    let again = machine.apply(&mut state, &success);
    assert!(matches!(again, Err(RefuseEventError::WrongState { .. })));
}

#[test]
fn a_managed_deployment_shows_its_phases_and_cannot_be_played_past_approval() {
    use rialto_delivery_run::event::DeploymentPhase::{
        AwaitingApproval, Checking, Deploying, Queued,
    };
    let plan = plan(&["deploy@deploy", "after@after"]);
    let machine = Machine::new(&plan, |name| name == "deploy");
    let mut state = machine.initial();
    machine.apply(&mut state, &Event::Created).expect("created");
    assert_eq!(state.jobs[0].status, Status::Preparing);
    for (phase, status) in [
        (Checking, Status::Preparing),
        (AwaitingApproval, Status::Manual),
        (Queued, Status::WaitingForResource),
        (Deploying, Status::Running),
    ] {
        machine
            .apply(&mut state, &Event::Deployment { job: 0, phase })
            .expect("a phase");
        assert_eq!(state.jobs[0].status, status);
        if phase == AwaitingApproval {
            let refused = machine.apply(&mut state, &Event::Play { job: 0 });
            assert!(matches!(
                refused,
                Err(RefuseEventError::AwaitsApproval { .. })
            ));
            assert_eq!(machine.status(&state), Status::Manual);
        }
    }
    let outcome = Outcome::Success;
    machine
        .apply(&mut state, &Event::Finish { job: 0, outcome })
        .expect("deployed");
    assert_eq!(state.jobs[1].status, Status::Pending);
}

/// Section 5.1: which event is possible in which state, and where it leads.
#[test]
fn every_event_fits_the_states_it_says_it_fits() {
    let plan = plan(&[
        "holder@t group=g",
        "waiting@t group=g",
        "pending@t",
        "running@t",
        "canceling@t",
        "success@t",
        "failed@t",
        "canceled@t",
        "manual@t when=manual block=1",
        "scheduled@t when=delayed",
        "lost@t",
        "skipped@t needs=lost",
        "created@u",
    ]);
    let story = [
        "run running,canceling",
        "cancel canceling,canceled",
        "success success",
        "drop failed,lost",
    ];
    let states = [
        "created",
        "waiting",
        "pending",
        "running",
        "canceling",
        "success",
        "failed",
        "canceled",
        "manual",
        "scheduled",
        "skipped",
    ];
    let outcomes: Vec<String> = ["run", "success", "drop", "play", "retry", "cancel"]
        .iter()
        .flat_map(|kind| states.map(|job| outcome(&plan, &story, kind, job)))
        .collect();
    insta::assert_snapshot!("every_event_in_every_state", outcomes.join("\n"));
}

/// `event in state: state after` or why not.
fn outcome(plan: &Plan, story: &[&str], kind: &str, job: &str) -> String {
    let mut events: Vec<_> = story.iter().map(|line| event(line)).collect();
    let status = |events: &[SimulationEvent]| {
        let all = simulate(plan, events)?;
        let last = all.last().expect("one after creation");
        let found = last.jobs.iter().find(|(name, _)| name == job);
        Ok::<_, SimulateError>(found.expect("a job of the plan").1)
    };
    let before = status(&events).expect("a possible story");
    events.push(event(&format!("{kind} {job}")));
    match status(&events) {
        Ok(after) => format!("{kind} in {before}: {after}"),
        Err(SimulateError::Refused { index: 5, source }) => {
            let told = source.to_string();
            let allowed = told
                .rsplit_once(" while it is ")
                .map_or("?", |(_, words)| words);
            let words = allowed.split([' ', ',']);
            assert!(
                !words.into_iter().any(|word| word == before.as_str()),
                "{told}"
            );
            format!("{kind} in {before}: refused: {told}")
        }
        Err(other) => panic!("{other}"),
    }
}
