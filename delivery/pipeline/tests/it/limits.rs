//! Every limit ends with its own code and nothing worse.

use std::time::{Duration, Instant};

use rialto_delivery_pipeline::compile;

use crate::support::{Files, codes, compile_text, files, push, show};

#[test]
fn a_huge_file_is_refused_at_once() {
    let mut repository = files(&[]);
    repository
        .files
        .insert(".gitlab-ci.yml".into(), vec![b'x'; 50 * 1024 * 1024]);
    let start = Instant::now();
    let compiled = compile(&repository, &push(&[]));
    assert_eq!(compiled.diagnostics[0].code, "file_too_large");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_nul_byte_is_refused_with_its_place() {
    for (text, line, column) in [
        ("job:\n  script: \"a\0b\"\n", 2, 13),
        ("# 注\0\njob: {script: x}\n", 1, 4),
        ("job: {script: x}\n\0", 2, 1),
    ] {
        let mut repository = Files::default();
        let file = (".gitlab-ci.yml".into(), text.as_bytes().to_vec());
        repository.files.extend([file]);
        let compiled = compile(&repository, &push(&[]));
        let first = &compiled.diagnostics[0];
        let place = (first.position.line, first.position.column);
        assert_eq!((first.code.as_str(), place), ("nul_byte", (line, column)));
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_place() {
    let mut repository = Files::default();
    repository.files.insert(
        ".gitlab-ci.yml".into(),
        b"job:\n  script: \xff\xfe\n".to_vec(),
    );
    let compiled = compile(&repository, &push(&[]));
    let first = &compiled.diagnostics[0];
    assert_eq!(
        (
            first.code.as_str(),
            first.position.line,
            first.position.column
        ),
        ("not_utf8", 2, 11)
    );
}

#[test]
fn an_alias_bomb_is_defused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let item = format!("*a{}, ", level - 1).repeat(9);
        text.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            item.trim_end_matches(", ")
        ));
    }
    assert_eq!(codes(&text), ["alias_budget"]);
    let wide = format!(
        ".a: &a [{}]\n.b: [{}]\n",
        "x, ".repeat(9_000),
        "*a, ".repeat(200)
    );
    assert_eq!(codes(&wide), ["alias_budget"]);
    assert_eq!(codes("a: &a [*a]\n"), ["alias_cycle"]);
}

