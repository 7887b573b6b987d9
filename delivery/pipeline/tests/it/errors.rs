//! What people read when something is wrong: each text as a whole.

use crate::support::{compile_text, show};

fn said(text: &str) -> String {
    show(&compile_text(text))
}

#[test]
fn broken_yaml_has_a_place_and_often_a_cure() {
    insta::assert_snapshot!(
        "broken_yaml",
        [
            "stages: [build, test\n",
            "job:\n\tscript: x\n",
            "job:\n  script:\n    - echo \"a: b\" && echo \"c: d\"\n",
            "job:\n  script: 'x\n",
            "job:\n  script: *nothing\n",
            "job:\n script: x\n  stage: y\n",
            "- a\n- b\n",
            "",
            "just text\n",
            "job: {<<: text, script: x}\n",
            "? [a]\n: b\n",
            "job: {script: !reference x}\n",
        ]
        .map(|text| format!("{text}---\n{}", said(text)))
        .join("\n")
    );
}

#[test]
fn a_bracket_that_was_forgotten_is_shown_where_it_opened() {
    let first = |text: &str| said(text).lines().next().unwrap_or_default().to_owned();
    for (text, place) in [
        ("a:\n  script: [x\nb:\n  script: y\n", "2:11"),
        ("a:\n  needs: [b, c\n  script:\n    - x\n", "2:10"),
        ("a:\n  script: [[x]\n\n# note\nb: 1\n", "2:11"),
        ("a: {script: x\nb: {script: y}\n", "1:4"),
    ] {
        let told = first(text);
        let expected = format!(".gitlab-ci.yml:{place}: error[yaml_syntax]: ");
        assert!(told.starts_with(&expected), "{text}{told}");
        assert!(told.contains("is not closed before line"), "{told}");
    }
    // Here the brackets are well and the mistake is the other one.
    for text in [
        "a:\n  script: [\n    x: y: z,\n  ]\n",
        "a:\n  script: [x]\nb:\n  script: y: z\n",
    ] {
        let told = first(text);
        assert!(told.contains("error[yaml_syntax]"), "{told}");
        assert!(!told.contains("is not closed"), "{text}{told}");
    }
}

