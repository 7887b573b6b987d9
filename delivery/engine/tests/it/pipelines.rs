use rialto_delivery_engine::{DeliveryError, NewPipeline};
use rialto_delivery_run::state::Status;

use crate::world::{World, developer, person};

const TWO_STAGES: &str = "
stages: [build, test]
compile:
  stage: build
  script: [make]
unit:
  stage: test
  script: [make test]
";

#[tokio::test]
async fn a_push_makes_a_pipeline_that_runs_stage_by_stage() {
    for world in World::all().await {
        let pipeline = world.configure(TWO_STAGES).await;
        let id = pipeline.summary.id.clone();
        assert_eq!(pipeline.summary.status, Status::Pending);
        assert_eq!(
            (pipeline.summary.no, pipeline.summary.source.as_str()),
            (1, "push")
        );
        let names: Vec<&str> = pipeline.stages.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["build", "test"]);
        assert_eq!(world.pass().await, "compile");
        assert_eq!(world.status(&id).await, Status::Running);
        assert_eq!(world.pass().await, "unit");
        let done = world.view(&id).await;
        assert_eq!(done.summary.status, Status::Success);
        assert!(done.summary.finished_at.is_some() && done.summary.duration_ms.is_some());
        assert!(world.take().await.is_none());
        let project = world
            .delivery
            .project_view(&world.project.id)
            .await
            .unwrap();
        assert_eq!(project.light.state, "green");
        let check = world
            .delivery
            .evidence()
            .check(world.delivery.db())
            .await
            .unwrap();
        assert!(check.ok, "{}", check.message);
        assert!(
            check.size >= 6,
            "push, pipeline and jobs are on record: {}",
            check.size
        );
    }
}

