//! A faithful reader of YAML as the pipeline language uses it: YAML 1.1 scalars, anchors, merge
//! keys and tags, on top of the events of `granit-parser`.
//!
//! The tree keeps the place of every key and value, and for scalars whose value differs from the
//! written text, the text.

#[cfg(test)]
mod psych_tests;
mod reader;
mod scalar;
mod writer;

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::IndexMap;

pub(crate) use reader::{MAX_FILE_BYTES, read, single_quoted, too_large};
pub use scalar::{Scalar, tokenize};
pub(crate) use writer::write;

/// A place in a file: number of the file, 1-based line and column (in characters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Mark {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) mark: Mark,
    /// The written text, kept when it differs from the value (`0644` is 420).
    pub(crate) raw: Option<Arc<str>>,
}

/// A YAML value. Collections are shared, so an alias costs nothing.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    List(Arc<Vec<Node>>),
    Map(Arc<Map>),
    /// `!reference [job, key, …]`, not yet resolved.
    Reference(Arc<Vec<Node>>),
}

/// A mapping in written order; the last of equal keys wins.
pub(crate) type Map = IndexMap<Arc<str>, Entry>;

/// A value of a [`Map`] and the place of its key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Mark,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn new(value: Value, mark: Mark) -> Self {
        Self {
            value,
            mark,
            raw: None,
        }
    }

    pub(crate) fn map(&self) -> Option<&Arc<Map>> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&Arc<Vec<Node>>> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The text a scalar becomes where text is wanted, the way Ruby writes it; `None` for
    /// collections. Null is empty.
    pub(crate) fn scalar_text(&self) -> Option<Cow<'_, str>> {
        Some(match &self.value {
            Value::Null => Cow::Borrowed(""),
            Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::Float(value) => Cow::Owned(scalar::float_text(*value)),
            Value::Text(text) => Cow::Borrowed(text),
            Value::List(_) | Value::Map(_) | Value::Reference(_) => return None,
        })
    }

    /// What the value is, in words for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "empty",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Reference(_) => "a reference",
        }
    }
}
