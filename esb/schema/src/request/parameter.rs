//! Parameters: texts that become values by style (OpenAPI 3.1, section "Style Values").

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use rialto_document::Node;
use rialto_esb_contract::joined::Joined;
use rialto_esb_contract::{Definition, In, Parameter};
use serde_json::{Map, Value};

use super::{Finding, Request, compiled, place_of, told_of};
use crate::{CompileSchemaError, Compiled};

/// Headers that OpenAPI leaves to other parts of the document (section "Parameter Object").
const LEFT_OUT: [&str; 3] = ["accept", "content-type", "authorization"];

#[derive(Debug)]
pub(super) struct ParameterCheck {
    name: String,
    place: In,
    required: bool,
    style: String,
    explode: bool,
    allow_empty: bool,
    /// Written as JSON rather than by style.
    json: bool,
    schema: Option<Compiled>,
    kinds: Vec<&'static str>,
    /// Types of items.
    items: Vec<&'static str>,
    /// Names and types of members.
    members: Vec<(String, Vec<&'static str>)>,
}

impl ParameterCheck {
    pub(super) fn new(
        parameter: &Parameter,
        definition: &Definition,
    ) -> Result<Self, CompileSchemaError> {
        let schema = parameter.schema.as_ref();
        let joined = schema.map(|schema| Joined::of(&[schema], definition));
        let joined = joined.unwrap_or_default();
        let items = joined.keywords.get("items").map(Vec::as_slice);
        let members = joined.properties.iter();
        Ok(Self {
            name: parameter.name.clone(),
            place: parameter.place,
            required: parameter.required,
            style: parameter.style.clone(),
            explode: parameter.explode,
            allow_empty: parameter.allow_empty,
            json: parameter.content.is_some(),
            schema: compiled(schema, definition)?,
            kinds: match schema {
                Some(schema) => kinds(&[schema], definition),
                None => Vec::new(),
            },
            items: items
                .map(|parts| kinds(parts, definition))
                .unwrap_or_default(),
            members: members
                .map(|(name, parts)| ((*name).to_owned(), kinds(parts, definition)))
                .collect(),
        })
    }

    pub(super) fn check(&self, request: &Request<'_>, found: &mut Vec<Finding>) {
        let header = self.place == In::Header;
        if header
            && LEFT_OUT
                .iter()
                .any(|name| self.name.eq_ignore_ascii_case(name))
        {
            return;
        }
        let place = place_of(self.place, &self.name);
        match self.value(request) {
            Given::Nothing if self.required => {
                found.push(Finding::new(&place, "required", "it is needed"));
            }
            Given::Nothing | Given::Unread => {}
            Given::Wrong(message) => {
                found.push(Finding::new(&place, "syntax", message));
            }
            Given::Value(Value::String(text)) if text.is_empty() && self.allow_empty => {}
            Given::Value(value) => {
                if let Some(schema) = &self.schema {
                    told_of(&place, schema, &value, found);
                }
            }
        }
    }

    fn value(&self, request: &Request<'_>) -> Given {
        if self.json {
            let text = match self.place {
                In::Query => self.queried(request).into_iter().next(),
                _ => self.text(request),
            };
            return match text.map(|text| serde_json::from_str(&text)) {
                None => Given::Nothing,
                Some(Ok(value)) => Given::Value(value),
                Some(Err(_)) => Given::Wrong("it is no JSON"),
            };
        }
        match (self.place, self.style.as_str()) {
            (In::Query, "deepObject") => self.deep(request),
            (In::Query, "form") if self.explode => self.exploded(request),
            (In::Query, style) => {
                let between = match style {
                    "spaceDelimited" => ' ',
                    "pipeDelimited" => '|',
                    _ => ',',
                };
                let all = self.queried(request);
                // Several of them are what `explode` would have written.
                match all.len() {
                    0 => Given::Nothing,
                    1 => self.split(&all[0], between),
                    _ => Given::Value(all.iter().map(|text| value_of(text, &self.items)).collect()),
                }
            }
            (_, "simple" | "form") => match self.text(request) {
                None => Given::Nothing,
                Some(text) => self.split(&text, ','),
            },
            _ => Given::Unread,
        }
    }

