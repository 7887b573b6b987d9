//! API keys and the group key, under which secrets stand in a snapshot.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The key of a group of gateways: 32 bytes delivered out of band to publisher and gateways, never in
/// a snapshot. A key for each purpose is derived from it: one digests API keys, one digests secrets of
/// clients, one seals shared secrets, others sign tokens.
#[derive(Clone)]
pub struct GroupKey([u8; 32]);

impl std::fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupKey(secret)")
    }
}

impl GroupKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits, white space around them left out.
    ///
    /// # Errors
    /// What is wrong.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes)
            .map_err(|_| "a group key is 64 hexadecimal digits".to_owned())?;
        Ok(Self(bytes))
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        mac(&self.0, &[purpose.as_bytes()])
    }

    /// The key AES-256-GCM seals shared secrets with.
    #[must_use]
    pub fn sealing_key(&self) -> [u8; 32] {
        self.derive("rialto-esb-sealing/1")
    }

    /// The secret of a key the house makes for itself and keeps nowhere: the same for the same
    /// purpose and id, 64 hexadecimal digits.
    #[must_use]
    pub fn own_secret(&self, purpose: &str, id: &str) -> String {
        let own = self.derive("rialto-esb-own-key/1");
        hex::encode(mac(&own, &[purpose.as_bytes(), b"\n", id.as_bytes()]))
    }

    /// What stands in a snapshot for an API key: HMAC-SHA-256 of its id and secret, in hexadecimal.
    #[must_use]
    pub fn api_key_digest(&self, id: &str, secret: &str) -> String {
        hex::encode(self.api_key_mac(id, secret))
    }

    /// [`GroupKey::api_key_digest`] as bytes.
    #[must_use]
    pub fn api_key_mac(&self, id: &str, secret: &str) -> [u8; 32] {
        let pepper = self.derive("rialto-esb-api-key/1");
        mac(&pepper, &[id.as_bytes(), b"\n", secret.as_bytes()])
    }
}

impl GroupKey {
    /// What stands in a snapshot for the secret of an OAuth 2.0 client: HMAC-SHA-256 of its id and
    /// secret, in hexadecimal.
    #[must_use]
    pub fn client_secret_digest(&self, id: &str, secret: &str) -> String {
        hex::encode(self.client_secret_mac(id, secret))
    }

    /// [`GroupKey::client_secret_digest`] as bytes.
    #[must_use]
    pub fn client_secret_mac(&self, id: &str, secret: &str) -> [u8; 32] {
        let pepper = self.derive("rialto-esb-client-secret/1");
        mac(&pepper, &[id.as_bytes(), b"\n", secret.as_bytes()])
    }

    /// The seed of the Ed25519 key that the gateways of an environment sign their tokens with in a
    /// period, numbered from 1970: every gateway of the group makes the same, and no other.
    #[must_use]
    pub fn token_seed(&self, environment: &str, period: u64) -> [u8; 32] {
        let own = self.derive("rialto-esb-token/1");
        mac(
            &own,
            &[environment.as_bytes(), b"\n", &period.to_be_bytes()],
        )
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// An API key as callers send it: `rk_<environment>_<id>_<secret>_<checksum>`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The environment it is for.
    pub environment: String,
    /// The credential's id.
    pub id: String,
    /// The secret: 32 or more letters and digits.
    pub secret: String,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey(rk_{}_{}_…)", self.environment, self.id)
    }
}

/// Why a text is no API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseApiKeyError {
    /// Not of the form.
    #[error("an API key is rk_<environment>_<id>_<secret>_<checksum>")]
    Form,
    /// Its checksum is another: a letter was lost or changed.
    #[error("the checksum of the API key does not fit: a letter was lost or changed")]
    Checksum,
}

impl ApiKey {
    /// Fewest letters of a secret.
    pub const SECRET_LETTERS: usize = 32;

    /// Reads a key. The parts hold letters, digits, dots and dashes.
    ///
    /// # Errors
    /// [`ParseApiKeyError`].
    pub fn parse(text: &str) -> Result<Self, ParseApiKeyError> {
        let parts: Vec<&str> = text.split('_').collect();
        let ["rk", environment, id, secret, checksum] = parts.as_slice() else {
            return Err(ParseApiKeyError::Form);
        };
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        };
        if ![environment, id, secret]
            .into_iter()
            .all(|part| plain(part))
            || secret.len() < Self::SECRET_LETTERS
        {
            return Err(ParseApiKeyError::Form);
        }
        let key = Self {
            environment: (*environment).to_owned(),
            id: (*id).to_owned(),
            secret: (*secret).to_owned(),
        };
        if key.checksum() == *checksum {
            Ok(key)
        } else {
            Err(ParseApiKeyError::Checksum)
        }
    }

    /// The text callers send.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}_{}", self.body(), self.checksum())
    }

    fn body(&self) -> String {
        format!("rk_{}_{}_{}", self.environment, self.id, self.secret)
    }

    /// Eight digits that find a lost or changed letter; no protection against anybody.
    fn checksum(&self) -> String {
        hex::encode(&Sha256::digest(self.body())[..4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_a_changed_letter_is_found() {
        let key = ApiKey {
            environment: "prod".to_owned(),
            id: "k7".to_owned(),
            secret: "a".repeat(32),
        };
        let text = key.text();
        assert_eq!(ApiKey::parse(&text), Ok(key));
        let changed = text.replacen('a', "b", 1);
        assert_eq!(ApiKey::parse(&changed), Err(ParseApiKeyError::Checksum));
        for wrong in ["", "rk_a_b_c_d", "rk_prod_k7_aaaa", "xx_prod_k7_a_b"] {
            assert_eq!(ApiKey::parse(wrong), Err(ParseApiKeyError::Form), "{wrong}");
        }
    }

    #[test]
    fn the_digest_depends_on_key_id_and_secret() {
        let key = GroupKey::new([1; 32]);
        let digest = key.api_key_digest("a", "s");
        assert_eq!(digest.len(), 64);
        assert_ne!(digest, key.api_key_digest("b", "s"));
        assert_ne!(digest, key.api_key_digest("a", "t"));
        assert_ne!(digest, GroupKey::new([2; 32]).api_key_digest("a", "s"));
        assert_ne!(key.sealing_key(), [1; 32]);
        let own = key.own_secret("try", "a");
        assert_eq!((own.len(), &own), (64, &key.own_secret("try", "a")));
        assert_ne!(own, key.own_secret("try", "b"));
        assert_ne!(own, GroupKey::new([2; 32]).own_secret("try", "a"));
        assert_ne!(digest, key.client_secret_digest("a", "s"));
        assert_ne!(key.token_seed("sandbox", 1), key.token_seed("sandbox", 2));
        assert_ne!(
            key.token_seed("sandbox", 1),
            key.token_seed("production", 1)
        );
        assert!(!format!("{key:?}").contains('1'));
    }
}
