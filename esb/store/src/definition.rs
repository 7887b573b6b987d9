//! Definitions, taken apart so that no reader needs the whole.

use rialto_platform_store::{StoreError, Tx, params, statements};

use crate::{Reader, anywhere};

/// A definition as a whole.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_definition`")]
pub struct DefinitionRow {
    pub hash: String,
    pub format: String,
    pub title: String,
    pub version: String,
    /// Path of its own file.
    pub root: String,
    pub files: i64,
    pub bytes: i64,
    pub operations: i64,
    pub schemas: i64,
    pub losses: i64,
    pub errors: i64,
    pub warnings: i64,
    pub infos: i64,
    pub missing_examples: i64,
    pub highest_level: i64,
    /// Lower-case text that is searched.
    pub search: String,
    /// JSON of what it is known by.
    pub traits: String,
    pub created_by: String,
    pub created_at: i64,
}

/// A file of a definition.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(
    missing_docs,
    reason = "one for one the columns of `esb_definition_file`"
)]
pub struct FileRow {
    pub hash: String,
    pub path: String,
    pub text: String,
}

/// An operation of a definition.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_operation`")]
pub struct OperationRow {
    pub hash: String,
    /// From 1, in written order.
    pub no: i64,
    pub operation_id: Option<String>,
    pub method: String,
    pub path: String,
    pub summary: String,
    /// JSON list.
    pub tags: String,
    pub deprecated: i64,
    pub search: String,
    /// JSON.
    pub document: String,
}

/// A shared schema of a definition.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_schema`")]
pub struct SchemaRow {
    pub hash: String,
    /// From 1, in written order.
    pub no: i64,
    pub name: String,
    pub title: String,
    /// JSON.
    pub document: String,
}

/// A finding or a loss.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
#[expect(missing_docs, reason = "one for one the columns of `esb_finding`")]
pub struct FindingRow {
    pub hash: String,
    /// `finding` or `loss`.
    pub kind: String,
    /// From 1, in the order of the document.
    pub no: i64,
    pub rule: String,
    pub severity: String,
    /// JSON.
    pub document: String,
}

statements! {
    INSERT_DEFINITION = "INSERT INTO esb_definition (hash, format, title, version, root, files,
        bytes, operations, schemas, losses, errors, warnings, infos, missing_examples,
        highest_level, search, traits, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
        $19)";
    SET_COUNTS = "UPDATE esb_definition SET errors = $2, warnings = $3, infos = $4,
        missing_examples = $5 WHERE hash = $1";
    FIND_DEFINITION = "SELECT * FROM esb_definition WHERE hash = $1";
    INSERT_FILE = "INSERT INTO esb_definition_file (hash, path, text) VALUES ($1, $2, $3)";
    FIND_FILE = "SELECT * FROM esb_definition_file WHERE hash = $1 AND path = $2";
    FILES_OF = "SELECT * FROM esb_definition_file WHERE hash = $1 ORDER BY path";
    FILE_NAMES = "SELECT hash, path, '' AS text FROM esb_definition_file WHERE hash = $1
        ORDER BY path";
    INSERT_OPERATION = "INSERT INTO esb_operation (hash, no, operation_id, method, path, summary,
        tags, deprecated, search, document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    OPERATIONS_OF = "SELECT hash, no, operation_id, method, path, summary, tags, deprecated,
        '' AS search, '' AS document FROM esb_operation WHERE hash = $1 AND no > $2
        AND (CAST($3 AS TEXT) IS NULL OR search LIKE $3 ESCAPE '!') ORDER BY no LIMIT $4";
    FIND_OPERATION = "SELECT * FROM esb_operation WHERE hash = $1 AND no = $2";
    INSERT_SCHEMA = "INSERT INTO esb_schema (hash, no, name, title, document)
        VALUES ($1, $2, $3, $4, $5)";
    SCHEMAS_OF = "SELECT hash, no, name, title, '' AS document FROM esb_schema
        WHERE hash = $1 AND no > $2
        AND (CAST($3 AS TEXT) IS NULL OR lower(name) LIKE $3 ESCAPE '!') ORDER BY no LIMIT $4";
    FIND_SCHEMA = "SELECT * FROM esb_schema WHERE hash = $1 AND name = $2";
    INSERT_FINDING = "INSERT INTO esb_finding (hash, kind, no, rule, severity, document)
        VALUES ($1, $2, $3, $4, $5, $6)";
    CLEAR_FINDINGS = "DELETE FROM esb_finding WHERE hash = $1 AND kind = $2";
    FINDINGS_OF = "SELECT * FROM esb_finding WHERE hash = $1 AND kind = $2 AND no > $3
        AND (CAST($4 AS TEXT) IS NULL OR severity = $4)
        AND (CAST($5 AS TEXT) IS NULL OR rule = $5) ORDER BY no LIMIT $6";
}

/// Everything of a definition.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The definition.
    pub definition: DefinitionRow,
    /// Its files.
    pub files: Vec<FileRow>,
    /// Its operations.
    pub operations: Vec<OperationRow>,
    /// Its shared schemas.
    pub schemas: Vec<SchemaRow>,
    /// Findings and losses.
    pub findings: Vec<FindingRow>,
}

