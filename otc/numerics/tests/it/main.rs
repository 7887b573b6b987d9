//! Oracles and properties of the numerical routines, through the public interface.

mod accuracy;
mod oracle;
mod properties;
