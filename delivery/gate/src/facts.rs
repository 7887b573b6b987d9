//! What was measured, as the gate sees it.

use serde::{Deserialize, Serialize};

use crate::rule::{Measure, Scope};

/// All measurements of one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The reports the measurements were made from.
    #[serde(default)]
    pub inputs: Vec<InputRecord>,
    /// At most one per measure and scope.
    #[serde(default)]
    pub measurements: Vec<Measurement>,
    /// New executable lines, for the small-change rule; `None` when there is no base or no report.
    #[serde(default)]
    pub new_executable_lines: Option<u64>,
    /// Patterns of files that were left out, such as generated ones.
    #[serde(default)]
    pub excluded_patterns: Vec<String>,
    /// Files that were left out.
    #[serde(default)]
    pub excluded_files: Vec<String>,
    /// Paths of reports that are no file of the repository.
    #[serde(default)]
    pub unmapped_paths: Vec<String>,
}

impl Facts {
    /// The measurement of `measure` on `scope`.
    pub fn find(&self, measure: Measure, scope: Scope) -> Option<&Measurement> {
        self.measurements
            .iter()
            .find(|one| one.measure == measure && one.scope == scope)
    }
}

/// One report that was read, or should have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRecord {
    /// `junit` or `coverage`.
    pub kind: String,
    /// Job that made it.
    pub job: String,
    /// File name.
    #[serde(default)]
    pub name: String,
    /// SHA-256 of the file in lower-case hex.
    pub digest: String,
    /// Reader and its version, such as `cobertura/1`.
    pub reader: String,
    /// `parsed`, `partial` or `refused`.
    pub outcome: String,
    /// Why it is not `parsed`.
    #[serde(default)]
    pub reason: Option<String>,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// What was measured.
    pub measure: Measure,
    /// On which code.
    pub scope: Scope,
    /// The figures.
    pub reading: Reading,
    /// Where the figures are worst, worst first.
    #[serde(default)]
    pub offenders: Vec<Offender>,
}

/// Figures of a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reading {
    /// A share: `numerator` of `denominator`.
    Share {
        /// The part.
        numerator: u64,
        /// The whole; 0 means that there was nothing to measure.
        denominator: u64,
    },
    /// A count, taken over `sample` items.
    Count {
        /// The count.
        count: u64,
        /// How many items were looked at.
        sample: u64,
    },
    /// Not measured, or measured by a report that could not be read as a whole.
    Missing {
        /// Why.
        reason: String,
    },
}

/// A place that makes a figure worse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offender {
    /// File, or the test's name where it has none.
    pub file: String,
    /// First line concerned.
    pub line: Option<u32>,
    /// What is wrong there.
    pub note: String,
}
