//! Build, start, check and measure the house.
fn main() {}
