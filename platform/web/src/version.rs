//! Versions of resources: `ETag` on the way out, `If-Match` on the way in.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{ETAG, IF_MATCH};
use http::request::Parts;
use serde::Serialize;

use crate::{Json, Problem, codes};

/// A JSON answer with the version of the resource as its strong `ETag`: `"v7"`.
#[derive(Debug, Clone)]
pub struct Versioned<T>(pub u64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"v{}\"", self.0)) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

/// The version a change was made to. Required: without `If-Match` the request is refused with 428.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever there is.
    Any,
    /// `"v7"`.
    Version(u64),
}

impl IfMatch {
    /// The version that must be there, if one was named.
    #[must_use]
    pub const fn version(self) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::Version(version) => Some(version),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let tag = text.strip_prefix('"')?.strip_suffix('"')?;
        tag.strip_prefix('v')?.parse().ok().map(Self::Version)
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(given) = parts.headers.get(IF_MATCH) else {
            return Err(Problem::new(codes::PRECONDITION_REQUIRED, ""));
        };
        let read = given
            .to_str()
            .ok()
            .and_then(|text| Self::parse(text.trim()));
        read.ok_or_else(|| {
            Problem::malformed("If-Match is the ETag of what was read, such as \"v7\", or *.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_strong_tag_or_a_star_is_read() {
        assert_eq!(IfMatch::parse("\"v7\""), Some(IfMatch::Version(7)));
        assert_eq!(IfMatch::parse("*"), Some(IfMatch::Any));
        for text in ["", "v7", "\"7\"", "W/\"v7\"", "\"v-1\"", "\"v1\", \"v2\""] {
            assert_eq!(IfMatch::parse(text), None, "{text}");
        }
    }
}
