//! Files of fixings that are wrong in many places.

use serde_json::Value;

use super::{four_weeks, otc};

/// Standard error of a command, without its end.
fn refused(folder: &std::path::Path, words: &[&str]) -> String {
    let fixed = ["--terms", "s.json", "--fixings", "f"];
    let (code, _, err) = otc(folder, &[words, &fixed[..]].concat());
    assert_eq!(code, 2, "{words:?}: {err}");
    err
}

#[test]
fn every_wrong_row_is_told_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("s.json", &four_weeks());
    put(
        "f",
        "date,code,value\n2026-03-16,XSHG:000905,5000\n16.3.2026,XSHG:000905,1\n2026-03-23,XSHG:000905,-1\n\n2026-03-16,XSHG:000905,5001\nhalf a row\n2026-03-30,XSHG:000905,5000\n2026-04-06,,5000\n",
    );
    let wanted = [
        "E-FIXING-DATE: f:3: ",
        "E-FIXING-VALUE: f:4: ",
        "E-FIXING-TWICE: f:6: ",
        "E-FIXING-FORM: f:7: ",
        "E-FIXING-FORM: f:9: ",
    ];
    for command in ["observe", "replay"] {
        for lang in ["en", "zh"] {
            let err = refused(folder.path(), &[command, "--lang", lang]);
            let lines: Vec<String> = err.lines().map(|line| line.replace('：', ": ")).collect();
            assert_eq!(lines.len(), wanted.len(), "{err}");
            for (line, start) in lines.iter().zip(wanted) {
                assert!(line.starts_with(start), "{start}: {err}");
            }
        }
    }
    let fixed = ["--terms", "s.json", "--fixings", "f", "--output", "json"];
    let (code, out, _) = otc(folder.path(), &[&["observe"], &fixed[..]].concat());
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, told["error"]["others"].as_array().unwrap().len()),
        (2, 4)
    );

    put(
        "f",
        "[\n{\"date\": \"2026-03-16\", \"code\": \"XSHG:000905\", \"value\": \"x\"},\n7,\n{\"date\": \"2026-03-16\"}\n]",
    );
    let err = refused(folder.path(), &["observe"]);
    let places: Vec<&str> = err
        .lines()
        .filter_map(|line| line.split(": ").nth(1))
        .collect();
    assert_eq!(places, ["f:2", "f:3", "f:4"], "{err}");
}
