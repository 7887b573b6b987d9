//! The record: one fact, its canonical bytes and its hash.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{CanonicalError, from_canonical, to_canonical};
use crate::hash::Hash;

/// Version of the record's form.
pub const RECORD_VERSION: u32 = 1;

/// Largest canonical form of a record, bytes; larger content belongs into a blob, referred to by
/// its digest.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Id of the user, runner or component.
    pub id: String,
    /// `user`, `runner`, `system`, …
    pub kind: String,
    /// How the actor proved itself: `session`, `token`, `system`, …
    pub auth: String,
}

impl Actor {
    /// An actor from its three parts.
    pub fn new(id: impl Into<String>, kind: impl Into<String>, auth: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: kind.into(),
            auth: auth.into(),
        }
    }

    /// A component of the platform itself.
    pub fn system(component: impl Into<String>) -> Self {
        Self::new(component, "system", "system")
    }
}

/// A thing outside the log that a record refers to, held by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ref {
    /// `artifact`, `report`, `verdict`, `log`, …
    pub kind: String,
    /// Its id or name.
    pub id: String,
    /// Its SHA-256.
    pub sha256: Hash,
}

/// A fact to be recorded; the log adds position, time and links.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Who did it.
    pub actor: Actor,
    /// Type of the record: `push`, `pipeline`, `job`, `report`, `verdict`, `release`, `approval`,
    /// `deployment_step`, `deployment`, `rollback`, `incident`, …
    pub kind: &'static str,
    /// What it is about, e.g. `project:<id>` or `release:<id>`.
    pub subject: String,
    /// The fact.
    pub body: Value,
    /// Digests of larger content.
    pub refs: Vec<Ref>,
}

/// A recorded fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this form.
    pub v: u32,
    /// Id of the log.
    pub log: String,
    /// Position, from 0 without gaps.
    pub seq: u64,
    /// When it was recorded; RFC 3339 UTC with nanoseconds.
    #[serde(with = "rfc3339_nanos")]
    pub time: Timestamp,
    /// The opening of the log by which it was written, counted from 1.
    pub epoch: u64,
    /// Who did it.
    pub actor: Actor,
    /// Type of the record.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The fact.
    pub body: Value,
    /// Digests of larger content.
    pub refs: Vec<Ref>,
    /// Hash of the previous record; zeros for record 0.
    pub prev: Hash,
}

/// Why a text is not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not canonical JSON.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Canonical JSON, but not a record.
    #[error("not an evidence record: {0}")]
    Form(String),
}

impl Record {
    /// The canonical bytes, which are what is hashed and stored.
    ///
    /// # Errors
    /// [`CanonicalError::Integer`] when the body holds an integer that JSON cannot carry.
    pub fn to_canonical(&self) -> Result<String, CanonicalError> {
        let value = serde_json::to_value(self).map_err(|error| CanonicalError::Syntax {
            message: error.to_string(),
        })?;
        to_canonical(&value)
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`RecordError`] when they are not canonical or not a record of a known version.
    pub fn from_canonical(text: &[u8]) -> Result<Self, RecordError> {
        Self::from_value(from_canonical(text)?)
    }

    /// Reads a value that came from canonical bytes.
    ///
    /// # Errors
    /// [`RecordError::Form`] when it is not a record of a known version.
    pub fn from_value(value: Value) -> Result<Self, RecordError> {
        let record: Self =
            serde_json::from_value(value).map_err(|error| RecordError::Form(error.to_string()))?;
        if record.v != RECORD_VERSION {
            let known = format!("version {} is unknown; {RECORD_VERSION} is known", record.v);
            return Err(RecordError::Form(known));
        }
        Ok(record)
    }

    /// The record's hash, which is also its leaf in the Merkle tree.
    ///
    /// # Errors
    /// As [`Record::to_canonical`].
    pub fn hash(&self) -> Result<Hash, CanonicalError> {
        Ok(hash_of_bytes(self.to_canonical()?.as_bytes()))
    }
}

/// SHA-256(0x00 ‖ canonical bytes).
#[must_use]
pub fn hash_of_bytes(canonical: &[u8]) -> Hash {
    Hash::of(&[&[0x00], canonical])
}

/// One form of a time: UTC, always nine fractional digits.
mod rfc3339_nanos {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{time:.9}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        if format!("{time:.9}") != text {
            return Err(serde::de::Error::custom(
                "a time must be UTC with nine fractional digits",
            ));
        }
        Ok(time)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Record {
        Record {
            v: 1,
            log: "l".into(),
            seq: 3,
            time: "2026-11-22T01:02:03.4Z".parse().expect("a time"),
            epoch: 1,
            actor: Actor::new("u1", "user", "session"),
            kind: "push".into(),
            subject: "project:p".into(),
            body: json!({"sha": "abc"}),
            refs: vec![Ref {
                kind: "pack".into(),
                id: "1".into(),
                sha256: Hash::ZERO,
            }],
            prev: Hash::ZERO,
        }
    }

    #[test]
    fn a_record_has_one_written_form() {
        let text = sample().to_canonical().expect("canonical");
        let zeros = "0".repeat(64);
        assert_eq!(
            text,
            format!(
                "{{\"actor\":{{\"auth\":\"session\",\"id\":\"u1\",\"kind\":\"user\"}},\
                 \"body\":{{\"sha\":\"abc\"}},\"epoch\":1,\"log\":\"l\",\"prev\":\"{zeros}\",\
                 \"refs\":[{{\"id\":\"1\",\"kind\":\"pack\",\"sha256\":\"{zeros}\"}}],\"seq\":3,\
                 \"subject\":\"project:p\",\"time\":\"2026-11-22T01:02:03.400000000Z\",\
                 \"type\":\"push\",\"v\":1}}"
            )
        );
        assert_eq!(
            Record::from_canonical(text.as_bytes()).expect("reads back"),
            sample()
        );
    }

    #[test]
    fn another_form_is_refused() {
        let text = sample().to_canonical().expect("canonical");
        let refused = |from: &str, to: &str, why: &str| {
            let error = Record::from_canonical(text.replacen(from, to, 1).as_bytes());
            let error = error.expect_err("refused").to_string();
            assert!(error.contains(why), "{error}");
        };
        refused("\"v\":1", "\"v\":2", "version 2 is unknown");
        refused("\"v\":1", "\"v\":1,\"x\":1", "unknown field `x`");
        refused(".400000000Z", ".4Z", "nine fractional digits");
        refused("\"seq\":3", "\"seq\":-3", "invalid value");
        refused("{\"actor\"", "{ \"actor\"", "not in canonical form");
    }
}
