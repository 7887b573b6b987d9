//! Labels of the fields of answers, by place: what gateways mask for callers whose clearance is below
//! a label's level (specification, section 5.10).

use std::collections::BTreeMap;

use rialto_document::Node;
use rialto_esb_contract::{Definition, Operation};
use rialto_esb_policy::mask::{UNLABELLED_LEVEL, catalogue};
use rialto_esb_snapshot::FieldMask;

/// Deepest field that is labelled by its place; below it, and beyond [`MOST_FIELDS`], fields count as
/// unlabelled and are hidden.
const DEEPEST: usize = 12;
/// Most fields of an operation that are labelled by their place.
const MOST_FIELDS: usize = 2_000;
/// Most parts of schemas that are walked over, for schemas that contain themselves.
const MOST_STEPS: usize = 50_000;

/// The labelled fields of an operation's JSON answers, whatever their status. Where two answers label
/// one place differently, the label of the higher level counts. A label that is not of the catalogue
/// labels nothing.
#[must_use]
pub fn of_answers(operation: &Operation, definition: &Definition) -> Vec<FieldMask> {
    let levels: BTreeMap<String, u8> = catalogue()
        .into_iter()
        .map(|label| (label.name, label.level))
        .collect();
    let mut walk = Walk {
        definition,
        levels,
        fields: BTreeMap::new(),
        steps: 0,
    };
    let media = operation.outcomes.iter().flat_map(|one| &one.media);
    for schema in media.filter_map(|one| one.schema.as_ref()) {
        walk.node(schema, "", 0);
    }
    let fields = walk.fields.into_iter();
    fields
        .map(|(pointer, label)| FieldMask { pointer, label })
        .collect()
}

struct Walk<'d> {
    definition: &'d Definition,
    levels: BTreeMap<String, u8>,
    fields: BTreeMap<String, String>,
    steps: usize,
}

impl<'d> Walk<'d> {
    fn node(&mut self, node: &'d Node, pointer: &str, depth: usize) {
        self.steps += 1;
        if depth > DEEPEST || self.steps > MOST_STEPS {
            return;
        }
        if let Some(label) = node.get_text("x-label") {
            self.label(pointer, label);
        }
        let named = node.get_text("$ref");
        if let Some(shared) = named.and_then(|name| self.definition.schema(name)) {
            // A reference to a reference may go in a circle: it counts as a step.
            let step = usize::from(shared.get("$ref").is_some());
            self.node(shared, pointer, depth + step);
        }
        for part in ["allOf", "anyOf", "oneOf"] {
            let parts = node.get(part).and_then(Node::list).unwrap_or_default();
            for one in parts {
                self.node(one, pointer, depth + 1);
            }
        }
        let properties = node.get("properties").and_then(Node::map);
        for (name, member) in properties.into_iter().flatten() {
            let name = name.replace('~', "~0").replace('/', "~1");
            self.node(&member.node, &format!("{pointer}/{name}"), depth + 1);
        }
        for every in ["items", "additionalProperties"] {
            if let Some(schema) = node.get(every) {
                self.node(schema, &format!("{pointer}/*"), depth + 1);
            }
        }
    }

    fn label(&mut self, pointer: &str, label: &str) {
        let Some(level) = self.levels.get(label).copied() else {
            return;
        };
        let level_of = |label: &String| self.levels.get(label).copied();
        let known = self.fields.get(pointer);
        let above = known.is_none_or(|known| level_of(known).unwrap_or(UNLABELLED_LEVEL) < level);
        if above && (known.is_some() || self.fields.len() < MOST_FIELDS) {
            self.fields.insert(pointer.to_owned(), label.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use rialto_esb_contract::{Bundle, import};

    use super::*;

    fn fields(schemas: &str) -> Vec<String> {
        let text = format!(
            "openapi: 3.0.3\ninfo: {{title: t, version: '1'}}\npaths:\n  /a:\n    get:\n      responses:\n        '200': {{description: ok, content: {{application/json: {{schema: {{$ref: '#/components/schemas/S'}}}}}}}}\n        '400': {{description: no, content: {{application/json: {{schema: {{type: object, properties: {{id: {{type: string, x-label: secret}}}}}}}}}}}}\ncomponents: {{schemas: {schemas}}}\n"
        );
        let definition = import(&Bundle::single("a.yaml", &text).expect("reads"))
            .expect("imports")
            .definition;
        let found = of_answers(&definition.operations[0], &definition).into_iter();
        found
            .map(|one| format!("{} {}", one.pointer, one.label))
            .collect()
    }

    #[test]
    fn fields_are_labelled_where_they_stand() {
        let schemas = "{S: {type: object, properties: {id: {type: string, x-label: none}, 'a/b': {$ref: '#/components/schemas/M'}, items: {type: array, items: {allOf: [{type: object, properties: {m: {$ref: '#/components/schemas/M'}, odd: {type: string, x-label: nobody-knows}}}]}}, more: {type: object, additionalProperties: {type: string, x-label: amount}}}}, M: {type: string, x-label: mobile}}";
        assert_eq!(
            fields(schemas),
            [
                "/a~1b mobile",
                // The stricter of two answers.
                "/id secret",
                "/items/*/m mobile",
                "/more/* amount",
            ]
        );
    }

    #[test]
    fn schemas_that_contain_themselves_end() {
        let schemas = "{S: {type: object, properties: {name: {type: string, x-label: name}, left: {$ref: '#/components/schemas/S'}, right: {$ref: '#/components/schemas/S'}}}}";
        let found = fields(schemas);
        assert!(found.contains(&"/left/right/name name".to_owned()));
        assert!(found.len() <= MOST_FIELDS);
        let circle = "{S: {$ref: '#/components/schemas/T'}, T: {$ref: '#/components/schemas/S'}}";
        assert_eq!(fields(circle), ["/id secret"]);
    }
}
