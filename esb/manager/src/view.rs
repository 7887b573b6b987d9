//! Shapes that go over the wire.

mod calls;
mod drift;
mod publishing;
mod trying;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rialto_esb_catalogue::taxonomy::Branch;
use rialto_esb_catalogue::{Refusal, Unmet};
use rialto_esb_contract::{Finding, Loss, Spot};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use calls::{CallsView, EdgeView, FieldUseView, UnusedView, WatchView};
pub use drift::{DriftView, DriftingView};
pub use publishing::{
    BindingView, EnvironmentView, LeftOutView, NodeView, PreviewView, PublicationView,
    SnapshotChange, SnapshotCounts, SnapshotView,
};
pub use trying::{TryFindingView, TryView};

/// A text in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl Words {
    /// Of two texts.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }
}

impl From<rialto_esb_contract::Words> for Words {
    fn from(words: rialto_esb_contract::Words) -> Self {
        Self::new(words.en, words.zh)
    }
}

/// A place in a file of a definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpotView {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// JSON pointer.
    pub pointer: String,
}

impl From<&Spot> for SpotView {
    fn from(spot: &Spot) -> Self {
        Self {
            file: spot.file.clone(),
            line: spot.line,
            column: spot.column,
            pointer: spot.pointer.clone(),
        }
    }
}

/// A branch of the taxonomy.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BranchView {
    /// Ids from the root on, joined by `/`.
    pub path: String,
    /// Its name.
    pub name: Words,
    /// Branches below it.
    #[schema(no_recursion)]
    pub children: Vec<BranchView>,
}

impl From<&Branch> for BranchView {
    fn from(branch: &Branch) -> Self {
        Self {
            path: branch.path.clone(),
            name: branch.name.clone().into(),
            children: branch.children.iter().map(Self::from).collect(),
        }
    }
}

/// A system.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "named in the glossary, told by `SystemInput`")]
pub struct SystemView {
    pub code: String,
    pub name: Words,
    pub description: String,
    pub owner: String,
    pub criticality: String,
    pub hours: String,
    pub revision: u64,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An interface.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InterfaceView {
    /// Service and scene, `trade.order`.
    pub code: String,
    /// Code of the system that owns it.
    pub system: String,
    /// Name for people.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Its place in the taxonomy; empty while it has none.
    pub taxonomy: String,
    /// How it is called; empty while nobody said.
    pub pattern: String,
    /// How it is carried.
    pub protocol: String,
    /// Number of its newest version.
    pub latest: String,
    /// State of that version.
    pub state: String,
    /// Number of its published version.
    pub published: Option<String>,
    /// Revision, for `If-Match`.
    pub revision: u64,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// How many interfaces stand at a place of the taxonomy.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FacetView {
    /// Path of the taxonomy; empty for interfaces without a place.
    pub taxonomy: String,
    /// How many, those below it not counted.
    pub count: u64,
}

/// A page of the catalogue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InterfacePage {
    /// Interfaces.
    pub items: Vec<InterfaceView>,
    /// Give it as `page_token` for the next page; null on the last one.
    pub next_page_token: Option<String>,
    /// All that fit, by their place in the taxonomy.
    pub facets: Vec<FacetView>,
}

/// A definition as a whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DefinitionView {
    /// SHA-256 of its files.
    pub hash: String,
    /// `openapi-2.0`, `openapi-3.0` or `openapi-3.1`.
    pub format: String,
    /// Its title.
    pub title: String,
    /// The version its author gave it.
    pub version: String,
    /// Path of its own file.
    pub root: String,
    /// How many files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// How many operations.
    pub operations: u64,
    /// How many shared schemas.
    pub schemas: u64,
    /// How many constructs stay in the document only.
    pub losses: u64,
    /// Findings that stop a review.
    pub errors: u64,
    /// Findings that should be looked at.
    pub warnings: u64,
    /// Findings worth knowing.
    pub infos: u64,
    /// Requests and successful answers without an example.
    pub missing_examples: u64,
    /// Highest level of its fields; a field without a label counts as 3.
    pub highest_level: u8,
}

