//! From reports to facts.

use rialto_delivery_report::new_code::line_ranges;
use rialto_delivery_report::{
    CaseStatus, Contradiction, Coverage, FileCodeCoverage, MeasuredExtensions, NewCodeCoverage,
    NewLines, Outcome, PathMapper, Ratio, TestReport, TestTotals, UnmappedPath, new_code_coverage,
};

use crate::facts::{Facts, InputRecord, Measurement, Offender, Reading};
use crate::read_rules::RuleError;
use crate::rule::{Measure, Scope};
use crate::rule_set::RuleSet;

/// Offenders kept per measurement.
const KEPT_OFFENDERS: usize = 20;

/// Offenders kept of reports that contradict themselves: every such report is to be named.
const KEPT_CONTRADICTIONS: usize = 100;

/// A report file as it came from a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// Job that made it.
    pub job: String,
    /// File name.
    pub name: String,
    /// SHA-256 in lower-case hex.
    pub digest: String,
}

/// What is known about the change.
#[derive(Debug, Clone, Copy)]
pub enum ChangeLines<'a> {
    /// Its new lines.
    Known(&'a NewLines),
    /// There is no base, as for the first commit: all code counts as existing, none as new.
    NoBase,
    /// It could not be found out, for this reason.
    Unknown(&'a str),
}

/// Collects reports and makes facts of them.
#[derive(Debug, Default)]
pub struct FactsBuilder {
    inputs: Vec<InputRecord>,
    totals: TestTotals,
    failing: Vec<Offender>,
    flaky: Vec<Offender>,
    /// Reports that could be read, and those among them that contradict themselves.
    reports: (u64, u64),
    /// The first contradiction of every such report, and the others.
    contradictions: Vec<Offender>,
    more_contradictions: Vec<Offender>,
    tests: Collected,
    coverage: Coverage,
    coverage_state: Collected,
    coverage_paths: u64,
    unmapped: Vec<UnmappedPath>,
}

/// Whether reports of a kind came, and why they may not be judged by.
#[derive(Debug, Default)]
struct Collected {
    any: bool,
    broken: Option<String>,
}

/// What [`FactsBuilder::finish`] makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFacts {
    /// The facts for the gate.
    pub facts: Facts,
    /// The coverage of the change for showing, if any coverage could be read.
    pub coverage: Option<NewCodeCoverage>,
    /// Paths of coverage reports that are no file of the repository.
    pub unmapped: Vec<UnmappedPath>,
}

impl FactsBuilder {
    /// A builder without reports.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a test report. Partial and refused ones make every test measure missing.
    pub fn test_report(&mut self, file: &ReportFile, outcome: &Outcome<TestReport>) {
        self.record("junit", "junit/1", file, outcome);
        self.tests.take(file, outcome);
        let Some(report) = outcome.value() else {
            return;
        };
        self.take_contradictions(file, &report.contradictions());
        self.totals.add(&report.totals);
        for suite in &report.suites {
            for case in &suite.cases {
                let failed = matches!(case.status, CaseStatus::Failed | CaseStatus::Errored);
                if !failed && !case.flaky {
                    continue;
                }
                let name = format!("{} {}", case.classname, case.name);
                let message = case.message.as_ref().or(case.output.as_ref());
                let first = message.and_then(|kept| kept.text.trim().lines().next());
                let note = match first {
                    Some(first) => {
                        let first: String = first.chars().take(200).collect();
                        format!("{}: {first}", name.trim())
                    }
                    None => name.trim().to_owned(),
                };
                let place = case.file.clone().unwrap_or_else(|| suite.name());
                let list = if failed {
                    &mut self.failing
                } else {
                    &mut self.flaky
                };
                if list.len() < KEPT_OFFENDERS {
                    list.push(Offender {
                        file: place,
                        line: None,
                        note,
                    });
                }
            }
        }
    }

    /// Notes where a report says of itself what its content does not bear out.
    fn take_contradictions(&mut self, file: &ReportFile, found: &[Contradiction]) {
        self.reports.0 += 1;
        let Some(first) = found.first() else {
            return;
        };
        self.reports.1 += 1;
        if let Some(record) = self.inputs.last_mut()
            && record.reason.is_none()
        {
            record.reason = Some(format!("line {}: {first}", first.line));
        }
        let mut offenders = found.iter().map(|one| Offender {
            file: file.name.clone(),
            line: Some(one.line),
            note: format!("job {}: {one}", file.job),
        });
        self.contradictions.extend(offenders.next());
        self.more_contradictions.extend(offenders);
    }

