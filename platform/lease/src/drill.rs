//! Drills of a take-over: the leader is made to end, and what comes after is measured.
//!
//! All times of a drill are those of the database's clock, so that servers whose clocks differ
//! measure the same: when the leader was about to end, when another one led, when that one served.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rialto_platform_store::{Db, Engine, Reader, StoreError, Tx, params};

use crate::LeaseView;

rialto_kernel::define_id!(
    /// A drill.
    DrillId
);

/// How long servers may take until one serves again: control-plane take-over, 99th percentile.
pub const TARGET: Duration = Duration::from_millis(1500);
/// The same after a pause: nothing tells of a frozen leader before its lease has expired.
pub const TARGET_PAUSE: Duration = Duration::from_millis(2000);
/// How many drills are listed.
const LISTED: i64 = 100;

const SERVERS: &str = "SELECT application_name,
       (EXTRACT(EPOCH FROM MIN(backend_start)) * 1000000)::BIGINT AS since
  FROM pg_stat_activity
 WHERE datname = current_database() AND starts_with(application_name, $1)
 GROUP BY application_name ORDER BY since";
const DATABASE_NOW: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT";
const ASK: &str =
    "INSERT INTO ha_drill (id, role, kind, reason, asked_by_id, asked_by_name, asked_at,
        leader_before, timeline_before, epoch_before)
    VALUES ($1, $2, $3, $4, $5, $6,
        (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT, $7, $8, $9)";
const BEGIN: &str = "UPDATE ha_drill
       SET begun_at = (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT
     WHERE id = $1 AND begun_at IS NULL";
const UNFINISHED: &str = "SELECT id FROM ha_drill
     WHERE role = $1 AND begun_at IS NOT NULL AND serving_at IS NULL ORDER BY asked_at, id";
const FINISH: &str = "UPDATE ha_drill
       SET led_at = $2, leader_after = $3, timeline_after = $4, epoch_after = $5,
           serving_at = (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT,
           old_token_refused = NOT EXISTS (
               SELECT 1 FROM ha_fence f WHERE f.role = ha_drill.role
                  AND f.timeline = timeline_before AND f.epoch = epoch_before)
     WHERE id = $1";
const PROVED: &str = "UPDATE ha_drill SET evidence_seq = $2 WHERE id = $1";
const LIST: &str = "SELECT id, kind, reason, asked_by_id, asked_by_name, asked_at, leader_before,
        epoch_before, begun_at, led_at, serving_at, leader_after, epoch_after, old_token_refused,
        evidence_seq
   FROM ha_drill WHERE role = $1 ORDER BY asked_at DESC, id DESC LIMIT $2";
const FIND: &str = "SELECT id, kind, reason, asked_by_id, asked_by_name, asked_at, leader_before,
        epoch_before, begun_at, led_at, serving_at, leader_after, epoch_after, old_token_refused,
        evidence_seq
   FROM ha_drill WHERE id = $1";

/// How the leader ends in a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillKind {
    /// By a signal nothing can catch, as when the machine is lost.
    Kill,
    /// In order, as for a new version.
    Stop,
    /// Frozen, as a machine that hangs: its connections live on, its lease expires.
    Pause,
}

impl DrillKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Kill, Self::Stop, Self::Pause];

    /// `kill`, `stop` or `pause`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Pause => "pause",
        }
    }

    /// Longest outage allowed.
    #[must_use]
    pub const fn target(self) -> Duration {
        match self {
            Self::Kill | Self::Stop => TARGET,
            Self::Pause => TARGET_PAUSE,
        }
    }
}

impl fmt::Display for DrillKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for DrillKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut kinds = Self::ALL.into_iter();
        kinds.find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// A server with a connection for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name in the lease.
    pub name: String,
    /// Since when it is connected, microseconds since the Unix epoch by the database's clock.
    pub since: i64,
}

