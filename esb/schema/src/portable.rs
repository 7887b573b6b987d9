//! An operation's rules for requests and answers in one text that needs nothing else: what a gateway
//! is given of a definition, so that it checks without the definition.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use rialto_document::Node;
use rialto_esb_contract::{
    Body, Definition, Format, In, Media, Method, Operation, Parameter, Spot,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::CompileSchemaError;
use crate::answer::AnswerCheck;
use crate::request::OperationCheck;

/// The rules of an operation. Schemas are JSON Schema 2020-12; `#/$defs/NAME` refers to `schemas`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portable {
    /// What goes into path, query, headers and cookies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<PortableParameter>,
    /// What goes into the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<PortableBody>,
    /// What comes back: by status (`200`, `4XX`, `default`) and media type.
    #[serde(default)]
    answers: BTreeMap<String, PortableMedia>,
    /// Shared schemas that the others reach.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    schemas: BTreeMap<String, Value>,
}

/// Media types as written, each with its schema when it has one; in the order of the definition.
type PortableMedia = Vec<(String, Option<Value>)>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PortableParameter {
    name: String,
    #[serde(rename = "in")]
    place: Place,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    required: bool,
    style: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    explode: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    allow_empty: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PortableBody {
    required: bool,
    media: PortableMedia,
}

/// Why a text gives no rules.
#[derive(Debug, thiserror::Error)]
pub enum ReadPortableError {
    /// It has another form.
    #[error("the rules of an operation have another form: {0}")]
    Form(#[from] serde_json::Error),
    /// A schema of it cannot be compiled.
    #[error(transparent)]
    Schema(#[from] CompileSchemaError),
}

impl Portable {
    /// The rules of an operation of a definition.
    #[must_use]
    pub fn of(operation: &Operation, definition: &Definition) -> Self {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut take = |schema: Option<&Node>| {
            schema.map(|schema| {
                for name in crate::shared_names(schema, definition) {
                    if let Some((name, _)) = definition.schemas.get_key_value(name) {
                        reached.insert(name);
                    }
                }
                schema.to_value()
            })
        };
        let mut media = |all: &[Media]| -> PortableMedia {
            let each = all.iter();
            each.map(|one| (one.name.clone(), take(one.schema.as_ref())))
                .collect()
        };
        let body = operation.body.as_ref().map(|body| PortableBody {
            required: body.required,
            media: media(&body.media),
        });
        let outcomes = operation.outcomes.iter();
        let answers = outcomes
            .map(|one| (one.status.clone(), media(&one.media)))
            .collect();
        let parameters = operation.parameters.iter().map(|one| PortableParameter {
            name: one.name.clone(),
            place: match one.place {
                In::Path => Place::Path,
                In::Query => Place::Query,
                In::Header => Place::Header,
                In::Cookie => Place::Cookie,
            },
            required: one.required,
            style: one.style.clone(),
            explode: one.explode,
            allow_empty: one.allow_empty,
            content: one.content.clone(),
            schema: take(one.schema.as_ref()),
        });
        let parameters = parameters.collect();
        let schemas = reached
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), definition.schemas.get(name)?.to_value())));
        Self {
            parameters,
            body,
            answers,
            schemas: schemas.collect(),
        }
    }

    /// The rules as text; the same rules give the same text.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Text keys and plain values: it always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Rules read from a text and compiled.
    ///
    /// # Errors
    /// [`ReadPortableError`].
    pub fn compile(text: &str) -> Result<(OperationCheck, AnswerCheck), ReadPortableError> {
        let read: Self = serde_json::from_str(text)?;
        let (operation, definition) = read.operation();
        let requests = OperationCheck::new(&operation, &definition)?;
        let answers = read.answers.iter().map(|(status, all)| {
            let all: Vec<Media> = all.iter().map(media_of).collect();
            (status.clone(), all)
        });
        let answers = AnswerCheck::new(answers, &definition)?;
        Ok((requests, answers))
    }

    /// The operation, as far as requests are checked, and a definition with its schemas.
    fn operation(&self) -> (Operation, Definition) {
        let schemas = self.schemas.iter();
        let schemas: IndexMap<String, Node> = schemas
            .map(|(name, schema)| (name.clone(), Node::from_value(schema)))
            .collect();
        let parameters = self.parameters.iter().map(|one| Parameter {
            name: one.name.clone(),
            place: match one.place {
                Place::Path => In::Path,
                Place::Query => In::Query,
                Place::Header => In::Header,
                Place::Cookie => In::Cookie,
            },
            description: None,
            required: one.required,
            deprecated: false,
            style: one.style.clone(),
            explode: one.explode,
            allow_reserved: false,
            allow_empty: one.allow_empty,
            schema: one.schema.as_ref().map(Node::from_value),
            content: one.content.clone(),
            examples: Vec::new(),
            spot: Spot::default(),
        });
        let body = self.body.as_ref().map(|body| Body {
            required: body.required,
            description: None,
            media: body.media.iter().map(media_of).collect(),
            spot: Spot::default(),
        });
        let operation = Operation {
            id: None,
            method: Method::Post,
            path: String::new(),
            summary: None,
            description: None,
            tags: Vec::new(),
            deprecated: false,
            sunset: None,
            parameters: parameters.collect(),
            body,
            outcomes: Vec::new(),
            security: Vec::new(),
            open: false,
            errors: Vec::new(),
            idempotency: rialto_esb_contract::Idempotency::default(),
            spot: Spot::default(),
        };
        let definition = Definition {
            format: Format::OpenApi31,
            title: String::new(),
            version: String::new(),
            description: None,
            servers: Vec::new(),
            operations: Vec::new(),
            schemas,
            schema_spots: IndexMap::new(),
            schemes: IndexMap::new(),
            spot: Spot::default(),
        };
        (operation, definition)
    }
}

fn media_of((name, schema): &(String, Option<Value>)) -> Media {
    Media {
        name: name.clone(),
        schema: schema.as_ref().map(Node::from_value),
        encoding: None,
        examples: Vec::new(),
        spot: Spot::default(),
    }
}
