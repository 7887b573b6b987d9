//! Projects, protected branches, variables, gate rule sets.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::ids::{GateRuleSetId, ProjectId};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `project`")]
pub struct ProjectRow {
    #[sqlx(try_from = "String")]
    pub id: ProjectId,
    pub namespace: String,
    pub name: String,
    /// `namespace/name`.
    pub path: String,
    /// Name for people.
    pub title: String,
    pub description: String,
    pub default_branch: String,
    /// Default job timeout.
    pub timeout_s: i64,
    pub last_pipeline_no: i64,
    pub last_incident_no: i64,
    pub last_release_no: i64,
    pub last_deployment_no: i64,
    pub created_at: i64,
    pub version: i64,
}

/// A protected branch.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ProtectedBranchRow {
    /// Project.
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    /// Name with `*`.
    pub pattern: String,
    /// JSON array of roles that may push; empty = everyone who may push to the project.
    pub push_roles: String,
    /// History may be rewritten.
    pub allow_force: bool,
    /// May be deleted.
    pub allow_delete: bool,
}

/// A project variable.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct VariableRow {
    /// Project.
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    /// Name.
    pub key: String,
    /// `*`, a name, or a pattern with `*`.
    pub environment_scope: String,
    /// Value.
    pub value: String,
    /// Replaced in logs and never shown.
    pub masked: bool,
    /// Only for protected refs.
    pub protected: bool,
    /// Handed over as a file.
    pub file: bool,
    /// Microseconds.
    pub updated_at: i64,
}

/// A version of a project's gate rules.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct GateRuleSetRow {
    /// Id.
    #[sqlx(try_from = "String")]
    pub id: GateRuleSetId,
    /// Project.
    #[sqlx(try_from = "String")]
    pub project_id: ProjectId,
    /// From 1.
    pub version: i64,
    /// JSON array of rules.
    pub rules: String,
    /// Of `rules`.
    pub sha256: String,
    /// User id.
    pub created_by: String,
    /// Microseconds.
    pub created_at: i64,
}

/// Which per-project number to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Pipelines.
    Pipeline,
    /// Incidents.
    Incident,
    /// Releases.
    Release,
    /// Deployments.
    Deployment,
}

statements! {
    INSERT_PROJECT = "INSERT INTO project (id, namespace, name, path, title, description,
        default_branch, timeout_s, last_pipeline_no, last_incident_no, last_release_no,
        last_deployment_no, created_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, $9, 1)";
    FIND_PROJECT = "SELECT * FROM project WHERE id = $1";
    FIND_PROJECT_BY_PATH = "SELECT * FROM project WHERE path = $1";
    LIST_PROJECTS = "SELECT * FROM project WHERE path > $1 ORDER BY path LIMIT $2";
    NEXT_PIPELINE_NO = "UPDATE project SET last_pipeline_no = last_pipeline_no + 1
        WHERE id = $1 RETURNING last_pipeline_no";
    NEXT_INCIDENT_NO = "UPDATE project SET last_incident_no = last_incident_no + 1
        WHERE id = $1 RETURNING last_incident_no";
    NEXT_RELEASE_NO = "UPDATE project SET last_release_no = last_release_no + 1
        WHERE id = $1 RETURNING last_release_no";
    NEXT_DEPLOYMENT_NO = "UPDATE project SET last_deployment_no = last_deployment_no + 1
        WHERE id = $1 RETURNING last_deployment_no";
    PUT_PROTECTED_BRANCH = "INSERT INTO protected_branch
        (project_id, pattern, push_roles, allow_force, allow_delete) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (project_id, pattern) DO UPDATE SET push_roles = excluded.push_roles,
        allow_force = excluded.allow_force, allow_delete = excluded.allow_delete";
    LIST_PROTECTED_BRANCHES =
        "SELECT * FROM protected_branch WHERE project_id = $1 ORDER BY pattern";
    PUT_VARIABLE = "INSERT INTO project_variable
        (project_id, key, environment_scope, value, masked, protected, file, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (project_id, key, environment_scope) DO UPDATE SET value = excluded.value,
        masked = excluded.masked, protected = excluded.protected, file = excluded.file,
        updated_at = excluded.updated_at";
    LIST_VARIABLES = "SELECT * FROM project_variable WHERE project_id = $1
        ORDER BY key, environment_scope";
    DELETE_VARIABLE = "DELETE FROM project_variable
        WHERE project_id = $1 AND key = $2 AND environment_scope = $3";
    INSERT_RULE_SET = "INSERT INTO gate_rule_set
        (id, project_id, version, rules, sha256, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    NEWEST_RULE_SET = "SELECT * FROM gate_rule_set WHERE project_id = $1
        ORDER BY version DESC LIMIT 1";
}

/// Adds a project; its numbers start at 0.
///
/// # Errors
/// [`StoreError::Unique`] when the path is taken.
pub async fn insert(tx: &mut Tx<'_>, row: &ProjectRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.namespace,
        &row.name,
        &row.path,
        &row.title,
        &row.description,
        &row.default_branch,
        row.timeout_s,
        row.created_at
    ];
    tx.execute(INSERT_PROJECT, values).await.map(drop)
}

