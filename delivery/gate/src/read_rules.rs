//! Rules a person edited: every fault is told, each with its JSON pointer and its cure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::number::Decimal;
use crate::rule::{
    Effect, Event, Measure, OnMissing, Operator, REPORT_INTEGRITY, Rule, Scope, SmallChange,
    SmallChangeAction,
};

/// A fault in edited rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct RuleError {
    /// Where, as a JSON pointer into the edited document (`/rules/0/bound`).
    pub pointer: String,
    /// Kind of fault, stable for programs.
    pub code: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl RuleError {
    pub(crate) fn new(pointer: String, code: &str, message: String) -> Self {
        Self {
            pointer,
            code: code.to_owned(),
            message,
        }
    }
}

/// More rules than this are refused.
const MOST_RULES: usize = 200;
const FIELDS: [&str; 12] = [
    "id",
    "measure",
    "scope",
    "op",
    "bound",
    "on_missing",
    "min_sample",
    "small_change",
    "effect",
    "waivable",
    "applies_to",
    "mandatory",
];
/// Measures of the full catalogue that nothing feeds yet.
const NOT_YET: [&str; 15] = [
    "api.pass_rate",
    "api.interface_coverage",
    "findings.count",
    "hotspots.unreviewed",
    "duplication.density",
    "complexity",
    "vulnerabilities",
    "licences.violations",
    "sbom.unresolved",
    "migration.rollback_tested",
    "masking.unmasked",
    "capacity.age_days",
    "image_ignored",
    "custom",
    "tests.count_by_layer",
];

/// Reads `{"rules": [...]}` or a bare array of rules.
///
/// # Errors
/// Every fault found, in document order.
pub fn read_rules(document: &Value) -> Result<Vec<Rule>, Vec<RuleError>> {
    let mut reader = RuleReader { errors: Vec::new() };
    let (list, base) = match document {
        Value::Object(map) => {
            for key in map.keys().filter(|key| key.as_str() != "rules") {
                reader.unknown("", key, &["rules"]);
            }
            (map.get("rules"), "/rules")
        }
        other => (Some(other), ""),
    };
    let Some(Value::Array(items)) = list else {
        let message = "a list of rules is wanted: {\"rules\": [...]}".to_owned();
        return Err(vec![RuleError::new(base.to_owned(), "wrong_type", message)]);
    };
    if items.len() > MOST_RULES {
        let message = format!(
            "{} rules are more than the {MOST_RULES} allowed",
            items.len()
        );
        return Err(vec![RuleError::new(base.to_owned(), "too_many", message)]);
    }
    let mut rules: Vec<Rule> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("{base}/{index}");
        let Some(rule) = reader.rule(&pointer, item) else {
            continue;
        };
        match places.get(&rule.id) {
            Some(first) => reader.fault(
                format!("{pointer}/id"),
                "duplicate",
                format!(
                    "`{}` is already the id of rule {first}; give each its own",
                    rule.id
                ),
            ),
            None => {
                places.insert(rule.id.clone(), index);
            }
        }
        rules.push(rule);
    }
    if reader.errors.is_empty() {
        Ok(rules)
    } else {
        Err(reader.errors)
    }
}

struct RuleReader {
    errors: Vec<RuleError>,
}

impl RuleReader {
    fn fault(&mut self, pointer: String, code: &str, message: String) {
        self.errors.push(RuleError::new(pointer, code, message));
    }

    fn unknown(&mut self, base: &str, key: &str, known: &[&str]) {
        let key_escaped = key.replace('~', "~0").replace('/', "~1");
        self.fault(
            format!("{base}/{key_escaped}"),
            "unknown_field",
            format!(
                "`{}` is not a field here; known are {}",
                shorten(key),
                known.join(", ")
            ),
        );
    }

