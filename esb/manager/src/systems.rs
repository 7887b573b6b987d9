//! Systems: who offers and calls interfaces, and who answers for them.

use rialto_esb_store::system::{self, SystemRow};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{StoreError, from_micros, now, to_micros};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::view::{SystemView, Words};
use crate::{InterfacePlatform, PlatformError};

/// How much depends on a system.
const CRITICALITIES: [&str; 3] = ["core", "important", "general"];
/// When it must answer.
const HOURS: [&str; 3] = ["trading", "office", "always"];

/// A system as it is told.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemInput {
    /// Lower-case letters, digits and `-`; begins with a letter.
    pub code: String,
    /// Its name.
    pub name: Words,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Login of who answers for it.
    pub owner: String,
    /// `core`, `important` or `general`.
    pub criticality: String,
    /// When it must answer: `trading`, `office` or `always`.
    pub hours: String,
}

/// Whether a text is a code: a letter, then letters, digits and `-`, lower-case, up to 40.
pub(crate) fn is_code(text: &str) -> bool {
    text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A text that must be there and not be longer than `most` characters.
pub(crate) fn text(pointer: &str, text: &str, most: usize) -> Result<(), PlatformError> {
    let count = text.chars().count();
    if (1..=most).contains(&count) && !text.trim().is_empty() {
        return Ok(());
    }
    Err(PlatformError::invalid(
        pointer,
        "out_of_range",
        format!("1 to {most} characters are asked for, this has {count}"),
        format!("请填写 1 至 {most} 个字符，当前 {count} 个"),
    ))
}

/// One of a few words.
pub(crate) fn one_of(pointer: &str, text: &str, words: &[&str]) -> Result<(), PlatformError> {
    if words.contains(&text) {
        return Ok(());
    }
    Err(PlatformError::invalid(
        pointer,
        "invalid",
        format!("`{text}` is none of {}", words.join(", ")),
        format!("“{text}”不在可选值之中：{}", words.join("、")),
    ))
}

fn check(input: &SystemInput) -> Result<(), PlatformError> {
    if !is_code(&input.code) {
        return Err(PlatformError::invalid(
            "/code",
            "invalid",
            "a code has up to 40 lower-case letters, digits and `-`, and begins with a letter",
            "编码最多 40 个小写字母、数字或“-”，以字母开头",
        ));
    }
    text("/name/en", &input.name.en, 100)?;
    text("/name/zh", &input.name.zh, 100)?;
    text("/owner", &input.owner, 100)?;
    if !input.description.is_empty() {
        text("/description", &input.description, 2_000)?;
    }
    one_of("/criticality", &input.criticality, &CRITICALITIES)?;
    one_of("/hours", &input.hours, &HOURS)
}

fn view(row: SystemRow) -> Result<SystemView, PlatformError> {
    Ok(SystemView {
        name: Words::new(row.name_en, row.name_zh),
        code: row.code,
        description: row.description,
        owner: row.owner,
        criticality: row.criticality,
        hours: row.hours,
        revision: u64::try_from(row.revision).unwrap_or(0),
        created_by: row.created_by,
        created_at: from_micros(row.created_at)?,
        updated_at: from_micros(row.updated_at)?,
    })
}

fn same(row: &SystemRow, input: &SystemInput) -> bool {
    (&row.name_en, &row.name_zh, &row.description)
        == (&input.name.en, &input.name.zh, &input.description)
        && (&row.owner, &row.criticality, &row.hours)
            == (&input.owner, &input.criticality, &input.hours)
}

fn fill(row: &mut SystemRow, input: &SystemInput) {
    row.name_en.clone_from(&input.name.en);
    row.name_zh.clone_from(&input.name.zh);
    row.description.clone_from(&input.description);
    row.owner.clone_from(&input.owner);
    row.criticality.clone_from(&input.criticality);
    row.hours.clone_from(&input.hours);
}

impl InterfacePlatform {
    /// Adds a system; the same again gives the one there is.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`]; [`PlatformError::Conflict`] when the code is another's.
    pub async fn add_system(
        &self,
        actor: &Actor,
        input: &SystemInput,
    ) -> Result<SystemView, PlatformError> {
        actor.require(Permission::EsbSystemManage)?;
        check(input)?;
        let mut tx = self.db().begin().await?;
        if let Some(row) = system::find(&mut tx, &input.code).await? {
            tx.rollback().await?;
            return match same(&row, input) {
                true => view(row),
                false => Err(PlatformError::conflict(
                    "E-SYSTEM-TAKEN",
                    format!("the code {} is taken by another system", input.code),
                    format!("编码 {} 已被其他系统使用", input.code),
                )),
            };
        }
        let at = to_micros(now());
        let mut row = SystemRow {
            code: input.code.clone(),
            name_en: String::new(),
            name_zh: String::new(),
            description: String::new(),
            owner: String::new(),
            criticality: String::new(),
            hours: String::new(),
            revision: 1,
            created_by: actor.login.clone(),
            created_at: at,
            updated_at: at,
        };
        fill(&mut row, input);
        system::insert(&mut tx, &row).await?;
        self.system_record(&mut tx, actor, &row, "added").await?;
        tx.commit().await?;
        view(row)
    }

    /// Changes a system seen at a revision.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`], [`PlatformError::Invalid`], [`PlatformError::Stale`].
    pub async fn change_system(
        &self,
        actor: &Actor,
        code: &str,
        seen: Option<u64>,
        input: &SystemInput,
    ) -> Result<SystemView, PlatformError> {
        actor.require(Permission::EsbSystemManage)?;
        check(input)?;
        if input.code != code {
            return Err(PlatformError::invalid(
                "/code",
                "conflict",
                format!("the code stays {code}"),
                format!("编码 {code} 不可更改"),
            ));
        }
        let mut tx = self.db().begin().await?;
        let found = system::find(&mut tx, code).await?;
        let mut row = found.ok_or_else(|| PlatformError::not_found("system", code))?;
        fresh("system", row.revision, seen)?;
        if !same(&row, input) {
            fill(&mut row, input);
            row.revision += 1;
            row.updated_at = to_micros(now());
            if !system::update(&mut tx, &row).await? {
                return Err(stale("system", row.revision));
            }
            self.system_record(&mut tx, actor, &row, "changed").await?;
        }
        tx.commit().await?;
        view(row)
    }

    async fn system_record(
        &self,
        tx: &mut rialto_platform_store::Tx<'_>,
        actor: &Actor,
        row: &SystemRow,
        event: &str,
    ) -> Result<(), PlatformError> {
        let body = json!({"event": event, "owner": row.owner, "criticality": row.criticality,
            "hours": row.hours, "name": {"en": row.name_en, "zh": row.name_zh}});
        let subject = format!("esb_system:{}", row.code);
        self.record(tx, actor, "esb_system", subject, body).await?;
        tx.publish(
            "list:esb-systems",
            &row.code,
            row.revision,
            &[event],
            Value::Null,
        )
        .await;
        Ok(())
    }

    /// A system.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn system(&self, code: &str) -> Result<SystemView, PlatformError> {
        let found = system::find(&mut self.db(), code).await?;
        view(found.ok_or_else(|| PlatformError::not_found("system", code))?)
    }

    /// Systems after a code, in order.
    ///
    /// # Errors
    /// Store errors.
    pub async fn systems(
        &self,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<SystemView>, PlatformError> {
        let rows = system::list(&mut self.db(), after.unwrap_or_default(), limit).await?;
        rows.into_iter().map(view).collect()
    }
}

/// Refuses a change made to an older revision.
pub(crate) fn fresh(
    what: &'static str,
    there: i64,
    seen: Option<u64>,
) -> Result<(), PlatformError> {
    match seen {
        Some(seen) if i64::try_from(seen) != Ok(there) => Err(stale(what, there)),
        _ => Ok(()),
    }
}

pub(crate) fn stale(what: &'static str, there: i64) -> PlatformError {
    PlatformError::Stale {
        what,
        revision: u64::try_from(there).unwrap_or(0),
    }
}

/// A unique row that somebody else added meanwhile.
pub(crate) fn taken(error: StoreError, what: impl Fn() -> PlatformError) -> PlatformError {
    match error {
        StoreError::Unique { .. } => what(),
        other => other.into(),
    }
}
