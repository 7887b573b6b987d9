//! Typed configuration with located errors, and telemetry start-up.
