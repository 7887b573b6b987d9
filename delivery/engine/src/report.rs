//! Reports: read when they arrive, so that a job's facts are there before its result is.

use rialto_delivery_report::{
    Contradiction, Coverage, Outcome, TestReport, cobertura, junit, lcov,
};
use rialto_delivery_store::job::JobRow;
use rialto_delivery_store::report::ReportFileRow;
use rialto_platform_evidence::Actor;
use rialto_platform_store::{Tx, new_id, now, to_micros};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::blocking;
use crate::record::reference;
use crate::{Delivery, DeliveryError};

/// What a reader took from a file, as kept in the content store.
pub(crate) enum Facts {
    Tests(Outcome<TestReport>),
    Coverage(Outcome<Coverage>),
}

/// An outcome as it is written. Not the enum itself: numbers as keys of a map do not read back
/// through serde's tagged enums.
#[derive(Serialize, Deserialize)]
struct StoredOutcome<T> {
    value: Option<T>,
    reason: Option<String>,
    line: u32,
}

impl<T> StoredOutcome<T> {
    fn of(outcome: Outcome<T>) -> Self {
        match outcome {
            Outcome::Parsed { value } => Self {
                value: Some(value),
                reason: None,
                line: 0,
            },
            Outcome::Partial {
                value,
                reason,
                line,
            } => Self {
                value: Some(value),
                reason: Some(reason),
                line,
            },
            Outcome::Refused { reason, line } => Self {
                value: None,
                reason: Some(reason),
                line,
            },
        }
    }

    fn into_outcome(self) -> Outcome<T> {
        let Self {
            value,
            reason,
            line,
        } = self;
        match (value, reason) {
            (Some(value), None) => Outcome::Parsed { value },
            (Some(value), Some(reason)) => Outcome::Partial {
                value,
                reason,
                line,
            },
            (None, reason) => Outcome::Refused {
                reason: reason.unwrap_or_default(),
                line,
            },
        }
    }
}

