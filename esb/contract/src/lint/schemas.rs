//! Rules on fields: limits, money, names, labels, schemas nobody uses.

use std::collections::{BTreeMap, BTreeSet};

use rialto_document::{Node, pointer_step};

use super::Lint;
use super::rules::{LN04, LN05, LN06, LN09, LN14};
use crate::definition::{In, Spot};
use crate::words::Words;

/// Deepest field that is looked at; references are followed once, at the shared schema.
const MAX_DEPTH: usize = 64;

/// A field with its name and where it stands.
struct Field<'d> {
    name: String,
    schema: &'d Node,
    spot: Spot,
}

pub(super) fn check(lint: &mut Lint<'_>) {
    let mut fields = Vec::new();
    let mut used = BTreeSet::new();
    let definition = lint.definition;
    for (name, schema) in &definition.schemas {
        let spot = definition
            .schema_spots
            .get(name)
            .cloned()
            .unwrap_or_default();
        let mut own = BTreeSet::new();
        walk(schema, &spot, &mut fields, &mut own, 0);
        own.remove(name.as_str());
        used.extend(own);
    }
    for operation in &definition.operations {
        for parameter in &operation.parameters {
            let Some(schema) = &parameter.schema else {
                continue;
            };
            walk(schema, &parameter.spot, &mut fields, &mut used, 0);
            let name = match parameter.place {
                In::Header => String::new(),
                _ => parameter.name.clone(),
            };
            let spot = parameter.spot.clone();
            fields.push(Field { name, schema, spot });
        }
        let bodies = operation.body.iter().flat_map(|body| &body.media);
        let answers = operation.outcomes.iter().flat_map(|one| &one.media);
        for media in bodies.chain(answers) {
            if let Some(schema) = &media.schema {
                walk(schema, &media.spot, &mut fields, &mut used, 0);
            }
        }
        for header in operation.outcomes.iter().flat_map(|one| &one.headers) {
            if let Some(schema) = &header.schema {
                walk(schema, &header.spot, &mut fields, &mut used, 0);
            }
        }
    }
    for field in &fields {
        limits(lint, field);
        money(lint, field);
        label(lint, field);
    }
    names(lint, &fields);
    for (name, spot) in &definition.schema_spots {
        if !used.contains(name.as_str()) {
            let what = Words::new(
                format!("Nothing uses the schema `{name}`."),
                format!("结构 `{name}` 未被使用。"),
            );
            lint.tell(&LN14, spot, what);
        }
    }
}

/// Gathers the fields of a schema that stands at `spot`, and the names of schemas it refers to.
fn walk<'d>(
    schema: &'d Node,
    spot: &Spot,
    fields: &mut Vec<Field<'d>>,
    used: &mut BTreeSet<&'d str>,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let mapping = schema.at("/discriminator/mapping").and_then(Node::map);
    let mapped = mapping
        .into_iter()
        .flatten()
        .filter_map(|(_, member)| member.node.text());
    for reference in schema.get_text("$ref").into_iter().chain(mapped) {
        used.extend(reference.strip_prefix("#/$defs/"));
    }
    let below = |node: &Node, path: String| Spot {
        file: spot.file.clone(),
        line: node.place.line,
        column: node.place.column,
        pointer: format!("{}{path}", spot.pointer),
    };
    let properties = schema.get("properties").and_then(Node::map);
    for (name, member) in properties.into_iter().flatten() {
        let spot = below(&member.node, format!("/properties{}", pointer_step(name)));
        walk(&member.node, &spot, fields, used, depth + 1);
        fields.push(Field {
            name: name.to_string(),
            schema: &member.node,
            spot,
        });
    }
    for keyword in [
        "items",
        "additionalProperties",
        "not",
        "contains",
        "if",
        "then",
        "else",
    ] {
        if let Some(part) = schema.get(keyword) {
            walk(
                part,
                &below(part, format!("/{keyword}")),
                fields,
                used,
                depth + 1,
            );
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        let parts = schema.get(keyword).and_then(Node::list).unwrap_or_default();
        for (n, part) in parts.iter().enumerate() {
            walk(
                part,
                &below(part, format!("/{keyword}/{n}")),
                fields,
                used,
                depth + 1,
            );
        }
    }
}

fn is_kind(schema: &Node, kind: &str) -> bool {
    let told = schema.get("type");
    let among = told.and_then(Node::list).unwrap_or_default();
    told.and_then(Node::text) == Some(kind) || among.iter().any(|one| one.text() == Some(kind))
}

