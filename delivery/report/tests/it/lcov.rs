use proptest::prelude::*;
use rialto_delivery_report::{Coverage, Outcome, lcov, read_coverage};

use crate::writers;

fn whole(text: &str) -> Coverage {
    match lcov::read(text.as_bytes()) {
        Outcome::Parsed { value } => value,
        other => panic!("not parsed: {other:?}"),
    }
}

#[test]
fn totals_are_recomputed_and_a_dash_means_not_reached() {
    let coverage = whole(
        "TN:\nSF:src/a.c\nFN:1,main\nFNDA:1,main\nFNL:0,1,3\nFNA:0,1,main\nBRDA:2,0,0,-\n\
         BRDA:2,0,1,4\nDA:1,1\nDA:2,0,checksum\nDA:2,3\nLF:99\nLH:99\nend_of_record\n",
    );
    assert_eq!(coverage.line_ratio().percent().as_deref(), Some("100.00"));
    assert_eq!(coverage.branch_ratio().percent().as_deref(), Some("50.00"));
    assert_eq!(coverage.files["src/a.c"].lines[&2], 3);
    assert_eq!(
        coverage.contradictions.len(),
        2,
        "LF and LH lie: {coverage:?}"
    );
}

#[test]
fn a_record_met_twice_adds_up() {
    let once = "SF:a\nDA:1,1\nDA:2,0\nend_of_record\n";
    let coverage = whole(&once.repeat(3));
    assert_eq!(coverage.files["a"].lines[&1], 3);
    assert_eq!(coverage.line_ratio().percent().as_deref(), Some("50.00"));
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let outcomes: Vec<String> = [
        "",
        "hello\n",
        "TN:only\n",
        "SF:a\nDA:1,1\n",
        "SF:a\nDA:1,-5\nDA:2,x\nDA:0,1\nend_of_record\n",
        "SF:a\nDA:1,1\nSF:b\nDA:1,1\nend_of_record\n",
        "DA:1,1\nSF:b\nDA:1,1\nend_of_record\n",
        "SF:a\nBRDA:1,2\nend_of_record\nend_of_record\n",
        "SF:a\ngarbage\nend_of_record\n",
        "SF:\nend_of_record\n",
    ]
    .iter()
    .map(|text| match lcov::read(text.as_bytes()) {
        Outcome::Parsed { .. } => format!("{text:?}: parsed"),
        Outcome::Partial { reason, line, .. } => {
            format!("{text:?}: partial, line {line}: {reason}")
        }
        Outcome::Refused { reason, line } => format!("{text:?}: refused, line {line}: {reason}"),
    })
    .collect();
    insta::assert_snapshot!(outcomes.join("\n"));
}

#[test]
fn an_unknown_keyword_is_noted_and_does_no_harm() {
    let coverage = whole("SF:a\nDA:1,1\nXYZ:3\nend_of_record\n");
    assert_eq!(coverage.notes[0].line, 3);
    assert!(coverage.notes[0].message.contains("`XYZ`"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(coverage in writers::coverage(writers::named())) {
        let text = writers::lcov(&coverage);
        let read = read_coverage(text.as_bytes());
        prop_assert_eq!(read.whole(), Some(&coverage));
    }

    #[test]
    fn merging_is_the_same_in_any_order(
        a in writers::coverage(writers::named()),
        b in writers::coverage(writers::counted()),
        c in writers::coverage(writers::named()),
    ) {
        let merged = |parts: [&Coverage; 3]| {
            let mut sum = Coverage::default();
            for part in parts {
                sum.merge(part.clone());
            }
            sum
        };
        let first = merged([&a, &b, &c]);
        prop_assert_eq!(&first, &merged([&c, &a, &b]));
        prop_assert_eq!(&first, &merged([&b, &c, &a]));
        let mut right = b.clone();
        right.merge(c.clone());
        let mut left = a.clone();
        left.merge(right);
        prop_assert_eq!(&first, &left);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        lcov::read(&bytes);
        read_coverage(&bytes);
    }

    #[test]
    fn arbitrary_lines_never_panic(text in "((SF|DA|BRDA|TN|end_of_record)[:,0-9a-z-]{0,6}\n){0,20}") {
        lcov::read(text.as_bytes());
    }
}
