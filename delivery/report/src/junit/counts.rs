//! The counts a suite states, held against its cases.
//!
//! There is no standard on what is counted, so a claim is right if any counting in use gives it.
//! What only one tool does is allowed to that tool alone, and as far as it does it.

use super::{CountMismatch, TestTotals};
use crate::contradiction::Count;
use crate::xml::{Cursor, Element, Fault};

/// Most subtests of one test that are believed without a trace: pytest counts those that passed
/// among the tests and writes no case for them.
const SUBTESTS_PER_CASE: u64 = 1000;

/// Counts as written on a suite.
#[derive(Default, Clone)]
pub(super) struct Declared {
    pub(super) tests: Option<Count>,
    pub(super) failures: Option<Count>,
    pub(super) errors: Option<Count>,
    pub(super) skipped: Option<Count>,
}

impl Declared {
    pub(super) fn read(cursor: &Cursor<'_>, element: &Element<'_>) -> Result<Self, Fault> {
        let [tests, failures, errors, skipped, skip] = element
            .attributes(cursor, ["tests", "failures", "errors", "skipped", "skip"])?
            .map(|text| text.as_deref().map(Count::read));
        let told = |count: &Count| *count != Count::Untold;
        Ok(Self {
            tests,
            failures,
            errors,
            skipped: skipped.filter(told).or(skip),
        })
    }

    /// By the names of their attributes, in the order they are judged.
    pub(super) fn by_name(&self) -> [(&'static str, Option<&Count>); 4] {
        [
            ("tests", self.tests.as_ref()),
            ("failures", self.failures.as_ref()),
            ("errors", self.errors.as_ref()),
            ("skipped", self.skipped.as_ref()),
        ]
    }
}

/// Tools that count more than cases as tests, known by what they always write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// Counts subtests that passed.
    Pytest,
    /// Counts assertions.
    Catch2,
    Other,
}

impl Writer {
    pub(super) fn of(cursor: &Cursor<'_>, element: &Element<'_>) -> Result<Self, Fault> {
        let [name, host, timestamp, time] =
            element.attributes(cursor, ["name", "hostname", "timestamp", "time"])?;
        let stamped = host.is_some() && timestamp.is_some() && time.is_some();
        Ok(match (name.as_deref(), host.as_deref()) {
            (_, Some("tbd")) => Self::Catch2,
            (Some("pytest"), _) if stamped => Self::Pytest,
            _ => Self::Other,
        })
    }
}

/// Runs of tests that failed and were run again (Maven Surefire and what follows it).
#[derive(Default, Clone, Copy)]
pub(super) struct Reruns {
    /// Runs that failed besides the one that `failure` stands for.
    pub(super) failures: u64,
    /// The same of `error`.
    pub(super) errors: u64,
    /// The most further runs of one case, and how many cases have as many.
    most: u64,
    last_round: u64,
    /// Cases that failed in one run and broke in another.
    mixed: u64,
}

impl Reruns {
    /// Adds one case by the `failure` and `error` elements it has and those of its further runs.
    pub(super) fn case(&mut self, own: (u64, u64), (failures, errors): (u64, u64)) {
        let runs = failures + errors;
        if runs == 0 {
            return;
        }
        self.failures += failures;
        self.errors += errors;
        self.mixed += u64::from(own.0 + failures > 0 && own.1 + errors > 0);
        match runs.cmp(&self.most) {
            std::cmp::Ordering::Greater => (self.most, self.last_round) = (runs, 1),
            std::cmp::Ordering::Equal => self.last_round += 1,
            std::cmp::Ordering::Less => {}
        }
    }

    fn any(self) -> bool {
        self.most > 0
    }
}

