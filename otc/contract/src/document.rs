//! Term sheets as trees of values that know where they were written.
//!
//! Read from JSON or YAML text by the house's reader, or made from values of a program. Numbers stay
//! the text they were written in; nothing passes through binary floating point.

use rialto_document::{Limits, Place, ReadDocumentError, ReadDocumentFault, Value as Part, quote};

use crate::finding::{Finding, Findings, MAX_FINDINGS, Severity};

/// Longest text that is read, bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Deepest nesting that is read.
pub const MAX_DEPTH: usize = 64;
/// Most values that are read.
pub const MAX_NODES: usize = 400_000;

/// A value and where it stands.
///
/// Two nodes are equal when their values are, wherever they stand; a number equals the same text
/// in quotes, because either may be written (specification, section 5).
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Line, from 1; 0 when the value was not read from text.
    pub line: u32,
    /// Column in characters, from 1; 0 when the value was not read from text.
    pub column: u32,
}

/// A value of a term sheet.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Named values, in written order, each name once.
    Map(Vec<(Key, Node)>),
}

/// The name of a value in a map.
#[derive(Debug, Clone)]
pub struct Key {
    /// The name.
    pub name: String,
    /// Line, from 1; 0 when not read from text.
    pub line: u32,
    /// Column in characters, from 1; 0 when not read from text.
    pub column: u32,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a) | Self::Text(a), Self::Number(b) | Self::Text(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => {
                let sorted = |pairs: &'_ [(Key, Node)]| -> Vec<usize> {
                    let mut order: Vec<usize> = (0..pairs.len()).collect();
                    order.sort_by(|x, y| pairs[*x].0.name.cmp(&pairs[*y].0.name));
                    order
                };
                let pairs = sorted(a).into_iter().zip(sorted(b));
                a.len() == b.len()
                    && pairs
                        .into_iter()
                        .all(|(x, y)| a[x].0.name == b[y].0.name && a[x].1 == b[y].1)
            }
            _ => false,
        }
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Self {
            value,
            line: 0,
            column: 0,
        }
    }
}

impl Node {
    /// A text that stands nowhere.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Value::Text(text.into()).into()
    }

    /// A map that stands nowhere, from pairs whose names are distinct.
    #[must_use]
    pub fn map<'k>(pairs: impl IntoIterator<Item = (&'k str, Node)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, node)| (Key::new(name), node));
        Value::Map(pairs.collect()).into()
    }

    /// A list that stands nowhere.
    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Node>) -> Self {
        Value::List(items.into_iter().collect()).into()
    }

    /// The named value of a map; `None` when absent or when this is no map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        let Value::Map(pairs) = &self.value else {
            return None;
        };
        pairs
            .iter()
            .find(|(key, _)| key.name == name)
            .map(|(_, node)| node)
    }

    /// Text of a number or a text.
    #[must_use]
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Number(text) | Value::Text(text) => Some(text),
            _ => None,
        }
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

    /// The value as it would be written in JSON, cut short: for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        let full = match &self.value {
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(pairs) => format!("an object of {}", pairs.len()),
            Value::Number(text) => text.clone(),
            _ => self.to_json(),
        };
        if full.chars().count() <= 60 {
            return full;
        }
        let mut cut: String = full.chars().take(57).collect();
        cut.push('…');
        cut
    }

    /// Canonical JSON: names sorted, no blanks, numbers as text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write(self, &mut out);
        out
    }

    /// Reads JSON or YAML.
    ///
    /// # Errors
    /// Findings with codes `E-DOC-…`: not well formed, larger or deeper than the limits, a name
    /// given twice, anchors, aliases or tags, more than one document.
    pub fn from_text(text: &str) -> Result<Self, Findings> {
        let limits = Limits {
            bytes: MAX_BYTES,
            depth: MAX_DEPTH,
            nodes: MAX_NODES,
            aliases: false,
            numbers_as_written: true,
        };
        let read = rialto_document::read(text, &limits);
        read.map(Self::from).map_err(refused)
    }

    /// From a value of a program; nothing has a place then.
    ///
    /// # Errors
    /// `E-DOC-DEPTH` or `E-DOC-SIZE` when it is deeper or larger than the limits.
    pub fn from_value(value: &serde_json::Value) -> Result<Self, Findings> {
        let mut count = 0;
        convert(value, 0, &mut count)
    }
}

impl Key {
    /// A name that stands nowhere.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            line: 0,
            column: 0,
        }
    }
}

