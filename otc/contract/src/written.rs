//! Nodes as a source of values for `serde`, without a JSON value in between.

use serde::Deserializer;
use serde::de::value::{Error as Unreadable, MapDeserializer, SeqDeserializer};
use serde::de::{IntoDeserializer, Visitor};

use crate::document::{Node, Value};

/// A node as other crates read it: numbers stay text, which they take as well.
pub(crate) struct Written<'a> {
    pub(crate) node: &'a Node,
    /// A name that is passed over on this level.
    pub(crate) leave: &'static str,
}

impl<'a> From<&'a Node> for Written<'a> {
    fn from(node: &'a Node) -> Self {
        Self { node, leave: "" }
    }
}

impl<'a> IntoDeserializer<'a, Unreadable> for Written<'a> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Written<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(text) | Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => {
                let mut items = SeqDeserializer::new(items.iter().map(Written::from));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Map(pairs) => {
                let pairs = pairs.iter().filter(|(key, _)| key.name != self.leave);
                let pairs = pairs.map(|(key, node)| (key.name.as_str(), Written::from(node)));
                let mut pairs = MapDeserializer::new(pairs);
                let value = visitor.visit_map(&mut pairs)?;
                pairs.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