#[test]
fn nesting_ends_at_a_hundred() {
    let nested = |depth: usize| {
        format!(
            ".x: {}{}\njob: {{script: x}}\n",
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert!(codes(&nested(99)).is_empty());
    assert_eq!(codes(&nested(100)), ["too_deep"]);
    assert!(!codes(&nested(100_000)).is_empty());
    let through_aliases = format!(
        ".x: &x {}{}\n.y: {}*x{}\n",
        "[".repeat(60),
        "]".repeat(60),
        "[".repeat(60),
        "]".repeat(60)
    );
    assert_eq!(codes(&through_aliases), ["too_deep"]);
}

#[test]
fn at_most_two_documents() {
    assert_eq!(
        codes("spec:\n---\njob: {script: x}\n---\na: b\n"),
        ["too_many_documents"]
    );
    assert_eq!(codes("job: {script: x}\n---\na: b\n"), ["extra_document"]);
}

#[test]
fn include_limits_and_circles() {
    let circle = files(&[
        (".gitlab-ci.yml", "include: a.yml\njob: {script: x}\n"),
        ("a.yml", "include: b.yml\n"),
        ("b.yml", "include: a.yml\n"),
    ]);
    let shown = show(&compile(&circle, &push(&[])));
    assert!(
        shown.contains("b.yml:1:10: error[include_cycle]"),
        "{shown}"
    );
    assert!(shown.contains("a.yml -> b.yml -> a.yml"), "{shown}");
    let entries = "  - a.yml\n".repeat(151);
    let many = files(&[
        (
            ".gitlab-ci.yml",
            &format!("include:\n{entries}job: {{script: x}}\n"),
        ),
        ("a.yml", ".a: {}\n"),
    ]);
    let found = compile(&many, &push(&[])).diagnostics;
    assert_eq!(
        found.iter().map(|d| d.code.as_str()).collect::<Vec<_>>(),
        ["too_many_includes"]
    );
}

#[test]
fn includes_stay_in_the_repository() {
    assert_eq!(
        codes("include: ../../etc/passwd.yml\njob: {script: x}\n"),
        ["path_outside"]
    );
    assert_eq!(
        codes("include: x.txt\njob: {script: x}\n"),
        ["include_extension"]
    );
    assert_eq!(
        codes("include: x.yml\njob: {script: x}\n"),
        ["file_missing"]
    );
}

#[test]
fn counts_are_limited() {
    let list = |count: usize| {
        (0..count)
            .map(|n| format!("j{n}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let cases = [
        ("too_many_needs", format!("needs: [{}]", (0..51).map(|n| format!("{{job: j{n}, optional: true}}")).collect::<Vec<_>>().join(", "))),
        ("too_many_tags", format!("tags: [{}]", list(50))),
        ("too_many_patterns", format!("rules: [{{changes: [{}]}}, {{when: always}}]", list(51))),
        ("too_many_caches", format!("cache: [{}]", "{paths: [a]}, ".repeat(5))),
        ("too_many_parallel", "parallel: {matrix: [{A: [1, 2, 3, 4, 5, 6], B: [1, 2, 3, 4, 5, 6], C: [1, 2, 3, 4, 5, 6]}]}".to_owned()),
        ("out_of_range", "parallel: 201".to_owned()),
        ("out_of_range", "start_in: 8 days, when: delayed".to_owned()),
    ];
    for (code, keyword) in cases {
        let found = codes(&format!("job: {{script: x, {keyword}}}\n"));
        assert_eq!(found, [code], "{keyword}");
    }
    let long = "n".repeat(256);
    assert_eq!(
        codes(&format!("{long}: {{script: x}}\n")),
        ["name_too_long"]
    );
    let needed = "n".repeat(129);
    assert_eq!(
        codes(&format!(
            "{needed}: {{script: x}}\nb: {{script: x, needs: [{needed}]}}\n"
        )),
        ["name_too_long"]
    );
}

#[test]
fn two_thousand_jobs_and_no_more() {
    let text = |count: usize| {
        (0..count)
            .map(|n| format!("j{n}: {{script: x}}\n"))
            .collect::<String>()
    };
    assert_eq!(compile_text(&text(2_000)).plan.unwrap().jobs.len(), 2_000);
    assert_eq!(codes(&text(2_001)), ["too_many_jobs"]);
}

#[test]
fn a_huge_matrix_is_refused_before_it_is_built() {
    let values = (0..1_000)
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    let axes = (0..20)
        .map(|n| format!("A{n}: [{values}]"))
        .collect::<Vec<_>>()
        .join(", ");
    let start = Instant::now();
    let found = codes(&format!(
        "job: {{script: x, parallel: {{matrix: [{{{axes}}}]}}}}\n"
    ));
    assert_eq!(found, ["too_many_parallel"]);
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn references_cannot_multiply_without_end() {
    let mut text = format!(".r0: [{}]\n", "x, ".repeat(100));
    for level in 1..9 {
        let items = format!("!reference [.r{}], ", level - 1).repeat(100);
        text.push_str(&format!(".r{level}: [{items}]\n"));
    }
    let start = Instant::now();
    assert!(codes(&text).contains(&"reference_budget".to_owned()));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn long_chains_do_not_exhaust_the_stack() {
    let needs: String = (1..1_999)
        .map(|n| format!("j{n}: {{script: x, needs: [j{}]}}\n", n - 1))
        .collect();
    assert!(
        compile_text(&format!("j0: {{script: x}}\n{needs}"))
            .plan
            .is_some()
    );
    let extends: String = (1..5_000)
        .map(|n| format!(".e{n}: {{extends: .e{}}}\n", n - 1))
        .rev()
        .collect();
    assert!(
        codes(&format!("{extends}.e0: {{script: x}}\n")).contains(&"extends_too_deep".to_owned())
    );
    let variables: String = (1..5_000)
        .map(|n| format!("  V{n}: $V{}\n", n - 1))
        .rev()
        .collect();
    let found = codes(&format!(
        "variables:\n  V0: a\n{variables}job: {{script: x}}\n"
    ));
    assert_eq!(found, ["variable_cycle"]);
}

#[test]
fn parallel_jobs_that_need_each_other_are_bounded() {
    let mut text = "j0: {script: x, parallel: 200}\n".to_owned();
    for n in 1..10 {
        let needs = (0..n)
            .map(|m| format!("j{m}"))
            .collect::<Vec<_>>()
            .join(", ");
        text.push_str(&format!(
            "j{n}: {{script: x, parallel: 200, needs: [{needs}]}}\n"
        ));
    }
    assert!(codes(&text).contains(&"too_many_needs".to_owned()));
}

#[test]
fn too_many_checks_count_as_a_match_and_are_told() {
    let text = "job: {script: x, rules: [{exists: ['*.a', '*.b', '*.c']}]}\n";
    let mut repository = files(&[(".gitlab-ci.yml", text)]);
    repository
        .files
        .extend((0..20_000).map(|n| (format!("f{n}"), Vec::new())));
    let compiled = compile(&repository, &push(&[]));
    assert_eq!(compiled.diagnostics[0].code, "too_many_checks");
    assert!(compiled.plan.is_some());
    let delay = "job: {script: x, rules: [{when: delayed, start_in: 2 weeks}]}\n";
    assert_eq!(codes(delay), ["out_of_range"]);
}

#[test]
fn a_large_default_is_not_copied_into_every_job_without_end() {
    let long = "x".repeat(400_000);
    let jobs: String = (0..300).map(|n| format!("j{n}: {{script: x}}\n")).collect();
    let script = format!("before_script: ['{long}']\n{jobs}");
    assert_eq!(codes(&script), ["plan_too_large"]);
    let variables = format!("variables: {{A: '{long}'}}\n{jobs}");
    assert_eq!(codes(&variables), ["plan_too_large"]);
    let parallel = format!("variables: {{A: '{long}'}}\nj: {{script: x, parallel: 200}}\n");
    assert_eq!(codes(&parallel), ["plan_too_large"]);
}

#[test]
fn variables_that_multiply_each_other_are_refused() {
    let doubling: String = (1..60)
        .map(|n| format!("  V{n}: $V{p}$V{p}\n", p = n - 1))
        .collect();
    let text = format!(
        "variables:\n  V0: xxxxxxxx\n{doubling}job: {{script: x, environment: {{name: $V59}}}}\n"
    );
    assert_eq!(codes(&text), ["variable_cycle"]);
}
