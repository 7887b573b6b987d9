//! Market documents from text to the model of a contract.

mod bumps;
mod curves;
mod dupire;
mod snapshots;
mod support;
mod views;
mod wrong;
