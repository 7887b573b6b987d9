//! What coverage reports say of themselves: real files of the tools in `real/`, and lies.

use rialto_delivery_report::{Coverage, Outcome, read_coverage};

macro_rules! real {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("real/", $name)))),+]
    };
}

/// Written by the tools themselves. They cover empty classes, lines told to be passed over, instances
/// of a template, closures, several source roots with files of the same path, and rates cut after
/// four digits.
const REAL: [(&str, &str); 12] = real![
    "c8.lcov",
    "c8.xml",
    "coverage-py.lcov",
    "coverage-py.xml",
    "coverage-py-two-roots.xml",
    "gcovr.lcov",
    "gcovr.xml",
    "istanbul.lcov",
    "istanbul.xml",
    "lcov-cobertura.xml",
    "llvm-cov.lcov",
    "node.lcov",
];

fn whole(text: &str) -> Coverage {
    match read_coverage(text.as_bytes()) {
        Outcome::Parsed { value } => value,
        other => panic!("not parsed: {other:?}"),
    }
}

fn lies(text: &str) -> Vec<String> {
    whole(text)
        .contradictions
        .iter()
        .map(|one| format!("{}: {one}", one.line))
        .collect()
}

/// `text` with the first value of a claim, between `before` and `after`, changed.
fn with(text: &str, before: &str, after: &str, change: impl Fn(&str) -> String) -> String {
    let start = text.find(before).unwrap() + before.len();
    let end = start + text[start..].find(after).unwrap();
    format!(
        "{}{}{}",
        &text[..start],
        change(&text[start..end]),
        &text[end..]
    )
}

fn more(by: u64) -> impl Fn(&str) -> String {
    move |text| (text.parse::<u64>().unwrap() + by).to_string()
}

