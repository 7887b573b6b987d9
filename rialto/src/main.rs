//! The one binary: every role and command of the suite.
fn main() {}
