//! What a check says about a definition.

use std::fmt;

use crate::definition::Spot;
use crate::words::Words;

/// How much a finding weighs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stops a review, or breaks a caller.
    Error,
    /// Should be looked at, or breaks a habit of callers.
    Warning,
    /// Worth knowing.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Stable id of the rule, `LN07`.
    pub rule: &'static str,
    /// Its weight.
    pub severity: Severity,
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
    /// What is wrong.
    pub what: Words,
    /// Why the rule exists: a clause of a standard or a rule of the house.
    pub why: Words,
    /// What to do.
    pub cure: Words,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} {}: {} {}",
            self.spot, self.severity, self.rule, self.what, self.cure
        )
    }
}

/// Puts findings into the order people read them: by file and place, then by rule.
pub fn sort_findings(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |f: &Finding| {
            let spot = &f.spot;
            (
                spot.file.clone(),
                spot.line,
                spot.column,
                spot.pointer.clone(),
                f.rule,
            )
        };
        key(a).cmp(&key(b))
    });
}
