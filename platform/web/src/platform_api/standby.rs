//! Which servers there are, and drills of a take-over.

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use rialto_platform_evidence::NewRecord;
use rialto_platform_identity::Actor;
use rialto_platform_lease::drill::{self, Asked, Drill, DrillId, DrillKind};
use rialto_platform_store::{StoreError, from_micros, new_id};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::answer::Items;
use crate::web::{Standby, Web};
use crate::{Authenticated, Json, Path, Problem};

/// Longest reason, characters.
const REASON: usize = 500;

/// A sentence in both languages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Words {
    /// In English.
    en: String,
    /// In Simplified Chinese.
    zh: String,
}

impl Words {
    fn new(en: &str, zh: &str) -> Self {
        let (en, zh) = (en.to_owned(), zh.to_owned());
        Self { en, zh }
    }
}

/// A server that is connected to the database of the house.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HouseServer)]
pub(super) struct ServerView {
    /// Machine, process and start.
    name: String,
    /// Since when it is connected.
    since: Timestamp,
}

/// Who leads, and who would take over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Standby)]
pub(super) struct StandbyView {
    /// The server that answers; `null` where there can be one only.
    leader: Option<String>,
    /// Its epoch: whoever takes over has a higher one.
    epoch: Option<i64>,
    /// Servers that stand by, the longest connected first.
    standbys: Vec<ServerView>,
    /// Longest outage a drill by `kill` or `stop` may show, milliseconds.
    target_ms: u64,
    /// Why no drill can be made now; `null` when one can.
    why_not: Option<Words>,
}

/// A drill: its leader was made to end, and the take-over measured by the database's clock.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Drill)]
pub(super) struct DrillView {
    id: String,
    /// `kill`: by a signal nothing can catch; `stop`: in order; `pause`: frozen.
    kind: String,
    /// Why it was made.
    reason: String,
    /// Name of who asked for it.
    asked_by: String,
    asked_at: Timestamp,
    /// Who led.
    leader_before: String,
    epoch_before: i64,
    /// When the leader was about to end; `null` when it could not write that, and went on.
    begun_at: Option<Timestamp>,
    /// Who took over.
    leader_after: Option<String>,
    epoch_after: Option<i64>,
    /// From the leader's end until another one led, milliseconds.
    take_over_ms: Option<f64>,
    /// From the leader's end until the house served again, milliseconds.
    outage_ms: Option<f64>,
    /// Whether writes under the old epoch are refused since.
    old_epoch_refused: Option<bool>,
    /// Longest outage allowed, milliseconds.
    target_ms: u64,
    /// Whether another server served within the target and the old epoch is refused.
    met: Option<bool>,
    /// Position of its record in the evidence log.
    evidence_seq: Option<i64>,
}

fn whole_ms(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn view(drill: Drill) -> Result<DrillView, Problem> {
    let time = |micros: Option<i64>| micros.map(from_micros).transpose();
    let ms = |span: Option<std::time::Duration>| span.map(|span| span.as_secs_f64() * 1000.0);
    Ok(DrillView {
        take_over_ms: ms(drill.take_over()),
        outage_ms: ms(drill.outage()),
        met: drill.met(),
        target_ms: whole_ms(drill.target()),
        id: drill.id,
        kind: drill.kind,
        reason: drill.reason,
        asked_by: drill.asked_by_name,
        asked_at: from_micros(drill.asked_at)?,
        leader_before: drill.leader_before,
        epoch_before: drill.epoch_before,
        begun_at: time(drill.begun_at)?,
        leader_after: drill.leader_after,
        epoch_after: drill.epoch_after,
        old_epoch_refused: drill.old_token_refused,
        evidence_seq: drill.evidence_seq,
    })
}

/// Who leads, and who would take over
#[utoipa::path(get, path = "/api/platform/v1/standby", tag = "standby",
    responses((status = 200, body = StandbyView)))]
pub(super) async fn standby(State(web): State<Web>) -> Result<Json<StandbyView>, Problem> {
    let mut shown = StandbyView {
        leader: None,
        epoch: None,
        standbys: Vec::new(),
        target_ms: whole_ms(drill::TARGET),
        why_not: None,
    };
    let Some(standby) = &web.standby else {
        shown.why_not = Some(Words::new(
            "This house runs on SQLite, with one server. Put it on PostgreSQL and start a second server there.",
            "本系统运行在 SQLite 上，只有一台服务器。请改用 PostgreSQL，并再启动一台服务器。",
        ));
        return Ok(Json(shown));
    };
    shown.leader = Some(standby.lease.name().to_owned());
    shown.epoch = standby.lease.token().map(|token| token.epoch);
    for server in others(&web, standby).await? {
        let since = from_micros(server.since)?;
        let name = server.name;
        shown.standbys.push(ServerView { name, since });
    }
    if shown.standbys.is_empty() {
        shown.why_not = Some(Words::new(
            "No server stands by: the house would be away until this one is started again.",
            "没有备用服务器：演练会使系统中断，直到本服务器重新启动。",
        ));
    }
    Ok(Json(shown))
}

async fn others(web: &Web, standby: &Standby) -> Result<Vec<drill::Server>, StoreError> {
    let mut servers = drill::servers(&web.db).await?;
    // PostgreSQL cuts long names.
    servers.retain(|server| !standby.lease.name().starts_with(&server.name));
    Ok(servers)
}

