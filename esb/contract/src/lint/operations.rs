//! Rules on the document, its operations and their examples.

use std::collections::HashMap;

use super::Lint;
use super::rules::{LN01, LN02, LN03, LN07, LN08, LN10, LN11, LN12, LN13, LN15, Rule};
use crate::definition::{Media, Operation, Spot};
use crate::words::Words;

pub(super) fn check(lint: &mut Lint<'_>) {
    let definition = lint.definition;
    for (field, value) in [
        ("title", &definition.title),
        ("version", &definition.version),
    ] {
        if value.trim().is_empty() {
            let what = Words::new(
                format!("`info.{field}` is empty."),
                format!("`info.{field}` 为空。"),
            );
            lint.tell(&LN12, &definition.spot, what);
        }
    }
    ids(lint);
    for operation in &definition.operations {
        one(lint, operation);
        examples(lint, operation);
    }
}

fn ids(lint: &mut Lint<'_>) {
    let mut seen: HashMap<&str, String> = HashMap::new();
    for operation in &lint.definition.operations {
        let name = operation.name();
        let Some(id) = operation.id.as_deref().filter(|id| !id.is_empty()) else {
            let what = Words::new(
                format!("{name} has no operationId."),
                format!("{name} 没有 operationId。"),
            );
            lint.tell(&LN01, &operation.spot, what);
            continue;
        };
        if let Some(first) = seen.get(id) {
            let what = Words::new(
                format!("{name} has the operationId `{id}` of {first}."),
                format!("{name} 与 {first} 的 operationId 同为 `{id}`。"),
            );
            lint.tell(&LN01, &operation.spot, what);
        } else {
            seen.insert(id, name);
        }
    }
}

fn one(lint: &mut Lint<'_>, operation: &Operation) {
    let name = operation.name();
    let mut tell = |rule: &Rule, en: &str, zh: &str| {
        lint.tell(
            rule,
            &operation.spot,
            Words::new(format!("{name} {en}"), format!("{name} {zh}")),
        );
    };
    let blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    if blank(&operation.summary) && blank(&operation.description) {
        tell(
            &LN02,
            "has neither summary nor description.",
            "没有摘要或说明。",
        );
    }
    if operation.path.len() > 1 && operation.path.ends_with('/') {
        tell(&LN15, "ends with a slash.", "以斜杠结尾。");
    }
    let succeeds = |status: &str| status.starts_with(['2', '3']) || status == "101";
    if !operation.outcomes.iter().any(|one| succeeds(&one.status)) {
        tell(&LN10, "describes no success.", "没有成功响应。");
    }
    let input = operation.body.is_some() || !operation.parameters.is_empty();
    let refuses = |status: &str| status.starts_with('4') || status == "default";
    if input && !operation.outcomes.iter().any(|one| refuses(&one.status)) {
        tell(
            &LN11,
            "takes input but describes no refusal.",
            "有输入但没有定义拒绝响应。",
        );
    }
    if operation.security.is_empty() && !operation.open {
        tell(&LN07, "declares no security.", "未声明安全要求。");
    }
    if operation.errors.is_empty() && operation.outcomes.iter().any(|one| refuses(&one.status)) {
        tell(
            &LN08,
            "refuses without a table of error codes.",
            "有拒绝响应但没有错误码表。",
        );
    }
    for parameter in &operation.parameters {
        if blank(&parameter.description) {
            let what = Words::new(
                format!(
                    "The parameter {}:{} of {name} has no description.",
                    parameter.place, parameter.name
                ),
                format!(
                    "{name} 的参数 {}:{} 没有说明。",
                    parameter.place, parameter.name
                ),
            );
            lint.tell(&LN02, &parameter.spot, what);
        }
    }
}

fn examples(lint: &mut Lint<'_>, operation: &Operation) {
    let name = operation.name();
    for parameter in &operation.parameters {
        let of = format!("{}:{} of {name}", parameter.place, parameter.name);
        if let Some(schema) = &parameter.schema {
            fitting(lint, schema, &parameter.examples, &of, &parameter.spot);
        }
    }
    if let Some(body) = &operation.body {
        for media in &body.media {
            of_media(
                lint,
                media,
                &format!("the request of {name}"),
                &format!("{name} 的请求"),
            );
        }
    }
    for outcome in &operation.outcomes {
        for media in &outcome.media {
            let en = format!("the answer {} of {name}", outcome.status);
            let zh = format!("{name} 的响应 {}", outcome.status);
            let mut asked = media.clone();
            if !outcome.is_success() && asked.examples.is_empty() {
                asked.schema = None;
            }
            of_media(lint, &asked, &en, &zh);
        }
    }
}

/// A body whose examples are asked for and checked.
fn of_media(lint: &mut Lint<'_>, media: &Media, en: &str, zh: &str) {
    let json = media.name.contains("json");
    let Some(schema) = media.schema.as_ref().filter(|_| json) else {
        return;
    };
    let within = schema.get("examples").is_some()
        || schema
            .get_text("$ref")
            .and_then(|text| lint.definition.schema(text))
            .is_some_and(|schema| schema.get("examples").is_some());
    if media.examples.is_empty() && !within {
        let what = Words::new(
            format!("{} has no example as {}.", capital(en), media.name),
            format!("{zh}（{}）没有示例。", media.name),
        );
        lint.tell(&LN13, &media.spot, what);
    }
    fitting(lint, schema, &media.examples, en, &media.spot);
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn fitting(
    lint: &mut Lint<'_>,
    schema: &rialto_document::Node,
    examples: &[(String, rialto_document::Node)],
    of: &str,
    spot: &Spot,
) {
    for (name, value) in examples {
        let spot = Spot {
            line: if value.place.line > 0 {
                value.place.line
            } else {
                spot.line
            },
            column: if value.place.line > 0 {
                value.place.column
            } else {
                spot.column
            },
            ..spot.clone()
        };
        for (pointer, message) in lint.checker.violations(schema, value) {
            let pointer = if pointer.is_empty() {
                "/".to_owned()
            } else {
                pointer
            };
            let what = Words::new(
                format!(
                    "The example `{name}` of {of} does not fit its schema at {pointer}: {message}."
                ),
                format!("{of} 的示例 `{name}` 在 {pointer} 处不符合结构：{message}。"),
            );
            lint.tell(&LN03, &spot, what);
        }
    }
}
