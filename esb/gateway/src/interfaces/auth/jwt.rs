//! Tokens (RFC 7519 under RFC 8725): the key decides the algorithm, never the token.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rialto_esb_snapshot::{self as model, KeyMaterial};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

use super::{Asked, Authenticator, Caller, invalid, single};
use crate::interfaces::refusal::Refusal;

/// Longest token.
const MAX_TOKEN: usize = 8 * 1024;

/// An issuer in force.
#[derive(Debug)]
pub(super) struct Issuer {
    audiences: Vec<String>,
    leeway_s: f64,
    keys: HashMap<String, Key>,
}

#[derive(Debug)]
struct Key {
    algorithm: &'static str,
    check: Check,
}

#[derive(Debug)]
enum Check {
    Rsa {
        parameters: &'static signature::RsaParameters,
        n: Vec<u8>,
        e: Vec<u8>,
    },
    Other(UnparsedPublicKey<Vec<u8>>),
}

/// The head of a token; what else stands in it does not count, but `crit` must be understood.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    sub: Option<String>,
    pub(super) client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Issuer {
    /// # Errors
    /// The `kid` of a key that cannot be used.
    pub(super) fn new(issuer: &model::Issuer) -> Result<Self, String> {
        let mut keys = HashMap::new();
        for one in &issuer.keys {
            let check = check(&one.key).ok_or_else(|| one.kid.clone())?;
            let algorithm = one.key.algorithm();
            keys.insert(one.kid.clone(), Key { algorithm, check });
        }
        Ok(Self {
            audiences: issuer.audiences.clone(),
            leeway_s: f64::from(issuer.leeway_s),
            keys,
        })
    }
}

fn check(key: &KeyMaterial) -> Option<Check> {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    Some(match key {
        KeyMaterial::RS256 { n, e } => Check::Rsa {
            parameters: &signature::RSA_PKCS1_2048_8192_SHA256,
            n: bytes(n)?,
            e: bytes(e)?,
        },
        KeyMaterial::PS256 { n, e } => Check::Rsa {
            parameters: &signature::RSA_PSS_2048_8192_SHA256,
            n: bytes(n)?,
            e: bytes(e)?,
        },
        KeyMaterial::ES256 { x, y } => {
            let point = [vec![4], bytes(x)?, bytes(y)?].concat();
            Check::Other(UnparsedPublicKey::new(
                &signature::ECDSA_P256_SHA256_FIXED,
                point,
            ))
        }
        KeyMaterial::EdDSA { x } => {
            Check::Other(UnparsedPublicKey::new(&signature::ED25519, bytes(x)?))
        }
    })
}

impl Check {
    fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { parameters, n, e } => RsaPublicKeyComponents { n, e }
                .verify(parameters, message, signature)
                .is_ok(),
            Self::Other(key) => key.verify(message, signature).is_ok(),
        }
    }
}

impl Authenticator {
    pub(super) fn by_token(&self, asked: &Asked<'_>) -> Option<Result<Caller, Refusal>> {
        let token = bearer(asked)?.and_then(Unproved::read);
        if token.as_ref().is_ok_and(|token| self.is_own(token)) {
            return None;
        }
        Some(token.and_then(|token| self.token(token, asked)))
    }

    /// Whether a token's issuer is one the snapshot names.
    pub(super) fn trusts(&self, token: &Unproved<'_>) -> bool {
        self.issuers.contains_key(&token.claims.iss)
    }

    fn token(&self, token: Unproved<'_>, asked: &Asked<'_>) -> Result<Caller, Refusal> {
        let issuer = self
            .issuers
            .get(&token.claims.iss)
            .ok_or_else(|| invalid("the token's issuer is not trusted", "令牌签发方不受信任"))?;
        let key = issuer.key(token.head.kid.as_deref())?;
        if key.algorithm != token.head.alg {
            return Err(wrong_algorithm());
        }
        if !key.check.holds(token.signed.as_bytes(), &token.signature) {
            return Err(unsigned());
        }
        let claims = token.claims;
        claims.meant_for(|one| issuer.audiences.contains(one))?;
        claims.in_time(issuer.leeway_s, asked)?;
        let subject = claims.client_id.or(claims.sub).unwrap_or_default();
        let credential = self
            .subjects
            .get(&(claims.iss, subject))
            .ok_or_else(|| invalid("the token speaks of nobody known here", "令牌主体未登记"))?;
        Self::caller_of(credential, asked.now)
    }
}