    /// The text of a path variable, header or cookie.
    fn text<'r>(&self, request: &Request<'r>) -> Option<Cow<'r, str>> {
        let plain = |text: &'r str| percent_decode_str(text).decode_utf8_lossy();
        match self.place {
            In::Path => {
                let mut all = request.variables.iter();
                let found = all.find(|(name, _)| *name == self.name);
                found.map(|(_, text)| plain(text))
            }
            In::Header => {
                let mut all = request.headers.iter();
                let found = all.find(|(name, _)| name.eq_ignore_ascii_case(&self.name));
                found.map(|(_, text)| Cow::Borrowed(text.trim()))
            }
            In::Cookie => {
                let mut all = request.headers.iter();
                let cookies = all.find(|(name, _)| name.eq_ignore_ascii_case("cookie"))?;
                cookies.1.split(';').find_map(|pair| {
                    let (name, text) = pair.trim().split_once('=')?;
                    (name == self.name).then(|| plain(text))
                })
            }
            In::Query => None,
        }
    }

    /// All texts the query gives this name.
    fn queried<'r>(&self, request: &Request<'r>) -> Vec<Cow<'r, str>> {
        form_urlencoded::parse(request.query.as_bytes())
            .filter(|(name, _)| *name == self.name)
            .map(|(_, text)| text)
            .collect()
    }

    fn exploded(&self, request: &Request<'_>) -> Given {
        if self.kinds == ["object"] {
            let pairs = form_urlencoded::parse(request.query.as_bytes());
            let members: Map<String, Value> = pairs
                .filter_map(|(name, text)| {
                    let (_, kinds) = self.members.iter().find(|(known, _)| *known == name)?;
                    Some((name.into_owned(), value_of(&text, kinds)))
                })
                .collect();
            return given(members);
        }
        let all = self.queried(request);
        match (all.as_slice(), self.kinds == ["array"]) {
            ([], _) => Given::Nothing,
            ([one], false) => Given::Value(value_of(one, &self.kinds)),
            (all, _) => Given::Value(all.iter().map(|text| value_of(text, &self.items)).collect()),
        }
    }

    /// `name[member]=text`.
    fn deep(&self, request: &Request<'_>) -> Given {
        let pairs = form_urlencoded::parse(request.query.as_bytes());
        let members: Map<String, Value> = pairs
            .filter_map(|(name, text)| {
                let member = name.strip_prefix(self.name.as_str())?;
                let member = member.strip_prefix('[')?.strip_suffix(']')?;
                let value = value_of(&text, self.member(member));
                Some((member.to_owned(), value))
            })
            .collect();
        given(members)
    }

    fn member(&self, name: &str) -> &[&'static str] {
        let found = self.members.iter().find(|(known, _)| known == name);
        found.map_or(&[], |(_, kinds)| kinds)
    }

    fn split(&self, text: &str, between: char) -> Given {
        if self.kinds == ["array"] {
            let items = text.split(between).map(|item| value_of(item, &self.items));
            return Given::Value(items.collect());
        }
        if self.kinds != ["object"] {
            return Given::Value(value_of(text, &self.kinds));
        }
        let mut members = Map::new();
        let mut parts = text.split(between);
        while let Some(part) = parts.next() {
            let pair = if self.explode {
                part.split_once('=')
            } else {
                parts.next().map(|text| (part, text))
            };
            let Some((name, text)) = pair else {
                return Given::Wrong("names and values do not come in pairs");
            };
            members.insert(name.to_owned(), value_of(text, self.member(name)));
        }
        Given::Value(Value::Object(members))
    }
}

/// What a request gives for a parameter.
enum Given {
    Nothing,
    /// Its style is none that is read here (`label`, `matrix`).
    Unread,
    Wrong(&'static str),
    Value(Value),
}

fn given(members: Map<String, Value>) -> Given {
    if members.is_empty() {
        Given::Nothing
    } else {
        Given::Value(Value::Object(members))
    }
}

/// The types a schema allows.
pub(super) fn kinds(parts: &[&Node], definition: &Definition) -> Vec<&'static str> {
    let joined = Joined::of(parts, definition);
    let told = joined.kinds();
    let all = rialto_esb_contract::joined::TYPES.into_iter();
    all.filter(|kind| told.contains(kind)).collect()
}

/// A text as a value: the first of number, truth value and null that the types allow and the text
/// can be, else the text itself.
pub(super) fn value_of(text: &str, kinds: &[&str]) -> Value {
    let has = |kind: &str| kinds.contains(&kind);
    if has("string") {
        return Value::String(text.to_owned());
    }
    if (has("integer") || has("number"))
        && let Ok(Value::Number(number)) = serde_json::from_str(text)
    {
        return Value::Number(number);
    }
    match text {
        "true" | "false" if has("boolean") => Value::Bool(text == "true"),
        "" | "null" if has("null") => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}
