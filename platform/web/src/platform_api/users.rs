//! People and their roles.

use axum::extract::State;
use http::StatusCode;
use rialto_platform_identity::{NewUser, Permission, Role, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Paging, UserView};
use crate::{Authenticated, Json, Page, Path, Problem, Query, Web};

/// The people of the house
#[utoipa::path(get, path = "/api/platform/v1/users", tag = "users", params(Paging),
    responses((status = 200, body = Page<UserView>)))]
pub(super) async fn list_users(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Query(query): Query<Paging>,
) -> Result<Json<Page<UserView>>, Problem> {
    let size = web.page_size(query.page_size)?;
    let context = format!(
        "users by {}",
        actor.scope(Permission::UserRead)?.fingerprint()
    );
    let after = web
        .open_page_token(query.page_token.as_deref(), &context)?
        .unwrap_or_default();
    let people = web.identity().people(&actor, &after, size + 1).await?;
    let rows: Vec<UserView> = people.into_iter().map(UserView::from).collect();
    Ok(Json(
        web.page(rows, size, &context, |last| last.login.clone()),
    ))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUser {
    /// 2 to 64 of a-z, A-Z, 0-9, `.`, `-`, `_`; unique without case.
    login: String,
    /// Name for people.
    name: String,
    /// Authors of commits are recognised by it.
    email: String,
    /// First password; without one a login link signs in.
    #[schema(format = Password)]
    password: Option<String>,
    /// Roles.
    roles: Vec<String>,
    /// Language tag.
    locale: Option<String>,
}

fn roles(texts: &[String]) -> Result<Vec<Role>, Problem> {
    let mut problem = None;
    let mut roles = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(role) => roles.push(role),
            Err(error) => {
                let base = problem.unwrap_or_else(Problem::unprocessable);
                let pointer = format!("/roles/{index}");
                let refused = base.invalid(pointer, "unknown_role", format!("{error}"));
                problem = Some(refused.allowed(Role::ALL.map(Role::as_str)));
            }
        }
    }
    problem.map_or(Ok(roles), Err)
}

fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| Problem::not_found("user", text))
}

/// Add somebody
#[utoipa::path(post, path = "/api/platform/v1/users", tag = "users", request_body = CreateUser,
    responses((status = 201, body = UserView)))]
pub(super) async fn create_user(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Json(body): Json<CreateUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let new = NewUser {
        roles: roles(&body.roles)?,
        login: body.login,
        name: body.name,
        email: body.email,
        password: body.password,
        locale: body.locale,
    };
    let user = web.identity().create_user(&actor, new).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetRoles {
    roles: Vec<String>,
}

/// Change somebody's roles
#[utoipa::path(put, path = "/api/platform/v1/users/{id}/roles", tag = "users",
    params(("id" = String, Path)), request_body = SetRoles,
    responses((status = 200, body = UserView)))]
pub(super) async fn set_roles(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<SetRoles>,
) -> Result<Json<UserView>, Problem> {
    let user = web
        .identity()
        .set_roles(&actor, &user_id(&id)?, &roles(&body.roles)?)
        .await?;
    Ok(Json(user.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetActive {
    active: bool,
}

/// Let somebody in or shut them out
#[utoipa::path(put, path = "/api/platform/v1/users/{id}/active", tag = "users",
    params(("id" = String, Path)), request_body = SetActive,
    responses((status = 200, body = UserView)))]
pub(super) async fn set_active(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<SetActive>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(
        web.identity()
            .set_active(&actor, &user_id(&id)?, body.active)
            .await?
            .into(),
    ))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPassword {
    #[schema(format = Password)]
    password: String,
}

/// Set a password: one's own in a browser, or anybody's as administrator; ends their sessions
#[utoipa::path(put, path = "/api/platform/v1/users/{id}/password", tag = "users",
    params(("id" = String, Path)), request_body = SetPassword,
    responses((status = 204, description = "Set; every session of theirs has ended")))]
pub(super) async fn set_password(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<SetPassword>,
) -> Result<StatusCode, Problem> {
    web.identity()
        .set_password(&actor, &user_id(&id)?, &body.password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link that signs somebody in once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoginLink {
    /// Path and query to open in a browser.
    path: String,
}

/// Make a one-time login link for somebody
#[utoipa::path(post, path = "/api/platform/v1/users/{id}/login-link", tag = "users",
    params(("id" = String, Path)), responses((status = 201, body = LoginLink)))]
pub(super) async fn create_login_link(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<LoginLink>), Problem> {
    let link = web
        .identity()
        .create_login_link(&actor, &user_id(&id)?)
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(LoginLink {
            path: format!("/login?link={link}"),
        }),
    ))
}
