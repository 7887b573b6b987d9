//! The house: its parts opened, wired and started in order, and stopped in the reverse order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::SignedDuration;
use rialto_delivery_api::Api;
use rialto_delivery_engine::deployment::{Deployments, RouterAccess};
use rialto_delivery_engine::{Delivery, DeliverySettings};
use rialto_delivery_runner::agent::{Agent, AgentConfig};
use rialto_delivery_supervisor::Supervisor;
use rialto_esb_center_manager::ServiceCenter;
use rialto_esb_gateway::{GatewayConfig, GatewayHandle};
use rialto_esb_manager::{GroupKeys, InterfacePlatform};
use rialto_esb_snapshot::GroupKey;
use rialto_otc_desk::Desk;
use rialto_platform_config::{Settings, Span};
use rialto_platform_evidence::{EvidenceLog, SigningKey};
use rialto_platform_identity::{Actor, Auth, Identity, Rules};
use rialto_platform_store::{Db, Engine, MigrationSet};
use rialto_platform_web::{Module, Site, Web, WebSettings, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::data_folder::DataFolder;
use crate::esb_nodes::{self, Publishing};
use crate::isolation;
use crate::standby::Leading;

/// How long answers under way at the gateway may take when it stops.
const GATEWAY_GRACE: Duration = Duration::from_secs(5);
/// How long the token of the runner inside this process lives.
const RUNNER_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24 * 365);
/// How often events of other servers on the same PostgreSQL are looked for.
const RELAY_EVERY: Duration = Duration::from_millis(500);

/// The tables of every system, in the order they are migrated.
pub fn migration_sets() -> [MigrationSet; 8] {
    [
        rialto_platform_lease::MIGRATIONS,
        rialto_platform_evidence::MIGRATIONS,
        rialto_platform_identity::MIGRATIONS,
        rialto_platform_web::MIGRATIONS,
        rialto_delivery_store::MIGRATIONS,
        rialto_otc_store::MIGRATIONS,
        rialto_esb_store::MIGRATIONS,
        rialto_esb_center_manager::MIGRATIONS,
    ]
}

/// The database's URL: given, in a file, or SQLite in the data folder.
pub fn database_url(settings: &Settings, data: &Path) -> Result<String> {
    if let Some(url) = &settings.store.url {
        return Ok(url.clone());
    }
    if let Some(path) = &settings.store.url_file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("store.url_file: cannot read {}", path.display()))?;
        return Ok(text.trim().to_owned());
    }
    Ok(format!("sqlite://{}", data.join("rialto.db").display()))
}

/// Which roles this process plays beside the server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Runs jobs.
    pub runner: bool,
    /// Carries the traffic of deployed services.
    pub gateway: bool,
}

/// A running house.
pub struct House {
    /// Address people use.
    pub url: String,
    /// Who may sign in.
    pub identity: Identity,
    /// The delivery services.
    pub delivery: Delivery,
    /// The OTC desk.
    pub desk: Desk,
    /// The interface platform.
    pub platform: InterfacePlatform,
    /// The data folder, locked.
    pub folder: DataFolder,
    db: Db,
    supervisor: Supervisor,
    deployments: Deployments,
    gateway: Option<GatewayHandle>,
    stop: watch::Sender<bool>,
    web_stop: tokio_util::sync::CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
    runner: Option<JoinHandle<()>>,
    relay: Option<JoinHandle<()>>,
    center: Center,
    publishing: Publishing,
}

/// The service center, and what looks for silent instances there.
struct Center {
    services: ServiceCenter,
    sweeps: JoinHandle<()>,
}

impl Center {
    async fn start(db: &Db, evidence: &EvidenceLog, folder: &DataFolder) -> Result<Self> {
        let key = folder.random_key("esb-center.key")?;
        let services = ServiceCenter::open(db.clone(), evidence.clone(), key).await?;
        let sweeps = tokio::spawn(services.clone().run());
        Ok(Self { services, sweeps })
    }

    fn stop(self) {
        self.services.stop();
        self.sweeps.abort();
    }
}

