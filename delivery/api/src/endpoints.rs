//! Who may call what.

use rialto_platform_identity::Permission;
use rialto_platform_identity::Permission::{
    DeliveryRead, DeploymentApprove, DeploymentCancel, EnvironmentRollBack, GateRuleManage,
    PipelineRun, ProjectCreate, RunnerWork, VariableManage,
};
use rialto_platform_web::{Access, Endpoint};

const fn line(method: &'static str, path: &'static str, permission: Permission) -> Endpoint {
    Endpoint::new(method, path, Access::Needs(permission))
}

/// How git proves who it is: its requests carry HTTP Basic, whose password is a token.
const GIT: Access = Access::Own("an API token or a job's token as password of HTTP Basic");

/// Every endpoint of this interface.
pub const ENDPOINTS: &[Endpoint] = &[
    line("GET", "/api/delivery/v1/projects", DeliveryRead),
    line("POST", "/api/delivery/v1/projects", ProjectCreate),
    line("GET", "/api/delivery/v1/projects/{id}", DeliveryRead),
    line(
        "GET",
        "/api/delivery/v1/projects/{id}/variables",
        VariableManage,
    ),
    line(
        "PUT",
        "/api/delivery/v1/projects/{id}/variables/{key}",
        VariableManage,
    ),
    line(
        "DELETE",
        "/api/delivery/v1/projects/{id}/variables/{key}",
        VariableManage,
    ),
    line(
        "GET",
        "/api/delivery/v1/projects/{id}/gate-rules",
        DeliveryRead,
    ),
    line(
        "PUT",
        "/api/delivery/v1/projects/{id}/gate-rules",
        GateRuleManage,
    ),
    line(
        "POST",
        "/api/delivery/v1/projects/{id}/pipelines",
        PipelineRun,
    ),
    line("GET", "/api/delivery/v1/pipelines", DeliveryRead),
    line("GET", "/api/delivery/v1/pipelines/{id}", DeliveryRead),
    line(
        "POST",
        "/api/delivery/v1/pipelines/{id}/cancel",
        PipelineRun,
    ),
    line("POST", "/api/delivery/v1/pipelines/{id}/retry", PipelineRun),
    line(
        "GET",
        "/api/delivery/v1/pipelines/{id}/test-report",
        DeliveryRead,
    ),
    line(
        "GET",
        "/api/delivery/v1/pipelines/{id}/coverage-report",
        DeliveryRead,
    ),
    line(
        "GET",
        "/api/delivery/v1/pipelines/{id}/verdict",
        DeliveryRead,
    ),
    line("GET", "/api/delivery/v1/verdicts/{id}", DeliveryRead),
    line("GET", "/api/delivery/v1/jobs/{id}", DeliveryRead),
    line("POST", "/api/delivery/v1/jobs/{id}/play", PipelineRun),
    line("POST", "/api/delivery/v1/jobs/{id}/retry", PipelineRun),
    line("POST", "/api/delivery/v1/jobs/{id}/cancel", PipelineRun),
    line("GET", "/api/delivery/v1/jobs/{id}/log", DeliveryRead),
    line("GET", "/api/delivery/v1/jobs/{id}/log/lines", DeliveryRead),
    line("GET", "/api/delivery/v1/jobs/{id}/log/search", DeliveryRead),
    line(
        "GET",
        "/api/delivery/v1/jobs/{id}/log/sections",
        DeliveryRead,
    ),
    line(
        "GET",
        "/api/delivery/v1/jobs/{id}/artifacts/{kind}",
        DeliveryRead,
    ),
    line("GET", "/api/delivery/v1/incidents", DeliveryRead),
    line("GET", "/api/delivery/v1/incidents/{id}", DeliveryRead),
    line("GET", "/api/delivery/v1/environments", DeliveryRead),
    line("GET", "/api/delivery/v1/environments/{id}", DeliveryRead),
    line(
        "POST",
        "/api/delivery/v1/environments/{id}/rollback",
        EnvironmentRollBack,
    ),
    line("GET", "/api/delivery/v1/releases", DeliveryRead),
    line("GET", "/api/delivery/v1/releases/{id}", DeliveryRead),
    line(
        "GET",
        "/api/delivery/v1/releases/{id}/evidence-bundle",
        DeliveryRead,
    )
    .slow(),
    line("GET", "/api/delivery/v1/deployments", DeliveryRead),
    line("GET", "/api/delivery/v1/deployments/{id}", DeliveryRead),
    line(
        "POST",
        "/api/delivery/v1/deployments/{id}/approve",
        DeploymentApprove,
    ),
    line(
        "POST",
        "/api/delivery/v1/deployments/{id}/reject",
        DeploymentApprove,
    ),
    line(
        "POST",
        "/api/delivery/v1/deployments/{id}/cancel",
        DeploymentCancel,
    ),
    line("GET", "/api/delivery/v1/events", DeliveryRead),
    line("POST", "/api/delivery/v1/runner/jobs/request", RunnerWork),
    line(
        "PATCH",
        "/api/delivery/v1/runner/jobs/{id}/trace",
        RunnerWork,
    ),
    line(
        "POST",
        "/api/delivery/v1/runner/jobs/{id}/renew",
        RunnerWork,
    ),
    line(
        "POST",
        "/api/delivery/v1/runner/jobs/{id}/files",
        RunnerWork,
    )
    .slow(),
    line("PUT", "/api/delivery/v1/runner/jobs/{id}", RunnerWork),
    line("GET", "/api/delivery/v1/runner/artifacts/{id}", RunnerWork).slow(),
    Endpoint::new("GET", "/git/{namespace}/{repository}/info/refs", GIT),
    Endpoint::new("POST", "/git/{namespace}/{repository}/git-upload-pack", GIT).slow(),
    Endpoint::new(
        "POST",
        "/git/{namespace}/{repository}/git-receive-pack",
        GIT,
    )
    .slow(),
];
