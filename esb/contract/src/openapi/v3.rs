//! OpenAPI 3.0 and 3.1.

use indexmap::IndexMap;
use rialto_document::Node;

use super::collect::Collector;
use super::cursor::Cursor;
use super::shared::{business_errors, idempotency, joined, open, place_of, security, texts};
use crate::bundle::Target;
use crate::definition::{
    Body, Definition, Header, In, Media, Method, Operation, Outcome, Parameter, Scheme, Server,
};

pub(super) fn read<'b>(root: &Cursor<'b>, to: &mut Collector<'b>) -> Definition {
    for (_, schema) in root
        .get("components")
        .map(|one| one.members_of("schemas"))
        .unwrap_or_default()
    {
        to.name_of(Target {
            file: schema.file.to_owned(),
            pointer: schema.pointer.clone(),
        });
    }
    let mut operations = Vec::new();
    for (path, item) in to.path_items(root) {
        let shared = parameters(&item, to);
        for (method, at) in to.methods(&item, true) {
            let operation = operation(root, (method, path), &at, &shared, to);
            to.path_parameters(&operation, &at);
            operations.push(operation);
        }
    }
    for (name, hook) in root.fields_of("webhooks") {
        let _ = name;
        to.lost(
            &hook,
            "webhooks",
            "Webhooks stay in the document; the gateway does not route them.",
            "webhooks 保留在原文档中，网关不予路由。",
        );
    }
    to.twins(&operations);
    let info = root.get("info");
    let told = |name: &str| info.as_ref().and_then(|info| info.text(name));
    let servers = root.items_of("servers");
    let servers = servers.iter().filter_map(|server| {
        Some(Server {
            url: server.text("url")?,
            description: server.text("description"),
        })
    });
    Definition {
        format: to.format,
        title: told("title").unwrap_or_default(),
        version: told("version").unwrap_or_default(),
        description: told("description"),
        servers: servers.collect(),
        operations,
        schemas: IndexMap::new(),
        schema_spots: IndexMap::new(),
        schemes: schemes(root, to),
        spot: root.spot(),
    }
}

fn schemes<'b>(root: &Cursor<'b>, to: &mut Collector<'b>) -> IndexMap<String, Scheme> {
    let all = root
        .get("components")
        .map(|one| one.members_of("securitySchemes"))
        .unwrap_or_default();
    let mut out = IndexMap::new();
    for (name, at) in all {
        let Some(at) = to.follow(&at) else { continue };
        out.insert(
            name.to_owned(),
            Scheme {
                kind: at.text("type").unwrap_or_default(),
                detail: at.node.clone(),
                spot: at.spot(),
            },
        );
    }
    out
}

fn operation<'b>(
    root: &Cursor<'b>,
    (method, path): (Method, &str),
    at: &Cursor<'b>,
    shared: &[Parameter],
    to: &mut Collector<'b>,
) -> Operation {
    for (_, callback) in at.fields_of("callbacks") {
        to.lost(
            &callback,
            "callbacks",
            "Callbacks stay in the document; they are not compared or routed yet.",
            "回调保留在原文档中，尚不参与比对与路由。",
        );
    }
    for server in at.items_of("servers") {
        to.lost(
            &server,
            "servers",
            "Servers of one operation stay in the document; bindings say where it is served.",
            "单个操作的 servers 保留在原文档中，实际地址由绑定决定。",
        );
    }
    let own = parameters(at, to);
    let body = at
        .get("requestBody")
        .and_then(|body| to.follow(&body))
        .map(|at| Body {
            required: at.node.is_set("required"),
            description: at.text("description"),
            media: media(&at, to),
            spot: at.spot(),
        });
    Operation {
        id: at.text("operationId"),
        method,
        path: path.to_owned(),
        summary: at.text("summary"),
        description: at.text("description"),
        tags: texts(at, "tags"),
        deprecated: at.node.is_set("deprecated"),
        sunset: at.text("x-sunset"),
        parameters: joined(own, shared.to_vec()),
        body,
        outcomes: outcomes(at, to),
        security: security(at, root),
        open: open(at, root),
        errors: business_errors(at),
        idempotency: idempotency(at),
        spot: at.spot(),
    }
}

