//! A snapshot as it is served: compiled once, never changed, replaced as a whole. What counts and
//! what is connected outlives it, by id.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use jiff::tz::TimeZone;
use rialto_esb_policy::breaker::{Breaker, BreakerConfig};
use rialto_esb_policy::limit::{Bucket, Limit};
use rialto_esb_policy::route::{Router, Source};
use rialto_esb_schema::portable::ReadPortableError;
use rialto_esb_snapshot as model;

use super::auth::{Authenticator, CompileAuthError};
use super::mask::Masker;
use super::pool::{Instance, Pool};
use super::validate::Rules;

/// A snapshot in force.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) snapshot: model::Snapshot,
    pub(crate) digest: String,
    pub(crate) router: Router,
    /// Number of the published route for a number of the router's.
    pub(crate) route_of: Vec<usize>,
    pub(crate) routes: Vec<Route>,
    pub(crate) auth: Authenticator,
    subscriptions: HashMap<(usize, String, u32), Arc<Subscription>>,
    pub(crate) zone: TimeZone,
    /// A route looks at a query parameter.
    pub(crate) reads_query: bool,
}

/// A route in force.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) major: u32,
    pub(crate) interface: usize,
    pub(crate) policy: usize,
    /// Pools in the order of the variants.
    pub(crate) pools: Vec<Arc<Pool>>,
    pub(crate) masker: Option<Masker>,
    pub(crate) rules: Option<Arc<Rules>>,
    pub(crate) connect: Duration,
    pub(crate) first_byte: Duration,
    pub(crate) idle: Duration,
    pub(crate) total: Duration,
}

/// A subscription in force.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) spec: model::Subscription,
    pub(crate) limit: Option<Limit>,
    pub(crate) windows: Vec<(model::Window, TimeZone)>,
    pub(crate) counts: Arc<Counts>,
}

/// What a subscription has used, from snapshot to snapshot.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) bucket: Bucket,
    /// The day (number of days since 1970) in the upper 24 bits, calls of it in the lower 40.
    pub(crate) day: AtomicU64,
    pub(crate) in_flight: AtomicU32,
}

/// Why a checked snapshot still does not compile.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileTableError {
    #[error("routes: {0}")]
    Routes(String),
    #[error(transparent)]
    Auth(#[from] CompileAuthError),
    #[error("route {route}: {error}")]
    Rules {
        route: String,
        error: ReadPortableError,
    },
    #[error("{0} names something that is not there")]
    Dangling(String),
    #[error("zone {0} is not known here")]
    Zone(String),
}

type InstanceKey = (String, SocketAddr, Option<String>);

/// What outlives snapshots, found again by id while some snapshot still holds it.
#[derive(Debug, Default)]
pub(crate) struct Living {
    counts: HashMap<String, Arc<Counts>>,
    instances: HashMap<InstanceKey, Weak<Instance>>,
    breakers: HashMap<String, (BreakerConfig, Arc<Mutex<Breaker>>)>,
    /// Compiled rules by their name and the modes they are used in.
    rules: HashMap<(String, model::Mode, model::Mode), Weak<Rules>>,
}

impl Living {
    /// Counts of a subscription; they stay for as long as the process lives, so that nobody gets a
    /// new quota by leaving a snapshot and coming back.
    pub(crate) fn counts(&mut self, id: &str) -> Arc<Counts> {
        Arc::clone(self.counts.entry(id.to_owned()).or_default())
    }

    /// All counts, for keeping them on disk.
    pub(crate) fn all_counts(&self) -> impl Iterator<Item = (&String, &Arc<Counts>)> {
        self.counts.iter()
    }

    fn instance(&mut self, pool: &model::Pool, address: SocketAddr) -> Arc<Instance> {
        let probe = pool.health.as_ref().map(|health| format!("{health:?}"));
        let key = (pool.id.clone(), address, probe);
        if let Some(known) = self.instances.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        let made = Instance::new(address, pool.health.as_ref());
        self.instances.insert(key, Arc::downgrade(&made));
        self.instances.retain(|_, one| one.strong_count() > 0);
        made
    }

