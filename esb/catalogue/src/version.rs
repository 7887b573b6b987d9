//! The life of an interface version (接口版本; specification, section 3.1).

use rialto_esb_contract::{Severity, Words};
use rust_decimal::Decimal;

use crate::guard::{Actor, Guards, Refusal, Role, not_from};

/// Where a version stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Named as wanted (服务识别).
    Identified,
    /// Being written (服务设计).
    Draft,
    /// Before the reviewers.
    InReview,
    /// Reviewed; its content is pinned.
    Approved,
    /// In the sandbox (服务开发与测试).
    Testing,
    /// Carrying part of the traffic (灰度).
    Grey,
    /// Open to its callers (服务发布).
    Published,
    /// Open, but callers are asked to leave.
    Deprecated,
    /// Closed; callers are told where to go.
    Retired,
    /// Kept for the record.
    Archived,
}

impl State {
    /// All states, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Identified,
        Self::Draft,
        Self::InReview,
        Self::Approved,
        Self::Testing,
        Self::Grey,
        Self::Published,
        Self::Deprecated,
        Self::Retired,
        Self::Archived,
    ];

    /// Its name for people.
    #[must_use]
    pub fn words(self) -> Words {
        let (en, zh) = match self {
            Self::Identified => ("identified", "已识别"),
            Self::Draft => ("a draft", "草稿"),
            Self::InReview => ("in review", "评审中"),
            Self::Approved => ("approved", "已批准"),
            Self::Testing => ("in test", "测试中"),
            Self::Grey => ("grey", "灰度中"),
            Self::Published => ("published", "已发布"),
            Self::Deprecated => ("deprecated", "已弃用"),
            Self::Retired => ("retired", "已下线"),
            Self::Archived => ("archived", "已归档"),
        };
        Words::new(en, zh)
    }

    /// Whether callers may be served by it.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Grey | Self::Published | Self::Deprecated)
    }
}

/// Where a version stands, and whether it is held up for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// Callers are refused for now; it returns to its state.
    pub suspended: bool,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Work on the definition begins.
    Begin,
    /// The definition changes.
    Edit,
    /// The definition is put before the reviewers.
    Submit,
    /// The reviewers agree.
    Approve,
    /// The reviewers do not agree.
    Refuse {
        /// Why.
        reason: String,
    },
    /// It goes into the sandbox.
    Test,
    /// It takes part of the traffic.
    OpenGrey,
    /// It takes all of it.
    Publish,
    /// Callers are asked to leave.
    Deprecate,
    /// Callers may stay after all.
    Restore,
    /// Callers are refused for now.
    Suspend {
        /// Why; reviewed afterwards.
        reason: String,
    },
    /// Callers are served again.
    Resume,
    /// It is closed.
    Retire,
    /// A later minor version or patch takes its place.
    Supersede,
    /// It is put away.
    Archive {
        /// Why, when it never was published.
        reason: String,
    },
}

/// What must follow a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The content hash is pinned.
    PinContent,
    /// The pin is taken off, and approvals with it.
    UnpinContent,
    /// The mock answers.
    PublishMock,
    /// Routes change: a snapshot is cut.
    PublishSnapshot,
    /// Routes change at once, also against a node that refuses.
    PublishEmergency,
    /// The version before it of the same major is superseded.
    SupersedePredecessor,
    /// Callers are told.
    NotifyCallers,
    /// A review of the emergency is opened.
    OpenReview,
}

/// An interface like this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Similar {
    /// Its name.
    pub interface: String,
    /// How like, percent; from path segments and field names.
    pub score_percent: u32,
    /// Whether the provider said why another one is needed.
    pub answered: bool,
}

/// Scores from here on must be answered.
pub const SIMILAR_PERCENT: u32 = 80;

