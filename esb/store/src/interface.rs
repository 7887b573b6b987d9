//! Interfaces.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::{Reader, anywhere};

/// An interface, and what lists show of its versions.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_interface`")]
pub struct InterfaceRow {
    /// Service and scene, `trade.order`.
    pub code: String,
    pub system: String,
    pub title: String,
    pub description: String,
    pub taxonomy: String,
    pub pattern: String,
    pub protocol: String,
    /// Number of its newest version, `1.0.0`.
    pub latest: String,
    /// State of that version.
    pub state: String,
    /// Number of the published version with the highest number.
    pub published: Option<String>,
    /// Lower-case text that is searched.
    pub search: String,
    /// JSON of what its newest definition is known by.
    pub traits: String,
    pub revision: i64,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// How many interfaces stand at a place of the taxonomy.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FacetRow {
    /// Path of the taxonomy.
    pub taxonomy: String,
    /// How many.
    pub count: i64,
}

/// What a likeness is computed from.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TraitsRow {
    /// Code of the interface.
    pub code: String,
    /// JSON.
    pub traits: String,
}

macro_rules! filtered {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " FROM esb_interface WHERE (CAST($1 AS TEXT) IS NULL OR system = $1)
             AND (CAST($2 AS TEXT) IS NULL OR taxonomy = $2 OR taxonomy LIKE ($2 || '/%'))
             AND (CAST($3 AS TEXT) IS NULL OR state = $3)
             AND (CAST($4 AS TEXT) IS NULL OR search LIKE $4 ESCAPE '!')",
            $after
        )
    };
}

statements! {
    INSERT_INTERFACE = "INSERT INTO esb_interface (code, system, title, description, taxonomy,
        pattern, protocol, latest, state, published, search, traits, revision, created_by,
        created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    UPDATE_INTERFACE = "UPDATE esb_interface SET title = $2, description = $3, taxonomy = $4,
        pattern = $5, protocol = $6, latest = $7, state = $8, published = $9, search = $10,
        traits = $11, revision = $12, updated_at = $13 WHERE code = $1 AND revision = $14";
    FIND_INTERFACE = "SELECT * FROM esb_interface WHERE code = $1";
    LIST_INTERFACES = filtered!("SELECT *", " AND code > $5 ORDER BY code LIMIT $6");
    COUNT_BY_TAXONOMY = filtered!(
        "SELECT taxonomy, count(*) AS count", " GROUP BY taxonomy ORDER BY taxonomy");
    ALL_TRAITS = "SELECT code, traits FROM esb_interface WHERE code <> $1 AND traits <> ''
        ORDER BY code";
}

/// Which interfaces.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this system.
    pub system: Option<String>,
    /// At this place of the taxonomy or below it.
    pub taxonomy: Option<String>,
    /// Whose newest version is in this state.
    pub state: Option<String>,
    /// Having this in code, title, paths or field names.
    pub text: Option<String>,
}

/// Adds an interface.
///
/// # Errors
/// [`StoreError::Unique`] when the code is taken.
pub async fn insert(tx: &mut Tx<'_>, row: &InterfaceRow) -> Result<(), StoreError> {
    let values = params![
        &row.code,
        &row.system,
        &row.title,
        &row.description,
        &row.taxonomy,
        &row.pattern,
        &row.protocol,
        &row.latest,
        &row.state,
        row.published.clone(),
        &row.search,
        &row.traits,
        row.revision,
        &row.created_by,
        row.created_at,
        row.updated_at
    ];
    tx.execute(INSERT_INTERFACE, values).await.map(drop)
}

/// Writes what may change; whether the revision still was `seen`.
///
/// # Errors
/// Store errors.
pub async fn update(tx: &mut Tx<'_>, row: &InterfaceRow, seen: i64) -> Result<bool, StoreError> {
    let values = params![
        &row.code,
        &row.title,
        &row.description,
        &row.taxonomy,
        &row.pattern,
        &row.protocol,
        &row.latest,
        &row.state,
        row.published.clone(),
        &row.search,
        &row.traits,
        row.revision,
        row.updated_at,
        seen
    ];
    Ok(tx.execute(UPDATE_INTERFACE, values).await? == 1)
}

/// An interface.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    code: &str,
) -> Result<Option<InterfaceRow>, StoreError> {
    reader.optional(FIND_INTERFACE, params![code]).await
}

/// Interfaces after a code, in order.
///
/// # Errors
/// Store errors.
pub async fn list(
    reader: &mut impl Reader,
    wanted: &Wanted,
    after: &str,
    limit: i64,
) -> Result<Vec<InterfaceRow>, StoreError> {
    let values = params![
        wanted.system.clone(),
        wanted.taxonomy.clone(),
        wanted.state.clone(),
        wanted.text.as_deref().and_then(anywhere),
        after,
        limit
    ];
    reader.all(LIST_INTERFACES, values).await
}

/// How many interfaces there are at each place of the taxonomy.
///
/// # Errors
/// Store errors.
pub async fn facets(
    reader: &mut impl Reader,
    wanted: &Wanted,
) -> Result<Vec<FacetRow>, StoreError> {
    let values = params![
        wanted.system.clone(),
        wanted.taxonomy.clone(),
        wanted.state.clone(),
        wanted.text.as_deref().and_then(anywhere)
    ];
    reader.all(COUNT_BY_TAXONOMY, values).await
}

/// What all other interfaces with a definition are known by.
///
/// # Errors
/// Store errors.
pub async fn traits_but(
    reader: &mut impl Reader,
    code: &str,
) -> Result<Vec<TraitsRow>, StoreError> {
    reader.all(ALL_TRAITS, params![code]).await
}
