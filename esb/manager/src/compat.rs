//! What a version means for callers of the one before.

use std::collections::BTreeMap;

use rialto_esb_catalogue::affected::{Affected, Use, affected};
use rialto_esb_contract::compat::{Change, compare, verdict};
use rialto_esb_store::Reader;
use rialto_esb_store::definition;
use rialto_esb_store::subscription;
use rialto_esb_store::version::{self, VersionRow};
use rialto_platform_store::Tx;

use crate::artefact::Artefact;
use crate::definitions::kept;
use crate::reading::read;
use crate::versions::Number;
use crate::view::{CallerView, ChangeView, CompatView};
use crate::{InterfacePlatform, PlatformError, blocking, today};

fn changes(old: &Artefact, new: &Artefact) -> Result<Vec<Change>, PlatformError> {
    let (old, new) = (read(old)?, read(new)?);
    let today = today().to_string();
    Ok(compare(&old.definition, &new.definition, &today))
}

/// Changes, and the callers they touch.
fn changes_with_callers(
    old: &Artefact,
    new: &Artefact,
    uses: &[Use],
) -> Result<(Vec<Change>, Vec<Affected>), PlatformError> {
    let (old, new) = (read(old)?, read(new)?);
    let today = today().to_string();
    let found = compare(&old.definition, &new.definition, &today);
    let operations = old.definition.operations.iter();
    let ids: BTreeMap<String, &str> = operations
        .filter_map(|one| Some((one.name(), one.id.as_deref()?)))
        .collect();
    let callers = affected(&found, uses, |name| ids.get(name).copied());
    Ok((found, callers))
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
                callers: Vec::new(),
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
        let uses = self.uses(&mut self.db(), &base).await?;
        let (verdict, total, items, callers) = blocking(move || {
            let (found, callers) = changes_with_callers(&old, &new, &uses)?;
            let items = found.iter().skip(skip).take(limit).map(view).collect();
            Ok((named(&found), found.len(), items, callers))
        })
        .await?;
        let callers = self.named_callers(callers, &base).await?;
        Ok(CompatView {
            base_number: Some(Number::of(&base).to_string()),
            base: Some(base.id),
            verdict,
            total: total as u64,
            callers,
            items,
            next_page_token: None,
        })
    }

    /// Callers with the names of their applications and of who answers for them.
    async fn named_callers(
        &self,
        callers: Vec<Affected>,
        base: &VersionRow,
    ) -> Result<Vec<CallerView>, PlatformError> {
        let mut reader = self.db();
        let mut told = Vec::with_capacity(callers.len());
        let calls = self.recent_calls(base).await?;
        for one in callers {
            let known = subscription::application(&mut reader, &one.application).await?;
            let (name, owner) = known.map(|row| (row.name, row.owner)).unwrap_or_default();
            let (requests, last) = calls.get(&one.application).copied().unwrap_or_default();
            told.push(CallerView {
                requests,
                last_call_at: last,
                application: one.application,
                name,
                owner,
                environments: one.environments.into_iter().collect(),
                operations: one.operations.into_iter().collect(),
                errors: one.errors as u64,
                warnings: one.warnings as u64,
            });
        }
        Ok(told)
    }
}