fn refuse(code: &'static str, (line, column): (u32, u32), en: String, zh: String) -> Findings {
    let pointer = String::new();
    let severity = Severity::Error;
    Findings::from(vec![Finding {
        code,
        severity,
        pointer,
        line,
        column,
        value: None,
        en,
        zh,
    }])
}

fn too_deep(place: (u32, u32)) -> Findings {
    let en = format!("Values are nested more than {MAX_DEPTH} deep here. Flatten them.");
    refuse(
        "E-DOC-DEPTH",
        place,
        en,
        format!("嵌套超过 {MAX_DEPTH} 层，请减少层级。"),
    )
}

fn too_many(place: (u32, u32)) -> Findings {
    let en = format!("The document has more than {MAX_NODES} values. Split it.");
    refuse(
        "E-DOC-SIZE",
        place,
        en,
        format!("文档超过 {MAX_NODES} 个值，请拆分。"),
    )
}

fn convert(json: &serde_json::Value, depth: usize, count: &mut usize) -> Result<Node, Findings> {
    *count += 1;
    if depth > MAX_DEPTH {
        return Err(too_deep((0, 0)));
    }
    if *count > MAX_NODES {
        return Err(too_many((0, 0)));
    }
    let value = match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Number(number.to_string()),
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => {
            let items = items.iter().map(|item| convert(item, depth + 1, count));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(map) => {
            let pairs = map.iter().map(|(name, item)| {
                Ok((Key::new(name.as_str()), convert(item, depth + 1, count)?))
            });
            Value::Map(pairs.collect::<Result<_, Findings>>()?)
        }
    };
    Ok(value.into())
}

