//! From a typed configuration and an event to a plan: rules, parallel, needs, order.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::conditions::{Scope, World};
use crate::config::model::{
    AutoCancel, Config, Inherit, JobSpec, NeedSpec, Parallel, Variables, combinations,
};
use crate::config::rules::{Event, RefKind, Rule, RuleWhen, first_match};
use crate::diagnostic::Sink;
use crate::plan::{AllowFailure, Need, Plan, PlannedJob, Position, VariableValue, When};
use crate::variables::{Unknown, environment_slug, expand_all};
use crate::yaml::Mark;

/// Most jobs of one pipeline.
const MAX_JOBS: usize = 2_000;
/// Longest name of a job that others need.
const MAX_NEEDED_NAME_CHARS: usize = 128;

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

/// A job that is in, with what rules made of it.
struct Chosen {
    spec: JobSpec,
    stage: usize,
    when: When,
    start_in_s: Option<u64>,
    allow_failure: AllowFailure,
    variables: Variables,
    needs: Option<Vec<NeedSpec>>,
    interruptible: bool,
}

/// What a job's rules or policies decide.
struct Decision<'r> {
    included: bool,
    reason: String,
    mark: Mark,
    rule: Option<&'r Rule>,
}

/// Builds the plan; `world` answers the rules.
pub(crate) fn build(mut config: Config, world: &World<'_>, sink: &mut Sink) -> Built {
    let mut built = Built {
        plan: None,
        why: Vec::new(),
        no_pipeline: None,
    };
    let (mut globals, auto_cancel) = match workflow(&config, world, sink) {
        Ok(decided) => decided,
        Err(why) => {
            built.no_pipeline = Some(why);
            (Variables::new(), AutoCancel::default())
        }
    };
    let mut all = std::mem::take(&mut config.variables);
    all.append(&mut globals);
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
        let (why, job) = choose(spec, &all, &stages, &event, world, sink);
        built.why.push(why);
        chosen.extend(job);
    }
    if built.no_pipeline.is_some() {
        return built;
    }
    chosen.sort_by_key(|job| job.stage);
    let only_edges = chosen.iter().all(|job| {
        job.spec
            .stage
            .as_ref()
            .is_some_and(|(name, _)| name == ".pre" || name == ".post")
    });
    if chosen.is_empty() || only_edges {
        let reason = if chosen.is_empty() {
            "no job is wanted for this event".to_owned()
        } else {
            "only jobs of `.pre` and `.post` are wanted for this event".to_owned()
        };
        let position = sink.position(config.workflow.mark);
        built.no_pipeline = Some(Why {
            job: String::new(),
            included: false,
            reason,
            position,
        });
        return built;
    }
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
    let refuse = |reason: String, mark: Mark, sink: &Sink| Why {
        job: String::new(),
        included: false,
        reason,
        position: sink.position(mark),
    };
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

