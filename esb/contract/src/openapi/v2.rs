//! OpenAPI 2.0, told in the words of 3.

use indexmap::IndexMap;
use rialto_document::{Map, Member, Node, Place, Value};

use super::collect::Collector;
use super::cursor::Cursor;
use super::shared::{business_errors, idempotency, joined, open, place_of, security, texts};
use crate::bundle::Target;
use crate::definition::{
    Body, Definition, Header, Media, Method, Operation, Outcome, Parameter, Scheme, Server,
};

pub(super) fn read<'b>(root: &Cursor<'b>, to: &mut Collector<'b>) -> Definition {
    for (_, schema) in root.members_of("definitions") {
        to.name_of(Target {
            file: schema.file.to_owned(),
            pointer: schema.pointer.clone(),
        });
    }
    let mut operations = Vec::new();
    for (path, item) in to.path_items(root) {
        for (method, at) in to.methods(&item, false) {
            let operation = operation(root, (method, path), &item, &at, to);
            to.path_parameters(&operation, &at);
            operations.push(operation);
        }
    }
    to.twins(&operations);
    let info = root.get("info");
    let told = |name: &str| info.as_ref().and_then(|info| info.text(name));
    let mut schemes = IndexMap::new();
    for (name, at) in root.members_of("securityDefinitions") {
        let kind = match at.text("type").as_deref() {
            Some("basic") => "http".to_owned(),
            other => other.unwrap_or_default().to_owned(),
        };
        let (detail, spot) = (at.node.clone(), at.spot());
        schemes.insert(name.to_owned(), Scheme { kind, detail, spot });
    }
    Definition {
        format: to.format,
        title: told("title").unwrap_or_default(),
        version: told("version").unwrap_or_default(),
        description: told("description"),
        servers: servers(root),
        operations,
        schemas: IndexMap::new(),
        schema_spots: IndexMap::new(),
        schemes,
        spot: root.spot(),
    }
}

fn servers(root: &Cursor<'_>) -> Vec<Server> {
    let base = root.text("basePath").unwrap_or_else(|| "/".to_owned());
    let urls = match root.text("host") {
        None => vec![base],
        Some(host) => {
            let schemes = texts(root, "schemes");
            let schemes = if schemes.is_empty() {
                vec!["https".to_owned()]
            } else {
                schemes
            };
            schemes
                .iter()
                .map(|scheme| format!("{scheme}://{host}{base}"))
                .collect()
        }
    };
    let server = |url| Server {
        url,
        description: None,
    };
    urls.into_iter().map(server).collect()
}

/// A parameter of 2.0 as it stands: some become the body.
enum Told<'b> {
    Beside(Box<Parameter>),
    Body(Cursor<'b>),
    Field(Cursor<'b>),
}

fn operation<'b>(
    root: &Cursor<'b>,
    (method, path): (Method, &str),
    item: &Cursor<'b>,
    at: &Cursor<'b>,
    to: &mut Collector<'b>,
) -> Operation {
    let media_types = |name: &str| {
        let own = texts(at, name);
        let told = if at.get(name).is_some() {
            own
        } else {
            texts(root, name)
        };
        if told.is_empty() {
            vec!["application/json".to_owned()]
        } else {
            told
        }
    };
    let mut beside = Vec::new();
    let mut shared = Vec::new();
    let (mut whole, mut fields) = (None, Vec::new());
    for (own, list) in [
        (true, at.items_of("parameters")),
        (false, item.items_of("parameters")),
    ] {
        for one in list {
            match parameter(&one, to) {
                Some(Told::Beside(parameter)) if own => beside.push(*parameter),
                Some(Told::Beside(parameter)) => shared.push(*parameter),
                Some(Told::Body(at)) if whole.is_none() => whole = Some(at),
                Some(Told::Field(at)) => fields.push(at),
                _ => {}
            }
        }
    }
    let body = match whole {
        Some(at) => Some(body(&at, &media_types("consumes"), to)),
        None if !fields.is_empty() => Some(form(&fields, &media_types("consumes"), to)),
        None => None,
    };
    Operation {
        id: at.text("operationId"),
        method,
        path: path.to_owned(),
        summary: at.text("summary"),
        description: at.text("description"),
        tags: texts(at, "tags"),
        deprecated: at.node.is_set("deprecated"),
        sunset: at.text("x-sunset"),
        parameters: joined(beside, shared),
        body,
        outcomes: outcomes(at, &media_types("produces"), to),
        security: security(at, root),
        open: open(at, root),
        errors: business_errors(at),
        idempotency: idempotency(at),
        spot: at.spot(),
    }
}

fn parameter<'b>(at: &Cursor<'b>, to: &mut Collector<'b>) -> Option<Told<'b>> {
    let at = to.follow(at)?;
    let place = match at.node.get_text("in") {
        Some("body") => return Some(Told::Body(at)),
        Some("formData") => return Some(Told::Field(at)),
        other => other.and_then(place_of),
    };
    let (Some(name), Some(place)) = (at.text("name"), place) else {
        to.parameter_fault(&at);
        return None;
    };
    let (style, explode) = style(&at, to);
    Some(Told::Beside(Box::new(Parameter {
        required: at.node.is_set("required"),
        description: at.text("description"),
        deprecated: at.node.is_set("x-deprecated"),
        style,
        explode,
        allow_reserved: false,
        allow_empty: at.node.is_set("allowEmptyValue"),
        schema: Some(value_schema(&at, to)),
        content: None,
        examples: Vec::new(),
        spot: at.spot(),
        name,
        place,
    })))
}

