//! `Idempotency-Key`: a POST sent twice with the same key acts once.
//!
//! The key is taken before the handler runs and the answer is kept after it, both in transactions
//! of their own. A server that stops in between leaves the key taken: the second request is then
//! refused and told to look, because nobody knows whether the first one acted. It is never acted on
//! twice.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use rialto_platform_identity::Actor;
use rialto_platform_store::{now, params, to_micros};
use sha2::{Digest as _, Sha256};

use crate::statements::{ANSWER_KEY, FIND_KEY, FREE_KEY, PRUNE_KEYS, TAKE_KEY};
use crate::{Problem, Web, codes};

const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long an answer is kept, microseconds.
const KEPT: i64 = 24 * 3_600_000_000;
/// A request that has not answered after this long will not (microseconds).
const GIVEN_UP: i64 = 120_000_000;
/// Larger answers are not kept; their key stays taken and a second request is told so.
const LARGEST_ANSWER: usize = 1 << 20;

#[derive(sqlx::FromRow)]
struct Kept {
    body_hash: String,
    state: String,
    status: i64,
    content_type: String,
    body: String,
    created_at: i64,
}

/// Whether this request asks to act once only.
pub(crate) fn is_asked(request: &Request) -> bool {
    *request.method() == Method::POST
        && request.headers().contains_key(KEY)
        && request
            .extensions()
            .get::<Actor>()
            .is_some_and(Actor::is_person)
}

/// Runs the request unless it was run before.
pub(crate) async fn once(web: &Web, request: Request, next: Next) -> Result<Response, Problem> {
    let key = key_of(&request)?;
    let (parts, body) = request.into_parts();
    let limit = web.settings().body_limit;
    let body = http_body_util::Limited::new(body, limit).collect().await;
    let body = body
        .map_err(|_| Problem::new(codes::TOO_LARGE, format!("More than {limit} bytes.")))?
        .to_bytes();
    let body_hash = hex::encode(Sha256::digest(&body));
    if let Some(earlier) = take(web, &key, &body_hash).await? {
        return replay(earlier, &body_hash);
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(web, &key, answer).await
}

/// Hash of caller, method, path and key.
fn key_of(request: &Request) -> Result<String, Problem> {
    let text = request
        .headers()
        .get(KEY)
        .and_then(|value| value.to_str().ok());
    let printable = |text: &&str| {
        (1..=255).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    let key = text.filter(printable).ok_or_else(|| {
        Problem::malformed("Idempotency-Key must have 1 to 255 printable ASCII characters.")
    })?;
    let actor = request
        .extensions()
        .get::<Actor>()
        .ok_or_else(Problem::unauthenticated)?;
    let mut hash = Sha256::new();
    for part in [actor.user_id.as_str(), request.uri().path(), key] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    Ok(hex::encode(hash.finalize()))
}

/// Takes the key, or answers what is known of the request that took it earlier.
async fn take(web: &Web, key: &str, body_hash: &str) -> Result<Option<Kept>, Problem> {
    let at = to_micros(now());
    let mut tx = web.db().begin().await?;
    tx.execute(PRUNE_KEYS, params![at - KEPT]).await?;
    let taken = tx.execute(TAKE_KEY, params![key, body_hash, at]).await?;
    let earlier = match taken {
        0 => Some(tx.fetch_one(FIND_KEY, params![key]).await?),
        _ => None,
    };
    tx.commit().await?;
    Ok(earlier)
}

fn replay(earlier: Kept, body_hash: &str) -> Result<Response, Problem> {
    if earlier.body_hash != body_hash {
        return Err(Problem::new(codes::KEY_REUSED, ""));
    }
    match earlier.state.as_str() {
        "answered" => {
            let status = u16::try_from(earlier.status).ok();
            let status = status.and_then(|status| StatusCode::from_u16(status).ok());
            let mut headers = HeaderMap::new();
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
            if let Ok(kind) = HeaderValue::from_str(&earlier.content_type) {
                headers.insert(CONTENT_TYPE, kind);
            }
            Ok((status.unwrap_or(StatusCode::OK), headers, earlier.body).into_response())
        }
        "secret" => Err(Problem::conflict(
            "This request was carried out. Its answer was shown once and is not kept; use a new \
             key to ask again.",
        )),
        _ if to_micros(now()) - earlier.created_at < GIVEN_UP => {
            Err(Problem::new(codes::IN_FLIGHT, "").retry_after_s(1))
        }
        _ => Err(Problem::conflict(
            "The server stopped while the first request was being carried out. Look whether it \
             was done; use a new key if it was not.",
        )),
    }
}

/// Keeps a success; frees the key after a refusal, which changed nothing.
async fn keep(web: &Web, key: &str, answer: Response) -> Result<Response, Problem> {
    if !answer.status().is_success() {
        web.db().execute(FREE_KEY, params![key]).await?;
        return Ok(answer);
    }
    let secret = answer
        .headers()
        .get(CACHE_CONTROL)
        .is_some_and(|value| value == "no-store");
    let (parts, body) = answer.into_parts();
    let body: Bytes = body.collect().await.map_err(Problem::internal)?.to_bytes();
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let text = std::str::from_utf8(&body).ok();
    let text = text.filter(|text| !secret && text.len() <= LARGEST_ANSWER);
    let state = if text.is_some() { "answered" } else { "secret" };
    let status = i64::from(parts.status.as_u16());
    let values = params![
        key,
        state,
        status,
        kind.unwrap_or_default(),
        text.unwrap_or_default()
    ];
    web.db().execute(ANSWER_KEY, values).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}
