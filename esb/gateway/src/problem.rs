//! The gateway's own answers: problem documents (RFC 9457) that say whether the provider got the
//! request.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use serde_json::json;

use crate::body::ResponseBody;

/// Whether the provider got the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    No,
    Unknown,
}

/// An error the gateway makes itself.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) detail: String,
    pub(crate) sent: Option<Sent>,
    pub(crate) retryable: bool,
    pub(crate) errors: Vec<(Cow<'static, str>, String)>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: String) -> Self {
        Self {
            status,
            code,
            title,
            detail,
            sent: None,
            retryable: false,
            errors: Vec::new(),
        }
    }

    pub(crate) fn malformed(detail: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "The request is malformed",
            detail.to_owned(),
        );
        problem.sent = Some(Sent::No);
        problem
    }

    pub(crate) fn no_backend(service: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no-healthy-backend",
            "No version of the service takes traffic",
            format!("service {service} has no active version"),
        );
        problem.sent = Some(Sent::No);
        problem.retryable = true;
        problem
    }

    pub(crate) fn connect_failed(detail: String) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_GATEWAY,
            "backend-connect-failed",
            "The service could not be reached",
            detail,
        );
        problem.sent = Some(Sent::No);
        problem.retryable = true;
        problem
    }

    pub(crate) fn reset(detail: String) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_GATEWAY,
            "backend-reset",
            "The service broke off before it answered",
            detail,
        );
        problem.sent = Some(Sent::Unknown);
        problem
    }

    pub(crate) fn protocol(detail: String) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_GATEWAY,
            "backend-protocol-error",
            "The service's answer is not HTTP",
            detail,
        );
        problem.sent = Some(Sent::Unknown);
        problem
    }

    pub(crate) fn timeout(waited_ms: u64) -> Self {
        let mut problem = Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "backend-timeout",
            "The service did not answer in time",
            format!("no answer within {waited_ms} ms"),
        );
        problem.sent = Some(Sent::Unknown);
        problem
    }

    pub(crate) fn client_body(detail: String) -> Self {
        let mut problem = Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-body",
            "The request's body could not be read",
            detail,
        );
        problem.sent = Some(Sent::No);
        problem
    }

    pub(crate) fn unauthorised() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "auth-missing",
            "The admin token is missing or wrong",
            "send Authorization: Bearer <admin token>".to_owned(),
        )
    }

    pub(crate) fn not_found(detail: String) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "route-not-found",
            "There is no such thing",
            detail,
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "The method is not allowed here",
            "see the allowed methods of the admin interface".to_owned(),
        )
    }

    pub(crate) fn conflict(detail: String) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "version-conflict",
            "The service changed meanwhile",
            detail,
        )
    }

    pub(crate) fn invalid(detail: String, errors: Vec<(&'static str, String)>) -> Self {
        let mut problem = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "request-invalid",
            "The request is not valid",
            detail,
        );
        let errors = errors.into_iter();
        problem.errors = errors.map(|(at, text)| (at.into(), text)).collect();
        problem
    }

    /// A snapshot that is not taken; the one before goes on serving.
    pub(crate) fn snapshot_refused(
        status: StatusCode,
        code: &'static str,
        detail: String,
        errors: Vec<(String, String)>,
    ) -> Self {
        let mut problem = Self::new(status, code, "The snapshot is not taken", detail);
        let errors = errors.into_iter();
        problem.errors = errors.map(|(at, text)| (at.into(), text)).collect();
        problem
    }

    pub(crate) fn listen_failed(detail: String) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "listen-failed",
            "The public address could not be opened",
            detail,
        )
    }

    pub(crate) fn persist_failed(detail: String) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "state-not-saved",
            "The change could not be saved and was not made",
            detail,
        )
    }

    /// The answer; `instance` names the request for logs.
    pub(crate) fn into_response(self, instance: &str) -> Response<ResponseBody> {
        let errors: Vec<_> = self
            .errors
            .iter()
            .map(|(pointer, message)| json!({ "pointer": pointer, "detail": message }))
            .collect();
        let mut document = json!({
            "type": format!("urn:rialto:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": format!("/requests/{instance}"),
            "code": self.code,
            "trace_id": instance,
            "retryable": self.retryable,
            "errors": errors,
        });
        if let Some(sent) = self.sent {
            document["sent"] = json!(match sent {
                Sent::No => "no",
                Sent::Unknown => "unknown",
            });
        }
        let body = Full::new(Bytes::from(document.to_string()));
        let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert("x-rialto-error", HeaderValue::from_static(self.code));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
