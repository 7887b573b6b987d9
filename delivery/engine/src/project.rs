//! Projects, their variables and gate rules.

use std::collections::BTreeSet;

use rialto_delivery_gate::{Rule, default_rule_set, read_rules};
use rialto_delivery_git::RepositoryName;
use rialto_delivery_store::ids::{GateRuleSetId, ProjectId};
use rialto_delivery_store::json;
use rialto_delivery_store::project::{
    self, GateRuleSetRow, ProjectRow, ProtectedBranchRow, VariableRow,
};
use rialto_platform_identity::{Actor as Person, Permission};
use rialto_platform_store::{StoreError, new_id, now, to_micros};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::create::{is_variable_name, sha256_hex};
use crate::record::evidence_actor;
use crate::reserved::refuse_reserved;
use crate::{Delivery, DeliveryError};

/// Default job timeout, seconds.
const TIMEOUT_S: i64 = 3600;

/// A project to be added.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// `namespace/name`.
    pub path: String,
    /// Name for people; the path's last part when absent.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// `main` when absent.
    #[serde(default)]
    pub default_branch: Option<String>,
}

/// A variable to be set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VariableInput {
    /// Value.
    pub value: String,
    /// Hide it in logs and answers.
    #[serde(default)]
    pub masked: bool,
    /// Only for protected refs.
    #[serde(default)]
    pub protected: bool,
    /// Hand it over as a file.
    #[serde(default)]
    pub file: bool,
    /// `*` or an environment pattern.
    #[serde(default = "any")]
    pub environment_scope: String,
}

fn any() -> String {
    "*".to_owned()
}

/// A variable as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct VariableView {
    /// Name.
    pub key: String,
    /// Value; `None` when masked.
    pub value: Option<String>,
    /// Hidden.
    pub masked: bool,
    /// Only for protected refs.
    pub protected: bool,
    /// Handed over as a file.
    pub file: bool,
    /// `*` or an environment pattern.
    pub environment_scope: String,
}

/// Gate rules in force.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RuleSetView {
    /// Id.
    pub rule_set_id: String,
    /// Version.
    pub version: u64,
    /// Rules.
    #[schema(value_type = Vec<Object>)]
    pub rules: Vec<Rule>,
}

impl Delivery {
    /// Adds a project with an empty repository; its default branch is protected.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`]; [`DeliveryError::Invalid`] for a bad or taken path.
    pub async fn create_project(
        &self,
        actor: &Person,
        new: &NewProject,
    ) -> Result<ProjectRow, DeliveryError> {
        actor.require(Permission::ProjectCreate)?;
        let name = RepositoryName::parse(&new.path)
            .map_err(|e| DeliveryError::invalid("/path", "invalid_path", e.to_string()))?;
        let branch = new
            .default_branch
            .clone()
            .unwrap_or_else(|| "main".to_owned());
        let at = to_micros(now());
        let row = ProjectRow {
            id: new_id(),
            namespace: name.namespace().to_owned(),
            name: name.project().to_owned(),
            path: name.to_string(),
            title: new
                .name
                .clone()
                .unwrap_or_else(|| name.project().to_owned()),
            description: new.description.clone(),
            default_branch: branch.clone(),
            timeout_s: TIMEOUT_S,
            last_pipeline_no: 0,
            last_incident_no: 0,
            last_release_no: 0,
            last_deployment_no: 0,
            created_at: at,
            version: 1,
        };
        // The folder first: a project without a repository would be of no use, a repository
        // without a project is found again by the next attempt.
        self.git().create(&name, &branch).await?;
        let mut tx = self.db().begin().await?;
        match project::insert(&mut tx, &row).await {
            Err(StoreError::Unique { .. }) => {
                let message = format!("there is a project `{}` already", row.path);
                return Err(DeliveryError::invalid("/path", "taken", message));
            }
            other => other?,
        }
        let rule = ProtectedBranchRow {
            project_id: row.id.clone(),
            pattern: branch,
            push_roles: "[]".to_owned(),
            allow_force: false,
            allow_delete: false,
        };
        project::protect(&mut tx, &rule).await?;
        let body = json!({"action": "create_project", "project": row.id.as_str(),
            "path": row.path, "protected": [rule.pattern]});
        let subject = format!("project:{}", row.id);
        let kind = "config_change";
        self.record(
            &mut tx,
            evidence_actor(actor),
            kind,
            subject,
            body,
            Vec::new(),
        )
        .await?;
        tx.publish(
            "list:projects",
            row.id.as_str(),
            1,
            &["created"],
            Value::Null,
        )
        .await;
        tx.commit().await?;
        Ok(row)
    }

