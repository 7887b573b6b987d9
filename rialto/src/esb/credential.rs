//! `rialto esb credential …`: how applications prove who they are.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use super::print;
use super::server::{Answers, BASE, escaped};
use crate::client::{Client, text};
use crate::lang::Lang;

/// The commands of `rialto esb credential`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a credential of an application; another person fetches its secret.
    Create(CreateArgs),
    /// Fetch the secret of a credential you are named for. It is told once.
    Fetch(OneArgs),
    /// Make a successor: both work until the overlap ends.
    Rotate(RotateArgs),
    /// Take a credential away for good.
    Revoke(RevokeArgs),
    /// Credentials, without their secrets.
    List(ListArgs),
}

/// What a credential is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// A key sent in the header X-API-Key.
    ApiKey,
    /// A shared secret requests are signed with (RFC 9421, hmac-sha256).
    Hmac,
    /// The secret of a client that asks gateways for tokens (OAuth 2.0, client credentials).
    Oauth2Client,
}

/// Options of `rialto esb credential create`.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Code of the application.
    #[arg(long, value_name = "CODE")]
    application: String,
    /// `sandbox` or `production`.
    #[arg(long)]
    environment: String,
    /// What it is.
    #[arg(long, value_enum, default_value = "api-key")]
    kind: Kind,
    /// Last day, `yyyy-mm-dd`.
    #[arg(long, value_name = "DAY")]
    until: String,
    /// Login of who fetches the secret; another person than you.
    #[arg(long, value_name = "LOGIN")]
    deliver_to: String,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb credential fetch`.
#[derive(Debug, Args)]
pub struct OneArgs {
    /// Id of the credential.
    id: String,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb credential rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Id of the credential.
    id: String,
    /// Days both work, counted from when the new secret is fetched: 1 to 30.
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    overlap: u32,
    /// Last day of the successor, `yyyy-mm-dd`.
    #[arg(long, value_name = "DAY")]
    until: String,
    /// Login of who fetches its secret; another person than you.
    #[arg(long, value_name = "LOGIN")]
    deliver_to: String,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb credential revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Id of the credential.
    id: String,
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    answers: Answers,
}

/// Options of `rialto esb credential list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Code of the application.
    #[arg(long, value_name = "CODE")]
    application: Option<String>,
    /// `sandbox` or `production`.
    #[arg(long)]
    environment: Option<String>,
    /// Most rows.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    answers: Answers,
}

/// A credential in a line.
fn line(one: &Value, lang: Lang) -> String {
    format!(
        "{}  {:<16} {:<10} {:<7} {:<9} {}  {}\n",
        text(&one["id"]),
        text(&one["application"]),
        text(&one["environment"]),
        text(&one["kind"]),
        text(&one["state_words"][lang.pick("en", "zh")]),
        text(&one["expires_at"]),
        text(&one["deliver_to"]),
    )
}

fn tell(answers: Answers, one: &Value) -> Result<ExitCode> {
    print(answers.output, one, &line(one, Lang::told(answers.lang)))?;
    Ok(ExitCode::SUCCESS)
}

fn path(id: &str, more: &str) -> String {
    format!("{BASE}/credentials/{}/{more}", escaped(id))
}

impl Command {
    /// Asks the server.
    pub(super) async fn execute(&self) -> Result<ExitCode> {
        let client = Client::from_environment()?;
        match self {
            Self::Create(wanted) => {
                let kind = match wanted.kind {
                    Kind::ApiKey => "api_key",
                    Kind::Hmac => "hmac",
                    Kind::Oauth2Client => "oauth2_client",
                };
                let body = json!({"application": wanted.application, "kind": kind,
                    "environment": wanted.environment, "until": wanted.until,
                    "deliver_to": wanted.deliver_to});
                let made = client.post(&format!("{BASE}/credentials"), &body).await?;
                tell(wanted.answers, &made)
            }
            Self::Fetch(wanted) => wanted.fetch(&client).await,
            Self::Rotate(wanted) => {
                let body = json!({"overlap_days": wanted.overlap, "until": wanted.until,
                    "deliver_to": wanted.deliver_to});
                let path = path(&wanted.id, "rotation");
                let made = client.json_if(Method::POST, &path, &body, "*").await?;
                tell(wanted.answers, &made)
            }
            Self::Revoke(wanted) => {
                let body = json!({"reason": wanted.reason});
                let path = path(&wanted.id, "revocation");
                let gone = client.json_if(Method::POST, &path, &body, "*").await?;
                tell(wanted.answers, &gone)
            }
            Self::List(wanted) => wanted.list(&client).await,
        }
    }
}

impl OneArgs {
    async fn fetch(&self, client: &Client) -> Result<ExitCode> {
        let fetched = client.post(&path(&self.id, "secret"), &json!({})).await?;
        let lang = Lang::told(self.answers.lang);
        let lines = format!(
            "{}\n{}\n",
            text(&fetched["secret"]),
            text(&fetched["usage"][lang.pick("en", "zh")])
        );
        print(self.answers.output, &fetched, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl ListArgs {
    async fn list(&self, client: &Client) -> Result<ExitCode> {
        let mut path = format!("{BASE}/credentials");
        let asked = [
            ("application", &self.application),
            ("environment", &self.environment),
        ];
        let told = asked
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
        for (n, (name, value)) in told.enumerate() {
            let mark = if n == 0 { '?' } else { '&' };
            let _ = write!(path, "{mark}{name}={}", escaped(value));
        }
        let items = client.list(&path, self.limit).await?;
        let lang = Lang::told(self.answers.lang);
        let lines: String = items.iter().map(|one| line(one, lang)).collect();
        print(self.answers.output, &items, &lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
