//! Judging: one function from input to verdict.

use std::collections::BTreeSet;

use crate::facts::{Facts, InputRecord, Measurement, Offender, Reading};
use crate::replay::GateInput;
use crate::rule::{Effect, Measure, OnMissing, Rule, Scope, SmallChangeAction};
use crate::verdict::{Overall, RuleResult, RuleSetReference, RuleVerdict, Verdict};
use crate::waiver::AppliedWaiver;

/// Name and version of the way of judging; counted up when the same input would give other bytes.
pub const EVALUATOR: &str = "rialto-gate/1";

/// Judges `input`.
///
/// Never fails: what cannot be judged (no rule for the event, facts that contradict themselves)
/// ends as [`Overall::Error`] with the reason, which is not a pass.
pub fn evaluate(input: &GateInput) -> Verdict {
    let GateInput {
        subject,
        rule_set,
        facts,
        ..
    } = input;
    let error = contradiction(facts).or_else(|| {
        let applies = rule_set
            .rules
            .iter()
            .any(|rule| rule.applies_to.contains(&subject.event));
        (!applies).then(|| {
            format!(
                "no rule of `{}` applies to the event `{}`; nothing was judged",
                rule_set.id, subject.event
            )
        })
    });
    let (rules, applied) = if error.is_none() {
        judge_all(input)
    } else {
        Default::default()
    };
    let overall = match &error {
        Some(_) => Overall::Error,
        None if rules.iter().any(|rule| rule.blocks) => Overall::Failed,
        None => Overall::Passed,
    };
    Verdict {
        id: subject.verdict_id.clone(),
        project_id: subject.project_id.clone(),
        pipeline_id: subject.pipeline_id.clone(),
        sha: subject.sha.clone(),
        tree: subject.tree.clone(),
        git_ref: subject.git_ref.clone(),
        artifact_digest: subject.artifact_digest.clone(),
        event: subject.event,
        rule_set: RuleSetReference {
            id: rule_set.id.clone(),
            version: rule_set.version,
            sha256: rule_set.sha256(),
        },
        base_sha: subject.base_sha.clone(),
        base_choice: subject.base_choice.clone(),
        inputs: facts.inputs.clone(),
        rules,
        waivers: applied,
        excluded_patterns: facts.excluded_patterns.clone(),
        excluded_files: facts.excluded_files.len() as u64,
        overall,
        error,
        evaluator: EVALUATOR.to_owned(),
        created_at: subject.created_at,
        evidence_seq: None,
    }
}

/// Judges every rule that applies and lets waivers pass what they cover.
fn judge_all(input: &GateInput) -> (Vec<RuleVerdict>, Vec<AppliedWaiver>) {
    let GateInput {
        subject,
        rule_set,
        facts,
        waivers,
        ..
    } = input;
    let mut applied: Vec<AppliedWaiver> = waivers
        .iter()
        .map(|waiver| AppliedWaiver {
            id: waiver.id.clone(),
            rules: Vec::new(),
            inert: waiver.inert(subject),
        })
        .collect();
    let mut rules = Vec::new();
    let integrity = integrity(input);
    for rule in rule_set
        .rules
        .iter()
        .filter(|rule| rule.applies_to.contains(&subject.event))
        .chain(&integrity)
    {
        let mut verdict = judge(rule, facts);
        let waiver = waivers
            .iter()
            .zip(&mut applied)
            .find(|(waiver, applied)| applied.inert.is_none() && waiver.covers(rule));
        if let (true, Some((waiver, applied))) = (verdict.blocks, waiver) {
            verdict.result = RuleResult::Waived;
            verdict.blocks = false;
            verdict.detail = format!(
                "{}; waived by {} until {} ({}): {}",
                verdict.detail, waiver.approver, waiver.expires_at, waiver.id, waiver.reason
            );
            applied.rules.push(rule.id.clone());
        }
        rules.push(verdict);
    }
    for waiver in &mut applied {
        if waiver.inert.is_none() && waiver.rules.is_empty() {
            waiver.inert = Some("no rule it covers was failing".to_owned());
        }
    }
    (rules, applied)
}

