//! Canonical JSON.

use crate::node::{Node, Place, Value};

impl Node {
    /// JSON with sorted names, no blanks, and numbers as they were written.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write(self, &mut out);
        out
    }

    /// The same as a value of `serde_json`; a number outside of 64 bits becomes its nearest double.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(text) => serde_json::from_str(text).unwrap_or(Json::Null),
            Value::Text(text) => Json::String(text.to_string()),
            Value::List(items) => items.iter().map(Node::to_value).collect(),
            Value::Map(map) => map
                .iter()
                .map(|(name, member)| (name.to_string(), member.node.to_value()))
                .collect(),
        }
    }

    /// A tree from a value of `serde_json`; nothing in it has a place.
    #[must_use]
    pub fn from_value(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Value::Null.into(),
            Json::Bool(value) => Value::Bool(*value).into(),
            Json::Number(number) => Value::Number(number.to_string().into()).into(),
            Json::String(text) => Value::Text(text.as_str().into()).into(),
            Json::Array(items) => items.iter().map(Node::from_value).collect(),
            Json::Object(map) => map
                .iter()
                .map(|(name, value)| (name.as_str(), Node::from_value(value)))
                .collect(),
        }
    }

    /// The same tree with every place forgotten.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        forget(&mut self);
        self
    }
}

fn forget(node: &mut Node) {
    node.place = Place::default();
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(forget),
        Value::Map(map) => {
            for member in map.values_mut() {
                member.place = Place::default();
                forget(&mut member.node);
            }
        }
        _ => {}
    }
}

fn write(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) => out.push_str(text),
        Value::Text(text) => quote(text, out),
        Value::List(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut sorted: Vec<_> = map.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (n, (name, member)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                quote(name, out);
                out.push(':');
                write(&member.node, out);
            }
            out.push('}');
        }
    }
}

/// Writes a JSON text, with what YAML would not take as it stands (DEL and C1 controls, line
/// separators, byte order marks) escaped too.
pub fn quote(text: &str, out: &mut String) {
    // As a rule there is nothing to escape.
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    for part in serde_json::Value::from(text).to_string().chars() {
        match part {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(part)));
            }
            _ => out.push(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{Limits, Node, Value, read};

    fn any_node() -> impl Strategy<Value = Node> {
        let leaf = prop_oneof![
            Just(Node::from(Value::Null)),
            any::<bool>().prop_map(Node::from),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
                .prop_map(|text| Value::Number(text.into()).into()),
            any::<String>().prop_map(|text| Value::Text(text.into()).into()),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6)
                    .prop_map(|items| items.into_iter().collect()),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| {
                    map.iter()
                        .map(|(name, node)| (name.as_str(), node.clone()))
                        .collect()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(node in any_node()) {
            let text = node.to_json();
            let again = read(&text, &Limits::default()).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(&again, &node);
            prop_assert_eq!(again.without_places().to_json(), text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = read(&text, &Limits::default());
        }
    }
}