#[test]
fn what_real_tools_write_is_no_lie() {
    for (name, text) in REAL {
        assert_eq!(lies(text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_same_files_with_better_totals_lie() {
    for (name, text) in REAL {
        let edited: Vec<String> = if name.ends_with(".xml") {
            let all = with(text, " lines-valid=\"", "\"", str::to_owned);
            let valid = text.split(" lines-valid=\"").nth(1).unwrap();
            let valid = valid.split('"').next().unwrap();
            vec![
                with(&all, " lines-covered=\"", "\"", |_| valid.to_owned()),
                with(text, " line-rate=\"", "\"", |_| "0.99".to_owned()),
                with(text, " line-rate=\"", "\"", |_| "1".to_owned()),
                with(text, " lines-covered=\"", "\"", |_| "none".to_owned()),
            ]
        } else {
            let found = text.split("\nLF:").nth(1).unwrap();
            let found = found.split('\n').next().unwrap();
            vec![
                with(text, "\nLH:", "\n", |_| found.to_owned()),
                with(text, "\nLF:", "\n", more(1000)),
                with(text, "\nLH:", "\n", |_| "-1".to_owned()),
            ]
        };
        for edited in edited {
            assert_ne!(lies(&edited), Vec::<String>::new(), "{name}: {edited}");
        }
    }
}

fn cobertura(claims: &str, lines: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<coverage {claims}><packages><package><classes>\
         <class filename=\"a.py\"><methods/><lines>{lines}</lines></class>\
         </classes></package></packages></coverage>"
    )
}

const HALF: &str = "<line number=\"1\" hits=\"1\"/><line number=\"2\" hits=\"0\"/>";

#[test]
fn a_lying_report_is_told_with_line_and_both_numbers() {
    let claims = "line-rate=\"0.98\" lines-covered=\"49\" lines-valid=\"50\"";
    assert_eq!(
        lies(&cobertura(claims, HALF)),
        [
            "2: the file says lines-valid=\"50\", its lines make 2",
            "2: the file says lines-covered=\"49\", its lines make 1",
            "2: the file says line-rate=\"0.98\", its lines make 1 of 2",
        ]
    );
    let record = "TN:\nSF:src/a.c\nDA:1,1\nDA:2,0\nLF:50\nLH:49\nend_of_record\n";
    assert_eq!(
        lies(record),
        [
            "5: the record of src/a.c says LF:50, its DA lines make 2",
            "6: the record of src/a.c says LH:49, its DA lines make 1",
        ]
    );
}

#[test]
fn claims_that_are_no_numbers_are_told_and_nan_is_none() {
    let claims = "line-rate=\"good\" lines-covered=\"-1\" lines-valid=\"many\"";
    assert_eq!(
        lies(&cobertura(claims, HALF)),
        [
            "2: the file says lines-valid=\"many\", which is not a count",
            "2: the file says lines-covered=\"-1\", which is not a count",
            "2: the file says line-rate=\"good\", which is not a rate",
        ]
    );
    let none = cobertura("lines-covered=\"0\" lines-valid=\"0\"", HALF);
    assert_eq!(lies(&none).len(), 2, "there are no methods, and two lines");
    let nothing = "line-rate=\"NaN\" lines-covered=\"NaN\" lines-valid=\"\"";
    assert_eq!(lies(&cobertura(nothing, HALF)), Vec::<String>::new());
    let record = "SF:a\nDA:1,1\nLF:x\nLH:\nend_of_record\n";
    assert_eq!(
        lies(record),
        ["3: the record of a says LF:x, which is not a count"]
    );
}

#[test]
fn rates_may_be_rounded_cut_given_as_percent_or_with_a_comma_but_not_made_up() {
    let thirds = "<line number=\"1\" hits=\"1\"/><line number=\"2\" hits=\"0\"/>\
                  <line number=\"3\" hits=\"5\"/>";
    for honest in [
        "0.6667",
        "0.6666",
        "0.67",
        "0.66",
        "0,6667",
        "0.666666687",
        "66.67",
        "66.66",
        "0.6666666666666666",
    ] {
        let text = cobertura(&format!("line-rate=\"{honest}\""), thirds);
        assert_eq!(lies(&text), Vec::<String>::new(), "{honest}");
    }
    for lie in [
        "0.7", "0.68", "0.667667", "1", "1.0", "0", "68", "2", "-0.5",
    ] {
        let text = cobertura(&format!("line-rate=\"{lie}\""), thirds);
        assert_eq!(lies(&text).len(), 1, "{lie}");
    }
    for empty in ["0", "1", "1.0", "NaN"] {
        let text = cobertura(&format!("line-rate=\"{empty}\" lines-valid=\"0\""), "");
        assert_eq!(lies(&text), Vec::<String>::new(), "{empty} of nothing");
    }
    assert_eq!(lies(&cobertura("line-rate=\"0.9\"", "")).len(), 1);
}

#[test]
fn only_tools_that_leave_lines_out_may_count_more_than_they_list() {
    let claims = "line-rate=\"0.6\" lines-covered=\"3\" lines-valid=\"5\"";
    let python = cobertura(claims, HALF);
    assert_eq!(lies(&python).len(), 3);
    let php = python.replace("a.py", "a.php");
    assert_eq!(
        lies(&php),
        Vec::<String>::new(),
        "lines of the script itself"
    );
    let fewer_missed = php.replace("lines-covered=\"3\"", "lines-covered=\"5\"");
    assert_ne!(
        lies(&fewer_missed),
        Vec::<String>::new(),
        "a missed line cannot be unlisted away"
    );
    let roots = "<sources><source>/a</source><source>/b</source></sources><packages>";
    let two_roots = python.replacen("<packages>", roots, 1);
    assert_eq!(lies(&two_roots), Vec::<String>::new());
}

#[test]
fn what_one_tool_does_is_not_allowed_to_another() {
    let [gcovr, llvm, node] = ["gcovr.lcov", "llvm-cov.lcov", "node.lcov"]
        .map(|wanted| REAL.iter().find(|(name, _)| *name == wanted).unwrap().1);
    assert_ne!(
        lies(&gcovr.replace("TN:GCOVR_report", "TN:")),
        Vec::<String>::new()
    );
    assert_ne!(
        lies(&llvm.replace("BRF:0\nBRH:0\n", "")),
        Vec::<String>::new()
    );
    assert_ne!(
        lies(&node.replace("LH:11\nLF:14", "LF:14\nLH:11")),
        Vec::<String>::new()
    );
    assert_ne!(
        lies(&node.replace("LH:11\nLF:14", "LH:61\nLF:64")),
        Vec::<String>::new(),
        "more lines passed over than the file can have"
    );
}

#[test]
fn statements_counted_as_lines_by_an_old_coverage_py_are_no_lie() {
    let old =
        "TN:\nSF:a.py\nDA:1,1,Q79\nDA:2,1,ux0\nDA:3,1,1Lx\nDA:4,0,bqd\nLF:2\nLH:3\nend_of_record\n";
    assert_eq!(lies(old), Vec::<String>::new());
    assert_ne!(lies(&old.replace("LH:3", "LH:4")), Vec::<String>::new());
    assert_ne!(lies(&old.replace("a.py", "a.c")), Vec::<String>::new());
}

#[test]
fn a_report_with_unreadable_lines_is_partial_and_its_totals_are_not_judged() {
    let text = "SF:a\nDA:1,1\nDA:x,1\nLF:2\nLH:2\nend_of_record\nSF:b\nDA:1,1\nLF:7\nLH:1\nend_of_record\n";
    let outcome = read_coverage(text.as_bytes());
    assert!(outcome.whole().is_none());
    let told: Vec<u32> = outcome
        .value()
        .unwrap()
        .contradictions
        .iter()
        .map(|one| one.line)
        .collect();
    assert_eq!(
        told,
        [9],
        "the whole record is judged, the broken one is not"
    );
}
