//! The switch and its verification.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use rialto_delivery_release::plan::StepDetail;
use rialto_delivery_release::{Event, RouterView, SlotName, Step};
use rialto_delivery_store::environment;
use rialto_delivery_supervisor::http;
use rialto_platform_store::{now, to_micros};
use serde_json::json;
use tokio::time::Instant;

use super::drive::add_reason;
use super::journal::Line;
use super::load::{Loaded, slots, target};
use super::prepare::{settle_environment, watch_detail};
use super::router::{Fallback, LABEL_HEADER, RouteWish, RoutedService, RouterError, Target};
use super::{Deployments, DriveError};
use crate::DeliveryError;

/// How long requests begun before a switch may go on.
const DRAIN_TIMEOUT_MS: u64 = 30_000;
/// Tries to see a version through the public address.
const VERIFY_TRIES: u32 = 10;
const VERIFY_PAUSE: Duration = Duration::from_millis(200);

impl Deployments {
    /// What the router really serves.
    pub(super) async fn observe(&self, at: &Loaded) -> RouterView {
        match self.router().get(at.service()).await {
            Ok(service) => view_of(at, service.and_then(|s| s.active.map(|a| a.target))),
            Err(error) => {
                tracing::warn!(environment = %at.environment.id, %error, "the router was not read");
                RouterView::Unknown
            }
        }
    }

    /// How the router differs from the record, if it does.
    pub(super) async fn drift(&self, at: &Loaded) -> Option<String> {
        let expected = at.active();
        match self.observe(at).await {
            RouterView::Serves { active } if active == expected => None,
            RouterView::Serves { active } => {
                let shown = |slot: Option<SlotName>| slot.map_or("nothing", SlotName::as_str);
                Some(format!(
                    "it serves {}, the record says {}",
                    shown(active),
                    shown(expected)
                ))
            }
            RouterView::Foreign { address } => {
                Some(format!("it serves {address}, which is no slot"))
            }
            RouterView::Unknown => Some("it did not answer".to_owned()),
        }
    }

    /// How the router differs from the record, when nobody is at work on either.
    ///
    /// Another deployment that holds the lock moves traffic before it writes that it did, so what
    /// looks like drift then is none; the question is asked again under the lock.
    pub(super) async fn lasting_drift(
        &self,
        at: &mut Loaded,
    ) -> Result<Option<String>, DeliveryError> {
        let mut db = self.delivery().db();
        let mine = Some(at.deployment.id.as_str());
        let Some(before) = environment::find(&mut db, &at.environment.id).await? else {
            return Ok(None);
        };
        let holder = before.lock_deployment_id.clone();
        if holder.is_some() && holder.as_deref() != mine {
            return Ok(None);
        }
        at.environment = before;
        at.slots = slots(&mut db, &at.environment.id).await?;
        let drift = self.drift(at).await;
        if drift.is_none() || holder.is_some() {
            return Ok(drift);
        }
        let after = environment::find(&mut db, &at.environment.id).await?;
        let still = after.is_some_and(|row| row.version == at.environment.version);
        Ok(drift.filter(|_| still))
    }

    /// Sets the environment's route up before a candidate takes its slot: the active version stays,
    /// and so does its standby.
    pub(super) async fn open_route(&self, at: &mut Loaded) -> Result<(), String> {
        let active = at.active().and_then(|slot| at.target(slot));
        let standby = at.standby().and_then(|slot| at.target(slot));
        let service = self
            .put_route(at, active, standby, Fallback::Off)
            .await
            .map_err(|e| e.to_string())?;
        at.environment.listen = Some(service.listen.to_string());
        at.environment.url = Some(format!("http://{}", reachable(service.listen)));
        at.environment.router_version = i64::try_from(service.version).ok();
        Ok(())
    }

