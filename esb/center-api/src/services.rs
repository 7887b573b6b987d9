//! Services and instances.

use std::time::Duration;

use axum::extract::State;
use http::StatusCode;
use rialto_esb_center_manager::rules::registry::ServiceKey;
use rialto_esb_center_manager::view::{ServiceSummary, ServiceView};
use rialto_esb_center_manager::{CenterError, InstanceInput, InstanceRef};
use rialto_platform_web::{Authenticated, Json, Page, Path, Problem, Query, Versioned};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::answer::Answer;

/// Longest wait for a change, seconds.
pub const LONGEST_WAIT_S: u64 = 50;

/// A wait as it is asked for.
pub fn wait(asked: Option<u64>) -> Result<Duration, Problem> {
    match asked.unwrap_or(0) {
        seconds @ 0..=LONGEST_WAIT_S => Ok(Duration::from_secs(seconds)),
        other => Err(Problem::unprocessable().invalid(
            "wait_s",
            "out_of_range",
            format!("{other} is not 0 to {LONGEST_WAIT_S}"),
        )),
    }
}

/// Parts of the path of a service.
type ServicePath = Path<(String, String, String)>;

fn key(Path((namespace, group, name)): ServicePath) -> ServiceKey {
    ServiceKey {
        namespace,
        group,
        name,
    }
}

/// Which services.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServicesQuery {
    /// Namespace; `public` when not told.
    pub namespace: Option<String>,
    /// Rows, 1 to 1,000; 50 when not told.
    pub page_size: Option<u32>,
    /// Where the page begins.
    pub page_token: Option<String>,
}

/// Services of a namespace in the order of group and name
#[utoipa::path(get, path = "/api/esb/v1/services", tag = "services", params(ServicesQuery),
    responses((status = 200, body = Page<ServiceSummary>)))]
pub async fn list_services(
    State(api): State<Api>,
    Query(query): Query<ServicesQuery>,
) -> Answer<Json<Page<ServiceSummary>>> {
    let namespace = query.namespace.as_deref().unwrap_or("public");
    let context = format!("esb services {namespace}");
    let size = api.web.page_size(query.page_size)?;
    let cursor = api
        .web
        .open_page_token(query.page_token.as_deref(), &context)?;
    let after = cursor.as_deref().and_then(|text| text.split_once('/'));
    let limit = usize::try_from(size).unwrap_or(usize::MAX) + 1;
    let rows = api.center.services(namespace, after, limit);
    let page = api.web.page(rows, size, &context, |row| {
        format!("{}/{}", row.group, row.name)
    });
    Ok(Json(page))
}

/// How a service is shown.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServiceQuery {
    /// Only instances that callers are to use: enabled, and healthy or protected.
    #[serde(default)]
    pub usable: bool,
    /// Only instances of these clusters, separated by commas.
    pub clusters: Option<String>,
}

/// A service and its instances; at revision 0 when nobody registered at it
#[utoipa::path(get, path = "/api/esb/v1/services/{namespace}/{group}/{name}", tag = "services",
    params(("namespace" = String, Path), ("group" = String, Path), ("name" = String, Path),
        ServiceQuery),
    responses((status = 200, body = ServiceView, headers(("ETag" = String)))))]
pub async fn show_service(
    State(api): State<Api>,
    path: ServicePath,
    Query(query): Query<ServiceQuery>,
) -> Answer<Versioned<ServiceView>> {
    let clusters = query.clusters.unwrap_or_default();
    let clusters: Vec<&str> = clusters
        .split(',')
        .filter(|name| !name.is_empty())
        .collect();
    let service = match query.usable {
        true => api.center.usable(&key(path), &clusters),
        false => api.center.service(&key(path), &clusters),
    };
    Ok(Versioned(service.revision, service))
}

/// What is set for a service.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectInput {
    /// Share of healthy instances, 0 to 1, below which all are given out.
    pub protection_threshold: f64,
}

