//! Answers checked against what an operation says of them.

use rialto_esb_contract::{Definition, Media};
use serde_json::Value;

use crate::request::{Finding, essence, is_json, takes, told_of};
use crate::{CompileSchemaError, Compiled};

/// Media types, each with its schema when it is one of JSON.
type Forms = Vec<(String, Option<Compiled>)>;

/// Answers of an operation, ready to be checked.
#[derive(Debug)]
pub struct AnswerCheck {
    /// By status: `200`, `4XX`, `default`.
    outcomes: Vec<(String, Forms)>,
}

/// What an answer's head says of its body.
#[derive(Debug)]
pub enum Expected<'c> {
    /// Anything may come.
    Anything,
    /// A JSON value of this schema.
    Json(&'c Compiled),
    /// Nobody declared such an answer.
    Undeclared(Finding),
}

impl AnswerCheck {
    pub(crate) fn new(
        outcomes: impl Iterator<Item = (String, Vec<Media>)>,
        definition: &Definition,
    ) -> Result<Self, CompileSchemaError> {
        let outcome = |(status, media): (String, Vec<Media>)| {
            let media = media.iter().map(|media| {
                let kind = essence(&media.name);
                let schema = media.schema.as_ref();
                let schema = schema.filter(|_| is_json(&kind) || kind.contains('*'));
                let compiled = schema.map(|schema| Compiled::new(schema, definition));
                Ok((kind, compiled.transpose()?))
            });
            Ok((status, media.collect::<Result<_, _>>()?))
        };
        let outcomes = outcomes.map(outcome).collect::<Result<_, _>>()?;
        Ok(Self { outcomes })
    }

    /// What is expected of an answer with this status and `Content-Type` (none without a body).
    #[must_use]
    pub fn expected(&self, status: u16, content_type: Option<&str>) -> Expected<'_> {
        let class = format!("{}XX", status / 100);
        let exact = status.to_string();
        let known = [exact.as_str(), class.as_str(), "default"];
        let found = known.iter().find_map(|wanted| {
            let mut all = self.outcomes.iter();
            all.find(|(status, _)| status.eq_ignore_ascii_case(wanted))
        });
        let Some((_, media)) = found else {
            let message = format!("no answer with status {status} is declared");
            return Expected::Undeclared(Finding::new("status", "status", message));
        };
        let Some(content_type) = content_type else {
            return Expected::Anything;
        };
        let kind = essence(content_type);
        match media.iter().find(|(name, _)| takes(name, &kind)) {
            Some((_, Some(schema))) if is_json(&kind) => Expected::Json(schema),
            Some(_) => Expected::Anything,
            None => {
                let names: Vec<&str> = media.iter().map(|(name, _)| name.as_str()).collect();
                let message = match names.as_slice() {
                    [] => format!("a body with status {status} is not declared"),
                    names => format!("the body's type is one of {}", names.join(", ")),
                };
                Expected::Undeclared(Finding::new("body", "content-type", message))
            }
        }
    }
}

/// What is wrong with a JSON body.
#[must_use]
pub fn body_findings(schema: &Compiled, body: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => told_of("body", schema, &value, &mut found),
        Err(error) => found.push(Finding::syntax(&error)),
    }
    found
}

#[cfg(test)]
mod tests;
