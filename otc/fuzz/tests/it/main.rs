//! Every reader for a second (or `RIALTO_FUZZ_SECONDS`), and all that ever broke one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rialto_otc_fuzz::hunt::{Target, Trace, attempt, files, hunt};
use rialto_otc_fuzz::targets;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Documents below the folders.
fn seeds(folders: &[&str]) -> Vec<String> {
    let all = folders
        .iter()
        .flat_map(|folder| files(&root().join(folder)));
    all.map(|(_, text)| text).collect()
}

/// Hunts; what breaks is written beside the build and told.
fn hunted(name: &str, target: Target, seeds: &[String]) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let seconds = number("RIALTO_FUZZ_SECONDS");
    let seed = number("RIALTO_FUZZ_SEED").unwrap_or(20_261_122);
    let time = Duration::from_secs(seconds.unwrap_or(1));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let trace = seconds.map(|_| Trace(folder.join(format!("{name}-now.txt"))));
    let bag = hunt(target, seeds, seed, time, trace.as_ref());
    println!(
        "{name}: {} inputs, {} taken, {} outcomes, {} broken",
        bag.tried,
        bag.taken,
        bag.outcomes,
        bag.broken.len()
    );
    let mut told = String::new();
    for (number, (input, what)) in bag.broken.iter().enumerate() {
        let path = folder.join(format!("{name}-{number}.txt"));
        std::fs::write(&path, input).expect("writes");
        let what: String = what.chars().take(600).collect();
        told.push_str(&format!("{}: {what}\n", path.display()));
    }
    assert!(told.is_empty(), "seed {seed}\n{told}");
    assert!(bag.tried > 0 && bag.outcomes > 1, "{bag:?}");
}

#[test]
fn term_sheets_are_read_or_refused() {
    let seeds = seeds(&[
        "otc/contract/tests/sheets",
        "otc/contract/tests/spec",
        "examples/otc",
    ]);
    hunted("sheet", targets::sheet, &seeds);
}

#[test]
fn markets_are_read_or_refused() {
    let mut seeds = seeds(&["otc/market/tests/markets"]);
    seeds.extend(
        files(&root().join("examples/otc"))
            .into_iter()
            .filter_map(|(path, text)| path.ends_with("market.json").then_some(text)),
    );
    hunted("market", targets::market, &seeds);
}

#[test]
fn events_are_read_or_refused() {
    hunted("event", targets::event, &seeds(&["otc/fuzz/seeds/event"]));
}

/// Inputs that broke a reader once, and inputs that lead to its far corners.
#[test]
fn what_broke_a_reader_once_breaks_it_no_more() {
    for (name, target) in [
        ("sheet", targets::sheet as Target),
        ("market", targets::market),
        ("event", targets::event),
    ] {
        let known = files(&root().join("otc/fuzz/regressions").join(name));
        assert!(!known.is_empty(), "{name}");
        for (path, text) in known {
            if let Err(told) = attempt(target, &text) {
                panic!("{}: {told}", path.display());
            }
        }
    }
}

/// The hunt itself: what panics, contradicts itself or is refused is told apart.
#[test]
fn a_reader_that_breaks_is_caught_with_its_input() {
    fn brittle(text: &str) -> Result<String, String> {
        assert!(!text.contains("null"), "found it");
        Ok(text.len().to_string())
    }
    let seeds = [r#"{"a": [1, 2, {"b": "c"}]}"#.to_owned()];
    let bag = hunt(brittle, &seeds, 1, Duration::from_millis(300), None);
    let first = attempt(brittle, "null").expect_err("broken");
    assert!(
        first.contains("found it") && first.contains("main.rs"),
        "{first}"
    );
    assert!(
        bag.broken.iter().any(|(input, _)| input.contains("null")),
        "{bag:?}"
    );
}
