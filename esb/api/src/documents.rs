//! The routes with their documentation, and the interface document made of them.

use rialto_esb_manager::view::{FindingView, UnmetView};
use rialto_platform_web::{ProblemDocument, openapi};
use serde_json::Value;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{
    Api, ENDPOINTS, calls, credentials, definitions, events, interfaces, publishing, subscriptions,
    systems, versions,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rialto interface platform",
        version = "1",
        description = "Systems, interfaces, versions, definitions, reviews, subscriptions, credentials, publishing, calls. Dates are yyyy-mm-dd. A \
            problem may carry `findings` (all that is wrong with a definition, with places), `unmet` \
            (every guard that is not met), `text` (the reason in both languages), `reason` (the \
            platform's code) and `revision`."
    ),
    components(schemas(ProblemDocument, FindingView, UnmetView))
)]
struct EsbDoc;

pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(EsbDoc::openapi())
        .routes(routes!(systems::taxonomy))
        .routes(routes!(systems::list, systems::add))
        .routes(routes!(systems::show, systems::change))
        .routes(routes!(interfaces::list, interfaces::add))
        .routes(routes!(interfaces::show, interfaces::change))
        .routes(routes!(interfaces::events))
        .routes(routes!(interfaces::versions, interfaces::add_version))
        .routes(routes!(versions::show))
        .routes(routes!(definitions::import))
        .routes(routes!(definitions::files))
        .routes(routes!(definitions::file))
        .routes(routes!(definitions::operations))
        .routes(routes!(definitions::operation))
        .routes(routes!(definitions::samples))
        .routes(routes!(definitions::try_out))
        .routes(routes!(definitions::schemas))
        .routes(routes!(definitions::schema))
        .routes(routes!(definitions::findings))
        .routes(routes!(definitions::losses))
        .routes(routes!(definitions::changes))
        .routes(routes!(versions::check))
        .routes(routes!(versions::sla))
        .routes(routes!(versions::similar))
        .routes(routes!(versions::outlook, versions::transition))
        .routes(routes!(versions::agree))
        .routes(routes!(versions::waive))
        .routes(routes!(versions::reviews))
        .routes(routes!(publishing::bindings))
        .routes(routes!(publishing::bind))
        .routes(routes!(publishing::environment))
        .routes(routes!(publishing::snapshots, publishing::publish))
        .routes(routes!(publishing::roll_back))
        .routes(routes!(publishing::preview))
        .routes(routes!(
            subscriptions::applications,
            subscriptions::add_application
        ))
        .routes(routes!(subscriptions::list, subscriptions::ask))
        .routes(routes!(subscriptions::show))
        .routes(routes!(subscriptions::transition))
        .routes(routes!(credentials::list, credentials::add))
        .routes(routes!(credentials::show))
        .routes(routes!(credentials::fetch))
        .routes(routes!(credentials::rotate))
        .routes(routes!(credentials::revoke))
        .routes(routes!(calls::calls))
        .routes(routes!(calls::fields))
        .routes(routes!(calls::drift))
        .routes(routes!(events::stream))
}

/// The interface document (OpenAPI 3.1).
#[must_use]
pub fn document() -> Value {
    openapi::document(&router().split_for_parts().1, ENDPOINTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_document_and_table_agree() {
        let (_, api) = router().split_for_parts();
        assert_eq!(openapi::differences(&api, ENDPOINTS), [""; 0]);
    }

    #[test]
    fn every_operation_has_an_id_of_its_own_and_a_summary() {
        let document = document();
        let mut ids = std::collections::BTreeSet::new();
        for endpoint in ENDPOINTS {
            let method = endpoint.method.to_lowercase();
            let operation = &document["paths"][endpoint.path][method];
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(
                !id.is_empty() && ids.insert(id.to_owned()),
                "{}: {id}",
                endpoint.path
            );
            assert!(operation["summary"].is_string(), "{}", endpoint.path);
        }
    }
}
