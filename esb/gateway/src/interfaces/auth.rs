//! Who calls (specification, section 5.5): API keys, signatures, tokens.

mod api_key;
mod jwt;
mod nonce;
mod oauth2;
mod signature;

use std::collections::HashMap;

use http::header::{self, HeaderMap};
use jiff::Timestamp;
use rialto_esb_snapshot::{self as model, AuthMethod, GroupKey};

use super::clock::Now;
use super::refusal::Refusal;
pub(crate) use nonce::Nonces;
pub(crate) use signature::{digest_fits, has_body};

/// Checks who calls, by the credentials of a snapshot.
#[derive(Debug)]
pub(crate) struct Authenticator {
    environment: String,
    group: GroupKey,
    credentials: HashMap<String, Credential>,
    /// Application by issuer and subject.
    subjects: HashMap<(String, String), Credential>,
    issuers: HashMap<String, jwt::Issuer>,
    /// What the gateways sign tokens of their own with.
    own: oauth2::OwnKeys,
}

#[derive(Debug, Clone)]
struct Credential {
    id: String,
    application: usize,
    not_after: Option<Timestamp>,
    proof: Proof,
}

#[derive(Debug, Clone)]
enum Proof {
    ApiKey([u8; 32]),
    Hmac(ring::hmac::Key),
    Client([u8; 32]),
    Token,
}

/// Why credentials of a snapshot cannot be used here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileAuthError {
    #[error("credential {0}: its application is not there")]
    Application(String),
    #[error("credential {0}: its secret does not open; is the group key the publisher's?")]
    Sealed(String),
    #[error("credential {0}: its digest is no digest")]
    Digest(String),
    #[error("issuer {0}: key {1} cannot be used")]
    Key(String, String),
}

/// A caller that proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) application: usize,
    /// Ids of the credentials it proved itself with.
    pub(crate) credentials: Vec<String>,
    /// `Content-Digest` that the signature covers: the body must fit it.
    pub(crate) digest: Option<[u8; 32]>,
}

/// What proofs are checked against.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// As it came: path and query.
    pub(crate) target: &'a str,
    /// As it came.
    pub(crate) authority: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) has_body: bool,
    pub(crate) now: Now,
    /// Requests seen before; `None` in a dry run, which leaves no trace.
    pub(crate) nonces: Option<&'a Nonces>,
    /// For a dry run: looked at, not written.
    pub(crate) seen: &'a Nonces,
}

