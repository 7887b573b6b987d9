//! The database handle: two typed pools behind one set of calls.

use std::sync::{Arc, OnceLock};

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, PgPool, SqlitePool};
use tokio::sync::{Mutex, broadcast};

use crate::event::{EVENT_WINDOW, EVENTS_SINCE, EventRow};
use crate::{Event, EventWindow, MigrationSet, Params, StoreError, Token, Tx, WriteGate};

/// Live events a slow subscriber may fall behind before it must replay.
const LIVE_EVENTS: usize = 4_096;
/// Events read at once when catching up with other processes.
const CATCH_UP: i64 = 1_000;

/// Which engine a [`Db`] runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite: one file, one writing process.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A row type that reads from both engines: derive `sqlx::FromRow`, or use a tuple.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{}

/// A database, cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pub(crate) pools: Pools,
    live: Arc<Live>,
    gate: Arc<OnceLock<Arc<dyn WriteGate>>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Pools {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres { write: PgPool, read: PgPool },
}

#[derive(Debug)]
struct Live {
    sender: broadcast::Sender<Event>,
    /// Sequence of the last event sent to subscribers; `None` before the first is known.
    sent: Mutex<Option<i64>>,
}

impl Db {
    /// Opens `sqlite:///absolute/path.db` (created when absent) or `postgres://…`.
    ///
    /// # Errors
    /// [`StoreError::Url`] for another form or a database of the wrong collation,
    /// [`StoreError::Connection`] when it cannot be reached.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let pools = if url.starts_with("sqlite:") {
            let (write, read) = crate::sqlite::open(url).await?;
            Pools::Sqlite { write, read }
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let (write, read) = crate::postgres::open(url).await?;
            Pools::Postgres { write, read }
        } else {
            let scheme = url.split(':').next().unwrap_or_default();
            return Err(StoreError::Url {
                message: format!(
                    "unknown scheme `{scheme}`; expected sqlite:///absolute/path.db or \
                     postgres://user:password@host/database"
                ),
            });
        };
        let (sender, _) = broadcast::channel(LIVE_EVENTS);
        Ok(Self {
            pools,
            live: Arc::new(Live {
                sender,
                sent: Mutex::new(None),
            }),
            gate: Arc::default(),
        })
    }

    /// Brings the schema up to date: the store's own tables, then `sets` in order.
    ///
    /// # Errors
    /// [`StoreError::Migration`] when an applied migration was altered, one fails, or the schema
    /// is newer than this binary.
    pub async fn migrate(&self, sets: &[MigrationSet]) -> Result<(), StoreError> {
        crate::migrate::run(self, sets).await
    }

    /// Which engine this database runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.pools {
            Pools::Sqlite { .. } => Engine::Sqlite,
            Pools::Postgres { .. } => Engine::Postgres,
        }
    }

    /// Size of the database on disk, bytes (without the write-ahead log).
    ///
    /// # Errors
    /// [`StoreError`] of the statement.
    pub async fn size_bytes(&self) -> Result<u64, StoreError> {
        let sql = match self.engine() {
            Engine::Sqlite => {
                "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            }
            Engine::Postgres => "SELECT pg_database_size(current_database())",
        };
        let (bytes,): (i64,) = self.fetch_one(sql, Params::new(vec![])).await?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Begins a write transaction. Write transactions run one after the other on both engines,
    /// so keep them short and wait for nothing but the database inside. Dropping the transaction
    /// rolls it back.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another one stays open for over 30 s, [`StoreError::Standby`]
    /// when writes are guarded and this server does not lead.
    pub async fn begin(&self) -> Result<Tx<'_>, StoreError> {
        Tx::begin(self, self.leading()?).await
    }

    /// Begins a write transaction whoever leads. Only for what decides who leads.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another one stays open for over 30 s.
    pub async fn begin_unguarded(&self) -> Result<Tx<'_>, StoreError> {
        Tx::begin(self, None).await
    }

    /// From now on write transactions of this handle and of all its clones begin only with a token
    /// of `gate`, and commit nothing once there is a newer one. False when there is a gate already.
    pub fn guard_writes(&self, gate: Arc<dyn WriteGate>) -> bool {
        self.gate.set(gate).is_ok()
    }

    /// The token that this handle may write by: `Ok(None)` when writes are not guarded.
    ///
    /// # Errors
    /// [`StoreError::Standby`] when this server does not lead.
    pub fn leading(&self) -> Result<Option<Token>, StoreError> {
        match self.gate.get() {
            Some(gate) => Ok(Some(gate.token().ok_or(StoreError::Standby)?)),
            None => Ok(None),
        }
    }

    /// Runs one writing statement in a transaction of its own; the number of rows it touched.
    ///
    /// # Errors
    /// Those of [`Tx::execute`] and [`Tx::commit`].
    pub async fn execute(&self, sql: &'static str, params: Params) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let rows = tx.execute(sql, params).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// All rows of a reading statement.
    ///
    /// # Errors
    /// Any [`StoreError`] but `NotFound`.
    pub async fn fetch_all<T: Row>(
        &self,
        sql: &'static str,
        params: Params,
    ) -> Result<Vec<T>, StoreError> {
        let rows = match &self.pools {
            Pools::Sqlite { read, .. } => {
                sqlx::query_as_with(sql, params.sqlite()?)
                    .fetch_all(read)
                    .await
            }
            Pools::Postgres { read, .. } => {
                sqlx::query_as_with(sql, params.postgres()?)
                    .fetch_all(read)
                    .await
            }
        };
        rows.map_err(|error| StoreError::of(error, sql))
    }

    /// The first row of a reading statement, if there is one.
    ///
    /// # Errors
    /// Any [`StoreError`] but `NotFound`.
    pub async fn fetch_optional<T: Row>(
        &self,
        sql: &'static str,
        params: Params,
    ) -> Result<Option<T>, StoreError> {
        let row = match &self.pools {
            Pools::Sqlite { read, .. } => {
                sqlx::query_as_with(sql, params.sqlite()?)
                    .fetch_optional(read)
                    .await
            }
            Pools::Postgres { read, .. } => {
                sqlx::query_as_with(sql, params.postgres()?)
                    .fetch_optional(read)
                    .await
            }
        };
        row.map_err(|error| StoreError::of(error, sql))
    }

    /// The first row of a reading statement.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub async fn fetch_one<T: Row>(
        &self,
        sql: &'static str,
        params: Params,
    ) -> Result<T, StoreError> {
        self.fetch_optional(sql, params)
            .await?
            .ok_or(StoreError::NotFound { statement: sql })
    }

    /// Events from now on, in commit order, after their transactions are committed. A receiver
    /// that lags gets `Lagged` and replays with [`Db::events_since`].
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.live.sender.subscribe()
    }

    /// Up to `limit` events after `sequence`, oldest first.
    ///
    /// # Errors
    /// Any [`StoreError`] but `NotFound`.
    pub async fn events_since(&self, sequence: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
        let rows: Vec<EventRow> = self
            .fetch_all(EVENTS_SINCE, crate::params![sequence, limit])
            .await?;
        rows.into_iter().map(Event::try_from).collect()
    }

    /// Which events can be replayed.
    ///
    /// # Errors
    /// Any [`StoreError`]; `NotFound` before [`Db::migrate`].
    pub async fn event_window(&self) -> Result<EventWindow, StoreError> {
        let (epoch, oldest, newest) = self.fetch_one(EVENT_WINDOW, crate::params![]).await?;
        Ok(EventWindow {
            epoch,
            oldest,
            newest,
        })
    }

    /// Sends events that other processes committed to this process's subscribers, looking every
    /// `every`; runs until dropped. Needed where several servers share one PostgreSQL.
    pub async fn relay_events(&self, every: std::time::Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let mut sent = self.live.sent.lock().await;
            if let Err(error) = self.send_new(&mut sent, i64::MAX).await {
                tracing::warn!(%error, "cannot read new events; trying again");
            }
        }
    }

    /// Marks the present as the point from which live events are sent.
    pub(crate) async fn start_live(&self) -> Result<(), StoreError> {
        let mut sent = self.live.sent.lock().await;
        if sent.is_none() {
            *sent = Some(self.event_window().await?.newest);
        }
        Ok(())
    }

    /// Sends committed events to subscribers in sequence. A gap before them means another
    /// transaction committed and has not come here yet (or another process did): sequences are
    /// given at commit, so those events are readable and are sent first.
    pub(crate) async fn broadcast(&self, events: Vec<Event>) {
        let Some(first) = events.first().map(|event| event.sequence) else {
            return;
        };
        let mut sent = self.live.sent.lock().await;
        if sent.is_some_and(|last| last < first - 1)
            && let Err(error) = self.send_new(&mut sent, first - 1).await
        {
            // Subscribers see the jump in sequence and replay; nothing is lost in the table.
            tracing::warn!(%error, "cannot read events committed by others");
        }
        for event in events {
            if sent.is_none_or(|last| event.sequence > last) {
                *sent = Some(event.sequence);
                // An error only says that nobody listens.
                let _ = self.live.sender.send(event);
            }
        }
    }

    /// Sends what the table holds after `sent`, up to and including `until`.
    async fn send_new(&self, sent: &mut Option<i64>, until: i64) -> Result<(), StoreError> {
        let Some(mut last) = *sent else {
            *sent = Some(self.event_window().await?.newest.min(until));
            return Ok(());
        };
        while last < until {
            let events = self.events_since(last, CATCH_UP).await?;
            let full = events.len() == usize::try_from(CATCH_UP).unwrap_or(usize::MAX);
            for event in events
                .into_iter()
                .take_while(|event| event.sequence <= until)
            {
                last = event.sequence;
                *sent = Some(last);
                let _ = self.live.sender.send(event);
            }
            if !full {
                break;
            }
        }
        Ok(())
    }

    /// Waits for the connections to end; for an orderly stop. Later calls fail.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}
