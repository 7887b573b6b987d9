//! What is published: callers, how they prove who they are, what they may.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// A calling system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Whether its traces and business-flow numbers (全局流水号) are taken over.
    #[serde(default)]
    pub trusted: bool,
}

/// A credential (凭证). One that is revoked is not in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its id: letters, digits, dots and dashes.
    pub id: String,
    /// Whose it is.
    pub application: String,
    /// Until when it is taken; none: without end.
    #[serde(default)]
    pub not_after: Option<Timestamp>,
    /// What it is.
    pub kind: CredentialKind,
}

/// What a credential is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CredentialKind {
    /// An API key.
    ApiKey {
        /// [`crate::GroupKey::api_key_digest`].
        digest: String,
    },
    /// A shared secret for signatures with HMAC-SHA-256.
    Hmac {
        /// The secret, sealed.
        sealed: Sealed,
    },
    /// The secret of a client that asks the gateways for tokens (OAuth 2.0, client credentials); the
    /// credential's id is its `client_id`.
    Oauth2Client {
        /// [`crate::GroupKey::client_secret_digest`].
        digest: String,
    },
    /// Tokens of an issuer.
    Jwt {
        /// The issuer (`iss`).
        issuer: String,
        /// Whom they speak of: `client_id`, or `sub` where there is none.
        subject: String,
    },
}

/// A secret under AES-256-GCM with [`crate::GroupKey::sealing_key`]; the credential's id is bound to
/// it as additional data ([`Sealed::context`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// 12 bytes in hexadecimal, never used twice.
    pub nonce: String,
    /// Ciphertext and tag in hexadecimal.
    pub ciphertext: String,
}

impl Sealed {
    /// The additional data of a credential's secret.
    #[must_use]
    pub fn context(credential: &str) -> Vec<u8> {
        format!("rialto-esb-credential/1\n{credential}").into_bytes()
    }
}

/// Who issues tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The value of `iss`.
    pub issuer: String,
    /// Values of `aud` that are for this gateway; one of them must stand in a token.
    pub audiences: Vec<String>,
    /// How far clocks may differ, seconds, 0 to 300.
    #[serde(default = "leeway")]
    pub leeway_s: u32,
    /// Its keys.
    pub keys: Vec<IssuerKey>,
}

fn leeway() -> u32 {
    30
}

/// A key of an issuer. A token signed with another algorithm than its key's is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerKey {
    /// Its `kid`.
    pub kid: String,
    /// The algorithm and the public key.
    pub key: KeyMaterial,
}

/// A public key, its numbers in base64url without padding as in a JWK (RFC 7518, section 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alg", deny_unknown_fields)]
pub enum KeyMaterial {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256 {
        /// Modulus, 2048 to 8192 bits.
        n: String,
        /// Exponent.
        e: String,
    },
    /// RSASSA-PSS with SHA-256.
    PS256 {
        /// Modulus, 2048 to 8192 bits.
        n: String,
        /// Exponent.
        e: String,
    },
    /// ECDSA on P-256 with SHA-256.
    ES256 {
        /// 32 bytes.
        x: String,
        /// 32 bytes.
        y: String,
    },
    /// Ed25519.
    EdDSA {
        /// 32 bytes.
        x: String,
    },
}

impl KeyMaterial {
    /// The `alg` of tokens it checks.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::RS256 { .. } => "RS256",
            Self::PS256 { .. } => "PS256",
            Self::ES256 { .. } => "ES256",
            Self::EdDSA { .. } => "EdDSA",
        }
    }
}

/// A subscription (订阅): a caller's right to an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// The caller.
    pub application: String,
    /// The interface's id.
    pub interface: String,
    /// The interface's major version.
    pub major: u32,
    /// Operations; empty: all.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Where it stands.
    pub state: SubscriptionState,
    /// Its last day, in the zone of the calendar.
    #[serde(default)]
    pub until: Option<Date>,
    /// Rate, quota, concurrency.
    #[serde(default)]
    pub limits: Limits,
    /// Windows of which one must be open; empty: any time.
    #[serde(default)]
    pub windows: Vec<String>,
    /// Addresses calls may come from, `10.0.0.0/8`; empty: any.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Highest level of fields seen in the clear, 1 to 4.
    #[serde(default = "open_level")]
    pub clearance: u8,
    /// Whether the caller may choose a route's variant.
    #[serde(default)]
    pub may_force_variant: bool,
}

fn open_level() -> u8 {
    1
}

/// Where a subscription stands, as far as requests feel it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    /// Calls pass.
    Active,
    /// Calls are refused for now.
    Suspended,
}

/// How often a caller may call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Rate and burst.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// Calls a day, in the zone of the calendar.
    #[serde(default)]
    pub daily: Option<u64>,
    /// Calls at once.
    #[serde(default)]
    pub concurrency: Option<u32>,
}

