//! Ed25519 keys: creation, loading, ids.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _};
use rialto_kernel::Located;

use crate::hash::Hash;

/// Key files are small; a larger one is not a key.
const MAX_KEY_BYTES: u64 = 4_096;

/// The private key that signs heads and bundles.
#[derive(Clone)]
pub struct SigningKey(Arc<ed25519_dalek::SigningKey>);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(id {})", self.public().id())
    }
}

impl SigningKey {
    /// The key of 32 secret bytes.
    #[must_use]
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(Arc::new(ed25519_dalek::SigningKey::from_bytes(secret)))
    }

    /// A fresh key from the operating system's randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut secret = [0_u8; 32];
        getrandom::fill(&mut secret).expect("the operating system gives random bytes");
        Self::from_bytes(&secret)
    }

    /// Loads the key in `path` (PKCS #8 PEM, as `openssl genpkey -algorithm ed25519` writes it).
    ///
    /// # Errors
    /// When the file cannot be read, may be read by others, or holds no Ed25519 private key.
    pub fn load(path: &Path) -> Result<Self, Located> {
        let fail = |message: String| Located::of_file(path.display().to_string(), message);
        let about = fs::metadata(path).map_err(|e| fail(format!("cannot read the key: {e}")))?;
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(fail(format!(
                "the private key may be used by others (mode {mode:03o}): chmod 600 {}",
                path.display()
            )));
        }
        if about.len() > MAX_KEY_BYTES {
            return Err(fail("too large for a key".into()));
        }
        let text =
            fs::read_to_string(path).map_err(|e| fail(format!("cannot read the key: {e}")))?;
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(text.trim_end()).map_err(|error| {
            fail(format!(
                "not an Ed25519 private key in PKCS #8 PEM ({error})"
            ))
        })?;
        Ok(Self(Arc::new(key)))
    }

    /// Loads the key in `path`, or makes it, readable by its owner alone, when the file is absent.
    ///
    /// # Errors
    /// As [`SigningKey::load`], or when the file cannot be made.
    pub fn load_or_create(path: &Path) -> Result<Self, Located> {
        let fail = |e: std::io::Error| Located::of_file(path.display().to_string(), e.to_string());
        if path.exists() {
            return Self::load(path);
        }
        let key = Self::generate();
        // Version 1 of the form, without the public key: openssl reads no other.
        let bytes = KeypairBytes {
            secret_key: key.0.to_bytes(),
            public_key: None,
        };
        let pem = bytes.to_pkcs8_pem(LineEnding::LF).map_err(|error| {
            Located::of_file(
                path.display().to_string(),
                format!("cannot encode a key: {error}"),
            )
        })?;
        // Written beside its place and linked into it: nobody ever sees half a key, and of two
        // processes that make one at the same time, the second takes the first's.
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", std::process::id()));
        let draft = Path::new(&draft);
        let _ = fs::remove_file(draft);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(draft)
            .map_err(fail)?;
        file.write_all(pem.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(fail)?;
        let linked = fs::hard_link(draft, path);
        fs::remove_file(draft).map_err(fail)?;
        match linked {
            Ok(()) => {
                // The name itself must survive a power cut too: heads signed with a lost key
                // could never be checked.
                if let Some(folder) = path.parent() {
                    fs::File::open(folder)
                        .and_then(|folder| folder.sync_all())
                        .map_err(fail)?;
                }
                Ok(key)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(fail(error)),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `domain ‖ message`; the signature as 128 hexadecimal digits.
    #[must_use]
    pub fn sign(&self, domain: &str, message: &str) -> String {
        hex::encode(self.0.sign(&framed(domain, message)).to_bytes())
    }
}

/// The public key that checks signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// The key's id: SHA-256 of its 32 bytes.
    #[must_use]
    pub fn id(&self) -> Hash {
        Hash::of(&[self.0.as_bytes()])
    }

    /// The key in PEM (SubjectPublicKeyInfo), as openssl reads it.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn to_pem(&self) -> Result<String, String> {
        self.0
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| error.to_string())
    }

    /// Reads PEM (SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// When it is not the PEM of an Ed25519 public key, or a key that verifies anything.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let key = ed25519_dalek::VerifyingKey::from_public_key_pem(text.trim_end())
            .map_err(|error| format!("not an Ed25519 public key in PEM ({error})"))?;
        if key.is_weak() {
            return Err("a weak key, for which signatures prove nothing".into());
        }
        Ok(Self(key))
    }

    /// Whether `signature` (128 lower-case hexadecimal digits, the one spelling there is) is this
    /// key's signature of `domain ‖ message`.
    #[must_use]
    pub fn verifies(&self, domain: &str, message: &str, signature: &str) -> bool {
        let mut bytes = [0_u8; 64];
        if signature.len() != 128
            || signature.bytes().any(|byte| byte.is_ascii_uppercase())
            || hex::decode_to_slice(signature, &mut bytes).is_err()
        {
            return false;
        }
        let signature = Signature::from_bytes(&bytes);
        self.0
            .verify_strict(&framed(domain, message), &signature)
            .is_ok()
    }
}

