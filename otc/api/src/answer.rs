//! Errors of the desk as problems.
//!
//! Beside the members of every problem: `findings` (all that is wrong with a document), `text` (the
//! reason in both languages), `reason` (the desk's own code, `E-BOOK-STATE`), `version` and
//! `allowed` where they help.

use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderValue, StatusCode};
use rialto_otc_desk::{DeskError, findings};
use rialto_platform_web::{Json, Problem, codes};
use serde::Serialize;
use serde_json::{Value, json};

/// A refusal on its way out.
#[derive(Debug)]
pub struct Refusal(pub Problem);

/// What a handler answers.
pub type Answer<T> = Result<T, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        Self(problem(error))
    }
}

/// A status, a JSON body and, for resources, their version as `ETag`.
pub struct Made<T>(pub StatusCode, pub Option<u64>, pub T);

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.2).into_response();
        *response.status_mut() = self.0;
        let tag = self.1.map(|version| format!("\"v{version}\""));
        if let Some(Ok(tag)) = tag.map(|tag| HeaderValue::from_str(&tag)) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

fn problem(error: DeskError) -> Problem {
    match error {
        DeskError::NotFound { what, id } => Problem::not_found(what, id),
        DeskError::Denied(denied) => denied.into(),
        DeskError::FourEyes { ref maker } => {
            let en = error.to_string();
            let zh = format!("经办人 {maker} 不可复核自己的业务，须由他人复核");
            Problem::forbidden(en.clone())
                .with("reason", "E-BOOK-FOUR-EYES")
                .with("text", json!({"en": en, "zh": zh}))
        }
        DeskError::Invalid {
            pointer,
            code,
            en,
            zh,
        } => Problem::unprocessable()
            .invalid(pointer, code, en.clone())
            .with("text", json!({"en": en, "zh": zh})),
        DeskError::Conflict { code, en, zh } => Problem::conflict(en.clone())
            .with("reason", code)
            .with("text", json!({"en": en, "zh": zh})),
        DeskError::Stale { version, .. } => {
            Problem::new(codes::STALE_VERSION, error.to_string()).with("version", version)
        }
        DeskError::Findings(found) => document_problem(&found),
        DeskError::Refused(refusal) => book_problem(&refusal),
        DeskError::Price(error) => {
            // A model that cannot be was made from the market.
            let pointer = match error.code() {
                "E-ENGINE-UNKNOWN" | "E-ENGINE-REFUSED" => "/engine",
                "E-MODEL" => "/market",
                _ => "/terms",
            };
            let (en, zh) = (error.to_string(), error.zh());
            Problem::unprocessable()
                .invalid(pointer, error.code(), en.clone())
                .with("text", json!({"en": en, "zh": zh}))
        }
        DeskError::Solve(error) => {
            let (en, zh) = (error.to_string(), error.zh());
            Problem::unprocessable()
                .invalid("/unknown", error.code(), en.clone())
                .with("text", json!({"en": en, "zh": zh}))
        }
        DeskError::Quote(error) => {
            let (en, zh) = (error.to_string(), error.zh());
            Problem::unprocessable()
                .invalid(error.pointer(), error.code(), en.clone())
                .with("text", json!({"en": en, "zh": zh}))
        }
        DeskError::Store(error) => error.into(),
        other => Problem::internal(other),
    }
}

fn document_problem(found: &rialto_otc_desk::Findings) -> Problem {
    let views = findings(found);
    let errors = views.iter().filter(|finding| finding.severity == "error");
    let problem = errors.fold(Problem::unprocessable(), |problem, finding| {
        let text = format!("{} {}", finding.text.en, finding.text.zh);
        problem.invalid(&finding.pointer, &finding.code, text)
    });
    problem.with("findings", serde_json::to_value(views).unwrap_or_default())
}

/// A refusal of the book.
fn book_problem(refusal: &rialto_otc_desk::BookRefusal) -> Problem {
    if let Some(found) = &refusal.findings {
        return document_problem(found)
            .with("reason", refusal.code)
            .with("text", json!({"en": refusal.en, "zh": refusal.zh}));
    }
    let en = refusal.en.to_string();
    let problem = match refusal.code {
        "E-BOOK-VERSION" if refusal.value.is_none() => {
            Problem::new(codes::PRECONDITION_REQUIRED, en)
        }
        "E-BOOK-VERSION" => Problem::new(codes::STALE_VERSION, en),
        "E-BOOK-CONFLICT" | "E-BOOK-STATE" | "E-BOOK-ENDED" | "E-BOOK-WAITING"
        | "E-BOOK-REVIEW" | "E-FLOW-STATUS" => Problem::conflict(en),
        "E-BOOK-FOUR-EYES" => Problem::forbidden(en),
        code => Problem::unprocessable().invalid(&*refusal.pointer, code, en),
    };
    let mut problem = problem
        .with("reason", refusal.code)
        .with("text", json!({"en": refusal.en, "zh": refusal.zh}));
    if let Some(version) = refusal.current_version {
        problem = problem.with("version", version);
    }
    if !refusal.allowed.is_empty() {
        problem = problem.with("allowed", Value::from(refusal.allowed.to_vec()));
    }
    problem
}
