//! Canonical JSON (RFC 8785) of values whose numbers are integers.

use serde_json::Value;

/// The largest integer every JSON reader keeps exactly.
const SAFE: u64 = 1 << 53;

/// Why a value has no canonical text here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: the number {number} is no integer of at most 2^53; write it as a text")]
pub struct CanonicalError {
    /// JSON pointer to the number.
    pub pointer: String,
    /// The number.
    pub number: String,
}

/// The one text of a value: members sorted by UTF-16 units, no spaces, integers as digits.
///
/// # Errors
/// [`CanonicalError`] for a fraction, or an integer that a double cannot hold.
pub fn to_canonical(value: &Value) -> Result<String, CanonicalError> {
    let mut out = String::new();
    write(value, &mut out, &mut String::new())?;
    Ok(out)
}

fn write(value: &Value, out: &mut String, at: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let safe = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
            if safe.is_none_or(|integer| integer > SAFE) {
                return Err(CanonicalError {
                    pointer: at.clone(),
                    number: number.to_string(),
                });
            }
            out.push_str(&number.to_string());
        }
        Value::String(text) => string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                let length = at.len();
                at.push_str(&format!("/{n}"));
                write(item, out, at)?;
                at.truncate(length);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (n, (name, member)) in sorted.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                string(name, out);
                out.push(':');
                let length = at.len();
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                write(member, out, at)?;
                at.truncate(length);
            }
            out.push('}');
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The names of RFC 8785, section 3.2.3, in its order.
    #[test]
    fn members_are_sorted_as_the_standard_sorts_them() {
        let value = json!({
            "\u{20ac}": "Euro", "\r": "Return", "\u{fb33}": "Dalet", "1": "One",
            "\u{1f600}": "Emoji", "\u{80}": "Control", "\u{f6}": "Diaeresis"
        });
        let text = to_canonical(&value).expect("canonical");
        let order = [
            "Return",
            "One",
            "Control",
            "Diaeresis",
            "Euro",
            "Emoji",
            "Dalet",
        ];
        let places: Vec<_> = order.map(|name| text.find(name)).into();
        assert!(places.is_sorted() && places[0].is_some(), "{text}");
    }

    #[test]
    fn letters_are_escaped_as_the_standard_escapes_them() {
        let text = to_canonical(&json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{7f}")).expect("canonical");
        assert_eq!(text, "\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\"");
    }

    #[test]
    fn fractions_and_integers_too_large_are_refused_with_their_place() {
        let error = to_canonical(&json!({"a/b": [0, 0.5]})).expect_err("a fraction");
        assert_eq!(error.pointer, "/a~1b/1");
        assert!(to_canonical(&json!(9_007_199_254_740_993_u64)).is_err());
        assert!(to_canonical(&json!(-9_007_199_254_740_993_i64)).is_err());
        assert_eq!(
            to_canonical(&json!(9_007_199_254_740_992_u64)).as_deref(),
            Ok("9007199254740992")
        );
    }
}
