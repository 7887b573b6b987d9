//! `rialto ci lint`: everything that is wrong with a file.

use std::process::ExitCode;

use rialto_delivery_pipeline::{Diagnostic, Severity, Why};
use serde::Serialize;

use super::{EXIT_INVALID, Source};

/// Arguments of `rialto ci lint`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Also say why each job is in this pipeline or not.
    #[arg(long)]
    why: bool,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Form of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Lines for people.
    Text,
    /// One object.
    Json,
}

#[derive(Serialize)]
struct Report<'a> {
    /// No errors, and no keyword that is not executed.
    valid: bool,
    diagnostics: &'a [Diagnostic],
    jobs: &'a [Why],
    no_pipeline: Option<&'a Why>,
}

/// Checks the file.
pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let opened = args.source.open()?;
    let mut compiled = opened.compiled;
    for diagnostic in &mut compiled.diagnostics {
        // Runs as GitLab runs it, but is hardly ever what was meant: a lint error.
        if diagnostic.code == "not_a_regex" {
            diagnostic.severity = Severity::Error;
        }
        // The rest of the pipeline runs; the job that asks for it never does.
        if diagnostic.code == "not_started" {
            diagnostic.severity = Severity::Unsupported;
        }
    }
    // The whole file is judged, jobs that this event leaves out included.
    let refused = |found: &Diagnostic| found.severity == Severity::Unsupported;
    let valid = compiled.is_valid() && !compiled.diagnostics.iter().any(refused);
    match args.output {
        Output::Json => {
            let report = Report {
                valid,
                diagnostics: &compiled.diagnostics,
                jobs: &compiled.why,
                no_pipeline: compiled.no_pipeline.as_ref(),
            };
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        Output::Text => {
            for diagnostic in &compiled.diagnostics {
                println!("{diagnostic}");
            }
            if args.why {
                print_why(&compiled.why);
            }
            super::print_no_pipeline(&compiled);
            summary(&compiled.diagnostics, compiled.why.len());
        }
    }
    Ok(if valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_INVALID)
    })
}

fn print_why(list: &[Why]) {
    for why in list {
        let word = if why.included { "in " } else { "out" };
        let position = &why.position;
        let place = format!("{}:{}:{}", position.file, position.line, position.column);
        println!("{place}: {word} `{}`: {}", why.job, why.reason);
    }
}

fn summary(diagnostics: &[Diagnostic], jobs: usize) {
    let count = |severity| {
        diagnostics
            .iter()
            .filter(|d| d.severity == severity)
            .count()
    };
    let (errors, unsupported) = (count(Severity::Error), count(Severity::Unsupported));
    let warnings = count(Severity::Warning);
    let verdict = match (errors, unsupported) {
        (0, 0) => "valid",
        (0, _) => "refused",
        _ => "not valid",
    };
    println!(
        "{verdict}: {jobs} jobs, {errors} errors, {unsupported} not executed, {warnings} warnings"
    );
}
