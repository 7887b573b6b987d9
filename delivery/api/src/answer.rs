//! Errors of the engine as problems, ids out of paths, pages out of lists.

use std::fmt::Display;
use std::str::FromStr;

use axum::response::{IntoResponse, Response};
use rialto_delivery_engine::DeliveryError;
use rialto_delivery_engine::view::Listed;
use rialto_delivery_engine::words::Text;
use rialto_delivery_git::GitError;
use rialto_delivery_store::CasError;
use rialto_platform_identity::Denied;
use rialto_platform_web::{Page, Problem, Web, codes};

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

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self(denied_problem(denied))
    }
}

impl From<DeliveryError> for Refusal {
    fn from(error: DeliveryError) -> Self {
        Self(problem(error))
    }
}

fn problem(error: DeliveryError) -> Problem {
    match error {
        DeliveryError::NotFound { what, id } => Problem::not_found(what, id),
        DeliveryError::Denied(denied) => denied_problem(denied),
        DeliveryError::Refused { reason } => {
            let text = Text::of(&reason);
            told(Problem::conflict(reason), &text)
        }
        DeliveryError::Invalid {
            pointer,
            code,
            message,
        } if pointer == "/page_token" => {
            tracing::debug!(code, message, "page token refused");
            Problem::new(codes::INVALID_PAGE_TOKEN, message)
        }
        DeliveryError::Invalid {
            pointer,
            code,
            message,
        } => Problem::unprocessable().invalid(pointer, code, message),
        DeliveryError::InvalidMany(faults) => faults
            .into_iter()
            .fold(Problem::unprocessable(), |problem, (at, code, message)| {
                problem.invalid(at, code, message)
            }),
        DeliveryError::StaleVersion { version, .. } => {
            Problem::new(codes::STALE_VERSION, error.to_string()).with("version", version)
        }
        DeliveryError::StaleLease { .. } => Problem::conflict(error.to_string()),
        DeliveryError::LogOffset { accepted } => {
            Problem::new(codes::RANGE, error.to_string()).with("accepted_bytes", accepted)
        }
        DeliveryError::TooLarge { .. } => Problem::new(codes::TOO_LARGE, error.to_string()),
        DeliveryError::Stopping => {
            Problem::new(codes::UNAVAILABLE, error.to_string()).retry_after_s(2)
        }
        DeliveryError::Store(error) => error.into(),
        DeliveryError::Git(error) => git_problem(error),
        DeliveryError::Content(error) => content_problem(error),
        other => Problem::internal(other),
    }
}

fn denied_problem(denied: Denied) -> Problem {
    let text = Text::of(&denied.to_string());
    told(denied.into(), &text)
}

/// Adds the detail in both languages.
fn told(problem: Problem, text: &Text) -> Problem {
    match serde_json::to_value(text) {
        Ok(text) => problem.with("text", text),
        // Texts alone: this serializer does not fail.
        Err(_) => problem,
    }
}

fn content_problem(error: CasError) -> Problem {
    let text = error.to_string();
    match error {
        CasError::Digest { .. } | CasError::NotADigest(_) => {
            Problem::unprocessable().invalid("sha256", "digest_mismatch", text)
        }
        CasError::Absent(_) => Problem::new(codes::NOT_FOUND, text),
        CasError::TooLarge { .. } => Problem::new(codes::TOO_LARGE, text),
        CasError::File { .. } => Problem::internal(text),
    }
}

fn git_problem(error: GitError) -> Problem {
    let text = error.to_string();
    match error {
        GitError::NotFound { .. } => Problem::new(codes::NOT_FOUND, text),
        GitError::InvalidName { .. } | GitError::InvalidRevision { .. } => {
            Problem::unprocessable().invalid("/ref", "invalid_name", text)
        }
        GitError::Malformed { .. } => Problem::malformed(text),
        GitError::TooLarge { .. } => Problem::new(codes::TOO_LARGE, text),
        GitError::TimedOut { .. } => Problem::new(codes::UNAVAILABLE, text).retry_after_s(5),
        other => Problem::internal(other),
    }
}

/// An id out of a path. A text that is no id names nothing that exists: 404.
pub fn id<T: FromStr>(what: &'static str, text: &str) -> Answer<T> {
    text.parse()
        .map_err(|_| Problem::not_found(what, text).into())
}

/// An id out of a parameter. A text that is no id is the caller's mistake: 422.
pub fn id_parameter<T>(name: &'static str, text: Option<&str>) -> Answer<Option<T>>
where
    T: FromStr,
    T::Err: Display,
{
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let refuse = |error: T::Err| {
        Problem::unprocessable()
            .invalid(name, "invalid_id", error.to_string())
            .into()
    };
    text.parse().map(Some).map_err(refuse)
}

/// A page of the engine with its token signed.
pub fn page<T>(web: &Web, listed: Listed<T>, context: &str) -> Page<T> {
    let next_page_token = listed
        .next
        .map(|cursor| web.seal_page_token(&cursor, context));
    Page {
        items: listed.items,
        next_page_token,
    }
}

#[cfg(test)]
mod tests {
    use rialto_delivery_release::approval::ApprovalRefusal;
    use rialto_platform_identity::Permission;
    use rialto_platform_web::Language;

    use super::*;

    #[test]
    fn a_refusal_tells_its_reason_in_both_languages() {
        let reason = format!(
            "{}; somebody else with one of these roles may: quality_owner, operations",
            ApprovalRefusal::IsPusher
        );
        let document =
            problem(DeliveryError::Refused { reason }).document(Language::Chinese, "/x", "t");
        let text = &document.extra.unwrap()["text"];
        assert_eq!(text["code"], "approval.is_pusher");
        assert_eq!(text["en"], document.detail);
        assert_eq!(
            text["zh"],
            "您推送过本次变更的一部分，推送者不能审批其部署；以下角色的其他人可以审批：质量负责人、运维"
        );

        let denied = Denied {
            login: "lin".into(),
            permission: Permission::DeploymentApprove,
        };
        let extra = problem(denied.into())
            .document(Language::Chinese, "/x", "t")
            .extra;
        assert_eq!(extra.unwrap()["text"]["code"], "denied.role");
    }

    #[test]
    fn each_error_of_the_engine_has_its_status() {
        let lease = DeliveryError::StaleLease { job: "j".into() };
        let offset = DeliveryError::LogOffset { accepted: 7 };
        let invalid = DeliveryError::Invalid {
            pointer: "/path".into(),
            code: "taken",
            message: "is taken".into(),
        };
        let many = DeliveryError::InvalidMany(vec![
            (
                "/rules/0/bound".into(),
                "out_of_range".into(),
                "too large".into(),
            ),
            (
                "/rules/1/op".into(),
                "unknown".into(),
                "no such word".into(),
            ),
        ]);
        for (error, status) in [
            (
                DeliveryError::NotFound {
                    what: "job",
                    id: "x".into(),
                },
                404,
            ),
            (
                DeliveryError::Refused {
                    reason: "it has ended".into(),
                },
                409,
            ),
            (lease, 409),
            (offset, 416),
            (invalid, 422),
            (many, 422),
            (
                DeliveryError::TooLarge {
                    what: "archive".into(),
                    limit: 1,
                },
                413,
            ),
            (DeliveryError::Stopping, 503),
            (DeliveryError::Internal("x".into()), 500),
        ] {
            let text = error.to_string();
            assert_eq!(problem(error).status().as_u16(), status, "{text}");
        }
    }
}
