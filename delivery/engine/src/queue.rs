//! Which waiting job a runner gets (specification §5.4): class, fair share by project, age.

use std::collections::HashSet;

use rialto_delivery_store::job::QueuedJob;

/// A waiting job moves up a class each time this passes, microseconds.
const PROMOTE_AFTER: i64 = 600 * 1_000_000;

/// The jobs a runner with these tags may take, best first. A runner must carry all tags of a job.
pub(crate) fn fitting(jobs: Vec<QueuedJob>, tags: &[String], now: i64) -> Vec<QueuedJob> {
    let tags: HashSet<&str> = tags.iter().map(String::as_str).collect();
    let mut fitting: Vec<QueuedJob> = jobs
        .into_iter()
        .filter(|job| {
            // Damaged tags fit no runner, so that the job fails as stuck and not in a wrong place.
            serde_json::from_str::<Vec<String>>(&job.tags)
                .is_ok_and(|wanted| wanted.iter().all(|tag| tags.contains(tag.as_str())))
        })
        .collect();
    fitting.sort_by_key(|job| {
        let promoted = (now - job.queued_at).max(0) / PROMOTE_AFTER;
        (
            (job.queue_class - promoted).max(0),
            job.running,
            job.queued_at,
            job.id.clone(),
        )
    });
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(class: i64, running: i64, queued_at: i64, tags: &str) -> QueuedJob {
        QueuedJob {
            id: rialto_platform_store::new_id(),
            pipeline_id: rialto_platform_store::new_id(),
            project_id: rialto_platform_store::new_id(),
            tags: tags.into(),
            queue_class: class,
            queued_at,
            running,
        }
    }

    fn order(jobs: &[QueuedJob], now: i64) -> Vec<i64> {
        fitting(jobs.to_vec(), &[], now)
            .iter()
            .map(|j| j.queued_at)
            .collect()
    }

    #[test]
    fn class_then_share_then_age_decide() {
        let jobs = [
            job(5, 0, 1, "[]"),
            job(2, 3, 2, "[]"),
            job(2, 1, 4, "[]"),
            job(2, 1, 3, "[]"),
        ];
        assert_eq!(order(&jobs, 10), [3, 4, 2, 1]);
    }

    #[test]
    fn a_job_that_waits_moves_up() {
        let jobs = [job(5, 0, 1, "[]"), job(2, 0, 3 * PROMOTE_AFTER, "[]")];
        assert_eq!(order(&jobs, 3 * PROMOTE_AFTER + 1), [1, 3 * PROMOTE_AFTER]);
        assert_eq!(order(&jobs, 2 * PROMOTE_AFTER), [3 * PROMOTE_AFTER, 1]);
    }

    #[test]
    fn a_runner_carries_all_tags_of_its_job() {
        let jobs = [
            job(1, 0, 1, r#"["gpu","linux"]"#),
            job(1, 0, 2, r#"["linux"]"#),
        ];
        let tags = ["linux".to_owned()];
        let fits: Vec<i64> = fitting(jobs.to_vec(), &tags, 5)
            .iter()
            .map(|j| j.queued_at)
            .collect();
        assert_eq!(fits, [2]);
        assert!(fitting(vec![job(1, 0, 1, "broken")], &tags, 5).is_empty());
    }
}
