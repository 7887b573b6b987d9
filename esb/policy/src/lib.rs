//! What the gateway decides of a request, as pure rules: where it goes, whether it may, how often,
//! and what others may see of it. Time is passed in; nothing here reads a clock or a socket.

pub mod breaker;
pub mod calls;
pub mod drift;
pub mod idempotency;
pub mod limit;
pub mod mask;
pub mod outlier;
pub mod path;
pub mod retry;
pub mod route;
pub mod template;
mod window;