/// What can be wrong with a job whatever the event: its stage, the jobs it names.
fn check_definitions(jobs: &[JobSpec], stages: &HashMap<&str, usize>, sink: &mut Sink) {
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
            let mut names: Vec<&str> = stages.keys().copied().collect();
            names.sort_by_key(|stage| stages[stage]);
            let message = format!(
                "job `{name}`: the stage `{stage}` is none of: {}",
                names.join(", ")
            );
            let near = crate::config::keys::nearest(&stage, names.iter().copied());
            let fix = near.map_or_else(
                || format!("add `{stage}` to `stages`"),
                |near| format!("did you mean `{near}`?"),
            );
            sink.error_fix(mark, "unknown_stage", message, fix);
        }
        let of_rules = job
            .rules
            .iter()
            .flatten()
            .filter_map(|rule| rule.needs.as_ref())
            .flatten();
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
    match crate::config::keys::nearest(target, known.keys().copied()) {
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
        other.action == crate::plan::EnvironmentAction::Stop && other.name == environment.name
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

/// Whether a job is in, and what rules make of it.
fn choose(
    spec: JobSpec,
    globals: &Variables,
    stages: &HashMap<&str, usize>,
    event: &Event<'_>,
    world: &World<'_>,
    sink: &mut Sink,
) -> (Why, Option<Chosen>) {
    let taken: Variables;
    let inherited = if spec.inherit_variables == Inherit::All {
        globals
    } else {
        let takes = |name: &String| spec.inherit_variables.takes(name);
        taken = globals
            .iter()
            .filter(|(n, _)| takes(n))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        &taken
    };
    let scope = world.scope(&spec.variables, inherited);
    let decision = decide(&spec, event, world, &scope, sink);
    let why = Why {
        job: spec.name.to_string(),
        included: decision.included,
        reason: decision.reason,
        position: sink.position(decision.mark),
    };
    let stage = spec
        .stage
        .as_ref()
        .map_or("test", |(stage, _)| stage.as_str());
    // A job with an unknown stage has its error; there is no place for it in a plan.
    let Some(stage) = stages.get(stage).copied().filter(|_| decision.included) else {
        return (why, None);
    };
    let rule = decision.rule;
    let when = rule
        .and_then(|rule| rule.when)
        .and_then(RuleWhen::plan)
        .unwrap_or(spec.base_when());
    let by_default = if spec.base_when() == When::Manual {
        AllowFailure::Yes
    } else {
        AllowFailure::No
    };
    let allow_failure = rule
        .and_then(|rule| rule.allow_failure.clone())
        .or_else(|| spec.allow_failure.clone())
        .unwrap_or(by_default);
    let mut variables = inherited.clone();
    variables.extend(
        spec.variables
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    if let Some(rule) = rule {
        variables.extend(
            rule.variables
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
    }
    let start_in_s = rule.and_then(|rule| rule.start_in_s).or(spec.start_in_s);
    let start_in_s = start_in_s.filter(|_| when == When::Delayed);
    let needs = rule.and_then(|rule| rule.needs.clone());
    let interruptible = rule
        .and_then(|rule| rule.interruptible)
        .unwrap_or(spec.interruptible);
    let mut spec = spec;
    let needs = needs.or_else(|| spec.needs.take());
    let chosen = Chosen {
        spec,
        stage,
        when,
        start_in_s,
        allow_failure,
        variables,
        needs,
        interruptible,
    };
    (why, Some(chosen))
}

fn decide<'s>(
    spec: &'s JobSpec,
    event: &Event<'_>,
    world: &World<'_>,
    scope: &Scope<'_>,
    sink: &mut Sink,
) -> Decision<'s> {
    let out = |included: bool, reason: String, mark: Mark| Decision {
        included,
        reason,
        mark,
        rule: None,
    };
    if let Some(rules) = &spec.rules {
        let Some(rule) = first_match(rules, world, scope, sink) else {
            return out(false, "no rule matches".to_owned(), spec.mark);
        };
        let never = rule.when.or(spec.when) == Some(RuleWhen::Never);
        let reason = format!("rule matches: {}", rule.summary());
        return Decision {
            included: !never,
            reason,
            mark: rule.mark,
            rule: Some(rule),
        };
    }
    match &spec.only {
        Some(only) => {
            let clauses = only.clauses(event, world, scope, sink);
            if let Some((clause, _)) = clauses.iter().find(|(_, holds)| !holds) {
                return out(false, format!("`only:{clause}` does not match"), only.mark);
            }
        }
        None if event.kind == RefKind::MergeRequest => {
            let reason = "jobs without `rules` or `only` are not in merge request pipelines";
            return out(false, reason.to_owned(), spec.mark);
        }
        None => {}
    }
    if let Some(except) = &spec.except {
        let clauses = except.clauses(event, world, scope, sink);
        if let Some((clause, _)) = clauses.iter().find(|(_, holds)| *holds) {
            return out(false, format!("`except:{clause}` matches"), except.mark);
        }
    }
    let (reason, mark) = match &spec.only {
        Some(only) => ("`only` matches", only.mark),
        None => ("no condition", spec.mark),
    };
    out(true, reason.to_owned(), mark)
}

/// Expands `parallel`, gives jobs their final form and ties their needs.
fn instances(
    chosen: Vec<Chosen>,
    stages: &[String],
    world: &World<'_>,
    sink: &mut Sink,
) -> Vec<PlannedJob> {
    let mut jobs: Vec<PlannedJob> = Vec::with_capacity(chosen.len());
    let mut marks = Vec::with_capacity(chosen.len());
    let mut needs: Vec<Option<Vec<NeedSpec>>> = Vec::with_capacity(chosen.len());
    for mut job in chosen {
        let mark = job.spec.mark;
        let wanted = job.needs.take();
        for instance in names(&job) {
            if jobs.len() == MAX_JOBS {
                let message = format!(
                    "the pipeline has more than {MAX_JOBS} jobs; `{}` is one too many",
                    instance.name
                );
                sink.error(mark, "too_many_jobs", message);
                return jobs;
            }
            marks.push(mark);
            needs.push(wanted.clone());
            jobs.push(planned(&job, instance, stages, world, sink));
        }
    }
    let mut by_name: IndexMap<&str, usize> = IndexMap::with_capacity(jobs.len());
    let mut by_base: HashMap<&str, Vec<usize>> = HashMap::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        if let Some(first) = by_name.insert(&job.name, at) {
            let message = format!("two jobs are called `{}` after `parallel`", job.name);
            let other = sink.position(marks[first]);
            let fix = format!("rename one of them; the other is on line {}", other.line);
            sink.error_fix(marks[at], "duplicate_job", message, fix);
        }
        by_base.entry(&job.base_name).or_default().push(at);
    }
    let tied: Vec<Option<Vec<usize>>> = Vec::new();
    let mut tie = Ties {
        jobs: &jobs,
        by_name: &by_name,
        by_base: &by_base,
        tied,
    };
    let mut found = Vec::with_capacity(jobs.len());
    for (at, wanted) in needs.iter().enumerate() {
        found.push(tie.needs(at, wanted.as_deref(), sink));
    }
    cycle(&jobs, &tie.tied, &marks, sink);
    let dependencies: Vec<Option<Vec<String>>> = jobs
        .iter()
        .map(|job| {
            job.dependencies
                .as_ref()
                .map(|names| expand_names(names, &jobs, &by_name, &by_base))
        })
        .collect();
    for ((job, needs), dependencies) in jobs.iter_mut().zip(found).zip(dependencies) {
        job.needs = needs;
        job.dependencies = dependencies;
    }
    jobs
}