/// All systems behind one listener.
fn site(
    web: Web,
    delivery: &Delivery,
    deployments: &Deployments,
    desk: &Desk,
    platform: &InterfacePlatform,
) -> Site {
    web.add_gauges(rialto_delivery_api::gauges(delivery.clone()));
    let api = Api {
        web: web.clone(),
        delivery: delivery.clone(),
        deployments: deployments.clone(),
    };
    let otc = rialto_otc_api::Api {
        web: web.clone(),
        desk: desk.clone(),
    };
    let esb = rialto_esb_api::Api {
        web: web.clone(),
        platform: platform.clone(),
    };
    Site::new(web)
        .with(
            rialto_delivery_api::routes(api),
            rialto_delivery_api::ENDPOINTS,
        )
        .with(rialto_otc_api::routes(otc), rialto_otc_api::ENDPOINTS)
        .with(rialto_esb_api::routes(esb), rialto_esb_api::ENDPOINTS)
}

/// The service center beside them, with what Nacos clients speak.
fn with_center(site: Site, web: &Web, center: &ServiceCenter) -> Site {
    let api = rialto_esb_center_api::Api {
        web: web.clone(),
        center: center.clone(),
    };
    site.with(
        rialto_esb_center_api::routes(api.clone()),
        rialto_esb_center_api::ENDPOINTS,
    )
    .with(
        rialto_esb_center_api::nacos_routes(api),
        rialto_esb_center_api::NACOS_ENDPOINTS,
    )
}

impl House {
    /// Opens and starts everything; the listener is taken as it is, and so is the database of a
    /// server that leads.
    pub async fn start(
        settings: &Settings,
        roles: Roles,
        listener: TcpListener,
        leading: Option<&Leading>,
    ) -> Result<Self> {
        let address = listener
            .local_addr()
            .context("the listener has no address")?;
        let folder = match leading {
            Some(leading) => {
                let (data, before) = (settings.store.data.clone(), leading.before());
                // It may wait for a while, and the lease is to be renewed meanwhile.
                tokio::task::spawn_blocking(move || DataFolder::take_over(&data, before)).await??
            }
            None => DataFolder::open(&settings.store.data)?,
        };
        let db = open_database(settings, &folder, leading.map(|leading| &leading.db)).await?;
        let key = SigningKey::load_or_create(&folder.path("secrets/evidence.pem"))?;
        let evidence = EvidenceLog::open(&db, key).await?;
        let identity = Identity::new(db.clone(), evidence.clone()).with_rules(rules(settings)?);
        let url = public_url(settings, address);

        let delivery_settings = delivery_settings(settings, &folder, &url)?;
        let delivery = Delivery::open(db.clone(), evidence.clone(), delivery_settings).await?;
        let gateway = if roles.gateway {
            Some(start_gateway(settings, &folder).await?)
        } else {
            None
        };
        let router = router_access(settings, gateway.as_ref())?;
        let services = isolation::services(settings, &folder)?;
        let supervisor = Supervisor::open_caged(folder.path("services"), services).await?;
        let deployments = Deployments::new(delivery.clone(), supervisor.clone(), router);
        delivery.set_controller(Arc::new(deployments.clone()));

        let web_stop = tokio_util::sync::CancellationToken::new();
        let web_settings = web_settings(settings, &folder)?;
        let desk = Desk::new(db.clone(), evidence.clone(), settings.otc.market_days);
        let platform = InterfacePlatform::new(db.clone(), evidence.clone(), group_keys(&folder)?);
        let publishing = Publishing::start(settings, &folder, &platform, gateway.as_ref()).await?;
        let center = Center::start(&db, &evidence, &folder).await?;
        let web = Web::new(db.clone(), identity.clone(), evidence, web_settings)
            .stopping_with(web_stop.clone());
        let web = led(web, leading);
        let site = site(web.clone(), &delivery, &deployments, &desk, &platform);
        let site = with_center(site, &web, &center.services);
        let server = tokio::spawn(serve(listener, site.build(), web_stop.clone()));

        deployments.start().await?;
        delivery.start().await?;
        let (stop, _) = watch::channel(false);
        let runner = match roles.runner {
            true => Some(start_runner(settings, &folder, &identity, address, &stop).await?),
            false => None,
        };
        let relay = relay(&db);
        certify(&web, leading).await;
        Ok(Self {
            url,
            identity,
            delivery,
            desk,
            platform,
            folder,
            db,
            supervisor,
            deployments,
            gateway,
            stop,
            web_stop,
            server,
            runner,
            relay,
            center,
            publishing,
        })
    }

