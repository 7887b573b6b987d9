//! `spec: inputs` headers and `$[[ inputs.name ]]`.

use std::collections::HashMap;
use std::sync::Arc;

use super::fields::Fields;
use super::keys::nearest;
use crate::diagnostic::Sink;
use crate::pattern;
use crate::yaml::{Entry, Map, Mark, Node, Value};

const MAX_OPTIONS: usize = 50;
const MAX_BLOCK_BYTES: usize = 1024;
const MAX_STRING_BYTES: usize = 1024 * 1024;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    String,
    Number,
    Boolean,
    Array,
}

const KINDS: [(&str, Kind); 4] = [
    ("string", Kind::String),
    ("number", Kind::Number),
    ("boolean", Kind::Boolean),
    ("array", Kind::Array),
];

/// The body with every input filled in. `None` when an input is wrong; `sink` says which.
pub(crate) fn fill(
    spec: &Node,
    body: Node,
    given: Option<&(Arc<Map>, Mark)>,
    sink: &mut Sink,
) -> Option<Node> {
    let before = sink.error_count();
    let values = values(spec, given, sink);
    let mut filler = Filler { values, sink };
    let body = filler.node(&body);
    (filler.sink.error_count() == before).then_some(body)
}

fn values(
    spec: &Node,
    given: Option<&(Arc<Map>, Mark)>,
    sink: &mut Sink,
) -> HashMap<Arc<str>, Node> {
    let mut out = HashMap::new();
    let mut fields = Fields { sink, job: None };
    let spec = if spec.is_null() {
        None
    } else {
        fields.map("spec", spec)
    };
    let mut declared: Option<&Map> = None;
    for (key, entry) in spec.into_iter().flatten() {
        match &**key {
            "inputs" if entry.value.is_null() => {}
            "inputs" => declared = fields.map("spec:inputs", &entry.value),
            "include" => fields.unsupported(entry.key, "`spec:include`", "declare the inputs here"),
            "component" => fields.unsupported(entry.key, "`spec:component`", "remove it"),
            _ => fields.unknown("spec", key, entry, &["inputs", "include", "component"]),
        }
    }
    for (name, entry) in declared.into_iter().flatten() {
        let value = given.and_then(|(map, _)| map.get(name));
        if let Some(value) = input(
            &mut fields,
            name,
            entry,
            value,
            given.map(|(_, mark)| *mark),
        ) {
            out.insert(Arc::clone(name), value);
        }
    }
    if let Some((map, _)) = given {
        for (name, entry) in map.iter() {
            if declared.is_none_or(|declared| !declared.contains_key(name)) {
                let message = format!("the included file has no input `{name}`");
                let names = declared.into_iter().flat_map(Map::keys).map(|key| &**key);
                match nearest(name, names) {
                    Some(near) => {
                        let fix = format!("did you mean `{near}`?");
                        fields.error_fix(entry.key, "unknown_input", &message, &fix);
                    }
                    None => fields.error(entry.key, "unknown_input", &message),
                }
            }
        }
    }
    out
}

/// One input's value: given or default, checked.
fn input(
    fields: &mut Fields<'_>,
    name: &str,
    declared: &Entry,
    given: Option<&Entry>,
    from: Option<Mark>,
) -> Option<Node> {
    const KEYS: [&str; 6] = [
        "default",
        "description",
        "type",
        "options",
        "regex",
        "rules",
    ];
    let path = format!("spec:inputs:{name}");
    let (mut kind, mut default, mut options, mut regex) = (Kind::String, None, None, None);
    if !declared.value.is_null() {
        for (key, entry) in fields.map(&path, &declared.value)? {
            match &**key {
                "default" => default = Some(entry.value.clone()),
                "description" => {}
                "type" => kind = fields.choice(&path, &entry.value, &KINDS).unwrap_or(kind),
                "options" => options = entry.value.list().cloned(),
                "regex" => {
                    regex = fields
                        .text(&path, &entry.value)
                        .map(|text| (text, entry.value.mark))
                }
                "rules" => {
                    let what = format!("`{path}:rules`");
                    fields.unsupported(entry.key, &what, "give the input one `default`");
                }
                _ => fields.unknown(&path, key, entry, &KEYS),
            }
        }
    }
    let Some(value) = given.map(|entry| entry.value.clone()).or(default) else {
        let mark = from.unwrap_or(declared.key);
        let message = format!("the input `{name}` is required and not given");
        fields.error_fix(
            mark,
            "input_missing",
            &message,
            "give it under `inputs`, or a `default`",
        );
        return None;
    };
    let fits = match (&value.value, kind) {
        (Value::Text(text), Kind::String) => text.len() <= MAX_STRING_BYTES,
        (Value::Int(_) | Value::Float(_), Kind::Number)
        | (Value::Bool(_), Kind::Boolean)
        | (Value::List(_), Kind::Array) => true,
        _ => false,
    };
    if !fits {
        let wanted = KINDS
            .iter()
            .find(|(_, k)| *k == kind)
            .map_or("", |(word, _)| *word);
        let message = format!(
            "the input `{name}` must be a {wanted}, not {}",
            value.kind()
        );
        fields.error(value.mark, "bad_input", &message);
        return None;
    }
    let options = options.as_deref().map(Vec::as_slice);
    check_value(fields, name, declared.key, &value, (options, regex));
    Some(value)
}

