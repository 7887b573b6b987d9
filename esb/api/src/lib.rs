//! HTTP interface of the interface platform.
//!
//! Routes, what each needs, and the shapes that go over the wire; every decision is the platform's.
//! The table [`ENDPOINTS`] says who may call what, and a test compares it with the routes.

#![expect(
    unused_qualifications,
    reason = "the macros of the interface document write them"
)]

mod answer;
mod calls;
mod credentials;
mod definitions;
mod documents;
mod endpoints;
mod events;
mod interfaces;
mod publishing;
mod subscriptions;
mod systems;
mod versions;

use axum::Router;
use axum::extract::FromRef;
use rialto_esb_manager::InterfacePlatform;
use rialto_platform_web::Web;

pub use documents::document;
pub use endpoints::ENDPOINTS;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    /// Conventions, people, sessions.
    pub web: Web,
    /// The interface platform.
    pub platform: InterfacePlatform,
}

impl FromRef<Api> for Web {
    fn from_ref(api: &Api) -> Self {
        api.web.clone()
    }
}

/// The routes, ready to be put behind a [`rialto_platform_web::Site`] with [`ENDPOINTS`].
pub fn routes(api: Api) -> Router {
    let (router, _) = documents::router().split_for_parts();
    router.with_state(api)
}
