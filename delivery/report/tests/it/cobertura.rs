use proptest::prelude::*;
use rialto_delivery_report::{Coverage, Outcome, cobertura, read_coverage};

use crate::writers;

fn whole(text: &str) -> Coverage {
    match cobertura::read(text.as_bytes()) {
        Outcome::Parsed { value } => value,
        other => panic!("not parsed: {other:?}"),
    }
}

const REAL: &str = r#"<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM 'http://cobertura.sourceforge.net/xml/coverage-04.dtd'>
<coverage version="7.6" timestamp="1" lines-valid="4" lines-covered="4" line-rate="1" branch-rate="1">
  <!-- made by a tool -->
  <sources><source>/builds/house/quote/src</source><source></source></sources>
  <packages><package name="app" line-rate="1"><classes>
    <class name="Main" filename="app/main.py" line-rate="1">
      <methods><method name="go" signature="()"><lines>
        <line number="2" hits="9"/><line number="7" hits="0"/>
      </lines></method></methods>
      <lines>
        <line number="1" hits="1"/>
        <line number="2" hits="3" branch="true" condition-coverage="100% (1/2)"/>
        <line number="3" hits="0"/>
      </lines>
    </class>
    <class name="Main$1" filename="app/main.py"><methods/><lines>
        <line number="3" hits="2"/><line number="4" hits="0"/>
    </lines></class>
  </classes></package></packages>
</coverage>"#;

#[test]
fn a_line_of_several_classes_is_covered_if_any_ran_it() {
    let coverage = whole(REAL);
    let lines: Vec<(u32, u64)> = coverage.files["app/main.py"]
        .lines
        .iter()
        .map(|(line, hits)| (*line, *hits))
        .collect();
    // Line 2 is in a method and in its class: the class counts. Line 7 is in the method alone.
    assert_eq!(lines, [(1, 1), (2, 3), (3, 2), (4, 0), (7, 0)]);
    assert_eq!(coverage.line_ratio().percent().as_deref(), Some("60.00"));
    assert!(coverage.source_roots.contains("/builds/house/quote/src"));
}

#[test]
fn branches_are_taken_from_the_parentheses_not_from_the_percentage() {
    assert_eq!(
        whole(REAL).branch_ratio().percent().as_deref(),
        Some("50.00")
    );
}

#[test]
fn other_formats_are_refused_by_name_with_a_way_out() {
    let refusals: Vec<String> = [
        "<coverage generated=\"1\" clover=\"4.4\"><project/></coverage>",
        "<coverage generated=\"1\">\n <project timestamp=\"1\"></project></coverage>",
        "<coverage version=\"1\"><file path=\"a\"/></coverage>",
        "<!DOCTYPE report PUBLIC \"-//JACOCO//DTD Report 1.1//EN\" \"report.dtd\">\n<report name=\"x\"/>",
        "<CoverageSession/>",
        "<results><modules/></results>",
        "<testsuites/>",
        "<html><body/></html>",
        "<unheard-of/>",
        "{\"meta\": {}}",
        "mode: set\nx.go:1.1,2.2 1 1\n",
        "PK\u{3}\u{4}",
        "\u{1f}not gzip",
        "plain words",
        "",
        "   \n",
    ]
    .iter()
    .map(|text| match read_coverage(text.as_bytes()) {
        Outcome::Refused { reason, line } => format!("{line}: {reason}"),
        other => panic!("{text:?} was not refused: {other:?}"),
    })
    .collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn bad_numbers_make_the_reading_partial_and_are_named() {
    let outcomes: Vec<String> = [
        "<line number=\"-1\" hits=\"1\"/>",
        "<line number=\"0\" hits=\"1\"/>",
        "<line number=\"99999999999\" hits=\"1\"/>",
        "<line number=\"1\" hits=\"-1\"/>",
        "<line number=\"1\" hits=\"many\"/>\n<line number=\"x\" hits=\"1\"/>",
        "<line number=\"1\"/>",
        "<line number=\"1\" hits=\"1\" condition-coverage=\"half\"/>",
        "<line number=\"1\" hits=\"1\" condition-coverage=\"150% (3/2)\"/>",
    ]
    .iter()
    .map(|line| {
        let text = format!(
            "<coverage><c><class filename=\"a\"><lines>\n{line}\n</lines></class></c></coverage>"
        );
        match cobertura::read(text.as_bytes()) {
            Outcome::Partial { reason, line, .. } => format!("line {line}: {reason}"),
            other => panic!("{line} was not partial: {other:?}"),
        }
    })
    .collect();
    insta::assert_snapshot!(outcomes.join("\n"));
}

#[test]
fn a_count_past_64_bits_stays_a_hit() {
    let text = "<coverage><class filename=\"a\"><lines><line number=\"1\" \
                hits=\"99999999999999999999999\"/></lines></class></coverage>";
    assert_eq!(whole(text).files["a"].lines[&1], u64::MAX);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(coverage in writers::coverage(writers::counted())) {
        let text = writers::cobertura(&coverage);
        let read = read_coverage(text.as_bytes());
        prop_assert_eq!(read.whole(), Some(&coverage));
    }

    #[test]
    fn a_truncated_report_is_never_taken_for_a_whole_one(
        coverage in writers::coverage(writers::counted()),
        cut in 0.0_f64..1.0,
    ) {
        let text = writers::cobertura(&coverage);
        let mut end = (text.trim_end().len() as f64 * cut) as usize;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        prop_assert!(read_coverage(&text.as_bytes()[..end]).whole().is_none());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        cobertura::read(&bytes);
    }

    #[test]
    fn arbitrary_markup_never_panics(
        text in "<coverage>(</?(class|lines|line|methods|sources)( (number|hits|filename)=\"[-0-9a&;#]{0,4}\")?/?>|[a-z&;]{0,3}){0,30}"
    ) {
        cobertura::read(text.as_bytes());
    }
}
