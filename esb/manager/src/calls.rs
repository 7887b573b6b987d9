//! Who calls what: collected from the gateways, kept by the hour, told as the system map, and read by
//! the guards of versions and by comparisons.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use jiff::Timestamp;
use rialto_esb_policy::calls::{CallReport, EdgeCount, HOUR_US, Watched, percentile};
use rialto_esb_store::call::{self, CallRow, EdgeRow, FieldRow, WatchRow};
use rialto_esb_store::subscription::{self, Wanted};
use rialto_esb_store::version::VersionRow;
use rialto_esb_store::{Reader, interface, system};
use rialto_kernel::Calendar;
use rialto_platform_store::{Tx, from_micros, now, to_micros};

use crate::publisher::GatewayNode;
use crate::subscriptions::{ENVIRONMENTS, today_state};
use crate::systems::one_of;
use crate::versions::Number;
use crate::view::{CallsView, EdgeView, FieldUseView, UnusedView, WatchView, Words};
use crate::{InterfacePlatform, PlatformError, today};

/// Days calls are kept.
pub const KEPT_DAYS: u32 = 400;
/// Days of the calls that comparisons tell.
pub(crate) const RECENT_DAYS: u32 = 90;
/// Most edges or fields told at once.
const MOST: i64 = 5_000;
/// What is asked for again, so that a call under way when a node was asked is not missed: 2 minutes.
const AGAIN_US: i64 = 120_000_000;

/// Until when each node was asked, by its own time.
pub(crate) type Asked = Mutex<BTreeMap<(String, String), i64>>;

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn told(code: &str) -> Option<String> {
    (!code.is_empty()).then(|| code.to_owned())
}

fn hour_of(days: u32) -> i64 {
    to_micros(now()).div_euclid(HOUR_US) - i64::from(days) * 24
}

fn row_of(node: &dyn GatewayNode, boot: i64, one: &EdgeCount) -> CallRow {
    let edge = one.edge.clone();
    CallRow {
        environment: node.environment().to_owned(),
        interface: edge.interface,
        version: edge.version,
        operation: edge.operation,
        application: edge.application.unwrap_or_default(),
        variant: edge.variant,
        hour: one.hour,
        node: node.name().to_owned(),
        boot,
        requests: count(one.count.requests),
        succeeded: count(one.count.succeeded),
        refused: count(one.count.refused),
        failed: count(one.count.failed),
        durations: one.count.durations.map(count),
        first_at: one.count.first,
        last_at: one.count.last,
    }
}

async fn keep(
    tx: &mut Tx<'_>,
    node: &dyn GatewayNode,
    report: &CallReport,
) -> Result<(), PlatformError> {
    for one in &report.edges {
        let row = row_of(node, report.boot, one);
        call::put(tx, &row).await?;
        for (field, last) in &one.count.fields {
            let field = FieldRow {
                environment: row.environment.clone(),
                interface: row.interface.clone(),
                version: row.version.clone(),
                operation: row.operation.clone(),
                application: row.application.clone(),
                field: field.clone(),
                last_at: *last,
            };
            call::put_field(tx, &field).await?;
        }
    }
    let known = call::watches(tx, node.environment()).await?;
    let before = known.into_iter().find(|one| one.node == node.name());
    let before = before.map(|one| Watched {
        boot: one.boot,
        told: one.told_at,
        since: one.since,
    });
    let watched = Watched::after(before, report);
    let row = WatchRow {
        environment: node.environment().to_owned(),
        node: node.name().to_owned(),
        boot: watched.boot,
        told_at: watched.told,
        since: watched.since,
    };
    Ok(call::put_watch(tx, &row).await?)
}

fn within(days: u32) -> Result<u32, PlatformError> {
    if (1..=KEPT_DAYS).contains(&days) {
        return Ok(days);
    }
    Err(PlatformError::invalid(
        "days",
        "out_of_range",
        format!("{days} days: 1 to {KEPT_DAYS} are kept"),
        format!("天数 {days} 超出范围，可查 1 至 {KEPT_DAYS} 天"),
    ))
}

/// The major part of `1.0.0`.
fn major(version: &str) -> Option<i64> {
    version.split('.').next()?.parse().ok()
}

