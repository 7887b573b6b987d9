//! Credentials of applications.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use rialto_esb_manager::view::{CredentialView, FetchedView};
use rialto_esb_manager::{CredentialInput, RevocationInput, RotationInput};
use rialto_platform_web::{Authenticated, IfMatch, Json, Page, Path, Query, Versioned};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::{Answer, Made};

/// Which credentials.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Code of the application.
    application: Option<String>,
    /// `sandbox` or `production`.
    environment: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Credentials in the order they were made, without their secrets
#[utoipa::path(get, path = "/api/esb/v1/credentials", tag = "credentials",
    params(ListQuery), responses((status = 200, body = Page<CredentialView>)))]
pub async fn list(
    State(api): State<Api>,
    Query(query): Query<ListQuery>,
) -> Answer<Json<Page<CredentialView>>> {
    let filter = (query.application.as_deref(), query.environment.as_deref());
    let context = format!("esb credentials {filter:?}");
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let after = api.web.open_page_token(token, &context)?;
    let rows = api
        .platform
        .credentials(filter, after.as_deref(), i64::from(size) + 1)
        .await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.id.clone()),
    ))
}

/// Make a credential; the person named fetches its secret
#[utoipa::path(post, path = "/api/esb/v1/credentials", tag = "credentials",
    request_body = CredentialInput,
    responses((status = 201, body = CredentialView, headers(("ETag" = String))),
        (status = 403, description = "Another answers for the application")))]
pub async fn add(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Json(input): Json<CredentialInput>,
) -> Answer<Made<CredentialView>> {
    let added = api.platform.add_credential(&actor, &input).await?;
    Ok(Made(StatusCode::CREATED, added.revision, added))
}

/// A credential, without its secret
#[utoipa::path(get, path = "/api/esb/v1/credentials/{id}", tag = "credentials",
    params(("id" = String, Path)),
    responses((status = 200, body = CredentialView, headers(("ETag" = String)))))]
pub async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Answer<Versioned<CredentialView>> {
    let found = api.platform.credential(&id).await?;
    Ok(Versioned(found.revision, found))
}

/// Fetch the secret, once: it is made now, told to the person named, and not kept
#[utoipa::path(post, path = "/api/esb/v1/credentials/{id}/secret", tag = "credentials",
    params(("id" = String, Path)),
    responses((status = 200, body = FetchedView),
        (status = 403, description = "Another person is named for it"),
        (status = 409, description = "It was fetched, taken away or has ended")))]
pub async fn fetch(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
) -> Answer<Response> {
    let fetched = api.platform.fetch_secret(&actor, &id).await?;
    let mut response = Json(fetched).into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Make a successor of a credential, seen as named by `If-Match`: both work from when the
/// successor's secret is fetched until the overlap ends
#[utoipa::path(post, path = "/api/esb/v1/credentials/{id}/rotation", tag = "credentials",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the credential that was seen, or *")),
    request_body = RotationInput,
    responses((status = 201, body = CredentialView, headers(("ETag" = String))),
        (status = 403, description = "Another answers for the application"),
        (status = 409, description = "`unmet` holds every guard that is not met"),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn rotate(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<RotationInput>,
) -> Answer<Made<CredentialView>> {
    let made = api
        .platform
        .rotate_credential(&actor, &id, expected.version(), &input)
        .await?;
    Ok(Made(StatusCode::CREATED, made.revision, made))
}

/// Take a credential away for good, seen as named by `If-Match`
#[utoipa::path(post, path = "/api/esb/v1/credentials/{id}/revocation", tag = "credentials",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the credential that was seen, or *")),
    request_body = RevocationInput,
    responses((status = 200, body = CredentialView, headers(("ETag" = String))),
        (status = 403, description = "Another answers for the application"),
        (status = 409, description = "`unmet` holds every guard that is not met"),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn revoke(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<RevocationInput>,
) -> Answer<Versioned<CredentialView>> {
    let gone = api
        .platform
        .revoke_credential(&actor, &id, expected.version(), &input)
        .await?;
    Ok(Versioned(gone.revision, gone))
}
