//! What holds for every plan and every order of events.

use proptest::prelude::*;
use rialto_delivery_pipeline::plan::{AllowFailure, Need, OnNewCommit, Plan, When};
use rialto_delivery_run::event::{Event, Outcome};
use rialto_delivery_run::machine::{Machine, PipelineState};
use rialto_delivery_run::state::{FailureReason, Status};

use crate::world::job;

type JobSeed = (u8, u8, u8, Option<Vec<u8>>, u8);

fn plans() -> impl Strategy<Value = Plan> {
    let needs = prop::option::of(prop::collection::vec(any::<u8>(), 0..3));
    let seed = (0..3u8, 0..5u8, 0..3u8, needs, 0..3u8);
    prop::collection::vec(seed, 1..8).prop_map(|seeds| build(&seeds))
}

fn build(seeds: &[JobSeed]) -> Plan {
    let mut order: Vec<usize> = (0..seeds.len()).collect();
    order.sort_by_key(|i| seeds[*i].0);
    let mut jobs = Vec::new();
    for (position, index) in order.iter().enumerate() {
        let (stage, when, allow, needs, retry) = &seeds[*index];
        let mut job = job(&format!("j{position}@s{stage}"));
        job.when = [
            When::OnSuccess,
            When::OnFailure,
            When::Always,
            When::Manual,
            When::Delayed,
        ][usize::from(*when)];
        job.allow_failure = [
            AllowFailure::No,
            AllowFailure::Yes,
            AllowFailure::ExitCodes(vec![1]),
        ][usize::from(*allow)]
        .clone();
        job.retry.max = *retry;
        job.needs = needs.as_ref().map(|needs| {
            let earlier = needs.iter().filter(|_| position > 0);
            let name = |n: &u8| format!("j{}", usize::from(*n) % position);
            earlier
                .map(|n| Need {
                    job: name(n),
                    artifacts: true,
                })
                .collect()
        });
        jobs.push(job);
    }
    let mut stages: Vec<String> = jobs.iter().map(|job| job.stage.clone()).collect();
    stages.dedup();
    let on_new_commit = OnNewCommit::Conservative;
    Plan {
        name: None,
        stages,
        jobs,
        on_new_commit,
        cancel_on_job_failure: seeds.len().is_multiple_of(3),
    }
}

fn event(kind: u8, job: usize) -> Event {
    let failed = |exit_code| Outcome::Failed {
        reason: FailureReason::ScriptFailure,
        exit_code,
    };
    match kind % 12 {
        0 | 1 => Event::Lease { job },
        2 => Event::Finish {
            job,
            outcome: Outcome::Success,
        },
        3 => Event::Finish {
            job,
            outcome: failed(Some(1)),
        },
        4 => Event::Finish {
            job,
            outcome: failed(Some(2)),
        },
        5 => Event::Play { job },
        6 => Event::Timer { job },
        7 => Event::Cancel { job },
        8 => Event::Retry { job },
        9 => Event::RetryPipeline,
        10 => Event::GiveBack { job },
        _ => Event::CancelPipeline,
    }
}

fn settled(machine: &Machine, state: &PipelineState) -> bool {
    let mut copy = state.clone();
    machine
        .apply(&mut copy, &Event::Created)
        .is_ok_and(|t| t.is_empty())
        && &copy == state
}

proptest! {
    #[test]
    fn every_order_of_events_keeps_the_rules(
        plan in plans(),
        events in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>()), 0..60),
    ) {
        let machine = Machine::new(&plan, |_| false);
        let mut state = machine.initial();
        machine.apply(&mut state, &Event::Created).expect("creation is always possible");
        for (kind, index) in events {
            let before = state.clone();
            let event = event(kind, index.index(plan.jobs.len()));
            match machine.apply(&mut state, &event) {
                Err(_) => prop_assert_eq!(&before, &state, "a refused event changed something"),
                Ok(transitions) => {
                    for t in &transitions {
                        let revived = t.from == Status::Skipped && t.to == Status::Created;
                        let legal = !t.from.is_completed() || t.new_attempt || revived;
                        prop_assert!(legal, "left a terminal state: {t:?}");
                    }
                }
            }
            prop_assert!(settled(&machine, &state), "something startable was left lying");
            for (job, now) in state.jobs.iter().enumerate() {
                prop_assert!(now.attempt >= before.jobs[job].attempt);
            }
        }
    }

    #[test]
    fn a_pipeline_whose_jobs_all_get_runners_and_players_comes_to_an_end(plan in plans()) {
        let machine = Machine::new(&plan, |_| false);
        let mut state = machine.initial();
        machine.apply(&mut state, &Event::Created).expect("created");
        for _ in 0..200 {
            let next = state.jobs.iter().enumerate().find_map(|(job, s)| match s.status {
                Status::Pending => Some(Event::Lease { job }),
                Status::Running => Some(Event::Finish { job, outcome: Outcome::Success }),
                Status::Manual => Some(Event::Play { job }),
                Status::Scheduled => Some(Event::Timer { job }),
                _ => None,
            });
            let Some(event) = next else { break };
            machine.apply(&mut state, &event).expect("possible");
        }
        prop_assert!(machine.status(&state).is_completed(), "{:?}", state);
        prop_assert_ne!(machine.status(&state), Status::Failed);
    }
}