    /// The rules of a route; those that some snapshot still holds are not compiled again.
    fn rules(
        &mut self,
        route: &model::Route,
        snapshot: &model::Snapshot,
    ) -> Result<Option<Arc<Rules>>, CompileTableError> {
        let off = |asked: &&model::Validation| {
            asked.request == model::Mode::Off && asked.response == model::Mode::Off
        };
        let Some(asked) = route.validation.as_ref().filter(|asked| !off(asked)) else {
            return Ok(None);
        };
        let key = (asked.rules.clone(), asked.request, asked.response);
        if let Some(known) = self.rules.get(&key).and_then(Weak::upgrade) {
            return Ok(Some(known));
        }
        let text = snapshot.schemas.get(&asked.rules);
        let text =
            text.ok_or_else(|| CompileTableError::Dangling(format!("route {}", route.id)))?;
        let made = Rules::compile(asked, text).map_err(|error| CompileTableError::Rules {
            route: route.id.clone(),
            error,
        })?;
        let made = Arc::new(made);
        self.rules.insert(key, Arc::downgrade(&made));
        Ok(Some(made))
    }

    /// Forgets rules that no snapshot holds any more.
    pub(crate) fn forget_rules(&mut self) {
        self.rules.retain(|_, one| one.strong_count() > 0);
    }

    fn breaker(&mut self, pool: &str, config: BreakerConfig) -> Arc<Mutex<Breaker>> {
        match self.breakers.get(pool) {
            Some((known, breaker)) if *known == config => Arc::clone(breaker),
            _ => {
                let made = Arc::new(Mutex::new(Breaker::new(config)));
                self.breakers
                    .insert(pool.to_owned(), (config, Arc::clone(&made)));
                made
            }
        }
    }
}

impl Table {
    /// Compiles a snapshot that [`model::check`] passed.
    ///
    /// # Errors
    /// What this gateway cannot do (yet), by name.
    pub(crate) fn compile(
        snapshot: model::Snapshot,
        digest: String,
        group: &model::GroupKey,
        living: &mut Living,
    ) -> Result<Self, CompileTableError> {
        let mut flat = Vec::new();
        let mut route_of = Vec::new();
        for (n, route) in snapshot.routes.iter().enumerate() {
            for (one, _) in route.flattened() {
                flat.push(one);
                route_of.push(n);
            }
        }
        let router = Router::compile(&flat).map_err(|errors| {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            CompileTableError::Routes(texts.join("; "))
        })?;
        let applications = snapshot.applications.iter().enumerate();
        let applications: HashMap<String, usize> =
            applications.map(|(n, one)| (one.id.clone(), n)).collect();
        let pools = pools(&snapshot, living);
        let routes: Result<Vec<Route>, _> = snapshot
            .routes
            .iter()
            .map(|one| route(one, &snapshot, &pools, living))
            .collect();
        let routes = routes?;
        let subscriptions = subscriptions(&snapshot, &applications, living)?;
        let auth = Authenticator::compile(&snapshot, &applications, group)?;
        let in_query = |one: &model::Predicate| matches!(one.source, Source::Query(_));
        let reads_query = snapshot
            .routes
            .iter()
            .any(|r| r.predicates.iter().any(in_query));
        Ok(Self {
            zone: zone(&snapshot.calendar.zone)?,
            router,
            route_of,
            routes,
            auth,
            subscriptions,
            digest,
            reads_query,
            snapshot,
        })
    }

    /// The right of an application to an interface.
    pub(crate) fn subscription(
        &self,
        application: usize,
        interface: &str,
        major: u32,
    ) -> Option<&Arc<Subscription>> {
        self.subscriptions
            .get(&(application, interface.to_owned(), major))
    }

