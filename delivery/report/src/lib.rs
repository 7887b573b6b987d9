//! Test and coverage reports read into facts, and unified diffs into new lines.
//!
//! Everything here is pure: bytes in, facts out. Reports come from jobs and are hostile until
//! proved otherwise, so every reader works under [`Limits`], never fetches anything, never panics,
//! and says how far it got: *parsed*, *partial* or *refused* ([`Outcome`]). A gate treats the last
//! two as missing data.
//!
//! - [`junit`] reads test reports; totals are counted from the cases, never trusted.
//! - [`cobertura`] and [`lcov`] read coverage; rates are recomputed from the lines.
//! - [`Contradiction`] is what a file says of itself and its content does not bear out.
//! - [`paths`] maps the paths of a report to the files of the repository.
//! - [`diff`] reads `git diff` and finds new lines; moved lines are not new.
//! - [`new_code`] brings both together: coverage of new, existing and all code.
//! - [`log_coverage`] takes the figure of the `coverage:` keyword from a job log.

pub mod cobertura;
mod cobertura_totals;
pub mod contradiction;
pub mod coverage;
pub mod detect;
pub mod diff;
pub mod junit;
pub mod lcov;
mod lcov_totals;
pub mod limits;
pub mod log_coverage;
pub mod new_code;
pub mod outcome;
pub mod paths;
pub mod ratio;
mod text;
mod xml;

pub use contradiction::Contradiction;
pub use coverage::{Coverage, FileCoverage, LineBranches};
pub use detect::read_coverage;
pub use diff::{Diff, FileNewLines, NewLine, NewLines, ReadDiffError, new_lines};
pub use junit::{CaseStatus, TestCase, TestReport, TestSuite, TestTotals};
pub use limits::Limits;
pub use log_coverage::LogCoverage;
pub use new_code::{FileCodeCoverage, MeasuredExtensions, NewCodeCoverage, new_code_coverage};
pub use outcome::{Note, Outcome};
pub use paths::{PathMapper, UnmappedPath};
pub use ratio::Ratio;
