//! The quality gate: facts and rules to one verdict.
//!
//! Everything here is pure. [`evaluate`] turns a [`GateInput`] (subject, rule set, facts, waivers)
//! into a [`Verdict`]; the same input always gives the same bytes ([`replay`]), so a verdict can be
//! checked years later without the platform that gave it.
//!
//! - [`number`] compares exact fractions; nothing is rounded before it is judged, and what is
//!   shown is rounded down.
//! - [`rule`] and [`rule_set`] are the rules; a child set may tighten and add, never loosen or drop
//!   what its parent calls mandatory.
//! - [`read_rules`] reads rules a person edited and says every fault with its JSON pointer.
//! - [`facts`] are the measurements, made from reports by [`FactsBuilder`].
//! - [`waiver`] lets a rule pass for a reason, on somebody else's word, for a time.

pub mod canonical;
mod evaluate;
pub mod facts;
pub mod facts_builder;
pub mod number;
pub mod read_rules;
pub mod replay;
pub mod rule;
pub mod rule_set;
pub mod verdict;
pub mod waiver;

pub use evaluate::{EVALUATOR, evaluate};
pub use facts::{Facts, InputRecord, Measurement, Offender, Reading};
pub use facts_builder::{BuiltFacts, ChangeLines, FactsBuilder, ReportFile};
pub use number::Decimal;
pub use read_rules::{RuleError, read_rules};
pub use replay::{GateInput, ReplayError, Replayed, replay};
pub use rule::{
    Effect, Event, Measure, OnMissing, Operator, Rule, Scope, SmallChange, SmallChangeAction,
};
pub use rule_set::{RuleSet, default_rule_set};
pub use verdict::{Overall, RuleResult, RuleSetReference, RuleVerdict, Subject, Verdict};
pub use waiver::{AppliedWaiver, Waiver};
