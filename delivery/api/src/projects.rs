//! Projects, their variables and gate rules.

use axum::extract::State;
use http::StatusCode;
use rialto_delivery_engine::view::ProjectView;
use rialto_delivery_engine::{NewProject, RuleSetView, VariableInput, VariableView};
use rialto_platform_identity::Permission;
use rialto_platform_web::{Authenticated, IfMatch, Json, Page, Path, Query, Versioned};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, id, page};

/// A page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// Projects with their lights
#[utoipa::path(get, path = "/api/delivery/v1/projects", tag = "projects", params(Paging),
    responses((status = 200, body = Page<ProjectView>)))]
pub async fn list(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<Paging>,
) -> Answer<Json<Page<ProjectView>>> {
    let size = api.web.page_size(query.page_size)?;
    let context = format!(
        "projects by {}",
        actor.scope(Permission::DeliveryRead)?.fingerprint()
    );
    let cursor = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let listed = api.delivery.list_projects(size, cursor.as_deref()).await?;
    Ok(Json(page(&api.web, listed, &context)))
}

/// Add a project with an empty repository
#[utoipa::path(post, path = "/api/delivery/v1/projects", tag = "projects",
    request_body = NewProject, responses((status = 201, body = ProjectView)))]
pub async fn create(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(new): Json<NewProject>,
) -> Answer<(StatusCode, Json<ProjectView>)> {
    let row = api.delivery.create_project(&actor, &new).await?;
    Ok((
        StatusCode::CREATED,
        Json(api.delivery.project_view(&row.id).await?),
    ))
}

/// One project
#[utoipa::path(get, path = "/api/delivery/v1/projects/{id}", tag = "projects",
    params(("id" = String, Path)), responses((status = 200, body = ProjectView)))]
pub async fn show(
    State(api): State<Api>,
    Path(project): Path<String>,
) -> Answer<Json<ProjectView>> {
    Ok(Json(
        api.delivery.project_view(&id("project", &project)?).await?,
    ))
}

/// Variables of a project; masked ones without their value
#[utoipa::path(get, path = "/api/delivery/v1/projects/{id}/variables", tag = "projects",
    params(("id" = String, Path)), responses((status = 200, body = Page<VariableView>)))]
pub async fn variables(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(project): Path<String>,
) -> Answer<Json<Page<VariableView>>> {
    let items = api
        .delivery
        .variables(&actor, &id("project", &project)?)
        .await?;
    Ok(Json(Page::whole(items)))
}

/// Set a variable
#[utoipa::path(put, path = "/api/delivery/v1/projects/{id}/variables/{key}", tag = "projects",
    params(("id" = String, Path), ("key" = String, Path)), request_body = VariableInput,
    responses((status = 200, body = VariableView)))]
pub async fn put_variable(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path((project, key)): Path<(String, String)>,
    Json(input): Json<VariableInput>,
) -> Answer<Json<VariableView>> {
    let project = id("project", &project)?;
    Ok(Json(
        api.delivery
            .put_variable(&actor, &project, &key, &input)
            .await?,
    ))
}

/// Which of the variables of one name.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VariableScope {
    /// Its environment scope; default `*`.
    environment_scope: Option<String>,
}

/// Remove a variable
#[utoipa::path(delete, path = "/api/delivery/v1/projects/{id}/variables/{key}", tag = "projects",
    params(("id" = String, Path), ("key" = String, Path), VariableScope),
    responses((status = 204, description = "Removed")))]
pub async fn delete_variable(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path((project, key)): Path<(String, String)>,
    Query(query): Query<VariableScope>,
) -> Answer<StatusCode> {
    let project = id("project", &project)?;
    let scope = query.environment_scope.as_deref().unwrap_or("*");
    api.delivery
        .delete_variable(&actor, &project, &key, scope)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gate rules in force
#[utoipa::path(get, path = "/api/delivery/v1/projects/{id}/gate-rules", tag = "projects",
    params(("id" = String, Path)),
    responses((status = 200, body = RuleSetView, headers(("ETag" = String)))))]
pub async fn gate_rules(
    State(api): State<Api>,
    Path(project): Path<String>,
) -> Answer<Versioned<RuleSetView>> {
    let rules = api.delivery.gate_rules(&id("project", &project)?).await?;
    Ok(Versioned(rules.version, rules))
}

/// Make a new version of the gate rules, out of the one named by `If-Match`
#[utoipa::path(put, path = "/api/delivery/v1/projects/{id}/gate-rules", tag = "projects",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the rules that were changed, or *")),
    request_body = Object,
    responses((status = 200, body = RuleSetView, headers(("ETag" = String))),
        (status = 412, description = "Somebody changed them meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn put_gate_rules(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(project): Path<String>,
    expected: IfMatch,
    Json(document): Json<Value>,
) -> Answer<Versioned<RuleSetView>> {
    let project = id("project", &project)?;
    let rules = api
        .delivery
        .change_gate_rules(&actor, &project, &document, expected.version())
        .await?;
    Ok(Versioned(rules.version, rules))
}
