//! HTTP interface of the service center: services and instances, configuration items, and the part
//! of Nacos's v1 interface that its clients use.
//!
//! Every decision is the center's. The tables [`ENDPOINTS`] and [`NACOS_ENDPOINTS`] say who may call
//! what; a test compares the first with the routes.

#![expect(
    unused_qualifications,
    reason = "the macros of the interface document write them"
)]

mod answer;
mod configs;
mod documents;
mod endpoints;
mod nacos;
mod services;

use axum::Router;
use axum::extract::FromRef;
use rialto_esb_center_manager::ServiceCenter;
use rialto_platform_web::Web;

pub use documents::document;
pub use endpoints::{ENDPOINTS, NACOS_ENDPOINTS};

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    /// Conventions, people, sessions.
    pub web: Web,
    /// The service center.
    pub center: ServiceCenter,
}

impl FromRef<Api> for Web {
    fn from_ref(api: &Api) -> Self {
        api.web.clone()
    }
}

/// The routes of the house, for a [`rialto_platform_web::Site`] with [`ENDPOINTS`].
pub fn routes(api: Api) -> Router {
    let (router, _) = documents::router().split_for_parts();
    router.with_state(api)
}

/// The routes of Nacos clients, for a site with [`NACOS_ENDPOINTS`].
pub fn nacos_routes(api: Api) -> Router {
    nacos::router().with_state(api)
}