/// What is known of a version when something is asked for. Facts that do not matter for an event
/// are not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are facts, each its own"
)]
pub struct Facts {
    /// The system that owns it.
    pub owner_system: Option<String>,
    /// Its place in the taxonomy.
    pub taxonomy: Option<String>,
    /// Request-reply, request-callback or publish-subscribe.
    pub pattern: Option<String>,
    /// Interfaces like it.
    pub similar: Vec<Similar>,
    /// Errors of the rules; unlabelled fields and missing tables are among them.
    pub lint_errors: usize,
    /// Requests and successful answers without an example that fits.
    pub missing_examples: usize,
    /// Whether a service level is agreed.
    pub has_sla: bool,
    /// The heaviest change against the version before; `None` when it was not computed.
    pub compat: Option<Option<Severity>>,
    /// Whether it is a new major version, or the first.
    pub is_major: bool,
    /// Accounts that wrote, last edited or submitted it.
    pub authors: Vec<String>,
    /// The highest level of its labels.
    pub highest_level: u8,
    /// Whether a security administrator agreed.
    pub security_agreed: bool,
    /// Whether the sandbox binding answers; `None` while nothing records it.
    pub sandbox_healthy: Option<bool>,
    /// Cells neither covered nor waived; `None` while nothing records them.
    pub open_cells: Option<usize>,
    /// Share of waived cells, percent.
    pub waived_percent: Decimal,
    /// Share of covered cells that passed, percent; `None` while no run is recorded.
    pub pass_percent: Option<Decimal>,
    /// The share asked for; at least [`LEAST_PASS_PERCENT`].
    pub target_percent: Decimal,
    /// Affected callers that neither acknowledged nor were waived by name.
    pub unheard_callers: Vec<String>,
    /// Whether the baseline run met the service level at the declared peak; `None` while no run is
    /// recorded.
    pub baseline_met: Option<bool>,
    /// Whether there is something to go back to (true for a first version, whose rollback is to be
    /// gone).
    pub rollback_target: bool,
    /// The freeze window it falls into.
    pub freeze: Option<String>,
    /// Whether the canary held its steps; `None` while nothing records them.
    pub canary_held: Option<bool>,
    /// Whether a successor is named, or its absence justified.
    pub successor_told: bool,
    /// Trading days until the sunset.
    pub notice_days: u32,
    /// Trading days of notice that are asked for.
    pub least_notice_days: u32,
    /// Trading days without a call on any node; `None` while calls are not recorded.
    pub quiet_days: Option<u32>,
    /// Trading days without a call that are asked for.
    pub least_quiet_days: u32,
    /// Callers with a subscription that is neither ended, migrated nor waived by name.
    pub subscribed_callers: Vec<String>,
    /// Whether the time it must be kept is over.
    pub retention_over: bool,
    /// Guards waived by name, with a reason, until a day that has not passed. Those not among
    /// [`WAIVABLE`] are asked for all the same.
    pub waived: Vec<String>,
}

/// Guards a manager may waive by name, with a reason and an expiry: those that rest on recorded
/// runs, probes and calls. Who may act, what was reviewed and what breaks callers is never waived.
pub const WAIVABLE: [&str; 7] = [
    "examples",
    "sandbox_healthy",
    "coverage",
    "pass_rate",
    "baseline",
    "canary_held",
    "no_calls",
];

/// The floor of the pass rate, percent.
pub const LEAST_PASS_PERCENT: Decimal = Decimal::from_parts(90, 0, 0, false, 0);
/// The most cells that may be waived, percent.
pub const MOST_WAIVED_PERCENT: Decimal = Decimal::from_parts(2, 0, 0, false, 0);
/// Labels from this level on need a security administrator.
pub const GUARDED_LEVEL: u8 = 3;

/// A row of the table that documents and the console draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// From.
    pub from: State,
    /// The event, as its JSON says it.
    pub event: &'static str,
    /// To.
    pub to: State,
}

macro_rules! rows {
    ($($from:ident $event:literal $to:ident;)*) => {
        &[$(Row { from: State::$from, event: $event, to: State::$to }),*]
    };
}

/// Every transition there is; suspension keeps the state and is not among them.
pub const TABLE: &[Row] = rows! {
    Identified "begin" Draft;
    Identified "archive" Archived;
    Draft "edit" Draft;
    Draft "submit" InReview;
    Draft "archive" Archived;
    InReview "edit" Draft;
    InReview "approve" Approved;
    InReview "refuse" Draft;
    InReview "archive" Archived;
    Approved "edit" Draft;
    Approved "test" Testing;
    Testing "edit" Draft;
    Testing "open_grey" Grey;
    Grey "publish" Published;
    Published "deprecate" Deprecated;
    Published "supersede" Retired;
    Deprecated "restore" Published;
    Deprecated "retire" Retired;
    Deprecated "supersede" Retired;
    Retired "archive" Archived;
};

