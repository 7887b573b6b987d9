//! `rules`, `workflow`, `only` and `except` for different events.

use rialto_delivery_pipeline::plan::{AllowFailure, OnNewCommit, When};
use rialto_delivery_pipeline::{Context, compile};

use crate::support::{
    codes, compile_text, files, job, names, plan, plan_of, plan_with, push, show, variable,
};

fn event(source: &str, variables: &[(&str, &str)]) -> Context {
    Context {
        source: source.to_owned(),
        variables: variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        ..Context::default()
    }
}

#[test]
fn the_first_matching_rule_decides_everything() {
    let plan = plan(
        "job:\n  script: x\n  needs: [other]\n  variables: {A: job, B: job}\n  rules:\n\
         \x20   - {if: $NONE, when: never}\n\
         \x20   - {if: $CI, when: manual, variables: {A: rule}, needs: [], interruptible: true}\n\
         \x20   - {when: always}\n\
         other: {script: x}\n",
    );
    let found = job(&plan, "job");
    assert_eq!(found.when, When::Manual);
    assert_eq!(found.allow_failure, AllowFailure::No);
    assert_eq!(found.needs.as_deref(), Some(&[][..]));
    assert!(found.interruptible);
    assert_eq!(variable(&plan, "job", "A"), "rule");
    assert_eq!(variable(&plan, "job", "B"), "job");
}

#[test]
fn manual_blocks_in_rules_and_does_not_in_the_job() {
    let plan = plan(
        "level: {script: x, when: manual}\n\
         inherited: {script: x, when: manual, rules: [{if: $CI}]}\n\
         ruled: {script: x, rules: [{if: $CI, when: manual}]}\n\
         allowed: {script: x, allow_failure: true, rules: [{if: $CI, when: manual}]}\n",
    );
    let allow = |name| job(&plan, name).allow_failure.clone();
    assert_eq!(allow("level"), AllowFailure::Yes);
    assert_eq!(allow("inherited"), AllowFailure::Yes);
    assert_eq!(allow("ruled"), AllowFailure::No);
    assert_eq!(allow("allowed"), AllowFailure::Yes);
}

#[test]
fn no_matching_rule_leaves_the_job_out_and_says_why() {
    let compiled = compile_text("a: {script: x, rules: [{if: $NONE}]}\nb: {script: x}\n");
    assert_eq!(compiled.why[0].reason, "no rule matches");
    assert!(!compiled.why[0].included && compiled.why[1].included);
    assert_eq!(names(&plan_of(compiled)), ["b"]);
}

#[test]
fn a_delayed_rule_carries_its_delay() {
    let plan = plan("job: {script: x, rules: [{when: delayed, start_in: 5 minutes}]}\n");
    assert_eq!(
        (job(&plan, "job").when, job(&plan, "job").start_in_s),
        (When::Delayed, Some(300))
    );
    assert_eq!(
        codes("job: {script: x, rules: [{when: delayed}]}\n"),
        ["start_in_missing"]
    );
}

#[test]
fn a_delay_without_when_delayed_or_beside_rules_is_refused() {
    for when in ["when: on_success, ", "when: never, ", ""] {
        let text = format!("job: {{script: x, rules: [{{{when}start_in: 3 minutes}}]}}\n");
        assert_eq!(codes(&text), ["start_in_alone"], "{text}");
        assert!(show(&compile_text(&text)).contains(".gitlab-ci.yml:1:"));
    }
    for keys in [
        "when: delayed, start_in: 5 minutes",
        "when: delayed",
        "start_in: 5 minutes",
    ] {
        let text = format!("job: {{script: x, {keys}, rules: [{{if: $CI}}]}}\n");
        assert_eq!(codes(&text), ["rules_and_start_in"], "{text}");
    }
}

#[test]
fn comparing_with_a_ref_that_is_not_there_is_refused_with_its_place() {
    let text = "job:\n  script: x\n  rules:\n    - changes: {paths: [a], compare_to: $BASE}\n\
                other: {script: x}\n";
    let mut repository = files(&[(".gitlab-ci.yml", text)]);
    repository.refs = Some(vec!["main".to_owned()]);
    let found = |base: &str| show(&compile(&repository, &push(&[("BASE", base)])));
    let told = found("nowhere");
    assert!(
        told.contains(".gitlab-ci.yml:4:41: error[unknown_ref]"),
        "{told}"
    );
    assert!(told.contains("`nowhere`"), "{told}");
    assert!(!found("main").contains("error"));
}

