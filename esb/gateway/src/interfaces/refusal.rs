//! What the data plane answers itself: problem documents (RFC 9457) in the caller's language.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde_json::json;

use crate::body::ResponseBody;

/// Whether the provider got the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    No,
    Yes,
    Unknown,
}

/// A refusal or failure of the gateway's own.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Stable word of the kind.
    pub(crate) slug: &'static str,
    kind: &'static Kind,
    /// English and Chinese.
    pub(crate) detail: Box<(String, String)>,
    pub(crate) sent: Sent,
    pub(crate) retry_after_s: Option<u64>,
    pub(crate) headers: Vec<(header::HeaderName, HeaderValue)>,
    pub(crate) errors: Vec<(String, String)>,
}

/// Kinds: slug, status, whether another try may help, English and Chinese title.
type Kind = (&'static str, u16, bool, &'static str, &'static str);

const KINDS: &[Kind] = &[
    (
        "malformed-request",
        400,
        false,
        "The request is malformed",
        "请求格式有误",
    ),
    (
        "ambiguous-path",
        400,
        false,
        "The path can be read in two ways",
        "路径存在歧义",
    ),
    (
        "malformed-body",
        400,
        false,
        "The request's body could not be read",
        "请求体无法读取",
    ),
    (
        "idempotency-key-missing",
        400,
        false,
        "An Idempotency-Key is asked for",
        "须提供 Idempotency-Key",
    ),
    (
        "idempotency-in-progress",
        409,
        true,
        "The same request is on its way",
        "相同请求正在处理",
    ),
    (
        "outcome-unknown",
        409,
        false,
        "It is not known what became of the request",
        "请求结果未知",
    ),
    (
        "idempotency-key-reused",
        422,
        false,
        "The key was another request's",
        "幂等键已用于另一请求",
    ),
    (
        "idempotency-full",
        503,
        true,
        "No room for another key",
        "幂等键空间已满",
    ),
    (
        "auth-missing",
        401,
        false,
        "Nothing says who calls",
        "缺少身份凭证",
    ),
    (
        "auth-invalid",
        401,
        false,
        "The credential does not hold",
        "身份凭证无效",
    ),
    (
        "auth-expired",
        401,
        false,
        "The credential has expired",
        "身份凭证已过期",
    ),
    (
        "signature-invalid",
        401,
        false,
        "The signature does not hold",
        "签名无效",
    ),
    (
        "signature-stale",
        401,
        true,
        "The signature is too old or of the future",
        "签名时间超出允许范围",
    ),
    (
        "replay-detected",
        401,
        false,
        "The request came before",
        "检测到重放请求",
    ),
    (
        "not-subscribed",
        403,
        false,
        "There is no subscription",
        "未订阅该接口",
    ),
    (
        "subscription-suspended",
        403,
        false,
        "The subscription is suspended or over",
        "订阅已暂停或到期",
    ),
    (
        "scope-insufficient",
        403,
        false,
        "The operation is not part of the subscription",
        "订阅不包含该操作",
    ),
    (
        "address-denied",
        403,
        false,
        "Calls may not come from this address",
        "来源地址不在允许范围",
    ),
    (
        "outside-window",
        403,
        true,
        "The time window is closed",
        "当前不在允许的时段内",
    ),
    (
        "route-not-found",
        404,
        false,
        "No interface is here",
        "没有对应的接口",
    ),
    (
        "method-not-allowed",
        405,
        false,
        "The method is not allowed here",
        "不允许使用该方法",
    ),
    (
        "interface-retired",
        410,
        false,
        "The interface is retired",
        "接口已退役",
    ),
    (
        "body-too-large",
        413,
        false,
        "The body is too large",
        "请求体过大",
    ),
    (
        "unsupported-media-type",
        415,
        false,
        "The media type is not taken",
        "不支持该媒体类型",
    ),
    (
        "request-invalid",
        422,
        false,
        "The request does not fit the interface",
        "请求不符合接口定义",
    ),
    (
        "rate-limited",
        429,
        true,
        "Too many requests",
        "请求过于频繁",
    ),
    (
        "quota-exhausted",
        429,
        true,
        "The day's quota is used up",
        "当日配额已用完",
    ),
    (
        "concurrency-limited",
        429,
        true,
        "Too many requests at once",
        "并发请求过多",
    ),
    (
        "backend-connect-failed",
        502,
        true,
        "The service could not be reached",
        "无法连接后端服务",
    ),
    (
        "backend-reset",
        502,
        false,
        "The service broke off before it answered",
        "后端服务中断了连接",
    ),
    (
        "backend-protocol-error",
        502,
        false,
        "The service's answer is not HTTP",
        "后端应答不是有效的 HTTP",
    ),
    (
        "response-invalid",
        502,
        false,
        "The answer does not fit the interface and is withheld",
        "应答不符合接口定义，已拦截",
    ),
    (
        "response-too-large",
        502,
        false,
        "The answer is too large to be checked and is withheld",
        "应答过大无法检查，已拦截",
    ),
    (
        "circuit-open",
        503,
        true,
        "The service is failing and is left alone for a while",
        "后端服务异常，暂时熔断",
    ),
    (
        "no-healthy-backend",
        503,
        true,
        "No instance of the service is there",
        "没有可用的后端实例",
    ),
    (
        "interface-suspended",
        503,
        true,
        "The interface is suspended",
        "接口已暂停",
    ),
    (
        "bus-unavailable",
        503,
        true,
        "The gateway has no snapshot yet",
        "网关尚未加载发布快照",
    ),
    (
        "overloaded",
        503,
        true,
        "The gateway is overloaded",
        "网关过载",
    ),
    (
        "backend-timeout",
        504,
        false,
        "The service did not answer in time",
        "后端服务应答超时",
    ),
    (
        "deadline-exceeded",
        504,
        false,
        "The time for the request is over",
        "请求超过总时限",
    ),
];

/// A mistake of ours.
const BUG: Kind = (
    "gateway-bug",
    500,
    false,
    "The gateway made a mistake",
    "网关内部错误",
);

impl Refusal {
    /// A refusal of a kind; a kind nobody knows is a mistake of ours and says so.
    pub(crate) fn new(slug: &'static str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        let known = KINDS.iter().find(|kind| kind.0 == slug);
        let kind = known.unwrap_or(&BUG);
        Self {
            status: StatusCode::from_u16(kind.1).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            slug: kind.0,
            kind,
            detail: Box::new((en.into(), zh.into())),
            sent: Sent::No,
            retry_after_s: None,
            headers: Vec::new(),
            errors: Vec::new(),
        }
    }

    pub(crate) fn sent(mut self, sent: Sent) -> Self {
        self.sent = sent;
        self
    }

    /// Whether the provider got the request.
    pub(crate) fn was_sent(&self) -> Sent {
        self.sent
    }

    pub(crate) fn retry_after_ns(mut self, ns: u64) -> Self {
        self.retry_after_s = Some(ns.div_ceil(1_000_000_000).max(1));
        self
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The answer, in Chinese or English; `trace` and `serial` name the request.
    pub(crate) fn into_response(
        self,
        chinese: bool,
        trace: &str,
        serial: &str,
    ) -> Response<ResponseBody> {
        let pick = |en: &str, zh: &str| {
            if chinese {
                zh.to_owned()
            } else {
                en.to_owned()
            }
        };
        let errors: Vec<_> = self
            .errors
            .iter()
            .map(|(pointer, message)| json!({ "pointer": pointer, "detail": message }))
            .collect();
        let document = json!({
            "type": format!("urn:rialto:problem:{}", self.slug),
            "title": pick(self.kind.3, self.kind.4),
            "status": self.status.as_u16(),
            "detail": pick(&self.detail.0, &self.detail.1),
            "instance": format!("/requests/{trace}"),
            "code": self.slug,
            "trace_id": trace,
            "biz_serial": serial,
            "retryable": self.kind.2,
            "sent": match self.sent {
                Sent::No => "no",
                Sent::Yes => "yes",
                Sent::Unknown => "unknown",
            },
            "errors": errors,
        });
        let body = Full::new(Bytes::from(document.to_string()));
        let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        let language = if chinese { "zh-CN" } else { "en" };
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
        headers.insert("x-rialto-error", HeaderValue::from_static(self.slug));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        response
    }
}

/// Whether the first language the caller names that is spoken here is Chinese.
pub(crate) fn wants_chinese(asked: &HeaderMap) -> bool {
    let languages = asked
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut known = languages
        .split(',')
        .map(|one| one.trim().to_ascii_lowercase())
        .filter(|one| one.starts_with("zh") || one.starts_with("en"));
    known.next().is_some_and(|first| first.starts_with("zh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_once_and_has_a_status_of_an_error() {
        let mut seen = std::collections::BTreeSet::new();
        for (slug, status, ..) in KINDS {
            assert!(seen.insert(slug), "{slug} stands twice");
            assert!((400..600).contains(status), "{slug}");
            assert_eq!(Refusal::new(slug, "", "").status.as_u16(), *status);
        }
        assert_eq!(Refusal::new("no-such-kind", "", "").status.as_u16(), 500);
    }

    #[test]
    fn the_first_language_known_is_spoken() {
        for (asked, chinese) in [
            ("zh-CN,en;q=0.5", true),
            ("en-GB, zh", false),
            ("fr, zh", true),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(asked));
            assert_eq!(wants_chinese(&headers), chinese, "{asked}");
        }
    }
}
