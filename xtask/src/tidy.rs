//! The walls of the house as a test: which crate may use which, what a pure crate may touch, and
//! how long a file may be. DESIGN's table, written once more in code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{step, system};

/// Longest source file without a stated reason.
const LONGEST_FILE: usize = 800;

/// Put in a file's first lines, with a reason behind it, it lifts [`LONGEST_FILE`].
const LONG_FILE_MARK: &str = "tidy: long file:";

/// Crates without I/O, clock or randomness.
const PURE: &[&str] = &[
    "rialto-kernel",
    "rialto-document",
    "rialto-esb-catalogue",
    "rialto-esb-center",
    "rialto-esb-contract",
    "rialto-esb-coverage",
    "rialto-esb-policy",
    "rialto-esb-snapshot",
    "rialto-delivery-pipeline",
    "rialto-delivery-run",
    "rialto-delivery-report",
    "rialto-delivery-gate",
    "rialto-delivery-release",
    "rialto-otc-time",
    "rialto-otc-numerics",
    "rialto-otc-contract",
    "rialto-otc-market",
    "rialto-otc-pricing",
    "rialto-otc-lifecycle",
    "rialto-otc-sample",
];

/// What a pure crate must not reach, directly or through others.
const WORLDLY: &[&str] = &[
    "tokio",
    "sqlx",
    "axum",
    "hyper",
    "reqwest",
    "getrandom",
    "rand",
    "nix",
];

/// Words by which a pure crate would touch the clock, the environment or files.
const WORLDLY_WORDS: &[&str] = &[
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant::now",
    "std::env",
    "std::fs",
    "std::process",
    "TcpStream",
    "std::thread",
    "File::open",
];

/// Adapters that only the binary may join to the rest.
const WIRED_ONLY_IN_BINARY: &[&str] = &["rialto-delivery-runner", "rialto-esb-gateway"];

/// A crate of ours and the crates of ours it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Crate {
    name: String,
    folder: PathBuf,
    uses: BTreeSet<String>,
    reaches: BTreeSet<String>,
}

/// Checks everything and lists every finding.
pub fn run() -> Result<()> {
    let crates = read_crates()?;
    let mut findings = edges(&crates);
    for one in crates
        .iter()
        .filter(|one| PURE.contains(&one.name.as_str()))
    {
        findings.extend(worldly_words(&one.folder)?);
    }
    findings.extend(long_files(&system::root())?);
    findings.extend(notices(&system::root())?);
    if findings.is_empty() {
        return Ok(());
    }
    bail!(
        "{} finding(s):\n  {}",
        findings.len(),
        findings.join("\n  ")
    )
}

fn read_crates() -> Result<Vec<Crate>> {
    let line = "cargo metadata --format-version 1 --locked";
    let metadata: Value = serde_json::from_str(&step::output(&mut step::command(line))?)
        .context("`cargo metadata` printed no JSON")?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let members: BTreeSet<String> = list(&metadata, "workspace_members")
        .iter()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let mut packages = BTreeMap::new();
    for package in list(&metadata, "packages") {
        packages.insert(text(&package, "id"), package);
    }
    let mut uses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"], "nodes") {
        let normal = |dep: &Value| list(dep, "dep_kinds").iter().any(|k| k["kind"].is_null());
        let deps = list(&node, "deps")
            .into_iter()
            .filter(normal)
            .map(|d| text(&d, "pkg"));
        uses.insert(text(&node, "id"), deps.collect());
    }
    let name_of = |id: &String| text(&packages[id], "name");
    let mut crates = Vec::new();
    for id in &members {
        let name = name_of(id);
        let manifest = PathBuf::from(text(&packages[id], "manifest_path"));
        let own = uses
            .get(id)
            .into_iter()
            .flatten()
            .filter(|d| members.contains(*d));
        let walled = PURE.contains(&name.as_str()) || is_store(&name);
        let reaches = if walled {
            reached_by(&name)?
        } else {
            BTreeSet::new()
        };
        let folder = manifest.parent().map(Path::to_path_buf).unwrap_or_default();
        crates.push(Crate {
            uses: own.map(name_of).collect(),
            name,
            folder,
            reaches,
        });
    }
    Ok(crates)
}

