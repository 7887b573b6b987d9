//! A verdict with its sentences in both languages beside the English ones of the record.

use serde_json::Value;

use super::Text;

/// Adds `text` beside every sentence of a recorded verdict and `error_text` beside its error. The
/// record itself stays as it is in the log; replaying passes these members over.
pub(crate) fn with_texts(mut verdict: Value) -> Value {
    for rule in items(&mut verdict, "rules") {
        for offender in items(rule, "offenders") {
            add(offender, "note", "text");
        }
        add(rule, "detail", "text");
    }
    for input in items(&mut verdict, "inputs") {
        add(input, "reason", "text");
    }
    for waiver in items(&mut verdict, "waivers") {
        add(waiver, "inert", "text");
    }
    add(&mut verdict, "error", "error_text");
    verdict
}

fn items<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    value
        .get_mut(name)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn add(value: &mut Value, from: &str, to: &str) {
    let text = Text::of_some(value[from].as_str());
    let Some(members) = value.as_object_mut() else {
        return;
    };
    // Strings alone: this serializer cannot fail.
    let shown = serde_json::to_value(text).unwrap_or(Value::Null);
    members.insert(to.to_owned(), shown);
}
