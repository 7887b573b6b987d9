//! Configuration items as Nacos clients tell, read and listen to them.

use std::time::Duration;

use axum::extract::State;
use http::{HeaderName, HeaderValue, StatusCode};
use rialto_esb_center_manager::rules::config::ItemKey;
use rialto_esb_center_manager::rules::content::ContentType;
use rialto_esb_center_manager::rules::nacos::{DEFAULT_GROUP, PUBLIC, changed, listened, or};
use rialto_esb_center_manager::{GreyInput, Publication};
use serde_json::{Value, json};

use super::{Answer, Call, Form, Refused, document, text};
use crate::Api;

/// Longest wait of a listener; clients ask for 30 s.
const LONGEST_WAIT: Duration = Duration::from_secs(50);
/// A wait ends this much before the client's time is over.
const EARLIER: Duration = Duration::from_millis(500);
/// Most rows of a list.
const MOST_ROWS: usize = 1_000;
/// Why, in the history: the client does not say.
const REASON: &str = "by a Nacos client";

fn key_of(form: &Form) -> Result<ItemKey, Refused> {
    Ok(ItemKey {
        namespace: or(form.get("tenant"), PUBLIC).to_owned(),
        group: or(form.get("group"), DEFAULT_GROUP).to_owned(),
        id: form.need("dataId")?.to_owned(),
    })
}

/// The content that this client gets, or a list when `search` is asked for.
pub async fn show(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    match form.get("search") {
        None => {}
        Some("accurate") => return search(&api, &actor, &form),
        Some(other) => {
            let told = format!("search={other} is not supported; search=accurate is");
            return Err(Refused::bad(told));
        }
    }
    let found = api.center.content(&actor, &key_of(&form)?, &form.client)?;
    let found = found.and_then(|found| found.content.map(|content| (content, found.md5)));
    let missing = || Refused::Told(StatusCode::NOT_FOUND, "config data not exist".to_owned());
    let (content, md5) = found.ok_or_else(missing)?;
    let mut answer = text(content);
    if let Ok(value) = HeaderValue::from_str(&md5) {
        let name = HeaderName::from_static("content-md5");
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

/// Items of a group, or of all, page by page. Secret ones that the actor may not open are left out.
fn search(api: &Api, actor: &rialto_platform_identity::Actor, form: &Form) -> Answer {
    let namespace = or(form.get("tenant"), PUBLIC);
    let number = form.number::<usize>("pageNo")?.unwrap_or(1).max(1);
    let size = form.number("pageSize")?.unwrap_or(100).clamp(1, MOST_ROWS);
    let rows = api
        .center
        .items(actor, (namespace, form.get("group")), None, usize::MAX)?;
    let wanted = |id: &str| form.get("dataId").is_none_or(|asked| asked == id);
    let mut found: Vec<Value> = Vec::new();
    let mut total = 0;
    for row in rows.iter().filter(|row| wanted(&row.id)) {
        let key = ItemKey {
            namespace: row.namespace.clone(),
            group: row.group.clone(),
            id: row.id.clone(),
        };
        let Ok(Some(content)) = api.center.content(actor, &key, &form.client) else {
            continue;
        };
        if (total / size) + 1 == number {
            let tenant = form.get("tenant").unwrap_or_default();
            found.push(json!({"id": row.revision.to_string(), "dataId": row.id,
                "group": row.group, "content": content.content, "md5": content.md5,
                "tenant": tenant, "appName": "", "type": row.r#type}));
        }
        total += 1;
    }
    Ok(document(&json!({"totalCount": total, "pageNumber": number,
        "pagesAvailable": total.div_ceil(size), "pageItems": found})))
}

fn kind_of(form: &Form) -> Result<Option<ContentType>, Refused> {
    let Some(name) = form.get("type").filter(|name| *name != "unset") else {
        return Ok(None);
    };
    let known = ContentType::of(&name.to_ascii_lowercase());
    known.map(Some).ok_or_else(|| {
        let names = ContentType::ALL.map(ContentType::as_str).join(", ");
        Refused::bad(format!(
            "type={name} is not checked here; one of {names} is"
        ))
    })
}

/// Adds or changes an item; with the header `betaIps` for clients of those addresses first.
pub async fn publish(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    let key = key_of(&form)?;
    let content = form.raw("content").filter(|content| !content.is_empty());
    let content = content.ok_or_else(|| Refused::bad("Param 'content' is required."))?;
    let kind = kind_of(&form)?;
    let first = form
        .headers
        .get("betaips")
        .and_then(|value| value.to_str().ok());
    match first.filter(|text| !text.trim().is_empty()) {
        Some(addresses) => {
            let input = GreyInput {
                addresses: addresses
                    .split(',')
                    .map(|text| text.trim().to_owned())
                    .collect(),
                labels: std::collections::BTreeMap::new(),
                content: content.to_owned(),
                reason: REASON.to_owned(),
            };
            api.center.start_grey(&actor, &key, None, &input).await?;
        }
        None => {
            let new = Publication {
                kind,
                content: content.to_owned(),
                reason: REASON.to_owned(),
            };
            api.center.publish(&actor, &key, &new).await?;
        }
    }
    Ok(text("true".to_owned()))
}

/// Removes an item; one that is not there is gone already.
pub async fn remove(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    let removed = api
        .center
        .remove_item(&actor, &key_of(&form)?, None, REASON)
        .await;
    match removed {
        Ok(()) | Err(rialto_esb_center_manager::CenterError::NotFound { .. }) => {
            Ok(text("true".to_owned()))
        }
        Err(other) => Err(other.into()),
    }
}

/// Tells which of the items listened to have another content by now, as soon as there are any.
pub async fn listen(State(api): State<Api>, Call { actor, form }: Call) -> Answer {
    let told = form.raw("Listening-Configs").unwrap_or_default();
    let items = listened(told).map_err(Refused::bad)?;
    let header = |name: &str| form.headers.get(name).and_then(|value| value.to_str().ok());
    let asked = header("long-pulling-timeout").and_then(|text| text.parse().ok());
    let wait = match header("long-pulling-timeout-no-hangup") {
        Some(text) if text.eq_ignore_ascii_case("true") => Duration::ZERO,
        _ => asked.map_or(Duration::ZERO, Duration::from_millis),
    };
    let wait = wait.saturating_sub(EARLIER).min(LONGEST_WAIT);
    let known: Vec<(ItemKey, String)> = items
        .iter()
        .map(|item| (item.key.clone(), item.md5.clone()))
        .collect();
    let found = api
        .center
        .watch_items(&actor, &known, &form.client, wait)
        .await;
    let found = changed(found.into_iter().filter_map(|at| items.get(at)));
    Ok(text(
        form_urlencoded::byte_serialize(found.as_bytes()).collect(),
    ))
}