/// What is signed: the domain, a line end, the canonical text. The domain keeps a signature made
/// for one purpose from counting for another.
fn framed(domain: &str, message: &str) -> Vec<u8> {
    format!("{domain}\n{message}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_loaded_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evidence.key");
        let made = SigningKey::load_or_create(&path).expect("made");
        let mode = fs::metadata(&path).expect("exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let loaded = SigningKey::load_or_create(&path).expect("loaded");
        assert_eq!(made.public(), loaded.public());
        assert_eq!(
            fs::read_dir(folder.path()).expect("listed").count(),
            1,
            "no draft is left"
        );
    }

    #[test]
    fn a_key_file_has_the_form_that_openssl_writes() {
        use base64::Engine as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evidence.key");
        let key = SigningKey::load_or_create(&path).expect("made");
        // RFC 8410: PKCS #8 version 1 of an Ed25519 key, then its 32 secret bytes.
        let mut der = hex::decode("302e020100300506032b657004220420").expect("hexadecimal");
        der.extend(key.0.to_bytes());
        let base64 = base64::engine::general_purpose::STANDARD.encode(der);
        let text = fs::read_to_string(&path).expect("read");
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(body, base64);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_saying_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evidence.key");
        SigningKey::load_or_create(&path).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode set");
        let error = SigningKey::load_or_create(&path)
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains("evidence.key: ") && error.contains("chmod 600"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_a_key_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evidence.key");
        fs::write(&path, "hello").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode set");
        let error = SigningKey::load(&path).expect_err("refused").to_string();
        assert!(error.contains("not an Ed25519 private key"), "{error}");
        let absent = SigningKey::load(&folder.path().join("none")).expect_err("absent");
        assert!(
            absent.to_string().contains("cannot read the key"),
            "{absent}"
        );
    }

    #[test]
    fn a_signature_counts_for_its_domain_message_and_key_alone() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let signature = key.sign("a", "text");
        assert!(key.public().verifies("a", "text", &signature));
        assert!(!key.public().verifies("b", "text", &signature));
        assert!(!key.public().verifies("a", "texts", &signature));
        assert!(!key.public().verifies("a", "text", &signature[1..]));
        assert!(
            !SigningKey::from_bytes(&[8; 32])
                .public()
                .verifies("a", "text", &signature)
        );
    }

    #[test]
    fn a_public_key_survives_pem() {
        let key = SigningKey::from_bytes(&[7; 32]).public();
        let pem = key.to_pem().expect("encodes");
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----"));
        assert_eq!(PublicKey::from_pem(&pem), Ok(key));
        assert!(PublicKey::from_pem("nonsense").is_err());
    }
}
