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
//!
//! # What holds
//!
//! - No text makes [`compile`] panic, loop or take memory out of proportion: every size has a
//!   limit with a code of its own (`docs/reference/gitlab-ci.md` lists them).
//! - Every finding has file, line and column; all findings of a file come at once.
//! - A [`plan::Plan`] exists only if no finding is an error. Before one is run or stored,
//!   [`Compiled::refusals`] must be empty: it names what the plan's jobs ask for and nobody does.
//! - [`Compiled::expanded`] reads back to the same plan.
//! - Variables: what the event brings (project, pipeline) beats the file, the file beats the
//!   predefined set, and inside the file a rule beats the job and the job the top level.
//!
//! ```
//! use rialto_delivery_pipeline::{Context, Repository, compile};
//!
//! struct OneFile(&'static str);
//!
//! impl Repository for OneFile {
//!     fn read(&self, path: &str) -> Option<Vec<u8>> {
//!         (path == ".gitlab-ci.yml").then(|| self.0.as_bytes().to_vec())
//!     }
//!     fn list(&self) -> Vec<String> {
//!         vec![".gitlab-ci.yml".to_owned()]
//!     }
//!     fn changed_paths(&self, _: Option<&str>) -> Option<Vec<String>> {
//!         None
//!     }
//! }
//!
//! let context = Context { source: "push".to_owned(), ..Context::default() };
//! let compiled = compile(&OneFile("unit: {script: cargo test}"), &context);
//! assert!(compiled.refusals().next().is_none());
//! let plan = compiled.plan.expect("the file is valid and has a job for a push");
//! assert_eq!(plan.jobs[0].stage, "test");
//!
//! let compiled = compile(&OneFile("unit: {scirpt: cargo test}"), &context);
//! assert_eq!(
//!     compiled.diagnostics[1].to_string(),
//!     ".gitlab-ci.yml:1:8: error[unknown_keyword]: job `unit`: the key `scirpt` is not known\n  \
//!      fix: did you mean `script`?",
//! );
//! ```

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
