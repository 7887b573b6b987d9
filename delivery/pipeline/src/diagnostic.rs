//! What the reader has to say about a file: where, what is wrong, and what to do.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::Position;
use crate::yaml::Mark;

/// How much a [`Diagnostic`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is not valid; there is no plan.
    Error,
    /// The file is valid, but uses a keyword that is known and not executed yet. There is a plan
    /// to look at, and creating or running a pipeline from it must fail.
    Unsupported,
    /// The file is valid and runs, but probably does not say what its writer meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Unsupported => "unsupported",
            Self::Warning => "warning",
        })
    }
}

/// One finding. `Display` gives `file:line:column: severity[code]: message` and, on a second
/// line, the cure where one is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Stable word for programs, e.g. `unknown_keyword`.
    pub code: String,
    /// Where.
    pub position: Position,
    /// What is wrong, for people.
    pub message: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// The job it speaks of, by its name before `parallel`; `None` for the whole file.
    pub job: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { file, line, column } = &self.position;
        write!(
            f,
            "{file}:{line}:{column}: {}[{}]: {}",
            self.severity, self.code, self.message
        )?;
        if let Some(fix) = &self.fix {
            write!(f, "\n  fix: {fix}")?;
        }
        Ok(())
    }
}

/// Findings of one severity are cut off here: a file with more mistakes is not read by a person
/// anyway. Each severity has room of its own, or a thousand warnings would hide an error.
const MAX_DIAGNOSTICS: usize = 1_000;

/// Most text of all jobs: scripts and variables, every job counted with its defaults.
const MAX_PLAN_BYTES: usize = 64 * 1024 * 1024;

/// From this many errors on, no nearest names are looked for.
const MAX_HINTS: usize = 60;

/// Errors that a file which is included and not read explains.
const MISSING: [&str; 5] = [
    "extends_unknown",
    "no_jobs",
    "no_script",
    "reference_unknown",
    "unknown_job",
];

/// Collects findings while a file is read; knows the names of the files.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    files: Vec<Arc<str>>,
    list: Vec<Diagnostic>,
    seen: HashSet<(Mark, &'static str, u64)>,
    errors: usize,
    kept: [usize; 3],
    text_bytes: usize,
    unread: Option<Mark>,
    /// Values that a reference should have brought and did not: it has its error already.
    unresolved: HashSet<Mark>,
}

impl Sink {
    /// Registers a file and gives the number marks refer to it by.
    pub(crate) fn add_file(&mut self, path: &str) -> u32 {
        if let Some(at) = self.files.iter().position(|known| &**known == path) {
            return u32::try_from(at).unwrap_or(u32::MAX);
        }
        self.files.push(path.into());
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// Turns a mark into a position people can use.
    pub(crate) fn position(&self, mark: Mark) -> Position {
        let file = self
            .files
            .get(mark.file as usize)
            .map(ToString::to_string)
            .unwrap_or_default();
        Position {
            file,
            line: mark.line,
            column: mark.column,
        }
    }

    pub(crate) fn error(&mut self, mark: Mark, code: &'static str, message: impl Into<String>) {
        self.push(Severity::Error, mark, code, message.into(), None, None);
    }

    pub(crate) fn error_fix(
        &mut self,
        mark: Mark,
        code: &'static str,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(
            Severity::Error,
            mark,
            code,
            message.into(),
            Some(fix.into()),
            None,
        );
    }

    pub(crate) fn warn(&mut self, mark: Mark, code: &'static str, message: impl Into<String>) {
        self.push(Severity::Warning, mark, code, message.into(), None, None);
    }

