//! The `.gitlab-ci.yml` language: text to a plan of jobs (pure).

pub mod plan;
