//! The lease row of PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use rialto_platform_store::Token;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection as _, Executor, PgConnection, Postgres, Row as _};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::LeaseError;
use crate::clock::since_boot;
use crate::lease::Shared;

/// Class of the advisory locks of leases, the object being the role.
const CLASS: i32 = 0x1ea5;
/// Longest a statement of a standby may wait: a take-over waits for what the old leader has in
/// flight, which the server ends after `idle_in_transaction_session_timeout` of the writers.
const STATEMENT_TIMEOUT: &str = "5s";
/// What the names of these connections begin with; the server's name follows, cut by PostgreSQL to
/// 63 bytes in all.
pub(crate) const APPLICATION: &str = "rialto-lease ";
/// Pause before a lost connection is opened again.
const RECONNECT: Duration = Duration::from_millis(200);
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);

const PREPARE: [&str; 2] = [
    "INSERT INTO ha_lease (role) VALUES ($1) ON CONFLICT DO NOTHING",
    "INSERT INTO ha_fence (role) VALUES ($1) ON CONFLICT DO NOTHING",
];

const TRY_LOCK: &str = "SELECT pg_try_advisory_lock($1, $2)";
const UNLOCK: &str = "SELECT pg_advisory_unlock($1, $2)";
const BACKEND: &str = "SELECT pg_backend_pid()";

/// Acquires or renews, by the database's clock alone: when this server holds the lease, when it
/// has expired, or when its holder had the advisory lock and this session has it now, which proves
/// that the holder's session ended. A change of the epoch waits for the leader's writes in flight,
/// which share-lock the fence. Always one row: whether the lock is ours, who held the lease before,
/// and the token if it is ours now.
const ACQUIRE: &str = "WITH n AS (
    SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int AS tl,
           EXISTS (SELECT 1 FROM pg_locks
                   WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                     AND classid::bigint = $4 AND objid::bigint = $5 AND objsubid = 2) AS mine),
l AS (
    UPDATE ha_lease x
       SET epoch = x.epoch + (x.holder IS DISTINCT FROM $2 OR x.timeline <> n.tl)::int,
           timeline = n.tl, holder = $2, locked = n.mine,
           expires_at = clock_timestamp() + make_interval(secs => $3)
      FROM n
     WHERE x.role = $1
       AND (x.holder = $2 OR x.expires_at < clock_timestamp() OR (x.locked AND n.mine))
    RETURNING x.timeline, x.epoch),
f AS (
    UPDATE ha_fence y SET timeline = l.timeline, epoch = l.epoch FROM l
     WHERE y.role = $1 AND (y.timeline, y.epoch) IS DISTINCT FROM (l.timeline, l.epoch)
    RETURNING 1)
SELECT n.mine, (SELECT holder FROM ha_lease WHERE role = $1), l.timeline, l.epoch
  FROM n LEFT JOIN l ON TRUE";

const RELEASE: &str = "UPDATE ha_lease SET expires_at = '-infinity', locked = FALSE
     WHERE role = $1 AND holder = $2";
const NOTIFY: &str = "SELECT pg_notify($1, '')";

/// A connection that holds a lease or waits for one.
pub(crate) struct Session {
    listener: PgListener,
    channel: String,
    object: i32,
    /// Whether this session had the advisory lock at the last look.
    locked: bool,
}

/// What an attempt brought.
enum Attempt {
    Leading(Token),
    Standing(Option<String>),
}

/// Why a session ended.
enum Ended {
    Stopped,
    Lost(LeaseError),
}

