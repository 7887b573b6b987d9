//! Which jobs an event wants, and what rules make of them.

use std::collections::HashMap;

use super::Why;
use crate::conditions::{Scope, World};
use crate::config::model::{Inherit, JobSpec, NeedSpec, Variables, weight};
use crate::config::rules::{Event, RefKind, Rule, RuleWhen, first_match};
use crate::diagnostic::Sink;
use crate::plan::{AllowFailure, VariableValue, When};
use crate::yaml::Mark;

/// A job that is in, with what rules made of it.
pub(super) struct Chosen {
    pub(super) spec: Box<JobSpec>,
    pub(super) stage: usize,
    pub(super) when: When,
    pub(super) start_in_s: Option<u64>,
    pub(super) allow_failure: AllowFailure,
    pub(super) variables: Variables,
    pub(super) needs: Option<Vec<NeedSpec>>,
    pub(super) interruptible: bool,
}

/// What a job's rules or policies decide.
struct Decision<'r> {
    included: bool,
    reason: String,
    mark: Mark,
    rule: Option<&'r Rule>,
}

/// Whether a job is in, and what rules make of it.
pub(super) fn choose(
    spec: Box<JobSpec>,
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
        taken = copied(globals)
            .filter(|(name, _)| spec.inherit_variables.takes(name))
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
    let rule = decision.rule.cloned();
    if !sink.spend(weight(inherited), spec.mark) {
        return (why, None);
    }
    let variables = inherited.clone();
    (
        why,
        Some(effective(spec, stage, variables, rule.unwrap_or_default())),
    )
}

/// The job with the matching rule over it (an empty rule changes nothing).
fn effective(mut spec: Box<JobSpec>, stage: usize, mut variables: Variables, rule: Rule) -> Chosen {
    let base = spec.base_when();
    let when = rule.when.and_then(RuleWhen::plan).unwrap_or(base);
    let by_default = if base == When::Manual {
        AllowFailure::Yes
    } else {
        AllowFailure::No
    };
    let allow_failure = rule
        .allow_failure
        .or_else(|| spec.allow_failure.take())
        .unwrap_or(by_default);
    variables.extend(std::mem::take(&mut spec.variables));
    variables.extend(rule.variables);
    let start_in_s = rule
        .start_in_s
        .or(spec.start_in_s)
        .filter(|_| when == When::Delayed);
    let needs = rule.needs.or_else(|| spec.needs.take());
    let interruptible = rule.interruptible.unwrap_or(spec.interruptible);
    Chosen {
        spec,
        stage,
        when,
        start_in_s,
        allow_failure,
        variables,
        needs,
        interruptible,
    }
}

fn copied(variables: &Variables) -> impl Iterator<Item = (String, VariableValue)> {
    variables
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
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
