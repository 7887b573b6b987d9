//! The watch after the switch: probes, users' requests, the process itself.

use std::time::Duration;

use rialto_delivery_release::plan::StepDetail;
use rialto_delivery_release::precondition::Warning;
use rialto_delivery_release::watch::{BakeWatch, Tally, TrafficWatch, Watched};
use rialto_delivery_release::{Event, Step, keeps_older_standby};
use rialto_delivery_store::deployment;
use rialto_delivery_supervisor::SlotKey;
use tokio::time::Instant;

use super::control::Control;
use super::drive::add_reason;
use super::journal::Line;
use super::load::{Loaded, empty_slot};
use super::prepare::{elapsed_ms, settle_environment, watch_detail};
use super::router::{Fallback, RoutedTarget};
use super::traffic::note_standby;
use super::{Deployments, DriveError};

/// How long a new version that is well waits for an unhealthy standby to recover.
const STANDBY_PATIENCE: Duration = Duration::from_secs(600);
/// Tries to end the fallback rule.
const TRIES: u32 = 5;

/// The numbers of a watch.
struct Watch {
    path: String,
    interval: Duration,
    timeout: Duration,
    failure_limit: u32,
    bake_ms: u64,
    /// There was a healthy version to go back to when it began: no success without it.
    has_way_back: bool,
}

impl Deployments {
    /// Watches the new version, on its slot and through the public address.
    pub(super) async fn bake(&self, at: &mut Loaded, control: &Control) -> Result<(), DriveError> {
        let Some(detail) = watch_detail(at) else {
            return self.succeed(at, "switched back").await;
        };
        let StepDetail::Watch {
            path,
            interval_ms,
            timeout_ms,
            failure_limit,
            bake_ms,
        } = detail
        else {
            return self.succeed(at, "nothing to watch").await;
        };
        let said = format!(
            "GET {path} for {bake_ms} ms, {failure_limit} failures in a row go back; requests of \
             users that the new version fails are answered by the standby where they may be sent \
             again"
        );
        self.note(at, Line::started(Step::Bake, &said), |_| Ok(()))
            .await?;
        let watch = Watch {
            path,
            interval: Duration::from_millis(interval_ms),
            timeout: Duration::from_millis(timeout_ms),
            failure_limit,
            bake_ms,
            has_way_back: self.had_way_back(at).await?,
        };
        let began = Instant::now();
        // In force since the switch; said again for a watch that a restart begins anew.
        self.set_fallback(at, Fallback::WhileWatched).await;
        if let Err(reason) = self.watch(at, control, &watch, began).await {
            return self.bake_failed(at, &reason, began).await;
        }
        self.set_fallback(at, Fallback::Off).await;
        let said = format!("healthy for {} ms", elapsed_ms(began));
        self.note(at, Line::ok(Step::Bake, &said).took(began), |_| Ok(()))
            .await?;
        self.settle_standby(at).await;
        let kept = match at.standby() {
            Some(slot) if self.slot_is_healthy(at, slot) => {
                format!("slot {slot} keeps running as hot standby")
            }
            Some(slot) => format!("slot {slot} is kept, but it is not healthy: no hot standby"),
            None => "this is the first version, there is no standby".to_owned(),
        };
        self.succeed(at, &kept).await
    }

    /// Watches until the time is over; `Err` says why to go back.
    async fn watch(
        &self,
        at: &mut Loaded,
        control: &Control,
        numbers: &Watch,
        began: Instant,
    ) -> Result<(), String> {
        let candidate = at.candidate().map_err(|error| error.to_string())?;
        let key = at.slot_key(candidate);
        let label = at.release.version_label.clone();
        let mut probes = BakeWatch::new(numbers.failure_limit, numbers.bake_ms);
        let mut users: Option<TrafficWatch> = None;
        let mut own = Tally::default();
        let restarts = self.supervisor().status(&key).map_or(0, |now| now.restarts);
        loop {
            // A process that dies and is started again may never miss enough probes in a row.
            if let Some(why) = self.started_again(&key, restarts) {
                return Err(why);
            }
            if let Some(reason) = control.going_back() {
                at.asked_back = Some(reason.clone());
                return Err(reason);
            }
            let probed = match self
                .supervisor()
                .probe(&key, &numbers.path, numbers.timeout)
                .await
            {
                Ok(_) => {
                    own.requests += 1;
                    let asked = self.ask_publicly(at, &label).await;
                    own.failures += u64::from(asked.is_err());
                    asked
                }
                Err(reason) => Err(reason),
            };
            if let Err(reason) = &probed {
                self.show(at, &format!("bake: {reason}\n")).await;
            }
            let now_ms = elapsed_ms(began);
            let users_say = self
                .look_at_users(at, &mut users, own, now_ms, numbers)
                .await;
            match (probes.observe(now_ms, probed), users_say) {
                // Its end says more than the requests it failed by it.
                (Watched::Failed(reason), _) => {
                    let known = self.supervisor().status(&key).and_then(|s| s.last_end);
                    return Err(known.unwrap_or(reason));
                }
                (_, Watched::Failed(reason)) => {
                    let path = &numbers.path;
                    let asked = self.supervisor().probe(&key, path, numbers.timeout).await;
                    let ended = match asked {
                        Ok(_) => self.started_again(&key, restarts),
                        Err(_) => self.ended_by_itself(at).await.ok().flatten(),
                    };
                    return Err(ended.unwrap_or(reason));
                }
                (Watched::Passed, _) if !self.standby_missing(at, began, numbers) => {
                    return Ok(());
                }
                _ => {}
            }
            control.pause(numbers.interval).await;
        }
    }

