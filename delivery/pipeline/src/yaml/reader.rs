//! Parser events to a [`Node`] tree: anchors, aliases under a budget, merge keys, tags.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag,
};

use super::{Entry, Map, Mark, Node, Scalar, Value, tokenize};
use crate::diagnostic::Sink;

/// Largest file that is read at all (2 MB).
pub(crate) const MAX_FILE_BYTES: u64 = 2 * 1024 * 1024;
const MAX_DEPTH: usize = 100;
const MAX_ALIAS_NODES: usize = 10_000;
const MAX_TOTAL_NODES: usize = 1_000_000;
const MAX_DOCUMENTS: usize = 2;

/// Reads the documents of one file. `None`: the file cannot be read at all, and `sink` says why.
pub(crate) fn read(bytes: &[u8], file: u32, sink: &mut Sink) -> Option<Vec<Node>> {
    let start = Mark {
        file,
        line: 1,
        column: 1,
    };
    if bytes.len() as u64 > MAX_FILE_BYTES {
        too_large(bytes.len() as u64, start, sink);
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            sink.error_fix(
                mark_after(&bytes[..error.valid_up_to()], file),
                "not_utf8",
                format!(
                    "byte 0x{:02x} here is not UTF-8",
                    bytes[error.valid_up_to()]
                ),
                "save the file as UTF-8 text",
            );
            return None;
        }
    };
    // No text for YAML, and the end of it for the shell: what stands behind would be lost.
    if let Some(at) = text.find('\0') {
        let message = "a NUL byte stands here: this is no text";
        let fix = "remove it, or save the file as UTF-8 text";
        let mark = mark_after(&bytes[..at], file);
        sink.error_fix(mark, "nul_byte", message, fix);
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    read_text(text, file, sink)
}

/// The place behind these bytes, which are UTF-8.
fn mark_after(before: &[u8], file: u32) -> Mark {
    let line_start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..])
        .chars()
        .count()
        + 1;
    Mark {
        file,
        line: clip(line),
        column: clip(column),
    }
}

/// Says that a file is over the limit; also used before it is read from the disk.
pub(crate) fn too_large(size: u64, start: Mark, sink: &mut Sink) {
    sink.error_fix(
        start,
        "file_too_large",
        format!(
            "the file has {size} bytes; at most {} MiB are read",
            MAX_FILE_BYTES >> 20
        ),
        "split it with `include: local`",
    );
}

fn clip(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Why reading stops.
enum Stop {
    /// A finding is in the sink.
    Told,
    /// A quoted text goes on at the column of its key or before it. YAML 1.2 refuses that, YAML 1.1
    /// does not mind.
    Outdented(ScanError),
}

/// Blanks put before an outdented line of a quoted text, where they mean nothing.
const INDENT: &str = "                                                                ";
/// Bytes that may be read again for outdented lines.
const REREAD_BYTES: usize = 32 * 1024 * 1024;

/// Reads a text; a quoted text's line that stands too far left is indented and read again.
fn read_text(text: &str, file: u32, sink: &mut Sink) -> Option<Vec<Node>> {
    let mut text = Cow::Borrowed(text);
    let (mut budget, mut done) = (REREAD_BYTES, None);
    loop {
        let error = match Reader::new(&text, file, sink).run() {
            Ok(documents) => return Some(documents),
            Err(Stop::Told) => return None,
            Err(Stop::Outdented(error)) => error,
        };
        let at = error
            .marker()
            .byte_offset()
            .filter(|at| done < Some(*at) && budget > text.len());
        let Some(at) = at else {
            Reader::new(&text, file, sink).syntax(&error);
            return None;
        };
        budget -= text.len();
        text.to_mut().insert_str(at, INDENT);
        done = Some(at + INDENT.len());
    }
}

/// A node that can be aliased, with its cost.
#[derive(Clone)]
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

struct Frame {
    anchor: usize,
    mark: Mark,
    nodes: usize,
    depth: usize,
    content: Content,
}

enum Content {
    List {
        items: Vec<Node>,
        reference: bool,
    },
    Map {
        map: Map,
        key: Option<Key>,
        merged: HashSet<Arc<str>>,
    },
}

struct Key {
    text: Arc<str>,
    mark: Mark,
    merge: bool,
}

/// How a value node was written; a merge key reads it.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    Scalar,
    List,
    Map,
    Alias,
}

