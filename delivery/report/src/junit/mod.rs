//! JUnit-style test reports.
//!
//! There is no standard, only habits; so every attribute is optional and totals are counted from the
//! cases. What the file claims about itself is held against that count: a file that contradicts
//! itself ([`TestReport::contradictions`]) is not one to be trusted.

mod case;
mod counts;
mod keep;
mod read;
mod time;

use serde::{Deserialize, Serialize};

pub use keep::KeptText;
pub use time::read_seconds;

use crate::contradiction::Contradiction;
use crate::limits::Limits;
use crate::outcome::{Note, Outcome};

/// What one file says about tests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Suites in file order, nested ones after the one that holds them, with their own cases only.
    pub suites: Vec<TestSuite>,
    /// All cases of the file, counted.
    pub totals: TestTotals,
    /// Where the counts written in the file differ from the cases in it.
    pub count_mismatches: Vec<CountMismatch>,
    /// Counts in the file that are none, such as `tests="-5"`.
    #[serde(default)]
    pub unreadable_counts: Vec<Contradiction>,
    /// Bytes that are not text in the file's encoding were replaced.
    pub bytes_replaced: bool,
    /// Oddities that did not stop the reading.
    pub notes: Vec<Note>,
}

impl TestReport {
    /// Everything the file says of itself and its cases do not bear out, in the order of its lines.
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let counts = self.count_mismatches.iter().map(|one| Contradiction {
            line: one.line,
            message: one.to_string(),
        });
        let mut all: Vec<Contradiction> = counts.chain(self.unreadable_counts.clone()).collect();
        all.sort_by_key(|one| one.line);
        all
    }
}

/// One `testsuite` element, or the cases that stand outside any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestSuite {
    /// Names of the enclosing suites and of this one, outermost first; empty for cases that stand
    /// outside any suite.
    pub path: Vec<String>,
    /// Its own cases, counted.
    pub totals: TestTotals,
    /// Its own `time`, in microseconds; `None` when absent, negative or not a number.
    pub duration_us: Option<u64>,
    /// Its own cases in file order.
    pub cases: Vec<TestCase>,
}

impl TestSuite {
    /// The path as one name, `outer › inner`; empty for cases outside any suite.
    pub fn name(&self) -> String {
        self.path.join(" › ")
    }
}

/// How many cases ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestTotals {
    /// All cases.
    pub total: u64,
    /// Passed, flaky ones included.
    pub passed: u64,
    /// An assertion did not hold.
    pub failed: u64,
    /// The case broke outside an assertion.
    pub errored: u64,
    /// Not run.
    pub skipped: u64,
    /// Failed at least once and was run again, whatever the end.
    pub flaky: u64,
    /// Sum of the known times of the cases, in microseconds.
    pub duration_us: u64,
}

impl TestTotals {
    /// Counts one case.
    pub fn count(&mut self, case: &TestCase) {
        self.total += 1;
        match case.status {
            CaseStatus::Passed => self.passed += 1,
            CaseStatus::Failed => self.failed += 1,
            CaseStatus::Errored => self.errored += 1,
            CaseStatus::Skipped => self.skipped += 1,
        }
        self.flaky += u64::from(case.flaky);
        self.duration_us = self
            .duration_us
            .saturating_add(case.duration_us.unwrap_or(0));
    }

    /// Adds the counts of another file or suite.
    pub fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.passed += other.passed;
        self.failed += other.failed;
        self.errored += other.errored;
        self.skipped += other.skipped;
        self.flaky += other.flaky;
        self.duration_us = self.duration_us.saturating_add(other.duration_us);
    }

    /// Cases that ran: all but the skipped ones, the base of the pass rate.
    pub fn ran(&self) -> u64 {
        self.total - self.skipped
    }
}

/// One test case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCase {
    /// Name as written; empty when absent.
    pub name: String,
    /// Class or module; empty when absent.
    pub classname: String,
    /// Source file as written by the tool.
    pub file: Option<String>,
    /// 1 for the first case of this identity (suite path, classname, name, file) in the file, 2 for
    /// the next: duplicates are kept apart, not dropped.
    pub number: u32,
    /// How it ended.
    pub status: CaseStatus,
    /// It failed, was run again and passed (`flakyFailure`, `flakyError`).
    pub flaky: bool,
    /// Time in microseconds; `None` when absent, negative or not a number.
    pub duration_us: Option<u64>,
    /// The `message` of the failure, error or skip.
    pub message: Option<KeptText>,
    /// Text of failures and errors, then the captured output.
    pub output: Option<KeptText>,
}

/// How a case ended; of several, the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseStatus {
    /// Nothing says otherwise.
    Passed,
    /// Skipped or disabled.
    Skipped,
    /// At least one failure.
    Failed,
    /// At least one error.
    Errored,
}

/// A count the file gets wrong about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountMismatch {
    /// Suite path as one name; empty for the root.
    pub suite: String,
    /// The attribute: `tests`, `failures`, `errors` or `skipped`.
    pub attribute: String,
    /// What the file says.
    pub declared: u64,
    /// What its cases say.
    pub counted: u64,
    /// Line of the suite, counted from 1.
    pub line: u32,
}

impl std::fmt::Display for CountMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            suite,
            attribute,
            declared,
            counted,
            ..
        } = self;
        let place = place(suite);
        write!(
            f,
            "{place} says {attribute}=\"{declared}\", its cases make {counted}"
        )
    }
}

/// A suite by its name in a sentence; the root has none.
fn place(suite: &str) -> String {
    match crate::xml::shorten(suite).as_ref() {
        "" => "the file".to_owned(),
        name => format!("suite `{name}`"),
    }
}

/// Reads a JUnit report under the default [`Limits`].
pub fn read(bytes: &[u8]) -> Outcome<TestReport> {
    read_with(bytes, &Limits::default())
}

/// Reads a JUnit report under `limits`.
pub fn read_with(bytes: &[u8], limits: &Limits) -> Outcome<TestReport> {
    read::read(bytes, limits)
}
