//! Signed tree heads: a promise about every record up to a size.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::{CanonicalError, to_canonical};
use crate::hash::Hash;
use crate::key::{PublicKey, SigningKey};

/// First line of what is signed for a head.
pub const HEAD_DOMAIN: &str = "rialto evidence head v1";

/// The state of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeHead {
    /// Id of the log.
    pub log: String,
    /// Number of records.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Hash,
    /// Hash of the last record; zeros when there is none.
    pub last_hash: Hash,
    /// When it was signed.
    pub time: Timestamp,
    /// The opening of the log by which it was signed, counted from 1.
    pub epoch: u64,
    /// Id of the signing key.
    pub key_id: Hash,
}

/// A head with its signature, as an auditor keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The state that is signed.
    #[serde(flatten)]
    pub head: TreeHead,
    /// Ed25519 over `HEAD_DOMAIN`, a line end and the head's canonical JSON; 128 hexadecimal
    /// digits.
    pub signature: String,
}

impl TreeHead {
    /// Signs this head.
    ///
    /// # Errors
    /// When it has no canonical form (a size beyond 2^53).
    pub fn sign(self, key: &SigningKey) -> Result<SignedHead, CanonicalError> {
        let signature = key.sign(HEAD_DOMAIN, &self.to_canonical()?);
        Ok(SignedHead {
            head: self,
            signature,
        })
    }

    fn to_canonical(&self) -> Result<String, CanonicalError> {
        let value = serde_json::to_value(self).map_err(|error| CanonicalError::Syntax {
            message: error.to_string(),
        })?;
        to_canonical(&value)
    }
}

impl SignedHead {
    /// Whether `key` signed this head.
    #[must_use]
    pub fn verifies(&self, key: &PublicKey) -> bool {
        self.head.key_id == key.id()
            && self
                .head
                .to_canonical()
                .is_ok_and(|text| key.verifies(HEAD_DOMAIN, &text, &self.signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_verifies_only_as_it_was_signed() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let head = TreeHead {
            log: "l".into(),
            size: 5,
            root: Hash::ZERO,
            last_hash: Hash::ZERO,
            time: Timestamp::UNIX_EPOCH,
            epoch: 1,
            key_id: key.public().id(),
        };
        let signed = head.sign(&key).expect("signs");
        assert!(signed.verifies(&key.public()));
        let mut altered = signed.clone();
        altered.head.size = 4;
        assert!(!altered.verifies(&key.public()));
        assert!(!signed.verifies(&SigningKey::from_bytes(&[2; 32]).public()));
        let json = serde_json::to_string(&signed).expect("serialises");
        assert_eq!(
            serde_json::from_str::<SignedHead>(&json).expect("reads back"),
            signed
        );
    }
}