fn limits(lint: &mut Lint<'_>, field: &Field<'_>) {
    let has = |name: &str| field.schema.get(name).is_some();
    let name = &field.name;
    let known = has("enum") || has("const") || has("format") || has("pattern");
    if is_kind(field.schema, "string") && !has("maxLength") && !known {
        let what = Words::new(
            format!("The text `{name}` has no limit."),
            format!("文本 `{name}` 没有长度上限。"),
        );
        lint.tell(&LN04, &field.spot, what);
    }
    if is_kind(field.schema, "array") && !has("maxItems") {
        let what = Words::new(
            format!("The list `{name}` has no limit."),
            format!("列表 `{name}` 没有数量上限。"),
        );
        lint.tell(&LN04, &field.spot, what);
    }
}

/// Words by which money is known among the parts of a name.
const MONEY: &[&str] = &[
    "amount",
    "price",
    "fee",
    "balance",
    "notional",
    "premium",
    "commission",
    "cost",
    "money",
    "cash",
    "nav",
    "turnover",
    "margin",
    "pnl",
];

fn money(lint: &mut Lint<'_>, field: &Field<'_>) {
    let parts = words(&field.name);
    let named = parts.iter().any(|part| MONEY.contains(&part.as_str()));
    let labelled = matches!(field.schema.get_text("x-label"), Some("amount"));
    if (named || labelled) && is_kind(field.schema, "number") {
        let name = &field.name;
        let what = Words::new(
            format!("`{name}` looks like money and is a `number`."),
            format!("`{name}` 似为金额，却是 `number`。"),
        );
        lint.tell(&LN05, &field.spot, what);
    }
}

/// A leaf says how it is masked: itself, or the shared schema it refers to.
fn label(lint: &mut Lint<'_>, field: &Field<'_>) {
    let follow = |node| lint.definition.schema(Node::text(node)?);
    let target = field.schema.get("$ref").and_then(follow);
    let labelled = |node: &Node| node.get("x-label").is_some();
    if labelled(field.schema) || target.is_some_and(labelled) {
        return;
    }
    let node = target.unwrap_or(field.schema);
    let inner = [
        "properties",
        "items",
        "allOf",
        "anyOf",
        "oneOf",
        "additionalProperties",
    ];
    if inner.iter().any(|name| node.get(name).is_some()) || field.name.is_empty() {
        return;
    }
    let name = &field.name;
    let what = Words::new(
        format!("The field `{name}` has no masking label."),
        format!("字段 `{name}` 没有脱敏标签。"),
    );
    lint.tell(&LN09, &field.spot, what);
}

/// A name's parts in lower case: `orderQty` and `order_qty` are `order`, `qty`.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    let mut small = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            out.push(String::new());
            small = false;
            continue;
        }
        if letter.is_uppercase() && small {
            out.push(String::new());
        }
        small = letter.is_lowercase() || letter.is_ascii_digit();
        if let Some(last) = out.last_mut() {
            last.extend(letter.to_lowercase());
        }
    }
    out.retain(|part| !part.is_empty());
    out
}

/// How a name is written; `None` when it is a single lower-case word and fits any.
fn style(name: &str) -> Option<&'static str> {
    let upper = name.chars().any(char::is_uppercase);
    let first = name.chars().next().is_some_and(char::is_uppercase);
    match (name.contains('_'), name.contains('-'), upper) {
        (false, false, false) => None,
        (true, _, false) => Some("snake_case"),
        (_, true, false) => Some("kebab-case"),
        (true, _, true) => Some("SCREAMING_CASE"),
        (_, true, true) => Some("Train-Case"),
        _ if first => Some("PascalCase"),
        _ => Some("camelCase"),
    }
}

fn names(lint: &mut Lint<'_>, fields: &[Field<'_>]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for found in fields.iter().filter_map(|field| style(&field.name)) {
        *counts.entry(found).or_default() += 1;
    }
    let Some((most, _)) = counts.iter().max_by_key(|(_, count)| **count) else {
        return;
    };
    for field in fields {
        if let Some(found) = style(&field.name).filter(|found| found != most) {
            let name = &field.name;
            let what = Words::new(
                format!("`{name}` is {found}; most names here are {most}."),
                format!("`{name}` 为 {found}，此处多数为 {most}。"),
            );
            lint.tell(&LN06, &field.spot, what);
        }
    }
}
