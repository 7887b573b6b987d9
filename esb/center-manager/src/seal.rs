//! Secret contents at rest: AES-256-GCM under a key that is not in the database.

use rialto_esb_center::config::ItemKey;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::CenterError;

/// The key of secret contents.
pub(crate) struct Seal(LessSafeKey);

impl Seal {
    pub fn new(key: &[u8; 32]) -> Result<Self, CenterError> {
        let key = UnboundKey::new(&AES_256_GCM, key)
            .map_err(|_| CenterError::Internal("the key of secret items has no 32 bytes".into()))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals a content for its item: elsewhere it does not open.
    pub fn seal(&self, key: &ItemKey, content: &str) -> Result<String, CenterError> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce)
            .map_err(|error| CenterError::Internal(format!("no randomness: {error}")))?;
        let mut bytes = content.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context(key)),
                &mut bytes,
            )
            .map_err(|_| CenterError::Internal(format!("{key} could not be sealed")))?;
        Ok(format!("{}:{}", hex::encode(nonce), hex::encode(bytes)))
    }

    /// Opens what [`Seal::seal`] made.
    pub fn open(&self, key: &ItemKey, sealed: &str) -> Result<String, CenterError> {
        let opened = || {
            let (nonce, bytes) = sealed.split_once(':')?;
            let mut fixed = [0; 12];
            hex::decode_to_slice(nonce, &mut fixed).ok()?;
            let mut bytes = hex::decode(bytes).ok()?;
            let nonce = Nonce::assume_unique_for_key(fixed);
            let plain = self
                .0
                .open_in_place(nonce, Aad::from(context(key)), &mut bytes);
            String::from_utf8(plain.ok()?.to_vec()).ok()
        };
        opened().ok_or_else(|| {
            let text = "does not open: it was altered, or secrets/esb-center.key is another one";
            CenterError::Internal(format!("the secret item {key} {text}"))
        })
    }
}

fn context(key: &ItemKey) -> String {
    format!("rialto-esb-config/1 {key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_opens_under_its_key_for_its_item_only() {
        let item = |id: &str| ItemKey {
            namespace: "public".into(),
            group: "G".into(),
            id: id.into(),
        };
        let seal = Seal::new(&[3; 32]).unwrap();
        let sealed = seal.seal(&item("a"), "密码=x").unwrap();
        assert!(!sealed.contains("x"));
        assert_eq!(seal.open(&item("a"), &sealed).unwrap(), "密码=x");
        assert!(seal.open(&item("b"), &sealed).is_err());
        assert!(
            Seal::new(&[4; 32])
                .unwrap()
                .open(&item("a"), &sealed)
                .is_err()
        );
        assert_ne!(seal.seal(&item("a"), "密码=x").unwrap(), sealed);
    }
}
