//! What is made fits its schema, every time.

use proptest::prelude::*;
use rialto_document::Node;
use rialto_esb_contract::{Bundle, Definition, import};
use rialto_esb_schema::Compiled;

use super::*;

fn definition(schemas: &str) -> Definition {
    let text = format!(
        "openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\npaths: {{}}\ncomponents: {{schemas: {schemas}}}\n"
    );
    import(&Bundle::single("a.yaml", &text).expect("reads"))
        .expect("imports")
        .definition
}

fn make(schemas: &str, seed: u64) -> Result<Node, Unsatisfiable> {
    let definition = definition(schemas);
    let schema = definition.schema("#/$defs/S").expect("there");
    let made = generate(
        schema,
        &definition,
        Direction::Response,
        &mut Seed::new(seed),
    )?;
    let compiled = Compiled::new(schema, &definition).expect("compiles");
    let violations = compiled.violations(&made.to_value());
    assert_eq!(violations, [], "{} of {schemas}", made.to_json());
    Ok(made)
}

fn why(schemas: &str) -> (String, String) {
    let error = make(schemas, 1).expect_err("refused");
    (error.pointer, error.keyword)
}

const SHAPES: &[&str] = &[
    "{S: {type: integer, minimum: 3, exclusiveMaximum: 5}}",
    "{S: {type: integer, exclusiveMinimum: -7, maximum: -5, multipleOf: 3}}",
    "{S: {type: number, minimum: 0.015, maximum: 0.025}}",
    "{S: {type: number, multipleOf: 0.25, minimum: 1.1, maximum: 1.4}}",
    "{S: {type: string, pattern: '^[A-Z]{2}[0-9]{4,6}(-x)?$'}}",
    "{S: {type: string, pattern: '^(6|0|3)\\d{5}$', maxLength: 6}}",
    "{S: {type: string, minLength: 30, maxLength: 32}}",
    "{S: {type: string, maxLength: 2}}",
    "{S: {type: string, format: date-time}}",
    "{S: {type: string, format: uuid}}",
    "{S: {type: string, format: decimal, x-label: amount}}",
    "{S: {type: array, minItems: 2, maxItems: 3, uniqueItems: true, items: {type: integer, minimum: 1, maximum: 5}}}",
    "{S: {type: object, required: [a, z], properties: {a: {type: boolean}}, additionalProperties: {type: integer}}}",
    "{S: {type: object, minProperties: 3, properties: {a: {type: string}}}}",
    "{S: {allOf: [{type: object, required: [a]}, {properties: {a: {type: string, minLength: 4}}}, {properties: {a: {maxLength: 5}}}]}}",
    "{S: {oneOf: [{type: object, required: [k], properties: {k: {const: a}, v: {type: integer}}}, {type: object, required: [k], properties: {k: {const: b}}}]}}",
    "{S: {type: object, required: [next], properties: {next: {type: array, items: {$ref: '#/components/schemas/S'}}}}}",
    "{S: {type: [string, 'null'], enum: [x, null]}}",
    "{S: {type: [integer, 'null']}}",
    "{S: {$ref: '#/components/schemas/T', description: more}, T: {type: string, examples: [one, two]}}",
];

proptest! {
    #[test]
    fn what_is_made_fits(shape in prop::sample::select(SHAPES), seed in any::<u64>()) {
        make(shape, seed).map_err(|error| TestCaseError::fail(format!("{error} of {shape}")))?;
    }

    #[test]
    fn patterns_find_what_is_made_for_them(
        pattern in "(\\^)?([a-c]|[0-9]\\{2\\}|(x|yz)\\?|\\\\d\\+|\\[\\^a-z\\]|\\\\w\\{1,3\\}|中|\\(a\\|b\\)\\*){1,5}(\\$)?",
        seed in any::<u64>(),
    ) {
        let regex = regex::Regex::new(&pattern)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        let made = text::matching(&pattern, 4, &mut Seed::new(seed));
        let made = made.ok_or_else(|| TestCaseError::fail(pattern.clone()))?;
        prop_assert!(regex.is_match(&made), "{made:?} for {pattern}");
    }

    #[test]
    fn what_a_pattern_does_not_find_is_not_made(
        pattern in "(\\^|\\$|a|\\\\b|\\\\B|!|\\(\\$\\|b\\)|[^a-z]){1,6}",
        seed in any::<u64>(),
    ) {
        if let Some(made) = text::matching(&pattern, 4, &mut Seed::new(seed)) {
            let regex = regex::Regex::new(&pattern)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert!(regex.is_match(&made), "{made:?} for {pattern}");
        }
    }
}

#[test]
fn a_pattern_that_finds_nothing_makes_nothing() {
    assert_eq!(text::matching("$a", 4, &mut Seed::new(0)), None);
    assert_eq!(
        why("{S: {type: string, pattern: '$a'}}"),
        ("/".to_owned(), "pattern".to_owned())
    );
}

#[test]
fn the_same_seed_makes_the_same() {
    for shape in SHAPES {
        assert_eq!(make(shape, 7), make(shape, 7));
    }
    let many: std::collections::BTreeSet<String> = (0..20)
        .map(|seed| make(SHAPES[4], seed).expect("made").to_json())
        .collect();
    assert!(many.len() > 10);
}

#[test]
fn what_cannot_be_made_names_the_keyword() {
    let told = |pointer: &str, keyword: &str| (pointer.to_owned(), keyword.to_owned());
    assert_eq!(
        why("{S: {type: integer, minimum: 5, maximum: 4}}"),
        told("/", "minimum")
    );
    assert_eq!(
        why(
            "{S: {type: object, required: [a], properties: {a: {type: string, minLength: 3, maxLength: 2}}}}"
        ),
        told("/a", "minLength")
    );
    assert_eq!(
        why("{S: {type: object, required: [a], additionalProperties: false}}"),
        told("/", "required")
    );
    assert_eq!(
        why("{S: {allOf: [{type: string}, {type: integer}]}}"),
        told("/", "type")
    );
    let (_, keyword) = why(
        "{S: {type: object, required: [s], properties: {s: {$ref: '#/components/schemas/S'}}}}",
    );
    assert_eq!(keyword, "$ref");
    assert_eq!(
        why("{S: {type: array, minItems: 3, uniqueItems: true, items: {type: boolean}}}"),
        told("/", "uniqueItems")
    );
}

#[test]
fn values_of_people_belong_to_nobody() {
    for seed in 0..50 {
        let make = |label: &str| labels::labelled(label, &mut Seed::new(seed)).expect("made");
        let identity = make("id_card");
        assert!(
            identity.starts_with("990000") && identity.len() == 18,
            "{identity}"
        );
        assert!(make("mobile").starts_with("120"));
        assert!(make("bank_card").starts_with("999999"));
    }
}
