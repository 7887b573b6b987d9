//! The gate: facts of a pipeline's reports, the project's rules, one immutable verdict.

use rialto_delivery_gate::facts_builder::{BuiltFacts, ChangeLines, ReportFile};
use rialto_delivery_gate::rule::Event as GateEvent;
use rialto_delivery_gate::verdict::{Overall, Subject};
use rialto_delivery_gate::{FactsBuilder, GateInput, Rule, RuleSet, default_rule_set, evaluate};
use rialto_delivery_git::Repository;
use rialto_delivery_report::{Diff, NewLines, PathMapper, new_lines};
use rialto_delivery_store::ids::{PipelineId, ProjectId, VerdictId};
use rialto_delivery_store::pipeline::{self, Link, PipelineRow};
use rialto_delivery_store::project::{self, ProjectRow};
use rialto_delivery_store::report::ReportFileRow;
use rialto_delivery_store::verdict::{self, VerdictRow};
use rialto_delivery_store::{json, report as reports};
use rialto_platform_evidence::Actor;
use rialto_platform_store::{new_id, now, to_micros};
use serde_json::{Value, json};

use crate::error::blocking;
use crate::record::reference;
use crate::report::Facts;
use crate::{Delivery, DeliveryError};

/// Largest diff that is searched for new lines.
const DIFF_BYTES: usize = 256 << 20;

/// What "new" is counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    pub sha: Option<String>,
    /// `last_green`, `merge_base`, `first_parent` or `none`.
    pub choice: &'static str,
}

/// Facts of a pipeline and where they come from.
pub(crate) struct Gathered {
    pub built: BuiltFacts,
    pub base: Base,
    pub files: Vec<ReportFileRow>,
}

impl Delivery {
    /// The rules in force for a project.
    pub(crate) async fn rule_set(&self, project: &ProjectId) -> Result<RuleSet, DeliveryError> {
        let Some(row) = project::newest_rule_set(&mut self.db(), project).await? else {
            return Ok(default_rule_set());
        };
        let rules: Vec<Rule> = json::read("rules", &row.rules)?;
        let version = u64::try_from(row.version).unwrap_or(0);
        Ok(RuleSet {
            id: row.id.to_string(),
            version,
            rules,
            ..default_rule_set()
        })
    }

