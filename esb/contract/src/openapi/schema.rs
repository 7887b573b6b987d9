//! Schemas of every version as JSON Schema 2020-12.

use rialto_document::{Map, Member, Node, Value, pointer_step};

use super::collect::Collector;
use super::cursor::Cursor;
use crate::definition::Format;

/// Keywords whose value is a schema.
const ONE: &[&str] = &[
    "items",
    "additionalProperties",
    "additionalItems",
    "not",
    "contains",
    "propertyNames",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];

/// Keywords whose value is a list of schemas.
const MANY: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value is an object of schemas.
const NAMED: &[&str] = &[
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
];

impl<'b> Collector<'b> {
    /// A schema in JSON Schema 2020-12, its references leading to shared schemas of ours.
    pub(super) fn lifted(&mut self, at: &Cursor<'b>) -> Node {
        let Some(map) = at.node.map() else {
            if at.node.bool().is_none() {
                self.no_schema(at);
                return Node::from(true);
            }
            return at.node.clone();
        };
        let old = self.format != Format::OpenApi31;
        if let Some(reference) = at.node.get_text("$ref") {
            let referred = self.referred(at, reference);
            if !old && map.len() > 1 {
                let mut out = self.members(at, map, &["$ref"]);
                if let Some(to) = referred {
                    out.put("$ref", to);
                }
                return out;
            }
            if map
                .keys()
                .any(|name| !matches!(&**name, "$ref" | "description" | "summary"))
            {
                self.lost(
                    at,
                    "$ref",
                    "What stands beside `$ref` is not read in this version of OpenAPI.",
                    "此版本的 OpenAPI 中 `$ref` 旁的关键字无效，未读取。",
                );
            }
            let mut out: Node = referred.map(|to| ("$ref", to)).into_iter().collect();
            out.place = at.node.place;
            return out;
        }
        let mut out = self.members(at, map, &[]);
        if old {
            self.nullable(at, &mut out);
            exclusive(&mut out, "minimum", "exclusiveMinimum");
            exclusive(&mut out, "maximum", "exclusiveMaximum");
        } else if out.get("nullable").is_some() {
            self.lost(
                at,
                "nullable",
                "`nullable` says nothing in OpenAPI 3.1: name `null` among the types.",
                "OpenAPI 3.1 中 `nullable` 无意义，请把 `null` 列入 type。",
            );
            out.take("nullable");
        }
        if let Some(example) = out.take("example")
            && out.get("examples").is_none()
        {
            out.put("examples", std::iter::once(example).collect());
        }
        out
    }

    fn members(&mut self, at: &Cursor<'b>, map: &'b Map, without: &[&str]) -> Node {
        let mut out = Map::with_capacity(map.len());
        for (name, member) in map {
            if without.contains(&&**name) {
                continue;
            }
            let here = Cursor {
                bundle: at.bundle,
                file: at.file,
                pointer: format!("{}{}", at.pointer, pointer_step(name)),
                node: &member.node,
            };
            let node = self.keyword(name, &here);
            let place = member.place;
            out.insert(name.clone(), Member { place, node });
        }
        Node {
            value: Value::Map(out),
            place: at.node.place,
        }
    }

    fn keyword(&mut self, name: &str, at: &Cursor<'b>) -> Node {
        let list = at.node.list().is_some();
        let value = if ONE.contains(&name) && !list {
            return self.lifted(at);
        } else if MANY.contains(&name) || (name == "items" && list) {
            Value::List(at.items().iter().map(|item| self.lifted(item)).collect())
        } else if NAMED.contains(&name) {
            let Some(map) = at.node.map() else {
                return at.node.clone();
            };
            let mut out = Map::with_capacity(map.len());
            for (name, member) in map {
                let here = Cursor {
                    bundle: at.bundle,
                    file: at.file,
                    pointer: format!("{}{}", at.pointer, pointer_step(name)),
                    node: &member.node,
                };
                let node = self.lifted(&here);
                let place = member.place;
                out.insert(name.clone(), Member { place, node });
            }
            Value::Map(out)
        } else if name == "discriminator" {
            return self.discriminator(at);
        } else {
            return at.node.clone();
        };
        Node {
            value,
            place: at.node.place,
        }
    }

    /// The mapping of a discriminator leads to shared schemas too, by reference or by bare name.
    fn discriminator(&mut self, at: &Cursor<'b>) -> Node {
        let mut out = at.node.clone();
        let mut mapped = Map::new();
        for (value, to) in at.members_of("mapping") {
            let Some(text) = to.node.text() else { continue };
            let bare = !text.contains(['/', '#', '.']);
            let reference = if bare && self.format == Format::OpenApi20 {
                format!("#/definitions/{text}")
            } else if bare {
                format!("#/components/schemas/{text}")
            } else {
                text.to_owned()
            };
            if let Some(node) = self.referred(&to, &reference) {
                let place = to.node.place;
                mapped.insert(value.into(), Member { place, node });
            }
        }
        if !mapped.is_empty() {
            out.put("mapping", Value::Map(mapped).into());
        }
        out
    }

    /// `#/$defs/NAME` for a reference, told as a fault when it leads nowhere.
    fn referred(&mut self, at: &Cursor<'b>, reference: &str) -> Option<Node> {
        let found = self.bundle.target(at.file, reference).and_then(|target| {
            self.bundle.node(&target)?;
            Ok(target)
        });
        match found {
            Ok(target) => {
                let name = self.name_of(target);
                Some(Node::from(
                    format!("#/$defs{}", pointer_step(&name)).as_str(),
                ))
            }
            Err(astray) => {
                self.stray(at, reference, &astray);
                None
            }
        }
    }

    fn nullable(&mut self, at: &Cursor<'b>, out: &mut Node) {
        let told = out.take("nullable").or_else(|| out.take("x-nullable"));
        if told.and_then(|node| node.bool()) != Some(true) {
            return;
        }
        match out.get("type").cloned() {
            Some(kind) if kind.text().is_some() => {
                let place = kind.place;
                let mut kinds: Node = [kind, Node::from("null")].into_iter().collect();
                kinds.place = place;
                out.put("type", kinds);
            }
            _ => self.lost(
                at,
                "nullable",
                "`nullable` without `type` beside it changes nothing, as OpenAPI 3.0.3 says.",
                "按 OpenAPI 3.0.3，`nullable` 没有同级 `type` 时不起作用。",
            ),
        }
    }

    fn no_schema(&mut self, at: &Cursor<'_>) {
        let what = crate::words::Words::new(
            format!("A schema stands here, this is {}.", at.node.kind()),
            "此处应为数据结构（schema）。",
        );
        let cure = crate::words::Words::new("Write an object.", "请写成对象。");
        self.fault(at, "IM03", what, cure);
    }
}

/// Draft 4's `exclusiveMinimum: true` beside `minimum: 3` as 2020-12's `exclusiveMinimum: 3`.
fn exclusive(out: &mut Node, bound: &str, exclusive: &str) {
    match out.get(exclusive).and_then(Node::bool) {
        Some(true) => {
            out.take(exclusive);
            if let Some(value) = out.take(bound) {
                out.put(exclusive, value);
            }
        }
        Some(false) => {
            out.take(exclusive);
        }
        None => {}
    }
}