impl Event {
    /// Its name in [`TABLE`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Edit => "edit",
            Self::Submit => "submit",
            Self::Approve => "approve",
            Self::Refuse { .. } => "refuse",
            Self::Test => "test",
            Self::OpenGrey => "open_grey",
            Self::Publish => "publish",
            Self::Deprecate => "deprecate",
            Self::Restore => "restore",
            Self::Suspend { .. } => "suspend",
            Self::Resume => "resume",
            Self::Retire => "retire",
            Self::Supersede => "supersede",
            Self::Archive { .. } => "archive",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn words(&self) -> Words {
        let (en, zh) = match self {
            Self::Begin => ("Beginning the draft", "开始设计"),
            Self::Edit => ("Editing", "编辑"),
            Self::Submit => ("Submitting", "提交评审"),
            Self::Approve => ("Approving", "批准"),
            Self::Refuse { .. } => ("Refusing", "退回"),
            Self::Test => ("Testing", "进入测试"),
            Self::OpenGrey => ("Going grey", "进入灰度"),
            Self::Publish => ("Publishing", "发布"),
            Self::Deprecate => ("Deprecating", "弃用"),
            Self::Restore => ("Restoring", "撤销弃用"),
            Self::Suspend { .. } => ("Suspending", "暂停"),
            Self::Resume => ("Resuming", "恢复"),
            Self::Retire => ("Retiring", "下线"),
            Self::Supersede => ("Superseding", "被取代"),
            Self::Archive { .. } => ("Archiving", "归档"),
        };
        Words::new(en, zh)
    }
}

/// What an event makes of a version.
///
/// # Errors
/// [`Refusal`] with every guard that is not met, or the one that the state knows no such event.
pub fn step(
    standing: Standing,
    event: &Event,
    actor: &Actor,
    facts: &Facts,
) -> Result<(Standing, Vec<Effect>), Refusal> {
    if let Event::Suspend { .. } | Event::Resume = event {
        return suspension(standing, event, actor);
    }
    let row = TABLE
        .iter()
        .find(|row| row.from == standing.state && row.event == event.name());
    let Some(row) = row else {
        return Err(not_from(&standing.state.words(), &event.words()));
    };
    let waived = facts.waived.iter().map(String::as_str);
    let mut guards = Guards::waiving(waived.filter(|name| WAIVABLE.contains(name)));
    guards.require(
        !standing.suspended || matches!(event, Event::Retire | Event::Supersede),
        "suspended",
        "It is suspended; resume it first.",
        "已暂停，请先恢复。",
    );
    judge(row, event, actor, facts, &mut guards);
    guards.met()?;
    let standing = Standing {
        state: row.to,
        suspended: false,
    };
    Ok((standing, effects(row, event)))
}

fn suspension(
    standing: Standing,
    event: &Event,
    actor: &Actor,
) -> Result<(Standing, Vec<Effect>), Refusal> {
    let suspend = matches!(event, Event::Suspend { .. });
    if !standing.state.is_live() || standing.suspended == suspend {
        return Err(not_from(&standing.state.words(), &event.words()));
    }
    let mut guards = Guards::default();
    guards.role(actor, &[Role::Operator]);
    if let Event::Suspend { reason } = event {
        guards.reason(reason);
    }
    guards.met()?;
    let mut effects = vec![Effect::PublishEmergency, Effect::NotifyCallers];
    if suspend {
        effects.push(Effect::OpenReview);
    }
    let standing = Standing {
        suspended: suspend,
        ..standing
    };
    Ok((standing, effects))
}

/// Who may ask for it.
fn roles(row: &Row, event: &Event) -> &'static [Role] {
    match event {
        Event::Begin | Event::Edit | Event::Submit | Event::Test => &[Role::Provider],
        Event::Archive { .. } if row.from != State::Retired => &[Role::Provider],
        Event::Archive { .. } => &[Role::System, Role::Manager],
        Event::Approve | Event::OpenGrey | Event::Retire => &[Role::Manager],
        Event::Refuse { .. } => &[Role::Manager, Role::Security],
        Event::Deprecate | Event::Restore => &[Role::Provider, Role::Manager],
        Event::Publish => &[Role::Operator, Role::System],
        Event::Supersede => &[Role::System],
        Event::Suspend { .. } | Event::Resume => &[Role::Operator],
    }
}

