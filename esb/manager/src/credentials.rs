//! Credentials (凭证) of applications: made by one person, fetched once by another, rotated with two
//! that work side by side, taken away.
//!
//! A secret is made when it is fetched and told once. What is kept is what a snapshot holds of it: a
//! keyed digest of an API key, a shared secret sealed under the key of the environment's gateways.

use jiff::{Span, Timestamp};
use rialto_esb_catalogue::Unmet;
use rialto_esb_catalogue::credential::{Event, Facts, LONGEST_OVERLAP_DAYS, State, step};
use rialto_esb_contract::Words as Told;
use rialto_esb_sealing::seal;
use rialto_esb_snapshot::{ApiKey, Credential, CredentialKind, GroupKey};
use rialto_esb_store::Reader;
use rialto_esb_store::credential::{self, CredentialRow};
use rialto_esb_store::subscription::{self, ApplicationRow};
use rialto_platform_identity::{Actor, Permission};
use rialto_platform_store::{Tx, from_micros, new_id, now, to_micros};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::subscriptions::ENVIRONMENTS;
use crate::systems::{fresh, one_of, stale, text};
use crate::transitions::date;
use crate::view::{CredentialView, FetchedView, Words};
use crate::{InterfacePlatform, PlatformError, today};

rialto_kernel::define_id!(CredentialId);

/// Ways to prove who one is that have a secret.
const KINDS: [&str; 3] = ["api_key", "hmac", "oauth2_client"];
/// Longest life of a credential, days.
const LONGEST_DAYS: i32 = 366;

/// Keys of the groups of gateways, one for each environment: a gateway of the sandbox opens nothing
/// of production.
#[derive(Debug, Clone)]
pub struct GroupKeys {
    /// Of the sandbox.
    pub sandbox: GroupKey,
    /// Of production.
    pub production: GroupKey,
}

impl GroupKeys {
    fn of(&self, environment: &str) -> Result<&GroupKey, PlatformError> {
        match environment {
            "sandbox" => Ok(&self.sandbox),
            "production" => Ok(&self.production),
            other => Err(PlatformError::Internal(format!(
                "no gateways of the environment `{other}`"
            ))),
        }
    }
}

/// A credential as it is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialInput {
    /// Code of the application.
    pub application: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// `api_key`, `hmac` for signatures with a shared secret, or `oauth2_client` for tokens of the
    /// gateways.
    pub kind: String,
    /// Last day, `yyyy-mm-dd`, at most 366 days from today.
    pub until: String,
    /// Login of who fetches the secret; another person than who asks.
    pub deliver_to: String,
}

/// A successor as it is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationInput {
    /// Days both work, counted from when the successor's secret is fetched: 1 to 30.
    #[serde(default = "week")]
    pub overlap_days: u32,
    /// Last day of the successor, `yyyy-mm-dd`, at most 366 days from today.
    pub until: String,
    /// Login of who fetches its secret; another person than who asks.
    pub deliver_to: String,
}

fn week() -> u32 {
    7
}

/// Why a credential is taken away.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationInput {
    /// Why.
    pub reason: String,
}

fn state_of(row: &CredentialRow) -> Result<State, PlatformError> {
    serde_json::from_value(row.state.as_str().into()).map_err(PlatformError::json("state"))
}

