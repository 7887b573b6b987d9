//! Values for unit tests.

use rialto_delivery_pipeline::plan::{
    AllowFailure, Environment, EnvironmentAction, PlannedJob, Position, Retry, When,
};
use rialto_delivery_run::state::Status;
use rialto_delivery_store::job::JobRow;
use rialto_platform_store::new_id;

pub fn job_row() -> JobRow {
    JobRow {
        id: new_id(),
        pipeline_id: new_id(),
        project_id: new_id(),
        plan_index: 0,
        attempt: 1,
        superseded: false,
        name: "job".into(),
        stage: "test".into(),
        status: Status::Success.into(),
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
        created_at: 0,
        queued_at: None,
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

pub fn planned_job(name: &str, stage: &str) -> PlannedJob {
    PlannedJob {
        name: name.into(),
        base_name: name.into(),
        stage: stage.into(),
        when: When::OnSuccess,
        start_in_s: None,
        allow_failure: AllowFailure::No,
        needs: None,
        dependencies: None,
        before_script: Vec::new(),
        script: vec!["true".into()],
        after_script: Vec::new(),
        variables: indexmap::IndexMap::new(),
        image: None,
        services: Vec::new(),
        artifacts: None,
        cache: Vec::new(),
        retry: Retry::default(),
        timeout_s: None,
        tags: Vec::new(),
        interruptible: false,
        resource_group: None,
        environment: None,
        coverage: None,
        node: None,
        origin: Position::default(),
    }
}

pub fn environment(name: &str) -> Environment {
    Environment {
        name: name.into(),
        url: None,
        action: EnvironmentAction::Start,
        on_stop: None,
        deployment_tier: None,
        auto_stop_in_s: None,
    }
}
