//! Who calls what, as the gateways saw it.

use axum::extract::State;
use rialto_esb_manager::view::{CallsView, DriftView, FieldUseView};
use rialto_platform_web::{Items, Json, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::Answer;

/// Days that are told when nobody says how many.
const DAYS: u32 = 30;

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallsQuery {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Code of an interface; of all when not told.
    pub interface: Option<String>,
    /// Days back, 1 to 400; 30 when not told.
    pub days: Option<u32>,
}

/// Who calls what in an environment, and which subscriptions nobody uses
#[utoipa::path(get, path = "/api/esb/v1/calls", tag = "calls", operation_id = "calls",
    params(CallsQuery), responses((status = 200, body = CallsView)))]
pub async fn calls(
    State(api): State<Api>,
    Query(query): Query<CallsQuery>,
) -> Answer<Json<CallsView>> {
    let days = query.days.unwrap_or(DAYS);
    let interface = query.interface.as_deref();
    let told = api.platform.calls(&query.environment, interface, days);
    Ok(Json(told.await?))
}

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DriftQuery {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Code of an interface; of all when not told.
    pub interface: Option<String>,
}

/// What of requests and answers does not fit the definitions, summed over the gateways
#[utoipa::path(get, path = "/api/esb/v1/drift", tag = "calls", operation_id = "drift",
    params(DriftQuery), responses((status = 200, body = DriftView)))]
pub async fn drift(
    State(api): State<Api>,
    Query(query): Query<DriftQuery>,
) -> Answer<Json<DriftView>> {
    let interface = query.interface.as_deref();
    let told = api.platform.drift(&query.environment, interface);
    Ok(Json(told.await?))
}

/// Which fields.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FieldsQuery {
    /// `sandbox` or `production`.
    pub environment: String,
    /// Days back, 1 to 400; 30 when not told.
    pub days: Option<u32>,
}

/// Fields that requests to an interface held, by caller and operation
#[utoipa::path(get, path = "/api/esb/v1/interfaces/{code}/fields", tag = "calls",
    operation_id = "field_use", params(("code" = String, Path), FieldsQuery),
    responses((status = 200, body = Items<FieldUseView>)))]
pub async fn fields(
    State(api): State<Api>,
    Path(code): Path<String>,
    Query(query): Query<FieldsQuery>,
) -> Answer<Json<Items<FieldUseView>>> {
    let days = query.days.unwrap_or(DAYS);
    let items = api.platform.field_use(&code, &query.environment, days);
    Ok(Json(Items {
        items: items.await?,
    }))
}
