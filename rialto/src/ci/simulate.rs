//! `rialto ci simulate`: "what if", answered by the state machine that runs pipelines.

use std::cell::Cell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use rialto_delivery_run::simulate::{SimulationEvent, simulate};
use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};

use super::{EXIT_INVALID, Source, print_no_pipeline};

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
    let path = args.events.as_deref();
    let text = match path {
        None => b"[]".to_vec(),
        Some(path) => std::fs::read(path)
            .with_context(|| format!("{}:1:1: the events cannot be read", path.display()))?,
    };
    let shown = path.unwrap_or(Path::new("")).display();
    let events = match read_events(&text) {
        Ok(events) => events,
        Err(fault) => {
            eprintln!("{shown}:{fault}");
            return Ok(ExitCode::from(EXIT_INVALID));
        }
    };
    let opened = args.source.open()?;
    if opened.is_unknown() {
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
            let (line, column) = position(&text, error.index());
            eprintln!("{shown}:{line}:{column}: {error}");
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
    Ok(opened.exit_code())
}

/// The events of a file, or what is wrong with it as `line:column: message`.
fn read_events(text: &[u8]) -> Result<Vec<SimulationEvent>, String> {
    let index = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = reader.deserialize_seq(Events(&index));
    read.and_then(|events| reader.end().map(|()| events))
        .map_err(|error| {
            let (line, column) = (error.line().max(1), error.column().max(1));
            let told = error.to_string();
            let told = told
                .rsplit_once(" at line ")
                .map_or(&*told, |(told, _)| told);
            match index.get() {
                0 => format!("{line}:{column}: the events cannot be read: {told}"),
                event => format!("{line}:{column}: event {event}: {told}"),
            }
        })
}

/// Reads events and keeps the number of the one being read.
struct Events<'a>(&'a Cell<usize>);

impl<'de> Visitor<'de> for Events<'_> {
    type Value = Vec<SimulationEvent>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events such as {\"event\": \"run\", \"jobs\": [\"build\"]}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        self.0.set(1);
        while let Some(event) = seq.next_element()? {
            events.push(event);
            self.0.set(events.len() + 1);
        }
        self.0.set(0);
        Ok(events)
    }
}

/// Line and column (in characters) of the event of this number, from 1, in a file that was read.
fn position(text: &[u8], event: usize) -> (usize, usize) {
    let text = String::from_utf8_lossy(text);
    let (mut line, mut column, mut depth, mut seen) = (1, 0, 0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        column += 1;
        match c {
            '\n' => (line, column) = (line + 1, 0),
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' | '{' => {
                seen += usize::from(depth == 1);
                if depth == 1 && seen == event {
                    return (line, column);
                }
                depth += 1;
            }
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_a_place_and_the_number_of_its_event() {
        let fault = |text: &str| read_events(text.as_bytes()).unwrap_err();
        let unknown = fault("[{\"event\": \"run\"},\n {\"event\": \"explode\"}]");
        assert!(
            unknown.starts_with("2:20: event 2: unknown variant `explode`"),
            "{unknown}"
        );
        let key = fault("[{\"event\": \"run\", \"job\": []}]");
        assert!(key.contains("event 1: unknown field `job`"), "{key}");
        for text in ["{}", "", "[", "[]]", "1", "[1]"] {
            let fault = fault(text);
            let mut parts = fault.split(':');
            for part in [parts.next(), parts.next()] {
                assert!(
                    part.unwrap().parse::<usize>().unwrap() > 0,
                    "{text}: {fault}"
                );
            }
        }
    }

    #[test]
    fn an_event_is_found_in_its_file() {
        let text = br#"[{"event": "run", "jobs": ["a]", "b\"["]},
  {"event": "drop"}]"#;
        assert_eq!(position(text, 1), (1, 2));
        assert_eq!(position(text, 2), (2, 3));
    }
}