/// What must follow it.
fn effects(row: &Row, event: &Event) -> Vec<Effect> {
    use Effect::{
        NotifyCallers, PinContent, PublishMock, PublishSnapshot, SupersedePredecessor, UnpinContent,
    };
    match event {
        Event::Edit if row.from >= State::Approved => vec![UnpinContent],
        Event::Approve => vec![PinContent],
        Event::Test => vec![PublishMock],
        Event::OpenGrey => vec![PublishSnapshot],
        Event::Publish => vec![PublishSnapshot, SupersedePredecessor, NotifyCallers],
        Event::Deprecate | Event::Restore | Event::Retire => vec![PublishSnapshot, NotifyCallers],
        _ => vec![],
    }
}

fn judge(row: &Row, event: &Event, actor: &Actor, facts: &Facts, guards: &mut Guards) {
    guards.role(actor, roles(row, event));
    match event {
        Event::Begin => identified(facts, guards),
        Event::Submit => reviewable(facts, guards),
        Event::Approve => approvable(actor, facts, guards),
        Event::Test => {
            let en = "The sandbox binding does not answer; mend it or point it elsewhere.";
            let zh = "沙箱绑定不可用，请修复或改绑。";
            guards.fact(facts.sandbox_healthy, "sandbox_healthy", en, zh);
        }
        Event::OpenGrey => {
            proven(facts, guards);
            safe_for_callers(facts, guards);
        }
        Event::Publish => {
            let en = "The canary has not held its steps yet.";
            guards.fact(
                facts.canary_held,
                "canary_held",
                en,
                "灰度步骤尚未稳定完成。",
            );
        }
        Event::Deprecate => leavable(facts, guards),
        Event::Retire => unused(facts, guards),
        Event::Archive { .. } if row.from == State::Retired => {
            let en = "It must be kept longer.";
            guards.require(
                facts.retention_over,
                "retention_over",
                en,
                "尚未超过保留期。",
            );
        }
        Event::Refuse { reason } | Event::Archive { reason } => guards.reason(reason),
        Event::Edit | Event::Restore | Event::Supersede => {}
        // They keep the state and never come here.
        Event::Suspend { .. } | Event::Resume => {}
    }
}

fn identified(facts: &Facts, guards: &mut Guards) {
    let told = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    guards.require(
        told(&facts.owner_system),
        "owner_system",
        "Name the system that owns it.",
        "请指定所属系统。",
    );
    guards.require(
        told(&facts.taxonomy),
        "taxonomy",
        "Give it a place in the taxonomy.",
        "请选择分类。",
    );
    guards.require(
        told(&facts.pattern),
        "pattern",
        "Say how it is called: request-reply, request-callback or publish-subscribe.",
        "请选择交互模式：请求-应答、请求-回调或发布-订阅。",
    );
    for one in facts
        .similar
        .iter()
        .filter(|one| one.score_percent >= SIMILAR_PERCENT && !one.answered)
    {
        let (name, score) = (&one.interface, one.score_percent);
        guards.require(
            false,
            "similar_answered",
            format!("{name} is {score} % alike: say why another interface is needed."),
            format!("与 {name} 相似度 {score}%，请说明为何仍需新接口。"),
        );
    }
}

fn reviewable(facts: &Facts, guards: &mut Guards) {
    let n = facts.lint_errors;
    guards.require(
        n == 0,
        "lint_clean",
        format!("The rules find {n} error(s); mend them."),
        format!("检查发现 {n} 个错误，请修复。"),
    );
    let n = facts.missing_examples;
    guards.require(
        n == 0,
        "examples",
        format!("{n} request(s) or answer(s) have no example that fits."),
        format!("{n} 个请求或响应缺少符合结构的示例。"),
    );
    guards.require(
        facts.has_sla,
        "sla",
        "Agree on a service level: latency, availability, peak.",
        "请填写服务水平：时延、可用性、峰值。",
    );
    guards.require(
        facts.compat.is_some(),
        "compat_computed",
        "The comparison with the version before has not been made.",
        "尚未与上一版本比对。",
    );
}

