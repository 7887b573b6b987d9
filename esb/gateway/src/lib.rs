//! Reverse proxy: listeners per service, pools of upstream connections, active health checks, an
//! atomic switch between an active and a standby version, draining, and retry of idempotent
//! requests. HTTP/1.1 on both sides.
//!
//! Invariants (each with a test over real sockets):
//! - G1: a request is sent to the version that is active when it starts; a switch fails none.
//! - G2: nothing is sent a second time unless nothing was sent the first time, or the method is
//!   idempotent, its body is at hand, and no byte of an answer was forwarded.
//! - G3: what the admin interface confirmed is on disk and in force.
//! - G4: under a fallback rule a request as in G2 that the active version fails is sent once to the
//!   standby; the failure is counted against the active version all the same.
//!
//! Beside, it is the data plane of interfaces ([`InterfacesConfig`]): one listener that serves by a
//! signed snapshot of routes, callers and limits.
//! - G5: nothing is served from a snapshot whose signature, rank or content does not hold; the one
//!   before goes on serving.
//! - G6: a request ends on the snapshot it began with; a publish or roll-back fails none.
//! - G7: serving needs neither database nor control plane, nor any other file than the last snapshot.
//! - G8: what an explanation says is computed by the code that serves, and uses nothing up.

mod admin;
mod attempts;
mod body;
mod config;
mod forward;
mod framing;
mod gateway;
mod headers;
mod health;
mod interfaces;
mod listener;
mod persist;
mod problem;
mod proxy;
mod service;
mod upstream;

pub use config::{
    FALLBACK_STATUSES, GatewayConfig, HealthCheck, Retry, ServiceSpec, ServiceState, Switch,
    Target, TargetState, Timeouts,
};
pub use gateway::{Gateway, GatewayHandle, RefusedSnapshot, StartGatewayError};
pub use interfaces::{
    Acknowledged, Clock, ExplainRequest, Explanation, InterfacesConfig, InterfacesState,
    OpenInterfacesError, Outcome, Step,
};
