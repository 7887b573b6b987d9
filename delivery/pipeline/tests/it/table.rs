//! Every keyword of the language and what becomes of it: carried out, told to have no effect,
//! refused, or an error. `docs/reference/gitlab-ci.md` is this table for people.

use rialto_delivery_pipeline::{Compiled, Context, Severity, compile};

use crate::support::{files, push, show};

/// What becomes of a keyword.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Works,
    NoEffect,
    Refused,
    Error,
}
use Fate::{Error, NoEffect, Refused, Works};

/// Keywords of a job, one a line of YAML each.
const JOB: &[(&str, Fate)] = &[
    ("before_script: [a, [b]]", Works),
    ("after_script: [a]", Works),
    ("variables: {A: b, C: {value: d, expand: false}}", Works),
    ("variables: {A: {value: b, description: c}}", Error),
    ("extends: .template", Works),
    ("inherit: {default: false, variables: [A]}", Works),
    ("inherit: {default: [rules]}", Error),
    ("inherit: {jobs: false}", Error),
    ("stage: build", Works),
    ("when: manual", Works),
    ("when: always\n  start_in: 1 hour", Error),
    ("when: delayed\n  start_in: 1 hour", Works),
    ("manual_confirmation: sure?", Refused),
    ("allow_failure: {exit_codes: [1]}", Works),
    (
        "retry: {max: 1, when: [script_failure], exit_codes: [3]}",
        Works,
    ),
    ("retry: {max: 1, delay: 3}", Error),
    ("timeout: 1h", Works),
    ("interruptible: true", Works),
    ("resource_group: a", Works),
    ("coverage: /a/", Works),
    ("parallel: 2", Works),
    ("parallel: {matrix: [{A: [b]}]}", Works),
    ("dependencies: []", Works),
    ("needs: [other]", Works),
    ("needs: []", Works),
    ("needs: other", Error),
    (
        "needs: [{job: other, artifacts: false, optional: true}]",
        Works,
    ),
    ("needs: [{job: other, ref: main}]", Error),
    ("needs: [{pipeline: $UP}]", Refused),
    (
        "needs: [{project: a/b, job: c, ref: main, artifacts: true}]",
        Refused,
    ),
    (
        "rules: [{if: $CI, when: on_success, variables: {A: b}, allow_failure: true}]",
        Works,
    ),
    (
        "rules: [{changes: {paths: [a], compare_to: main}}, {when: always}]",
        Works,
    ),
    (
        "rules: [{exists: [a]}, {when: delayed, start_in: 1h}]",
        Works,
    ),
    ("rules: [{needs: [other], interruptible: true}]", Works),
    (
        "rules: [{exists: {paths: [a], project: b/c, ref: main}}, {when: always}]",
        Refused,
    ),
    ("rules: [{auto_cancel: {on_new_commit: none}}]", Error),
    (
        "only: {refs: [main], variables: [$CI], changes: [a]}",
        Works,
    ),
    ("only: {kubernetes: active}", Refused),
    ("except: {kubernetes: active}", Refused),
    ("image: a", NoEffect),
    (
        "image: {name: a, entrypoint: [''], docker: {platform: b}, pull_policy: always}",
        NoEffect,
    ),
    ("image: {name: a, kubernetes: {user: b}}", NoEffect),
    ("image: {named: a}", Error),
    ("services: [a, {name: b, alias: c, command: [d]}]", NoEffect),
    ("tags: [a]", NoEffect),
    ("environment: a", Works),
    (
        "environment: {name: a, url: 'https://b', deployment_tier: testing}",
        Works,
    ),
    ("environment: {name: a, action: prepare}", Works),
    ("environment: {name: a, action: stop}", NoEffect),
    ("environment: {name: a, on_stop: ends}", NoEffect),
    ("environment: {name: a, on_stop: other}", Error),
    ("environment: {name: a, auto_stop_in: 1 day}", NoEffect),
    (
        "environment: {name: a, kubernetes: {namespace: b}}",
        NoEffect,
    ),
    ("environment: {name: a, region: b}", Error),
    (
        "artifacts: {paths: [a], exclude: [b], name: c, untracked: true, when: always, expire_in: 1 day}",
        Works,
    ),
    ("artifacts: {paths: [a], expose_as: b}", NoEffect),
    ("artifacts: {paths: [a], public: true, access: all}", Works),
    ("artifacts: {paths: [a], public: false}", NoEffect),
    ("artifacts: {paths: [a], access: none}", NoEffect),
    (
        "artifacts: {reports: {junit: a, dotenv: b, coverage_report: {coverage_format: cobertura, path: c}}}",
        Works,
    ),
    (
        "artifacts: {reports: {coverage_report: {coverage_format: jacoco, path: c}}}",
        NoEffect,
    ),
    ("artifacts: {reports: {unit: a}}", Error),
    (
        "cache: {paths: [a], key: b, untracked: true, unprotect: true, when: always, policy: pull, fallback_keys: [c]}",
        Works,
    ),
    ("cache: {paths: [a], key: {files: [b], prefix: c}}", Works),
    ("cache: {paths: [a], key: {files_commits: [b]}}", Works),
    ("cache: {paths: [a], policy: $POLICY}", Refused),
    ("cache: {paths: [a], compress: true}", Error),
    ("trigger: a/b", Refused),
    ("trigger: {include: child.yml, strategy: depend}", Refused),
    ("release: {tag_name: a, description: b}", Refused),
    ("pages: true", Refused),
    ("pages: {publish: a}", Refused),
    ("publish: a", Refused),
    ("secrets: {A: {vault: b/c@d}}", Refused),
    ("id_tokens: {A: {aud: b}}", Refused),
    ("identity: google_cloud", Refused),
    ("hooks: {pre_get_sources_script: [a]}", Refused),
    ("run: [{name: a, script: b}]", Refused),
    ("inputs: {a: {default: b}}", Refused),
    ("dast_configuration: {site_profile: a}", NoEffect),
    ("scripts: [a]", Error),
];

