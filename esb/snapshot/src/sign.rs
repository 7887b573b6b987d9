//! The text of a snapshot and its signature.
//!
//! A signed snapshot is two lines, each canonical JSON: `{"digest", "key", "signature"}`, then the
//! snapshot. Canonical JSON holds no line end, so the first one parts them.

use std::collections::BTreeMap;

use ed25519_dalek::pkcs8::DecodePublicKey as _;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::canonical::{CanonicalError, to_canonical};
use crate::model::Snapshot;

/// What a signature of a snapshot is for; a signature made for something else does not count.
pub const DOMAIN: &str = "rialto-esb-snapshot/1";

/// Largest signed snapshot, bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// A snapshot's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    text: String,
    digest: String,
}

/// Why a snapshot has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeSnapshotError {
    /// A number is too large.
    #[error(transparent)]
    Number(#[from] CanonicalError),
    /// It cannot be written as JSON.
    #[error("the snapshot cannot be written: {0}")]
    Json(String),
    /// It is too large.
    #[error("the snapshot is {0} bytes long; at most {MAX_BYTES} are carried")]
    Size(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    digest: String,
    key: String,
    signature: String,
}

impl Header {
    fn text(&self) -> String {
        // Three plain texts: there is nothing to refuse.
        let value = serde_json::json!({
            "digest": self.digest, "key": self.key, "signature": self.signature
        });
        to_canonical(&value).unwrap_or_default()
    }
}

impl Encoded {
    /// The text of a snapshot.
    ///
    /// # Errors
    /// [`EncodeSnapshotError`].
    pub fn of(snapshot: &Snapshot) -> Result<Self, EncodeSnapshotError> {
        let value = serde_json::to_value(snapshot)
            .map_err(|error| EncodeSnapshotError::Json(error.to_string()))?;
        let text = to_canonical(&value)?;
        if text.len() > MAX_BYTES - 1024 {
            return Err(EncodeSnapshotError::Size(text.len()));
        }
        let digest = hex::encode(Sha256::digest(&text));
        Ok(Self { text, digest })
    }

    /// The canonical text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text in hexadecimal: the snapshot's id.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The signed text, for a signature made elsewhere: Ed25519 over [`DOMAIN`], a line end and the
    /// digest, as 128 lower-case hexadecimal digits; `key` is [`key_id`] of the public key.
    #[must_use]
    pub fn signed(&self, key: &str, signature: &str) -> Vec<u8> {
        let header = Header {
            digest: self.digest.clone(),
            key: key.to_owned(),
            signature: signature.to_owned(),
        };
        format!("{}\n{}", header.text(), self.text).into_bytes()
    }

    /// The signed text.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let signature = key.sign(&message(&self.digest));
        let id = key_id(&key.verifying_key());
        self.signed(&id, &hex::encode(signature.to_bytes()))
    }
}

fn message(digest: &str) -> Vec<u8> {
    format!("{DOMAIN}\n{digest}").into_bytes()
}

/// The id of a public key: SHA-256 of its 32 bytes in hexadecimal.
#[must_use]
pub fn key_id(key: &VerifyingKey) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Keys whose snapshots are taken.
#[derive(Debug, Clone, Default)]
pub struct TrustedKeys(BTreeMap<String, VerifyingKey>);

/// A snapshot whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The snapshot; not yet [`crate::check`]ed.
    pub snapshot: Snapshot,
    /// Its id.
    pub digest: String,
    /// Id of the key that signed it.
    pub key: String,
}

/// Why a text is no snapshot that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeSnapshotError {
    /// Too large.
    #[error("the text is {0} bytes long; at most {MAX_BYTES} are taken")]
    Size(usize),
    /// The first line is no header.
    #[error("the first line is no header of a signed snapshot")]
    Header,
    /// Signed by somebody else.
    #[error("signed with key {0}, which is not trusted here")]
    UnknownKey(String),
    /// The text is not the one that was signed.
    #[error("the digest of the text is another: it was changed after it was signed")]
    Digest,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The text is no snapshot.
    #[error("{pointer}: {message}")]
    Content {
        /// JSON pointer.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// The text is not spelled as snapshots are.
    #[error("the text is not in canonical form")]
    NotCanonical,
}

