//! Anchors, merge keys, tags, `extends`, `!reference`, `include`, inputs.

use rialto_delivery_pipeline::compile;

use crate::support::{codes, compile_text, files, job, names, plan, plan_of, push, show, variable};

#[test]
fn a_merge_key_counts_at_its_place() {
    let plan = plan(
        ".a: &a {X: a, Y: a}\n.b: &b {X: b}\n\
         before: {script: x, variables: {<<: *a, X: own}}\n\
         after: {script: x, variables: {X: own, <<: *a}}\n\
         listed: {script: x, variables: {<<: [*a, *b]}}\n\
         twice: {script: x, variables: {<<: *a, <<: *b}}\n",
    );
    assert_eq!(variable(&plan, "before", "X"), "own");
    assert_eq!(variable(&plan, "after", "X"), "a");
    assert_eq!(variable(&plan, "listed", "X"), "a");
    assert_eq!(variable(&plan, "twice", "X"), "b");
    assert_eq!(variable(&plan, "twice", "Y"), "a");
}

#[test]
fn a_merge_is_shallow_and_is_no_duplicate_key() {
    let source = ".a: &a {variables: {X: a, Y: a}, stage: build}\n\
                  job: {<<: *a, script: x, stage: test, variables: {X: own}}\n";
    assert!(codes(source).is_empty(), "{:?}", codes(source));
    let plan = plan(source);
    assert_eq!(job(&plan, "job").stage, "test");
    assert!(!job(&plan, "job").variables.contains_key("Y"));
}

#[test]
fn a_redefined_anchor_means_the_later_value() {
    let plan = plan(".a: &x [one]\n.b: &x [two]\njob: {script: *x}\n");
    assert_eq!(job(&plan, "job").script, ["two"]);
}

#[test]
fn the_last_of_equal_keys_wins_with_a_warning() {
    let source = "job: {script: a, script: b}\n";
    assert_eq!(codes(source), ["duplicate_key"]);
    assert_eq!(job(&plan(source), "job").script, ["b"]);
}

#[test]
fn tags_are_kept_ignored_or_refused() {
    assert_eq!(codes("job: {script: !later x}\n"), ["unknown_tag"]);
    assert_eq!(codes("job: {script: [!!str 12]}\n"), [""; 0]);
    for tag in [
        "!ruby/object:Object {}",
        "!!set {a: }",
        "!!omap [a: 1]",
        "!!binary aGk=",
    ] {
        assert_eq!(
            codes(&format!("job: {{script: x}}\n.x: {tag}\n")),
            ["tag_not_allowed"],
            "{tag}"
        );
    }
    assert_eq!(
        codes("job: {script: x, variables: {D: 2024-01-01}}\n"),
        ["date_not_allowed"]
    );
}

#[test]
fn extends_merges_maps_replaces_lists_and_null_removes() {
    let plan = plan(
        ".one: {script: [one], tags: [a, b], variables: {A: one, B: one}, retry: 1}\n\
         .two: {script: [two], variables: {B: two, C: two}}\n\
         job: {extends: [.one, .two], tags: [c], variables: {A: null, D: own}, retry: null}\n\
         empty: {extends: .one, variables: {}}\n",
    );
    let found = job(&plan, "job");
    assert_eq!(found.script, ["two"]);
    assert_eq!(found.tags, ["c"]);
    assert_eq!(found.variables.keys().collect::<Vec<_>>(), ["B", "C", "D"]);
    assert_eq!(found.variables["B"].value, "two");
    assert_eq!(found.retry.max, 0);
    assert_eq!(job(&plan, "empty").variables.len(), 2);
}

#[test]
fn extends_has_eleven_levels_and_no_circle() {
    let chain = |levels: usize| {
        let mut text = ".l1: {script: x}\n".to_owned();
        for level in 2..levels {
            text.push_str(&format!(".l{level}: {{extends: .l{}}}\n", level - 1));
        }
        text + &format!("job: {{extends: .l{}}}\n", levels - 1)
    };
    assert!(codes(&chain(11)).is_empty());
    assert_eq!(codes(&chain(12)), ["extends_too_deep"]);
    let circle =
        compile_text(".a: {extends: .b}\n.b: {extends: .a}\njob: {extends: .a, script: x}\n");
    assert!(
        show(&circle).contains(".a -> .b -> .a"),
        "{}",
        show(&circle)
    );
}

