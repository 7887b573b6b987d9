//! Who calls what (调用关系; specification, section 7): calls counted by edge and hour, with the
//! fields their requests hold. An edge is a caller, an operation of a version, and the variant that
//! answered. Instants are microseconds since 1970 and passed in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Microseconds of an hour.
pub const HOUR_US: i64 = 3_600_000_000;
/// Hours a node keeps: whoever asks once a day misses nothing.
pub const KEPT_HOURS: i64 = 25;
/// Most edges and hours a node tells apart.
const MOST: usize = 20_000;
/// Most fields of an edge and hour that are told apart.
const MOST_FIELDS: usize = 2_000;
/// Longest name of a field that is kept, bytes.
const MOST_NAME: usize = 200;
/// Calls of an edge and hour whose fields are looked at one by one; later one in [`ONE_IN`] is.
const ALL_OF: u64 = 1_000;
const ONE_IN: u64 = 64;
/// How deep fields are told.
const MOST_DEPTH: usize = 16;

/// Upper ends of the classes of duration, milliseconds; the last class has none.
pub const DURATIONS_MS: [u64; 5] = [10, 50, 200, 1_000, 5_000];

/// A caller, what it calls, and who answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// Code of the application; none where anybody may call.
    pub application: Option<String>,
    /// Code of the interface.
    pub interface: String,
    /// `major.minor.patch`.
    pub version: String,
    /// Id of the operation.
    pub operation: String,
    /// Name of the variant (canary).
    pub variant: String,
}

/// Calls of an edge within an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Calls that were let through.
    pub requests: u64,
    /// Answers with 2xx and 3xx.
    pub succeeded: u64,
    /// Answers with 4xx, of the provider or of the gateway.
    pub refused: u64,
    /// Answers with 5xx, of the provider or of the gateway.
    pub failed: u64,
    /// Durations until the answer's head by the classes of [`DURATIONS_MS`].
    pub durations: [u64; DURATIONS_MS.len() + 1],
    /// Sum of these durations, microseconds.
    #[serde(default)]
    pub took_us: u64,
    /// First call, microseconds since 1970.
    pub first: i64,
    /// Last call, microseconds since 1970.
    pub last: i64,
    /// Fields of requests (`query:symbol`, `body:/items/*/code`) with the last time each was seen.
    pub fields: BTreeMap<String, i64>,
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.succeeded += other.succeeded;
        self.refused += other.refused;
        self.failed += other.failed;
        for (sum, more) in self.durations.iter_mut().zip(other.durations) {
            *sum += more;
        }
        self.took_us = self.took_us.saturating_add(other.took_us);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (field, seen) in &other.fields {
            let known = self.fields.entry(field.clone()).or_insert(*seen);
            *known = (*known).max(*seen);
        }
    }
}

/// Calls of an edge within an hour, as a node tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeCount {
    /// The edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// Hours since 1970.
    pub hour: i64,
    /// The calls.
    #[serde(flatten)]
    pub count: Count,
}

/// What a node counted. Counts of an hour only grow: telling them twice changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReport {
    /// When the node started: it counts from 0 then. Microseconds since 1970.
    pub boot: i64,
    /// The node's time.
    pub at: i64,
    /// Calls on edges beyond those that are told apart.
    pub beyond: u64,
    /// The edges.
    pub edges: Vec<EdgeCount>,
}

/// Counts calls. `K` names an edge without a text, as long as the node serves the same.
#[derive(Debug)]
pub struct Calls<K> {
    seen: HashMap<(K, i64), (Edge, Count)>,
    /// Sums of hours that are kept no more, without fields.
    past: BTreeMap<Edge, Count>,
    beyond: u64,
}

impl<K> Default for Calls<K> {
    fn default() -> Self {
        Self {
            seen: HashMap::new(),
            past: BTreeMap::new(),
            beyond: 0,
        }
    }
}

impl<K: Copy + Eq + Hash> Calls<K> {
    /// A call was let through. Says whether the fields of its request are to be looked at.
    pub fn began(&mut self, id: K, at: i64, edge: impl FnOnce() -> Edge) -> bool {
        let hour = at.div_euclid(HOUR_US);
        if !self.seen.contains_key(&(id, hour)) {
            self.forget(hour - KEPT_HOURS);
            if self.seen.len() >= MOST {
                self.beyond += 1;
                return false;
            }
            let count = Count {
                first: at,
                ..Count::default()
            };
            self.seen.insert((id, hour), (edge(), count));
        }
        let Some((_, count)) = self.seen.get_mut(&(id, hour)) else {
            return false;
        };
        count.requests += 1;
        count.last = count.last.max(at);
        count.requests <= ALL_OF || count.requests.is_multiple_of(ONE_IN)
    }

    /// Hours up to this one are told no more; they stay in the sums.
    fn forget(&mut self, hour: i64) {
        let past = &mut self.past;
        self.seen.retain(|(_, one), (edge, count)| {
            if *one > hour {
                return true;
            }
            count.fields.clear();
            if let Some(sum) = past.get_mut(edge) {
                sum.add(count);
            } else if past.len() < MOST {
                past.insert(edge.clone(), std::mem::take(count));
            }
            false
        });
    }

