//! Errors of the interface platform as problems.
//!
//! Beside the members of every problem: `text` (the reason in both languages), `reason` (the
//! platform's own code), `findings` (all that is wrong with a definition, with places), `unmet`
//! (every guard that is not met) and `revision` where they help.

use axum::response::{IntoResponse, Response};
use http::header::ETAG;
use http::{HeaderValue, StatusCode};
use rialto_esb_manager::PlatformError;
use rialto_esb_manager::view::{FindingView, UnmetView, Words, unmet};
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

impl From<PlatformError> for Refusal {
    fn from(error: PlatformError) -> Self {
        Self(problem(error))
    }
}

/// A status, a JSON body and the revision as `ETag`.
pub struct Made<T>(pub StatusCode, pub u64, pub T);

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.2).into_response();
        *response.status_mut() = self.0;
        if let Ok(tag) = HeaderValue::from_str(&format!("\"v{}\"", self.1)) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

fn problem(error: PlatformError) -> Problem {
    match error {
        PlatformError::NotFound { what, id } => Problem::not_found(what, id),
        PlatformError::Denied(denied) => denied.into(),
        PlatformError::Invalid {
            pointer,
            code,
            words,
        } => Problem::unprocessable()
            .invalid(pointer, code, words.en.clone())
            .with("text", text(&words)),
        PlatformError::Definition { words, findings } => definition(&words, &findings),
        PlatformError::Conflict { code, words } => Problem::conflict(words.en.clone())
            .with("reason", code)
            .with("text", text(&words)),
        PlatformError::Refused(refusal) => guards(&unmet(&refusal)),
        PlatformError::NotMet(unmet) => guards(&unmet),
        PlatformError::Stale { revision, .. } => {
            Problem::new(codes::STALE_VERSION, error.to_string()).with("revision", revision)
        }
        PlatformError::Store(error) => error.into(),
        other => Problem::internal(other),
    }
}

fn text(words: &Words) -> Value {
    json!({"en": words.en, "zh": words.zh})
}

fn definition(words: &Words, findings: &[FindingView]) -> Problem {
    let problem = Problem::unprocessable();
    let problem = match findings {
        [] => problem.invalid("", "definition", words.en.clone()),
        all => all.iter().fold(problem, |problem, one| {
            let spot = &one.spot;
            let place = format!(
                "{}:{}:{}{}",
                spot.file, spot.line, spot.column, spot.pointer
            );
            problem.invalid(place, &one.rule, one.text.en.clone())
        }),
    };
    problem
        .with("reason", "E-DEFINITION")
        .with("text", text(words))
        .with(
            "findings",
            serde_json::to_value(findings).unwrap_or_default(),
        )
}

/// Guards that are not met: 403 when it is about who asks, else 409; with the whole list.
fn guards(unmet: &[UnmetView]) -> Problem {
    let join = |pick: fn(&Words) -> &str, with: &str| {
        let all: Vec<&str> = unmet.iter().map(|one| pick(&one.text)).collect();
        all.join(with)
    };
    let words = Words::new(join(|text| &text.en, " "), join(|text| &text.zh, ""));
    let person = unmet
        .iter()
        .any(|one| matches!(one.guard.as_str(), "role" | "four_eyes" | "split_delivery"));
    let problem = match person {
        true => Problem::forbidden(words.en.clone()),
        false => Problem::conflict(words.en.clone()),
    };
    problem
        .with("reason", "E-GUARDS")
        .with("text", text(&words))
        .with("unmet", serde_json::to_value(unmet).unwrap_or_default())
}
