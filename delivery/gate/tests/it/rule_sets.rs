use proptest::prelude::*;
use rialto_delivery_gate::{
    Effect, Event, OnMissing, Operator, Overall, Rule, RuleSet, SmallChangeAction,
    default_rule_set, evaluate, read_rules,
};
use serde_json::json;

use crate::samples::{facts, input_with};

fn mandatory() -> RuleSet {
    let mut set = default_rule_set();
    set.id = "company".to_owned();
    for rule in &mut set.rules {
        rule.mandatory = true;
    }
    set
}

#[test]
fn the_default_rules_are_those_of_the_house() {
    insta::assert_json_snapshot!(default_rule_set());
}

#[test]
fn a_project_may_set_its_own_bounds_where_nothing_is_mandatory() {
    let mut rules = default_rule_set().rules;
    rules[0].bound = "90".parse().unwrap();
    rules.truncate(1);
    let child = default_rule_set()
        .derive("project:quote", 2, rules)
        .unwrap();
    assert_eq!((child.rules.len(), child.version), (1, 2));
    assert_ne!(child.sha256(), default_rule_set().sha256());
}

#[test]
fn tightening_and_adding_is_allowed() {
    let mut tighter = mandatory().rules;
    tighter[1].bound = "60.5".parse().unwrap();
    tighter[1].waivable = false;
    tighter[2].op = Operator::MoreThan;
    tighter[2].small_change.min_new_lines = 5;
    tighter[2].small_change.action = SmallChangeAction::Enforce;
    let added = Rule {
        id: "flaky".to_owned(),
        ..tighter[0].clone()
    };
    tighter.push(added);
    assert!(mandatory().derive("product", 1, tighter).is_ok());
    let mut one = mandatory().rules.remove(2);
    one.bound = "90".parse().unwrap();
    let overlay = mandatory().overlay("product", 1, vec![one]).unwrap();
    assert_eq!(overlay.rules.len(), 3);
    assert_eq!(overlay.rules[2].bound.to_string(), "90");
}

#[test]
fn loosening_or_dropping_a_mandatory_rule_is_refused_by_name() {
    type Change = fn(&mut Rule);
    let changes: [(&str, Change); 12] = [
        ("bound", |rule| rule.bound = "79.999999".parse().unwrap()),
        ("op", |rule| rule.op = Operator::AtMost),
        ("op", |rule| rule.op = Operator::NotEqual),
        ("scope", |rule| {
            rule.scope = rialto_delivery_gate::Scope::Overall
        }),
        ("on_missing", |rule| rule.on_missing = OnMissing::Pass),
        ("effect", |rule| rule.effect = Effect::Warn),
        ("min_sample", |rule| {
            rule.min_sample = 5;
            rule.on_missing = OnMissing::Warn;
        }),
        ("small_change", |rule| {
            rule.small_change.min_new_lines = 10_000
        }),
        ("applies_to", |rule| rule.applies_to = [Event::Main].into()),
        ("mandatory", |rule| rule.mandatory = false),
        ("measure", |rule| {
            rule.measure = rialto_delivery_gate::Measure::TestsPassRate
        }),
        ("dropped", |rule| rule.id = "another".to_owned()),
    ];
    let mut told = Vec::new();
    for (field, change) in changes {
        let mut rules = mandatory().rules;
        change(&mut rules[2]);
        let errors = mandatory().derive("product", 1, rules).unwrap_err();
        assert!(
            errors
                .iter()
                .all(|error| error.message.contains("`coverage-new`"))
        );
        told.extend(errors.iter().map(|error| format!("{field}: {error}")));
    }
    insta::assert_snapshot!(told.join("\n"));
    let mut parent = mandatory();
    parent.rules[2].small_change.action = SmallChangeAction::Enforce;
    parent.rules[2].waivable = false;
    let mut rules = parent.rules.clone();
    rules[2].small_change.action = SmallChangeAction::Skip;
    rules[2].waivable = true;
    let errors = parent.derive("product", 1, rules).unwrap_err();
    let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/rules/2/small_change/action", "/rules/2/waivable"]
    );
}

