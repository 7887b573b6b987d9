//! Extractors whose refusals are problems, and that refuse what they do not know.

use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::objects::Objects;
use crate::{Problem, codes, names};

/// A JSON body, in and out. The types read from it refuse unknown fields. An empty body counts as
/// `{}`, so an action without arguments needs none.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split(';').next())
            .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json"));
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(too_large)?;
        match bytes.is_empty() {
            true => parse(b"{}").map(Self),
            false if is_json => parse(&bytes).map(Self),
            false => Err(Problem::new(
                codes::UNSUPPORTED_MEDIA_TYPE,
                "Send the body as `Content-Type: application/json`.",
            )),
        }
    }
}

fn too_large(rejection: BytesRejection) -> Problem {
    match rejection.status().as_u16() {
        413 => Problem::new(
            codes::TOO_LARGE,
            "The body is larger than this server takes.",
        ),
        _ => Problem::malformed(rejection.body_text()),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Text that is not JSON at all is told as that, by the reader below.
    let twice = names::twice(bytes);
    if !twice.is_empty() && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
        return Err(given_twice(&twice));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(Objects(&mut reader)).map_err(|error| {
        let pointer = pointer(error.path());
        refusal(&pointer, error.inner())
    })?;
    reader.end().map_err(|error| refusal("", &error))?;
    Ok(value)
}

/// A name stands once in its object: which of two values counts is nothing to guess.
fn given_twice(pointers: &[String]) -> Problem {
    let problem = pointers.iter().fold(Problem::unprocessable(), |all, at| {
        let text = "this name is given twice in its object; keep one of them";
        all.invalid(at, "duplicate_name", text)
    });
    let en = format!(
        "Names are given twice in their object, and it is unclear which value counts: {}. Keep one of each.",
        pointers.join(", ")
    );
    let zh = format!(
        "以下名称在同一对象中重复出现，无法判断以哪个值为准：{}。请各保留一个。",
        pointers.join("、")
    );
    problem.with("text", serde_json::json!({"en": en, "zh": zh}))
}

fn refusal(pointer: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    match error.classify() {
        Category::Data => {
            // The place is in the pointer; byte positions only help with text that is not JSON.
            let message = text.split(" at line ").next().unwrap_or(&text);
            let code = match message.split('`').next() {
                Some("missing field ") => "missing",
                Some("unknown field ") => "unknown_field",
                _ => "invalid",
            };
            Problem::unprocessable().invalid(pointer, code, message)
        }
        _ => Problem::malformed(format!("The body is not JSON: {text}.")),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        let part = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&part);
    }
    pointer
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let kind = [(CONTENT_TYPE, "application/json")];
                (kind, body).into_response()
            }
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// Parameters after `?`. The types read from it refuse unknown parameters.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(error) => {
                let text = error.body_text();
                let text = text.strip_prefix("Failed to deserialize query string: ");
                let text = text.map_or_else(|| error.body_text(), str::to_owned);
                Err(Problem::malformed(format!(
                    "A parameter after `?` is refused: {text}."
                )))
            }
        }
    }
}

/// Parts of the path.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found("resource", parts.uri.path())),
        }
    }
}

/// The body as it comes, without the limit of JSON bodies; the handler sets its own.
#[derive(Debug)]
pub struct RawBody(pub Body);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(request.into_body()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[expect(dead_code, reason = "only its reading is tested")]
        lines: Vec<Line>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[expect(dead_code, reason = "only its reading is tested")]
        count: u8,
    }

    fn refused(text: &str) -> (u16, String, String) {
        let problem = parse::<Order>(text.as_bytes()).expect_err("refused");
        let document = problem.document(crate::Language::English, "", "");
        let first = document.errors.first();
        let pointer = first.map_or(String::new(), |error| error.pointer.clone());
        (document.status, pointer, document.detail)
    }

    #[test]
    fn a_refused_value_is_pointed_at() {
        let (status, pointer, detail) = refused(r#"{"lines":[{"count":1},{"count":300}]}"#);
        assert_eq!((status, pointer.as_str()), (422, "/lines/1/count"));
        assert!(detail.contains("expected u8"), "{detail}");
        let (status, _, detail) = refused(r#"{"lines":[{"count":1,"colour":2}]}"#);
        assert!(
            status == 422 && detail.contains("unknown field `colour`"),
            "{detail}"
        );
        let (status, _, detail) = refused("{}");
        assert!(
            status == 422 && detail.contains("missing field `lines`"),
            "{detail}"
        );
    }

    #[test]
    fn an_array_in_the_place_of_an_object_is_pointed_at() {
        let (status, pointer, detail) = refused(r#"[[{"count":1}]]"#);
        assert_eq!((status, pointer.as_str()), (422, ""));
        assert_eq!(detail, "invalid type: array, expected an object");
        let (status, pointer, _) = refused(r#"{"lines":[{"count":1},[2]]}"#);
        assert_eq!((status, pointer.as_str()), (422, "/lines/1"));
    }

    #[test]
    fn a_name_given_twice_is_pointed_at_wherever_it_stands() {
        let (status, pointer, detail) = refused(r#"{"lines":[{"count":1,"count":2}]}"#);
        assert_eq!((status, pointer.as_str()), (422, "/lines/0/count"));
        assert!(detail.contains("given twice"), "{detail}");
        // Where the type keeps any value there is, too.
        let problem = parse::<serde_json::Value>(br#"{"t":{"a":1,"b":2,"a":3},"t":0}"#);
        let problem = problem.expect_err("refused");
        let document = problem.document(crate::Language::English, "", "");
        let told: Vec<&str> = document.errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!((document.status, told), (422, vec!["/t/a", "/t"]));
        let text = document.extra.and_then(|extra| extra.get("text").cloned());
        let zh = text.and_then(|text| text["zh"].as_str().map(str::to_owned));
        assert!(zh.is_some_and(|zh| zh.contains("/t/a、/t")));
        let broken = parse::<serde_json::Value>(br#"{"a":1,"a":"#).expect_err("no JSON");
        assert_eq!(broken.status().as_u16(), 400);
    }

    #[test]
    fn text_that_is_not_json_is_malformed() {
        for text in ["{", "{\"lines\":[]} x", "\u{feff}{}", "nul"] {
            let (status, _, detail) = refused(text);
            assert!(
                status == 400 && detail.contains("line 1"),
                "{text}: {status} {detail}"
            );
        }
        let deep = parse::<serde_json::Value>("[".repeat(100_000).as_bytes());
        assert_eq!(deep.expect_err("too deep").status().as_u16(), 400);
    }
}
