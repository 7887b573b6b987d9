//! Each rule fires where it should and stays silent beside it.

use proptest::prelude::*;

use super::compare;
use crate::{Bundle, Definition, Severity, import};

fn definition(text: &str) -> Definition {
    let bundle = Bundle::single("api.yaml", text).expect("reads");
    let import = import(&bundle).expect("imports");
    assert_eq!(import.findings, [], "{text}");
    import.definition
}

/// A document with one operation that takes and gives the schema.
fn around(schema: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\npaths:\n  /a:\n    post:\n      requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/S'}}}}}}}}\n      responses: {{'200': {{description: ok, content: {{application/json: {{schema: {{$ref: '#/components/schemas/S'}}}}}}}}}}\ncomponents:\n  schemas:\n    S: {schema}\n"
    )
}

fn rules(old: &str, new: &str) -> Vec<String> {
    let changes = compare(&definition(old), &definition(new), "2026-11-22");
    changes
        .iter()
        .map(|change| format!("{} {} {}", change.severity, change.rule, change.at))
        .collect()
}

fn schema(old: &str, new: &str) -> Vec<String> {
    rules(&around(old), &around(new))
}

#[test]
fn a_required_property_breaks_requests_only() {
    let old = "{type: object, properties: {a: {type: string}}}";
    let new = "{type: object, required: [b], properties: {a: {type: string}, b: {type: string}}}";
    assert_eq!(schema(old, new), ["error SC01 body:/b", "info SC01 200:/b"]);
    let optional = "{type: object, properties: {a: {type: string}, b: {type: string}}}";
    assert_eq!(
        schema(old, optional),
        ["info SC02 200:/b", "info SC02 body:/b"]
    );
}

#[test]
fn narrowing_breaks_requests_and_widening_breaks_answers() {
    assert_eq!(
        schema("{type: number}", "{type: integer}"),
        ["error SC08 body:", "info SC08 200:"]
    );
    assert_eq!(
        schema("{type: integer}", "{type: number}"),
        ["error SC07 200:", "info SC07 body:"]
    );
    assert_eq!(
        schema("{type: string}", "{type: integer}"),
        ["error SC06 200:", "error SC06 body:"]
    );
    assert_eq!(
        schema("{type: string}", "{type: [string, 'null']}"),
        ["error SC09 200:", "info SC09 body:"]
    );
}

#[test]
fn values_and_bounds_are_weighed() {
    assert_eq!(
        schema("{enum: [A, B]}", "{enum: [A]}"),
        ["error SC12 body:", "info SC12 200:"]
    );
    assert_eq!(
        schema("{enum: [A]}", "{enum: [A, B]}"),
        ["error SC11 200:", "info SC11 body:"]
    );
    assert_eq!(
        schema(
            "{type: string, maxLength: 9}",
            "{type: string, maxLength: 8}"
        ),
        ["error SC19 body:", "info SC19 200:"]
    );
    assert_eq!(
        schema(
            "{type: string, maxLength: 8}",
            "{type: string, maxLength: 9}"
        ),
        ["warning SC20 200:", "info SC20 body:"]
    );
    assert_eq!(
        schema("{type: number, minimum: 1.0}", "{type: number, minimum: 1}"),
        Vec::<String>::new()
    );
    assert_eq!(
        schema(
            "{type: number, multipleOf: 0.01}",
            "{type: number, multipleOf: 0.001}"
        ),
        ["warning SC25 200:", "info SC25 body:"]
    );
    assert_eq!(
        schema(
            "{type: number, multipleOf: 0.01}",
            "{type: number, multipleOf: 0.1}"
        ),
        ["error SC24 body:", "info SC24 200:"]
    );
}

#[test]
fn parts_of_all_of_are_joined_before_they_are_compared() {
    let split = "{allOf: [{type: object, required: [a]}, {properties: {a: {type: string}}}]}";
    let whole = "{type: object, required: [a], properties: {a: {type: string}}}";
    assert_eq!(schema(split, whole), Vec::<String>::new());
}

#[test]
fn schemas_that_hold_themselves_end() {
    let old =
        "{type: object, properties: {next: {$ref: '#/components/schemas/S'}, v: {type: string}}}";
    let new =
        "{type: object, properties: {next: {$ref: '#/components/schemas/S'}, v: {type: integer}}}";
    assert_eq!(schema(old, old), Vec::<String>::new());
    assert_eq!(
        schema(old, new),
        ["error SC06 200:/v", "error SC06 body:/v"]
    );
}

#[test]
fn what_cannot_be_decided_is_an_error() {
    let changed = schema("{not: {type: string}}", "{not: {type: integer}}");
    assert_eq!(
        changed,
        ["error undecidable 200:", "error undecidable body:"]
    );
}

fn operations(paths: &str) -> String {
    format!("openapi: 3.0.3\ninfo: {{title: t, version: '1'}}\npaths:\n{paths}")
}

