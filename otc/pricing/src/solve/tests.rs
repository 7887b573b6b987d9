//! Facts about the solver.
