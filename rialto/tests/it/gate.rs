//! `rialto gate` from outside.

use std::path::Path;

use crate::support::{rialto, run};

/// One new line of `a.py`.
const DIFF: &str = "--- a/a.py\n+++ b/a.py\n@@ -0,0 +1 @@\n+x\n";

fn coverage(folder: &Path, reports: &[(&str, &str)]) -> (i32, String, String) {
    std::fs::write(folder.join("change.diff"), DIFF).unwrap();
    let mut command = rialto(folder);
    command.args(["gate", "coverage", "--diff", "change.diff", "--coverage"]);
    for (name, text) in reports {
        std::fs::write(folder.join(name), text).unwrap();
        command.arg(name);
    }
    run(&mut command)
}

#[test]
fn a_coverage_report_that_contradicts_itself_is_no_base_for_a_figure() {
    let folder = tempfile::tempdir().unwrap();
    let honest = "SF:a.py\nDA:1,1\nDA:2,0\nLF:2\nLH:1\nend_of_record\n";
    let (code, out, err) = coverage(folder.path(), &[("honest.info", honest)]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("1 of 1 lines"), "{out}");

    let lying = "SF:a.py\nDA:1,1\nDA:2,0\nLF:2\nLH:2\nend_of_record\n";
    let unreadable = "<?xml version=\"1.0\"?>\n<coverage lines-valid=\"many\">\n<packages><package><classes>\
        <class filename=\"a.py\"><lines><line number=\"1\" hits=\"1\"/></lines></class>\
        </classes></package></packages></coverage>\n";
    let reports = [
        ("honest.info", honest),
        ("lying.info", lying),
        ("unreadable.xml", unreadable),
    ];
    let (code, out, err) = coverage(folder.path(), &reports);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    let told: Vec<&str> = err.lines().collect();
    assert_eq!(told.len(), 2, "{err}");
    assert!(told[0].starts_with("error: lying.info:5: "), "{err}");
    assert!(
        told[1].starts_with("error: unreadable.xml:2: ") && told[1].contains("\"many\""),
        "{err}"
    );
}

#[test]
fn a_minimum_that_is_no_percentage_is_a_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    let report = "SF:a.py\nDA:1,1\nend_of_record\n";
    std::fs::write(folder.path().join("change.diff"), DIFF).unwrap();
    std::fs::write(folder.path().join("a.info"), report).unwrap();
    let with = |minimum: &str| {
        let mut command = rialto(folder.path());
        command.args([
            "gate",
            "coverage",
            "--diff",
            "change.diff",
            "--coverage",
            "a.info",
        ]);
        run(command.arg(format!("--minimum={minimum}")))
    };
    for wrong in ["800", "100.1", "-1", "many"] {
        let (code, _, err) = with(wrong);
        assert_eq!(code, 2, "{wrong}: {err}");
        assert!(err.contains("--minimum"), "{err}");
    }
    assert_eq!(with("100").0, 0);
}
