//! Try-it (在线调试): a request to an operation, sent by the house through the sandbox's gateway in the
//! name of an application. The key for it is derived from the group key, stands in every snapshot of
//! the sandbox and is shown to nobody; a browser never has a secret.

use std::time::Duration;

use rialto_esb_contract::Operation;
use rialto_esb_policy::path::normalise;
use rialto_esb_policy::template::Template;
use rialto_esb_schema::answer::{Expected, body_findings};
use rialto_esb_schema::portable::Portable;
use rialto_esb_schema::request::{Finding, Request};
use rialto_esb_snapshot::{ApiKey, Credential, CredentialKind, GroupKey};
use rialto_esb_store::{definition, subscription};
use rialto_platform_identity::Actor;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::credentials::holder;
use crate::definitions::kept;
use crate::reading::read;
use crate::view::{TryFindingView, TryView};
use crate::{InterfacePlatform, PlatformError, blocking};

/// Where requests are tried.
pub(crate) const ENVIRONMENT: &str = "sandbox";
/// What the derived secrets are for.
const PURPOSE: &str = "try-it";
/// Largest body that is sent, bytes.
const MOST_BODY: usize = 1 << 20;
/// Longest path and query, bytes.
const MOST_TARGET: usize = 8_192;
/// Most headers that are sent.
const MOST_HEADERS: usize = 50;
/// Headers that are the house's own to set.
const OWN_HEADERS: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "host",
    "signature",
    "signature-input",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-rialto-application",
];

/// A request that is to be tried.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TryInput {
    /// Code of the application in whose name it is sent.
    pub application: String,
    /// Path and query below the interface's address, percent-encoded: `/orders/A1?full=true`.
    pub target: String,
    /// Headers, name and value.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    #[serde(default)]
    pub body: Option<String>,
}

/// A request on its way to a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, the key among them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
}

/// What came back through a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body, as far as it was read.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub truncated: bool,
    /// From sending to the end of the body.
    pub took: Duration,
}

/// The key by which requests are tried in the name of an application.
fn key_of(group: &GroupKey, application: &str) -> ApiKey {
    let id = format!("try.{application}");
    ApiKey {
        environment: ENVIRONMENT.to_owned(),
        secret: group.own_secret(PURPOSE, &id),
        id,
    }
}

/// What a snapshot of the sandbox holds for it. None for a code that no key can hold.
pub(crate) fn credential_of(group: &GroupKey, application: &str) -> Option<Credential> {
    let key = key_of(group, application);
    ApiKey::parse(&key.text()).ok()?;
    Some(Credential {
        application: application.to_owned(),
        not_after: None,
        kind: CredentialKind::ApiKey {
            digest: group.api_key_digest(&key.id, &key.secret),
        },
        id: key.id,
    })
}

fn refused(pointer: &str, en: impl Into<String>, zh: impl Into<String>) -> PlatformError {
    PlatformError::invalid(pointer, "invalid", en, zh)
}

/// What cannot be sent, whatever the definition says.
fn sendable(input: &TryInput) -> Result<(), PlatformError> {
    let printable = |text: &str| text.bytes().all(|b| (0x21..0x7f).contains(&b));
    if !input.target.starts_with('/')
        || input.target.starts_with("//")
        || input.target.len() > MOST_TARGET
        || !printable(&input.target)
        || input.target.contains('#')
    {
        return Err(refused(
            "/target",
            format!(
                "a path and a query are asked for, percent-encoded, of {MOST_TARGET} bytes at most"
            ),
            format!("应为百分号编码的路径与查询，且不超过 {MOST_TARGET} 字节"),
        ));
    }
    if input.headers.len() > MOST_HEADERS {
        return Err(refused(
            "/headers",
            format!("at most {MOST_HEADERS} headers are sent"),
            format!("请求头最多 {MOST_HEADERS} 个"),
        ));
    }
    for (n, (name, value)) in input.headers.iter().enumerate() {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let good = !name.is_empty() && name.bytes().all(token);
        let good = good && value.chars().all(|letter| !letter.is_control());
        let own = OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        if !good || own {
            let (en, zh) = match own {
                true => ("this header is set by the house", "该请求头由系统设置"),
                false => ("this is no header", "请求头不合规"),
            };
            return Err(refused(
                &format!("/headers/{n}"),
                format!("{name}: {en}"),
                format!("{name}：{zh}"),
            ));
        }
    }
    if input
        .body
        .as_ref()
        .is_some_and(|body| body.len() > MOST_BODY)
    {
        return Err(refused(
            "/body",
            format!("at most {MOST_BODY} bytes are sent"),
            format!("请求体最多 {MOST_BODY} 字节"),
        ));
    }
    Ok(())
}

