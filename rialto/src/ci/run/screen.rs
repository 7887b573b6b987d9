//! What `rialto ci run` shows: live lines, each led by its job's name, and the summary.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::Status;
use rialto_delivery_runner::local::{JobReport, LocalSummary, Reporter, plain};

/// Colours of job names, in turn: those that are read well on dark and light ground.
const NAME_COLOURS: [u8; 6] = [36, 35, 34, 33, 32, 31];
/// Job names are padded to the longest one, up to this width.
const WIDEST_NAME: usize = 32;

/// A terminal, or what stands for it. Clones write to the same place.
#[derive(Debug, Clone)]
pub struct Screen {
    colours: Arc<HashMap<String, u8>>,
    width: usize,
    /// Lines are led by names.
    names: bool,
    colour: bool,
    to_stderr: bool,
}

impl Screen {
    /// `jobs` are those that may run.
    pub fn new(jobs: &[&str], colour: bool, to_stderr: bool) -> Self {
        let colours = jobs
            .iter()
            .zip(NAME_COLOURS.iter().cycle())
            .map(|(name, colour)| ((*name).to_owned(), *colour))
            .collect();
        let longest = jobs.iter().map(|j| j.chars().count()).max().unwrap_or(0);
        Self {
            colours: Arc::new(colours),
            width: longest.min(WIDEST_NAME),
            names: jobs.len() > 1,
            colour,
            to_stderr,
        }
    }

    fn print(&self, text: &str) {
        // A reader that went away must not fail the pipeline.
        let _ = if self.to_stderr {
            std::io::stderr().write_all(text.as_bytes())
        } else {
            std::io::stdout().write_all(text.as_bytes())
        };
    }

    fn paint(&self, code: u8, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn lead(&self, job: &str) -> String {
        if !self.names {
            return String::new();
        }
        let width = self.width;
        let name = format!("{job:<width$}");
        let code = self.colours.get(job).copied().unwrap_or(36);
        format!("{} {} ", self.paint(code, &name), self.paint(2, "|"))
    }

    /// The table at the end, with the coverage of each job and why it did not run.
    pub fn summary(
        &self,
        summary: &LocalSummary,
        coverage: &[Option<String>],
        unrun: &[Option<String>],
    ) {
        let mut text = String::from("\n");
        let width = summary
            .jobs
            .iter()
            .map(|j| j.name.chars().count())
            .max()
            .unwrap_or(0)
            .max(3);
        let stages = summary
            .jobs
            .iter()
            .map(|j| j.stage.chars().count())
            .max()
            .unwrap_or(0)
            .max(5);
        let head = format!(
            "{:<width$}  {:<stages$}  {:<20}  {:>9}",
            "JOB", "STAGE", "STATUS", "TIME"
        );
        let _ = writeln!(text, "{}", self.paint(1, head.trim_end()));
        for ((job, coverage), unrun) in summary.jobs.iter().zip(coverage).zip(unrun) {
            let (word, colour) = status_word(job);
            let time = job.duration.map(seconds).unwrap_or_default();
            let coverage = coverage
                .as_ref()
                .map(|c| format!("  coverage {c} %"))
                .unwrap_or_default();
            let word = match unrun {
                Some(reason) => format!("{word}: {reason}"),
                None => word,
            };
            let status = self.paint(colour, &format!("{word:<20}"));
            let line = format!(
                "{:<width$}  {:<stages$}  {status}  {time:>9}{coverage}",
                job.name, job.stage
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        self.failures(summary, &mut text);
        let manual: Vec<&str> = summary
            .jobs
            .iter()
            .filter(|j| j.status == Status::Manual)
            .map(|j| j.name.as_str())
            .collect();
        if !manual.is_empty() {
            let _ = writeln!(text, "\nmanual, play with --manual: {}", manual.join(", "));
        }
        let (word, colour) = pipeline_word(summary);
        let _ = writeln!(
            text,
            "\n{} in {}",
            self.paint(colour, &format!("pipeline {word}")),
            seconds(summary.duration)
        );
        self.print(&text);
    }

    fn failures(&self, summary: &LocalSummary, text: &mut String) {
        for job in &summary.jobs {
            let Some(outcome) = &job.outcome else {
                continue;
            };
            let JobResult::Failed { message, .. } = &outcome.result else {
                continue;
            };
            if job.status == Status::Failed {
                let _ = write!(text, "\n{}: {message}", self.paint(31, &job.name));
                if let Some(log) = &job.log {
                    let _ = write!(text, "\n  log: {}", log.display());
                }
                text.push('\n');
            }
        }
    }
}

impl Reporter for Screen {
    fn started(&mut self, job: &str) {
        if self.names {
            self.print(&format!("{}{}\n", self.lead(job), self.paint(2, "started")));
        }
    }

    fn delayed(&mut self, job: &str, delay: Duration) {
        self.print(&format!("{}starts in {}\n", self.lead(job), seconds(delay)));
    }

    fn line(&mut self, job: &str, text: &str, partial: bool) {
        // With carriage returns a program draws over its own line: only the last drawing counts.
        let last = text
            .rsplit('\r')
            .find(|part| !part.is_empty())
            .unwrap_or_default();
        let end = if partial && !self.names { "" } else { "\n" };
        let line = if self.colour {
            format!("{last}\u{1b}[0m")
        } else {
            plain(last)
        };
        self.print(&format!("{}{line}{end}", self.lead(job)));
    }

    fn ended(&mut self, report: &JobReport, will_retry: bool) {
        if !self.names && !will_retry {
            return;
        }
        let (word, colour) = status_word(report);
        let retry = if will_retry {
            ", will be tried again"
        } else {
            ""
        };
        let time = report.duration.map(seconds).unwrap_or_default();
        let word = self.paint(colour, &word);
        self.print(&format!(
            "{}{word} in {time}{retry}\n",
            self.lead(&report.name)
        ));
    }

    fn notice(&mut self, text: &str) {
        self.print(&format!("{} {text}\n", self.paint(33, "note:")));
    }
}

fn status_word(job: &JobReport) -> (String, u8) {
    match job.status {
        Status::Success => ("passed".to_owned(), 32),
        Status::Failed if job.failure_allowed => ("failed (allowed)".to_owned(), 33),
        Status::Failed => ("failed".to_owned(), 31),
        Status::Skipped | Status::Created => ("skipped".to_owned(), 2),
        other => (other.to_string(), 33),
    }
}

fn pipeline_word(summary: &LocalSummary) -> (&'static str, u8) {
    match summary.status {
        _ if summary.canceled => ("interrupted", 33),
        Status::Success if summary.warnings => ("passed with warnings", 33),
        Status::Success => ("passed", 32),
        Status::Manual => ("waits for a manual job", 33),
        Status::Skipped => ("skipped", 33),
        Status::Canceled => ("canceled", 33),
        _ => ("failed", 31),
    }
}

fn seconds(duration: Duration) -> String {
    let s = duration.as_secs();
    if s >= 60 {
        format!("{} min {:02} s", s / 60, s % 60)
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}
