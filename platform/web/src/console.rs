//! The console's files: embedded in release builds, read from `console/dist` in debug builds.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rust_embed::RustEmbed;

use crate::Problem;

/// The word in `index.html` that each answer replaces by a fresh nonce.
const NONCE: &str = "__CSP_NONCE__";
/// Prefixes that never fall back to the console's page.
const NOT_PAGES: &[&str] = &["/api/", "/git/", "/ui/", "/assets/", "/problems/"];
/// Smaller files are not worth packing.
const PACK_FROM: usize = 1_024;

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
struct Dist;

/// Packed files, kept so that each is packed once in the life of the process.
#[derive(Clone, Default)]
pub(crate) struct Console {
    packed: Arc<Mutex<HashMap<String, (String, Bytes)>>>,
}

/// Whether a built console is there, and not the page that says how to build one.
#[must_use]
pub fn console_is_built() -> bool {
    let page = Dist::get("index.html");
    page.is_some_and(|page| !contains(&page.data, "content=\"not-built\""))
}

fn contains(data: &[u8], text: &str) -> bool {
    data.windows(text.len())
        .any(|window| window == text.as_bytes())
}

impl Console {
    /// Answers everything that is no route: a file, the console's page, or 404.
    pub(crate) fn answer(&self, request: &Request) -> Response {
        let path = request.uri().path();
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Problem::not_found("resource", path).into_response();
        }
        let name = path.trim_start_matches('/');
        if !name.is_empty()
            && name != "index.html"
            && let Some(file) = Dist::get(name)
        {
            return self.file(name, &file, request.headers());
        }
        // A program that mistook the address must get an error, not a page: only browsers ask for
        // text/html by name.
        let accepts = request
            .headers()
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok());
        let wants_page = name.is_empty() || accepts.is_some_and(|a| a.contains("text/html"));
        if !wants_page || NOT_PAGES.iter().any(|prefix| path.starts_with(prefix)) {
            return Problem::not_found("resource", path).into_response();
        }
        match Dist::get("index.html") {
            Some(page) => index(&page.data),
            None => Problem::not_found("file", "console/dist/index.html").into_response(),
        }
    }

    fn file(&self, name: &str, file: &rust_embed::EmbeddedFile, asked: &HeaderMap) -> Response {
        let digest = hex::encode(&file.metadata.sha256_hash()[..16]);
        let tag = format!("\"{digest}\"");
        let mut headers = HeaderMap::new();
        let caching = match name.starts_with("assets/") {
            // Their names change with their content.
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(value) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, value);
        }
        if asked
            .get(IF_NONE_MATCH)
            .is_some_and(|value| value.as_bytes() == tag.as_bytes())
        {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(name)));
        let packs = asked
            .get(ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok());
        let packs = packs.is_some_and(|text| text.contains("gzip"));
        if packs && file.data.len() >= PACK_FROM && packable(name) {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return (headers, self.packed(name, digest, &file.data)).into_response();
        }
        (headers, Bytes::from(file.data.to_vec())).into_response()
    }

    fn packed(&self, name: &str, digest: String, data: &[u8]) -> Bytes {
        let mut known = self
            .packed
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((of, bytes)) = known.get(name)
            && *of == digest
        {
            return bytes.clone();
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        let bytes = encoder.write_all(data).and_then(|()| encoder.finish());
        // Writing to memory does not fail; were it to, the empty body shows in the page's errors.
        let bytes = Bytes::from(bytes.unwrap_or_default());
        known.insert(name.to_owned(), (digest, bytes.clone()));
        bytes
    }
}

fn packable(name: &str) -> bool {
    ["js", "css", "html", "svg", "json", "map", "txt"].contains(&extension(name))
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn media_type(name: &str) -> &'static str {
    match extension(name) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The page with a fresh nonce, and the policy that names it.
fn index(data: &[u8]) -> Response {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).expect("the operating system gives random bytes");
    let nonce = STANDARD.encode(random);
    let page = String::from_utf8_lossy(data).replace(NONCE, &nonce);
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    let mut response = page.into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(value) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_its_policy_carry_the_same_fresh_nonce() {
        let policy = || {
            let response = index(b"<script nonce=\"__CSP_NONCE__\">");
            response.headers()[CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .to_owned()
        };
        let (first, second) = (policy(), policy());
        assert!(first.contains("script-src 'self' 'nonce-"));
        assert_ne!(first, second);
    }

    #[test]
    fn media_types_follow_the_name() {
        assert_eq!(
            media_type("assets/index-1a.js"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(media_type("LICENSE"), "application/octet-stream");
        assert!(packable("a.css") && !packable("a.png"));
    }
}