/// `collectionFormat` as style and explode.
fn style(at: &Cursor<'_>, to: &mut Collector<'_>) -> (String, bool) {
    let query = at.node.get_text("in") == Some("query");
    let default = if query { "form" } else { "simple" };
    let (style, explode) = match at.node.get_text("collectionFormat") {
        Some("multi") => ("form", true),
        Some("ssv") => ("spaceDelimited", false),
        Some("pipes") => ("pipeDelimited", false),
        Some("tsv") => {
            to.lost(
                at,
                "collectionFormat: tsv",
                "Tab-separated values have no style in OpenAPI 3; values are taken as one text.",
                "OpenAPI 3 没有制表符分隔的样式，按单个文本处理。",
            );
            (default, false)
        }
        _ => (default, false),
    };
    (style.to_owned(), explode)
}

/// What a parameter or header of 2.0 says of its value, as a schema.
fn value_schema<'b>(at: &Cursor<'b>, to: &mut Collector<'b>) -> Node {
    let about = |name: &str| {
        matches!(
            name,
            "name" | "in" | "description" | "required" | "collectionFormat" | "allowEmptyValue"
        )
    };
    let lifted = to.lifted(at);
    let Value::Map(map) = lifted.value else {
        return lifted;
    };
    let file = map.get("type").and_then(|member| member.node.text()) == Some("file");
    let mut out: Map = map
        .into_iter()
        .filter(|(name, _)| !about(name) && !name.starts_with("x-"))
        .collect();
    if file {
        let text = |text: &str| Member {
            place: Place::default(),
            node: Node::from(text),
        };
        out.insert("type".into(), text("string"));
        out.insert("format".into(), text("binary"));
    }
    Node {
        value: Value::Map(out),
        place: at.node.place,
    }
}

fn body<'b>(at: &Cursor<'b>, types: &[String], to: &mut Collector<'b>) -> Body {
    let schema = at.get("schema").map(|schema| to.lifted(&schema));
    let media = types.iter().map(|name| Media {
        name: name.clone(),
        schema: schema.clone(),
        encoding: None,
        examples: Vec::new(),
        spot: at.spot(),
    });
    Body {
        required: at.node.is_set("required"),
        description: at.text("description"),
        media: media.collect(),
        spot: at.spot(),
    }
}

fn form<'b>(fields: &[Cursor<'b>], types: &[String], to: &mut Collector<'b>) -> Body {
    let file = fields
        .iter()
        .any(|field| field.node.get_text("type") == Some("file"));
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let Some(name) = field.text("name") else {
            to.parameter_fault(field);
            continue;
        };
        if field.node.is_set("required") {
            required.push(Node::from(name.as_str()));
        }
        let node = value_schema(field, to);
        let place = node.place;
        properties.insert(name.into(), Member { place, node });
    }
    let has_required = !required.is_empty();
    let mut schema: Node = [
        ("type", Node::from("object")),
        ("properties", Value::Map(properties).into()),
    ]
    .into_iter()
    .collect();
    if has_required {
        schema.put("required", required.into_iter().collect());
    }
    let form = |name: &&String| name.contains("form");
    let mut names: Vec<String> = types.iter().filter(form).cloned().collect();
    if names.is_empty() {
        let name = if file {
            "multipart/form-data"
        } else {
            "application/x-www-form-urlencoded"
        };
        names.push(name.to_owned());
    }
    let spot = fields.first().map(Cursor::spot).unwrap_or_default();
    let media = names.into_iter().map(|name| Media {
        name,
        schema: Some(schema.clone()),
        encoding: None,
        examples: Vec::new(),
        spot: spot.clone(),
    });
    Body {
        required: has_required,
        description: None,
        media: media.collect(),
        spot: spot.clone(),
    }
}

fn outcomes<'b>(at: &Cursor<'b>, types: &[String], to: &mut Collector<'b>) -> Vec<Outcome> {
    let mut out = Vec::new();
    for (status, at) in at.fields_of("responses") {
        let Some(at) = to.follow(&at) else { continue };
        let schema = at
            .get("schema")
            .map(|schema| match schema.node.get_text("type") {
                Some("file") => [
                    ("type", Node::from("string")),
                    ("format", Node::from("binary")),
                ]
                .into_iter()
                .collect(),
                _ => to.lifted(&schema),
            });
        let example = |name: &str| {
            let node = at.get("examples")?.get(name)?.node.clone();
            Some(("example".to_owned(), node))
        };
        let media = types.iter().map(|name| Media {
            name: name.clone(),
            schema: schema.clone(),
            encoding: None,
            examples: example(name).into_iter().collect(),
            spot: at.spot(),
        });
        let headers = at.members_of("headers");
        out.push(Outcome {
            status: status.to_owned(),
            description: at.text("description"),
            media: if schema.is_some() {
                media.collect()
            } else {
                Vec::new()
            },
            headers: headers
                .into_iter()
                .map(|(name, at)| Header {
                    name: name.to_owned(),
                    required: false,
                    schema: Some(value_schema(&at, to)),
                    spot: at.spot(),
                })
                .collect(),
            testable: at.node.is_set("x-testable"),
            links: Vec::new(),
            spot: at.spot(),
        });
    }
    out
}
