//! A snapshot checked as a whole, before anything is served from it.

mod callers;
mod routes;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::model::{Snapshot, WHOLE_BP};

/// Something wrong with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// JSON pointer into the snapshot.
    pub pointer: String,
    /// Which rule it breaks, a stable word.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.pointer, self.code, self.message)
    }
}

/// Most of each kind.
const MOST: usize = 100_000;

/// Collects findings.
#[derive(Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, pointer: String, code: &'static str, message: String) {
        self.0.push(Finding {
            pointer,
            code,
            message,
        });
    }

    pub(crate) fn unless(
        &mut self,
        holds: bool,
        pointer: impl FnOnce() -> String,
        code: &'static str,
        message: impl FnOnce() -> String,
    ) {
        if !holds {
            self.add(pointer(), code, message());
        }
    }

    /// Ids of a list: well-formed, and none twice.
    fn ids<'i>(&mut self, list: &str, ids: impl Iterator<Item = &'i str>) -> BTreeSet<&'i str> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        let mut count = 0;
        for (n, id) in ids.enumerate() {
            count += 1;
            let at = || format!("/{list}/{n}/id");
            self.unless(is_id(id), at, "id", || id_words(id));
            if let Some(first) = seen.insert(id, n) {
                let message = format!("`{id}` stands twice; the first is /{list}/{first}");
                self.add(at(), "duplicate", message);
            }
        }
        let pointer = || format!("/{list}");
        self.unless(count <= MOST, pointer, "too-many", || {
            format!("{count} of them; at most {MOST}")
        });
        seen.into_keys().collect()
    }

    /// A reference to something of a list.
    pub(crate) fn refers(
        &mut self,
        known: &BTreeSet<&str>,
        id: &str,
        what: &str,
        pointer: impl FnOnce() -> String,
    ) {
        self.unless(known.contains(id), pointer, "dangling", || {
            format!("there is no {what} `{id}` in the snapshot")
        });
    }
}

/// The name a schema stands under: the SHA-256 of its text in hexadecimal.
#[must_use]
pub fn schema_name(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Whether a text can be an id: 1 to 128 letters, digits, dots, dashes, underscores, slashes, `@`.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-/@".contains(&b))
}

fn id_words(id: &str) -> String {
    format!("`{id}` is no id: 1 to 128 letters, digits and `._-/@`")
}

/// What lists of a snapshot hold, by id.
pub(crate) struct Known<'s> {
    interfaces: BTreeSet<(&'s str, &'s str)>,
    policies: BTreeSet<&'s str>,
    pools: BTreeSet<&'s str>,
    applications: BTreeSet<&'s str>,
    windows: BTreeSet<&'s str>,
    labels: BTreeSet<&'s str>,
}

/// What is wrong with a snapshot, all at once, by place. Empty: it may be served.
#[must_use]
pub fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Findings::default();
    head(snapshot, &mut findings);
    let known = known(snapshot, &mut findings);
    schemas(snapshot, &mut findings);
    routes::check(snapshot, &known, &mut findings);
    callers::check(snapshot, &known, &mut findings);
    let mut found = findings.0;
    found.sort();
    found.dedup();
    found
}

fn head(snapshot: &Snapshot, findings: &mut Findings) {
    let at = |name: &'static str| move || format!("/{name}");
    findings.unless(snapshot.format == 1, at("format"), "format", || {
        format!("form {} is not known; 1 is", snapshot.format)
    });
    let whole = (1..=1 << 53).contains(&snapshot.version);
    findings.unless(whole, at("version"), "version", || {
        "a version is 1 to 2^53".to_owned()
    });
    // Keys of callers carry it between underscores.
    let plain = is_plain(&snapshot.environment);
    findings.unless(plain, at("environment"), "id", || {
        "an environment has 1 to 64 letters, digits, dots and dashes".to_owned()
    });
    findings.unless(
        !snapshot.author.trim().is_empty(),
        at("author"),
        "author",
        || "a publish has an author".to_owned(),
    );
}

pub(crate) fn is_plain(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
}

fn known<'s>(snapshot: &'s Snapshot, findings: &mut Findings) -> Known<'s> {
    findings.ids("routes", snapshot.routes.iter().map(|one| one.id.as_str()));
    findings.ids(
        "credentials",
        snapshot.credentials.iter().map(|one| one.id.as_str()),
    );
    findings.ids(
        "subscriptions",
        snapshot.subscriptions.iter().map(|one| one.id.as_str()),
    );
    let mut interfaces = BTreeSet::new();
    for (n, one) in snapshot.interfaces.iter().enumerate() {
        let at = |part: &str| format!("/interfaces/{n}/{part}");
        findings.unless(is_id(&one.id), || at("id"), "id", || id_words(&one.id));
        findings.unless(
            one.major().is_some(),
            || at("version"),
            "version",
            || format!("`{}` is no version; `2.1.0` is", one.version),
        );
        if !interfaces.insert((one.id.as_str(), one.version.as_str())) {
            let message = format!("{} {} stands twice", one.id, one.version);
            findings.add(at("id"), "duplicate", message);
        }
    }
    Known {
        interfaces,
        policies: findings.ids("policies", snapshot.policies.iter().map(|p| p.id.as_str())),
        pools: findings.ids("pools", snapshot.pools.iter().map(|p| p.id.as_str())),
        applications: findings.ids(
            "applications",
            snapshot.applications.iter().map(|one| one.id.as_str()),
        ),
        windows: findings.ids("windows", snapshot.windows.iter().map(|w| w.id.as_str())),
        labels: labels(snapshot, findings),
    }
}

fn labels<'s>(snapshot: &'s Snapshot, findings: &mut Findings) -> BTreeSet<&'s str> {
    let mut seen = BTreeSet::new();
    for (n, label) in snapshot.labels.iter().enumerate() {
        let at = |part: &str| format!("/labels/{n}/{part}");
        if !seen.insert(label.name.as_str()) {
            let message = format!("label `{}` stands twice", label.name);
            findings.add(at("name"), "duplicate", message);
        }
        findings.unless(
            (1..=4).contains(&label.level),
            || at("level"),
            "level",
            || "levels are 1 to 4".to_owned(),
        );
    }
    seen
}

fn schemas(snapshot: &Snapshot, findings: &mut Findings) {
    for (name, text) in &snapshot.schemas {
        let at = || format!("/schemas/{name}");
        let named = schema_name(text) == *name;
        findings.unless(named, at, "digest", || {
            "a schema stands under the SHA-256 of its text".to_owned()
        });
        if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
            findings.add(at(), "json", format!("the schema is no JSON: {error}"));
        }
    }
}

/// Whether weights are whole.
pub(crate) fn is_whole(weights: impl Iterator<Item = u32>) -> bool {
    weights.map(u64::from).sum::<u64>() == u64::from(WHOLE_BP)
}
