//! The hash-chained, signed evidence log and its offline verifier.
