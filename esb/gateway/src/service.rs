//! A service: the atomic snapshot of where its requests go, and what is still draining.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderName;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::config::{ServiceSpec, ServiceState, Target};
use crate::health;
use crate::upstream::{InFlight, Upstream};

/// Where requests go; replaced as a whole.
#[derive(Debug)]
pub(crate) struct Routing {
    pub(crate) spec: ServiceSpec,
    pub(crate) label_name: HeaderName,
    pub(crate) version: u64,
    pub(crate) switched_at: Option<String>,
    pub(crate) active: Option<Arc<Upstream>>,
    pub(crate) standby: Option<Arc<Upstream>>,
    /// Ends the requests begun under this active version when its time to drain is over.
    pub(crate) activation: Arc<Activation>,
    probes: Vec<Probe>,
}

/// One span of a version being active.
#[derive(Debug)]
pub(crate) struct Activation {
    /// None: it is never over.
    over: Option<watch::Sender<bool>>,
}

impl Activation {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            over: Some(watch::Sender::new(false)),
        })
    }

    /// One that ends nobody's request, even when it is gone: they end by their own limits.
    pub(crate) fn endless() -> Arc<Self> {
        Arc::new(Self { over: None })
    }

    fn end(&self) {
        if let Some(over) = &self.over {
            over.send_replace(true);
        }
    }

    /// Completes when requests of this activation have to end.
    pub(crate) fn over(&self) -> impl Future<Output = ()> + Send + 'static {
        let receiver = self.over.as_ref().map(watch::Sender::subscribe);
        async move {
            match receiver {
                // A dropped sender means the service is gone: the same end.
                Some(mut receiver) => drop(receiver.wait_for(|over| *over).await),
                None => std::future::pending().await,
            }
        }
    }
}

#[derive(Debug)]
struct Probe {
    upstream: Arc<Upstream>,
    task: Option<AbortHandle>,
}

/// A service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    routing: RwLock<Arc<Routing>>,
    draining: Mutex<Vec<Arc<Upstream>>>,
    pub(crate) requests: AtomicU64,
    pub(crate) failed_requests: AtomicU64,
    pub(crate) failed_attempts: AtomicU64,
    pub(crate) rescued: AtomicU64,
    pub(crate) retried: AtomicU64,
}

impl Service {
    pub(crate) fn new(
        name: &str,
        spec: ServiceSpec,
        version: u64,
        switched_at: Option<String>,
    ) -> Arc<Self> {
        let routing = Self::assemble(spec, version, switched_at, None);
        Arc::new(Self {
            name: name.to_owned(),
            routing: RwLock::new(Arc::new(routing)),
            draining: Mutex::new(Vec::new()),
            requests: AtomicU64::new(0),
            failed_requests: AtomicU64::new(0),
            failed_attempts: AtomicU64::new(0),
            rescued: AtomicU64::new(0),
            retried: AtomicU64::new(0),
        })
    }