    /// Limits that are others than under the table before are gone over to, credit carried.
    pub(crate) fn take_over(&self, before: &Self, now_ns: u64) {
        let old: HashMap<&str, Limit> = before
            .subscriptions
            .values()
            .filter_map(|one| Some((one.spec.id.as_str(), one.limit?)))
            .collect();
        for one in self.subscriptions.values() {
            if let (Some(new), Some(old)) = (one.limit, old.get(one.spec.id.as_str()))
                && new != *old
            {
                one.counts.bucket.change(*old, new, now_ns);
            }
        }
    }
}

fn zone(name: &str) -> Result<TimeZone, CompileTableError> {
    TimeZone::get(name).map_err(|_| CompileTableError::Zone(name.to_owned()))
}

fn pools(snapshot: &model::Snapshot, living: &mut Living) -> HashMap<String, Arc<Pool>> {
    let made = snapshot.pools.iter().map(|pool| {
        let instances = pool
            .endpoints
            .iter()
            .map(|one| (living.instance(pool, one.address), one.weight))
            .collect();
        let made = Pool {
            id: pool.id.clone(),
            instances,
            breaker: pool.breaker.map(|config| living.breaker(&pool.id, config)),
            budget: Mutex::default(),
            compared_ms: AtomicU64::new(0),
            activation: crate::service::Activation::endless(),
        };
        (pool.id.clone(), Arc::new(made))
    });
    made.collect()
}

fn route(
    one: &model::Route,
    snapshot: &model::Snapshot,
    pools: &HashMap<String, Arc<Pool>>,
    living: &mut Living,
) -> Result<Route, CompileTableError> {
    let dangling = || CompileTableError::Dangling(format!("route {}", one.id));
    let interface = snapshot
        .interfaces
        .iter()
        .position(|i| i.id == one.interface && i.version == one.version)
        .ok_or_else(dangling)?;
    let policy = snapshot.policies.iter().position(|p| p.id == one.policy);
    let found: Option<Vec<_>> = one
        .variants
        .iter()
        .map(|v| pools.get(&v.pool).cloned())
        .collect();
    let masker = match &one.masking {
        Some(masking) => Some(Masker::new(masking, &snapshot.labels).ok_or_else(dangling)?),
        None => None,
    };
    Ok(Route {
        major: snapshot.interfaces[interface]
            .major()
            .ok_or_else(dangling)?,
        interface,
        policy: policy.ok_or_else(dangling)?,
        pools: found.ok_or_else(dangling)?,
        masker,
        rules: living.rules(one, snapshot)?,
        connect: Duration::from_millis(one.timeouts.connect_ms),
        first_byte: Duration::from_millis(one.timeouts.first_byte_ms),
        idle: Duration::from_millis(one.timeouts.idle_ms),
        total: Duration::from_millis(one.timeouts.total_ms),
    })
}

type Subscriptions = HashMap<(usize, String, u32), Arc<Subscription>>;

fn subscriptions(
    snapshot: &model::Snapshot,
    applications: &HashMap<String, usize>,
    living: &mut Living,
) -> Result<Subscriptions, CompileTableError> {
    let mut made = HashMap::new();
    for one in &snapshot.subscriptions {
        let dangling = || CompileTableError::Dangling(format!("subscription {}", one.id));
        let application = *applications.get(&one.application).ok_or_else(dangling)?;
        let mut windows = Vec::new();
        for id in &one.windows {
            let window = snapshot
                .windows
                .iter()
                .find(|w| w.id == *id)
                .ok_or_else(dangling)?;
            windows.push((window.clone(), zone(&window.zone)?));
        }
        let subscription = Subscription {
            limit: one.limits.rate.and_then(model::Rate::limit),
            windows,
            counts: living.counts(&one.id),
            spec: one.clone(),
        };
        let key = (application, one.interface.clone(), one.major);
        made.insert(key, Arc::new(subscription));
    }
    Ok(made)
}