#[test]
fn operations_that_go_and_come_are_told() {
    let get = |path: &str, more: &str| {
        format!("  {path}: {{get: {{{more} responses: {{'200': {{description: ok}}}}}}}}\n")
    };
    let both = operations(&(get("/a", "") + &get("/b", "")));
    let one = operations(&get("/a", ""));
    assert_eq!(rules(&both, &one), ["error OP01 "]);
    assert_eq!(rules(&one, &both), ["info OP08 "]);
    let noticed =
        operations(&(get("/a", "") + &get("/b", "deprecated: true, x-sunset: '2026-11-01',")));
    assert_eq!(rules(&noticed, &one), ["info OP07 "]);
    let early =
        operations(&(get("/a", "") + &get("/b", "deprecated: true, x-sunset: '2027-01-01',")));
    assert_eq!(rules(&early, &one), ["error OP02 "]);
}

#[test]
fn a_template_that_takes_requests_of_another_is_told() {
    let path = |path: &str, name: &str| {
        let parameter = if name.is_empty() {
            String::new()
        } else {
            format!(
                "parameters: [{{name: {name}, in: path, required: true, schema: {{type: string}}}}], "
            )
        };
        format!("  {path}: {{get: {{{parameter}responses: {{'200': {{description: ok}}}}}}}}\n")
    };
    let old = operations(&path("/a/{id}", "id"));
    let new = operations(&(path("/a/{id}", "id") + &path("/a/mine", "")));
    assert_eq!(rules(&old, &new), ["error OP13 ", "info OP08 "]);
    let renamed = operations(&path("/a/{key}", "key"));
    assert_eq!(rules(&old, &renamed), ["info OP09 "]);
}

#[test]
fn parameters_are_weighed_by_name_and_place() {
    let with = |parameters: &str| {
        operations(&format!(
            "  /a: {{get: {{parameters: [{parameters}], responses: {{'200': {{description: ok}}}}}}}}\n"
        ))
    };
    let plain = with("");
    let optional = with("{name: q, in: query, schema: {type: string}}");
    let required = with("{name: q, in: query, required: true, schema: {type: string}}");
    let header = with("{name: q, in: header, schema: {type: string}}");
    let bound = with("{name: q, in: query, schema: {type: string, maxLength: 3}}");
    assert_eq!(rules(&plain, &required), ["error PA01 query:q"]);
    assert_eq!(rules(&plain, &optional), ["info PA16 query:q"]);
    assert_eq!(rules(&optional, &required), ["error PA02 query:q"]);
    assert_eq!(rules(&required, &optional), ["info PA17 query:q"]);
    assert_eq!(rules(&optional, &plain), ["warning PA14 query:q"]);
    assert_eq!(rules(&optional, &header), ["error PA03 query:q"]);
    assert_eq!(rules(&optional, &bound), ["error PA07 query:q"]);
    assert_eq!(rules(&bound, &optional), ["info PA18 query:q"]);
}

#[test]
fn security_that_locks_callers_out_is_told() {
    let with = |security: &str| {
        operations(&format!(
            "  /a: {{get: {{security: [{security}], responses: {{'200': {{description: ok}}}}}}}}\n"
        ))
    };
    assert_eq!(rules(&with(""), &with("{k: []}")), ["error SE01 security"]);
    assert_eq!(
        rules(&with("{k: []}"), &with("")),
        ["warning SE08 security"]
    );
    assert_eq!(
        rules(&with("{k: []}, {o: [a]}"), &with("{o: [a]}")),
        ["error SE02 security"]
    );
    assert_eq!(
        rules(&with("{o: [a]}"), &with("{o: [a, b]}")),
        ["error SE04 security"]
    );
    assert_eq!(
        rules(&with("{k: []}"), &with("{k: [], m: []}")),
        ["error SE03 security"]
    );
    assert_eq!(
        rules(&with("{k: []}"), &with("{k: []}, {o: []}")),
        ["info SE09 security"]
    );
}

#[test]
fn a_shared_schema_is_told_once_with_every_operation_it_touches() {
    let two = |schema: &str| {
        let body = "requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/S'}}}}";
        let one = |path: &str| {
            format!("  {path}: {{post: {{{body}, responses: {{'204': {{description: ok}}}}}}}}\n")
        };
        operations(&format!(
            "{}{}components: {{schemas: {{S: {schema}}}}}\n",
            one("/a"),
            one("/b")
        ))
    };
    let changes = compare(
        &definition(&two("{type: number}")),
        &definition(&two("{type: integer}")),
        "2026-11-22",
    );
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].operations, ["POST /a", "POST /b"]);
    assert_eq!(changes[0].severity, Severity::Error);
}

proptest! {
    #[test]
    fn a_definition_compared_with_itself_has_no_changes(
        kind in prop::sample::select(vec!["string", "integer", "number", "boolean", "array", "object"]),
        minimum in -5_i32..5, required in any::<bool>(), order in any::<bool>(),
    ) {
        let required = if required { "required: [a]," } else { "" };
        let (first, second) = ("a: {type: string, enum: [x, y]}", "b: {$ref: '#/components/schemas/S'}");
        let properties = if order { format!("{first}, {second}") } else { format!("{second}, {first}") };
        let one = format!("{{type: [{kind}, 'null'], minimum: {minimum}, {required} properties: {{{first}, {second}}}}}");
        let other = format!("{{properties: {{{properties}}}, {required} minimum: {minimum}.0, type: ['null', {kind}]}}");
        prop_assert_eq!(schema(&one, &other), Vec::<String>::new());
    }
}
