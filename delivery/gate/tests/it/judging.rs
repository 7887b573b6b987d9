use proptest::prelude::*;
use rialto_delivery_gate::{
    Effect, Event, Facts, Measure, Measurement, OnMissing, Operator, Overall, Reading, RuleResult,
    Scope, SmallChangeAction, default_rule_set, evaluate,
};

use crate::samples::{facts, good_facts, input, input_with, share};

/// Results of the three default rules and the end.
fn ends(facts: Facts) -> (Vec<RuleResult>, Overall) {
    let verdict = evaluate(&input(facts));
    (
        verdict.rules.iter().map(|rule| rule.result).collect(),
        verdict.overall,
    )
}

use RuleResult::{Fail, Missing, NotApplicable, Pass, SkippedSmall};

#[test]
fn good_figures_pass_and_the_record_says_everything() {
    let verdict = evaluate(&input(good_facts()));
    insta::assert_json_snapshot!(verdict);
}

#[test]
fn a_share_just_below_the_bound_fails_and_never_shows_as_the_bound() {
    let verdict = evaluate(&input(facts(
        (10, 10),
        (79_996, 100_000),
        (599_999, 1_000_000),
    )));
    let told: Vec<String> = verdict
        .rules
        .iter()
        .map(|rule| {
            format!(
                "{}: {:?} {} — {}",
                rule.id,
                rule.result,
                rule.value.as_deref().unwrap_or("-"),
                rule.detail
            )
        })
        .collect();
    assert_eq!(verdict.overall, Overall::Failed);
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn one_failed_test_blocks() {
    assert_eq!(
        ends(facts((99_999, 100_000), (80, 100), (60, 100))).1,
        Overall::Failed
    );
}

#[test]
fn nothing_to_measure_is_not_applicable_and_passes() {
    let (results, overall) = ends(facts((0, 0), (0, 0), (0, 0)));
    assert_eq!(results, [NotApplicable; 3]);
    assert_eq!(overall, Overall::Passed);
}

#[test]
fn a_change_below_twenty_executable_lines_is_skipped_and_says_what_it_would_be() {
    let (results, overall) = ends(facts((1, 1), (0, 19), (60, 100)));
    assert_eq!(results, [Pass, Pass, SkippedSmall]);
    assert_eq!(overall, Overall::Passed);
    assert_eq!(
        ends(facts((1, 1), (0, 20), (60, 100))).0,
        [Pass, Pass, Fail]
    );
    let verdict = evaluate(&input(facts((1, 1), (0, 19), (60, 100))));
    insta::assert_snapshot!(
        verdict.rules[2].detail,
        @"skipped: the change has 19 new executable line(s), fewer than 20 (it would be: 0 of 19 executable lines (0.00 %), bound >= 80 %)"
    );
}

#[test]
fn a_small_change_may_be_enforced_or_judged_by_the_whole_tree() {
    let mut set = default_rule_set();
    set.rules[2].small_change.action = SmallChangeAction::Enforce;
    let small = facts((1, 1), (0, 19), (99, 100));
    assert_eq!(
        evaluate(&input_with(set.clone(), small.clone())).rules[2].result,
        Fail
    );
    set.rules[2].small_change.action = SmallChangeAction::Overall;
    let verdict = evaluate(&input_with(set, small));
    assert_eq!(verdict.rules[2].result, Pass);
    assert_eq!(
        (verdict.rules[2].numerator, verdict.rules[2].denominator),
        (Some(99), Some(119))
    );
}

#[test]
fn missing_data_fails_unless_the_rule_says_otherwise() {
    let mut set = default_rule_set();
    let mut broken = good_facts();
    broken.measurements[1].reading = Reading::Missing {
        reason: "cov.xml was cut off".to_owned(),
    };
    for (on_missing, overall) in [
        (OnMissing::Fail, Overall::Failed),
        (OnMissing::Warn, Overall::Passed),
        (OnMissing::Pass, Overall::Passed),
    ] {
        set.rules[2].on_missing = on_missing;
        let verdict = evaluate(&input_with(set.clone(), broken.clone()));
        assert_eq!(
            (verdict.rules[2].result, verdict.overall),
            (Missing, overall)
        );
        assert!(verdict.rules[2].detail.contains("cov.xml was cut off"));
    }
    // No measurement at all is missing too.
    assert_eq!(ends(Facts::default()), (vec![Missing; 3], Overall::Failed));
}

#[test]
fn a_sample_too_small_to_judge_by_is_missing() {
    let mut set = default_rule_set();
    set.rules[0].min_sample = 11;
    let verdict = evaluate(&input_with(set, good_facts()));
    assert_eq!(
        (verdict.rules[0].result, verdict.overall),
        (Missing, Overall::Failed)
    );
}

#[test]
fn a_warning_rule_never_blocks() {
    let mut set = default_rule_set();
    for rule in &mut set.rules {
        rule.effect = Effect::Warn;
    }
    let verdict = evaluate(&input_with(set, facts((0, 1), (0, 100), (0, 100))));
    assert_eq!(verdict.overall, Overall::Passed);
    assert!(
        verdict
            .rules
            .iter()
            .all(|rule| rule.result == Fail && !rule.blocks)
    );
}

#[test]
fn counts_are_judged_as_counts() {
    let mut set = default_rule_set();
    set.rules.truncate(1);
    set.rules[0].measure = Measure::TestsFailed;
    set.rules[0].op = Operator::Equal;
    set.rules[0].bound = "0".parse().unwrap();
    let failed = |count: u64, sample: u64| Facts {
        measurements: vec![Measurement {
            measure: Measure::TestsFailed,
            scope: Scope::Overall,
            reading: Reading::Count { count, sample },
            offenders: Vec::new(),
        }],
        ..Facts::default()
    };
    let judge = |facts: Facts| evaluate(&input_with(set.clone(), facts)).rules[0].clone();
    assert_eq!(judge(failed(0, 5)).result, Pass);
    assert_eq!(judge(failed(0, 0)).result, NotApplicable);
    let one = judge(failed(1, 5));
    assert_eq!(
        (one.result, one.numerator, one.denominator),
        (Fail, Some(1), None)
    );
    assert_eq!(one.value.as_deref(), Some("1"));
}

#[test]
fn a_rule_on_the_number_of_tests_fails_when_there_are_none() {
    let mut set = default_rule_set();
    set.rules.truncate(1);
    set.rules[0].measure = Measure::TestsCount;
    set.rules[0].bound = "1".parse().unwrap();
    let none = Facts {
        measurements: vec![Measurement {
            measure: Measure::TestsCount,
            scope: Scope::Overall,
            reading: Reading::Count {
                count: 0,
                sample: 0,
            },
            offenders: Vec::new(),
        }],
        ..Facts::default()
    };
    assert_eq!(evaluate(&input_with(set, none)).overall, Overall::Failed);
}

#[test]
fn facts_that_contradict_themselves_are_an_error_not_a_pass() {
    let mut twice = good_facts();
    twice
        .measurements
        .push(share(Measure::TestsPassRate, Scope::Overall, 1, 1));
    let mut more = good_facts();
    more.measurements[0] = share(Measure::TestsPassRate, Scope::Overall, 2, 1);
    let mut kind = good_facts();
    kind.measurements
        .push(share(Measure::TestsFailed, Scope::Overall, 0, 1));
    let mut no_rule = default_rule_set();
    for rule in &mut no_rule.rules {
        rule.applies_to = [Event::Deploy].into();
    }
    let told: Vec<String> = [
        input(twice),
        input(more),
        input(kind),
        input_with(no_rule, good_facts()),
    ]
    .iter()
    .map(|input| {
        let verdict = evaluate(input);
        assert_eq!(verdict.overall, Overall::Error);
        verdict.error.unwrap()
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn only_rules_for_the_event_are_asked() {
    let mut set = default_rule_set();
    set.rules[2].applies_to = [Event::Merge].into();
    let verdict = evaluate(&input_with(set, facts((1, 1), (0, 100), (60, 100))));
    assert_eq!((verdict.rules.len(), verdict.overall), (2, Overall::Passed));
}

proptest! {
    /// Covering more lines, or passing more tests, never turns a pass into a failure.
    #[test]
    fn raising_a_share_never_turns_a_pass_into_a_failure(
        tests in (0_u64..200, 0_u64..50),
        new in (0_u64..200, 0_u64..200),
        existing in (0_u64..2000, 0_u64..2000),
        more in (0_u64..50, 0_u64..200, 0_u64..2000),
        action in prop::sample::select(SmallChangeAction::ALL),
    ) {
        let mut set = default_rule_set();
        set.rules[2].small_change.action = action;
        let shares = |(covered, left): (u64, u64)| (covered, covered + left);
        let raise = |(covered, left): (u64, u64), more: u64| {
            (covered + more.min(left), covered + left)
        };
        let before = facts(shares(tests), shares(new), shares(existing));
        let after =
            facts(raise(tests, more.0), raise(new, more.1), raise(existing, more.2));
        let (before, after) =
            (evaluate(&input_with(set.clone(), before)), evaluate(&input_with(set, after)));
        if before.overall == Overall::Passed {
            prop_assert_eq!(after.overall, Overall::Passed);
        }
        for (before, after) in before.rules.iter().zip(&after.rules) {
            prop_assert!(before.result != Pass || after.result == Pass, "{} {:?}", before.id, after);
        }
    }

    /// The shown percentage reaches the bound only if the bound is kept.
    #[test]
    fn what_is_shown_never_flatters(covered in 0_u64..100_000, left in 0_u64..100_000, bound in 0_u32..=100) {
        let mut set = default_rule_set();
        set.rules[1].bound = bound.to_string().parse().unwrap();
        let verdict = evaluate(&input_with(set, facts((1, 1), (80, 100), (covered, covered + left))));
        let rule = &verdict.rules[1];
        if let Some(value) = &rule.value {
            let whole: u32 = value.split('.').next().unwrap().parse().unwrap();
            prop_assert_eq!(whole >= bound, rule.result == Pass);
        }
    }
}
