//! Runs a job: process groups, limits, logs, artifacts, caches.
