//! Definitions: handed in whole, shown piece by piece.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use rialto_esb_manager::artefact::most_bytes;
use rialto_esb_manager::view::{
    CompatView, FindingView, Imported, LossView, OperationLine, OperationView, SampleView,
    SchemaLine, SchemaView, TryView,
};
use rialto_esb_manager::{DefinitionInput, TryInput};
use rialto_platform_web::{
    Authenticated, IfMatch, Items, Json, Page, Path, Problem, Query, RawBody, Versioned, codes,
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::Answer;

/// How a definition is handed in.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Name of the file, `openapi.yaml`; places of findings tell it.
    name: Option<String>,
    /// The definition's own file within a zip archive.
    root: Option<String>,
}

/// The name of what was sent, from its query or its media type.
fn name(query: &ImportQuery, headers: &HeaderMap) -> Answer<String> {
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.split(';').next())
        .unwrap_or_default();
    let usual = match media.trim().to_ascii_lowercase().as_str() {
        "application/json" => "openapi.json",
        "application/yaml" | "application/x-yaml" | "text/yaml" => "openapi.yaml",
        "application/zip" => "openapi.zip",
        "application/octet-stream" => "definition",
        _ => {
            let text = "Send application/json, application/yaml or application/zip; \
                application/octet-stream when it is not known.";
            return Err(Problem::new(codes::UNSUPPORTED_MEDIA_TYPE, text).into());
        }
    };
    let told = query.name.as_deref().map(str::trim);
    let told = told.filter(|name| !name.is_empty() && name.chars().count() <= 200);
    Ok(told.unwrap_or(usual).to_owned())
}

/// Hand in the definition of a version (OpenAPI 2.0, 3.0 or 3.1 as JSON, YAML or a zip archive of
/// them), seen as named by `If-Match`
///
/// A version that was only wanted becomes a draft unless `unmet` says what stands against it; one in
/// review or beyond returns to a draft. The same definition again changes nothing.
#[utoipa::path(put, path = "/api/esb/v1/versions/{id}/definition", tag = "definitions",
    params(("id" = String, Path), ImportQuery, ("If-Match" = String, Header,
        description = "ETag of the version that was seen, or *")),
    request_body(content((String = "application/json"), (String = "application/yaml"),
        (String = "application/zip"), (String = "application/octet-stream"))),
    responses((status = 200, body = Imported, headers(("ETag" = String))),
        (status = 409, description = "The state of the version does not allow it"),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 413, description = "More than 32 MiB"),
        (status = 415, description = "Neither JSON nor YAML nor zip"),
        (status = 422, description = "It cannot be taken; `findings` holds every fault with file, \
            line and column"),
        (status = 428, description = "If-Match is missing")))]
pub async fn import(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Query(query): Query<ImportQuery>,
    expected: IfMatch,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer<Versioned<Imported>> {
    let name = name(&query, &headers)?;
    let most = most_bytes();
    let body = axum::body::to_bytes(body, most).await.map_err(|_| {
        let text = format!("The definition has more than {most} bytes, or broke off.");
        Problem::new(codes::TOO_LARGE, text)
    })?;
    let input = DefinitionInput {
        name,
        bytes: body.to_vec(),
        root: query.root,
    };
    let imported = api
        .platform
        .import(&actor, &id, expected.version(), input)
        .await?;
    Ok(Versioned(imported.version.revision, imported))
}

/// Paths of the files of a definition
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/files", tag = "definitions",
    params(("id" = String, Path)), responses((status = 200, body = Items<String>)))]
pub async fn files(State(api): State<Api>, Path(id): Path<String>) -> Answer<Json<Items<String>>> {
    let items = api.platform.files(&id).await?;
    Ok(Json(Items { items }))
}

/// Which file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// Its path; the definition's own file when not told.
    path: Option<String>,
}

/// A file of a definition as it was handed in, whole
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/file", tag = "definitions",
    params(("id" = String, Path), FileQuery),
    responses((status = 200, content((Object = "application/json"), (String = "application/yaml")))))]
pub async fn file(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<FileQuery>,
) -> Answer<Response> {
    let (path, text) = api.platform.file(&id, query.path.as_deref()).await?;
    let json = path.ends_with(".json") || text.trim_start().starts_with('{');
    let media = if json {
        "application/json"
    } else {
        "application/yaml"
    };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}

/// A page of a definition.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PartsQuery {
    /// Text in id, path or summary of an operation, or in the name of a schema.
    q: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// Operations of a version, in written order
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/operations", tag = "definitions",
    params(("id" = String, Path), PartsQuery),
    responses((status = 200, body = Page<OperationLine>)))]
pub async fn operations(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<PartsQuery>,
) -> Answer<Json<Page<OperationLine>>> {
    let context = format!("esb operations of {id} {:?}", query.q);
    let (size, after) = page(&api, query.page_size, query.page_token.as_deref(), &context)?;
    let text = query.q.as_deref();
    let rows = api
        .platform
        .operations(&id, after, text, i64::from(size) + 1);
    let rows = rows.await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.no.to_string()),
    ))
}

/// One operation of a version
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/operations/{no}", tag = "definitions",
    params(("id" = String, Path), ("no" = i64, Path)),
    responses((status = 200, body = OperationView)))]
pub async fn operation(
    State(api): State<Api>,
    Path((id, no)): Path<(String, i64)>,
) -> Answer<Json<OperationView>> {
    Ok(Json(api.platform.operation(&id, no).await?))
}

