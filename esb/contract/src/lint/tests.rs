//! Each rule fires where it should and stays silent beside it.

use std::collections::BTreeMap;

use rialto_document::Node;

use super::{Checker, RULES, lint};
use crate::{Bundle, Severity, import};

/// Knows one rule: texts where numbers are asked for do not fit.
struct Numbers;

impl Checker for Numbers {
    fn violations(&self, schema: &Node, value: &Node) -> Vec<(String, String)> {
        let wrong = schema.get_text("type") == Some("number") && value.number().is_none();
        wrong
            .then(|| (String::new(), "no number".to_owned()))
            .into_iter()
            .collect()
    }
}

fn rules(text: &str) -> Vec<String> {
    let import = import(&Bundle::single("api.yaml", text).expect("reads")).expect("imports");
    let findings = lint(&import.definition, &Numbers, &BTreeMap::new());
    findings
        .iter()
        .map(|finding| format!("{} {}", finding.rule, finding.spot.pointer))
        .collect()
}

const CLEAN: &str = "
openapi: 3.1.0
info: {title: Orders, version: 1.0.0}
security: [{key: []}]
paths:
  /orders/{order_id}:
    get:
      operationId: getOrder
      summary: One order
      x-error-codes: [{code: E1, status: 404, meaning: unknown order}]
      parameters:
        - {name: order_id, in: path, required: true, description: Its id, schema: {type: string, maxLength: 20, x-label: none}}
      responses:
        '200':
          description: the order
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Order'}
              example: {order_id: A1, limit_price: '1.20'}
        '404': {description: unknown}
components:
  schemas:
    Order:
      type: object
      properties:
        order_id: {type: string, maxLength: 20, x-label: none}
        limit_price: {type: string, format: decimal, x-label: amount}
";

#[test]
fn a_clean_definition_has_no_findings() {
    assert_eq!(rules(CLEAN), Vec::<String>::new());
}

#[test]
fn each_rule_fires() {
    let fires = |from: &str, to: &str| {
        let text = CLEAN.replace(from, to);
        assert_ne!(text, CLEAN, "{from} is not in the text");
        let mut found: Vec<String> = rules(&text)
            .iter()
            .filter_map(|one| one.split(' ').next().map(str::to_owned))
            .collect();
        found.dedup();
        found.join(" ")
    };
    assert_eq!(fires("      operationId: getOrder\n", ""), "LN01");
    assert_eq!(fires("      summary: One order\n", ""), "LN02");
    assert_eq!(fires("description: Its id, ", ""), "LN02");
    assert_eq!(
        fires(
            "schema: {$ref: '#/components/schemas/Order'}",
            "schema: {type: number}"
        ),
        "LN03 LN14"
    );
    assert_eq!(
        fires(
            "order_id: {type: string, maxLength: 20, x",
            "order_id: {type: string, x"
        ),
        "LN04"
    );
    assert_eq!(
        fires(
            "{type: string, format: decimal, x-label: amount}",
            "{type: number, x-label: none}"
        ),
        "LN05"
    );
    assert_eq!(
        fires("        limit_price: {", "        limitPrice: {"),
        "LN06"
    );
    assert_eq!(fires("security: [{key: []}]\n", ""), "LN07");
    assert_eq!(
        fires(
            "      x-error-codes: [{code: E1, status: 404, meaning: unknown order}]\n",
            ""
        ),
        "LN08"
    );
    assert_eq!(
        fires("format: decimal, x-label: amount", "format: decimal"),
        "LN09"
    );
    assert_eq!(fires("        '200':", "        '400':"), "LN10");
    assert_eq!(fires("        '404': {description: unknown}\n", ""), "LN11");
    assert_eq!(fires("version: 1.0.0", "version: ''"), "LN12");
    assert_eq!(
        fires(
            "              example: {order_id: A1, limit_price: '1.20'}\n",
            ""
        ),
        "LN13"
    );
    assert_eq!(
        fires("    Order:\n", "    Spare: {type: object}\n    Order:\n"),
        "LN14"
    );
    assert_eq!(fires("/orders/{order_id}:", "/orders/{order_id}/:"), "LN15");
}

#[test]
fn an_operation_may_be_open_when_it_says_so() {
    let open = CLEAN.replace("security: [{key: []}]", "security: []");
    assert_eq!(rules(&open), Vec::<String>::new());
}

#[test]
fn a_firm_changes_weights() {
    let text = CLEAN.replace("      summary: One order\n", "");
    let import = import(&Bundle::single("api.yaml", &text).expect("reads")).expect("imports");
    let weigh = |weight| {
        let weights = BTreeMap::from([("LN02".to_owned(), weight)]);
        lint(&import.definition, &Numbers, &weights)
    };
    assert_eq!(weigh(None), []);
    assert_eq!(weigh(Some(Severity::Error))[0].severity, Severity::Error);
}

#[test]
fn every_rule_has_an_id_of_its_own_and_says_why() {
    for (n, rule) in RULES.iter().enumerate() {
        assert_eq!(rule.id, format!("LN{:02}", n + 1));
        for (en, zh) in [rule.title, rule.why, rule.cure] {
            assert!(!en.is_empty() && !zh.is_empty(), "{}", rule.id);
        }
    }
}
