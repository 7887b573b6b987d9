//! Schemas of a definition, compiled for checking values.
//!
//! JSON Schema 2020-12 by the `jsonschema` crate, with patterns in an engine of linear time and the
//! formats of the house asserted. Nothing is fetched from anywhere.

pub mod answer;
mod formats;
pub mod portable;
pub mod request;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jsonschema::{PatternOptions, Validator};
use rialto_document::{Node, Value};
use rialto_esb_contract::Definition;
use rialto_esb_contract::lint::Checker;

/// Why a schema cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema cannot be compiled at {pointer}: {message}")]
pub struct CompileSchemaError {
    /// JSON pointer into the schema.
    pub pointer: String,
    /// What is wrong; a pattern with look-around is refused here, for it may take for ever.
    pub message: String,
}

/// A violation of a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// JSON pointer into the value.
    pub pointer: String,
    /// JSON pointer into the schema, its last step the keyword.
    pub schema_pointer: String,
    /// The keyword that says no.
    pub keyword: String,
    /// What is wrong, the value itself left out: it may be of a person.
    pub message: String,
}

/// Most violations told of one value.
pub const MAX_VIOLATIONS: usize = 20;

/// A schema ready to check values.
#[derive(Debug)]
pub struct Compiled(Validator);

impl Compiled {
    /// Compiles a schema together with those shared schemas of its definition that it reaches.
    ///
    /// # Errors
    /// [`CompileSchemaError`].
    pub fn new(schema: &Node, definition: &Definition) -> Result<Self, CompileSchemaError> {
        let whole = with_shared(schema, definition);
        let mut options = jsonschema::draft202012::options()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .offline();
        for (name, check) in formats::FORMATS {
            options = options.with_format(*name, *check);
        }
        options
            .build(&whole)
            .map(Self)
            .map_err(|error| CompileSchemaError {
                pointer: error.instance_path().to_string(),
                message: error.to_string(),
            })
    }

    /// Whether a value fits.
    #[must_use]
    pub fn fits(&self, value: &serde_json::Value) -> bool {
        self.0.is_valid(value)
    }

    /// What is wrong with a value, by place; at most [`MAX_VIOLATIONS`].
    #[must_use]
    pub fn violations(&self, value: &serde_json::Value) -> Vec<Violation> {
        let mut found: Vec<Violation> = self
            .0
            .iter_errors(value)
            .take(MAX_VIOLATIONS * 4)
            .map(|error| {
                let schema_pointer = error.schema_path().to_string();
                Violation {
                    pointer: error.instance_path().to_string(),
                    keyword: schema_pointer
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                    message: error.masked_with("the value").to_string(),
                    schema_pointer,
                }
            })
            .collect();
        found.sort();
        found.dedup();
        found.truncate(MAX_VIOLATIONS);
        found
    }
}

/// Names of the shared schemas that a schema reaches.
fn shared_names<'d>(schema: &'d Node, definition: &'d Definition) -> BTreeSet<&'d str> {
    let mut names = BTreeSet::new();
    let mut waiting = vec![schema];
    while let Some(node) = waiting.pop() {
        reach(node, &mut |name| {
            if let Some((name, shared)) = definition.schemas.get_key_value(name)
                && names.insert(name.as_str())
            {
                waiting.push(shared);
            }
        });
    }
    names
}

/// The schema with the shared schemas it reaches under `$defs`.
fn with_shared(schema: &Node, definition: &Definition) -> serde_json::Value {
    let shared = shared_names(schema, definition)
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), definition.schemas.get(name)?.to_value())));
    let shared: serde_json::Map<_, _> = shared.collect();
    let mut whole = schema.to_value();
    if shared.is_empty() {
        return whole;
    }
    if let Some(object) = whole.as_object_mut() {
        object.insert("$defs".to_owned(), shared.into());
    }
    whole
}

fn reach<'d>(node: &'d Node, found: &mut dyn FnMut(&'d str)) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| reach(item, found)),
        Value::Map(map) => {
            let reference = map.get("$ref").and_then(|member| member.node.text());
            if let Some(name) = reference.and_then(|text| text.strip_prefix("#/$defs/")) {
                found(name.split('/').next().unwrap_or(name));
            }
            map.values().for_each(|member| reach(&member.node, found));
        }
        _ => {}
    }
}

