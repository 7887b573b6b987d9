//! Plans written in one line per job, and events in one line per step.

use rialto_delivery_pipeline::plan::{AllowFailure, Need, OnNewCommit, Plan, PlannedJob, When};
use rialto_delivery_run::simulate::{SimulationEvent, Snapshot, simulate};

/// `build@build`, `test@test when=manual allow needs=build,lint retry=1 group=g exit=3`
pub fn job(line: &str) -> PlannedJob {
    let mut words = line.split_whitespace();
    let (name, stage) = words
        .next()
        .and_then(|w| w.split_once('@'))
        .expect("name@stage");
    let mut job: PlannedJob = serde_json::from_value(serde_json::json!({
        "name": name, "base_name": name, "stage": stage, "when": "on_success", "start_in_s": null,
        "allow_failure": "no", "needs": null, "dependencies": null, "before_script": [],
        "script": ["true"], "after_script": [], "variables": {}, "image": null, "services": [],
        "artifacts": null, "cache": [], "retry": {"max": 0, "when": [], "exit_codes": []},
        "timeout_s": null, "tags": [], "interruptible": false, "resource_group": null,
        "environment": null, "coverage": null, "node": null,
        "origin": {"file": ".gitlab-ci.yml", "line": 1, "column": 1}
    }))
    .expect("a job");
    for word in words {
        match word.split_once('=') {
            None if word == "allow" => job.allow_failure = AllowFailure::Yes,
            None if word == "interruptible" => job.interruptible = true,
            Some(("exit", code)) => {
                job.allow_failure = AllowFailure::ExitCodes(vec![code.parse().expect("a code")]);
            }
            Some(("when", when)) => {
                job.when = serde_json::from_value(when.into()).expect("a when");
                // A manual job of the file's own `when` blocks nothing.
                if job.when == When::Manual && job.allow_failure == AllowFailure::No {
                    job.allow_failure = AllowFailure::Yes;
                }
            }
            Some(("block", _)) => job.allow_failure = AllowFailure::No,
            Some(("retry", max)) => job.retry.max = max.parse().expect("a number"),
            Some(("group", name)) => job.resource_group = Some(name.into()),
            Some(("needs", names)) => {
                let names = names.split(',').filter(|n| !n.is_empty());
                job.needs = Some(
                    names
                        .map(|n| Need {
                            job: n.into(),
                            artifacts: true,
                        })
                        .collect(),
                );
            }
            other => panic!("unknown word {other:?}"),
        }
    }
    job
}

pub fn plan(lines: &[&str]) -> Plan {
    let jobs: Vec<_> = lines.iter().map(|line| job(line)).collect();
    let mut stages: Vec<String> = Vec::new();
    for job in &jobs {
        if !stages.contains(&job.stage) {
            stages.push(job.stage.clone());
        }
    }
    let on_new_commit = OnNewCommit::Conservative;
    Plan {
        name: None,
        stages,
        jobs,
        on_new_commit,
        cancel_on_job_failure: false,
    }
}

/// `drop build` or `cancel` (the whole pipeline).
pub fn event(line: &str) -> SimulationEvent {
    let (kind, jobs) = line
        .split_once(' ')
        .map_or((line, None), |(k, j)| (k, Some(j)));
    let jobs: Option<Vec<&str>> = jobs.map(|j| j.split(',').collect());
    serde_json::from_value(serde_json::json!({"event": kind, "jobs": jobs})).expect("an event")
}

/// Each snapshot as `pipeline | stage=status … | job=status …`.
pub fn tell(plan: &Plan, events: &[&str]) -> Vec<String> {
    let events: Vec<_> = events.iter().map(|line| event(line)).collect();
    let pairs = |list: &[(String, rialto_delivery_run::state::Status)]| {
        list.iter()
            .map(|(name, s)| format!("{name}={s}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let line = |s: &Snapshot| format!("{} | {} | {}", s.pipeline, pairs(&s.stages), pairs(&s.jobs));
    simulate(plan, &events)
        .expect("possible events")
        .iter()
        .map(line)
        .collect()
}