fn write(node: &Node, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(text) | Value::Text(text) => quote(text, out),
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
        Value::Map(pairs) => {
            let mut sorted: Vec<_> = pairs.iter().collect();
            sorted.sort_by(|a, b| a.0.name.cmp(&b.0.name));
            out.push('{');
            for (n, (key, item)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                quote(&key.name, out);
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
    }
}

impl From<rialto_document::Node> for Node {
    fn from(read: rialto_document::Node) -> Self {
        let value = match read.value {
            Part::Null => Value::Null,
            Part::Bool(value) => Value::Bool(value),
            Part::Number(text) => Value::Number(text.into()),
            Part::Text(text) => Value::Text(text.into()),
            Part::List(items) => Value::List(items.into_iter().map(Self::from).collect()),
            Part::Map(map) => {
                let pairs = map.into_iter().map(|(name, member)| {
                    let Place { line, column } = member.place;
                    let name = name.into();
                    (Key { name, line, column }, Self::from(member.node))
                });
                Value::Map(pairs.collect())
            }
        };
        let Place { line, column } = read.place;
        Self {
            value,
            line,
            column,
        }
    }
}

/// What the reader says, as findings.
fn refused(error: ReadDocumentError) -> Findings {
    let at = (error.place.line, error.place.column);
    let (code, en, zh) = match error.fault {
        ReadDocumentFault::Duplicate(names) => {
            let findings = names.into_iter().take(MAX_FINDINGS).map(|name| {
                let (en, zh) = twice(&name.pointer);
                Finding {
                    code: "E-DOC-DUPLICATE",
                    severity: Severity::Error,
                    pointer: name.pointer,
                    line: name.place.line,
                    column: name.place.column,
                    value: None,
                    en,
                    zh,
                }
            });
            return findings.collect::<Vec<_>>().into();
        }
        ReadDocumentFault::TooDeep(_) => return too_deep(at),
        ReadDocumentFault::TooMany(_) => return too_many(at),
        ReadDocumentFault::TooLong(bytes, most) => (
            "E-DOC-SIZE",
            format!("The text has {bytes} bytes; at most {most} are read."),
            format!("文本共 {bytes} 字节，最多读取 {most} 字节。"),
        ),
        ReadDocumentFault::Empty => (
            "E-DOC-EMPTY",
            "The document is empty; a term sheet is an object of named values.".into(),
            "文档为空。".into(),
        ),
        ReadDocumentFault::Many => (
            "E-DOC-MANY",
            "A second document begins here; a text holds one term sheet.".into(),
            "一个文本只能有一份条款。".into(),
        ),
        ReadDocumentFault::Name => (
            "E-DOC-KEY",
            "A name must be text here, not a list or an object.".into(),
            "键必须是文本。".into(),
        ),
        // What lets a small text stand for a large one, and what plain data does not need.
        ReadDocumentFault::NotPlain
        | ReadDocumentFault::AliasBudget(_)
        | ReadDocumentFault::EndlessAlias
        | ReadDocumentFault::Merge(_) => (
            "E-DOC-ALIAS",
            "Anchors, aliases and tags are not read in term sheets. Write the value out.".into(),
            "条款中不支持锚点、别名和标签，请直接写出值。".into(),
        ),
        ReadDocumentFault::Syntax(what) => (
            "E-DOC-SYNTAX",
            format!("This is neither JSON nor YAML from here: {what}."),
            format!("此处起不是合法的 JSON 或 YAML（{what}）；请检查引号、逗号、括号和缩进。"),
        ),
    };
    refuse(code, at, en, zh)
}

/// What is told of a name that an object has twice, in English and Chinese.
#[must_use]
pub fn twice(pointer: &str) -> (String, String) {
    (
        format!(
            "{pointer} is given twice: a name stands once in its object, or it is unclear which \
             value counts. Keep one of them."
        ),
        format!(
            "{pointer} 重复出现：同一对象中每个名称只能出现一次，否则无法判断以哪个值为准。请只保留一个。"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Node::from_text(text)
            .expect_err("refused")
            .iter()
            .next()
            .expect("one")
            .code
    }

    #[test]
    fn json_and_yaml_of_the_same_values_are_equal() {
        let json = Node::from_text(r#"{"a": [1, "14.7%", true, null], "b": {"c": "x"}}"#);
        let yaml = Node::from_text("b:\n  c: x\na:\n- 1\n- 14.7%\n- true\n- ~\n");
        assert_eq!(json.expect("json"), yaml.expect("yaml"));
    }

    #[test]
    fn numbers_keep_their_text() {
        let node = Node::from_text(r#"{"n": 0.10000000000000000001}"#).expect("reads");
        assert_eq!(
            node.get("n").and_then(Node::scalar),
            Some("0.10000000000000000001")
        );
    }

    #[test]
    fn every_value_knows_its_line_and_column() {
        let node = Node::from_text("{\n  \"a\": {\"b\": 7}}").expect("reads");
        let seven = node.get("a").and_then(|a| a.get("b")).expect("there");
        assert_eq!((seven.line, seven.column), (2, 14));
    }

    #[test]
    fn what_is_not_plain_data_is_refused_by_name() {
        assert_eq!(code("a: &x 1\nb: *x\n"), "E-DOC-ALIAS");
        assert_eq!(code(r#"{"a": 1, "a": 2}"#), "E-DOC-DUPLICATE");
        assert_eq!(code(""), "E-DOC-EMPTY");
        assert_eq!(code("{\"a\": "), "E-DOC-SYNTAX");
        assert_eq!(code("a: 1\n---\nb: 2\n"), "E-DOC-MANY");
        assert_eq!(
            code(&format!("{}{}", "[".repeat(70), "]".repeat(70))),
            "E-DOC-DEPTH"
        );
    }

    #[test]
    fn names_given_twice_are_told_all_at_once_by_pointer_and_place() {
        let text = "{\"a\": [{\"x\": 1}, {\"x\": 1,\n \"x\": 2}],\n \"b/c\": {\"~\": {}, \"~\": []},\n \"a\": 3}";
        let found = Node::from_text(text).expect_err("refused");
        let told: Vec<_> = found
            .iter()
            .map(|finding| (finding.pointer.as_str(), finding.line, finding.column))
            .collect();
        assert_eq!(told, [("/a/1/x", 2, 2), ("/b~1c/~0", 3, 19), ("/a", 4, 2)]);
        for finding in &found {
            assert_eq!(finding.code, "E-DOC-DUPLICATE");
            assert!(finding.en.contains(&finding.pointer), "{}", finding.en);
            assert!(finding.zh.contains(&finding.pointer), "{}", finding.zh);
        }
        let escaped = Node::from_text(r#"{"ab": 1, "\u0061b": 2}"#).expect_err("the same name");
        assert_eq!(
            escaped.iter().next().map(|f| f.pointer.as_str()),
            Some("/ab")
        );
        Node::from_text(r#"{"a": {"x": 1}, "b": {"x": 1}}"#).expect("two objects, one name each");
    }

    #[test]
    fn escapes_of_json_are_read() {
        let node = Node::from_text(r#"["\u4e2d\/\n", "\ud83d\ude00"]"#).expect("reads");
        assert_eq!(node, Node::list([Node::text("中/\n"), Node::text("😀")]));
    }

    #[test]
    fn canonical_text_sorts_names_and_quotes_numbers() {
        let node = Node::from_text(r#"{"b": 1.50, "a": ["x"]}"#).expect("reads");
        assert_eq!(node.to_json(), r#"{"a":["x"],"b":"1.50"}"#);
    }
}
