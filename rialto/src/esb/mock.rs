//! `rialto esb mock`: an interface that answers by its definition before anybody has built it.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use clap::Args;
use rialto_esb_mock::{Answer, Asked, Mock};

use super::{invalid, source};

/// Most bytes of a request's body.
const MOST_BYTES: usize = 10 * 1024 * 1024;

/// Options of `rialto esb mock`.
#[derive(Debug, Args)]
pub struct MockArgs {
    /// The definition: a JSON or YAML file, a folder or zip archive of them, or `-`.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The definition's own file within a folder or archive.
    #[arg(long, value_name = "NAME")]
    root: Option<String>,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// Say nothing of requests.
    #[arg(long)]
    quiet: bool,
}

struct Served {
    mock: Mock,
    quiet: bool,
}

impl MockArgs {
    /// Answers until SIGINT or SIGTERM.
    pub async fn execute(self) -> Result<ExitCode> {
        let made = source::definition(&self.file, self.root.as_deref())
            .and_then(|import| Mock::new(import.definition).map_err(|error| error.to_string()));
        let mock = match made {
            Ok(mock) => mock,
            Err(message) => return Ok(invalid(&message)),
        };
        let listener = tokio::net::TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", self.listen))?;
        let definition = mock.definition();
        eprintln!(
            "mock: http://{} answers {} operation(s) of {} {}",
            listener.local_addr()?,
            definition.operations.len(),
            definition.title,
            definition.version
        );
        let quiet = self.quiet;
        let served = Arc::new(Served { mock, quiet });
        let router = Router::new().fallback(answer).with_state(served);
        axum::serve(listener, router)
            .with_graceful_shutdown(crate::runner::stop_signal())
            .await?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn answer(
    State(served): State<Arc<Served>>,
    request: Request,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        let told = "the request's body is larger than 10 MiB or broke off";
        return Ok(sent(Answer::problem(413, "body-too-large", told)));
    };
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), value.into_owned())
        })
        .collect();
    let asked = Asked {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    let random = getrandom::u64().unwrap_or_default();
    let answer = served.mock.answer(&asked, random);
    if !served.quiet {
        // Whoever read what is said here may have gone away.
        let _ = tell(&asked, &answer);
    }
    Ok(sent(answer))
}

/// A line for a request, and one for everything that is wrong with it.
fn tell(asked: &Asked<'_>, answer: &Answer) -> std::io::Result<()> {
    let mut to = std::io::stderr().lock();
    let (method, path) = (asked.method, asked.path);
    writeln!(to, "{method} {path} {} {}", answer.status, answer.from)?;
    for one in &answer.findings {
        let place = format!("{}{}", one.place, one.pointer);
        writeln!(to, "  {place}: {}: {}", one.keyword, one.message)?;
    }
    Ok(())
}

/// An answer as HTTP, with where it comes from.
fn sent(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let from = answer.from.to_string();
    let findings = answer.findings.len().to_string();
    let own = [
        ("x-rialto-mock", from),
        ("x-rialto-mock-findings", findings),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    for (name, value) in answer.headers.into_iter().chain(own) {
        let name = HeaderName::from_bytes(name.as_bytes());
        // What a definition names may be no header at all.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
