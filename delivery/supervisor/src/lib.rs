//! Keeps deployed service processes running in their slots.
