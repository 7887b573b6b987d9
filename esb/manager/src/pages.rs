//! Definitions shown piece by piece.

use rialto_esb_store::definition;
use serde_json::Value;

use crate::view::{FindingView, LossView, OperationLine, OperationView, SchemaLine, SchemaView};
use crate::{InterfacePlatform, PlatformError};

fn unsigned(no: i64) -> u64 {
    u64::try_from(no).unwrap_or(0)
}

impl InterfacePlatform {
    /// Operations of a version after a number, those having a text in id, path or summary.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn operations(
        &self,
        id: &str,
        after: i64,
        text: Option<&str>,
        limit: i64,
    ) -> Result<Vec<OperationLine>, PlatformError> {
        let (_, found) = self.defined(id).await?;
        let rows = definition::operations(&mut self.db(), &found.hash, after, text, limit).await?;
        let lines = rows.into_iter().map(|row| {
            Ok(OperationLine {
                no: unsigned(row.no),
                id: row.operation_id,
                method: row.method,
                path: row.path,
                summary: row.summary,
                tags: serde_json::from_str(&row.tags).map_err(PlatformError::json("tags"))?,
                deprecated: row.deprecated != 0,
            })
        });
        lines.collect()
    }

    /// One operation of a version.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn operation(&self, id: &str, no: i64) -> Result<OperationView, PlatformError> {
        let (_, found) = self.defined(id).await?;
        let row = definition::operation(&mut self.db(), &found.hash, no).await?;
        let row = row.ok_or_else(|| PlatformError::not_found("operation", no))?;
        serde_json::from_str(&row.document).map_err(PlatformError::json("operation"))
    }

    /// Shared schemas of a version after a number, those having a text in their name.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn schemas(
        &self,
        id: &str,
        after: i64,
        text: Option<&str>,
        limit: i64,
    ) -> Result<Vec<SchemaLine>, PlatformError> {
        let (_, found) = self.defined(id).await?;
        let rows = definition::schemas(&mut self.db(), &found.hash, after, text, limit).await?;
        let lines = rows.into_iter().map(|row| SchemaLine {
            no: unsigned(row.no),
            name: row.name,
            title: row.title,
        });
        Ok(lines.collect())
    }

    /// One shared schema of a version.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn schema(&self, id: &str, name: &str) -> Result<SchemaView, PlatformError> {
        let (_, found) = self.defined(id).await?;
        let row = definition::schema(&mut self.db(), &found.hash, name).await?;
        let row = row.ok_or_else(|| PlatformError::not_found("schema", name))?;
        let schema: Value =
            serde_json::from_str(&row.document).map_err(PlatformError::json("schema"))?;
        Ok(SchemaView {
            name: row.name,
            schema,
        })
    }

    /// What the rules say of a version after a number, of one severity or rule when told.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn findings(
        &self,
        id: &str,
        after: i64,
        filter: (Option<&str>, Option<&str>),
        limit: i64,
    ) -> Result<Vec<FindingView>, PlatformError> {
        let (_, found) = self.defined(id).await?;
        let hash = &found.hash;
        let rows =
            definition::findings(&mut self.db(), hash, "finding", after, filter, limit).await?;
        let views = rows
            .into_iter()
            .map(|row| serde_json::from_str(&row.document).map_err(PlatformError::json("finding")));
        views.collect()
    }

    /// What of a version stays in the document only, after a number.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn losses(
        &self,
        id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LossView>, PlatformError> {
        let (_, found) = self.defined(id).await?;
        let hash = &found.hash;
        let filter = (None, None);
        let rows = definition::findings(&mut self.db(), hash, "loss", after, filter, limit).await?;
        let views = rows
            .into_iter()
            .map(|row| serde_json::from_str(&row.document).map_err(PlatformError::json("loss")));
        views.collect()
    }

    /// Paths of the files of a version.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn files(&self, id: &str) -> Result<Vec<String>, PlatformError> {
        let (_, found) = self.defined(id).await?;
        Ok(definition::file_names(&mut self.db(), &found.hash).await?)
    }

    /// Path and text of a file of a version as it was handed in; its own file when none is named.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn file(
        &self,
        id: &str,
        path: Option<&str>,
    ) -> Result<(String, String), PlatformError> {
        let (_, found) = self.defined(id).await?;
        let path = path.unwrap_or(&found.root);
        let row = definition::file(&mut self.db(), &found.hash, path).await?;
        let row = row.ok_or_else(|| PlatformError::not_found("file", path))?;
        Ok((row.path, row.text))
    }
}
