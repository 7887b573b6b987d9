//! What each keyword becomes in the plan.

use rialto_delivery_pipeline::plan::{
    AllowFailure, ArtifactsWhen, CacheKey, CachePolicy, EnvironmentAction, When,
};
use rialto_delivery_pipeline::{Severity, compile};

use crate::support::{codes, compile_text, files, job, names, plan, push, show};

#[test]
fn jobs_stand_in_stage_order_then_file_order() {
    let plan = plan(
        "stages: [one, two, unused]\nlast: {stage: .post, script: x}\nb: {stage: two, script: x}\n\
         a: {stage: one, script: x}\nc: {stage: two, script: x}\nfirst: {stage: .pre, script: x}\n",
    );
    assert_eq!(names(&plan), ["first", "a", "b", "c", "last"]);
    assert_eq!(plan.stages, [".pre", "one", "two", ".post"]);
}

#[test]
fn a_pipeline_of_edge_stages_only_is_not_made() {
    let compiled = compile_text("a: {stage: .pre, script: x}\n");
    assert!(compiled.is_valid() && compiled.plan.is_none());
    assert!(compiled.no_pipeline.unwrap().reason.contains(".pre"));
}

#[test]
fn a_default_is_replaced_never_merged_and_can_be_refused() {
    let plan = plan(
        "default: {image: d, tags: [d], before_script: [d], retry: 1, timeout: 2h}\n\
         variables: {A: a, B: b}\n\
         takes: {script: x}\nown: {script: x, tags: [o], before_script: []}\n\
         none: {script: x, inherit: {default: false, variables: false}}\n\
         some: {script: x, inherit: {default: [image], variables: [B]}}\n",
    );
    let takes = job(&plan, "takes");
    assert_eq!(
        (takes.image.as_deref(), takes.retry.max, takes.timeout_s),
        (Some("d"), 1, Some(7_200))
    );
    let own = job(&plan, "own");
    assert_eq!(
        (&own.tags[..], own.before_script.len()),
        (&["o".to_owned()][..], 0)
    );
    let none = job(&plan, "none");
    assert!(none.image.is_none() && none.tags.is_empty() && none.variables.is_empty());
    let some = job(&plan, "some");
    assert_eq!((some.image.as_deref(), some.tags.len()), (Some("d"), 0));
    assert_eq!(some.variables.keys().collect::<Vec<_>>(), ["B"]);
}

#[test]
fn deprecated_globals_are_defaults() {
    let source = "image: g\nbefore_script: [b]\njob: {script: x}\n";
    assert_eq!(job(&plan(source), "job").image.as_deref(), Some("g"));
    assert_eq!(job(&plan(source), "job").before_script, ["b"]);
    assert_eq!(
        codes("image: g\ndefault: {image: d}\njob: {script: x}\n"),
        ["default_twice", "no_effect"]
    );
}

#[test]
fn parallel_makes_numbered_jobs_and_matrix_named_ones() {
    let plan = plan(
        "n: {script: x, parallel: 2}\n\
         m: {script: x, variables: {OS: none}, parallel: {matrix: [{OS: [linux, mac], V: [1, '2']}, {OS: bsd}]}}\n",
    );
    assert_eq!(
        names(&plan),
        [
            "n 1/2",
            "n 2/2",
            "m: [linux, 1]",
            "m: [linux, 2]",
            "m: [mac, 1]",
            "m: [mac, 2]",
            "m: [bsd]"
        ]
    );
    let last = job(&plan, "m: [bsd]");
    assert_eq!((last.node, last.base_name.as_str()), (Some((5, 5)), "m"));
    assert_eq!(last.variables["OS"].value, "bsd");
    assert_eq!(job(&plan, "n 2/2").node, Some((2, 2)));
}