#[tokio::test]
async fn a_failing_job_stops_the_stages_after_it() {
    for world in World::all().await {
        let id = world.configure(TWO_STAGES).await.summary.id;
        world.fail().await;
        assert_eq!(world.status(&id).await, Status::Failed);
        assert_eq!(world.job(&id, "unit").await.status, Status::Skipped);
        let compile = world.job(&id, "compile").await;
        assert_eq!(compile.failure_reason.as_deref(), Some("script_failure"));
        assert_eq!((compile.exit_code, compile.retryable), (Some(1), true));
        let detail = world
            .delivery
            .job_view(&compile.id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(detail.failing_line.unwrap().text, "error: it does not work");
    }
}

#[tokio::test]
async fn a_broken_configuration_is_a_failed_pipeline_that_says_where() {
    for world in World::all().await {
        let pipeline = world
            .configure("test:\n  script: [x]\n  scirpt: [y]\n")
            .await;
        assert_eq!(pipeline.summary.status, Status::Failed);
        assert!(pipeline.stages.is_empty());
        let error = &pipeline.summary.config_errors[0];
        assert_eq!((error.file.as_str(), error.line), (".gitlab-ci.yml", 3));
        assert!(error.message.contains("scirpt"), "{}", error.message);
        let zh = &error.text.zh;
        assert_eq!(zh, "作业 `test`：未知的键 `scirpt`；您是否想写 `script`？");
        let (actor, id) = (developer(), pipeline.summary.id.parse().unwrap());
        let retry = world.delivery.retry_pipeline(&actor, &id).await;
        assert!(matches!(retry, Err(DeliveryError::Refused { .. })));
    }
}

#[tokio::test]
async fn a_commit_that_says_so_makes_a_skipped_pipeline() {
    for world in World::all().await {
        world
            .commit("main", &[(".gitlab-ci.yml", TWO_STAGES)], "docs [skip ci]")
            .await;
        world.delivery.take_pushes(&world.project).await.unwrap();
        assert_eq!(world.newest().await.summary.status, Status::Skipped);
        assert!(world.take().await.is_none());
    }
}

#[tokio::test]
async fn a_repository_without_configuration_makes_no_pipeline() {
    for world in World::all().await {
        world
            .commit("main", &[("README.md", "hello")], "first")
            .await;
        world.delivery.take_pushes(&world.project).await.unwrap();
        assert_eq!(world.count().await, 0);
    }
}

#[tokio::test]
async fn a_newer_push_cancels_what_has_not_begun() {
    for world in World::all().await {
        let first = world.configure(TWO_STAGES).await.summary.id;
        let second = world.push("main", &[("a.txt", "x")]).await.summary.id;
        assert_ne!(first, second);
        assert_eq!(world.status(&first).await, Status::Canceled);
        let work = world.take().await.unwrap();
        assert_eq!(
            world.job(&second, "compile").await.id,
            work.assignment.job_id
        );
        let third = world.push("main", &[("a.txt", "y")]).await.summary.id;
        assert_eq!(world.status(&second).await, Status::Running, "it has begun");
        assert_eq!(world.status(&third).await, Status::Pending);
    }
}

#[tokio::test]
async fn a_person_may_start_a_pipeline_with_variables() {
    for world in World::all().await {
        let yaml = "job:\n  rules: [{if: '$WHO == \"me\"'}]\n  script: [echo $WHO]\n";
        world
            .commit("main", &[(".gitlab-ci.yml", yaml)], "rules")
            .await;
        world.delivery.take_pushes(&world.project).await.unwrap();
        assert_eq!(
            world.count().await,
            0,
            "the rule does not apply to the push"
        );
        let mut new = NewPipeline {
            ref_name: "main".into(),
            variables: [("WHO".to_owned(), "me".to_owned())].into(),
        };
        let id = world
            .delivery
            .create_pipeline(&developer(), &world.project.id, &new)
            .await
            .unwrap();
        let view = world.view(id.as_str()).await;
        assert_eq!(view.summary.source, "api");
        let work = world.take().await.unwrap();
        assert_eq!(work.value("WHO"), Some("me"));
        new.ref_name = "absent".into();
        let refused = world
            .delivery
            .create_pipeline(&developer(), &world.project.id, &new)
            .await;
        assert!(matches!(refused, Err(DeliveryError::Invalid { .. })));
        let auditor = person("aud", &[rialto_platform_identity::Role::Auditor]);
        let denied = world
            .delivery
            .create_pipeline(&auditor, &world.project.id, &new)
            .await;
        assert!(matches!(denied, Err(DeliveryError::Denied(_))));
    }
}

#[tokio::test]
async fn predefined_variables_tell_the_job_where_it_is() {
    for world in World::all().await {
        let pipeline = world
            .configure("variables: {A: \"$CI_COMMIT_BRANCH-x\", HOME2: $CI_PROJECT_DIR/h}\njob: {script: [x]}\n")
            .await;
        let work = world.take().await.unwrap();
        assert_eq!(
            work.value("CI_COMMIT_SHA"),
            Some(pipeline.summary.sha.as_str())
        );
        assert_eq!(work.value("CI_COMMIT_BRANCH"), Some("main"));
        assert_eq!(work.value("CI_COMMIT_REF_PROTECTED"), Some("true"));
        assert_eq!(work.value("CI_PIPELINE_IID"), Some("1"));
        assert_eq!(work.value("CI_JOB_NAME"), Some("job"));
        // The pages of the console.
        for (name, page) in [
            ("CI_JOB_URL", format!("/delivery/jobs/{}", work.id)),
            (
                "CI_PIPELINE_URL",
                format!("/delivery/pipelines/{}", pipeline.summary.id),
            ),
            (
                "CI_PROJECT_URL",
                format!("/delivery/projects/{}", world.project.id),
            ),
        ] {
            let url = work.value(name).unwrap();
            assert!(
                url.starts_with("http") && url.ends_with(&page),
                "{name} {url}"
            );
        }
        assert_eq!(work.value("A"), Some("main-x"));
        assert_eq!(
            work.value("HOME2"),
            Some("${CI_PROJECT_DIR}/h"),
            "left to the runner"
        );
        assert_eq!(work.value("CI_COMMIT_TAG"), None);
        assert!(work.variable("CI_JOB_TOKEN").unwrap().masked);
        let token = work.value("CI_JOB_TOKEN").unwrap();
        let own = |path: &'static str| world.delivery.is_job_token(path, token);
        assert!(own("sample/quote").await.unwrap());
        assert!(!own("sample/other").await.unwrap());
        world.pass_work(&work).await;
        assert!(
            !own("sample/quote").await.unwrap(),
            "the token ends with the job"
        );
    }
}

#[tokio::test]
async fn pages_of_pipelines_join_without_gap_or_double() {
    for world in World::all().await {
        for n in 0..5 {
            let file = format!("job{n}: {{script: [x]}}\n");
            world.configure(&file).await;
        }
        let mut seen = Vec::new();
        let mut page = None;
        loop {
            let query = rialto_delivery_engine::PipelineQuery {
                project_id: Some(world.project.id.clone()),
                page_size: 2,
                page: page.take(),
                ..Default::default()
            };
            let list = world.delivery.list_pipelines(&query).await.unwrap();
            seen.extend(list.items.iter().map(|p| p.no));
            page = list.next;
            if page.is_none() {
                break;
            }
        }
        assert_eq!(seen, [5, 4, 3, 2, 1]);
    }
}

#[tokio::test]
async fn a_protected_branch_is_needed_for_protected_variables() {
    for world in World::all().await {
        let input = rialto_delivery_engine::VariableInput {
            value: "very-secret".into(),
            masked: true,
            protected: true,
            file: false,
            environment_scope: "*".into(),
        };
        let delivery = &world.delivery;
        delivery
            .put_variable(&developer(), &world.project.id, "TOKEN", &input)
            .await
            .unwrap();
        let shown = delivery
            .variables(&developer(), &world.project.id)
            .await
            .unwrap();
        assert_eq!(
            (shown[0].key.as_str(), shown[0].value.as_deref()),
            ("TOKEN", None)
        );
        world.configure("job: {script: [x]}\n").await;
        let work = world.take().await.unwrap();
        let token = work.variable("TOKEN").unwrap();
        assert!(token.masked && token.value == "very-secret");
        world.pass_work(&work).await;
        world
            .push("topic", &[(".gitlab-ci.yml", "job: {script: [x]}\n")])
            .await;
        assert!(world.take().await.unwrap().variable("TOKEN").is_none());
    }
}

#[tokio::test]
async fn the_sample_house_is_loaded_once() {
    for world in World::all().await {
        let identity = world.identity();
        for _ in 0..2 {
            let house = rialto_delivery_engine::sample::load(&world.delivery, &identity).await;
            let house = house.unwrap();
            assert!(house.projects.contains(&"sample/quote-service".to_owned()));
            assert_eq!(house.users.len(), 4);
            assert_eq!(
                world.count().await,
                house.projects.len(),
                "one pipeline each"
            );
        }
        let newest = world.newest().await.summary;
        assert!(
            newest.config_errors.is_empty(),
            "{:?}",
            newest.config_errors
        );
    }
}

#[tokio::test]
async fn a_configuration_that_can_never_be_read_is_a_failed_pipeline_that_says_why() {
    for world in World::all().await {
        let huge = "#".repeat(5 << 20);
        let pipeline = world.configure(&huge).await;
        assert_eq!(pipeline.summary.status, Status::Failed);
        let error = &pipeline.summary.config_errors[0];
        assert_eq!(error.file, ".gitlab-ci.yml");
        assert!(error.message.contains("larger than 2 MiB"));
        let folder = [(".gitlab-ci.yml/x", "a: 1")];
        let pipeline = world.push("beside", &folder).await;
        assert_eq!(pipeline.summary.status, Status::Failed);
        assert!(pipeline.summary.config_errors[0].message.contains("folder"));
    }
}

#[tokio::test]
async fn comparing_with_a_ref_that_does_not_exist_is_a_configuration_error() {
    let rules = |base: &str| {
        format!(
            "job:\n  script: [x]\n  rules:\n    - changes: {{paths: [a.txt], compare_to: {base}}}\n\
             other: {{script: [x]}}\n"
        )
    };
    for world in World::all().await {
        let refused = world.configure(&rules("nowhere")).await;
        let error = &refused.summary.config_errors[0];
        assert!(error.message.contains("`nowhere`"), "{}", error.message);
        for base in ["main", refused.summary.sha.as_str()] {
            let made = world.configure(&rules(base)).await.summary;
            assert!(made.config_errors.is_empty(), "{:?}", made.config_errors);
        }
    }
}
