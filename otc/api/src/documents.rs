//! The routes with their documentation, and the interface document made of them.

use rialto_otc_desk::view::FindingView;
use rialto_platform_web::{ProblemDocument, openapi};
use serde_json::Value;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{
    Api, ENDPOINTS, approvals, charts, events, exports, fixings, flows, pricing, quotes, trades,
};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rialto OTC desk",
        version = "1",
        description = "Term sheets, markets, prices, quotes, trades, approvals, fixings and flows. \
            Money, levels and notionals are decimals as text; values and Greeks are numbers; dates \
            are yyyy-mm-dd. A problem may carry `findings` (all that is wrong with a document), \
            `text` (the reason in both languages), `reason` (the desk's code), `version`, `allowed`."
    ),
    components(schemas(ProblemDocument, FindingView))
)]
struct OtcDoc;

pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(OtcDoc::openapi())
        .routes(routes!(pricing::validate))
        .routes(routes!(pricing::templates))
        .routes(routes!(pricing::engines))
        .routes(routes!(pricing::snapshots, pricing::enter_snapshot))
        .routes(routes!(pricing::snapshot))
        .routes(routes!(pricing::price))
        .routes(routes!(pricing::ladder))
        .routes(routes!(pricing::solve))
        .routes(routes!(quotes::list, quotes::make))
        .routes(routes!(quotes::show))
        .routes(routes!(quotes::accept))
        .routes(routes!(quotes::reject))
        .routes(routes!(trades::list, trades::book))
        .routes(routes!(trades::show))
        .routes(routes!(trades::events, trades::send))
        .routes(routes!(trades::state))
        .routes(routes!(trades::flows))
        .routes(routes!(trades::postings))
        .routes(routes!(charts::payoff))
        .routes(routes!(charts::path))
        .routes(routes!(charts::probabilities))
        .routes(routes!(charts::valuation))
        .routes(routes!(charts::mark))
        .routes(routes!(charts::calendar))
        .routes(routes!(exports::export))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::show))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::reject))
        .routes(routes!(fixings::list, fixings::enter))
        .routes(routes!(fixings::import))
        .routes(routes!(flows::list))
        .routes(routes!(flows::instruct))
        .routes(routes!(flows::settle))
        .routes(routes!(flows::fail))
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
