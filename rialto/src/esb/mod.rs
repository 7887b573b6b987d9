//! `rialto esb …`: interface definitions checked and compared without a server, and the catalogue
//! of a server.

mod cells;
mod config;
mod credential;
mod diff;
mod drill;
mod gateway;
mod lint;
mod mock;
mod publish;
mod server;
mod service;
mod source;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use rialto_esb_contract::{Severity, Words};

use crate::lang::Lang;

/// Usage, or a file that is not valid.
const INVALID: u8 = 2;

/// The commands of `rialto esb`. Exit codes of those without a server: 0 nothing at or above the
/// threshold, 1 something is, 2 usage or a file that is no definition; of the others those of every
/// command with a server.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What the house's rules say of an interface definition, with file, line, reason and cure.
    Lint(lint::LintArgs),
    /// What a new version means for callers of the old one.
    Diff(diff::DiffArgs),
    /// What the tests of an interface have to show: its coverage cells.
    Cells(cells::CellsArgs),
    /// Answer in place of an interface that is not built yet, by the examples and schemas of its
    /// definition.
    Mock(mock::MockArgs),
    /// Serve interfaces by signed snapshots, as a process of its own.
    Gateway(gateway::GatewayArgs),
    /// What a running gateway would make of a request, decision by decision; 1 when it is refused.
    Explain(gateway::ExplainArgs),
    /// Hand in the definition of an interface of the server's catalogue.
    Import(server::ImportArgs),
    /// Interfaces of the catalogue.
    List(server::ListArgs),
    /// A version: where it stands, and what may happen next.
    Show(server::ShowArgs),
    /// Put a version before the reviewers.
    Submit(server::MoveArgs),
    /// Approve a version in review; never one's own.
    Approve(server::MoveArgs),
    /// Send a version in review back, with a reason.
    Refuse(server::MoveArgs),
    /// Bring what the catalogue holds to the gateways of an environment; 1 when one of them is not
    /// there yet.
    Publish(publish::PublishArgs),
    /// Put an earlier snapshot of an environment in force again.
    Rollback(publish::RollbackArgs),
    /// Snapshots of an environment, and what each of its gateways serves.
    Snapshots(publish::SnapshotsArgs),
    /// Credentials of applications: made, fetched once by a second person, rotated, taken away.
    #[command(subcommand)]
    Credential(credential::Command),
    /// Services of the service center and their instances.
    #[command(subcommand)]
    Service(service::Command),
    /// Configuration items of the service center.
    #[command(subcommand)]
    Config(config::Command),
    /// Drills of a take-over: the server that leads ends, and what comes after is measured.
    #[command(subcommand)]
    Drill(drill::Command),
}

/// Runs a command.
pub fn execute(command: Command) -> Result<ExitCode> {
    match command {
        Command::Lint(arguments) => arguments.execute(),
        Command::Diff(arguments) => arguments.execute(),
        Command::Cells(arguments) => arguments.execute(),
        Command::Mock(arguments) => crate::wait(arguments.execute()),
        Command::Gateway(arguments) => crate::wait(arguments.execute()),
        Command::Explain(arguments) => crate::wait(arguments.execute()),
        Command::Import(arguments) => crate::wait(arguments.execute()),
        Command::List(arguments) => crate::wait(arguments.execute()),
        Command::Show(arguments) => crate::wait(arguments.execute()),
        Command::Submit(arguments) => crate::wait(arguments.execute("submit")),
        Command::Approve(arguments) => crate::wait(arguments.execute("approve")),
        Command::Refuse(arguments) => crate::wait(arguments.execute("refuse")),
        Command::Publish(arguments) => crate::wait(arguments.execute()),
        Command::Rollback(arguments) => crate::wait(arguments.execute()),
        Command::Snapshots(arguments) => crate::wait(arguments.execute()),
        Command::Credential(command) => crate::wait(command.execute()),
        Command::Service(command) => crate::wait(command.execute()),
        Command::Config(command) => crate::wait(command.execute()),
        Command::Drill(command) => crate::wait(command.execute()),
    }
}

/// How answers are told.
#[derive(Debug, Clone, Copy, Args)]
struct Telling {
    /// The least severity that makes the exit code 1.
    #[arg(long, value_enum, default_value = "error", value_name = "SEVERITY")]
    fail_on: Threshold,
    /// Language of messages; that of the environment (LC_ALL, LC_MESSAGES, LANG) when not given.
    /// JSON holds both.
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// A severity as a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Threshold {
    /// Errors only.
    Error,
    /// Errors and warnings.
    Warning,
    /// Anything found.
    Info,
    /// Nothing: only files that are no definition fail.
    Never,
}

/// Forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// One document.
    Json,
}

/// A severity in words.
fn severity(lang: Lang, severity: Severity) -> String {
    let en = severity.to_string();
    let zh = match severity {
        Severity::Error => "错误",
        Severity::Warning => "警告",
        Severity::Info => "提示",
    };
    lang.pick(&en, zh).to_owned()
}

fn pick(lang: Lang, words: &Words) -> &str {
    lang.pick(&words.en, &words.zh)
}

impl Telling {
    /// Prints lines or the document and says whether the threshold was met.
    fn tell(
        self,
        worst: Option<Severity>,
        document: &impl serde::Serialize,
        lines: &str,
    ) -> Result<ExitCode> {
        print(self.output, document, lines)?;
        let least = match self.fail_on {
            Threshold::Error => Some(Severity::Error),
            Threshold::Warning => Some(Severity::Warning),
            Threshold::Info => Some(Severity::Info),
            Threshold::Never => None,
        };
        let fails = worst
            .zip(least)
            .is_some_and(|(worst, least)| worst <= least);
        Ok(if fails {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Prints lines or the document.
fn print(output: Output, document: &impl serde::Serialize, lines: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        Output::Table => out.write_all(lines.as_bytes())?,
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, document)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}

/// Tells why a file is no definition.
fn invalid(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(INVALID)
}
