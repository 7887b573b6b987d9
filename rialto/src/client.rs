//! The command line's side of the HTTP interface: contexts, requests, errors with exit codes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest wait for an ordinary answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Servers this person talks to.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contexts {
    current: Option<String>,
    #[serde(default)]
    contexts: BTreeMap<String, ServerContext>,
}

/// A server and the token for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerContext {
    server: String,
    token: String,
}

/// `rialto login`: remember a server and a token for it.
#[derive(Debug, clap::Args)]
pub struct LoginArgs {
    /// Address of the server, e.g. `http://127.0.0.1:8088`.
    #[arg(long)]
    server: String,
    /// File that holds the token; `-` reads standard input. Tokens are never arguments: those are
    /// visible to everybody on the machine.
    #[arg(long, default_value = "-")]
    token_file: String,
    /// Name of the context. It becomes the current one; the environment variable RIALTO_CONTEXT
    /// chooses another for one shell or one command.
    #[arg(long, default_value = "default")]
    context: String,
}

impl LoginArgs {
    /// Checks the token against the server and stores the context.
    pub async fn execute(self) -> Result<ExitCode> {
        let token = if self.token_file == "-" {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            text
        } else {
            fs::read_to_string(&self.token_file)
                .with_context(|| format!("cannot read the token file {}", self.token_file))?
        };
        let server = self.server.trim_end_matches('/').to_owned();
        let token = token.trim().to_owned();
        let client = Client::new(server.clone(), token.clone())?;
        let me = client.get("/api/platform/v1/sessions/current").await?;
        let path = contexts_file()?;
        let mut contexts = read_contexts(&path)?;
        contexts.current = Some(self.context.clone());
        contexts.contexts.insert(
            self.context,
            ServerContext {
                server: server.clone(),
                token,
            },
        );
        write_contexts(&path, &contexts)?;
        eprintln!("logged in to {server} as {}", text(&me["user"]["login"]));
        Ok(ExitCode::SUCCESS)
    }
}

/// The folder of this user's tokens for servers, or the file with them where one is named. Made if
/// it is not there: what does not exist cannot be hidden, and would be open once it does.
pub fn tokens_of_this_user() -> Option<PathBuf> {
    let file = std::path::absolute(contexts_file().ok()?).ok()?;
    if std::env::var_os("RIALTO_CONTEXTS").is_some() {
        return Some(file);
    }
    let folder = file.parent()?.to_owned();
    let mut builder = fs::DirBuilder::new();
    // A user without a home has no tokens there either.
    builder.recursive(true).mode(0o700).create(&folder).ok()?;
    Some(folder)
}

fn contexts_file() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("RIALTO_CONTEXTS") {
        return Ok(PathBuf::from(path));
    }
    let folder = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")))
        .context("neither XDG_CONFIG_HOME nor HOME is set: set RIALTO_CONTEXTS to a file")?;
    Ok(folder.join("rialto/contexts.toml"))
}