fn approvable(actor: &Actor, facts: &Facts, guards: &mut Guards) {
    let own = facts.authors.contains(&actor.id);
    guards.require(
        !own,
        "four_eyes",
        "Who wrote, edited or submitted it cannot approve it.",
        "作者、编辑者和提交者不能批准。",
    );
    let level = facts.highest_level;
    let safe = level < GUARDED_LEVEL || facts.security_agreed;
    guards.require(
        safe,
        "security_agreed",
        format!("It holds data of level {level}: a security administrator must agree."),
        format!("含 {level} 级数据，须安全管理员同意。"),
    );
}

fn proven(facts: &Facts, guards: &mut Guards) {
    let open = facts.open_cells.unwrap_or_default();
    guards.fact(
        facts.open_cells.map(|open| open == 0),
        "coverage",
        format!("{open} coverage cell(s) are open or stale."),
        format!("{open} 个覆盖单元未覆盖或已过期。"),
    );
    let waived = facts.waived_percent;
    guards.require(
        waived <= MOST_WAIVED_PERCENT,
        "waivers",
        format!("{waived} % of the cells are waived; at most {MOST_WAIVED_PERCENT} % may be."),
        format!("豁免单元占 {waived}%，上限 {MOST_WAIVED_PERCENT}%。"),
    );
    let target = facts.target_percent.max(LEAST_PASS_PERCENT);
    let passed = facts.pass_percent.unwrap_or_default();
    guards.fact(
        facts.pass_percent.map(|passed| passed >= target),
        "pass_rate",
        format!("{passed} % of the tests passed; {target} % are asked for."),
        format!("用例通过率 {passed}%，要求 {target}%。"),
    );
    guards.fact(
        facts.baseline_met,
        "baseline",
        "The baseline run does not meet the service level at the declared peak.",
        "基线压测未达到声明峰值下的服务水平。",
    );
}

fn safe_for_callers(facts: &Facts, guards: &mut Guards) {
    let breaks = facts.compat.flatten() == Some(Severity::Error);
    guards.require(
        !breaks || facts.is_major,
        "compat",
        "It breaks callers of the version before: make it a new major version.",
        "不兼容上一版本，请升主版本号。",
    );
    for caller in &facts.unheard_callers {
        guards.require(
            false,
            "callers_heard",
            format!("{caller} has not acknowledged the change and is not waived."),
            format!("调用方 {caller} 尚未确认变更，也未豁免。"),
        );
    }
    guards.require(
        facts.rollback_target,
        "rollback_target",
        "There is nothing to roll back to.",
        "没有可回退的版本。",
    );
    if let Some(freeze) = &facts.freeze {
        guards.require(
            false,
            "freeze",
            format!("The freeze \"{freeze}\" is on."),
            format!("处于封网窗口“{freeze}”。"),
        );
    }
}

fn leavable(facts: &Facts, guards: &mut Guards) {
    guards.require(
        facts.successor_told,
        "successor",
        "Name the successor, or say why there is none.",
        "请指定后继接口，或说明没有后继的理由。",
    );
    let (days, least) = (facts.notice_days, facts.least_notice_days);
    guards.require(
        days >= least,
        "notice",
        format!("The sunset is {days} trading days away; {least} are asked for."),
        format!("距日落日 {days} 个交易日，要求不少于 {least} 个。"),
    );
}

fn unused(facts: &Facts, guards: &mut Guards) {
    let (days, least) = (facts.quiet_days.unwrap_or_default(), facts.least_quiet_days);
    guards.fact(
        facts.quiet_days.map(|days| days >= least),
        "no_calls",
        format!(
            "It was last called {days} trading days ago; {least} without a call are asked for."
        ),
        format!("最近一次调用在 {days} 个交易日前，要求连续 {least} 个交易日无调用。"),
    );
    for caller in &facts.subscribed_callers {
        guards.require(
            false,
            "subscriptions_ended",
            format!("{caller} is still subscribed: end, migrate or waive it by name."),
            format!("{caller} 仍在订阅，请终止、迁移或具名豁免。"),
        );
    }
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