/// Checks values against schemas of one definition, compiling each schema once.
pub struct Schemas<'d> {
    definition: &'d Definition,
    compiled: RefCell<HashMap<String, Result<Rc<Compiled>, CompileSchemaError>>>,
}

impl<'d> Schemas<'d> {
    /// Schemas of a definition.
    #[must_use]
    pub fn new(definition: &'d Definition) -> Self {
        Self {
            definition,
            compiled: RefCell::default(),
        }
    }

    fn compiled(&self, schema: &Node) -> Result<Rc<Compiled>, CompileSchemaError> {
        let mut compiled = self.compiled.borrow_mut();
        let entry = compiled.entry(schema.to_json());
        let made = entry.or_insert_with(|| Compiled::new(schema, self.definition).map(Rc::new));
        made.clone()
    }
}

impl Checker for Schemas<'_> {
    fn violations(&self, schema: &Node, value: &Node) -> Vec<(String, String)> {
        match self.compiled(schema) {
            Ok(compiled) => {
                let found = compiled.violations(&value.to_value());
                found
                    .into_iter()
                    .map(|one| (one.pointer, one.message))
                    .collect()
            }
            Err(error) => vec![(String::new(), error.to_string())],
        }
    }
}

#[cfg(test)]
mod tests {
    use rialto_esb_contract::{Bundle, import};
    use serde_json::json;

    use super::*;

    fn definition(schemas: &str) -> Definition {
        let text = format!(
            "openapi: 3.0.3\ninfo: {{title: t, version: '1'}}\npaths: {{}}\ncomponents: {{schemas: {schemas}}}\n"
        );
        import(&Bundle::single("a.yaml", &text).expect("reads"))
            .expect("imports")
            .definition
    }

    fn compiled(schemas: &str) -> Result<Compiled, CompileSchemaError> {
        let definition = definition(schemas);
        Compiled::new(definition.schema("#/$defs/S").expect("there"), &definition)
    }

    #[test]
    fn shared_schemas_are_reached_through_each_other() {
        let schemas = "{S: {type: object, properties: {next: {$ref: '#/components/schemas/S'}, m: {$ref: '#/components/schemas/Money'}}}, Money: {type: string, format: decimal}, Other: {type: string, pattern: '(?<=a)b'}}";
        let compiled = compiled(schemas).expect("what it does not reach is not compiled");
        assert!(compiled.fits(&json!({"next": {"m": "1.50"}})));
        let found = compiled.violations(&json!({"next": {"next": {"m": "1,50"}}, "m": 3}));
        let places: Vec<_> = found
            .iter()
            .map(|one| (one.pointer.as_str(), one.keyword.as_str()))
            .collect();
        assert_eq!(places, [("/m", "type"), ("/next/next/m", "format")]);
    }

    #[test]
    fn messages_do_not_tell_the_value() {
        let compiled = compiled("{S: {type: string, maxLength: 3}}").expect("compiles");
        let found = compiled.violations(&json!("110101199003070000"));
        assert_eq!(found.len(), 1);
        assert!(!found[0].message.contains("1101"), "{}", found[0].message);
    }

    #[test]
    fn patterns_that_may_take_for_ever_are_refused() {
        let error = compiled("{S: {type: string, pattern: '(?<=a)b'}}").expect_err("refused");
        assert!(error.message.contains("(?<=a)b"), "{error}");
        let slow = compiled("{S: {type: string, pattern: '^(a+)+$'}}").expect("linear here");
        assert!(!slow.fits(&json!("a".repeat(50_000) + "!")));
    }

    #[test]
    fn formats_of_the_house_are_asserted() {
        for (format, good, bad) in [
            ("date", "2026-02-28", "2026-02-30"),
            ("date-time", "2026-11-22T14:00:00+08:00", "2026-11-22 14:00"),
            ("uuid", "67e55044-10b1-426f-9247-bb680e5fe0c8", "67e5"),
            ("decimal", "-12.50", "1e3"),
            ("byte", "aGk=", "a-_"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
        ] {
            let compiled =
                compiled(&format!("{{S: {{type: string, format: {format}}}}}")).expect("compiles");
            assert!(compiled.fits(&json!(good)), "{format} {good}");
            assert!(!compiled.fits(&json!(bad)), "{format} {bad}");
        }
    }
}