#[test]
fn changes_match_paths_and_are_true_when_unknown() {
    let text = "docs: {script: x, rules: [{changes: ['docs/**/*', $EXTRA]}]}\nall: {script: x}\n";
    let mut repository = files(&[(".gitlab-ci.yml", text)]);
    let listed = |repository: &_| {
        let context = push(&[("EXTRA", "*.md")]);
        names(&plan_of(compile(repository, &context)))
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&repository), ["docs", "all"]);
    repository.changed = Some(vec!["src/a.rs".into()]);
    assert_eq!(listed(&repository), ["all"]);
    repository.changed = Some(vec!["docs/deep/.x".into()]);
    assert_eq!(listed(&repository), ["docs", "all"]);
    repository.changed = Some(vec!["README.md".into()]);
    assert_eq!(listed(&repository), ["docs", "all"]);
}

#[test]
fn exists_looks_at_files_and_folders() {
    let text = "file: {script: x, rules: [{exists: [Dockerfile]}]}\n\
                glob: {script: x, rules: [{exists: ['**/*.rs']}]}\n\
                folder: {script: x, rules: [{exists: [src/]}]}\n\
                none: {script: x, rules: [{exists: ['*.py']}]}\nalways: {script: x}\n";
    let repository = files(&[(".gitlab-ci.yml", text), ("src/main.rs", "")]);
    assert_eq!(
        names(&plan_of(compile(&repository, &push(&[])))),
        ["glob", "folder", "always"]
    );
}

#[test]
fn workflow_decides_creation_name_variables_and_cancelling() {
    let text = "workflow:\n  name: build of $WHAT\n  auto_cancel: {on_new_commit: none}\n  rules:\n\
                \x20   - {if: $CI_COMMIT_TAG, when: never}\n\
                \x20   - if: $CI_COMMIT_BRANCH == 'main'\n      variables: {WHAT: main}\n\
                \x20     auto_cancel: {on_new_commit: interruptible, on_job_failure: all}\n\
                variables: {WHAT: else}\njob: {script: x}\n";
    let plan = plan(text);
    assert_eq!(plan.name.as_deref(), Some("build of main"));
    assert_eq!(plan.on_new_commit, OnNewCommit::Interruptible);
    assert!(plan.cancel_on_job_failure);
    assert_eq!(variable(&plan, "job", "WHAT"), "main");
    let repository = files(&[(".gitlab-ci.yml", text)]);
    let tag = compile(&repository, &event("push", &[("CI_COMMIT_TAG", "v1")]));
    assert!(tag.is_valid() && tag.plan.is_none());
    assert_eq!(
        tag.no_pipeline.unwrap().reason,
        "`workflow` says never (if: $CI_COMMIT_TAG)"
    );
    let other = compile(&repository, &event("push", &[("CI_COMMIT_BRANCH", "x")]));
    assert_eq!(
        other.no_pipeline.unwrap().reason,
        "no rule of `workflow` matches"
    );
}

#[test]
fn jobs_without_conditions_stay_out_of_merge_request_pipelines() {
    let text = "plain: {script: x}\nruled: {script: x, rules: [{if: $CI_MERGE_REQUEST_IID}]}\n\
                listed: {script: x, only: [merge_requests]}\n";
    let context = event("merge_request_event", &[("CI_MERGE_REQUEST_IID", "7")]);
    assert_eq!(names(&plan_with(text, &context)), ["ruled", "listed"]);
}

