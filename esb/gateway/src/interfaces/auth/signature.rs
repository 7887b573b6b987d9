//! HTTP message signatures (RFC 9421) with `hmac-sha256`, and `Content-Digest` (RFC 9530).
//!
//! What is read of structured fields (RFC 9651) is what such signatures are made of: an inner list of
//! texts and its parameters. Everything else is refused, not guessed at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::nonce::Seeing;
use super::{Asked, Authenticator, Caller, Proof, invalid, single};
use crate::interfaces::refusal::Refusal;

/// How far the signature's time may lie from the clock's, seconds.
const WINDOW_S: i64 = 300;

/// A signature's input, as the caller describes it.
#[derive(Debug, PartialEq, Eq)]
struct Input<'t> {
    /// Label in both headers.
    label: &'t str,
    components: Vec<&'t str>,
    /// The list and its parameters as written: the last line of what is signed.
    text: &'t str,
    created: Option<i64>,
    expires: Option<i64>,
    nonce: Option<&'t str>,
    keyid: Option<&'t str>,
    alg: Option<&'t str>,
}

fn wrong(en: &str, zh: &str) -> Refusal {
    Refusal::new("signature-invalid", en, zh)
}

impl Authenticator {
    pub(super) fn by_signature(&self, asked: &Asked<'_>) -> Option<Result<Caller, Refusal>> {
        let input = single(asked.headers, "signature-input")?;
        Some(input.and_then(|input| self.signed(input, asked)))
    }

    fn signed(&self, text: &str, asked: &Asked<'_>) -> Result<Caller, Refusal> {
        let form = || {
            wrong(
                "Signature-Input is not one list of components with parameters",
                "Signature-Input 格式有误",
            )
        };
        let input = parsed(text).ok_or_else(form)?;
        let signature = single(asked.headers, "signature")
            .ok_or_else(|| wrong("there is no Signature header", "缺少 Signature 请求头"))??;
        let signature = bytes_of(signature, input.label).ok_or_else(|| {
            wrong(
                "Signature does not hold bytes under the label",
                "Signature 格式有误",
            )
        })?;
        covers(&input, asked)?;
        if input.alg.is_some_and(|alg| alg != "hmac-sha256") {
            return Err(wrong("only hmac-sha256 is taken", "仅支持 hmac-sha256"));
        }
        let created = in_time(&input, asked)?;
        let keyid = input
            .keyid
            .ok_or_else(|| wrong("the signature has no keyid", "签名缺少 keyid"))?;
        let known = self.credentials.get(keyid);
        let Some((credential, Proof::Hmac(key))) = known.map(|one| (one, &one.proof)) else {
            return Err(invalid("the keyid is not known here", "keyid 无效"));
        };
        let base = base(&input, asked)?;
        ring::hmac::verify(key, base.as_bytes(), &signature)
            .map_err(|_| wrong("the signature does not fit the request", "签名与请求不符"))?;
        let mut caller = Self::caller_of(credential, asked.now)?;
        if input.components.contains(&"content-digest") {
            caller.digest = Some(content_digest(asked.headers)?);
        }
        // Last, so that only requests that hold are remembered.
        once(&input, keyid, created, asked)?;
        Ok(caller)
    }
}

fn covers(input: &Input<'_>, asked: &Asked<'_>) -> Result<(), Refusal> {
    let has = |name: &str| input.components.contains(&name);
    let target = has("@target-uri")
        || (has("@authority") && has("@path") && (has("@query") || !asked.target.contains('?')));
    let body = !asked.has_body || has("content-digest");
    if has("@method") && target && body && input.nonce.is_some() {
        return Ok(());
    }
    Err(wrong(
        "the signature must cover @method, @target-uri (or @authority, @path and @query), content-digest when there is a body, and have created and nonce",
        "签名须覆盖 @method、@target-uri（或 @authority、@path 与 @query），有请求体时还须覆盖 content-digest，并带有 created 与 nonce",
    ))
}

