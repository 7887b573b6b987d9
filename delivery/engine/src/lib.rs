//! Application services of delivery: push to pipeline to gate to deployment.
