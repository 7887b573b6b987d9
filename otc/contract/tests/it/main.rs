//! Term sheets from text to flows.

mod properties;
mod refusals;
mod sheets;
mod templates;
mod templates_autocall;
mod templates_options;
mod templates_world;
mod walking;
mod world;
