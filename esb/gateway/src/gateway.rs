//! The gateway as a whole: its services, changes to them one at a time, start and end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::admin;
use crate::config::{GatewayConfig, Retry, ServiceSpec, ServiceState, Switch};
use crate::interfaces::{Acknowledged, Interfaces, InterfacesConfig, OpenInterfacesError};
use crate::listener::{Listening, RequestIds, serve};
use crate::persist::{self, ReadStateError, StoredService};
use crate::problem::Problem;
use crate::service::Service;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartGatewayError {
    /// The kept services cannot be used.
    #[error(transparent)]
    State(#[from] ReadStateError),
    /// The admin interface would be open to other machines.
    #[error("the gateway's admin address {0} is not a loopback address; use 127.0.0.1:PORT")]
    AdminNotLoopback(SocketAddr),
    /// The admin address cannot be opened.
    #[error("cannot open the gateway's admin address {address}: {source}")]
    AdminListen {
        /// Address.
        address: SocketAddr,
        /// Cause.
        source: std::io::Error,
    },
    /// The interfaces cannot be served.
    #[error(transparent)]
    Interfaces(#[from] OpenInterfacesError),
    /// The address of the interfaces cannot be opened.
    #[error("cannot open the address of the interfaces {address}: {source}")]
    InterfacesListen {
        /// Address.
        address: SocketAddr,
        /// Cause.
        source: std::io::Error,
    },
    /// No randomness for the token.
    #[error("the system gave no randomness for the admin token: {0}")]
    Random(String),
}

/// Starts gateways.
#[derive(Debug)]
pub struct Gateway;

/// A running gateway. Dropping it ends it at once.
#[derive(Debug)]
pub struct GatewayHandle {
    /// Where the admin interface listens.
    pub admin_address: SocketAddr,
    /// Its bearer token.
    pub token: String,
    /// Where interfaces are served, if they are.
    pub interfaces_address: Option<SocketAddr>,
    core: Arc<Core>,
    admin: tokio::task::JoinHandle<()>,
    interfaces: Option<Listening>,
}

impl Gateway {
    /// Starts: the admin address is taken, the kept services serve, then the admin interface answers.
    ///
    /// # Errors
    /// [`StartGatewayError`]; nothing is left running then.
    pub async fn start(config: GatewayConfig) -> Result<GatewayHandle, StartGatewayError> {
        Self::start_with(config, None).await
    }

    /// As [`Gateway::start`], and serves interfaces by signed snapshots beside: the newest that holds
    /// on disk serves before the admin interface answers.
    ///
    /// # Errors
    /// [`StartGatewayError`]; nothing is left running then.
    pub async fn start_with(
        config: GatewayConfig,
        interfaces: Option<InterfacesConfig>,
    ) -> Result<GatewayHandle, StartGatewayError> {
        if !config.admin_listen.ip().is_loopback() {
            return Err(StartGatewayError::AdminNotLoopback(config.admin_listen));
        }
        let kept = match &config.state_file {
            Some(path) => persist::read(path)?,
            None => Vec::new(),
        };
        let token = match config.admin_token {
            Some(token) => token,
            None => random_hex(32)?,
        };
        let listen = interfaces.as_ref().map(|interfaces| interfaces.listen);
        let interfaces = match interfaces {
            Some(interfaces) => Some(Interfaces::open(interfaces).await?),
            None => None,
        };
        let core = Arc::new(Core {
            interfaces,
            services: RwLock::new(BTreeMap::new()),
            change: tokio::sync::Mutex::new(()),
            state_file: config.state_file,
            ids: Arc::new(RequestIds::new(random_hex(4)?)),
        });
        // Taken first: what fails here must not have opened a public address already.
        let address = config.admin_listen;
        let source = |source| StartGatewayError::AdminListen { address, source };
        let listener = TcpListener::bind(address).await.map_err(source)?;
        let admin_address = listener.local_addr().map_err(source)?;
        let (interfaces, interfaces_address) = listening(&core, listen).await?;
        for stored in kept {
            core.restore(stored).await;
        }
        let admin = tokio::spawn(admin::serve(listener, Arc::clone(&core), token.clone()));
        Ok(GatewayHandle {
            admin_address,
            token,
            interfaces_address,
            core,
            admin,
            interfaces,
        })
    }
}

/// A snapshot that is not taken; the one before goes on serving.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}{}", told(.errors))]
pub struct RefusedSnapshot {
    /// Kind of refusal, e.g. `snapshot-older`.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
    /// Findings: JSON pointers and sentences.
    pub errors: Vec<(String, String)>,
}

fn told(errors: &[(String, String)]) -> String {
    let lines = errors.iter().map(|(at, text)| format!("\n  {at}: {text}"));
    lines.collect()
}

impl GatewayHandle {
    /// Puts a signed snapshot in force, as the admin interface does.
    ///
    /// # Errors
    /// [`RefusedSnapshot`]; also when no interfaces are served.
    pub async fn publish(&self, signed: Vec<u8>) -> Result<Acknowledged, RefusedSnapshot> {
        let Some(interfaces) = &self.core.interfaces else {
            return Err(RefusedSnapshot {
                code: "no-interfaces",
                detail: "this gateway serves no interfaces".to_owned(),
                errors: Vec::new(),
            });
        };
        let taken = interfaces.publish(signed.into()).await;
        taken.map_err(|problem| RefusedSnapshot {
            code: problem.code,
            detail: problem.detail,
            errors: problem
                .errors
                .into_iter()
                .map(|(at, text)| (at.into_owned(), text))
                .collect(),
        })
    }

    /// Ends politely: nothing new is taken, what was begun may finish within `grace`.
    pub async fn shutdown(mut self, grace: Duration) {
        self.admin.abort();
        let interfaces = self.interfaces.take();
        let listening: Vec<Listening> = {
            let services = self
                .core
                .services
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            services
                .values()
                .filter_map(Entry::take_listening)
                .chain(interfaces)
                .collect()
        };
        for one in &listening {
            one.finish();
        }
        let all = futures::future::join_all(listening.iter().map(Listening::ended));
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("the gateway's time to finish is over, connections are cut");
        }
    }
}

impl Drop for GatewayHandle {
    fn drop(&mut self) {
        self.admin.abort();
        let services = self
            .core
            .services
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for entry in services.values() {
            drop(entry.take_listening());
            entry.service.close();
        }
    }
}

/// The services and how they change.
#[derive(Debug)]
pub(crate) struct Core {
    services: RwLock<BTreeMap<String, Entry>>,
    change: tokio::sync::Mutex<()>,
    state_file: Option<PathBuf>,
    pub(crate) ids: Arc<RequestIds>,
    pub(crate) interfaces: Option<Arc<Interfaces>>,
}

#[derive(Debug)]
struct Entry {
    service: Arc<Service>,
    opening: Arc<Mutex<Opening>>,
}

/// A public address: open, or why not yet.
#[derive(Debug, Default)]
struct Opening {
    listening: Option<Listening>,
    error: Option<String>,
    closed: bool,
}

impl Entry {
    fn new(service: Arc<Service>, listening: Option<Listening>) -> Self {
        let opening = Opening {
            listening,
            error: None,
            closed: false,
        };
        Self {
            service,
            opening: Arc::new(Mutex::new(opening)),
        }
    }

    fn take_listening(&self) -> Option<Listening> {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        opening.closed = true;
        opening.listening.take()
    }

    fn state(&self) -> ServiceState {
        let opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        self.service.state(opening.error.clone())
    }
}

impl Core {
    pub(crate) fn list(&self) -> Vec<ServiceState> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        services.values().map(Entry::state).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Result<ServiceState, Problem> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        services
            .get(name)
            .map(Entry::state)
            .ok_or_else(|| no_service(name))
    }

    fn service(&self, name: &str) -> Option<Arc<Service>> {
        let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
        services.get(name).map(|entry| Arc::clone(&entry.service))
    }

    /// Creates or replaces a service. The same wish twice changes nothing.
    pub(crate) async fn put(
        &self,
        name: &str,
        mut spec: ServiceSpec,
    ) -> Result<ServiceState, Problem> {
        check_name(name)?;
        let faults = spec.faults();
        if !faults.is_empty() {
            return Err(Problem::invalid(
                format!("service {name} cannot be set up"),
                faults,
            ));
        }
        let _one_at_a_time = self.change.lock().await;
        let existing = self.service(name);
        let old = existing.as_ref().map(|service| service.routing());
        if let Some(old) = &old
            && spec.listen.port() == 0
            && spec.listen.ip() == old.spec.listen.ip()
        {
            spec.listen = old.spec.listen;
        }
        if old.as_ref().is_some_and(|old| old.spec == spec) {
            return self.get(name);
        }
        let listener = match &old {
            Some(old) if old.spec.listen == spec.listen => None,
            _ => Some(open(&mut spec).await?),
        };
        let version = old.as_ref().map_or(1, |old| old.version + 1);
        let switched_at = match &old {
            Some(old) if old.spec.active == spec.active => old.switched_at.clone(),
            _ => spec.active.as_ref().map(|_| now()),
        };
        self.save(
            Some(stored(name, &spec, version, switched_at.clone())),
            name,
        )
        .await?;
        let service = match existing {
            Some(service) => {
                service.replace(spec, version, switched_at);
                service
            }
            None => Service::new(name, spec, version, switched_at),
        };
        if let Some(listener) = listener {
            self.install(name, service, listener);
        }
        self.get(name)
    }

    fn install(&self, name: &str, service: Arc<Service>, listener: TcpListener) {
        let listening = serve(listener, Arc::clone(&service), Arc::clone(&self.ids));
        let mut services = self
            .services
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = services.insert(name.to_owned(), Entry::new(service, Some(listening)));
        if let Some(moved) = before.and_then(|entry| entry.take_listening()) {
            moved.finish();
        }
    }

    /// Moves the traffic, if nobody changed the service since the caller looked.
    pub(crate) async fn switch(&self, name: &str, switch: Switch) -> Result<ServiceState, Problem> {
        let faults = switch.faults();
        if !faults.is_empty() {
            return Err(Problem::invalid(
                format!("service {name} cannot be switched"),
                faults,
            ));
        }
        let _one_at_a_time = self.change.lock().await;
        let service = self.service(name).ok_or_else(|| no_service(name))?;
        let old = service.routing();
        if old.version != switch.expect_version {
            return Err(Problem::conflict(format!(
                "service {name} is at version {}, not {}; read it again",
                old.version, switch.expect_version
            )));
        }
        let same_rule = old.spec.retry.fallback_on == switch.fallback_on;
        if old.spec.active == switch.active && old.spec.standby == switch.standby && same_rule {
            return self.get(name);
        }
        let moved = old.spec.active != switch.active;
        let spec = ServiceSpec {
            active: switch.active,
            standby: switch.standby,
            retry: Retry {
                fallback_on: switch.fallback_on,
                ..old.spec.retry.clone()
            },
            ..old.spec.clone()
        };
        let version = old.version + 1;
        let switched_at = if moved {
            Some(now())
        } else {
            old.switched_at.clone()
        };
        self.save(
            Some(stored(name, &spec, version, switched_at.clone())),
            name,
        )
        .await?;
        service.replace(spec, version, switched_at);
        self.get(name)
    }

    /// Takes a service off; requests that were begun may finish.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Problem> {
        let _one_at_a_time = self.change.lock().await;
        if self.service(name).is_none() {
            return Err(no_service(name));
        }
        self.save(None, name).await?;
        let removed = {
            let mut services = self
                .services
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            services.remove(name)
        };
        if let Some(entry) = removed {
            if let Some(listening) = entry.take_listening() {
                listening.finish();
            }
            let (version, mut spec) = {
                let routing = entry.service.routing();
                (routing.version + 1, routing.spec.clone())
            };
            spec.active = None;
            spec.standby = None;
            spec.health = None;
            entry.service.replace(spec, version, None);
        }
        Ok(())
    }

    /// Writes all services, with `changed` in the place of `name`, before anything is in force.
    async fn save(&self, changed: Option<StoredService>, name: &str) -> Result<(), Problem> {
        let Some(path) = self.state_file.clone() else {
            return Ok(());
        };
        let mut all: Vec<StoredService> = {
            let services = self.services.read().unwrap_or_else(PoisonError::into_inner);
            services
                .values()
                .filter(|entry| entry.service.name != name)
                .map(|entry| {
                    let routing = entry.service.routing();
                    let at = routing.switched_at.clone();
                    stored(&entry.service.name, &routing.spec, routing.version, at)
                })
                .collect()
        };
        all.extend(changed);
        tokio::task::spawn_blocking(move || {
            persist::write(&path, all)
                .map_err(|error| Problem::persist_failed(format!("{}: {error}", path.display())))
        })
        .await
        .unwrap_or_else(|error| Err(Problem::persist_failed(error.to_string())))
    }

    /// Serves a kept service again. An address that is taken is tried until it is free.
    async fn restore(self: &Arc<Self>, stored: StoredService) {
        let StoredService {
            name,
            version,
            switched_at,
            spec,
        } = stored;
        let address = spec.listen;
        let service = Service::new(&name, spec, version, switched_at);
        let entry = Entry::new(Arc::clone(&service), None);
        let opening = Arc::clone(&entry.opening);
        let ids = Arc::clone(&self.ids);
        {
            let mut services = self
                .services
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            services.insert(name.clone(), entry);
        }
        if !reopen(address, &service, &opening, &ids).await {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    if reopen(address, &service, &opening, &ids).await {
                        return;
                    }
                }
            });
        }
    }
}

