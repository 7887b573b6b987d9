//! A repository in memory and short ways to ask about it.

use std::collections::BTreeMap;

use rialto_delivery_pipeline::plan::{Plan, PlannedJob};
use rialto_delivery_pipeline::{Compiled, Context, Repository, compile};

/// Files by path, and what changed.
#[derive(Default)]
pub struct Files {
    pub files: BTreeMap<String, Vec<u8>>,
    pub changed: Option<Vec<String>>,
    /// Refs there are; `None`: every one.
    pub refs: Option<Vec<String>>,
}

impl Repository for Files {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.get(path).cloned()
    }

    fn list(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn changed_paths(&self, _: Option<&str>) -> Option<Vec<String>> {
        self.changed.clone()
    }

    fn has_ref(&self, name: &str) -> bool {
        let refs = self.refs.as_ref();
        refs.is_none_or(|refs| refs.iter().any(|known| known == name))
    }

    fn size(&self, path: &str) -> Option<u64> {
        self.files.get(path).map(|bytes| bytes.len() as u64)
    }
}

pub fn files(pairs: &[(&str, &str)]) -> Files {
    let files = pairs
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    Files {
        files: files.collect(),
        changed: None,
        refs: None,
    }
}

/// A push to `main`, with more variables.
pub fn push(variables: &[(&str, &str)]) -> Context {
    let base = [
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_COMMIT_REF_NAME", "main"),
        ("CI", "true"),
    ];
    Context {
        source: "push".to_owned(),
        variables: base
            .iter()
            .chain(variables)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Context::default()
    }
}

pub fn compile_text(text: &str) -> Compiled {
    compile(&files(&[(".gitlab-ci.yml", text)]), &push(&[]))
}

/// The plan of a push to `main`; the text must be valid.
pub fn plan(text: &str) -> Plan {
    plan_of(compile_text(text))
}

pub fn plan_with(text: &str, context: &Context) -> Plan {
    plan_of(compile(&files(&[(".gitlab-ci.yml", text)]), context))
}

pub fn plan_of(compiled: Compiled) -> Plan {
    let said = show(&compiled);
    let none = compiled.no_pipeline.as_ref().map(|why| why.reason.clone());
    compiled
        .plan
        .unwrap_or_else(|| panic!("no plan ({none:?}):\n{said}"))
}

pub fn names(plan: &Plan) -> Vec<&str> {
    plan.jobs.iter().map(|job| job.name.as_str()).collect()
}

pub fn job<'p>(plan: &'p Plan, name: &str) -> &'p PlannedJob {
    plan.jobs
        .iter()
        .find(|job| job.name == name)
        .unwrap_or_else(|| panic!("no job {name}"))
}

/// A job's variable.
pub fn variable<'p>(plan: &'p Plan, job_name: &str, name: &str) -> &'p str {
    &job(plan, job_name).variables[name].value
}

/// All findings as text, one after the other.
pub fn show(compiled: &Compiled) -> String {
    compiled
        .diagnostics
        .iter()
        .map(|d| format!("{d}\n"))
        .collect()
}

/// Codes of all findings.
pub fn codes(text: &str) -> Vec<String> {
    compile_text(text)
        .diagnostics
        .into_iter()
        .map(|diagnostic| diagnostic.code)
        .collect()
}