    /// Judges a pipeline and keeps the verdict. With a digest the verdict is about exactly that
    /// artifact.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`]; store, git and content errors.
    pub async fn judge_gate(
        &self,
        id: &PipelineId,
        artifact_digest: Option<&str>,
        event: GateEvent,
    ) -> Result<VerdictRow, DeliveryError> {
        let row = pipeline::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("pipeline", id))?;
        let project = project::find(&mut self.db(), &row.project_id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("project", &row.project_id))?;
        let rule_set = self.rule_set(&project.id).await?;
        let gathered = self.gather(&project, &row, &rule_set).await?;
        let commit = self.repository_of(&project)?.commit(&row.sha).await?;
        let verdict_id: VerdictId = new_id();
        let kind = if row.is_tag { "tags" } else { "heads" };
        let subject = Subject {
            verdict_id: verdict_id.to_string(),
            project_id: project.id.to_string(),
            pipeline_id: row.id.to_string(),
            sha: row.sha.clone(),
            tree: Some(commit.tree),
            git_ref: Some(format!("refs/{kind}/{}", row.ref_name)),
            artifact_digest: artifact_digest.map(str::to_owned),
            event,
            base_sha: gathered.base.sha.clone(),
            base_choice: gathered.base.choice.to_owned(),
            authors: vec![commit.author_email],
            created_at: now(),
        };
        let input = GateInput::new(subject, rule_set, gathered.built.facts, Vec::new());
        self.store_verdict(&row, &verdict_id, artifact_digest, &input)
            .await
    }

    async fn store_verdict(
        &self,
        row: &PipelineRow,
        id: &VerdictId,
        artifact_digest: Option<&str>,
        input: &GateInput,
    ) -> Result<VerdictRow, DeliveryError> {
        let mut verdict = evaluate(input);
        let (cas, input_bytes, verdict_bytes) = (
            self.content().clone(),
            input.canonical_bytes(),
            verdict.canonical_bytes(),
        );
        let (input_sha, verdict_sha) =
            blocking(move || Ok((cas.put(&input_bytes)?, cas.put(&verdict_bytes)?))).await?;
        let overall = match verdict.overall {
            Overall::Passed => "passed",
            Overall::Failed => "failed",
            Overall::Error => "error",
        };
        let mut tx = self.db().begin().await?;
        let rules: Vec<Value> = verdict
            .rules
            .iter()
            .map(|rule| {
                json!({"id": rule.id, "result": rule.result, "value": rule.value,
                "numerator": rule.numerator, "denominator": rule.denominator,
                "bound": rule.bound, "blocks": rule.blocks})
            })
            .collect();
        let body = json!({
            "verdict": id.as_str(),
            "pipeline": row.id.as_str(),
            "project": row.project_path,
            "sha": row.sha,
            "artifact_digest": artifact_digest,
            "event": verdict.event,
            "overall": overall,
            "error": verdict.error,
            "rule_set": verdict.rule_set,
            "base_sha": verdict.base_sha,
            "base_choice": verdict.base_choice,
            "inputs": verdict.inputs,
            "rules": rules,
            "evaluator": verdict.evaluator,
        });
        let mut refs = Vec::new();
        refs.extend(reference("gate_input", id.as_str(), &input_sha));
        refs.extend(reference("verdict", id.as_str(), &verdict_sha));
        let subject = format!("pipeline:{}", row.id);
        let actor = Actor::system("gate");
        let recorded = self
            .record(&mut tx, actor, "verdict", subject, body, refs)
            .await?;
        verdict.evidence_seq = Some(recorded.seq);
        let stored = VerdictRow {
            id: id.clone(),
            project_id: row.project_id.clone(),
            pipeline_id: row.id.clone(),
            artifact_digest: artifact_digest.map(str::to_owned),
            event: verdict.event.to_string(),
            overall: overall.to_owned(),
            record: json::write(&verdict)?,
            evidence_seq: i64::try_from(recorded.seq).unwrap_or(i64::MAX),
            created_at: to_micros(verdict.created_at),
        };
        verdict::insert(&mut tx, &stored).await?;
        let version = pipeline::link(&mut tx, &row.id, Link::Verdict, id.as_str()).await?;
        let topic = format!("pipeline:{}", row.id);
        tx.publish(&topic, row.id.as_str(), version, &["verdict"], Value::Null)
            .await;
        tx.commit().await?;
        Ok(stored)
    }

    /// Judges a pipeline that came to rest, when it has reports that no verdict has seen yet.
    pub(crate) async fn judge_at_rest(&self, row: &PipelineRow) -> Result<(), DeliveryError> {
        let files = reports::of_pipeline(&mut self.db(), &row.id).await?;
        if files.is_empty() {
            return Ok(());
        }
        if let Some(known) = verdict::newest_of_pipeline(&mut self.db(), &row.id).await? {
            let record: Value = json::read("record", &known.record)?;
            let judged: std::collections::BTreeSet<&str> = record["inputs"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|input| input["digest"].as_str())
                .collect();
            let now: std::collections::BTreeSet<&str> =
                files.iter().map(|file| file.sha256.as_str()).collect();
            if judged == now {
                return Ok(());
            }
        }
        self.judge_gate(&row.id, None, GateEvent::Main)
            .await
            .map(drop)
    }

    /// Reads the facts of a pipeline's reports against its base.
    pub(crate) async fn gather(
        &self,
        project: &ProjectRow,
        row: &PipelineRow,
        rule_set: &RuleSet,
    ) -> Result<Gathered, DeliveryError> {
        let repository = self.repository_of(project)?;
        let files = reports::of_pipeline(&mut self.db(), &row.id).await?;
        let base = self.choose_base(project, row, &repository).await?;
        let has_coverage = files.iter().any(|file| file.kind != "junit");
        let lines = match (&base.sha, has_coverage) {
            (Some(sha), true) => Some(new_lines_between(&repository, sha, &row.sha).await),
            _ => None,
        };
        let mut facts = Vec::new();
        for file in &files {
            facts.push((report_file(file), self.report_facts(file).await?));
        }
        let (snapshot, rule_set) = (repository.snapshot(&row.sha)?, rule_set.clone());
        let built = blocking(move || {
            let paths = if has_coverage {
                snapshot.paths()?
            } else {
                Vec::new()
            };
            let mapper = PathMapper::new(paths.iter().map(String::as_str));
            let mut builder = FactsBuilder::new();
            for (file, facts) in facts {
                match facts {
                    Facts::Tests(outcome) => builder.test_report(&file, &outcome),
                    Facts::Coverage(outcome) => builder.coverage(&file, outcome, Some(&mapper)),
                }
            }
            let change = match &lines {
                None => ChangeLines::NoBase,
                Some(Ok(lines)) => ChangeLines::Known(lines),
                Some(Err(why)) => ChangeLines::Unknown(why),
            };
            builder
                .finish(change, &rule_set)
                .map_err(|e| DeliveryError::refused(format!("the gate's rules: {e}")))
        })
        .await?;
        Ok(Gathered { built, base, files })
    }

    /// The commit that "new" is counted from: on the default branch the last green one, else the
    /// first parent; on other branches where they left the default branch.
    async fn choose_base(
        &self,
        project: &ProjectRow,
        row: &PipelineRow,
        repository: &Repository,
    ) -> Result<Base, DeliveryError> {
        if row.is_tag || row.ref_name != project.default_branch {
            let default = format!("refs/heads/{}", project.default_branch);
            if let Some(head) = repository.resolve(&default).await?
                && head != row.sha
                && let Some(base) = repository.merge_base(&head, &row.sha).await?
                && base != row.sha
            {
                return Ok(Base {
                    sha: Some(base),
                    choice: "merge_base",
                });
            }
        } else {
            let green = pipeline::newest_green(
                &mut self.db(),
                &project.id,
                &row.ref_name,
                &row.sha,
                row.created_at,
            )
            .await?;
            if let Some(green) = green
                && repository.is_ancestor(&green.sha, &row.sha).await?
            {
                return Ok(Base {
                    sha: Some(green.sha),
                    choice: "last_green",
                });
            }
        }
        let commit = repository.commit(&row.sha).await?;
        Ok(match commit.parents.into_iter().next() {
            Some(parent) => Base {
                sha: Some(parent),
                choice: "first_parent",
            },
            None => Base {
                sha: None,
                choice: "none",
            },
        })
    }
}

fn report_file(row: &ReportFileRow) -> ReportFile {
    ReportFile {
        job: row.job_name.clone(),
        name: row.name.clone(),
        digest: row.sha256.clone(),
    }
}

/// New lines between two commits, or why they are not known.
async fn new_lines_between(
    repository: &Repository,
    base: &str,
    head: &str,
) -> Result<NewLines, String> {
    let diff = repository
        .diff(Some(base), head, DIFF_BYTES)
        .await
        .map_err(|error| error.to_string())?;
    tokio::task::spawn_blocking(move || {
        Diff::read(&diff)
            .map(|diff| new_lines(&diff))
            .map_err(|error| error.to_string())
    })
    .await
    .map_err(|error| error.to_string())?
}