    /// Variables of a project.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`].
    pub async fn variables(
        &self,
        actor: &Person,
        project: &ProjectId,
    ) -> Result<Vec<VariableView>, DeliveryError> {
        actor.require(Permission::VariableManage)?;
        self.existing_project(project).await?;
        let rows = project::variables(&mut self.db(), project).await?;
        Ok(rows.into_iter().map(variable_view).collect())
    }

    /// Adds or replaces a variable.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`], [`DeliveryError::Invalid`].
    pub async fn put_variable(
        &self,
        actor: &Person,
        project: &ProjectId,
        key: &str,
        input: &VariableInput,
    ) -> Result<VariableView, DeliveryError> {
        actor.require(Permission::VariableManage)?;
        self.existing_project(project).await?;
        check_variable(key, input)?;
        let row = VariableRow {
            project_id: project.clone(),
            key: key.to_owned(),
            environment_scope: input.environment_scope.clone(),
            value: input.value.clone(),
            masked: input.masked,
            protected: input.protected,
            file: input.file,
            updated_at: to_micros(now()),
        };
        let mut tx = self.db().begin().await?;
        project::put_variable(&mut tx, &row).await?;
        // The value itself never enters the log, which many may read.
        let body = json!({"action": "set_variable", "key": key,
            "environment_scope": row.environment_scope, "masked": row.masked,
            "protected": row.protected, "file": row.file});
        let subject = format!("project:{project}");
        let kind = "config_change";
        self.record(
            &mut tx,
            evidence_actor(actor),
            kind,
            subject,
            body,
            Vec::new(),
        )
        .await?;
        tx.commit().await?;
        Ok(variable_view(row))
    }

