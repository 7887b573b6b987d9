//! Shared secrets of credentials, sealed under the group key of their gateways (AES-256-GCM): what the
//! catalogue keeps and a snapshot carries, and a gateway opens.

use rialto_esb_snapshot::{GroupKey, Sealed};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Why a secret could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No randomness.
    #[error("the system gave no randomness: {0}")]
    Random(String),
    /// The cipher refused.
    #[error("the secret could not be sealed")]
    Cipher,
}

fn key(group: &GroupKey) -> Option<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, &group.sealing_key()).ok()?;
    Some(LessSafeKey::new(key))
}

/// Seals a credential's shared secret for a snapshot, under a fresh random nonce.
///
/// # Errors
/// [`SealError`].
pub fn seal(group: &GroupKey, credential: &str, secret: &[u8]) -> Result<Sealed, SealError> {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).map_err(|error| SealError::Random(error.to_string()))?;
    let mut bytes = secret.to_vec();
    key(group)
        .ok_or(SealError::Cipher)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(Sealed::context(credential)),
            &mut bytes,
        )
        .map_err(|_| SealError::Cipher)?;
    Ok(Sealed {
        nonce: hex::encode(nonce),
        ciphertext: hex::encode(bytes),
    })
}

/// Opens a credential's secret; `None` when it was sealed for another one, under another key, or
/// changed.
#[must_use]
pub fn open(group: &GroupKey, credential: &str, sealed: &Sealed) -> Option<Vec<u8>> {
    let mut nonce = [0; 12];
    hex::decode_to_slice(&sealed.nonce, &mut nonce).ok()?;
    let mut bytes = hex::decode(&sealed.ciphertext).ok()?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let aad = Aad::from(Sealed::context(credential));
    let opened = key(group)?.open_in_place(nonce, aad, &mut bytes).ok()?;
    Some(opened.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_under_its_key_for_its_credential_only() {
        let group = GroupKey::new([3; 32]);
        let sealed = seal(&group, "h1", b"secret").unwrap();
        assert_eq!(open(&group, "h1", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(open(&group, "h2", &sealed), None);
        assert_eq!(open(&GroupKey::new([4; 32]), "h1", &sealed), None);
        assert_ne!(seal(&group, "h1", b"secret").unwrap().nonce, sealed.nonce);
    }
}