/// Names of jobs in the plan; those that are not in it are left out.
fn expand_names(
    names: &[String],
    jobs: &[PlannedJob],
    by_name: &IndexMap<&str, usize>,
    by_base: &HashMap<&str, Vec<usize>>,
) -> Vec<String> {
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        if let Some(members) = by_base.get(name.as_str()) {
            out.extend(members.iter().map(|at| jobs[*at].name.clone()));
        } else if by_name.contains_key(name.as_str()) {
            out.push(name.clone());
        }
    }
    out
}

/// A job's final name, its place among its siblings and its matrix variables.
struct Instance {
    name: String,
    node: Option<(u32, u32)>,
    variables: Vec<(String, String)>,
}

fn names(job: &Chosen) -> Vec<Instance> {
    let name = &job.spec.name;
    match &job.spec.parallel {
        None => vec![Instance {
            name: name.to_string(),
            node: None,
            variables: Vec::new(),
        }],
        Some(Parallel::Count(total)) => (1..=*total)
            .map(|index| Instance {
                name: format!("{name} {index}/{total}"),
                node: Some((index, *total)),
                variables: Vec::new(),
            })
            .collect(),
        Some(Parallel::Matrix(matrix)) => {
            let all: Vec<_> = matrix.iter().flat_map(combinations).collect();
            let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
            (1..)
                .zip(all)
                .map(|(index, variables)| Instance {
                    name: matrix_name(name, variables.iter().map(|(_, value)| value.as_str())),
                    node: Some((index, total)),
                    variables,
                })
                .collect()
        }
    }
}

