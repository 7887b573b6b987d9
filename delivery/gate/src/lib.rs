//! Quality gate: facts and rules to one verdict.
