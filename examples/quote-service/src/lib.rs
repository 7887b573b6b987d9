//! Quotes and price limits of listed securities.

pub mod http;
pub mod market;
pub mod service;
