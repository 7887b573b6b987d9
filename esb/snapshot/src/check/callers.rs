//! Callers, what they prove themselves with, and their rights.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::{Findings, Known, is_plain};
use crate::access::{CredentialKind, Days, Issuer, KeyMaterial, Span, Subscription};
use crate::model::Snapshot;

pub(super) fn check(snapshot: &Snapshot, known: &Known<'_>, findings: &mut Findings) {
    credentials(snapshot, known, findings);
    let mut issuers = BTreeSet::new();
    for (n, issuer) in snapshot.issuers.iter().enumerate() {
        findings.unless(
            issuers.insert(&issuer.issuer),
            || format!("/issuers/{n}/issuer"),
            "duplicate",
            || format!("issuer {} stands twice", issuer.issuer),
        );
        issuer_of(issuer, n, findings);
    }
    let mut operations: BTreeMap<(&str, u32), BTreeSet<&str>> = BTreeMap::new();
    for one in &snapshot.interfaces {
        if let Some(major) = one.major() {
            let here = operations.entry((&one.id, major)).or_default();
            let routes = snapshot.routes.iter();
            let own = routes.filter(|r| r.interface == one.id && r.version == one.version);
            here.extend(own.map(|route| route.operation.as_str()));
        }
    }
    let mut pairs = BTreeSet::new();
    for (n, one) in snapshot.subscriptions.iter().enumerate() {
        let pair = (&one.application, &one.interface, one.major);
        findings.unless(
            pairs.insert(pair),
            || format!("/subscriptions/{n}"),
            "duplicate",
            || format!("{} subscribes {} twice", one.application, one.interface),
        );
        subscription(one, n, known, &operations, findings);
    }
    windows(snapshot, findings);
}

fn credentials(snapshot: &Snapshot, known: &Known<'_>, findings: &mut Findings) {
    let issuers: BTreeSet<&str> = snapshot.issuers.iter().map(|i| i.issuer.as_str()).collect();
    let mut subjects = BTreeSet::new();
    for (n, one) in snapshot.credentials.iter().enumerate() {
        let at = |part: &str| format!("/credentials/{n}/{part}");
        findings.refers(&known.applications, &one.application, "application", || {
            at("application")
        });
        findings.unless(
            is_plain(&one.id),
            || at("id"),
            "id",
            || "a credential's id has 1 to 64 letters, digits, dots and dashes".to_owned(),
        );
        match &one.kind {
            CredentialKind::ApiKey { digest } => findings.unless(
                is_hex(digest, 32),
                || at("kind/api_key/digest"),
                "digest",
                || "64 small hexadecimal digits".to_owned(),
            ),
            CredentialKind::Oauth2Client { digest } => findings.unless(
                is_hex(digest, 32),
                || at("kind/oauth2_client/digest"),
                "digest",
                || "64 small hexadecimal digits".to_owned(),
            ),
            CredentialKind::Hmac { sealed } => findings.unless(
                is_hex(&sealed.nonce, 12) && sealed.ciphertext.len() > 32 && is_even_hex(&sealed.ciphertext),
                || at("kind/hmac/sealed"),
                "sealed",
                || "a nonce of 12 bytes, a ciphertext with its tag of 16, in small hexadecimal digits".to_owned(),
            ),
            CredentialKind::Jwt { issuer, subject } => {
                findings.refers(&issuers, issuer, "issuer", || at("kind/jwt/issuer"));
                findings.unless(
                    subjects.insert((issuer, subject)),
                    || at("kind/jwt/subject"),
                    "duplicate",
                    || format!("{subject} of {issuer} is two applications"),
                );
            }
        }
    }
}

fn is_even_hex(text: &str) -> bool {
    let small = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len().is_multiple_of(2) && text.bytes().all(small)
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == bytes * 2 && is_even_hex(text)
}

fn issuer_of(issuer: &Issuer, n: usize, findings: &mut Findings) {
    let at = |part: &str| format!("/issuers/{n}/{part}");
    findings.unless(
        !issuer.audiences.is_empty(),
        || at("audiences"),
        "empty",
        || "tokens for anybody are taken from nobody: name an audience".to_owned(),
    );
    findings.unless(
        issuer.leeway_s <= 300,
        || at("leeway_s"),
        "bounds",
        || "0 to 300 seconds".to_owned(),
    );
    let mut kids = BTreeSet::new();
    for (k, key) in issuer.keys.iter().enumerate() {
        findings.unless(
            kids.insert(&key.kid),
            || at(&format!("keys/{k}/kid")),
            "duplicate",
            || format!("key {} stands twice", key.kid),
        );
        findings.unless(
            is_key(&key.key),
            || at(&format!("keys/{k}/key")),
            "key",
            || format!("no public key of {} in base64url", key.key.algorithm()),
        );
    }
}

