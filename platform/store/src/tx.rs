//! A write transaction.

use serde_json::Value;
use sqlx::{Postgres, Sqlite, Transaction};

use crate::db::Pools;
use crate::event::{
    INSERT_EVENT, KEEP_EVENTS, KEEP_MICROS, PRUNE_EVENTS, PRUNE_EVERY, PendingEvent, TAKE_SEQUENCES,
};
use crate::{Db, Engine, Event, Params, Row, StoreError, Token, now, params, to_micros};

/// Key of the advisory lock that makes write transactions serial within one PostgreSQL database.
const TAKE_WRITE_LOCK: &str = "SELECT pg_advisory_xact_lock(7305812649113201)";

/// The same for a leader, whose transactions the server ends soon when the leader is stopped inside
/// of one: a take-over waits for them.
const TAKE_GUARDED_WRITE_LOCK: &str = "SELECT
    set_config('idle_in_transaction_session_timeout', '500ms', true),
    pg_advisory_xact_lock(7305812649113201)";

/// An open write transaction; dropping it rolls it back.
pub struct Tx<'a> {
    db: &'a Db,
    inner: Inner,
    pending: Vec<PendingEvent>,
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx")
            .field("engine", &self.engine())
            .finish_non_exhaustive()
    }
}

impl<'a> Tx<'a> {
    pub(crate) async fn begin(db: &'a Db, token: Option<Token>) -> Result<Self, StoreError> {
        let failed = |error| StoreError::of(error, "BEGIN");
        let lock = match token {
            Some(_) => TAKE_GUARDED_WRITE_LOCK,
            None => TAKE_WRITE_LOCK,
        };
        let inner = match &db.pools {
            Pools::Sqlite { write, .. } => {
                Inner::Sqlite(write.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?)
            }
            Pools::Postgres { write, .. } => {
                let mut tx = write.begin().await.map_err(failed)?;
                sqlx::query(lock).execute(&mut *tx).await.map_err(failed)?;
                Inner::Postgres(tx)
            }
        };
        let mut tx = Self {
            db,
            inner,
            pending: Vec::new(),
        };
        // On SQLite the one process that holds the lock of the file may write.
        if let Some(token) = token
            && tx.engine() == Engine::Postgres
        {
            tx.hold_fence(token).await?;
        }
        Ok(tx)
    }

    /// Which engine this transaction runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// Runs a statement; the number of rows it touched.
    ///
    /// # Errors
    /// Any [`StoreError`] but `NotFound`. After an error PostgreSQL refuses further statements
    /// of the transaction, so give it up.
    pub async fn execute(&mut self, sql: &'static str, params: Params) -> Result<u64, StoreError> {
        let failed = |error| StoreError::of(error, sql);
        match &mut self.inner {
            Inner::Sqlite(tx) => {
                let query = sqlx::query_with(sql, params.sqlite()?);
                Ok(query
                    .execute(&mut **tx)
                    .await
                    .map_err(failed)?
                    .rows_affected())
            }
            Inner::Postgres(tx) => {
                let query = sqlx::query_with(sql, params.postgres()?);
                Ok(query
                    .execute(&mut **tx)
                    .await
                    .map_err(failed)?
                    .rows_affected())
            }
        }
    }

    /// Runs several statements without binds, as migrations have them.
    pub(crate) async fn execute_script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let result = match &mut self.inner {
            Inner::Sqlite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop),
            Inner::Postgres(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop),
        };
        result.map_err(|error| StoreError::of(error, sql))
    }

    /// All rows of a statement (a query, or a change with `RETURNING`).
    ///
    /// # Errors
    /// Any [`StoreError`] but `NotFound`.
    pub async fn fetch_all<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> Result<Vec<T>, StoreError> {
        let rows = match &mut self.inner {
            Inner::Sqlite(tx) => {
                sqlx::query_as_with(sql, params.sqlite()?)
                    .fetch_all(&mut **tx)
                    .await
            }
            Inner::Postgres(tx) => {
                sqlx::query_as_with(sql, params.postgres()?)
                    .fetch_all(&mut **tx)
                    .await
            }
        };
        rows.map_err(|error| StoreError::of(error, sql))
    }

    /// The first row of a statement, if there is one.
    ///
    /// # Errors
    /// Any [`StoreError`] but `NotFound`.
    pub async fn fetch_optional<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> Result<Option<T>, StoreError> {
        // `fetch_all` so that a change with RETURNING always runs to its end.
        Ok(self.fetch_all(sql, params).await?.into_iter().next())
    }

    /// The first row of a statement.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    pub async fn fetch_one<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> Result<T, StoreError> {
        self.fetch_optional(sql, params)
            .await?
            .ok_or(StoreError::NotFound { statement: sql })
    }

    /// Adds an event to be committed with this transaction and sent to subscribers afterwards.
    /// `extra` is `Value::Null` or a small object of public values.
    pub async fn publish(
        &mut self,
        topic: &str,
        id: &str,
        version: i64,
        changed: &[&str],
        extra: Value,
    ) {
        self.pending.push(PendingEvent {
            topic: topic.to_owned(),
            id: id.to_owned(),
            version,
            changed: changed.iter().map(|name| (*name).to_owned()).collect(),
            extra,
        });
    }

    /// Commits, then sends the events to subscribers.
    ///
    /// # Errors
    /// Any [`StoreError`]; nothing was committed, except that after a
    /// [`StoreError::Connection`] it is not known.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let events = self.write_events().await?;
        let committed = match self.inner {
            Inner::Sqlite(tx) => tx.commit().await,
            Inner::Postgres(tx) => tx.commit().await,
        };
        committed.map_err(|error| StoreError::of(error, "COMMIT"))?;
        self.db.broadcast(events).await;
        Ok(())
    }

    /// Rolls back and waits until that is done; dropping does the same without waiting.
    ///
    /// # Errors
    /// [`StoreError::Connection`] when the connection broke, which rolls back too.
    pub async fn rollback(self) -> Result<(), StoreError> {
        let rolled_back = match self.inner {
            Inner::Sqlite(tx) => tx.rollback().await,
            Inner::Postgres(tx) => tx.rollback().await,
        };
        rolled_back.map_err(|error| StoreError::of(error, "ROLLBACK"))
    }

    async fn write_events(&mut self) -> Result<Vec<Event>, StoreError> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let count = i64::try_from(pending.len()).unwrap_or(i64::MAX);
        let (epoch, newest): (i64, i64) = self.fetch_one(TAKE_SEQUENCES, params![count]).await?;
        let at = now();
        let mut events = Vec::with_capacity(pending.len());
        for (event, sequence) in pending.into_iter().zip(newest - count + 1..) {
            let changed = Value::from(event.changed.clone());
            let values = params![
                sequence,
                epoch,
                &event.topic,
                &event.id,
                event.version,
                changed,
                &event.extra,
                at
            ];
            self.execute(INSERT_EVENT, values).await?;
            events.push(Event {
                epoch,
                sequence,
                topic: event.topic,
                id: event.id,
                version: event.version,
                changed: event.changed,
                extra: event.extra,
                at,
            });
        }
        if newest / PRUNE_EVERY != (newest - count) / PRUNE_EVERY {
            let values = params![newest - KEEP_EVENTS, to_micros(at) - KEEP_MICROS];
            self.execute(PRUNE_EVENTS, values).await?;
        }
        Ok(events)
    }
}
