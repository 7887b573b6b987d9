//! The whole site: routes of all systems behind one set of layers.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

use crate::access::{self, Access, Endpoint, Table};
use crate::console::Console;
use crate::{PLATFORM_ENDPOINTS, Web, frame, health, metrics, platform_routes, trace};

/// Endpoints of the site itself.
const OWN: &[Endpoint] = &[
    Endpoint::new("GET", "/healthz", Access::Public),
    Endpoint::new("GET", "/readyz", Access::Public),
    Endpoint::new("GET", "/version", Access::Public),
    Endpoint::new(
        "GET",
        "/metrics",
        Access::Own("a loopback address, or the token of anybody"),
    ),
    Endpoint::new("GET", "/ui/config.json", Access::Public),
    Endpoint::new("GET", "/problems/{code}", Access::Public),
];

/// Routes of systems, put together behind the layers that every request passes.
pub struct Site {
    web: Web,
    router: Router,
    endpoints: Vec<Endpoint>,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

impl Site {
    /// A site with the platform's own interface: sessions, users, tokens, evidence, health, console.
    #[must_use]
    pub fn new(web: Web) -> Self {
        let own = Router::new()
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .route("/version", get(health::version))
            .route("/metrics", get(metrics::metrics))
            .route("/ui/config.json", get(health::ui_config))
            .route("/problems/{code}", get(health::problem_page))
            .with_state(web.clone());
        let (platform, _) = platform_routes().split_for_parts();
        let router = own.merge(platform.with_state(web.clone()));
        let endpoints = [OWN, PLATFORM_ENDPOINTS].concat();
        Self {
            web,
            router,
            endpoints,
        }
    }

    /// Adds a system's routes and the table of who may call them.
    #[must_use]
    pub fn with(mut self, routes: Router, endpoints: &[Endpoint]) -> Self {
        self.router = self.router.merge(routes);
        self.endpoints.extend_from_slice(endpoints);
        self
    }

    /// The table of all endpoints.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The finished router.
    pub fn build(self) -> Router {
        let console = Console::default();
        let table = Table::new(self.web.clone(), &self.endpoints);
        self.router
            .layer(from_fn_with_state(table, access::check))
            .fallback(move |request: Request| {
                let console = console.clone();
                async move { console.answer(&request) }
            })
            .layer(DefaultBodyLimit::max(self.web.settings().body_limit))
            .layer(from_fn(frame::layer))
            .layer(from_fn_with_state(self.web.clone(), metrics::layer))
            .layer(from_fn(trace::layer))
    }
}