/// Set a service's protection threshold
#[utoipa::path(put, path = "/api/esb/v1/services/{namespace}/{group}/{name}", tag = "services",
    params(("namespace" = String, Path), ("group" = String, Path), ("name" = String, Path)),
    request_body = ProtectInput,
    responses((status = 200, body = ServiceView, headers(("ETag" = String)))))]
pub async fn protect_service(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ServicePath,
    Json(input): Json<ProtectInput>,
) -> Answer<Versioned<ServiceView>> {
    let key = key(path);
    let protected = api.center.protect(&actor, &key, input.protection_threshold);
    let service = protected.await?;
    Ok(Versioned(service.revision, service))
}

/// What is known already, and how long to wait for something new.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WatchQuery {
    /// Revision that is known.
    pub since: u64,
    /// Longest wait, 0 to 50 seconds; 0 when not told.
    pub wait_s: Option<u64>,
}

/// A service as soon as its revision is another one, or when the wait is over
#[utoipa::path(get, path = "/api/esb/v1/services/{namespace}/{group}/{name}/watch",
    tag = "services",
    params(("namespace" = String, Path), ("group" = String, Path), ("name" = String, Path),
        WatchQuery),
    responses((status = 200, body = ServiceView, headers(("ETag" = String)))))]
pub async fn watch_service(
    State(api): State<Api>,
    path: ServicePath,
    Query(query): Query<WatchQuery>,
) -> Answer<Versioned<ServiceView>> {
    let wait = wait(query.wait_s)?;
    let service = api
        .center
        .watch_service(&key(path), query.since, wait)
        .await;
    Ok(Versioned(service.revision, service))
}

/// Register an instance, or say anew what is to be known of it
#[utoipa::path(post, path = "/api/esb/v1/services/{namespace}/{group}/{name}/instances",
    tag = "services",
    params(("namespace" = String, Path), ("group" = String, Path), ("name" = String, Path)),
    request_body = InstanceInput,
    responses((status = 200, body = ServiceView, headers(("ETag" = String))),
        (status = 409, description = "It is persistent and would become ephemeral")))]
pub async fn register_instance(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ServicePath,
    Json(input): Json<InstanceInput>,
) -> Answer<Versioned<ServiceView>> {
    let key = key(path);
    api.center.register(&actor, &key, input.instance()).await?;
    let service = api.center.service(&key, &[]);
    Ok(Versioned(service.revision, service))
}

/// Remove an instance
#[utoipa::path(delete, path = "/api/esb/v1/services/{namespace}/{group}/{name}/instances",
    tag = "services",
    params(("namespace" = String, Path), ("group" = String, Path), ("name" = String, Path),
        InstanceRef),
    responses((status = 204), (status = 404, description = "It is not registered")))]
pub async fn deregister_instance(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ServicePath,
    Query(instance): Query<InstanceRef>,
) -> Answer<StatusCode> {
    let removed = api
        .center
        .deregister(&actor, &key(path), &instance.key())
        .await?;
    match removed {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&instance).into()),
    }
}

/// Tell that an instance lives; 404 asks it to register again
#[utoipa::path(post, path = "/api/esb/v1/services/{namespace}/{group}/{name}/beats",
    tag = "services",
    params(("namespace" = String, Path), ("group" = String, Path), ("name" = String, Path)),
    request_body = InstanceRef,
    responses((status = 204), (status = 404, description = "It is not registered")))]
pub async fn beat(
    State(api): State<Api>,
    Authenticated(actor): Authenticated,
    path: ServicePath,
    Json(instance): Json<InstanceRef>,
) -> Answer<StatusCode> {
    match api.center.beat(&actor, &key(path), &instance.key())? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown(&instance).into()),
    }
}

fn unknown(instance: &InstanceRef) -> CenterError {
    CenterError::NotFound {
        what: "instance",
        id: format!("{}:{}", instance.address, instance.port),
    }
}
