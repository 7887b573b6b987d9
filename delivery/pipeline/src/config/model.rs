//! The configuration as types, before rules are asked.

use std::sync::Arc;

use indexmap::IndexMap;

use super::rules::{Policy, Rule, RuleWhen};
use crate::plan::{
    AllowFailure, Artifacts, Cache, Environment, OnNewCommit, Retry, VariableValue, When,
};
use crate::yaml::{Map, Mark};

/// Variables by name, in written order.
pub(crate) type Variables = IndexMap<String, VariableValue>;

/// A whole configuration.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// All stages, `.pre` and `.post` included.
    pub(crate) stages: Vec<String>,
    pub(crate) variables: Variables,
    pub(crate) workflow: Workflow,
    /// Visible jobs in written order.
    pub(crate) jobs: Vec<JobSpec>,
    /// The same as a tree: templates gone, defaults applied.
    pub(crate) resolved: Map,
}

/// `workflow`.
#[derive(Debug, Default)]
pub(crate) struct Workflow {
    pub(crate) name: Option<String>,
    pub(crate) rules: Option<Vec<Rule>>,
    pub(crate) auto_cancel: AutoCancel,
    pub(crate) mark: Mark,
}

/// `auto_cancel`, each part as far as it is written.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct AutoCancel {
    pub(crate) on_new_commit: Option<OnNewCommit>,
    pub(crate) on_job_failure_all: Option<bool>,
}

/// Which global variables a job takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Inherit {
    #[default]
    All,
    Nothing,
    Only(Vec<String>),
}

impl Inherit {
    pub(crate) fn takes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Only(names) => names.iter().any(|known| known == name),
        }
    }
}

/// A job as written, defaults applied.
#[derive(Debug, Default)]
pub(crate) struct JobSpec {
    pub(crate) name: Arc<str>,
    pub(crate) mark: Mark,
    pub(crate) stage: Option<(String, Mark)>,
    pub(crate) before_script: Vec<String>,
    pub(crate) script: Vec<String>,
    pub(crate) after_script: Vec<String>,
    pub(crate) variables: Variables,
    pub(crate) inherit_variables: Inherit,
    pub(crate) rules: Option<Vec<Rule>>,
    pub(crate) only: Option<Policy>,
    pub(crate) except: Option<Policy>,
    pub(crate) when: Option<RuleWhen>,
    pub(crate) start_in_s: Option<u64>,
    pub(crate) allow_failure: Option<AllowFailure>,
    pub(crate) needs: Option<Vec<NeedSpec>>,
    pub(crate) dependencies: Option<Vec<(String, Mark)>>,
    pub(crate) image: Option<String>,
    pub(crate) services: Vec<String>,
    pub(crate) artifacts: Option<Artifacts>,
    pub(crate) cache: Vec<Cache>,
    pub(crate) retry: Retry,
    pub(crate) timeout_s: Option<u64>,
    pub(crate) tags: Vec<String>,
    pub(crate) interruptible: bool,
    pub(crate) resource_group: Option<String>,
    pub(crate) environment: Option<(Environment, Mark)>,
    pub(crate) coverage: Option<String>,
    pub(crate) parallel: Option<Parallel>,
}

impl JobSpec {
    /// Bytes of script and variables, roughly.
    pub(crate) fn weight(&self) -> usize {
        let lines = self
            .before_script
            .iter()
            .chain(&self.script)
            .chain(&self.after_script);
        lines.map(|line| line.len() + 32).sum::<usize>() + weight(&self.variables)
    }

    /// The job-level `when` as the plan knows it.
    pub(crate) fn base_when(&self) -> When {
        self.when.and_then(RuleWhen::plan).unwrap_or_default()
    }
}

/// Bytes of variables, roughly.
pub(crate) fn weight(variables: &Variables) -> usize {
    variables
        .iter()
        .map(|(name, value)| name.len() + value.value.len() + 96)
        .sum()
}

/// One entry of `needs` as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NeedSpec {
    pub(crate) job: String,
    pub(crate) artifacts: bool,
    pub(crate) optional: bool,
    /// Wanted members of a matrix.
    pub(crate) matrix: Option<Vec<Matrix>>,
    pub(crate) mark: Mark,
    /// The `needs` it stands in.
    pub(crate) key: Mark,
}

/// One entry of a matrix: names to their values.
pub(crate) type Matrix = IndexMap<String, Vec<String>>;

/// `parallel`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Parallel {
    Count(u32),
    Matrix(Vec<Matrix>),
}

/// All combinations of one matrix entry; the first name varies slowest.
pub(crate) fn combinations(matrix: &Matrix) -> Vec<Vec<(String, String)>> {
    let mut out: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for (name, values) in matrix {
        out = out
            .into_iter()
            .flat_map(|combination| {
                values.iter().map(move |value| {
                    let mut next = combination.clone();
                    next.push((name.clone(), value.clone()));
                    next
                })
            })
            .collect();
    }
    out
}
