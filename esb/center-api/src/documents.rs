//! The routes with their documentation, and the interface document made of them.

use rialto_platform_web::{ProblemDocument, openapi};
use serde_json::Value;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Api, ENDPOINTS, configs, services};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rialto service center",
        version = "1",
        description = "Services and their instances, configuration items. A problem may carry `text` \
            (the reason in both languages), `reason` (the center's code) and `revision`."
    ),
    components(schemas(ProblemDocument))
)]
struct CenterDoc;

pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(CenterDoc::openapi())
        .routes(routes!(services::list_services))
        .routes(routes!(services::show_service, services::protect_service))
        .routes(routes!(services::watch_service))
        .routes(routes!(
            services::register_instance,
            services::deregister_instance
        ))
        .routes(routes!(services::beat))
        .routes(routes!(configs::list_items))
        .routes(routes!(
            configs::show_item,
            configs::create_item,
            configs::change_item,
            configs::remove_item
        ))
        .routes(routes!(configs::item_history))
        .routes(routes!(configs::item_content))
        .routes(routes!(configs::roll_back))
        .routes(routes!(configs::start_grey))
        .routes(routes!(configs::end_grey))
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
}
