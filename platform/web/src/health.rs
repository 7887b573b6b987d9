//! Whether the server lives and can work, its version, and the pages that explain problems.

use axum::extract::State;
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use rialto_platform_store::params;
use serde::Serialize;
use serde_json::json;

use crate::codes::{self, Code};
use crate::{Json, Language, Module, Path, Problem, Web, console_is_built};

/// The process answers.
pub(crate) async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

/// The process can do its work: the database answers and its schema is in place.
pub(crate) async fn readyz(State(web): State<Web>) -> Response {
    let asked: Result<(i64,), _> = web
        .db()
        .fetch_one("SELECT count(*) FROM schema_migration", params![])
        .await;
    let (status, store) = match asked {
        Ok((applied,)) => (StatusCode::OK, json!({"ok": true, "migrations": applied})),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, json!({"ok": false}))
        }
    };
    let word = if status.is_success() {
        "ready"
    } else {
        "not_ready"
    };
    (status, Json(json!({"status": word, "store": store}))).into_response()
}

/// Which binary this is.
pub(crate) async fn version(State(web): State<Web>) -> Json<serde_json::Value> {
    let engine = web.db().engine().to_string();
    Json(json!({"name": "rialto", "version": web.settings().version, "store": engine}))
}

#[derive(Serialize)]
struct UiConfig {
    modules: Vec<Module>,
    brand: &'static str,
    locale: &'static str,
    version: &'static str,
    console_built: bool,
}

/// What the console shows before anybody signs in.
pub(crate) async fn ui_config(State(web): State<Web>) -> Response {
    let settings = web.settings();
    let config = UiConfig {
        modules: settings.modules.clone(),
        brand: "Rialto",
        locale: "zh-CN",
        version: settings.version,
        console_built: console_is_built(),
    };
    ([(CACHE_CONTROL, "no-cache")], Json(config)).into_response()
}

/// The page of one problem code, in both languages.
pub(crate) async fn problem_page(Path(name): Path<String>) -> Result<Html<String>, Problem> {
    let code = codes::find(&name).ok_or_else(|| Problem::not_found("problem code", &name))?;
    Ok(Html(page(code)))
}

fn page(code: &Code) -> String {
    let part = |language: Language, title: &str, help: &str| {
        format!(
            "<section lang=\"{}\"><h1>{title}</h1><p>{help}</p></section>",
            language.tag()
        )
    };
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><title>{name}</title>\
         </head><body>{zh}{en}<p><code>{name}</code> · HTTP {status}</p></body></html>",
        name = code.name,
        status = code.status,
        zh = part(Language::Chinese, code.title_zh, code.help_zh),
        en = part(Language::English, code.title_en, code.help_en),
    )
}
