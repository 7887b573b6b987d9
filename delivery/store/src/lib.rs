//! The tables of delivery.
