//! Term sheets as trees of values that know where they were written.
//!
//! Read from JSON or YAML text (one reader: YAML 1.2 holds JSON), or made from values of a program.
//! Numbers stay the text they were written in; nothing passes through binary floating point.

use std::collections::HashSet;

use granit_parser::{Event, Marker, Parser, ScalarStyle, StrInput};

use crate::finding::{Finding, Findings, Severity};

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
        if text.len() > MAX_BYTES {
            let en = format!(
                "The text has {} bytes; at most {MAX_BYTES} are read.",
                text.len()
            );
            let zh = format!("文本共 {} 字节，最多读取 {MAX_BYTES} 字节。", text.len());
            return Err(refuse("E-DOC-SIZE", (0, 0), en, zh));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Reader::default().run(text)
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

/// JSON text, with what YAML would not take as it stands (control characters beyond ASCII's first
/// 32, line separators, byte order marks) escaped too.
fn quote(text: &str, out: &mut String) {
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

/// A collection being read.
struct Frame {
    place: (u32, u32),
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        pairs: Vec<(Key, Node)>,
        names: HashSet<String>,
        key: Option<Key>,
    },
}

#[derive(Default)]
struct Reader {
    frames: Vec<Frame>,
    root: Option<Node>,
    count: usize,
}

impl Reader {
    fn run(mut self, text: &str) -> Result<Node, Findings> {
        let options = granit_parser::options! { emit_comments: false };
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str_with_options(text, options);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| {
                let at = place(error.marker());
                let en = format!("This is neither JSON nor YAML from here: {}.", error.info());
                let zh = "此处起不是合法的 JSON 或 YAML。".to_owned();
                refuse("E-DOC-SYNTAX", at, en, zh)
            })?;
            self.event(event, place(&span.start))?;
        }
        self.root.ok_or_else(|| {
            let en = "The document is empty; a term sheet is an object of named values.";
            refuse("E-DOC-EMPTY", (1, 1), en.into(), "文档为空。".into())
        })
    }

    fn event(&mut self, event: Event<'_>, at: (u32, u32)) -> Result<(), Findings> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain_only(anchor, tag.is_some(), at)?;
                let value = if style == ScalarStyle::Plain {
                    plain(&text)
                } else {
                    Value::Text(text.into_owned())
                };
                self.add(value, at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                plain_only(anchor, tag.is_some(), at)?;
                self.open(Content::List(Vec::new()), at)
            }
            Event::MappingStart(_, anchor, tag) => {
                plain_only(anchor, tag.is_some(), at)?;
                let (pairs, names) = (Vec::new(), HashSet::new());
                self.open(
                    Content::Map {
                        pairs,
                        names,
                        key: None,
                    },
                    at,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.frames.pop() else {
                    return Ok(());
                };
                let value = match frame.content {
                    Content::List(items) => Value::List(items),
                    Content::Map { pairs, .. } => Value::Map(pairs),
                };
                self.add(value, frame.place)
            }
            Event::Alias(_) => plain_only(1, false, at),
            _ => Ok(()),
        }
    }

    fn open(&mut self, content: Content, place: (u32, u32)) -> Result<(), Findings> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(too_deep(place));
        }
        self.frames.push(Frame { place, content });
        Ok(())
    }

    fn add(&mut self, value: Value, at: (u32, u32)) -> Result<(), Findings> {
        self.count += 1;
        if self.count > MAX_NODES {
            return Err(too_many(at));
        }
        let node = Node {
            value,
            line: at.0,
            column: at.1,
        };
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None if self.root.is_some() => {
                let en = "A second document begins here; a text holds one term sheet.";
                Err(refuse(
                    "E-DOC-MANY",
                    at,
                    en.into(),
                    "一个文本只能有一份条款。".into(),
                ))
            }
            None => {
                self.root = Some(node);
                Ok(())
            }
            Some(Content::List(items)) => {
                items.push(node);
                Ok(())
            }
            Some(Content::Map { pairs, names, key }) => match key.take() {
                Some(key) => {
                    pairs.push((key, node));
                    Ok(())
                }
                None => {
                    *key = Some(name_of(node, names, at)?);
                    Ok(())
                }
            },
        }
    }
}

fn name_of(node: Node, names: &mut HashSet<String>, at: (u32, u32)) -> Result<Key, Findings> {
    let name = match node.value {
        Value::Text(text) | Value::Number(text) => text,
        Value::Bool(value) => value.to_string(),
        Value::Null => "null".to_owned(),
        Value::List(_) | Value::Map(_) => {
            let en = "A name must be text here, not a list or an object.";
            return Err(refuse("E-DOC-KEY", at, en.into(), "键必须是文本。".into()));
        }
    };
    if !names.insert(name.clone()) {
        let en = format!("{name:?} is given twice in the same object. Keep one of them.");
        let zh = format!("同一对象中重复出现 {name:?}，请只保留一个。");
        return Err(refuse("E-DOC-DUPLICATE", at, en, zh));
    }
    Ok(Key {
        name,
        line: at.0,
        column: at.1,
    })
}

/// Refuses what plain data does not need and what lets a small text stand for a large one.
fn plain_only(anchor: usize, tagged: bool, at: (u32, u32)) -> Result<(), Findings> {
    if anchor == 0 && !tagged {
        return Ok(());
    }
    let en = "Anchors, aliases and tags are not read in term sheets. Write the value out.";
    Err(refuse(
        "E-DOC-ALIAS",
        at,
        en.into(),
        "条款中不支持锚点、别名和标签，请直接写出值。".into(),
    ))
}

fn place(marker: &Marker) -> (u32, u32) {
    let clip = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (clip(marker.line()), clip(marker.col().saturating_add(1)))
}

/// A bare word: JSON's null, booleans and numbers; all else is text (`2026-03-09`, `14.7%`, `no`).
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

/// Whether a text is a JSON number (a leading `+` is let pass).
fn is_number(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let (whole, part) = match mantissa.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (mantissa, None),
    };
    digits(whole)
        && part.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
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