    /// Removes a variable.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`], [`DeliveryError::NotFound`].
    pub async fn delete_variable(
        &self,
        actor: &Person,
        project: &ProjectId,
        key: &str,
        environment_scope: &str,
    ) -> Result<(), DeliveryError> {
        actor.require(Permission::VariableManage)?;
        let mut tx = self.db().begin().await?;
        if !project::delete_variable(&mut tx, project, key, environment_scope).await? {
            return Err(DeliveryError::not_found("variable", key));
        }
        let body = json!({"action": "delete_variable", "key": key,
            "environment_scope": environment_scope});
        let subject = format!("project:{project}");
        let kind = "config_change";
        self.record(
            &mut tx,
            evidence_actor(actor),
            kind,
            subject,
            body,
            Vec::new(),
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The gate rules in force.
    ///
    /// # Errors
    /// [`DeliveryError::NotFound`].
    pub async fn gate_rules(&self, project: &ProjectId) -> Result<RuleSetView, DeliveryError> {
        self.existing_project(project).await?;
        let set = self.rule_set(project).await?;
        Ok(RuleSetView {
            rule_set_id: set.id,
            version: set.version,
            rules: set.rules,
        })
    }

    /// Makes a new version of the gate rules from `{"rules": [...]}`.
    ///
    /// # Errors
    /// [`DeliveryError::Denied`]; [`DeliveryError::InvalidMany`] with every fault.
    pub async fn put_gate_rules(
        &self,
        actor: &Person,
        project: &ProjectId,
        document: &Value,
    ) -> Result<RuleSetView, DeliveryError> {
        self.change_gate_rules(actor, project, document, None).await
    }

    /// As [`Delivery::put_gate_rules`], if the rules in force are still at version `expected`.
    ///
    /// # Errors
    /// As there, and [`DeliveryError::StaleVersion`].
    pub async fn change_gate_rules(
        &self,
        actor: &Person,
        project: &ProjectId,
        document: &Value,
        expected: Option<u64>,
    ) -> Result<RuleSetView, DeliveryError> {
        actor.require(Permission::GateRuleManage)?;
        self.existing_project(project).await?;
        let faults = |errors: Vec<rialto_delivery_gate::RuleError>| {
            DeliveryError::InvalidMany(
                errors
                    .into_iter()
                    .map(|e| (e.pointer, e.code, e.message))
                    .collect(),
            )
        };
        let rules = read_rules(document).map_err(faults)?;
        let text = json::write(&rules)?;
        let mut tx = self.db().begin().await?;
        let newest = project::newest_rule_set(&mut tx, project).await?;
        // A project that has no set of its own goes by the default one, which is a version as well.
        let before = || i64::try_from(default_rule_set().version).unwrap_or(1);
        let current = newest.map_or_else(before, |set| set.version);
        let in_force = u64::try_from(current).unwrap_or(0);
        if let Some(expected) = expected.filter(|expected| *expected != in_force) {
            return Err(DeliveryError::stale(
                "the set of gate rules",
                expected,
                in_force,
            ));
        }
        let version = current + 1;
        let id: GateRuleSetId = new_id();
        let as_number = u64::try_from(version).unwrap_or(0);
        default_rule_set()
            .derive(id.to_string(), as_number, rules.clone())
            .map_err(faults)?;
        let row = GateRuleSetRow {
            id,
            project_id: project.clone(),
            version,
            sha256: sha256_hex(text.as_bytes()),
            rules: text,
            created_by: actor.user_id.to_string(),
            created_at: to_micros(now()),
        };
        project::insert_rule_set(&mut tx, &row).await?;
        let body = json!({"action": "set_gate_rules", "rule_set": row.id.as_str(),
            "version": version, "sha256": row.sha256, "rules": rules});
        let subject = format!("project:{project}");
        let kind = "config_change";
        self.record(
            &mut tx,
            evidence_actor(actor),
            kind,
            subject,
            body,
            Vec::new(),
        )
        .await?;
        tx.commit().await?;
        Ok(RuleSetView {
            rule_set_id: row.id.to_string(),
            version: as_number,
            rules,
        })
    }

    pub(crate) async fn existing_project(
        &self,
        id: &ProjectId,
    ) -> Result<ProjectRow, DeliveryError> {
        project::find(&mut self.db(), id)
            .await?
            .ok_or_else(|| DeliveryError::not_found("project", id))
    }
}

fn variable_view(row: VariableRow) -> VariableView {
    VariableView {
        key: row.key,
        value: (!row.masked).then_some(row.value),
        masked: row.masked,
        protected: row.protected,
        file: row.file,
        environment_scope: row.environment_scope,
    }
}

fn check_variable(key: &str, input: &VariableInput) -> Result<(), DeliveryError> {
    if !is_variable_name(key) {
        let message = "a name has letters, digits and `_` and does not begin with a digit";
        return Err(DeliveryError::invalid("/key", "invalid_name", message));
    }
    refuse_reserved("/key", key)?;
    if input.value.len() > 128 << 10 {
        let message = "a value has at most 128 KiB; put more into a file of the repository";
        return Err(DeliveryError::invalid("/value", "too_long", message));
    }
    let plain: BTreeSet<char> = input.value.chars().filter(|c| c.is_whitespace()).collect();
    if input.masked && (input.value.len() < 8 || !plain.is_empty()) {
        let message = "a masked value has at least 8 characters and no white space, so that it can \
                       be found in a log";
        return Err(DeliveryError::invalid("/value", "not_maskable", message));
    }
    if input.environment_scope.is_empty() || input.environment_scope.len() > 255 {
        let message = "give `*`, the name of an environment, or a pattern with `*`";
        return Err(DeliveryError::invalid(
            "/environment_scope",
            "invalid_scope",
            message,
        ));
    }
    Ok(())
}
