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

/// Whether a name belongs to the predefined set that exists before a pipeline is created.
pub(crate) fn is_predefined(name: &str) -> bool {
    if matches!(name, "CI" | "GITLAB_CI") || name.starts_with("CI_MERGE_REQUEST_") {
        return true;
    }
    if let Some(user) = name.strip_prefix("GITLAB_USER_") {
        return matches!(user, "ID" | "LOGIN" | "NAME" | "EMAIL");
    }
    let Some(rest) = name.strip_prefix("CI_") else {
        return false;
    };
    let Some((group, field)) = rest.split_once('_') else {
        return false;
    };
    let fields: &[&str] = match group {
        "PIPELINE" => &[
            "SOURCE",
            "CREATED_AT",
            "ID",
            "IID",
            "URL",
            "NAME",
            "TRIGGERED",
            "SCHEDULE_DESCRIPTION",
        ],
        "CONFIG" => &["PATH"],
        "DEFAULT" => &["BRANCH"],
        "API" => &["V4_URL", "GRAPHQL_URL"],
        "SERVER" => &[
            "URL",
            "HOST",
            "PORT",
            "PROTOCOL",
            "FQDN",
            "NAME",
            "VERSION",
            "VERSION_MAJOR",
            "VERSION_MINOR",
            "VERSION_PATCH",
            "REVISION",
            "SHELL_SSH_HOST",
            "SHELL_SSH_PORT",
        ],
        "PROJECT" => &[
            "ID",
            "NAME",
            "TITLE",
            "PATH",
            "PATH_SLUG",
            "NAMESPACE",
            "NAMESPACE_ID",
            "ROOT_NAMESPACE",
            "URL",
            "VISIBILITY",
            "DESCRIPTION",
            "DIR",
            "REPOSITORY_LANGUAGES",
        ],
        "COMMIT" => &[
            "SHA",
            "SHORT_SHA",
            "BEFORE_SHA",
            "REF_NAME",
            "REF_SLUG",
            "REF_PROTECTED",
            "TITLE",
            "MESSAGE",
            "DESCRIPTION",
            "AUTHOR",
            "TIMESTAMP",
            "BRANCH",
            "TAG",
            "TAG_MESSAGE",
        ],
        "DEPLOY" => &["FREEZE"],
        "OPEN" => &["MERGE_REQUESTS"],
        "BUILDS" => &["DIR"],
        _ => &[],
    };
    fields.contains(&field)
}
