//! Git hosting through the git program: smart HTTP, refs, trees, diffs.
