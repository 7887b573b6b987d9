//! Schemas walked for what a request can keep or violate.

use std::collections::BTreeSet;

use rialto_document::{Node, pointer_step};
use rialto_esb_contract::Definition;

use crate::{ASSERTED_FORMATS, MAX_DEPTH, value_text};

/// Keywords with a last legal and a first illegal value.
const BOUNDS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "multipleOf",
];

pub(crate) struct Walk<'d> {
    definition: &'d Definition,
    pub(crate) cells: BTreeSet<String>,
    pub(crate) cut: BTreeSet<String>,
    /// References on the way from the top to here.
    path: Vec<&'d str>,
}

/// Where the walk stands.
#[derive(Clone)]
struct At {
    text: String,
    depth: usize,
    /// Values arrive as text: one is never of another type than text.
    textual: bool,
}

impl At {
    fn below(&self, step: &str) -> Self {
        Self {
            text: format!("{}{step}", self.text),
            depth: self.depth + 1,
            textual: self.textual,
        }
    }
}

impl<'d> Walk<'d> {
    pub(crate) fn new(definition: &'d Definition) -> Self {
        Self {
            definition,
            cells: BTreeSet::new(),
            cut: BTreeSet::new(),
            path: Vec::new(),
        }
    }

    /// A parameter's schema; one in a media type of its own is not written as bare text.
    pub(crate) fn parameter(&mut self, schema: &'d Node, at: &str, in_media: bool) {
        let at = At {
            text: at.to_owned(),
            depth: 0,
            textual: !in_media,
        };
        self.visit(schema, &at);
    }

    pub(crate) fn body(&mut self, schema: &'d Node) {
        let at = At {
            text: "body:".to_owned(),
            depth: 0,
            textual: false,
        };
        self.visit(schema, &at);
    }

    fn visit(&mut self, schema: &'d Node, at: &At) {
        if at.depth > MAX_DEPTH {
            self.cut.insert(at.text.clone());
            return;
        }
        // What only answers carry is not asked of requests.
        if schema.is_set("readOnly") {
            return;
        }
        if let Some(reference) = schema.get_text("$ref") {
            if self.path.contains(&reference) {
                self.cut.insert(at.text.clone());
            } else if let Some(target) = self.definition.schema(reference) {
                self.path.push(reference);
                self.visit(target, at);
                self.path.pop();
            }
        }
        self.value(schema, at);
        for part in list(schema, "allOf") {
            self.visit(part, at);
        }
        for keyword in ["oneOf", "anyOf"] {
            for (n, branch) in list(schema, keyword).iter().enumerate() {
                self.cells.insert(format!("branch:{}:{n}", at.text));
                self.visit(branch, at);
            }
        }
        self.object(schema, at);
        if let Some(items) = schema.get("items") {
            self.visit(items, &at.below("/*"));
        }
    }

    fn object(&mut self, schema: &'d Node, at: &At) {
        for name in list(schema, "required").iter().filter_map(Node::text) {
            let below = at.below(&pointer_step(name));
            self.cells.insert(format!("required:{}", below.text));
        }
        let properties = schema.get("properties").and_then(Node::map);
        for (name, member) in properties.into_iter().flatten() {
            self.visit(&member.node, &at.below(&pointer_step(name)));
        }
    }

    /// Cells of a value itself.
    fn value(&mut self, schema: &Node, at: &At) {
        let Some(map) = schema.map() else {
            return;
        };
        let text = &at.text;
        let kinds: Vec<&str> = match schema.get("type") {
            Some(kind) => match kind.text() {
                Some(one) => vec![one],
                None => list(schema, "type").iter().filter_map(Node::text).collect(),
            },
            None => Vec::new(),
        };
        let nullable = kinds.contains(&"null");
        let typed = kinds.iter().any(|kind| *kind != "null");
        let only_text = at.textual && kinds.contains(&"string");
        if typed && !only_text {
            self.cells.insert(format!("type:{text}"));
        }
        if nullable && !at.textual {
            self.cells.insert(format!("null:{text}"));
        }
        for keyword in BOUNDS.iter().filter(|keyword| map.contains_key(**keyword)) {
            if reachable(keyword, schema) {
                self.cells.insert(format!("bound:{text}:{keyword}:edge"));
                self.cells.insert(format!("bound:{text}:{keyword}:over"));
            }
        }
        if let Some(values) = schema.get("enum").and_then(Node::list) {
            for value in values
                .iter()
                .filter(|value| !(at.textual && value.to_json() == "null"))
            {
                self.cells
                    .insert(format!("enum:{text}:{}", value_text(value)));
            }
            self.cells.insert(format!("enum:{text}:!"));
        }
        if map.contains_key("pattern") {
            self.cells.insert(format!("pattern:{text}"));
        }
        if schema
            .get_text("format")
            .is_some_and(|format| ASSERTED_FORMATS.contains(&format))
        {
            self.cells.insert(format!("format:{text}"));
        }
    }
}

/// Nothing is shorter than nothing: a least length or size of 0 cannot be passed under.
fn reachable(keyword: &str, schema: &Node) -> bool {
    let zero = schema.get(keyword).and_then(Node::number) == Some("0");
    !(zero && matches!(keyword, "minLength" | "minItems"))
}

fn list<'n>(schema: &'n Node, name: &str) -> &'n [Node] {
    schema.get(name).and_then(Node::list).unwrap_or_default()
}