fn name_of(state: State) -> String {
    let value = serde_json::to_value(state).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn facts(row: &CredentialRow) -> Result<Facts, PlatformError> {
    Ok(Facts {
        now: now(),
        expires_at: from_micros(row.expires_at)?,
        overlap_ends_at: row.overlap_ends_at.map(from_micros).transpose()?,
        created_by: row.created_by.clone(),
    })
}

/// The state now: time passes without anybody writing it down.
fn state_now(row: &CredentialRow) -> Result<State, PlatformError> {
    Ok(step(state_of(row)?, &Event::Tick, &facts(row)?)?)
}

fn view(row: CredentialRow) -> Result<CredentialView, PlatformError> {
    let state = state_now(&row)?;
    Ok(CredentialView {
        state: name_of(state),
        state_words: state.words().into(),
        expires_at: from_micros(row.expires_at)?,
        overlap_ends_at: row.overlap_ends_at.map(from_micros).transpose()?,
        delivered_at: row.delivered_at.map(from_micros).transpose()?,
        revision: u64::try_from(row.revision).unwrap_or(0),
        created_at: from_micros(row.created_at)?,
        updated_at: from_micros(row.updated_at)?,
        id: row.id,
        application: row.application,
        environment: row.environment,
        kind: row.kind,
        deliver_to: row.deliver_to,
        replaces: row.replaces,
        created_by: row.created_by,
    })
}

/// When a last day ends, in UTC+8.
fn end_of(until: &str) -> Result<Timestamp, PlatformError> {
    let last = date(until, "/until")?;
    if !(0..=LONGEST_DAYS).contains(&(last - today()).get_days()) {
        return Err(PlatformError::invalid(
            "/until",
            "out_of_range",
            format!("the last day lies between today and {LONGEST_DAYS} days from now"),
            format!("到期日须在今天至 {LONGEST_DAYS} 天之内"),
        ));
    }
    let end = last.checked_add(Span::new().days(1));
    let end = end.and_then(|day| {
        let here = jiff::tz::Offset::constant(8).to_time_zone();
        day.to_zoned(here)
    });
    end.map(|end| end.timestamp())
        .map_err(|error| PlatformError::Internal(format!("{until}: {error}")))
}

fn recipient(actor: &Actor, login: &str) -> Result<(), PlatformError> {
    text("/deliver_to", login, 100)?;
    if login != actor.login {
        return Ok(());
    }
    Err(PlatformError::invalid(
        "/deliver_to",
        "split_delivery",
        "the secret goes to another person than the one who asks for it",
        "密钥须由申请者以外的人领取",
    ))
}

pub(crate) fn not_met(guard: &'static str, en: &str, zh: &str) -> PlatformError {
    let unmet = Unmet {
        guard,
        what: Told::new(en, zh),
        recorded: true,
    };
    PlatformError::NotMet(vec![(&unmet).into()])
}

/// Whoever answers for the application or added it.
pub(crate) fn holder(actor: &Actor, application: &ApplicationRow) -> Result<(), PlatformError> {
    if [&application.owner, &application.created_by].contains(&&actor.login) {
        return Ok(());
    }
    Err(not_met(
        "role",
        "Only who answers for the application or added it does this.",
        "只有应用的负责人或登记人可以操作。",
    ))
}

fn random<const N: usize>() -> Result<[u8; N], PlatformError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| PlatformError::Internal(format!("no randomness: {error}")))?;
    Ok(bytes)
}

/// A new secret: what its user is told, and what is kept.
fn secret(
    row: &CredentialRow,
    group: &GroupKey,
) -> Result<(String, CredentialKind), PlatformError> {
    let secret = hex::encode(random::<32>()?);
    if row.kind == "api_key" {
        let digest = group.api_key_digest(&row.id, &secret);
        let key = ApiKey {
            environment: row.environment.clone(),
            id: row.id.clone(),
            secret,
        };
        return Ok((key.text(), CredentialKind::ApiKey { digest }));
    }
    if row.kind == "oauth2_client" {
        let digest = group.client_secret_digest(&row.id, &secret);
        return Ok((secret, CredentialKind::Oauth2Client { digest }));
    }
    let sealed = seal(group, &row.id, secret.as_bytes())
        .map_err(|error| PlatformError::Internal(error.to_string()))?;
    Ok((secret, CredentialKind::Hmac { sealed }))
}

