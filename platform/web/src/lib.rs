//! HTTP conventions of the suite: problem details, paging, sessions, live events, console files.
//!
//! A system hands in its routes and the table of their [`Endpoint`]s to a [`Site`]. The table says
//! for each method and path who may call it, and the site refuses an endpoint that is not in the
//! table: nothing is reachable because somebody forgot to protect it.

mod access;
mod answer;
pub mod codes;
mod console;
mod drain;
mod events;
mod extract;
mod frame;
mod health;
mod idempotency;
mod language;
mod metrics;
mod names;
mod objects;
pub mod openapi;
mod origin;
mod paging;
mod platform_api;
mod problem;
mod serve;
mod site;
mod statements;
mod trace;
mod version;
mod web;

use rialto_platform_store::{Migration, MigrationSet};

pub use access::{
    Access, Authenticated, Credential, CurrentSession, Endpoint, basic_password, bearer_token,
};
pub use answer::{Items, Page};
pub use console::console_is_built;
pub use events::{EventRequest, TopicGuard, event_stream};
pub use extract::{Json, Path, Query, RawBody};
pub use language::Language;
pub use metrics::{Gauge, GaugeSource};
pub use origin::client_address;
pub use platform_api::{PLATFORM_ENDPOINTS, PlatformDoc, platform_routes};
pub use problem::{FieldError, Problem, ProblemDocument};
pub use serve::serve;
pub use site::Site;
pub use statements::STATEMENTS;
pub use trace::TraceId;
pub use version::{IfMatch, Versioned};
pub use web::{Module, Web, WebSettings};

/// The tables of this crate.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "web",
    migrations: &[Migration {
        version: 1,
        name: "idempotency keys",
        sql: include_str!("sql/start.sql"),
        sqlite: None,
        postgres: None,
    }],
};
