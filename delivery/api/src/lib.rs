//! HTTP interface of delivery.
//!
//! Routes, what each needs, and the shapes that go over the wire; every decision is the engine's.
//! The table [`ENDPOINTS`] says who may call what, and a test compares it with the routes.

#![expect(
    unused_qualifications,
    reason = "the macros of the interface document write them"
)]

mod answer;
mod deployments;
mod documents;
mod endpoints;
mod events;
mod file;
mod git;
mod jobs;
mod logs;
mod pipelines;
mod projects;
mod reports;
mod runner;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use rialto_delivery_engine::deployment::Deployments;
use rialto_delivery_engine::{Delivery, Figures};
use rialto_platform_web::{Gauge, GaugeSource, Web};

pub use documents::document;
pub use endpoints::ENDPOINTS;

/// What the handlers share.
#[derive(Clone)]
pub struct Api {
    /// Conventions, people, sessions.
    pub web: Web,
    /// Projects, pipelines, jobs.
    pub delivery: Delivery,
    /// Releases, environments, deployments.
    pub deployments: Deployments,
}

impl FromRef<Api> for Web {
    fn from_ref(api: &Api) -> Self {
        api.web.clone()
    }
}

/// The figures of delivery for `/metrics`.
#[must_use]
pub fn gauges(delivery: Delivery) -> GaugeSource {
    Arc::new(move || {
        let delivery = delivery.clone();
        Box::pin(async move {
            match delivery.figures().await {
                Ok(figures) => gauges_of(figures),
                Err(error) => {
                    tracing::warn!(%error, "the figures of delivery are not known");
                    Vec::new()
                }
            }
        })
    })
}

fn gauges_of(figures: Figures) -> Vec<Gauge> {
    let runner = |state: &str, value| Gauge {
        name: "rialto_runners",
        help: "Runners: known, and heard of within the last minute (online).",
        labels: vec![("state", state.to_owned())],
        value,
    };
    let jobs = figures.jobs.into_iter().map(|(state, value)| Gauge {
        name: "rialto_jobs",
        help: "Jobs under way by state; pending ones wait for a runner.",
        labels: vec![("state", state)],
        value,
    });
    jobs.chain([
        runner("online", figures.runners_online),
        runner("known", figures.runners_known),
    ])
    .collect()
}

/// The routes, ready to be put behind a [`rialto_platform_web::Site`] with [`ENDPOINTS`].
pub fn routes(api: Api) -> Router {
    let (router, _) = documents::router().split_for_parts();
    router.merge(git::routes()).with_state(api)
}