#[test]
fn a_circle_of_needs_is_shown_at_the_needs_of_its_first_job_and_named_whole() {
    let text = "start:\n  script: x\n  needs: [c]\n\
                b:\n  script: x\n  needs:\n    - job: a\n\
                a:\n  script: x\n  rules:\n    - needs: [c]\n\
                c:\n  script: x\n  needs: [b]\n";
    insta::assert_snapshot!(said(text), @r"
    .gitlab-ci.yml:6:3: error[needs_cycle]: `needs` goes in a circle: b -> a -> c -> b
      fix: remove one of these needs
    ");
}

#[test]
fn the_classic_trap_shows_the_quoted_form() {
    insta::assert_snapshot!(said(
        "job:\n  script:\n    - echo \"x: y\"\n    - \"key\": 0644\n"
    ));
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    insta::assert_snapshot!(said(
        "stages: [build, test]\n\
         varables: {A: b}\n\
         buidl:\n  stage: biuld\n  scripts: [x]\n  script:\n    - echo \"x: y\"\n    - !reference [.nope, script]\n\
         \x20 needs: [missing, test-jbo]\n  when: sometimes\n  retry: 5\n  timeout: soon\n\
         \x20 artifacts: {path: [a], when: on_succes}\n  cache: {key: {file: [a]}}\n\
         \x20 environment: {url: x}\n  tags: build\n  interruptible: maybe\n  parallel: many\n\
         \x20 rules:\n    - if: $A ==\n    - iff: $A\n    - when: later\n    - text\n\
         test-job:\n  extends: .tempalte\n  only: [main]\n  rules: []\n  script: [1, null, x]\n\
         .template: {script: x}\n\
         no-script: {stage: test}\n\
         job2: [x]\n"
    ));
}

#[test]
fn circles_are_drawn() {
    insta::assert_snapshot!(said(
        ".a: {extends: .b}\n.b: {extends: .a}\n\
         .r: {script: [!reference [.s, script]]}\n.s: {script: [!reference [.r, script]]}\n\
         x: {script: !reference [.r, script], needs: [y]}\ny: {script: x, needs: [x]}\n\
         z: {script: x, variables: {A: $B, B: $A}}\n"
    ));
}

#[test]
fn of_references_in_a_circle_only_the_circle_is_told() {
    let two = "a:\n  script: [!reference [b, script]]\nb:\n  script: [!reference [a, script]]\n\
               c:\n  script: !reference [a, script]\nd:\n  script: [[!reference [b, script]]]\n\
               e:\n  before_script: !reference [a, script]\n  script: [x]\n";
    insta::assert_snapshot!(said(two));
}

#[test]
fn of_a_reference_that_leads_nowhere_only_that_is_told() {
    let text = "a:\n  script: !reference [.none, script]\nb:\n  script: [!reference [.none, script]]\n\
                empty:\n  script: []\n";
    insta::assert_snapshot!(said(text));
}

#[test]
fn a_mistake_in_a_template_is_told_once() {
    let text = "default: {retry: 9}\na: {script: x}\nb: {script: x}\nc: {script: x}\n";
    insta::assert_snapshot!(said(text));
}

#[test]
fn lint_warnings_say_what_is_read() {
    insta::assert_snapshot!(said(
        "default: {timeout: 1h}\nvariables: {MODE: 0644, 1X: a}\n\
         job:\n  script: x\n  script: y\n  tags: !mine [a]\n  rules: [{if: $A =~ 'text'}, {when: always}]\n\
         pages: {script: x, artifacts: {public: false}}\n"
    ));
}

#[test]
fn the_expanded_file_is_plain_yaml() {
    let compiled = compile_text(
        "default: {image: img, before_script: [before]}\nvariables: {MODE: 0644, TEXT: 'yes', EMPTY: ''}\n\
         .base: {script: [one, !reference [.more, script]], tags: [a, 'b: c']}\n.more: {script: ['# two', \"a\\tb\"]}\n\
         job:\n  extends: .base\n  variables: {N: 3.10}\n  after_script: |\n    if x; then\n      y\n    fi\n\
         \x20 rules: [{if: $A == \"b\", changes: ['**/*.rs']}, {when: always}]\n",
    );
    insta::assert_snapshot!(compiled.expanded());
}

#[test]
fn what_a_file_not_read_may_hold_is_blamed_on_it() {
    let text = "\
include:
  - template: Security/Scan.gitlab-ci.yml
scan:
  stage: test
more:
  extends: .scanner
  needs: [gather]
  script: !reference [.scanner, script]
";
    insta::assert_snapshot!(said(text), @r"
    .gitlab-ci.yml:2:5: unsupported[not_executed]: `include:template` is known but not executed yet
      fix: copy the file into this repository and use `include: local`
    .gitlab-ci.yml:3:1: error[no_script]: job `scan`: there is no `script`
      fix: it may stand in what .gitlab-ci.yml:2 includes; cure that first
    .gitlab-ci.yml:6:12: error[extends_unknown]: `more` extends `.scanner`, which does not exist
      fix: it may stand in what .gitlab-ci.yml:2 includes; cure that first
    .gitlab-ci.yml:7:11: error[unknown_job]: job `more` needs `gather`, which is not defined
      fix: it may stand in what .gitlab-ci.yml:2 includes; cure that first
    .gitlab-ci.yml:8:22: error[reference_unknown]: `!reference [.scanner, script]` leads nowhere
      fix: it may stand in what .gitlab-ci.yml:2 includes; cure that first
    ");
    let alone = said("job: {needs: [gather], script: x}\n");
    assert!(
        alone.contains("unknown_job") && !alone.contains("it may stand in"),
        "{alone}"
    );
    assert!(!alone.contains("need_not_in_pipeline"), "{alone}");
}