#[test]
fn only_and_except_know_refs_sources_and_variables() {
    let text = "main: {script: x, only: [main]}\nregex: {script: x, only: ['/^rel-.*$/']}\n\
                tags: {script: x, only: [tags]}\nbranches: {script: x, only: {refs: [branches]}}\n\
                schedules: {script: x, only: [schedules]}\nnot_main: {script: x, except: [main]}\n\
                flag: {script: x, only: {variables: [$FLAG == 'on']}}\n\
                both: {script: x, only: {refs: [main], variables: [$FLAG]}}\n\
                forked: {script: x, only: [main@other/project]}\n";
    let branch = |name, flag| {
        let context = event(
            "push",
            &[
                ("CI_COMMIT_BRANCH", name),
                ("CI_COMMIT_REF_NAME", name),
                ("FLAG", flag),
            ],
        );
        names(&plan_with(text, &context))
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(branch("main", ""), ["main", "branches"]);
    assert_eq!(branch("main", "on"), ["main", "branches", "flag", "both"]);
    assert_eq!(branch("rel-1", ""), ["regex", "branches", "not_main"]);
    let tag = event(
        "push",
        &[("CI_COMMIT_TAG", "v1"), ("CI_COMMIT_REF_NAME", "v1")],
    );
    assert_eq!(names(&plan_with(text, &tag)), ["tags", "not_main"]);
    let schedule = event(
        "schedule",
        &[("CI_COMMIT_BRANCH", "main"), ("CI_COMMIT_REF_NAME", "main")],
    );
    assert_eq!(
        names(&plan_with(text, &schedule)),
        ["main", "branches", "schedules"]
    );
}

#[test]
fn variables_of_the_event_beat_the_file_and_predefined_ones_do_not() {
    let text = "variables: {MODE: file, CI_COMMIT_REF_SLUG: file}\n\
                job: {script: x, environment: {name: $MODE/$CI_COMMIT_REF_SLUG}}\n";
    let plan = plan_with(
        text,
        &push(&[("MODE", "event"), ("CI_COMMIT_REF_SLUG", "event")]),
    );
    assert_eq!(
        job(&plan, "job").environment.as_ref().unwrap().name,
        "event/file"
    );
}

#[test]
fn expressions_follow_the_grammar() {
    let holds = |text: &str| {
        let source = format!("job:\n  script: x\n  rules:\n    - if: >-\n        {text}\n");
        let context = push(&[
            ("EMPTY", ""),
            ("BLANK", " "),
            ("ONE", "1"),
            ("NAME", "feature-x"),
            ("RE", "/^FEAT/i"),
            ("INDIRECT", "$NAME"),
        ]);
        let compiled = compile(&files(&[(".gitlab-ci.yml", &source)]), &context);
        assert!(compiled.is_valid(), "{text}: {:?}", compiled.diagnostics);
        compiled.plan.is_some()
    };
    let yes = [
        "$ONE",
        "null == null",
        "$NONE == null",
        "$NONE == $NIL",
        "$EMPTY == ''",
        "$ONE == \"1\" && $NAME == 'feature-x'",
        "$NONE || $ONE && $NAME",
        "($NONE || $ONE) && $NAME",
        "$NAME =~ /^feature-/",
        "$NAME =~ /^FEATURE/i",
        "$NAME =~ $RE",
        "$NONE =~ /^$/",
        "$NAME !~ /main/",
        "$NONE !~ $NONE",
        "$INDIRECT == '$NAME'",
        "'eat' =~ 'feature'",
        "$NAME =~ /ture\\-x/ ",
        "\"a/b\" =~ /a\\/b/",
        "$ONE != null",
        "/ab/",
    ];
    let no = [
        "$NONE",
        "$EMPTY",
        "$BLANK",
        "null",
        "'' == null",
        "$ONE == '2'",
        "$ONE && ($NONE || $EMPTY)",
        "$NAME =~ /^x/",
        "$NAME =~ $NONE",
        "$NAME !~ /feature/",
        "'feature' =~ 'eat'",
    ];
    for text in yes {
        assert!(holds(text), "{text}");
    }
    for text in no {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn broken_expressions_are_errors_and_failed_ones_are_false() {
    for text in [
        "$A ==",
        "$A = 'x'",
        "(",
        "$A)",
        "!$A",
        "${A}",
        "$A =~ /a/",
        "$A =~ /(/",
        "'x",
        "$A $B",
        "",
    ] {
        let source = format!("job: {{script: x, rules: [{{if: \"{text}\"}}]}}\n");
        assert_eq!(codes(&source), ["bad_expression"], "{text}");
    }
    let source = "job: {script: x, rules: [{if: $A =~ $RE}]}\nother: {script: x}\n";
    let context = push(&[("RE", "/(/")]);
    let compiled = compile(&files(&[(".gitlab-ci.yml", source)]), &context);
    assert_eq!(compiled.diagnostics[0].code, "expression_failed");
    assert_eq!(names(&plan_of(compiled)), ["other"]);
}
