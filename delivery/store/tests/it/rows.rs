use rialto_delivery_run::state::Status;
use rialto_delivery_store::ids::{JobId, PipelineId, ProjectId};
use rialto_delivery_store::job::JobRow;
use rialto_delivery_store::pipeline::{PipelineFilter, PipelineRow};
use rialto_delivery_store::project::{Number, ProjectRow};
use rialto_delivery_store::{MIGRATIONS, job, pipeline, project, push};
use rialto_platform_store::testing::engines;
use rialto_platform_store::{Tx, new_id};

pub fn project_row() -> ProjectRow {
    ProjectRow {
        id: new_id(),
        namespace: "sample".into(),
        name: "quote".into(),
        path: "sample/quote".into(),
        title: "Quote".into(),
        description: String::new(),
        default_branch: "main".into(),
        timeout_s: 3600,
        last_pipeline_no: 0,
        last_incident_no: 0,
        last_release_no: 0,
        last_deployment_no: 0,
        created_at: 1,
        version: 1,
    }
}

fn pipeline_row(project: &ProjectId, no: i64, status: Status) -> PipelineRow {
    PipelineRow {
        id: new_id::<PipelineId>(),
        no,
        project_id: project.clone(),
        project_path: "sample/quote".into(),
        ref_name: "main".into(),
        is_tag: false,
        protected_ref: true,
        sha: "a".repeat(40),
        before_sha: "0".repeat(40),
        title: "first".into(),
        author_name: "Lin".into(),
        author_email: "lin@example.test".into(),
        source: "push".into(),
        status: status.into(),
        has_warnings: false,
        config_errors: "[]".into(),
        push_event_id: None,
        trigger_user_id: None,
        trigger_user_name: None,
        pushed_at: None,
        created_at: no * 10,
        started_at: None,
        finished_at: None,
        duration_ms: None,
        queued_ms: None,
        verdict_id: None,
        incident_id: None,
        release_id: None,
        unsettled: false,
        version: 1,
    }
}

fn job_row(pipeline: &PipelineRow, index: i64) -> JobRow {
    JobRow {
        id: new_id::<JobId>(),
        pipeline_id: pipeline.id.clone(),
        project_id: pipeline.project_id.clone(),
        plan_index: index,
        attempt: 1,
        superseded: false,
        name: format!("job {index}"),
        stage: "test".into(),
        status: Status::Pending.into(),
        when_word: "on_success".into(),
        allow_failure: false,
        needs: None,
        played: false,
        awaits_approval: false,
        managed: false,
        failure_reason: None,
        failure_message: None,
        exit_code: None,
        tags: "[]".into(),
        queue_class: 2,
        resource_group: None,
        environment: None,
        environment_action: None,
        deployment_id: None,
        timeout_s: 3600,
        run_at: None,
        created_at: 5,
        queued_at: Some(5),
        started_at: None,
        finished_at: None,
        runner_id: None,
        runner_name: None,
        lease: None,
        lease_renewed_at: None,
        coverage: None,
        log_bytes: 0,
        log_sha256: None,
        failing_line: None,
        isolation: "[]".into(),
        notes: "[]".into(),
        dotenv: "[]".into(),
        played_by: None,
        version: 1,
    }
}

async fn with_pipeline(tx: &mut Tx<'_>) -> (ProjectRow, PipelineRow) {
    let project = project_row();
    project::insert(tx, &project).await.unwrap();
    let row = pipeline_row(&project.id, 1, Status::Running);
    pipeline::insert(tx, &row).await.unwrap();
    (project, row)
}

#[tokio::test]
async fn a_pipeline_and_its_jobs_come_back_as_they_were_written() {
    for db in engines(&[MIGRATIONS]).await {
        let mut tx = db.begin().await.unwrap();
        let (project, row) = with_pipeline(&mut tx).await;
        let mut first = job_row(&row, 0);
        job::insert(&mut tx, &first).await.unwrap();
        first.status = Status::Running.into();
        first.lease = Some("secret".into());
        first.lease_renewed_at = Some(7);
        first.version = job::update(&mut tx, &first).await.unwrap();
        assert!(job::renew(&mut tx, &first.id, "secret", 9).await.unwrap());
        assert!(!job::renew(&mut tx, &first.id, "other", 9).await.unwrap());
        first.lease_renewed_at = Some(9);
        tx.commit().await.unwrap();

        assert_eq!(
            pipeline::find(&mut &*db, &row.id).await.unwrap(),
            Some(row.clone())
        );
        assert_eq!(
            job::current(&mut &*db, &row.id).await.unwrap(),
            [first.clone()]
        );
        assert_eq!(job::lost(&mut &*db, 10).await.unwrap(), [first]);
        assert_eq!(
            project::find_by_path(&mut &*db, "sample/quote")
                .await
                .unwrap(),
            Some(project)
        );
    }
}