/// A drill as it is kept; times in microseconds since the Unix epoch by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Drill {
    /// Its id.
    pub id: String,
    /// As [`DrillKind::as_str`] says it.
    pub kind: String,
    /// Why it was made.
    pub reason: String,
    /// Who asked for it.
    pub asked_by_id: String,
    /// Their name.
    pub asked_by_name: String,
    /// When it was asked for.
    pub asked_at: i64,
    /// Who led.
    pub leader_before: String,
    /// By which epoch.
    pub epoch_before: i64,
    /// When the leader was about to end; `None` before, or when it could not write that.
    pub begun_at: Option<i64>,
    /// When another server led.
    pub led_at: Option<i64>,
    /// When that one served.
    pub serving_at: Option<i64>,
    /// Who led then.
    pub leader_after: Option<String>,
    /// By which epoch.
    pub epoch_after: Option<i64>,
    /// Whether writes under the old epoch are refused since.
    pub old_token_refused: Option<bool>,
    /// Position of its record in the evidence log.
    pub evidence_seq: Option<i64>,
}

impl Drill {
    /// From the leader's end until another one led.
    #[must_use]
    pub fn take_over(&self) -> Option<Duration> {
        between(self.begun_at, self.led_at)
    }

    /// From the leader's end until the other one served.
    #[must_use]
    pub fn outage(&self) -> Option<Duration> {
        between(self.begun_at, self.serving_at)
    }

    /// Longest outage allowed.
    #[must_use]
    pub fn target(&self) -> Duration {
        self.kind.parse().map_or(TARGET, DrillKind::target)
    }

    /// Whether the house was back within its [`Drill::target`], by another server under a newer epoch that
    /// refuses what the old one writes; `None` while that is not known.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        let newer = self.epoch_after? > self.epoch_before;
        let other = self.leader_after.as_ref()? != &self.leader_before;
        Some(newer && other && self.old_token_refused? && self.outage()? <= self.target())
    }
}

fn between(from: Option<i64>, to: Option<i64>) -> Option<Duration> {
    Some(Duration::from_micros(u64::try_from(to? - from?).ok()?))
}

/// Who asks for a drill, and why.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Id of the account.
    pub by_id: &'a str,
    /// Its name.
    pub by_name: &'a str,
    /// How the leader is to end.
    pub kind: DrillKind,
    /// Why.
    pub reason: &'a str,
}

/// Keeps that a drill was asked for.
///
/// # Errors
/// [`StoreError::Standby`] when this server does not lead, others of the store.
pub async fn ask(
    tx: &mut Tx<'_>,
    lease: &LeaseView,
    id: &DrillId,
    asked: Asked<'_>,
) -> Result<(), StoreError> {
    let token = lease.token().ok_or(StoreError::Standby)?;
    let row = params![
        id,
        lease.role(),
        asked.kind.as_str(),
        asked.reason,
        asked.by_id,
        asked.by_name,
        lease.name(),
        token.timeline,
        token.epoch
    ];
    tx.execute(ASK, row).await.map(drop)
}

/// Keeps that the leader ends now.
///
/// # Errors
/// Those of the store; the drill must not go on then, since nothing could be measured.
pub async fn begin(db: &Db, id: &DrillId) -> Result<(), StoreError> {
    db.execute(BEGIN, params![id]).await.map(drop)
}

/// The time by the clock of the database; `None` on SQLite, where nobody takes over.
///
/// # Errors
/// Those of the store.
pub async fn database_now(db: &Db) -> Result<Option<i64>, StoreError> {
    if db.engine() == Engine::Sqlite {
        return Ok(None);
    }
    let (now,): (i64,) = db.fetch_one(DATABASE_NOW, params![]).await?;
    Ok(Some(now))
}

