//! Typed configuration with located errors, and telemetry start-up.
//!
//! Values come from four places, later ones winning: the defaults, one TOML file, variables named
//! `RIALTO__SECTION__KEY`, and flags. [`load()`] is pure: it is given the texts and answers with the
//! settings and where each came from, or with every error it found. A key nobody knows is an error
//! that names its place and the nearest known key; nothing is ignored in silence.

mod example;
mod load;
mod nearest;
mod settings;
pub mod telemetry;
mod units;

pub use example::{example, print};
pub use load::{Loaded, Origin, Sources, load, read};
pub use nearest::nearest;
pub use settings::{
    DeliverySettings, GatewaySettings, KEYS, Key, PasswordSettings, RunnerSettings, ServerSettings,
    ServiceSettings, SessionSettings, Settings, StoreSettings, TelemetryFormat, TelemetrySettings,
};
pub use units::{ByteSize, Span, UnitError};
