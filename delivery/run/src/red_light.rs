//! Red-light incidents (红灯): when a branch is broken, and when it is repaired
//! (specification §11). Pure: the engine supplies pipelines and ancestry, and stores the result.

use serde::{Deserialize, Serialize};

use crate::state::Status;

/// A job of an ended pipeline, as the incident sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedJob {
    /// Name.
    pub name: String,
    /// Status of its newest attempt.
    pub status: Status,
    /// Its failure does not count.
    pub allow_failure: bool,
}

/// A pipeline of a protected branch that came to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedPipeline<'a> {
    /// Commit.
    pub sha: &'a str,
    /// Status.
    pub status: Status,
    /// Jobs; empty for a configuration error.
    pub jobs: &'a [EndedJob],
    /// A push made it. One run by hand or by the clock may leave jobs out on purpose.
    pub pushed: bool,
    /// It was created before the newest failing pipeline of the open incident.
    pub outdated: bool,
}

/// The incident open on the branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIncident {
    /// Commit of the newest failing pipeline.
    pub failing_sha: String,
    /// Commit whose failure opened it.
    pub first_failing_sha: String,
    /// Every job that failed while it was open.
    pub failed_jobs: Vec<String>,
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseKind {
    /// The failed jobs are there and pass.
    Repaired,
    /// A failed job was removed or made `allow_failure`; listed apart.
    ClosedByRemoval,
    /// The only commit that failed passed when it was run again: nothing was repaired.
    Flaky,
}

impl CloseKind {
    /// The word used in APIs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repaired => "repaired",
            Self::ClosedByRemoval => "closed_by_removal",
            Self::Flaky => "flaky",
        }
    }
}

/// What a pipeline means for the branch's light.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LightChange {
    /// Nothing changes.
    None,
    /// The light turns red.
    Open {
        /// Jobs that failed.
        failed_jobs: Vec<String>,
    },
    /// Another failure while it is red: the clock runs on.
    Attach {
        /// Jobs that failed now, whether they had before or not.
        failed_jobs: Vec<String>,
    },
    /// The light turns green.
    Close {
        /// How.
        kind: CloseKind,
    },
}

