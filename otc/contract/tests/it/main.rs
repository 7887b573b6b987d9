//! Term sheets from text to flows.

mod bad_input;
mod explaining;
mod funding;
mod lives;
mod properties;
mod refusals;
mod schema;
mod sheets;
mod templates;
mod templates_accrual;
mod templates_autocall;
mod templates_options;
mod templates_programs;
mod templates_shapes;
mod templates_world;
mod walking;
mod world;
