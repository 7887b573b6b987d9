//! Laws that hold for any text.

use proptest::collection::vec;
use proptest::prelude::*;
use regex::Regex;
use rialto_delivery_pipeline::glob::{Dialect, Glob};
use rialto_delivery_pipeline::plan::{Plan, Position};
use rialto_delivery_pipeline::{compile, expand_yaml};

use crate::support::{compile_text, files, push};

/// Pieces that make texts look like pipeline files.
const PIECES: [&str; 40] = [
    "job:",
    "\n",
    "\n  ",
    "\n    ",
    "script:",
    "- ",
    "x",
    ": ",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "<<: ",
    "!reference [job, script]",
    "extends: ",
    "needs: ",
    "stage: ",
    "test",
    "rules:",
    "- if: ",
    "$A == 'b'",
    "include: ",
    ".gitlab-ci.yml",
    "variables:",
    "parallel: ",
    "matrix:",
    "'",
    "\"",
    "|",
    "\t",
    "#",
    "---",
    "0644",
    "null",
    "workflow:",
    "default:",
    "!x ",
    "$[[ inputs.a ]]",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(proptest::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat()),
        vec(any::<char>(), 0..80).prop_map(|chars| chars.into_iter().collect()),
    ]
}

/// Valid files from the keywords that shape a plan.
fn valid() -> impl Strategy<Value = String> {
    let values = prop_oneof![
        Just("yes".to_owned()),
        Just("0644".to_owned()),
        Just("'0644'".to_owned()),
        Just("\"a\\nb: c\\n\"".to_owned()),
        Just("\"  lead\\nx\"".to_owned()),
        Just("'# no'".to_owned()),
        Just("3.10".to_owned()),
        "[a-zA-Z:#&*!|>'%@`,\\[\\]{}$-]{0,12}".prop_map(|t| format!("'{}'", t.replace('\'', "''"))),
    ];
    let job = (
        values.clone(),
        values,
        0..4_usize,
        0..5_usize,
        any::<bool>(),
        any::<bool>(),
    );
    vec(job, 1..6).prop_map(|jobs| {
        let mut text = "default: {tags: [d]}\nvariables: {G: $H}\n.t: {script: [t], retry: 1}\n".to_owned();
        for (n, (value, line, kind, need, extends, manual)) in jobs.into_iter().enumerate() {
            text.push_str(&format!("j{n}:\n  variables: {{A: {value}}}\n  script:\n    - {line}\n    - !reference [.t, script]\n"));
            if line.starts_with('3') || line == "yes" || line == "0644" {
                text = text.replace(&format!("    - {line}\n"), "    - plain\n");
            }
            match kind {
                1 => text.push_str("  parallel: 2\n"),
                2 => text.push_str("  parallel: {matrix: [{X: [a, b], Y: 1}]}\n"),
                3 => text.push_str("  environment: {name: $A/x, url: http://y}\n"),
                _ => {}
            }
            if need < n {
                text.push_str(&format!("  needs: [j{need}]\n"));
            }
            if extends {
                text.push_str("  extends: .t\n");
            }
            if manual {
                text.push_str("  rules: [{if: $CI == 'true', when: manual}]\n");
            }
        }
        text
    })
}

/// The plan without its places.
fn placeless(mut plan: Plan) -> Plan {
    for job in &mut plan.jobs {
        job.origin = Position::default();
    }
    plan
}

/// A glob as a regular expression, for patterns without braces and brackets.
fn naive(pattern: &str) -> Regex {
    let mut out = "^".to_owned();
    let parts: Vec<&str> = pattern.split('/').collect();
    for (at, part) in parts.iter().enumerate() {
        if *part == "**" && at + 1 < parts.len() {
            out.push_str("(?:[^/]*/)*");
            continue;
        }
        for c in part.chars() {
            match c {
                '*' => out.push_str("[^/]*"),
                '?' => out.push_str("[^/]"),
                c => out.push_str(&regex::escape(&c.to_string())),
            }
        }
        if at + 1 < parts.len() {
            out.push('/');
        }
    }
    Regex::new(&(out + "$")).expect("the translation escapes all but its own signs")
}

