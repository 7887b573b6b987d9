//! Predefined variables (specification §4.6).

use indexmap::IndexMap;
use rialto_delivery_git::CommitInfo;
use rialto_delivery_pipeline::plan::PlannedJob;
use rialto_delivery_pipeline::variables::{environment_slug, slug};
use rialto_delivery_store::job::JobRow;
use rialto_delivery_store::pipeline::PipelineRow;
use rialto_delivery_store::project::ProjectRow;
use serde::{Deserialize, Serialize};

use crate::DeliverySettings;
use crate::runner::job_token;

/// Who is behind a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerPerson {
    /// User id.
    pub id: String,
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// E-mail.
    pub email: String,
}

/// What the variables before creation are made from.
pub(crate) struct Before<'a> {
    pub settings: &'a DeliverySettings,
    pub project: &'a ProjectRow,
    pub commit: &'a CommitInfo,
    pub ref_name: &'a str,
    pub is_tag: bool,
    pub protected: bool,
    pub before_sha: &'a str,
    pub source: &'a str,
    pub created_at: jiff::Timestamp,
    pub no: i64,
    pub pipeline_id: &'a str,
    pub person: &'a TriggerPerson,
}

type Variables = IndexMap<String, String>;

fn put(into: &mut Variables, key: &str, value: impl Into<String>) {
    into.insert(key.to_owned(), value.into());
}

