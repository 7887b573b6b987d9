use proptest::prelude::*;
use rialto_delivery_report::{CaseStatus, Outcome, TestReport, junit};

fn whole(text: &str) -> TestReport {
    match junit::read(text.as_bytes()) {
        Outcome::Parsed { value } => value,
        other => panic!("not parsed: {other:?}"),
    }
}

const PYTEST: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="5" time="1,234.5">
<testcase classname="tests.test_nav" name="test_a" file="tests/test_nav.py" time="0.001" />
<testcase classname="tests.test_nav" name="test_b" time="-1"><failure message="assert 1 == 2">def test_b():
&gt;   assert 1 == 2
<![CDATA[E   <AssertionError>]]></failure><system-out>printed &#x4F60;</system-out></testcase>
<testcase classname="tests.test_nav" name="test_c" time="1e-05"><skipped type="pytest.skip" message="later">x</skipped></testcase>
<testcase classname="tests.test_nav" name="test_d"><error message="fixture"/><failure message="second"/></testcase>
<testcase classname="tests.test_nav" name="test_a" file="tests/test_nav.py" time="NaN"/>
</testsuite></testsuites>"#;

#[test]
fn cases_are_counted_and_the_worst_ending_wins() {
    let report = whole(PYTEST);
    let totals = report.totals;
    assert_eq!(
        (
            totals.total,
            totals.passed,
            totals.failed,
            totals.errored,
            totals.skipped
        ),
        (5, 2, 1, 1, 1)
    );
    assert_eq!(report.count_mismatches, []);
    let statuses: Vec<CaseStatus> = report.suites[0]
        .cases
        .iter()
        .map(|case| case.status)
        .collect();
    use CaseStatus::{Errored, Failed, Passed, Skipped};
    assert_eq!(statuses, [Passed, Failed, Skipped, Errored, Passed]);
}

#[test]
fn texts_and_times_are_kept() {
    let report = whole(PYTEST);
    let suite = &report.suites[0];
    assert_eq!(suite.duration_us, Some(1_234_500_000));
    let times: Vec<Option<u64>> = suite.cases.iter().map(|case| case.duration_us).collect();
    assert_eq!(times, [Some(1_000), None, Some(10), None, None]);
    let failed = &suite.cases[1];
    assert_eq!(failed.message.as_ref().unwrap().text, "assert 1 == 2");
    let output = &failed.output.as_ref().unwrap().text;
    assert!(
        output.contains(">   assert 1 == 2\nE   <AssertionError>printed 你"),
        "{output}"
    );
}

#[test]
fn duplicates_are_numbered_not_dropped() {
    let report = whole(PYTEST);
    let numbers: Vec<u32> = report.suites[0]
        .cases
        .iter()
        .map(|case| case.number)
        .collect();
    assert_eq!(numbers, [1, 1, 1, 1, 2]);
}

#[test]
fn nested_suites_keep_their_path_and_count_for_the_outer_ones() {
    let report = whole(
        "<testsuites tests='3' failures='1'><testsuite name='outer' tests='3'><testcase name='a'/>\
         <testsuite name='inner' tests='2'><testcase name='b'/><testcase name='a'><failure/>\
         <failure/></testcase></testsuite></testsuite></testsuites>",
    );
    let names: Vec<String> = report.suites.iter().map(|suite| suite.name()).collect();
    assert_eq!(names, ["outer", "outer › inner"]);
    assert_eq!(report.totals.failed, 1);
    assert_eq!(report.count_mismatches, []);
}

#[test]
fn a_report_that_lies_about_its_counts_is_flagged_and_not_believed() {
    let report = whole(
        "<testsuites>\n<testsuite name='s' tests='100' failures='0' errors='x' skipped='2'>\
         <testcase name='a'><failure/></testcase></testsuite></testsuites>",
    );
    assert_eq!((report.totals.total, report.totals.failed), (1, 1));
    let found: Vec<(String, u64, u64, u32)> = report
        .count_mismatches
        .iter()
        .map(|one| (one.attribute.clone(), one.declared, one.counted, one.line))
        .collect();
    let expected = [
        ("tests", 100, 1, 2),
        ("failures", 0, 1, 2),
        ("skipped", 2, 0, 2),
    ];
    assert_eq!(
        found,
        expected.map(|(name, a, b, line)| (name.to_owned(), a, b, line))
    );
    assert_eq!(report.unreadable_counts[0].line, 2);
    assert_eq!(
        report.unreadable_counts[0].message,
        "suite `s` says errors=\"x\", which is not a count"
    );
    assert_eq!(report.contradictions().len(), 4);
    assert_eq!(
        report.count_mismatches[0].to_string(),
        "suite `s` says tests=\"100\", its cases make 1"
    );
}

