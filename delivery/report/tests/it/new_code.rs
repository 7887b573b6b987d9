use proptest::prelude::*;
use rialto_delivery_report::{
    Coverage, FileCoverage, FileNewLines, MeasuredExtensions, NewLine, NewLines, Ratio,
    new_code_coverage,
};

use crate::writers;

fn file(lines: &[(u32, u64)]) -> FileCoverage {
    FileCoverage {
        lines: lines.iter().copied().collect(),
        ..FileCoverage::default()
    }
}

fn new(lines: &[(u32, bool)]) -> FileNewLines {
    let lines = lines.iter().map(|(number, blank)| NewLine {
        number: *number,
        blank: *blank,
    });
    FileNewLines {
        lines: lines.collect(),
        moved: 0,
    }
}

#[test]
fn only_executable_new_lines_count() {
    let mut coverage = Coverage::default();
    coverage
        .files
        .insert("a.py".into(), file(&[(1, 1), (2, 0), (5, 3), (6, 0)]));
    let mut lines = NewLines::default();
    lines
        .files
        .insert("a.py".into(), new(&[(2, false), (3, false), (5, false)]));
    lines.files.insert("README.md".into(), new(&[(1, false)]));
    lines
        .files
        .insert("b.py".into(), new(&[(1, false), (2, true), (3, false)]));
    let measured = MeasuredExtensions::of_coverage(&coverage);
    let result = new_code_coverage(&lines, &coverage, &measured);
    // a.py: lines 2 and 5; b.py is in no report, so its two lines that are not blank are uncovered.
    assert_eq!(result.new, Ratio::new(1, 4));
    assert_eq!(result.overall, Ratio::new(2, 6));
    assert_eq!(result.existing, Ratio::new(1, 2));
    assert_eq!(result.not_measured, ["README.md"]);
    let absent = result
        .files
        .iter()
        .find(|file| file.path == "b.py")
        .unwrap();
    assert!(absent.absent);
    assert_eq!(absent.uncovered_new_lines, [1, 3]);
    let seen = result
        .files
        .iter()
        .find(|file| file.path == "a.py")
        .unwrap();
    assert_eq!(seen.uncovered_new_lines, [2]);
}

proptest! {
    #[test]
    fn new_and_existing_add_up_to_overall(
        coverage in writers::coverage(writers::counted()),
        picks in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::btree_map(1_u32..80, any::<bool>(), 0..20)), 0..6),
        extra in prop::collection::btree_map("[a-z]{1,3}\\.(py|md)", prop::collection::btree_map(1_u32..80, any::<bool>(), 0..20), 0..3),
    ) {
        let paths: Vec<&String> = coverage.files.keys().collect();
        let mut lines = NewLines::default();
        let numbered = |lines: &std::collections::BTreeMap<u32, bool>| {
            let lines = lines.iter().map(|(number, blank)| NewLine { number: *number, blank: *blank });
            FileNewLines { lines: lines.collect(), moved: 0 }
        };
        for (index, chosen) in &picks {
            lines.files.insert((*index.get(&paths)).clone(), numbered(chosen));
        }
        for (path, chosen) in &extra {
            lines.files.entry(path.clone()).or_insert_with(|| numbered(chosen));
        }
        let measured = MeasuredExtensions::of_coverage(&coverage);
        let result = new_code_coverage(&lines, &coverage, &measured);
        prop_assert_eq!(result.new.plus(result.existing), result.overall);
        prop_assert!(result.new.covered <= result.new.total);
        prop_assert!(result.existing.covered <= result.existing.total);
        let reported = coverage.line_ratio();
        let absent: u64 = result.files.iter().filter(|file| file.absent).map(|file| file.new.total).sum();
        prop_assert_eq!(result.overall, Ratio::new(reported.covered, reported.total + absent));
    }
}