fn usage(row: &CredentialRow) -> Words {
    match row.kind.as_str() {
        "api_key" => Words::new(
            "Send it in the header X-API-Key.",
            "请在请求头 X-API-Key 中携带。",
        ),
        "oauth2_client" => Words::new(
            format!(
                "It is the client secret of the client {}: ask a gateway for tokens with POST \
                 /oauth2/token, grant_type=client_credentials and HTTP Basic, and send them as \
                 Authorization: Bearer.",
                row.id
            ),
            format!(
                "这是客户端 {} 的密钥：请以 HTTP Basic 和 grant_type=client_credentials 向网关的 \
                 POST /oauth2/token 申请令牌，并在 Authorization: Bearer 中携带。",
                row.id
            ),
        ),
        _ => Words::new(
            format!(
                "Sign requests (RFC 9421, hmac-sha256) with the bytes of this text as key and \
                 keyid=\"{}\".",
                row.id
            ),
            format!(
                "请以此文本的字节为密钥签名请求（RFC 9421，hmac-sha256），keyid=\"{}\"。",
                row.id
            ),
        ),
    }
}

async fn application_of(
    reader: &mut impl Reader,
    code: &str,
) -> Result<ApplicationRow, PlatformError> {
    let found = subscription::application(reader, code).await?;
    found.ok_or_else(|| {
        PlatformError::invalid(
            "/application",
            "unknown",
            format!("there is no `{code}`"),
            format!("“{code}”不存在"),
        )
    })
}

async fn found(reader: &mut impl Reader, id: &str) -> Result<CredentialRow, PlatformError> {
    let found = credential::find(reader, id).await?;
    found.ok_or_else(|| PlatformError::not_found("credential", id))
}

fn row_of(actor: &Actor, input: &CredentialInput) -> Result<CredentialRow, PlatformError> {
    let id: CredentialId = new_id();
    let at = to_micros(now());
    Ok(CredentialRow {
        id: id.as_str().to_owned(),
        application: input.application.clone(),
        environment: input.environment.clone(),
        kind: input.kind.clone(),
        state: name_of(State::Created),
        material: None,
        deliver_to: input.deliver_to.clone(),
        expires_at: to_micros(end_of(&input.until)?),
        replaces: None,
        overlap_days: None,
        overlap_ends_at: None,
        delivered_at: None,
        created_by: actor.login.clone(),
        revision: 1,
        created_at: at,
        updated_at: at,
    })
}

/// Writes a row that was read at its revision.
async fn write(tx: &mut Tx<'_>, row: &mut CredentialRow) -> Result<(), PlatformError> {
    let before = row.revision;
    row.revision += 1;
    row.updated_at = to_micros(now());
    if credential::update(tx, row, before).await? {
        return Ok(());
    }
    Err(stale("credential", row.revision))
}

impl InterfacePlatform {
    async fn told_of(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        row: &CredentialRow,
        (event, reason): (&str, &str),
    ) -> Result<(), PlatformError> {
        let body = json!({"event": event, "reason": reason, "application": row.application,
            "environment": row.environment, "kind": row.kind, "state": row.state,
            "deliver_to": row.deliver_to, "replaces": row.replaces});
        let subject = format!("esb_credential:{}", row.id);
        self.record(tx, actor, "esb_credential", subject, body)
            .await?;
        let topic = format!("esb-application:{}", row.application);
        for topic in [topic.as_str(), "list:esb-credentials"] {
            tx.publish(topic, &row.id, row.revision, &[event], Value::Null)
                .await;
        }
        Ok(())
    }

    /// Makes a credential. Its secret does not exist before it is fetched.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`]; [`PlatformError::NotMet`] for another's application.
    pub async fn add_credential(
        &self,
        actor: &Actor,
        input: &CredentialInput,
    ) -> Result<CredentialView, PlatformError> {
        actor.require(Permission::EsbSubscribe)?;
        one_of("/environment", &input.environment, &ENVIRONMENTS)?;
        one_of("/kind", &input.kind, &KINDS)?;
        recipient(actor, &input.deliver_to)?;
        let row = row_of(actor, input)?;
        let mut tx = self.db().begin().await?;
        let application = application_of(&mut tx, &input.application).await?;
        holder(actor, &application)?;
        credential::insert(&mut tx, &row).await?;
        self.told_of(&mut tx, actor, &row, ("created", "")).await?;
        tx.commit().await?;
        view(row)
    }

