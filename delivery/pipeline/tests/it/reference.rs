//! The reference page names tests that exist, and every keyword of the language.

use std::path::Path;

const PAGE: &str = "../../docs/reference/gitlab-ci.md";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_test_the_page_names_exists() {
    let page = read(PAGE);
    let cells = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.rsplit('|').nth(1));
    let named: Vec<&str> = cells
        .flat_map(|cell| cell.split(','))
        .map(str::trim)
        .filter(|n| n.contains("::"))
        .collect();
    assert!(named.len() > 60, "only {} tests are named", named.len());
    for name in named {
        let (module, test) = name.split_once("::").unwrap();
        let source = read(&format!("tests/it/{module}.rs"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{name} does not exist"
        );
    }
}

#[test]
fn every_keyword_of_a_job_stands_on_the_page() {
    let page = read(PAGE);
    let source = read("src/config/keys.rs");
    let list = source
        .split("pub(crate) const JOB")
        .nth(1)
        .unwrap()
        .split("];")
        .next()
        .unwrap();
    let words: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert!(words.len() >= 38, "{words:?}");
    for word in words {
        assert!(
            page.contains(&format!("`{word}`")),
            "{word} is not on the page"
        );
    }
}