/// Keeps a definition; nothing when its hash is there already.
///
/// # Errors
/// Store errors.
pub async fn keep(tx: &mut Tx<'_>, whole: &Whole) -> Result<(), StoreError> {
    let row = &whole.definition;
    if find(tx, &row.hash).await?.is_some() {
        return Ok(());
    }
    let values = params![
        &row.hash,
        &row.format,
        &row.title,
        &row.version,
        &row.root,
        row.files,
        row.bytes,
        row.operations,
        row.schemas,
        row.losses,
        row.errors,
        row.warnings,
        row.infos,
        row.missing_examples,
        row.highest_level,
        &row.search,
        &row.traits,
        &row.created_by,
        row.created_at
    ];
    tx.execute(INSERT_DEFINITION, values).await?;
    for file in &whole.files {
        let values = params![&file.hash, &file.path, &file.text];
        tx.execute(INSERT_FILE, values).await?;
    }
    for one in &whole.operations {
        let values = params![
            &one.hash,
            one.no,
            one.operation_id.clone(),
            &one.method,
            &one.path,
            &one.summary,
            &one.tags,
            one.deprecated,
            &one.search,
            &one.document
        ];
        tx.execute(INSERT_OPERATION, values).await?;
    }
    for one in &whole.schemas {
        let values = params![&one.hash, one.no, &one.name, &one.title, &one.document];
        tx.execute(INSERT_SCHEMA, values).await?;
    }
    insert_findings(tx, &whole.findings).await
}

async fn insert_findings(tx: &mut Tx<'_>, rows: &[FindingRow]) -> Result<(), StoreError> {
    for one in rows {
        let values = params![
            &one.hash,
            &one.kind,
            one.no,
            &one.rule,
            &one.severity,
            &one.document
        ];
        tx.execute(INSERT_FINDING, values).await?;
    }
    Ok(())
}

/// Writes the findings of a definition anew, and their counts.
///
/// # Errors
/// Store errors.
pub async fn replace_findings(
    tx: &mut Tx<'_>,
    row: &DefinitionRow,
    findings: &[FindingRow],
) -> Result<(), StoreError> {
    tx.execute(CLEAR_FINDINGS, params![&row.hash, "finding"])
        .await?;
    insert_findings(tx, findings).await?;
    let values = params![
        &row.hash,
        row.errors,
        row.warnings,
        row.infos,
        row.missing_examples
    ];
    tx.execute(SET_COUNTS, values).await.map(drop)
}

/// A definition.
///
/// # Errors
/// Store errors.
pub async fn find(
    reader: &mut impl Reader,
    hash: &str,
) -> Result<Option<DefinitionRow>, StoreError> {
    reader.optional(FIND_DEFINITION, params![hash]).await
}

/// A file with its text.
///
/// # Errors
/// Store errors.
pub async fn file(
    reader: &mut impl Reader,
    hash: &str,
    path: &str,
) -> Result<Option<FileRow>, StoreError> {
    reader.optional(FIND_FILE, params![hash, path]).await
}

/// All files with their texts.
///
/// # Errors
/// Store errors.
pub async fn files(reader: &mut impl Reader, hash: &str) -> Result<Vec<FileRow>, StoreError> {
    reader.all(FILES_OF, params![hash]).await
}

/// Paths of the files.
///
/// # Errors
/// Store errors.
pub async fn file_names(reader: &mut impl Reader, hash: &str) -> Result<Vec<String>, StoreError> {
    let rows: Vec<FileRow> = reader.all(FILE_NAMES, params![hash]).await?;
    Ok(rows.into_iter().map(|row| row.path).collect())
}

/// Operations after a number, without their documents.
///
/// # Errors
/// Store errors.
pub async fn operations(
    reader: &mut impl Reader,
    hash: &str,
    after: i64,
    text: Option<&str>,
    limit: i64,
) -> Result<Vec<OperationRow>, StoreError> {
    let values = params![hash, after, text.and_then(anywhere), limit];
    reader.all(OPERATIONS_OF, values).await
}

/// One operation whole.
///
/// # Errors
/// Store errors.
pub async fn operation(
    reader: &mut impl Reader,
    hash: &str,
    no: i64,
) -> Result<Option<OperationRow>, StoreError> {
    reader.optional(FIND_OPERATION, params![hash, no]).await
}

/// Shared schemas after a number, without their documents.
///
/// # Errors
/// Store errors.
pub async fn schemas(
    reader: &mut impl Reader,
    hash: &str,
    after: i64,
    text: Option<&str>,
    limit: i64,
) -> Result<Vec<SchemaRow>, StoreError> {
    let values = params![hash, after, text.and_then(anywhere), limit];
    reader.all(SCHEMAS_OF, values).await
}

/// One shared schema whole.
///
/// # Errors
/// Store errors.
pub async fn schema(
    reader: &mut impl Reader,
    hash: &str,
    name: &str,
) -> Result<Option<SchemaRow>, StoreError> {
    reader.optional(FIND_SCHEMA, params![hash, name]).await
}

/// Findings or losses after a number, of one severity or rule when told.
///
/// # Errors
/// Store errors.
pub async fn findings(
    reader: &mut impl Reader,
    hash: &str,
    kind: &str,
    after: i64,
    filter: (Option<&str>, Option<&str>),
    limit: i64,
) -> Result<Vec<FindingRow>, StoreError> {
    let (severity, rule) = (filter.0.map(str::to_owned), filter.1.map(str::to_owned));
    reader
        .all(
            FINDINGS_OF,
            params![hash, kind, after, severity, rule, limit],
        )
        .await
}
