//! The OTC desk.