impl Session {
    /// Connects and makes sure that statements stay in one session of the server.
    pub(crate) async fn open(url: &str, shared: &Shared) -> Result<Self, LeaseError> {
        let options: PgConnectOptions = url.parse()?;
        let options = options
            .application_name(&format!("{APPLICATION}{}", shared.me))
            .options([("statement_timeout", STATEMENT_TIMEOUT)]);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT)
            .max_lifetime(None)
            .idle_timeout(None)
            .connect_with(options.clone())
            .await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        let object = object_of(&shared.role);
        refuse_pooler(&mut listener, &options).await?;
        for sql in PREPARE {
            sqlx::query(sql)
                .bind(&shared.role)
                .execute(&mut listener)
                .await?;
        }
        let channel = format!("rialto_lease_{object:x}");
        listener.listen(&channel).await?;
        Ok(Self {
            listener,
            channel,
            object,
            locked: false,
        })
    }

    async fn attempt(&mut self, shared: &Shared) -> Result<Attempt, sqlx::Error> {
        if !self.locked {
            (self.locked,) = sqlx::query_as(TRY_LOCK)
                .bind(CLASS)
                .bind(self.object)
                .fetch_one(&mut self.listener)
                .await?;
        }
        let row: (bool, Option<String>, Option<i32>, Option<i64>) = sqlx::query_as(ACQUIRE)
            .bind(&shared.role)
            .bind(&shared.me)
            .bind(shared.settings.ttl.as_secs_f64())
            .bind(i64::from(CLASS))
            .bind(i64::from(self.object))
            .fetch_one(&mut self.listener)
            .await?;
        let (mine, holder, timeline, epoch) = row;
        self.locked = mine;
        if let Some(holder) = &holder {
            shared.saw(holder);
        }
        if let (Some(timeline), Some(epoch)) = (timeline, epoch) {
            return Ok(Attempt::Leading(Token {
                role: shared.role.clone(),
                timeline: i64::from(timeline),
                epoch,
            }));
        }
        if mine {
            // The lock came from a session that no longer held the lease: whoever leads now does
            // so by another one, and retries for the lock at its next renewal.
            sqlx::query(UNLOCK)
                .bind(CLASS)
                .bind(self.object)
                .execute(&mut self.listener)
                .await?;
            self.locked = false;
        }
        Ok(Attempt::Standing(holder))
    }

    /// Tries until the lease is this server's, then renews it until it is lost.
    async fn keep(&mut self, shared: &Shared, stopped: &mut oneshot::Receiver<()>) -> Ended {
        loop {
            let sent = since_boot();
            match self.attempt(shared).await {
                Err(error) => return Ended::Lost(error.into()),
                Ok(Attempt::Standing(holder)) => {
                    shared.stand_by(holder);
                    // A leader that gives the lease away says so on the channel.
                    tokio::select! {
                        () = sleep(shared.settings.retry) => {}
                        told = self.listener.try_recv() => match told {
                            Ok(Some(_)) => {}
                            Ok(None) => return Ended::Lost(lost()),
                            Err(error) => return Ended::Lost(error.into()),
                        },
                        _ = &mut *stopped => return Ended::Stopped,
                    }
                }
                Ok(Attempt::Leading(token)) => {
                    let until = sent + shared.settings.trusted();
                    shared.lead(token, until);
                    if let Some(ended) = self.renew(shared, sent, stopped).await {
                        return ended;
                    }
                }
            }
        }
    }

    /// Renews until the lease is lost to another one (`None`) or the session ends.
    async fn renew(
        &mut self,
        shared: &Shared,
        mut sent: Duration,
        stopped: &mut oneshot::Receiver<()>,
    ) -> Option<Ended> {
        loop {
            let next = sent + shared.settings.renew;
            // The connection is watched all the time: with it goes the lock, and a standby may
            // have both within milliseconds.
            loop {
                tokio::select! {
                    () = sleep(next.saturating_sub(since_boot())) => break,
                    told = self.listener.try_recv() => match told {
                        Ok(Some(_)) => {}
                        Ok(None) => return Some(Ended::Lost(lost())),
                        Err(error) => return Some(Ended::Lost(error.into())),
                    },
                    _ = &mut *stopped => {
                        self.release(shared).await;
                        return Some(Ended::Stopped);
                    }
                }
            }
            let trusted = (sent + shared.settings.trusted()).saturating_sub(since_boot());
            sent = since_boot();
            match timeout(trusted, self.attempt(shared)).await {
                Ok(Ok(Attempt::Leading(token))) => {
                    shared.lead(token, sent + shared.settings.trusted());
                }
                Ok(Ok(Attempt::Standing(holder))) => {
                    shared.stand_by(holder);
                    return None;
                }
                Ok(Err(error)) => return Some(Ended::Lost(error.into())),
                Err(_) => return Some(Ended::Lost(unanswered())),
            }
        }
    }

    /// Lets a standby take over at once. What fails here the expiry mends.
    async fn release(&mut self, shared: &Shared) {
        shared.stand_by(None);
        let released = async {
            sqlx::query(RELEASE)
                .bind(&shared.role)
                .bind(&shared.me)
                .execute(&mut self.listener)
                .await?;
            sqlx::query(UNLOCK)
                .bind(CLASS)
                .bind(self.object)
                .execute(&mut self.listener)
                .await?;
            sqlx::query(NOTIFY)
                .bind(&self.channel)
                .execute(&mut self.listener)
                .await?;
            Ok::<_, sqlx::Error>(())
        };
        match timeout(shared.settings.ttl, released).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot give the lease away; it expires"),
            Err(_) => tracing::warn!("no answer to giving the lease away; it expires"),
        }
    }
}

