//! Who may call what.

use rialto_platform_identity::Permission;
use rialto_platform_identity::Permission::{
    OtcApprove, OtcFixing, OtcMarketEnter, OtcQuote, OtcRead, OtcSettle, OtcTrade,
};
use rialto_platform_web::{Access, Endpoint};

const fn line(method: &'static str, path: &'static str, permission: Permission) -> Endpoint {
    Endpoint::new(method, path, Access::Needs(permission))
}

/// Every endpoint of this interface.
pub const ENDPOINTS: &[Endpoint] = &[
    line("POST", "/api/otc/v1/termsheets/validate", OtcRead),
    line("GET", "/api/otc/v1/templates", OtcRead),
    line("GET", "/api/otc/v1/engines", OtcRead),
    line("GET", "/api/otc/v1/snapshots", OtcRead),
    line("POST", "/api/otc/v1/snapshots", OtcMarketEnter),
    line("GET", "/api/otc/v1/snapshots/{id}", OtcRead),
    line("POST", "/api/otc/v1/prices", OtcRead),
    line("POST", "/api/otc/v1/ladders", OtcRead),
    line("POST", "/api/otc/v1/solves", OtcRead),
    line("GET", "/api/otc/v1/quotes", OtcRead),
    line("POST", "/api/otc/v1/quotes", OtcQuote),
    line("GET", "/api/otc/v1/quotes/{id}", OtcRead),
    line("POST", "/api/otc/v1/quotes/{id}/accept", OtcQuote),
    line("POST", "/api/otc/v1/quotes/{id}/reject", OtcQuote),
    line("GET", "/api/otc/v1/trades", OtcRead),
    line("POST", "/api/otc/v1/trades", OtcTrade),
    line("GET", "/api/otc/v1/trades/{id}", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/events", OtcRead),
    // What a kind of event needs is checked with its kind.
    line("POST", "/api/otc/v1/trades/{id}/events", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/state", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/flows", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/postings", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/payoff", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/path", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/probabilities", OtcRead),
    line("GET", "/api/otc/v1/trades/{id}/valuation", OtcRead),
    line("POST", "/api/otc/v1/valuations", OtcMarketEnter).slow(),
    line("GET", "/api/otc/v1/calendar", OtcRead),
    line("GET", "/api/otc/v1/exports/{file}", OtcRead).slow(),
    line("GET", "/api/otc/v1/approvals", OtcRead),
    line("GET", "/api/otc/v1/approvals/{id}", OtcRead),
    line("POST", "/api/otc/v1/approvals/{id}/approve", OtcApprove),
    line("POST", "/api/otc/v1/approvals/{id}/reject", OtcApprove),
    line("GET", "/api/otc/v1/fixings", OtcRead),
    line("POST", "/api/otc/v1/fixings", OtcFixing).slow(),
    line("POST", "/api/otc/v1/fixings/import", OtcFixing).slow(),
    line("GET", "/api/otc/v1/flows", OtcRead),
    line(
        "POST",
        "/api/otc/v1/flows/{trade_id}/{flow_id}/instruct",
        OtcSettle,
    ),
    line(
        "POST",
        "/api/otc/v1/flows/{trade_id}/{flow_id}/settle",
        OtcSettle,
    ),
    line(
        "POST",
        "/api/otc/v1/flows/{trade_id}/{flow_id}/fail",
        OtcSettle,
    ),
    line("GET", "/api/otc/v1/events/stream", OtcRead),
];
