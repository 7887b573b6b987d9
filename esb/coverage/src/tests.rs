//! The table of the specification, cell by cell.

use rialto_esb_contract::{Bundle, import};

use super::*;

fn of(operation: &str, schemas: &str) -> Cells {
    let text = format!(
        "openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\npaths: {{'/a/{{id}}': {{post: {operation}}}}}\ncomponents: {{schemas: {schemas}}}\n"
    );
    let import = import(&Bundle::single("a.yaml", &text).expect("reads")).expect("imports");
    assert_eq!(import.findings, []);
    cells(&import.definition)
}

fn ids(operation: &str, schemas: &str) -> Vec<String> {
    let cells = of(operation, schemas);
    assert!(
        cells
            .cells
            .iter()
            .all(|cell| cell.operation == "POST /a/{id}")
    );
    cells.cells.into_iter().map(|cell| cell.id).collect()
}

const ID: &str = "{name: id, in: path, required: true, schema: {type: string}}";

fn body(schema: &str, schemas: &str) -> Vec<String> {
    let operation = format!(
        "{{parameters: [{ID}], requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}, responses: {{}}}}"
    );
    ids(&operation, schemas)
}

#[test]
fn answers_are_cells_by_status_and_media_type() {
    let operation = format!(
        "{{parameters: [{ID}], responses: {{'200': {{description: ok, content: {{application/json: {{}}, text/csv: {{}}}}}}, '204': {{description: none}}, default: {{description: x}}, '500': {{description: x}}, '503': {{description: x, x-testable: true}}}}}}"
    );
    let expected = [
        "resp:200:application/json",
        "resp:200:text/csv",
        "resp:204:-",
        "resp:503:-",
    ];
    assert_eq!(ids(&operation, "{}"), expected);
}

#[test]
fn parameters_are_text_and_have_bounds_and_values() {
    let operation = format!(
        "{{parameters: [{ID}, {{name: n, in: query, required: true, schema: {{type: integer, minimum: 1, maximum: 9}}}}, {{name: side, in: header, schema: {{type: string, enum: [BUY, SELL], maxLength: 4}}}}], responses: {{}}}}"
    );
    let expected = [
        "bound:header:side:maxLength:edge",
        "bound:header:side:maxLength:over",
        "bound:query:n:maximum:edge",
        "bound:query:n:maximum:over",
        "bound:query:n:minimum:edge",
        "bound:query:n:minimum:over",
        "enum:header:side:!",
        "enum:header:side:BUY",
        "enum:header:side:SELL",
        "required:query:n",
        "type:query:n",
    ];
    assert_eq!(ids(&operation, "{}"), expected);
}

#[test]
fn fields_of_bodies_are_reached_through_lists_parts_and_branches() {
    let schema = "{type: object, required: [items], properties: {items: {type: array, minItems: 0, maxItems: 5, items: {allOf: [{$ref: '#/components/schemas/Base'}, {properties: {note: {type: [string, 'null'], pattern: '^a'}}}]}}, pay: {oneOf: [{$ref: '#/components/schemas/Card'}, {type: object, properties: {cash: {type: boolean}}}]}}}";
    let schemas = "{Base: {type: object, required: [on], properties: {on: {type: string, format: date}, id: {type: string, readOnly: true}}}, Card: {type: object, properties: {no: {type: string, format: password}}}}";
    let expected = [
        "bound:body:/items:maxItems:edge",
        "bound:body:/items:maxItems:over",
        "branch:body:/pay:0",
        "branch:body:/pay:1",
        "format:body:/items/*/on",
        "null:body:/items/*/note",
        "pattern:body:/items/*/note",
        "required:body:/items",
        "required:body:/items/*/on",
        "type:body:",
        "type:body:/items",
        "type:body:/items/*",
        "type:body:/items/*/note",
        "type:body:/items/*/on",
        "type:body:/pay",
        "type:body:/pay/cash",
        "type:body:/pay/no",
    ];
    assert_eq!(body(schema, schemas), expected);
}

#[test]
fn terms_of_the_platform_are_cells() {
    let operation = format!(
        "{{parameters: [{ID}], security: [{{k: []}}], x-idempotency: required, x-error-codes: [{{code: E1}}], responses: {{}}}}"
    );
    let expected = [
        "auth:expired",
        "auth:invalid",
        "auth:limited",
        "auth:missing",
        "auth:unsubscribed",
        "error:E1",
        "idem:conflict",
        "idem:replay",
    ];
    assert_eq!(ids(&operation, "{}"), expected);
}

#[test]
fn a_schema_that_holds_itself_is_cut_once_and_said() {
    let operation = format!(
        "{{parameters: [{ID}], requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/S'}}}}}}}}, responses: {{}}}}"
    );
    let found = of(
        &operation,
        "{S: {type: object, properties: {v: {type: string}, next: {$ref: '#/components/schemas/S'}}}}",
    );
    let ids: Vec<_> = found.cells.iter().map(|cell| cell.id.as_str()).collect();
    assert_eq!(ids, ["type:body:", "type:body:/v"]);
    let cut: Vec<_> = found.cut.iter().map(|cell| cell.id.as_str()).collect();
    assert_eq!(cut, ["body:/next"]);
}

#[test]
fn fields_too_deep_are_cut_and_said() {
    let mut schema = "{type: string}".to_owned();
    for _ in 0..10 {
        schema = format!("{{properties: {{a: {schema}}}}}");
    }
    let operation = format!(
        "{{parameters: [{ID}], requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}, responses: {{}}}}"
    );
    let found = of(&operation, "{}");
    assert!(found.cells.is_empty());
    let cut: Vec<_> = found.cut.iter().map(|cell| cell.id.as_str()).collect();
    assert_eq!(cut, ["body:/a/a/a/a/a/a/a/a/a"]);
}
