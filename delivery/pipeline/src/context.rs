//! What a compilation is given from outside.

use indexmap::IndexMap;

/// The files of the commit a pipeline is made for.
pub trait Repository {
    /// The bytes of a file by its path from the root (no leading `/`); `None`: there is none.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// All files, for `include` patterns and `rules:exists`. Asked at most once, only when needed.
    fn list(&self) -> Vec<String>;

    /// Paths this pipeline's commits changed: against `compare_to` when given, otherwise against
    /// what the event compares with. `None`: not known, so `rules:changes` counts as true.
    fn changed_paths(&self, compare_to: Option<&str>) -> Option<Vec<String>>;

    /// Whether a branch, tag or commit of this name exists; a repository that cannot tell says yes.
    fn has_ref(&self, name: &str) -> bool {
        let _ = name;
        true
    }

    /// Why [`Repository::read`] gives nothing although something stands at this path, to follow the
    /// path in a message: `is a folder, not a file`. `None`: there is nothing, or no more is known.
    fn unreadable(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }

    /// Size of a file in bytes, so that a huge one is refused before it is read.
    fn size(&self, path: &str) -> Option<u64> {
        let _ = path;
        None
    }
}

/// The event a pipeline is made for.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// `CI_PIPELINE_SOURCE`, e.g. `push` or `merge_request_event`.
    pub source: String,
    /// Predefined, project and pipeline variables that are known before the pipeline exists.
    /// `CI_COMMIT_TAG`, `CI_COMMIT_BRANCH` and `CI_COMMIT_REF_NAME` say what the ref is. Names of
    /// the predefined set are overridden by the file; all others override the file.
    pub variables: IndexMap<String, String>,
    /// Path of the pipeline file; empty means `.gitlab-ci.yml`.
    pub config_path: String,
    /// The jobs run on this machine without a server (`rialto ci`), so that what only a server
    /// carries out is told to have no effect.
    pub local: bool,
}

impl Context {
    /// The path of the pipeline file.
    #[must_use]
    pub fn path(&self) -> &str {
        if self.config_path.is_empty() {
            ".gitlab-ci.yml"
        } else {
            &self.config_path
        }
    }
}

/// Names of §4.6 that exist before a pipeline is created, `CI_MERGE_REQUEST_…` apart; sorted.
const PREDEFINED: &[&str] = &[
    "CI",
    "CI_API_GRAPHQL_URL",
    "CI_API_V4_URL",
    "CI_BUILDS_DIR",
    "CI_COMMIT_AUTHOR",
    "CI_COMMIT_BEFORE_SHA",
    "CI_COMMIT_BRANCH",
    "CI_COMMIT_DESCRIPTION",
    "CI_COMMIT_MESSAGE",
    "CI_COMMIT_REF_NAME",
    "CI_COMMIT_REF_PROTECTED",
    "CI_COMMIT_REF_SLUG",
    "CI_COMMIT_SHA",
    "CI_COMMIT_SHORT_SHA",
    "CI_COMMIT_TAG",
    "CI_COMMIT_TAG_MESSAGE",
    "CI_COMMIT_TIMESTAMP",
    "CI_COMMIT_TITLE",
    "CI_CONFIG_PATH",
    "CI_DEFAULT_BRANCH",
    "CI_DEPLOY_FREEZE",
    "CI_OPEN_MERGE_REQUESTS",
    "CI_PIPELINE_CREATED_AT",
    "CI_PIPELINE_ID",
    "CI_PIPELINE_IID",
    "CI_PIPELINE_NAME",
    "CI_PIPELINE_SOURCE",
    "CI_PIPELINE_TRIGGERED",
    "CI_PIPELINE_URL",
    "CI_PROJECT_DESCRIPTION",
    "CI_PROJECT_DIR",
    "CI_PROJECT_ID",
    "CI_PROJECT_NAME",
    "CI_PROJECT_NAMESPACE",
    "CI_PROJECT_NAMESPACE_ID",
    "CI_PROJECT_PATH",
    "CI_PROJECT_PATH_SLUG",
    "CI_PROJECT_ROOT_NAMESPACE",
    "CI_PROJECT_TITLE",
    "CI_PROJECT_URL",
    "CI_PROJECT_VISIBILITY",
    "CI_SERVER_FQDN",
    "CI_SERVER_HOST",
    "CI_SERVER_NAME",
    "CI_SERVER_PORT",
    "CI_SERVER_PROTOCOL",
    "CI_SERVER_REVISION",
    "CI_SERVER_URL",
    "CI_SERVER_VERSION",
    "CI_SERVER_VERSION_MAJOR",
    "CI_SERVER_VERSION_MINOR",
    "CI_SERVER_VERSION_PATCH",
    "GITLAB_CI",
    "GITLAB_USER_EMAIL",
    "GITLAB_USER_ID",
    "GITLAB_USER_LOGIN",
    "GITLAB_USER_NAME",
];

/// Whether a name belongs to the predefined set that exists before a pipeline is created.
pub(crate) fn is_predefined(name: &str) -> bool {
    PREDEFINED.binary_search(&name).is_ok() || name.starts_with("CI_MERGE_REQUEST_")
}

#[cfg(test)]
mod tests {
    use super::{PREDEFINED, is_predefined};

    #[test]
    fn the_predefined_names_are_sorted_and_found() {
        assert!(PREDEFINED.is_sorted());
        assert!(is_predefined("CI_COMMIT_SHA") && is_predefined("CI_MERGE_REQUEST_IID"));
        assert!(!is_predefined("CI_MY_OWN") && !is_predefined("DEPLOY_TOKEN"));
    }
}
