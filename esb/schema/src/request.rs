//! Requests checked against their operation: what goes into path, query, headers, cookies and body.

mod parameter;

use std::collections::HashMap;

use rialto_document::Node;
use rialto_esb_contract::joined::Joined;
use rialto_esb_contract::{Definition, In, Media, Operation};
use serde_json::{Map, Value};

use crate::{CompileSchemaError, Compiled};
use parameter::ParameterCheck;

/// A request, as it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'r> {
    /// What the path's variables take, still percent-encoded, by name.
    pub variables: &'r [(&'r str, &'r str)],
    /// The query after `?`, still percent-encoded.
    pub query: &'r str,
    /// Names and values of headers.
    pub headers: &'r [(String, String)],
    /// The body; empty for none.
    pub body: &'r [u8],
}

impl Request<'_> {
    /// The first header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }
}

/// What is wrong with a request or an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// Where: `query parameter limit`, `body` …
    pub place: String,
    /// JSON pointer into the value there.
    pub pointer: String,
    /// The keyword that says no; `required`, `content-type` and `syntax` of whole values.
    pub keyword: String,
    /// What kind of value stands there, as JSON names it; empty when none does.
    #[serde(skip)]
    pub class: &'static str,
    /// What is wrong, the value itself left out: it may be of a person.
    pub message: String,
}

impl Finding {
    /// Of a whole value.
    #[must_use]
    pub fn new(place: &str, keyword: &str, message: impl Into<String>) -> Self {
        Self {
            place: place.to_owned(),
            pointer: String::new(),
            keyword: keyword.to_owned(),
            class: "",
            message: message.into(),
        }
    }

    /// Of a body that is no JSON.
    pub(crate) fn syntax(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = format!("the body is no JSON at line {line} column {column}");
        Self::new("body", "syntax", message)
    }
}

/// An operation ready to check requests.
#[derive(Debug)]
pub struct OperationCheck {
    parameters: Vec<ParameterCheck>,
    body: Option<BodyCheck>,
}

#[derive(Debug)]
struct BodyCheck {
    required: bool,
    media: Vec<(String, Option<MediaCheck>)>,
}

#[derive(Debug)]
struct MediaCheck {
    schema: Compiled,
    /// Types of a form's fields.
    fields: HashMap<String, Vec<&'static str>>,
}

impl OperationCheck {
    /// Compiles the schemas of an operation.
    ///
    /// # Errors
    /// [`CompileSchemaError`] of the first schema that cannot be compiled.
    pub fn new(operation: &Operation, definition: &Definition) -> Result<Self, CompileSchemaError> {
        let parameters = operation
            .parameters
            .iter()
            .map(|parameter| ParameterCheck::new(parameter, definition))
            .collect::<Result<_, _>>()?;
        let body = operation.body.as_ref().map(|body| {
            let media = body.media.iter().map(|media| {
                let check = MediaCheck::new(media, definition)?;
                Ok((essence(&media.name), check))
            });
            Ok(BodyCheck {
                required: body.required,
                media: media.collect::<Result<_, _>>()?,
            })
        });
        Ok(Self {
            parameters,
            body: body.transpose()?,
        })
    }

    /// All that is wrong with a request, by place.
    #[must_use]
    pub fn findings(&self, request: &Request<'_>) -> Vec<Finding> {
        let mut found = Vec::new();
        for parameter in &self.parameters {
            parameter.check(request, &mut found);
        }
        if let Some(body) = &self.body {
            body.check(request, &mut found);
        }
        found
    }
}

impl BodyCheck {
    fn check(&self, request: &Request<'_>, found: &mut Vec<Finding>) {
        if request.body.is_empty() {
            if self.required {
                found.push(Finding::new("body", "required", "a body is needed"));
            }
            return;
        }
        let told = request.header("content-type").unwrap_or_default();
        let kind = essence(told);
        let Some((_, check)) = self.media.iter().find(|(name, _)| takes(name, &kind)) else {
            let known: Vec<&str> = self.media.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("the body's type is one of {}", known.join(", "));
            found.push(Finding::new("body", "content-type", message));
            return;
        };
        let Some(check) = check else { return };
        if is_json(&kind) {
            match serde_json::from_slice(request.body) {
                Ok(value) => told_of("body", &check.schema, &value, found),
                Err(error) => found.push(Finding::syntax(&error)),
            }
        } else if kind == FORM {
            told_of("body", &check.schema, &check.form(request.body), found);
        }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

impl MediaCheck {
    /// Nothing when the body's form is not one that schemas can check.
    fn new(media: &Media, definition: &Definition) -> Result<Option<Self>, CompileSchemaError> {
        let kind = essence(&media.name);
        let Some(schema) = &media.schema else {
            return Ok(None);
        };
        if !is_json(&kind) && kind != FORM && !kind.contains('*') {
            return Ok(None);
        }
        let joined = Joined::of(&[schema], definition);
        let fields = joined
            .properties
            .iter()
            .map(|(name, parts)| ((*name).to_owned(), parameter::kinds(parts, definition)))
            .collect();
        Ok(Some(Self {
            schema: Compiled::new(schema, definition)?,
            fields,
        }))
    }

    /// A form as an object: a field that stands several times is a list.
    fn form(&self, body: &[u8]) -> Value {
        let mut object: Map<String, Value> = Map::new();
        for (name, text) in form_urlencoded::parse(body) {
            let kinds = self
                .fields
                .get(name.as_ref())
                .map_or(&[][..], Vec::as_slice);
            let list = kinds == ["array"];
            let value = parameter::value_of(&text, kinds);
            match object.get_mut(name.as_ref()) {
                Some(Value::Array(items)) => items.push(value),
                Some(before) => *before = Value::Array(vec![before.take(), value]),
                None if list => {
                    object.insert(name.into_owned(), Value::Array(vec![value]));
                }
                None => {
                    object.insert(name.into_owned(), value);
                }
            }
        }
        Value::Object(object)
    }
}

/// What JSON calls such a value.
const fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Adds what a schema says of a value.
pub(crate) fn told_of(place: &str, schema: &Compiled, value: &Value, found: &mut Vec<Finding>) {
    let violations = schema.violations(value).into_iter();
    found.extend(violations.map(|one| Finding {
        place: place.to_owned(),
        class: value.pointer(&one.pointer).map_or("", class),
        pointer: one.pointer,
        keyword: one.keyword,
        message: one.message,
    }));
}

/// A media type without its parameters, in small letters.
#[must_use]
pub fn essence(media: &str) -> String {
    let bare = media.split(';').next().unwrap_or_default();
    bare.trim().to_ascii_lowercase()
}

/// Whether a media type is JSON (`application/json`, `…+json`, RFC 6839).
#[must_use]
pub fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence.ends_with("+json")
}

/// Whether a range (`text/*`, `*/*`) or type takes a type.
#[must_use]
pub fn takes(range: &str, kind: &str) -> bool {
    match range.split_once('/') {
        Some(("*", "*")) => true,
        Some((group, "*")) => kind.split_once('/').is_some_and(|(own, _)| own == group),
        _ => range == kind,
    }
}

/// A parameter's place, as findings tell it.
fn place_of(place: In, name: &str) -> String {
    format!("{place} parameter {name}")
}

/// A schema that is not there allows everything.
fn compiled(
    schema: Option<&Node>,
    definition: &Definition,
) -> Result<Option<Compiled>, CompileSchemaError> {
    schema
        .map(|schema| Compiled::new(schema, definition))
        .transpose()
}

#[cfg(test)]
mod tests;
