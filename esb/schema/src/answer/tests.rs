use rialto_esb_contract::{Bundle, import};

use super::*;
use crate::portable::Portable;
use crate::request::{OperationCheck, Request};

const DOCUMENT: &str = r##"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /orders/{id}:
    put:
      operationId: putOrder
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer, minimum: 1}}
        - {name: page, in: query, style: deepObject, explode: true, schema: {type: object, properties: {size: {$ref: '#/components/schemas/Size'}}}}
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Order'}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}, text/csv: {schema: {type: string}}}}
        '204': {description: none}
        4XX: {description: no, content: {application/problem+json: {schema: {type: object, required: [code]}}}}
components:
  schemas:
    Order:
      type: object
      required: [code]
      properties:
        code: {type: string, pattern: '^[0-9]{6}$'}
        next: {$ref: '#/components/schemas/Order'}
    Size: {type: integer, maximum: 10}
    Unused: {type: string, pattern: '(?<=a)b'}
"##;

fn checks() -> (OperationCheck, AnswerCheck) {
    let definition = import(&Bundle::single("a.yaml", DOCUMENT).expect("reads"))
        .expect("imports")
        .definition;
    let portable = Portable::of(&definition.operations[0], &definition);
    let text = portable.to_text();
    assert!(!text.contains("Unused"), "{text}");
    let again: Portable = serde_json::from_str(&text).expect("reads what it wrote");
    assert_eq!((again.to_text(), &again), (text.clone(), &portable));
    Portable::compile(&text).expect("compiles")
}

#[test]
fn requests_are_checked_as_the_definition_says() {
    let (requests, _) = checks();
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    let told = |id: &str, query: &str, body: &str| -> Vec<String> {
        let variables = [("id", id)];
        let request = Request {
            variables: &variables,
            query,
            headers: &headers,
            body: body.as_bytes(),
        };
        let found = requests.findings(&request).into_iter();
        found
            .map(|one| format!("{}{} {} {}", one.place, one.pointer, one.keyword, one.class))
            .collect()
    };
    let good = "{\"code\":\"600000\",\"next\":{\"code\":\"000001\"}}";
    assert_eq!(told("1", "page%5Bsize%5D=10", good), [""; 0]);
    assert_eq!(
        told("0", "page[size]=11", "{\"next\":{\"code\":6}}"),
        [
            "path parameter id minimum number",
            "query parameter page/size maximum number",
            "body required object",
            "body/next/code type number",
        ]
    );
    assert_eq!(told("1", "", "{"), ["body syntax "]);
    assert_eq!(told("1", "", ""), ["body required "]);
}

#[test]
fn answers_are_expected_by_status_and_type() {
    let (_, answers) = checks();
    let expected = |status, kind| match answers.expected(status, kind) {
        Expected::Anything => "anything".to_owned(),
        Expected::Json(_) => "json".to_owned(),
        Expected::Undeclared(finding) => format!("{}: {}", finding.place, finding.message),
    };
    let json = Some("application/json; charset=utf-8");
    assert_eq!(expected(200, json), "json");
    assert_eq!(expected(200, Some("text/csv")), "anything");
    assert_eq!(expected(204, None), "anything");
    assert_eq!(expected(404, Some("application/problem+json")), "json");
    assert_eq!(
        expected(200, Some("text/html")),
        "body: the body's type is one of application/json, text/csv"
    );
    assert_eq!(
        expected(204, json),
        "body: a body with status 204 is not declared"
    );
    assert_eq!(
        expected(500, json),
        "status: no answer with status 500 is declared"
    );
    let Expected::Json(schema) = answers.expected(200, json) else {
        panic!("a schema");
    };
    let found = body_findings(schema, b"{\"code\":\"6\"}");
    assert_eq!(
        (found[0].pointer.as_str(), found[0].keyword.as_str()),
        ("/code", "pattern")
    );
    assert_eq!(body_findings(schema, b"<a/>")[0].keyword, "syntax");
}

#[test]
fn a_text_of_another_form_is_refused() {
    for text in [
        "",
        "7",
        "{\"answer\":{}}",
        "{\"body\":{\"required\":1,\"media\":[]}}",
    ] {
        assert!(Portable::compile(text).is_err(), "{text}");
    }
    let slow = "{\"body\":{\"required\":true,\"media\":[[\"application/json\",{\"pattern\":\"(?<=a)b\"}]]}}";
    assert!(Portable::compile(slow).is_err());
}
