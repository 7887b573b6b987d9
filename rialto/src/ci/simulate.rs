//! `rialto ci simulate`: "what if", answered by the state machine that runs pipelines.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use rialto_delivery_run::simulate::{SimulationEvent, simulate};

use super::{EXIT_INVALID, Source, print_diagnostics, print_no_pipeline};

/// Arguments of `rialto ci simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// JSON array of events: `{"event": "run", "jobs": ["build"]}`, ...; without `jobs` an event
    /// is for the whole pipeline.
    #[arg(long, value_name = "EVENTS.json")]
    events: Option<PathBuf>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Output::Json)]
    output: Output,
}

/// Form of the states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// One array: the states after creation, then after each event.
    Json,
    /// The same, one object per line.
    Jsonl,
}

/// Plays the events.
pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let events: Vec<SimulationEvent> = match &args.events {
        None => Vec::new(),
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
            match serde_json::from_slice(&text) {
                Ok(events) => events,
                Err(error) => {
                    let (line, column) = (error.line(), error.column());
                    eprintln!("{shown}:{line}:{column}: the events cannot be read: {error}");
                    return Ok(ExitCode::from(EXIT_INVALID));
                }
            }
        }
    };
    let opened = args.source.open()?;
    print_diagnostics(&opened.compiled.diagnostics, false);
    if !opened.compiled.is_valid() {
        return Ok(ExitCode::from(EXIT_INVALID));
    }
    print_no_pipeline(&opened.compiled);
    let snapshots = match opened
        .compiled
        .plan
        .as_ref()
        .map(|plan| simulate(plan, &events))
    {
        None => Vec::new(),
        Some(Ok(snapshots)) => snapshots,
        Some(Err(error)) => {
            eprintln!("the events cannot happen: {error}");
            return Ok(ExitCode::from(EXIT_INVALID));
        }
    };
    match args.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&snapshots)?),
        Output::Jsonl => {
            for snapshot in &snapshots {
                println!("{}", serde_json::to_string(snapshot)?);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
