//! All steps in a row.

use std::collections::HashSet;

use crate::build::{Why, build};
use crate::conditions::World;
use crate::config::{load, merge, read};
use crate::diagnostic::{Diagnostic, Severity, Sink};
use crate::plan::Plan;
use crate::yaml::{self, Map, Mark};
use crate::{Context, Repository};

/// What became of a pipeline file for one event.
#[derive(Debug)]
pub struct Compiled {
    /// The jobs. `None` when the file has errors, or when no pipeline is wanted for this event
    /// (then [`Compiled::no_pipeline`] says why).
    pub plan: Option<Plan>,
    /// Everything found, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// For each visible job, why it is in or out; in written order.
    pub why: Vec<Why>,
    /// Set when the file is valid and makes no pipeline for this event.
    pub no_pipeline: Option<Why>,
    resolved: Map,
}

impl Compiled {
    /// Whether the file has no errors. Keywords that are not executed yet are no errors.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.diagnostics
            .iter()
            .all(|diagnostic| diagnostic.severity != Severity::Error)
    }

    /// The errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// What forbids to create or run this pipeline although the file is valid: keywords that are
    /// not executed yet, in a job of the plan or for the whole file.
    pub fn refusals(&self) -> impl Iterator<Item = &Diagnostic> {
        let jobs: HashSet<&str> = self
            .plan
            .iter()
            .flat_map(|plan| plan.jobs.iter().map(|job| job.base_name.as_str()))
            .collect();
        self.diagnostics.iter().filter(move |diagnostic| {
            diagnostic.severity == Severity::Unsupported
                && diagnostic
                    .job
                    .as_ref()
                    .is_none_or(|job| jobs.contains(job.as_str()))
        })
    }

    /// The resolved configuration as YAML: includes, templates, references and defaults applied,
    /// for every event alike. It reads back to the same plan.
    #[must_use]
    pub fn expanded(&self) -> String {
        yaml::write(&self.resolved)
    }
}

/// Reads the pipeline file of `context` from `repository` and plans the event of `context`.
///
/// Never panics and never stops at the first mistake: [`Compiled::diagnostics`] has all of them.
#[must_use]
pub fn compile(repository: &dyn Repository, context: &Context) -> Compiled {
    let mut sink = Sink::default();
    let world = World::new(repository, context);
    let empty = |sink: Sink| Compiled {
        plan: None,
        diagnostics: sink.finish(),
        why: Vec::new(),
        no_pipeline: None,
        resolved: Map::default(),
    };
    let Some(mut root) = load::load(&world, &mut sink) else {
        return empty(sink);
    };
    merge::resolve_extends(&mut root, &mut sink);
    merge::resolve_references(&mut root, &mut sink);
    let mut config = read::read(&root, &world, &mut sink);
    if config.jobs.is_empty() && sink.error_count() == 0 {
        let mark = Mark {
            file: 0,
            line: 1,
            column: 1,
        };
        let fix = "add a job: a name with a `script:` below it";
        sink.error_fix(mark, "no_jobs", "there is no visible job", fix);
    }
    let resolved = std::mem::take(&mut config.resolved);
    let built = build(config, &world, &mut sink);
    let failed = sink.error_count() > 0;
    Compiled {
        plan: built.plan.filter(|_| !failed),
        diagnostics: sink.finish(),
        why: built.why,
        no_pipeline: built.no_pipeline.filter(|_| !failed),
        resolved,
    }
}

/// The fully resolved configuration as YAML.
///
/// # Errors
/// All diagnostics, when the file is not valid.
pub fn expand_yaml(
    repository: &dyn Repository,
    context: &Context,
) -> Result<String, Vec<Diagnostic>> {
    let compiled = compile(repository, context);
    if compiled.is_valid() {
        Ok(compiled.expanded())
    } else {
        Err(compiled.diagnostics)
    }
}
