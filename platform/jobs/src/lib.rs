//! Durable background jobs on the store.
