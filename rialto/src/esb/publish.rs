//! `rialto esb publish | rollback | snapshots`: what the gateways of an environment serve.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::print;
use super::server::{Answers, BASE};
use crate::client::{Client, text};
use crate::lang::Lang;

/// Where calls go.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Environment {
    /// For trying.
    Sandbox,
    /// For good.
    Production,
}

/// Options of `rialto esb publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Whose gateways.
    #[arg(long, value_enum, default_value = "production")]
    environment: Environment,
    /// Why; needed to publish.
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Tell what would change and what stands against it, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// Whose gateways.
    #[arg(long, value_enum, default_value = "production")]
    environment: Environment,
    /// Number of the snapshot to go back to; the one before when not told.
    #[arg(long, value_name = "NUMBER")]
    to: Option<u64>,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb snapshots`.
#[derive(Debug, Args)]
pub struct SnapshotsArgs {
    /// Whose gateways.
    #[arg(long, value_enum, default_value = "production")]
    environment: Environment,
    /// Most rows.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    answers: Answers,
}

fn path(environment: Environment, more: &str) -> String {
    let name = match environment {
        Environment::Sandbox => "sandbox",
        Environment::Production => "production",
    };
    format!("{BASE}/environments/{name}{more}")
}

/// A snapshot in a line.
fn line(one: &Value, lang: Lang) -> String {
    let mark = if one["in_force"] == true { '*' } else { ' ' };
    let holds = &one["holds"];
    let words = lang.pick(
        "route(s), subscription(s), credential(s)",
        "路由、订阅、凭证",
    );
    format!(
        "{mark}{:>6}  {}  {}/{}/{} {words}  {}  {}  {}\n",
        one["version"].to_string(),
        text(&one["created_at"]),
        holds["routes"],
        holds["subscriptions"],
        holds["credentials"],
        text(&one["digest"]).get(..12).unwrap_or_default(),
        text(&one["author"]),
        text(&one["reason"]),
    )
}

fn nodes(told: &Value, lang: Lang) -> String {
    let mut lines = String::new();
    for one in told["nodes"].as_array().into_iter().flatten() {
        // Writing to a string does not fail.
        let _ = writeln!(
            lines,
            "  {:<16} {:<8} {:>6}  {}  {}",
            text(&one["node"]),
            text(&one["state_words"][lang.pick("en", "zh")]),
            one["version"].to_string(),
            text(&one["address"]),
            text(&one["reason"]),
        );
    }
    lines
}

fn left_out(told: &Value, lang: Lang) -> String {
    let mut lines = String::new();
    for one in told["left_out"].as_array().into_iter().flatten() {
        let what = text(&one["what"]);
        let why = text(&one["text"][lang.pick("en", "zh")]);
        let _ = writeln!(lines, "  {} {what}: {why}", lang.pick("left out", "未纳入"));
    }
    lines
}

/// Prints what would become of it; 1 when something stands against it.
fn foretell(answers: Answers, told: &Value) -> Result<ExitCode> {
    let lang = Lang::told(answers.lang);
    let list = |name: &str| told[name].as_array().into_iter().flatten();
    let mut lines = String::new();
    for one in list("changes") {
        let became = match one["became"].as_str().unwrap_or_default() {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        let (kind, what) = (text(&one["kind"]), text(&one["what"]));
        let _ = writeln!(lines, "{became} {kind:<12} {what}");
    }
    let (total, shown) = (told["total"].as_u64().unwrap_or(0), list("changes").count());
    let words = lang.pick("change(s)", "项变更");
    let _ = writeln!(
        lines,
        "{total} {words}, {shown} {}",
        lang.pick("shown", "项列出")
    );
    lines += &left_out(told, lang);
    for one in list("unmet") {
        let why = text(&one["text"][lang.pick("en", "zh")]);
        let _ = writeln!(lines, "  {}: {why}", lang.pick("against it", "不可发布"));
    }
    print(answers.output, told, &lines)?;
    Ok(ExitCode::from(u8::from(list("unmet").next().is_some())))
}

/// Prints what became of it; 1 when a gateway is not there yet.
fn tell(answers: Answers, told: &Value) -> Result<ExitCode> {
    let lang = Lang::told(answers.lang);
    let lines = line(&told["snapshot"], lang) + &nodes(told, lang) + &left_out(told, lang);
    print(answers.output, told, &lines)?;
    let mut all = told["nodes"].as_array().into_iter().flatten();
    let well = all.all(|one| one["state"] == "active");
    Ok(ExitCode::from(u8::from(!well)))
}

impl PublishArgs {
    /// Asks the server.
    pub async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        if self.dry_run {
            let told = client.get(&path(self.environment, "/preview")).await?;
            return foretell(self.answers, &told);
        }
        let body = json!({"reason": self.reason});
        let path = path(self.environment, "/snapshots");
        let told = client.post(&path, &body).await?;
        tell(self.answers, &told)
    }
}

impl RollbackArgs {
    /// Asks the server.
    pub async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        let body = json!({"version": self.to, "reason": self.reason});
        let path = path(self.environment, "/rollback");
        let told = client.post(&path, &body).await?;
        tell(self.answers, &told)
    }
}

impl SnapshotsArgs {
    /// Asks the server.
    pub async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        let lang = Lang::told(self.answers.lang);
        let list = path(self.environment, "/snapshots");
        let items = client.list(&list, self.limit).await?;
        let state = client.get(&path(self.environment, "")).await?;
        let lines: String = items.iter().map(|one| line(one, lang)).collect();
        let lines = lines + &nodes(&state, lang);
        let told = json!({"snapshots": items, "nodes": state["nodes"]});
        print(self.answers.output, &told, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
