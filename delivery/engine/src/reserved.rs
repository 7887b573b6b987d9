//! Names of variables that only the platform gives values to.
//!
//! GitLab lets a variable of a project or of a pipeline replace any predefined one. Here the ones
//! that say who runs what, for whom and out of which commit are refused from outside: jobs,
//! reports and evidence go by them, and a job's token is what its identity hangs on. A pipeline
//! file may still replace them for its own jobs, as in GitLab: that is a change somebody reviewed.

use crate::DeliveryError;

/// The names; one with `*` at its end stands for all that begin so.
pub const RESERVED: &[&str] = &[
    "CI",
    "GITLAB_CI",
    "CI_API_*",
    "CI_BUILDS_DIR",
    "CI_COMMIT_*",
    "CI_CONCURRENT_*",
    "CI_CONFIG_PATH",
    "CI_DEFAULT_BRANCH",
    "CI_DEPLOY_FREEZE",
    "CI_ENVIRONMENT_*",
    "CI_JOB_*",
    "CI_MERGE_REQUEST_*",
    "CI_NODE_*",
    "CI_PIPELINE_*",
    "CI_PROJECT_*",
    "CI_REPOSITORY_URL",
    "CI_RUNNER_*",
    "CI_SERVER",
    "CI_SERVER_*",
    "GITLAB_USER_*",
];

/// Whether only the platform sets it.
pub(crate) fn is_reserved(key: &str) -> bool {
    RESERVED.iter().any(|name| match name.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => key == *name,
    })
}

/// Refuses a name that only the platform sets.
pub(crate) fn refuse_reserved(pointer: impl Into<String>, key: &str) -> Result<(), DeliveryError> {
    if !is_reserved(key) {
        return Ok(());
    }
    let message = format!(
        "`{key}` is set by Rialto for every job and cannot be set from outside, because it says \
         who runs what and out of which commit; reserved are {}",
        RESERVED.join(", ")
    );
    Err(DeliveryError::Invalid {
        pointer: pointer.into(),
        code: "reserved_name",
        message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_identity_and_provenance_are_reserved_and_their_neighbours_are_not() {
        for key in [
            "CI",
            "CI_JOB_TOKEN",
            "CI_COMMIT_SHA",
            "GITLAB_USER_EMAIL",
            "CI_PROJECT_ID",
        ] {
            assert!(is_reserved(key), "{key}");
        }
        for key in [
            "CI_REGISTRY_USER",
            "CI_DEBUG_TRACE",
            "CIRCLE",
            "ci_job_token",
            "MY_CI_JOB_ID",
        ] {
            assert!(!is_reserved(key), "{key}");
        }
    }
}
