//! What can be wrong with a job whatever the event: its stage and the jobs it names.

use std::collections::HashMap;

use crate::config::keys::nearest;
use crate::config::model::{JobSpec, NeedSpec};
use crate::config::outputs::MAX_NEEDS;
use crate::diagnostic::Sink;
use crate::plan::EnvironmentAction;
use crate::yaml::Mark;

/// Longest name of a job that others need.
const MAX_NEEDED_NAME_CHARS: usize = 128;

/// What can be wrong with a job whatever the event: its stage, the jobs it names.
pub(super) fn check_definitions(jobs: &[JobSpec], stages: &HashMap<&str, usize>, sink: &mut Sink) {
    let known: HashMap<&str, &JobSpec> = jobs.iter().map(|job| (&*job.name, job)).collect();
    let stage_of = |job: &JobSpec| {
        stages
            .get(
                job.stage
                    .as_ref()
                    .map_or("test", |(stage, _)| stage.as_str()),
            )
            .copied()
    };
    for job in jobs {
        let name = &job.name;
        if stage_of(job).is_none() {
            let (stage, mark) = job
                .stage
                .clone()
                .unwrap_or_else(|| ("test".to_owned(), job.mark));
            let near = sink
                .wants_hints()
                .then(|| nearest(&stage, stages.keys().copied()))
                .flatten();
            let fix = near.map_or_else(
                || format!("add `{stage}` to `stages`"),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("job `{name}`: there is no stage `{stage}`");
            sink.error_fix(mark, "unknown_stage", message, fix);
        }
        let of_rules = job
            .rules
            .iter()
            .flatten()
            .filter_map(|rule| rule.needs.as_ref())
            .flatten();
        let lists = job.rules.iter().flatten().filter_map(|r| r.needs.as_ref());
        for needs in job.needs.iter().chain(lists) {
            check_twice(name, needs, sink);
        }
        for need in job.needs.iter().flatten().chain(of_rules) {
            let base = base_name(&need.job, &known);
            check_name(
                name,
                base.map_or(&need.job, |job| &job.name),
                need.mark,
                sink,
            );
            match base {
                Some(target) if stage_of(target) > stage_of(job) && stage_of(job).is_some() => {
                    let message = format!(
                        "job `{name}` needs `{}`, which runs in a later stage",
                        need.job
                    );
                    sink.error_fix(
                        need.mark,
                        "need_in_later_stage",
                        message,
                        "move one of them",
                    );
                }
                Some(_) => {}
                None if need.optional => {}
                None => unknown_job(name, "needs", &need.job, need.mark, &known, sink),
            }
        }
        check_dependencies(job, &known, &stage_of, sink);
        check_on_stop(job, &known, sink);
    }
}

/// Refuses a job that is needed twice; different members of one matrix are different jobs.
fn check_twice(job: &str, needs: &[NeedSpec], sink: &mut Sink) {
    let mut seen: HashMap<&str, Vec<&NeedSpec>> = HashMap::new();
    for need in needs.iter().take(MAX_NEEDS) {
        let same = seen.entry(&need.job).or_default();
        if same.iter().any(|known| known.matrix == need.matrix) {
            let message = format!("job `{job}` needs `{}` twice", need.job);
            sink.error_fix(need.mark, "need_twice", message, "remove one of the two");
            continue;
        }
        same.push(need);
    }
}

fn check_name(job: &str, needed: &str, mark: Mark, sink: &mut Sink) {
    if needed.chars().count() > MAX_NEEDED_NAME_CHARS {
        let message = format!(
            "job `{job}`: a job that is needed may have a name of {MAX_NEEDED_NAME_CHARS} characters at most"
        );
        sink.error(mark, "name_too_long", message);
    }
}

/// The job a name means: itself, or the one that `parallel` makes it from.
fn base_name<'j>(name: &str, known: &HashMap<&str, &'j JobSpec>) -> Option<&'j JobSpec> {
    if let Some(job) = known.get(name) {
        return Some(job);
    }
    let base = match name.split_once(": [") {
        Some((base, _)) => base,
        None => {
            name.rsplit_once(' ')
                .filter(|(_, tail)| tail.contains('/'))?
                .0
        }
    };
    known
        .get(base)
        .copied()
        .filter(|job| job.parallel.is_some())
}

fn unknown_job(
    job: &str,
    verb: &str,
    target: &str,
    mark: Mark,
    known: &HashMap<&str, &JobSpec>,
    sink: &mut Sink,
) {
    let message = format!("job `{job}` {verb} `{target}`, which is not defined");
    let near = sink
        .wants_hints()
        .then(|| nearest(target, known.keys().copied()))
        .flatten();
    match near {
        Some(near) => {
            sink.error_fix(
                mark,
                "unknown_job",
                message,
                format!("did you mean `{near}`?"),
            );
        }
        None => sink.error(mark, "unknown_job", message),
    }
}

fn check_dependencies(
    job: &JobSpec,
    known: &HashMap<&str, &JobSpec>,
    stage_of: &dyn Fn(&JobSpec) -> Option<usize>,
    sink: &mut Sink,
) {
    let name = &job.name;
    for (target, mark) in job.dependencies.iter().flatten() {
        let Some(found) = base_name(target, known) else {
            unknown_job(name, "depends on", target, *mark, known, sink);
            continue;
        };
        let needed = |needs: &Vec<NeedSpec>| needs.iter().any(|need| need.job == *target);
        if let Some(needs) = &job.needs
            && !needed(needs)
            && job.rules.is_none()
        {
            let message =
                format!("job `{name}` depends on `{target}`, which is not among its `needs`");
            sink.error_fix(*mark, "dependency_not_needed", message, "add it to `needs`");
        } else if job.needs.is_none() && stage_of(found) >= stage_of(job) {
            let message =
                format!("job `{name}` depends on `{target}`, which is in no earlier stage");
            sink.error_fix(
                *mark,
                "dependency_not_earlier",
                message,
                "move one of them, or use `needs`",
            );
        }
    }
}

fn check_on_stop(job: &JobSpec, known: &HashMap<&str, &JobSpec>, sink: &mut Sink) {
    let Some((environment, mark)) = &job.environment else {
        return;
    };
    let Some(target) = &environment.on_stop else {
        return;
    };
    let name = &job.name;
    let Some(found) = known.get(target.as_str()) else {
        unknown_job(name, "is stopped by", target, *mark, known, sink);
        return;
    };
    let stops = found.environment.as_ref().is_some_and(|(other, _)| {
        other.action == EnvironmentAction::Stop && other.name == environment.name
    });
    if !stops {
        let message = format!(
            "job `{name}`: `on_stop` names `{target}`, which does not stop the environment `{}`",
            environment.name
        );
        let fix = "give that job the same `environment:name` and `action: stop`";
        sink.error_fix(*mark, "on_stop", message, fix);
    }
}