    /// Adds a coverage report, its paths mapped to the repository by `mapper`. Partial and refused
    /// ones make every coverage measure missing.
    pub fn coverage(
        &mut self,
        file: &ReportFile,
        outcome: Outcome<Coverage>,
        mapper: Option<&PathMapper<'_>>,
    ) {
        self.record("coverage", "coverage/1", file, &outcome);
        self.coverage_state.take(file, &outcome);
        let coverage = match outcome {
            Outcome::Parsed { value } | Outcome::Partial { value, .. } => value,
            Outcome::Refused { .. } => return,
        };
        self.take_contradictions(file, &coverage.contradictions);
        self.coverage_paths += coverage.files.len() as u64;
        let mapped = match mapper {
            Some(mapper) => {
                let (mapped, unmapped) = mapper.map(coverage);
                self.unmapped.extend(unmapped);
                mapped
            }
            None => coverage,
        };
        self.coverage.merge(mapped);
    }

    /// The facts of `change`, with the exclusions and measured extensions of `rule_set`.
    ///
    /// # Errors
    /// A pattern of the rule set that is wrong.
    pub fn finish(
        mut self,
        change: ChangeLines<'_>,
        rule_set: &RuleSet,
    ) -> Result<BuiltFacts, RuleError> {
        let exclusions = rule_set.exclusions()?;
        let mut excluded_files = self.coverage.retain(|path| !exclusions.is_match(path));
        let mut new_lines = match change {
            ChangeLines::Known(lines) => lines.clone(),
            ChangeLines::NoBase | ChangeLines::Unknown(_) => NewLines::default(),
        };
        excluded_files.extend(new_lines.retain(|path| !exclusions.is_match(path)));
        excluded_files.sort();
        excluded_files.dedup();
        let measured = if rule_set.measured_extensions.is_empty() {
            MeasuredExtensions::of_coverage(&self.coverage)
        } else {
            MeasuredExtensions::new(&rule_set.measured_extensions)
        };
        let all_unmapped =
            self.coverage_paths > 0 && self.unmapped.len() as u64 == self.coverage_paths;
        if all_unmapped && self.coverage_state.broken.is_none() {
            self.coverage_state.broken = Some(format!(
                "none of the {} paths in the coverage reports is a file of the repository, such as \
                 {}",
                self.coverage_paths,
                self.unmapped
                    .first()
                    .map(|one| one.path.as_str())
                    .unwrap_or_default()
            ));
        }
        let code = new_code_coverage(&new_lines, &self.coverage, &measured);
        let mut measurements = self.test_measurements();
        measurements.extend(self.coverage_measurements(change, &code));
        let known =
            matches!(change, ChangeLines::Known(_)) && self.coverage_state.reason("").is_none();
        let facts = Facts {
            inputs: self.inputs,
            measurements,
            new_executable_lines: known.then_some(code.new.total),
            excluded_patterns: rule_set.excluded_paths.clone(),
            excluded_files,
            unmapped_paths: self.unmapped.iter().map(|one| one.path.clone()).collect(),
        };
        let coverage = self.coverage_state.any.then_some(code);
        Ok(BuiltFacts {
            facts,
            coverage,
            unmapped: self.unmapped,
        })
    }

    fn record<T>(&mut self, kind: &str, reader: &str, file: &ReportFile, outcome: &Outcome<T>) {
        self.inputs.push(InputRecord {
            kind: kind.to_owned(),
            job: file.job.clone(),
            name: file.name.clone(),
            digest: file.digest.clone(),
            reader: reader.to_owned(),
            outcome: outcome.word().to_owned(),
            reason: outcome.reason().map(str::to_owned),
        });
    }

    fn test_measurements(&self) -> Vec<Measurement> {
        let totals = &self.totals;
        let missing = self
            .tests
            .reason("no test report was uploaded (`artifacts:reports:junit`)");
        let reading = |figures: Reading| match &missing {
            Some(reason) => Reading::Missing {
                reason: reason.clone(),
            },
            None => figures,
        };
        let ran = totals.ran();
        let count = |count: u64| Reading::Count { count, sample: ran };
        let one = |measure, figures: Reading, offenders: &[Offender]| Measurement {
            measure,
            scope: Scope::Overall,
            reading: reading(figures),
            offenders: offenders.to_vec(),
        };
        let pass_rate = Reading::Share {
            numerator: totals.passed,
            denominator: ran,
        };
        vec![
            one(Measure::TestsPassRate, pass_rate, &self.failing),
            one(
                Measure::TestsFailed,
                count(totals.failed + totals.errored),
                &self.failing,
            ),
            one(Measure::TestsFlaky, count(totals.flaky), &self.flaky),
            one(Measure::TestsCount, count(ran), &[]),
            // Known of the reports that came, also when one of them could not be read to its end.
            Measurement {
                measure: Measure::ReportsContradictory,
                scope: Scope::Overall,
                reading: Reading::Count {
                    count: self.reports.1,
                    sample: self.reports.0,
                },
                offenders: self
                    .contradictions
                    .iter()
                    .chain(&self.more_contradictions)
                    .take(KEPT_CONTRADICTIONS)
                    .cloned()
                    .collect(),
            },
        ]
    }

