//! Configuration items: changes with their history, and the content that a client gets.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rialto_esb_center::config::{Client, Grey, ItemKey, md5};
use rialto_esb_center::content::{ContentType, check};
use rialto_esb_center::is_name;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{from_micros, now, to_micros};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::table::{self, ConfigRow, HistoryRow};
use crate::view::{ChangeView, ContentView, GreyView, ItemSummary, ItemView};
use crate::{CenterError, ServiceCenter};

/// Longest reason, characters.
const LONGEST_REASON: usize = 500;

/// An item as it is written.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemInput {
    /// `text`, `json`, `yaml` or `properties`; the content is checked to be of it.
    #[schema(value_type = String)]
    pub r#type: ContentType,
    /// The content.
    pub content: String,
    /// Whether it is sealed at rest and shown with a right of its own only. One that is secret
    /// stays so.
    #[serde(default)]
    pub secret: bool,
    /// Why.
    pub reason: String,
}

/// A content that some clients get first.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GreyInput {
    /// Addresses and blocks of them, such as `10.1.0.0/16`.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Values by label, as clients say them in `X-Rialto-Labels`.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, std::collections::BTreeSet<String>>,
    /// The content.
    pub content: String,
    /// Why.
    pub reason: String,
}

/// A content handed in without knowing what there is, as Nacos clients do.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Its type; that of the item there is, or text, when not told.
    pub kind: Option<ContentType>,
    /// The content.
    pub content: String,
    /// Why.
    pub reason: String,
}

/// What is to become of an item.
enum Next {
    /// Nothing: it is that already.
    Same,
    /// This; revision, time and person are set by who writes it.
    Put(Box<ConfigRow>),
    /// It goes.
    Gone,
}

/// A change on its way.
struct Change<'a> {
    key: &'a ItemKey,
    /// Revision that was seen, when one was named.
    seen: Option<u64>,
    event: &'a str,
    reason: &'a str,
}

fn check_key(key: &ItemKey) -> Result<(), CenterError> {
    let parts = [
        ("namespace", &key.namespace),
        ("group", &key.group),
        ("id", &key.id),
    ];
    match parts.into_iter().find(|(_, text)| !is_name(text)) {
        None => Ok(()),
        Some((part, _)) => Err(CenterError::invalid(
            part,
            "invalid",
            "a name has 1 to 128 letters, digits and `._:-`",
            "名称为 1 至 128 个字母、数字或“._:-”",
        )),
    }
}

fn check_reason(reason: &str) -> Result<(), CenterError> {
    let count = reason.chars().count();
    if (1..=LONGEST_REASON).contains(&count) && !reason.trim().is_empty() {
        return Ok(());
    }
    Err(CenterError::invalid(
        "/reason",
        "out_of_range",
        format!("a reason of 1 to {LONGEST_REASON} characters is asked for"),
        format!("请填写 1 至 {LONGEST_REASON} 个字符的原因"),
    ))
}

fn check_content(kind: ContentType, content: &str) -> Result<(), CenterError> {
    check(kind, content).map_err(|fault| {
        let (line, column) = (fault.line, fault.column);
        CenterError::invalid(
            "/content",
            "content",
            fault.to_string(),
            format!("第 {line} 行第 {column} 列：{}", fault.words.zh),
        )
    })
}

fn kind_of(name: &str) -> Result<ContentType, CenterError> {
    ContentType::of(name)
        .ok_or_else(|| CenterError::Internal(format!("`{name}` is no type of a content")))
}

fn rule_of(text: &str) -> Result<Grey, CenterError> {
    serde_json::from_str(text)
        .map_err(|error| CenterError::Internal(format!("a grey release: {error}")))
}

fn revision(kept: i64) -> u64 {
    u64::try_from(kept).unwrap_or(0)
}

fn none(key: &ItemKey) -> CenterError {
    CenterError::not_found("configuration item", key)
}

fn no_grey(key: &ItemKey) -> CenterError {
    CenterError::conflict(
        "E-NO-GREY-RELEASE",
        format!("{key} has no grey release"),
        format!("{key} 当前没有灰度发布"),
    )
}