fn read_contexts(path: &Path) -> Result<Contexts> {
    match fs::read_to_string(path) {
        Ok(text) => {
            toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Contexts::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write_contexts(path: &Path, contexts: &Contexts) -> Result<()> {
    let shown = path.display();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let text = toml::to_string(contexts).context("contexts cannot be written as TOML")?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot write {shown}"))?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .with_context(|| format!("cannot write {shown}"))
}

/// An answer that is not a success, or none at all; carries the exit code it deserves.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    message: String,
    exit: u8,
}

impl RequestError {
    /// Exit code by the suite's table: 2 usage, 3 not found, 4 denied, 5 conflict, 6 unreachable,
    /// else 1.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }

    /// Something named on the command line does not exist (exit code 3).
    pub fn not_found(message: String) -> Self {
        Self { message, exit: 3 }
    }

    /// The command line does not say what is meant (exit code 2).
    pub fn usage(message: String) -> Self {
        Self { message, exit: 2 }
    }

    /// The state of things does not allow it now (exit code 5).
    pub fn conflict(message: String) -> Self {
        Self { message, exit: 5 }
    }

    fn unreachable(server: &str, error: &reqwest::Error) -> Self {
        let what = if error.is_timeout() {
            "did not answer in time"
        } else {
            "cannot be reached"
        };
        let message =
            format!("{server} {what}: {error}\n  is it running? `rialto up` starts one here");
        Self { message, exit: 6 }
    }

    fn refused(status: StatusCode, body: &str) -> Self {
        let exit = match status.as_u16() {
            404 => 3,
            401 | 403 => 4,
            409 | 412 | 428 => 5,
            503 | 504 => 6,
            _ => 1,
        };
        Self {
            message: problem_text(status, body),
            exit,
        }
    }
}

/// A problem document (RFC 9457) in words: title, detail, each field, trace id.
fn problem_text(status: StatusCode, body: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(body) else {
        return format!("the server answered {status}: {}", body.trim());
    };
    let mut lines = vec![format!("{} ({})", text(&problem["title"]), status.as_u16())];
    let errors: Vec<String> = problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| {
            let place = text(&error["pointer"]);
            let place = place.trim_start_matches('/');
            let message = text(&error["message"]);
            match place {
                "" => format!("  {message}"),
                place => format!("  {place}: {message}"),
            }
        })
        .collect();
    // The detail often is the first of the errors in other words.
    let detail = problem["detail"]
        .as_str()
        .map(|detail| format!("  {detail}"));
    lines.extend(detail.filter(|detail| !errors.contains(detail)));
    lines.extend(errors);
    if let Some(trace) = problem["trace_id"].as_str() {
        lines.push(format!("  trace id {trace}"));
    }
    if status == StatusCode::UNAUTHORIZED {
        lines.push("  log in again: rialto login --server URL --token-file FILE".to_owned());
    }
    lines.join("\n")
}

/// A JSON value as plain text: strings without quotes, null as nothing.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Contexts {
    /// The context of this name.
    fn named(&self, name: &str) -> Result<ServerContext> {
        self.contexts.get(name).cloned().with_context(|| {
            let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
            format!(
                "RIALTO_CONTEXT names {name:?}, and there is no such context; there are: {}",
                known.join(", ")
            )
        })
    }
}

