//! Applications, and what they may call: asked for, agreed to by two, taken away.

use rialto_esb_catalogue::Unmet;
use rialto_esb_catalogue::affected::Use;
use rialto_esb_catalogue::subscription::{Event, Facts, State, step};
use rialto_esb_store::subscription::{self, ApplicationRow, SubscriptionRow, Wanted};
use rialto_esb_store::version::VersionRow;
use rialto_esb_store::{Reader, interface};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{from_micros, new_id, now, to_micros};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::record::Happened;
use crate::systems::{fresh, is_code, one_of, stale, text};
use crate::transitions::{actor_of, date};
use crate::view::{ApplicationView, SubscriptionView};
use crate::{InterfacePlatform, PlatformError, today};

rialto_kernel::define_id!(SubscriptionId);

/// Where calls go.
pub(crate) const ENVIRONMENTS: [&str; 2] = ["sandbox", "production"];
/// Longest life of a subscription, days.
const LONGEST_DAYS: i32 = 3 * 366;

/// A calling system as it is told.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationInput {
    /// Lower-case letters, digits and `-`; begins with a letter.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Login of who answers for it.
    pub owner: String,
}

/// How much may be called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Requests per second.
    pub rate_per_second: u32,
    /// Requests at once beyond the rate.
    pub burst: u32,
    /// Requests of a day.
    pub daily: u64,
    /// Requests under way at the same time.
    pub concurrency: u32,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What for.
    pub purpose: String,
    /// Ids of operations; empty for all.
    #[serde(default)]
    pub operations: Vec<String>,
    /// How much.
    pub quota: Quota,
    /// JSON pointers of the response fields that are read; empty for all.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Highest level of data it may see, 1 to 4.
    pub clearance: u8,
}

/// A subscription as it is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionInput {
    /// Code of the application.
    pub application: String,
    /// Code of the interface.
    pub interface: String,
    /// Major number of the versions it is for.
    pub major: u32,
    /// `sandbox` or `production`.
    pub environment: String,
    /// Last day, `yyyy-mm-dd`.
    pub until: String,
    /// What is asked for.
    pub request: Request,
}

/// An event of a subscription.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionEventInput {
    /// `approve`, `reject`, `withdraw`, `throttle`, `suspend`, `resume`, `extend` or `revoke`.
    pub event: String,
    /// Why; needed to reject, throttle, suspend and revoke.
    #[serde(default)]
    pub reason: String,
    /// With `extend`: the new last day, `yyyy-mm-dd`.
    pub until: Option<String>,
}

fn application_view(row: ApplicationRow) -> Result<ApplicationView, PlatformError> {
    Ok(ApplicationView {
        code: row.code,
        name: row.name,
        description: row.description,
        owner: row.owner,
        revision: u64::try_from(row.revision).unwrap_or(0),
        created_by: row.created_by,
        created_at: from_micros(row.created_at)?,
    })
}

fn state_of(row: &SubscriptionRow) -> Result<State, PlatformError> {
    serde_json::from_value(row.state.as_str().into()).map_err(PlatformError::json("state"))
}