/// What there is to hold the claims of a suite against.
pub(super) struct Counted<'a> {
    /// Its own cases, where it is not the root.
    pub(super) own: Option<&'a TestTotals>,
    /// Its cases and those of the suites in it.
    pub(super) all: &'a TestTotals,
    /// Suites directly in it: Node's own runner counts them as tests.
    pub(super) nested: u64,
    /// What these suites state, added up in the order of [`Declared::by_name`].
    pub(super) stated_inside: [u64; 4],
    /// Of all, cases that the file calls disabled: some tools leave them out of `skipped`.
    pub(super) disabled: u64,
    /// Of all, further cases of a test that was written before: some tools count tests.
    pub(super) repeated: u64,
    /// Failure and error elements, for tools that count those instead of cases.
    pub(super) failure_elements: u64,
    pub(super) error_elements: u64,
    pub(super) reruns: Reruns,
    pub(super) writer: Writer,
}

impl Counted<'_> {
    /// The counts among `declared` that no counting in use gives, for the suite called `suite`
    /// whose tag is at `line`.
    pub(super) fn mismatches(
        &self,
        declared: &Declared,
        suite: &str,
        line: u32,
    ) -> Vec<CountMismatch> {
        let all = self.all;
        let counted = [all.total, all.failed, all.errored, all.skipped];
        let right: Vec<bool> = declared
            .by_name()
            .iter()
            .enumerate()
            .map(|(at, (_, said))| {
                said.and_then(Count::number)
                    .is_none_or(|said| self.is_right(at, said))
            })
            .collect();
        // Finer counts of tests are believed only where failures and errors are told and right.
        let told = |said: &Option<Count>| said.as_ref().and_then(Count::number).is_some();
        let failures_hold =
            told(&declared.failures) && told(&declared.errors) && right[1] && right[2];
        let mut found = Vec::new();
        for (at, (attribute, said)) in declared.by_name().into_iter().enumerate() {
            let Some(said) = said.and_then(Count::number) else {
                continue;
            };
            let finer = at == 0 && failures_hold && self.is_finer(declared, said);
            if right[at] || finer {
                continue;
            }
            found.push(CountMismatch {
                suite: suite.to_owned(),
                attribute: attribute.to_owned(),
                declared: said,
                counted: counted[at],
                line,
            });
        }
        found
    }

    fn is_right(&self, at: usize, said: u64) -> bool {
        let all = self.all;
        let own = self.own.unwrap_or(all);
        let countings = match at {
            0 => [all.total, own.total, own.total + self.nested],
            1 => [all.failed, own.failed, self.failure_elements],
            2 => [all.errored, own.errored, self.error_elements],
            _ => [all.skipped, own.skipped, all.skipped - self.disabled],
        };
        let inside = self.nested > 0 && said == self.stated_inside[at];
        countings.contains(&said) || inside || self.by_repetition(at, said)
    }

    fn by_repetition(&self, at: usize, said: u64) -> bool {
        let all = self.all;
        let reruns = self.reruns;
        // A test that passed and whose tear-down broke is one case, and two tests to pytest; a test
        // that failed and whose tear-down broke is two cases, and one test to it.
        if at == 0 && (all.total - self.repeated..=all.total + all.errored).contains(&said) {
            return true;
        }
        // Surefire writes every case and counts either every run, saved or not, or those of the last
        // round alone, where the cases that were never saved failed or broke once more.
        let from = |failed: u64| failed.saturating_sub(reruns.mixed);
        reruns.any()
            && match at {
                0 => (reruns.last_round..=all.total + reruns.failures + reruns.errors)
                    .contains(&said),
                1 => (from(all.failed)..=self.failure_elements + reruns.failures).contains(&said),
                2 => (from(all.errored)..=self.error_elements + reruns.errors).contains(&said),
                _ => said <= all.skipped,
            }
    }

    fn is_finer(&self, declared: &Declared, said: u64) -> bool {
        let all = self.all;
        match self.writer {
            Writer::Catch2 => said >= all.total,
            Writer::Pytest => {
                let most = all.total + all.errored + all.ran().saturating_mul(SUBTESTS_PER_CASE);
                declared.skipped.is_some() && (all.total..=most).contains(&said)
            }
            Writer::Other => false,
        }
    }
}