    fn rule(&mut self, pointer: &str, item: &Value) -> Option<Rule> {
        let Value::Object(map) = item else {
            self.fault(
                pointer.to_owned(),
                "wrong_type",
                "a rule is a JSON object".to_owned(),
            );
            return None;
        };
        let before = self.errors.len();
        for key in map.keys().filter(|key| !FIELDS.contains(&key.as_str())) {
            self.unknown(pointer, key, &FIELDS);
        }
        let id = self.id(pointer, map);
        let measure = self.measure(pointer, map);
        let scope = self.word(pointer, map, "scope", Scope::ALL, Some(Scope::Overall));
        let op = self.word(pointer, map, "op", Operator::ALL, None);
        let bound = self.bound(pointer, map, measure);
        let default = SmallChange::default();
        let rule = Rule {
            id: id.unwrap_or_default(),
            measure: measure.unwrap_or(Measure::CoverageLine),
            scope: scope.unwrap_or_default(),
            op: op.unwrap_or(Operator::AtLeast),
            bound: bound.unwrap_or(Decimal::whole(0)),
            on_missing: self
                .word(
                    pointer,
                    map,
                    "on_missing",
                    OnMissing::ALL,
                    Some(OnMissing::Fail),
                )
                .unwrap_or_default(),
            min_sample: self.count(pointer, map, "min_sample", 0),
            small_change: self.small_change(pointer, map).unwrap_or(default),
            effect: self
                .word(pointer, map, "effect", Effect::ALL, Some(Effect::Block))
                .unwrap_or_default(),
            waivable: self.flag(pointer, map, "waivable", true),
            applies_to: self.events(pointer, map),
            mandatory: self.flag(pointer, map, "mandatory", false),
        };
        if measure.is_some() && !rule.measure.has_scopes() && rule.scope != Scope::Overall {
            self.fault(
                format!("{pointer}/scope"),
                "not_supported",
                format!(
                    "`{}` is measured on the whole tree only; write `overall`",
                    rule.measure
                ),
            );
        }
        let own = measure == Some(Measure::ReportsContradictory);
        if measure.is_some() && rule.id == REPORT_INTEGRITY && !own {
            self.fault(
                format!("{pointer}/id"),
                "reserved",
                format!(
                    "`{REPORT_INTEGRITY}` is the name of the rule on `{}`; choose another",
                    Measure::ReportsContradictory
                ),
            );
        }
        (self.errors.len() == before).then_some(rule)
    }

