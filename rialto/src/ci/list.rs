//! `rialto ci list`: the jobs a pipeline would contain.

use std::io::Write as _;
use std::process::ExitCode;

use rialto_delivery_pipeline::plan::{AllowFailure, PlannedJob, When};
use serde::Serialize;

use super::{EXIT_INVALID, Source, print_no_pipeline};

/// Arguments of `rialto ci list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Form of the answer.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// Columns for people.
    Table,
    /// One array.
    Json,
    /// One object per line.
    Jsonl,
}

/// A row; the contract other tools rely on.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: &'a str,
    stage: &'a str,
    when: When,
    /// False also for `exit_codes`, which allow some failures only; `expand` shows them.
    allow_failure: bool,
    /// Null when the key is absent.
    needs: Option<Vec<&'a str>>,
    environment: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(job: &'a PlannedJob) -> Self {
        let needs = job.needs.as_ref();
        Self {
            name: &job.name,
            stage: &job.stage,
            when: job.when,
            allow_failure: job.allow_failure == AllowFailure::Yes,
            needs: needs.map(|needs| needs.iter().map(|need| need.job.as_str()).collect()),
            environment: job
                .environment
                .as_ref()
                .map(|environment| environment.name.as_str()),
        }
    }
}

/// Lists the jobs.
pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let opened = args.source.open()?;
    let compiled = &opened.compiled;
    if opened.is_unknown() {
        return Ok(ExitCode::from(EXIT_INVALID));
    }
    print_no_pipeline(compiled);
    let rows: Vec<Row<'_>> = compiled
        .plan
        .iter()
        .flat_map(|plan| plan.jobs.iter().map(Row::new))
        .collect();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match args.output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut out, &rows)?;
            writeln!(out)?;
        }
        Output::Jsonl => {
            for row in &rows {
                serde_json::to_writer(&mut out, row)?;
                writeln!(out)?;
            }
        }
        Output::Table => table(&mut out, &rows)?,
    }
    out.flush()?;
    Ok(opened.exit_code())
}

fn table(out: &mut impl std::io::Write, rows: &[Row<'_>]) -> anyhow::Result<()> {
    let word = |when: When| {
        serde_json::to_value(when)
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let mut lines = vec![
        [
            "NAME",
            "STAGE",
            "WHEN",
            "ALLOW FAILURE",
            "NEEDS",
            "ENVIRONMENT",
        ]
        .map(str::to_owned),
    ];
    for row in rows {
        let needs = match &row.needs {
            None => "-".to_owned(),
            Some(needs) => format!("[{}]", needs.join(", ")),
        };
        lines.push([
            row.name.to_owned(),
            row.stage.to_owned(),
            word(row.when),
            row.allow_failure.to_string(),
            needs,
            row.environment.unwrap_or("-").to_owned(),
        ]);
    }
    let mut widths = [0; 6];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.chars().count()));
        }
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}
