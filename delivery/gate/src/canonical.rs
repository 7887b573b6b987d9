//! One way of writing a value as bytes, so that equal values have equal digests.
//!
//! JSON as RFC 8785 writes it, for the values used here: keys sorted, no white space, integers and
//! texts only (a fraction is kept as two integers or as text).

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The canonical bytes of a value.
pub fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    // Our own types only: maps have text keys and no serializer of ours fails.
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    let mut bytes = Vec::new();
    write(&value, &mut bytes);
    bytes
}

/// SHA-256 of the canonical bytes, in lower-case hex.
pub fn sha256<T: Serialize>(value: &T) -> String {
    hex::encode(Sha256::digest(to_bytes(value)))
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            // RFC 8785 sorts by UTF-16 code units.
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            out.push(b'{');
            for (index, (key, inner)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend(Value::String(key.clone()).to_string().as_bytes());
                out.push(b':');
                write(inner, out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        plain => out.extend(plain.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::to_bytes;

    #[test]
    fn keys_are_sorted_and_white_space_is_gone() {
        let value = serde_json::json!({"b": [1, {"d": null, "c": "行\n"}], "a": true});
        let text = String::from_utf8(to_bytes(&value)).unwrap();
        assert_eq!(text, r#"{"a":true,"b":[1,{"c":"行\n","d":null}]}"#);
    }
}
