//! `rialto delivery environment …`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::commands::deployment_text;
use super::{BASE, Column, Session};
use crate::client::{RequestError, text};

#[derive(Debug, Subcommand)]
pub enum Environment {
    /// Environments: what is active, what stands by.
    List {
        /// Project path or id.
        #[arg(long)]
        project: Option<String>,
    },
    /// One environment: its slots, its traffic, whether it can go back.
    Show {
        /// Name (`production`), or id.
        environment: String,
        /// Project path or id; needed when several projects have an environment of that name.
        #[arg(long)]
        project: Option<String>,
    },
    /// Give the traffic back to the standby.
    Rollback {
        /// Name (`production`), or id.
        environment: String,
        /// Project path or id; needed when several projects have an environment of that name.
        #[arg(long)]
        project: Option<String>,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

const COLUMNS: &[Column] = &[
    ("ID", |v| text(&v["id"])),
    ("PROJECT", |v| text(&v["project_path"])),
    ("ENVIRONMENT", |v| text(&v["name"])),
    ("STATE", |v| text(&v["state"])),
    ("ACTIVE", |v| slot(v, "active")),
    ("STANDBY", |v| slot(v, "standby")),
    ("URL", |v| text(&v["url"])),
];

impl Environment {
    pub async fn execute(self, session: &Session) -> Result<ExitCode> {
        match self {
            Self::List { project } => {
                let query = session.project_query(project.as_deref()).await?;
                let path = format!("/environments{query}");
                session.list(&path, COLUMNS).await
            }
            Self::Show {
                environment,
                project,
            } => {
                let found = find(session, &environment, project.as_deref()).await?;
                session.show(&found, environment_text)
            }
            Self::Rollback {
                environment,
                project,
                reason,
            } => {
                if reason.trim().is_empty() {
                    let message = "a roll-back needs a reason: --reason TEXT";
                    return Err(RequestError::usage(message.to_owned()).into());
                }
                let found = find(session, &environment, project.as_deref()).await?;
                let path = format!("/environments/{}/rollback", text(&found["id"]));
                let deployment = session.post(&path, json!({"reason": reason})).await?;
                session.show(&deployment, deployment_text)
            }
        }
    }
}

/// The environment of a name or id.
async fn find(session: &Session, given: &str, project: Option<&str>) -> Result<Value> {
    let query = session.project_query(project).await?;
    let path = format!("{BASE}/environments{query}");
    let all = session.client.list(&path, 10_000).await?;
    choose(&all, given).map_err(Into::into)
}

/// The one environment that is meant.
fn choose(all: &[Value], given: &str) -> Result<Value, RequestError> {
    if let Some(found) = all.iter().find(|one| one["id"] == given) {
        return Ok(found.clone());
    }
    let named: Vec<&Value> = all.iter().filter(|one| one["name"] == given).collect();
    match named.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let known: Vec<String> = all.iter().map(place).collect();
            let known = match known.is_empty() {
                true => "there is none yet: a release makes its environments".to_owned(),
                false => format!("you can see: {}", known.join(", ")),
            };
            Err(RequestError::not_found(format!(
                "there is no environment `{given}`; {known}"
            )))
        }
        several => {
            let projects: Vec<String> = several.iter().map(|e| text(&e["project_path"])).collect();
            Err(RequestError::usage(format!(
                "several projects have an environment `{given}`; add --project with one of {}",
                projects.join(", ")
            )))
        }
    }
}

fn place(environment: &Value) -> String {
    format!(
        "{} ({})",
        text(&environment["name"]),
        text(&environment["project_path"])
    )
}

fn slot(environment: &Value, role: &str) -> String {
    let slots = environment["slots"].as_array();
    let slot = slots.and_then(|slots| slots.iter().find(|slot| slot["role"] == role));
    let show = |s: &Value| {
        format!(
            "{} ({}, {})",
            text(&s["version"]),
            text(&s["name"]),
            text(&s["health"])
        )
    };
    slot.map(show).unwrap_or_default()
}

fn environment_text(environment: &Value) -> String {
    let mut out = format!(
        "{} of {}: {}  {}\n",
        text(&environment["name"]),
        text(&environment["project_path"]),
        text(&environment["state"]),
        text(&environment["url"]),
    )
    .trim_end()
    .to_owned();
    out.push('\n');
    for role in ["active", "standby", "candidate", "reserve"] {
        let shown = slot(environment, role);
        if !shown.is_empty() {
            out.push_str(&format!("  {role:<12} {shown}\n"));
        }
    }
    let traffic = &environment["traffic"];
    if traffic.is_object() {
        out.push_str(&format!(
            "  {:<12} {} requests; {} failed for users; versions failed {}, of which {} requests \
             were made good\n",
            "traffic",
            text(&traffic["requests"]),
            text(&traffic["failed_requests"]),
            text(&traffic["failed_attempts"]),
            text(&traffic["rescued"]),
        ));
    }
    let back = match environment["why_not"].as_str() {
        Some(reason) => format!("no: {reason}"),
        None => "yes".to_owned(),
    };
    out.push_str(&format!("  {:<12} {back}\n", "can go back"));
    out.push_str(&format!("  {:<12} {}\n", "id", text(&environment["id"])));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_found_by_name_unless_several_have_it() {
        let all = [
            json!({"id": "1", "name": "test", "project_path": "a/b"}),
            json!({"id": "2", "name": "production", "project_path": "a/b"}),
            json!({"id": "3", "name": "test", "project_path": "a/c"}),
        ];
        let id = |given| choose(&all, given).map(|found| text(&found["id"]));
        assert_eq!(id("production").expect("one"), "2");
        assert_eq!(id("3").expect("by id"), "3");
        let several = id("test").expect_err("two").to_string();
        assert!(several.contains("a/b, a/c"), "{several}");
        let none = id("stage").expect_err("none").to_string();
        assert!(none.contains("production (a/b)"), "{none}");
    }
}