/// The newest drills
#[utoipa::path(get, path = "/api/platform/v1/drills", tag = "standby",
    responses((status = 200, body = Items<DrillView>)))]
pub(super) async fn list_drills(State(web): State<Web>) -> Result<Json<Items<DrillView>>, Problem> {
    let drills = match &web.standby {
        Some(standby) => drill::list(&web.db, standby.lease.role()).await?,
        None => Vec::new(),
    };
    let items = drills.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(Json(Items { items }))
}

/// One drill
#[utoipa::path(get, path = "/api/platform/v1/drills/{id}", tag = "standby",
    params(("id" = String, Path)), responses((status = 200, body = DrillView)))]
pub(super) async fn one_drill(
    State(web): State<Web>,
    Path(id): Path<String>,
) -> Result<Json<DrillView>, Problem> {
    let found = match &web.standby {
        Some(_) => drill::find(&mut &web.db, &id).await?,
        None => None,
    };
    let found = found.ok_or_else(|| Problem::not_found("drill", &id))?;
    Ok(Json(view(found)?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DrillInput {
    /// `kill` (by a signal nothing can catch), `stop` (in order) or `pause` (frozen for ten seconds,
    /// unless whoever takes over ends it before).
    kind: String,
    /// Why, 1 to 500 characters.
    reason: String,
}

/// Make this server end, and measure how another one takes over
///
/// It ends right after this answer; the server that takes over completes the drill.
#[utoipa::path(post, path = "/api/platform/v1/drills", tag = "standby",
    request_body = DrillInput, responses((status = 202, body = DrillView)))]
pub(super) async fn start_drill(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Json(body): Json<DrillInput>,
) -> Result<(StatusCode, Json<DrillView>), Problem> {
    let kind: DrillKind = body.kind.parse().map_err(|()| {
        let known = DrillKind::ALL.map(DrillKind::as_str);
        let text = format!("`{}` is no kind of drill", body.kind);
        Problem::unprocessable()
            .invalid("/kind", "unknown_kind", text)
            .allowed(known)
    })?;
    let reason = body.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON {
        let text = format!("must have 1 to {REASON} characters");
        return Err(Problem::unprocessable().invalid("/reason", "bad_length", text));
    }
    let no_standby = "No server stands by, so the house would be away: start a second server on the same PostgreSQL first.";
    let Some(standby) = &web.standby else {
        return Err(Problem::conflict(no_standby));
    };
    if others(&web, standby).await?.is_empty() {
        return Err(Problem::conflict(no_standby));
    }
    let id: DrillId = new_id();
    let asked = keep(&web, standby, &actor, &id, kind, reason).await?;
    standby
        .drills
        .try_send((id, kind))
        .map_err(|_| Problem::conflict("Another drill is about to begin; this one does not."))?;
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

async fn keep(
    web: &Web,
    standby: &Standby,
    actor: &Actor,
    id: &DrillId,
    kind: DrillKind,
    reason: &str,
) -> Result<DrillView, Problem> {
    let asked = Asked {
        by_id: actor.user_id.as_str(),
        by_name: &actor.name,
        kind,
        reason,
    };
    let mut tx = web.db.begin().await?;
    drill::ask(&mut tx, &standby.lease, id, asked).await?;
    let record = NewRecord {
        actor: actor.evidence(),
        kind: "drill",
        subject: format!("drill:{id}"),
        body: json!({"step": "asked", "kind": kind.as_str(), "reason": reason,
            "leader": standby.lease.name(),
            "epoch": standby.lease.token().map(|token| token.epoch)}),
        refs: Vec::new(),
    };
    web.evidence.append(&mut tx, record).await?;
    let kept = drill::find(&mut tx, id.as_str()).await?;
    tx.commit().await?;
    view(kept.ok_or_else(|| Problem::internal("the drill was not kept"))?)
}

impl Web {
    /// Ends the drills that were under way when this server took over at `led_at` (microseconds
    /// since the Unix epoch by the database's clock), and puts what was measured into the evidence
    /// log, whose head is signed after it.
    ///
    /// # Errors
    /// When this server does not lead, or the database fails.
    pub async fn finish_drills(&self, led_at: i64) -> Result<(), Problem> {
        let Some(standby) = &self.standby else {
            return Ok(());
        };
        let mut tx = self.db.begin().await?;
        let finished = drill::finish(&mut tx, &standby.lease, led_at).await?;
        if finished.is_empty() {
            tx.rollback().await?;
            return Ok(());
        }
        for drill in finished {
            let (id, shown) = (drill.id.clone(), view(drill)?);
            let mut body = serde_json::to_value(&shown).map_err(Problem::internal)?;
            body["step"] = "measured".into();
            let record = NewRecord {
                actor: Actor::system("standby").evidence(),
                kind: "drill",
                subject: format!("drill:{id}"),
                body,
                refs: Vec::new(),
            };
            let record = self.evidence.append(&mut tx, record).await?;
            let seq = i64::try_from(record.seq).map_err(Problem::internal)?;
            drill::proved(&mut tx, &id, seq).await?;
            tracing::info!(drill = id, outage_ms = ?shown.outage_ms, "a drill was measured");
        }
        tx.commit().await?;
        self.evidence.head(&self.db).await?;
        Ok(())
    }
}
