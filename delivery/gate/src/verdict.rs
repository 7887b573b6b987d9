//! The verdict: one immutable record of what was judged, by what, and how it ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::facts::{InputRecord, Offender};
use crate::number::Decimal;
use crate::rule::{Effect, Event, Measure, Operator, Scope};
use crate::waiver::AppliedWaiver;

/// What is judged. The identity and the time of the verdict are part of it, so that judging needs
/// nothing from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Id of the verdict to be given.
    pub verdict_id: String,
    /// Project.
    pub project_id: String,
    /// Pipeline whose reports are judged.
    pub pipeline_id: String,
    /// Commit.
    pub sha: String,
    /// Tree of the commit, where known.
    #[serde(default)]
    pub tree: Option<String>,
    /// Full ref, such as `refs/heads/main`, where there is one.
    #[serde(default)]
    pub git_ref: Option<String>,
    /// SHA-256 of the artifact; a verdict never carries over to another.
    #[serde(default)]
    pub artifact_digest: Option<String>,
    /// What the verdict is asked for.
    pub event: Event,
    /// Commit that "new" is counted from.
    #[serde(default)]
    pub base_sha: Option<String>,
    /// How the base was chosen: `merge_base`, `last_green`, `last_release`, `days:N`, `ref:X` or
    /// `none`.
    pub base_choice: String,
    /// Authors of the change, who may not approve waivers for it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// Time of the verdict.
    pub created_at: Timestamp,
}

/// The record. Its canonical bytes ([`Verdict::canonical_bytes`]) are what replay compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Id of this verdict.
    pub id: String,
    /// Project.
    pub project_id: String,
    /// Pipeline.
    pub pipeline_id: String,
    /// Commit.
    pub sha: String,
    /// Tree of the commit, where known.
    pub tree: Option<String>,
    /// Full ref, where there is one.
    pub git_ref: Option<String>,
    /// SHA-256 of the artifact.
    pub artifact_digest: Option<String>,
    /// What the verdict was asked for.
    pub event: Event,
    /// Rules it was judged by.
    pub rule_set: RuleSetReference,
    /// Commit that "new" is counted from.
    pub base_sha: Option<String>,
    /// How the base was chosen.
    pub base_choice: String,
    /// Reports it was judged on.
    pub inputs: Vec<InputRecord>,
    /// Every rule that applies, in the order of the set.
    pub rules: Vec<RuleVerdict>,
    /// Waivers that were handed in and what they did.
    pub waivers: Vec<AppliedWaiver>,
    /// Patterns of files that were left out.
    pub excluded_patterns: Vec<String>,
    /// How many files they left out.
    pub excluded_files: u64,
    /// The end.
    pub overall: Overall,
    /// Why the end is `error`.
    pub error: Option<String>,
    /// Name and version of the judging program text.
    pub evaluator: String,
    /// Time of the verdict.
    pub created_at: Timestamp,
    /// Where the verdict stands in the evidence log; set when it is stored, not part of the
    /// canonical bytes.
    pub evidence_seq: Option<u64>,
}

/// Which rule set, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSetReference {
    /// Name.
    pub id: String,
    /// Version.
    pub version: u64,
    /// SHA-256 of its canonical form.
    pub sha256: String,
}

/// How one rule ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleVerdict {
    /// Rule.
    pub id: String,
    /// What it measures.
    pub measure: Measure,
    /// On which code.
    pub scope: Scope,
    /// How it compares.
    pub op: Operator,
    /// With what.
    pub bound: Decimal,
    /// The part, or the count.
    pub numerator: Option<u64>,
    /// The whole; absent for counts.
    pub denominator: Option<u64>,
    /// The value for people: a percentage rounded down to two places, or the count.
    pub value: Option<String>,
    /// How it ended.
    pub result: RuleResult,
    /// What a failure of this rule does.
    pub effect: Effect,
    /// True if this rule makes the verdict fail.
    pub blocks: bool,
    /// The whole story in one sentence.
    pub detail: String,
    /// Where the figures are worst.
    pub offenders: Vec<Offender>,
}

/// How a rule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleResult {
    /// The bound is kept.
    Pass,
    /// The bound is not kept.
    Fail,
    /// There was nothing to measure.
    NotApplicable,
    /// The measurement is missing; `blocks` says what that means here.
    Missing,
    /// The change is too small to judge.
    SkippedSmall,
    /// It failed, and a waiver let it pass.
    Waived,
}

/// How the whole ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overall {
    /// No rule blocks.
    Passed,
    /// At least one rule blocks.
    Failed,
    /// It could not be judged; never to be taken for passed.
    Error,
}

impl Verdict {
    /// The bytes replay compares: canonical JSON without the evidence sequence.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        canonical::to_bytes(&Self {
            evidence_seq: None,
            ..self.clone()
        })
    }
}
