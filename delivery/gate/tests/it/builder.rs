//! From report files to a verdict.

use rialto_delivery_gate::facts_builder::{BuiltFacts, ChangeLines, FactsBuilder, ReportFile};
use rialto_delivery_gate::{
    Measure, Overall, Reading, RuleResult, RuleSet, Scope, default_rule_set, evaluate,
};
use rialto_delivery_report::{Diff, NewLines, PathMapper, junit, new_lines, read_coverage};

use crate::samples::input_with;

fn file(name: &str) -> ReportFile {
    ReportFile {
        job: "unit".to_owned(),
        name: name.to_owned(),
        digest: "ab".repeat(32),
    }
}

const TESTS: &str = "<testsuite name='s' tests='9'><testcase classname='m.T' name='a'/>\
    <testcase classname='m.T' name='b' file='t.py'><failure message='1 != 2\nmore'/></testcase>\
    <testcase name='c'><skipped/></testcase></testsuite>";

/// Lines 1 to 40 of a.py, the odd ones run.
fn coverage() -> String {
    let lines: String = (1..=40).map(|n| format!("DA:{n},{}\n", n % 2)).collect();
    format!(
        "SF:/builds/house/quote/src/a.py\n{lines}end_of_record\nSF:/usr/lib/x.py\nDA:1,1\nend_of_record\n"
    )
}

fn diff(path: &str, count: u32) -> NewLines {
    let lines: String = (1..=count).map(|n| format!("+line {n}\n")).collect();
    let text = format!(
        "diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{lines}"
    );
    new_lines(&Diff::read(text.as_bytes()).unwrap())
}

fn build(coverage: &str, change: ChangeLines<'_>, set: &RuleSet) -> BuiltFacts {
    let mapper = PathMapper::new(["src/a.py", "src/b.py"]);
    let mut builder = FactsBuilder::new();
    builder.test_report(&file("junit.xml"), &junit::read(TESTS.as_bytes()));
    builder.coverage(
        &file("lcov.info"),
        read_coverage(coverage.as_bytes()),
        Some(&mapper),
    );
    builder.finish(change, set).unwrap()
}

#[test]
fn reports_become_facts_with_offenders() {
    let lines = diff("src/a.py", 30);
    let built = build(&coverage(), ChangeLines::Known(&lines), &default_rule_set());
    insta::assert_json_snapshot!(built.facts);
    let verdict = evaluate(&input_with(default_rule_set(), built.facts));
    assert_eq!(verdict.overall, Overall::Failed);
    let results: Vec<RuleResult> = verdict.rules.iter().map(|rule| rule.result).collect();
    assert_eq!(
        results,
        [RuleResult::Fail, RuleResult::Fail, RuleResult::Fail]
    );
}

#[test]
fn a_new_file_in_no_report_counts_as_uncovered() {
    let lines = diff("src/b.py", 25);
    let built = build(&coverage(), ChangeLines::Known(&lines), &default_rule_set());
    let new = built.facts.find(Measure::CoverageLine, Scope::New).unwrap();
    assert_eq!(
        new.reading,
        Reading::Share {
            numerator: 0,
            denominator: 25
        }
    );
    assert_eq!(
        new.offenders[0].note,
        "25 uncovered new line(s): 1-25; no report mentions the file"
    );
}

#[test]
fn excluded_files_count_nowhere_and_are_listed() {
    let mut set = default_rule_set();
    set.excluded_paths = vec!["src/**/*.py".to_owned(), "src/*.py".to_owned()];
    let lines = diff("src/b.py", 25);
    let built = build(&coverage(), ChangeLines::Known(&lines), &set);
    assert_eq!(built.facts.excluded_files, ["src/a.py", "src/b.py"]);
    assert_eq!(built.coverage.unwrap().overall.total, 0);
}

#[test]
fn without_a_base_all_code_is_existing() {
    let built = build(&coverage(), ChangeLines::NoBase, &default_rule_set());
    let read = |scope| {
        built
            .facts
            .find(Measure::CoverageLine, scope)
            .unwrap()
            .reading
            .clone()
    };
    assert_eq!(
        read(Scope::Existing),
        Reading::Share {
            numerator: 20,
            denominator: 40
        }
    );
    assert_eq!(
        read(Scope::New),
        Reading::Share {
            numerator: 0,
            denominator: 0
        }
    );
}

#[test]
fn an_unknown_change_leaves_only_the_whole_tree_measured() {
    let built = build(
        &coverage(),
        ChangeLines::Unknown("the base is gone"),
        &default_rule_set(),
    );
    let missing = |scope| {
        let found = built.facts.find(Measure::CoverageLine, scope).unwrap();
        matches!(&found.reading, Reading::Missing { reason } if reason.contains("the base is gone"))
    };
    assert!(missing(Scope::New) && missing(Scope::Existing) && !missing(Scope::Overall));
}

#[test]
fn broken_foreign_or_absent_reports_are_missing_data() {
    let lines = diff("src/a.py", 30);
    let reason = |built: &BuiltFacts, measure| match &built
        .facts
        .find(measure, Scope::Overall)
        .unwrap()
        .reading
    {
        Reading::Missing { reason } => reason.clone(),
        other => panic!("not missing: {other:?}"),
    };
    let set = default_rule_set();
    let truncated = coverage().replace("end_of_record\nSF:/usr", "SF:/usr");
    let nothing = FactsBuilder::new()
        .finish(ChangeLines::Known(&lines), &set)
        .unwrap();
    let told = [
        reason(
            &build(&truncated, ChangeLines::Known(&lines), &set),
            Measure::CoverageLine,
        ),
        reason(
            &build("<coverage clover='1'/>", ChangeLines::Known(&lines), &set),
            Measure::CoverageBranch,
        ),
        reason(
            &build(
                "SF:/usr/lib/x.py\nDA:1,1\nend_of_record\n",
                ChangeLines::Known(&lines),
                &set,
            ),
            Measure::CoverageLine,
        ),
        reason(&nothing, Measure::CoverageLine),
        reason(&nothing, Measure::TestsPassRate),
    ];
    insta::assert_snapshot!(told.join("\n"));
}