    /// Calls of every edge since the start, without fields; these only grow.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Edge, Count> {
        let mut all = self.past.clone();
        for (edge, count) in self.seen.values() {
            let count = Count {
                fields: BTreeMap::new(),
                ..count.clone()
            };
            all.entry(edge.clone())
                .and_modify(|sum| sum.add(&count))
                .or_insert(count);
        }
        all
    }

    /// A call that began at an instant was answered after a while, by the provider or, where that
    /// failed, by the gateway.
    pub fn ended(&mut self, id: K, at: i64, status: u16, took: Duration) {
        let Some((_, count)) = self.seen.get_mut(&(id, at.div_euclid(HOUR_US))) else {
            return;
        };
        match status {
            500.. => count.failed += 1,
            400.. => count.refused += 1,
            _ => count.succeeded += 1,
        }
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let class = DURATIONS_MS.iter().filter(|end| millis > **end).count();
        if let Some(class) = count.durations.get_mut(class) {
            *class += 1;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        count.took_us = count.took_us.saturating_add(micros);
        let end = at.saturating_add(i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
        count.last = count.last.max(end);
    }

    /// The request of a call that began at an instant held these fields.
    pub fn held(&mut self, id: K, at: i64, fields: BTreeSet<String>) {
        let Some((_, count)) = self.seen.get_mut(&(id, at.div_euclid(HOUR_US))) else {
            return;
        };
        for field in fields {
            if let Some(seen) = count.fields.get_mut(&field) {
                *seen = (*seen).max(at);
            } else if count.fields.len() < MOST_FIELDS && field.len() <= MOST_NAME {
                count.fields.insert(field, at);
            }
        }
    }

    /// Edges and hours with a call at an instant or later, and the calls beyond.
    #[must_use]
    pub fn since(&self, at: i64) -> (Vec<EdgeCount>, u64) {
        let mut all: BTreeMap<(Edge, i64), Count> = BTreeMap::new();
        for ((_, hour), (edge, count)) in &self.seen {
            all.entry((edge.clone(), *hour))
                .and_modify(|sum| sum.add(count))
                .or_insert_with(|| count.clone());
        }
        let told = all.into_iter().filter(|(_, count)| count.last >= at);
        let told = told.map(|((edge, hour), count)| EdgeCount { edge, hour, count });
        (told.collect(), self.beyond)
    }
}

/// Fields of a request: names of its query and the places its JSON body holds, `*` for every item of
/// a list (RFC 6901 otherwise).
#[must_use]
pub fn fields_of<'q>(
    query: impl Iterator<Item = &'q str>,
    body: Option<&Value>,
) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = query.map(|name| format!("query:{name}")).collect();
    if let Some(body) = body {
        walk(body, "body:", 0, &mut found);
    }
    found
}

fn walk(value: &Value, at: &str, depth: usize, found: &mut BTreeSet<String>) {
    if depth == MOST_DEPTH || found.len() >= MOST_FIELDS {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                walk(value, &at, depth + 1, found);
                found.insert(at);
            }
        }
        Value::Array(items) => {
            let at = format!("{at}/*");
            for item in items {
                walk(item, &at, depth + 1, found);
            }
        }
        _ => {}
    }
}

/// The duration that a share of calls (in percent) did not exceed, milliseconds: the upper end of its
/// class. `None` without calls, or when it lies in the last class.
#[must_use]
pub fn percentile(durations: &[u64; DURATIONS_MS.len() + 1], percent: u64) -> Option<u64> {
    let all: u64 = durations.iter().sum();
    let wanted = (all * percent).div_ceil(100).max(1);
    let mut sum = 0;
    let ends = DURATIONS_MS.iter().zip(durations);
    ends.into_iter().find_map(|(end, count)| {
        sum += count;
        (sum >= wanted).then_some(*end)
    })
}

/// What is known of how completely a node's calls were collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// The node's start when it was last asked.
    pub boot: i64,
    /// When it was last asked, by its own time.
    pub told: i64,
    /// No call since then was missed but those of [`LOST_US`] before a node's end.
    pub since: i64,
}

/// A node that ends takes the calls since it was last asked with it: what is lost within this time
/// is taken for nothing, 60 seconds.
pub const LOST_US: i64 = 60_000_000;