fn in_time(input: &Input<'_>, asked: &Asked<'_>) -> Result<i64, Refusal> {
    let created = input
        .created
        .ok_or_else(|| wrong("the signature has no created", "签名缺少 created"))?;
    let now = asked.now.at.as_second();
    let over = input.expires.is_some_and(|end| end < now);
    if over || created.abs_diff(now) > WINDOW_S.unsigned_abs() {
        return Err(Refusal::new(
            "signature-stale",
            format!(
                "created lies more than {WINDOW_S} s from the gateway's clock, or it has expired"
            ),
            format!("created 与网关时钟相差超过 {WINDOW_S} 秒，或签名已过期"),
        ));
    }
    Ok(created)
}

fn once(input: &Input<'_>, keyid: &str, created: i64, asked: &Asked<'_>) -> Result<(), Refusal> {
    let nonce = input.nonce.unwrap_or_default();
    let now = asked.now.at.as_second();
    let seeing = match asked.nonces {
        Some(nonces) => nonces.see(keyid, nonce, now, created + WINDOW_S),
        None => asked.seen.look(keyid, nonce, now),
    };
    match seeing {
        Seeing::First => Ok(()),
        Seeing::Again => Err(Refusal::new(
            "replay-detected",
            "the nonce was used before; sign each request anew",
            "nonce 已被使用，请对每个请求重新签名",
        )),
        Seeing::Full => Err(Refusal::new(
            "overloaded",
            "too many signed requests are remembered; try again",
            "签名请求过多，请稍后重试",
        )),
    }
}

/// What is signed (RFC 9421, section 2.5).
fn base(input: &Input<'_>, asked: &Asked<'_>) -> Result<String, Refusal> {
    let mut base = String::new();
    let (path, query) = match asked.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (asked.target, None),
    };
    for component in &input.components {
        let value = match *component {
            "@method" => asked.method.to_owned(),
            "@authority" => authority(asked.authority),
            "@scheme" => "http".to_owned(),
            "@target-uri" => format!("http://{}{}", authority(asked.authority), asked.target),
            "@request-target" => asked.target.to_owned(),
            "@path" => path.to_owned(),
            "@query" => format!("?{}", query.unwrap_or_default()),
            name if name.starts_with('@') => {
                return Err(wrong(
                    &format!("component {name} is not taken here"),
                    &format!("不支持签名组件 {name}"),
                ));
            }
            name => field(asked.headers, name)?,
        };
        base.push_str(&format!("\"{component}\": {value}\n"));
    }
    base.push_str(&format!("\"@signature-params\": {}", input.text));
    Ok(base)
}

fn authority(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.strip_suffix(":80").unwrap_or(&lower).to_owned()
}

fn field(headers: &HeaderMap, name: &str) -> Result<String, Refusal> {
    let values: Option<Vec<&str>> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().ok().map(str::trim))
        .collect();
    match values {
        Some(values) if !values.is_empty() => Ok(values.join(", ")),
        _ => Err(wrong(
            &format!("the signature covers {name}, which is not there"),
            &format!("签名覆盖了 {name}，但请求中没有该请求头"),
        )),
    }
}

/// Whether a request has a body, by its headers.
pub(crate) fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(http::header::CONTENT_LENGTH);
    length.is_some_and(|length| length.as_bytes() != b"0")
        || headers.contains_key(http::header::TRANSFER_ENCODING)
}

/// The SHA-256 of `Content-Digest`.
fn content_digest(headers: &HeaderMap) -> Result<[u8; 32], Refusal> {
    let text = field(headers, "content-digest")?;
    let mut members = text.split(',').map(str::trim);
    let found = members.find_map(|member| bytes_of(member, "sha-256"));
    found
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            wrong(
                "Content-Digest has no sha-256",
                "Content-Digest 缺少 sha-256",
            )
        })
}