/// Kinds of reports that nothing reads.
const REPORTS: &[&str] = &[
    "accessibility",
    "annotations",
    "browser_performance",
    "codequality",
    "lsif",
    "sast",
    "dependency_scanning",
    "container_scanning",
    "dast",
    "license_management",
    "license_scanning",
    "requirements",
    "secret_detection",
    "metrics",
    "terraform",
    "cyclonedx",
    "sarif",
    "load_performance",
    "repository_xray",
];

/// Keywords of the top level, of `default`, `include`, `workflow` and the header.
const TOP: &[(&str, Fate)] = &[
    ("stages: [build, test]", Works),
    (
        "variables: {A: {value: b, description: c, options: [b, d]}}",
        Works,
    ),
    ("variables: {A: {value: b, masked: true}}", Error),
    (
        "workflow: {name: a, auto_cancel: {on_new_commit: none, on_job_failure: all}}",
        Works,
    ),
    (
        "workflow: {rules: [{if: $CI, changes: [a], exists: [b], variables: {A: b}, auto_cancel: {on_new_commit: none}}, {when: always}]}",
        Works,
    ),
    ("workflow: {rules: [{when: manual}]}", Error),
    ("workflow: {stages: [a]}", Error),
    ("before_script: [a]", Works),
    ("after_script: [a]", Works),
    ("cache: {paths: [a]}", Works),
    ("image: a", NoEffect),
    ("services: [a]", NoEffect),
    ("types: [a]", Error),
    (
        "default: {before_script: [a], after_script: [b], retry: 1, interruptible: true}",
        Works,
    ),
    (
        "default: {artifacts: {paths: [a]}, cache: {paths: [b]}}",
        Works,
    ),
    ("default: {image: a}", NoEffect),
    ("default: {services: [a]}", NoEffect),
    ("default: {tags: [a]}", NoEffect),
    ("default: {hooks: {pre_get_sources_script: [a]}}", Refused),
    ("default: {id_tokens: {A: {aud: b}}}", Refused),
    ("default: {identity: google_cloud}", Refused),
    ("default: {script: [a]}", Error),
    ("include: part.yml", Works),
    ("include: [{local: part.yml, rules: [{if: $CI}]}]", Works),
    ("include: [{local: part.yml, ref: main}]", Error),
    ("include: [{local: part.yml, integrity: sha256-x}]", Error),
    ("include: [{local: part.yml, inputs: text}]", Error),
    ("include: [{local: part.yml, when: always}]", Error),
    ("include: 'https://example.com/x.yml'", Refused),
    (
        "include: [{remote: 'https://example.com/x.yml', integrity: sha256-x, cache: 1h}]",
        Refused,
    ),
    (
        "include: [{project: a/b, ref: main, file: [x.yml]}]",
        Refused,
    ),
    ("include: [{template: Auto-DevOps.gitlab-ci.yml}]", Refused),
    (
        "include: [{component: example.com/a/b@1, inputs: {a: b}}]",
        Refused,
    ),
    ("include: [{artifact: a.yml, job: b}]", Error),
];