/// Ends the drills that were under way when this server took over, which it did at `led_at` by the
/// database's clock: from now on it serves.
///
/// # Errors
/// [`StoreError::Standby`] when this server does not lead, others of the store.
pub async fn finish(
    tx: &mut Tx<'_>,
    lease: &LeaseView,
    led_at: i64,
) -> Result<Vec<Drill>, StoreError> {
    let token = lease.token().ok_or(StoreError::Standby)?;
    let unfinished: Vec<(String,)> = tx.fetch_all(UNFINISHED, params![lease.role()]).await?;
    let mut finished = Vec::with_capacity(unfinished.len());
    for (id,) in &unfinished {
        let row = params![
            id.as_str(),
            led_at,
            lease.name(),
            token.timeline,
            token.epoch
        ];
        tx.execute(FINISH, row).await?;
        finished.extend(find(tx, id).await?);
    }
    Ok(finished)
}

/// Keeps where the evidence log tells of a drill.
///
/// # Errors
/// Those of the store.
pub async fn proved(tx: &mut Tx<'_>, id: &str, seq: i64) -> Result<(), StoreError> {
    tx.execute(PROVED, params![id, seq]).await.map(drop)
}

/// A drill.
///
/// # Errors
/// Those of the store.
pub async fn find(from: &mut impl Reader, id: &str) -> Result<Option<Drill>, StoreError> {
    from.optional(FIND, params![id]).await
}

/// The newest drills of a role.
///
/// # Errors
/// Those of the store.
pub async fn list(db: &Db, role: &str) -> Result<Vec<Drill>, StoreError> {
    db.fetch_all(LIST, params![role, LISTED]).await
}

/// The servers that hold the lease or wait for it, by their connections: one that is cut off or
/// dead has none.
///
/// # Errors
/// Those of the store.
pub async fn servers(db: &Db) -> Result<Vec<Server>, StoreError> {
    if db.engine() == Engine::Sqlite {
        return Ok(Vec::new());
    }
    let prefix = crate::postgres::APPLICATION;
    let rows: Vec<(String, i64)> = db.fetch_all(SERVERS, params![prefix]).await?;
    let server = |(name, since): (String, i64)| Server {
        name: name.trim_start_matches(prefix).to_owned(),
        since,
    };
    Ok(rows.into_iter().map(server).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill() -> Drill {
        Drill {
            id: "d".into(),
            kind: "kill".into(),
            reason: "monthly".into(),
            asked_by_id: "u".into(),
            asked_by_name: "Wang".into(),
            asked_at: 1,
            leader_before: "one".into(),
            epoch_before: 4,
            begun_at: Some(1_000_000),
            led_at: Some(1_080_000),
            serving_at: Some(1_400_000),
            leader_after: Some("two".into()),
            epoch_after: Some(5),
            old_token_refused: Some(true),
            evidence_seq: None,
        }
    }

    #[test]
    fn a_drill_is_met_by_another_server_in_time_that_refuses_the_old_epoch() {
        assert_eq!(drill().take_over(), Some(Duration::from_millis(80)));
        assert_eq!(drill().outage(), Some(Duration::from_millis(400)));
        assert_eq!(drill().met(), Some(true));
        type Spoil = fn(&mut Drill);
        let spoiled: [Spoil; 4] = [
            |drill| drill.serving_at = Some(2_500_001),
            |drill| drill.leader_after = Some("one".into()),
            |drill| drill.epoch_after = Some(4),
            |drill| drill.old_token_refused = Some(false),
        ];
        for spoil in spoiled {
            let mut drill = drill();
            spoil(&mut drill);
            assert_eq!(drill.met(), Some(false), "{drill:?}");
        }
        let hung = Drill {
            kind: "pause".into(),
            serving_at: Some(2_900_000),
            ..drill()
        };
        assert_eq!(hung.met(), Some(true), "a frozen leader is waited for");
        let waiting = Drill {
            serving_at: None,
            ..drill()
        };
        assert_eq!(waiting.met(), None);
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in DrillKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("reboot".parse::<DrillKind>().is_err());
    }
}