/// What an agreed service level says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    /// 99 of 100 answers come within this, milliseconds.
    pub latency_p99_ms: u32,
    /// Share of time it answers, percent as text, `99.95`.
    pub availability_percent: String,
    /// Declared peak, requests per second.
    pub peak_per_second: u32,
}

/// An interface like this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SimilarView {
    /// Its code.
    pub interface: String,
    /// How like, percent of path segments and field names.
    pub score_percent: u32,
    /// Why another one is needed; null while nobody said.
    pub reason: Option<String>,
}

/// A guard waived by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WaiverView {
    /// The guard.
    pub guard: String,
    /// Why.
    pub reason: String,
    /// Last day it counts, `yyyy-mm-dd`.
    pub until: String,
    /// Whether that day has passed.
    pub expired: bool,
    /// Who waived it.
    pub waived_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A version of an interface.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VersionView {
    /// Its id.
    pub id: String,
    /// Code of its interface.
    pub interface: String,
    /// `1.2.0`.
    pub number: String,
    /// Where it stands.
    pub state: String,
    /// The state for people.
    pub state_words: Words,
    /// Whether callers are refused for now.
    pub suspended: bool,
    /// Its definition; null while there is none.
    pub definition: Option<DefinitionView>,
    /// Hash that was approved.
    pub pinned: Option<String>,
    /// What it means for callers of the version before: `none`, `info`, `warning`, `error`; null
    /// while it was not compared.
    pub compat: Option<String>,
    /// Id of the version it was compared with; null when there is none before it.
    pub compat_base: Option<String>,
    /// Agreed service level.
    pub sla: Option<Sla>,
    /// Interfaces like it.
    pub similar: Vec<SimilarView>,
    /// Guards waived by name.
    pub waivers: Vec<WaiverView>,
    /// Who submitted it.
    pub submitted_by: Option<String>,
    /// When.
    pub submitted_at: Option<Timestamp>,
    /// The security administrator who agreed.
    pub security_agreed_by: Option<String>,
    /// Code of the interface or number of the version that follows it, or why there is none.
    pub successor: Option<String>,
    /// The day it goes, `yyyy-mm-dd`.
    pub sunset_on: Option<String>,
    /// Events its state knows.
    pub events: Vec<String>,
    /// Revision, for `If-Match`.
    pub revision: u64,
    /// Who added it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// A guard that is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnmetView {
    /// Stable name of the guard.
    pub guard: String,
    /// The fact that fails, and what to do.
    pub text: Words,
    /// Whether the fact is known; false when nothing has recorded it yet.
    pub recorded: bool,
    /// Whether a manager may waive it by name.
    pub waivable: bool,
}

impl From<&Unmet> for UnmetView {
    fn from(unmet: &Unmet) -> Self {
        Self {
            guard: unmet.guard.to_owned(),
            text: unmet.what.clone().into(),
            recorded: unmet.recorded,
            waivable: rialto_esb_catalogue::version::WAIVABLE.contains(&unmet.guard),
        }
    }
}

/// Guards that are not met, as they are told.
#[must_use]
pub fn unmet(refusal: &Refusal) -> Vec<UnmetView> {
    refusal.unmet.iter().map(UnmetView::from).collect()
}

/// What would become of an event now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OutlookView {
    /// The event.
    pub event: String,
    /// Its name for people.
    pub words: Words,
    /// The state it leads to.
    pub to: String,
    /// What stands against it, for the one who asks; empty when it may happen.
    pub unmet: Vec<UnmetView>,
}

/// A version after its definition was handed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Imported {
    /// The version.
    pub version: VersionView,
    /// What keeps it from becoming a draft.
    pub unmet: Vec<UnmetView>,
    /// Whether anything changed.
    pub changed: bool,
}

/// Something wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FindingView {
    /// Its number in the list, from 1; 0 outside of one.
    #[serde(default)]
    pub no: u64,
    /// Id of the rule.
    pub rule: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// Where.
    pub spot: SpotView,
    /// What is wrong.
    pub text: Words,
    /// Why the rule exists.
    pub why: Words,
    /// What to do.
    pub cure: Words,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            no: 0,
            rule: finding.rule.to_owned(),
            severity: finding.severity.to_string(),
            spot: (&finding.spot).into(),
            text: finding.what.clone().into(),
            why: finding.why.clone().into(),
            cure: finding.cure.clone().into(),
        }
    }
}

