//! Where requests to a version go, in each environment.

use std::net::SocketAddr;
use std::time::Duration;

use rialto_esb_catalogue::cut;
use rialto_esb_snapshot::{Idempotency, Mode, Timeouts, WHOLE_BP};
use rialto_esb_store::publishing::{self, BindingRow};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{from_micros, now, to_micros};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpStream;
use utoipa::ToSchema;

use crate::subscriptions::ENVIRONMENTS;
use crate::systems::{fresh, one_of};
use crate::versions::standing;
use crate::view::BindingView;
use crate::{InterfacePlatform, PlatformError};

/// Most upstreams of a binding.
const MOST_UPSTREAMS: usize = 64;
/// How long an upstream may take to accept a connection when a binding is set.
const PATIENCE: Duration = Duration::from_millis(500);
/// Longest time limit, ms.
const LONGEST_MS: u64 = 600_000;

/// Where requests to a version go, in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingInput {
    /// Where, at least one.
    pub upstreams: Vec<UpstreamInput>,
    /// Beginning of paths there, `/api`; empty for none.
    #[serde(default)]
    pub base_path: String,
    /// Time limits.
    #[serde(default)]
    pub timeouts: TimeoutsInput,
    /// Tries beyond the first where a repetition is safe, 0 to 2.
    #[serde(default = "two")]
    pub retries: u32,
    /// Its share of the traffic while it is grey, basis points: 100 is one percent.
    #[serde(default = "percent")]
    pub grey_bp: u32,
    /// How requests and answers are checked against the definition.
    #[serde(default)]
    pub validation: ValidationInput,
    /// Idempotency keys of requests that change something; none are heeded without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<IdempotencyInput>,
}

/// How idempotency keys are asked for (幂等键): a request with one is carried out once on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdempotencyInput {
    /// Whether a request without one is refused.
    #[serde(default)]
    pub required: bool,
    /// How long answers are kept, hours: 1 to 168.
    #[serde(default = "a_day")]
    pub keep_hours: u32,
}

const fn a_day() -> u32 {
    24
}

/// How requests and answers are checked against the definition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationInput {
    /// Parameters, type and body of requests.
    pub request: CheckMode,
    /// Status, type and body of answers.
    pub response: CheckMode,
    /// Answers to operations that may not be repeated (`POST`, `PATCH`): a withheld answer hides
    /// what became of the order, so they are observed at most unless this says otherwise.
    pub unsafe_response: Option<CheckMode>,
}

/// How strictly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckMode {
    /// Not at all.
    #[default]
    Off,
    /// Findings are kept by the gateways, nothing is refused.
    Observe,
    /// What does not fit is refused.
    Enforce,
}

impl From<CheckMode> for Mode {
    fn from(mode: CheckMode) -> Self {
        match mode {
            CheckMode::Off => Self::Off,
            CheckMode::Observe => Self::Observe,
            CheckMode::Enforce => Self::Enforce,
        }
    }
}

impl From<ValidationInput> for cut::Checks {
    fn from(input: ValidationInput) -> Self {
        let usual = match input.response {
            CheckMode::Enforce => CheckMode::Observe,
            mode => mode,
        };
        Self {
            request: input.request.into(),
            response: input.response.into(),
            unsafe_response: input.unsafe_response.unwrap_or(usual).into(),
        }
    }
}

/// An upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamInput {
    /// IP address and port, `10.0.0.1:8080`.
    pub address: String,
    /// Its share beside the others, 1 to 10,000.
    #[serde(default = "one")]
    pub weight: u32,
}

/// Time limits, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsInput {
    /// From the request's head to the answer's head, all tries together.
    pub total_ms: u64,
    /// To open a connection.
    pub connect_ms: u64,
    /// From the request to the answer's head, each try.
    pub first_byte_ms: u64,
    /// Between two pieces of a body, either way.
    pub idle_ms: u64,
}

