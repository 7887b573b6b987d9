//! Interfaces: added, changed, found.

use rialto_esb_store::interface::{self, InterfaceRow, Wanted};
use rialto_esb_store::system;
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{from_micros, now, to_micros};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::record::Happened;
use crate::systems::{fresh, is_code, one_of, stale, text};
use crate::versions::{Number, new_version};
use crate::view::{BranchView, FacetView, InterfaceView};
use crate::{InterfacePlatform, PlatformError};

/// How an interface is called.
const PATTERNS: [&str; 3] = ["request-reply", "request-callback", "publish-subscribe"];
/// How it is carried.
const PROTOCOLS: [&str; 1] = ["http"];

/// An interface as it is told.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InterfaceInput {
    /// Service code, a point, scene code: `trade.order`.
    pub code: String,
    /// Code of the system that owns it.
    pub system: String,
    /// Name for people.
    pub title: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Path in the taxonomy, `trade/order`; may be told later, before it becomes a draft.
    #[serde(default)]
    pub taxonomy: String,
    /// `request-reply`, `request-callback` or `publish-subscribe`; may be told later.
    #[serde(default)]
    pub pattern: String,
    /// `http`; others are not carried yet.
    #[serde(default = "http")]
    pub protocol: String,
    /// Number of its first version; `1.0.0` when not told. Looked at only when it is added.
    pub version: Option<String>,
}

fn http() -> String {
    "http".to_owned()
}

/// Which interfaces.
#[derive(Debug, Clone, Default)]
pub struct InterfaceQuery {
    /// Of this system.
    pub system: Option<String>,
    /// At this place of the taxonomy or below it.
    pub taxonomy: Option<String>,
    /// Whose newest version is in this state.
    pub state: Option<String>,
    /// Having this in code, title, paths or field names.
    pub text: Option<String>,
}

pub(crate) fn view(row: InterfaceRow) -> Result<InterfaceView, PlatformError> {
    Ok(InterfaceView {
        code: row.code,
        system: row.system,
        title: row.title,
        description: row.description,
        taxonomy: row.taxonomy,
        pattern: row.pattern,
        protocol: row.protocol,
        latest: row.latest,
        state: row.state,
        published: row.published,
        revision: u64::try_from(row.revision).unwrap_or(0),
        created_by: row.created_by,
        created_at: from_micros(row.created_at)?,
        updated_at: from_micros(row.updated_at)?,
    })
}

/// What is searched beside the words of the definition.
pub(crate) fn own_words(row: &InterfaceRow) -> String {
    let own = [&row.code, &row.title, &row.description, &row.system];
    own.map(|word| word.to_lowercase()).join("\n")
}

/// Whether a text is a service code, a point and a scene code.
fn is_interface_code(text: &str) -> bool {
    text.split_once('.')
        .is_some_and(|(service, scene)| is_code(service) && is_code(scene))
}

impl InterfacePlatform {
    fn check(&self, input: &InterfaceInput) -> Result<(), PlatformError> {
        if !is_interface_code(&input.code) {
            return Err(PlatformError::invalid(
                "/code",
                "invalid",
                "a code is a service code, a point and a scene code, `trade.order`; each has up \
                 to 40 lower-case letters, digits and `-`, and begins with a letter",
                "接口编码由服务码、点和场景码组成，例如 trade.order；各自最多 40 个小写字母、数字或“-”，以字母开头",
            ));
        }
        text("/title", &input.title, 200)?;
        if !input.description.is_empty() {
            text("/description", &input.description, 10_000)?;
        }
        if !input.pattern.is_empty() {
            one_of("/pattern", &input.pattern, &PATTERNS)?;
        }
        one_of("/protocol", &input.protocol, &PROTOCOLS)?;
        if !input.taxonomy.is_empty() && self.tree().branch(&input.taxonomy).is_none() {
            let path = &input.taxonomy;
            return Err(PlatformError::invalid(
                "/taxonomy",
                "unknown",
                format!("the taxonomy has no `{path}`; see /api/esb/v1/taxonomy"),
                format!("分类中没有“{path}”，请查看 /api/esb/v1/taxonomy"),
            ));
        }
        Ok(())
    }

