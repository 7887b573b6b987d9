//! Stored files on their way out.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue};
use rialto_delivery_engine::ArtifactFile;
use rialto_platform_web::Problem;
use tokio_util::io::ReaderStream;

use crate::answer::Answer;

/// A file as a download. Whatever a job wrote is never shown as a page of ours.
pub async fn answer(file: ArtifactFile) -> Answer<Response> {
    let opened = tokio::fs::File::open(&file.path).await;
    let opened =
        opened.map_err(|error| Problem::internal(format!("{}: {error}", file.path.display())))?;
    let kind = if file.kind == "archive" {
        "application/zip"
    } else {
        "application/octet-stream"
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(file.size));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    insert(&mut headers, ETAG, &format!("\"{}\"", file.sha256));
    insert(&mut headers, CONTENT_DISPOSITION, &disposition(&file.name));
    Ok((
        headers,
        Body::from_stream(ReaderStream::with_capacity(opened, 64 << 10)),
    )
        .into_response())
}

fn insert(headers: &mut HeaderMap, name: http::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// `attachment` with the last part of the name: plain for old clients, and as UTF-8 (RFC 8187).
pub fn disposition(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = last
        .chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in last.bytes() {
        match char::from(byte) {
            c if safe(c) => encoded.push(c),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        assert_eq!(
            disposition("a/报告\"\r\n.xml"),
            "attachment; filename=\"_____.xml\"; \
             filename*=UTF-8''%E6%8A%A5%E5%91%8A%22%0D%0A.xml"
        );
    }
}
