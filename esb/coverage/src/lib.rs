//! Coverage cells (覆盖单元; specification, section 10.2): every thing a definition promises that a
//! test can show, one cell each.
//!
//! The list is a function of the definition alone, sorted, the same on every machine.

mod walk;

use std::collections::BTreeSet;

use rialto_document::Node;
use rialto_esb_contract::{Definition, Idempotency, Operation, Outcome};

/// A cell of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Cell {
    /// The operation, `POST /v1/orders`.
    pub operation: String,
    /// What is to be shown, `bound:body:/quantity:minimum:over`.
    pub id: String,
}

/// All cells of a definition, and where the walk was cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Cells {
    /// The cells.
    pub cells: BTreeSet<Cell>,
    /// Places whose schema holds itself or lies deeper than [`MAX_DEPTH`]; nothing below is asked for.
    pub cut: BTreeSet<Cell>,
}

/// Deepest field that is asked for.
pub const MAX_DEPTH: usize = 8;

/// Formats a value can violate: those the gateway asserts.
pub const ASSERTED_FORMATS: &[&str] = &[
    "date",
    "date-time",
    "uuid",
    "uri",
    "email",
    "ipv4",
    "ipv6",
    "byte",
    "decimal",
];

/// The cells of a definition.
#[must_use]
pub fn cells(definition: &Definition) -> Cells {
    let mut all = Cells::default();
    for operation in &definition.operations {
        let name = operation.name();
        let mut walk = walk::Walk::new(definition);
        for outcome in &operation.outcomes {
            responses(outcome, &mut walk.cells);
        }
        inputs(operation, &mut walk);
        terms(operation, &mut walk.cells);
        let cell = |id: String| Cell {
            operation: name.clone(),
            id,
        };
        all.cells.extend(walk.cells.into_iter().map(cell));
        all.cut.extend(walk.cut.into_iter().map(cell));
    }
    all
}

/// `default` and 5xx cannot be asked for, unless the document says how (`x-testable`).
fn responses(outcome: &Outcome, cells: &mut BTreeSet<String>) {
    let asked = outcome.status != "default" && !outcome.status.starts_with('5');
    if !asked && !outcome.testable {
        return;
    }
    let status = &outcome.status;
    if outcome.media.is_empty() {
        cells.insert(format!("resp:{status}:-"));
    }
    for media in &outcome.media {
        let essence = media.name.split(';').next().unwrap_or_default().trim();
        cells.insert(format!("resp:{status}:{essence}"));
    }
}

fn inputs<'d>(operation: &'d Operation, walk: &mut walk::Walk<'d>) {
    for parameter in &operation.parameters {
        let at = format!("{}:{}", parameter.place, parameter.name);
        // A path without its parameter is another path.
        if parameter.required && parameter.place != rialto_esb_contract::In::Path {
            walk.cells.insert(format!("required:{at}"));
        }
        if let Some(schema) = &parameter.schema {
            walk.parameter(schema, &at, parameter.content.is_some());
        }
    }
    let Some(body) = &operation.body else {
        return;
    };
    if body.required {
        walk.cells.insert("required:body:".to_owned());
    }
    for schema in body.media.iter().filter_map(|media| media.schema.as_ref()) {
        walk.body(schema);
    }
}

fn terms(operation: &Operation, cells: &mut BTreeSet<String>) {
    for error in &operation.errors {
        cells.insert(format!("error:{}", error.code));
    }
    let secured = operation
        .security
        .iter()
        .any(|need| !need.schemes.is_empty());
    if secured && !operation.open {
        for case in ["missing", "invalid", "expired", "unsubscribed", "limited"] {
            cells.insert(format!("auth:{case}"));
        }
    }
    if operation.idempotency != Idempotency::None {
        cells.insert("idem:replay".to_owned());
        cells.insert("idem:conflict".to_owned());
    }
}

/// A value of an enumeration as it stands in an id.
fn value_text(value: &Node) -> String {
    value.text().map_or_else(|| value.to_json(), str::to_owned)
}

#[cfg(test)]
mod tests;
