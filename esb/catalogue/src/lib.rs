//! What may happen to an interface on its way from an idea to its withdrawal: states, events, guards.
//!
//! Everything here is pure: a state, an event, who asks and the facts go in; the new state and what
//! has to follow, or every guard that is not met, come out. Nothing is refused for one reason when
//! there are three.

pub mod affected;
pub mod credential;
pub mod cut;
mod guard;
pub mod labels;
pub mod notice;
pub mod similar;
pub mod subscription;
pub mod taxonomy;
pub mod version;

pub use guard::{Actor, Refusal, Role, Unmet};
