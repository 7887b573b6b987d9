//! Problem details (RFC 9457): the one form of every error answer.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use rialto_platform_identity::{Denied, IdentityError, SignInError};
use rialto_platform_store::StoreError;
use serde::Serialize;

use crate::codes::{self, Code};
use crate::language::Language;

/// One value that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer of the value, such as `/rules/0/bound`, or the name of a parameter.
    pub pointer: String,
    /// What is wrong, as a word.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// The values that would do, when they can be listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
}

/// An error answer. Handlers return it as their error; title, language, trace id and instance are
/// filled in as the answer leaves.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_s: Option<i64>,
    extra: Option<serde_json::Map<String, serde_json::Value>>,
}

/// The document that is sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `/problems/<code>`: a page that explains the code in both languages.
    pub r#type: String,
    /// The code's title in the reader's language.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong here and what to do.
    pub detail: String,
    /// Path of the request.
    pub instance: String,
    /// The code as a word.
    pub code: String,
    /// Finds this request in the server's log.
    pub trace_id: String,
    /// Each value that was refused.
    pub errors: Vec<FieldError>,
    /// Further members that belong to the code.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub extra: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Problem {
    /// A problem of a code.
    pub fn new(code: &'static Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            code,
            detail,
            errors: Vec::new(),
            retry_after_s: None,
            extra: None,
        }
    }

    /// 404: it does not exist, or is outside of what the caller may see.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        let id: String = id.to_string().chars().take(200).collect();
        Self::new(
            codes::NOT_FOUND,
            format!("There is no {what} `{id}`, or you may not see it."),
        )
    }

    /// 422: a request whose values are refused; add them with [`Problem::invalid`].
    #[must_use]
    pub fn unprocessable() -> Self {
        Self::new(codes::INVALID, "")
    }

    /// Adds a refused value: its JSON pointer, a word and a text.
    #[must_use]
    pub fn invalid(
        mut self,
        pointer: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (pointer, code, message) = (pointer.into(), code.into(), message.into());
        if self.detail.is_empty() {
            self.detail = match pointer.trim_start_matches('/') {
                "" => message.clone(),
                place => format!("{place}: {message}"),
            };
        }
        self.errors.push(FieldError {
            pointer,
            code,
            message,
            allowed: Vec::new(),
        });
        self
    }

    /// Lists the values that would do for the value refused last.
    #[must_use]
    pub fn allowed(mut self, allowed: impl IntoIterator<Item = impl Into<String>>) -> Self {
        if let Some(last) = self.errors.last_mut() {
            last.allowed = allowed.into_iter().map(Into::into).collect();
        }
        self
    }

    /// 409: the present state forbids it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(codes::CONFLICT, detail)
    }

    /// 403: signed in, but not permitted.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(codes::FORBIDDEN, detail)
    }

    /// 400: the request cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(codes::MALFORMED, detail)
    }

    /// 401: no identity.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            codes::UNAUTHENTICATED,
            "Sign in with POST /api/platform/v1/sessions, or send `Authorization: Bearer rlt_…`.",
        )
    }

    /// 500: logged here with its cause, which the answer does not show.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "request failed");
        Self::new(
            codes::INTERNAL,
            "The cause is in the server's log under this trace id.",
        )
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: i64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Adds a member to the document, such as `accepted_bytes`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.extra
            .get_or_insert_default()
            .insert(name.to_owned(), value.into());
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.code
    }

    /// The detail.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The document as it is sent to one reader.
    #[must_use]
    pub fn document(&self, language: Language, instance: &str, trace_id: &str) -> ProblemDocument {
        let (title, help) = match language {
            Language::English => (self.code.title_en, self.code.help_en),
            Language::Chinese => (self.code.title_zh, self.code.help_zh),
        };
        let detail = if self.detail.is_empty() {
            help
        } else {
            &self.detail
        };
        ProblemDocument {
            r#type: format!("/problems/{}", self.code.name),
            title: title.to_owned(),
            status: self.code.status,
            detail: detail.to_owned(),
            instance: instance.to_owned(),
            code: self.code.name.to_owned(),
            trace_id: trace_id.to_owned(),
            errors: self.errors.clone(),
            extra: self.extra.clone(),
        }
    }

    /// The answer for one reader.
    pub(crate) fn render(&self, language: Language, instance: &str, trace_id: &str) -> Response {
        let document = self.document(language, instance, trace_id);
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.status == 401 {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"rialto\""),
            );
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.name, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    /// Complete in itself; the outermost layer renders it again for its reader.
    fn into_response(self) -> Response {
        let mut response = self.render(Language::English, "", "");
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        Self::forbidden(denied.to_string()).with("permission", denied.permission.as_str())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Standby) {
            return Self::new(codes::UNAVAILABLE, error.to_string()).retry_after_s(1);
        }
        if matches!(error, StoreError::Nul { .. }) {
            let en = "A text of the request has a NUL character (U+0000), which nothing here keeps; take it out.";
            let zh = "请求中的文本含有 NUL 字符（U+0000），无法保存，请删除。";
            return Self::unprocessable()
                .invalid("", "nul", en)
                .with("text", serde_json::json!({"en": en, "zh": zh}));
        }
        if error.is_retryable() {
            tracing::warn!(%error, "the store is busy or away");
            return Self::new(codes::UNAVAILABLE, "").retry_after_s(1);
        }
        Self::internal(error)
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Denied(denied) => denied.into(),
            IdentityError::Invalid { field, message } => {
                Self::unprocessable().invalid(format!("/{field}"), "invalid", message)
            }
            IdentityError::LoginTaken { .. } => {
                Self::unprocessable().invalid("/login", "taken", error.to_string())
            }
            IdentityError::NotFound { what, id } => Self::not_found(what, id),
            IdentityError::LastAdministrator => Self::conflict(error.to_string()),
            IdentityError::Store(error) => error.into(),
            IdentityError::Evidence(error) => Self::internal(error),
            IdentityError::Hashing(error) => Self::internal(error),
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::new(codes::INVALID_CREDENTIALS, ""),
            SignInError::Link => Self::new(codes::INVALID_LINK, ""),
            SignInError::Wait { retry_after } => {
                let seconds = retry_after.as_secs().max(1);
                let detail = format!("Wait {seconds} s before the next attempt.");
                Self::new(codes::TOO_MANY_REQUESTS, detail).retry_after_s(seconds)
            }
            SignInError::Failed(error) => error.into(),
        }
    }
}

impl From<rialto_platform_evidence::EvidenceError> for Problem {
    fn from(error: rialto_platform_evidence::EvidenceError) -> Self {
        Self::internal(error)
    }
}
