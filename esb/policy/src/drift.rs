//! What did not fit the definition, as nodes tell it, and its sum (specification, section 5.7).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the caller.
    Request,
    /// From the provider.
    Response,
}

/// A way in which messages do not fit their definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DriftKey {
    /// The route.
    pub route: String,
    /// The calling application; none where anybody may call.
    pub application: Option<String>,
    /// Of requests or answers.
    pub direction: Direction,
    /// `body`, `status`, `query parameter limit` …
    pub place: String,
    /// JSON pointer into the value there, `*` for every item of a list.
    pub pointer: String,
    /// The keyword that says no.
    pub keyword: String,
    /// What kind of value stood there; never the value itself.
    pub class: String,
}

/// How often, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftSeen {
    /// Messages that had it.
    pub count: u64,
    /// For the first time since the node started.
    pub first: Timestamp,
    /// For the last time.
    pub last: Timestamp,
}

/// What a node has seen since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Messages that were checked.
    pub checked: u64,
    /// Messages that were to be checked and could not be: packed, or too large to be held.
    pub unchecked: u64,
    /// Findings beyond those that are told apart.
    pub beyond: u64,
    /// The findings.
    pub findings: Vec<DriftFinding>,
}

/// A finding of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftFinding {
    /// What.
    #[serde(flatten)]
    pub key: DriftKey,
    /// How often.
    #[serde(flatten)]
    pub seen: DriftSeen,
}

impl DriftReport {
    /// With what another node has seen, the same findings as one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut all: BTreeMap<DriftKey, DriftSeen> = BTreeMap::new();
        for one in self.findings.into_iter().chain(other.findings) {
            all.entry(one.key)
                .and_modify(|seen| {
                    seen.count += one.seen.count;
                    seen.first = seen.first.min(one.seen.first);
                    seen.last = seen.last.max(one.seen.last);
                })
                .or_insert(one.seen);
        }
        let findings = all
            .into_iter()
            .map(|(key, seen)| DriftFinding { key, seen });
        Self {
            checked: self.checked + other.checked,
            unchecked: self.unchecked + other.unchecked,
            beyond: self.beyond + other.beyond,
            findings: findings.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(pointer: &str, count: u64, at: i64) -> DriftReport {
        let at = Timestamp::from_second(at).unwrap();
        let key = DriftKey {
            route: "trade.order@1.0.0/createOrder".to_owned(),
            application: Some("app".to_owned()),
            direction: Direction::Request,
            place: "body".to_owned(),
            pointer: pointer.to_owned(),
            keyword: "type".to_owned(),
            class: "number".to_owned(),
        };
        let seen = DriftSeen {
            count,
            first: at,
            last: at,
        };
        DriftReport {
            checked: 10,
            unchecked: 1,
            beyond: 2,
            findings: vec![DriftFinding { key, seen }],
        }
    }

    #[test]
    fn the_same_finding_of_two_nodes_is_one_of_both() {
        let sum = report("/a", 3, 5)
            .and(report("/a", 4, 2))
            .and(report("/b", 1, 9));
        assert_eq!((sum.checked, sum.unchecked, sum.beyond), (30, 3, 6));
        let told: Vec<(&str, u64)> = sum
            .findings
            .iter()
            .map(|one| (one.key.pointer.as_str(), one.seen.count))
            .collect();
        assert_eq!(told, [("/a", 7), ("/b", 1)]);
        let first = &sum.findings[0].seen;
        assert_eq!((first.first.as_second(), first.last.as_second()), (2, 5));
        let none = DriftReport::default().and(DriftReport::default());
        assert_eq!(none, DriftReport::default());
    }
}