fn matrix_name<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.collect();
    format!("{name}: [{}]", values.join(", "))
}

fn planned(
    job: &Chosen,
    instance: Instance,
    stages: &[String],
    world: &World<'_>,
    sink: &mut Sink,
) -> PlannedJob {
    let spec = &job.spec;
    let mut variables = job.variables.clone();
    for (name, value) in instance.variables {
        variables.insert(
            name,
            VariableValue {
                value,
                expand: true,
            },
        );
    }
    check_cycle(&variables, spec, sink);
    let stage = stages[job.stage].clone();
    let mut out = PlannedJob {
        name: instance.name,
        base_name: spec.name.to_string(),
        stage,
        when: job.when,
        start_in_s: job.start_in_s,
        allow_failure: job.allow_failure.clone(),
        needs: None,
        dependencies: spec
            .dependencies
            .as_ref()
            .map(|names| names.iter().map(|(name, _)| name.clone()).collect()),
        before_script: spec.before_script.clone(),
        script: spec.script.clone(),
        after_script: spec.after_script.clone(),
        variables,
        image: spec.image.clone(),
        services: spec.services.clone(),
        artifacts: spec.artifacts.clone(),
        cache: spec.cache.clone(),
        retry: spec.retry.clone(),
        timeout_s: spec.timeout_s,
        tags: spec.tags.clone(),
        interruptible: job.interruptible,
        resource_group: spec.resource_group.clone(),
        environment: spec
            .environment
            .as_ref()
            .map(|(environment, _)| environment.clone()),
        coverage: spec.coverage.clone(),
        node: instance.node,
        origin: sink.position(spec.mark),
    };
    expand_server_side(&mut out, world);
    out
}

/// Fields the server uses itself: environment, resource group, tags.
fn expand_server_side(job: &mut PlannedJob, world: &World<'_>) {
    let dollar = |text: &String| text.contains('$');
    let environment = job.environment.as_ref();
    let wanted = environment.is_some_and(|e| dollar(&e.name) || e.url.iter().any(dollar))
        || environment.is_some_and(|e| e.deployment_tier.iter().any(dollar))
        || job.resource_group.iter().any(dollar)
        || job.tags.iter().any(dollar);
    if !wanted {
        return;
    }
    let mut own = Variables::new();
    let mut set = |name: &str, value: String| {
        own.insert(
            name.to_owned(),
            VariableValue {
                value,
                expand: false,
            },
        );
    };
    set("CI_JOB_NAME", job.name.clone());
    set("CI_JOB_NAME_SLUG", crate::variables::slug(&job.name));
    set("CI_JOB_STAGE", job.stage.clone());
    if let Some((index, total)) = job.node {
        set("CI_NODE_INDEX", index.to_string());
        set("CI_NODE_TOTAL", total.to_string());
    }
    if let Some(environment) = &mut job.environment {
        environment.name = world.scope(&job.variables, &own).expand(&environment.name);
        let mut set = |name: &str, value: String| {
            own.insert(
                name.to_owned(),
                VariableValue {
                    value,
                    expand: false,
                },
            );
        };
        set("CI_ENVIRONMENT_NAME", environment.name.clone());
        set("CI_ENVIRONMENT_SLUG", environment_slug(&environment.name));
        let scope = world.scope(&job.variables, &own);
        environment.url = environment.url.as_ref().map(|url| scope.expand(url));
        let tier = environment.deployment_tier.as_ref();
        environment.deployment_tier = tier.map(|tier| scope.expand(tier));
    }
    let scope = world.scope(&job.variables, &own);
    job.resource_group = job.resource_group.as_ref().map(|group| scope.expand(group));
    job.tags = job.tags.iter().map(|tag| scope.expand(tag)).collect();
}

