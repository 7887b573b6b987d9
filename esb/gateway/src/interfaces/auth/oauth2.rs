//! Tokens the gateways give clients themselves (RFC 6749, section 4.4) and take again (RFC 9068): a
//! client is an application's credential in the snapshot, so tokens flow with everything else dead,
//! and end with the credential.
//!
//! Every gateway of a group makes the same keys from the group's key, a new one each period; those of
//! the period before and after are taken too, so a token outlives the change and clocks may differ.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rialto_esb_snapshot::GroupKey;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde_json::{Value, json};

use super::jwt::{Unproved, bearer, unsigned, wrong_algorithm};
use super::{Asked, Authenticator, Caller, Proof, invalid, same};
use crate::interfaces::clock::Now;
use crate::interfaces::refusal::Refusal;

/// How long a token is taken, seconds.
const LIFETIME_S: i64 = 600;
/// How far the clocks of two gateways may differ, seconds.
const LEEWAY_S: f64 = 30.0;
/// How long one key signs, seconds: 30 days.
const PERIOD_S: u64 = 30 * 24 * 3600;

/// The keys of an environment's gateways, made when they are first needed.
#[derive(Debug)]
pub(super) struct OwnKeys {
    /// `iss` and `aud` of the tokens.
    name: String,
    environment: String,
    group: GroupKey,
    made: Mutex<BTreeMap<u64, Arc<Ed25519KeyPair>>>,
}

/// A token as its client gets it.
#[derive(Debug)]
pub(crate) struct Given {
    /// The token.
    pub(crate) token: String,
    /// Seconds it is taken.
    pub(crate) expires_in: i64,
}

fn period(now: Now) -> u64 {
    u64::try_from(now.at.as_second()).unwrap_or(0) / PERIOD_S
}

/// Periods whose keys are taken at an instant, the newest first.
fn periods(now: Now) -> [u64; 3] {
    let this = period(now);
    [this + 1, this, this.saturating_sub(1)]
}

fn key_id(period: u64) -> String {
    format!("own-{period}")
}

impl OwnKeys {
    pub(super) fn new(environment: &str, group: &GroupKey) -> Self {
        Self {
            name: format!("urn:rialto:esb:{environment}"),
            environment: environment.to_owned(),
            group: group.clone(),
            made: Mutex::default(),
        }
    }

    fn key(&self, period: u64) -> Option<Arc<Ed25519KeyPair>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = made.get(&period) {
            return Some(Arc::clone(key));
        }
        let seed = self.group.token_seed(&self.environment, period);
        let key = Arc::new(Ed25519KeyPair::from_seed_unchecked(&seed).ok()?);
        // Periods long over are not asked for again.
        made.retain(|old, _| old + 2 >= period);
        made.insert(period, Arc::clone(&key));
        Some(key)
    }

    fn signed(&self, now: Now, claims: &Value) -> Option<String> {
        let period = period(now);
        let head = json!({"alg": "EdDSA", "kid": key_id(period), "typ": "at+jwt"});
        let coded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", coded(&head), coded(claims));
        let signature = self.key(period)?.sign(message.as_bytes());
        Some(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Authenticator {
    /// Whether there is anybody who may ask for tokens.
    pub(crate) fn has_clients(&self) -> bool {
        let mut all = self.credentials.values();
        all.any(|one| matches!(one.proof, Proof::Client(_)))
    }

    /// A token for the client with this secret; `None` when they do not fit or its time is over.
    pub(crate) fn give(
        &self,
        (client, secret): (&str, &str),
        application: impl Fn(usize) -> String,
        now: Now,
    ) -> Result<Option<Given>, getrandom::Error> {
        // The same work is done for a client that does not exist.
        let given = self.group.client_secret_mac(client, secret);
        let known = self.credentials.get(client);
        let expected = match known.map(|one| &one.proof) {
            Some(Proof::Client(digest)) => Some(digest),
            _ => None,
        };
        let fits = same(expected.unwrap_or(&[0; 32]), &given);
        let Some(credential) = known.filter(|_| expected.is_some() && fits) else {
            return Ok(None);
        };
        if Self::caller_of(credential, now).is_err() {
            return Ok(None);
        }
        let at = now.at.as_second();
        let end = credential.not_after.map(|end| end.as_second());
        let until = end.map_or(at + LIFETIME_S, |end| end.min(at + LIFETIME_S));
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let claims = json!({
            "iss": self.own.name,
            "aud": self.own.name,
            "sub": application(credential.application),
            "client_id": credential.id,
            "iat": at,
            "exp": until,
            "jti": hex::encode(id),
        });
        let token = self.own.signed(now, &claims);
        Ok(token.map(|token| Given {
            token,
            expires_in: until - at,
        }))
    }

    /// The public keys tokens are checked with, as a JWK set (RFC 7517, RFC 8037).
    pub(crate) fn key_set(&self, now: Now) -> Value {
        let keys = periods(now).into_iter().filter_map(|period| {
            let key = self.own.key(period)?;
            Some(json!({
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": key_id(period),
                "x": URL_SAFE_NO_PAD.encode(key.public_key()),
            }))
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }

    pub(super) fn by_own_token(&self, asked: &Asked<'_>) -> Option<Result<Caller, Refusal>> {
        let token = bearer(asked)?.and_then(Unproved::read);
        if token.as_ref().is_ok_and(|token| self.trusts(token)) {
            return None;
        }
        Some(token.and_then(|token| self.own_token(&token, asked)))
    }

    /// Whether a token says that these gateways gave it.
    pub(super) fn is_own(&self, token: &Unproved<'_>) -> bool {
        token.claims.iss == self.own.name
    }

    fn own_token(&self, token: &Unproved<'_>, asked: &Asked<'_>) -> Result<Caller, Refusal> {
        let claims = &token.claims;
        if !self.is_own(token) {
            return Err(invalid(
                "the token was not given by gateways of this environment",
                "令牌不是由本环境的网关签发",
            ));
        }
        let kid = token.head.kid.as_deref().unwrap_or_default();
        let period = periods(asked.now)
            .into_iter()
            .find(|one| key_id(*one) == kid);
        let key = period.and_then(|period| self.own.key(period));
        let key = key
            .ok_or_else(|| invalid("the token's key is not known here", "令牌使用的密钥未登记"))?;
        let typ = token.head.typ.as_deref().unwrap_or_default();
        if token.head.alg != "EdDSA" || !typ.eq_ignore_ascii_case("at+jwt") {
            return Err(wrong_algorithm());
        }
        UnparsedPublicKey::new(&ED25519, key.public_key())
            .verify(token.signed.as_bytes(), &token.signature)
            .map_err(|_| unsigned())?;
        claims.meant_for(|one| *one == self.own.name)?;
        claims.in_time(LEEWAY_S, asked)?;
        let client = claims.client_id.as_deref().unwrap_or_default();
        let credential = self.credentials.get(client);
        let credential = credential.filter(|one| matches!(one.proof, Proof::Client(_)));
        let credential = credential.ok_or_else(|| {
            invalid(
                "the token's client was taken away",
                "令牌所属客户端已被撤销",
            )
        })?;
        Self::caller_of(credential, asked.now)
    }
}