    fn coverage_measurements(
        &self,
        change: ChangeLines<'_>,
        code: &NewCodeCoverage,
    ) -> Vec<Measurement> {
        let missing = self
            .coverage_state
            .reason("no coverage report was uploaded (`artifacts:reports:coverage_report`)");
        let unknown = match change {
            ChangeLines::Unknown(reason) => Some(format!("the new lines are not known: {reason}")),
            ChangeLines::Known(_) | ChangeLines::NoBase => None,
        };
        let one = |measure, scope, ratio: Ratio, offenders: Vec<Offender>| {
            let needs_change = scope != Scope::Overall;
            let reason = missing
                .clone()
                .or_else(|| unknown.clone().filter(|_| needs_change));
            let reading = match reason {
                Some(reason) => Reading::Missing { reason },
                None => Reading::Share {
                    numerator: ratio.covered,
                    denominator: ratio.total,
                },
            };
            Measurement {
                measure,
                scope,
                reading,
                offenders,
            }
        };
        let existing = |file: &FileCodeCoverage| {
            Ratio::new(
                file.lines.covered - file.new.covered,
                file.lines.total - file.new.total,
            )
        };
        let worst = |ratio: &dyn Fn(&FileCodeCoverage) -> Ratio| worst_files(code, ratio);
        let (line, branch) = (Measure::CoverageLine, Measure::CoverageBranch);
        let branches = self.coverage.branch_ratio();
        vec![
            one(
                line,
                Scope::Overall,
                code.overall,
                worst(&|file| file.lines),
            ),
            one(line, Scope::New, code.new, worst_new(code)),
            one(line, Scope::Existing, code.existing, worst(&existing)),
            one(branch, Scope::Overall, branches, Vec::new()),
        ]
    }
}

impl Collected {
    fn take<T>(&mut self, file: &ReportFile, outcome: &Outcome<T>) {
        self.any = true;
        let Some(reason) = outcome.reason() else {
            return;
        };
        let line = outcome
            .line()
            .map(|line| format!(" line {line}:"))
            .unwrap_or_default();
        self.broken.get_or_insert_with(|| {
            format!(
                "{} of job {} is {}:{line} {reason}",
                file.name,
                file.job,
                outcome.word()
            )
        });
    }

    fn reason(&self, nothing: &str) -> Option<String> {
        if !self.any {
            return Some(nothing.to_owned());
        }
        self.broken.clone()
    }
}

/// Files with the most uncovered lines.
fn worst_files(
    code: &NewCodeCoverage,
    ratio: &dyn Fn(&FileCodeCoverage) -> Ratio,
) -> Vec<Offender> {
    let mut files: Vec<(u64, &FileCodeCoverage, Ratio)> = code
        .files
        .iter()
        .map(|file| (file, ratio(file)))
        .map(|(file, ratio)| (ratio.total - ratio.covered, file, ratio))
        .filter(|(uncovered, ..)| *uncovered > 0)
        .collect();
    files.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
    files
        .into_iter()
        .take(KEPT_OFFENDERS)
        .map(|(uncovered, file, ratio)| Offender {
            file: file.path.clone(),
            line: None,
            note: format!(
                "{uncovered} of {} executable lines are not covered",
                ratio.total
            ),
        })
        .collect()
}

/// Files with the most uncovered new lines, and which.
fn worst_new(code: &NewCodeCoverage) -> Vec<Offender> {
    const KEPT_RANGES: usize = 20;
    let mut files: Vec<&FileCodeCoverage> = code
        .files
        .iter()
        .filter(|file| !file.uncovered_new_lines.is_empty())
        .collect();
    files.sort_by(|a, b| {
        let by_count = b
            .uncovered_new_lines
            .len()
            .cmp(&a.uncovered_new_lines.len());
        by_count.then_with(|| a.path.cmp(&b.path))
    });
    files
        .into_iter()
        .take(KEPT_OFFENDERS)
        .map(|file| {
            let lines = &file.uncovered_new_lines;
            let why = if file.absent {
                "; no report mentions the file"
            } else {
                ""
            };
            Offender {
                file: file.path.clone(),
                line: lines.first().copied(),
                note: format!(
                    "{} uncovered new line(s): {}{why}",
                    lines.len(),
                    line_ranges(lines, KEPT_RANGES)
                ),
            }
        })
        .collect()
}
