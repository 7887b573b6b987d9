//! A request to an operation, made of examples and of values generated from schemas.

use rialto_document::{Node, Value};
use rialto_esb_contract::{Body, Definition, In, Media, Operation, Parameter};
use rialto_esb_schema::request::is_json;

use crate::generate::{Direction, generate};
use crate::seed::Seed;

/// A request as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `POST`.
    pub method: String,
    /// Path and query, percent-encoded, below the address of the interface.
    pub target: String,
    /// Headers, the media type of the body among them.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<String>,
    /// Parts no value could be made for, each with why: they are left for the caller to fill in.
    pub open: Vec<String>,
}

/// A request with what is required; the same for the same seed. Examples of the definition come
/// before values made from schemas.
#[must_use]
pub fn call(operation: &Operation, definition: &Definition, seed: u64) -> Call {
    let mut maker = Maker {
        definition,
        seed: Seed::new(seed),
        open: Vec::new(),
    };
    let mut path = operation.path.clone();
    let (mut query, mut headers, mut cookies) = (Vec::new(), Vec::new(), Vec::new());
    for parameter in &operation.parameters {
        if !parameter.required && parameter.place != In::Path {
            continue;
        }
        let value = maker.parameter(parameter);
        let name = &parameter.name;
        match parameter.place {
            In::Path => {
                let text = encoded(&joined(&value));
                path = path.replace(&format!("{{{name}}}"), &text);
            }
            In::Query => query.extend(pairs(parameter, &value)),
            In::Header => headers.push((name.clone(), joined(&value))),
            In::Cookie => cookies.push(format!("{name}={}", encoded(&joined(&value)))),
        }
    }
    if !cookies.is_empty() {
        headers.push(("Cookie".to_owned(), cookies.join("; ")));
    }
    let body = operation.body.as_ref().and_then(|body| maker.body(body));
    let body = body.map(|(kind, text)| {
        headers.push(("Content-Type".to_owned(), kind));
        text
    });
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value)))
        .collect();
    let query = match query.is_empty() {
        true => String::new(),
        false => format!("?{}", query.join("&")),
    };
    Call {
        method: operation.method.to_string(),
        target: format!("{path}{query}"),
        headers,
        body,
        open: maker.open,
    }
}

struct Maker<'d> {
    definition: &'d Definition,
    seed: Seed,
    open: Vec<String>,
}

impl Maker<'_> {
    fn parameter(&mut self, parameter: &Parameter) -> Node {
        let place = format!("{} {}", parameter.place, parameter.name);
        self.value(&place, &parameter.examples, parameter.schema.as_ref())
    }

    fn value(&mut self, place: &str, examples: &[(String, Node)], schema: Option<&Node>) -> Node {
        if let Some((_, example)) = examples.first() {
            return example.clone();
        }
        let Some(schema) = schema else {
            return Node::from("value");
        };
        let made = generate(schema, self.definition, Direction::Request, &mut self.seed);
        made.unwrap_or_else(|error| {
            self.open.push(format!("{place}: {error}"));
            Node::from("")
        })
    }

    /// The first JSON form, else the first one.
    fn body(&mut self, body: &Body) -> Option<(String, String)> {
        let json = |media: &&Media| is_json(&media.name);
        let media = body.media.iter().find(json).or(body.media.first())?;
        let value = self.value("body", &media.examples, media.schema.as_ref());
        let text = match (is_json(&media.name), value.text()) {
            (false, Some(text)) => text.to_owned(),
            (false, None) if media.name == "application/x-www-form-urlencoded" => form(&value),
            _ => value.to_json(),
        };
        Some((media.name.clone(), text))
    }
}

fn scalar(value: &Node) -> String {
    match value.text() {
        Some(text) => text.to_owned(),
        None => value.to_json(),
    }
}

/// A value in one piece: items by commas (style `simple`).
fn joined(value: &Node) -> String {
    match &value.value {
        Value::List(items) => items.iter().map(scalar).collect::<Vec<_>>().join(","),
        _ => scalar(value),
    }
}

/// Names and values of a query parameter (styles `form` and `deepObject`).
fn pairs(parameter: &Parameter, value: &Node) -> Vec<(String, String)> {
    let name = parameter.name.clone();
    match &value.value {
        Value::List(items) if parameter.explode => items
            .iter()
            .map(|item| (name.clone(), scalar(item)))
            .collect(),
        Value::Map(members) if parameter.style == "deepObject" => members
            .iter()
            .map(|(member, value)| (format!("{name}[{member}]"), scalar(&value.node)))
            .collect(),
        Value::Map(members) if parameter.explode => members
            .iter()
            .map(|(member, value)| (member.to_string(), scalar(&value.node)))
            .collect(),
        _ => vec![(name, joined(value))],
    }
}

fn form(value: &Node) -> String {
    let Value::Map(members) = &value.value else {
        return scalar(value);
    };
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in members {
        text.append_pair(name, &joined(&value.node));
    }
    text.finish()
}

/// Percent-encoded but for what RFC 3986 leaves unreserved.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
