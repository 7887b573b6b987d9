//! Term sheets from text to flows.

mod explaining;
mod properties;
mod refusals;
mod schema;
mod sheets;
mod templates;
mod templates_autocall;
mod templates_accrual;
mod templates_options;
mod templates_programs;
mod templates_world;
mod walking;
mod world;
