//! Documents of every version and what they mean.

use std::collections::BTreeMap;

use crate::{Bundle, Format, Import, ImportDefinitionError, In, compat, foreign_format, import};

fn read(text: &str) -> Import {
    import(&Bundle::single("api.yaml", text).expect("reads")).expect("imports")
}

const OLD: &str = "
swagger: '2.0'
info: {title: Orders, version: '1'}
host: orders.example
basePath: /v1
schemes: [https]
consumes: [application/json]
produces: [application/json]
securityDefinitions: {key: {type: apiKey, name: X-API-Key, in: header}}
security: [{key: []}]
paths:
  /orders:
    parameters:
      - {name: trace, in: header, type: string, x-label: none}
    get:
      operationId: listOrders
      parameters:
        - {name: state, in: query, type: array, items: {type: string, enum: [open, done]}, collectionFormat: multi}
        - {name: side, in: query, type: array, items: {type: string}, collectionFormat: pipes}
      responses:
        200: {description: ok, schema: {type: array, items: {$ref: '#/definitions/Order'}}, examples: {application/json: []}}
    post:
      operationId: createOrder
      parameters:
        - {$ref: '#/parameters/body'}
      responses: {201: {$ref: '#/responses/made'}}
  /orders/{id}/paper:
    put:
      operationId: attachPaper
      consumes: [multipart/form-data]
      parameters:
        - {name: id, in: path, required: true, type: string}
        - {name: paper, in: formData, required: true, type: file}
        - {name: pages, in: formData, type: integer, minimum: 0, exclusiveMinimum: true}
      responses: {204: {description: kept}}
parameters:
  body: {name: order, in: body, required: true, schema: {$ref: '#/definitions/Order'}}
responses:
  made: {description: made, headers: {Location: {type: string}}, schema: {$ref: '#/definitions/Order'}}
definitions:
  Order:
    type: object
    required: [id]
    properties:
      id: {type: string}
      parent: {$ref: '#/definitions/Order'}
      note: {type: string, x-nullable: true}
";