struct Reader<'a> {
    text: &'a str,
    file: u32,
    sink: &'a mut Sink,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    documents: Vec<Node>,
    total: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, file: u32, sink: &'a mut Sink) -> Self {
        let (frames, documents) = (Vec::new(), Vec::new());
        Self {
            text,
            file,
            sink,
            frames,
            anchors: HashMap::new(),
            documents,
            total: 0,
        }
    }

    fn run(mut self) -> Result<Vec<Node>, Stop> {
        let options = granit_parser::options! { emit_comments: false };
        let mut parser: Parser<'a, StrInput<'a>> =
            Parser::new_from_str_with_options(self.text, options);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| match error.kind() {
                ErrorKind::InvalidQuotedScalarIndent => Stop::Outdented(error),
                _ => self.syntax(&error),
            })?;
            self.event(event, &span)?;
        }
        Ok(self.documents)
    }

    fn mark(&self, marker: &Marker) -> Mark {
        Mark {
            file: self.file,
            line: clip(marker.line()),
            column: clip(marker.col() + 1),
        }
    }

    fn event(&mut self, event: Event<'a>, span: &Span) -> Result<(), Stop> {
        let mark = self.mark(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = self.scalar(&text, style, tag.as_deref(), mark, span)?;
                self.total += 1;
                if anchor != 0 {
                    let node = node.clone();
                    self.anchors.insert(
                        anchor,
                        Anchored {
                            node,
                            nodes: 1,
                            depth: 0,
                        },
                    );
                }
                self.add(node, Written::Scalar, 1, 0)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let reference = self.collection_tag(tag.as_deref(), true, mark, span)?;
                let content = Content::List {
                    items: Vec::new(),
                    reference,
                };
                self.open(anchor, mark, content)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), false, mark, span)?;
                let map = Map::default();
                self.open(
                    anchor,
                    mark,
                    Content::Map {
                        map,
                        key: None,
                        merged: HashSet::new(),
                    },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => self.alias(id, mark),
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, mark: Mark, content: Content) -> Result<(), Stop> {
        self.total += 1;
        if self.frames.len() >= MAX_DEPTH {
            return Err(self.too_deep(mark));
        }
        self.frames.push(Frame {
            anchor,
            mark,
            nodes: 1,
            depth: 1,
            content,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        // The parser pairs starts and ends.
        let Some(frame) = self.frames.pop() else {
            return Err(Stop::Told);
        };
        let (value, written) = match frame.content {
            Content::List {
                items,
                reference: true,
            } => (Value::Reference(Arc::new(items)), Written::List),
            Content::List { items, .. } => (Value::List(Arc::new(items)), Written::List),
            Content::Map { map, .. } => (Value::Map(Arc::new(map)), Written::Map),
        };
        let node = Node::new(value, frame.mark);
        if frame.anchor != 0 {
            let (nodes, depth) = (frame.nodes, frame.depth);
            self.anchors.insert(
                frame.anchor,
                Anchored {
                    node: node.clone(),
                    nodes,
                    depth,
                },
            );
        }
        self.add(node, written, frame.nodes, frame.depth)
    }

    fn alias(&mut self, id: usize, mark: Mark) -> Result<(), Stop> {
        let Some(Anchored { node, nodes, depth }) = self.anchors.get(&id).cloned() else {
            self.sink.error_fix(
                mark,
                "alias_cycle",
                "this alias stands inside the value its own anchor names",
                "an anchor can be used only after its value has ended",
            );
            return Err(Stop::Told);
        };
        self.total += nodes;
        if nodes > MAX_ALIAS_NODES || self.total > MAX_TOTAL_NODES {
            let message = if nodes > MAX_ALIAS_NODES {
                format!("this alias stands for {nodes} values; at most {MAX_ALIAS_NODES} may")
            } else {
                format!("the aliases of this file stand for more than {MAX_TOTAL_NODES} values")
            };
            let fix = "use `extends` or `!reference`, or make the anchored value smaller";
            self.sink.error_fix(mark, "alias_budget", message, fix);
            return Err(Stop::Told);
        }
        if self.frames.len() + depth > MAX_DEPTH {
            return Err(self.too_deep(mark));
        }
        self.add(
            Node {
                mark: node.mark,
                ..node
            },
            Written::Alias,
            nodes,
            depth,
        )
    }

    fn too_deep(&mut self, mark: Mark) -> Stop {
        let message = format!("values are nested more than {MAX_DEPTH} levels deep here");
        self.sink.error(mark, "too_deep", message);
        Stop::Told
    }

    fn add(
        &mut self,
        node: Node,
        written: Written,
        nodes: usize,
        depth: usize,
    ) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else {
            self.documents.push(node);
            self.anchors.clear();
            if self.documents.len() > MAX_DOCUMENTS {
                let mark = self.documents[MAX_DOCUMENTS].mark;
                let message = "a pipeline file holds at most two documents (`spec` and the rest)";
                self.sink.error(mark, "too_many_documents", message);
                return Err(Stop::Told);
            }
            return Ok(());
        };
        frame.nodes += nodes;
        frame.depth = frame.depth.max(depth + 1);
        match &mut frame.content {
            Content::List { items, .. } => items.push(node),
            Content::Map { map, key, merged } => match key.take() {
                None => *key = Some(read_key(&node, written, self.sink).ok_or(Stop::Told)?),
                Some(key) if key.merge => merge(map, merged, &key, &node, written, self.sink),
                Some(key) => insert(map, merged, key, node, self.sink),
            },
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        mark: Mark,
        span: &Span,
    ) -> Result<Node, Stop> {
        let tag_mark = span.tag_start().map_or(mark, |marker| self.mark(&marker));
        let plain = match tag.map(tag_name).as_deref() {
            None | Some("!") => style == ScalarStyle::Plain,
            Some("!str" | "tag:yaml.org,2002:str") => false,
            // Without keys: told with whatever else is wrong with references.
            Some("!reference") => {
                let no_keys = Value::Reference(Arc::new(Vec::new()));
                return Ok(Node::new(no_keys, tag_mark));
            }
            Some("tag:yaml.org,2002:float" | "!float") => {
                return Ok(match tokenize(text) {
                    #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
                    Scalar::Int(value) => Node::new(Value::Float(value as f64), mark),
                    other => self.typed(other, text, mark)?,
                });
            }
            Some("tag:yaml.org,2002:int" | "tag:yaml.org,2002:bool" | "tag:yaml.org,2002:null") => {
                true
            }
            Some(name) => {
                self.foreign_tag(name, tag_mark)?;
                true
            }
        };
        if plain {
            let scalar = tokenize(text);
            return self.typed(scalar, text, mark);
        }
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let text = match text.strip_suffix('\n') {
            // A block at the end of a file without a last line end has none either.
            Some(body) if block && self.ends_the_file(span) => body,
            _ => text,
        };
        Ok(Node::new(Value::Text(text.into()), mark))
    }

    fn ends_the_file(&self, span: &Span) -> bool {
        !self.text.ends_with('\n') && span.end.byte_offset() == Some(self.text.len())
    }

    fn typed(&mut self, scalar: Scalar, text: &str, mark: Mark) -> Result<Node, Stop> {
        let value = match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Int(value) => Value::Int(value),
            Scalar::Float(value) => Value::Float(value),
            Scalar::Text(value) => Value::Text(value.into()),
            Scalar::Timestamp => {
                self.sink.error_fix(
                    mark,
                    "date_not_allowed",
                    format!("`{text}` is a date, which this language does not have"),
                    format!("quote it: \"{text}\""),
                );
                return Err(Stop::Told);
            }
        };
        let mut node = Node::new(value, mark);
        if !node.is_null() && node.scalar_text().as_deref() != Some(text) {
            node.raw = Some(text.into());
        }
        Ok(node)
    }

    /// Whether the collection is a `!reference`.
    fn collection_tag(
        &mut self,
        tag: Option<&Tag>,
        list: bool,
        mark: Mark,
        span: &Span,
    ) -> Result<bool, Stop> {
        let Some(name) = tag.map(tag_name) else {
            return Ok(false);
        };
        let mark = span.tag_start().map_or(mark, |marker| self.mark(&marker));
        match name.as_str() {
            "!reference" if list => return Ok(true),
            "!reference" => {
                let fix = "write `!reference [job, script]`";
                self.sink
                    .error_fix(mark, "bad_reference", "`!reference` needs a list", fix);
                return Err(Stop::Told);
            }
            "!" | "tag:yaml.org,2002:seq" | "tag:yaml.org,2002:map" => {}
            other => self.foreign_tag(other, mark)?,
        }
        Ok(false)
    }

    fn foreign_tag(&mut self, name: &str, mark: Mark) -> Result<(), Stop> {
        let short = name
            .strip_prefix("tag:yaml.org,2002:")
            .map(|rest| format!("!!{rest}"));
        let shown = short.as_deref().unwrap_or(name);
        let refused = name.starts_with("!ruby/")
            || matches!(
                shown,
                "!!set" | "!set" | "!!omap" | "!omap" | "!!binary" | "!binary"
            );
        if refused {
            let message = format!("the tag `{shown}` is not allowed in a pipeline file");
            self.sink
                .error_fix(mark, "tag_not_allowed", message, "remove the tag");
            return Err(Stop::Told);
        }
        let message = format!("the tag `{shown}` is not known and has no effect");
        self.sink.warn_fix(
            mark,
            "unknown_tag",
            message,
            "remove it, or write `!reference [...]`",
        );
        Ok(())
    }

    /// The bracket that is still open at an error, if the lines after it say that it was forgotten:
    /// one up to the error stands no deeper than the bracket's own line and does not close it.
    fn unclosed(&self, error: Mark) -> Option<(Mark, char)> {
        let lines: Vec<&str> = self.text.lines().take(error.line as usize).collect();
        let (open, bracket) = self.frames.iter().rev().find_map(|frame| {
            let line = lines.get((frame.mark.line as usize).checked_sub(1)?)?;
            let at = line
                .chars()
                .nth((frame.mark.column as usize).checked_sub(1)?)?;
            matches!(at, '[' | '{').then_some((frame.mark, at))
        })?;
        let depth = |line: &str| line.len() - line.trim_start().len();
        let own = lines.get((open.line as usize).checked_sub(1)?)?;
        let left = lines.get(open.line as usize..)?.iter().any(|line| {
            let content = line.trim_start();
            !content.is_empty()
                && !content.starts_with(['#', ']', '}'])
                && depth(line) <= depth(own)
        });
        left.then_some((open, bracket))
    }

    fn syntax(&mut self, error: &ScanError) -> Stop {
        let mark = self.mark(error.marker());
        let line = self
            .text
            .lines()
            .nth((mark.line as usize).saturating_sub(1))
            .unwrap_or("");
        let content = line.trim_start();
        let fix = if let Some(tab) = line.find('\t')
            && line[..tab].trim().is_empty()
        {
            Some("indent with spaces; YAML does not allow tabs there".to_owned())
        } else if let Some(item) = content.strip_prefix("- ")
            && item.contains(": ")
        {
            Some(format!("quote the whole line: - {}", single_quoted(item)))
        } else {
            match error.kind() {
                ErrorKind::UnknownAnchor => {
                    Some("an anchor is known behind its `&name`, in the same file only".to_owned())
                }
                ErrorKind::InvalidQuotedScalarIndent => {
                    Some("indent the lines of a quoted text deeper than its key".to_owned())
                }
                ErrorKind::MappingValueNotAllowed => {
                    Some("check the indentation, or quote the text that holds `: `".to_owned())
                }
                _ => None,
            }
        };
        if let Some((open, bracket)) = self.unclosed(mark) {
            let close = if bracket == '[' { ']' } else { '}' };
            let message = format!(
                "the YAML is broken: this `{bracket}` is not closed before line {}",
                mark.line
            );
            let fix = format!("write `{close}` where the list or map ends");
            self.sink.error_fix(open, "yaml_syntax", message, fix);
            return Stop::Told;
        }
        let message = format!("the YAML is broken: {}", error.info());
        match fix {
            Some(fix) => self.sink.error_fix(mark, "yaml_syntax", message, fix),
            None => self.sink.error(mark, "yaml_syntax", message),
        }
        Stop::Told
    }
}

