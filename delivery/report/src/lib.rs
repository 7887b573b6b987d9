//! Test and coverage reports read into facts, and unified diffs into new lines.
