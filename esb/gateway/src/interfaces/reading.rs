//! Answers that have to be read before they pass: checked, masked, or withheld.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http_body_util::{BodyExt, Limited};

use super::decide::Decided;
use super::refusal::{Refusal, Sent};
use super::serve::{clearance, policy};
use super::table::Table;
use super::validate::AnswerWatch;
use crate::forward::Forwarded;

fn invalid(en: &str, zh: &str) -> Refusal {
    Refusal::new("response-invalid", en, zh).sent(Sent::Yes)
}

/// The answer as its caller sees it. What cannot be read, or does not fit, is withheld.
pub(crate) async fn read(
    parts: &http::response::Parts,
    body: Forwarded,
    (table, decided): (&Table, &Decided<'_>),
    masks: bool,
    watch: Option<AnswerWatch>,
) -> Result<Bytes, Refusal> {
    if masks && !is_plain_json(parts) {
        return Err(invalid(
            "fields of the answer have to be masked, and it is no plain JSON",
            "应答需要脱敏，但其不是未压缩的 JSON",
        ));
    }
    let most = usize::try_from(policy(table, decided).buffered_bytes).unwrap_or(usize::MAX);
    let read = Limited::new(body, most).collect().await;
    let body = read.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            let en = format!(
                "the answer has to be read before it passes, and it has more than {most} bytes"
            );
            let zh = format!("应答须先读取再返回，但超过 {most} 字节");
            return Refusal::new("response-too-large", en, zh).sent(Sent::Yes);
        }
        Refusal::new("backend-reset", "the answer was cut off", "后端应答中断").sent(Sent::Yes)
    })?;
    let body = body.to_bytes();
    if let Some(watch) = watch {
        watch.check(&body)?;
    }
    if !masks {
        return Ok(body);
    }
    let masker = decided.route.masker.as_ref();
    let text = masker.and_then(|masker| masker.masked(&body, clearance(decided)));
    text.map(Bytes::from).ok_or_else(|| {
        invalid(
            "fields of the answer have to be masked, and it cannot be read as JSON",
            "应答需要脱敏，但无法按 JSON 解析",
        )
    })
}

fn is_plain_json(parts: &http::response::Parts) -> bool {
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = rialto_esb_schema::request::essence(kind);
    rialto_esb_schema::request::is_json(&kind)
        && !parts.headers.contains_key(header::CONTENT_ENCODING)
}

/// Headers that spoke of the body as it was.
pub(crate) fn without_traces(
    mut parts: http::response::Parts,
    length: usize,
) -> http::response::Parts {
    for name in [
        "etag",
        "content-digest",
        "repr-digest",
        "content-md5",
        "digest",
        "accept-ranges",
        "trailer",
    ] {
        parts.headers.remove(name);
    }
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    parts
}