impl Watched {
    /// After a report: the watch goes on, or begins anew where calls may have been missed.
    #[must_use]
    pub fn after(before: Option<Self>, report: &CallReport) -> Self {
        let (boot, told) = (report.boot, report.at);
        let gap = |one: Self| told.saturating_sub(one.told);
        let whole = before.filter(|one| {
            if one.boot == boot {
                gap(*one) < (KEPT_HOURS - 1) * HOUR_US
            } else {
                gap(*one) <= LOST_US
            }
        });
        let since = whole.map_or(told, |one| one.since);
        Self { boot, told, since }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn edge(application: &str) -> Edge {
        Edge {
            application: Some(application.to_owned()),
            interface: "trade.order".to_owned(),
            version: "1.0.0".to_owned(),
            operation: "createOrder".to_owned(),
            variant: "stable".to_owned(),
        }
    }

    #[test]
    fn calls_are_counted_by_edge_and_hour_and_old_hours_are_forgotten() {
        let mut calls = Calls::default();
        for (at, status) in [(5, 200), (6, 404), (HOUR_US + 1, 503)] {
            assert!(calls.began(1, at, || edge("app")));
            calls.ended(1, at, status, Duration::from_millis(20));
        }
        calls.began(1, 7, || edge("app"));
        calls.ended(1, 7, 502, Duration::from_secs(60));
        let (told, beyond) = calls.since(0);
        assert_eq!((told.len(), beyond), (2, 0));
        let first = &told[0].count;
        assert_eq!((first.requests, first.succeeded), (3, 1));
        assert_eq!((first.refused, first.failed), (1, 1));
        assert_eq!(first.durations, [0, 2, 0, 0, 0, 1]);
        assert_eq!((first.first, first.last), (5, 60_000_007));
        let (late, _) = calls.since(HOUR_US);
        assert_eq!(late.len(), 1);
        calls.began(1, HOUR_US * KEPT_HOURS, || edge("app"));
        let (told, _) = calls.since(0);
        let hours: Vec<i64> = told.iter().map(|one| one.hour).collect();
        assert_eq!(hours, [1, KEPT_HOURS]);
        let totals = calls.totals();
        let total = &totals[&edge("app")];
        assert_eq!((total.requests, total.failed, total.first), (5, 2, 5));
        assert_eq!(total.took_us, 60_060_000);
    }

    #[test]
    fn the_same_edge_under_two_names_is_one() {
        let mut calls = Calls::default();
        calls.began((1, 0), 5, || edge("app"));
        calls.held((1, 0), 5, BTreeSet::from(["query:a".to_owned()]));
        calls.began((2, 3), 9, || edge("app"));
        calls.held((2, 3), 9, BTreeSet::from(["query:a".to_owned()]));
        let (told, _) = calls.since(0);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].count.requests, 2);
        assert_eq!(told[0].count.fields["query:a"], 9);
    }

    #[test]
    fn edges_beyond_the_limit_are_counted() {
        let mut calls = Calls::default();
        for n in 0..MOST + 3 {
            calls.began(n, 1, || edge(&n.to_string()));
        }
        let (told, beyond) = calls.since(0);
        assert_eq!((told.len(), beyond), (MOST, 3));
    }

    #[test]
    fn fields_are_places_without_the_numbers_of_items() {
        let body = json!({"items": [{"a/b": 1}, {"c": {"d~": null}}], "x": []});
        let found = fields_of(["page"].into_iter(), Some(&body));
        let wanted = [
            "body:/items",
            "body:/items/*/a~1b",
            "body:/items/*/c",
            "body:/items/*/c/d~0",
            "body:/x",
            "query:page",
        ];
        assert!(found.iter().eq(wanted.iter()), "{found:?}");
    }

    #[test]
    fn a_percentile_is_the_end_of_its_class() {
        assert_eq!(percentile(&[0; 6], 95), None);
        assert_eq!(percentile(&[95, 5, 0, 0, 0, 0], 95), Some(10));
        assert_eq!(percentile(&[94, 6, 0, 0, 0, 0], 95), Some(50));
        assert_eq!(percentile(&[0, 0, 0, 0, 0, 1], 50), None);
    }

    #[test]
    fn a_watch_begins_anew_where_calls_may_have_been_missed() {
        let report = |boot, at| CallReport {
            boot,
            at,
            ..CallReport::default()
        };
        let first = Watched::after(None, &report(1, 10));
        assert_eq!(first.since, 10);
        let day = (KEPT_HOURS - 1) * HOUR_US;
        let on = Watched::after(Some(first), &report(1, 10 + day - 1));
        assert_eq!(on.since, 10);
        assert_eq!(
            Watched::after(Some(first), &report(1, 10 + day)).since,
            10 + day
        );
        let restarted = report(2, on.told + LOST_US);
        assert_eq!(Watched::after(Some(on), &restarted).since, 10);
        let late = report(2, on.told + LOST_US + 1);
        assert_eq!(Watched::after(Some(on), &late).since, late.at);
    }

    proptest! {
        /// Every call that was let through is told exactly once, or counted as beyond.
        #[test]
        fn no_call_is_lost(ids in prop::collection::vec((0_u8..4, 0_i64..20), 0..200)) {
            let mut calls = Calls::default();
            for (id, hour) in &ids {
                calls.began(*id, hour * HOUR_US, || edge(&id.to_string()));
                calls.ended(*id, hour * HOUR_US, 200, Duration::ZERO);
            }
            let (told, beyond) = calls.since(0);
            let all: u64 = told.iter().map(|one| one.count.requests).sum();
            let ended: u64 = told.iter().map(|one| one.count.succeeded).sum();
            prop_assert_eq!(all + beyond, ids.len() as u64);
            prop_assert_eq!(all, ended);
        }
    }
}