/// A connection to one server.
#[derive(Debug, Clone)]
pub struct Client {
    server: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    /// Server and token from `RIALTO_SERVER` and `RIALTO_TOKEN` (or `RIALTO_TOKEN_FILE`), else
    /// from the context that `RIALTO_CONTEXT` names, else from the current one.
    pub fn from_environment() -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let token = match (variable("RIALTO_TOKEN"), variable("RIALTO_TOKEN_FILE")) {
            (Some(token), _) => Some(token),
            (None, Some(path)) => {
                let read = fs::read_to_string(&path);
                Some(read.with_context(|| format!("cannot read the token file {path}"))?)
            }
            (None, None) => None,
        };
        let contexts = read_contexts(&contexts_file()?)?;
        let current = match variable("RIALTO_CONTEXT") {
            Some(name) => Some(contexts.named(&name)?),
            None => contexts
                .current
                .and_then(|name| contexts.contexts.get(&name).cloned()),
        };
        let server = variable("RIALTO_SERVER").or_else(|| current.clone().map(|c| c.server));
        let token = token
            .map(|t| t.trim().to_owned())
            .or(current.map(|c| c.token));
        match (server, token) {
            (Some(server), Some(token)) => Self::new(server, token),
            (None, _) => bail!(
                "no server: set RIALTO_SERVER, or `rialto login --server URL --token-file FILE`"
            ),
            (_, None) => {
                bail!("no token: set RIALTO_TOKEN or RIALTO_TOKEN_FILE, or use `rialto login`")
            }
        }
    }

    fn new(server: String, token: String) -> Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .build();
        let server = server.trim_end_matches('/').to_owned();
        Ok(Self {
            server,
            token,
            http: http.context("the HTTP client cannot be set up")?,
        })
    }

    /// The same person at another server of the house.
    pub fn at(&self, server: &str) -> Self {
        Self {
            server: server.trim_end_matches('/').to_owned(),
            ..self.clone()
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<reqwest::Response, RequestError> {
        let url = format!("{}{path}", self.server);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| RequestError::unreachable(&self.server, &error);
        let response = request.timeout(TIMEOUT).send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.text().await.unwrap_or_default();
        Err(RequestError::refused(status, &body))
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let response = self.send(method, path, body).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let body = response.text().await.context("the answer broke off")?;
        serde_json::from_str(&body).with_context(|| format!("{path} answered no JSON"))
    }

    /// GET as JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.json(Method::GET, path, None).await
    }

    /// POST JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// PUT JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.json(Method::PUT, path, Some(body)).await
    }

    /// GET as JSON; `None` when it is not there.
    pub async fn find(&self, path: &str) -> Result<Option<Value>> {
        match self.get(path).await {
            Ok(found) => Ok(Some(found)),
            Err(error) => match error.downcast_ref::<RequestError>() {
                Some(refused) if refused.exit == 3 => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Sends JSON for the revision that was seen.
    pub async fn json_if(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        seen: &str,
    ) -> Result<Value> {
        let bytes = serde_json::to_vec(body)?;
        self.bytes_if(method, path, "application/json", bytes, seen)
            .await
    }

    /// Sends a file for the revision that was seen.
    pub async fn put_bytes(
        &self,
        path: &str,
        kind: &str,
        bytes: Vec<u8>,
        seen: &str,
    ) -> Result<Value> {
        self.bytes_if(Method::PUT, path, kind, bytes, seen).await
    }

    async fn bytes_if(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        bytes: Vec<u8>,
        seen: &str,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.server);
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let request = request
            .header("content-type", kind)
            .header("if-match", seen)
            .body(bytes);
        let unreachable = |error: reqwest::Error| RequestError::unreachable(&self.server, &error);
        let response = request.timeout(TIMEOUT).send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.text().await.context("the answer broke off")?;
        if !status.is_success() {
            return Err(RequestError::refused(status, &body).into());
        }
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        serde_json::from_str(&body).with_context(|| format!("{path} answered no JSON"))
    }

    /// DELETE of the revision that was seen.
    pub async fn delete_if(&self, path: &str, seen: &str) -> Result<Value> {
        self.bytes_if(Method::DELETE, path, "application/json", Vec::new(), seen)
            .await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.json(Method::DELETE, path, None).await
    }

    /// All items of a list, at most `limit`, page by page.
    pub async fn list(&self, path: &str, limit: usize) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        while items.len() < limit {
            let size = (limit - items.len()).min(1000);
            let glue = if path.contains('?') { '&' } else { '?' };
            let mut page = format!("{path}{glue}page_size={size}");
            if let Some(token) = &token {
                page.push_str(&format!("&page_token={token}"));
            }
            let answer = self.get(&page).await?;
            items.extend(answer["items"].as_array().cloned().unwrap_or_default());
            token = answer["next_page_token"].as_str().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    /// The raw answer, for files.
    pub async fn raw(&self, path: &str) -> Result<reqwest::Response> {
        Ok(self.send(Method::GET, path, None).await?)
    }

    /// Bytes of a growing file from an offset on; none if it has not grown.
    pub async fn bytes_from(&self, path: &str, offset: usize) -> Result<Vec<u8>> {
        let url = format!("{}{path}", self.server);
        let request = self.http.get(url).bearer_auth(&self.token).timeout(TIMEOUT);
        let unreachable = |error: reqwest::Error| RequestError::unreachable(&self.server, &error);
        let request = request.header("range", format!("bytes={offset}-"));
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Vec::new());
        }
        if !status.is_success() {
            let body = response.text().await.unwrap_or_default();
            return Err(RequestError::refused(status, &body).into());
        }
        Ok(response
            .bytes()
            .await
            .context("the answer broke off")?
            .to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_in_words() {
        let body = r#"{"title":"Invalid","detail":"two fields","trace_id":"t1",
            "errors":[{"pointer":"/name","code":"empty","message":"must not be empty"}]}"#;
        let told = problem_text(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(
            told,
            "Invalid (422)\n  two fields\n  name: must not be empty\n  trace id t1"
        );
        let body = r#"{"title":"Invalid","detail":"name: must not be empty",
            "errors":[{"pointer":"/name","code":"empty","message":"must not be empty"}]}"#;
        let told = problem_text(StatusCode::UNPROCESSABLE_ENTITY, body);
        assert_eq!(told, "Invalid (422)\n  name: must not be empty");
    }

    #[test]
    fn exit_codes_tell_what_kind_of_refusal_it_was() {
        for (status, exit) in [(404, 3), (403, 4), (409, 5), (503, 6), (422, 1)] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(RequestError::refused(status, "{}").exit, exit, "{status}");
        }
    }

    #[test]
    fn contexts_are_for_their_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rialto/contexts.toml");
        let context = ServerContext {
            server: "http://a".into(),
            token: "t".into(),
        };
        let contexts = Contexts {
            current: Some("a".into()),
            contexts: [("a".to_owned(), context)].into_iter().collect(),
        };
        write_contexts(&path, &contexts).expect("written");
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read_contexts(&path).expect("read").contexts["a"].token, "t");
    }
}
