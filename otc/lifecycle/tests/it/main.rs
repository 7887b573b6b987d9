//! Facts about the book.

mod decisions;
mod integrity;
mod properties;
mod refusals;
mod speed;
mod story;
mod world;