    /// Waits until the HTTP server ends, which it does only when it fails.
    pub async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.server).await {
            Ok(Ok(())) => anyhow::anyhow!("the HTTP server ended by itself"),
            Ok(Err(error)) => anyhow::Error::new(error).context("the HTTP server failed"),
            Err(error) => anyhow::Error::new(error).context("the HTTP server broke"),
        }
    }

    /// Stops everything this process started, in order. Jobs under way go on in their supervisors
    /// and are taken up again; deployed services end and are started again with the next house.
    pub async fn stop(self) -> Result<()> {
        self.stop.send_replace(true);
        self.delivery.stop();
        self.center.stop();
        if let Some(runner) = self.runner {
            runner.await.context("the runner broke")?;
        }
        self.web_stop.cancel();
        if !self.server.is_finished() {
            self.server.await.context("the HTTP server broke")??;
        }
        self.publishing.stop(GATEWAY_GRACE).await;
        if let Some(gateway) = self.gateway {
            gateway.shutdown(GATEWAY_GRACE).await;
        }
        drop(self.deployments);
        self.supervisor.stop_all().await;
        if let Some(relay) = self.relay {
            relay.abort();
        }
        self.db.close().await;
        drop(self.folder);
        Ok(())
    }
}

/// The address people use.
fn public_url(settings: &Settings, address: SocketAddr) -> String {
    let told = settings.server.public_url.clone();
    told.unwrap_or_else(|| format!("http://{address}"))
}

/// The web with the lease the server leads by.
fn led(web: Web, leading: Option<&Leading>) -> Web {
    match leading {
        Some(leading) => web.led_by(leading.lease(), leading.drills()),
        None => web,
    }
}

/// Completes the drill that made this server take over: from here on it serves.
async fn certify(web: &Web, leading: Option<&Leading>) {
    if let Some(leading) = leading
        && let Err(problem) = web.finish_drills(leading.led_at).await
    {
        tracing::error!(detail = problem.detail(), "a drill cannot be completed");
    }
}

async fn open_database(
    settings: &Settings,
    folder: &DataFolder,
    leading: Option<&Db>,
) -> Result<Db> {
    let db = match leading {
        Some(db) => db.clone(),
        None => Db::open(&database_url(settings, folder.root())?).await?,
    };
    db.migrate(&migration_sets()).await?;
    Ok(db)
}

fn signed(span: Span) -> Result<SignedDuration> {
    SignedDuration::try_from(span.0).with_context(|| format!("{span} is too long"))
}

fn rules(settings: &Settings) -> Result<Rules> {
    Ok(Rules {
        session_idle: signed(settings.session.idle)?,
        session_absolute: signed(settings.session.absolute)?,
        password_minimum: usize::try_from(settings.password.minimum_length)?,
        ..Rules::default()
    })
}

/// On PostgreSQL, what other servers wrote is told here too.
fn relay(db: &Db) -> Option<JoinHandle<()>> {
    let db = (db.engine() == Engine::Postgres).then(|| db.clone())?;
    Some(tokio::spawn(async move {
        db.relay_events(RELAY_EVERY).await;
    }))
}

/// The keys that gateways of an environment check API keys by and open shared secrets with.
pub fn group_keys(folder: &DataFolder) -> Result<GroupKeys> {
    Ok(GroupKeys {
        sandbox: GroupKey::new(folder.random_key("esb-group-sandbox.key")?),
        production: GroupKey::new(folder.random_key("esb-group-production.key")?),
    })
}

fn web_settings(settings: &Settings, folder: &DataFolder) -> Result<WebSettings> {
    Ok(WebSettings {
        public_url: settings.server.public_url.clone(),
        body_limit: usize::try_from(settings.server.body_limit.0)?,
        modules: [
            ("delivery", "/api/delivery/v1"),
            ("otc", "/api/otc/v1"),
            ("esb", "/api/esb/v1"),
        ]
        .map(|(name, base)| Module {
            name: name.into(),
            base: base.into(),
        })
        .to_vec(),
        version: env!("CARGO_PKG_VERSION"),
        signing_key: folder.random_key("web.key")?,
    })
}

fn delivery_settings(
    settings: &Settings,
    folder: &DataFolder,
    url: &str,
) -> Result<DeliverySettings> {
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let program = program
        .to_str()
        .context("the path of this program is not UTF-8")?
        .to_owned();
    let hook = vec![program, "git-hook".to_owned()];
    let limits = &settings.delivery;
    let mut made = DeliverySettings::new(folder.root().to_owned(), url.to_owned(), hook);
    env!("CARGO_PKG_VERSION").clone_into(&mut made.version);
    made.log_bytes = limits.log_limit.0;
    made.artifact_bytes = limits.artifact_limit.0;
    made.report_bytes = limits.report_limit.0;
    made.push_bytes = limits.push_limit.0;
    made.artifact_days = limits.artifact_days;
    made.job_memory_bytes = limits.job_memory.map(|size| size.0);
    made.job_disk_bytes = Some(limits.job_disk.0);
    made.job_processes = Some(limits.job_processes);
    made.stuck_after = limits.stuck_after.0;
    Ok(made)
}