/// What of a request and of its answer does not fit the definition.
struct Judged {
    request: Vec<Finding>,
    answer: Vec<Finding>,
}

/// Variables of a path that is one of the operation's.
fn variables<'p>(template: &'p Template, path: &'p str) -> Option<Vec<(&'p str, &'p str)>> {
    let taken = template.matched(path)?;
    let names = template.names.iter().map(String::as_str);
    Some(names.zip(taken).collect())
}

fn judged(
    rules: &str,
    (template, path, query): (&Template, &str, &str),
    input: &TryInput,
    answer: &TrialAnswer,
) -> Result<Judged, PlatformError> {
    let compiled = Portable::compile(rules);
    let (requests, answers) =
        compiled.map_err(|error| PlatformError::Internal(error.to_string()))?;
    let variables = variables(template, path).unwrap_or_default();
    let request = requests.findings(&Request {
        variables: &variables,
        query,
        headers: &input.headers,
        body: input.body.as_deref().unwrap_or_default().as_bytes(),
    });
    let mut headers = answer.headers.iter();
    let own = headers.any(|(name, _)| name.eq_ignore_ascii_case("x-rialto-error"));
    let mut headers = answer.headers.iter();
    let kind = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = kind.map(|(_, value)| value.as_str());
    let kind = kind.filter(|_| !answer.body.is_empty());
    let answer = match answers.expected(answer.status, kind) {
        // What the gateway says itself no provider has to declare.
        _ if own || answer.truncated => Vec::new(),
        Expected::Anything => Vec::new(),
        Expected::Json(schema) => body_findings(schema, &answer.body),
        Expected::Undeclared(finding) => vec![finding],
    };
    Ok(Judged { request, answer })
}

fn told(direction: &str, found: Vec<Finding>) -> impl Iterator<Item = TryFindingView> {
    found.into_iter().map(move |one| TryFindingView {
        direction: direction.to_owned(),
        place: format!("{}{}", one.place, one.pointer),
        keyword: one.keyword,
        message: one.message,
    })
}

/// Headers as they are shown: nobody sees the key.
fn shown(headers: &[(String, String)]) -> Vec<(String, String)> {
    let hide = |(name, value): &(String, String)| match name.as_str() {
        "x-api-key" => (name.clone(), "rk_…".to_owned()),
        _ => (name.clone(), value.clone()),
    };
    headers.iter().map(hide).collect()
}

impl InterfacePlatform {
    /// Sends a request to an operation of a version through the sandbox's gateway, in the name of an
    /// application of the actor's, and tells what came back and what does not fit the definition.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for what cannot be sent; [`PlatformError::NotMet`] for somebody
    /// else's application; [`PlatformError::Conflict`] when no gateway serves the sandbox or no answer
    /// came.
    pub async fn try_out(
        &self,
        actor: &Actor,
        (id, no): (&str, i64),
        input: &TryInput,
    ) -> Result<TryView, PlatformError> {
        sendable(input)?;
        let application = subscription::application(&mut self.db(), &input.application).await?;
        let application = application
            .ok_or_else(|| refused("/application", "there is no such application", "没有该应用"))?;
        holder(actor, &application)?;
        let (row, found) = self.defined(id).await?;
        let wanted = definition::operation(&mut self.db(), &found.hash, no).await?;
        let wanted = wanted.ok_or_else(|| PlatformError::not_found("operation", no))?;
        let (raw, query) = input.target.split_once('?').unwrap_or((&input.target, ""));
        let path = normalise(raw)
            .map_err(|error| refused("/target", error.to_string(), "路径含有可作多种解读的字符"))?;
        let template = Template::parse(&wanted.path)
            .map_err(|error| PlatformError::Internal(error.to_string()))?;
        if template.matched(&path).is_none() {
            let here = format!("{} {}", wanted.method.to_uppercase(), wanted.path);
            return Err(refused(
                "/target",
                format!("{path} is no path of {here}"),
                format!("路径 {path} 不属于操作 {here}"),
            ));
        }
        let artefact = kept(&mut self.db(), &found).await?;
        let here = (wanted.method.to_uppercase(), wanted.path.clone());
        let rules = blocking(move || {
            let definition = read(&artefact)?.definition;
            let fits = |one: &&Operation| (one.method.to_string(), one.path.clone()) == here;
            let operation = definition.operations.iter().find(fits);
            let operation = operation.ok_or_else(|| PlatformError::not_found("operation", no))?;
            Ok(Portable::of(operation, &definition).to_text())
        })
        .await?;
        let base = format!("/{}/v{}", row.interface, row.major);
        let mut headers = input.headers.clone();
        let key = key_of(&self.groups().sandbox, &application.code);
        headers.push(("x-api-key".to_owned(), key.text()));
        let trial = Trial {
            method: wanted.method.to_uppercase(),
            target: format!("{base}{}", input.target),
            headers,
            body: input.body.clone(),
        };
        let (address, answer) = self
            .through_a_gateway(actor, &row.id, input, &trial)
            .await?;
        let judged = judged(&rules, (&template, &path, query), input, &answer)?;
        Ok(view(&address, &trial, answer, judged))
    }

