//! The interface documents: what utoipa gathers, completed from the table of endpoints.

use rialto_platform_identity::Permission;
use serde_json::{Map, Value, json};

use crate::{Access, Endpoint};

/// The finished document of one system: utoipa's, with the permission of each operation, its ways to
/// sign in, and the problem answer, all from the table of endpoints. Keys are sorted, so the text
/// is the same every time.
#[must_use]
pub fn document(api: &utoipa::openapi::OpenApi, endpoints: &[Endpoint]) -> Value {
    let mut document = serde_json::to_value(api).unwrap_or_default();
    for endpoint in endpoints {
        let method = endpoint.method.to_ascii_lowercase();
        let operation = &mut document["paths"][endpoint.path][&method];
        if let Some(operation) = operation.as_object_mut() {
            complete(operation, endpoint);
        }
    }
    document["components"]["securitySchemes"] = json!({
        "session": {"type": "apiKey", "in": "cookie", "name": "rialto_session",
            "description": "Browser session; changes also need the header X-CSRF-Token."},
        "token": {"type": "http", "scheme": "bearer",
            "description": "API token `rlt_<id>_<secret>`."},
    });
    document
}

fn complete(operation: &mut Map<String, Value>, endpoint: &Endpoint) {
    let (permission, security) = match endpoint.access {
        Access::Public => ("none".to_owned(), json!([])),
        Access::SignedIn => (
            "signed_in".to_owned(),
            json!([{"session": []}, {"token": []}]),
        ),
        Access::Needs(Permission::RunnerWork) => {
            (Permission::RunnerWork.to_string(), json!([{"token": []}]))
        }
        Access::Needs(permission) => (
            permission.to_string(),
            json!([{"session": []}, {"token": []}]),
        ),
        Access::Own(means) => (format!("own: {means}"), json!([])),
    };
    // Handlers of different nouns share verbs; together with the noun they name one operation.
    let noun = operation["tags"][0].as_str().unwrap_or_default().to_owned();
    if let Some(id) = operation.get("operationId").and_then(Value::as_str) {
        let id = format!("{noun}_{id}");
        operation.insert("operationId".to_owned(), id.into());
    }
    operation.insert("x-permission".to_owned(), permission.into());
    operation.insert("security".to_owned(), security);
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    if let Some(responses) = responses.as_object_mut() {
        responses.entry("default").or_insert_with(|| {
            json!({
                "description": "Refused or failed; see the problem document.",
                "content": {"application/problem+json":
                    {"schema": {"$ref": "#/components/schemas/Problem"}}},
            })
        });
    }
}

/// Differences between a document and the table, both ways: `GET /path: only in …`.
#[must_use]
pub fn differences(api: &utoipa::openapi::OpenApi, endpoints: &[Endpoint]) -> Vec<String> {
    let document = serde_json::to_value(api).unwrap_or_default();
    let mut documented = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in item.as_object().into_iter().flat_map(Map::keys) {
            documented.push(format!("{} {path}", method.to_ascii_uppercase()));
        }
    }
    let listed: Vec<String> = endpoints
        .iter()
        .map(|e| format!("{} {}", e.method, e.path))
        .collect();
    let only = |a: &[String], b: &[String], place: &str| -> Vec<String> {
        let missing = a.iter().filter(|line| !b.contains(line));
        missing
            .map(|line| format!("{line}: only in {place}"))
            .collect()
    };
    let mut found = only(&documented, &listed, "the document");
    found.extend(only(&listed, &documented, "the table of endpoints"));
    found
}