/// Second precision, as GitLab writes times.
fn seconds(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Variables that exist before a pipeline and hold for all its jobs.
pub(crate) fn before_creation(b: &Before<'_>) -> Variables {
    let mut v = Variables::new();
    put(&mut v, "CI", "true");
    put(&mut v, "GITLAB_CI", "true");
    put(&mut v, "CI_PIPELINE_SOURCE", b.source);
    put(&mut v, "CI_PIPELINE_CREATED_AT", seconds(b.created_at));
    put(&mut v, "CI_PIPELINE_ID", b.pipeline_id);
    put(&mut v, "CI_PIPELINE_IID", b.no.to_string());
    put(
        &mut v,
        "CI_PIPELINE_URL",
        format!(
            "{}/delivery/pipelines/{}",
            b.settings.public_url, b.pipeline_id
        ),
    );
    put(&mut v, "CI_CONFIG_PATH", ".gitlab-ci.yml");
    put(
        &mut v,
        "CI_DEFAULT_BRANCH",
        b.project.default_branch.as_str(),
    );
    server(&mut v, b.settings);
    project(&mut v, b);
    commit(&mut v, b);
    put(&mut v, "GITLAB_USER_ID", b.person.id.as_str());
    put(&mut v, "GITLAB_USER_LOGIN", b.person.login.as_str());
    put(&mut v, "GITLAB_USER_NAME", b.person.name.as_str());
    put(&mut v, "GITLAB_USER_EMAIL", b.person.email.as_str());
    v
}

fn server(v: &mut Variables, settings: &DeliverySettings) {
    let url = settings.public_url.as_str();
    let (protocol, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split('/').next().unwrap_or(rest);
    let default_port = if protocol == "https" { "443" } else { "80" };
    let (host, port) = authority
        .rsplit_once(':')
        .unwrap_or((authority, default_port));
    put(v, "CI_API_V4_URL", format!("{url}/api/v4"));
    put(v, "CI_SERVER_URL", url);
    put(v, "CI_SERVER_HOST", host);
    put(v, "CI_SERVER_PORT", port);
    put(v, "CI_SERVER_PROTOCOL", protocol);
    put(v, "CI_SERVER_FQDN", authority);
    put(v, "CI_SERVER_NAME", "Rialto");
    put(v, "CI_SERVER_VERSION", settings.version.as_str());
    let mut parts = settings.version.split(['.', '-']);
    for key in [
        "CI_SERVER_VERSION_MAJOR",
        "CI_SERVER_VERSION_MINOR",
        "CI_SERVER_VERSION_PATCH",
    ] {
        put(v, key, parts.next().unwrap_or("0"));
    }
    put(v, "CI_SERVER_REVISION", settings.version.as_str());
}

fn project(v: &mut Variables, b: &Before<'_>) {
    let project = b.project;
    put(v, "CI_PROJECT_ID", project.id.as_str());
    put(v, "CI_PROJECT_NAME", project.name.as_str());
    put(v, "CI_PROJECT_TITLE", project.title.as_str());
    put(v, "CI_PROJECT_PATH", project.path.as_str());
    put(v, "CI_PROJECT_PATH_SLUG", slug(&project.path));
    put(v, "CI_PROJECT_NAMESPACE", project.namespace.as_str());
    put(v, "CI_PROJECT_NAMESPACE_ID", project.namespace.as_str());
    put(v, "CI_PROJECT_ROOT_NAMESPACE", project.namespace.as_str());
    put(
        v,
        "CI_PROJECT_URL",
        format!("{}/delivery/projects/{}", b.settings.public_url, project.id),
    );
    put(v, "CI_PROJECT_VISIBILITY", "internal");
    put(v, "CI_PROJECT_DESCRIPTION", project.description.as_str());
}

fn commit(v: &mut Variables, b: &Before<'_>) {
    let commit = b.commit;
    put(v, "CI_COMMIT_SHA", commit.sha.as_str());
    put(v, "CI_COMMIT_SHORT_SHA", short_sha(&commit.sha));
    put(v, "CI_COMMIT_BEFORE_SHA", b.before_sha);
    put(v, "CI_COMMIT_REF_NAME", b.ref_name);
    put(v, "CI_COMMIT_REF_SLUG", slug(b.ref_name));
    put(
        v,
        "CI_COMMIT_REF_PROTECTED",
        if b.protected { "true" } else { "false" },
    );
    put(v, "CI_COMMIT_TITLE", commit.title());
    put(v, "CI_COMMIT_MESSAGE", commit.message.as_str());
    let description = commit.message.split_once('\n').map_or("", |(_, rest)| rest);
    put(
        v,
        "CI_COMMIT_DESCRIPTION",
        description.trim_start_matches('\n'),
    );
    put(
        v,
        "CI_COMMIT_AUTHOR",
        format!("{} <{}>", commit.author_name, commit.author_email),
    );
    let at = jiff::Timestamp::from_second(commit.committed_at);
    put(
        v,
        "CI_COMMIT_TIMESTAMP",
        at.map(seconds).unwrap_or_default(),
    );
    let key = if b.is_tag {
        "CI_COMMIT_TAG"
    } else {
        "CI_COMMIT_BRANCH"
    };
    put(v, key, b.ref_name);
}

/// First eight digits of a commit id.
pub(crate) fn short_sha(sha: &str) -> &str {
    sha.get(..8).unwrap_or(sha)
}

/// Variables of one job at creation and at start.
pub(crate) fn of_job(
    settings: &DeliverySettings,
    pipeline: &PipelineRow,
    planned: &PlannedJob,
    row: &JobRow,
) -> Variables {
    let mut v = Variables::new();
    put(&mut v, "CI_SERVER", "yes");
    put(&mut v, "CI_JOB_ID", row.id.as_str());
    put(&mut v, "CI_JOB_NAME", row.name.as_str());
    put(&mut v, "CI_JOB_NAME_SLUG", slug(&row.name));
    put(&mut v, "CI_JOB_STAGE", row.stage.as_str());
    put(
        &mut v,
        "CI_JOB_URL",
        format!("{}/delivery/jobs/{}", settings.public_url, row.id),
    );
    put(&mut v, "CI_JOB_TIMEOUT", row.timeout_s.to_string());
    if row.when_word == "manual" {
        put(&mut v, "CI_JOB_MANUAL", "true");
    }
    if let Some(image) = &planned.image {
        put(&mut v, "CI_JOB_IMAGE", image.as_str());
    }
    if let Some(at) = row
        .started_at
        .and_then(|at| jiff::Timestamp::from_microsecond(at).ok())
    {
        put(&mut v, "CI_JOB_STARTED_AT", seconds(at));
    }
    if let Some((index, total)) = planned.node {
        put(&mut v, "CI_NODE_INDEX", index.to_string());
        put(&mut v, "CI_NODE_TOTAL", total.to_string());
    } else {
        put(&mut v, "CI_NODE_TOTAL", "1");
    }
    if let Some(lease) = &row.lease {
        let token = job_token(&row.id, lease);
        let url = repository_url(settings, &pipeline.project_path, Some(&token));
        put(&mut v, "CI_REPOSITORY_URL", url);
        put(&mut v, "CI_JOB_TOKEN", token);
    }
    if let Some(name) = &row.runner_name {
        put(&mut v, "CI_RUNNER_DESCRIPTION", name.as_str());
        put(
            &mut v,
            "CI_RUNNER_ID",
            row.runner_id.clone().unwrap_or_default(),
        );
    }
    if let Some(environment) = &planned.environment {
        put(&mut v, "CI_ENVIRONMENT_NAME", environment.name.as_str());
        put(
            &mut v,
            "CI_ENVIRONMENT_SLUG",
            environment_slug(&environment.name),
        );
        if let Some(url) = &environment.url {
            put(&mut v, "CI_ENVIRONMENT_URL", url.as_str());
        }
        if let Some(tier) = &environment.deployment_tier {
            put(&mut v, "CI_ENVIRONMENT_TIER", tier.as_str());
        }
        let action = serde_json::to_value(environment.action).ok();
        if let Some(action) = action.as_ref().and_then(serde_json::Value::as_str) {
            put(&mut v, "CI_ENVIRONMENT_ACTION", action);
        }
    }
    v
}

/// Clone address of a project, with a job token inside when given.
pub(crate) fn repository_url(
    settings: &DeliverySettings,
    project_path: &str,
    token: Option<&str>,
) -> String {
    let url = settings.public_url.as_str();
    match (token, url.split_once("://")) {
        (Some(token), Some((protocol, rest))) => {
            format!("{protocol}://job:{token}@{rest}/git/{project_path}.git")
        }
        _ => format!("{url}/git/{project_path}.git"),
    }
}
