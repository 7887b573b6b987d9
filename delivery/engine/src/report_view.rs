//! Test and coverage reports of a pipeline, as people look at them.

use rialto_delivery_report::{CaseStatus, Ratio, TestCase, TestSuite};
use rialto_delivery_store::ids::PipelineId;
use rialto_delivery_store::report::ReportFileRow;
use rialto_delivery_store::{pipeline, project, report as reports};

use crate::report::Facts;
use crate::view::{
    CaseView, CoverageReportView, FileCoverageView, RatioView, RefusedView, ReportFileView,
    SuiteView, TestReportView,
};
use crate::words::Text;
use crate::{Delivery, DeliveryError};

impl Delivery {
    /// Tests of a pipeline's current attempts.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn test_report(&self, id: &PipelineId) -> Result<TestReportView, DeliveryError> {
        self.existing_pipeline(id).await?;
        let mut view = TestReportView::default();
        for row in reports::of_pipeline(&mut self.db(), id).await? {
            if row.kind != "junit" {
                continue;
            }
            add_totals(&mut view, &row);
            view.files.push(ReportFileView {
                job_name: row.job_name.clone(),
                name: row.name.clone(),
                outcome: row.outcome.clone(),
                reason: row.reason.clone(),
                text: Text::of_some(row.reason.as_deref()),
                line: row.line,
                count_mismatch: row.count_mismatch,
            });
            if let Facts::Tests(outcome) = self.report_facts(&row).await?
                && let Some(report) = outcome.value()
            {
                let suites = report
                    .suites
                    .iter()
                    .map(|suite| suite_view(suite, &row.job_name));
                view.suites.extend(suites);
            }
        }
        Ok(view)
    }

    /// Coverage of a pipeline's current attempts: all, existing and new code.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn coverage_report(
        &self,
        id: &PipelineId,
    ) -> Result<CoverageReportView, DeliveryError> {
        let row = self.existing_pipeline(id).await?;
        let project = project::find(&mut self.db(), &row.project_id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("project", &row.project_id))?;
        let rule_set = self.rule_set(&project.id).await?;
        let gathered = self.gather(&project, &row, &rule_set).await?;
        let code = gathered.built.coverage.unwrap_or_default();
        let refused = gathered
            .files
            .iter()
            .filter(|file| {
                file.kind != "junit" && (file.outcome != "parsed" || file.count_mismatch)
            })
            .map(|file| RefusedView {
                name: file.name.clone(),
                outcome: match file.outcome.as_str() {
                    "parsed" => "contradictory".to_owned(),
                    other => other.to_owned(),
                },
                line: file.line,
                reason: file.reason.clone().unwrap_or_default(),
                text: Text::of(file.reason.as_deref().unwrap_or_default()),
            })
            .collect();
        Ok(CoverageReportView {
            overall: ratio(code.overall),
            existing: ratio(code.existing),
            new_lines: ratio(code.new),
            base_sha: gathered.base.sha,
            base_choice: gathered.base.choice.to_owned(),
            files: code
                .files
                .into_iter()
                .map(|file| FileCoverageView {
                    percent: file.lines.percent(),
                    path: file.path,
                    covered: file.lines.covered,
                    total: file.lines.total,
                    new_covered: file.new.covered,
                    new_total: file.new.total,
                    uncovered_new_lines: file.uncovered_new_lines,
                })
                .collect(),
            unmapped: gathered
                .built
                .unmapped
                .into_iter()
                .map(|path| path.path)
                .collect(),
            refused,
        })
    }

    pub(crate) async fn existing_pipeline(
        &self,
        id: &PipelineId,
    ) -> Result<pipeline::PipelineRow, DeliveryError> {
        pipeline::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("pipeline", id))
    }
}

fn add_totals(view: &mut TestReportView, row: &ReportFileRow) {
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    view.total += number(row.total);
    view.passed += number(row.passed);
    view.failed += number(row.failed);
    view.errored += number(row.errored);
    view.skipped += number(row.skipped);
    view.flaky += number(row.flaky);
    view.duration_ms += number(row.duration_ms);
}

fn suite_view(suite: &TestSuite, job_name: &str) -> SuiteView {
    SuiteView {
        name: suite.name(),
        job_name: job_name.to_owned(),
        total: suite.totals.total,
        passed: suite.totals.passed,
        failed: suite.totals.failed + suite.totals.errored,
        skipped: suite.totals.skipped,
        duration_ms: suite.duration_us.unwrap_or(suite.totals.duration_us) / 1000,
        cases: suite.cases.iter().map(case_view).collect(),
    }
}

fn case_view(case: &TestCase) -> CaseView {
    CaseView {
        name: case.name.clone(),
        classname: case.classname.clone(),
        file: case.file.clone(),
        status: match case.status {
            CaseStatus::Passed => "passed",
            CaseStatus::Skipped => "skipped",
            CaseStatus::Failed => "failed",
            CaseStatus::Errored => "errored",
        },
        flaky: case.flaky,
        duration_ms: case.duration_us.map(|us| us / 1000),
        message: case.message.as_ref().map(|kept| kept.text.clone()),
        output: case.output.as_ref().map(|kept| kept.text.clone()),
    }
}

fn ratio(ratio: Ratio) -> RatioView {
    RatioView {
        covered: ratio.covered,
        total: ratio.total,
        percent: ratio.percent(),
    }
}