fn told(text: &str) -> Compiled {
    let context = Context {
        local: true,
        ..push(&[])
    };
    let part = "part: {script: x}\n";
    compile(
        &files(&[(".gitlab-ci.yml", text), ("part.yml", part)]),
        &context,
    )
}

fn fate(compiled: &Compiled) -> Fate {
    let has = |severity| compiled.diagnostics.iter().any(|d| d.severity == severity);
    if has(Severity::Error) {
        Error
    } else if has(Severity::Unsupported) {
        Refused
    } else if has(Severity::Warning) {
        NoEffect
    } else {
        Works
    }
}

/// Whether the first finding names the keyword, or one within it, at this line.
fn names_it(compiled: &Compiled, keyword: &str, line: u32) -> bool {
    let words = keyword.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let first = &compiled.diagnostics[0];
    let words: Vec<&str> = words.filter(|word| word.len() > 2).collect();
    words.iter().any(|word| first.message.contains(word))
        && (first.position.line, first.position.file.as_str()) == (line, ".gitlab-ci.yml")
}

#[test]
fn every_keyword_of_a_job_works_or_says_by_name_and_place_that_it_does_not() {
    for (keyword, expected) in JOB {
        let mut text = format!(
            "job:\n  script: x\n  {keyword}\nother: {{script: x, stage: build}}\n.template: {{}}\n"
        );
        if keyword.contains("on_stop: ends") {
            text.push_str("ends: {script: x, environment: {name: a, action: stop}}\n");
        }
        let compiled = told(&text);
        assert_eq!(fate(&compiled), *expected, "{keyword}: {}", show(&compiled));
        if *expected != Works && !keyword.contains('\n') {
            assert!(
                names_it(&compiled, keyword, 3),
                "{keyword}: {}",
                show(&compiled)
            );
        }
        let refused = *expected == Refused;
        assert_eq!(compiled.refusals().next().is_some(), refused, "{keyword}");
    }
}

#[test]
fn every_keyword_of_the_top_works_or_says_by_name_and_place_that_it_does_not() {
    for (keyword, expected) in TOP {
        let compiled = told(&format!("{keyword}\njob: {{script: x}}\n"));
        assert_eq!(fate(&compiled), *expected, "{keyword}: {}", show(&compiled));
        if *expected != Works {
            assert!(
                names_it(&compiled, keyword, 1),
                "{keyword}: {}",
                show(&compiled)
            );
        }
        let refused = *expected == Refused;
        assert_eq!(compiled.refusals().next().is_some(), refused, "{keyword}");
    }
}

#[test]
fn a_report_nothing_reads_is_told() {
    for kind in REPORTS {
        let text = format!("job:\n  script: x\n  artifacts: {{reports: {{{kind}: a}}}}\n");
        let compiled = told(&text);
        assert_eq!(fate(&compiled), NoEffect, "{kind}: {}", show(&compiled));
        assert!(names_it(&compiled, kind, 3), "{kind}: {}", show(&compiled));
    }
}

#[test]
fn headers_that_are_not_carried_out_are_refused() {
    for key in [
        "include: [x.yml]",
        "component: [name]",
        "inputs: {a: {default: b, rules: [{if: $CI}]}}",
    ] {
        let text = format!("spec: {{{key}}}\n---\njob: {{script: x}}\n");
        assert_eq!(fate(&told(&text)), Refused, "{key}");
    }
    assert_eq!(
        fate(&told("spec: {steps: []}\n---\njob: {script: x}\n")),
        Error
    );
}

#[test]
fn tags_choose_a_runner_on_a_server() {
    let text = files(&[(".gitlab-ci.yml", "job: {script: x, tags: [a]}\n")]);
    assert!(compile(&text, &push(&[])).diagnostics.is_empty());
}

/// An error must not hide behind warnings.
#[test]
fn a_thousand_warnings_leave_room_for_an_error() {
    let mut text = String::new();
    for at in 0..1_100 {
        text.push_str(&format!("job{at}: {{script: x, image: a}}\n"));
    }
    text.push_str("last: {scirpt: x}\n");
    let compiled = told(&text);
    assert!(!compiled.is_valid() && compiled.plan.is_none());
}
