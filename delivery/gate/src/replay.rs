//! Judging again: the same input gives the same bytes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::canonical;
use crate::evaluate::{EVALUATOR, evaluate};
use crate::facts::Facts;
use crate::rule_set::RuleSet;
use crate::verdict::{Subject, Verdict};
use crate::waiver::Waiver;

/// Everything a verdict depends on, kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateInput {
    /// The way of judging it was made for ([`EVALUATOR`]).
    pub evaluator: String,
    /// What is judged.
    pub subject: Subject,
    /// By which rules.
    pub rule_set: RuleSet,
    /// On which facts.
    pub facts: Facts,
    /// With which waivers.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
}

impl GateInput {
    /// An input for the present way of judging.
    pub fn new(subject: Subject, rule_set: RuleSet, facts: Facts, waivers: Vec<Waiver>) -> Self {
        Self {
            evaluator: EVALUATOR.to_owned(),
            subject,
            rule_set,
            facts,
            waivers,
        }
    }

    /// The canonical bytes to store.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        canonical::to_bytes(self)
    }
}

/// A verdict judged again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The verdict.
    pub verdict: Verdict,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Whether they equal the recorded verdict's, if one was handed in.
    pub identical: Option<bool>,
}

/// Why a verdict cannot be judged again.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The bytes are not a stored input.
    #[error("not a stored gate input: {0}")]
    Read(#[from] serde_json::Error),
    /// It was made for another way of judging, so other bytes would prove nothing.
    #[error(
        "made for the evaluator `{found}`, this is `{EVALUATOR}`; use the release that made it"
    )]
    Evaluator {
        /// The evaluator named in the input.
        found: String,
    },
}

/// An input with the verdict it gave.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    input: GateInput,
    verdict: Verdict,
}

/// A verdict as the server shows it carries its sentences in the reader's languages too (`text`,
/// `error_text`); they are no part of the record.
fn without_texts(mut pair: Value) -> Value {
    let Some(verdict) = pair.get_mut("verdict") else {
        return pair;
    };
    remove(verdict, "error_text");
    for list in ["rules", "inputs", "waivers"] {
        for item in items(verdict, list) {
            remove(item, "text");
            for offender in items(item, "offenders") {
                remove(offender, "text");
            }
        }
    }
    pair
}

fn items<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    value
        .get_mut(name)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn remove(value: &mut Value, name: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(name);
    }
}

/// Judges a stored input again: a [`GateInput`] as JSON, or `{"input": …, "verdict": …}`, in which
/// case the bytes of both verdicts are compared.
///
/// # Errors
/// [`ReplayError`] when the bytes cannot be read or were made for another evaluator.
pub fn replay(bytes: &[u8]) -> Result<Replayed, ReplayError> {
    let value: Value = serde_json::from_slice(bytes)?;
    // Told apart by hand, so that a fault is told about the right shape.
    let (input, recorded): (GateInput, Option<Verdict>) = if value.get("input").is_some() {
        let Pair { input, verdict } = serde_json::from_value(without_texts(value))?;
        (input, Some(verdict))
    } else {
        (serde_json::from_value(value)?, None)
    };
    if input.evaluator != EVALUATOR {
        return Err(ReplayError::Evaluator {
            found: input.evaluator,
        });
    }
    let verdict = evaluate(&input);
    let bytes = verdict.canonical_bytes();
    let identical = recorded.map(|recorded| recorded.canonical_bytes() == bytes);
    Ok(Replayed {
        verdict,
        bytes,
        identical,
    })
}