    pub(crate) fn routing(&self) -> Arc<Routing> {
        Arc::clone(&self.routing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Chooses a version for a request and counts it in flight, both under the snapshot's lock: a
    /// switch that comes after sees the request and lets it finish.
    pub(crate) fn select(
        &self,
        choose: impl FnOnce(&Routing) -> Option<Arc<Upstream>>,
    ) -> (Arc<Routing>, Option<InFlight>) {
        let routing = self.routing.read().unwrap_or_else(PoisonError::into_inner);
        let in_flight = choose(&routing).map(|upstream| upstream.begin());
        (Arc::clone(&routing), in_flight)
    }

    /// Counts an attempt that a version failed.
    pub(crate) fn count_failed_attempt(&self, upstream: &Upstream) {
        self.failed_attempts.fetch_add(1, Ordering::Relaxed);
        upstream.failed_attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Puts a new wish in force: versions that stay keep their connections, health and counters;
    /// the one that leaves the active place drains.
    pub(crate) fn replace(
        self: &Arc<Self>,
        spec: ServiceSpec,
        version: u64,
        switched_at: Option<String>,
    ) {
        let old = self.routing();
        let new = Arc::new(Self::assemble(spec, version, switched_at, Some(&old)));
        *self.routing.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        for probe in &old.probes {
            let kept = new
                .probes
                .iter()
                .any(|p| Arc::ptr_eq(&p.upstream, &probe.upstream))
                && new.spec.health == old.spec.health;
            if let (false, Some(task)) = (kept, &probe.task) {
                task.abort();
            }
        }
        if !Arc::ptr_eq(&old.activation, &new.activation) {
            self.drain(&old);
        }
    }

    fn assemble(
        spec: ServiceSpec,
        version: u64,
        switched_at: Option<String>,
        old: Option<&Routing>,
    ) -> Routing {
        let known: &[Probe] = old.map_or(&[], |o| &o.probes);
        let same_checks = old.is_some_and(|o| o.spec.health == spec.health);
        let mut probes = Vec::new();
        let mut take = |target: Option<&Target>| {
            let target = target?;
            let kept = known.iter().find(|p| p.upstream.target == *target);
            let upstream = kept.map_or_else(
                || Arc::new(Upstream::new(target.clone())),
                |probe| Arc::clone(&probe.upstream),
            );
            let task = match kept {
                Some(probe) if same_checks => probe.task.clone(),
                _ => spec
                    .health
                    .clone()
                    .map(|c| health::watch(&upstream, c).abort_handle()),
            };
            probes.push(Probe {
                upstream: Arc::clone(&upstream),
                task,
            });
            Some(upstream)
        };
        let active = take(spec.active.as_ref());
        let standby = take(spec.standby.as_ref());
        let activation = old
            .filter(|o| o.spec.active == spec.active)
            .map_or_else(Activation::new, |o| Arc::clone(&o.activation));
        // The name was checked when the wish came in.
        let label_name = spec
            .header_label
            .parse()
            .unwrap_or_else(|_| HeaderName::from_static("x-rialto-version"));
        Routing {
            spec,
            label_name,
            version,
            switched_at,
            active,
            standby,
            activation,
            probes,
        }
    }

    /// Lets requests of the old activation finish, then ends them.
    fn drain(self: &Arc<Self>, old: &Routing) {
        let activation = Arc::clone(&old.activation);
        let Some(upstream) = old.active.clone() else {
            return;
        };
        let limit = Duration::from_millis(old.spec.drain_timeout_ms);
        self.draining
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&upstream));
        let service = Arc::clone(self);
        tokio::spawn(async move {
            if tokio::time::timeout(limit, upstream.until_finished())
                .await
                .is_err()
            {
                tracing::warn!(
                    service = service.name,
                    label = upstream.target.label,
                    in_flight = upstream.in_flight(),
                    "time to drain is over, requests are cut"
                );
            }
            activation.end();
            let mut draining = service
                .draining
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = draining.iter().position(|u| Arc::ptr_eq(u, &upstream)) {
                draining.swap_remove(at);
            }
        });
    }

    /// Ends everything at once: probes and requests in flight.
    pub(crate) fn close(&self) {
        let routing = self.routing();
        for task in routing.probes.iter().filter_map(|p| p.task.as_ref()) {
            task.abort();
        }
        routing.activation.end();
    }

    pub(crate) fn state(&self, listen_error: Option<String>) -> ServiceState {
        let routing = self.routing();
        let draining = self.draining.lock().unwrap_or_else(PoisonError::into_inner);
        ServiceState {
            name: self.name.clone(),
            listen: routing.spec.listen,
            listen_error,
            active: routing.active.as_ref().map(|u| u.state()),
            standby: routing.standby.as_ref().map(|u| u.state()),
            draining: draining
                .iter()
                .map(|u| u.state())
                .filter(|s| s.in_flight > 0)
                .collect(),
            requests: self.requests.load(Ordering::Relaxed),
            failed_requests: self.failed_requests.load(Ordering::Relaxed),
            failed_attempts: self.failed_attempts.load(Ordering::Relaxed),
            rescued: self.rescued.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
            fallback_on: routing.spec.retry.fallback_on.clone(),
            switched_at: routing.switched_at.clone(),
            version: routing.version,
        }
    }
}
