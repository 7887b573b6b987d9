//! From report files to a verdict.

use rialto_delivery_gate::facts_builder::{BuiltFacts, ChangeLines, FactsBuilder, ReportFile};
use rialto_delivery_gate::{
    Measure, Overall, Reading, RuleResult, RuleSet, Scope, default_rule_set, evaluate, read_rules,
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
        [RuleResult::Fail; 4],
        "the fourth: the file says 9 tests and holds 3"
    );
}

/// Nothing but test reports of job `unit`, judged by a rule on the pass rate.
fn judge_tests(reports: &[&str], more: &str) -> rialto_delivery_gate::Verdict {
    let rules = format!(
        r#"[{{"id": "tests", "measure": "tests.pass_rate", "op": ">=", "bound": 1}}{more}]"#
    );
    let set = RuleSet {
        rules: read_rules(&serde_json::from_str(&rules).unwrap()).unwrap(),
        ..default_rule_set()
    };
    let mut builder = FactsBuilder::new();
    for (number, report) in reports.iter().enumerate() {
        let name = format!("report-{number}.xml");
        builder.test_report(&file(&name), &junit::read(report.as_bytes()));
    }
    let facts = builder.finish(ChangeLines::NoBase, &set).unwrap().facts;
    evaluate(&input_with(set, facts))
}

const HONEST: &str = "<testsuite tests='1' failures='0'><testcase name='a'/></testsuite>";
const LYING: &str = "<testsuites>\n<testsuite name='s' tests='9' failures='0'><testcase name='a'/>\
     <testcase name='b'/></testsuite></testsuites>";

#[test]
fn a_report_that_lies_about_its_counts_fails_the_gate_although_its_cases_pass() {
    let verdict = judge_tests(&[HONEST, LYING], "");
    assert_eq!(verdict.overall, Overall::Failed);
    assert_eq!(
        verdict.rules[0].result,
        RuleResult::Pass,
        "every case passed"
    );
    let rule = &verdict.rules[1];
    assert_eq!(rule.id, "report-integrity");
    assert_eq!((rule.result, rule.blocks), (RuleResult::Fail, true));
    assert_eq!(
        (rule.numerator, rule.value.as_deref()),
        (Some(1), Some("1"))
    );
    assert_eq!(
        rule.detail,
        "1 of 2 test reports contradict themselves, first report-1.xml line 2: job unit: suite `s` \
         says tests=\"9\", its cases make 2; the figures of such a report prove nothing: have the \
         tool write the whole report and counts that its cases bear out, or leave the count \
         attributes out"
    );
    assert_eq!(rule.offenders[0].line, Some(2));
    let reason = verdict.inputs[1].reason.as_deref().unwrap();
    assert_eq!(
        reason,
        "line 2: suite `s` says tests=\"9\", its cases make 2"
    );
}

/// Judged by a rule on coverage that the lines keep.
fn judge_coverage(reports: &[&str], tests: &[&str]) -> rialto_delivery_gate::Verdict {
    let rules = r#"[{"id": "lines", "measure": "coverage.line", "op": ">=", "bound": 1}]"#;
    let set = RuleSet {
        rules: read_rules(&serde_json::from_str(rules).unwrap()).unwrap(),
        ..default_rule_set()
    };
    let mut builder = FactsBuilder::new();
    for (number, report) in tests.iter().enumerate() {
        let name = format!("report-{number}.xml");
        builder.test_report(&file(&name), &junit::read(report.as_bytes()));
    }
    for (number, report) in reports.iter().enumerate() {
        let name = format!("coverage-{number}");
        builder.coverage(&file(&name), read_coverage(report.as_bytes()), None);
    }
    let facts = builder.finish(ChangeLines::NoBase, &set).unwrap().facts;
    evaluate(&input_with(set, facts))
}

const HONEST_LINES: &str = "SF:a.c\nDA:1,1\nLF:1\nLH:1\nend_of_record\n";
const LYING_RECORD: &str = "SF:b.c\nDA:1,1\nDA:2,0\nLF:2\nLH:2\nend_of_record\n";
const LYING_ROOT: &str = "<coverage line-rate='0.99'><class filename='a.py'><lines>\
    <line number='1' hits='1'/><line number='2' hits='0'/></lines></class></coverage>";

