//! The reader.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, StrInput};

use crate::node::{Map, Member, Node, Place, Value, pointer_step};

/// What a reader is ready to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest text, bytes.
    pub bytes: usize,
    /// Deepest nesting.
    pub depth: usize,
    /// Most values, what aliases stand for counted each time.
    pub nodes: usize,
    /// Whether anchors, aliases and merge keys (`<<`) are read. Data that people sign should write
    /// its values out.
    pub aliases: bool,
    /// Whether a number stays as it is written, `000905` and `+1.50` too. Otherwise it is told as
    /// JSON writes it: `905`, `1.50`.
    pub numbers_as_written: bool,
}

impl Default for Limits {
    /// Limits of the specification's importers: 32 MB, 128 deep, 1,000,000 values by aliases. A
    /// document of 32 MB may itself hold more values than that.
    fn default() -> Self {
        Self {
            bytes: 32 * 1024 * 1024,
            depth: 128,
            nodes: 8_000_000,
            aliases: true,
            numbers_as_written: false,
        }
    }
}

/// Most values that aliases may add to a document.
const MAX_ALIASED: usize = 1_000_000;

/// Most names given twice that are told of one text.
const MAX_TWICE: usize = 100;

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {fault}", place.line, place.column)]
pub struct ReadDocumentError {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: ReadDocumentFault,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadDocumentFault {
    /// Neither JSON nor YAML.
    #[error("this is neither JSON nor YAML from here: {0}")]
    Syntax(String),
    /// Longer than the limit.
    #[error("the text has {0} bytes; at most {1} are read")]
    TooLong(usize, usize),
    /// Nested deeper than the limit.
    #[error("values are nested more than {0} deep here; flatten them")]
    TooDeep(usize),
    /// More values than the limit.
    #[error("the document has more than {0} values; split it")]
    TooMany(usize),
    /// Aliases stand for more than the budget.
    #[error("aliases stand for more than {0} values here; write them out or use references")]
    AliasBudget(usize),
    /// An alias, anchor or tag where plain data is asked for.
    #[error("anchors, aliases and tags are not read here; write the value out")]
    NotPlain,
    /// An alias of what it stands in.
    #[error("this alias stands inside of what it names; write the value out")]
    EndlessAlias,
    /// `<<` with something else than an object.
    #[error("`<<` merges an object or a list of objects, this is {0}")]
    Merge(&'static str),
    /// A name that is a list or an object.
    #[error("a name must be text here, not a list or an object")]
    Name,
    /// Names that stand twice in their object: all of the text, in its order.
    #[error("{}", told(.0, "given twice in the same object; keep one of them"))]
    Duplicate(Vec<Twice>),
    /// No value at all.
    #[error("the document is empty")]
    Empty,
    /// More than one document.
    #[error("a second document begins here; a file holds one")]
    Many,
}

/// A name that its object has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twice {
    /// JSON pointer (RFC 6901) of the value.
    pub pointer: String,
    /// Where the name stands again.
    pub place: Place,
}

/// The names with their places; the first one's is told before the message.
fn told(names: &[Twice], what: &str) -> String {
    let name = |(n, twice): (usize, &Twice)| match n {
        0 => twice.pointer.clone(),
        _ => format!(
            "{} ({}:{})",
            twice.pointer, twice.place.line, twice.place.column
        ),
    };
    let names: Vec<String> = names.iter().enumerate().map(name).collect();
    format!("{}: {what}", names.join(", "))
}

impl ReadDocumentFault {
    /// The same in Simplified Chinese.
    #[must_use]
    pub fn zh(&self) -> String {
        match self {
            Self::Syntax(_) => "此处起不是合法的 JSON 或 YAML".into(),
            Self::TooLong(bytes, most) => format!("文本共 {bytes} 字节，最多读取 {most} 字节"),
            Self::TooDeep(most) => format!("嵌套超过 {most} 层，请减少层级"),
            Self::TooMany(most) => format!("文档超过 {most} 个值，请拆分"),
            Self::AliasBudget(most) => {
                format!("别名展开超过 {most} 个值，请直接写出或改用引用")
            }
            Self::NotPlain => "此处不支持锚点、别名和标签，请直接写出值".into(),
            Self::EndlessAlias => "别名指向了包含它自身的值，请直接写出".into(),
            Self::Merge(_) => "`<<` 只能合并对象或对象列表".into(),
            Self::Name => "键必须是文本，不能是列表或对象".into(),
            Self::Duplicate(names) => told(names, "在同一对象中重复出现，请只保留一个"),
            Self::Empty => "文档为空".into(),
            Self::Many => "此处开始第二个文档，一个文件只能有一个文档".into(),
        }
    }
}

/// Reads JSON or YAML.
///
/// # Errors
/// What is wrong and where: [`ReadDocumentFault`].
pub fn read(text: &str, limits: &Limits) -> Result<Node, ReadDocumentError> {
    if text.len() > limits.bytes {
        let fault = ReadDocumentFault::TooLong(text.len(), limits.bytes);
        return Err(fault.at(Place::default()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let reader = Reader {
        limits: *limits,
        frames: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        count: 0,
        aliased: 0,
        twice: Vec::new(),
        bare: false,
    };
    reader.run(text)
}

impl ReadDocumentFault {
    fn at(self, place: Place) -> ReadDocumentError {
        ReadDocumentError { place, fault: self }
    }
}

/// A collection being read.
struct Frame {
    place: Place,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        map: Map,
        name: Option<Name>,
        /// Objects that `<<` brings in, told names winning over them, earlier ones over later.
        merged: Vec<Node>,
    },
}

/// A name whose value is still to come.
struct Name {
    text: Box<str>,
    place: Place,
    /// Whether it is a bare `<<`; in quotes, as JSON has it, that is a name like others.
    merges: bool,
}

struct Reader {
    limits: Limits,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    count: usize,
    aliased: usize,
    twice: Vec<Twice>,
    /// Whether the scalar read last stood without quotes and tag.
    bare: bool,
}

type Step = Result<(), ReadDocumentError>;

impl Reader {
    fn run(mut self, text: &str) -> Result<Node, ReadDocumentError> {
        let options = granit_parser::options! { emit_comments: false };
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str_with_options(text, options);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| {
                let fault = ReadDocumentFault::Syntax(error.info().to_owned());
                fault.at(place(error.marker()))
            })?;
            self.event(event, place(&span.start))?;
        }
        if let Some(first) = self.twice.first() {
            let place = first.place;
            return Err(ReadDocumentFault::Duplicate(self.twice).at(place));
        }
        let start = Place { line: 1, column: 1 };
        self.root.ok_or_else(|| ReadDocumentFault::Empty.at(start))
    }

    fn event(&mut self, event: Event<'_>, at: Place) -> Step {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(anchor != 0 || tag.is_some(), at)?;
                self.bare = style == ScalarStyle::Plain && tag.is_none();
                let value = if self.bare {
                    plain(&text, self.limits.numbers_as_written)
                } else {
                    Value::Text(text.into())
                };
                self.add(value, anchor, at)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_only(anchor != 0 || tag.is_some(), at)?;
                self.open(Content::List(Vec::new()), anchor, at)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_only(anchor != 0 || tag.is_some(), at)?;
                let content = Content::Map {
                    map: Map::new(),
                    name: None,
                    merged: Vec::new(),
                };
                self.open(content, anchor, at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                self.plain_only(true, at)?;
                self.bare = false;
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(ReadDocumentFault::EndlessAlias.at(at));
                };
                let value = node.value.clone();
                let size = node.size();
                self.aliased += size;
                if self.aliased > MAX_ALIASED {
                    return Err(ReadDocumentFault::AliasBudget(MAX_ALIASED).at(at));
                }
                self.count += size;
                self.add(value, 0, at)
            }
            _ => Ok(()),
        }
    }

    fn plain_only(&self, fancy: bool, at: Place) -> Step {
        if fancy && !self.limits.aliases {
            return Err(ReadDocumentFault::NotPlain.at(at));
        }
        Ok(())
    }

    fn open(&mut self, content: Content, anchor: usize, place: Place) -> Step {
        if self.frames.len() >= self.limits.depth {
            return Err(ReadDocumentFault::TooDeep(self.limits.depth).at(place));
        }
        self.frames.push(Frame {
            place,
            anchor,
            content,
        });
        Ok(())
    }

    fn close(&mut self) -> Step {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let value = match frame.content {
            Content::List(items) => Value::List(items),
            Content::Map {
                mut map, merged, ..
            } => {
                for node in merged {
                    let Value::Map(from) = node.value else {
                        continue;
                    };
                    for (name, member) in from {
                        map.entry(name).or_insert(member);
                    }
                }
                Value::Map(map)
            }
        };
        self.add(value, frame.anchor, frame.place)
    }

    fn add(&mut self, value: Value, anchor: usize, at: Place) -> Step {
        self.count += 1;
        if self.count > self.limits.nodes {
            return Err(ReadDocumentFault::TooMany(self.limits.nodes).at(at));
        }
        let node = Node { value, place: at };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None if self.root.is_some() => return Err(ReadDocumentFault::Many.at(at)),
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { map, name, merged }) => match name.take() {
                None => {
                    let text = name_of(node)?;
                    let merges = &*text == "<<" && self.bare && self.limits.aliases;
                    let known = map.contains_key(&text);
                    *name = Some(Name {
                        text,
                        place: at,
                        merges,
                    });
                    if known && !merges && self.twice.len() < MAX_TWICE {
                        let pointer = self.pointer();
                        self.twice.push(Twice { pointer, place: at });
                    }
                }
                Some(name) if name.merges => merged.extend(merge_of(node)?),
                Some(Name { text, place, .. }) => {
                    map.insert(text, Member { place, node });
                }
            },
        }
        Ok(())
    }

    /// JSON pointer of what is being read.
    fn pointer(&self) -> String {
        let step = |frame: &Frame| match &frame.content {
            Content::List(items) => format!("/{}", items.len()),
            Content::Map { name, .. } => name
                .as_ref()
                .map_or_else(String::new, |name| pointer_step(&name.text)),
        };
        self.frames.iter().map(step).collect()
    }
}

