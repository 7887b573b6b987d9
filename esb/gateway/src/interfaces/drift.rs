//! What did not fit: findings of requests and answers, counted by place (specification, section 5.7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rialto_esb_policy::drift::{Direction, DriftFinding, DriftKey, DriftReport, DriftSeen};
use rialto_esb_schema::request::Finding;

/// Most findings that are told apart.
const MOST: usize = 2_000;

/// Counts findings.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    checked: AtomicU64,
    unchecked: AtomicU64,
    beyond: AtomicU64,
    seen: Mutex<BTreeMap<DriftKey, DriftSeen>>,
}

/// Whose message it was.
#[derive(Debug, Clone)]
pub(crate) struct Of {
    pub(crate) route: String,
    pub(crate) application: Option<String>,
    pub(crate) direction: Direction,
}

impl Drift {
    /// A message that was checked, with what was wrong.
    pub(crate) fn checked(&self, of: &Of, at: Timestamp, findings: &[Finding]) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        if findings.is_empty() {
            return;
        }
        let key = |finding: &Finding| DriftKey {
            route: of.route.clone(),
            application: of.application.clone(),
            direction: of.direction,
            place: finding.place.clone(),
            pointer: every_item(&finding.pointer),
            keyword: finding.keyword.clone(),
            class: finding.class.to_owned(),
        };
        // A message counts once, however many items of a list are wrong.
        let keys: BTreeSet<DriftKey> = findings.iter().map(key).collect();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if let Some(known) = seen.get_mut(&key) {
                known.count += 1;
                known.last = at;
            } else if seen.len() < MOST {
                let new = DriftSeen {
                    count: 1,
                    first: at,
                    last: at,
                };
                seen.insert(key, new);
            } else {
                self.beyond.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A message that could not be checked.
    pub(crate) fn unchecked(&self) {
        self.unchecked.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn report(&self) -> DriftReport {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let findings = seen.iter().map(|(key, seen)| DriftFinding {
            key: key.clone(),
            seen: seen.clone(),
        });
        DriftReport {
            checked: self.checked.load(Ordering::Relaxed),
            unchecked: self.unchecked.load(Ordering::Relaxed),
            beyond: self.beyond.load(Ordering::Relaxed),
            findings: findings.collect(),
        }
    }
}

/// `/items/3/code` is `/items/*/code`.
fn every_item(pointer: &str) -> String {
    let step = |step: &str| match step.bytes().all(|b| b.is_ascii_digit()) && !step.is_empty() {
        true => "*".to_owned(),
        false => step.to_owned(),
    };
    pointer.split('/').map(step).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of() -> Of {
        Of {
            route: "r".to_owned(),
            application: None,
            direction: Direction::Request,
        }
    }

    #[test]
    fn the_same_place_in_every_item_is_one_finding() {
        let drift = Drift::default();
        let at = |n: usize| Finding {
            pointer: format!("/items/{n}/code"),
            ..Finding::new("body", "type", "a text")
        };
        drift.checked(&of(), Timestamp::UNIX_EPOCH, &[at(1), at(22)]);
        drift.checked(&of(), Timestamp::UNIX_EPOCH, &[at(3)]);
        drift.checked(&of(), Timestamp::MAX, &[]);
        drift.unchecked();
        let report = drift.report();
        assert_eq!((report.checked, report.unchecked, report.beyond), (3, 1, 0));
        assert_eq!(report.findings.len(), 1);
        let one = &report.findings[0];
        assert_eq!(
            (one.key.pointer.as_str(), one.seen.count),
            ("/items/*/code", 2)
        );
    }

    #[test]
    fn more_kinds_than_are_told_apart_are_counted() {
        let drift = Drift::default();
        let many: Vec<Finding> = (0..MOST + 5)
            .map(|n| Finding::new(&format!("query parameter p{n}"), "type", ""))
            .collect();
        drift.checked(&of(), Timestamp::UNIX_EPOCH, &many);
        let report = drift.report();
        assert_eq!((report.findings.len(), report.beyond), (MOST, 5));
    }
}