#[test]
fn needs_reach_across_stages_parallel_jobs_and_matrix_members() {
    let plan = plan(
        "stages: [a, b]\n\
         p: {stage: a, script: x, parallel: 2}\n\
         m: {stage: a, script: x, parallel: {matrix: [{X: [1, 2], Y: z}]}}\n\
         gone: {stage: a, script: x, rules: [{if: $NONE}]}\n\
         all: {stage: b, script: x, needs: [p, {job: gone, optional: true}]}\n\
         one: {stage: b, script: x, needs: ['p 1/2', {job: m, artifacts: false, parallel: {matrix: [{X: 2, Y: z}]}}]}\n\
         same: {stage: b, script: x, needs: [all]}\n\
         none: {stage: b, script: x, needs: []}\nplain: {stage: b, script: x}\n",
    );
    let needs = |name| {
        job(&plan, name).needs.as_ref().map(|needs| {
            needs
                .iter()
                .map(|n| (n.job.as_str(), n.artifacts))
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(needs("all"), Some(vec![("p 1/2", true), ("p 2/2", true)]));
    assert_eq!(
        needs("one"),
        Some(vec![("p 1/2", true), ("m: [2, z]", false)])
    );
    assert_eq!(needs("same"), Some(vec![("all", true)]));
    assert_eq!(needs("none"), Some(vec![]));
    assert_eq!(needs("plain"), None);
}

#[test]
fn a_need_outside_the_pipeline_fails_creation() {
    let gone = "a: {script: x, rules: [{if: $NONE}]}\nb: {script: x, needs: [a]}\n";
    assert_eq!(codes(gone), ["need_not_in_pipeline"]);
    let later = "stages: [s, t]\na: {stage: t, script: x}\nb: {stage: s, script: x, needs: [a]}\n";
    assert_eq!(codes(later), ["need_in_later_stage"]);
    let circle =
        "a: {script: x, needs: [b]}\nb: {script: x, needs: [c]}\nc: {script: x, needs: [a]}\n";
    let shown = show(&compile_text(circle));
    assert!(shown.contains("a -> b -> c -> a"), "{shown}");
}

#[test]
fn artifacts_and_reports_are_read() {
    let plan = plan(
        "job:\n  script: x\n  artifacts:\n    name: $CI_JOB_NAME\n    paths: [out/]\n    exclude: ['*.o']\n\
         \x20   untracked: true\n    when: always\n    expire_in: 1 week\n    expose_as: out\n    reports:\n\
         \x20     junit: [a.xml, 'b/*.xml']\n      dotenv: v.env\n\
         \x20     coverage_report: {coverage_format: cobertura, path: c.xml}\n\
         kept: {script: x, artifacts: {paths: [y], expire_in: never}}\n",
    );
    let artifacts = job(&plan, "job").artifacts.as_ref().unwrap();
    assert_eq!(artifacts.name.as_deref(), Some("$CI_JOB_NAME"));
    assert_eq!(artifacts.when, ArtifactsWhen::Always);
    assert_eq!(artifacts.expire_in_s, Some(604_800));
    assert_eq!(artifacts.reports.junit, ["a.xml", "b/*.xml"]);
    assert_eq!(artifacts.reports.dotenv, ["v.env"]);
    assert_eq!(
        artifacts.reports.coverage.as_ref().unwrap().format,
        "cobertura"
    );
    assert_eq!(
        job(&plan, "kept").artifacts.as_ref().unwrap().expire_in_s,
        Some(0)
    );
}

#[test]
fn caches_are_read() {
    let plan = plan(
        "job:\n  script: x\n  cache:\n    - {key: $CI_COMMIT_REF_SLUG, paths: [a], policy: pull, fallback_keys: [f]}\n\
         \x20   - {key: {files: [Cargo.lock], prefix: p}, paths: [b], when: always, unprotect: true}\n\
         plain: {script: x, cache: {paths: [c]}}\nno_cache: {script: x, cache: {}}\n",
    );
    let cache = &job(&plan, "job").cache;
    assert_eq!(cache[0].key, CacheKey::Text("$CI_COMMIT_REF_SLUG".into()));
    assert_eq!(
        (cache[0].policy, &cache[0].fallback_keys[..]),
        (CachePolicy::Pull, &["f".to_owned()][..])
    );
    let files = vec!["Cargo.lock".to_owned()];
    assert_eq!(
        cache[1].key,
        CacheKey::Files {
            files,
            prefix: Some("p".into()),
            by_commits: false
        }
    );
    assert_eq!(
        job(&plan, "plain").cache[0].key,
        CacheKey::Text("default".into())
    );
    assert!(job(&plan, "no_cache").cache.is_empty());
}

#[test]
fn environment_resource_group_and_tags_are_expanded_by_the_server() {
    let plan = plan(
        "variables: {TIER: prod, WHERE: $TIER-eu}\n\
         job:\n  script: x\n  tags: [$TIER]\n  resource_group: lock-$WHERE\n  environment:\n\
         \x20   name: $WHERE/$CI_COMMIT_BRANCH\n    url: https://$CI_ENVIRONMENT_SLUG.example/$LATER\n\
         \x20   on_stop: stop\n    auto_stop_in: 1 day\n    deployment_tier: production\n\
         stop: {script: x, when: manual, environment: {name: $WHERE/$CI_COMMIT_BRANCH, action: stop}}\n",
    );
    let found = job(&plan, "job");
    let environment = found.environment.as_ref().unwrap();
    assert_eq!(environment.name, "prod-eu/main");
    let url = environment.url.as_deref().unwrap();
    assert!(
        url.starts_with("https://prod-eu-main-") && url.ends_with(".example/$LATER"),
        "{url}"
    );
    assert_eq!(environment.auto_stop_in_s, Some(86_400));
    assert_eq!(found.resource_group.as_deref(), Some("lock-prod-eu"));
    assert_eq!(found.tags, ["prod"]);
    let stop = job(&plan, "stop").environment.as_ref().unwrap();
    assert_eq!(
        (stop.action, stop.name.as_str()),
        (EnvironmentAction::Stop, "prod-eu/main")
    );
}

#[test]
fn small_keywords_are_read() {
    let plan = plan(
        "job:\n  script: [a, [b, [c]]]\n  after_script: done\n  image: {name: img, entrypoint: ['']}\n\
         \x20 services: [pg, {name: redis, alias: r}]\n  allow_failure: {exit_codes: [3, 4]}\n\
         \x20 retry: {max: 2, when: [script_failure], exit_codes: 137}\n  timeout: 1h 30m\n\
         \x20 coverage: '/total: (\\d+)%/'\n  when: delayed\n  start_in: 30 minutes\n  interruptible: true\n\
         other: {script: x, when: on_failure, dependencies: []}\nraw: {script: x, variables: {A: {value: $B, expand: false}}}\n",
    );
    let found = job(&plan, "job");
    assert_eq!(found.script, ["a", "b", "c"]);
    assert_eq!(found.after_script, ["done"]);
    assert_eq!(
        (found.image.as_deref(), &found.services.join(" ")[..]),
        (Some("img"), "pg redis")
    );
    assert_eq!(found.allow_failure, AllowFailure::ExitCodes(vec![3, 4]));
    assert_eq!(
        (found.retry.max, &found.retry.exit_codes[..]),
        (2, &[137][..])
    );
    assert_eq!(found.retry.when, ["script_failure"]);
    assert_eq!(
        (found.timeout_s, found.start_in_s),
        (Some(5_400), Some(1_800))
    );
    assert_eq!(found.coverage.as_deref(), Some(r"total: (\d+)%"));
    assert!(found.interruptible);
    let other = job(&plan, "other");
    assert_eq!(
        (other.when, other.dependencies.as_deref()),
        (When::OnFailure, Some(&[][..]))
    );
    assert!(!job(&plan, "raw").variables["A"].expand);
}

#[test]
fn dependencies_name_earlier_jobs_that_are_in_the_pipeline() {
    let source = "stages: [a, b]\np: {stage: a, script: x, parallel: 2}\n\
                  gone: {stage: a, script: x, rules: [{if: $NONE}]}\n\
                  job: {stage: b, script: x, dependencies: [p, gone]}\n";
    let expected = ["p 1/2".to_owned(), "p 2/2".to_owned()];
    assert_eq!(
        job(&plan(source), "job").dependencies.as_deref(),
        Some(&expected[..])
    );
    let same = "a: {script: x}\nb: {script: x, dependencies: [a]}\n";
    assert_eq!(codes(same), ["dependency_not_earlier"]);
    let unneeded = "stages: [a, b]\na: {stage: a, script: x}\nb: {stage: b, script: x, needs: [], dependencies: [a]}\n";
    assert_eq!(codes(unneeded), ["dependency_not_needed"]);
}

/// Known keywords nothing executes: the file stays valid and listable, and says so by name.
#[test]
fn a_keyword_not_executed_yet_is_refused_by_name_and_place() {
    let keywords = [
        "trigger: {project: a/b}",
        "release: {tag_name: v1}",
        "pages: true",
        "publish: public",
        "secrets: {A: {vault: a/b}}",
        "id_tokens: {A: {aud: x}}",
        "identity: google_cloud",
        "hooks: {pre_get_sources_script: [x]}",
        "run: [{name: a, script: x}]",
        "inputs: {a: {default: b}}",
        "manual_confirmation: sure?",
        "needs: [{project: a/b, job: c, ref: main, artifacts: true}]",
        "needs: [{pipeline: $UP}]",
        "only: {kubernetes: active}",
        "rules: [{exists: {paths: [x], project: a/b}}, {when: always}]",
        "cache: {paths: [a], policy: $POLICY}",
    ];
    for keyword in keywords {
        let compiled = compile_text(&format!(
            "job:\n  script: x\n  {keyword}\nother: {{script: x}}\n"
        ));
        let said = show(&compiled);
        assert_eq!(
            compiled.diagnostics[0].severity,
            Severity::Unsupported,
            "{keyword}: {said}"
        );
        assert_eq!(compiled.diagnostics[0].code, "not_executed");
        assert_eq!(compiled.diagnostics[0].position.line, 3, "{keyword}");
        assert_eq!(compiled.diagnostics[0].job.as_deref(), Some("job"));
        assert!(compiled.plan.is_some(), "{keyword}");
        assert!(compiled.refusals().count() > 0, "{keyword}");
    }
}

#[test]
fn a_refusal_counts_only_where_the_job_is_in() {
    let compiled = compile_text("job: {trigger: a/b, rules: [{if: $NONE}]}\nother: {script: x}\n");
    assert_eq!(compiled.diagnostics.len(), 1);
    assert_eq!(compiled.refusals().count(), 0);
}

#[test]
fn includes_from_elsewhere_are_refused_by_kind() {
    for (kind, entry) in [
        ("project", "{project: a/b, ref: main, file: [x.yml]}"),
        ("remote", "{remote: 'https://example.com/x.yml'}"),
        ("remote", "'https://example.com/x.yml'"),
        ("template", "{template: Auto-DevOps.gitlab-ci.yml}"),
        ("component", "{component: example.com/a/b@1}"),
    ] {
        let text = format!("include: [{entry}]\njob: {{script: x}}\n");
        let compiled = compile(&files(&[(".gitlab-ci.yml", &text)]), &push(&[]));
        let first = &compiled.diagnostics[0];
        assert!(
            first.message.contains(&format!("include:{kind}")),
            "{}",
            first.message
        );
        assert_eq!(
            (first.severity, first.position.line),
            (Severity::Unsupported, 1)
        );
        assert_eq!(names(compiled.plan.as_ref().unwrap()), ["job"]);
    }
}

#[test]
fn settings_without_effect_are_told_and_do_not_stop_the_pipeline() {
    for keyword in [
        "artifacts: {paths: [a], public: false}",
        "artifacts: {paths: [a], access: developer}",
        "artifacts: {reports: {sast: a.json}}",
        "environment: {name: a, kubernetes: {namespace: b}}",
        "dast_configuration: {site_profile: a}",
    ] {
        let compiled = compile_text(&format!("job:\n  script: x\n  {keyword}\n"));
        assert_eq!(compiled.diagnostics[0].code, "no_effect", "{keyword}");
        assert_eq!(compiled.diagnostics[0].severity, Severity::Warning);
        assert_eq!(compiled.refusals().count(), 0);
    }
}

#[test]
fn a_cache_key_is_one_name() {
    for (key, expected) in [
        ("a/b", "cache_key"),
        ("a%2Fb", "cache_key"),
        ("'..'", "cache_key"),
        ("'%2E'", "cache_key"),
        ("{files: [a], prefix: b/c}", "cache_key"),
    ] {
        let text = format!("job:\n  script: x\n  cache: {{paths: [a], key: {key}}}\n");
        assert_eq!(codes(&text), [expected], "{key}");
    }
    let fine = "job: {script: x, cache: {paths: [a], key: a.b-$CI_COMMIT_REF_SLUG}}\n";
    assert!(codes(fine).is_empty());
}

#[test]
fn a_need_of_a_matrix_that_matches_nothing_shows_what_there_is() {
    let compiled = compile_text(
        "m: {script: x, parallel: {matrix: [{OS: [linux, mac], V: ['1']}]}}\n\
         plain: {script: x}\n\
         a: {script: x, needs: [{job: m, parallel: {matrix: [{OS: bsd, V: '1'}]}}]}\n\
         b: {script: x, needs: [{job: plain, parallel: {matrix: [{OS: bsd}]}}]}\n",
    );
    insta::assert_snapshot!(show(&compiled), @r"
    .gitlab-ci.yml:3:24: error[need_not_in_pipeline]: job `a` needs `m: [bsd, 1]`, which is not in this pipeline
      fix: there are `m: [linux, 1]`, `m: [mac, 1]`; names and their order must be as `matrix` has them
    .gitlab-ci.yml:4:24: error[need_not_in_pipeline]: job `b` needs `plain: [bsd]`, which is not in this pipeline
      fix: `plain` has no `parallel: matrix`; need it by its name alone
    ");
}

#[test]
fn a_job_needed_twice_is_refused_and_two_members_of_a_matrix_are_not() {
    let twice = "m: {script: x}\njob: {script: x, needs: [m, {job: m, artifacts: false}]}\n";
    assert_eq!(codes(twice), ["need_twice"]);
    let ruled = "m: {script: x}\njob: {script: x, rules: [{if: $CI, needs: [m, m]}]}\n";
    assert_eq!(codes(ruled), ["need_twice"]);
    let matrix = "m: {script: x, parallel: {matrix: [{A: [x, y]}]}}\njob:\n  script: x\n  needs:\n\
                  \x20   - {job: m, parallel: {matrix: [{A: x}]}}\n\
                  \x20   - {job: m, parallel: {matrix: [{A: y}]}}\n";
    assert!(codes(matrix).is_empty(), "{:?}", codes(matrix));
    let whole = "m: {script: x, parallel: {matrix: [{A: [x, y]}]}}\njob:\n  script: x\n  needs:\n\
                 \x20   - m\n\
                 \x20   - {job: m, parallel: {matrix: [{A: y}]}}\n";
    assert_eq!(codes(whole), ["need_twice"]);
    let named = "m: {script: x, parallel: 2}\njob: {script: x, needs: [m, 'm 2/2']}\n";
    assert_eq!(codes(named), ["need_twice"]);
}

#[test]
fn a_need_takes_values_of_the_jobs_own_matrix() {
    let text = "build: {script: x, parallel: {matrix: [{OS: [linux, mac], ARCH: [arm, x86]}]}}\n\
                test:\n  script: x\n  parallel: {matrix: [{TARGET: [linux, mac], N: [1, 2]}]}\n  needs:\n\
                \x20   - job: build\n      parallel: {matrix: [{OS: '$[[ matrix.TARGET ]]', ARCH: [arm, x86]}]}\n";
    let plan = plan(text);
    let needs = |name: &str| -> Vec<String> {
        let needs = job(&plan, name).needs.as_ref();
        needs.into_iter().flatten().map(|n| n.job.clone()).collect()
    };
    assert_eq!(
        needs("test: [linux, 2]"),
        ["build: [linux, arm]", "build: [linux, x86]"]
    );
    assert_eq!(
        needs("test: [mac, 1]"),
        ["build: [mac, arm]", "build: [mac, x86]"]
    );
    let unknown = text.replace("matrix.TARGET", "matrix.OS");
    let shown = show(&compile_text(&unknown));
    assert!(shown.contains("`$[[ matrix.OS ]]`"), "{shown}");
    assert!(
        shown.contains("this job has `$[[ matrix.TARGET ]]`, `$[[ matrix.N ]]`"),
        "{shown}"
    );
    let with_inputs = format!("spec:\n  inputs: {{os: {{default: mac}}}}\n---\n{text}");
    assert!(codes(&with_inputs).is_empty(), "{:?}", codes(&with_inputs));
}