#[test]
fn a_coverage_report_that_lies_about_its_totals_fails_the_gate_although_its_lines_pass() {
    let verdict = judge_coverage(&[HONEST_LINES, LYING_RECORD, LYING_ROOT], &[HONEST]);
    assert_eq!(verdict.overall, Overall::Failed);
    assert_eq!(verdict.rules[0].result, RuleResult::Pass);
    let rule = &verdict.rules[1];
    assert_eq!((&*rule.id, rule.blocks), ("report-integrity", true));
    assert_eq!(
        rule.detail,
        "2 of 4 reports contradict themselves, first coverage-1 line 5: job unit: the record of b.c \
         says LH:2, its DA lines make 1; the figures of such a report prove nothing: have the tool \
         write the whole report and totals that its cases or lines bear out, or leave the totals out"
    );
    let offenders: Vec<(&str, Option<u32>)> = rule
        .offenders
        .iter()
        .map(|one| (one.file.as_str(), one.line))
        .collect();
    assert_eq!(
        offenders,
        [("coverage-1", Some(5)), ("coverage-2", Some(1))]
    );
    assert_eq!(
        verdict.inputs[3].reason.as_deref(),
        Some("line 1: the file says line-rate=\"0.99\", its lines make 1 of 2")
    );
    assert_eq!(
        judge_coverage(&[HONEST_LINES], &[HONEST]).overall,
        Overall::Passed
    );
}

#[test]
fn every_lying_report_is_named_before_the_further_lies_of_the_first() {
    let many: String = (0..200)
        .map(|n| format!("<testsuite name='s{n}' tests='9'><testcase name='a'/></testsuite>"))
        .collect();
    let many = format!("<testsuites>{many}</testsuites>");
    let verdict = judge_tests(&[&many, LYING, LYING], "");
    let named: Vec<&str> = verdict.rules[1]
        .offenders
        .iter()
        .map(|one| one.file.as_str())
        .collect();
    assert_eq!(named[..3], ["report-0.xml", "report-1.xml", "report-2.xml"]);
    assert_eq!((named.len(), named[3]), (100, "report-0.xml"));
}

#[test]
fn a_count_that_is_none_fails_the_gate() {
    let none = "<testsuite name='s' tests='-5'><testcase name='a'/></testsuite>";
    let verdict = judge_tests(&[none], "");
    assert_eq!(verdict.overall, Overall::Failed);
    let detail = &verdict.rules[1].detail;
    assert!(
        detail.contains(
            "report-0.xml line 1: job unit: suite `s` says tests=\"-5\", which is not a count"
        ),
        "{detail}"
    );
}

#[test]
fn a_gate_of_honest_reports_has_no_rule_on_lies() {
    let verdict = judge_tests(&[HONEST], "");
    assert_eq!(verdict.overall, Overall::Passed);
    assert_eq!(verdict.rules.len(), 1);
}

#[test]
fn a_lie_in_a_report_that_breaks_off_is_told_too() {
    let cut = "<testsuites><testsuite tests='9'><testcase name='a'/></testsuite><testsuite";
    let verdict = judge_tests(&[cut], "");
    assert_eq!(verdict.rules[0].result, RuleResult::Missing);
    assert_eq!(verdict.rules[1].result, RuleResult::Fail);
}

#[test]
fn a_rule_of_the_projects_own_says_what_a_lie_means_and_is_recorded() {
    let own = r#", {"id": "asserts", "measure": "reports.contradictory", "op": "==", "bound": 0,
        "effect": "warn"}"#;
    let verdict = judge_tests(&[LYING], own);
    assert_eq!(verdict.overall, Overall::Passed);
    let results: Vec<_> = verdict.rules.iter().map(|r| (&*r.id, r.result)).collect();
    assert_eq!(
        results,
        [("tests", RuleResult::Pass), ("asserts", RuleResult::Fail)]
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