#[test]
fn a_reference_takes_in_any_path_and_flattens() {
    let plan = plan(
        ".s: {script: [a, b], variables: {X: s}}\n\
         .t: {script: [!reference [.s, script], c], deep: {one: {two: [z]}}}\n\
         job:\n  script:\n    - !reference [.t, script]\n    - [d, [e]]\n    - !reference [.t, deep, one, two]\n\
         \x20 variables: !reference [.s, variables]\n  tags: [!reference [.s, script], q]\n",
    );
    assert_eq!(job(&plan, "job").script, ["a", "b", "c", "d", "e", "z"]);
    assert_eq!(variable(&plan, "job", "X"), "s");
    assert_eq!(job(&plan, "job").tags, ["a", "b", "q"]);
}

#[test]
fn a_reference_sees_what_extends_brought() {
    let plan = plan(
        ".base: {before_script: [base]}\n.mid: {extends: .base}\n\
         job: {script: [!reference [.mid, before_script]]}\n",
    );
    assert_eq!(job(&plan, "job").script, ["base"]);
}

#[test]
fn references_in_a_circle_name_the_chain() {
    let text = ".a: {script: [!reference [.b, script]]}\n.b: {script: [!reference [.a, script]]}\n\
                job: {script: [!reference [.a, script]]}\n";
    let shown = show(&compile_text(text));
    assert!(
        shown.contains("[.b, script] -> [.a, script] -> [.b, script]"),
        "{shown}"
    );
    assert_eq!(shown.matches("error[").count(), 1, "{shown}");
}

#[test]
fn references_end_after_ten_levels() {
    let chain = |levels: usize| {
        let mut text = ".r0: {script: [x]}\n".to_owned();
        for level in 1..levels {
            text.push_str(&format!(
                ".r{level}: {{script: [!reference [.r{}, script]]}}\n",
                level - 1
            ));
        }
        text + &format!("job: {{script: [!reference [.r{}, script]]}}\n", levels - 1)
    };
    assert!(codes(&chain(10)).is_empty());
    assert!(codes(&chain(12)).contains(&"reference_too_deep".to_owned()));
}

#[test]
fn includes_merge_in_order_and_the_including_file_wins() {
    let repository = files(&[
        (
            ".gitlab-ci.yml",
            "include:\n  - local: /ci/a.yml\n  - ci/b.yml\n  - local: 'ci/deep/**.yml'\n\
             job: {variables: {C: main}}\n",
        ),
        (
            "ci/a.yml",
            "job: {script: [a], variables: {A: a, B: a, C: a}}\n",
        ),
        (
            "ci/b.yml",
            "include: ci/nested.yml\njob: {variables: {B: b}}\n",
        ),
        ("ci/nested.yml", "nested: {extends: job, script: [n]}\n"),
        ("ci/deep/x/y.yml", "deep: {script: [d]}\n"),
    ]);
    let plan = plan_of(compile(&repository, &push(&[])));
    assert_eq!(names(&plan), ["job", "nested", "deep"]);
    for (name, value) in [("A", "a"), ("B", "b"), ("C", "main")] {
        assert_eq!(variable(&plan, "job", name), value);
    }
    assert_eq!(job(&plan, "nested").origin.file, "ci/nested.yml");
}

#[test]
fn include_rules_and_variables_choose_files() {
    let repository = files(&[
        (
            ".gitlab-ci.yml",
            "include:\n  - {local: a.yml, rules: [{if: $KIND == 'a'}]}\n\
             \x20 - {local: b.yml, rules: [{if: $KIND == 'b'}]}\n  - {local: $FILE, rules: [{exists: [c.yml]}]}\n",
        ),
        ("a.yml", "a: {script: x}\n"),
        ("b.yml", "b: {script: x}\n"),
        ("c.yml", "c: {script: x}\n"),
    ]);
    let plan = plan_of(compile(
        &repository,
        &push(&[("KIND", "a"), ("FILE", "c.yml")]),
    ));
    assert_eq!(names(&plan), ["a", "c"]);
}