/// The rule on reports that contradict themselves, when there are some and the set does not say
/// itself what they mean.
fn integrity(input: &GateInput) -> Option<Rule> {
    let measure = Measure::ReportsContradictory;
    let found = input.facts.find(measure, Scope::Overall)?;
    let some = matches!(found.reading, Reading::Count { count, .. } if count > 0);
    let own =
        |rule: &Rule| rule.measure == measure && rule.applies_to.contains(&input.subject.event);
    (some && !input.rule_set.rules.iter().any(own)).then(Rule::report_integrity)
}

/// Facts that cannot be true, so nothing may be concluded from them.
fn contradiction(facts: &Facts) -> Option<String> {
    let mut seen = BTreeSet::new();
    for one in &facts.measurements {
        let name = format!("{} ({})", one.measure, one.scope);
        if !seen.insert((one.measure, one.scope)) {
            return Some(format!("the facts measure {name} twice"));
        }
        match one.reading {
            Reading::Share {
                numerator,
                denominator,
            } if numerator > denominator => {
                return Some(format!(
                    "the facts say {numerator} of {denominator} for {name}"
                ));
            }
            Reading::Share { .. } if !one.measure.is_share() => {
                return Some(format!("the facts give a share for the count {name}"));
            }
            Reading::Count { .. } if one.measure.is_share() => {
                return Some(format!("the facts give a count for the share {name}"));
            }
            Reading::Share { .. } | Reading::Count { .. } | Reading::Missing { .. } => {}
        }
    }
    None
}

/// What judging a rule came to, before it is written down.
struct Judged {
    numerator: Option<u64>,
    denominator: Option<u64>,
    value: Option<String>,
    result: RuleResult,
    detail: String,
    offenders: Vec<Offender>,
}

impl Judged {
    fn missing(reason: &str) -> Self {
        Self {
            numerator: None,
            denominator: None,
            value: None,
            result: RuleResult::Missing,
            detail: reason.to_owned(),
            offenders: Vec::new(),
        }
    }
}

fn judge(rule: &Rule, facts: &Facts) -> RuleVerdict {
    let judged = judge_scope(rule, facts);
    let blocks = rule.effect == Effect::Block
        && match judged.result {
            RuleResult::Fail => true,
            RuleResult::Missing => rule.on_missing == OnMissing::Fail,
            RuleResult::Pass
            | RuleResult::NotApplicable
            | RuleResult::SkippedSmall
            | RuleResult::Waived => false,
        };
    let detail = match (judged.result, rule.on_missing) {
        (RuleResult::Missing, on_missing) => {
            let what = match on_missing {
                OnMissing::Fail => "counts as failed",
                OnMissing::Warn => "is only a warning here",
                OnMissing::Pass => "is allowed here",
            };
            format!("missing: {}; missing data {what}", judged.detail)
        }
        _ => judged.detail,
    };
    RuleVerdict {
        id: rule.id.clone(),
        measure: rule.measure,
        scope: rule.scope,
        op: rule.op,
        bound: rule.bound,
        numerator: judged.numerator,
        denominator: judged.denominator,
        value: judged.value,
        result: judged.result,
        effect: rule.effect,
        blocks,
        detail,
        offenders: judged.offenders,
    }
}

/// Applies the small-change rule, then holds the measurement against the bound.
fn judge_scope(rule: &Rule, facts: &Facts) -> Judged {
    let Some(own) = facts.find(rule.measure, rule.scope) else {
        return Judged::missing(&format!(
            "{} ({}) was not measured",
            rule.measure, rule.scope
        ));
    };
    if rule.scope != Scope::New || matches!(own.reading, Reading::Missing { .. }) {
        return judge_reading(rule, own, facts);
    }
    let lines = facts.new_executable_lines.unwrap_or(match own.reading {
        Reading::Share { denominator, .. } => denominator,
        Reading::Count { sample, .. } => sample,
        Reading::Missing { .. } => 0,
    });
    let least = rule.small_change.min_new_lines;
    if lines == 0 || lines >= least {
        return judge_reading(rule, own, facts);
    }
    let small = format!("the change has {lines} new executable line(s), fewer than {least}");
    match rule.small_change.action {
        SmallChangeAction::Enforce => judge_reading(rule, own, facts),
        SmallChangeAction::Skip => {
            let judged = judge_reading(rule, own, facts);
            let detail = format!("skipped: {small} (it would be: {})", judged.detail);
            Judged {
                result: RuleResult::SkippedSmall,
                detail,
                ..judged
            }
        }
        SmallChangeAction::Overall => match facts.find(rule.measure, Scope::Overall) {
            Some(overall) => {
                let judged = judge_reading(rule, overall, facts);
                Judged {
                    detail: format!("{small}, so the whole tree is judged: {}", judged.detail),
                    ..judged
                }
            }
            None => Judged::missing(&format!(
                "{small}, and {} (overall) was not measured",
                rule.measure
            )),
        },
    }
}