/// A rate and a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests …
    pub requests: u64,
    /// … in so many milliseconds.
    pub per_ms: u64,
    /// Requests at once.
    pub burst: u64,
}

impl Rate {
    /// The limit the gateway keeps; `None` when something is zero or too fast.
    #[must_use]
    pub fn limit(self) -> Option<rialto_esb_policy::limit::Limit> {
        let per_ns = self.per_ms.checked_mul(1_000_000)?;
        rialto_esb_policy::limit::Limit::new(self.requests, per_ns, self.burst)
    }
}

/// A time window (交易时段): open when one of its spans holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Its id, e.g. `continuous-auction`.
    pub id: String,
    /// IANA zone of the times.
    pub zone: String,
    /// Its spans.
    pub spans: Vec<Span>,
}

/// A part of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Which days.
    pub days: Days,
    /// From this time on.
    pub from: Time,
    /// Until before this time; none: until the day ends.
    #[serde(default)]
    pub to: Option<Time>,
}

/// Days of a span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Days {
    /// Days of the week, 1 Monday to 7 Sunday.
    Weekdays(BTreeSet<i8>),
    /// Trading days of the calendar.
    Trading,
    /// Days the calendar covers that are no trading days.
    NonTrading,
}

/// Trading days (交易日历). What lies outside `from` and `to` is not known: no window of trading or
/// other days is open then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// IANA zone of days: of quotas and of the last days of subscriptions.
    pub zone: String,
    /// First day covered.
    #[serde(default)]
    pub from: Option<Date>,
    /// Last day covered.
    #[serde(default)]
    pub to: Option<Date>,
    /// The trading days.
    #[serde(default)]
    pub trading: BTreeSet<Date>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            zone: "Asia/Shanghai".to_owned(),
            from: None,
            to: None,
            trading: BTreeSet::new(),
        }
    }
}

impl Calendar {
    /// Whether a day is a trading day; `None` when the calendar does not say.
    #[must_use]
    pub fn is_trading(&self, day: Date) -> Option<bool> {
        let covered =
            self.from.is_some_and(|from| from <= day) && self.to.is_some_and(|to| day <= to);
        covered.then(|| self.trading.contains(&day))
    }
}

impl Window {
    /// Whether it is open on a day at a time, both in its zone.
    #[must_use]
    pub fn is_open(&self, day: Date, time: Time, calendar: &Calendar) -> bool {
        self.spans.iter().any(|span| {
            let day_fits = match &span.days {
                Days::Weekdays(days) => days.contains(&day.weekday().to_monday_one_offset()),
                Days::Trading => calendar.is_trading(day) == Some(true),
                Days::NonTrading => calendar.is_trading(day) == Some(false),
            };
            day_fits && span.from <= time && span.to.is_none_or(|to| time < to)
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, date, time};

    use super::*;

    fn window(days: Days) -> Window {
        Window {
            id: "am".to_owned(),
            zone: "Asia/Shanghai".to_owned(),
            spans: vec![Span {
                days,
                from: time(9, 30, 0, 0),
                to: Some(time(11, 30, 0, 0)),
            }],
        }
    }

    #[test]
    fn a_window_is_open_from_its_first_moment_until_before_its_last() {
        let calendar = Calendar::default();
        let monday = date(2026, 11, 23);
        assert_eq!(monday.weekday(), Weekday::Monday);
        let window = window(Days::Weekdays([1].into()));
        for (at, open) in [
            (time(9, 29, 59, 999_999_999), false),
            (time(9, 30, 0, 0), true),
            (time(11, 29, 59, 999_999_999), true),
            (time(11, 30, 0, 0), false),
        ] {
            assert_eq!(window.is_open(monday, at, &calendar), open, "{at}");
        }
        assert!(!window.is_open(date(2026, 11, 24), time(10, 0, 0, 0), &calendar));
    }

    #[test]
    fn a_day_the_calendar_does_not_cover_opens_no_window_of_trading_or_other_days() {
        let calendar = Calendar {
            from: Some(date(2026, 11, 20)),
            to: Some(date(2026, 11, 23)),
            trading: [date(2026, 11, 20), date(2026, 11, 23)].into(),
            ..Calendar::default()
        };
        let at = time(10, 0, 0, 0);
        let open = |days: Days, day| window(days).is_open(day, at, &calendar);
        assert!(open(Days::Trading, date(2026, 11, 20)));
        assert!(!open(Days::Trading, date(2026, 11, 21)));
        assert!(open(Days::NonTrading, date(2026, 11, 21)));
        assert!(!open(Days::Trading, date(2026, 11, 24)));
        assert!(!open(Days::NonTrading, date(2026, 11, 24)));
    }
}
