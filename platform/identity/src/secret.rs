//! Secrets made here, and the hashes that are stored of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// 32 random bytes as base64url text.
pub(crate) fn fresh() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// `N` random bytes as lower-case hexadecimal text.
pub(crate) fn fresh_hex<const N: usize>() -> String {
    hex::encode(random::<N>())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// SHA-256 of a secret for one purpose. Secrets have 192 bits or more of randomness, so a plain
/// hash keeps them; passwords go through argon2id instead.
pub(crate) fn hash(purpose: &str, secret: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(purpose.as_bytes());
    hasher.update([0]);
    hasher.update(secret.as_bytes());
    hex::encode(hasher.finalize())
}

/// Compares without stopping at the first difference.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |sum, (x, y)| sum | (x ^ y))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_for_one_purpose_only() {
        assert_ne!(hash("session", "x"), hash("csrf", "x"));
        assert!(same(&hash("session", "x"), &hash("session", "x")));
        assert!(!same("abc", "abd") && !same("abc", "ab"));
        assert_ne!(fresh(), fresh());
        assert_eq!(fresh_hex::<8>().len(), 16);
    }
}