impl Delivery {
    /// Reads a report file; `None` for kinds that are no reports. A malformed report is a fact
    /// about the report, never a failure of the job.
    pub(crate) async fn read_report(
        &self,
        job: &JobRow,
        kind: &str,
        name: &str,
        sha256: &str,
    ) -> Result<Option<ReportFileRow>, DeliveryError> {
        if !matches!(kind, "junit" | "cobertura" | "lcov") {
            return Ok(None);
        }
        let cas = self.content().clone();
        let (limit, kind_word, digest) = (
            self.settings().report_bytes,
            kind.to_owned(),
            sha256.to_owned(),
        );
        let (facts, facts_sha256) = blocking(move || {
            let bytes = cas.read(&digest, limit)?;
            let facts = match kind_word.as_str() {
                "junit" => Facts::Tests(junit::read(&bytes)),
                "cobertura" => Facts::Coverage(cobertura::read(&bytes)),
                _ => Facts::Coverage(lcov::read(&bytes)),
            };
            let text = match &facts {
                Facts::Tests(outcome) => serde_json::to_vec(&StoredOutcome::of(outcome.clone())),
                Facts::Coverage(outcome) => serde_json::to_vec(&StoredOutcome::of(outcome.clone())),
            }
            .map_err(DeliveryError::json("report facts"))?;
            let stored = cas.put(&text)?;
            Ok((facts, stored))
        })
        .await?;
        let mut row = ReportFileRow {
            id: new_id(),
            pipeline_id: job.pipeline_id.clone(),
            job_id: job.id.clone(),
            job_name: job.name.clone(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            sha256: sha256.to_owned(),
            reader: format!("{kind}/1"),
            outcome: String::new(),
            reason: None,
            line: None,
            count_mismatch: false,
            facts_sha256: Some(facts_sha256),
            total: 0,
            passed: 0,
            failed: 0,
            errored: 0,
            skipped: 0,
            flaky: 0,
            duration_ms: 0,
            covered: 0,
            coverable: 0,
            created_at: to_micros(now()),
        };
        match &facts {
            Facts::Tests(outcome) => {
                summarise(&mut row, outcome);
                if let Some(report) = outcome.value() {
                    add_tests(&mut row, report);
                }
            }
            Facts::Coverage(outcome) => {
                summarise(&mut row, outcome);
                if let Some(coverage) = outcome.value() {
                    let ratio = coverage.line_ratio();
                    row.covered = count(ratio.covered);
                    row.coverable = count(ratio.total);
                    add_contradiction(&mut row, coverage.contradictions.first());
                }
            }
        }
        Ok(Some(row))
    }

    pub(crate) async fn record_report(
        &self,
        tx: &mut Tx<'_>,
        job: &JobRow,
        row: &ReportFileRow,
    ) -> Result<(), DeliveryError> {
        let body = json!({
            "job": job.id.as_str(),
            "job_name": job.name,
            "kind": row.kind,
            "name": row.name,
            "reader": row.reader,
            "outcome": row.outcome,
            "reason": row.reason,
            "tests": {"total": row.total, "passed": row.passed, "failed": row.failed,
                "errored": row.errored, "skipped": row.skipped, "flaky": row.flaky},
            "coverage": {"covered": row.covered, "total": row.coverable},
        });
        let mut refs = Vec::new();
        refs.extend(reference(&row.kind, &row.name, &row.sha256));
        if let Some(facts) = &row.facts_sha256 {
            refs.extend(reference("facts", &row.name, facts));
        }
        let actor = Actor::new(job.runner_id.clone().unwrap_or_default(), "runner", "lease");
        let subject = format!("pipeline:{}", job.pipeline_id);
        self.record(tx, actor, "report", subject, body, refs)
            .await
            .map(drop)
    }

    /// The facts of a stored report.
    pub(crate) async fn report_facts(&self, row: &ReportFileRow) -> Result<Facts, DeliveryError> {
        let sha256 = row.facts_sha256.clone().ok_or_else(|| {
            DeliveryError::Internal(format!("report `{}` has no facts", row.name))
        })?;
        let (cas, kind) = (self.content().clone(), row.kind.clone());
        blocking(move || {
            let bytes = cas.read(&sha256, 1 << 30)?;
            let damaged = DeliveryError::json("stored report facts");
            match kind.as_str() {
                "junit" => serde_json::from_slice(&bytes)
                    .map(|stored: StoredOutcome<TestReport>| Facts::Tests(stored.into_outcome())),
                _ => serde_json::from_slice(&bytes)
                    .map(|stored: StoredOutcome<Coverage>| Facts::Coverage(stored.into_outcome())),
            }
            .map_err(damaged)
        })
        .await
    }
}

fn summarise<T>(row: &mut ReportFileRow, outcome: &Outcome<T>) {
    outcome.word().clone_into(&mut row.outcome);
    row.reason = outcome.reason().map(str::to_owned);
    row.line = outcome.line().map(i64::from);
}

fn add_tests(row: &mut ReportFileRow, report: &TestReport) {
    let totals = &report.totals;
    add_contradiction(row, report.contradictions().first());
    row.total = count(totals.total);
    row.passed = count(totals.passed);
    row.failed = count(totals.failed);
    row.errored = count(totals.errored);
    row.skipped = count(totals.skipped);
    row.flaky = count(totals.flaky);
    row.duration_ms = count(totals.duration_us / 1000);
}

/// Notes on the row that the report contradicts itself, and where first.
fn add_contradiction(row: &mut ReportFileRow, first: Option<&Contradiction>) {
    let Some(first) = first else { return };
    row.count_mismatch = true;
    // A report that breaks off says so first.
    row.line.get_or_insert(i64::from(first.line));
    row.reason.get_or_insert_with(|| first.to_string());
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
