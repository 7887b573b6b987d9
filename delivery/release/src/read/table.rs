//! A table being read: typed access to its keys, each mistake noted with its place.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::duration::parse_duration_ms;
use crate::message::nearest;
use crate::size::parse_size;

/// Collects errors by byte offset.
pub(super) struct Sink<'a> {
    file: &'a str,
    text: &'a str,
    errors: RefCell<Vec<(usize, String)>>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            errors: RefCell::new(Vec::new()),
        }
    }

    pub(super) fn error(&self, at: usize, message: String) {
        self.errors.borrow_mut().push((at, message));
    }

    pub(super) fn into_parts(self) -> (&'a str, &'a str, Vec<(usize, String)>) {
        (self.file, self.text, self.errors.into_inner())
    }
}

/// One table of the file.
pub(super) struct Section<'a> {
    pub(super) sink: &'a Sink<'a>,
    /// Dotted path, empty for the root.
    pub(super) path: String,
    table: &'a DeTable<'a>,
    /// Where the table starts, for errors about what it lacks.
    pub(super) at: usize,
}

/// A value with its place.
#[derive(Clone, Copy)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

impl<'a> Section<'a> {
    pub(super) fn new(sink: &'a Sink<'a>, path: &str, table: &'a DeTable<'a>, at: usize) -> Self {
        Self {
            sink,
            path: path.to_owned(),
            table,
            at,
        }
    }

    fn dotted(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Refuses keys that are not in `known`.
    pub(super) fn only(&self, known: &[&str]) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let place = if self.path.is_empty() {
                "at the top level".to_owned()
            } else {
                format!("in [{}]", self.path)
            };
            let hint = nearest(name, known).map_or_else(
                || format!("known keys are {}", known.join(", ")),
                |near| format!("did you mean \"{near}\"?"),
            );
            self.sink.error(
                key.span().start,
                format!("unknown key \"{name}\" {place}; {hint}"),
            );
        }
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    fn mismatch(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        self.sink.error(
            value.span().start,
            format!(
                "\"{}\" must be {wanted}, not {}",
                self.dotted(key),
                article(value.get_ref().type_str())
            ),
        );
    }

    /// A table under `key`.
    pub(super) fn section(&self, key: &str) -> Option<Section<'a>> {
        let value = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.mismatch(key, value, "a table");
            return None;
        };
        Some(Section::new(
            self.sink,
            &self.dotted(key),
            table,
            value.span().start,
        ))
    }

    /// Tables under this one, in file order, with the place of their names.
    pub(super) fn named_sections(&self) -> Vec<(Placed<&'a str>, Section<'a>)> {
        let mut found = Vec::new();
        for (key, value) in self.table {
            let name: &'a str = key.get_ref();
            match value.get_ref().as_table() {
                Some(table) => found.push((
                    Placed {
                        value: name,
                        at: key.span().start,
                    },
                    Section::new(self.sink, &self.dotted(name), table, key.span().start),
                )),
                None => self.mismatch(name, value, "a table"),
            }
        }
        found.sort_by_key(|(name, _)| name.at);
        found
    }

    /// Notes that a required key is missing.
    pub(super) fn missing(&self, key: &str, example: &str) {
        let table = if self.path.is_empty() {
            String::new()
        } else {
            format!(" in [{}]", self.path)
        };
        self.sink.error(
            self.at,
            format!("\"{key}\" is missing{table}; write for example {example}"),
        );
    }

    pub(super) fn string(&self, key: &str) -> Option<Placed<&'a str>> {
        let value = self.get(key)?;
        let found = value.get_ref().as_str();
        if found.is_none() {
            self.mismatch(key, value, "a text in quotes");
        }
        found.map(|text| Placed {
            value: text,
            at: value.span().start,
        })
    }

    /// A duration in milliseconds between `least` and `most`, `default` when absent.
    pub(super) fn duration(&self, key: &str, least: u64, most: u64, default: u64) -> u64 {
        let Some(value) = self.get(key) else {
            return default;
        };
        let Some(text) = value.get_ref().as_str() else {
            self.mismatch(
                key,
                value,
                "a duration in quotes with a unit, such as \"20s\"",
            );
            return default;
        };
        let at = value.span().start;
        match parse_duration_ms(text) {
            Ok(ms) if (least..=most).contains(&ms) => ms,
            Ok(_) => {
                self.sink.error(
                    at,
                    format!(
                        "\"{}\" is \"{text}\", allowed are {} to {}",
                        self.dotted(key),
                        in_words(least),
                        in_words(most)
                    ),
                );
                default
            }
            Err(message) => {
                self.sink
                    .error(at, format!("\"{}\": {message}", self.dotted(key)));
                default
            }
        }
    }

    /// Whether the key is there.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A size in bytes of at least `least`; `None` when absent or refused.
    pub(super) fn size(&self, key: &str, least: u64) -> Option<u64> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.mismatch(
                key,
                value,
                "a size in quotes with a unit, such as \"512MiB\"",
            );
            return None;
        };
        let refused = |why: String| {
            let message = format!("\"{}\": {why}", self.dotted(key));
            self.sink.error(value.span().start, message);
        };
        match parse_size(text) {
            Ok(bytes) if bytes >= least => return Some(bytes),
            Ok(bytes) => refused(format!("\"{text}\" is {bytes} bytes, the least is {least}")),
            Err(why) => refused(why),
        }
        None
    }

    /// A whole number in a range, `default` when absent.
    pub(super) fn number(&self, key: &str, least: u32, most: u32, default: u32) -> u32 {
        let Some(value) = self.get(key) else {
            return default;
        };
        let Some(integer) = value.get_ref().as_integer() else {
            self.mismatch(key, value, "a whole number");
            return default;
        };
        match u32::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if (least..=most).contains(&number) => number,
            _ => {
                self.sink.error(
                    value.span().start,
                    format!(
                        "\"{}\" is {integer}, allowed are {least} to {most}",
                        self.dotted(key)
                    ),
                );
                default
            }
        }
    }

    /// A list of texts.
    pub(super) fn strings(&self, key: &str) -> Option<Vec<Placed<&'a str>>> {
        let value = self.get(key)?;
        let Some(array) = value.get_ref().as_array() else {
            self.mismatch(key, value, "a list of texts");
            return None;
        };
        let mut found = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => found.push(Placed {
                    value: text,
                    at: item.span().start,
                }),
                None => self.mismatch(key, item, "a list of texts"),
            }
        }
        Some(found)
    }

    /// Key and text of every entry, in name order.
    pub(super) fn text_entries(&self) -> Vec<(Placed<&'a str>, Placed<&'a str>)> {
        let mut found = Vec::new();
        for (key, value) in self.table {
            let name: &'a str = key.get_ref();
            match value.get_ref().as_str() {
                Some(text) => found.push((
                    Placed {
                        value: name,
                        at: key.span().start,
                    },
                    Placed {
                        value: text,
                        at: value.span().start,
                    },
                )),
                None => self.mismatch(name, value, "a text in quotes"),
            }
        }
        found
    }

    /// Place of the first key, if the table holds any.
    pub(super) fn first_key(&self) -> Option<usize> {
        self.table.keys().map(|key| key.span().start).min()
    }
}

fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// Milliseconds in the largest unit that divides them.
fn in_words(ms: u64) -> String {
    for (unit, factor) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ] {
        if ms >= factor && ms.is_multiple_of(factor) {
            return format!("{}{unit}", ms / factor);
        }
    }
    format!("{ms}ms")
}