/// The token a request bears; `None` when it bears none.
pub(super) fn bearer<'a>(asked: &Asked<'a>) -> Option<Result<&'a str, Refusal>> {
    let given = match single(asked.headers, "authorization")? {
        Ok(given) => given,
        Err(refusal) => return Some(Err(refusal)),
    };
    let (scheme, token) = given.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Ok(token.trim()))
}

pub(super) fn wrong_algorithm() -> Refusal {
    invalid(
        "the token's algorithm is not that of its key",
        "令牌的签名算法与密钥不符",
    )
}

pub(super) fn unsigned() -> Refusal {
    invalid("the token's signature does not hold", "令牌签名无效")
}

/// A token taken apart: what it says is believed only once its signature holds.
pub(super) struct Unproved<'t> {
    /// What was signed.
    pub(super) signed: &'t str,
    pub(super) head: Head,
    pub(super) claims: Claims,
    pub(super) signature: Vec<u8>,
}

impl<'t> Unproved<'t> {
    pub(super) fn read(token: &'t str) -> Result<Self, Refusal> {
        let form = || invalid("the token is no signed JWT", "令牌不是有效的签名 JWT");
        if token.len() > MAX_TOKEN {
            return Err(invalid("the token is longer than 8 KB", "令牌超过 8 KB"));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(form)?;
        let (head, claims) = signed.split_once('.').ok_or_else(form)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| form());
        let head: Head = serde_json::from_slice(&decode(head)?).map_err(|_| form())?;
        let typed = head.typ.as_deref().is_none_or(|typ| {
            let typ = typ.to_ascii_lowercase();
            matches!(typ.as_str(), "jwt" | "at+jwt" | "application/at+jwt")
        });
        if head.crit.is_some() || !typed {
            return Err(form());
        }
        let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| {
            invalid(
                "the token lacks iss, aud or exp",
                "令牌缺少 iss、aud 或 exp",
            )
        })?;
        Ok(Self {
            signed,
            head,
            claims,
            signature: decode(signature)?,
        })
    }
}

impl Issuer {
    fn key(&self, kid: Option<&str>) -> Result<&Key, Refusal> {
        let found = match kid {
            Some(kid) => self.keys.get(kid),
            // Without a name only an only key can be meant.
            None if self.keys.len() == 1 => self.keys.values().next(),
            None => None,
        };
        found.ok_or_else(|| invalid("the token's key is not known here", "令牌使用的密钥未登记"))
    }
}

impl Claims {
    pub(super) fn meant_for(&self, us: impl Fn(&String) -> bool) -> Result<(), Refusal> {
        let meant = match &self.aud {
            Audience::One(one) => us(one),
            Audience::Many(many) => many.iter().any(us),
        };
        if meant {
            return Ok(());
        }
        Err(invalid(
            "the token is for another audience",
            "令牌的受众不是本网关",
        ))
    }

    pub(super) fn in_time(&self, leeway_s: f64, asked: &Asked<'_>) -> Result<(), Refusal> {
        let now = asked.now.at.as_duration().as_secs_f64();
        // Written so that a number that is none fits neither.
        let fresh = self.exp + leeway_s > now;
        let begun = self.nbf.is_none_or(|nbf| nbf - leeway_s <= now);
        if !fresh {
            return Err(Refusal::new(
                "auth-expired",
                "the token has expired",
                "令牌已过期",
            ));
        }
        if !begun {
            return Err(invalid("the token is not valid yet", "令牌尚未生效"));
        }
        Ok(())
    }
}
