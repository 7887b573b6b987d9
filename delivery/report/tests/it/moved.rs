//! Moved lines: the rule by examples, and held against a naive reading of it.

use std::fmt::Write as _;

use proptest::prelude::*;
use rialto_delivery_report::{Diff, new_lines};

/// One edit of a file: kept lines, then deleted, then added ones.
#[derive(Debug, Clone)]
struct Edit {
    kept: u32,
    deleted: Vec<String>,
    added: Vec<String>,
}

/// A diff of files with no context lines.
fn write_diff(files: &[Vec<Edit>]) -> String {
    let mut text = String::new();
    for (index, edits) in files.iter().enumerate() {
        write!(
            text,
            "diff --git a/f{index} b/f{index}\n--- a/f{index}\n+++ b/f{index}\n"
        )
        .unwrap();
        let (mut old, mut new) = (1_u32, 1_u32);
        for edit in edits {
            old += edit.kept;
            new += edit.kept;
            if edit.deleted.is_empty() && edit.added.is_empty() {
                continue;
            }
            let (deleted, added) = (edit.deleted.len() as u32, edit.added.len() as u32);
            let from = |start: u32, count: u32| if count == 0 { start - 1 } else { start };
            let (old_start, new_start) = (from(old, deleted), from(new, added));
            writeln!(text, "@@ -{old_start},{deleted} +{new_start},{added} @@").unwrap();
            for line in &edit.deleted {
                writeln!(text, "-{line}").unwrap();
            }
            for line in &edit.added {
                writeln!(text, "+{line}").unwrap();
            }
            old += deleted;
            new += added;
        }
    }
    text
}

/// A changed line: file, line number, text.
type Line = (usize, u32, String);

fn sides(files: &[Vec<Edit>]) -> (Vec<Line>, Vec<Line>) {
    let (mut deleted, mut added) = (Vec::new(), Vec::new());
    for (file, edits) in files.iter().enumerate() {
        let (mut old, mut new) = (1, 1);
        for edit in edits {
            old += edit.kept;
            new += edit.kept;
            for line in &edit.deleted {
                deleted.push((file, old, line.clone()));
                old += 1;
            }
            for line in &edit.added {
                added.push((file, new, line.clone()));
                new += 1;
            }
        }
    }
    (deleted, added)
}

/// The rule as it is written, without any cleverness: tries every pair of places.
fn naive_new_lines(files: &[Vec<Edit>]) -> Vec<(usize, u32)> {
    let (deleted, added) = sides(files);
    let follows = |lines: &[Line], at: usize| {
        at > 0 && lines[at].0 == lines[at - 1].0 && lines[at].1 == lines[at - 1].1 + 1
    };
    let mut used = vec![false; deleted.len()];
    let mut new = Vec::new();
    let mut at = 0;
    while at < added.len() {
        let (mut best_start, mut best_length) = (0, 0);
        for start in 0..deleted.len() {
            let mut length = 0;
            while at + length < added.len()
                && start + length < deleted.len()
                && !used[start + length]
                && added[at + length].2.trim_start() == deleted[start + length].2.trim_start()
                && (length == 0
                    || (follows(&added, at + length) && follows(&deleted, start + length)))
            {
                length += 1;
            }
            if length > best_length {
                (best_start, best_length) = (start, length);
            }
        }
        let characters: usize = added[at..at + best_length]
            .iter()
            .map(|line| line.2.chars().filter(|c| !c.is_whitespace()).count())
            .sum();
        if best_length >= 3 && characters >= 40 {
            used[best_start..best_start + best_length].fill(true);
            at += best_length;
        } else {
            new.push((added[at].0, added[at].1));
            at += 1;
        }
    }
    new
}

