//! Documents whose scalars are kept as they are written, so that they may be wrong.

use serde_json::Value;

use crate::dice::Dice;

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// Written as it is: a number, `null`, or what is none of JSON's words.
    Raw(String),
    /// Written in quotes.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// Names and values; a name may come twice.
    Map(Vec<(String, Tree)>),
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(map) => Self::Map(
                map.iter()
                    .map(|(name, value)| (name.clone(), Self::from(value)))
                    .collect(),
            ),
            other => Self::Raw(other.to_string()),
        }
    }
}

impl Tree {
    /// How many values there are, this one included.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + match self {
            Self::Raw(_) | Self::Text(_) => 0,
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Map(pairs) => pairs.iter().map(|(_, value)| value.size()).sum(),
        }
    }

    /// The value of a number, counted from the root (0) downwards.
    pub fn at(&mut self, number: usize) -> &mut Self {
        if number == 0 {
            return self;
        }
        let mut left = number - 1;
        let sizes: Vec<usize> = match self {
            Self::Raw(_) | Self::Text(_) => Vec::new(),
            Self::List(items) => items.iter().map(Self::size).collect(),
            Self::Map(pairs) => pairs.iter().map(|(_, value)| value.size()).collect(),
        };
        let mut child = 0;
        while child < sizes.len() && left >= sizes[child] {
            left -= sizes[child];
            child += 1;
        }
        if child >= sizes.len() {
            return self;
        }
        match self {
            Self::List(items) => items[child].at(left),
            Self::Map(pairs) => pairs[child].1.at(left),
            Self::Raw(_) | Self::Text(_) => self,
        }
    }

    /// As JSON, or nearly.
    #[must_use]
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Raw(raw) => out.push_str(raw),
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Self::Map(pairs) => {
                out.push('{');
                for (n, (name, value)) in pairs.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    out.push_str(&quoted(name));
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }

    /// As YAML in blocks; texts lose their quotes now and then, where that may change what they are.
    #[must_use]
    pub fn yaml(&self, dice: &mut Dice) -> String {
        let mut out = String::new();
        self.write_yaml(0, dice, &mut out);
        out.push('\n');
        out
    }

    fn write_yaml(&self, depth: usize, dice: &mut Dice, out: &mut String) {
        let indent = "  ".repeat(depth);
        match self {
            Self::Raw(raw) => out.push_str(raw),
            Self::Text(text) if dice.one_in(3) && !text.contains('\n') => out.push_str(text),
            Self::Text(text) => out.push_str(&quoted(text)),
            _ if depth > 0 && dice.one_in(4) => self.write_json(out),
            Self::List(items) if items.is_empty() => out.push_str("[]"),
            Self::Map(pairs) if pairs.is_empty() => out.push_str("{}"),
            Self::List(items) => {
                for item in items {
                    out.push_str(&format!("\n{indent}- "));
                    item.write_yaml(depth + 1, dice, out);
                }
            }
            Self::Map(pairs) => {
                for (name, value) in pairs {
                    let name = if dice.one_in(8) {
                        name.clone()
                    } else {
                        quoted(name)
                    };
                    out.push_str(&format!("\n{indent}{name}: "));
                    value.write_yaml(depth + 1, dice, out);
                }
            }
        }
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}
