//! The tree.

use indexmap::IndexMap;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// Line, from 1; 0 when the value was not read from a text.
    pub line: u32,
    /// Column in characters, from 1; 0 when the value was not read from a text.
    pub column: u32,
}

/// A value and where it stands. Equal values are equal wherever they stand.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub place: Place,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number in JSON's notation, as written.
    Number(Box<str>),
    /// Text.
    Text(Box<str>),
    /// A list.
    List(Vec<Node>),
    /// Named values in written order.
    Map(Map),
}

/// The named values of an object, in written order.
pub type Map = IndexMap<Box<str>, Member>;

/// A value of an object and the place of its name.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where the name begins.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Self {
            value,
            place: Place::default(),
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Value::Text(text.into()).into()
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Value::Bool(value).into()
    }
}

impl FromIterator<Node> for Node {
    fn from_iter<T: IntoIterator<Item = Node>>(items: T) -> Self {
        Value::List(items.into_iter().collect()).into()
    }
}

impl<'k> FromIterator<(&'k str, Node)> for Node {
    fn from_iter<T: IntoIterator<Item = (&'k str, Node)>>(pairs: T) -> Self {
        let mut map = Map::new();
        for (name, node) in pairs {
            let place = Place::default();
            map.insert(name.into(), Member { place, node });
        }
        Value::Map(map).into()
    }
}

impl Node {
    /// The object, if it is one.
    #[must_use]
    pub fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The object, if it is one.
    #[must_use]
    pub fn map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    #[must_use]
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number as written, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<&str> {
        match &self.value {
            Value::Number(text) => Some(text),
            _ => None,
        }
    }

    /// True or false, if it is either.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The named value of an object; `None` when absent or when this is no object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.map()?.get(name).map(|member| &member.node)
    }

    /// The text of a named value.
    #[must_use]
    pub fn get_text(&self, name: &str) -> Option<&str> {
        self.get(name)?.text()
    }

    /// Whether the named value is `true`.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).and_then(Node::bool) == Some(true)
    }

    /// Puts a named value into an object, in place of an older one; does nothing to other values.
    pub fn put(&mut self, name: &str, node: Node) {
        let place = node.place;
        if let Value::Map(map) = &mut self.value {
            map.insert(name.into(), Member { place, node });
        }
    }

    /// Takes a named value out of an object.
    pub fn take(&mut self, name: &str) -> Option<Node> {
        self.map_mut()?.shift_remove(name).map(|member| member.node)
    }

    /// The value a JSON pointer (RFC 6901) names; `""` is the value itself.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Node> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut node = self;
        for step in pointer.strip_prefix('/')?.split('/') {
            let name = step.replace("~1", "/").replace("~0", "~");
            node = match &node.value {
                Value::Map(map) => &map.get(name.as_str())?.node,
                Value::List(items) => {
                    let canonical = name == "0" || !name.starts_with('0');
                    let plain = canonical && name.bytes().all(|b| b.is_ascii_digit());
                    items.get(name.parse::<usize>().ok().filter(|_| plain)?)?
                }
                _ => return None,
            };
        }
        Some(node)
    }

    /// What the value is, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    /// How many values the tree holds, this one included.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Map(map) => 1 + map.values().map(|one| one.node.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

/// A name or an index as a step of a JSON pointer, with the slash before it.
#[must_use]
pub fn pointer_step(name: &str) -> String {
    if name.contains(['~', '/']) {
        return format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    }
    format!("/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, read};

    #[test]
    fn a_pointer_finds_names_with_slashes_and_tildes() {
        let node = read(r#"{"a/b": {"~": [10, 20]}}"#, &Limits::default()).expect("reads");
        let path = ["a/b", "~", "1"].map(pointer_step).concat();
        assert_eq!(path, "/a~1b/~0/1");
        assert_eq!(node.at(&path).and_then(Node::number), Some("20"));
        assert_eq!(node.at("/a~1b/~0/01"), None);
        assert_eq!(node.at("/a~1b/~0/+1"), None);
        assert_eq!(node.at("a"), None);
        assert_eq!(node.at(""), Some(&node));
    }

    #[test]
    fn objects_are_equal_whatever_their_order() {
        let limits = Limits::default();
        let one = read("a: 1\nb: [x]\n", &limits).expect("reads");
        assert_eq!(
            one,
            read(r#"{"b": ["x"], "a": 1}"#, &limits).expect("reads")
        );
        assert_ne!(one, read("a: 1\nb: [y]\n", &limits).expect("reads"));
        assert_eq!(one.size(), 4);
    }
}