/// Two variables at least take part in a circle.
fn check_cycle(variables: &Variables, spec: &JobSpec, sink: &mut Sink) {
    let open = variables
        .values()
        .filter(|value| value.expand && value.value.contains('$'));
    if open.take(2).count() == 2
        && let Err(error) = expand_all(variables, Unknown::Keep)
    {
        sink.error(
            spec.mark,
            "variable_cycle",
            format!("job `{}`: {error}", spec.name),
        );
    }
}

/// Ties `needs` to jobs of the plan.
struct Ties<'a> {
    jobs: &'a [PlannedJob],
    by_name: &'a IndexMap<&'a str, usize>,
    by_base: &'a HashMap<&'a str, Vec<usize>>,
    tied: Vec<Option<Vec<usize>>>,
}

impl Ties<'_> {
    fn needs(
        &mut self,
        at: usize,
        wanted: Option<&[NeedSpec]>,
        sink: &mut Sink,
    ) -> Option<Vec<Need>> {
        let Some(wanted) = wanted else {
            self.tied.push(None);
            return None;
        };
        let mut out: Vec<Need> = Vec::with_capacity(wanted.len());
        let mut indices = Vec::with_capacity(wanted.len());
        for need in wanted {
            let members = self.members(need);
            if members.is_empty() && !need.optional {
                let job = &self.jobs[at].base_name;
                let message = format!(
                    "job `{job}` needs `{}`, which is not in this pipeline",
                    need.job
                );
                let fix = "give both the same rules, or write `optional: true`";
                sink.error_fix(need.mark, "need_not_in_pipeline", message, fix);
            }
            for member in members {
                let name = &self.jobs[member].name;
                match indices.iter().position(|known| *known == member) {
                    Some(known) => out[known].artifacts |= need.artifacts,
                    None => {
                        indices.push(member);
                        out.push(Need {
                            job: name.clone(),
                            artifacts: need.artifacts,
                        });
                    }
                }
            }
        }
        self.tied.push(Some(indices));
        Some(out)
    }

    fn members(&self, need: &NeedSpec) -> Vec<usize> {
        if let Some(matrix) = &need.matrix {
            return matrix
                .iter()
                .flat_map(combinations)
                .filter_map(|values| {
                    let values = values.iter().map(|(_, value)| value.as_str());
                    self.by_name
                        .get(matrix_name(&need.job, values).as_str())
                        .copied()
                })
                .collect();
        }
        if let Some(members) = self.by_base.get(need.job.as_str()) {
            return members.clone();
        }
        self.by_name
            .get(need.job.as_str())
            .map(|at| vec![*at])
            .unwrap_or_default()
    }
}

/// Reports the first circle of needs (walks without recursion: chains may be long).
fn cycle(jobs: &[PlannedJob], tied: &[Option<Vec<usize>>], marks: &[Mark], sink: &mut Sink) {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![NEW; jobs.len()];
    for start in 0..jobs.len() {
        if state[start] != NEW {
            continue;
        }
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        state[start] = OPEN;
        while let Some((at, next)) = path.last_mut() {
            let at = *at;
            let Some(target) = tied[at]
                .as_ref()
                .and_then(|needs| needs.get(*next))
                .copied()
            else {
                state[at] = DONE;
                path.pop();
                continue;
            };
            *next += 1;
            match state[target] {
                NEW => {
                    state[target] = OPEN;
                    path.push((target, 0));
                }
                OPEN => {
                    let from = path.iter().position(|(job, _)| *job == target).unwrap_or(0);
                    let mut chain: Vec<&str> = path[from..]
                        .iter()
                        .map(|(job, _)| jobs[*job].name.as_str())
                        .collect();
                    chain.push(&jobs[target].name);
                    let message = format!("`needs` goes in a circle: {}", chain.join(" -> "));
                    sink.error_fix(
                        marks[target],
                        "needs_cycle",
                        message,
                        "remove one of these needs",
                    );
                }
                _ => {}
            }
        }
    }
}
