//! The gateways that snapshots are brought to: those of this house and further ones, all by their
//! admin interface.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use rialto_esb_gateway::{
    Acknowledged, Clock, Gateway, GatewayConfig, GatewayHandle, InterfacesConfig, InterfacesState,
    StartGatewayError,
};
use rialto_esb_manager::{
    Asked, CallReport, DriftReport, GatewayNode, GroupKeys, InterfacePlatform, NodeStatus,
    Publisher, Readiness, Trial, TrialAnswer,
};
use rialto_esb_snapshot::TrustedKeys;
use rialto_platform_config::Settings;
use rialto_platform_evidence::SigningKey;
use tokio::task::JoinHandle;

use crate::data_folder::DataFolder;

/// Longest wait for a gateway.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest wait for the answer to a request that is tried.
const TRIAL_PATIENCE: Duration = Duration::from_secs(30);
/// Most bytes that are shown of its body.
const TRIAL_BYTES: usize = 1 << 20;
/// How often gateways that are behind are looked for.
const TEND_EVERY: Duration = Duration::from_secs(1);
/// Rounds from one collecting of calls to the next: 5 seconds.
const COLLECT_ROUNDS: u64 = 5;
/// Rounds from one forgetting of old calls to the next: 6 hours.
const FORGET_ROUNDS: u64 = 21_600;
/// Snapshots a gateway of this house keeps.
const KEPT: usize = 50;
/// Name of this house's own gateways.
const OWN: &str = "house";

/// A gateway behind its admin interface.
struct HttpNode {
    name: String,
    environment: String,
    /// Where it serves interfaces; empty when that is not known here.
    address: String,
    admin: SocketAddr,
    token: String,
    client: Client,
}

impl HttpNode {
    fn at(&self, of: &str) -> String {
        format!("http://{}/admin/v1/{of}", self.admin)
    }

    /// The answer's text, or why it is refused; the error says that there is none.
    async fn asked(&self, request: RequestBuilder) -> Result<Result<String, String>, String> {
        let sent = request.bearer_auth(&self.token).send().await;
        let answer = sent.map_err(|_| format!("it does not answer at {}", self.admin))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() {
            return Ok(Ok(text));
        }
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason was given");
        Ok(Err(format!("{status}: {detail}")))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<String, String> {
        self.asked(request).await?
    }

    /// Sends a request to the gateway's public side, follows nothing, and reads no more than is
    /// shown.
    async fn tried(&self, trial: Trial) -> Result<TrialAnswer, String> {
        let method = reqwest::Method::from_bytes(trial.method.as_bytes());
        let method = method.map_err(|error| error.to_string())?;
        let url = format!("http://{}{}", self.address, trial.target);
        let mut request = self.client.request(method, url).timeout(TRIAL_PATIENCE);
        for (name, value) in &trial.headers {
            request = request.header(name, value);
        }
        if let Some(body) = trial.body {
            request = request.body(body);
        }
        let began = Instant::now();
        let silent = |error: reqwest::Error| format!("{}: {}", self.address, error.without_url());
        let mut answer = request.send().await.map_err(silent)?;
        let text = |value: &reqwest::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
        let (status, headers) = (answer.status().as_u16(), headers.collect());
        let (mut body, mut truncated) = (Vec::new(), false);
        while let Some(part) = answer.chunk().await.map_err(silent)? {
            let left = TRIAL_BYTES - body.len();
            body.extend_from_slice(part.get(..left).unwrap_or(&part));
            if part.len() > left {
                truncated = true;
                break;
            }
        }
        Ok(TrialAnswer {
            status,
            headers,
            body,
            truncated,
            took: began.elapsed(),
        })
    }

    async fn read(&self) -> Result<NodeStatus, String> {
        let text = self.answer(self.client.get(self.at("snapshot"))).await?;
        let state: InterfacesState =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if state.environment != self.environment {
            return Err(format!("it serves the environment {}", state.environment));
        }
        Ok(NodeStatus {
            active: state.active.map(|active| (active.version, active.digest)),
            highest: state.highest,
        })
    }

    async fn change(&self, request: RequestBuilder) -> Result<NodeStatus, String> {
        let text = self.answer(request).await?;
        let taken: Acknowledged = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        Ok(NodeStatus {
            highest: taken.version,
            active: Some((taken.version, taken.digest)),
        })
    }
}

impl GatewayNode for HttpNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn status(&self) -> Asked<'_> {
        Box::pin(self.read())
    }

    fn prepare(&self, signed: String) -> Asked<'_, Readiness> {
        let request = self.client.put(self.at("snapshot/ready")).body(signed);
        Box::pin(async move {
            Ok(match self.asked(request).await? {
                Ok(_) => Readiness::Ready,
                Err(why) => Readiness::Refused(why),
            })
        })
    }

    fn put(&self, signed: String) -> Asked<'_> {
        Box::pin(self.change(self.client.put(self.at("snapshot")).body(signed)))
    }

    fn drift(&self) -> Asked<'_, DriftReport> {
        Box::pin(async move {
            let text = self.answer(self.client.get(self.at("drift"))).await?;
            serde_json::from_str(&text).map_err(|error| error.to_string())
        })
    }

    fn send(&self, trial: Trial) -> Asked<'_, TrialAnswer> {
        Box::pin(self.tried(trial))
    }

    fn calls(&self, since: i64) -> Asked<'_, CallReport> {
        let request = self.client.get(self.at(&format!("calls?since={since}")));
        Box::pin(async move {
            let text = self.answer(request).await?;
            serde_json::from_str(&text).map_err(|error| error.to_string())
        })
    }

    fn roll_back(&self, version: u64) -> Asked<'_> {
        let body = serde_json::json!({"version": version});
        let request = self.client.post(self.at("snapshot/rollback"));
        Box::pin(self.change(request.json(&body)))
    }
}