impl TrustedKeys {
    /// Trusts these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let keys = keys.into_iter().filter(|key| !key.is_weak());
        Self(keys.map(|key| (key_id(&key), key)).collect())
    }

    /// Reads one or more public keys in PEM (SubjectPublicKeyInfo), one after another.
    ///
    /// # Errors
    /// What is wrong.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        const END: &str = "-----END PUBLIC KEY-----";
        let mut keys = Vec::new();
        for part in text.split_inclusive(END) {
            if part.trim().is_empty() {
                continue;
            }
            let key = VerifyingKey::from_public_key_pem(part.trim())
                .map_err(|error| format!("not an Ed25519 public key in PEM ({error})"))?;
            if key.is_weak() {
                return Err("a weak key, for which signatures prove nothing".to_owned());
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err("there is no public key in it".to_owned());
        }
        Ok(Self::new(keys))
    }

    /// Ids of the keys.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Reads a signed snapshot: nothing of it is looked at before its signature holds.
    ///
    /// # Errors
    /// [`DecodeSnapshotError`].
    pub fn verify(&self, signed: &[u8]) -> Result<Verified, DecodeSnapshotError> {
        if signed.len() > MAX_BYTES {
            return Err(DecodeSnapshotError::Size(signed.len()));
        }
        let end = signed.iter().take(1024).position(|byte| *byte == b'\n');
        let (head, text) = signed.split_at(end.ok_or(DecodeSnapshotError::Header)?);
        let text = &text[1..];
        let header: Header =
            serde_json::from_slice(head).map_err(|_| DecodeSnapshotError::Header)?;
        let mut bytes = [0; 64];
        let decoded = hex::decode_to_slice(&header.signature, &mut bytes);
        let lower = !header.signature.bytes().any(|b| b.is_ascii_uppercase());
        if header.text().as_bytes() != head || decoded.is_err() || !lower {
            return Err(DecodeSnapshotError::Header);
        }
        let key = self
            .0
            .get(&header.key)
            .ok_or_else(|| DecodeSnapshotError::UnknownKey(header.key.clone()))?;
        let holds = key.verify_strict(&message(&header.digest), &Signature::from_bytes(&bytes));
        holds.map_err(|_| DecodeSnapshotError::Signature)?;
        if hex::encode(Sha256::digest(text)) != header.digest {
            return Err(DecodeSnapshotError::Digest);
        }
        let snapshot = content(text)?;
        let again = Encoded::of(&snapshot).map_err(|_| DecodeSnapshotError::NotCanonical)?;
        if again.text.as_bytes() != text {
            return Err(DecodeSnapshotError::NotCanonical);
        }
        Ok(Verified {
            snapshot,
            digest: header.digest,
            key: header.key,
        })
    }
}

/// Reads a snapshot of one's own records, without asking who signed it.
///
/// # Errors
/// [`DecodeSnapshotError`] when it has another form.
pub fn read_own(signed: &str) -> Result<Snapshot, DecodeSnapshotError> {
    let (_, text) = signed.split_once('\n').ok_or(DecodeSnapshotError::Header)?;
    content(text.as_bytes())
}

fn content(text: &[u8]) -> Result<Snapshot, DecodeSnapshotError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let snapshot = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        DecodeSnapshotError::Content {
            pointer: pointer(error.path()),
            message: error.into_inner().to_string(),
        }
    })?;
    reader.end().map_err(|error| DecodeSnapshotError::Content {
        pointer: String::new(),
        message: error.to_string(),
    })?;
    Ok(snapshot)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}
