//! Definitions handed in for a version.

use rialto_esb_catalogue::version::{Event, step};
use rialto_esb_store::definition::{self, DefinitionRow, Whole};
use rialto_esb_store::version::VersionRow;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, now, to_micros};
use serde_json::json;

use crate::artefact::Artefact;
use crate::reading::{recheck, take_apart};
use crate::systems::fresh;
use crate::transitions::{actor_of, no_facts};
use crate::versions::{add_author, similar, standing, state_name, view};
use crate::view::{Imported, VersionView, unmet};
use crate::{InterfacePlatform, PlatformError, blocking};

/// A definition as it is handed in.
#[derive(Debug, Clone)]
pub struct DefinitionInput {
    /// Name of the file.
    pub name: String,
    /// Its bytes: JSON, YAML, or a zip archive of them.
    pub bytes: Vec<u8>,
    /// The definition's own file within an archive.
    pub root: Option<String>,
}

/// The artefact of a definition that is kept.
pub(crate) async fn kept(
    reader: &mut impl rialto_esb_store::Reader,
    row: &DefinitionRow,
) -> Result<Artefact, PlatformError> {
    let files = definition::files(reader, &row.hash).await?;
    Ok(Artefact {
        root: row.root.clone(),
        texts: files
            .into_iter()
            .map(|file| (file.path, file.text))
            .collect(),
    })
}

impl InterfacePlatform {
    /// Takes a definition for a version seen at a revision. A version that was only wanted becomes
    /// a draft unless something stands against it; one before the reviewers or beyond returns to a
    /// draft. The same definition again changes nothing.
    ///
    /// # Errors
    /// [`PlatformError::Definition`] with every fault and its place; [`PlatformError::Refused`]
    /// when the state forbids it; [`PlatformError::Stale`].
    pub async fn import(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        input: DefinitionInput,
    ) -> Result<Imported, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        let login = actor.login.clone();
        let whole = blocking(move || {
            let artefact = Artefact::read(&input.name, input.bytes, input.root.as_deref())?;
            take_apart(&artefact, &login, to_micros(now()))
        })
        .await?;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        if row.definition.as_ref() == Some(&whole.definition.hash) {
            let version = view(&mut tx, row).await?;
            return Ok(Imported {
                version,
                unmet: Vec::new(),
                changed: false,
            });
        }
        fresh("version", row.revision, seen)?;
        self.edit(&mut tx, actor, &mut row, &whole).await?;
        let begun = self.begin(&mut tx, actor, &mut row).await?;
        let version = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(Imported {
            version,
            unmet: begun,
            changed: true,
        })
    }

    /// Puts a definition into a version and compares it with the one before.
    async fn edit(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &mut VersionRow,
        whole: &Whole,
    ) -> Result<(), PlatformError> {
        if row.state != "identified" {
            let (held, _) = step(standing(row)?, &Event::Edit, &actor_of(actor), &no_facts())?;
            row.state = state_name(held.state);
        }
        definition::keep(tx, whole).await?;
        let hash = &whole.definition.hash;
        row.definition = Some(hash.clone());
        row.pinned = None;
        row.submitted_by = None;
        row.submitted_at = None;
        row.security_agreed_by = None;
        add_author(row, actor)?;
        let likenesses = self.likenesses(tx, row, &whole.definition.traits).await?;
        row.similar_answers =
            serde_json::to_string(&likenesses).map_err(PlatformError::json("similar"))?;
        self.compare(tx, row).await?;
        let detail = json!({"sha256": hash, "operations": whole.definition.operations,
            "schemas": whole.definition.schemas, "losses": whole.definition.losses,
            "errors": whole.definition.errors, "warnings": whole.definition.warnings,
            "compat": row.compat});
        self.save(tx, actor, row, ("imported", "", detail)).await
    }

    /// Makes a wanted version a draft; what stands against it otherwise.
    async fn begin(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &mut VersionRow,
    ) -> Result<Vec<crate::view::UnmetView>, PlatformError> {
        if row.state != "identified" {
            return Ok(Vec::new());
        }
        let facts = self.facts(tx, row).await?;
        match step(standing(row)?, &Event::Begin, &actor_of(actor), &facts) {
            Ok((held, _)) => {
                row.state = state_name(held.state);
                self.save(tx, actor, row, ("begin", "", json!({}))).await?;
                Ok(Vec::new())
            }
            Err(refusal) => Ok(unmet(&refusal)),
        }
    }

    /// Checks the definition of a version by today's rules and compares it with today's version
    /// before it.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`], [`PlatformError::Stale`], [`PlatformError::Conflict`] without
    /// a definition.
    pub async fn check_again(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
    ) -> Result<VersionView, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        let (row, mut found) = self.defined(id).await?;
        fresh("version", row.revision, seen)?;
        let artefact = kept(&mut self.db(), &found).await?;
        let (found, findings) = blocking(move || {
            let findings = recheck(&artefact, &mut found)?;
            Ok((found, findings))
        })
        .await?;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        fresh("version", row.revision, seen)?;
        definition::replace_findings(&mut tx, &found, &findings).await?;
        self.compare(&mut tx, &mut row).await?;
        let likenesses = self.likenesses(&mut tx, &row, &found.traits).await?;
        debug_assert!(similar(&row).is_ok());
        row.similar_answers =
            serde_json::to_string(&likenesses).map_err(PlatformError::json("similar"))?;
        let detail = json!({"errors": found.errors, "warnings": found.warnings,
            "infos": found.infos, "compat": row.compat});
        self.save(&mut tx, actor, &mut row, ("checked", "", detail))
            .await?;
        let shown = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// A version and its definition.
    pub(crate) async fn defined(
        &self,
        id: &str,
    ) -> Result<(VersionRow, DefinitionRow), PlatformError> {
        let row = self.version_row(&mut self.db(), id).await?;
        let found = match &row.definition {
            Some(hash) => definition::find(&mut self.db(), hash).await?,
            None => None,
        };
        let found = found.ok_or_else(|| PlatformError::not_found("definition of version", id))?;
        Ok((row, found))
    }
}