impl ServiceCenter {
    fn sealed(&self, key: &ItemKey, secret: bool, content: &str) -> Result<String, CenterError> {
        match secret {
            true => self.inner.seal.seal(key, content),
            false => Ok(content.to_owned()),
        }
    }

    fn opened(&self, key: &ItemKey, secret: bool, content: &str) -> Result<String, CenterError> {
        match secret {
            true => self.inner.seal.open(key, content),
            false => Ok(content.to_owned()),
        }
    }

    fn held(&self, key: &ItemKey) -> Option<Arc<ConfigRow>> {
        let configs = self.inner.configs.read();
        configs
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    /// Makes memory follow the row.
    async fn follow(&self, key: &ItemKey) -> Result<(), CenterError> {
        let row = table::config(&mut &self.inner.db, key).await?;
        {
            let mut configs = self
                .inner
                .configs
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            match row {
                Some(row) => drop(configs.insert(key.clone(), Arc::new(row))),
                None => drop(configs.remove(key)),
            }
        }
        self.inner.items.send_modify(|tick| *tick += 1);
        Ok(())
    }

    /// One change: the row, its history and the evidence, in one transaction.
    async fn change_item(
        &self,
        actor: &Actor,
        change: Change<'_>,
        make: impl FnOnce(Option<ConfigRow>) -> Result<Next, CenterError>,
    ) -> Result<(), CenterError> {
        actor.require(Permission::EsbConfigWrite)?;
        check_key(change.key)?;
        check_reason(change.reason)?;
        let _writing = self.inner.writing.lock().await;
        let mut tx = self.inner.db.begin().await?;
        let old = table::config(&mut tx, change.key).await?;
        if let (Some(seen), Some(old)) = (change.seen, &old)
            && seen != revision(old.revision)
        {
            return Err(CenterError::Stale {
                revision: revision(old.revision),
            });
        }
        let newest = table::newest_revision(&mut tx, change.key).await?;
        let (mut row, gone) = match (make(old.clone())?, old) {
            (Next::Same, _) => return Ok(()),
            (Next::Put(row), _) => (*row, false),
            (Next::Gone, Some(old)) => (old, true),
            (Next::Gone, None) => return Err(none(change.key)),
        };
        row.revision = newest + 1;
        row.updated_by.clone_from(&actor.login);
        row.updated_at = to_micros(now());
        match gone {
            true => table::delete_config(&mut tx, change.key).await?,
            false => table::replace_config(&mut tx, &row).await?,
        }
        table::insert_history(&mut tx, &row, change.event, change.reason).await?;
        let digest = (!row.secret).then(|| md5(&row.content));
        let rule = row.grey.as_deref().map(rule_of).transpose()?;
        let body = json!({"event": change.event, "reason": change.reason,
            "revision": row.revision, "type": row.kind, "secret": row.secret, "md5": digest,
            "grey": rule});
        let subject = format!("esb_config:{}", change.key);
        self.record(&mut tx, actor, "esb_config", subject, body)
            .await?;
        let committed = tx.commit().await;
        // After an error too: then it is not known whether the row is there.
        let followed = self.follow(change.key).await;
        committed?;
        followed
    }

    /// The row of a content in the place of another.
    fn row(
        &self,
        key: &ItemKey,
        old: Option<ConfigRow>,
        kind: ContentType,
        (secret, content): (bool, &str),
    ) -> Result<Next, CenterError> {
        check_content(kind, content)?;
        let secret = secret || old.as_ref().is_some_and(|old| old.secret);
        if let Some(old) = &old
            && old.kind == kind.as_str()
            && old.secret == secret
            && self.opened(key, secret, &old.content)? == content
        {
            return Ok(Next::Same);
        }
        if let Some(old) = &old
            && old.grey.is_some()
            && (old.kind != kind.as_str() || old.secret != secret)
        {
            return Err(CenterError::conflict(
                "E-GREY-RELEASE",
                format!("{key} has a grey release; end it before its type or secrecy changes"),
                format!("{key} 正在灰度发布，请先结束灰度再更改类型或加密方式"),
            ));
        }
        let (grey, grey_content) = old.map_or((None, None), |old| (old.grey, old.grey_content));
        Ok(Next::Put(Box::new(ConfigRow {
            namespace: key.namespace.clone(),
            grp: key.group.clone(),
            id: key.id.clone(),
            kind: kind.as_str().to_owned(),
            secret,
            content: self.sealed(key, secret, content)?,
            grey,
            grey_content,
            revision: 0,
            updated_by: String::new(),
            updated_at: 0,
        })))
    }

    /// Adds an item.
    ///
    /// # Errors
    /// [`CenterError::Denied`], [`CenterError::Invalid`]; [`CenterError::Conflict`] when there is
    /// one.
    pub async fn create_item(
        &self,
        actor: &Actor,
        key: &ItemKey,
        input: &ItemInput,
    ) -> Result<ItemView, CenterError> {
        let change = Change {
            key,
            seen: None,
            event: "created",
            reason: &input.reason,
        };
        self.change_item(actor, change, |old| match old {
            Some(_) => Err(CenterError::conflict(
                "E-CONFIG-THERE",
                format!("{key} is there already; change it"),
                format!("{key} 已存在，请直接修改"),
            )),
            None => self.row(key, None, input.r#type, (input.secret, &input.content)),
        })
        .await?;
        self.item(actor, key)
    }

    /// Changes an item seen at a revision; the same again changes nothing.
    ///
    /// # Errors
    /// [`CenterError::Denied`], [`CenterError::Invalid`], [`CenterError::NotFound`],
    /// [`CenterError::Stale`].
    pub async fn update_item(
        &self,
        actor: &Actor,
        key: &ItemKey,
        seen: Option<u64>,
        input: &ItemInput,
    ) -> Result<ItemView, CenterError> {
        let change = Change {
            key,
            seen,
            event: "changed",
            reason: &input.reason,
        };
        self.change_item(actor, change, |old| {
            let old = old.ok_or_else(|| none(key))?;
            self.row(key, Some(old), input.r#type, (input.secret, &input.content))
        })
        .await?;
        self.item(actor, key)
    }

    /// Adds or changes an item, whatever there is.
    ///
    /// # Errors
    /// [`CenterError::Denied`], [`CenterError::Invalid`].
    pub async fn publish(
        &self,
        actor: &Actor,
        key: &ItemKey,
        new: &Publication,
    ) -> Result<(), CenterError> {
        let change = Change {
            key,
            seen: None,
            event: match self.held(key) {
                Some(_) => "changed",
                None => "created",
            },
            reason: &new.reason,
        };
        self.change_item(actor, change, |old| {
            let there = old.as_ref().map(|old| kind_of(&old.kind)).transpose()?;
            let kind = new.kind.or(there).unwrap_or(ContentType::Text);
            self.row(key, old, kind, (false, &new.content))
        })
        .await
    }

    /// Removes an item seen at a revision; its history stays.
    ///
    /// # Errors
    /// [`CenterError::Denied`], [`CenterError::NotFound`], [`CenterError::Stale`].
    pub async fn remove_item(
        &self,
        actor: &Actor,
        key: &ItemKey,
        seen: Option<u64>,
        reason: &str,
    ) -> Result<(), CenterError> {
        let change = Change {
            key,
            seen,
            event: "removed",
            reason,
        };
        self.change_item(actor, change, |_| Ok(Next::Gone)).await
    }

    /// Gives some clients another content first.
    ///
    /// # Errors
    /// As [`ServiceCenter::update_item`].
    pub async fn start_grey(
        &self,
        actor: &Actor,
        key: &ItemKey,
        seen: Option<u64>,
        input: &GreyInput,
    ) -> Result<ItemView, CenterError> {
        let rule = Grey {
            addresses: input.addresses.clone(),
            labels: input.labels.clone(),
        };
        rule.check()
            .map_err(|(pointer, words)| CenterError::Invalid {
                pointer,
                code: "invalid",
                words,
            })?;
        let text = serde_json::to_string(&rule)
            .map_err(|error| CenterError::Internal(format!("a grey release: {error}")))?;
        let change = Change {
            key,
            seen,
            event: "grey_started",
            reason: &input.reason,
        };
        self.change_item(actor, change, |old| {
            let mut row = old.ok_or_else(|| none(key))?;
            check_content(kind_of(&row.kind)?, &input.content)?;
            row.grey = Some(text);
            row.grey_content = Some(self.sealed(key, row.secret, &input.content)?);
            Ok(Next::Put(Box::new(row)))
        })
        .await?;
        self.item(actor, key)
    }

    /// Ends a grey release: its content becomes everybody's (`released`), or nobody's.
    ///
    /// # Errors
    /// As [`ServiceCenter::update_item`]; [`CenterError::Conflict`] when there is none.
    pub async fn end_grey(
        &self,
        actor: &Actor,
        key: &ItemKey,
        seen: Option<u64>,
        (released, reason): (bool, &str),
    ) -> Result<ItemView, CenterError> {
        let change = Change {
            key,
            seen,
            event: match released {
                true => "grey_released",
                false => "grey_ended",
            },
            reason,
        };
        self.change_item(actor, change, |old| {
            let mut row = old.ok_or_else(|| none(key))?;
            let content = row.grey_content.take().ok_or_else(|| no_grey(key))?;
            row.grey = None;
            if released {
                row.content = content;
            }
            Ok(Next::Put(Box::new(row)))
        })
        .await?;
        self.item(actor, key)
    }

    /// Gives an item the content it had at a revision.
    ///
    /// # Errors
    /// As [`ServiceCenter::update_item`]; [`CenterError::NotFound`] without such a revision.
    pub async fn roll_back(
        &self,
        actor: &Actor,
        key: &ItemKey,
        seen: Option<u64>,
        (to, reason): (u64, &str),
    ) -> Result<ItemView, CenterError> {
        let before = i64::try_from(to).unwrap_or(i64::MAX).saturating_add(1);
        let found = table::history(&mut &self.inner.db, key, before, 1).await?;
        let then = found
            .into_iter()
            .find(|row| revision(row.revision) == to)
            .ok_or_else(|| CenterError::not_found("revision of the item", to))?;
        let change = Change {
            key,
            seen,
            event: "rolled_back",
            reason,
        };
        self.change_item(actor, change, |old| {
            let content = self.opened(key, then.secret, &then.content)?;
            self.row(key, old, kind_of(&then.kind)?, (then.secret, &content))
        })
        .await?;
        self.item(actor, key)
    }

    fn summary(row: &ConfigRow) -> Result<ItemSummary, CenterError> {
        Ok(ItemSummary {
            namespace: row.namespace.clone(),
            group: row.grp.clone(),
            id: row.id.clone(),
            r#type: row.kind.clone(),
            secret: row.secret,
            grey: row.grey.is_some(),
            revision: revision(row.revision),
            updated_by: row.updated_by.clone(),
            updated_at: from_micros(row.updated_at)?,
        })
    }

    /// A content as one may see it: `None` for a secret without the right.
    fn shown(
        &self,
        actor: &Actor,
        key: &ItemKey,
        secret: bool,
        content: &str,
    ) -> Result<Option<String>, CenterError> {
        if secret && !actor.may(Permission::EsbConfigOpen) {
            return Ok(None);
        }
        self.opened(key, secret, content).map(Some)
    }

    /// An item.
    ///
    /// # Errors
    /// [`CenterError::Denied`], [`CenterError::NotFound`].
    pub fn item(&self, actor: &Actor, key: &ItemKey) -> Result<ItemView, CenterError> {
        actor.require(Permission::EsbRead)?;
        let row = self.held(key).ok_or_else(|| none(key))?;
        let content = self.shown(actor, key, row.secret, &row.content)?;
        let release = match (&row.grey, &row.grey_content) {
            (Some(rule), Some(content)) => {
                let content = self.shown(actor, key, row.secret, content)?;
                Some(GreyView::new(rule_of(rule)?, content))
            }
            _ => None,
        };
        Ok(ItemView {
            summary: Self::summary(&row)?,
            md5: content.as_deref().map(md5),
            content,
            release,
        })
    }

    /// Items of a namespace after one, in order; of one group when it is named.
    ///
    /// # Errors
    /// [`CenterError::Denied`].
    pub fn items(
        &self,
        actor: &Actor,
        (namespace, group): (&str, Option<&str>),
        after: Option<(&str, &str)>,
        limit: usize,
    ) -> Result<Vec<ItemSummary>, CenterError> {
        actor.require(Permission::EsbRead)?;
        let configs = self.inner.configs.read();
        let configs = configs.unwrap_or_else(PoisonError::into_inner);
        let wanted = |key: &ItemKey| {
            key.namespace == namespace
                && group.is_none_or(|group| key.group == group)
                && after.is_none_or(|after| (key.group.as_str(), key.id.as_str()) > after)
        };
        let found = configs.iter().filter(|(key, _)| wanted(key)).take(limit);
        found.map(|(_, row)| Self::summary(row)).collect()
    }

    /// What was done to an item before a revision, newest first; also to one that is gone.
    ///
    /// # Errors
    /// [`CenterError::Denied`], store errors.
    pub async fn history(
        &self,
        actor: &Actor,
        key: &ItemKey,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<ChangeView>, CenterError> {
        actor.require(Permission::EsbRead)?;
        let before = before.unwrap_or(i64::MAX);
        let rows = table::history(&mut &self.inner.db, key, before, limit).await?;
        let view = |row: HistoryRow| {
            Ok(ChangeView {
                content: self.shown(actor, key, row.secret, &row.content)?,
                revision: revision(row.revision),
                event: row.event,
                r#type: row.kind,
                secret: row.secret,
                actor: row.actor,
                reason: row.reason,
                at: from_micros(row.at)?,
            })
        };
        rows.into_iter().map(view).collect()
    }

    /// The content that a client gets; `None` when there is no such item.
    ///
    /// # Errors
    /// [`CenterError::Denied`], for a secret item without the right too.
    pub fn content(
        &self,
        actor: &Actor,
        key: &ItemKey,
        client: &Client,
    ) -> Result<Option<ContentView>, CenterError> {
        actor.require(Permission::EsbRead)?;
        let Some(row) = self.held(key) else {
            return Ok(None);
        };
        if row.secret {
            actor.require(Permission::EsbConfigOpen)?;
        }
        let rule = row.grey.as_deref().map(rule_of).transpose()?;
        let grey = rule.is_some_and(|rule| rule.holds(client));
        let kept = match (&row.grey_content, grey) {
            (Some(content), true) => content,
            _ => &row.content,
        };
        let content = self.opened(key, row.secret, kept)?;
        Ok(Some(ContentView {
            md5: md5(&content),
            content: Some(content),
            r#type: Some(row.kind.clone()),
            revision: revision(row.revision),
            grey,
        }))
    }

    /// MD5 of what a client gets, empty when that is nothing.
    fn digest(&self, actor: &Actor, key: &ItemKey, client: &Client) -> String {
        let found = self.content(actor, key, client).ok().flatten();
        found.map_or_else(String::new, |content| content.md5)
    }

    /// Positions of the items whose content is another than the MD5 says, as soon as there are any,
    /// or none after `wait`. A secret item without the right counts as none.
    pub async fn watch_items(
        &self,
        actor: &Actor,
        listened: &[(ItemKey, String)],
        client: &Client,
        wait: Duration,
    ) -> Vec<usize> {
        let changed = || {
            let listened = listened.iter().enumerate();
            let changed =
                listened.filter(|(_, (key, md5))| self.digest(actor, key, client) != *md5);
            let found: Vec<usize> = changed.map(|(n, _)| n).collect();
            (!found.is_empty()).then_some(found)
        };
        let found = self.wait(&self.inner.items, wait, changed).await;
        found.unwrap_or_default()
    }
}
