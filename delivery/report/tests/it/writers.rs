//! Small writers of the formats, so that reading can be held against what was written.

use std::fmt::Write as _;

use proptest::prelude::*;
use rialto_delivery_report::{Coverage, FileCoverage, LineBranches};

/// An LCOV tracefile.
pub fn lcov(coverage: &Coverage) -> String {
    let mut out = String::from("TN:suite\n");
    for (path, file) in &coverage.files {
        writeln!(out, "SF:{path}").unwrap();
        for (line, branches) in &file.branches {
            for (name, hits) in &branches.named {
                let taken = if *hits == 0 {
                    "-".to_owned()
                } else {
                    hits.to_string()
                };
                writeln!(out, "BRDA:{line},{name},{taken}").unwrap();
            }
        }
        for (line, hits) in &file.lines {
            writeln!(out, "DA:{line},{hits}").unwrap();
        }
        let ratio = file.line_ratio();
        writeln!(
            out,
            "LF:{}\nLH:{}\nend_of_record",
            ratio.total, ratio.covered
        )
        .unwrap();
    }
    out
}

/// A Cobertura report; every file is split into two classes that share its odd lines.
pub fn cobertura(coverage: &Coverage) -> String {
    let ratio = coverage.line_ratio();
    let rate = ratio.covered as f64 / ratio.total.max(1) as f64;
    let mut out = format!(
        "<?xml version=\"1.0\" ?>\n<!DOCTYPE coverage SYSTEM \"http://example.invalid/c.dtd\">\n\
         <coverage line-rate=\"{rate:.4}\" lines-valid=\"{}\" lines-covered=\"{}\" \
         branch-rate=\"0.99\" version=\"1\"><packages><package><classes>\n",
        ratio.total, ratio.covered,
    );
    for (path, file) in &coverage.files {
        let path = path
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;");
        for half in [0_u64, 1] {
            write!(out, "<class filename=\"{path}\"><methods/><lines>").unwrap();
            for (line, hits) in &file.lines {
                if u64::from(line % 2) == 0 && half == 1 {
                    continue;
                }
                let hits = match (line % 2, half) {
                    (0, _) => *hits,
                    (_, 0) => hits / 2,
                    _ => hits - hits / 2,
                };
                let branches = file.branches.get(line).map(|branches| {
                    let (covered, total) = (branches.counted_covered, branches.counted_total);
                    format!(" branch=\"true\" condition-coverage=\"7% ({covered}/{total})\"")
                });
                let branches = branches.unwrap_or_default();
                writeln!(out, "<line number=\"{line}\" hits=\"{hits}\"{branches}/>").unwrap();
            }
            out.push_str("</lines></class>\n");
        }
    }
    out.push_str("</classes></package></packages></coverage>\n");
    out
}

fn path() -> impl Strategy<Value = String> {
    "[a-z&<\"行]{1,4}(/[a-z. ]{1,4}){0,2}[a-z]\\.py"
}

/// Files, lines and hits; `branches` makes those of a line.
pub fn coverage<B: Strategy<Value = LineBranches> + Clone + 'static>(
    branches: B,
) -> impl Strategy<Value = Coverage> {
    let lines = prop::collection::btree_map(1_u32..60, 0_u64..5, 0..20);
    let file = lines.prop_flat_map(move |lines| {
        let numbers: Vec<u32> = lines.keys().copied().collect();
        let some = prop::sample::subsequence(numbers.clone(), 0..=numbers.len());
        let branches = branches.clone();
        some.prop_flat_map(move |numbers| {
            let count = numbers.len();
            prop::collection::vec(branches.clone(), count)
                .prop_map(move |values| numbers.iter().copied().zip(values).collect())
        })
        .prop_map(move |branches| FileCoverage {
            lines: lines.clone(),
            branches,
        })
    });
    prop::collection::btree_map(path(), file, 1..5).prop_map(|files| Coverage {
        files,
        ..Coverage::default()
    })
}

/// Branches as LCOV names them.
pub fn named() -> impl Strategy<Value = LineBranches> + Clone {
    prop::collection::btree_map("[0-3],[a-c]{1,2}", 0_u64..3, 1..4).prop_map(|named| LineBranches {
        named,
        ..LineBranches::default()
    })
}

/// Branches as Cobertura counts them.
pub fn counted() -> impl Strategy<Value = LineBranches> + Clone {
    (0_u32..4, 0_u32..4).prop_map(|(covered, more)| LineBranches {
        counted_covered: covered,
        counted_total: covered + more,
        ..LineBranches::default()
    })
}