const NEW: &str = "
openapi: 3.0.3
info: {title: Orders, version: '1'}
servers: [{url: 'https://orders.example/v1'}]
security: [{key: []}]
paths:
  /orders:
    parameters:
      - {name: trace, in: header, schema: {type: string}}
    get:
      operationId: listOrders
      parameters:
        - {name: state, in: query, schema: {type: array, items: {type: string, enum: [open, done]}}}
        - {name: side, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: string}}}
      responses:
        200: {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Order'}}, example: []}}}
    post:
      operationId: createOrder
      requestBody: {$ref: '#/components/requestBodies/order'}
      responses: {201: {$ref: '#/components/responses/made'}}
  /orders/{id}/paper:
    put:
      operationId: attachPaper
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      requestBody:
        required: true
        content:
          multipart/form-data:
            schema:
              type: object
              required: [paper]
              properties:
                paper: {type: string, format: binary}
                pages: {type: integer, minimum: 0, exclusiveMinimum: true}
      responses: {204: {description: kept}}
components:
  requestBodies:
    order: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
  responses:
    made: {description: made, headers: {Location: {schema: {type: string}}}, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}
  securitySchemes: {key: {type: apiKey, name: X-API-Key, in: header}}
  schemas:
    Order:
      type: object
      required: [id]
      properties:
        id: {type: string}
        parent: {$ref: '#/components/schemas/Order'}
        note: {type: string, nullable: true}
";

#[test]
fn both_families_mean_the_same() {
    let (old, new) = (read(OLD), read(NEW));
    assert_eq!(
        (old.definition.format, new.definition.format),
        (Format::OpenApi20, Format::OpenApi30)
    );
    for import in [&old, &new] {
        assert_eq!(import.findings, []);
        assert_eq!(import.losses, []);
    }
    assert_eq!(
        compat::compare(&old.definition, &new.definition, "2026-11-22"),
        []
    );
    assert_eq!(
        compat::compare(&new.definition, &old.definition, "2026-11-22"),
        []
    );
}

#[test]
fn schemas_become_json_schema_2020_12() {
    let definition = read(NEW).definition;
    let order = definition.schema("#/$defs/Order").expect("there");
    assert_eq!(
        order.at("/properties/note/type").expect("there").to_json(),
        r#"["string","null"]"#
    );
    assert_eq!(
        order.at("/properties/parent").expect("there").to_json(),
        r##"{"$ref":"#/$defs/Order"}"##
    );
    let body = definition.operations[2].body.as_ref().expect("there");
    let pages = body.media[0]
        .schema
        .as_ref()
        .and_then(|schema| schema.at("/properties/pages"))
        .expect("there");
    assert_eq!(
        pages.to_json(),
        r#"{"exclusiveMinimum":0,"type":"integer"}"#
    );
}

#[test]
fn everything_knows_where_it_was_written() {
    let definition = read(OLD).definition;
    let spot = &definition.operations[1].spot;
    assert_eq!(
        (spot.line, spot.pointer.as_str()),
        (23, "/paths/~1orders/post")
    );
    assert_eq!(
        definition.schema_spots["Order"].pointer,
        "/definitions/Order"
    );
    let trace = definition.operations[0]
        .parameters
        .iter()
        .find(|one| one.place == In::Header);
    assert_eq!(
        trace.expect("shared").spot.pointer,
        "/paths/~1orders/parameters/0"
    );
}

#[test]
fn files_of_a_bundle_refer_to_each_other() {
    let files = [
        (
            "api/root.yaml",
            "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n  /a: {$ref: 'paths/a.yaml'}\n",
        ),
        (
            "api/paths/a.yaml",
            "get:\n  responses:\n    200: {description: ok, content: {application/json: {schema: {$ref: '../../common.yaml#/Money'}}}}\n",
        ),
        (
            "common.yaml",
            "Money: {type: string, x-of: {$ref: '#/none'}, allOf: [{$ref: '#/Text'}]}\nText: {maxLength: 9}\n",
        ),
    ];
    let files: BTreeMap<String, String> = files
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
    let import = import(&Bundle::read("api/root.yaml", &files).expect("reads")).expect("imports");
    assert_eq!(import.findings, []);
    let definition = import.definition;
    assert_eq!(
        definition.schemas.keys().collect::<Vec<_>>(),
        ["Money", "Text"]
    );
    assert_eq!(definition.schema_spots["Text"].file, "common.yaml");
    assert_eq!(definition.operations[0].spot.file, "api/paths/a.yaml");
}

#[test]
fn what_is_wrong_is_told_all_at_once_with_its_place() {
    let import = read(
        "openapi: 3.0.0\ninfo: {}\npaths:\n  a: {get: {responses: {}}}\n  /b/{x}: {get: {responses: {}}}\n  /b/{y}:\n    get:\n      parameters: [{name: y, in: path, required: true}, {in: body}]\n      requestBody: {$ref: 'https://example.com/x.yaml'}\n      responses: {200: {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/No'}}}}}\n",
    );
    let told: Vec<String> = import
        .findings
        .iter()
        .map(|one| format!("{} {}:{}", one.rule, one.spot.line, one.spot.column))
        .collect();
    assert_eq!(
        told,
        [
            "IM04 4:6",
            "IM05 5:17",
            "IM07 8:7",
            "IM06 8:57",
            "IM02 9:20",
            "IM02 10:79"
        ]
        .map(str::to_owned),
        "{:#?}",
        import.findings
    );
}

#[test]
fn other_formats_are_refused_by_name() {
    let refused =
        |text: &str| import(&Bundle::single("x", text).expect("reads")).expect_err("refused");
    for (text, name) in [
        (
            "info: {_postman_id: x, schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json'}",
            "a Postman collection",
        ),
        ("log: {entries: []}", "a HAR recording"),
        ("asyncapi: 3.0.0", "an AsyncAPI document"),
    ] {
        let ImportDefinitionError::NotYet { format, .. } = refused(text) else {
            panic!("{text}");
        };
        assert_eq!(format, name);
    }
    assert!(matches!(
        refused("openapi: 4.0.0"),
        ImportDefinitionError::Version { .. }
    ));
    assert!(matches!(
        refused("a: 1"),
        ImportDefinitionError::Unknown { .. }
    ));
    assert_eq!(
        foreign_format("<definitions xmlns=\"http://schemas.xmlsoap.org/wsdl/\"/>"),
        Some("WSDL")
    );
    assert_eq!(
        foreign_format("// x\nsyntax = \"proto3\";"),
        Some("a protobuf file")
    );
    assert_eq!(foreign_format("openapi: 3.0.0"), None);
}

#[test]
fn losses_are_reported() {
    let import = read(
        "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths:\n  /a:\n    get:\n      parameters: [{name: Authorization, in: header, schema: {type: string}}]\n      callbacks: {done: {}}\n      responses: {200: {description: ok}}\ncomponents: {schemas: {A: {nullable: true}, B: {$ref: '#/components/schemas/A', maxLength: 3}}}\n",
    );
    let told: Vec<&str> = import
        .losses
        .iter()
        .map(|loss| loss.construct.as_str())
        .collect();
    assert_eq!(told, ["Authorization", "callbacks", "nullable", "$ref"]);
}

/// Values that take the place of others.
const STRANGE: &[&str] = &[
    "3",
    "[]",
    "{}",
    "null",
    "text",
    "true",
    "{$ref: '#/paths'}",
    "{$ref: '#/definitions/Order'}",
    "[{$ref: ''}]",
    "{a: {$ref: '#/components'}}",
    "[[{}]]",
    "-1e400",
];

proptest::proptest! {
    #[test]
    fn no_document_makes_the_importer_panic(
        new in proptest::bool::ANY,
        cuts in proptest::collection::vec((0_usize..80, 0_usize..6, 0_usize..STRANGE.len()), 1..5),
    ) {
        let mut lines: Vec<String> = (if new { NEW } else { OLD }).lines().map(str::to_owned).collect();
        for (line, field, strange) in cuts {
            let n = line % lines.len();
            // Puts something else after the line's colon of this number.
            let colons: Vec<usize> = lines[n].match_indices(": ").map(|(at, _)| at).collect();
            if let Some(at) = colons.get(field % colons.len().max(1)) {
                let text = format!("{}: {}", &lines[n][..*at], STRANGE[strange]);
                lines[n] = text;
            } else {
                lines.remove(n);
            }
        }
        let Ok(bundle) = Bundle::single("api.yaml", &lines.join("\n")) else { return Ok(()) };
        let Ok(import) = import(&bundle) else { return Ok(()) };
        let whole = read(NEW).definition;
        let _ = compat::compare(&import.definition, &whole, "2026-11-22");
        let _ = compat::compare(&whole, &import.definition, "2026-11-22");
        proptest::prop_assert_eq!(compat::compare(&import.definition, &import.definition, "2026-11-22"), []);
        let _ = crate::lint::lint(&import.definition, &Silent, &BTreeMap::new());
    }
}

struct Silent;

impl crate::lint::Checker for Silent {
    fn violations(
        &self,
        _: &rialto_document::Node,
        _: &rialto_document::Node,
    ) -> Vec<(String, String)> {
        Vec::new()
    }
}
