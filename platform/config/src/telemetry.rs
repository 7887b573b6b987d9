//! Starts the log of this process: one subscriber, written to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::settings::{TelemetryFormat, TelemetrySettings};

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartTelemetryError {
    /// The filter does not parse.
    #[error("telemetry.filter: `{filter}` is not a filter: {reason}")]
    Filter {
        /// The text given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A subscriber is already installed in this process.
    #[error("telemetry was started twice in one process")]
    Twice,
}

/// Checks a filter without starting anything.
///
/// # Errors
/// [`StartTelemetryError::Filter`] when it does not parse.
pub fn check_filter(filter: &str) -> Result<(), StartTelemetryError> {
    parse(filter).map(|_| ())
}

fn parse(filter: &str) -> Result<EnvFilter, StartTelemetryError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| StartTelemetryError::Filter {
            filter: filter.to_owned(),
            reason: error.to_string(),
        })
}

/// Installs the log of this process. Colours only on a terminal and without `NO_COLOR`.
///
/// # Errors
/// A filter that does not parse, or a second start.
pub fn start(settings: &TelemetrySettings) -> Result<(), StartTelemetryError> {
    let filter = parse(&settings.filter)?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match settings.format {
        TelemetryFormat::Text => builder.with_ansi(colours).try_init(),
        TelemetryFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|_| StartTelemetryError::Twice)
}
