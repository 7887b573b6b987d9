//! From text to a typed configuration: loading, merging, and reading every keyword.

pub(crate) mod fields;
pub(crate) mod inputs;
pub(crate) mod job;
pub(crate) mod keys;
pub(crate) mod load;
pub(crate) mod merge;
pub(crate) mod model;
pub(crate) mod outputs;
pub(crate) mod read;
pub(crate) mod rules;