    /// Makes the secret and tells it, once, to the person named. With a rotation the predecessor's
    /// remaining days are counted from here.
    ///
    /// # Errors
    /// [`PlatformError::NotMet`] for another person; [`PlatformError::Refused`] when it was fetched,
    /// taken away or has ended.
    pub async fn fetch_secret(
        &self,
        actor: &Actor,
        id: &str,
    ) -> Result<FetchedView, PlatformError> {
        let mut tx = self.db().begin().await?;
        let mut row = found(&mut tx, id).await?;
        if row.deliver_to != actor.login {
            return Err(not_met(
                "role",
                "The secret is fetched by the person named for it.",
                "只有指定的领取人可以领取密钥。",
            ));
        }
        let by = actor.login.clone();
        let next = step(state_now(&row)?, &Event::Deliver { by }, &facts(&row)?)?;
        let (secret, kept) = secret(&row, self.groups().of(&row.environment)?)?;
        let kept = serde_json::to_string(&kept).map_err(PlatformError::json("material"))?;
        row.material = Some(kept);
        row.state = name_of(next);
        row.delivered_at = Some(to_micros(now()));
        write(&mut tx, &mut row).await?;
        self.told_of(&mut tx, actor, &row, ("delivered", ""))
            .await?;
        if let Some(before) = &row.replaces {
            self.begin_overlap(&mut tx, actor, before).await?;
        }
        tx.commit().await?;
        Ok(FetchedView {
            secret,
            usage: usage(&row),
            credential: view(row)?,
        })
    }

    /// A successor works: the days of its predecessor are counted.
    async fn begin_overlap(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        id: &str,
    ) -> Result<(), PlatformError> {
        let mut row = found(tx, id).await?;
        // It may have been taken away, or have ended, meanwhile.
        if state_now(&row)? != State::Rotating {
            return Ok(());
        }
        let days = row.overlap_days.unwrap_or_else(|| i64::from(week()));
        let end = now()
            .checked_add(Span::new().hours(24 * days))
            .map_err(|error| PlatformError::Internal(format!("{days} days: {error}")))?;
        row.overlap_ends_at = Some(to_micros(end).min(row.expires_at));
        write(tx, &mut row).await?;
        self.told_of(tx, actor, &row, ("overlap_begun", "")).await
    }

    /// Makes a successor; both work once its secret is fetched, until the overlap ends.
    ///
    /// # Errors
    /// [`PlatformError::Refused`], [`PlatformError::Invalid`], [`PlatformError::Stale`];
    /// [`PlatformError::Conflict`] while the one before still works: never more than two do.
    pub async fn rotate_credential(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        input: &RotationInput,
    ) -> Result<CredentialView, PlatformError> {
        actor.require(Permission::EsbSubscribe)?;
        recipient(actor, &input.deliver_to)?;
        let mut tx = self.db().begin().await?;
        let mut row = found(&mut tx, id).await?;
        fresh("credential", row.revision, seen)?;
        holder(actor, &application_of(&mut tx, &row.application).await?)?;
        let state = alone(&mut tx, &row).await?;
        let overlap_days = input.overlap_days;
        let next = step(state, &Event::Rotate { overlap_days }, &facts(&row)?)?;
        let mut successor = row_of(
            actor,
            &CredentialInput {
                application: row.application.clone(),
                environment: row.environment.clone(),
                kind: row.kind.clone(),
                until: input.until.clone(),
                deliver_to: input.deliver_to.clone(),
            },
        )?;
        successor.replaces = Some(row.id.clone());
        row.state = name_of(next);
        row.overlap_days = Some(i64::from(overlap_days.min(LONGEST_OVERLAP_DAYS)));
        write(&mut tx, &mut row).await?;
        credential::insert(&mut tx, &successor).await?;
        self.told_of(&mut tx, actor, &row, ("rotating", "")).await?;
        self.told_of(&mut tx, actor, &successor, ("created", ""))
            .await?;
        tx.commit().await?;
        view(successor)
    }