/// Keeps a lease over lost connections until it is stopped.
pub(crate) async fn keep(
    shared: Arc<Shared>,
    url: String,
    first: Session,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut session = Some(first);
    loop {
        let opened = match session.take() {
            Some(session) => Ok(session),
            None => tokio::select! {
                opened = Session::open(&url, &shared) => opened,
                _ = &mut stopped => return,
            },
        };
        let error = match opened {
            Ok(mut open) => match open.keep(&shared, &mut stopped).await {
                Ended::Stopped => return,
                Ended::Lost(error) => error,
            },
            Err(error) => error,
        };
        shared.stand_by(None);
        tracing::warn!(role = shared.role, %error, "the lease's session ended; opening another one");
        tokio::select! {
            () = sleep(RECONNECT) => {}
            _ = &mut stopped => return,
        }
    }
}

/// The object of a role's advisory lock.
fn object_of(role: &str) -> i32 {
    let digest = Sha256::digest(role.as_bytes());
    // 31 bits, so that it is the same number as an `oid` of `pg_locks`.
    i32::from_be_bytes([digest[0] & 0x7f, digest[1], digest[2], digest[3]])
}

/// Behind a pooler, two statements of one connection may run in two sessions of the server, and an
/// advisory lock belongs to neither. The first session is taken by a second connection before the
/// second statement, in case the pooler would give the same one again.
async fn refuse_pooler(
    listener: &mut PgListener,
    options: &PgConnectOptions,
) -> Result<(), LeaseError> {
    let first = backend(&mut *listener).await?;
    let mut other = PgConnection::connect_with(options).await?;
    let mut held = other.begin().await?;
    let taken = backend(&mut *held).await?;
    let second = backend(&mut *listener).await?;
    held.rollback().await?;
    other.close().await?;
    if first != second || first == taken {
        return Err(LeaseError::Pooler);
    }
    Ok(())
}

/// The server's process behind a connection, asked in the simple protocol, which no pooler splits.
async fn backend<'c>(
    connection: impl Executor<'c, Database = Postgres>,
) -> Result<i32, sqlx::Error> {
    let row = sqlx::raw_sql(BACKEND).fetch_one(connection).await?;
    row.try_get(0)
}

fn lost() -> LeaseError {
    let gone = std::io::Error::new(
        std::io::ErrorKind::ConnectionAborted,
        "the connection was lost",
    );
    LeaseError::Postgres(gone.into())
}

fn unanswered() -> LeaseError {
    let late = std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "no renewal was confirmed within the trusted time",
    );
    LeaseError::Postgres(late.into())
}

#[cfg(test)]
mod tests {
    use super::object_of;

    #[test]
    fn roles_have_locks_of_their_own() {
        assert_ne!(object_of("platform"), object_of("center"));
        assert!(object_of("platform") >= 0);
        assert_eq!(object_of("center"), object_of("center"));
    }
}