    /// The answer through the first gateway of the sandbox that takes connections. What was sent is
    /// recorded before, because it may have its effect without an answer.
    async fn through_a_gateway(
        &self,
        actor: &Actor,
        version: &str,
        input: &TryInput,
        trial: &Trial,
    ) -> Result<(String, TrialAnswer), PlatformError> {
        let nodes = self.nodes(ENVIRONMENT);
        let mut open = nodes.iter().filter(|node| !node.address().is_empty());
        let mut found = None;
        for node in open.by_ref() {
            if node.status().await.is_ok() {
                found = Some(node);
                break;
            }
        }
        let node = found.ok_or_else(|| {
            PlatformError::conflict(
                "E-NO-GATEWAY",
                "no gateway serves the sandbox: start one, or publish to it",
                "沙箱环境没有可用网关，请先启动或发布",
            )
        })?;
        self.tried(actor, version, input, trial).await?;
        // It is sent once: somewhere else it might be carried out a second time.
        match node.send(trial.clone()).await {
            Ok(answer) => Ok((node.address().to_owned(), answer)),
            Err(why) => Err(PlatformError::conflict(
                "E-NO-ANSWER",
                format!("no answer came back; the provider may have got the request: {why}"),
                format!("未收到应答，提供方可能已收到请求：{why}"),
            )),
        }
    }

    async fn tried(
        &self,
        actor: &Actor,
        version: &str,
        input: &TryInput,
        trial: &Trial,
    ) -> Result<(), PlatformError> {
        let path = trial.target.split('?').next().unwrap_or_default();
        let body = json!({"event": "tried", "environment": ENVIRONMENT,
            "application": input.application, "method": trial.method, "path": path});
        let mut tx = self.db().begin().await?;
        let subject = format!("esb_version:{version}");
        self.record(&mut tx, actor, "esb_try", subject, body)
            .await?;
        Ok(tx.commit().await?)
    }
}

fn view(address: &str, trial: &Trial, answer: TrialAnswer, judged: Judged) -> TryView {
    let text = String::from_utf8(answer.body);
    let (body, binary) = match text {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(error.as_bytes().len() as u64)),
    };
    let mut findings: Vec<TryFindingView> = told("request", judged.request).collect();
    findings.extend(told("response", judged.answer));
    TryView {
        method: trial.method.clone(),
        url: format!("http://{address}{}", trial.target),
        sent: shown(&trial.headers),
        status: answer.status,
        headers: answer.headers,
        body,
        binary,
        truncated: answer.truncated,
        took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        findings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(target: &str, headers: &[(&str, &str)]) -> TryInput {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TryInput {
            application: "a".to_owned(),
            target: target.to_owned(),
            headers: headers.iter().map(text).collect(),
            body: None,
        }
    }

    #[test]
    fn only_a_path_and_headers_of_the_caller_are_sent() {
        assert!(sendable(&input("/orders/A1?x=%20", &[("Accept", "*/*")])).is_ok());
        for target in [
            "",
            "orders",
            "//evil.example/",
            "http://evil.example/",
            "/a b",
            "/a#b",
            "/订单",
        ] {
            assert!(sendable(&input(target, &[])).is_err(), "{target}");
        }
        for (name, value) in [
            ("X-API-Key", "k"),
            ("Host", "evil"),
            ("a b", "c"),
            ("", ""),
            ("a", "b\r\nc: d"),
        ] {
            assert!(sendable(&input("/a", &[(name, value)])).is_err(), "{name}");
        }
        let mut large = input("/a", &[]);
        large.body = Some("x".repeat(MOST_BODY + 1));
        assert!(sendable(&large).is_err());
    }

    #[test]
    fn the_key_fits_its_digest_and_is_never_shown() {
        let group = GroupKey::new([3; 32]);
        let key = key_of(&group, "mobile-app");
        let credential = credential_of(&group, "mobile-app").unwrap();
        assert_eq!(credential.id, "try.mobile-app");
        let digest = group.api_key_digest(&key.id, &key.secret);
        assert_eq!(credential.kind, CredentialKind::ApiKey { digest });
        let told = shown(&[("x-api-key".to_owned(), key.text())]);
        assert_eq!(told[0].1, "rk_…");
    }
}