    /// Why the process of a slot had to be started again since it had been so often.
    fn started_again(&self, key: &SlotKey, before: u32) -> Option<String> {
        let status = self.supervisor().status(key)?;
        (status.restarts > before).then(|| {
            status.last_end.map_or_else(
                || "the new version's process ended by itself and was started again".to_owned(),
                |why| format!("the new version was started again: {why}"),
            )
        })
    }

    /// What the router counted of users' requests, without this controller's own.
    async fn look_at_users(
        &self,
        at: &Loaded,
        users: &mut Option<TrafficWatch>,
        own: Tally,
        now_ms: u64,
        numbers: &Watch,
    ) -> Watched {
        let routed = match self.router().get(at.service()).await {
            Ok(Some(service)) => service,
            Ok(None) => return Watched::Continue,
            Err(error) => {
                // The probes through the public address say whether the router is well.
                tracing::debug!(%error, "the router's counters are not known");
                return Watched::Continue;
            }
        };
        let tally = |target: &RoutedTarget| Tally {
            requests: target.requests,
            failures: target.failed_attempts,
        };
        let label = &at.release.version_label;
        let Some(new) = routed.active.filter(|t| t.target.label == *label) else {
            return Watched::Continue;
        };
        let seen = tally(&new).without(own);
        users
            .get_or_insert_with(|| {
                let before = routed.standby.as_ref().map(tally).unwrap_or_default();
                TrafficWatch::new(numbers.failure_limit, before, seen)
            })
            .observe(now_ms, seen)
    }

    /// Tells the router whether failures of the new version are passed by. A router that cannot be
    /// told does not decide the deployment: it is told again with the next switch or start.
    async fn set_fallback(&self, at: &mut Loaded, fallback: Fallback) {
        let Ok(candidate) = at.candidate() else {
            return;
        };
        let active = at.target(candidate);
        let standby = at.standby().and_then(|slot| at.target(slot));
        for attempt in 1..=TRIES {
            match self
                .move_traffic(at, active.as_ref(), standby.as_ref(), fallback)
                .await
            {
                Ok(version) => {
                    at.environment.router_version = Some(version);
                    return;
                }
                Err(error) if attempt == TRIES => {
                    tracing::warn!(environment = %at.environment.id, %error, ?fallback,
                        "the router was not told whether to pass failures by");
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Ends what was kept in case the new version fails: one earlier version stands by from now on,
    /// the one before it unless only the older one is healthy. The other is stopped; written down
    /// with the caller's next line.
    pub(super) async fn settle_standby(&self, at: &mut Loaded) {
        let (Some(older), Some(previous)) = (at.reserve(), at.previous()) else {
            return;
        };
        let keeps_older = keeps_older_standby(
            self.slot_is_healthy(at, previous),
            self.slot_is_healthy(at, older),
        );
        let (kept, left) = if keeps_older {
            (older, previous)
        } else {
            (previous, older)
        };
        at.slot_mut(left).role = "reserve".to_owned();
        at.slot_mut(kept).role = "standby".to_owned();
        note_standby(at);
        if keeps_older {
            self.set_fallback(at, Fallback::Off).await;
        }
        match self.supervisor().stop(&at.slot_key(left)).await {
            Ok(()) => {
                let id = at.environment.id.clone();
                *at.slot_mut(left) = empty_slot(&id, left);
            }
            // It stays in its slot until the next candidate takes that.
            Err(error) => {
                tracing::warn!(slot = %at.slot_key(left), %error, "an old version was not stopped");
            }
        }
    }

    /// No success while the standby is unhealthy, within patience.
    fn standby_missing(&self, at: &Loaded, began: Instant, numbers: &Watch) -> bool {
        let patience = Duration::from_millis(numbers.bake_ms) + STANDBY_PATIENCE;
        numbers.has_way_back
            && at
                .previous()
                .is_some_and(|slot| !self.slot_is_healthy(at, slot))
            && began.elapsed() < patience
    }

    async fn bake_failed(
        &self,
        at: &mut Loaded,
        reason: &str,
        began: Instant,
    ) -> Result<(), DriveError> {
        let sick = at
            .previous()
            .filter(|slot| !self.slot_is_healthy(at, *slot));
        let Some(slot) = sick else {
            let line = Line::failed(Step::Bake, reason)
                .with(Event::BakeFailed)
                .took(began);
            return self.note(at, line, |at| add_reason(at, reason)).await;
        };
        // Going from a sick version to another sick one helps nobody, and could lock the
        // environment against the next repair.
        self.set_fallback(at, Fallback::Off).await;
        self.settle_standby(at).await;
        let said = match at.standby() {
            Some(older) if older != slot => format!(
                "{reason}; the version before it in slot {slot} is not healthy, so the new version \
                 is left serving and an older one stands by in slot {older}: roll back to it or \
                 deploy a repair"
            ),
            _ => format!(
                "{reason}; there is no healthy version to go back to (slot {slot} is not healthy), \
                 so the new version is left serving: deploy a repair"
            ),
        };
        let line = Line::failed(Step::Bake, &said)
            .with(Event::BakeFailedWithoutWayBack)
            .took(began);
        self.note(at, line, |at| {
            settle_environment(at);
            add_reason(at, &said)
        })
        .await
    }

    /// Whether the journal says that there was a healthy version to go back to when it began.
    pub(super) async fn had_way_back(&self, at: &Loaded) -> Result<bool, DriveError> {
        let steps = deployment::steps(&mut self.delivery().db(), &at.deployment.id).await?;
        let warning = Warning::NoWayBack.to_string();
        let last = steps
            .iter()
            .rfind(|line| line.step == Step::Preflight.as_str());
        Ok(!last.is_some_and(|line| line.detail.ends_with(&warning)))
    }
}
