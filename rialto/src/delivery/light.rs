//! `rialto delivery light`: the red-light board.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::table::duration;
use super::{Column, Session};
use crate::client::text;

/// Without a word behind it: the board.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Light {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    board: Board,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Incidents: open ones first (the same as `light` alone).
    List(Board),
}

/// Which incidents.
#[derive(Debug, Args)]
struct Board {
    /// Project path or id.
    #[arg(long)]
    project: Option<String>,
    /// `open` or `closed`.
    #[arg(long, value_parser = ["open", "closed"])]
    state: Option<String>,
}

const COLUMNS: &[Column] = &[
    ("PROJECT", |v| text(&v["project_path"])),
    ("BRANCH", |v| text(&v["branch"])),
    ("LIGHT", |v| {
        if v["state"] == "open" {
            "red".into()
        } else {
            "green".into()
        }
    }),
    ("BROKE", |v| {
        if v["cause_class"] == "configuration" {
            return ".gitlab-ci.yml".into();
        }
        let jobs = v["failing_jobs"].as_array().cloned().unwrap_or_default();
        jobs.iter()
            .map(|job| text(&job["name"]))
            .collect::<Vec<_>>()
            .join(", ")
    }),
    ("BY", who),
    ("SINCE", |v| text(&v["red_at"])),
    ("REPAIR TIME", repair_time),
    ("CLOSED", closed),
];

/// How it was closed, in words; nothing while it is red.
fn closed(incident: &Value) -> String {
    match incident["close_kind"].as_str() {
        None => String::new(),
        Some("repaired") => "repaired".to_owned(),
        Some("closed_by_removal") => "job removed".to_owned(),
        Some("flaky") => "flaky: passed when run again".to_owned(),
        Some(other) => other.replace('_', " "),
    }
}

/// Who pushed what broke, and whose commit it was when that is somebody else.
fn who(incident: &Value) -> String {
    let (owner, author) = (&incident["owner"]["name"], &incident["author"]["name"]);
    match author.is_string() && author != owner {
        true => format!("{} (commit by {})", text(owner), text(author)),
        false => text(owner),
    }
}

impl Light {
    pub async fn execute(self, session: &Session) -> Result<ExitCode> {
        let Board { project, state } = match self.command {
            Some(Command::List(board)) => board,
            None => self.board,
        };
        let mut query = session.project_query(project.as_deref()).await?;
        if let Some(state) = state {
            query.push_str(if query.is_empty() { "?" } else { "&" });
            query.push_str(&format!("state={state}"));
        }
        session.list(&format!("/incidents{query}"), COLUMNS).await
    }
}

/// `3 min 20 s`, or `open for 12 min` as long as nobody has repaired it.
fn repair_time(incident: &Value) -> String {
    match incident["open_ms"].as_u64() {
        Some(ms) if ms < 60_000 => "open for less than a minute".to_owned(),
        Some(ms) if ms < 3_600_000 => format!("open for {} min", ms / 60_000),
        Some(ms) => format!(
            "open for {} h {} min",
            ms / 3_600_000,
            ms % 3_600_000 / 60_000
        ),
        None => duration(&incident["repair_ms"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_a_light_was_closed_is_told_in_words() {
        let told = |kind: &str| closed(&json!({"close_kind": kind}));
        assert_eq!(told("closed_by_removal"), "job removed");
        assert_eq!(told("repaired"), "repaired");
        assert_eq!(closed(&json!({"close_kind": null})), "");
    }

    #[test]
    fn an_open_incident_has_no_repair_time_yet() {
        let open = |ms: u64| repair_time(&json!({"open_ms": ms, "repair_ms": null}));
        assert_eq!(open(59_000), "open for less than a minute");
        assert_eq!(open(12 * 60_000 + 9), "open for 12 min");
        assert_eq!(open(125 * 60_000), "open for 2 h 5 min");
        let closed = json!({"open_ms": null, "repair_ms": 61_000});
        assert_eq!(repair_time(&closed), "1 min 1 s");
    }
}
