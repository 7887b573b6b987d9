//! What a new version of an interface means for callers of the old one.
//!
//! A change is an *error* when a caller that was right under the old version can be refused or
//! misled, a *warning* when it breaks a habit nobody promised, else *info*. In requests narrowing
//! breaks, in answers widening does. What cannot be decided is an error that says so. Rule ids are
//! those of the specification, section 8.

mod constraints;
mod messages;
mod operations;
mod parameters;
mod rules;
mod schemas;
mod terms;
#[cfg(test)]
mod tests;

use indexmap::IndexMap;

pub use rules::Way;

use crate::definition::{Definition, Spot};
use crate::finding::Severity;
use crate::words::Words;

/// A change between two versions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// Id of the rule, `SC04`.
    pub rule: &'static str,
    /// What it means for callers.
    pub severity: Severity,
    /// Operations it touches (`POST /v1/orders`), by their old names where they have one.
    pub operations: Vec<String>,
    /// What it touches: `query:symbol`, `body:/items/*/qty`, `200:/id`, `security`; empty for the
    /// operation itself. Of a shared schema, as the first operation reaches it.
    pub at: String,
    /// Which way the values travel that it touches; absent when it is about neither.
    pub way: Option<Way>,
    /// Where the old version says it; absent for what is new.
    pub old: Option<Spot>,
    /// Where the new version says it; absent for what is gone.
    pub new: Option<Spot>,
    /// What changed.
    pub what: Words,
}

/// Compares two versions.
///
/// `today` decides whether a removed operation had passed its sunset; `yyyy-mm-dd`. A definition
/// compared with itself, however it is ordered, has no changes.
#[must_use]
pub fn compare(old: &Definition, new: &Definition, today: &str) -> Vec<Change> {
    let mut report = Report::default();
    operations::compare(old, new, today, &mut report);
    let mut changes: Vec<Change> = report.changes.into_values().collect();
    for change in &mut changes {
        change.operations.sort();
        change.operations.dedup();
    }
    let place = |spot: &Option<Spot>| spot.clone().unwrap_or_default();
    changes.sort_by(|a, b| {
        let key = |c: &Change| {
            (
                c.severity,
                c.operations.clone(),
                c.at.clone(),
                c.rule,
                place(&c.new),
            )
        };
        key(a).cmp(&key(b))
    });
    changes
}

/// The heaviest severity among changes.
#[must_use]
pub fn verdict(changes: &[Change]) -> Option<Severity> {
    changes.iter().map(|change| change.severity).min()
}

/// What tells changes apart.
type Key = (
    &'static str,
    Severity,
    Option<Way>,
    Option<Spot>,
    Option<Spot>,
    String,
);

/// Changes found so far; one in a shared schema is told once with all operations it touches.
#[derive(Debug, Default)]
struct Report {
    changes: IndexMap<Key, Change>,
}

/// What a change is found at.
#[derive(Debug, Clone)]
struct At<'a> {
    operation: &'a str,
    at: String,
    way: Option<Way>,
    old: Option<Spot>,
    new: Option<Spot>,
}

impl Report {
    fn add(&mut self, rule: &'static str, severity: Severity, at: &At<'_>, what: Words) {
        let key = (
            rule,
            severity,
            at.way,
            at.old.clone(),
            at.new.clone(),
            what.en.clone(),
        );
        let change = self.changes.entry(key).or_insert_with(|| Change {
            rule,
            severity,
            operations: Vec::new(),
            at: at.at.clone(),
            way: at.way,
            old: at.old.clone(),
            new: at.new.clone(),
            what,
        });
        change.operations.push(at.operation.to_owned());
    }
}

impl At<'_> {
    fn deeper(&self, step: &str) -> Self {
        Self {
            at: format!("{}{step}", self.at),
            ..self.clone()
        }
    }
}