fn parameters<'b>(at: &Cursor<'b>, to: &mut Collector<'b>) -> Vec<Parameter> {
    let mut out = Vec::new();
    for item in at.items_of("parameters") {
        let Some(at) = to.follow(&item) else { continue };
        let place = at.node.get_text("in").and_then(place_of);
        let (Some(name), Some(place)) = (at.text("name"), place) else {
            to.parameter_fault(&at);
            continue;
        };
        // OpenAPI: parameters of these names are told by media types and security, not here.
        let spoken_for = ["accept", "content-type", "authorization"];
        if place == In::Header && spoken_for.contains(&name.to_ascii_lowercase().as_str()) {
            to.lost(
                &at,
                &name,
                "OpenAPI ignores this header parameter: media types and security say it.",
                "OpenAPI 规定忽略该头参数，由媒体类型与安全声明表达。",
            );
            continue;
        }
        let default_style = match place {
            In::Query | In::Cookie => "form",
            In::Path | In::Header => "simple",
        };
        let style = at.text("style").unwrap_or_else(|| default_style.to_owned());
        let explode = at
            .node
            .get("explode")
            .and_then(Node::bool)
            .unwrap_or(style == "form");
        let content = at.members_of("content").into_iter().next();
        let schema = match &content {
            Some((_, media)) => media.get("schema"),
            None => at.get("schema"),
        };
        out.push(Parameter {
            name,
            place,
            description: at.text("description"),
            required: place == In::Path || at.node.is_set("required"),
            deprecated: at.node.is_set("deprecated"),
            style,
            explode,
            allow_reserved: at.node.is_set("allowReserved"),
            allow_empty: at.node.is_set("allowEmptyValue"),
            schema: schema.map(|schema| to.lifted(&schema)),
            content: content.map(|(name, _)| name.to_owned()),
            examples: examples(&at, to),
            spot: at.spot(),
        });
    }
    out
}

fn media<'b>(at: &Cursor<'b>, to: &mut Collector<'b>) -> Vec<Media> {
    let all = at.members_of("content");
    all.into_iter()
        .map(|(name, at)| Media {
            name: name.to_owned(),
            schema: at.get("schema").map(|schema| to.lifted(&schema)),
            encoding: at.get("encoding").map(|one| one.node.clone()),
            examples: examples(&at, to),
            spot: at.spot(),
        })
        .collect()
}

fn examples<'b>(at: &Cursor<'b>, to: &mut Collector<'b>) -> Vec<(String, Node)> {
    let mut out: Vec<(String, Node)> = Vec::new();
    if let Some(example) = at.get("example") {
        out.push(("example".to_owned(), example.node.clone()));
    }
    for (name, at) in at.members_of("examples") {
        let Some(at) = to.follow(&at) else { continue };
        match at.get("value") {
            Some(value) => out.push((name.to_owned(), value.node.clone())),
            None if at.get("externalValue").is_some() => to.lost(
                &at,
                "externalValue",
                "An example elsewhere is not fetched.",
                "外部示例不予获取。",
            ),
            None => {}
        }
    }
    out
}

fn outcomes<'b>(at: &Cursor<'b>, to: &mut Collector<'b>) -> Vec<Outcome> {
    let mut out = Vec::new();
    for (status, at) in at.fields_of("responses") {
        let Some(at) = to.follow(&at) else { continue };
        out.push(Outcome {
            status: status.to_ascii_uppercase().replace("DEFAULT", "default"),
            description: at.text("description"),
            headers: headers(&at, to),
            media: media(&at, to),
            testable: at.node.is_set("x-testable"),
            links: at
                .members_of("links")
                .into_iter()
                .map(|(name, _)| name.to_owned())
                .collect(),
            spot: at.spot(),
        });
    }
    out
}

fn headers<'b>(at: &Cursor<'b>, to: &mut Collector<'b>) -> Vec<Header> {
    let mut out = Vec::new();
    for (name, at) in at.members_of("headers") {
        let Some(at) = to.follow(&at) else { continue };
        let content = at.members_of("content").into_iter().next();
        let schema = content.map_or_else(|| at.get("schema"), |(_, media)| media.get("schema"));
        out.push(Header {
            name: name.to_owned(),
            required: at.node.is_set("required"),
            schema: schema.map(|schema| to.lifted(&schema)),
            spot: at.spot(),
        });
    }
    out
}
