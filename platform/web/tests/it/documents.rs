//! The interface document.

use rialto_platform_web::{PLATFORM_ENDPOINTS, openapi, platform_routes};

#[test]
fn routes_document_and_table_agree() {
    let (_, api) = platform_routes().split_for_parts();
    assert_eq!(openapi::differences(&api, PLATFORM_ENDPOINTS), [""; 0]);
    let shorter = &PLATFORM_ENDPOINTS[1..];
    assert_eq!(
        openapi::differences(&api, shorter),
        ["POST /api/platform/v1/sessions: only in the document"]
    );
}

#[test]
fn every_operation_has_summary_permission_and_problem_answer() {
    let (_, api) = platform_routes().split_for_parts();
    let document = openapi::document(&api, PLATFORM_ENDPOINTS);
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = std::collections::BTreeSet::new();
    for endpoint in PLATFORM_ENDPOINTS {
        let operation = &document["paths"][endpoint.path][endpoint.method.to_lowercase()];
        let id = operation["operationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            !id.is_empty() && ids.insert(id),
            "{}: its id is not unique",
            endpoint.path
        );
        assert!(operation["x-permission"].is_string(), "{}", endpoint.path);
        assert!(
            operation["summary"].as_str().is_some_and(|s| !s.is_empty()),
            "{}",
            endpoint.path
        );
        assert!(
            operation["responses"]["default"].is_object(),
            "{}",
            endpoint.path
        );
    }
    assert!(document["components"]["schemas"]["Problem"].is_object());
}