/// A boolean expression as a tree, to be written and to be judged.
#[derive(Debug, Clone)]
enum Tree {
    Defined(usize),
    Equal(usize, u8),
    NotEqual(usize, u8),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (0..4_usize).prop_map(Tree::Defined),
        (0..4_usize, 0..2_u8).prop_map(|(name, value)| Tree::Equal(name, value)),
        (0..4_usize, 0..2_u8).prop_map(|(name, value)| Tree::NotEqual(name, value)),
    ];
    leaf.prop_recursive(5, 40, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Tree::Or(Box::new(a), Box::new(b))),
        ]
    })
}

impl Tree {
    /// Without needless parentheses, so that precedence is under test.
    fn write(&self, inside_and: bool) -> String {
        match self {
            Self::Defined(name) => format!("$V{name}"),
            Self::Equal(name, value) => format!("$V{name} == '{value}'"),
            Self::NotEqual(name, value) => format!("$V{name} != \"{value}\""),
            Self::And(a, b) => format!("{} && {}", a.write(true), b.write(true)),
            Self::Or(a, b) if inside_and => format!("({} || {})", a.write(false), b.write(false)),
            Self::Or(a, b) => format!("{} || {}", a.write(false), b.write(false)),
        }
    }

    fn judge(&self, values: &[Option<u8>; 4]) -> bool {
        match self {
            Self::Defined(name) => values[*name].is_some(),
            Self::Equal(name, value) => values[*name] == Some(*value),
            Self::NotEqual(name, value) => values[*name] != Some(*value),
            Self::And(a, b) => a.judge(values) && b.judge(values),
            Self::Or(a, b) => a.judge(values) || b.judge(values),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(text in text()) {
        let compiled = compile_text(&text);
        prop_assert!(compiled.plan.is_none() || compiled.is_valid());
        let _ = compiled.expanded();
    }

    #[test]
    fn the_expanded_file_makes_the_same_plan(text in valid()) {
        let context = push(&[]);
        let first = compile(&files(&[(".gitlab-ci.yml", &text)]), &context);
        let Some(plan) = first.plan else { return Err(TestCaseError::fail(format!("{text}\n{:?}", first.diagnostics))) };
        let expanded = expand_yaml(&files(&[(".gitlab-ci.yml", &text)]), &context).unwrap();
        let second = compile(&files(&[(".gitlab-ci.yml", &expanded)]), &context);
        prop_assert!(second.plan.is_some(), "{}\n{:?}", expanded, second.diagnostics);
        prop_assert_eq!(placeless(plan), placeless(second.plan.unwrap()), "{}", expanded);
    }

    #[test]
    fn globs_match_as_the_naive_translation(pattern in "([ab.*?]{1,4}/|\\*\\*/){0,4}[ab.*?]{1,4}", path in "([ab.]{1,3}/){0,4}[ab.]{1,3}") {
        let ours = Glob::new(&pattern, Dialect::Fnmatch).unwrap().matches(&path);
        prop_assert_eq!(ours, naive(&pattern).is_match(&path), "{} on {}", pattern, path);
    }

    #[test]
    fn expressions_hold_as_a_naive_judge_says(tree in tree(), values in proptest::array::uniform4(proptest::option::of(0..2_u8))) {
        let text = format!("job: {{script: x, rules: [{{if: \"{}\"}}]}}\n", tree.write(false).replace('"', "\\\""));
        let names = ["V0", "V1", "V2", "V3"];
        let texts: Vec<(&str, String)> = names.iter().zip(values).filter_map(|(n, v)| v.map(|v| (*n, v.to_string()))).collect();
        let pairs: Vec<(&str, &str)> = texts.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let compiled = compile(&files(&[(".gitlab-ci.yml", &text)]), &push(&pairs));
        prop_assert!(compiled.is_valid(), "{:?}", compiled.diagnostics);
        prop_assert_eq!(compiled.plan.is_some(), tree.judge(&values), "{}", text);
    }
}