#[tokio::test]
async fn pipelines_are_listed_newest_first_page_by_page() {
    for db in engines(&[MIGRATIONS]).await {
        let mut tx = db.begin().await.unwrap();
        let project = project_row();
        project::insert(&mut tx, &project).await.unwrap();
        for _ in 0..5 {
            let no = project::next_no(&mut tx, &project.id, Number::Pipeline)
                .await
                .unwrap();
            let status = if no == 3 {
                Status::Failed
            } else {
                Status::Success
            };
            pipeline::insert(&mut tx, &pipeline_row(&project.id, no, status))
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        let mut filter = PipelineFilter::default();
        let first = pipeline::list(&mut &*db, &filter, 3).await.unwrap();
        assert_eq!(first.iter().map(|p| p.no).collect::<Vec<_>>(), [5, 4, 3]);
        filter.before = first.last().map(|p| (p.created_at, p.id.to_string()));
        let rest = pipeline::list(&mut &*db, &filter, 3).await.unwrap();
        assert_eq!(rest.iter().map(|p| p.no).collect::<Vec<_>>(), [2, 1]);
        for project in [None, Some(project.id.clone())] {
            for ref_name in [None, Some("main".to_owned())] {
                let status = Some("failed".to_owned());
                let filter = PipelineFilter {
                    project: project.clone(),
                    ref_name,
                    status,
                    before: None,
                };
                let failed = pipeline::list(&mut &*db, &filter, 9).await.unwrap();
                assert_eq!(failed.iter().map(|p| p.no).collect::<Vec<_>>(), [3]);
            }
        }
        let newest = &first[0];
        let green =
            pipeline::newest_green(&mut &*db, &project.id, "main", "b", newest.created_at - 1)
                .await;
        assert_eq!(green.unwrap().map(|p| p.no), Some(4));
    }
}

#[tokio::test]
async fn the_queue_lists_waiting_jobs_with_their_projects_load() {
    for db in engines(&[MIGRATIONS]).await {
        let mut tx = db.begin().await.unwrap();
        let (_, row) = with_pipeline(&mut tx).await;
        for index in 0..3 {
            let mut each = job_row(&row, index);
            each.queue_class = 3 - index;
            job::insert(&mut tx, &each).await.unwrap();
            if index == 0 {
                each.status = Status::Running.into();
                job::update(&mut tx, &each).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
        let queue = job::queue(&mut &*db, 10).await.unwrap();
        let order: Vec<(i64, i64)> = queue.iter().map(|q| (q.queue_class, q.running)).collect();
        assert_eq!(order, [(1, 1), (2, 1)]);
    }
}

#[tokio::test]
async fn a_ref_and_a_push_are_known_once() {
    for db in engines(&[MIGRATIONS]).await {
        let mut tx = db.begin().await.unwrap();
        let project = project_row();
        project::insert(&mut tx, &project).await.unwrap();
        push::set_ref(&mut tx, &project.id, "refs/heads/main", Some("a"), 1)
            .await
            .unwrap();
        push::set_ref(&mut tx, &project.id, "refs/heads/main", Some("b"), 2)
            .await
            .unwrap();
        push::set_ref(&mut tx, &project.id, "refs/heads/gone", Some("c"), 2)
            .await
            .unwrap();
        push::set_ref(&mut tx, &project.id, "refs/heads/gone", None, 3)
            .await
            .unwrap();
        let event = push::PushEventRow {
            id: new_id(),
            project_id: project.id.clone(),
            push_id: "p1".into(),
            ref_name: "refs/heads/main".into(),
            old_sha: "a".into(),
            new_sha: "b".into(),
            pusher_id: "u".into(),
            pusher_login: "lin".into(),
            pusher_name: "Lin".into(),
            pusher_email: "lin@example.test".into(),
            options: "[]".into(),
            pushed_at: 2,
            handled_at: None,
        };
        assert!(push::insert(&mut tx, &event).await.unwrap());
        let again = push::PushEventRow {
            id: new_id(),
            ..event.clone()
        };
        assert!(!push::insert(&mut tx, &again).await.unwrap());
        let refs = push::refs(&mut tx, &project.id).await.unwrap();
        assert_eq!(
            refs.iter().map(|r| r.sha.as_str()).collect::<Vec<_>>(),
            ["b"]
        );
        let found = push::newest_of_sha(&mut tx, &project.id, "b")
            .await
            .unwrap();
        assert_eq!(found, Some(event));
    }
}
