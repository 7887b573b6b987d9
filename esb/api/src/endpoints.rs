//! Who may call what.

use rialto_platform_identity::Permission;
use rialto_platform_identity::Permission::{
    EsbProvide, EsbPublish, EsbRead, EsbReview, EsbSubscribe, EsbSystemManage,
};
use rialto_platform_web::{Access, Endpoint};

const fn line(method: &'static str, path: &'static str, permission: Permission) -> Endpoint {
    Endpoint::new(method, path, Access::Needs(permission))
}

/// Every endpoint of this interface.
pub const ENDPOINTS: &[Endpoint] = &[
    line("GET", "/api/esb/v1/taxonomy", EsbRead),
    line("GET", "/api/esb/v1/systems", EsbRead),
    line("POST", "/api/esb/v1/systems", EsbSystemManage),
    line("GET", "/api/esb/v1/systems/{code}", EsbRead),
    line("PUT", "/api/esb/v1/systems/{code}", EsbSystemManage),
    line("GET", "/api/esb/v1/interfaces", EsbRead),
    line("POST", "/api/esb/v1/interfaces", EsbProvide),
    line("GET", "/api/esb/v1/interfaces/{code}", EsbRead),
    line("PUT", "/api/esb/v1/interfaces/{code}", EsbProvide),
    line("GET", "/api/esb/v1/interfaces/{code}/events", EsbRead),
    line("GET", "/api/esb/v1/interfaces/{code}/versions", EsbRead),
    line("POST", "/api/esb/v1/interfaces/{code}/versions", EsbProvide),
    line("GET", "/api/esb/v1/versions/{id}", EsbRead),
    line("PUT", "/api/esb/v1/versions/{id}/definition", EsbProvide).slow(),
    line("GET", "/api/esb/v1/versions/{id}/files", EsbRead),
    line("GET", "/api/esb/v1/versions/{id}/file", EsbRead),
    line("GET", "/api/esb/v1/versions/{id}/operations", EsbRead),
    line("GET", "/api/esb/v1/versions/{id}/operations/{no}", EsbRead),
    line(
        "GET",
        "/api/esb/v1/versions/{id}/operations/{no}/samples",
        EsbRead,
    ),
    line(
        "POST",
        "/api/esb/v1/versions/{id}/operations/{no}/trials",
        EsbSubscribe,
    ),
    line("GET", "/api/esb/v1/versions/{id}/schemas", EsbRead),
    line("GET", "/api/esb/v1/versions/{id}/schemas/{name}", EsbRead),
    line("GET", "/api/esb/v1/versions/{id}/findings", EsbRead),
    line("GET", "/api/esb/v1/versions/{id}/losses", EsbRead),
    line("GET", "/api/esb/v1/versions/{id}/changes", EsbRead).slow(),
    line("POST", "/api/esb/v1/versions/{id}/check", EsbProvide).slow(),
    line("PUT", "/api/esb/v1/versions/{id}/sla", EsbProvide),
    line("POST", "/api/esb/v1/versions/{id}/similar", EsbProvide),
    line("GET", "/api/esb/v1/versions/{id}/transitions", EsbRead),
    // Who may do what an event stands for is checked with the event.
    line("POST", "/api/esb/v1/versions/{id}/transitions", EsbRead),
    line("POST", "/api/esb/v1/versions/{id}/agreement", EsbReview),
    line("POST", "/api/esb/v1/versions/{id}/waivers", EsbReview),
    line("GET", "/api/esb/v1/versions/{id}/bindings", EsbRead),
    line(
        "PUT",
        "/api/esb/v1/versions/{id}/bindings/{environment}",
        EsbProvide,
    ),
    line("GET", "/api/esb/v1/environments/{environment}", EsbRead),
    line(
        "GET",
        "/api/esb/v1/environments/{environment}/snapshots",
        EsbRead,
    ),
    line(
        "POST",
        "/api/esb/v1/environments/{environment}/snapshots",
        EsbPublish,
    )
    .slow(),
    line(
        "POST",
        "/api/esb/v1/environments/{environment}/rollback",
        EsbPublish,
    ),
    line(
        "GET",
        "/api/esb/v1/environments/{environment}/preview",
        EsbPublish,
    )
    .slow(),
    line("GET", "/api/esb/v1/calls", EsbRead),
    line("GET", "/api/esb/v1/drift", EsbRead),
    line("GET", "/api/esb/v1/interfaces/{code}/fields", EsbRead),
    line("GET", "/api/esb/v1/reviews", EsbRead),
    line("GET", "/api/esb/v1/applications", EsbRead),
    line("POST", "/api/esb/v1/applications", EsbSubscribe),
    line("GET", "/api/esb/v1/subscriptions", EsbRead),
    line("POST", "/api/esb/v1/subscriptions", EsbSubscribe),
    line("GET", "/api/esb/v1/subscriptions/{id}", EsbRead),
    // As above: with the event.
    line(
        "POST",
        "/api/esb/v1/subscriptions/{id}/transitions",
        EsbRead,
    ),
    line("GET", "/api/esb/v1/credentials", EsbRead),
    line("POST", "/api/esb/v1/credentials", EsbSubscribe),
    line("GET", "/api/esb/v1/credentials/{id}", EsbRead),
    // The person named fetches it; who may revoke is checked with the credential.
    line("POST", "/api/esb/v1/credentials/{id}/secret", EsbRead),
    line(
        "POST",
        "/api/esb/v1/credentials/{id}/rotation",
        EsbSubscribe,
    ),
    line("POST", "/api/esb/v1/credentials/{id}/revocation", EsbRead),
    line("GET", "/api/esb/v1/events/stream", EsbRead),
];
