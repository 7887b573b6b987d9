//! Reads values of fields and says in the same words what is wrong with them.

use super::keys::nearest;
use super::model::Variables;
use crate::diagnostic::Sink;
use crate::duration;
use crate::plan::VariableValue;
use crate::yaml::{Entry, Map, Mark, Node, Value, single_quoted};

/// Deepest nesting of lists in a script.
const MAX_SCRIPT_NESTING: usize = 10;
const WEEK_S: u64 = 7 * 24 * 3_600;

/// So many known keys are named where none is near.
const MAX_NAMED: usize = 12;

/// Says that a key is not known, with the nearest one that is.
pub(crate) fn unknown_key(sink: &mut Sink, place: &str, key: &str, mark: Mark, known: &[&str]) {
    let message = format!("{place}: the key `{key}` is not known");
    let near = sink
        .wants_hints()
        .then(|| nearest(key, known.iter().copied()))
        .flatten();
    let fix = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.len() <= MAX_NAMED => format!("remove it; known are {}", known.join(", ")),
        None => "remove it; docs/reference/gitlab-ci.md lists the known ones".to_owned(),
    };
    sink.error_fix(mark, "unknown_keyword", message, fix);
}

/// Reads fields of one job or section.
pub(crate) struct Fields<'a> {
    pub(crate) sink: &'a mut Sink,
    /// The job, if it is one.
    pub(crate) job: Option<&'a str>,
}

