//! Versions of interfaces: numbers, rows, views, service levels, answers to likenesses.

use std::fmt;

use rialto_esb_catalogue::similar::Traits;
use rialto_esb_catalogue::version::{SIMILAR_PERCENT, Standing, State, TABLE};
use rialto_esb_store::Reader;
use rialto_esb_store::definition::{self, DefinitionRow};
use rialto_esb_store::interface::{self, InterfaceRow};
use rialto_esb_store::version::{self, VersionRow};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, from_micros, new_id, now, to_micros};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::interfaces::own_words;
use crate::record::Happened;
use crate::systems::{fresh, stale, taken, text};
use crate::view::{DefinitionView, SimilarView, Sla, VersionView, WaiverView};
use crate::{InterfacePlatform, PlatformError, today};

rialto_kernel::define_id!(VersionId);

/// A version's number (Semantic Versioning 2.0, without labels).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    pub major: i64,
    pub minor: i64,
    pub patch: i64,
}

impl Number {
    pub(crate) fn read(text: &str, pointer: &str) -> Result<Self, PlatformError> {
        let part = |part: &str| {
            let plain = part == "0" || (!part.starts_with('0') && part.len() <= 9);
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            (plain && digits)
                .then(|| part.parse::<i64>().ok())
                .flatten()
        };
        let parts: Vec<Option<i64>> = text.split('.').map(part).collect();
        match parts.as_slice() {
            [Some(major), Some(minor), Some(patch)] => Ok(Self {
                major: *major,
                minor: *minor,
                patch: *patch,
            }),
            _ => Err(PlatformError::invalid(
                pointer,
                "invalid",
                format!("`{text}` is no version; three numbers are asked for, `1.0.0`"),
                format!("“{text}”不是版本号，应为三段数字，例如 1.0.0"),
            )),
        }
    }