    /// Adds an interface with its first version; the same again gives the one there is.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`]; [`PlatformError::Conflict`] when the code is another's.
    pub async fn add_interface(
        &self,
        actor: &Actor,
        input: &InterfaceInput,
    ) -> Result<InterfaceView, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        self.check(input)?;
        let number = Number::read(input.version.as_deref().unwrap_or("1.0.0"), "/version")?;
        let mut tx = self.db().begin().await?;
        if let Some(row) = interface::find(&mut tx, &input.code).await? {
            tx.rollback().await?;
            return match same(&row, input) {
                true => view(row),
                false => Err(PlatformError::conflict(
                    "E-INTERFACE-TAKEN",
                    format!("the code {} is taken by another interface", input.code),
                    format!("编码 {} 已被其他接口使用", input.code),
                )),
            };
        }
        if system::find(&mut tx, &input.system).await?.is_none() {
            let code = &input.system;
            return Err(PlatformError::invalid(
                "/system",
                "unknown",
                format!("there is no system `{code}`; add it first"),
                format!("没有系统“{code}”，请先登记"),
            ));
        }
        let at = to_micros(now());
        let mut row = InterfaceRow {
            code: input.code.clone(),
            system: input.system.clone(),
            title: String::new(),
            description: String::new(),
            taxonomy: String::new(),
            pattern: String::new(),
            protocol: String::new(),
            latest: number.to_string(),
            state: "identified".to_owned(),
            published: None,
            search: String::new(),
            traits: String::new(),
            revision: 1,
            created_by: actor.login.clone(),
            created_at: at,
            updated_at: at,
        };
        fill(&mut row, input);
        row.search = own_words(&row);
        interface::insert(&mut tx, &row).await?;
        let document = json!({"system": row.system, "title": row.title, "taxonomy": row.taxonomy,
            "pattern": row.pattern, "protocol": row.protocol});
        let added = Happened {
            interface: &row.code,
            version: None,
            kind: "added",
            reason: "",
            document,
        };
        self.happened(&mut tx, actor, added).await?;
        let version = new_version(&row.code, number, actor, at);
        self.insert_version(&mut tx, actor, &version).await?;
        tx.commit().await?;
        view(row)
    }

    /// Changes what an interface says of itself, seen at a revision.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`], [`PlatformError::Invalid`], [`PlatformError::Stale`].
    pub async fn change_interface(
        &self,
        actor: &Actor,
        code: &str,
        seen: Option<u64>,
        input: &InterfaceInput,
    ) -> Result<InterfaceView, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        self.check(input)?;
        let mut tx = self.db().begin().await?;
        let found = interface::find(&mut tx, code).await?;
        let mut row = found.ok_or_else(|| PlatformError::not_found("interface", code))?;
        for (pointer, told, stays) in [
            ("/code", &input.code, &row.code),
            ("/system", &input.system, &row.system),
        ] {
            if told != stays {
                return Err(PlatformError::invalid(
                    pointer,
                    "conflict",
                    format!("this stays {stays}"),
                    format!("{stays} 不可更改"),
                ));
            }
        }
        fresh("interface", row.revision, seen)?;
        let fixed = !row.pattern.is_empty() && row.published.is_some();
        if fixed && input.pattern != row.pattern {
            return Err(PlatformError::conflict(
                "E-PATTERN-FIXED",
                "the pattern stays while a version is published; add a new interface",
                "已有发布版本，交互模式不可更改，请新建接口",
            ));
        }
        if !same(&row, input) {
            let before = row.revision;
            let old = own_words(&row);
            fill(&mut row, input);
            row.search = row.search.replacen(&old, &own_words(&row), 1);
            row.revision += 1;
            row.updated_at = to_micros(now());
            if !interface::update(&mut tx, &row, before).await? {
                return Err(stale("interface", row.revision));
            }
            let document = json!({"title": row.title, "taxonomy": row.taxonomy,
                "pattern": row.pattern, "protocol": row.protocol});
            let changed = Happened {
                interface: code,
                version: None,
                kind: "changed",
                reason: "",
                document,
            };
            self.happened(&mut tx, actor, changed).await?;
        }
        tx.commit().await?;
        view(row)
    }

    /// An interface.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn interface(&self, code: &str) -> Result<InterfaceView, PlatformError> {
        let found = interface::find(&mut self.db(), code).await?;
        view(found.ok_or_else(|| PlatformError::not_found("interface", code))?)
    }

    /// Interfaces after a code, in order, and how all that fit are spread over the taxonomy.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for an unknown state.
    pub async fn interfaces(
        &self,
        query: &InterfaceQuery,
        after: Option<&str>,
        limit: i64,
    ) -> Result<(Vec<InterfaceView>, Vec<FacetView>), PlatformError> {
        if let Some(state) = &query.state {
            crate::versions::state_of(state, "state")?;
        }
        let wanted = Wanted {
            system: query.system.clone(),
            taxonomy: query.taxonomy.clone(),
            state: query.state.clone(),
            text: query.text.clone(),
        };
        let after = after.unwrap_or_default();
        let rows = interface::list(&mut self.db(), &wanted, after, limit).await?;
        let facets = interface::facets(&mut self.db(), &wanted).await?;
        let rows: Result<Vec<_>, _> = rows.into_iter().map(view).collect();
        let facets = facets.into_iter().map(|row| FacetView {
            taxonomy: row.taxonomy,
            count: u64::try_from(row.count).unwrap_or(0),
        });
        Ok((rows?, facets.collect()))
    }

    /// The taxonomy from its roots.
    #[must_use]
    pub fn taxonomy(&self) -> Vec<BranchView> {
        self.tree().branches.iter().map(BranchView::from).collect()
    }
}

fn same(row: &InterfaceRow, input: &InterfaceInput) -> bool {
    (&row.system, &row.title, &row.description) == (&input.system, &input.title, &input.description)
        && (&row.taxonomy, &row.pattern, &row.protocol)
            == (&input.taxonomy, &input.pattern, &input.protocol)
}

fn fill(row: &mut InterfaceRow, input: &InterfaceInput) {
    row.title.clone_from(&input.title);
    row.description.clone_from(&input.description);
    row.taxonomy.clone_from(&input.taxonomy);
    row.pattern.clone_from(&input.pattern);
    row.protocol.clone_from(&input.protocol);
}
