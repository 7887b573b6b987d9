//! The token endpoint (RFC 6749, section 4.4): a client proves itself with HTTP Basic and gets a token
//! that this group's gateways take. Served from the snapshot, like everything else.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::clock::Now;
use super::refusal::Refusal;
use super::table::Table;
use crate::body::ResponseBody;

/// Where tokens are given.
const TOKEN: &str = "/oauth2/token";
/// Where the keys are they are checked with.
const KEYS: &str = "/oauth2/keys";
/// Longest form.
const MAX_FORM: usize = 8 * 1024;
/// How long a form may take to come.
const FORM_TIME: Duration = Duration::from_secs(10);

/// Why no token is given (RFC 6749, section 5.2): a code of the standard, its status, what is wrong in
/// the letters the standard allows.
struct Refused(&'static str, StatusCode, &'static str);

impl Refused {
    fn request(what: &'static str) -> Self {
        Self("invalid_request", StatusCode::BAD_REQUEST, what)
    }

    fn client(what: &'static str) -> Self {
        Self("invalid_client", StatusCode::UNAUTHORIZED, what)
    }
}

/// Whether a request is for this endpoint: only where there are clients, so no path is taken from
/// anybody's interface otherwise.
pub(crate) fn is_asked(table: &Table, path: &str) -> bool {
    [TOKEN, KEYS].contains(&path) && table.auth.has_clients()
}

/// Answers a request for a token or for the keys.
///
/// # Errors
/// Another method than the one there is.
pub(crate) async fn answer(
    table: &Table,
    parts: &Parts,
    body: Incoming,
    now: Now,
) -> Result<Response<ResponseBody>, Refusal> {
    let (method, keys) = match parts.uri.path() {
        KEYS => (Method::GET, true),
        _ => (Method::POST, false),
    };
    if parts.method != method {
        let en = format!("only {method} is answered here");
        let zh = format!("此处仅支持 {method}");
        let refusal = Refusal::new("method-not-allowed", en, zh);
        return Err(refusal.with_header(header::ALLOW, method.as_str()));
    }
    if keys {
        return Ok(said(StatusCode::OK, &table.auth.key_set(now)));
    }
    let given = match give(table, parts, body, now).await {
        Ok(document) => said(StatusCode::OK, &document),
        Err(Refused(code, status, what)) => {
            let document = json!({"error": code, "error_description": what});
            let mut response = said(status, &document);
            if status == StatusCode::UNAUTHORIZED {
                let basic = HeaderValue::from_static("Basic realm=\"oauth2\", charset=\"UTF-8\"");
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, basic);
            }
            response
        }
    };
    Ok(given)
}

fn said(status: StatusCode, document: &Value) -> Response<ResponseBody> {
    let body = Full::new(Bytes::from(document.to_string()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn give(table: &Table, parts: &Parts, body: Incoming, now: Now) -> Result<Value, Refused> {
    let form = form(&parts.headers, body).await?;
    let (client, secret) = basic(&parts.headers, &form)?;
    let one = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let application = |n: usize| table.snapshot.applications[n].id.clone();
    // Who asks is known before anything is said of what is asked for.
    let given = table
        .auth
        .give((&client, &secret), application, now)
        .map_err(|error| {
            tracing::error!(%error, "no randomness for a token");
            let busy = StatusCode::SERVICE_UNAVAILABLE;
            Refused("temporarily_unavailable", busy, "no token can be made now")
        })?
        .ok_or_else(|| {
            Refused::client(
                "the client is not known here, its secret does not fit, or it has ended",
            )
        })?;
    match one("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        None => return Err(Refused::request("grant_type is missing")),
        Some(_) => {
            return Err(Refused(
                "unsupported_grant_type",
                StatusCode::BAD_REQUEST,
                "only client_credentials is given",
            ));
        }
    }
    if one("scope").is_some_and(|scope| !scope.is_empty()) {
        return Err(Refused(
            "invalid_scope",
            StatusCode::BAD_REQUEST,
            "there are no scopes: what a client may call is said by its subscriptions",
        ));
    }
    Ok(json!({
        "access_token": given.token,
        "token_type": "Bearer",
        "expires_in": given.expires_in,
    }))
}

type Form = Vec<(String, String)>;

async fn form(headers: &HeaderMap, body: Incoming) -> Result<Form, Refused> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if rialto_esb_schema::request::essence(kind) != "application/x-www-form-urlencoded" {
        return Err(Refused::request(
            "send the parameters as application/x-www-form-urlencoded",
        ));
    }
    let read = Limited::new(body, MAX_FORM).collect();
    let read = tokio::time::timeout(FORM_TIME, read).await;
    let read = read.map_err(|_| Refused::request("the parameters did not come in 10 s"))?;
    let read = read.map_err(|_| Refused::request("the parameters are cut off or beyond 8 KiB"))?;
    let text = read.to_bytes();
    let mut form = Form::new();
    for (key, value) in form_urlencoded::parse(&text).into_owned() {
        if form.iter().any(|(known, _)| *known == key) {
            return Err(Refused::request("a parameter stands twice"));
        }
        form.push((key, value));
    }
    Ok(form)
}

/// Who asks: id and secret by HTTP Basic, each encoded as in a form (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap, form: &Form) -> Result<(String, String), Refused> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (first, more) = (all.next(), all.next());
    if form.iter().any(|(key, _)| key == "client_secret") {
        return Err(Refused::request(
            "a secret does not belong among the parameters: send it by HTTP Basic",
        ));
    }
    let missing = || Refused::client("send client id and secret by HTTP Basic");
    let given = first.ok_or_else(missing)?;
    if more.is_some() {
        return Err(Refused::request("there are several Authorization headers"));
    }
    let given = given.to_str().map_err(|_| missing())?;
    let (scheme, coded) = given.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(missing());
    }
    let form_of = || Refused::client("HTTP Basic is base64 of id and secret with a colon between");
    let pair = STANDARD.decode(coded.trim()).map_err(|_| form_of())?;
    let pair = String::from_utf8(pair).map_err(|_| form_of())?;
    let (id, secret) = pair.split_once(':').ok_or_else(form_of)?;
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        let plain = percent_decode_str(&spaced).decode_utf8();
        plain.map(Cow::into_owned).map_err(|_| form_of())
    };
    let (id, secret) = (decoded(id)?, decoded(secret)?);
    let said = form.iter().find(|(key, _)| key == "client_id");
    if said.is_some_and(|(_, said)| *said != id) {
        return Err(Refused::request(
            "client_id is another than that of HTTP Basic",
        ));
    }
    Ok((id, secret))
}
