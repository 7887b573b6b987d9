//! The commands, noun by noun.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use super::table::duration;
use super::{BASE, Column, Session};
use crate::client::{RequestError, text};

/// Time between two looks while waiting.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub enum Project {
    /// All projects you can see, with their lights.
    List,
    /// One project.
    Show {
        /// Path or id.
        project: String,
    },
    /// Make a project with an empty repository.
    Create {
        /// Path, e.g. `equities/quote-service`.
        path: String,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// CI variables of a project.
    Variables {
        /// Path or id.
        project: String,
    },
    /// Set a CI variable; the value is read from a file or standard input.
    SetVariable {
        /// Path or id.
        project: String,
        /// Name.
        key: String,
        /// File with the value; `-` reads standard input.
        #[arg(long, default_value = "-")]
        value_file: String,
        /// Replace it by `[MASKED]` in logs.
        #[arg(long)]
        masked: bool,
        /// Give it to pipelines of protected branches only.
        #[arg(long)]
        protected: bool,
        /// Hand it over as a file.
        #[arg(long)]
        file: bool,
    },
    /// Remove a CI variable.
    RemoveVariable {
        /// Path or id.
        project: String,
        /// Name.
        key: String,
    },
}

impl Project {
    pub async fn execute(self, session: &Session) -> Result<ExitCode> {
        const COLUMNS: &[Column] = &[
            ("PROJECT", |v| text(&v["path"])),
            ("LIGHT", |v| text(&v["light"]["state"])),
            ("LAST PIPELINE", |v| text(&v["last_pipeline"]["status"])),
            ("CLONE", |v| text(&v["clone_url"])),
        ];
        match self {
            Self::List => session.list("/projects", COLUMNS).await,
            Self::Show { project } => {
                let id = session.project_id(&project).await?;
                let project = session.get(&format!("/projects/{id}")).await?;
                session.show(&project, project_text)
            }
            Self::Create { path, description } => {
                let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
                let body = json!({"path": path, "name": name, "description": description});
                let project = session.post("/projects", body).await?;
                session.show(&project, |v| {
                    format!("created; clone {}\n", text(&v["clone_url"]))
                })
            }
            Self::Variables { project } => {
                let id = session.project_id(&project).await?;
                session
                    .list(&format!("/projects/{id}/variables"), VARIABLE_COLUMNS)
                    .await
            }
            Self::SetVariable {
                project,
                key,
                value_file,
                masked,
                protected,
                file,
            } => {
                let id = session.project_id(&project).await?;
                let value = read_value(&value_file)?;
                let body = json!({"value": value, "masked": masked, "protected": protected,
                    "file": file, "environment_scope": "*"});
                session
                    .client
                    .put(&format!("{BASE}/projects/{id}/variables/{key}"), &body)
                    .await?;
                eprintln!("variable {key} is set");
                Ok(ExitCode::SUCCESS)
            }
            Self::RemoveVariable { project, key } => {
                let id = session.project_id(&project).await?;
                session
                    .client
                    .delete(&format!("{BASE}/projects/{id}/variables/{key}"))
                    .await?;
                eprintln!("variable {key} is removed");
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn project_text(project: &Value) -> String {
    let last = &project["last_pipeline"];
    let last = match last["no"].as_u64() {
        Some(no) => format!("{no}, {}  {}", text(&last["status"]), text(&last["id"])),
        None => "none yet: push a commit".to_owned(),
    };
    let rows = [
        ("light", text(&project["light"]["state"])),
        ("last pipeline", last),
        ("branch", text(&project["default_branch"])),
        ("clone", text(&project["clone_url"])),
        ("id", text(&project["id"])),
    ];
    let mut out = format!(
        "{}  {}\n",
        text(&project["path"]),
        text(&project["description"])
    )
    .trim_end()
    .to_owned();
    out.push('\n');
    for (name, value) in rows {
        out.push_str(&format!("  {name:<14} {value}\n"));
    }
    out
}

const VARIABLE_COLUMNS: &[Column] = &[
    ("KEY", |v| text(&v["key"])),
    ("VALUE", |v| {
        v["value"]
            .as_str()
            .map_or_else(|| "[MASKED]".to_owned(), str::to_owned)
    }),
    ("PROTECTED", |v| text(&v["protected"])),
    ("FILE", |v| text(&v["file"])),
];

/// A secret comes from a file or standard input: arguments are visible to everybody.
fn read_value(file: &str) -> Result<String> {
    let value = if file == "-" {
        std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?
    };
    Ok(value.strip_suffix('\n').unwrap_or(&value).to_owned())
}

#[derive(Debug, Subcommand)]
pub enum Pipeline {
    /// Pipelines, newest first.
    List {
        /// Project path or id.
        #[arg(long)]
        project: Option<String>,
    },
    /// One pipeline with its jobs, verdict and reports.
    Show {
        /// Pipeline id, or a project path for its newest.
        pipeline: String,
    },
    /// Start a pipeline on a branch.
    Run {
        /// Project path or id.
        project: String,
        /// Branch or tag.
        #[arg(long = "ref", default_value = "main")]
        git_ref: String,
        /// Variables, `KEY=value`.
        #[arg(long = "variable")]
        variables: Vec<String>,
    },
    /// Wait until it ends or needs a person; exit 1 unless it passed.
    Wait {
        /// Pipeline id, or a project path for its newest.
        pipeline: String,
        /// Give up after this many seconds (exit 6).
        #[arg(long, default_value_t = 3600)]
        timeout: u64,
    },
    /// Stop everything under way.
    Cancel {
        /// Pipeline id, or a project path for its newest.
        pipeline: String,
    },
    /// Run failed and cancelled jobs again.
    Retry {
        /// Pipeline id, or a project path for its newest.
        pipeline: String,
    },
    /// The gate's verdict.
    Verdict {
        /// Pipeline id, or a project path for its newest.
        pipeline: String,
    },
}

impl Pipeline {
    pub async fn execute(self, session: &Session) -> Result<ExitCode> {
        const COLUMNS: &[Column] = &[
            ("ID", |v| text(&v["id"])),
            ("PROJECT", |v| text(&v["project_path"])),
            ("NO", |v| text(&v["no"])),
            ("REF", |v| text(&v["ref"])),
            ("COMMIT", |v| text(&v["short_sha"])),
            ("STATUS", |v| text(&v["status"])),
            ("TIME", |v| duration(&v["duration_ms"])),
            ("TITLE", |v| text(&v["title"])),
        ];
        match self {
            Self::List { project } => {
                let query = session.project_query(project.as_deref()).await?;
                session.list(&format!("/pipelines{query}"), COLUMNS).await
            }
            Self::Show { pipeline } => {
                let id = session.pipeline_id(&pipeline).await?;
                let pipeline = session.get(&format!("/pipelines/{id}")).await?;
                session.show(&pipeline, pipeline_text)
            }
            Self::Run {
                project,
                git_ref,
                variables,
            } => {
                let id = session.project_id(&project).await?;
                let variables = pairs(&variables)?;
                let body = json!({"ref": git_ref, "variables": variables});
                let pipeline = session
                    .post(&format!("/projects/{id}/pipelines"), body)
                    .await?;
                session.show(&pipeline, pipeline_text)
            }
            Self::Wait { pipeline, timeout } => wait(session, &pipeline, timeout).await,
            Self::Cancel { pipeline } => act(session, &pipeline, "cancel").await,
            Self::Retry { pipeline } => act(session, &pipeline, "retry").await,
            Self::Verdict { pipeline } => {
                let id = session.pipeline_id(&pipeline).await?;
                let verdict = session.get(&format!("/pipelines/{id}/verdict")).await?;
                session.show(&verdict, verdict_text)
            }
        }
    }
}

fn pairs(variables: &[String]) -> Result<Value> {
    let mut map = serde_json::Map::new();
    for variable in variables {
        let (key, value) = variable.split_once('=').ok_or_else(|| {
            RequestError::usage(format!("`{variable}` is no variable: write KEY=value"))
        })?;
        map.insert(key.to_owned(), value.into());
    }
    Ok(Value::Object(map))
}

async fn act(session: &Session, pipeline: &str, verb: &str) -> Result<ExitCode> {
    let id = session.pipeline_id(pipeline).await?;
    let pipeline = session
        .post(&format!("/pipelines/{id}/{verb}"), json!({}))
        .await?;
    session.show(&pipeline, pipeline_text)
}

async fn wait(session: &Session, pipeline: &str, timeout: u64) -> Result<ExitCode> {
    let id = session.pipeline_id(pipeline).await?;
    let waiting = async {
        loop {
            let pipeline = session.get(&format!("/pipelines/{id}")).await?;
            let status = text(&pipeline["status"]);
            let at_rest = [
                "success",
                "failed",
                "canceled",
                "skipped",
                "manual",
                "scheduled",
            ];
            if at_rest.contains(&status.as_str()) {
                return anyhow::Ok(pipeline);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    let Ok(pipeline) = tokio::time::timeout(Duration::from_secs(timeout), waiting).await else {
        eprintln!("pipeline {id} was still at work after {timeout} s");
        return Ok(ExitCode::from(6));
    };
    let pipeline = pipeline?;
    session.show(&pipeline, pipeline_text)?;
    let passed = pipeline["status"] == "success";
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn pipeline_text(pipeline: &Value) -> String {
    let mut out = format!(
        "pipeline {} of {}: {}\n  {} {} {}\n",
        text(&pipeline["no"]),
        text(&pipeline["project_path"]),
        text(&pipeline["status"]),
        text(&pipeline["ref"]),
        text(&pipeline["short_sha"]),
        text(&pipeline["title"]),
    );
    for error in pipeline["config_errors"].as_array().into_iter().flatten() {
        let place = ["file", "line", "column"]
            .map(|key| text(&error[key]))
            .join(":");
        out.push_str(&format!("  {place}: {}\n", text(&error["message"])));
    }
    for stage in pipeline["stages"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "  {} ({})\n",
            text(&stage["name"]),
            text(&stage["status"])
        ));
        for job in stage["jobs"].as_array().into_iter().flatten() {
            if job["superseded"] == true {
                continue;
            }
            let reason = job["failure_message"]
                .as_str()
                .or(job["failure_reason"].as_str())
                .or(job["waiting_reason"].as_str());
            let reason = reason
                .map(|reason| format!("  {reason}"))
                .unwrap_or_default();
            out.push_str(&format!(
                "    {:<10} {:<28} {:>9}  {}{reason}\n",
                text(&job["status"]),
                text(&job["name"]),
                duration(&job["duration_ms"]),
                text(&job["id"]),
            ));
        }
    }
    if let Some(result) = pipeline["verdict"]["result"].as_str() {
        out.push_str(&format!("  gate: {result}\n"));
    }
    out
}

fn verdict_text(verdict: &Value) -> String {
    let mut out = format!("gate: {}\n", text(&verdict["overall"]));
    for rule in verdict["rules"].as_array().into_iter().flatten() {
        let part = |key: &str| text(&rule[key]);
        let [result, measure, scope, value] = ["result", "measure", "scope", "value"].map(part);
        let [op, bound, detail] = ["op", "bound", "detail"].map(part);
        out.push_str(&format!(
            "  {result:<14} {measure} ({scope}): {value} {op} {bound}  {detail}\n"
        ));
        // The sentence names the first lying report only; the others lie as well.
        if rule["measure"] == "reports.contradictory" {
            for place in rule["offenders"].as_array().into_iter().flatten() {
                let [file, line, note] = ["file", "line", "note"].map(|key| text(&place[key]));
                out.push_str(&format!("    {file}:{line}: {note}\n"));
            }
        }
    }
    out
}

#[derive(Debug, Subcommand)]
pub enum Job {
    /// One job.
    Show {
        /// Id.
        job: String,
    },
    /// Its log, to standard output.
    Log {
        /// Id.
        job: String,
        /// Go on until the job ends.
        #[arg(long)]
        follow: bool,
    },
    /// Start a manual job.
    Play {
        /// Id.
        job: String,
    },
    /// Run it again.
    Retry {
        /// Id.
        job: String,
    },
    /// Stop it.
    Cancel {
        /// Id.
        job: String,
    },
}

impl Job {
    pub async fn execute(self, session: &Session) -> Result<ExitCode> {
        let (job, verb) = match &self {
            Self::Show { job } => {
                let job = session.get(&format!("/jobs/{job}")).await?;
                return session.show(&job, job_text);
            }
            Self::Log { job, follow } => return log(session, job, *follow).await,
            Self::Play { job } => (job, "play"),
            Self::Retry { job } => (job, "retry"),
            Self::Cancel { job } => (job, "cancel"),
        };
        let job = session
            .post(&format!("/jobs/{job}/{verb}"), json!({}))
            .await?;
        session.show(&job, job_text)
    }
}

fn job_text(job: &Value) -> String {
    let mut out = format!(
        "job {} ({}): {}  {}\n",
        text(&job["name"]),
        text(&job["stage"]),
        text(&job["status"]),
        duration(&job["duration_ms"]),
    )
    .trim_end()
    .to_owned();
    out.push('\n');
    if let Some(reason) = job["failure_message"].as_str() {
        out.push_str(&format!("  {reason}\n"));
    }
    if let Some(reason) = job["waiting_reason"].as_str() {
        out.push_str(&format!("  waiting: {reason}\n"));
    }
    if let Some(line) = job["failing_line"]["text"].as_str() {
        out.push_str(&format!(
            "  line {}: {line}\n",
            text(&job["failing_line"]["line"])
        ));
    }
    out
}

async fn log(session: &Session, job: &str, follow: bool) -> Result<ExitCode> {
    let mut offset = 0;
    loop {
        // Read before asking for bytes: what is complete now has nothing behind these bytes.
        let status = text(&session.get(&format!("/jobs/{job}")).await?["status"]);
        let path = format!("{BASE}/jobs/{job}/log");
        let bytes = session.client.bytes_from(&path, offset).await?;
        std::io::stdout().write_all(&bytes)?;
        std::io::stdout().flush()?;
        offset += bytes.len();
        let ended = ["success", "failed", "canceled", "skipped"].contains(&status.as_str());
        if !follow || ended {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Who wrote what is released.
fn authors(released: &Value) -> String {
    let all = released["authors"].as_array();
    let names = all.into_iter().flatten().map(|one| text(&one["name"]));
    names.collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Subcommand)]
pub enum Release {
    /// Releases, newest first.
    List {
        /// Project path or id.
        #[arg(long)]
        project: Option<String>,
    },
    /// One release.
    Show {
        /// Id.
        release: String,
    },
}

impl Release {
    pub async fn execute(self, session: &Session) -> Result<ExitCode> {
        const COLUMNS: &[Column] = &[
            ("ID", |v| text(&v["id"])),
            ("PROJECT", |v| text(&v["project_path"])),
            ("VERSION", |v| text(&v["version"])),
            ("AUTHORS", authors),
            ("DIGEST", |v| text(&v["digest"]).chars().take(12).collect()),
            ("GATE", |v| text(&v["verdict"]["result"])),
            ("DEPLOYMENTS", |v| {
                let all = v["deployments"].as_array().cloned().unwrap_or_default();
                let one = |d: &Value| format!("{} {}", text(&d["environment"]), text(&d["state"]));
                all.iter().map(one).collect::<Vec<_>>().join(", ")
            }),
        ];
        match self {
            Self::List { project } => {
                let query = session.project_query(project.as_deref()).await?;
                session.list(&format!("/releases{query}"), COLUMNS).await
            }
            Self::Show { release } => {
                let release = session.get(&format!("/releases/{release}")).await?;
                session.show(&release, |v| {
                    super::table::render(COLUMNS, std::slice::from_ref(v))
                })
            }
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Deployment {
    /// Deployments, newest first.
    List {
        /// Project path or id.
        #[arg(long)]
        project: Option<String>,
    },
    /// One deployment with its steps.
    Show {
        /// Id.
        deployment: String,
    },
    /// Approve it (not by its author or requester).
    Approve {
        /// Id.
        deployment: String,
        /// Why.
        #[arg(long, default_value = "")]
        comment: String,
    },
    /// Refuse it.
    Reject {
        /// Id.
        deployment: String,
        /// Why.
        #[arg(long)]
        comment: String,
    },
    /// Call it off before the switch.
    Cancel {
        /// Id.
        deployment: String,
    },
}

impl Deployment {
    pub async fn execute(self, session: &Session) -> Result<ExitCode> {
        const COLUMNS: &[Column] = &[
            ("ID", |v| text(&v["id"])),
            ("PROJECT", |v| text(&v["project_path"])),
            ("ENVIRONMENT", |v| text(&v["environment"]["name"])),
            ("KIND", |v| text(&v["kind"])),
            ("VERSION", |v| text(&v["release"]["version"])),
            ("STATE", |v| text(&v["state"])),
            ("AUTHORS", authors),
            ("BY", |v| text(&v["requested_by"]["name"])),
        ];
        let (id, verb, body) = match self {
            Self::List { project } => {
                let query = session.project_query(project.as_deref()).await?;
                return session.list(&format!("/deployments{query}"), COLUMNS).await;
            }
            Self::Show { deployment } => {
                let deployment = session.get(&format!("/deployments/{deployment}")).await?;
                return session.show(&deployment, deployment_text);
            }
            Self::Approve {
                deployment,
                comment,
            } => (deployment, "approve", json!({"comment": comment})),
            Self::Reject {
                deployment,
                comment,
            } => (deployment, "reject", json!({"comment": comment})),
            Self::Cancel { deployment } => (deployment, "cancel", json!({})),
        };
        let deployment = session
            .post(&format!("/deployments/{id}/{verb}"), body)
            .await?;
        session.show(&deployment, deployment_text)
    }
}

pub fn deployment_text(deployment: &Value) -> String {
    let mut out = format!(
        "{} of {} to {}: {}\n",
        text(&deployment["kind"]),
        text(&deployment["release"]["version"]),
        text(&deployment["environment"]["name"]),
        text(&deployment["state"]),
    );
    for reason in deployment["reasons"].as_array().into_iter().flatten() {
        out.push_str(&format!("  {}\n", text(reason)));
    }
    for step in deployment["steps"].as_array().into_iter().flatten() {
        let [at, name, outcome, detail] =
            ["at", "name", "outcome", "detail"].map(|k| text(&step[k]));
        out.push_str(&format!("  {at}  {name:<12} {outcome:<8} {detail}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lying_report_is_printed_not_only_the_first() {
        let place = |file: &str, line: u32| json!({"file": file, "line": line, "note": "it lies"});
        let rule = |measure: &str| {
            json!({"result": "fail", "measure": measure, "scope": "overall", "value": "2",
                "op": "==", "bound": "0", "detail": "first a.xml line 2",
                "offenders": [place("a.xml", 2), place("b.info", 5)]})
        };
        let told =
            |measure: &str| verdict_text(&json!({"overall": "failed", "rules": [rule(measure)]}));
        let lies = told("reports.contradictory");
        assert!(lies.contains("\n    a.xml:2: it lies\n"), "{lies}");
        assert!(lies.contains("\n    b.info:5: it lies\n"), "{lies}");
        assert!(!told("tests.failed").contains("b.info"));
    }
}
