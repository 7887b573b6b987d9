//! The routes with their documentation, and the interface document made of them.

use rialto_platform_web::{Endpoint, ProblemDocument, openapi};
use serde_json::Value;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{
    Api, ENDPOINTS, deployments, events, jobs, logs, pipelines, projects, reports, runner,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rialto delivery",
        version = "1",
        description = "Projects, pipelines, jobs, reports, verdicts, releases and deployments."
    ),
    components(schemas(ProblemDocument))
)]
struct DeliveryDoc;

pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(DeliveryDoc::openapi())
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::show))
        .routes(routes!(projects::variables))
        .routes(routes!(projects::put_variable, projects::delete_variable))
        .routes(routes!(projects::gate_rules, projects::put_gate_rules))
        .routes(routes!(pipelines::create))
        .routes(routes!(pipelines::list))
        .routes(routes!(pipelines::show))
        .routes(routes!(pipelines::cancel))
        .routes(routes!(pipelines::retry))
        .routes(routes!(reports::tests))
        .routes(routes!(reports::coverage))
        .routes(routes!(reports::pipeline_verdict))
        .routes(routes!(reports::verdict))
        .routes(routes!(reports::incidents))
        .routes(routes!(reports::incident))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::play))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::artifact))
        .routes(routes!(logs::whole))
        .routes(routes!(logs::lines))
        .routes(routes!(logs::search))
        .routes(routes!(logs::sections))
        .routes(routes!(deployments::environments))
        .routes(routes!(deployments::environment))
        .routes(routes!(deployments::roll_back))
        .routes(routes!(deployments::releases))
        .routes(routes!(deployments::release))
        .routes(routes!(deployments::evidence_bundle))
        .routes(routes!(deployments::list))
        .routes(routes!(deployments::show))
        .routes(routes!(deployments::approve))
        .routes(routes!(deployments::reject))
        .routes(routes!(deployments::cancel))
        .routes(routes!(events::stream))
        .routes(routes!(runner::request_job))
        .routes(routes!(runner::append_trace))
        .routes(routes!(runner::renew_lease))
        .routes(routes!(runner::upload_file))
        .routes(routes!(runner::finish))
        .routes(routes!(runner::archive))
}

/// The endpoints that the document describes: all but git's own protocol.
fn documented() -> Vec<Endpoint> {
    ENDPOINTS
        .iter()
        .filter(|endpoint| !endpoint.path.starts_with("/git/"))
        .copied()
        .collect()
}

/// The interface document (OpenAPI 3.1).
#[must_use]
pub fn document() -> Value {
    openapi::document(&router().split_for_parts().1, &documented())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_document_and_table_agree() {
        let (_, api) = router().split_for_parts();
        assert_eq!(openapi::differences(&api, &documented()), [""; 0]);
    }
    #[test]
    fn every_operation_has_an_id_of_its_own_and_a_summary() {
        let document = document();
        let mut ids = std::collections::BTreeSet::new();
        for endpoint in documented() {
            let method = endpoint.method.to_lowercase();
            let operation = &document["paths"][endpoint.path][method];
            let id = operation["operationId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            assert!(
                !id.is_empty() && ids.insert(id.clone()),
                "{}: {id}",
                endpoint.path
            );
            assert!(operation["summary"].is_string(), "{}", endpoint.path);
        }
    }
}
