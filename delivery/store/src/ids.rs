//! Typed ids of delivery.

use rialto_kernel::define_id;

define_id!(
    ProjectId,
    GateRuleSetId,
    PushEventId,
    PipelineId,
    JobId,
    ArtifactId,
    RunnerId,
    ReportFileId,
    VerdictId,
    IncidentId,
    EnvironmentId,
    ReleaseId,
    DeploymentId,
    ApprovalId,
);
