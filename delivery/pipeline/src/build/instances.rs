//! From chosen jobs to jobs of a plan: `parallel`, variables, fields the server expands.

use super::choose::Chosen;
use super::expressions;
use super::tie::Ties;
use crate::conditions::World;
use crate::config::model::{NeedSpec, Parallel, Variables, combinations, weight};
use crate::diagnostic::Sink;
use crate::plan::{PlannedJob, VariableValue};
use crate::variables::{Unknown, environment_slug, expand_all};
use crate::yaml::Mark;

/// Most jobs of one pipeline.
const MAX_JOBS: usize = 2_000;

/// Expands `parallel`, gives jobs their final form and ties their needs.
pub(super) fn instances(
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
        let mut members = names(&job);
        let room = MAX_JOBS - jobs.len();
        if members.len() > room {
            let over = &members[room].name;
            let message =
                format!("the pipeline has more than {MAX_JOBS} jobs; `{over}` is one too many");
            sink.error(mark, "too_many_jobs", message);
            return jobs;
        }
        let each = job.spec.weight() + weight(&job.variables);
        if !sink.spend(each * (members.len().saturating_sub(1)), mark) {
            return jobs;
        }
        let own = expressions::any(wanted.as_deref());
        let name = job.spec.name.clone();
        let wanted_by = |member: &Instance, wanted: Option<Vec<NeedSpec>>, sink: &mut Sink| {
            let wanted = wanted?;
            Some(if own {
                expressions::filled(wanted, &name, &member.variables, sink)
            } else {
                wanted
            })
        };
        let last = members.pop();
        let template = planned(job, stages, sink);
        for member in members {
            needs.push(wanted_by(&member, wanted.clone(), sink));
            jobs.push(instance(template.clone(), member, mark, world, sink));
            marks.push(mark);
        }
        // Every job has at least one member; the last one takes the template.
        if let Some(member) = last {
            needs.push(wanted_by(&member, wanted, sink));
            jobs.push(instance(template, member, mark, world, sink));
            marks.push(mark);
        }
    }
    let mut ties = Ties::new(&jobs, &marks, sink);
    let tied: Vec<_> = needs
        .iter()
        .map(|wanted| ties.needs(wanted.as_deref(), sink))
        .collect();
    ties.check(sink);
    let dependencies: Vec<_> = jobs
        .iter()
        .map(|job| job.dependencies.as_ref().map(|names| ties.names(names)))
        .collect();
    for ((job, needs), dependencies) in jobs.iter_mut().zip(tied).zip(dependencies) {
        job.needs = needs;
        job.dependencies = dependencies;
    }
    jobs
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

pub(super) fn matrix_name<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.collect();
    format!("{name}: [{}]", values.join(", "))
}

/// The job as all its members share it.
fn planned(job: Chosen, stages: &[String], sink: &Sink) -> PlannedJob {
    let spec = *job.spec;
    let dependencies = spec
        .dependencies
        .map(|names| names.into_iter().map(|(name, _)| name).collect());
    PlannedJob {
        name: String::new(),
        base_name: spec.name.to_string(),
        stage: stages[job.stage].clone(),
        when: job.when,
        start_in_s: job.start_in_s,
        allow_failure: job.allow_failure,
        needs: None,
        dependencies,
        before_script: spec.before_script,
        script: spec.script,
        after_script: spec.after_script,
        variables: job.variables,
        image: spec.image,
        services: spec.services,
        artifacts: spec.artifacts,
        cache: spec.cache,
        retry: spec.retry,
        timeout_s: spec.timeout_s,
        tags: spec.tags,
        interruptible: job.interruptible,
        resource_group: spec.resource_group,
        environment: spec.environment.map(|(environment, _)| environment),
        coverage: spec.coverage,
        node: None,
        origin: sink.position(spec.mark),
    }
}

/// One member of it.
fn instance(
    mut job: PlannedJob,
    member: Instance,
    mark: Mark,
    world: &World<'_>,
    sink: &mut Sink,
) -> PlannedJob {
    job.name = member.name;
    job.node = member.node;
    for (name, value) in member.variables {
        job.variables.insert(
            name,
            VariableValue {
                value,
                expand: true,
            },
        );
    }
    check_cycle(&job.variables, &job.base_name, mark, sink);
    expand_server_side(&mut job, world);
    job
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
fn check_cycle(variables: &Variables, job: &str, mark: Mark, sink: &mut Sink) {
    let open = variables
        .values()
        .filter(|value| value.expand && value.value.contains('$'));
    if open.take(2).count() == 2
        && let Err(error) = expand_all(variables, Unknown::Keep)
    {
        sink.error(mark, "variable_cycle", format!("job `{}`: {error}", job));
    }
}
