//! Reverse proxy: pools, health checks, atomic switch, draining.
