//! What the house asks of a definition before it is reviewed.
//!
//! Every rule says why it exists and what to do. The rules are a table ([`RULES`]); a firm may change
//! their weight. Whether an example fits its schema is asked of a [`Checker`], which compiles
//! schemas with a library.

mod operations;
mod rules;
mod schemas;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rialto_document::Node;

pub use rules::{RULES, Rule};

use crate::definition::{Definition, Spot};
use crate::finding::{Finding, Severity, sort_findings};
use crate::words::Words;

/// Tells whether values fit schemas.
pub trait Checker {
    /// What is wrong with a value: a JSON pointer into it and a message for each violation. The
    /// schema's references lead to the shared schemas of the definition.
    fn violations(&self, schema: &Node, value: &Node) -> Vec<(String, String)>;
}

/// Checks a definition; findings in the order of the document.
///
/// `weights` change the weight of rules by id; a rule mapped to `None` is off.
#[must_use]
pub fn lint(
    definition: &Definition,
    checker: &dyn Checker,
    weights: &BTreeMap<String, Option<Severity>>,
) -> Vec<Finding> {
    let mut lint = Lint {
        definition,
        checker,
        weights,
        findings: Vec::new(),
    };
    operations::check(&mut lint);
    schemas::check(&mut lint);
    let mut findings = lint.findings;
    sort_findings(&mut findings);
    findings.dedup();
    findings
}

struct Lint<'a> {
    definition: &'a Definition,
    checker: &'a dyn Checker,
    weights: &'a BTreeMap<String, Option<Severity>>,
    findings: Vec<Finding>,
}

impl Lint<'_> {
    fn tell(&mut self, rule: &Rule, spot: &Spot, what: Words) {
        let severity = match self.weights.get(rule.id) {
            Some(Some(told)) => *told,
            Some(None) => return,
            None => rule.severity,
        };
        self.findings.push(Finding {
            rule: rule.id,
            severity,
            spot: spot.clone(),
            what,
            why: Words::new(rule.why.0, rule.why.1),
            cure: Words::new(rule.cure.0, rule.cure.1),
        });
    }
}
