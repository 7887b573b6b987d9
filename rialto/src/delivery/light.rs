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
    ("BROKE", |v| broke(main_cause(v))),
    ("BY", |v| who(main_cause(v))),
    ("SINCE", |v| text(&main_cause(v)["red_at"])),
    ("ALSO", also),
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

/// The cause a row is about: the first that is still broken, and of a closed incident the first.
fn main_cause(incident: &Value) -> &Value {
    let causes = incident["causes"].as_array().map_or(&[][..], Vec::as_slice);
    let open = causes.iter().find(|cause| cause["repaired_at"].is_null());
    open.or(causes.first()).unwrap_or(incident)
}

/// The other causes, each with its own time.
fn also(incident: &Value) -> String {
    let main = main_cause(incident);
    let causes = incident["causes"].as_array().map_or(&[][..], Vec::as_slice);
    let told = |cause: &Value| {
        let (jobs, by, since) = (broke(cause), who(cause), text(&cause["red_at"]));
        match cause["repaired_at"].as_str() {
            Some(_) if incident["state"] == "closed" => format!("{jobs} by {by} since {since}"),
            Some(at) => format!("{jobs} by {by} since {since}, repaired {at}"),
            None => format!("{jobs} by {by} since {since}"),
        }
    };
    let others = causes.iter().filter(|cause| !std::ptr::eq(*cause, main));
    others.map(told).collect::<Vec<_>>().join("; ")
}

/// What a cause broke.
fn broke(cause: &Value) -> String {
    let jobs = cause["jobs"].as_array().map_or(&[][..], Vec::as_slice);
    if jobs.is_empty() && cause["cause_class"] == "configuration" {
        return ".gitlab-ci.yml".to_owned();
    }
    jobs.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Who pushed what broke, and whose commit it was when that is somebody else.
fn who(cause: &Value) -> String {
    let (owner, author) = (&cause["owner"]["name"], &cause["author"]["name"]);
    if owner.is_null() {
        return "nobody (the platform failed)".to_owned();
    }
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
    fn who_broke_what_stands_with_its_own_time() {
        let cause = |job: &str, by: &str, at: &str, repaired: Value| {
            json!({"jobs": [job], "owner": {"name": by}, "author": null, "red_at": at,
                "repaired_at": repaired, "cause_class": "test"})
        };
        let row = |first: Value| {
            json!({"state": "open", "causes": [
                cause("deploy-production", "developer", "02:31:49", first),
                cause("unit", "operator", "02:35:40", Value::Null),
            ]})
        };
        let shown = |v: &Value| -> Vec<String> {
            let told = COLUMNS
                .iter()
                .filter(|c| ["BROKE", "BY", "SINCE", "ALSO"].contains(&c.0));
            told.map(|column| (column.1)(v)).collect()
        };
        assert_eq!(
            shown(&row(Value::Null)),
            [
                "deploy-production",
                "developer",
                "02:31:49",
                "unit by operator since 02:35:40"
            ]
        );
        assert_eq!(
            shown(&row(json!("02:36:00"))),
            [
                "unit",
                "operator",
                "02:35:40",
                "deploy-production by developer since 02:31:49, repaired 02:36:00"
            ]
        );
        let platform = json!({"owner": null, "author": {"name": "Lin"}});
        assert_eq!(who(&platform), "nobody (the platform failed)");
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
