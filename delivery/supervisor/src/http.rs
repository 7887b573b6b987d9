//! Plain HTTP to processes of this machine: probes, smoke requests, the gateway's admin interface.
//! One connection per request, no TLS, answers of bounded size.

use std::net::SocketAddr;
use std::time::Duration;

pub use ::http::Method;
use ::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Largest answer that is read.
const MAX_ANSWER: usize = 1024 * 1024;

/// A request.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Where to.
    pub address: SocketAddr,
    /// Method.
    pub method: Method,
    /// Path and query.
    pub path: &'a str,
    /// Bearer token.
    pub token: Option<&'a str>,
    /// JSON body.
    pub json: Option<&'a serde_json::Value>,
    /// Time for everything.
    pub limit: Duration,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The time was over.
    #[error("no answer within {0} ms")]
    Timeout(u128),
    /// Nobody listens, or the connection broke off.
    #[error("{0}")]
    Connection(String),
    /// The request cannot be made (a path that is no path).
    #[error("{0}")]
    Request(String),
}

/// Asks once.
///
/// # Errors
/// [`AskError`].
pub async fn ask(ask: Ask<'_>) -> Result<Answer, AskError> {
    let limit = ask.limit;
    timeout(limit, exchange(ask))
        .await
        .unwrap_or(Err(AskError::Timeout(limit.as_millis())))
}

async fn exchange(ask: Ask<'_>) -> Result<Answer, AskError> {
    let broken = |error: &dyn std::fmt::Display| AskError::Connection(error.to_string());
    let mut request = Request::builder()
        .method(ask.method)
        .uri(ask.path)
        .header(header::HOST, ask.address.to_string())
        .header(header::USER_AGENT, "rialto-delivery")
        .header(header::CONNECTION, "close");
    if let Some(token) = ask.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if ask.json.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = ask.json.map(ToString::to_string).unwrap_or_default();
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| AskError::Request(error.to_string()))?;
    let stream = TcpStream::connect(ask.address)
        .await
        .map_err(|e| broken(&e))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| broken(&e))?;
    // The driver ends with the connection, which ends with the answer.
    let driver = tokio::spawn(connection);
    let answered = async {
        let response = sender.send_request(request).await.map_err(|e| broken(&e))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER)
            .collect()
            .await
            .map_err(|e| broken(&e))?
            .to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }
    .await;
    driver.abort();
    answered
}

/// Asks for a path and wants 2xx.
///
/// # Errors
/// A sentence saying what came instead.
pub async fn probe(address: SocketAddr, path: &str, limit: Duration) -> Result<Answer, String> {
    let method = Method::GET;
    let request = Ask {
        address,
        method,
        path,
        token: None,
        json: None,
        limit,
    };
    let answer = ask(request)
        .await
        .map_err(|error| format!("GET {path}: {error}"))?;
    if answer.status.is_success() {
        Ok(answer)
    } else {
        Err(format!("GET {path} answered {}", answer.status))
    }
}
