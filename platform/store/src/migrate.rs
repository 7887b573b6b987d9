//! The migration runner: forward only, checksummed, each migration in a transaction.

use sha2::{Digest as _, Sha256};

use crate::event::START_EPOCH;
use crate::{Db, Engine, StoreError, Tx, now, params, to_micros};

/// One step of a schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Counted from 1 without gaps within its system.
    pub version: i64,
    /// Short name for messages.
    pub name: &'static str,
    /// Statements for both engines, separated by `;`.
    pub sql: &'static str,
    /// Replaces `sql` on SQLite.
    pub sqlite: Option<&'static str>,
    /// Replaces `sql` on PostgreSQL.
    pub postgres: Option<&'static str>,
}

/// The migrations of one system, in order.
#[derive(Debug, Clone, Copy)]
pub struct MigrationSet {
    /// Name of the system, e.g. `delivery`; its tables belong to it alone.
    pub system: &'static str,
    /// In order of version.
    pub migrations: &'static [Migration],
}

/// A migration that a database has.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AppliedMigration {
    /// Name of the system.
    pub system: String,
    /// Version within the system.
    pub version: i64,
    /// Its name when it was applied.
    pub name: String,
    /// SHA-256 of the text that ran, hexadecimal.
    pub checksum: String,
    /// Microseconds since the Unix epoch.
    pub applied_at: i64,
    /// Version of the binary that applied it.
    pub binary: String,
}

const OWN: MigrationSet = MigrationSet {
    system: "store",
    migrations: &[Migration {
        version: 1,
        name: "outbox",
        sql: include_str!("sql/outbox.sql"),
        sqlite: None,
        postgres: None,
    }],
};

const BINARY: &str = env!("CARGO_PKG_VERSION");

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migration (
    system TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    binary_version TEXT NOT NULL,
    PRIMARY KEY (system, version)
)";

const APPLIED: &str = "SELECT system, version, name, checksum, applied_at, binary_version AS binary
     FROM schema_migration WHERE system = $1 ORDER BY version";

const ALL_APPLIED: &str =
    "SELECT system, version, name, checksum, applied_at, binary_version AS binary
     FROM schema_migration ORDER BY applied_at, system, version";

const RECORD: &str =
    "INSERT INTO schema_migration (system, version, name, checksum, applied_at, binary_version)
     VALUES ($1, $2, $3, $4, $5, $6)";

impl Db {
    /// The migrations this database has, oldest first.
    ///
    /// # Errors
    /// Any [`StoreError`]; a statement error before the first [`Db::migrate`].
    pub async fn applied_migrations(&self) -> Result<Vec<AppliedMigration>, StoreError> {
        self.fetch_all(ALL_APPLIED, params![]).await
    }
}

pub(crate) async fn run(db: &Db, sets: &[MigrationSet]) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    tx.execute_script(CREATE_TABLE).await?;
    tx.commit().await?;
    for set in std::iter::once(&OWN).chain(sets) {
        check_order(set)?;
        // Refuse before anything is changed: a newer schema of one system must not be met after
        // another system was already migrated.
        let mut tx = db.begin().await?;
        pending(&mut tx, set).await?;
        tx.rollback().await?;
    }
    for set in std::iter::once(&OWN).chain(sets) {
        while apply_next(db, set).await? {}
    }
    let mut tx = db.begin().await?;
    tx.execute(START_EPOCH, params![to_micros(now())]).await?;
    tx.commit().await?;
    db.start_live().await
}

/// Applies the first missing migration of `set`; false when there is none.
async fn apply_next(db: &Db, set: &MigrationSet) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    let Some(migration) = pending(&mut tx, set).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    let text = text_for(migration, tx.engine());
    tx.execute_script(text).await.map_err(|error| {
        failed(
            set,
            migration,
            &format!("{error}; nothing of it was applied"),
        )
    })?;
    let values = params![
        set.system,
        migration.version,
        migration.name,
        checksum(text),
        now(),
        BINARY
    ];
    tx.execute(RECORD, values).await?;
    tx.commit().await?;
    tracing::info!(
        system = set.system,
        version = migration.version,
        "schema migrated"
    );
    Ok(true)
}

/// The first migration of `set` that the database has not; refuses altered and newer schemas.
async fn pending(
    tx: &mut Tx<'_>,
    set: &MigrationSet,
) -> Result<Option<&'static Migration>, StoreError> {
    let engine = tx.engine();
    let applied: Vec<AppliedMigration> = tx.fetch_all(APPLIED, params![set.system]).await?;
    for (index, found) in applied.iter().enumerate() {
        let Some(known) = set.migrations.get(index) else {
            let newest = applied.last().unwrap_or(found);
            return Err(StoreError::Migration {
                message: format!(
                    "the database has schema {} of `{}`, applied by rialto {}; this is rialto \
                     {BINARY}, which knows up to {}: run rialto {} or newer, or restore a backup",
                    newest.version,
                    set.system,
                    newest.binary,
                    set.migrations.len(),
                    newest.binary
                ),
            });
        };
        if found.version != known.version {
            return Err(failed(
                set,
                known,
                "a migration before it was skipped in the database",
            ));
        }
        if found.checksum != checksum(text_for(known, engine)) {
            let why = format!(
                "its text is not the one that rialto {} applied as `{}`; an applied migration \
                 must never be altered, add a new one",
                found.binary, found.name
            );
            return Err(failed(set, known, &why));
        }
    }
    Ok(set.migrations.get(applied.len()))
}

fn check_order(set: &MigrationSet) -> Result<(), StoreError> {
    for (migration, expected) in set.migrations.iter().zip(1..) {
        if migration.version != expected {
            return Err(failed(
                set,
                migration,
                &format!("expected version {expected} here"),
            ));
        }
    }
    Ok(())
}

fn text_for(migration: &Migration, engine: Engine) -> &'static str {
    let own = match engine {
        Engine::Sqlite => migration.sqlite,
        Engine::Postgres => migration.postgres,
    };
    own.unwrap_or(migration.sql)
}

fn checksum(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn failed(set: &MigrationSet, migration: &Migration, why: &str) -> StoreError {
    StoreError::Migration {
        message: format!(
            "migration {} `{}` of `{}`: {why}",
            migration.version, migration.name, set.system
        ),
    }
}
