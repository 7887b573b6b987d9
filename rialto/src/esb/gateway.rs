//! `rialto esb gateway | explain`: interfaces served by signed snapshots, as a process of its own, and
//! what becomes of a request there.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rialto_esb_gateway::{
    Clock, ExplainRequest, Explanation, Gateway, GatewayConfig, InterfacesConfig, Outcome,
};
use rialto_esb_snapshot::{GroupKey, TrustedKeys};

use super::{INVALID, Output, print};

/// How long answers under way may take when the gateway stops.
const GRACE: Duration = Duration::from_secs(30);

/// Longest wait for an explanation.
const PATIENCE: Duration = Duration::from_secs(30);

/// Options of `rialto esb gateway`.
#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// A signed snapshot to begin with; without, the newest one of the folder serves.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Public keys whose snapshots are taken, Ed25519 in PEM, one after another.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The group key of API keys and sealed secrets: 64 hexadecimal digits, for its owner alone.
    #[arg(long, value_name = "FILE")]
    group_key: PathBuf,
    /// Environment whose snapshots are taken.
    #[arg(long)]
    environment: String,
    /// Name of this node, part of business-flow numbers.
    #[arg(long, default_value = "gw1")]
    node: String,
    /// Where interfaces are served; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the admin interface listens, on loopback; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS")]
    admin: SocketAddr,
    /// The admin interface's token; the file is made when it is not there.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Folder snapshots are kept in.
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Snapshots kept in it.
    #[arg(long, default_value_t = 50)]
    keep: usize,
}

impl GatewayArgs {
    /// Runs until SIGINT or SIGTERM.
    pub async fn execute(self) -> Result<ExitCode> {
        let pem = fs::read_to_string(&self.key).with_context(|| self.key.display().to_string())?;
        let keys = TrustedKeys::from_pem(&pem)
            .map_err(|error| anyhow::anyhow!("{}: {error}", self.key.display()))?;
        let group = GroupKey::from_hex(&secret(&self.group_key)?)
            .map_err(|error| anyhow::anyhow!("{}: {error}", self.group_key.display()))?;
        let known = token(&self.token_file)?;
        let config = GatewayConfig {
            admin_listen: self.admin,
            admin_token: known.clone(),
            state_file: None,
        };
        let interfaces = InterfacesConfig {
            node: self.node,
            environment: self.environment,
            listen: self.listen,
            folder: self.folder,
            keys,
            group,
            keep: self.keep,
            clock: Clock::system(),
        };
        let gateway = Gateway::start_with(config, Some(interfaces)).await?;
        if known.is_none() {
            keep_token(&self.token_file, &gateway.token)?;
        }
        if let Some(path) = &self.snapshot {
            let signed = fs::read(path).with_context(|| path.display().to_string())?;
            match gateway.publish(signed).await {
                Ok(taken) => eprintln!("gateway: snapshot {} {}", taken.version, taken.digest),
                // A newer one of the folder goes on serving.
                Err(refused) if refused.code == "snapshot-older" => {
                    eprintln!("gateway: {}: {refused}", path.display());
                }
                Err(refused) => bail!("{}: {refused}", path.display()),
            }
        }
        eprintln!("gateway: admin interface at {}", gateway.admin_address);
        if let Some(address) = gateway.interfaces_address {
            eprintln!("gateway: interfaces at {address}");
        }
        crate::runner::stop_signal().await;
        gateway.shutdown(GRACE).await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a secret that nobody else may read.
fn secret(path: &Path) -> Result<String> {
    let about = fs::metadata(path).with_context(|| path.display().to_string())?;
    if about.permissions().mode() & 0o077 != 0 {
        bail!("{} may be read by others: chmod 600 it", path.display());
    }
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.trim().to_owned())
}

/// The admin token in a file; `None` when there is no file yet.
fn token(path: &Path) -> Result<Option<String>> {
    if !path.exists() {
        return Ok(None);
    }
    let token = secret(path)?;
    if token.len() < 32 {
        bail!("{}: a token has at least 32 letters", path.display());
    }
    Ok(Some(token))
}

/// Keeps a token that was made.
fn keep_token(path: &Path, token: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| io::Write::write_all(&mut file, token.as_bytes()))
        .with_context(|| path.display().to_string())
}

/// Options of `rialto esb explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The request's first line: `GET /v2/orders/7`.
    request: String,
    /// A header, `Name: value`; as often as there are headers.
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    headers: Vec<String>,
    /// Where it comes from; 127.0.0.1 when not told.
    #[arg(long, value_name = "IP")]
    peer: Option<IpAddr>,
    /// When, RFC 3339; now when not told.
    #[arg(long, value_name = "TIME")]
    at: Option<jiff::Timestamp>,
    /// The gateway's admin address.
    #[arg(long, value_name = "ADDRESS")]
    admin: SocketAddr,
    /// File with its token.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

impl ExplainArgs {
    /// Asks the gateway. Exit code 1: it would be refused.
    pub async fn execute(self) -> Result<ExitCode> {
        let mut headers = Vec::new();
        for header in &self.headers {
            let Some((name, value)) = header.split_once(':') else {
                eprintln!("error: `{header}` is no header; write `Name: value`");
                return Ok(ExitCode::from(INVALID));
            };
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let asked = ExplainRequest {
            request: self.request,
            headers,
            peer: self.peer,
            at: self.at,
        };
        let url = format!("http://{}/admin/v1/explain", self.admin);
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build();
        let answer = http
            .context("the HTTP client cannot be set up")?
            .post(&url)
            .bearer_auth(secret(&self.token_file)?)
            .json(&asked)
            .send()
            .await
            .with_context(|| format!("the gateway does not answer at {}", self.admin))?;
        if !answer.status().is_success() {
            let problem: serde_json::Value = answer.json().await.unwrap_or_default();
            let detail = problem["detail"].as_str().unwrap_or("no reason was given");
            eprintln!("error: {detail}");
            return Ok(ExitCode::from(INVALID));
        }
        let explanation: Explanation = answer.json().await.context("the answer cannot be read")?;
        print(self.output, &explanation, &lines(&explanation))?;
        let refused = matches!(explanation.outcome, Outcome::Refused { .. });
        Ok(ExitCode::from(u8::from(refused)))
    }
}

fn lines(explanation: &Explanation) -> String {
    let mut out = format!("snapshot {} {}\n", explanation.version, explanation.digest);
    for step in &explanation.steps {
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{:<16} {:<12} {}",
            step.phase, step.outcome, step.detail
        );
    }
    let _ = match &explanation.outcome {
        Outcome::Forwarded {
            route,
            variant,
            pool,
            target,
            ..
        } => {
            writeln!(
                out,
                "forwarded: route {route}, variant {variant}, pool {pool}, {target}"
            )
        }
        Outcome::Refused {
            status,
            code,
            detail,
        } => {
            writeln!(out, "refused: {status} {code}: {detail}")
        }
    };
    out
}