/// All a crate is built from, with only the features it asks for itself: `cargo metadata` would
/// show those of the whole workspace, tests included.
fn reached_by(name: &str) -> Result<BTreeSet<String>> {
    let line = format!("cargo tree --locked --package {name} --edges normal --prefix none");
    let tree = step::output(&mut step::command(&line))?;
    Ok(tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}

fn is_store(name: &str) -> bool {
    name.ends_with("-store") && system_of(name).is_some()
}

/// The system a crate belongs to: `delivery`, `esb` …; `None` for kernel, platform and the rest.
fn system_of(name: &str) -> Option<&str> {
    let system = name.strip_prefix("rialto-")?.split('-').next()?;
    ["delivery", "esb", "otc", "brokerage", "workplace"]
        .contains(&system)
        .then_some(system)
}

fn is_platform(name: &str) -> bool {
    name.starts_with("rialto-platform-")
}

fn edges(crates: &[Crate]) -> Vec<String> {
    let mut findings = Vec::new();
    for one in crates {
        for used in &one.uses {
            if let Some(wall) = broken_wall(&one.name, used) {
                findings.push(format!("{} uses {used}: {wall}", one.name));
            }
        }
        if PURE.contains(&one.name.as_str()) {
            for worldly in WORLDLY.iter().filter(|name| one.reaches.contains(**name)) {
                findings.push(format!(
                    "{} reaches {worldly}: a pure crate may not",
                    one.name
                ));
            }
        }
        if is_store(&one.name) && one.reaches.contains("axum") {
            findings.push(format!("{} reaches axum: a store knows no HTTP", one.name));
        }
    }
    findings
}

/// The wall an edge breaks, if any.
fn broken_wall(user: &str, used: &str) -> Option<&'static str> {
    let outer = |name: &str| matches!(name, "rialto" | "rialto-xtask" | "rialto-acceptance");
    if outer(used) {
        return Some("nothing points back at the binary, the scripts or the acceptance suite");
    }
    if outer(user) {
        return None;
    }
    if WIRED_ONLY_IN_BINARY.contains(&used) {
        return Some("this adapter is wired only in the binary");
    }
    if user == "rialto-kernel" {
        return Some("the kernel is the ground floor");
    }
    if is_platform(user) && !is_platform(used) && used != "rialto-kernel" {
        return Some("the platform uses the kernel only");
    }
    if PURE.contains(&user) && used != "rialto-kernel" && !PURE.contains(&used) {
        return Some("a pure crate uses pure crates only");
    }
    match (system_of(user), system_of(used)) {
        (Some(a), Some(b)) if a != b => Some("a system never imports another system"),
        _ => None,
    }
}

fn worldly_words(folder: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let files = source_files(&folder.join("src"))?;
    // Test modules in files of their own may run an oracle.
    let tests = |file: &PathBuf| {
        file.to_string_lossy().ends_with("tests.rs")
            || file.components().any(|part| part.as_os_str() == "tests")
    };
    for file in files.into_iter().filter(|file| !tests(file)) {
        for (number, line) in fs::read_to_string(&file)?.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in WORLDLY_WORDS.iter().filter(|word| code.contains(**word)) {
                let at = shorten(&file);
                findings.push(format!("{at}:{}: `{word}` in a pure crate", number + 1));
            }
        }
    }
    Ok(findings)
}

fn long_files(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in source_files(root)? {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let lines = text.lines().count();
        let excused = text
            .lines()
            .take(10)
            .any(|line| line.contains(LONG_FILE_MARK));
        if lines > LONGEST_FILE && !excused {
            let at = shorten(&file);
            findings.push(format!(
                "{at}: {lines} lines; split it, or say why not with `{LONG_FILE_MARK} …`"
            ));
        }
    }
    Ok(findings)
}

/// Licences that data files carry and binaries must: each line of one stands in NOTICE too.
fn notices(root: &Path) -> Result<Vec<String>> {
    const DATA: &str = "otc/numerics/data/joe-kuo-d6-2048.txt";
    let notice = fs::read_to_string(root.join("NOTICE")).context("NOTICE")?;
    let data = fs::read_to_string(root.join(DATA)).context(DATA)?;
    let licence = data
        .lines()
        .map_while(|line| line.strip_prefix('#'))
        .map(str::trim)
        .skip_while(|line| !line.starts_with("Copyright"))
        .filter(|line| !line.is_empty());
    let missing = licence.filter(|line| !notice.contains(line));
    Ok(missing
        .map(|line| format!("NOTICE lacks a line of the licence in {DATA}: {line}"))
        .collect())
}

fn shorten(file: &Path) -> String {
    file.strip_prefix(system::root())
        .unwrap_or(file)
        .display()
        .to_string()
}

/// Rust and TypeScript below a folder, generated and foreign files left out.
fn source_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let foreign = ["target", "node_modules", "dist", "generated"].contains(&name.as_str());
        if foreign || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            files.extend(source_files(&path)?);
        } else if [".rs", ".ts", ".tsx"].iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a(name: &str, uses: &[&str], reaches: &[&str]) -> Crate {
        let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let folder = PathBuf::new();
        Crate {
            name: name.into(),
            folder,
            uses: set(uses),
            reaches: set(reaches),
        }
    }

    #[test]
    fn every_wall_stands() {
        for (user, used, allowed) in [
            ("rialto-platform-store", "rialto-kernel", true),
            ("rialto-kernel", "rialto-platform-store", false),
            ("rialto-platform-web", "rialto-delivery-run", false),
            ("rialto-delivery-gate", "rialto-delivery-report", true),
            ("rialto-delivery-gate", "rialto-platform-store", false),
            ("rialto-delivery-engine", "rialto-delivery-store", true),
            ("rialto-delivery-engine", "rialto-delivery-runner", false),
            ("rialto-delivery-engine", "rialto-esb-gateway", false),
            ("rialto-esb-center", "rialto-delivery-run", false),
            ("rialto", "rialto-esb-gateway", true),
            ("rialto-delivery-api", "rialto", false),
        ] {
            assert_eq!(
                broken_wall(user, used).is_none(),
                allowed,
                "{user} -> {used}"
            );
        }
    }

    #[test]
    fn a_pure_crate_that_reaches_the_world_through_another_is_found() {
        let crates = [a("rialto-delivery-run", &[], &["serde", "tokio"])];
        assert_eq!(
            edges(&crates),
            ["rialto-delivery-run reaches tokio: a pure crate may not"]
        );
    }

    #[test]
    fn a_store_that_knows_http_is_found() {
        let crates = [a("rialto-delivery-store", &[], &["axum"])];
        assert_eq!(
            edges(&crates),
            ["rialto-delivery-store reaches axum: a store knows no HTTP"]
        );
    }
}