#[test]
fn inputs_fill_an_included_file() {
    let repository = files(&[
        (
            ".gitlab-ci.yml",
            "include:\n  - local: t.yml\n    inputs: {name: lint, count: 2, tags: [x, y]}\n",
        ),
        (
            "t.yml",
            "spec:\n  inputs:\n    name: {regex: '^[a-z]+$'}\n    count: {type: number}\n\
             \x20   tags: {type: array}\n    stage: {default: test, options: [test, build]}\n---\n\
             \"$[[ inputs.name ]]-job\":\n  stage: $[[ inputs.stage ]]\n  parallel: $[[ inputs.count ]]\n\
             \x20 tags: $[[ inputs.tags ]]\n  script: run $[[ inputs.name | truncate(0,2) ]]\n",
        ),
    ]);
    let plan = plan_of(compile(&repository, &push(&[])));
    assert_eq!(names(&plan), ["lint-job 1/2", "lint-job 2/2"]);
    assert_eq!(plan.jobs[0].tags, ["x", "y"]);
    assert_eq!(plan.jobs[0].script, ["run li"]);
}

#[test]
fn wrong_inputs_are_named() {
    let inputs = |given: &str| {
        let repository = files(&[
            (
                ".gitlab-ci.yml",
                &format!("include:\n  - local: t.yml\n    inputs: {given}\n"),
            ),
            (
                "t.yml",
                "spec:\n  inputs:\n    name: {options: [a, b]}\n---\njob: {script: '$[[ inputs.name ]]'}\n",
            ),
        ]);
        let compiled = compile(&repository, &push(&[]));
        compiled
            .diagnostics
            .into_iter()
            .map(|d| d.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(inputs("{name: a}"), [""; 0]);
    assert_eq!(inputs("{name: c}"), ["bad_input"]);
    assert_eq!(inputs("{name: 1}"), ["bad_input", "unknown_input"]);
    assert_eq!(inputs("{name: a, nam: b}"), ["unknown_input"]);
    assert!(inputs("{}").contains(&"input_missing".to_owned()));
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_change_nothing() {
    let text =
        "stages: [a]\njob:\n  stage: a\n  script:\n    - |\n      one\n      two\n    - three\n";
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(
        job(&plan(&windows), "job").script,
        job(&plan(text), "job").script
    );
}

#[test]
fn input_functions_and_headers_that_are_not_known_are_refused() {
    let body = "job: {script: '$[[ inputs.a | expand_vars ]]'}\n";
    let function = format!("spec: {{inputs: {{a: {{default: x}}}}}}\n---\n{body}");
    assert_eq!(codes(&function), ["not_executed"]);
    for key in ["include: [x.yml]", "component: [name]"] {
        let text = format!("spec: {{{key}}}\n---\njob: {{script: x}}\n");
        assert_eq!(codes(&text), ["not_executed"], "{key}");
    }
    assert_eq!(
        codes("spec: {inputs: {}}\njob: {script: x}\n"),
        ["spec_alone"]
    );
}

#[test]
fn nested_scripts_and_rules_are_flat_in_the_resolved_file() {
    let text = "\
.a: &a [one, [two, [three]]]
.r: &r [{if: $NONE}]
job:
  before_script: [*a, !reference [.b, script]]
  script: [start, *a, !reference [.b, script]]
  rules: [*r, [{when: always}]]
.b: {script: [four, [five]]}
";
    let compiled = compile_text(text);
    insta::assert_snapshot!(compiled.expanded(), @r"
    job:
      before_script:
        - one
        - two
        - three
        - four
        - five
      script:
        - start
        - one
        - two
        - three
        - four
        - five
      rules:
        -
          if: $NONE
        -
          when: always
    ");
    let plan = plan(text);
    assert_eq!(
        job(&plan, "job").script,
        ["start", "one", "two", "three", "four", "five"]
    );
}

#[test]
fn a_script_nests_ten_levels_and_no_more() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!("job:\n  script: {open}x{close}\n")
    };
    assert!(compile_text(&nested(10)).is_valid());
    let compiled = compile_text(&nested(11));
    let first = &compiled.diagnostics[0];
    assert_eq!((first.code.as_str(), first.position.line), ("too_deep", 2));
}

#[test]
fn a_reference_without_keys_hides_no_other_mistake() {
    let text = "one:\n  script: !reference .x\ntwo:\n  script:\n    - !reference [.gone, script]\n";
    assert_eq!(codes(text), ["bad_reference", "reference_unknown"]);
}
