//! From a typed configuration and an event to a plan: rules, parallel, needs, order.

mod check;
mod choose;
mod expressions;
mod instances;
mod tie;

use std::collections::{HashMap, HashSet};

use self::check::check_definitions;
use self::choose::{Chosen, choose};
use self::instances::instances;
use crate::conditions::World;
use crate::config::model::{AutoCancel, Config, Variables};
use crate::config::rules::{Event, RefKind, RuleWhen, first_match};
use crate::diagnostic::Sink;
use crate::plan::{Plan, Position};
use crate::yaml::Mark;

/// Why a job is in the pipeline or not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Why {
    /// Name before `parallel`.
    pub job: String,
    /// Whether it is in.
    pub included: bool,
    /// In words.
    pub reason: String,
    /// The rule, policy or job that decides.
    pub position: Position,
}

/// What came of building.
pub(crate) struct Built {
    pub(crate) plan: Option<Plan>,
    pub(crate) why: Vec<Why>,
    /// Why no pipeline is made at all, though nothing is wrong.
    pub(crate) no_pipeline: Option<Why>,
}

/// Builds the plan; `world` answers the rules.
pub(crate) fn build(mut config: Config, world: &World<'_>, sink: &mut Sink) -> Built {
    let mut built = Built {
        plan: None,
        why: Vec::new(),
        no_pipeline: None,
    };
    let (globals, auto_cancel) = match workflow(&config, world, sink) {
        Ok(decided) => decided,
        Err(why) => {
            built.no_pipeline = Some(why);
            (Variables::new(), AutoCancel::default())
        }
    };
    let mut all = std::mem::take(&mut config.variables);
    all.extend(globals);
    let stages: HashMap<&str, usize> = config
        .stages
        .iter()
        .enumerate()
        .map(|(at, stage)| (stage.as_str(), at))
        .collect();
    let jobs = std::mem::take(&mut config.jobs);
    check_definitions(&jobs, &stages, sink);
    let event = event(world);
    let mut chosen = Vec::with_capacity(jobs.len());
    for spec in jobs {
        let (why, job) = choose(Box::new(spec), &all, &stages, &event, world, sink);
        built.why.push(why);
        chosen.extend(job);
    }
    if built.no_pipeline.is_none() {
        built.no_pipeline = nothing_to_do(&chosen, sink);
    }
    if built.no_pipeline.is_some() {
        return built;
    }
    chosen.sort_by_key(|job| job.stage);
    let jobs = instances(chosen, &config.stages, world, sink);
    let used: HashSet<&str> = jobs.iter().map(|job| job.stage.as_str()).collect();
    let stages = config
        .stages
        .iter()
        .filter(|stage| used.contains(stage.as_str()))
        .cloned()
        .collect();
    let none = Variables::new();
    let name = config
        .workflow
        .name
        .as_ref()
        .map(|name| world.scope(&none, &all).expand(name));
    built.plan = Some(Plan {
        name,
        stages,
        jobs,
        on_new_commit: auto_cancel.on_new_commit.unwrap_or_default(),
        cancel_on_job_failure: auto_cancel.on_job_failure_all.unwrap_or(false),
    });
    built
}

/// Why the jobs that are in make no pipeline.
fn nothing_to_do(chosen: &[Chosen], sink: &Sink) -> Option<Why> {
    let edge = |job: &Chosen| {
        job.spec
            .stage
            .as_ref()
            .is_some_and(|(name, _)| name == ".pre" || name == ".post")
    };
    let reason = if chosen.is_empty() {
        "no job is wanted for this event"
    } else if chosen.iter().all(edge) {
        "only jobs of `.pre` and `.post` are wanted for this event"
    } else {
        return None;
    };
    Some(refuse(
        reason.to_owned(),
        Mark {
            file: 0,
            line: 1,
            column: 1,
        },
        sink,
    ))
}

fn refuse(reason: String, mark: Mark, sink: &Sink) -> Why {
    Why {
        job: String::new(),
        included: false,
        reason,
        position: sink.position(mark),
    }
}

/// The event's ref, from the variables that tell it.
fn event<'a>(world: &'a World<'_>) -> Event<'a> {
    let variables = &world.context.variables;
    let get = |name: &str| variables.get(name).map_or("", String::as_str);
    let kind = if world.context.source == "merge_request_event" {
        RefKind::MergeRequest
    } else if variables.contains_key("CI_COMMIT_TAG") {
        RefKind::Tag
    } else {
        RefKind::Branch
    };
    let name = ["CI_COMMIT_REF_NAME", "CI_COMMIT_TAG", "CI_COMMIT_BRANCH"]
        .into_iter()
        .map(get)
        .find(|name| !name.is_empty())
        .unwrap_or_default();
    Event {
        kind,
        name,
        source: &world.context.source,
        project: get("CI_PROJECT_PATH"),
    }
}

/// Variables and auto-cancel of the matching workflow rule, or why there is no pipeline.
fn workflow(
    config: &Config,
    world: &World<'_>,
    sink: &mut Sink,
) -> Result<(Variables, AutoCancel), Why> {
    let workflow = &config.workflow;
    let Some(rules) = &workflow.rules else {
        return Ok((Variables::new(), workflow.auto_cancel));
    };
    let none = Variables::new();
    let scope = world.scope(&none, &config.variables);
    let matched = first_match(rules, world, &scope, sink);
    match matched {
        None => Err(refuse(
            "no rule of `workflow` matches".to_owned(),
            workflow.mark,
            sink,
        )),
        Some(rule) if rule.when == Some(RuleWhen::Never) => {
            let reason = format!("`workflow` says never ({})", rule.summary());
            Err(refuse(reason, rule.mark, sink))
        }
        Some(rule) => {
            let own = rule.auto_cancel;
            let auto_cancel = AutoCancel {
                on_new_commit: own.on_new_commit.or(workflow.auto_cancel.on_new_commit),
                on_job_failure_all: own
                    .on_job_failure_all
                    .or(workflow.auto_cancel.on_job_failure_all),
            };
            Ok((rule.variables.clone(), auto_cancel))
        }
    }
}