#[test]
fn edited_rules_are_read_with_their_defaults() {
    let rules = read_rules(&json!({"rules": [
        {"id": "new", "measure": "coverage.line", "scope": "new", "op": ">=", "bound": 82.5,
         "small_change": {"min_new_lines": 10}},
        {"id": "tests", "measure": "tests.failed", "op": "==", "bound": "0",
         "applies_to": ["merge", "main"], "effect": "warn", "waivable": false}
    ]}))
    .unwrap();
    insta::assert_json_snapshot!(rules);
    assert_eq!(
        read_rules(&serde_json::to_value(&rules).unwrap()).unwrap(),
        rules
    );
}

#[test]
fn every_fault_of_edited_rules_is_told_with_its_pointer_and_cure() {
    let document = json!({"extra": 1, "rules": [
        {"id": "a b", "measure": "coverage.lines", "scope": "newest", "op": "=>", "bound": "much"},
        {},
        7,
        {"id": "x", "measure": "coverage.line", "op": ">=", "bound": 101, "colour": "red"},
        {"id": "x", "measure": "findings.count.high", "op": "<=", "bound": -1},
        {"id": "y", "measure": "tests.failed", "scope": "new", "op": "==", "bound": 0,
         "min_sample": -3, "small_change": {"action": "never", "lines": 1}, "waivable": "no",
         "applies_to": ["merge", "sometimes"], "on_missing": null},
        {"id": "z", "measure": "tests.failed", "op": "==", "bound": 0, "applies_to": []},
        {"id": "ok", "measure": "tests.failed", "op": "==", "bound": 0},
        {"id": "ok", "measure": "tests.flaky", "op": "==", "bound": 0, "small_change": 5},
        {"id": "report-integrity", "measure": "tests.failed", "op": "==", "bound": 0}
    ]});
    let errors = read_rules(&document).unwrap_err();
    let told: Vec<String> = errors
        .iter()
        .map(|error| format!("{} [{}] {}", error.pointer, error.code, error.message))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_document_of_another_shape_is_refused() {
    for document in [
        json!(null),
        json!({"rule": []}),
        json!("x"),
        json!({"rules": {}}),
    ] {
        assert_eq!(
            read_rules(&document).unwrap_err().last().unwrap().code,
            "wrong_type"
        );
    }
    let many = json!(vec![json!({}); 201]);
    assert_eq!(read_rules(&many).unwrap_err()[0].code, "too_many");
}

#[test]
fn a_wrong_exclusion_pattern_is_told() {
    let mut set = default_rule_set();
    set.excluded_paths = vec!["vendor/**".to_owned(), "a[".to_owned()];
    let error = set.exclusions().unwrap_err();
    assert_eq!(error.pointer, "/excluded_paths/1");
}

fn changed() -> impl Strategy<Value = Vec<Rule>> {
    let change = (
        prop::sample::select(Operator::ALL),
        0_u32..=100,
        prop::sample::select(OnMissing::ALL),
        prop::sample::select(SmallChangeAction::ALL),
        0_u64..40,
        prop::sample::select(Effect::ALL),
    );
    prop::collection::vec(change, 3).prop_map(|changes| {
        let mut rules = mandatory().rules;
        for (rule, (op, bound, on_missing, action, lines, effect)) in rules.iter_mut().zip(changes)
        {
            rule.op = *[op, Operator::AtLeast][usize::from(bound % 3 > 0)..]
                .first()
                .unwrap();
            rule.bound = bound.to_string().parse().unwrap();
            rule.on_missing = on_missing;
            rule.small_change.action = action;
            rule.small_change.min_new_lines = lines;
            rule.effect = effect;
        }
        rules
    })
}

proptest! {
    /// Whatever a child may write, what passes it also passes its parent. (`overall` for small
    /// changes looks at other code, so it is left to its own test.)
    #[test]
    fn an_allowed_child_is_never_looser_than_its_parent(
        rules in changed(),
        tests in (0_u64..4, 1_u64..4),
        new in (0_u64..60, 0_u64..60),
        existing in (0_u64..60, 0_u64..60),
        missing in any::<bool>(),
    ) {
        let Ok(child) = mandatory().derive("child", 1, rules) else { return Ok(()) };
        let whole = |(covered, left): (u64, u64)| (covered, covered + left);
        let mut facts = facts(whole(tests), whole(new), whole(existing));
        if missing {
            facts.measurements.remove(1);
        }
        prop_assume!(child.rules[2].small_change.action != SmallChangeAction::Overall);
        let child = evaluate(&input_with(child, facts.clone()));
        let parent = evaluate(&input_with(mandatory(), facts));
        prop_assert!(child.overall != Overall::Passed || parent.overall == Overall::Passed);
    }
}
