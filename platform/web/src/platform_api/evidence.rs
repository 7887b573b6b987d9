//! The evidence log.

use axum::extract::State;
use rialto_platform_evidence::{Record, RecordQuery};
use rialto_platform_identity::UserId;
use serde::Deserialize;
use serde_json::Value;

use crate::{Json, Page, Problem, Query, Web};

/// The signed head of the evidence log
#[utoipa::path(get, path = "/api/platform/v1/evidence/head", tag = "evidence",
    responses((status = 200, body = Object)))]
pub(super) async fn evidence_head(State(web): State<Web>) -> Result<Json<Value>, Problem> {
    let head = web.evidence().head(web.db()).await?;
    Ok(Json(serde_json::to_value(head).map_err(Problem::internal)?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RecordsQuery {
    /// Oldest first from this position on; absent: newest first.
    from_seq: Option<u64>,
    /// Of this type only.
    r#type: Option<String>,
    /// About this subject only, such as `release:<id>`.
    subject: Option<String>,
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// Records of the evidence log
#[utoipa::path(get, path = "/api/platform/v1/evidence/records", tag = "evidence",
    params(RecordsQuery), responses((status = 200, body = Page<Object>)))]
pub(super) async fn evidence_records(
    State(web): State<Web>,
    Query(query): Query<RecordsQuery>,
) -> Result<Json<Page<Value>>, Problem> {
    let size = web.page_size(query.page_size)?;
    let upwards = query.from_seq.is_some();
    let context = format!("evidence {upwards} {:?} {:?}", query.r#type, query.subject);
    let cursor = web.open_page_token(query.page_token.as_deref(), &context)?;
    let cursor: Option<u64> = cursor.and_then(|text| text.parse().ok());
    let asked = RecordQuery {
        from_seq: query.from_seq.map(|from| cursor.unwrap_or(from)),
        before_seq: if upwards { None } else { cursor },
        kind: query.r#type,
        subject: query.subject,
        limit: size,
    };
    let records = web.evidence().records(web.db(), &asked).await?;
    let full = records.len() == usize::try_from(size).unwrap_or(usize::MAX);
    let next = records
        .last()
        .filter(|_| full)
        .and_then(|last| match upwards {
            true => Some(last.seq + 1),
            false => (last.seq > 0).then_some(last.seq),
        });
    let mut items = Vec::with_capacity(records.len());
    for record in &records {
        items.push(record_view(&web, record).await?);
    }
    let next_page_token = next.map(|seq| web.seal_page_token(&seq.to_string(), &context));
    Ok(Json(Page {
        items,
        next_page_token,
    }))
}

/// The record as it was hashed, with its hash and the actor's name for people.
pub(super) async fn record_view(web: &Web, record: &Record) -> Result<Value, Problem> {
    let mut view = serde_json::to_value(record).map_err(Problem::internal)?;
    view["hash"] = record.hash().map_err(Problem::internal)?.to_string().into();
    let name = match record.actor.id.parse::<UserId>() {
        Ok(id) => web.identity().user(&id).await.ok().map(|user| user.name),
        Err(_) => None,
    };
    view["actor"]["name"] = name.into();
    Ok(view)
}

/// Check the whole evidence log on the server
#[utoipa::path(get, path = "/api/platform/v1/evidence/check", tag = "evidence",
    responses((status = 200, body = Object)))]
pub(super) async fn evidence_check(State(web): State<Web>) -> Result<Json<Value>, Problem> {
    let report = web.evidence().check(web.db()).await?;
    Ok(Json(
        serde_json::to_value(report).map_err(Problem::internal)?,
    ))
}