impl Fields<'_> {
    /// `job `x`: ` or nothing, for the front of a message.
    pub(crate) fn prefix(&self) -> String {
        self.job
            .map(|job| format!("job `{job}`: "))
            .unwrap_or_default()
    }

    pub(crate) fn wrong(&mut self, field: &str, node: &Node, wanted: &str) {
        let message = format!(
            "{}`{field}` must be {wanted}, not {}",
            self.prefix(),
            node.kind()
        );
        self.sink.error(node.mark, "wrong_type", message);
    }

    pub(crate) fn error(&mut self, mark: Mark, code: &'static str, message: &str) {
        self.sink
            .error(mark, code, format!("{}{message}", self.prefix()));
    }

    pub(crate) fn error_fix(&mut self, mark: Mark, code: &'static str, message: &str, fix: &str) {
        self.sink
            .error_fix(mark, code, format!("{}{message}", self.prefix()), fix);
    }

    pub(crate) fn unsupported(&mut self, mark: Mark, what: &str, fix: &str) {
        let what = format!("{}{what}", self.prefix());
        self.sink.unsupported(mark, self.job, &what, fix);
    }

    /// Says that a key has no effect here, without stopping a pipeline for it.
    pub(crate) fn no_effect(&mut self, mark: Mark, what: &str) {
        let message = format!("{}{what} is known but has no effect yet", self.prefix());
        self.sink.warn(mark, "no_effect", message);
    }

    /// The same for a key of which more can be said; it often stands in a default of many jobs.
    pub(crate) fn no_effect_since(&mut self, mark: Mark, what: &str, fix: &str) {
        self.sink.warn_fix(mark, "no_effect", what, fix);
    }

    /// The same for a key that the runner fails the job for: `rialto ci lint` refuses it.
    pub(crate) fn not_started(&mut self, mark: Mark, what: &str, fix: &str) {
        self.sink.warn_fix(mark, "not_started", what, fix);
    }

    pub(crate) fn unknown(&mut self, section: &str, key: &str, entry: &Entry, known: &[&str]) {
        let place = match self.job {
            Some(job) if section.is_empty() => format!("job `{job}`"),
            Some(job) => format!("job `{job}`: `{section}`"),
            None => format!("`{section}`"),
        };
        unknown_key(self.sink, &place, key, entry.key, known);
    }

    pub(crate) fn text(&mut self, field: &str, node: &Node) -> Option<String> {
        if let Some(text) = node.text() {
            return Some(text.to_owned());
        }
        let scalar = node.scalar_text().filter(|_| !node.is_null());
        if let Some(value) = scalar {
            let raw = node.raw.as_deref().unwrap_or(&value).to_owned();
            let message = format!(
                "{}`{field}` must be text, not {}",
                self.prefix(),
                node.kind()
            );
            self.sink.error_fix(
                node.mark,
                "wrong_type",
                message,
                format!("quote it: \"{raw}\""),
            );
        } else {
            self.wrong(field, node, "text");
        }
        None
    }

    pub(crate) fn bool(&mut self, field: &str, node: &Node) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.wrong(field, node, "true or false");
        None
    }

    pub(crate) fn int(&mut self, field: &str, node: &Node, low: i64, high: i64) -> Option<i64> {
        match node.value {
            Value::Int(value) if (low..=high).contains(&value) => Some(value),
            Value::Int(value) => {
                let message = format!("`{field}` must be between {low} and {high}, not {value}");
                self.error(node.mark, "out_of_range", &message);
                None
            }
            _ => {
                self.wrong(
                    field,
                    node,
                    &format!("a whole number between {low} and {high}"),
                );
                None
            }
        }
    }

    pub(crate) fn map<'n>(&mut self, field: &str, node: &'n Node) -> Option<&'n Map> {
        match &node.value {
            Value::Map(map) => Some(map),
            _ => {
                self.wrong(field, node, "a map");
                None
            }
        }
    }

    /// A list of texts; a single text counts when `single` allows it.
    pub(crate) fn texts(&mut self, field: &str, node: &Node, single: bool) -> Vec<String> {
        self.marked_texts(field, node, single)
            .into_iter()
            .map(|(text, _)| text)
            .collect()
    }

    pub(crate) fn marked_texts(
        &mut self,
        field: &str,
        node: &Node,
        single: bool,
    ) -> Vec<(String, Mark)> {
        match &node.value {
            Value::List(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items.iter() {
                    match &item.value {
                        Value::Text(text) => out.push((text.to_string(), item.mark)),
                        _ => {
                            out.extend(self.text(field, item).map(|text| (text, item.mark)));
                        }
                    }
                }
                out
            }
            Value::Text(text) if single => vec![(text.to_string(), node.mark)],
            Value::Text(text) => {
                let message = format!("`{field}` must be a list, not text");
                self.error_fix(
                    node.mark,
                    "wrong_type",
                    &message,
                    &format!("write [\"{text}\"]"),
                );
                Vec::new()
            }
            _ => {
                self.wrong(
                    field,
                    node,
                    if single { "text or a list" } else { "a list" },
                );
                Vec::new()
            }
        }
    }

    /// Script lines: text, or lists of text nested up to ten levels, made flat.
    pub(crate) fn script(&mut self, field: &str, node: &Node) -> Vec<String> {
        let mut out = Vec::new();
        match &node.value {
            Value::Text(text) => out.push(text.to_string()),
            Value::List(items) => self.script_lines(field, items, 1, &mut out),
            Value::Map(map) => self.script_map(field, node, map),
            _ => self.wrong(field, node, "a command or a list of commands"),
        }
        out
    }

    fn script_lines(&mut self, field: &str, items: &[Node], depth: usize, out: &mut Vec<String>) {
        for item in items {
            match &item.value {
                Value::Text(text) => out.push(text.to_string()),
                Value::List(inner) if depth < MAX_SCRIPT_NESTING => {
                    self.script_lines(field, inner, depth + 1, out);
                }
                Value::List(_) => {
                    let message =
                        format!("`{field}` nests lists more than {MAX_SCRIPT_NESTING} levels deep");
                    self.error(item.mark, "too_deep", &message);
                }
                Value::Map(map) => self.script_map(field, item, map),
                Value::Null => {
                    let fix = "remove the dash, or write `- \"\"`";
                    self.error_fix(
                        item.mark,
                        "wrong_type",
                        &format!("`{field}` has an empty item"),
                        fix,
                    );
                }
                _ => {
                    let value = item.raw.as_deref().map(str::to_owned);
                    let value = value.or_else(|| item.scalar_text().map(Into::into));
                    let message = format!("`{field}` needs commands as text, not {}", item.kind());
                    let fix = format!("quote it: \"{}\"", value.unwrap_or_default());
                    self.error_fix(item.mark, "wrong_type", &message, &fix);
                }
            }
        }
    }

    /// The classic trap: `echo "x: y"` is a map.
    fn script_map(&mut self, field: &str, node: &Node, map: &Map) {
        let mut mark = node.mark;
        let mut written = String::new();
        for (key, entry) in map.iter().take(1) {
            mark = entry.key;
            let value = entry.value.raw.as_deref().map(str::to_owned);
            let value = value.or_else(|| entry.value.scalar_text().map(Into::into));
            written = format!("{key}: {}", value.unwrap_or_else(|| "...".to_owned()));
        }
        let message =
            format!("`{field}` has a map where a command belongs: the `: ` in it makes it one");
        let fix = format!(
            "quote the whole command: - {}",
            single_quoted(written.trim_end())
        );
        self.error_fix(mark, "script_map", &message, &fix);
    }

    pub(crate) fn duration(&mut self, field: &str, node: &Node) -> Option<u64> {
        let text = match &node.value {
            Value::Text(text) => text.to_string(),
            Value::Int(value) if *value >= 0 => return u64::try_from(*value).ok(),
            _ => {
                self.wrong(field, node, "a duration such as `1h 30m`");
                return None;
            }
        };
        match duration::parse(&text) {
            Ok(seconds) => Some(seconds),
            Err(reason) => {
                let fix = "write for example `90 minutes`, `1h 30m` or `2 weeks`";
                self.error_fix(
                    node.mark,
                    "bad_duration",
                    &format!("`{field}`: {reason}"),
                    fix,
                );
                None
            }
        }
    }

    /// A delay between a second and a week.
    pub(crate) fn start_in(&mut self, field: &str, node: &Node) -> Option<u64> {
        let seconds = self.duration(field, node)?;
        if seconds == 0 || seconds > WEEK_S {
            let message = format!("`{field}` must be between 1 second and 1 week");
            self.error(node.mark, "out_of_range", &message);
        }
        Some(seconds)
    }

    /// One of a closed list of words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        field: &str,
        node: &Node,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let words = || choices.iter().map(|(word, _)| *word).collect::<Vec<_>>();
        let Some(text) = node.text() else {
            self.wrong(field, node, &format!("one of {}", words().join(", ")));
            return None;
        };
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let message = format!("`{field}` cannot be `{text}`");
        let fix = match nearest(text, words().into_iter()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of {}", words().join(", ")),
        };
        self.error_fix(node.mark, "bad_value", &message, &fix);
        None
    }

    /// `variables`; `global` ones may have a description and options.
    pub(crate) fn variables(&mut self, field: &str, node: &Node, global: bool) -> Variables {
        let mut out = Variables::new();
        let Some(map) = self.map(field, node) else {
            return out;
        };
        for (name, entry) in map {
            let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if name.is_empty() || !valid || name.starts_with(|c: char| c.is_ascii_digit()) {
                let message = format!("`{name}` is not a name a shell variable can have");
                self.sink.warn(
                    entry.key,
                    "variable_name",
                    format!("{}{message}", self.prefix()),
                );
            }
            if let Some(value) = self.variable(field, name, &entry.value, global) {
                out.insert(name.to_string(), value);
            }
        }
        out
    }

    fn variable(
        &mut self,
        field: &str,
        name: &str,
        node: &Node,
        global: bool,
    ) -> Option<VariableValue> {
        let path = format!("{field}:{name}");
        let Some(map) = node.map() else {
            return self.variable_text(&path, node).map(|value| VariableValue {
                value,
                expand: true,
            });
        };
        let known: &[&str] = if global {
            &["value", "description", "options", "expand"]
        } else {
            &["value", "expand"]
        };
        let mut value = None;
        let mut expand = true;
        let mut options = None;
        for (key, entry) in map.iter() {
            match &**key {
                "value" => {
                    value = self
                        .variable_text(&path, &entry.value)
                        .map(|v| (v, entry.key))
                }
                "expand" => expand = self.bool(&path, &entry.value).unwrap_or(true),
                "description" if global => {
                    self.text(&path, &entry.value);
                }
                "options" if global => options = Some(self.texts(&path, &entry.value, false)),
                _ => self.unknown(&path, key, entry, known),
            }
        }
        if let Some(options) = options {
            match &value {
                Some((value, mark)) if !options.contains(value) => {
                    let message = format!("`{path}`: the value `{value}` is none of its options");
                    self.error(*mark, "bad_value", &message);
                }
                None => {
                    let message = format!("`{path}` has options and no value");
                    self.error_fix(
                        node.mark,
                        "bad_value",
                        &message,
                        "give it one of them as `value`",
                    );
                }
                Some(_) => {}
            }
        }
        let value = value.map(|(value, _)| value).unwrap_or_default();
        Some(VariableValue { value, expand })
    }

    /// Warns where the written text and the value differ (`0644` is 420).
    pub(crate) fn reads_differently(&mut self, path: &str, node: &Node, text: &str) {
        if let Some(raw) = &node.raw {
            let prefix = self.prefix();
            let message = format!("{prefix}`{path}` is written `{raw}` and reads as `{text}`");
            let fix = format!("quote it: \"{raw}\"");
            self.sink
                .warn_fix(node.mark, "value_reads_differently", message, fix);
        }
    }

    fn variable_text(&mut self, path: &str, node: &Node) -> Option<String> {
        let Some(text) = node.scalar_text() else {
            self.wrong(path, node, "text, a number or a boolean");
            return None;
        };
        self.reads_differently(path, node, &text);
        Some(text.into_owned())
    }
}
