//! Names of requests: the trace (W3C Trace Context, level 2) and the business-flow number (全局流水号).

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Makes names that no other request has.
#[derive(Debug)]
pub(crate) struct Names {
    seed: [u64; 3],
    next: AtomicU64,
    node: String,
}

/// A request's place in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// 16 hexadecimal digits: the gateway's own span.
    pub(crate) span: String,
    flags: String,
    /// The caller's trace goes on, and so does its `tracestate`.
    pub(crate) continued: bool,
}

impl Trace {
    /// The header's value towards the upstream.
    pub(crate) fn parent(&self) -> String {
        format!("00-{}-{}-{}", self.id, self.span, self.flags)
    }
}

impl Names {
    /// Names of a node; `seed` is random.
    pub(crate) fn new(seed: [u64; 3], node: String) -> Self {
        Self {
            seed,
            next: AtomicU64::new(1),
            node,
        }
    }

    /// A number that looks random and does not come again.
    pub(crate) fn random(&self) -> u64 {
        mixed(self.seed[2] ^ self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The caller's trace with a span of ours, or a trace of our own.
    pub(crate) fn trace(&self, headers: &HeaderMap) -> Trace {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let span = format!("{:016x}", mixed(self.seed[0] ^ n).max(1));
        let mut values = headers.get_all("traceparent").iter();
        let given = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(parsed),
            _ => None,
        };
        match given {
            Some((id, flags)) => Trace {
                id: id.to_owned(),
                span,
                flags: flags.to_owned(),
                continued: true,
            },
            None => Trace {
                id: format!(
                    "{:016x}{:016x}",
                    mixed(self.seed[1] ^ n),
                    mixed(self.seed[2] ^ n).max(1)
                ),
                span,
                flags: "00".to_owned(),
                continued: false,
            },
        }
    }

    /// The business-flow number: a trusted caller's, or day, node and a running number.
    pub(crate) fn serial(
        &self,
        headers: &HeaderMap,
        trusted: bool,
        at: Timestamp,
        zone: &TimeZone,
    ) -> String {
        let given = headers
            .get("x-biz-serial")
            .and_then(|value| value.to_str().ok());
        let well = |text: &&str| {
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if let Some(given) = given.filter(|_| trusted).filter(well) {
            return given.to_owned();
        }
        let day = zone.to_datetime(at).date();
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let (year, month, date) = (day.year(), day.month(), day.day());
        // The seed's end keeps numbers of a node apart that began anew within the day.
        format!(
            "{year:04}{month:02}{date:02}{}{:04x}{n:010}",
            self.node,
            self.seed[0] & 0xffff
        )
    }
}

/// Trace id and flags of a `traceparent`.
fn parsed(text: &str) -> Option<(&str, &str)> {
    let hex = |part: &str, length: usize| {
        let small = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        part.len() == length && part.bytes().all(small)
    };
    let mut parts = text.split('-');
    let (version, id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    let more = parts.next().is_some();
    let well = hex(version, 2)
        && version != "ff"
        && (version != "00" || !more)
        && hex(id, 32)
        && hex(parent, 16)
        && hex(flags, 2)
        && !zero(id)
        && !zero(parent);
    well.then_some((id, flags))
}

/// SplitMix64's finaliser: one number for one number.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn names() -> Names {
        Names::new([1, 2, 3], "n1".to_owned())
    }

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn a_valid_trace_goes_on_under_a_span_of_ours() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = names().trace(&with("traceparent", given));
        assert!(trace.continued);
        assert_eq!(trace.id, "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(trace.span, "b7ad6b7169203331");
        assert!(trace.parent().ends_with("-01"), "{}", trace.parent());
    }

    #[test]
    fn an_invalid_trace_begins_anew() {
        for wrong in [
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "nonsense",
        ] {
            let trace = names().trace(&with("traceparent", wrong));
            assert!(!trace.continued && trace.id.len() == 32, "{wrong}");
            assert!(parsed(&trace.parent()).is_some(), "ours is valid");
        }
    }

    #[test]
    fn only_trusted_callers_bring_their_business_flow_number() {
        let names = names();
        let at = Timestamp::UNIX_EPOCH;
        let headers = with("x-biz-serial", "A-1");
        let zone = TimeZone::UTC;
        assert_eq!(names.serial(&headers, true, at, &zone), "A-1");
        let own = names.serial(&headers, false, at, &zone);
        assert!(own.starts_with("19700101n1"), "{own}");
        assert_ne!(own, names.serial(&headers, false, at, &zone));
    }
}