/// Whether a body is the one a digest was made of.
pub(crate) fn digest_fits(digest: &[u8; 32], body: &[u8]) -> bool {
    ring::digest::digest(&ring::digest::SHA256, body).as_ref() == digest
}

/// The bytes of `label=:base64:`, which must be all there is.
fn bytes_of(text: &str, label: &str) -> Option<Vec<u8>> {
    let rest = text.trim().strip_prefix(label)?.strip_prefix("=:")?;
    let coded = rest.strip_suffix(':')?;
    STANDARD.decode(coded).ok()
}

/// Reads `label=("a" "b");created=1;keyid="k"`.
fn parsed(text: &str) -> Option<Input<'_>> {
    let text = text.trim();
    let (label, rest) = text.split_once('=')?;
    let token = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b);
    if label.is_empty() || !label.bytes().all(token) {
        return None;
    }
    let (list, parameters) = rest.strip_prefix('(')?.split_once(')')?;
    let mut components = Vec::new();
    for item in list.split(' ').filter(|item| !item.is_empty()) {
        let name = item.strip_prefix('"')?.strip_suffix('"')?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_@".contains(&b);
        if name.is_empty() || !name.bytes().all(plain) || components.contains(&name) {
            return None;
        }
        components.push(name);
    }
    let mut input = Input {
        label,
        components,
        text: rest,
        created: None,
        expires: None,
        nonce: None,
        keyid: None,
        alg: None,
    };
    for parameter in parameters.split(';').skip(1) {
        let (name, value) = parameter.trim_start().split_once('=')?;
        let quoted = || {
            let text = value.strip_prefix('"')?.strip_suffix('"')?;
            let plain = |b: u8| (b' '..=b'~').contains(&b) && !b"\"\\;".contains(&b);
            (text.len() <= 256 && text.bytes().all(plain)).then_some(text)
        };
        match name {
            "created" => input.created = Some(value.parse().ok()?),
            "expires" => input.expires = Some(value.parse().ok()?),
            "nonce" => input.nonce = Some(quoted().filter(|text| !text.is_empty())?),
            "keyid" => input.keyid = Some(quoted()?),
            "alg" => input.alg = Some(quoted()?),
            "tag" => drop(quoted()?),
            _ => return None,
        }
    }
    let leading = parameters.split(';').next().unwrap_or_default();
    leading.is_empty().then_some(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9421, appendix B.2.5.
    #[test]
    fn the_standard_s_example_of_hmac_holds() {
        let mut headers = HeaderMap::new();
        headers.insert("date", "Tue, 20 Apr 2021 02:07:55 GMT".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        let text = "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"";
        let input = parsed(text).unwrap();
        let nonces = super::super::Nonces::default();
        let asked = Asked {
            method: "POST",
            target: "/foo?param=Value&Pet=dog",
            authority: "Example.com",
            headers: &headers,
            has_body: true,
            now: crate::interfaces::clock::Clock::system().now(),
            nonces: None,
            seen: &nonces,
        };
        let secret = STANDARD
            .decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
            .unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let signature = bytes_of(
            "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
            input.label,
        )
        .unwrap();
        let base = base(&input, &asked).unwrap();
        assert!(
            ring::hmac::verify(&key, base.as_bytes(), &signature).is_ok(),
            "{base}"
        );
    }

    #[test]
    fn what_is_no_input_is_not_guessed_at() {
        for text in [
            "",
            "sig1",
            "sig1=(\"a\"",
            "sig1=(a);created=1",
            "sig1=(\"a\" \"a\");created=1",
            "sig1=(\"a\");created=x",
            "sig1=(\"a\");unknown=1",
            "sig1=(\"a\");nonce=\"\"",
            "sig1=(\"a\")x;created=1",
            "sig1=(\"a\";sf);created=1",
            "sig1=(\"a\");created=1, sig2=(\"b\")",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
        assert!(parsed("sig1=();created=1").is_some());
    }
}
