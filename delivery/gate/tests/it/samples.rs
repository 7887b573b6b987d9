//! Subjects, facts and rules to judge in tests.

use rialto_delivery_gate::{
    Event, Facts, GateInput, Measure, Measurement, Reading, RuleSet, Scope, Subject,
    default_rule_set,
};

pub fn subject() -> Subject {
    Subject {
        verdict_id: "01999999-0000-7000-8000-000000000001".to_owned(),
        project_id: "p1".to_owned(),
        pipeline_id: "pl1".to_owned(),
        sha: "aaaa".to_owned(),
        tree: None,
        git_ref: Some("refs/heads/main".to_owned()),
        artifact_digest: None,
        event: Event::Main,
        base_sha: Some("bbbb".to_owned()),
        base_choice: "last_green".to_owned(),
        authors: vec!["li".to_owned()],
        created_at: "2026-11-22T01:02:03Z".parse().unwrap(),
    }
}

pub fn share(measure: Measure, scope: Scope, numerator: u64, denominator: u64) -> Measurement {
    let reading = Reading::Share {
        numerator,
        denominator,
    };
    Measurement {
        measure,
        scope,
        reading,
        offenders: Vec::new(),
    }
}

/// Facts that pass the default rules: 10 of 10 tests, new 80 of 100, existing 600 of 1000.
pub fn good_facts() -> Facts {
    facts((10, 10), (80, 100), (600, 1000))
}

pub fn facts(tests: (u64, u64), new: (u64, u64), existing: (u64, u64)) -> Facts {
    Facts {
        measurements: vec![
            share(Measure::TestsPassRate, Scope::Overall, tests.0, tests.1),
            share(Measure::CoverageLine, Scope::New, new.0, new.1),
            share(
                Measure::CoverageLine,
                Scope::Existing,
                existing.0,
                existing.1,
            ),
            share(
                Measure::CoverageLine,
                Scope::Overall,
                new.0 + existing.0,
                new.1 + existing.1,
            ),
        ],
        new_executable_lines: Some(new.1),
        ..Facts::default()
    }
}

pub fn input(facts: Facts) -> GateInput {
    GateInput::new(subject(), default_rule_set(), facts, Vec::new())
}

pub fn input_with(rule_set: RuleSet, facts: Facts) -> GateInput {
    GateInput::new(subject(), rule_set, facts, Vec::new())
}
