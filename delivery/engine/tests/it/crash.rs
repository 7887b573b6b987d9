//! What a kill at the worst moment leaves.

use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::Status;
use rialto_delivery_store::push;

use crate::world::World;

const ONE: &str = "job: {script: [x]}\n";

#[tokio::test]
async fn a_push_whose_refs_moved_unnoticed_gets_exactly_one_pipeline() {
    for mut world in World::all().await {
        // Killed after git moved the ref, before the database knew.
        world
            .commit("main", &[(".gitlab-ci.yml", ONE)], "unnoticed")
            .await;
        assert_eq!(world.count().await, 0);
        world.restart().await;
        assert_eq!(world.count().await, 1);
        world.restart().await;
        world.delivery.take_pushes(&world.project).await.unwrap();
        assert_eq!(world.count().await, 1);
        assert_eq!(world.newest().await.summary.title, "unnoticed");
    }
}

#[tokio::test]
async fn a_push_event_without_pipeline_is_found_again() {
    for mut world in World::all().await {
        let sha = world
            .commit("main", &[(".gitlab-ci.yml", ONE)], "half")
            .await;
        // Killed after the push event was committed, before its pipeline was made.
        let mut tx = world.delivery.db().begin().await.unwrap();
        let event = push::PushEventRow {
            id: rialto_platform_store::new_id(),
            project_id: world.project.id.clone(),
            push_id: "p1".into(),
            ref_name: "refs/heads/main".into(),
            old_sha: "0".repeat(40),
            new_sha: sha.clone(),
            pusher_id: "u".into(),
            pusher_login: "lin".into(),
            pusher_name: "Lin".into(),
            pusher_email: "lin@example.test".into(),
            options: "[]".into(),
            pushed_at: 5,
            handled_at: None,
        };
        assert!(push::insert(&mut tx, &event).await.unwrap());
        let name = "refs/heads/main";
        push::set_ref(&mut tx, &world.project.id, name, Some(&sha), 5)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        world.restart().await;
        assert_eq!(world.count().await, 1);
        assert_eq!(
            world.newest().await.summary.trigger_user.as_deref(),
            Some("Lin")
        );
        world.restart().await;
        assert_eq!(world.count().await, 1);
    }
}

#[tokio::test]
async fn a_running_job_goes_on_under_its_lease_after_a_restart() {
    for mut world in World::all().await {
        let id = world.configure(ONE).await.summary.id;
        let work = world.take().await.unwrap();
        work.log(&world, "before\n").await;
        world.restart().await;
        assert_eq!(
            world.job(&id, "job").await.status,
            Status::Running,
            "neither lost nor green"
        );
        assert!(world.take().await.is_none(), "nor doubled");
        work.log(&world, "after\n").await;
        work.finish(&world, JobResult::Success).await.unwrap();
        assert_eq!(world.status(&id).await, Status::Success);
        let lines = world.delivery.log_lines(&work.id, 0, 10).await.unwrap();
        let texts: Vec<&str> = lines.lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, ["before", "after"]);
    }
}

#[tokio::test]
async fn a_pipeline_at_rest_that_was_not_looked_at_is_settled_after_a_restart() {
    for mut world in World::all().await {
        let id = world.configure(ONE).await.summary.id;
        world.fail().await;
        world
            .until("the light", || async {
                let project = world
                    .delivery
                    .project_view(&world.project.id)
                    .await
                    .unwrap();
                project.light.state == "red"
            })
            .await;
        // As if the server had been killed between the end of the pipeline and its settling.
        let db = world.delivery.db().clone();
        for sql in [
            "UPDATE pipeline SET unsettled = TRUE, incident_id = NULL",
            "DELETE FROM incident",
        ] {
            db.execute(sql, rialto_platform_store::params![])
                .await
                .unwrap();
        }
        world.restart().await;
        let incidents = world
            .delivery
            .list_incidents(None, None, 0, None)
            .await
            .unwrap()
            .items;
        assert_eq!(incidents.len(), 1);
        assert_eq!(incidents[0].failing_pipeline.id, id);
        world.restart().await;
        let again = world
            .delivery
            .list_incidents(None, None, 0, None)
            .await
            .unwrap()
            .items;
        assert_eq!(again.len(), 1, "not opened twice");
    }
}