/// Opens a kept service's address; true when there is nothing left to try.
async fn reopen(
    address: SocketAddr,
    service: &Arc<Service>,
    opening: &Mutex<Opening>,
    ids: &Arc<RequestIds>,
) -> bool {
    let bound = TcpListener::bind(address).await;
    let mut opening = opening.lock().unwrap_or_else(PoisonError::into_inner);
    if opening.closed {
        return true;
    }
    match bound {
        Ok(listener) => {
            opening.listening = Some(serve(listener, Arc::clone(service), Arc::clone(ids)));
            opening.error = None;
            true
        }
        Err(error) => {
            if opening.error.is_none() {
                tracing::error!(service = service.name, %address, %error,
                    "a kept service's public address cannot be opened, it is tried again");
            }
            opening.error = Some(format!("{address}: {error}"));
            false
        }
    }
}

async fn open(spec: &mut ServiceSpec) -> Result<TcpListener, Problem> {
    let failed =
        |error: std::io::Error| Problem::listen_failed(format!("{}: {error}", spec.listen));
    let listener = TcpListener::bind(spec.listen).await.map_err(failed)?;
    spec.listen = listener.local_addr().map_err(failed)?;
    Ok(listener)
}

/// Opens the address of the interfaces.
async fn listening(
    core: &Core,
    address: Option<SocketAddr>,
) -> Result<(Option<Listening>, Option<SocketAddr>), StartGatewayError> {
    let (Some(interfaces), Some(address)) = (&core.interfaces, address) else {
        return Ok((None, None));
    };
    let source = |source| StartGatewayError::InterfacesListen { address, source };
    let listener = TcpListener::bind(address).await.map_err(source)?;
    let bound = listener.local_addr().map_err(source)?;
    let listening = serve(listener, Arc::clone(interfaces), Arc::clone(&core.ids));
    Ok((Some(listening), Some(bound)))
}

fn check_name(name: &str) -> Result<(), Problem> {
    let well = (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if well {
        return Ok(());
    }
    Err(Problem::invalid(
        "a service's name has 1 to 128 letters, digits, dots, dashes and underscores".to_owned(),
        Vec::new(),
    ))
}

fn no_service(name: &str) -> Problem {
    Problem::not_found(format!("there is no service {name}"))
}

fn stored(
    name: &str,
    spec: &ServiceSpec,
    version: u64,
    switched_at: Option<String>,
) -> StoredService {
    StoredService {
        name: name.to_owned(),
        version,
        switched_at,
        spec: spec.clone(),
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn random_hex(bytes: usize) -> Result<String, StartGatewayError> {
    let mut buffer = vec![0u8; bytes];
    getrandom::fill(&mut buffer).map_err(|error| StartGatewayError::Random(error.to_string()))?;
    Ok(hex::encode(buffer))
}