/// Judges an ended pipeline. `descends` tells whether its commit equals or descends from the
/// failing head of the open incident.
#[must_use]
pub fn judge(
    open: Option<&OpenIncident>,
    pipeline: &EndedPipeline<'_>,
    descends: bool,
) -> LightChange {
    let failed = |job: &&EndedJob| job.status == Status::Failed && !job.allow_failure;
    let failed_jobs: Vec<String> = pipeline
        .jobs
        .iter()
        .filter(failed)
        .map(|job| job.name.clone())
        .collect();
    if pipeline.status == Status::Failed {
        return match open {
            None => LightChange::Open { failed_jobs },
            Some(_) => LightChange::Attach { failed_jobs },
        };
    }
    let Some(incident) = open else {
        return LightChange::None;
    };
    let waits_for_people = matches!(pipeline.status, Status::Manual | Status::Scheduled);
    let green = pipeline.status == Status::Success || (waits_for_people && failed_jobs.is_empty());
    if !green || !descends || pipeline.outdated {
        return LightChange::None;
    }
    let now = |name: &String| pipeline.jobs.iter().find(|job| &job.name == name);
    let undone = incident.failed_jobs.iter().filter_map(now);
    if undone
        .clone()
        .any(|job| !job.status.is_completed() && !job.allow_failure)
    {
        // The job that broke has not had its say yet.
        return LightChange::None;
    }
    let passes = |name: &String| now(name).is_some_and(|job| job.status == Status::Success);
    let kind = if !incident.failed_jobs.iter().all(passes) {
        if !pipeline.pushed || pipeline.sha == incident.failing_sha {
            // Nobody removed the job: this run of the commit merely does without it.
            return LightChange::None;
        }
        CloseKind::ClosedByRemoval
    } else if incident.failing_sha == pipeline.sha && incident.first_failing_sha == pipeline.sha {
        CloseKind::Flaky
    } else {
        CloseKind::Repaired
    };
    LightChange::Close { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, status: Status) -> EndedJob {
        EndedJob {
            name: name.into(),
            status,
            allow_failure: false,
        }
    }

    fn judge_jobs(
        open: Option<&OpenIncident>,
        sha: &str,
        status: Status,
        jobs: &[EndedJob],
        descends: bool,
    ) -> LightChange {
        let pipeline = EndedPipeline {
            sha,
            status,
            jobs,
            pushed: true,
            outdated: false,
        };
        judge(open, &pipeline, descends)
    }

    fn open() -> OpenIncident {
        OpenIncident {
            failing_sha: "a".into(),
            first_failing_sha: "a".into(),
            failed_jobs: vec!["test".into()],
        }
    }

    #[test]
    fn a_failure_opens_and_a_later_one_attaches_without_resetting_the_clock() {
        let jobs = [job("test", Status::Failed)];
        let change = judge_jobs(None, "a", Status::Failed, &jobs, true);
        assert_eq!(
            change,
            LightChange::Open {
                failed_jobs: vec!["test".into()]
            }
        );
        let change = judge_jobs(Some(&open()), "b", Status::Failed, &jobs, true);
        assert_eq!(
            change,
            LightChange::Attach {
                failed_jobs: vec!["test".into()]
            }
        );
    }

    #[test]
    fn canceled_and_skipped_neither_open_nor_close() {
        for status in [Status::Canceled, Status::Skipped] {
            assert_eq!(judge_jobs(None, "b", status, &[], true), LightChange::None);
            assert_eq!(
                judge_jobs(Some(&open()), "b", status, &[], true),
                LightChange::None
            );
        }
    }

    #[test]
    fn the_next_good_descendant_repairs() {
        let jobs = [job("test", Status::Success)];
        let repaired = LightChange::Close {
            kind: CloseKind::Repaired,
        };
        assert_eq!(
            judge_jobs(Some(&open()), "b", Status::Success, &jobs, true),
            repaired
        );
        let aside = judge_jobs(Some(&open()), "b", Status::Success, &jobs, false);
        assert_eq!(
            aside,
            LightChange::None,
            "a commit beside the failing one repairs nothing"
        );
    }

    #[test]
    fn removing_the_failing_job_is_no_repair() {
        let removal = LightChange::Close {
            kind: CloseKind::ClosedByRemoval,
        };
        let jobs = [job("build", Status::Success)];
        assert_eq!(
            judge_jobs(Some(&open()), "b", Status::Success, &jobs, true),
            removal
        );
        let tolerated = EndedJob {
            allow_failure: true,
            ..job("test", Status::Failed)
        };
        assert_eq!(
            judge_jobs(Some(&open()), "b", Status::Success, &[tolerated], true),
            removal
        );
    }

    #[test]
    fn success_by_retry_alone_is_flaky() {
        let jobs = [job("test", Status::Success)];
        let flaky = LightChange::Close {
            kind: CloseKind::Flaky,
        };
        assert_eq!(
            judge_jobs(Some(&open()), "a", Status::Success, &jobs, true),
            flaky
        );
    }

    #[test]
    fn a_repairing_commit_that_had_to_be_run_twice_still_repairs() {
        let open = OpenIncident {
            failing_sha: "b".into(),
            ..open()
        };
        let jobs = [job("test", Status::Success)];
        assert_eq!(
            judge_jobs(Some(&open), "b", Status::Success, &jobs, true),
            LightChange::Close {
                kind: CloseKind::Repaired
            }
        );
    }

    #[test]
    fn a_pipeline_waiting_for_a_person_is_green_when_nothing_failed() {
        let jobs = [job("test", Status::Success), job("deploy", Status::Manual)];
        let repaired = LightChange::Close {
            kind: CloseKind::Repaired,
        };
        assert_eq!(
            judge_jobs(Some(&open()), "b", Status::Manual, &jobs, true),
            repaired
        );
    }

    #[test]
    fn the_light_stays_red_until_the_broken_job_itself_has_run() {
        let open = OpenIncident {
            failing_sha: "a".into(),
            first_failing_sha: "a".into(),
            failed_jobs: vec!["deploy".into()],
        };
        let jobs = [job("test", Status::Success), job("deploy", Status::Manual)];
        assert_eq!(
            judge_jobs(Some(&open), "b", Status::Manual, &jobs, true),
            LightChange::None
        );
    }

    #[test]
    fn a_run_that_merely_does_without_the_failed_job_repairs_nothing() {
        let jobs = [job("build", Status::Success)];
        let by_hand = |sha| EndedPipeline {
            sha,
            status: Status::Success,
            jobs: &jobs,
            pushed: false,
            outdated: false,
        };
        for sha in ["a", "b"] {
            let change = judge(Some(&open()), &by_hand(sha), true);
            assert_eq!(change, LightChange::None, "{sha}");
        }
        let same_commit = judge_jobs(Some(&open()), "a", Status::Success, &jobs, true);
        assert_eq!(same_commit, LightChange::None);
        let passed = [job("test", Status::Success)];
        let run = EndedPipeline {
            jobs: &passed,
            ..by_hand("b")
        };
        let repaired = LightChange::Close {
            kind: CloseKind::Repaired,
        };
        assert_eq!(judge(Some(&open()), &run, true), repaired);
    }

    #[test]
    fn a_pipeline_older_than_the_failing_one_closes_nothing() {
        let jobs = [job("test", Status::Success)];
        let older = EndedPipeline {
            sha: "a",
            status: Status::Success,
            jobs: &jobs,
            pushed: true,
            outdated: true,
        };
        assert_eq!(judge(Some(&open()), &older, true), LightChange::None);
    }
}