    pub(super) async fn put_route(
        &self,
        at: &Loaded,
        active: Option<Target>,
        standby: Option<Target>,
        fallback: Fallback,
    ) -> Result<RoutedService, RouterError> {
        let health = &at.definition.health;
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let wish = RouteWish {
            listen: at.spec.listen.or_else(|| at.listen()).unwrap_or(any_port),
            active,
            standby,
            health: json!({
                "path": health.path,
                "interval_ms": health.interval_ms,
                "timeout_ms": health.timeout_ms,
                "unhealthy_after": health.failure_limit,
                "healthy_after": 2,
            }),
            drain_timeout_ms: DRAIN_TIMEOUT_MS,
            retry: json!({ "max_attempts": 3, "fallback_on": fallback.statuses() }),
            header_label: LABEL_HEADER,
        };
        self.router().put(at.service(), &wish).await
    }

    /// Moves the traffic; the intent was written when this state was entered.
    pub(super) async fn switch(&self, at: &mut Loaded) -> Result<(), DriveError> {
        let began = Instant::now();
        let candidate = at.candidate()?;
        let active = at.target(candidate);
        let standby = at.previous().and_then(|slot| at.target(slot));
        let fallback = match watch_detail(at) {
            Some(StepDetail::Watch { .. }) => Fallback::WhileWatched,
            _ => Fallback::Off,
        };
        let switched = self
            .move_traffic(at, active.as_ref(), standby.as_ref(), fallback)
            .await;
        match switched {
            Ok(version) => {
                at.environment.router_version = Some(version);
                self.confirm_switch(at, began).await
            }
            Err(error) => {
                let reason = error.to_string();
                let line = Line::failed(Step::Switch, &reason)
                    .with(Event::SwitchNotConfirmed)
                    .took(began);
                self.note(at, line, |at| add_reason(at, &reason)).await
            }
        }
    }

    pub(super) async fn move_traffic(
        &self,
        at: &Loaded,
        active: Option<&Target>,
        standby: Option<&Target>,
        fallback: Fallback,
    ) -> Result<i64, RouterError> {
        let service =
            self.router()
                .get(at.service())
                .await?
                .ok_or_else(|| RouterError::Refused {
                    status: 404,
                    detail: "the service is not set up".to_owned(),
                })?;
        let moved = self
            .router()
            .switch(at.service(), active, standby, fallback, service.version)
            .await?;
        if moved.active_target() != active {
            return Err(RouterError::Answer(
                "it shows another active version".to_owned(),
            ));
        }
        Ok(i64::try_from(moved.version).unwrap_or(i64::MAX))
    }

    /// The router serves the candidate: write that down, then see it through the public address.
    pub(super) async fn confirm_switch(
        &self,
        at: &mut Loaded,
        began: Instant,
    ) -> Result<(), DriveError> {
        let candidate = at.candidate()?;
        let detail = format!(
            "the router serves {candidate}, version {}",
            at.release.version_label
        );
        self.note(at, Line::ok(Step::Switch, &detail).took(began), |at| {
            at.deployment.switched_at = Some(to_micros(now()));
            make_active(at, candidate);
            Ok(())
        })
        .await?;
        let label = at.release.version_label.clone();
        let said = format!("version {label} through the public address");
        self.note(at, Line::started(Step::Verify, &said), |_| Ok(()))
            .await?;
        let began = Instant::now();
        match self.see_publicly(at, &label).await {
            Ok(()) => {
                let said = format!("version {label} answers");
                let line = Line::ok(Step::Verify, &said)
                    .with(Event::SwitchConfirmed)
                    .took(began);
                self.note(at, line, |_| Ok(())).await
            }
            Err(reason) => {
                let reason = match watch_detail(at) {
                    Some(_) => self.ended_by_itself(at).await?.unwrap_or(reason),
                    // A version that stood by may have ended long ago and serve again since.
                    None => reason,
                };
                let line = Line::failed(Step::Verify, &reason)
                    .with(Event::SwitchNotConfirmed)
                    .took(began);
                self.note(at, line, |at| add_reason(at, &reason)).await
            }
        }
    }

