//! Configuration items.

use axum::extract::State;
use http::{Extensions, HeaderMap, StatusCode};
use rialto_esb_center_manager::rules::config::{Client, ItemKey};
use rialto_esb_center_manager::view::{ChangeView, ContentView, ItemSummary, ItemView};
use rialto_esb_center_manager::{GreyInput, ItemInput};
use rialto_platform_web::{
    Authenticated, IfMatch, Json, Page, Path, Query, Versioned, client_address,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::Answer;
use crate::services::wait;

/// Header by which a client says what it is, `zone=sh,role=quote`.
pub const LABELS: &str = "x-rialto-labels";

/// Parts of the path of an item.
type ItemPath = Path<(String, String, String)>;

fn key(Path((namespace, group, id)): ItemPath) -> ItemKey {
    ItemKey {
        namespace,
        group,
        id,
    }
}

/// Who asks, by address and labels.
pub fn client(extensions: &Extensions, headers: &HeaderMap) -> Client {
    let labels = headers.get(LABELS).and_then(|value| value.to_str().ok());
    Client::new(&client_address(extensions), labels.unwrap_or_default())
}

/// Which items.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ItemsQuery {
    /// Namespace; `public` when not told.
    pub namespace: Option<String>,
    /// Group; all when not told.
    pub group: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    pub page_size: Option<u32>,
    /// Where the page begins.
    pub page_token: Option<String>,
}

/// Items of a namespace in the order of group and id
#[utoipa::path(get, path = "/api/esb/v1/configs", tag = "configs", params(ItemsQuery),
    responses((status = 200, body = Page<ItemSummary>)))]
pub async fn list_items(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<ItemsQuery>,
) -> Answer<Json<Page<ItemSummary>>> {
    let namespace = query.namespace.as_deref().unwrap_or("public");
    let group = query.group.as_deref();
    let context = format!("esb configs {namespace} {}", group.unwrap_or_default());
    let size = api.web.page_size(query.page_size)?;
    let cursor = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let after = cursor.as_deref().and_then(|text| text.split_once('/'));
    let limit = usize::try_from(size).unwrap_or(usize::MAX) + 1;
    let rows = api.center.items(&actor, (namespace, group), after, limit)?;
    let page = api.web.page(rows, size, &context, |row| {
        format!("{}/{}", row.group, row.id)
    });
    Ok(Json(page))
}

/// An item
#[utoipa::path(get, path = "/api/esb/v1/configs/{namespace}/{group}/{id}", tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = ItemView, headers(("ETag" = String)))))]
pub async fn show_item(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
) -> Answer<Versioned<ItemView>> {
    let item = api.center.item(&actor, &key(path))?;
    Ok(Versioned(item.summary.revision, item))
}

/// Add an item
#[utoipa::path(post, path = "/api/esb/v1/configs/{namespace}/{group}/{id}", tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path)),
    request_body = ItemInput,
    responses((status = 200, body = ItemView, headers(("ETag" = String))),
        (status = 409, description = "It is there already"),
        (status = 422, description = "The content is not of its type; line and column are told")))]
pub async fn create_item(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    Json(input): Json<ItemInput>,
) -> Answer<Versioned<ItemView>> {
    let item = api.center.create_item(&actor, &key(path), &input).await?;
    Ok(Versioned(item.summary.revision, item))
}

/// Change an item, seen as named by `If-Match`
#[utoipa::path(put, path = "/api/esb/v1/configs/{namespace}/{group}/{id}", tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path),
        ("If-Match" = String, Header, description = "ETag of what was seen, or *")),
    request_body = ItemInput,
    responses((status = 200, body = ItemView, headers(("ETag" = String))),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 422, description = "The content is not of its type; line and column are told"),
        (status = 428, description = "If-Match is missing")))]
pub async fn change_item(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    expected: IfMatch,
    Json(input): Json<ItemInput>,
) -> Answer<Versioned<ItemView>> {
    let key = key(path);
    let changed = api
        .center
        .update_item(&actor, &key, expected.version(), &input);
    let item = changed.await?;
    Ok(Versioned(item.summary.revision, item))
}

/// Why an item goes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RemoveQuery {
    /// Why.
    pub reason: String,
}

/// Remove an item, seen as named by `If-Match`; its history stays
#[utoipa::path(delete, path = "/api/esb/v1/configs/{namespace}/{group}/{id}", tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path),
        ("If-Match" = String, Header, description = "ETag of what was seen, or *"), RemoveQuery),
    responses((status = 204), (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn remove_item(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    expected: IfMatch,
    Query(query): Query<RemoveQuery>,
) -> Answer<StatusCode> {
    let key = key(path);
    let removed = api
        .center
        .remove_item(&actor, &key, expected.version(), &query.reason);
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A page of a history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Rows, 1 to 1,000; 50 when not told.
    pub page_size: Option<u32>,
    /// Where the page begins.
    pub page_token: Option<String>,
}

/// What was done to an item, newest first; also to one that is gone
#[utoipa::path(get, path = "/api/esb/v1/configs/{namespace}/{group}/{id}/history",
    tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path),
        HistoryQuery),
    responses((status = 200, body = Page<ChangeView>)))]
