//! Rows and statements.

use rialto_esb_center::config::ItemKey;
use rialto_esb_center::registry::{InstanceKey, ServiceKey};
use rialto_platform_store::{Db, Reader, StoreError, Tx, params, statements};

/// What is set for a service.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct ServiceRow {
    pub namespace: String,
    pub grp: String,
    pub name: String,
    pub threshold: i64,
}

/// A persistent instance.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct InstanceRow {
    pub namespace: String,
    pub grp: String,
    pub name: String,
    pub document: String,
}

/// A configuration item.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct ConfigRow {
    pub namespace: String,
    pub grp: String,
    pub id: String,
    pub kind: String,
    pub secret: bool,
    pub content: String,
    pub grey: Option<String>,
    pub grey_content: Option<String>,
    pub revision: i64,
    pub updated_by: String,
    pub updated_at: i64,
}

impl ConfigRow {
    pub fn key(&self) -> ItemKey {
        ItemKey {
            namespace: self.namespace.clone(),
            group: self.grp.clone(),
            id: self.id.clone(),
        }
    }
}

/// What was done to an item.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct HistoryRow {
    pub revision: i64,
    pub event: String,
    pub kind: String,
    pub secret: bool,
    pub content: String,
    pub grey: Option<String>,
    pub grey_content: Option<String>,
    pub actor: String,
    pub reason: String,
    pub at: i64,
}

statements! {
    ALL_SERVICES = "SELECT * FROM esb_center_service";
    PUT_SERVICE = "INSERT INTO esb_center_service (namespace, grp, name, threshold)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (namespace, grp, name) DO UPDATE SET threshold = excluded.threshold";
    ALL_INSTANCES = "SELECT namespace, grp, name, document FROM esb_center_instance";
    PUT_INSTANCE = "INSERT INTO esb_center_instance
        (namespace, grp, name, address, port, cluster, document)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (namespace, grp, name, address, port, cluster)
        DO UPDATE SET document = excluded.document";
    DELETE_INSTANCE = "DELETE FROM esb_center_instance WHERE namespace = $1 AND grp = $2
        AND name = $3 AND address = $4 AND port = $5 AND cluster = $6";
    ALL_CONFIGS = "SELECT * FROM esb_config";
    FIND_CONFIG = "SELECT * FROM esb_config WHERE namespace = $1 AND grp = $2 AND id = $3";
    INSERT_CONFIG = "INSERT INTO esb_config (namespace, grp, id, kind, secret, content, grey,
        grey_content, revision, updated_by, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    DELETE_CONFIG = "DELETE FROM esb_config WHERE namespace = $1 AND grp = $2 AND id = $3";
    INSERT_HISTORY = "INSERT INTO esb_config_history (namespace, grp, id, revision, event, kind,
        secret, content, grey, grey_content, actor, reason, at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    NEWEST_REVISION = "SELECT coalesce(max(revision), 0) FROM esb_config_history
        WHERE namespace = $1 AND grp = $2 AND id = $3";
    HISTORY_OF = "SELECT revision, event, kind, secret, content, grey, grey_content, actor, reason,
        at FROM esb_config_history
        WHERE namespace = $1 AND grp = $2 AND id = $3 AND revision < $4
        ORDER BY revision DESC LIMIT $5";
}

pub(crate) async fn services(db: &Db) -> Result<Vec<ServiceRow>, StoreError> {
    db.fetch_all(ALL_SERVICES, params![]).await
}

pub(crate) async fn put_service(
    tx: &mut Tx<'_>,
    key: &ServiceKey,
    threshold: i64,
) -> Result<(), StoreError> {
    let values = params![&key.namespace, &key.group, &key.name, threshold];
    tx.execute(PUT_SERVICE, values).await.map(drop)
}

pub(crate) async fn instances(db: &Db) -> Result<Vec<InstanceRow>, StoreError> {
    db.fetch_all(ALL_INSTANCES, params![]).await
}

pub(crate) async fn put_instance(
    tx: &mut Tx<'_>,
    service: &ServiceKey,
    key: &InstanceKey,
    document: &str,
) -> Result<(), StoreError> {
    let values = params![
        &service.namespace,
        &service.group,
        &service.name,
        &key.address,
        i64::from(key.port),
        &key.cluster,
        document
    ];
    tx.execute(PUT_INSTANCE, values).await.map(drop)
}

pub(crate) async fn delete_instance(
    tx: &mut Tx<'_>,
    service: &ServiceKey,
    key: &InstanceKey,
) -> Result<(), StoreError> {
    let values = params![
        &service.namespace,
        &service.group,
        &service.name,
        &key.address,
        i64::from(key.port),
        &key.cluster
    ];
    tx.execute(DELETE_INSTANCE, values).await.map(drop)
}

pub(crate) async fn configs(db: &Db) -> Result<Vec<ConfigRow>, StoreError> {
    db.fetch_all(ALL_CONFIGS, params![]).await
}

pub(crate) async fn config(
    reader: &mut impl Reader,
    key: &ItemKey,
) -> Result<Option<ConfigRow>, StoreError> {
    let values = params![&key.namespace, &key.group, &key.id];
    reader.optional(FIND_CONFIG, values).await
}

/// Puts an item in the place of what there was.
pub(crate) async fn replace_config(tx: &mut Tx<'_>, row: &ConfigRow) -> Result<(), StoreError> {
    delete_config(tx, &row.key()).await?;
    let values = params![
        &row.namespace,
        &row.grp,
        &row.id,
        &row.kind,
        row.secret,
        &row.content,
        row.grey.clone(),
        row.grey_content.clone(),
        row.revision,
        &row.updated_by,
        row.updated_at
    ];
    tx.execute(INSERT_CONFIG, values).await.map(drop)
}

pub(crate) async fn delete_config(tx: &mut Tx<'_>, key: &ItemKey) -> Result<(), StoreError> {
    let values = params![&key.namespace, &key.group, &key.id];
    tx.execute(DELETE_CONFIG, values).await.map(drop)
}

/// The revision of the last thing done to an item, 0 when there was nothing.
pub(crate) async fn newest_revision(tx: &mut Tx<'_>, key: &ItemKey) -> Result<i64, StoreError> {
    let values = params![&key.namespace, &key.group, &key.id];
    let (newest,): (i64,) = tx.fetch_one(NEWEST_REVISION, values).await?;
    Ok(newest)
}

/// Keeps what was done to an item, as it is afterwards (before, when it was removed).
pub(crate) async fn insert_history(
    tx: &mut Tx<'_>,
    row: &ConfigRow,
    event: &str,
    reason: &str,
) -> Result<(), StoreError> {
    let values = params![
        &row.namespace,
        &row.grp,
        &row.id,
        row.revision,
        event,
        &row.kind,
        row.secret,
        &row.content,
        row.grey.clone(),
        row.grey_content.clone(),
        &row.updated_by,
        reason,
        row.updated_at
    ];
    tx.execute(INSERT_HISTORY, values).await.map(drop)
}

/// What was done to an item before a revision, newest first.
pub(crate) async fn history(
    reader: &mut impl Reader,
    key: &ItemKey,
    before: i64,
    limit: i64,
) -> Result<Vec<HistoryRow>, StoreError> {
    let values = params![&key.namespace, &key.group, &key.id, before, limit];
    reader.all(HISTORY_OF, values).await
}
