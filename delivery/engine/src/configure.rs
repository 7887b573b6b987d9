//! The configuration at a commit: read, compiled, and judged.

use indexmap::IndexMap;
use rialto_delivery_git::{Repository, ZERO_SHA};
use rialto_delivery_pipeline::plan::{EnvironmentAction, Plan};
use rialto_delivery_pipeline::{Compiled, Context, Diagnostic, compile};
use rialto_delivery_release::{DEFINITION_PATH, ReleaseDefinition};
use rialto_delivery_store::project;
use serde::{Deserialize, Serialize};

use crate::create::Request;
use crate::error::blocking;
use crate::repository::{CommitFiles, Found};
use crate::{Delivery, DeliveryError};

/// A mistake in the configuration, as kept with the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfigError {
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// What is wrong and what to do.
    pub message: String,
    /// What kind of mistake it is; empty for those kept before kinds were.
    #[serde(default)]
    pub code: String,
}

/// What the configuration at the commit came to.
pub(crate) enum Configured {
    /// No `.gitlab-ci.yml`, or its rules want no pipeline; the reason in words.
    Nothing(String),
    /// It is not valid.
    Invalid(Vec<ConfigError>),
    /// A plan.
    Planned(Box<Planned>),
}

pub(crate) struct Planned {
    pub plan: Plan,
    pub managed: Vec<String>,
    pub definition: Option<String>,
}

impl Delivery {
    /// Reads and compiles the configuration at the commit.
    pub(crate) async fn configure(
        &self,
        request: &Request,
        repository: &Repository,
        predefined: &IndexMap<String, String>,
        protected: bool,
    ) -> Result<Configured, DeliveryError> {
        let mut variables = predefined.clone();
        for row in project::variables(&mut self.db(), &request.project.id).await? {
            // File variables are paths that only a runner knows.
            if !row.file && row.environment_scope == "*" && (protected || !row.protected) {
                variables.insert(row.key, row.value);
            }
        }
        for variable in &request.variables {
            variables.insert(variable.key.clone(), variable.value.clone());
        }
        let context = Context {
            source: request.source.to_owned(),
            variables,
            ..Context::default()
        };
        // A branch's first push has nothing to compare with.
        let pushed = request.source == "push" && !request.is_tag && request.before_sha != ZERO_SHA;
        let base = pushed.then(|| request.before_sha.clone());
        let files = CommitFiles::open(repository, &request.commit.sha, base)?;
        blocking(move || {
            match files.find(context.path())? {
                Found::File(_) => {}
                Found::Missing => {
                    let why = format!("there is no {} at this commit", context.path());
                    return Ok(Configured::Nothing(why));
                }
                Found::Unfit(why) => return Ok(unfit(context.path(), &why)),
            }
            let definition = match files.find(DEFINITION_PATH)? {
                Found::File(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                Found::Missing => None,
                Found::Unfit(why) => return Ok(unfit(DEFINITION_PATH, &why)),
            };
            Ok(judge(compile(&files, &context), definition))
        })
        .await
    }
}

/// A file that no later try could read: the pipeline fails and tells why.
fn unfit(path: &str, why: &str) -> Configured {
    Configured::Invalid(vec![ConfigError {
        file: path.to_owned(),
        line: 1,
        column: 1,
        message: format!("{path} {why}"),
        code: "file_unreadable".to_owned(),
    }])
}

/// Turns the compiler's findings into a plan, errors, or the reason for nothing.
fn judge(compiled: Compiled, definition: Option<String>) -> Configured {
    let told = |d: &Diagnostic| ConfigError {
        file: d.position.file.clone(),
        line: d.position.line,
        column: d.position.column,
        message: match &d.fix {
            Some(fix) => format!("{}; {fix}", d.message),
            None => d.message.clone(),
        },
        code: d.code.clone(),
    };
    let mut errors: Vec<ConfigError> = compiled.errors().map(told).collect();
    errors.extend(compiled.refusals().map(told));
    let parsed = definition
        .as_deref()
        .map(|text| ReleaseDefinition::parse(text, DEFINITION_PATH));
    let release = match parsed {
        Some(Ok(release)) => Some(release),
        Some(Err(faults)) => {
            errors.extend(faults.into_iter().map(|fault| ConfigError {
                file: fault.file,
                line: fault.line,
                column: fault.column,
                message: fault.message,
                code: "release_definition".to_owned(),
            }));
            None
        }
        None => None,
    };
    if !errors.is_empty() {
        return Configured::Invalid(errors);
    }
    let Some(plan) = compiled.plan else {
        let why = compiled.no_pipeline.map(|why| format!("{why:?}"));
        return Configured::Nothing(why.unwrap_or_else(|| "no job applies".to_owned()));
    };
    let managed = plan
        .jobs
        .iter()
        .filter(|job| {
            job.environment.as_ref().is_some_and(|environment| {
                environment.action == EnvironmentAction::Start
                    && release
                        .as_ref()
                        .is_some_and(|r| r.environment(&environment.name).is_some())
            })
        })
        .map(|job| job.name.clone())
        .collect();
    Configured::Planned(Box::new(Planned {
        plan,
        managed,
        definition,
    }))
}
