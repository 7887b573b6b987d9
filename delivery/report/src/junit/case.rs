//! One test case while it is being read.

use super::keep::TextKeeper;
use super::{CaseStatus, TestCase};
use crate::xml::{Cursor, Element, Fault};

/// A case that is open: what is known of it so far.
pub(super) struct OpenCase {
    pub(super) case: TestCase,
    pub(super) message: TextKeeper,
    pub(super) output: TextKeeper,
    pub(super) disabled: bool,
    pub(super) failures: u64,
    pub(super) errors: u64,
    /// Further runs that failed or broke, whether the test was saved in the end or not.
    pub(super) rerun_failures: u64,
    pub(super) rerun_errors: u64,
}

impl OpenCase {
    pub(super) fn new(name: String) -> Self {
        Self {
            case: TestCase {
                name,
                classname: String::new(),
                file: None,
                number: 1,
                status: CaseStatus::Passed,
                flaky: false,
                duration_us: None,
                message: None,
                output: None,
            },
            message: TextKeeper::default(),
            output: TextKeeper::default(),
            disabled: false,
            failures: 0,
            errors: 0,
            rerun_failures: 0,
            rerun_errors: 0,
        }
    }

    fn worsen(&mut self, status: CaseStatus) {
        self.case.status = self.case.status.max(status);
    }

    /// Reads an element inside the case; true if its text belongs to the case's output.
    pub(super) fn take_part(
        &mut self,
        cursor: &Cursor<'_>,
        element: &Element<'_>,
        room: usize,
    ) -> Result<bool, Fault> {
        match element.name() {
            "failure" => {
                self.failures += 1;
                self.worsen(CaseStatus::Failed);
            }
            "error" => {
                self.errors += 1;
                self.worsen(CaseStatus::Errored);
            }
            "skipped" => self.worsen(CaseStatus::Skipped),
            "disabled" => {
                self.disabled = true;
                self.worsen(CaseStatus::Skipped);
            }
            // A rerun that failed as well is no sign of flakiness: the test failed every time.
            "rerunFailure" => self.rerun_failures += 1,
            "rerunError" => self.rerun_errors += 1,
            "flakyFailure" => {
                self.rerun_failures += 1;
                self.case.flaky = true;
            }
            "flakyError" => {
                self.rerun_errors += 1;
                self.case.flaky = true;
            }
            "system-out" | "system-err" => return Ok(true),
            _ => return Ok(false),
        }
        if self.message.is_empty()
            && let Some(message) = element.attribute(cursor, "message")?
        {
            self.message
                .push(&message, room.saturating_sub(self.output.kept_bytes()));
        }
        Ok(true)
    }

    /// Some tools say the result in an attribute alone.
    pub(super) fn take_status_word(&mut self, word: &str) {
        match word.to_ascii_lowercase().as_str() {
            "disabled" | "notrun" | "suppressed" => {
                self.disabled = true;
                self.worsen(CaseStatus::Skipped);
            }
            "skipped" | "ignored" | "pending" => self.worsen(CaseStatus::Skipped),
            "failed" | "failure" | "fail" => self.worsen(CaseStatus::Failed),
            "error" | "errored" | "broken" => self.worsen(CaseStatus::Errored),
            _ => {}
        }
    }
}