impl InterfacePlatform {
    /// Asks every gateway for the calls since it was last asked, and keeps them. A gateway that does
    /// not answer keeps its counts for a day and is asked again the next time.
    ///
    /// # Errors
    /// Store errors.
    pub async fn collect_calls(&self) -> Result<(), PlatformError> {
        for environment in ENVIRONMENTS {
            for node in self.nodes(environment) {
                let key = (environment.to_owned(), node.name().to_owned());
                let asked = self
                    .asked()
                    .lock()
                    .map_or(None, |all| all.get(&key).copied());
                // Why a gateway does not answer is told beside what it serves.
                let Ok(report) = node.calls(asked.unwrap_or(0)).await else {
                    continue;
                };
                let mut tx = self.db().begin().await?;
                keep(&mut tx, &*node, &report).await?;
                tx.commit().await?;
                if let Ok(mut all) = self.asked().lock() {
                    all.insert(key, report.at - AGAIN_US);
                }
            }
        }
        Ok(())
    }

    /// Forgets calls older than [`KEPT_DAYS`].
    ///
    /// # Errors
    /// Store errors.
    pub async fn forget_calls(&self) -> Result<(), PlatformError> {
        let hour = hour_of(KEPT_DAYS);
        let mut tx = self.db().begin().await?;
        call::forget(&mut tx, hour, hour * HOUR_US).await?;
        Ok(tx.commit().await?)
    }

    /// Who calls what in an environment, of one interface or of all.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for an unknown environment or too many days.
    pub async fn calls(
        &self,
        environment: &str,
        interface: Option<&str>,
        days: u32,
    ) -> Result<CallsView, PlatformError> {
        one_of("environment", environment, &ENVIRONMENTS)?;
        let from = hour_of(within(days)?);
        let mut reader = self.db();
        let rows = call::edges(&mut reader, environment, interface, from, MOST + 1).await?;
        let more = rows.len() > usize::try_from(MOST).unwrap_or(usize::MAX);
        let watched = call::watches(&mut reader, environment).await?;
        let watched = watched.into_iter().map(|one| {
            Ok(WatchView {
                node: one.node,
                since: from_micros(one.since)?,
                told_at: from_micros(one.told_at)?,
            })
        });
        let watched = watched.collect::<Result<_, PlatformError>>()?;
        let unused = self.unused(environment, interface, &rows).await?;
        let mut edges = self.named_edges(rows).await?;
        edges.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
        Ok(CallsView {
            environment: environment.to_owned(),
            days,
            watched,
            edges,
            more,
            unused,
        })
    }

    /// Edges with the names of applications, interfaces and systems.
    async fn named_edges(&self, rows: Vec<EdgeRow>) -> Result<Vec<EdgeView>, PlatformError> {
        let mut reader = self.db();
        let (mut callers, mut titles) = (BTreeMap::new(), BTreeMap::new());
        let mut edges = Vec::with_capacity(rows.len());
        for row in rows {
            if !callers.contains_key(&row.application) {
                let found = subscription::application(&mut reader, &row.application).await?;
                callers.insert(row.application.clone(), found);
            }
            if !titles.contains_key(&row.interface) {
                let found = interface::find(&mut reader, &row.interface).await?;
                let of = found.as_ref().map_or("", |one| &one.system);
                let owner = system::find(&mut reader, of).await?;
                titles.insert(row.interface.clone(), (found, owner));
            }
            let caller = callers.get(&row.application).and_then(Option::as_ref);
            let (found, owner) = titles
                .get(&row.interface)
                .map_or((None, None), |(found, owner)| {
                    (found.as_ref(), owner.as_ref())
                });
            let durations = [
                row.up_to_10_ms,
                row.up_to_50_ms,
                row.up_to_200_ms,
                row.up_to_1_s,
                row.up_to_5_s,
                row.longer,
            ];
            edges.push(EdgeView {
                application: told(&row.application),
                application_name: caller.map(|one| one.name.clone()),
                application_owner: caller.map(|one| one.owner.clone()),
                title: found.map(|one| one.title.clone()).unwrap_or_default(),
                system: found.map(|one| one.system.clone()).unwrap_or_default(),
                system_name: owner.map_or_else(
                    || Words::new("", ""),
                    |one| Words::new(&*one.name_en, &*one.name_zh),
                ),
                p95_ms: percentile(&durations.map(unsigned), 95),
                requests: unsigned(row.requests),
                succeeded: unsigned(row.succeeded),
                refused: unsigned(row.refused),
                failed: unsigned(row.failed),
                first_at: from_micros(row.first_at)?,
                last_at: from_micros(row.last_at)?,
                interface: row.interface,
                version: row.version,
                operation: row.operation,
            });
        }
        Ok(edges)
    }

