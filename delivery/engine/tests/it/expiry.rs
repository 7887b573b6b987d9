//! Archives whose time is over are removed; what is still needed stays.

use std::time::{Duration, SystemTime};

use rialto_delivery_engine::DeliveryError;
use rialto_delivery_run::assignment::JobResult;

use crate::world::{World, zip};

const DAY: Duration = Duration::from_secs(86_400);

const CONFIG: &str = "
short: {script: [x], artifacts: {paths: [a], expire_in: 1 day}}
shared: {script: [x], artifacts: {paths: [a], expire_in: 1 day}}
ever: {script: [x], artifacts: {paths: [a], expire_in: never}}
";

/// Whether the job's archive can be fetched.
async fn there(world: &World, pipeline: &str, job: &str) -> bool {
    let id = world.job(pipeline, job).await.id.parse().unwrap();
    match world.delivery.artifact_file(&id, "archive").await {
        Ok(_) => true,
        Err(DeliveryError::NotFound { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_expired_archive_is_removed_unless_something_needs_it() {
    for world in World::all().await {
        let id = world.configure(CONFIG).await.summary.id;
        while let Some(work) = world.take().await {
            // Two jobs left the very same bytes.
            let content = if work.value("CI_JOB_NAME") == Some("short") {
                "one"
            } else {
                "two"
            };
            let bytes = zip(&[("a", content)]);
            work.upload(&world, "archive", "artifacts.zip", &bytes)
                .await
                .unwrap();
            work.finish(&world, JobResult::Success).await.unwrap();
        }
        let now = SystemTime::now();
        let early = world.delivery.remove_expired_before(now + DAY).await;
        assert_eq!(early.unwrap(), 0, "an hour of grace");
        let late = world.delivery.remove_expired_before(now + 2 * DAY).await;
        assert_eq!(late.unwrap(), 1);
        assert!(!there(&world, &id, "short").await);
        assert!(there(&world, &id, "shared").await);
        assert!(there(&world, &id, "ever").await);
        let again = world.delivery.remove_expired_before(now + 2 * DAY).await;
        assert_eq!(again.unwrap(), 0);
    }
}
