//! Coverage of new code, of the code that was there before, and of both.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::coverage::{Coverage, FileCoverage};
use crate::diff::{FileNewLines, NewLines};
use crate::ratio::Ratio;

/// File name extensions that coverage is measured for, without the dot: a new file with one of
/// these that no report mentions was not run at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MeasuredExtensions(BTreeSet<String>);

impl MeasuredExtensions {
    /// A set from names such as `rs` or `.py`.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let names = names
            .into_iter()
            .map(|name| name.as_ref().trim().trim_start_matches('.').to_owned());
        Self(names.filter(|name| !name.is_empty()).collect())
    }

    /// The extensions of the files that `coverage` mentions: what the tool measured at all.
    pub fn of_coverage(coverage: &Coverage) -> Self {
        Self::new(coverage.files.keys().filter_map(|path| extension(path)))
    }

    /// True if a file of this path is measured.
    pub fn measures(&self, path: &str) -> bool {
        extension(path).is_some_and(|name| self.0.contains(name))
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.')
        .filter(|(stem, _)| !stem.is_empty())
        .map(|(_, extension)| extension)
}

/// Line coverage of a change. `new` and `existing` always add up to `overall`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCodeCoverage {
    /// All executable lines, new files without a report included.
    pub overall: Ratio,
    /// Overall minus new.
    pub existing: Ratio,
    /// New executable lines.
    pub new: Ratio,
    /// Every file of the reports, and every new file that counts as uncovered, by path.
    pub files: Vec<FileCodeCoverage>,
    /// Files with new lines that no report mentions and whose extension is not measured: they
    /// count for nothing.
    pub not_measured: Vec<String>,
}

/// Line coverage of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCodeCoverage {
    /// Path in the repository.
    pub path: String,
    /// All its executable lines.
    pub lines: Ratio,
    /// Its new executable lines.
    pub new: Ratio,
    /// New executable lines that were not run, in order.
    pub uncovered_new_lines: Vec<u32>,
    /// No report mentions the file: its new lines that are not blank count as uncovered.
    pub absent: bool,
}

/// Coverage of the new lines of a diff by a coverage with repository paths.
///
/// A new line counts if the report calls it executable. A file that no report mentions counts as
/// uncovered if its extension is `measured`; which of its lines are executable nobody knows, so
/// every new line that is not blank counts.
pub fn new_code_coverage(
    new_lines: &NewLines,
    coverage: &Coverage,
    measured: &MeasuredExtensions,
) -> NewCodeCoverage {
    let mut result = NewCodeCoverage::default();
    for (path, file) in &coverage.files {
        let new = new_lines.files.get(path);
        result.files.push(measured_file(path, file, new));
    }
    for (path, new) in &new_lines.files {
        if coverage.files.contains_key(path) || new.lines.is_empty() {
            continue;
        }
        if measured.measures(path) {
            result.files.push(absent_file(path, new));
        } else {
            result.not_measured.push(path.clone());
        }
    }
    result.files.sort_by(|a, b| a.path.cmp(&b.path));
    for file in &result.files {
        result.overall = result.overall.plus(file.lines);
        result.new = result.new.plus(file.new);
    }
    // New lines are among all lines, file by file, so neither difference can fall below zero.
    result.existing = Ratio::new(
        result.overall.covered.saturating_sub(result.new.covered),
        result.overall.total.saturating_sub(result.new.total),
    );
    result
}

fn measured_file(path: &str, file: &FileCoverage, new: Option<&FileNewLines>) -> FileCodeCoverage {
    let mut result = FileCodeCoverage {
        path: path.to_owned(),
        lines: file.line_ratio(),
        ..FileCodeCoverage::default()
    };
    for line in new.into_iter().flat_map(|new| &new.lines) {
        match file.lines.get(&line.number) {
            Some(0) => {
                result.new.total += 1;
                result.uncovered_new_lines.push(line.number);
            }
            Some(_) => {
                result.new.total += 1;
                result.new.covered += 1;
            }
            None => {}
        }
    }
    result
}

fn absent_file(path: &str, new: &FileNewLines) -> FileCodeCoverage {
    let uncovered: Vec<u32> = new
        .lines
        .iter()
        .filter(|line| !line.blank)
        .map(|line| line.number)
        .collect();
    let ratio = Ratio::new(0, uncovered.len() as u64);
    FileCodeCoverage {
        path: path.to_owned(),
        lines: ratio,
        new: ratio,
        uncovered_new_lines: uncovered,
        absent: true,
    }
}

/// Line numbers for people: `3-8, 10`, at most `most` ranges.
pub fn line_ranges(lines: &[u32], most: usize) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(*line) => *end = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let shown: Vec<String> = ranges
        .iter()
        .take(most)
        .map(|(start, end)| {
            if start == end {
                start.to_string()
            } else {
                format!("{start}-{end}")
            }
        })
        .collect();
    let more = if ranges.len() > most { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{MeasuredExtensions, line_ranges};

    #[test]
    fn extensions_are_those_of_file_names() {
        let measured = MeasuredExtensions::new([".py", "rs", ""]);
        assert!(measured.measures("a.b/c.py"));
        assert!(!measured.measures("a.py/c"));
        assert!(!measured.measures("a/.py"));
        assert_eq!(measured.iter().collect::<Vec<_>>(), ["py", "rs"]);
    }

    #[test]
    fn line_numbers_are_shown_as_ranges() {
        assert_eq!(line_ranges(&[3, 4, 5, 8, 10, 11], 9), "3-5, 8, 10-11");
        assert_eq!(line_ranges(&[1, 3, 5], 2), "1, 3, …");
    }
}