/// `text` in single quotes.
pub(crate) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn tag_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle(), tag.suffix())
}

fn read_key(node: &Node, written: Written, sink: &mut Sink) -> Option<Key> {
    let Some(text) = node.scalar_text() else {
        let message = format!("a key must be text, not {}", node.kind());
        sink.error(node.mark, "bad_key", message);
        return None;
    };
    if let Some(raw) = &node.raw
        && node.text().is_none()
    {
        sink.warn_fix(
            node.mark,
            "key_reads_differently",
            format!("the key `{raw}` reads as `{text}`"),
            format!("quote it: \"{raw}\""),
        );
    }
    let merge = &*text == "<<" && written == Written::Scalar;
    Some(Key {
        text: text.into(),
        mark: node.mark,
        merge,
    })
}

fn insert(map: &mut Map, merged: &HashSet<Arc<str>>, key: Key, value: Node, sink: &mut Sink) {
    let entry = Entry {
        key: key.mark,
        value,
    };
    let Key { text, mark, .. } = key;
    let first = map.insert(Arc::clone(&text), entry);
    if let Some(first) = first
        && !merged.contains(&text)
    {
        sink.warn_fix(
            mark,
            "duplicate_key",
            format!(
                "the key `{text}` was already given on line {}; this one wins",
                first.key.line
            ),
            "remove one of them",
        );
    }
}

/// Merges at the place of the key: it overrides what stands before it and is overridden by what
/// follows. In a list the first wins.
fn merge(
    map: &mut Map,
    merged: &mut HashSet<Arc<str>>,
    key: &Key,
    value: &Node,
    written: Written,
    sink: &mut Sink,
) {
    let mut take = |source: &Map| {
        for (name, entry) in source {
            merged.insert(Arc::clone(name));
            map.insert(Arc::clone(name), entry.clone());
        }
    };
    match (&value.value, written) {
        (Value::Map(source), _) => take(source),
        (Value::List(items), Written::List) if items.iter().all(|item| item.map().is_some()) => {
            let mut joined = Map::default();
            for source in items.iter().rev().filter_map(Node::map) {
                joined.extend(
                    source
                        .iter()
                        .map(|(name, entry)| (Arc::clone(name), entry.clone())),
                );
            }
            take(&joined);
        }
        _ => sink.error_fix(
            key.mark,
            "bad_merge",
            format!(
                "`<<` needs a map or a written list of maps, not {}",
                value.kind()
            ),
            "write `<<: *anchor` or `<<: [*one, *two]`",
        ),
    }
}