/// The objects that a value of `<<` stands for.
fn merge_of(node: Node) -> Result<Vec<Node>, ReadDocumentError> {
    let refused = |node: &Node| ReadDocumentFault::Merge(node.kind()).at(node.place);
    match node.value {
        Value::Map(_) => Ok(vec![node]),
        Value::List(items) => match items.iter().find(|item| item.map().is_none()) {
            Some(other) => Err(refused(other)),
            None => Ok(items),
        },
        _ => Err(refused(&node)),
    }
}

fn name_of(node: Node) -> Result<Box<str>, ReadDocumentError> {
    match node.value {
        Value::Text(text) | Value::Number(text) => Ok(text),
        Value::Bool(value) => Ok(if value { "true" } else { "false" }.into()),
        Value::Null => Ok("null".into()),
        Value::List(_) | Value::Map(_) => Err(ReadDocumentFault::Name.at(node.place)),
    }
}

fn place(marker: &Marker) -> Place {
    let clip = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        line: clip(marker.line()),
        column: clip(marker.col().saturating_add(1)),
    }
}

/// A bare word by YAML 1.2's core schema; numbers that JSON writes otherwise are rewritten, those
/// it cannot write (`.inf`, `.nan`) stay text.
fn plain(text: &str, as_written: bool) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match number(text) {
            Some(_) if as_written => Value::Number(text.into()),
            Some(number) => Value::Number(number),
            None => Value::Text(text.into()),
        },
    }
}