    /// Takes a credential away for good: by who answers for the application, or by a manager or
    /// security.
    ///
    /// # Errors
    /// [`PlatformError::Refused`] without a reason or when it has ended; [`PlatformError::NotMet`],
    /// [`PlatformError::Stale`].
    pub async fn revoke_credential(
        &self,
        actor: &Actor,
        id: &str,
        seen: Option<u64>,
        input: &RevocationInput,
    ) -> Result<CredentialView, PlatformError> {
        let mut tx = self.db().begin().await?;
        let mut row = found(&mut tx, id).await?;
        fresh("credential", row.revision, seen)?;
        if !actor.may(Permission::EsbReview) {
            holder(actor, &application_of(&mut tx, &row.application).await?)?;
        }
        let reason = input.reason.clone();
        let next = step(state_now(&row)?, &Event::Revoke { reason }, &facts(&row)?)?;
        row.state = name_of(next);
        // Nothing of it is needed again.
        row.material = None;
        write(&mut tx, &mut row).await?;
        self.told_of(&mut tx, actor, &row, ("revoked", &input.reason))
            .await?;
        tx.commit().await?;
        view(row)
    }

    /// A credential, without its secret.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`].
    pub async fn credential(&self, id: &str) -> Result<CredentialView, PlatformError> {
        view(found(&mut self.db(), id).await?)
    }

    /// Credentials after one, in the order they were made; `filter` names application and
    /// environment.
    ///
    /// # Errors
    /// Store errors.
    pub async fn credentials(
        &self,
        filter: (Option<&str>, Option<&str>),
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<CredentialView>, PlatformError> {
        let after = after.unwrap_or_default();
        let rows = credential::list(&mut self.db(), filter, after, limit).await?;
        rows.into_iter().map(view).collect()
    }

    /// Credentials the gateways of an environment take, as a snapshot holds them.
    ///
    /// # Errors
    /// Store errors.
    pub async fn credentials_in_force(
        &self,
        environment: &str,
    ) -> Result<Vec<Credential>, PlatformError> {
        let mut reader = self.db();
        let (mut taken, mut after) = (Vec::new(), String::new());
        loop {
            let rows =
                credential::list(&mut reader, (None, Some(environment)), &after, 1_000).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            for row in rows {
                taken.extend(in_force(row)?);
            }
        }
        Ok(taken)
    }
}

fn in_force(row: CredentialRow) -> Result<Option<Credential>, PlatformError> {
    let accepted = state_now(&row)?.is_accepted();
    let Some(material) = row.material.as_deref().filter(|_| accepted) else {
        return Ok(None);
    };
    let kind = serde_json::from_str(material).map_err(PlatformError::json("material"))?;
    let end = row.overlap_ends_at.unwrap_or(row.expires_at);
    Ok(Some(Credential {
        id: row.id,
        application: row.application,
        not_after: Some(from_micros(end.min(row.expires_at))?),
        kind,
    }))
}

/// The state a rotation begins from: it waits for no successor, and none before it works.
async fn alone(tx: &mut Tx<'_>, row: &CredentialRow) -> Result<State, PlatformError> {
    if let Some(before) = &row.replaces
        && state_now(&found(tx, before).await?)?.is_accepted()
    {
        return Err(PlatformError::conflict(
            "E-CREDENTIAL-OVERLAP",
            "the credential before it still works: wait until it ends, or revoke it",
            "上一个凭证仍有效，请等待其到期或先吊销",
        ));
    }
    let state = state_now(row)?;
    if state != State::Rotating {
        return Ok(state);
    }
    match credential::successor(tx, &row.id).await? {
        Some(next) if matches!(state_now(&next)?, State::Revoked | State::Expired) => {
            Ok(step(state, &Event::Resume, &facts(row)?)?)
        }
        _ => Ok(state),
    }
}