    pub(crate) fn warn_fix(
        &mut self,
        mark: Mark,
        code: &'static str,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.push(
            Severity::Warning,
            mark,
            code,
            message.into(),
            Some(fix.into()),
            None,
        );
    }

    /// Says that a known keyword is not executed yet.
    pub(crate) fn unsupported(&mut self, mark: Mark, job: Option<&str>, what: &str, fix: &str) {
        let message = format!("{what} is known but not executed yet");
        let job = job.map(str::to_owned);
        self.push(
            Severity::Unsupported,
            mark,
            "not_executed",
            message,
            Some(fix.to_owned()),
            job,
        );
    }

    fn push(
        &mut self,
        severity: Severity,
        mark: Mark,
        code: &'static str,
        message: String,
        fix: Option<String>,
        job: Option<String>,
    ) {
        if severity == Severity::Error {
            self.errors += 1;
        }
        // A default or a template reaches many jobs; its mistake is told once. Refusals are kept
        // per job, since they stop only the pipelines that contain the job.
        if !self
            .seen
            .insert((mark, code, fingerprint(&message, job.as_deref())))
        {
            return;
        }
        let kept = &mut self.kept[severity as usize];
        if *kept < MAX_DIAGNOSTICS {
            *kept += 1;
            let position = self.position(mark);
            let code = code.to_owned();
            self.list.push(Diagnostic {
                severity,
                code,
                position,
                message,
                fix,
                job,
            });
        }
    }

    /// Says that a file is included in a way that is not executed yet, so that what is missing
    /// later may stand there.
    pub(crate) fn unread(&mut self, mark: Mark, what: &str, fix: &str) {
        self.unread.get_or_insert(mark);
        self.unsupported(mark, None, what, fix);
    }

    /// Notes that the value at `mark` is not what the file wanted, because a reference in it could
    /// not be followed. Nothing that follows from that is told.
    pub(crate) fn unresolved(&mut self, mark: Mark) {
        self.unresolved.insert(mark);
    }

    /// Whether a reference in the value at `mark` could not be followed.
    pub(crate) fn is_unresolved(&self, mark: Mark) -> bool {
        self.unresolved.contains(&mark)
    }

    /// Counts text a job takes into the plan. False, and an error at `mark`, once all jobs together
    /// have too much of it: a large default would otherwise be copied into every job.
    pub(crate) fn spend(&mut self, bytes: usize, mark: Mark) -> bool {
        let fits = self.text_bytes <= MAX_PLAN_BYTES;
        self.text_bytes = self.text_bytes.saturating_add(bytes);
        if fits && self.text_bytes > MAX_PLAN_BYTES {
            let message = format!(
                "the jobs have more than {} MiB of text in all",
                MAX_PLAN_BYTES >> 20
            );
            let fix = "move long scripts and values into files of the repository";
            self.error_fix(mark, "plan_too_large", message, fix);
        }
        self.text_bytes <= MAX_PLAN_BYTES
    }

    /// Whether it is still worth the time to look for what was meant. Comparing names with names is
    /// quadratic, and nobody reads the hundredth hint.
    pub(crate) fn wants_hints(&self) -> bool {
        self.errors < MAX_HINTS
    }

    /// Errors so far, repetitions included.
    pub(crate) fn error_count(&self) -> usize {
        self.errors
    }

    /// All findings: by file in order of reading, then by place.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let unread = self.unread.map(|mark| self.position(mark));
        let mut list = self.list;
        if let Some(Position { file, line, .. }) = unread {
            let fix = format!("it may stand in what {file}:{line} includes; cure that first");
            for found in &mut list {
                if MISSING.contains(&found.code.as_str()) {
                    found.fix = Some(fix.clone());
                }
            }
        }
        // A job that is not defined is not in the pipeline either; once is enough.
        let unknown: HashSet<Position> = list
            .iter()
            .filter(|found| found.code == "unknown_job")
            .map(|found| found.position.clone())
            .collect();
        list.retain(|found| {
            found.code != "need_not_in_pipeline" || !unknown.contains(&found.position)
        });
        let files = self.files;
        let rank = |file: &str| files.iter().position(|known| &**known == file);
        list.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.position.line, d.position.column);
            rank(&a.position.file)
                .cmp(&rank(&b.position.file))
                .then(key(a).cmp(&key(b)))
        });
        list
    }
}

/// Messages about one place differ by job only when they say different things: job names in
/// front (`job `x`: …`) are left out of the comparison.
fn fingerprint(message: &str, job: Option<&str>) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let told = match message
        .strip_prefix("job `")
        .and_then(|rest| rest.split_once("`: "))
    {
        Some((_, told)) => told,
        None => message,
    };
    let mut hasher = DefaultHasher::new();
    (told, job).hash(&mut hasher);
    hasher.finish()
}