#[test]
fn a_broken_tear_down_counted_the_way_pytest_counts_is_no_lie() {
    let passed_then_broke = whole(
        "<testsuites><testsuite name='pytest' errors='1' failures='0' skipped='0' tests='3'>\
         <testcase classname='t' name='a'><error message='tear-down'/></testcase>\
         <testcase classname='t' name='b'/></testsuite></testsuites>",
    );
    assert_eq!(passed_then_broke.count_mismatches, []);
    let failed_then_broke = whole(
        "<testsuites><testsuite name='pytest' errors='1' failures='1' skipped='0' tests='1'>\
         <testcase classname='t' name='a'><failure message='no'/></testcase>\
         <testcase classname='t' name='a'><error message='tear-down'/></testcase>\
         </testsuite></testsuites>",
    );
    assert_eq!(failed_then_broke.count_mismatches, []);
    let one_too_many = whole(
        "<testsuite name='pytest' tests='3'><testcase name='a'/><testcase name='b'/></testsuite>",
    );
    assert_eq!(one_too_many.count_mismatches[0].counted, 2);
}

#[test]
fn subtests_and_assertions_counted_as_tests_are_no_lie_while_failures_are_right() {
    let cases = "<testcase name='a'/><testcase name='b'/></testsuite>";
    let stamp = "hostname='ci' timestamp='2026-01-02T03:04:05' time='0.1'";
    let pytest = format!("<testsuite name='pytest' {stamp} errors='0' skipped='0'");
    let subtests = format!("{pytest} tests='8' failures='0'>{cases}");
    assert_eq!(whole(&subtests).count_mismatches, []);
    let assertions =
        format!("<testsuite name='t' hostname='tbd' tests='41' failures='0' errors='0'>{cases}");
    assert_eq!(whole(&assertions).count_mismatches, []);
    let children = "<testsuites><testsuite name='outer' tests='2' failures='0'><testsuite name='inner' \
        tests='3'><testcase name='a'/><testcase name='b'/><testcase name='c'/></testsuite>\
        <testcase name='d'/></testsuite></testsuites>";
    assert_eq!(whole(children).count_mismatches, [], "children counted");
    for lie in [
        format!("{pytest} tests='8' failures='1'>"),
        format!("{pytest} tests='8'>"),
        format!("{pytest} tests='1' failures='0'>"),
        format!("{pytest} tests='99999' failures='0'>"),
        "<testsuite name='pytest' tests='8' failures='0' errors='0' skipped='0'>".to_owned(),
        format!("<testsuite name='pytest' {stamp} tests='8' failures='0' errors='0'>"),
        "<testsuite name='other' tests='8' failures='0' errors='0'>".to_owned(),
    ] {
        let report = whole(&format!("{lie}{cases}"));
        assert_ne!(report.count_mismatches, [], "{lie}");
    }
}

#[test]
fn what_pytest_writes_with_subtests_and_broken_tear_downs_is_no_lie() {
    for text in [
        include_str!("real/pytest-8-subtests.xml"),
        include_str!("real/pytest-9-subtests.xml"),
    ] {
        let report = whole(text);
        assert_eq!(report.contradictions(), []);
        assert!(text.contains("tests=\"22\"") && report.totals.total == 7);
        let lie = text.replacen("skipped=\"1\"", "skipped=\"0\"", 1);
        assert_ne!(whole(&lie).contradictions(), []);
    }
}

