//! The `.gitlab-ci.yml` language: text to a plan of jobs (pure).
//!
//! [`compile`] goes from files to a [`plan::Plan`] in five steps, each of which reports all it
//! finds and lets the next one go on:
//!
//! 1. **Load**: YAML 1.1 as Ruby reads it, `include: local`, `spec: inputs`.
//! 2. **Merge**: `extends`, then `!reference`.
//! 3. **Read**: every keyword into types; unknown ones are errors, known ones that nothing
//!    executes yet are [`Severity::Unsupported`].
//! 4. **Choose**: `workflow`, `rules`, `only` and `except` for one event.
//! 5. **Build**: `parallel`, `needs`, order.
//!
//! Files come through [`Repository`], the event through [`Context`]: nothing here touches disk,
//! clock or environment.

mod build;
mod compile;
mod conditions;
mod config;
mod context;
mod diagnostic;
mod duration;
pub mod expression;
pub mod glob;
pub mod pattern;
pub mod plan;
pub mod variables;
pub mod yaml;

pub use build::Why;
pub use compile::{Compiled, compile, expand_yaml};
pub use context::{Context, Repository};
pub use diagnostic::{Diagnostic, Severity};