fn fast_new_lines(files: &[Vec<Edit>]) -> Vec<(usize, u32)> {
    let text = write_diff(files);
    let diff = Diff::read(text.as_bytes()).unwrap();
    let mut found: Vec<(usize, u32)> = new_lines(&diff)
        .files
        .iter()
        .flat_map(|(path, file)| {
            let index = path[1..].parse().unwrap();
            file.lines.iter().map(move |line| (index, line.number))
        })
        .collect();
    found.sort_unstable();
    found
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

const BODY: [&str; 3] = [
    "let price = quote.last();",
    "let bid = quote.bid();",
    "price - bid",
];

#[test]
fn a_run_of_three_lines_moved_to_another_file_is_not_new() {
    let indented: Vec<String> = BODY.iter().map(|line| format!("    \t{line}")).collect();
    let files = vec![
        vec![Edit {
            kept: 3,
            deleted: lines(&BODY),
            added: vec![],
        }],
        vec![Edit {
            kept: 0,
            deleted: vec![],
            added: indented,
        }],
    ];
    assert!(fast_new_lines(&files).is_empty());
}

#[test]
fn trailing_white_space_is_part_of_the_line() {
    let changed: Vec<String> = BODY.iter().map(|line| format!("{line} ")).collect();
    let files = vec![vec![Edit {
        kept: 0,
        deleted: lines(&BODY),
        added: changed,
    }]];
    assert_eq!(fast_new_lines(&files).len(), 3);
}

#[test]
fn two_lines_or_short_lines_are_new() {
    let two = vec![vec![Edit {
        kept: 0,
        deleted: lines(&BODY[..2]),
        added: lines(&BODY[..2]),
    }]];
    assert_eq!(fast_new_lines(&two).len(), 2);
    let short = lines(&["}", "}", "end", "return", "a = 1"]);
    let short = vec![vec![Edit {
        kept: 0,
        deleted: short.clone(),
        added: short,
    }]];
    assert_eq!(fast_new_lines(&short).len(), 5);
}

#[test]
fn forty_characters_are_enough_and_thirty_nine_are_not() {
    for (last, expected) in [("x".repeat(38), 0), ("x".repeat(37), 3)] {
        let run = vec!["a".to_owned(), "b ".to_owned(), last];
        let files = vec![vec![Edit {
            kept: 0,
            deleted: run.clone(),
            added: run,
        }]];
        assert_eq!(fast_new_lines(&files).len(), expected);
    }
}

#[test]
fn a_deleted_run_serves_one_copy_only() {
    let files = vec![
        vec![Edit {
            kept: 0,
            deleted: lines(&BODY),
            added: vec![],
        }],
        vec![Edit {
            kept: 0,
            deleted: vec![],
            added: lines(&BODY),
        }],
        vec![Edit {
            kept: 0,
            deleted: vec![],
            added: lines(&BODY),
        }],
    ];
    assert_eq!(fast_new_lines(&files), [(2, 1), (2, 2), (2, 3)]);
}

#[test]
fn a_run_does_not_reach_over_a_kept_line() {
    let files = vec![
        vec![
            Edit {
                kept: 0,
                deleted: lines(&BODY[..2]),
                added: vec![],
            },
            Edit {
                kept: 1,
                deleted: lines(&BODY[2..]),
                added: vec![],
            },
        ],
        vec![Edit {
            kept: 0,
            deleted: vec![],
            added: lines(&BODY),
        }],
    ];
    assert_eq!(fast_new_lines(&files).len(), 3);
}

#[test]
fn lines_outside_ascii_count_by_character() {
    let run = lines(&[
        "\u{3000}令价格等于最新成交价格加上十个基点为止。",
        "然后返回这个价格给调用者使用。",
        "最后再记入日志以备查。",
    ]);
    let flush: Vec<String> = run
        .iter()
        .map(|line| line.trim_start().to_owned())
        .collect();
    let files = vec![vec![Edit {
        kept: 0,
        deleted: run,
        added: flush,
    }]];
    assert!(fast_new_lines(&files).is_empty());
}

#[test]
fn a_diff_that_repeats_itself_is_searched_in_bounded_time() {
    let same = "a line that is repeated again and again".to_owned();
    let deleted: Vec<Edit> = (0..1500)
        .map(|_| Edit {
            kept: 1,
            deleted: vec![same.clone(); 3],
            added: vec![],
        })
        .collect();
    let added = vec![Edit {
        kept: 0,
        deleted: vec![],
        added: vec![same; 4500],
    }];
    assert!(fast_new_lines(&[deleted, added]).is_empty());
}

fn edit() -> impl Strategy<Value = Edit> {
    // Few different lines, so that runs repeat, overlap and compete.
    let line = (0_usize..3, 0_usize..4).prop_map(|(indent, which)| {
        let texts = [
            "alpha beta gamma delta",
            "one two three four five",
            "}",
            "let sum = left + right;",
        ];
        format!("{}{}", " ".repeat(indent), texts[which])
    });
    let some = move || prop::collection::vec(line.clone(), 0..8);
    (0_u32..2, some(), some()).prop_map(|(kept, deleted, added)| Edit {
        kept,
        deleted,
        added,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_search_finds_what_the_naive_rule_finds(
        files in prop::collection::vec(prop::collection::vec(edit(), 0..4), 1..4)
    ) {
        prop_assert_eq!(fast_new_lines(&files), naive_new_lines(&files));
    }
}