/// Which request.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SampleQuery {
    /// `production` (default) or `sandbox`.
    environment: Option<String>,
    /// Another number makes other values; 1 when not told.
    seed: Option<u64>,
}

/// A request to an operation with values that fit, and its code in five languages
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/operations/{no}/samples", tag = "definitions",
    params(("id" = String, Path), ("no" = i64, Path), SampleQuery),
    responses((status = 200, body = SampleView)))]
pub async fn samples(
    State(api): State<Api>,
    Path((id, no)): Path<(String, i64)>,
    Query(query): Query<SampleQuery>,
) -> Answer<Json<SampleView>> {
    let environment = query.environment.as_deref().unwrap_or("production");
    let seed = query.seed.unwrap_or(1);
    let made = api.platform.samples((&id, no), environment, seed).await?;
    Ok(Json(made))
}

/// Send a request to an operation through the sandbox's gateway, in the name of an application of
/// one's own; the house holds the key, nobody sees it
#[utoipa::path(post, path = "/api/esb/v1/versions/{id}/operations/{no}/trials",
    tag = "definitions", operation_id = "try_out",
    params(("id" = String, Path), ("no" = i64, Path)), request_body = TryInput,
    responses((status = 200, body = TryView),
        (status = 409, description = "No gateway serves the sandbox or answers"),
        (status = 422, description = "It cannot be sent; `errors` says which part")))]
pub async fn try_out(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path((id, no)): Path<(String, i64)>,
    Json(input): Json<TryInput>,
) -> Answer<Json<TryView>> {
    Ok(Json(api.platform.try_out(&actor, (&id, no), &input).await?))
}

/// Shared schemas of a version, in written order
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/schemas", tag = "definitions",
    params(("id" = String, Path), PartsQuery),
    responses((status = 200, body = Page<SchemaLine>)))]
pub async fn schemas(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<PartsQuery>,
) -> Answer<Json<Page<SchemaLine>>> {
    let context = format!("esb schemas of {id} {:?}", query.q);
    let (size, after) = page(&api, query.page_size, query.page_token.as_deref(), &context)?;
    let text = query.q.as_deref();
    let rows = api.platform.schemas(&id, after, text, i64::from(size) + 1);
    let rows = rows.await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.no.to_string()),
    ))
}

/// One shared schema of a version
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/schemas/{name}", tag = "definitions",
    params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = SchemaView)))]
pub async fn schema(
    State(api): State<Api>,
    Path((id, name)): Path<(String, String)>,
) -> Answer<Json<SchemaView>> {
    Ok(Json(api.platform.schema(&id, &name).await?))
}

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindingsQuery {
    /// `error`, `warning` or `info`.
    severity: Option<String>,
    /// Id of a rule.
    rule: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// What the rules of the house say of a version, in the order of the document
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/findings", tag = "definitions",
    params(("id" = String, Path), FindingsQuery),
    responses((status = 200, body = Page<FindingView>)))]
pub async fn findings(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<FindingsQuery>,
) -> Answer<Json<Page<FindingView>>> {
    let context = format!("esb findings of {id} {:?} {:?}", query.severity, query.rule);
    let (size, after) = page(&api, query.page_size, query.page_token.as_deref(), &context)?;
    let filter = (query.severity.as_deref(), query.rule.as_deref());
    let rows = api
        .platform
        .findings(&id, after, filter, i64::from(size) + 1);
    let rows = rows.await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.no.to_string()),
    ))
}

/// The loss report: what stays in the document only, and what was done with it
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/losses", tag = "definitions",
    params(("id" = String, Path), crate::systems::PageQuery),
    responses((status = 200, body = Page<LossView>)))]
pub async fn losses(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<crate::systems::PageQuery>,
) -> Answer<Json<Page<LossView>>> {
    let context = format!("esb losses of {id}");
    let (size, after) = page(&api, query.page_size, query.page_token.as_deref(), &context)?;
    let rows = api.platform.losses(&id, after, i64::from(size) + 1).await?;
    Ok(Json(
        api.web.page(rows, size, &context, |row| row.no.to_string()),
    ))
}

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangesQuery {
    /// Id of the version to compare with; the one callers use now when not told.
    base: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    page_size: Option<u32>,
    /// Where the page begins.
    page_token: Option<String>,
}

/// What a version means for callers of the one before, the heaviest changes first
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/changes", tag = "definitions",
    params(("id" = String, Path), ChangesQuery), responses((status = 200, body = CompatView)))]
pub async fn changes(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(query): Query<ChangesQuery>,
) -> Answer<Json<CompatView>> {
    let context = format!("esb changes of {id} {:?}", query.base);
    let (size, skip) = page(&api, query.page_size, query.page_token.as_deref(), &context)?;
    let skip = usize::try_from(skip).unwrap_or(0);
    let count = usize::try_from(size).unwrap_or(usize::MAX);
    let base = query.base.as_deref();
    let mut found = api.platform.changes(&id, base, skip, count).await?;
    let end = skip.saturating_add(found.items.len());
    if found.total > end as u64 {
        found.next_page_token = Some(api.web.seal_page_token(&end.to_string(), &context));
    }
    Ok(Json(found))
}

/// Size of a page and the number after which it begins.
fn page(api: &Api, size: Option<u32>, token: Option<&str>, context: &str) -> Answer<(u32, i64)> {
    let size = api.web.page_size(size)?;
    let token = api.web.open_page_token(token, context)?;
    let after = token.and_then(|text| text.parse().ok());
    Ok((size, after.unwrap_or(0)))
}