/// Holds the value against the input's options and regular expression.
fn check_value(
    fields: &mut Fields<'_>,
    name: &str,
    declared: Mark,
    value: &Node,
    (options, regex): (Option<&[Node]>, Option<(String, Mark)>),
) {
    let path = format!("spec:inputs:{name}");
    let text = value.scalar_text().unwrap_or_default().into_owned();
    if let Some(options) = options {
        let known = options
            .iter()
            .any(|option| option.scalar_text().as_deref() == Some(&text));
        if options.len() > MAX_OPTIONS {
            let message = format!("`{path}` has more than {MAX_OPTIONS} options");
            fields.error(declared, "bad_input", &message);
        } else if !known {
            let message = format!("`{text}` is none of the options of the input `{name}`");
            fields.error(value.mark, "bad_input", &message);
        }
    }
    if let Some((source, mark)) = regex {
        match pattern::compile(&source, "") {
            Ok(regex) if !regex.is_match(&text) => {
                let message =
                    format!("`{text}` does not match the input `{name}`'s regex {source}");
                fields.error(value.mark, "bad_input", &message);
            }
            Ok(_) => {}
            Err(reason) => fields.error(mark, "bad_regex", &format!("`{path}`: {reason}")),
        }
    }
}

struct Filler<'a> {
    values: HashMap<Arc<str>, Node>,
    sink: &'a mut Sink,
}

impl Filler<'_> {
    fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Text(text) if text.contains("$[[") => return self.text(text, node),
            Value::List(items) => {
                Value::List(Arc::new(items.iter().map(|n| self.node(n)).collect()))
            }
            Value::Reference(items) => {
                Value::Reference(Arc::new(items.iter().map(|n| self.node(n)).collect()))
            }
            Value::Map(map) => {
                let mut out = Map::with_capacity(map.len());
                for (key, entry) in map.iter() {
                    let name = Node::new(Value::Text(Arc::clone(key)), entry.key);
                    let name = self
                        .node(&name)
                        .scalar_text()
                        .map_or_else(|| Arc::clone(key), Into::into);
                    let value = self.node(&entry.value);
                    out.insert(
                        name,
                        Entry {
                            key: entry.key,
                            value,
                        },
                    );
                }
                Value::Map(Arc::new(out))
            }
            _ => return node.clone(),
        };
        Node {
            value,
            ..node.clone()
        }
    }

    /// A text that is nothing but one block takes the input's type; otherwise text is put in.
    fn text(&mut self, text: &str, node: &Node) -> Node {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once("$[[") {
            out.push_str(head);
            let Some((block, after)) = tail.split_once("]]") else {
                self.sink.error(
                    node.mark,
                    "bad_input",
                    "the closing `]]` of `$[[` is missing",
                );
                return node.clone();
            };
            if block.len() > MAX_BLOCK_BYTES {
                let message = format!("an input block has more than {MAX_BLOCK_BYTES} bytes");
                self.sink.error(node.mark, "bad_input", message);
                return node.clone();
            }
            if block.trim().starts_with("matrix.") {
                // Not an input: `needs:parallel:matrix` fills it when its job is known.
                out.push_str("$[[");
                out.push_str(block);
                out.push_str("]]");
                rest = after;
                continue;
            }
            let Some(value) = self.block(block.trim(), node.mark) else {
                return node.clone();
            };
            if head.is_empty() && out.is_empty() && after.trim().is_empty() {
                return Node {
                    mark: node.mark,
                    ..value
                };
            }
            match value.scalar_text() {
                Some(value) => out.push_str(&value),
                None => {
                    let message = "a list cannot be put into the middle of a text";
                    self.sink.error(node.mark, "bad_input", message);
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Node::new(Value::Text(out.into()), node.mark)
    }

    fn block(&mut self, block: &str, mark: Mark) -> Option<Node> {
        let mut parts = block.split('|').map(str::trim);
        let path = parts.next().unwrap_or_default();
        let Some(name) = path.strip_prefix("inputs.") else {
            let message = format!("`$[[ {path} ]]` is not an input; only `inputs.name` is known");
            self.sink.error(mark, "bad_input", message);
            return None;
        };
        let Some(mut value) = self.values.get(name).cloned() else {
            let message = format!("the input `{name}` is not declared, or its value is wrong");
            match nearest(name, self.values.keys().map(|key| &**key)) {
                Some(near) => {
                    self.sink.error_fix(
                        mark,
                        "unknown_input",
                        message,
                        format!("did you mean `{near}`?"),
                    );
                }
                None => self.sink.error(mark, "unknown_input", message),
            }
            return None;
        };
        for function in parts {
            value = self.apply(function, value, mark)?;
        }
        Some(value)
    }

    fn apply(&mut self, function: &str, value: Node, mark: Mark) -> Option<Node> {
        let text = value.scalar_text()?.into_owned();
        let out = if let Some(arguments) = function
            .strip_prefix("truncate(")
            .and_then(|rest| rest.strip_suffix(')'))
            && let Some((start, length)) = arguments.split_once(',')
            && let (Ok(start), Ok(length)) = (start.trim().parse(), length.trim().parse())
        {
            text.chars().skip(start).take(length).collect()
        } else if function == "posix_escape" {
            posix_escape(&text)
        } else {
            let what = format!("the input function `{function}`");
            self.sink.unsupported(
                mark,
                None,
                &what,
                "use truncate(start,length) or posix_escape",
            );
            text
        };
        Some(Node {
            value: Value::Text(out.into()),
            raw: None,
            ..value
        })
    }
}

/// A text as one word of a shell.
fn posix_escape(text: &str) -> String {
    if text.is_empty() {
        return "''".to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' {
            out.push_str("'\n'");
            continue;
        }
        if !(c.is_alphanumeric() || "_-.,:+/@".contains(c)) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
