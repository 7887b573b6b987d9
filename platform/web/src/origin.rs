//! Where a request comes from: the page that sent it, and the client's address.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::header::{HOST, ORIGIN};
use http::{Extensions, HeaderMap};

use crate::{Problem, codes};

/// Refuses a change sent by a page of another site. A client that sends no `Origin` is no browser
/// page, or an old one, and is held by its CSRF token alone.
pub(crate) fn check(headers: &HeaderMap, public_url: Option<&str>) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let own = origin
        .split_once("://")
        .is_some_and(|(_, rest)| !rest.is_empty() && rest == host);
    let public = public_url.is_some_and(|url| url.trim_end_matches('/') == origin);
    if own || public {
        return Ok(());
    }
    let shown: String = origin.chars().take(100).collect();
    Err(Problem::new(
        codes::FOREIGN_ORIGIN,
        format!("The page at `{shown}` may not send changes to this server (`{host}`)."),
    ))
}

/// The client's address without its port; `unknown` when the server was not told.
#[must_use]
pub fn client_address(extensions: &Extensions) -> String {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or_else(
        || "unknown".to_owned(),
        |ConnectInfo(address)| address.ip().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_own_and_the_public_origin_may_send_changes() {
        let judge = |origin: &'static str, public| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("127.0.0.1:8088"));
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
            check(&headers, public).is_ok()
        };
        assert!(judge("http://127.0.0.1:8088", None));
        assert!(judge(
            "https://rialto.example",
            Some("https://rialto.example/")
        ));
        for other in [
            "http://127.0.0.1:80880",
            "http://evil.example",
            "null",
            "",
            "http://",
        ] {
            assert!(!judge(other, Some("https://rialto.example")), "{other}");
        }
        assert!(check(&HeaderMap::new(), None).is_ok());
    }
}