/// Something that stays in the document only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LossView {
    /// Its number in the list, from 1.
    #[serde(default)]
    pub no: u64,
    /// The construct.
    pub construct: String,
    /// Where.
    pub spot: SpotView,
    /// What was done with it.
    pub text: Words,
}

impl From<&Loss> for LossView {
    fn from(loss: &Loss) -> Self {
        Self {
            no: 0,
            construct: loss.construct.clone(),
            spot: (&loss.spot).into(),
            text: loss.done.clone().into(),
        }
    }
}

/// An operation in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationLine {
    /// Its number, from 1, in written order.
    pub no: u64,
    /// The author's id of it.
    pub id: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path with `{names}`.
    pub path: String,
    /// One line for people.
    pub summary: String,
    /// Groups it belongs to.
    pub tags: Vec<String>,
    /// Whether callers are asked to leave it.
    pub deprecated: bool,
}

/// A value beside the body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "named by OpenAPI")]
pub struct ParameterView {
    pub name: String,
    pub place: String,
    pub description: Option<String>,
    pub required: bool,
    pub deprecated: bool,
    pub schema: Option<Value>,
    pub examples: BTreeMap<String, Value>,
    pub spot: SpotView,
}

/// A form of a body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "named by OpenAPI")]
pub struct MediaView {
    pub name: String,
    pub schema: Option<Value>,
    pub examples: BTreeMap<String, Value>,
}

/// A request's body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "named by OpenAPI")]
pub struct BodyView {
    pub required: bool,
    pub description: Option<String>,
    pub media: Vec<MediaView>,
}

/// A header of an answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "named by OpenAPI")]
pub struct HeaderView {
    pub name: String,
    pub required: bool,
    pub schema: Option<Value>,
}

/// What comes back with a status.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "named by OpenAPI")]
pub struct OutcomeView {
    pub status: String,
    pub description: Option<String>,
    pub headers: Vec<HeaderView>,
    pub media: Vec<MediaView>,
}

/// A business error code.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "named by `x-error-codes`")]
pub struct ErrorCodeView {
    pub code: String,
    pub status: Option<String>,
    pub meaning: String,
}

/// One operation whole; `#/$defs/NAME` in a schema names a shared schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[expect(missing_docs, reason = "named by OpenAPI")]
pub struct OperationView {
    pub no: u64,
    pub id: Option<String>,
    pub method: String,
    pub path: String,
    pub summary: Option<String>,
    pub description: Option<String>,
    pub tags: Vec<String>,
    pub deprecated: bool,
    pub sunset: Option<String>,
    pub parameters: Vec<ParameterView>,
    pub body: Option<BodyView>,
    pub outcomes: Vec<OutcomeView>,
    /// Any one of these lets a caller in; each names schemes and the scopes they must grant.
    pub security: Vec<BTreeMap<String, Vec<String>>>,
    pub errors: Vec<ErrorCodeView>,
    pub idempotency: String,
    pub spot: SpotView,
}

/// A request to an operation and the code that sends it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SampleView {
    /// Where the interface is called: that of a gateway of the environment, or an example's.
    pub base: String,
    /// `POST`.
    pub method: String,
    /// Path and query below the base.
    pub target: String,
    /// Headers, name and value.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<String>,
    /// Parts no value could be made for, and why.
    pub open: Vec<String>,
    /// The same as code.
    pub samples: Vec<CodeView>,
}

/// A request in a language.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CodeView {
    /// `curl`, `rust`, `python`, `java` or `typescript`.
    pub language: String,
    /// The code; the API key comes from the environment variable `RIALTO_API_KEY`.
    pub text: String,
}

/// A shared schema in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SchemaLine {
    /// Its number, from 1, in written order.
    pub no: u64,
    /// Its name.
    pub name: String,
    /// What it calls itself.
    pub title: String,
}

