//! Files made to do harm: each is refused, at once, with its line.

use std::time::{Duration, Instant};

use rialto_delivery_report::{Limits, Outcome, cobertura, junit};

fn refusal(text: &str) -> String {
    let started = Instant::now();
    let told = match junit::read(text.as_bytes()) {
        Outcome::Refused { reason, line } => format!("line {line}: {reason}"),
        other => panic!("not refused: {other:?}"),
    };
    // Debug builds on a loaded machine; an expansion would need hours.
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "took {:?}",
        started.elapsed()
    );
    told
}

fn bomb() -> String {
    let mut text =
        String::from("<?xml version=\"1.0\"?>\n<!DOCTYPE testsuites [\n<!ENTITY l0 \"lol\">\n");
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        text += &format!("<!ENTITY l{level} \"{inner}\">\n");
    }
    text + "]>\n<testsuites><testsuite name=\"&l9;\"/></testsuites>"
}

#[test]
fn entity_bombs_and_external_entities_are_refused() {
    let external = "<!DOCTYPE testsuites [\n<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n\
                    <testsuites>&x;</testsuites>";
    let parameter = "<!DOCTYPE t SYSTEM \"http://127.0.0.1:1/x.dtd\" [ %remote; ]><testsuites/>";
    let told = [
        refusal(&bomb()),
        refusal(external),
        refusal(parameter),
        refusal("<testsuites>\n<testsuite name='&secret;'/></testsuites>"),
        refusal("<testsuites>\n\n<testsuite>&nbsp;</testsuite></testsuites>"),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_doctype_without_declarations_is_accepted_and_not_fetched() {
    let text = "<!DOCTYPE testsuites PUBLIC \"-//X [y]//EN\" 'http://127.0.0.1:1/a[b].dtd'>\n\
                <testsuites/>";
    assert!(junit::read(text.as_bytes()).whole().is_some());
}

#[test]
fn elements_nested_200_deep_are_refused() {
    let text = format!("{}\n{}", "<testsuites>", "<testsuite>".repeat(200));
    insta::assert_snapshot!(refusal(&text), @"line 2: elements are nested more than 64 deep");
    let deepest = format!("{}{}", "<testsuite>".repeat(64), "</testsuite>".repeat(64));
    assert!(junit::read(deepest.as_bytes()).whole().is_some());
}

#[test]
fn an_endless_attribute_is_refused() {
    let text = format!("<testsuite name='{}'/>", "x".repeat((1 << 20) + 1));
    insta::assert_snapshot!(
        refusal(&text),
        @"line 1: an attribute of <testsuite> is longer than 1 MiB"
    );
    let longest = format!("<testsuite name='{}'/>", "x".repeat(1 << 20));
    assert!(junit::read(longest.as_bytes()).whole().is_some());
}

#[test]
fn a_file_or_a_node_too_many_is_refused() {
    let limits = Limits {
        file_bytes: 40,
        nodes: 5,
        ..Limits::default()
    };
    let refused = |text: &str| match junit::read_with(text.as_bytes(), &limits) {
        Outcome::Refused { reason, .. } => reason,
        other => panic!("not refused: {other:?}"),
    };
    insta::assert_snapshot!(
        refused(&" ".repeat(41)),
        @"the file has 41 bytes, more than the 40 bytes allowed; upload smaller reports, for example one per job"
    );
    insta::assert_snapshot!(
        refused("<testsuite><a/><a/><a/><a/><a/>"),
        @"the document has more than 5 nodes; split the report"
    );
}

#[test]
fn a_truncated_report_is_partial_with_what_came_before() {
    let text = "<testsuites>\n<testsuite name='s'>\n<testcase name='a'/>\n<testcase name='b'><fail";
    let Outcome::Partial {
        value,
        reason,
        line,
    } = junit::read(text.as_bytes())
    else {
        panic!("not partial")
    };
    assert_eq!((value.totals.total, line), (1, 4));
    insta::assert_snapshot!(reason, @"syntax error: tag not closed: `>` not found before end of input");
    let text = "<coverage><class filename='a'><lines><line number='1' hits='1'/></lines></class>\n";
    let Outcome::Partial { value, line, .. } = cobertura::read(text.as_bytes()) else {
        panic!("not partial")
    };
    assert_eq!((value.files["a"].lines.len(), line), (1, 2));
}

#[test]
fn broken_markup_is_partial_or_refused_with_its_line() {
    let told: Vec<String> = [
        "<testsuites>\n<testsuite></testsuites>",
        "<testsuites/>\n<testsuites/>",
        "<testsuites>\n<testsuite name=broken/></testsuites>",
        "<testsuites>\n&#xFFFFFFFF;</testsuites>",
        "<testsuites>\n<testsuite name='a & b'/></testsuites>",
        "<testsuites></testsuites></testsuites>",
        "<",
    ]
    .iter()
    .map(|text| match junit::read(text.as_bytes()) {
        Outcome::Parsed { .. } => panic!("{text:?} was parsed"),
        Outcome::Partial { reason, line, .. } => format!("partial, line {line}: {reason}"),
        Outcome::Refused { reason, line } => format!("refused, line {line}: {reason}"),
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}