fn is_key(key: &KeyMaterial) -> bool {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    match key {
        KeyMaterial::RS256 { n, e } | KeyMaterial::PS256 { n, e } => {
            let modulus = bytes(n);
            (256..=1024).contains(&modulus.len())
                && modulus[0] != 0
                && (1..=4).contains(&bytes(e).len())
        }
        KeyMaterial::ES256 { x, y } => bytes(x).len() == 32 && bytes(y).len() == 32,
        KeyMaterial::EdDSA { x } => bytes(x).len() == 32,
    }
}

fn subscription(
    one: &Subscription,
    n: usize,
    known: &Known<'_>,
    operations: &BTreeMap<(&str, u32), BTreeSet<&str>>,
    findings: &mut Findings,
) {
    let at = |part: &str| format!("/subscriptions/{n}/{part}");
    findings.refers(&known.applications, &one.application, "application", || {
        at("application")
    });
    match operations.get(&(one.interface.as_str(), one.major)) {
        None => {
            let message = format!("there is no interface {} v{}", one.interface, one.major);
            findings.add(at("interface"), "dangling", message);
        }
        Some(there) => {
            for operation in &one.operations {
                findings.refers(there, operation, "operation", || at("operations"));
            }
        }
    }
    for window in &one.windows {
        findings.refers(&known.windows, window, "window", || at("windows"));
    }
    let rated = one.limits.rate.is_none_or(|rate| rate.limit().is_some());
    findings.unless(
        rated,
        || at("limits/rate"),
        "bounds",
        || "requests, time and burst are above zero, the rate below one a nanosecond".to_owned(),
    );
    findings.unless(
        one.limits.daily != Some(0) && one.limits.concurrency != Some(0),
        || at("limits"),
        "bounds",
        || "a limit of zero is no subscription".to_owned(),
    );
    findings.unless(
        (1..=4).contains(&one.clearance),
        || at("clearance"),
        "level",
        || "levels are 1 to 4".to_owned(),
    );
    for address in &one.addresses {
        findings.unless(
            network(address).is_some(),
            || at("addresses"),
            "address",
            || format!("`{address}` is no network; `10.0.0.0/8` is"),
        );
    }
}

/// An address and the length of its prefix.
pub(crate) fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((address, bits))
}

impl Subscription {
    /// Whether calls may come from an address.
    #[must_use]
    pub fn takes_address(&self, from: IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|text| within(text, from))
    }
}

fn within(text: &str, from: IpAddr) -> bool {
    let Some((network, bits)) = network(text) else {
        return false;
    };
    let same = |a: u128, b: u128, width: u32| {
        let shift = width - u32::from(bits);
        shift >= width || a >> shift == b >> shift
    };
    match (network, from.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            same(u128::from(a.to_bits()), u128::from(b.to_bits()), 32)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => bits == 0 || same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

fn windows(snapshot: &Snapshot, findings: &mut Findings) {
    let zone = |name: &str| TimeZone::get(name).is_ok();
    let calendar = &snapshot.calendar;
    findings.unless(
        zone(&calendar.zone),
        || "/calendar/zone".to_owned(),
        "zone",
        || format!("`{}` is no zone of the IANA database", calendar.zone),
    );
    let ordered = match (calendar.from, calendar.to) {
        (None, None) => calendar.trading.is_empty(),
        (Some(from), Some(to)) => {
            from <= to && calendar.trading.iter().all(|day| (from..=to).contains(day))
        }
        _ => false,
    };
    findings.unless(
        ordered,
        || "/calendar".to_owned(),
        "calendar",
        || "it covers days from `from` to `to`, and its trading days lie within".to_owned(),
    );
    for (n, window) in snapshot.windows.iter().enumerate() {
        findings.unless(
            zone(&window.zone),
            || format!("/windows/{n}/zone"),
            "zone",
            || format!("`{}` is no zone of the IANA database", window.zone),
        );
        findings.unless(
            !window.spans.is_empty(),
            || format!("/windows/{n}/spans"),
            "empty",
            || "a window without spans is never open".to_owned(),
        );
        for (s, span) in window.spans.iter().enumerate() {
            spans(
                span,
                &window.spans[..s],
                &|| format!("/windows/{n}/spans/{s}"),
                findings,
            );
        }
    }
}

fn spans(span: &Span, before: &[Span], at: &dyn Fn() -> String, findings: &mut Findings) {
    let whole = span.to.is_none_or(|to| span.from < to);
    findings.unless(whole, at, "window", || {
        "it begins before it ends; a span over midnight is two".to_owned()
    });
    if let Days::Weekdays(days) = &span.days {
        let fits = !days.is_empty() && days.iter().all(|day| (1..=7).contains(day));
        findings.unless(fits, at, "window", || {
            "days of the week are 1, Monday, to 7, Sunday, at least one".to_owned()
        });
    }
    let end = |span: &Span| span.to.unwrap_or(Time::MAX);
    let crosses =
        |other: &&Span| other.days == span.days && other.from < end(span) && span.from < end(other);
    findings.unless(
        !before.iter().any(|one| crosses(&one)),
        at,
        "window",
        || "it overlaps a span before it".to_owned(),
    );
}