/// A project by id.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    id: &ProjectId,
) -> Result<Option<ProjectRow>, StoreError> {
    reader.optional(FIND_PROJECT, params![id]).await
}

/// A project by `namespace/name`.
///
/// # Errors
/// Store errors.
pub async fn find_by_path(
    reader: &mut impl Reader,
    path: &str,
) -> Result<Option<ProjectRow>, StoreError> {
    reader.optional(FIND_PROJECT_BY_PATH, params![path]).await
}

/// Projects in order of path, after a path.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    after_path: &str,
    limit: i64,
) -> Result<Vec<ProjectRow>, StoreError> {
    reader.all(LIST_PROJECTS, params![after_path, limit]).await
}

/// Draws the next number of a kind.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such project.
pub async fn next_no(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    number: Number,
) -> Result<i64, StoreError> {
    let statement = match number {
        Number::Pipeline => NEXT_PIPELINE_NO,
        Number::Incident => NEXT_INCIDENT_NO,
        Number::Release => NEXT_RELEASE_NO,
        Number::Deployment => NEXT_DEPLOYMENT_NO,
    };
    let (no,): (i64,) = tx.fetch_one(statement, params![project]).await?;
    Ok(no)
}

/// Adds or replaces the rule of a branch pattern.
///
/// # Errors
/// Store errors.
pub async fn protect(tx: &mut Tx<'_>, row: &ProtectedBranchRow) -> Result<(), StoreError> {
    let values = params![
        &row.project_id,
        &row.pattern,
        &row.push_roles,
        row.allow_force,
        row.allow_delete
    ];
    tx.execute(PUT_PROTECTED_BRANCH, values).await.map(drop)
}

/// Protected branches of a project.
///
/// # Errors
/// Store errors.
pub async fn protected_branches(
    reader: &mut impl Reader,
    project: &ProjectId,
) -> Result<Vec<ProtectedBranchRow>, StoreError> {
    reader.all(LIST_PROTECTED_BRANCHES, params![project]).await
}

/// Adds or replaces a variable.
///
/// # Errors
/// Store errors.
pub async fn put_variable(tx: &mut Tx<'_>, row: &VariableRow) -> Result<(), StoreError> {
    let values = params![
        &row.project_id,
        &row.key,
        &row.environment_scope,
        &row.value,
        row.masked,
        row.protected,
        row.file,
        row.updated_at
    ];
    tx.execute(PUT_VARIABLE, values).await.map(drop)
}

/// Variables of a project.
///
/// # Errors
/// Store errors.
pub async fn variables(
    reader: &mut impl Reader,
    project: &ProjectId,
) -> Result<Vec<VariableRow>, StoreError> {
    reader.all(LIST_VARIABLES, params![project]).await
}

/// Removes a variable; false when there was none.
///
/// # Errors
/// Store errors.
pub async fn delete_variable(
    tx: &mut Tx<'_>,
    project: &ProjectId,
    key: &str,
    environment_scope: &str,
) -> Result<bool, StoreError> {
    let values = params![project, key, environment_scope];
    Ok(tx.execute(DELETE_VARIABLE, values).await? > 0)
}

/// Adds a version of the gate rules.
///
/// # Errors
/// [`StoreError::Unique`] when the version exists.
pub async fn insert_rule_set(tx: &mut Tx<'_>, row: &GateRuleSetRow) -> Result<(), StoreError> {
    let values = params![
        &row.id,
        &row.project_id,
        row.version,
        &row.rules,
        &row.sha256,
        &row.created_by,
        row.created_at
    ];
    tx.execute(INSERT_RULE_SET, values).await.map(drop)
}

/// The gate rules in force.
///
/// # Errors
/// Store errors.
pub async fn newest_rule_set(
    reader: &mut impl Reader,
    project: &ProjectId,
) -> Result<Option<GateRuleSetRow>, StoreError> {
    reader.optional(NEWEST_RULE_SET, params![project]).await
}