pub async fn item_history(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    Query(query): Query<HistoryQuery>,
) -> Answer<Json<Page<ChangeView>>> {
    let key = key(path);
    let context = format!("esb config history {key}");
    let size = api.web.page_size(query.page_size)?;
    let cursor = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let before = cursor.and_then(|text| text.parse().ok());
    let rows = api
        .center
        .history(&actor, &key, before, i64::from(size) + 1)
        .await?;
    let page = api
        .web
        .page(rows, size, &context, |row| row.revision.to_string());
    Ok(Json(page))
}

/// What a client has, and how long to wait for something else.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContentQuery {
    /// MD5 of the content that the client has; empty for none.
    pub md5: Option<String>,
    /// Longest wait for another content, 0 to 50 seconds; 0 when not told.
    pub wait_s: Option<u64>,
}

/// The content that this client gets, by its address and labels; with `wait_s` as soon as it is
/// another one than `md5` says, or when the wait is over
#[utoipa::path(get, path = "/api/esb/v1/configs/{namespace}/{group}/{id}/content",
    tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path),
        ContentQuery, ("X-Rialto-Labels" = Option<String>, Header,
            description = "what the client is, `zone=sh,role=quote`")),
    responses((status = 200, body = ContentView, headers(("ETag" = String)))))]
pub async fn item_content(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    Query(query): Query<ContentQuery>,
    extensions: Extensions,
    headers: HeaderMap,
) -> Answer<Versioned<ContentView>> {
    let (key, client) = (key(path), client(&extensions, &headers));
    let wait = wait(query.wait_s)?;
    // Who may not see it is told so at once.
    api.center.content(&actor, &key, &client)?;
    let listened = [(key, query.md5.unwrap_or_default())];
    if !wait.is_zero() {
        api.center
            .watch_items(&actor, &listened, &client, wait)
            .await;
    }
    let found = api.center.content(&actor, &listened[0].0, &client)?;
    let content = found.unwrap_or_else(|| ContentView {
        content: None,
        md5: String::new(),
        r#type: None,
        revision: 0,
        grey: false,
    });
    Ok(Versioned(content.revision, content))
}

/// Where to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBackInput {
    /// Revision whose content is wanted.
    pub revision: u64,
    /// Why.
    pub reason: String,
}

/// Give an item the content it had, seen as named by `If-Match`
#[utoipa::path(post, path = "/api/esb/v1/configs/{namespace}/{group}/{id}/rollback",
    tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path),
        ("If-Match" = String, Header, description = "ETag of what was seen, or *")),
    request_body = RollBackInput,
    responses((status = 200, body = ItemView, headers(("ETag" = String))),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn roll_back(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    expected: IfMatch,
    Json(input): Json<RollBackInput>,
) -> Answer<Versioned<ItemView>> {
    let to = (input.revision, input.reason.as_str());
    let key = key(path);
    let back = api.center.roll_back(&actor, &key, expected.version(), to);
    let item = back.await?;
    Ok(Versioned(item.summary.revision, item))
}

/// Give some clients another content first
#[utoipa::path(put, path = "/api/esb/v1/configs/{namespace}/{group}/{id}/grey", tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path),
        ("If-Match" = String, Header, description = "ETag of what was seen, or *")),
    request_body = GreyInput,
    responses((status = 200, body = ItemView, headers(("ETag" = String))),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn start_grey(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    expected: IfMatch,
    Json(input): Json<GreyInput>,
) -> Answer<Versioned<ItemView>> {
    let key = key(path);
    let started = api
        .center
        .start_grey(&actor, &key, expected.version(), &input);
    let item = started.await?;
    Ok(Versioned(item.summary.revision, item))
}

/// How a grey release ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndGreyInput {
    /// Whether its content becomes everybody's; otherwise nobody's.
    pub release: bool,
    /// Why.
    pub reason: String,
}

/// End a grey release, for all or for nobody
#[utoipa::path(post, path = "/api/esb/v1/configs/{namespace}/{group}/{id}/grey/end",
    tag = "configs",
    params(("namespace" = String, Path), ("group" = String, Path), ("id" = String, Path),
        ("If-Match" = String, Header, description = "ETag of what was seen, or *")),
    request_body = EndGreyInput,
    responses((status = 200, body = ItemView, headers(("ETag" = String))),
        (status = 409, description = "There is none"),
        (status = 412, description = "Somebody changed it meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn end_grey(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ItemPath,
    expected: IfMatch,
    Json(input): Json<EndGreyInput>,
) -> Answer<Versioned<ItemView>> {
    let how = (input.release, input.reason.as_str());
    let key = key(path);
    let ended = api.center.end_grey(&actor, &key, expected.version(), how);
    let item = ended.await?;
    Ok(Versioned(item.summary.revision, item))
}
