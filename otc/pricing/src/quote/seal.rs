//! A quote as it is sent and kept, with the hash of everything it says.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::answer::Quoted;

/// Who is quoted, by whom, when and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// Id.
    pub id: String,
    /// Number for people.
    pub no: String,
    /// Who is quoted.
    pub counterparty: String,
    /// Who quotes.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// The quote stands before this moment.
    pub valid_until: Timestamp,
}

impl Heading {
    /// Whether the quote stands no more.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        super::is_expired(self.valid_until, now)
    }
}

/// A quote. Status and trade come later and are no part of what is hashed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quote {
    /// Who and when.
    #[serde(flatten)]
    pub heading: Heading,
    /// What.
    #[serde(flatten)]
    pub quoted: Quoted,
}

impl Quote {
    /// The text that is kept and hashed: names sorted, no blanks.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Every part is written from text, finite numbers and lists of them: nothing to refuse.
        canonical(&serde_json::to_value(self).unwrap_or_default())
    }

    /// SHA-256 of the canonical text, hexadecimal.
    #[must_use]
    pub fn content_hash(&self) -> String {
        content_hash(&self.canonical())
    }
}

/// A JSON value with sorted names and no blanks.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (n, (name, value)) in fields.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// SHA-256 of a canonical text, hexadecimal.
#[must_use]
pub fn content_hash(canonical: &str) -> String {
    hex::encode(Sha256::digest(canonical.as_bytes()))
}

/// Whether a kept text is still what was hashed.
#[must_use]
pub fn is_intact(canonical: &str, hash: &str) -> bool {
    content_hash(canonical).eq_ignore_ascii_case(hash)
}