/// A shared schema.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SchemaView {
    /// Its name.
    pub name: String,
    /// JSON Schema 2020-12; `#/$defs/NAME` names another one.
    pub schema: Value,
}

/// A change between two versions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangeView {
    /// Id of the rule.
    pub rule: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// Operations it touches.
    pub operations: Vec<String>,
    /// What it touches within them.
    pub at: String,
    /// Where the old version says it.
    pub old: Option<SpotView>,
    /// Where the new version says it.
    pub new: Option<SpotView>,
    /// What changed.
    pub text: Words,
}

/// What a version means for callers of another.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CompatView {
    /// Id of the version before; null when there is none.
    pub base: Option<String>,
    /// Its number.
    pub base_number: Option<String>,
    /// `none`, `info`, `warning` or `error`.
    pub verdict: String,
    /// How many changes there are.
    pub total: u64,
    /// Callers of the version before that they touch, by their subscriptions, those that break first.
    pub callers: Vec<CallerView>,
    /// Changes of this page, the heaviest first.
    pub items: Vec<ChangeView>,
    /// Give it as `page_token` for the next page; null on the last one.
    pub next_page_token: Option<String>,
}

/// A caller that a comparison touches.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CallerView {
    /// Code of the application.
    pub application: String,
    /// Its name.
    pub name: String,
    /// Login of who answers for it.
    pub owner: String,
    /// Where it may call: `sandbox`, `production`.
    pub environments: Vec<String>,
    /// Operations it may call that change.
    pub operations: Vec<String>,
    /// Changes that break it.
    pub errors: u64,
    /// Changes that ask for its care.
    pub warnings: u64,
    /// Calls of the version before in the last 90 days, in all environments.
    pub requests: u64,
    /// The last of them.
    pub last_call_at: Option<Timestamp>,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventView {
    /// Its number.
    pub no: u64,
    /// Code of the interface.
    pub interface: String,
    /// Id of the version it is about.
    pub version: Option<String>,
    /// What.
    pub kind: String,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Details.
    pub detail: Value,
    /// When.
    pub at: Timestamp,
}

/// A version that waits for its reviewers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReviewLine {
    /// The version.
    pub version: VersionView,
    /// What stands against an approval by the one who asks.
    pub unmet: Vec<UnmetView>,
}

/// A calling system.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "told by `ApplicationInput`")]
pub struct ApplicationView {
    pub code: String,
    pub name: String,
    pub description: String,
    pub owner: String,
    pub revision: u64,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// What an application may call.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubscriptionView {
    /// Its id.
    pub id: String,
    /// Code of the application.
    pub application: String,
    /// Code of the interface.
    pub interface: String,
    /// Major number of the versions it is for.
    pub major: u32,
    /// `sandbox` or `production`.
    pub environment: String,
    /// What was asked for.
    pub request: crate::Request,
    /// Last day, `yyyy-mm-dd`.
    pub until: String,
    /// Where it stands today.
    pub state: String,
    /// The state for people.
    pub state_words: Words,
    /// Who asked.
    pub requested_by: String,
    /// Revision, for `If-Match`.
    pub revision: u64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// A credential of an application; never its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CredentialView {
    /// Its id; part of an API key, `keyid` of signatures.
    pub id: String,
    /// Code of the application.
    pub application: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// `api_key` or `hmac`.
    pub kind: String,
    /// Where it stands now.
    pub state: String,
    /// The state for people.
    pub state_words: Words,
    /// Login of who fetches the secret.
    pub deliver_to: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The one it comes after.
    pub replaces: Option<String>,
    /// When it ends because its successor works.
    pub overlap_ends_at: Option<Timestamp>,
    /// When its secret was fetched.
    pub delivered_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// Revision, for `If-Match`.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// A secret, told this once.
#[derive(Clone, Serialize, ToSchema)]
pub struct FetchedView {
    /// The secret; it is not kept and cannot be told again.
    pub secret: String,
    /// How it is used.
    pub usage: Words,
    /// The credential.
    pub credential: CredentialView,
}

impl std::fmt::Debug for FetchedView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchedView")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}
