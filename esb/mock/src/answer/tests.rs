use rialto_esb_contract::{Bundle, import};
use serde_json::Value;

use super::*;

const DOCUMENT: &str = r#"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /orders:
    post:
      security: [{key: []}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}
      responses:
        '201':
          description: made
          headers: {Location: {required: true, schema: {type: string, pattern: '^/orders/[0-9]{4}$'}}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}
        '401': {description: who, content: {application/problem+json: {schema: {type: object}}}}
        '422': {description: wrong, content: {application/json: {example: {reason: quantity}}}}
  /orders/{id}:
    get:
      responses:
        '404': {description: none, content: {application/json: {examples: {gone: {value: {error: gone}}}}}}
        '200':
          description: one
          content:
            text/csv: {example: "code,quantity\n600030,100\n"}
            application/json:
              schema: {$ref: '#/components/schemas/Order'}
              examples:
                bought: {value: {code: '600030', quantity: 100}}
                sold: {value: {code: '000001', quantity: 200}}
    delete: {responses: {'204': {description: gone}}}
  /numbers:
    get:
      responses:
        '200': {description: some, content: {application/json: {schema: {type: array, minItems: 5, maxItems: 5, items: {type: integer, minimum: 0, maximum: 100000}}}}}
  /never:
    get:
      responses:
        default: {description: x, content: {application/json: {schema: {type: integer, minimum: 3, maximum: 2}}}}
  /sealed:
    get:
      responses:
        '200': {description: x, content: {application/xml: {schema: {type: string}}}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  schemas:
    Order:
      type: object
      required: [code, quantity]
      properties:
        code: {type: string, pattern: '^[0-9]{6}$'}
        quantity: {type: integer, minimum: 100, multipleOf: 100, maximum: 900}
"#;

fn mock() -> Mock {
    let bundle = Bundle::single("a.yaml", DOCUMENT).expect("reads");
    Mock::new(import(&bundle).expect("imports").definition).expect("can be mocked")
}

fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let asked = Asked {
        method,
        path,
        query,
        headers: &headers,
        body: body.as_bytes(),
    };
    mock().answer(&asked, 99)
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let mut all = answer.headers.iter();
    all.find(|(known, _)| known == name)
        .map_or("", |(_, value)| value)
}

const VALID: [(&str, &str); 2] = [("X-Key", "k"), ("Content-Type", "application/json")];
const ORDER: &str = r#"{"code": "600030", "quantity": 100}"#;

#[test]
fn the_first_example_of_the_first_success_comes_first() {
    let answer = ask("GET", "/orders/7", &[("Accept", "application/json")], "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.from, From::Example("bought".into()));
    assert_eq!(json(&answer)["code"], "600030");
}

#[test]
fn the_caller_chooses_the_form_the_status_and_the_example() {
    let csv = ask("GET", "/orders/7", &[], "");
    assert_eq!(header(&csv, "content-type"), "text/csv");
    assert_eq!(csv.body, b"code,quantity\n600030,100\n");
    let likes = ask(
        "GET",
        "/orders/7",
        &[("Accept", "text/*;q=0.1, application/json;q=0.5")],
        "",
    );
    assert_eq!(header(&likes, "content-type"), "application/json");
    let sold = ask("GET", "/orders/7", &[("Prefer", "example=sold")], "");
    assert_eq!(
        (sold.status, json(&sold)["quantity"].clone()),
        (200, 200.into())
    );
    let gone = ask("GET", "/orders/7", &[("Prefer", "example=gone")], "");
    assert_eq!(
        (gone.status, json(&gone)["error"].clone()),
        (404, "gone".into())
    );
    let code = ask("GET", "/orders/7", &[("Prefer", "code=404")], "");
    assert_eq!(code.status, 404);
    let head = ask("HEAD", "/orders/7", &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn what_the_definition_does_not_have_is_refused_by_name() {
    for (method, path, sent, status, code) in [
        ("GET", "/nowhere", ("A", ""), 404, "no-operation"),
        ("PUT", "/orders/7", ("A", ""), 405, "method-not-allowed"),
        ("GET", "/orders/a%2Fb", ("A", ""), 400, "malformed-path"),
        (
            "GET",
            "/orders/7",
            ("Prefer", "code=500"),
            400,
            "no-such-answer",
        ),
        (
            "GET",
            "/orders/7",
            ("Prefer", "example=x"),
            400,
            "no-such-example",
        ),
        (
            "GET",
            "/orders/7",
            ("Prefer", "seed=x"),
            400,
            "malformed-prefer",
        ),
        (
            "GET",
            "/orders/7",
            ("Accept", "image/png"),
            406,
            "not-acceptable",
        ),
        ("GET", "/never", ("A", ""), 501, "mock-unsatisfiable"),
        ("GET", "/sealed", ("A", ""), 501, "mock-unsatisfiable"),
    ] {
        let answer = ask(method, path, &[sent], "");
        let told = json(&answer);
        assert_eq!(
            (answer.status, told["code"].as_str()),
            (status, Some(code)),
            "{path} {told}"
        );
    }
    let never = ask("GET", "/never", &[], "");
    let detail = json(&never)["detail"].to_string();
    assert!(
        detail.contains("GET /never") && detail.contains("minimum"),
        "{detail}"
    );
}

#[test]
fn a_generated_answer_fits_and_is_the_same_for_the_same_request() {
    let one = ask("POST", "/orders", &VALID, ORDER);
    assert_eq!((one.status, &one.from), (201, &From::Generated));
    assert!(header(&one, "location").starts_with("/orders/"));
    assert_eq!(one, ask("POST", "/orders", &VALID, ORDER));
    let quantity = json(&one)["quantity"].as_u64().expect("a number");
    assert!(quantity.is_multiple_of(100) && (100..=900).contains(&quantity));

    let numbers = |path: &str, prefer: &str| json(&ask("GET", path, &[("Prefer", prefer)], ""));
    assert_eq!(
        numbers("/numbers", ""),
        numbers("/numbers", "dynamic=false")
    );
    assert_ne!(numbers("/numbers", ""), numbers("/numbers?a=1", ""));
    assert_eq!(
        numbers("/numbers", "seed=99"),
        numbers("/numbers", "dynamic=true")
    );
    assert_ne!(
        numbers("/numbers", "seed=98"),
        numbers("/numbers", "seed=99")
    );
}

#[test]
fn a_request_that_is_not_valid_gets_the_declared_refusal() {
    let wrong = ask(
        "POST",
        "/orders",
        &VALID,
        r#"{"code": "1", "quantity": 100}"#,
    );
    assert_eq!(
        (wrong.status, json(&wrong)["reason"].clone()),
        (422, "quantity".into())
    );
    assert_eq!(wrong.findings[0].pointer, "/code");
    let nobody = ask("POST", "/orders", &VALID[1..], ORDER);
    assert_eq!((nobody.status, &nobody.from), (401, &From::Findings));
    assert_eq!(json(&nobody)["errors"][0]["code"], "security");
}

#[test]
fn an_answer_without_a_body_has_none() {
    let gone = ask("DELETE", "/orders/7", &[], "");
    assert_eq!(
        (gone.status, gone.from, gone.body.len()),
        (204, From::Empty, 0)
    );
}
