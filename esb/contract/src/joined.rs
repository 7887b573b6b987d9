//! A schema with its references followed and its `allOf` parts joined.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use rialto_document::Node;

use crate::definition::Definition;

/// The seven types of JSON Schema; an integer is a number too.
pub const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Deepest chain of references and `allOf`.
const MAX_NESTING: usize = 64;

/// A schema's say, all parts joined.
#[derive(Debug, Clone, Default)]
pub struct Joined<'d> {
    /// Allowed types; `None` for all.
    pub types: Option<BTreeSet<&'d str>>,
    /// Properties, each with every part that speaks of it.
    pub properties: IndexMap<&'d str, Vec<&'d Node>>,
    /// Names of properties that must be there.
    pub required: BTreeSet<&'d str>,
    /// Examples, those of the outer parts first.
    pub examples: Vec<&'d Node>,
    /// All other keywords, each with what every part says.
    pub keywords: IndexMap<&'d str, Vec<&'d Node>>,
    /// `false` schemas and chains that never end allow nothing we could compare.
    pub never: bool,
    /// A reference that leads to nothing we know.
    pub lost: bool,
}

/// Parts of a schema say different things of a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("parts of the schema say different things")]
pub struct PartsDiffer;

impl<'d> Joined<'d> {
    /// Joins parts that must all hold.
    #[must_use]
    pub fn of(parts: &[&'d Node], within: &'d Definition) -> Self {
        let mut flat = Self::default();
        for part in parts {
            flat.join(part, within, 0);
        }
        flat
    }

    fn join(&mut self, node: &'d Node, within: &'d Definition, depth: usize) {
        if depth > MAX_NESTING {
            self.lost = true;
            return;
        }
        let Some(map) = node.map() else {
            self.never |= node.bool() == Some(false);
            return;
        };
        for (name, member) in map {
            let value = &member.node;
            match &**name {
                "$ref" => match value.text().and_then(|text| within.schema(text)) {
                    Some(target) => self.join(target, within, depth + 1),
                    None => self.lost = true,
                },
                "allOf" => {
                    for part in value.list().unwrap_or_default() {
                        self.join(part, within, depth + 1);
                    }
                }
                "type" => self.narrow(value),
                "properties" => {
                    for (name, member) in value.map().into_iter().flatten() {
                        self.properties.entry(name).or_default().push(&member.node);
                    }
                }
                "required" => {
                    let names = value.list().unwrap_or_default();
                    self.required.extend(names.iter().filter_map(Node::text));
                }
                "examples" => {
                    let all = value.list().unwrap_or_default();
                    self.examples.extend(all);
                }
                "title" | "description" | "$comment" | "externalDocs" | "$defs" | "definitions"
                | "$schema" | "$id" => {}
                name => self.keywords.entry(name).or_default().push(value),
            }
        }
    }

    fn narrow(&mut self, value: &'d Node) {
        let told: BTreeSet<&str> = match value.text() {
            Some(one) => [one].into(),
            None => value
                .list()
                .unwrap_or_default()
                .iter()
                .filter_map(Node::text)
                .collect(),
        };
        self.types = Some(match self.types.take() {
            None => told,
            Some(before) => TYPES
                .into_iter()
                .filter(|kind| covers(&before, kind) && covers(&told, kind))
                .collect(),
        });
    }

    /// Types, all of them when nothing is said.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<&'d str> {
        match &self.types {
            Some(types) => TYPES
                .into_iter()
                .filter(|kind| covers(types, kind))
                .collect(),
            None => TYPES.into(),
        }
    }

    /// The one thing all parts say of a keyword.
    ///
    /// # Errors
    /// [`PartsDiffer`].
    pub fn one(&self, keyword: &str) -> Result<Option<&'d Node>, PartsDiffer> {
        let Some(all) = self.keywords.get(keyword) else {
            return Ok(None);
        };
        match all.as_slice() {
            [] => Ok(None),
            [first, rest @ ..] if rest.iter().all(|node| node == first) => Ok(Some(first)),
            _ => Err(PartsDiffer),
        }
    }

    /// Whether a part says `true`.
    #[must_use]
    pub fn is_set(&self, keyword: &str) -> bool {
        let all = self.keywords.get(keyword).into_iter().flatten();
        all.filter_map(|node| node.bool()).any(|told| told)
    }
}

/// Whether a set of types holds a type; a number holds integers.
#[must_use]
pub fn covers(types: &BTreeSet<&str>, kind: &str) -> bool {
    types.contains(kind) || (kind == "integer" && types.contains("number"))
}