/// What brings gateways to what is published, and the sandbox's gateway of this house.
pub struct Publishing {
    sandbox: Option<GatewayHandle>,
    tending: JoinHandle<()>,
}

impl Publishing {
    /// Says who signs and who takes snapshots, starts the sandbox's gateway when this house has
    /// gateways of its own, and goes on bringing gateways that are behind up to date.
    pub async fn start(
        settings: &Settings,
        folder: &DataFolder,
        platform: &InterfacePlatform,
        production: Option<&GatewayHandle>,
    ) -> Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .build();
        let client = client.context("the HTTP client cannot be set up")?;
        let mut nodes = further(settings, &client)?;
        let mut sandbox = None;
        if let Some(production) = production {
            let config = GatewayConfig {
                admin_listen: SocketAddr::new(settings.gateway.admin_listen.ip(), 0),
                admin_token: None,
                state_file: None,
            };
            let interfaces = interfaces(settings, folder, "sandbox")?;
            let started = start(config, interfaces).await?;
            nodes.push(own("production", production, &client));
            nodes.push(own("sandbox", &started, &client));
            sandbox = Some(started);
        }
        let key = signing_key(folder)?;
        let all: Vec<Arc<dyn GatewayNode>> = nodes
            .into_iter()
            .map(|node| Arc::new(node) as Arc<dyn GatewayNode>)
            .collect();
        platform.set_publisher(Publisher { key, nodes: all });
        Ok(Self {
            sandbox,
            tending: tokio::spawn(tend(platform.clone())),
        })
    }

    /// Stops; answers under way may take so long.
    pub async fn stop(self, grace: Duration) {
        self.tending.abort();
        if let Some(sandbox) = self.sandbox {
            sandbox.shutdown(grace).await;
        }
    }
}

async fn tend(platform: InterfacePlatform) {
    for round in 0_u64.. {
        if let Err(error) = platform.tend_gateways().await {
            tracing::warn!(%error, "gateways could not be brought up to date");
        }
        if round.is_multiple_of(COLLECT_ROUNDS)
            && let Err(error) = platform.collect_calls().await
        {
            tracing::warn!(%error, "calls of gateways could not be kept");
        }
        if round.is_multiple_of(FORGET_ROUNDS)
            && let Err(error) = platform.forget_calls().await
        {
            tracing::warn!(%error, "old calls could not be forgotten");
        }
        tokio::time::sleep(TEND_EVERY).await;
    }
}