pub(crate) fn name_of(state: State) -> String {
    let value = serde_json::to_value(state).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn facts(row: &SubscriptionRow) -> Result<Facts, PlatformError> {
    Ok(Facts {
        today: today(),
        until: date(&row.until_on, "/until")?,
        requested_by: row.requested_by.clone(),
        provider_approval: row.provider_approval.clone(),
        // No policy lets a sandbox agree by itself yet.
        sandbox: false,
    })
}

/// The state today: days pass without anybody writing them down.
pub(crate) fn today_state(row: &SubscriptionRow) -> Result<State, PlatformError> {
    let state = state_of(row)?;
    let system = actor_of(&Actor::system("days"));
    Ok(step(state, &Event::Day, &system, &facts(row)?).unwrap_or(state))
}

fn view(row: SubscriptionRow) -> Result<SubscriptionView, PlatformError> {
    let state = today_state(&row)?;
    Ok(SubscriptionView {
        state: name_of(state),
        state_words: state.words().into(),
        request: serde_json::from_str(&row.document).map_err(PlatformError::json("request"))?,
        id: row.id,
        application: row.application,
        interface: row.interface,
        major: u32::try_from(row.major).unwrap_or(0),
        environment: row.environment,
        until: row.until_on,
        requested_by: row.requested_login,
        revision: u64::try_from(row.revision).unwrap_or(0),
        created_at: from_micros(row.created_at)?,
        updated_at: from_micros(row.updated_at)?,
    })
}

fn check(input: &SubscriptionInput) -> Result<(), PlatformError> {
    one_of("/environment", &input.environment, &ENVIRONMENTS)?;
    text("/request/purpose", &input.request.purpose, 2_000)?;
    let wrong = |pointer: &str, en: &str, zh: &str| {
        Err(PlatformError::invalid(pointer, "out_of_range", en, zh))
    };
    let quota = &input.request.quota;
    if quota.rate_per_second == 0 || quota.daily == 0 || quota.concurrency == 0 {
        return wrong(
            "/request/quota",
            "rate, daily count and concurrency are at least 1",
            "速率、日次数与并发数至少为 1",
        );
    }
    if !(1..=4).contains(&input.request.clearance) {
        return wrong("/request/clearance", "levels are 1 to 4", "级别为 1 至 4");
    }
    let until = date(&input.until, "/until")?;
    let days = (until - today()).get_days();
    if (1..=LONGEST_DAYS).contains(&days) {
        return Ok(());
    }
    wrong(
        "/until",
        "the last day lies after today and within three years",
        "到期日须晚于今天且不超过三年",
    )
}

fn event_of(input: &SubscriptionEventInput) -> Result<Event, PlatformError> {
    // What the platform does itself nobody asks for.
    let own = !matches!(input.event.as_str(), "activate" | "day");
    let told = json!({"event": input.event, "reason": input.reason, "until": input.until});
    let read = serde_json::from_value(told).ok().filter(|_| own);
    read.ok_or_else(|| {
        let name = &input.event;
        PlatformError::invalid(
            "/event",
            "invalid",
            format!(
                "`{name}` is no event, or its day is missing; events are approve, reject, \
                 withdraw, throttle, suspend, resume, extend (with `until`) and revoke"
            ),
            format!("“{name}”不是可用的操作，或缺少到期日"),
        )
    })
}

impl InterfacePlatform {
    /// Adds an application; the same again gives the one there is.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`]; [`PlatformError::Conflict`] when the code is another's.
    pub async fn add_application(
        &self,
        actor: &Actor,
        input: &ApplicationInput,
    ) -> Result<ApplicationView, PlatformError> {
        actor.require(Permission::EsbSubscribe)?;
        if !is_code(&input.code) {
            return Err(PlatformError::invalid(
                "/code",
                "invalid",
                "a code has up to 40 lower-case letters, digits and `-`, and begins with a letter",
                "编码最多 40 个小写字母、数字或“-”，以字母开头",
            ));
        }
        text("/name", &input.name, 100)?;
        text("/owner", &input.owner, 100)?;
        let mut tx = self.db().begin().await?;
        if let Some(row) = subscription::application(&mut tx, &input.code).await? {
            let told = (&input.name, &input.description, &input.owner);
            return match (&row.name, &row.description, &row.owner) == told {
                true => application_view(row),
                false => Err(PlatformError::conflict(
                    "E-APPLICATION-TAKEN",
                    format!("the code {} is taken by another application", input.code),
                    format!("编码 {} 已被其他应用使用", input.code),
                )),
            };
        }
        let row = ApplicationRow {
            code: input.code.clone(),
            name: input.name.clone(),
            description: input.description.clone(),
            owner: input.owner.clone(),
            revision: 1,
            created_by: actor.login.clone(),
            created_at: to_micros(now()),
        };
        subscription::insert_application(&mut tx, &row).await?;
        let body = json!({"event": "added", "name": row.name, "owner": row.owner});
        let subject = format!("esb_application:{}", row.code);
        self.record(&mut tx, actor, "esb_application", subject, body)
            .await?;
        tx.commit().await?;
        application_view(row)
    }

    /// Applications after a code, in order.
    ///
    /// # Errors
    /// Store errors.
    pub async fn applications(
        &self,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<ApplicationView>, PlatformError> {
        let after = after.unwrap_or_default();
        let rows = subscription::applications(&mut self.db(), after, limit).await?;
        rows.into_iter().map(application_view).collect()
    }

    /// Asks for a subscription.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] for what does not exist or is out of range.
    pub async fn subscribe(
        &self,
        actor: &Actor,
        input: &SubscriptionInput,
    ) -> Result<SubscriptionView, PlatformError> {
        actor.require(Permission::EsbSubscribe)?;
        check(input)?;
        let mut tx = self.db().begin().await?;
        let unknown = |pointer: &str, code: &str| {
            PlatformError::invalid(
                pointer,
                "unknown",
                format!("there is no `{code}`"),
                format!("“{code}”不存在"),
            )
        };
        let application = subscription::application(&mut tx, &input.application).await?;
        if application.is_none() {
            return Err(unknown("/application", &input.application));
        }
        if interface::find(&mut tx, &input.interface).await?.is_none() {
            return Err(unknown("/interface", &input.interface));
        }
        let id: SubscriptionId = new_id();
        let at = to_micros(now());
        let row = SubscriptionRow {
            id: id.as_str().to_owned(),
            application: input.application.clone(),
            interface: input.interface.clone(),
            major: i64::from(input.major),
            environment: input.environment.clone(),
            document: serde_json::to_string(&input.request)
                .map_err(PlatformError::json("request"))?,
            until_on: input.until.clone(),
            state: name_of(State::Requested),
            requested_by: actor.user_id.as_str().to_owned(),
            requested_login: actor.login.clone(),
            provider_approval: None,
            revision: 1,
            created_at: at,
            updated_at: at,
        };
        subscription::insert(&mut tx, &row).await?;
        self.told(
            &mut tx,
            actor,
            &row,
            "subscription_requested",
            &input.request.purpose,
        )
        .await?;
        tx.commit().await?;
        view(row)
    }

    pub(crate) async fn told(
        &self,
        tx: &mut rialto_platform_store::Tx<'_>,
        actor: &Actor,
        row: &SubscriptionRow,
        kind: &str,
        reason: &str,
    ) -> Result<(), PlatformError> {
        let document = json!({"subscription": row.id, "application": row.application,
            "major": row.major, "environment": row.environment, "state": row.state,
            "until": row.until_on});
        let what = Happened {
            interface: &row.interface,
            version: None,
            kind,
            reason,
            document,
        };
        self.happened(tx, actor, what).await
    }

    /// Applications that are still subscribed to the major version a version is of.
    pub(crate) async fn subscribed(
        &self,
        reader: &mut impl Reader,
        row: &VersionRow,
    ) -> Result<Vec<String>, PlatformError> {
        let uses = self.uses(reader, row).await?;
        let mut callers: Vec<String> = uses.into_iter().map(|one| one.application).collect();
        callers.sort();
        callers.dedup();
        Ok(callers)
    }

    /// What applications may still call of the major version a version is of.
    pub(crate) async fn uses(
        &self,
        reader: &mut impl Reader,
        row: &VersionRow,
    ) -> Result<Vec<Use>, PlatformError> {
        let wanted = Wanted {
            interface: Some(row.interface.clone()),
            ..Wanted::default()
        };
        let mut uses = Vec::new();
        let mut after = String::new();
        loop {
            let rows = subscription::list(reader, &wanted, &after, 1_000).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for one in rows.iter().filter(|one| one.major == row.major) {
                if !today_state(one)?.is_final() {
                    let request: Request = serde_json::from_str(&one.document)
                        .map_err(PlatformError::json("request"))?;
                    uses.push(Use {
                        application: one.application.clone(),
                        environment: one.environment.clone(),
                        operations: request.operations,
                    });
                }
            }
        }
        Ok(uses)
    }

    /// A subscription.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn subscription(&self, id: &str) -> Result<SubscriptionView, PlatformError> {
        let found = subscription::find(&mut self.db(), id).await?;
        view(found.ok_or_else(|| PlatformError::not_found("subscription", id))?)
    }

    /// Subscriptions after one, in the order they were asked for; `filter` names interface,
    /// application and state.
    ///
    /// # Errors
    /// Store errors.
    pub async fn subscriptions(
        &self,
        filter: (Option<String>, Option<String>, Option<String>),
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<SubscriptionView>, PlatformError> {
        let wanted = Wanted {
            interface: filter.0,
            application: filter.1,
            state: filter.2,
        };
        let after = after.unwrap_or_default();
        let rows = subscription::list(&mut self.db(), &wanted, after, limit).await?;
        rows.into_iter().map(view).collect()
    }

    /// Moves a subscription on, seen at a revision.
    ///
    /// # Errors
    /// [`PlatformError::Refused`] with every guard that is not met; [`PlatformError::Invalid`],
    /// [`PlatformError::NotFound`], [`PlatformError::Stale`].
    pub async fn move_subscription(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        input: &SubscriptionEventInput,
    ) -> Result<SubscriptionView, PlatformError> {
        let event = event_of(input)?;
        let mut tx = self.db().begin().await?;
        let found = subscription::find(&mut tx, id).await?;
        let mut row = found.ok_or_else(|| PlatformError::not_found("subscription", id))?;
        fresh("subscription", row.revision, seen)?;
        let next = step(today_state(&row)?, &event, &actor_of(actor), &facts(&row)?)?;
        if event == Event::Withdraw && row.requested_by != actor.user_id.as_str() {
            let what = rialto_esb_contract::Words::new(
                "Only who asked for it takes it back.",
                "只有申请人可以撤回。",
            );
            let unmet = Unmet {
                guard: "role",
                what,
                recorded: true,
            };
            return Err(PlatformError::NotMet(vec![(&unmet).into()]));
        }
        if next == State::ProviderApproved {
            row.provider_approval = Some(actor.user_id.as_str().to_owned());
        }
        if let Event::Extend { until } = event {
            row.until_on = until.to_string();
        }
        let before = row.revision;
        row.state = name_of(next);
        row.revision += 1;
        row.updated_at = to_micros(now());
        if !subscription::update(&mut tx, &row, before).await? {
            return Err(stale("subscription", row.revision));
        }
        let kind = format!("subscription_{}", input.event);
        self.told(&mut tx, actor, &row, &kind, &input.reason)
            .await?;
        tx.commit().await?;
        view(row)
    }
}
