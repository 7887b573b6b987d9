use rialto_esb_contract::{Bundle, import};

use super::*;

const DOCUMENT: &str = r#"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /accounts/{id}/orders:
    post:
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer, minimum: 1}}
        - {name: side, in: query, required: true, schema: {type: string, enum: [buy, sell]}}
        - {name: ids, in: query, schema: {type: array, items: {type: integer}}}
        - {name: codes, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: string}, maxItems: 2}}
        - {name: page, in: query, style: deepObject, explode: true, schema: {type: object, properties: {size: {type: integer, maximum: 10}}}}
        - {name: X-Dry-Run, in: header, schema: {type: boolean}}
        - {name: Accept, in: header, required: true, schema: {type: string, enum: [never]}}
        - {name: session, in: cookie, schema: {type: string, minLength: 3}}
        - {name: filter, in: query, content: {application/json: {schema: {type: object, required: [a]}}}}
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Order'}
          application/x-www-form-urlencoded:
            schema: {$ref: '#/components/schemas/Order'}
          text/plain: {schema: {type: string}}
      responses: {'200': {description: ok}}
components:
  schemas:
    Order:
      type: object
      required: [code, quantity]
      properties:
        code: {type: string, pattern: '^[0-9]{6}$'}
        quantity: {type: integer, minimum: 100}
        tags: {type: array, items: {type: string}}
"#;

fn findings(id: &str, query: &str, headers: &[(&str, &str)], body: &str) -> Vec<String> {
    let bundle = Bundle::single("a.yaml", DOCUMENT).expect("reads");
    let definition = import(&bundle).expect("imports").definition;
    let check = OperationCheck::new(&definition.operations[0], &definition).expect("compiles");
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let request = Request {
        variables: &[("id", id)],
        query,
        headers: &headers,
        body: body.as_bytes(),
    };
    let found = check.findings(&request).into_iter();
    found
        .map(|one| format!("{}{} {}", one.place, one.pointer, one.keyword))
        .collect()
}

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");
const ORDER: &str = r#"{"code": "600030", "quantity": 100}"#;

#[test]
fn a_request_as_the_definition_asks_has_no_findings() {
    let query = "side=buy&ids=1&ids=2&codes=a%7Cb&page%5Bsize%5D=10&filter=%7B%22a%22%3A1%7D";
    let headers = [JSON, ("x-dry-run", "true"), ("Cookie", "a=1; session=abc")];
    assert_eq!(findings("7", query, &headers, ORDER), [""; 0]);
}

#[test]
fn every_place_is_told_with_its_keyword() {
    let query = "side=hold&ids=1&ids=x&codes=a%7Cb%7Cc&page%5Bsize%5D=11&filter=%7B";
    let headers = [JSON, ("X-Dry-Run", "maybe"), ("Cookie", "session=ab")];
    let body = r#"{"code": "60003", "quantity": 1.5}"#;
    let mut found = findings("0", query, &headers, body);
    found.sort();
    assert_eq!(
        found,
        [
            "body/code pattern",
            "body/quantity minimum",
            "body/quantity type",
            "cookie parameter session minLength",
            "header parameter X-Dry-Run type",
            "path parameter id minimum",
            "query parameter codes maxItems",
            "query parameter filter syntax",
            "query parameter ids/1 type",
            "query parameter page/size maximum",
            "query parameter side enum",
        ]
    );
}

#[test]
fn what_must_be_there_is_missed() {
    let found = findings("1", "", &[], "");
    assert_eq!(found, ["query parameter side required", "body required"]);
}

#[test]
fn a_body_of_another_type_or_broken_is_refused() {
    let xml = ("Content-Type", "application/xml");
    assert_eq!(
        findings("1", "side=buy", &[xml], "<a/>"),
        ["body content-type"]
    );
    assert_eq!(findings("1", "side=buy", &[JSON], "{"), ["body syntax"]);
    let plain = ("Content-Type", "text/plain");
    assert_eq!(findings("1", "side=buy", &[plain], "x"), [""; 0]);
}

#[test]
fn a_form_is_an_object_of_its_fields() {
    let form = ("Content-Type", FORM);
    let good = "code=600030&quantity=100&tags=a";
    assert_eq!(findings("1", "side=buy", &[form], good), [""; 0]);
    let bad = "code=600030&quantity=1e2x&tags=a&tags=b";
    assert_eq!(
        findings("1", "side=buy", &[form], bad),
        ["body/quantity type"]
    );
}