    /// Asks the public address until this version answers.
    pub(super) async fn see_publicly(&self, at: &Loaded, label: &str) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..VERIFY_TRIES {
            match self.ask_publicly(at, label).await {
                Ok(()) => return Ok(()),
                Err(reason) => last = reason,
            }
            tokio::time::sleep(VERIFY_PAUSE).await;
        }
        Err(last)
    }

    /// One request through the public address that this version must answer well.
    pub(super) async fn ask_publicly(&self, at: &Loaded, label: &str) -> Result<(), String> {
        let listen = at.listen().ok_or("the environment has no public address")?;
        let health = &at.definition.health;
        // A busy gateway's own attempts take longer than one probe.
        let limit = Duration::from_millis(health.timeout_ms) + Duration::from_secs(1);
        let answer = http::probe(reachable(listen), &health.path, limit).await?;
        let served = answer
            .headers
            .get(LABEL_HEADER)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("");
        if served == label {
            Ok(())
        } else {
            Err(format!(
                "version \"{served}\" answered in the place of {label}"
            ))
        }
    }

    pub(super) async fn succeed(&self, at: &mut Loaded, said: &str) -> Result<(), DriveError> {
        let line = Line::ok(Step::KeepStandby, said).with(Event::BakePassed);
        self.note(at, line, |at| {
            settle_environment(at);
            if at.deployment.kind == "rollback" {
                let took = to_micros(now()).saturating_sub(at.deployment.created_at) / 1_000;
                at.deployment.rollback_ms = Some(took);
            }
            Ok(())
        })
        .await
    }
}

/// The rows after the traffic moved to `slot`: what served before stands by, and what stood by
/// before that is kept in reserve until the version in `slot` has proved itself.
pub(super) fn make_active(at: &mut Loaded, slot: SlotName) {
    let before = at.previous().filter(|other| *other != slot);
    if let Some(older) = at.standby().filter(|older| *older != slot)
        && before.is_some_and(|before| before != older)
    {
        at.slot_mut(older).role = "reserve".to_owned();
    }
    serve(at, slot);
    if let Some(other) = before {
        at.slot_mut(other).role = "standby".to_owned();
    }
    note_standby(at);
}

/// The rows after the traffic moved back to `slot`: what was in reserve stands by for it again.
pub(super) fn make_active_again(at: &mut Loaded, slot: SlotName) {
    serve(at, slot);
    if let Some(older) = at.reserve() {
        at.slot_mut(older).role = "standby".to_owned();
    }
    note_standby(at);
}

fn serve(at: &mut Loaded, slot: SlotName) {
    at.environment.active_slot = Some(slot.as_str().to_owned());
    at.environment.active_release_id = at.slot(slot).and_then(|row| row.release_id.clone());
    at.slot_mut(slot).role = "active".to_owned();
}

/// The environment names the release that stands by, if one does.
pub(super) fn note_standby(at: &mut Loaded) {
    let row = at.standby().and_then(|slot| at.slot(slot));
    at.environment.standby_release_id = row.and_then(|row| row.release_id.clone());
}

fn view_of(at: &Loaded, active: Option<Target>) -> RouterView {
    let Some(active) = active else {
        return RouterView::Serves { active: None };
    };
    let slot = SlotName::ALL.into_iter().find(|name| {
        at.slot(*name)
            .and_then(target)
            .is_some_and(|t| t.address == active.address)
    });
    match slot {
        Some(slot) => RouterView::Serves { active: Some(slot) },
        None => RouterView::Foreign {
            address: active.address.to_string(),
        },
    }
}

/// An address one can connect to: "all interfaces" is asked on loopback.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => {
            SocketAddr::from((Ipv4Addr::LOCALHOST, listen.port()))
        }
        IpAddr::V6(ip) if ip.is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, listen.port()))
        }
        _ => listen,
    }
}