fn judge_reading(rule: &Rule, measurement: &Measurement, facts: &Facts) -> Judged {
    let (numerator, denominator, sample) = match &measurement.reading {
        Reading::Missing { reason } => return Judged::missing(reason),
        Reading::Share {
            numerator,
            denominator,
        } => (*numerator, Some(*denominator), *denominator),
        Reading::Count { count, sample } => (*count, None, *sample),
    };
    let items = items(rule.measure, sample, facts);
    let judged = |result, value, detail| Judged {
        numerator: Some(numerator),
        denominator,
        value,
        result,
        detail,
        offenders: measurement.offenders.clone(),
    };
    // A rule on the number of tests is about nothing being there, too.
    if sample == 0 && rule.measure != Measure::TestsCount {
        let detail = format!("not applicable: there are no {items} to measure");
        return judged(RuleResult::NotApplicable, None, detail);
    }
    if sample < rule.min_sample {
        let reason = format!(
            "{sample} {items} are fewer than the {} to judge by",
            rule.min_sample
        );
        return judged(RuleResult::Missing, None, reason);
    }
    let (value, order, detail) = match denominator {
        Some(denominator) => {
            let percent = rialto_delivery_report::Ratio::new(numerator, denominator).percent();
            let order = rule
                .bound
                .compare_fraction(u128::from(numerator) * 100, denominator);
            let shown = percent.clone().unwrap_or_default();
            let bound = format!("{} {} %", rule.op, rule.bound);
            let detail = format!("{numerator} of {denominator} {items} ({shown} %), bound {bound}");
            (percent, order, detail)
        }
        None => {
            let order = rule.bound.compare_fraction(u128::from(numerator), 1);
            let detail = match measurement.offenders.first() {
                Some(first) if rule.measure == Measure::ReportsContradictory => {
                    contradictory(numerator, sample, items, first)
                }
                _ => format!(
                    "{} is {numerator} of {sample} {items}, bound {} {}",
                    rule.measure, rule.op, rule.bound
                ),
            };
            (Some(numerator.to_string()), order, detail)
        }
    };
    let passes = rule.op.accepts(order);
    judged(
        if passes {
            RuleResult::Pass
        } else {
            RuleResult::Fail
        },
        value,
        detail,
    )
}

/// What a measurement of `measure` on `sample` items looked at. Test reports are called so where all
/// that were looked at are some; facts from before coverage was held against itself have no other.
fn items(measure: Measure, sample: u64, facts: &Facts) -> &'static str {
    let is_test = |input: &&InputRecord| input.kind == "junit" && input.outcome != "refused";
    let tests = facts.inputs.iter().filter(is_test).count() as u64;
    if measure == Measure::ReportsContradictory && sample > tests {
        return "reports";
    }
    measure.items()
}

/// What is wrong with a report that contradicts itself, where, and what to do.
fn contradictory(count: u64, sample: u64, items: &str, first: &Offender) -> String {
    let line = first.line.unwrap_or_default();
    let cure = match items {
        "reports" => {
            "write the whole report and totals that its cases or lines bear out, or leave the totals \
             out"
        }
        _ => {
            "write the whole report and counts that its cases bear out, or leave the count \
             attributes out"
        }
    };
    format!(
        "{count} of {sample} {items} contradict themselves, first {} line {line}: {}; the figures of \
         such a report prove nothing: have the tool {cure}",
        first.file, first.note
    )
}
