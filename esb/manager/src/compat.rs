//! What a version means for callers of the one before.

use rialto_esb_contract::compat::{Change, compare, verdict};
use rialto_esb_store::Reader;
use rialto_esb_store::definition;
use rialto_esb_store::version::{self, VersionRow};
use rialto_platform_store::Tx;

use crate::artefact::Artefact;
use crate::definitions::kept;
use crate::reading::read;
use crate::versions::Number;
use crate::view::{ChangeView, CompatView};
use crate::{InterfacePlatform, PlatformError, blocking, today};

fn changes(old: &Artefact, new: &Artefact) -> Result<Vec<Change>, PlatformError> {
    let (old, new) = (read(old)?, read(new)?);
    let today = today().to_string();
    Ok(compare(&old.definition, &new.definition, &today))
}

fn named(changes: &[Change]) -> String {
    verdict(changes).map_or_else(|| "none".to_owned(), |severity| severity.to_string())
}

fn view(change: &Change) -> ChangeView {
    ChangeView {
        rule: change.rule.to_owned(),
        severity: change.severity.to_string(),
        operations: change.operations.clone(),
        at: change.at.clone(),
        old: change.old.as_ref().map(Into::into),
        new: change.new.as_ref().map(Into::into),
        text: change.what.clone().into(),
    }
}

/// The version callers use now whose number is next below this one's.
pub(crate) async fn predecessor(
    reader: &mut impl Reader,
    row: &VersionRow,
) -> Result<Option<VersionRow>, PlatformError> {
    let versions = version::of_interface(reader, &row.interface).await?;
    let number = Number::of(row);
    Ok(versions.into_iter().find(|one| {
        let open = matches!(one.state.as_str(), "grey" | "published" | "deprecated");
        open && one.definition.is_some() && Number::of(one) < number
    }))
}

/// The artefact of a version that has a definition.
async fn artefact(reader: &mut impl Reader, row: &VersionRow) -> Result<Artefact, PlatformError> {
    let found = match &row.definition {
        Some(hash) => definition::find(reader, hash).await?,
        None => None,
    };
    let found = found.ok_or_else(|| PlatformError::not_found("definition of version", &row.id))?;
    kept(reader, &found).await
}

impl InterfacePlatform {
    /// Compares a version with the one before and writes the verdict into its row.
    pub(crate) async fn compare(
        &self,
        tx: &mut Tx<'_>,
        row: &mut VersionRow,
    ) -> Result<(), PlatformError> {
        let Some(base) = predecessor(tx, row).await? else {
            row.compat = Some("none".to_owned());
            row.compat_base = None;
            return Ok(());
        };
        let (old, new) = (artefact(tx, &base).await?, artefact(tx, row).await?);
        let told = blocking(move || Ok(named(&changes(&old, &new)?))).await?;
        row.compat = Some(told);
        row.compat_base = Some(base.id);
        Ok(())
    }

    /// Changes of a version against another one, or against the one before it; `limit` of them
    /// after the first `skip`.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`]; [`PlatformError::Invalid`] when the other one is of another
    /// interface.
    pub async fn changes(
        &self,
        id: &str,
        base: Option<&str>,
        skip: usize,
        limit: usize,
    ) -> Result<CompatView, PlatformError> {
        let (row, _) = self.defined(id).await?;
        let base = match base {
            Some(base) => Some(self.version_row(&mut self.db(), base).await?),
            None => predecessor(&mut self.db(), &row).await?,
        };
        let Some(base) = base else {
            return Ok(CompatView {
                base: None,
                base_number: None,
                verdict: "none".to_owned(),
                total: 0,
                items: Vec::new(),
                next_page_token: None,
            });
        };
        if base.interface != row.interface {
            return Err(PlatformError::invalid(
                "base",
                "conflict",
                format!("{} is a version of {}", base.id, base.interface),
                format!("{} 是 {} 的版本", base.id, base.interface),
            ));
        }
        let old = artefact(&mut self.db(), &base).await?;
        let new = artefact(&mut self.db(), &row).await?;
        let (verdict, total, items) = blocking(move || {
            let found = changes(&old, &new)?;
            let items = found.iter().skip(skip).take(limit).map(view).collect();
            Ok((named(&found), found.len(), items))
        })
        .await?;
        Ok(CompatView {
            base_number: Some(Number::of(&base).to_string()),
            base: Some(base.id),
            verdict,
            total: total as u64,
            items,
            next_page_token: None,
        })
    }
}