/// The key snapshots are signed with; its public half lies beside the secrets for further gateways.
fn signing_key(folder: &DataFolder) -> Result<SigningKey> {
    let key = SigningKey::load_or_create(&folder.path("secrets/esb-snapshots.pem"))?;
    let public = key.public().to_pem().map_err(anyhow::Error::msg)?;
    let path = folder.path("esb-snapshots.public.pem");
    std::fs::write(&path, public).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(key)
}

/// The keys of the groups of gateways.
fn group_keys(folder: &DataFolder) -> Result<GroupKeys> {
    crate::house::group_keys(folder)
}

/// How interfaces of an environment are served by this house.
pub fn interfaces(
    settings: &Settings,
    folder: &DataFolder,
    environment: &str,
) -> Result<InterfacesConfig> {
    let pem = signing_key(folder)?.public().to_pem();
    let pem = pem.map_err(anyhow::Error::msg)?;
    let keys = TrustedKeys::from_pem(&pem).map_err(anyhow::Error::msg)?;
    let groups = group_keys(folder)?;
    let (listen, group) = match environment {
        "production" => (settings.gateway.production_listen, groups.production),
        _ => (settings.gateway.sandbox_listen, groups.sandbox),
    };
    Ok(InterfacesConfig {
        node: OWN.to_owned(),
        environment: environment.to_owned(),
        listen,
        folder: folder.path(&format!("snapshots/{environment}")),
        keys,
        group,
        keep: KEPT,
        clock: Clock::system(),
    })
}

/// Starts a gateway; a busy port gives way to a free one, because what is served where is told.
pub async fn start(
    mut config: GatewayConfig,
    mut interfaces: InterfacesConfig,
) -> Result<GatewayHandle> {
    let busy = |source: &std::io::Error| source.kind() == std::io::ErrorKind::AddrInUse;
    loop {
        match Gateway::start_with(config.clone(), Some(interfaces.clone())).await {
            Err(StartGatewayError::AdminListen { source, .. })
                if busy(&source) && config.admin_listen.port() != 0 =>
            {
                config.admin_listen.set_port(0);
            }
            Err(StartGatewayError::InterfacesListen { source, .. })
                if busy(&source) && interfaces.listen.port() != 0 =>
            {
                interfaces.listen.set_port(0);
            }
            started => return Ok(started?),
        }
    }
}

fn own(environment: &str, gateway: &GatewayHandle, client: &Client) -> HttpNode {
    let address = gateway.interfaces_address.map(|at| at.to_string());
    HttpNode {
        name: OWN.to_owned(),
        environment: environment.to_owned(),
        address: address.unwrap_or_default(),
        admin: gateway.admin_address,
        token: gateway.token.clone(),
        client: client.clone(),
    }
}

/// Gateways the configuration names.
fn further(settings: &Settings, client: &Client) -> Result<Vec<HttpNode>> {
    let mut found: Vec<HttpNode> = Vec::new();
    for (n, line) in settings.gateway.nodes.iter().enumerate() {
        let node = node(line, client).with_context(|| format!("gateway.nodes[{n}]"))?;
        let same = |one: &HttpNode| one.name == node.name && one.environment == node.environment;
        if node.name == OWN || found.iter().any(same) {
            bail!("gateway.nodes[{n}]: the name `{}` is taken", node.name);
        }
        found.push(node);
    }
    Ok(found)
}

fn node(line: &str, client: &Client) -> Result<HttpNode> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [environment, name, admin, token_file] = words.as_slice() else {
        bail!("`{line}`: environment, name, admin address and token file are asked for");
    };
    if !["sandbox", "production"].contains(environment) {
        bail!("`{environment}` is no environment; write sandbox or production");
    }
    let admin = admin
        .parse()
        .with_context(|| format!("`{admin}` is no IP address with a port"))?;
    let token =
        std::fs::read_to_string(token_file).with_context(|| format!("cannot read {token_file}"))?;
    Ok(HttpNode {
        name: (*name).to_owned(),
        environment: (*environment).to_owned(),
        address: String::new(),
        admin,
        token: token.trim().to_owned(),
        client: client.clone(),
    })
}