    fn id(&mut self, pointer: &str, map: &Map<String, Value>) -> Option<String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match map.get("id") {
            Some(Value::String(id)) if (1..=64).contains(&id.len()) && id.chars().all(allowed) => {
                Some(id.clone())
            }
            found => {
                let code = if found.is_none() {
                    "missing"
                } else {
                    "invalid"
                };
                self.fault(
                    format!("{pointer}/id"),
                    code,
                    "`id` must be 1 to 64 letters, digits, `-`, `_` or `.`, such as `coverage-new`"
                        .to_owned(),
                );
                None
            }
        }
    }

    fn measure(&mut self, pointer: &str, map: &Map<String, Value>) -> Option<Measure> {
        if let Some(Value::String(word)) = map.get("measure")
            && NOT_YET
                .iter()
                .any(|name| word == name || word.starts_with(&format!("{name}.")))
        {
            self.fault(
                format!("{pointer}/measure"),
                "not_supported",
                format!(
                    "`{}` is not measured yet; supported are {}",
                    shorten(word),
                    words(Measure::ALL, |measure| measure.word())
                ),
            );
            return None;
        }
        self.word(pointer, map, "measure", Measure::ALL, None)
    }

    fn bound(
        &mut self,
        pointer: &str,
        map: &Map<String, Value>,
        measure: Option<Measure>,
    ) -> Option<Decimal> {
        let pointer = format!("{pointer}/bound");
        let Some(value) = map.get("bound") else {
            self.fault(
                pointer,
                "missing",
                "`bound` is missing; write a number such as 80".to_owned(),
            );
            return None;
        };
        match Decimal::of_json(value) {
            Ok(bound) => {
                if measure.is_some_and(Measure::is_share) && bound > Decimal::whole(100) {
                    let message = format!("{bound} % can never be reached; write 0 to 100");
                    self.fault(pointer, "out_of_range", message);
                    return None;
                }
                Some(bound)
            }
            Err(error) => {
                self.fault(pointer, "invalid", error.to_string());
                None
            }
        }
    }

    /// A word out of `all`; `default` when the field is absent, a fault when there is no default.
    fn word<T: Copy + std::fmt::Display>(
        &mut self,
        pointer: &str,
        map: &Map<String, Value>,
        field: &str,
        all: &[T],
        default: Option<T>,
    ) -> Option<T> {
        let wanted = words(all, ToString::to_string);
        match (map.get(field), default) {
            (None, Some(default)) => Some(default),
            (None, None) => {
                let message = format!("`{field}` is missing; write one of {wanted}");
                self.fault(format!("{pointer}/{field}"), "missing", message);
                None
            }
            (Some(value), _) => {
                let found = value
                    .as_str()
                    .and_then(|text| all.iter().find(|one| one.to_string() == text));
                if found.is_none() {
                    let value = shorten(&value.to_string());
                    let message = format!("{value} is not allowed here; write one of {wanted}");
                    self.fault(format!("{pointer}/{field}"), "invalid", message);
                }
                found.copied()
            }
        }
    }

    fn count(&mut self, pointer: &str, map: &Map<String, Value>, field: &str, default: u64) -> u64 {
        match map.get(field) {
            None => default,
            Some(value) => value.as_u64().unwrap_or_else(|| {
                let value = shorten(&value.to_string());
                let message = format!("{value} is not a count; write a whole number from 0");
                self.fault(format!("{pointer}/{field}"), "invalid", message);
                default
            }),
        }
    }

    fn flag(
        &mut self,
        pointer: &str,
        map: &Map<String, Value>,
        field: &str,
        default: bool,
    ) -> bool {
        match map.get(field) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(value) => {
                let value = shorten(&value.to_string());
                let message = format!("{value} is not allowed here; write true or false");
                self.fault(format!("{pointer}/{field}"), "invalid", message);
                default
            }
        }
    }

    fn small_change(&mut self, pointer: &str, map: &Map<String, Value>) -> Option<SmallChange> {
        let pointer = format!("{pointer}/small_change");
        let default = SmallChange::default();
        let inner = match map.get("small_change") {
            None => return Some(default),
            Some(Value::Object(inner)) => inner,
            Some(_) => {
                let message = "write {\"min_new_lines\": 20, \"action\": \"skip\"}".to_owned();
                self.fault(pointer, "wrong_type", message);
                return None;
            }
        };
        for key in inner.keys() {
            if !["min_new_lines", "action"].contains(&key.as_str()) {
                self.unknown(&pointer, key, &["min_new_lines", "action"]);
            }
        }
        let action = self.word(
            &pointer,
            inner,
            "action",
            SmallChangeAction::ALL,
            Some(default.action),
        )?;
        let min_new_lines = self.count(&pointer, inner, "min_new_lines", default.min_new_lines);
        Some(SmallChange {
            min_new_lines,
            action,
        })
    }

    fn events(&mut self, pointer: &str, map: &Map<String, Value>) -> BTreeSet<Event> {
        let pointer = format!("{pointer}/applies_to");
        let wanted = words(Event::ALL, |event| event.word());
        let items = match map.get("applies_to") {
            None => return Event::every(),
            Some(Value::Array(items)) if !items.is_empty() => items,
            Some(_) => {
                let message = format!(
                    "write a list of {wanted}; a rule that never applies is better left out"
                );
                self.fault(pointer, "invalid", message);
                return BTreeSet::new();
            }
        };
        let mut events = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let found = Event::ALL
                .iter()
                .find(|event| item.as_str() == Some(event.word()));
            match found {
                Some(event) => {
                    events.insert(*event);
                }
                None => {
                    let item = shorten(&item.to_string());
                    let message = format!("{item} is not an event; write one of {wanted}");
                    self.fault(format!("{pointer}/{index}"), "invalid", message);
                }
            }
        }
        events
    }
}

fn words<T, S: AsRef<str>>(all: &[T], word: impl Fn(&T) -> S) -> String {
    all.iter()
        .map(|one| format!("`{}`", word(one).as_ref()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn shorten(text: &str) -> String {
    text.chars().take(60).collect()
}