/// The gateway's admin token: given, in a file, or none.
fn gateway_token(settings: &Settings) -> Result<Option<String>> {
    if let Some(token) = &settings.gateway.token {
        return Ok(Some(token.clone()));
    }
    let Some(path) = &settings.gateway.token_file else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("gateway.token_file: cannot read {}", path.display()))?;
    Ok(Some(text.trim().to_owned()))
}

/// How to start a gateway in this process. The admin listener takes a free port when its own is
/// busy, because nobody outside of this process needs to find it.
pub fn gateway_config(settings: &Settings, folder: &DataFolder) -> Result<GatewayConfig> {
    let state = settings.gateway.state_file.clone();
    Ok(GatewayConfig {
        admin_listen: settings.gateway.admin_listen,
        admin_token: gateway_token(settings)?,
        state_file: Some(state.unwrap_or_else(|| folder.path("gateway.json"))),
    })
}

async fn start_gateway(settings: &Settings, folder: &DataFolder) -> Result<GatewayHandle> {
    let config = gateway_config(settings, folder)?;
    let interfaces = esb_nodes::interfaces(settings, folder, "production")?;
    esb_nodes::start(config, interfaces).await
}

fn router_access(settings: &Settings, gateway: Option<&GatewayHandle>) -> Result<RouterAccess> {
    if let Some(gateway) = gateway {
        return Ok(RouterAccess {
            admin: gateway.admin_address,
            token: gateway.token.clone(),
        });
    }
    match gateway_token(settings)? {
        Some(token) => Ok(RouterAccess {
            admin: settings.gateway.admin_listen,
            token,
        }),
        None => bail!(
            "this server has no gateway of its own and no token for another one: add the role \
             gateway, or set gateway.token_file (and gateway.admin_listen)"
        ),
    }
}

async fn start_runner(
    settings: &Settings,
    folder: &DataFolder,
    identity: &Identity,
    address: SocketAddr,
    stop: &watch::Sender<bool>,
) -> Result<JoinHandle<()>> {
    let runner = &settings.runner;
    let token = runner_token(folder, identity, &runner.name).await?;
    let work_dir = runner
        .folder
        .clone()
        .unwrap_or_else(|| folder.path("runner"));
    std::fs::create_dir_all(&work_dir)
        .with_context(|| format!("runner.folder: cannot make {}", work_dir.display()))?;
    let work_dir = work_dir.canonicalize()?;
    // Jobs get addresses below the public one (sources, artifacts), so the agent uses it too.
    let server = match &settings.server.public_url {
        Some(url) => url.clone(),
        None => format!("http://{address}"),
    };
    let mut config = AgentConfig::new(&server, &token, &work_dir)
        .context("the path of this program is not known")?;
    config.name.clone_from(&runner.name);
    config.tags.clone_from(&runner.tags);
    config.slots = runner.concurrency;
    if let Ok(path) = std::env::var("PATH") {
        config.path = path;
    }
    config.inherited = crate::runner::tool_chains();
    isolation::jobs(&mut config.isolation, settings, folder)?;
    let agent = Agent::new(config)?;
    let mut stopping = stop.subscribe();
    Ok(tokio::spawn(agent.run(async move {
        // An error means that the house is gone, which is a reason to stop too.
        let _ = stopping.wait_for(|stop| *stop).await;
    })))
}

/// The kept token when it still works, else a new one.
async fn runner_token(folder: &DataFolder, identity: &Identity, name: &str) -> Result<String> {
    const FILE: &str = "runner.token";
    if let Some(token) = folder.secret(FILE)?
        && let Some(actor) = identity.actor_by_token(&token).await?
        && actor.auth == Auth::Runner
        && actor.name == name
    {
        return Ok(token);
    }
    let system = Actor::system("start");
    let issued = identity
        .issue_runner_token(&system, name, RUNNER_TOKEN_LIFE)
        .await?;
    folder.keep_secret(FILE, &issued.text)?;
    Ok(issued.text)
}
