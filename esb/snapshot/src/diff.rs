//! What a snapshot changes beside another one, thing by thing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Snapshot;

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It was not there.
    Added,
    /// It was another.
    Changed,
    /// It is not there any more.
    Removed,
}

/// A thing of a snapshot that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// `interface`, `route`, `pool`, `application`, `subscription` or `credential`.
    pub kind: &'static str,
    /// Its name: an id; `app → trade.order v1` of a subscription.
    pub what: String,
    /// What becomes of it.
    pub became: Became,
}

/// Names and contents, by kind.
type Things = BTreeMap<(&'static str, String), String>;

fn things(snapshot: &Snapshot) -> Things {
    let mut all = Things::new();
    // Two contents are the same when their texts are: each type has one form.
    fn text(thing: &impl Serialize) -> String {
        serde_json::to_string(thing).unwrap_or_default()
    }
    for one in &snapshot.interfaces {
        let name = format!("{}@{}", one.id, one.version);
        all.insert(("interface", name), text(one));
    }
    for one in &snapshot.routes {
        all.insert(("route", one.id.clone()), text(one));
    }
    for one in &snapshot.pools {
        all.insert(("pool", one.id.clone()), text(one));
    }
    for one in &snapshot.applications {
        all.insert(("application", one.id.clone()), text(one));
    }
    for one in &snapshot.subscriptions {
        let name = format!("{} → {} v{}", one.application, one.interface, one.major);
        all.insert(("subscription", name), text(one));
    }
    for one in &snapshot.credentials {
        let name = format!("{} {}", one.application, one.id);
        all.insert(("credential", name), text(one));
    }
    all
}

/// What `after` changes, in order of kind and name; without a `before` everything is added.
#[must_use]
pub fn changes(before: Option<&Snapshot>, after: &Snapshot) -> Vec<Change> {
    let old = before.map(things).unwrap_or_default();
    let new = things(after);
    let mut found = Vec::new();
    let mut tell = |(kind, what): &(&'static str, String), became| {
        let what = what.clone();
        found.push(Change { kind, what, became });
    };
    for (key, content) in &new {
        match old.get(key) {
            None => tell(key, Became::Added),
            Some(known) if known != content => tell(key, Became::Changed),
            Some(_) => {}
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        tell(key, Became::Removed);
    }
    found.sort();
    found
}
