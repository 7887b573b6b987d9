//! The runner's side of the HTTP contract.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use rialto_delivery_run::assignment::{Assignment, JobOutcome, OutcomeFile};
use serde::Deserialize;
use serde_json::json;

/// Where the runner's interface lives below the server's address.
const BASE: &str = "/api/delivery/v1/runner";
const LEASE: &str = "X-Job-Lease";

/// An answer other than the one hoped for.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer, or an answer that blames the server: try again.
    #[error("{0}")]
    Retry(String),
    /// The lease is no longer ours; the job belongs to nobody or somebody else.
    #[error("the lease is stale")]
    Stale,
    /// The offset does not fit; the server has this many bytes.
    #[error("the server has {0} bytes")]
    Offset(u64),
    /// The server refuses this request for good.
    #[error("the server answered {status}: {detail}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The problem's own words.
        detail: String,
    },
}

/// What the server thinks of the job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// Status word; `canceling` asks the runner to stop.
    pub job_status: String,
    /// Log bytes the server has.
    #[serde(default)]
    pub accepted_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    accepted_bytes: Option<u64>,
}

/// An HTTP client with the suite's TLS provider.
///
/// # Errors
/// When the system's certificate store cannot be read.
pub fn http_client() -> reqwest::Result<Client> {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
}

/// A runner's connection to its server.
#[derive(Debug, Clone)]
pub struct RunnerClient {
    http: Client,
    base: String,
    token: String,
}

impl RunnerClient {
    /// `server` is e.g. `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(server: &str, token: &str) -> reqwest::Result<Self> {
        let base = format!("{}{BASE}", server.trim_end_matches('/'));
        Ok(Self {
            http: http_client()?,
            base,
            token: token.to_owned(),
        })
    }

    /// Asks for a job, waiting up to `wait_s` seconds for one, and tells which jobs the work
    /// directory `instance` holds.
    ///
    /// # Errors
    /// [`CallError::Retry`] or [`CallError::Refused`].
    pub async fn request(
        &self,
        name: &str,
        tags: &[String],
        wait_s: u64,
        instance: &str,
        held: &[String],
    ) -> Result<Option<Assignment>, CallError> {
        let body = json!({
            "runner": {
                "name": name,
                "tags": tags,
                "version": env!("CARGO_PKG_VERSION"),
                "executors": ["shell"],
            },
            "wait_s": wait_s,
            "holding": {"instance": instance, "jobs": held},
        });
        let request = self
            .http
            .post(format!("{}/jobs/request", self.base))
            .timeout(Duration::from_secs(wait_s + 15))
            .json(&body);
        let response = self.send(request).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let text = response.text().await.map_err(retry)?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| CallError::Retry(format!("the server's assignment cannot be read: {e}")))
    }

    /// Appends log bytes at an offset.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Offset`] tells where to go on.
    pub async fn append_log(
        &self,
        job: &str,
        lease: &str,
        from: u64,
        bytes: Vec<u8>,
    ) -> Result<Answer, CallError> {
        let range = format!("{from}-{}", from + bytes.len() as u64 - 1);
        let request = self
            .job(
                self.http.patch(format!("{}/jobs/{job}/trace", self.base)),
                lease,
            )
            .header("Content-Range", range)
            .header("Content-Type", "application/octet-stream")
            .body(bytes);
        answer(self.send(request).await?).await
    }

    /// Renews the lease; the server holds its answer back for `wait`, unless the job is not wanted
    /// any more.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn renew(&self, job: &str, lease: &str, wait: Duration) -> Result<Answer, CallError> {
        let url = format!(
            "{}/jobs/{job}/renew?wait_ms={}",
            self.base,
            wait.as_millis()
        );
        let request = self
            .http
            .post(url)
            .header(LEASE, lease)
            .timeout(wait + Duration::from_secs(15));
        answer(self.send(request).await?).await
    }

    /// Uploads a file with its digest.
    ///
    /// # Errors
    /// [`CallError`]; also when the file cannot be opened.
    pub async fn upload(
        &self,
        job: &str,
        lease: &str,
        file: &OutcomeFile,
    ) -> Result<(), CallError> {
        let body = tokio::fs::File::open(Path::new(&file.path))
            .await
            .map_err(|e| CallError::Refused {
                status: 0,
                detail: format!("{}: {e}", file.path),
            })?;
        let mut url =
            reqwest::Url::parse(&format!("{}/jobs/{job}/files", self.base)).map_err(|e| {
                CallError::Refused {
                    status: 0,
                    detail: e.to_string(),
                }
            })?;
        url.query_pairs_mut()
            .append_pair("kind", &file.kind)
            .append_pair("name", &file.name)
            .append_pair("sha256", &file.sha256);
        let request = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .header(LEASE, lease)
            .timeout(Duration::from_secs(600))
            .header("Content-Length", file.size)
            .header("Content-Type", "application/octet-stream")
            .body(body);
        self.send_prepared(request).await.map(drop)
    }

    /// Reports the end.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn finish(
        &self,
        job: &str,
        lease: &str,
        outcome: &JobOutcome,
    ) -> Result<(), CallError> {
        let request = self
            .job(self.http.put(format!("{}/jobs/{job}", self.base)), lease)
            .json(outcome);
        self.send(request).await.map(drop)
    }

    fn job(&self, request: RequestBuilder, lease: &str) -> RequestBuilder {
        request
            .header(LEASE, lease)
            .timeout(Duration::from_secs(30))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        self.send_prepared(request.bearer_auth(&self.token)).await
    }

    async fn send_prepared(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let response = request.send().await.map_err(retry)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let header = response
            .headers()
            .get("X-Accepted-Bytes")
            .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        let problem: Problem = match response.bytes().await {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(_) => Problem::default(),
        };
        let detail = problem
            .detail
            .or(problem.title)
            .unwrap_or_else(|| "no details".to_owned());
        Err(match status {
            StatusCode::CONFLICT | StatusCode::NOT_FOUND | StatusCode::GONE => CallError::Stale,
            StatusCode::RANGE_NOT_SATISFIABLE => match problem.accepted_bytes.or(header) {
                Some(bytes) => CallError::Offset(bytes),
                None => CallError::Retry("416 without accepted_bytes".to_owned()),
            },
            // A wrong token may be put right while the job waits.
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS => CallError::Retry(format!("{status}: {detail}")),
            _ if status.is_server_error() => CallError::Retry(format!("{status}: {detail}")),
            _ => CallError::Refused {
                status: status.as_u16(),
                detail,
            },
        })
    }
}

async fn answer(response: Response) -> Result<Answer, CallError> {
    let text = response.text().await.map_err(retry)?;
    serde_json::from_str(&text)
        .map_err(|e| CallError::Retry(format!("the server's answer cannot be read: {e}")))
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn retry(error: reqwest::Error) -> CallError {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    CallError::Retry(text)
}