/// Five tests under `rerunFailingTestsCount=2`: saved in the second run, broken at first and saved,
/// never saved, fine, switched off.
fn surefire(counts: &str) -> String {
    format!(
        "<testsuite name='t.FlakyTest' time='0.1' {counts}>\
         <testcase name='saved' classname='t.FlakyTest'><flakyFailure message='first'/></testcase>\
         <testcase name='savedError' classname='t.FlakyTest'><flakyError type='x'/></testcase>\
         <testcase name='never' classname='t.FlakyTest'><failure message='always'/>\
         <rerunFailure message='always'/><rerunFailure message='always'/></testcase>\
         <testcase name='fine' classname='t.FlakyTest'/>\
         <testcase name='off' classname='t.FlakyTest'><skipped/></testcase></testsuite>"
    )
}

#[test]
fn reruns_that_surefire_counts_are_no_lie() {
    for counts in [
        // Tests; runs; runs of failures alone; the last round alone.
        "tests='5' failures='1' errors='0' skipped='1' flakes='2'",
        "tests='9' failures='4' errors='1' skipped='1'",
        "tests='5' failures='4' errors='1' skipped='1'",
        "tests='1' failures='1' errors='0' skipped='0'",
    ] {
        let report = whole(&surefire(counts));
        assert_eq!(report.contradictions(), [], "{counts}");
        assert_eq!((report.totals.failed, report.totals.flaky), (1, 2));
        let merged = format!("<testsuites {counts}>{}</testsuites>", surefire(counts));
        assert_eq!(whole(&merged).contradictions(), [], "{counts}");
    }
    for counts in [
        "tests='10' failures='1' errors='0' skipped='1'",
        "tests='0' failures='1' errors='0' skipped='1'",
        "tests='5' failures='0' errors='0' skipped='1'",
        "tests='5' failures='5' errors='0' skipped='1'",
        "tests='5' failures='1' errors='2' skipped='1'",
        "tests='5' failures='1' errors='0' skipped='2'",
    ] {
        assert_eq!(
            whole(&surefire(counts)).contradictions().len(),
            1,
            "{counts}"
        );
    }
    let no_reruns = "<testsuite tests='2' failures='1'><testcase name='a'/></testsuite>";
    assert_eq!(whole(no_reruns).contradictions().len(), 2);
}

#[test]
fn counts_that_are_none_are_told_with_line_attribute_and_value() {
    let report = whole(
        "<testsuites tests='1'>\n<testsuite name='api' tests='-5' failures='many' errors='' \
         skipped='0.0'><testcase name='a'/></testsuite></testsuites>",
    );
    let told: Vec<String> = report
        .contradictions()
        .iter()
        .map(|one| format!("{}: {one}", one.line))
        .collect();
    assert_eq!(
        told,
        [
            "2: suite `api` says tests=\"-5\", which is not a count",
            "2: suite `api` says failures=\"many\", which is not a count",
        ]
    );
}

#[test]
fn a_test_that_failed_in_every_run_is_not_flaky() {
    let report = whole(
        "<testsuite name='s'><testcase name='saved'><flakyFailure message='once'><stackTrace>at x\
         </stackTrace></flakyFailure></testcase><testcase name='lost'><failure/><rerunFailure/>\
         </testcase></testsuite>",
    );
    let cases = &report.suites[0].cases;
    assert_eq!(
        (cases[0].status, cases[0].flaky),
        (CaseStatus::Passed, true)
    );
    assert_eq!(
        (cases[1].status, cases[1].flaky),
        (CaseStatus::Failed, false)
    );
    assert_eq!(cases[0].output.as_ref().unwrap().text, "at x");
}

#[test]
fn disabled_cases_and_results_in_attributes_count() {
    let report = whole(
        "<testsuite tests='4' skipped='0' disabled='1'><testcase name='a' status='notrun'/>\
         <testcase name='b' status='run' result='completed'/><testcase name='c' status='failed'/>\
         <testcase name='d' result='ERROR'/></testsuite>",
    );
    let totals = report.totals;
    assert_eq!(
        (totals.skipped, totals.passed, totals.failed, totals.errored),
        (1, 1, 1, 1)
    );
    assert_eq!(report.count_mismatches, []);
}

#[test]
fn a_suite_that_broke_in_its_set_up_is_a_broken_case() {
    let report =
        whole("<testsuite name='s'><error message='no database'>trace</error></testsuite>");
    assert_eq!(report.totals.errored, 1);
    let case = &report.suites[0].cases[0];
    assert_eq!(case.name, "(suite)");
    assert_eq!(case.output.as_ref().unwrap().text, "trace");
}

