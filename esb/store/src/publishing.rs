//! Bindings of versions, what was published, what is to be in force, what gateways said.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::Reader;
use crate::event::EventRow;
use crate::version::VersionRow;

/// Where requests to a version go, in an environment.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_binding`")]
pub struct BindingRow {
    pub version_id: String,
    pub environment: String,
    /// JSON.
    pub document: String,
    /// Whether every upstream took a connection when it was last tried: 0 or 1.
    pub answered: i64,
    pub tried_at: i64,
    /// Login.
    pub updated_by: String,
    pub updated_at: i64,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_snapshot`")]
pub struct SnapshotRow {
    pub environment: String,
    pub version: i64,
    /// SHA-256 of its text.
    pub digest: String,
    /// The signed text; empty in lists.
    pub signed: String,
    /// JSON: how much it holds.
    pub counts: String,
    /// Login.
    pub author: String,
    pub reason: String,
    pub created_at: i64,
}

/// Which snapshot is to be in force.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_activation`")]
pub struct ActivationRow {
    pub environment: String,
    /// Grows with every publish and every way back.
    pub seq: i64,
    pub version: i64,
    /// Login.
    pub activated_by: String,
    pub reason: String,
    pub activated_at: i64,
}

/// What a gateway said last.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_node`")]
pub struct NodeRow {
    pub environment: String,
    pub node: String,
    /// Where it serves interfaces, as far as that is known.
    pub address: String,
    /// `active`, `behind` or `failed`.
    pub state: String,
    /// Version it serves; 0 for none.
    pub version: i64,
    pub digest: String,
    /// Why it is not active.
    pub reason: String,
    pub told_at: i64,
}

statements! {
    PUT_BINDING = "INSERT INTO esb_binding (version_id, environment, document, answered, tried_at,
        updated_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (version_id, environment) DO UPDATE SET document = excluded.document,
        answered = excluded.answered, tried_at = excluded.tried_at,
        updated_by = excluded.updated_by, updated_at = excluded.updated_at";
    BINDINGS_OF = "SELECT * FROM esb_binding WHERE version_id = $1 ORDER BY environment";
    BINDINGS_IN = "SELECT * FROM esb_binding WHERE environment = $1 ORDER BY version_id";
    BOUND_VERSIONS = "SELECT * FROM esb_version
        WHERE state IN ('testing', 'grey', 'published', 'deprecated', 'retired') AND id > $1
        ORDER BY id LIMIT $2";
    LAST_EVENT = "SELECT * FROM esb_event WHERE version_id = $1 AND interface = $2 AND kind = $3
        ORDER BY no DESC LIMIT 1";
    INSERT_SNAPSHOT = "INSERT INTO esb_snapshot (environment, version, digest, signed, counts,
        author, reason, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    FIND_SNAPSHOT = "SELECT * FROM esb_snapshot WHERE environment = $1 AND version = $2";
    LIST_SNAPSHOTS = "SELECT environment, version, digest, '' AS signed, counts, author, reason,
        created_at FROM esb_snapshot WHERE environment = $1 AND version < $2
        ORDER BY version DESC LIMIT $3";
    PUT_ACTIVATION = "INSERT INTO esb_activation (environment, seq, version, activated_by, reason,
        activated_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (environment) DO UPDATE SET seq = excluded.seq, version = excluded.version,
        activated_by = excluded.activated_by, reason = excluded.reason,
        activated_at = excluded.activated_at";
    DELETE_ACTIVATION = "DELETE FROM esb_activation WHERE environment = $1";
    FIND_ACTIVATION = "SELECT * FROM esb_activation WHERE environment = $1";
    PUT_NODE = "INSERT INTO esb_node (environment, node, address, state, version, digest, reason,
        told_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (environment, node) DO UPDATE SET address = excluded.address,
        state = excluded.state, version = excluded.version, digest = excluded.digest,
        reason = excluded.reason, told_at = excluded.told_at";
    NODES_OF = "SELECT * FROM esb_node WHERE environment = $1 ORDER BY node";
}

/// Binds a version in an environment, or binds it anew.
///
/// # Errors
/// Store errors.
pub async fn put_binding(tx: &mut Tx<'_>, row: &BindingRow) -> Result<(), StoreError> {
    let values = params![
        &row.version_id,
        &row.environment,
        &row.document,
        row.answered,
        row.tried_at,
        &row.updated_by,
        row.updated_at
    ];
    tx.execute(PUT_BINDING, values).await.map(drop)
}

/// Bindings of a version.
///
/// # Errors
/// Store errors.
pub async fn bindings_of(
    reader: &mut impl Reader,
    version_id: &str,
) -> Result<Vec<BindingRow>, StoreError> {
    reader.all(BINDINGS_OF, params![version_id]).await
}

/// Bindings in an environment.
///
/// # Errors
/// Store errors.
pub async fn bindings_in(
    reader: &mut impl Reader,
    environment: &str,
) -> Result<Vec<BindingRow>, StoreError> {
    reader.all(BINDINGS_IN, params![environment]).await
}

/// Versions that gateways may know, after an id.
///
/// # Errors
/// Store errors.
pub async fn versions(
    reader: &mut impl Reader,
    after: &str,
    limit: i64,
) -> Result<Vec<VersionRow>, StoreError> {
    reader.all(BOUND_VERSIONS, params![after, limit]).await
}

/// The last event of a kind that a version saw.
///
/// # Errors
/// Store errors.
pub async fn last_event(
    reader: &mut impl Reader,
    version: &VersionRow,
    kind: &str,
) -> Result<Option<EventRow>, StoreError> {
    let values = params![&version.id, &version.interface, kind];
    reader.optional(LAST_EVENT, values).await
}

/// Keeps a snapshot.
///
/// # Errors
/// [`StoreError::Unique`] when another was published meanwhile.
pub async fn insert_snapshot(tx: &mut Tx<'_>, row: &SnapshotRow) -> Result<(), StoreError> {
    let values = params![
        &row.environment,
        row.version,
        &row.digest,
        &row.signed,
        &row.counts,
        &row.author,
        &row.reason,
        row.created_at
    ];
    tx.execute(INSERT_SNAPSHOT, values).await.map(drop)
}

/// A snapshot whole.
///
/// # Errors
/// Store errors.
pub async fn snapshot(
    reader: &mut impl Reader,
    environment: &str,
    version: i64,
) -> Result<Option<SnapshotRow>, StoreError> {
    reader
        .optional(FIND_SNAPSHOT, params![environment, version])
        .await
}

/// Snapshots below a version, the newest first, without their texts.
///
/// # Errors
/// Store errors.
pub async fn snapshots(
    reader: &mut impl Reader,
    environment: &str,
    before: i64,
    limit: i64,
) -> Result<Vec<SnapshotRow>, StoreError> {
    reader
        .all(LIST_SNAPSHOTS, params![environment, before, limit])
        .await
}

/// Says which snapshot is to be in force; none: nothing is.
///
/// # Errors
/// Store errors.
pub async fn activate(
    tx: &mut Tx<'_>,
    environment: &str,
    row: Option<&ActivationRow>,
) -> Result<(), StoreError> {
    let Some(row) = row else {
        let values = params![environment];
        return tx.execute(DELETE_ACTIVATION, values).await.map(drop);
    };
    let values = params![
        environment,
        row.seq,
        row.version,
        &row.activated_by,
        &row.reason,
        row.activated_at
    ];
    tx.execute(PUT_ACTIVATION, values).await.map(drop)
}

/// Which snapshot is to be in force.
///
/// # Errors
/// Store errors.
pub async fn activation(
    reader: &mut impl Reader,
    environment: &str,
) -> Result<Option<ActivationRow>, StoreError> {
    reader.optional(FIND_ACTIVATION, params![environment]).await
}

/// Keeps what a gateway said.
///
/// # Errors
/// Store errors.
pub async fn put_node(tx: &mut Tx<'_>, row: &NodeRow) -> Result<(), StoreError> {
    let values = params![
        &row.environment,
        &row.node,
        &row.address,
        &row.state,
        row.version,
        &row.digest,
        &row.reason,
        row.told_at
    ];
    tx.execute(PUT_NODE, values).await.map(drop)
}

/// What gateways of an environment said last.
///
/// # Errors
/// Store errors.
pub async fn nodes(
    reader: &mut impl Reader,
    environment: &str,
) -> Result<Vec<NodeRow>, StoreError> {
    reader.all(NODES_OF, params![environment]).await
}