impl Default for TimeoutsInput {
    fn default() -> Self {
        let Timeouts {
            total_ms,
            connect_ms,
            first_byte_ms,
            idle_ms,
        } = Timeouts::default();
        Self {
            total_ms,
            connect_ms,
            first_byte_ms,
            idle_ms,
        }
    }
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

fn percent() -> u32 {
    100
}

fn upstreams(input: &BindingInput) -> Result<Vec<(SocketAddr, u32)>, PlatformError> {
    let mut found = Vec::new();
    for (n, one) in input.upstreams.iter().enumerate() {
        let address: SocketAddr = one.address.parse().map_err(|_| {
            PlatformError::invalid(
                format!("/upstreams/{n}/address"),
                "invalid",
                format!("`{}` is no IP address with a port", one.address),
                format!("“{}”不是“IP:端口”形式的地址", one.address),
            )
        })?;
        found.push((address, one.weight));
    }
    Ok(found)
}

fn check(input: &BindingInput) -> Result<(), PlatformError> {
    let wrong = |pointer: &str, en: &str, zh: &str| {
        Err(PlatformError::invalid(pointer, "out_of_range", en, zh))
    };
    if !(1..=MOST_UPSTREAMS).contains(&input.upstreams.len()) {
        return wrong(
            "/upstreams",
            "1 to 64 upstreams are asked for",
            "上游须为 1 至 64 个",
        );
    }
    let weight = |one: &UpstreamInput| (1..=WHOLE_BP).contains(&one.weight);
    if !input.upstreams.iter().all(weight) {
        return wrong(
            "/upstreams",
            "weights are 1 to 10000",
            "权重须为 1 至 10000",
        );
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    let base = &input.base_path;
    let fits =
        base.is_empty() || (base.starts_with('/') && !base.ends_with('/') && base.len() <= 200);
    if !fits || !base.bytes().all(plain) || base.contains("//") || base.contains("/.") {
        return wrong(
            "/base_path",
            "empty, or `/api`: begins with `/`, does not end with it, letters, digits and `-._~`",
            "应为空或形如“/api”：以“/”开头且不以其结尾，仅含字母、数字与“-._~”",
        );
    }
    let limits = &input.timeouts;
    let all = [
        limits.total_ms,
        limits.connect_ms,
        limits.first_byte_ms,
        limits.idle_ms,
    ];
    if !all.iter().all(|ms| (1..=LONGEST_MS).contains(ms)) {
        return wrong("/timeouts", "1 to 600000 ms", "时限须为 1 至 600000 毫秒");
    }
    let hours = input.idempotency.map_or(1, |asked| asked.keep_hours);
    if !(1..=168).contains(&hours) {
        return wrong(
            "/idempotency/keep_hours",
            "1 to 168 hours",
            "保存时间须为 1 至 168 小时",
        );
    }
    if input.retries > 2 {
        return wrong("/retries", "0 to 2", "重试须为 0 至 2 次");
    }
    if input.grey_bp > WHOLE_BP {
        return wrong(
            "/grey_bp",
            "0 to 10000 basis points",
            "灰度份额须为 0 至 10000 个基点",
        );
    }
    upstreams(input).map(drop)
}

/// Whether every upstream takes a connection.
async fn answers(upstreams: Vec<(SocketAddr, u32)>) -> bool {
    let mut tries = tokio::task::JoinSet::new();
    for (address, _) in upstreams {
        tries.spawn(tokio::time::timeout(PATIENCE, TcpStream::connect(address)));
    }
    let all = tries.join_all().await;
    all.into_iter().all(|tried| matches!(tried, Ok(Ok(_))))
}

fn read(row: &BindingRow) -> Result<BindingInput, PlatformError> {
    serde_json::from_str(&row.document).map_err(PlatformError::json("binding"))
}

/// A binding as a snapshot is cut from it.
pub(crate) fn bound(row: &BindingRow) -> Result<cut::Binding, PlatformError> {
    let input = read(row)?;
    let limits = input.timeouts;
    Ok(cut::Binding {
        upstreams: upstreams(&input)?,
        base_path: input.base_path,
        timeouts: Timeouts {
            total_ms: limits.total_ms,
            connect_ms: limits.connect_ms,
            first_byte_ms: limits.first_byte_ms,
            idle_ms: limits.idle_ms,
        },
        retries: input.retries,
        grey_bp: input.grey_bp,
        checks: input.validation.into(),
        idempotency: input.idempotency.map(|asked| Idempotency {
            required: asked.required,
            keep_s: asked.keep_hours.saturating_mul(3_600),
        }),
    })
}

fn view(row: BindingRow) -> Result<BindingView, PlatformError> {
    Ok(BindingView {
        binding: read(&row)?,
        environment: row.environment,
        answered: row.answered != 0,
        tried_at: from_micros(row.tried_at)?,
        updated_by: row.updated_by,
        updated_at: from_micros(row.updated_at)?,
    })
}

impl InterfacePlatform {
    /// Says where requests to a version go, in an environment, and tries whether its upstreams take
    /// connections. It is served from there with the next publish.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`]; [`PlatformError::Conflict`] for a version that is put away;
    /// [`PlatformError::NotFound`], [`PlatformError::Stale`].
    pub async fn bind(
        &self,
        actor: &Actor,
        (id, environment): (&str, &str),
        seen: Option<u64>,
        input: &BindingInput,
    ) -> Result<BindingView, PlatformError> {
        actor.require(Permission::EsbProvide)?;
        one_of("environment", environment, &ENVIRONMENTS)?;
        check(input)?;
        let answered = answers(upstreams(input)?).await;
        let mut tx = self.db().begin().await?;
        let mut row = self.version_row(&mut tx, id).await?;
        fresh("version", row.revision, seen)?;
        let state = standing(&row)?.state;
        if state >= rialto_esb_catalogue::version::State::Retired {
            let words = state.words();
            return Err(PlatformError::conflict(
                "E-VERSION-STATE",
                format!("it is {}, nothing is served by it any more", words.en),
                format!("当前状态为“{}”，不再提供服务", words.zh),
            ));
        }
        let at = to_micros(now());
        let made = BindingRow {
            version_id: row.id.clone(),
            environment: environment.to_owned(),
            document: serde_json::to_string(input).map_err(PlatformError::json("binding"))?,
            answered: i64::from(answered),
            tried_at: at,
            updated_by: actor.login.clone(),
            updated_at: at,
        };
        publishing::put_binding(&mut tx, &made).await?;
        let detail = json!({"environment": environment, "binding": input, "answered": answered});
        self.save(&mut tx, actor, &mut row, ("bound", "", detail))
            .await?;
        tx.commit().await?;
        view(made)
    }

    /// Where requests to a version go.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn bindings(&self, id: &str) -> Result<Vec<BindingView>, PlatformError> {
        let row = self.version_row(&mut self.db(), id).await?;
        let rows = publishing::bindings_of(&mut self.db(), &row.id).await?;
        rows.into_iter().map(view).collect()
    }
}
