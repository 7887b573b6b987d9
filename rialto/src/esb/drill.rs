//! `rialto esb drill …`: the server that leads is made to end, and what comes after is measured.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::print;
use super::server::{Answers, escaped};
use crate::client::{Client, text};
use crate::lang::Lang;

const DRILLS: &str = "/api/platform/v1/drills";
/// How often servers are asked whether the house serves.
const EVERY: Duration = Duration::from_millis(10);

/// The commands of `rialto esb drill`. Exit codes of `run` and `show`: 0 the target was met, 1 it
/// was not.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Which servers there are, and whether a drill can be made.
    Servers(ServersArgs),
    /// Make the server that leads end, and wait until another one has taken over and told how long
    /// it took.
    Run(RunArgs),
    /// The newest drills.
    List(ServersArgs),
    /// One drill.
    Show(ShowArgs),
}

/// How the leader ends.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// By a signal nothing can catch, as when the machine is lost.
    Kill,
    /// In order, as for a new version.
    Stop,
    /// Frozen, as a machine that hangs: its lease has to expire.
    Pause,
}

/// Options of `rialto esb drill servers` and `list`.
#[derive(Debug, Args)]
pub struct ServersArgs {
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb drill run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// How the leader ends.
    #[arg(long, value_enum, default_value = "kill")]
    kind: Kind,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Address of a server that stands by, when no proxy stands before all of them; may be given
    /// several times.
    #[arg(long, value_name = "URL")]
    standby: Vec<String>,
    /// Longest wait for the house to serve again, seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    wait: u64,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb drill show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id of the drill.
    id: String,
    #[command(flatten)]
    answers: Answers,
}

impl Command {
    /// Asks the server.
    pub(super) async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        match self {
            Self::Servers(wanted) => {
                let told = client.get("/api/platform/v1/standby").await?;
                let lines = servers(&told, Lang::told(wanted.answers.lang));
                print(wanted.answers.output, &told, &lines)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Run(wanted) => wanted.run(&client).await,
            Self::List(wanted) => {
                let told = client.get(DRILLS).await?;
                let lang = Lang::told(wanted.answers.lang);
                let items = told["items"].as_array();
                let lines = items.into_iter().flatten().map(|one| line(one, lang));
                print(wanted.answers.output, &told, &lines.collect::<String>())?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Show(wanted) => {
                let path = format!("{DRILLS}/{}", escaped(&wanted.id));
                tell(wanted.answers, &client.get(&path).await?)
            }
        }
    }
}

impl RunArgs {
    async fn run(&self, client: &Client) -> Result<ExitCode> {
        let kind = match self.kind {
            Kind::Kill => "kill",
            Kind::Stop => "stop",
            Kind::Pause => "pause",
        };
        let body = json!({"kind": kind, "reason": self.reason});
        let asked = client.post(DRILLS, &body).await?;
        let path = format!("{DRILLS}/{}", escaped(&text(&asked["id"])));
        let others = self.standby.iter().map(|url| client.at(url));
        let clients: Vec<Client> = std::iter::once(client.clone()).chain(others).collect();
        let (mut drill, seen) = self.measured(&clients, &path).await?;
        drill["seen_outage_ms"] = json!(seen.as_secs_f64() * 1000.0);
        tell(self.answers, &drill)
    }

    /// Asks all servers until one tells what was measured; with the longest time in which none
    /// answered.
    async fn measured(&self, clients: &[Client], path: &str) -> Result<(Value, Duration)> {
        let started = Instant::now();
        let (mut answered, mut seen) = (started, Duration::ZERO);
        while started.elapsed() < Duration::from_secs(self.wait) {
            for client in clients {
                let Ok(drill) = client.get(path).await else {
                    continue;
                };
                seen = seen.max(answered.elapsed());
                answered = Instant::now();
                if !drill["met"].is_null() {
                    return Ok((drill, seen));
                }
            }
            tokio::time::sleep(EVERY).await;
        }
        bail!(
            "no server has told within {} s what the drill measured; `rialto esb drill show` asks \
             again. Give the addresses of the servers that stand by with --standby, unless a proxy \
             stands before them",
            self.wait
        )
    }
}

fn tell(answers: Answers, drill: &Value) -> Result<ExitCode> {
    let lang = Lang::told(answers.lang);
    print(answers.output, drill, &certificate(drill, lang))?;
    Ok(match drill["met"].as_bool() {
        Some(true) => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    })
}

fn verdict(drill: &Value, lang: Lang) -> &'static str {
    match (drill["met"].as_bool(), drill["begun_at"].is_null()) {
        (Some(true), _) => lang.pick("met", "达标"),
        (Some(false), _) => lang.pick("missed", "未达标"),
        (None, true) => lang.pick("not begun", "未开始"),
        (None, false) => lang.pick("under way", "进行中"),
    }
}

fn line(drill: &Value, lang: Lang) -> String {
    format!(
        "{}  {}  {:<5} {:>8} ms  {}  {}\n",
        text(&drill["id"]),
        text(&drill["asked_at"]),
        text(&drill["kind"]),
        milliseconds(&drill["outage_ms"]),
        verdict(drill, lang),
        text(&drill["reason"]),
    )
}

fn milliseconds(value: &Value) -> String {
    value
        .as_f64()
        .map_or("-".to_owned(), |ms| format!("{ms:.0}"))
}

fn certificate(drill: &Value, lang: Lang) -> String {
    let rows = [
        ("drill", "演练", text(&drill["id"])),
        ("kind", "方式", text(&drill["kind"])),
        ("reason", "原因", text(&drill["reason"])),
        ("asked by", "发起人", text(&drill["asked_by"])),
        ("begun", "开始时间", text(&drill["begun_at"])),
        ("leader before", "原主服务器", text(&drill["leader_before"])),
        ("leader after", "接管服务器", text(&drill["leader_after"])),
        (
            "led after",
            "接管用时",
            format!("{} ms", milliseconds(&drill["take_over_ms"])),
        ),
        (
            "served after",
            "恢复服务用时",
            format!("{} ms", milliseconds(&drill["outage_ms"])),
        ),
        (
            "seen from here",
            "本机所见中断",
            format!("{} ms", milliseconds(&drill["seen_outage_ms"])),
        ),
        (
            "old epoch refused",
            "旧纪元写入被拒绝",
            text(&drill["old_epoch_refused"]),
        ),
        (
            "target",
            "目标",
            format!("{} ms", text(&drill["target_ms"])),
        ),
        ("evidence record", "证据记录", text(&drill["evidence_seq"])),
        ("verdict", "结论", verdict(drill, lang).to_owned()),
    ];
    let mut out = String::new();
    for (en, zh, value) in rows {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{}: {value}", lang.pick(en, zh));
    }
    out
}

fn servers(told: &Value, lang: Lang) -> String {
    let mut out = String::new();
    let leader = text(&told["leader"]);
    let _ = writeln!(out, "{}: {leader}", lang.pick("leads", "主服务器"));
    for server in told["standbys"].as_array().into_iter().flatten() {
        let name = text(&server["name"]);
        let _ = writeln!(out, "{}: {name}", lang.pick("stands by", "备用服务器"));
    }
    if !told["why_not"].is_null() {
        let why = text(&told["why_not"][lang.pick("en", "zh")]);
        let _ = writeln!(out, "{why}");
    }
    out
}
