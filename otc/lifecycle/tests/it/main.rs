//! Facts about the book.

mod decisions;
mod funding;
mod integrity;
mod properties;
mod refusals;
mod speed;
mod story;
mod world;
