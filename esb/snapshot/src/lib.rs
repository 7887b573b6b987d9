//! One publish of the gateway (specification, section 5.3): a snapshot of routes, upstreams, callers
//! and their rights, in one text that has one spelling, signed by its publisher, and checked as a
//! whole before anything is served from it.
//!
//! - S1: a snapshot has exactly one text: canonical JSON (RFC 8785), integers only.
//! - S2: a text with any byte changed is refused.
//! - S3: what [`check`] passes compiles; what is wrong is told all at once, each with its place.
//! - S4: no secret stands in a snapshot in the clear: API keys as keyed digests, shared secrets sealed.
//!
//! A publisher builds a [`Snapshot`], asks [`check`], makes [`Encoded::of`] it and signs:
//! [`Encoded::sign`] with the key itself, or [`Encoded::signed`] with a signature made elsewhere over
//! [`DOMAIN`] and [`Encoded::digest`].

mod access;
mod canonical;
mod check;
mod diff;
mod model;
mod secret;
mod sign;

pub use access::{
    Application, Calendar, Credential, CredentialKind, Days, Issuer, IssuerKey, KeyMaterial,
    Limits, Rate, Sealed, Span, Subscription, SubscriptionState, Window,
};
pub use canonical::{CanonicalError, to_canonical};
pub use check::{Finding, check, is_id, schema_name};
pub use diff::{Became, Change, changes};
pub use model::{
    Access, AuthMethod, Endpoint, FieldMask, HealthProbe, Idempotency, Interface, InterfaceState,
    Masking, Mode, Policy, Pool, Prefix, Retry, Route, Snapshot, Sticky, Timeouts, Token,
    Validation, Variant, WHOLE_BP,
};
pub use rialto_esb_policy::breaker::BreakerConfig;
pub use rialto_esb_policy::mask::Label;
pub use rialto_esb_policy::route::{Predicate, Source};
pub use secret::{ApiKey, GroupKey, ParseApiKeyError};
pub use sign::{
    DOMAIN, DecodeSnapshotError, EncodeSnapshotError, Encoded, MAX_BYTES, TrustedKeys, Verified,
    key_id, read_own,
};

#[cfg(test)]
mod tests;