    /// Subscriptions in force without a call among edges.
    async fn unused(
        &self,
        environment: &str,
        interface: Option<&str>,
        edges: &[EdgeRow],
    ) -> Result<Vec<UnusedView>, PlatformError> {
        let called: BTreeSet<(&str, &str, i64)> = edges
            .iter()
            .filter_map(|one| Some((&*one.application, &*one.interface, major(&one.version)?)))
            .collect();
        let wanted = Wanted {
            interface: interface.map(str::to_owned),
            ..Wanted::default()
        };
        let (mut unused, mut after) = (Vec::new(), String::new());
        loop {
            let rows = subscription::list(&mut self.db(), &wanted, &after, 1_000).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for one in rows.iter().filter(|one| one.environment == environment) {
                let key = (&*one.application, &*one.interface, one.major);
                if today_state(one)?.admits_calls() && !called.contains(&key) {
                    unused.push(UnusedView {
                        subscription: one.id.clone(),
                        application: one.application.clone(),
                        interface: one.interface.clone(),
                        major: u32::try_from(one.major).unwrap_or(0),
                    });
                }
            }
        }
        Ok(unused)
    }

    /// Fields that requests to an interface held.
    ///
    /// # Errors
    /// As for [`InterfacePlatform::calls`].
    pub async fn field_use(
        &self,
        code: &str,
        environment: &str,
        days: u32,
    ) -> Result<Vec<FieldUseView>, PlatformError> {
        one_of("environment", environment, &ENVIRONMENTS)?;
        let from = hour_of(within(days)?) * HOUR_US;
        let rows = call::fields(&mut self.db(), environment, code, from, MOST).await?;
        let told = rows.into_iter().map(|row| {
            Ok(FieldUseView {
                application: told(&row.application),
                version: row.version,
                operation: row.operation,
                field: row.field,
                last_at: from_micros(row.last_at)?,
            })
        });
        told.collect()
    }

    /// Calls of a version by application in the last [`RECENT_DAYS`], with the last one.
    pub(crate) async fn recent_calls(
        &self,
        row: &VersionRow,
    ) -> Result<BTreeMap<String, (u64, Option<Timestamp>)>, PlatformError> {
        let number = Number::of(row).to_string();
        let from = hour_of(RECENT_DAYS);
        let mut calls: BTreeMap<String, (u64, Option<Timestamp>)> = BTreeMap::new();
        for environment in ENVIRONMENTS {
            let code = Some(row.interface.as_str());
            let edges = call::edges(&mut self.db(), environment, code, from, MOST).await?;
            for one in edges.into_iter().filter(|one| one.version == number) {
                let known = calls.entry(one.application).or_default();
                known.0 += unsigned(one.requests);
                known.1 = known.1.max(Some(from_micros(one.last_at)?));
            }
        }
        Ok(calls)
    }

    /// Trading days since a version was last called in production, or since calls of all its
    /// gateways were collected without a gap; `None` while nothing collects them.
    pub(crate) async fn quiet_days(
        &self,
        reader: &mut impl Reader,
        row: &VersionRow,
    ) -> Result<Option<u32>, PlatformError> {
        let (environment, number) = ("production", Number::of(row).to_string());
        let watched = call::watches(reader, environment).await?;
        let nodes = self.nodes(environment);
        let since = |node: &str| {
            watched
                .iter()
                .find(|one| one.node == node)
                .map(|one| one.since)
        };
        let since: Option<Vec<i64>> = nodes.iter().map(|node| since(node.name())).collect();
        let Some(watched) = since.and_then(|all| all.into_iter().max()) else {
            return Ok(None);
        };
        let last = call::last_call(reader, environment, &row.interface, &number).await?;
        let quiet = from_micros(last.unwrap_or(watched).max(watched))?;
        Ok(trading_days_since(quiet))
    }
}

/// Trading days after the day of an instant, up to today; `None` when the calendar does not reach
/// back so far.
fn trading_days_since(at: Timestamp) -> Option<u32> {
    let calendar = Calendar::china();
    let from = calendar.local(at).date().tomorrow().ok()?;
    if from > today() {
        return Some(0);
    }
    let days = calendar.trading_days(from, today()).ok()?;
    u32::try_from(days.len()).ok()
}