    pub(crate) fn of(row: &VersionRow) -> Self {
        Self {
            major: row.major,
            minor: row.minor,
            patch: row.patch,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The state of a name.
pub(crate) fn state_of(name: &str, pointer: &str) -> Result<State, PlatformError> {
    let found = State::ALL
        .into_iter()
        .find(|state| state_name(*state) == name);
    found.ok_or_else(|| {
        let all = State::ALL.map(state_name).join(", ");
        PlatformError::invalid(
            pointer,
            "invalid",
            format!("`{name}` is no state; states are {all}"),
            format!("“{name}”不是状态，可选：{all}"),
        )
    })
}

pub(crate) fn state_name(state: State) -> String {
    let value = serde_json::to_value(state).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// A fresh version, wanted and not yet written.
pub(crate) fn new_version(interface: &str, number: Number, actor: &Actor, at: i64) -> VersionRow {
    let id: VersionId = new_id();
    VersionRow {
        id: id.as_str().to_owned(),
        interface: interface.to_owned(),
        major: number.major,
        minor: number.minor,
        patch: number.patch,
        state: state_name(State::Identified),
        suspended: 0,
        definition: None,
        pinned: None,
        compat: None,
        compat_base: None,
        sla: None,
        similar_answers: "[]".to_owned(),
        authors: json!([actor.user_id.as_str()]).to_string(),
        submitted_by: None,
        submitted_at: None,
        security_agreed_by: None,
        successor: None,
        sunset_on: None,
        revision: 1,
        created_by: actor.login.clone(),
        created_at: at,
        updated_at: at,
    }
}

pub(crate) fn standing(row: &VersionRow) -> Result<Standing, PlatformError> {
    let state = state_of(&row.state, "state")
        .map_err(|_| PlatformError::Internal(format!("version {} is {}", row.id, row.state)))?;
    Ok(Standing {
        state,
        suspended: row.suspended != 0,
    })
}

pub(crate) fn similar(row: &VersionRow) -> Result<Vec<SimilarView>, PlatformError> {
    serde_json::from_str(&row.similar_answers).map_err(PlatformError::json("similar"))
}

/// Accounts that wrote or edited it.
pub(crate) fn authors(row: &VersionRow) -> Result<Vec<String>, PlatformError> {
    serde_json::from_str(&row.authors).map_err(PlatformError::json("authors"))
}

pub(crate) fn add_author(row: &mut VersionRow, actor: &Actor) -> Result<(), PlatformError> {
    let mut all = authors(row)?;
    let id = actor.user_id.as_str().to_owned();
    if !all.contains(&id) {
        all.push(id);
    }
    row.authors = json!(all).to_string();
    Ok(())
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

pub(crate) fn definition_view(row: DefinitionRow) -> DefinitionView {
    DefinitionView {
        hash: row.hash,
        format: row.format,
        title: row.title,
        version: row.version,
        root: row.root,
        files: unsigned(row.files),
        bytes: unsigned(row.bytes),
        operations: unsigned(row.operations),
        schemas: unsigned(row.schemas),
        losses: unsigned(row.losses),
        errors: unsigned(row.errors),
        warnings: unsigned(row.warnings),
        infos: unsigned(row.infos),
        missing_examples: unsigned(row.missing_examples),
        highest_level: u8::try_from(row.highest_level).unwrap_or(u8::MAX),
    }
}

/// A version with what belongs to it.
pub(crate) async fn view(
    reader: &mut impl Reader,
    row: VersionRow,
) -> Result<VersionView, PlatformError> {
    let held = standing(&row)?;
    let definition = match &row.definition {
        Some(hash) => definition::find(reader, hash).await?,
        None => None,
    };
    let today = today().to_string();
    let waivers = version::waivers(reader, &row.id).await?;
    let waivers = waivers.into_iter().map(|waiver| {
        Ok(WaiverView {
            expired: waiver.until_on < today,
            guard: waiver.guard,
            reason: waiver.reason,
            until: waiver.until_on,
            waived_by: waiver.waived_by,
            created_at: from_micros(waiver.created_at)?,
        })
    });
    let waivers: Result<Vec<_>, PlatformError> = waivers.collect();
    let sla = row.sla.as_deref().map(serde_json::from_str).transpose();
    let events = TABLE.iter().filter(|line| line.from == held.state);
    let mut events: Vec<String> = events.map(|line| line.event.to_owned()).collect();
    if held.state.is_live() {
        events.push(if held.suspended { "resume" } else { "suspend" }.to_owned());
    }
    Ok(VersionView {
        number: Number::of(&row).to_string(),
        state_words: held.state.words().into(),
        similar: similar(&row)?,
        waivers: waivers?,
        sla: sla.map_err(PlatformError::json("service level"))?,
        definition: definition.map(definition_view),
        events,
        suspended: held.suspended,
        id: row.id,
        interface: row.interface,
        state: row.state,
        pinned: row.pinned,
        compat: row.compat,
        compat_base: row.compat_base,
        submitted_by: row.submitted_by,
        submitted_at: row.submitted_at.map(from_micros).transpose()?,
        security_agreed_by: row.security_agreed_by,
        successor: row.successor,
        sunset_on: row.sunset_on,
        revision: unsigned(row.revision),
        created_by: row.created_by,
        created_at: from_micros(row.created_at)?,
        updated_at: from_micros(row.updated_at)?,
    })
}

/// An agreed service level as it is told.
pub type SlaInput = Sla;

/// Why another interface is needed beside one that is like it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimilarInput {
    /// Code of the interface that is like it.
    pub interface: String,
    /// Why.
    pub reason: String,
}

fn check_sla(sla: &Sla) -> Result<(), PlatformError> {
    let wrong = |pointer: &str, en: &str, zh: &str| {
        Err(PlatformError::invalid(pointer, "out_of_range", en, zh))
    };
    if !(1..=600_000).contains(&sla.latency_p99_ms) {
        return wrong(
            "/latency_p99_ms",
            "1 to 600000 ms are asked for",
            "请填写 1 至 600000 毫秒",
        );
    }
    if !(1..=10_000_000).contains(&sla.peak_per_second) {
        return wrong(
            "/peak_per_second",
            "1 to 10000000 are asked for",
            "请填写 1 至 10000000",
        );
    }
    let share = sla.availability_percent.parse::<Decimal>();
    let fits = share.is_ok_and(|share| share >= Decimal::from(50) && share <= Decimal::ONE_HUNDRED);
    if fits {
        return Ok(());
    }
    wrong(
        "/availability_percent",
        "50 to 100 percent are asked for, written as a decimal: \"99.95\"",
        "请以小数填写 50 至 100，例如 \"99.95\"",
    )
}

impl InterfacePlatform {
    /// Adds a version's row and tells of it.
    pub(crate) async fn insert_version(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &VersionRow,
    ) -> Result<(), PlatformError> {
        let number = Number::of(row).to_string();
        let inserted = version::insert(tx, row).await;
        inserted.map_err(|error| taken(error, || number_taken(&row.interface, &number)))?;
        let what = Happened {
            interface: &row.interface,
            version: Some((&row.id, row.revision)),
            kind: "version_added",
            reason: "",
            document: json!({"number": number}),
        };
        self.happened(tx, actor, what).await
    }

    /// Adds a version to an interface; the same number again gives the one there is, as long as
    /// nothing was written for it.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`], [`PlatformError::Invalid`], [`PlatformError::Conflict`].
    pub async fn add_version(
        &self,
        actor: &Actor,
        code: &str,
        number: &str,
    ) -> Result<VersionView, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        let number = Number::read(number, "/number")?;
        let mut tx = self.db().begin().await?;
        let found = interface::find(&mut tx, code).await?;
        let owner = found.ok_or_else(|| PlatformError::not_found("interface", code))?;
        let there = version::of_interface(&mut tx, code).await?;
        if let Some(row) = there.into_iter().find(|row| Number::of(row) == number) {
            if row.definition.is_some() {
                return Err(number_taken(code, &number.to_string()));
            }
            return view(&mut tx, row).await;
        }
        let row = new_version(code, number, actor, to_micros(now()));
        self.insert_version(&mut tx, actor, &row).await?;
        self.refresh(&mut tx, owner).await?;
        let shown = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// Writes what lists show of an interface's versions.
    pub(crate) async fn refresh(
        &self,
        tx: &mut Tx<'_>,
        mut row: InterfaceRow,
    ) -> Result<(), PlatformError> {
        let versions = version::of_interface(tx, &row.code).await?;
        if let Some(newest) = versions.first() {
            row.latest = Number::of(newest).to_string();
            row.state.clone_from(&newest.state);
        }
        let open = versions
            .iter()
            .find(|one| matches!(one.state.as_str(), "published" | "deprecated"));
        row.published = open.map(|one| Number::of(one).to_string());
        if let Some(hash) = versions.iter().find_map(|one| one.definition.as_ref())
            && let Some(definition) = definition::find(tx, hash).await?
        {
            row.search = format!("{}\n{}", own_words(&row), definition.search);
            row.traits = definition.traits;
        }
        let seen = row.revision;
        row.revision += 1;
        row.updated_at = to_micros(now());
        match interface::update(tx, &row, seen).await? {
            true => Ok(()),
            false => Err(stale("interface", row.revision)),
        }
    }

    /// Other interfaces so like this definition that another one must be justified.
    pub(crate) async fn likenesses(
        &self,
        reader: &mut impl Reader,
        row: &VersionRow,
        traits: &str,
    ) -> Result<Vec<SimilarView>, PlatformError> {
        let own = read_traits(traits)?;
        let answered = similar(row)?;
        let mut found = Vec::new();
        for other in interface::traits_but(reader, &row.interface).await? {
            let score_percent = own.score_percent(&read_traits(&other.traits)?);
            if score_percent >= SIMILAR_PERCENT {
                let before = answered.iter().find(|one| one.interface == other.code);
                found.push(SimilarView {
                    reason: before.and_then(|one| one.reason.clone()),
                    interface: other.code,
                    score_percent,
                });
            }
        }
        found.sort_by_key(|one| std::cmp::Reverse(one.score_percent));
        Ok(found)
    }

    /// The version of an id.
    pub(crate) async fn version_row(
        &self,
        reader: &mut impl Reader,
        id: &str,
    ) -> Result<VersionRow, PlatformError> {
        let found = version::find(reader, id).await?;
        found.ok_or_else(|| PlatformError::not_found("version", id))
    }

    /// Writes a version seen at a revision, one revision further, and tells of it.
    pub(crate) async fn save(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &mut VersionRow,
        (kind, reason, document): (&str, &str, Value),
    ) -> Result<(), PlatformError> {
        let seen = row.revision;
        row.revision += 1;
        row.updated_at = to_micros(now());
        if !version::update(tx, row, seen).await? {
            return Err(stale("version", row.revision));
        }
        let what = Happened {
            interface: &row.interface,
            version: Some((&row.id, row.revision)),
            kind,
            reason,
            document,
        };
        self.happened(tx, actor, what).await?;
        let owner = interface::find(tx, &row.interface).await?;
        let owner = owner.ok_or_else(|| PlatformError::not_found("interface", &row.interface))?;
        self.refresh(tx, owner).await
    }

    /// A version.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn version(&self, id: &str) -> Result<VersionView, PlatformError> {
        let row = self.version_row(&mut self.db(), id).await?;
        view(&mut self.db(), row).await
    }

    /// Versions of an interface, highest number first.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn versions(&self, code: &str) -> Result<Vec<VersionView>, PlatformError> {
        self.interface(code).await?;
        let mut views = Vec::new();
        for row in version::of_interface(&mut self.db(), code).await? {
            views.push(view(&mut self.db(), row).await?);
        }
        Ok(views)
    }

    /// Agrees on a service level while the version is being written.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`], [`PlatformError::Invalid`], [`PlatformError::Stale`],
    /// [`PlatformError::Conflict`] once it is before the reviewers.
    pub async fn set_sla(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        sla: &SlaInput,
    ) -> Result<VersionView, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        check_sla(sla)?;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        fresh("version", row.revision, seen)?;
        being_written(&row)?;
        let told = serde_json::to_string(sla).map_err(PlatformError::json("service level"))?;
        if row.sla.as_ref() != Some(&told) {
            row.sla = Some(told);
            add_author(&mut row, actor)?;
            let detail = serde_json::to_value(sla).map_err(PlatformError::json("service level"))?;
            self.save(&mut tx, actor, &mut row, ("sla_set", "", detail))
                .await?;
        }
        let shown = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// Says why another interface is needed beside one that is like it.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`], [`PlatformError::Invalid`] when it is not like it,
    /// [`PlatformError::Stale`], [`PlatformError::Conflict`].
    pub async fn answer_similar(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        input: &SimilarInput,
    ) -> Result<VersionView, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        text("/reason", &input.reason, 2_000)?;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        fresh("version", row.revision, seen)?;
        being_written(&row)?;
        let mut all = similar(&row)?;
        let Some(one) = all.iter_mut().find(|one| one.interface == input.interface) else {
            let other = &input.interface;
            return Err(PlatformError::invalid(
                "/interface",
                "unknown",
                format!("`{other}` is not among the interfaces like this one"),
                format!("“{other}”不在相似接口之中"),
            ));
        };
        one.reason = Some(input.reason.clone());
        row.similar_answers =
            serde_json::to_string(&all).map_err(PlatformError::json("similar"))?;
        let detail = json!({"interface": input.interface});
        let what = ("similar_answered", input.reason.as_str(), detail);
        self.save(&mut tx, actor, &mut row, what).await?;
        let shown = view(&mut tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }
}

fn number_taken(code: &str, number: &str) -> PlatformError {
    PlatformError::conflict(
        "E-VERSION-TAKEN",
        format!("{code} has a version {number} already; take a higher number"),
        format!("{code} 已有版本 {number}，请使用更高的版本号"),
    )
}

/// Refuses once it is before the reviewers or beyond.
fn being_written(row: &VersionRow) -> Result<(), PlatformError> {
    if matches!(row.state.as_str(), "identified" | "draft") {
        return Ok(());
    }
    let words = standing(row)?.state.words();
    Err(PlatformError::conflict(
        "E-VERSION-STATE",
        format!(
            "this is not possible while it is {}; edit the definition to take it back",
            words.en
        ),
        format!("当前状态为“{}”，不能更改；请先编辑定义退回草稿", words.zh),
    ))
}

fn read_traits(text: &str) -> Result<Traits, PlatformError> {
    #[derive(Deserialize)]
    struct Kept {
        segments: std::collections::BTreeSet<String>,
        fields: std::collections::BTreeSet<String>,
    }
    let kept: Kept = serde_json::from_str(text).map_err(PlatformError::json("traits"))?;
    Ok(Traits {
        segments: kept.segments,
        fields: kept.fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_plain_numbers_are_a_version() {
        let read = |text: &str| Number::read(text, "/number").map(|number| number.to_string());
        for text in ["0.0.1", "1.0.0", "12.34.567"] {
            assert_eq!(read(text).expect("reads"), text);
        }
        for text in [
            "",
            "1",
            "1.0",
            "01.0.0",
            "1.0.0-rc1",
            "1.0.0.0",
            "-1.0.0",
            "1.0.9999999999",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