#[test]
fn cases_outside_any_suite_are_kept() {
    let report = whole("<testsuites><testcase name='a'/></testsuites>");
    assert_eq!(report.suites[0].name(), "");
    assert_eq!(report.totals.passed, 1);
}

#[test]
fn an_empty_report_has_no_cases_and_is_whole() {
    assert_eq!(whole("<testsuites/>").totals.total, 0);
}

#[test]
fn a_huge_output_is_cut_and_its_digest_kept() {
    let text = format!(
        "<testsuite><testcase name='a'><system-out>{}</system-out></testcase></testsuite>",
        "x".repeat(1 << 20)
    );
    let report = whole(&text);
    let output = report.suites[0].cases[0].output.as_ref().unwrap();
    assert_eq!(output.text.len(), 64 << 10);
    assert_eq!(output.whole_bytes, 1 << 20);
    assert_eq!(output.whole_sha256.as_ref().unwrap().len(), 64);
}

#[test]
fn a_chinese_report_in_gb18030_is_read() {
    let mut bytes = b"<?xml version=\"1.0\" encoding=\"gb18030\"?><testsuite name=\"".to_vec();
    bytes.extend([0xD0, 0xD0, 0xC7, 0xE9]);
    bytes.extend(b"\"><testcase name=\"a\"/></testsuite>");
    let Outcome::Parsed { value } = junit::read(&bytes) else {
        panic!("not parsed")
    };
    assert_eq!(value.suites[0].name(), "行情");
    assert!(!value.bytes_replaced);
}

#[test]
fn bad_bytes_are_replaced_and_flagged() {
    let Outcome::Parsed { value } =
        junit::read(b"<testsuite name='\xFF'><testcase name='a'/></testsuite>")
    else {
        panic!("not parsed")
    };
    assert!(value.bytes_replaced);
    assert_eq!(value.suites[0].name(), "\u{FFFD}");
}

#[test]
fn other_files_are_refused_with_what_they_are() {
    let refusals: Vec<String> = [
        "<coverage line-rate='1'/>",
        "<testng-results/>",
        "<TestRun/>",
        "<assemblies/>",
        "<robot/>",
        "<html/>",
        "<something/>",
        "<!-- only a comment -->",
        "[1,2]",
        "SF:a\n",
        "ok 1 - tap\n",
        "",
    ]
    .iter()
    .map(|text| match junit::read(text.as_bytes()) {
        Outcome::Refused { reason, line } => format!("{line}: {reason}"),
        other => panic!("{text:?} was not refused: {other:?}"),
    })
    .collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

proptest! {
    #[test]
    fn totals_are_the_cases_that_were_written(
        endings in prop::collection::vec((0_u8..4, "[a-c]"), 0..30)
    ) {
        let mut text = String::from("<testsuites><testsuite name='s'>");
        for (ending, name) in &endings {
            let inner = ["", "<skipped/>", "<failure/>", "<error/>"][usize::from(*ending)];
            text += &format!("<testcase name='{name}'>{inner}</testcase>");
        }
        text += "</testsuite></testsuites>";
        let report = whole(&text);
        let count = |wanted: u8| endings.iter().filter(|(ending, _)| *ending == wanted).count() as u64;
        let totals = report.totals;
        prop_assert_eq!(
            (totals.passed, totals.skipped, totals.failed, totals.errored, totals.total),
            (count(0), count(1), count(2), count(3), endings.len() as u64)
        );
        let identities: std::collections::HashSet<_> =
            report.suites[0].cases.iter().map(|case| (&case.name, case.number)).collect();
        prop_assert_eq!(identities.len(), endings.len());
    }

    #[test]
    fn a_truncated_report_is_never_taken_for_a_whole_one(cut in 0..PYTEST.len()) {
        prop_assert!(junit::read(&PYTEST.as_bytes()[..cut]).whole().is_none());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        junit::read(&bytes);
    }

    #[test]
    fn arbitrary_markup_never_panics(
        text in "<testsuites>(</?(testsuite|testcase|failure|error|system-out)( (name|time|tests)='[-0-9a&;#,.]{0,5}')?/?>|<!\\[CDATA\\[|\\]\\]>|[a-z&;#]{0,3}){0,30}"
    ) {
        junit::read(text.as_bytes());
    }
}
