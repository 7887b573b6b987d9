//! Errors of the service center as problems.
//!
//! Beside the members of every problem: `text` (the reason in both languages), `reason` (the
//! center's own code) and `revision` where they help.

use axum::response::{IntoResponse, Response};
use rialto_esb_center_manager::CenterError;
use rialto_esb_center_manager::rules::Words;
use rialto_platform_web::{Problem, codes};
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

impl From<CenterError> for Refusal {
    fn from(error: CenterError) -> Self {
        Self(problem(error))
    }
}

fn text(words: &Words) -> Value {
    json!({"en": words.en, "zh": words.zh})
}

fn problem(error: CenterError) -> Problem {
    match error {
        CenterError::NotFound { what, id } => Problem::not_found(what, id),
        CenterError::Denied(denied) => denied.into(),
        CenterError::Invalid {
            pointer,
            code,
            words,
        } => Problem::unprocessable()
            .invalid(pointer, code, words.en.clone())
            .with("text", text(&words)),
        CenterError::Conflict { code, words } => Problem::conflict(words.en.clone())
            .with("reason", code)
            .with("text", text(&words)),
        CenterError::Stale { revision } => {
            Problem::new(codes::STALE_VERSION, error.to_string()).with("revision", revision)
        }
        CenterError::Store(error) => error.into(),
        other => Problem::internal(other),
    }
}