fn number(text: &str) -> Option<Box<str>> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let value = u128::from_str_radix(digits, radix).ok();
            return value
                .filter(|_| !digits.starts_with('+'))
                .map(|n| n.to_string().into());
        }
    }
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => ("-", body),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (body, None),
    };
    let (whole, part) = match mantissa.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (mantissa, None),
    };
    let some = !whole.is_empty() || part.is_some_and(|part| !part.is_empty());
    let power = exponent.map(|e| e.strip_prefix(['-', '+']).unwrap_or(e));
    let fits = some
        && digits(whole)
        && part.is_none_or(digits)
        && power.is_none_or(|e| !e.is_empty() && digits(e));
    if !fits {
        return None;
    }
    let trimmed = whole.trim_start_matches('0');
    let whole_json = if trimmed.is_empty() { "0" } else { trimmed };
    let part_json = part.filter(|part| !part.is_empty());
    let mut out = format!("{sign}{whole_json}");
    if let Some(part) = part_json {
        out.push('.');
        out.push_str(part);
    }
    if exponent.is_some() {
        out.push_str(&body[mantissa.len()..]);
    }
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (ReadDocumentFault, u32, u32) {
        let error = read(text, &Limits::default()).expect_err("refused");
        (error.fault, error.place.line, error.place.column)
    }

    fn json(text: &str) -> String {
        read(text, &Limits::default()).expect("reads").to_json()
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        let yaml = "[~, True, 0x1F, 0o17, 007, +1.50, 1e3, .5, 5., -0, yes, 2026-03-09, 'null', .inf, 1_000]";
        let expected =
            r#"[null,true,31,15,7,1.50,1e3,0.5,5,-0,"yes","2026-03-09","null",".inf","1_000"]"#;
        assert_eq!(json(yaml), expected);
    }

    #[test]
    fn names_that_are_numbers_or_words_are_text() {
        assert_eq!(json("200: ok\ntrue: 1\n"), r#"{"200":"ok","true":1}"#);
    }

    #[test]
    fn aliases_and_merges_are_written_out() {
        let yaml = "base: &b {x: 1, y: 2}\none:\n  <<: *b\n  y: 3\ntwo: *b\n";
        assert_eq!(
            json(yaml),
            r#"{"base":{"x":1,"y":2},"one":{"x":1,"y":3},"two":{"x":1,"y":2}}"#
        );
    }

    #[test]
    fn a_bomb_of_aliases_ends_in_an_error() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..9 {
            let many = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{many}]\n"));
        }
        assert!(matches!(fault(&text).0, ReadDocumentFault::AliasBudget(_)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(fault("").0, ReadDocumentFault::Empty);
        assert_eq!(fault("a: 1\n---\nb: 2\n").0, ReadDocumentFault::Many);
        assert_eq!(fault("a: &x [*x]\n").0, ReadDocumentFault::EndlessAlias);
        assert!(matches!(fault("a: *x\n").0, ReadDocumentFault::Syntax(_)));
        assert_eq!(
            fault("<<: 3\n"),
            (ReadDocumentFault::Merge("a number"), 1, 5)
        );
        assert_eq!(fault("? [a]\n: 1\n").0, ReadDocumentFault::Name);
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(fault(&deep).0, ReadDocumentFault::TooDeep(128));
        assert!(matches!(fault("{\"a\": ").0, ReadDocumentFault::Syntax(_)));
    }

    #[test]
    fn names_given_twice_are_told_all_at_once_by_pointer_and_place() {
        let text = "{\"a\": [{\"x\": 1}, {\"x\": 1,\n \"x\": 2}],\n \"b/c\": {\"~\": {}, \"~\": []},\n \"a\": 3}";
        let (fault, ..) = fault(text);
        let ReadDocumentFault::Duplicate(names) = &fault else {
            panic!("{fault}");
        };
        let told: Vec<_> = names
            .iter()
            .map(|twice| (twice.pointer.as_str(), twice.place.line, twice.place.column))
            .collect();
        assert_eq!(told, [("/a/1/x", 2, 2), ("/b~1c/~0", 3, 19), ("/a", 4, 2)]);
        assert_eq!(
            fault.to_string(),
            "/a/1/x, /b~1c/~0 (3:19), /a (4:2): given twice in the same object; keep one of them"
        );
        assert_eq!(json("<<: {a: 1}\n<<: {b: 2}\n"), r#"{"a":1,"b":2}"#);
        assert_eq!(json(r#"{"<<": {"a": 1}}"#), r#"{"<<":{"a":1}}"#);
        assert_eq!(
            json(r#"{"a": {"x": 1}, "b": {"x": 1}}"#),
            r#"{"a":{"x":1},"b":{"x":1}}"#
        );
        let escaped = read(r#"{"ab": 1, "\u0061b": 2}"#, &Limits::default()).expect_err("twice");
        assert_eq!(escaped.place.column, 11);
    }

    #[test]
    fn numbers_stay_as_written_where_that_is_asked_for() {
        let limits = Limits {
            numbers_as_written: true,
            ..Limits::default()
        };
        let node = read("[000905, +1.50, 1e3, 0x1F, no]", &limits).expect("reads");
        let texts: Vec<_> = node
            .list()
            .expect("a list")
            .iter()
            .map(Node::number)
            .collect();
        let numbers = ["000905", "+1.50", "1e3", "0x1F"].map(Some);
        assert_eq!(texts, [&numbers[..], &[None]].concat());
    }

    #[test]
    fn plain_data_takes_no_aliases() {
        let limits = Limits {
            aliases: false,
            ..Limits::default()
        };
        let error = read("a: &x 1\nb: *x\n", &limits).expect_err("refused");
        assert_eq!(error.fault, ReadDocumentFault::NotPlain);
        assert_eq!(
            read("<<: 1\n", &limits)
                .expect("an ordinary name")
                .to_json(),
            r#"{"<<":1}"#
        );
    }
}
