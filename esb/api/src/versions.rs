//! Versions: service level, likenesses, transitions, reviews, waivers.

use axum::extract::State;
use rialto_esb_manager::view::{OutlookView, ReviewLine, VersionView};
use rialto_esb_manager::{SimilarInput, SlaInput, TransitionInput, WaiverInput};
use rialto_platform_web::{Authenticated, IfMatch, Items, Json, Page, Path, Query, Versioned};

use crate::Api;
use crate::answer::Answer;
use crate::systems::PageQuery;

/// A version
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}", tag = "versions",
    params(("id" = String, Path)),
    responses((status = 200, body = VersionView, headers(("ETag" = String)))))]
pub async fn show(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Answer<Versioned<VersionView>> {
    let version = api.platform.version(&id).await?;
    Ok(Versioned(version.revision, version))
}

/// Check a version by today's rules and compare it with today's version before it
#[utoipa::path(post, path = "/api/esb/v1/versions/{id}/check", tag = "versions",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the version that was seen, or *")),
    responses((status = 200, body = VersionView, headers(("ETag" = String))),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn check(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
) -> Answer<Versioned<VersionView>> {
    let checked = api.platform.check_again(&actor, &id, expected.version());
    let version = checked.await?;
    Ok(Versioned(version.revision, version))
}

/// Agree on a service level while the version is being written
#[utoipa::path(put, path = "/api/esb/v1/versions/{id}/sla", tag = "versions",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the version that was seen, or *")),
    request_body = SlaInput,
    responses((status = 200, body = VersionView, headers(("ETag" = String))),
        (status = 409, description = "It is before the reviewers or beyond"),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn sla(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<SlaInput>,
) -> Answer<Versioned<VersionView>> {
    let set = api
        .platform
        .set_sla(&actor, &id, expected.version(), &input);
    let version = set.await?;
    Ok(Versioned(version.revision, version))
}

/// Say why another interface is needed beside one that is like it
#[utoipa::path(post, path = "/api/esb/v1/versions/{id}/similar", tag = "versions",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the version that was seen, or *")),
    request_body = SimilarInput,
    responses((status = 200, body = VersionView, headers(("ETag" = String))),
        (status = 409, description = "It is before the reviewers or beyond"),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn similar(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<SimilarInput>,
) -> Answer<Versioned<VersionView>> {
    let answered = api
        .platform
        .answer_similar(&actor, &id, expected.version(), &input);
    let version = answered.await?;
    Ok(Versioned(version.revision, version))
}

/// What would become of every event the state of a version knows, for the one who asks
#[utoipa::path(get, path = "/api/esb/v1/versions/{id}/transitions", tag = "versions",
    params(("id" = String, Path)), responses((status = 200, body = Items<OutlookView>)))]
pub async fn outlook(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
) -> Answer<Json<Items<OutlookView>>> {
    let items = api.platform.outlook(&actor, &id).await?;
    Ok(Json(Items { items }))
}

/// Move a version on, seen as named by `If-Match`
#[utoipa::path(post, path = "/api/esb/v1/versions/{id}/transitions", tag = "versions",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the version that was seen, or *")),
    request_body = TransitionInput,
    responses((status = 200, body = VersionView, headers(("ETag" = String))),
        (status = 403, description = "Another role is asked for, or another person; `unmet` holds \
            every guard that is not met"),
        (status = 409, description = "`unmet` holds every guard that is not met"),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn transition(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<TransitionInput>,
) -> Answer<Versioned<VersionView>> {
    let moved = api
        .platform
        .transition(&actor, &id, expected.version(), &input);
    let version = moved.await?;
    Ok(Versioned(version.revision, version))
}

/// Agree, as a security administrator, to the data a version in review holds
#[utoipa::path(post, path = "/api/esb/v1/versions/{id}/agreement", tag = "versions",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the version that was seen, or *")),
    responses((status = 200, body = VersionView, headers(("ETag" = String))),
        (status = 403, description = "Another role is asked for, or another person"),
        (status = 409, description = "It is not in review"),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn agree(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
) -> Answer<Versioned<VersionView>> {
    let agreed = api.platform.agree(&actor, &id, expected.version());
    let version = agreed.await?;
    Ok(Versioned(version.revision, version))
}

/// Waive a guard by name, with a reason and an expiry
#[utoipa::path(post, path = "/api/esb/v1/versions/{id}/waivers", tag = "versions",
    params(("id" = String, Path), ("If-Match" = String, Header,
        description = "ETag of the version that was seen, or *")),
    request_body = WaiverInput,
    responses((status = 200, body = VersionView, headers(("ETag" = String))),
        (status = 403, description = "Another role is asked for, or another person"),
        (status = 412, description = "Somebody changed the version meanwhile"),
        (status = 428, description = "If-Match is missing")))]
pub async fn waive(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    expected: IfMatch,
    Json(input): Json<WaiverInput>,
) -> Answer<Versioned<VersionView>> {
    let waived = api.platform.waive(&actor, &id, expected.version(), &input);
    let version = waived.await?;
    Ok(Versioned(version.revision, version))
}

/// Versions before the reviewers, those that wait longest first
#[utoipa::path(get, path = "/api/esb/v1/reviews", tag = "reviews", params(PageQuery),
    responses((status = 200, body = Page<ReviewLine>)))]
pub async fn reviews(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    Query(query): Query<PageQuery>,
) -> Answer<Json<Page<ReviewLine>>> {
    let context = "esb reviews";
    let size = api.web.page_size(query.page_size)?;
    let token = query.page_token.as_deref();
    let token = api.web.open_page_token(token, context)?;
    let after = token.as_deref().and_then(|text| {
        let (at, id) = text.split_once('|')?;
        Some((at.parse().ok()?, id))
    });
    let rows = api.platform.reviews(&actor, after, i64::from(size) + 1);
    let rows = rows.await?;
    Ok(Json(api.web.page(rows, size, context, |row| {
        let version = &row.version;
        let at = version.submitted_at.map_or(0, |at| at.as_microsecond());
        format!("{at}|{}", version.id)
    })))
}