impl Authenticator {
    pub(crate) fn compile(
        snapshot: &model::Snapshot,
        applications: &HashMap<String, usize>,
        group: &GroupKey,
    ) -> Result<Self, CompileAuthError> {
        let mut credentials = HashMap::new();
        let mut subjects = HashMap::new();
        for one in &snapshot.credentials {
            let application = *applications
                .get(&one.application)
                .ok_or_else(|| CompileAuthError::Application(one.id.clone()))?;
            let proof = match &one.kind {
                model::CredentialKind::ApiKey { digest } => Proof::ApiKey(bytes(one, digest)?),
                model::CredentialKind::Oauth2Client { digest } => {
                    Proof::Client(bytes(one, digest)?)
                }
                model::CredentialKind::Hmac { sealed } => {
                    let secret = rialto_esb_sealing::open(group, &one.id, sealed)
                        .ok_or_else(|| CompileAuthError::Sealed(one.id.clone()))?;
                    Proof::Hmac(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret))
                }
                model::CredentialKind::Jwt { .. } => Proof::Token,
            };
            let credential = Credential {
                id: one.id.clone(),
                application,
                not_after: one.not_after,
                proof,
            };
            match &one.kind {
                model::CredentialKind::Jwt { issuer, subject } => {
                    subjects.insert((issuer.clone(), subject.clone()), credential);
                }
                _ => {
                    credentials.insert(one.id.clone(), credential);
                }
            }
        }
        let mut issuers = HashMap::new();
        for issuer in &snapshot.issuers {
            let made = jwt::Issuer::new(issuer)
                .map_err(|kid| CompileAuthError::Key(issuer.issuer.clone(), kid))?;
            issuers.insert(issuer.issuer.clone(), made);
        }
        Ok(Self {
            environment: snapshot.environment.clone(),
            own: oauth2::OwnKeys::new(&snapshot.environment, group),
            group: group.clone(),
            credentials,
            subjects,
            issuers,
        })
    }

    /// Who calls: by the first set of methods that holds whole, all of it speaking of one caller.
    ///
    /// # Errors
    /// Why none holds: what was offered and failed, or that nothing was.
    pub(crate) fn caller(
        &self,
        any_of: &[Vec<AuthMethod>],
        asked: &Asked<'_>,
    ) -> Result<Caller, Refusal> {
        let mut found: Vec<(AuthMethod, Option<Result<Caller, Refusal>>)> = Vec::new();
        let mut failure: Option<Refusal> = None;
        for set in any_of {
            let mut whole: Option<Caller> = None;
            let mut holds = true;
            for method in set {
                if !found.iter().any(|(known, _)| known == method) {
                    found.push((*method, self.by(*method, asked)));
                }
                let outcome = found.iter().find(|(known, _)| known == method);
                match outcome.and_then(|(_, outcome)| outcome.as_ref()) {
                    Some(Ok(caller)) => holds &= join(&mut whole, caller),
                    Some(Err(refusal)) => {
                        failure.get_or_insert_with(|| refusal.clone());
                        holds = false;
                    }
                    None => holds = false,
                }
            }
            if let (true, Some(caller)) = (holds, whole) {
                return Ok(caller);
            }
        }
        let refusal = failure.unwrap_or_else(|| {
            let names: Vec<&str> = any_of.iter().flatten().map(|one| name(*one)).collect();
            Refusal::new(
                "auth-missing",
                format!("prove who you are with {}", names.join(" or ")),
                format!("请使用以下方式之一证明身份：{}", names.join("、")),
            )
        });
        let mut methods: Vec<AuthMethod> = any_of.iter().flatten().copied().collect();
        methods.sort_unstable();
        methods.dedup_by_key(|one| challenge(*one));
        let challenge = |refusal: Refusal, one: AuthMethod| {
            refusal.with_header(header::WWW_AUTHENTICATE, challenge(one))
        };
        Err(methods.into_iter().fold(refusal, challenge))
    }

    /// A method's outcome; `None` when the request does not offer it.
    fn by(&self, method: AuthMethod, asked: &Asked<'_>) -> Option<Result<Caller, Refusal>> {
        match method {
            AuthMethod::ApiKey => self.by_api_key(asked),
            AuthMethod::Hmac => self.by_signature(asked),
            AuthMethod::Jwt => self.by_token(asked),
            AuthMethod::Oauth2 => self.by_own_token(asked),
        }
    }

    fn caller_of(credential: &Credential, now: Now) -> Result<Caller, Refusal> {
        if credential.not_after.is_some_and(|end| end <= now.at) {
            return Err(Refusal::new(
                "auth-expired",
                format!("credential {} has expired; rotate it", credential.id),
                format!("凭证 {} 已过期，请轮换", credential.id),
            ));
        }
        Ok(Caller {
            application: credential.application,
            credentials: vec![credential.id.clone()],
            digest: None,
        })
    }
}

fn bytes(one: &model::Credential, digest: &str) -> Result<[u8; 32], CompileAuthError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digest, &mut bytes)
        .map_err(|_| CompileAuthError::Digest(one.id.clone()))?;
    Ok(bytes)
}

/// Whether two digests are the same, in a time that does not depend on where they differ.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |d, (a, b)| d | (a ^ b)) == 0
}

/// Joins proofs of a set; false when they speak of different callers.
fn join(whole: &mut Option<Caller>, more: &Caller) -> bool {
    match whole {
        None => {
            *whole = Some(more.clone());
            true
        }
        Some(caller) if caller.application == more.application => {
            caller.credentials.extend(more.credentials.iter().cloned());
            caller.digest = caller.digest.or(more.digest);
            true
        }
        Some(_) => false,
    }
}

fn name(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::ApiKey => "X-API-Key",
        AuthMethod::Hmac => "Signature (RFC 9421, hmac-sha256)",
        AuthMethod::Jwt => "Authorization: Bearer",
        AuthMethod::Oauth2 => "Authorization: Bearer (a token of POST /oauth2/token)",
    }
}

fn challenge(method: AuthMethod) -> &'static str {
    match method {
        AuthMethod::ApiKey => "ApiKey header=\"X-API-Key\"",
        AuthMethod::Hmac => "Signature alg=\"hmac-sha256\"",
        AuthMethod::Jwt | AuthMethod::Oauth2 => "Bearer",
    }
}

fn invalid(en: &str, zh: &str) -> Refusal {
    Refusal::new("auth-invalid", en, zh)
}

/// The one value of a header; `Err` when there are several or it is no text.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<Result<&'h str, Refusal>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return Some(Err(invalid(
            &format!("there are several {name} headers; send one"),
            &format!("{name} 请求头出现多次，请只发送一个"),
        )));
    }
    let text = first.to_str();
    Some(text.map_err(|_| {
        invalid(
            &format!("{name} is no text"),
            &format!("{name} 不是有效文本"),
        )
    }))
}
