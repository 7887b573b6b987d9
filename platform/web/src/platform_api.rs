//! `/api/platform/v1`: sessions, people, tokens and the evidence log.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, SET_COOKIE, USER_AGENT};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use rialto_platform_evidence::{Record, RecordQuery};
use rialto_platform_identity::{NewUser, Permission, Role, Token, User, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{COOKIE_NAME, session_cookie};
use crate::{
    Access, Authenticated, CurrentSession, Endpoint, Json, Page, Path, Problem, ProblemDocument,
    Query, Web, client_address,
};

/// Who may call what.
pub const PLATFORM_ENDPOINTS: &[Endpoint] = &[
    Endpoint::new("POST", "/api/platform/v1/sessions", Access::Public),
    Endpoint::new("POST", "/api/platform/v1/sessions/redeem", Access::Public),
    Endpoint::new("GET", "/api/platform/v1/sessions/current", Access::SignedIn),
    Endpoint::new(
        "DELETE",
        "/api/platform/v1/sessions/current",
        Access::SignedIn,
    ),
    Endpoint::new(
        "GET",
        "/api/platform/v1/users",
        Access::Needs(Permission::UserRead),
    ),
    Endpoint::new(
        "POST",
        "/api/platform/v1/users",
        Access::Needs(Permission::UserManage),
    ),
    Endpoint::new(
        "PUT",
        "/api/platform/v1/users/{id}/roles",
        Access::Needs(Permission::UserManage),
    ),
    Endpoint::new(
        "PUT",
        "/api/platform/v1/users/{id}/active",
        Access::Needs(Permission::UserManage),
    ),
    Endpoint::new(
        "PUT",
        "/api/platform/v1/users/{id}/password",
        Access::SignedIn,
    ),
    Endpoint::new(
        "POST",
        "/api/platform/v1/users/{id}/login-link",
        Access::Needs(Permission::UserManage),
    ),
    Endpoint::new(
        "GET",
        "/api/platform/v1/tokens",
        Access::Needs(Permission::TokenOwn),
    ),
    Endpoint::new(
        "POST",
        "/api/platform/v1/tokens",
        Access::Needs(Permission::TokenOwn),
    ),
    Endpoint::new(
        "DELETE",
        "/api/platform/v1/tokens/{id}",
        Access::Needs(Permission::TokenOwn),
    ),
    Endpoint::new(
        "GET",
        "/api/platform/v1/evidence/head",
        Access::Needs(Permission::EvidenceRead),
    ),
    Endpoint::new(
        "GET",
        "/api/platform/v1/evidence/records",
        Access::Needs(Permission::EvidenceRead),
    ),
    Endpoint::new(
        "GET",
        "/api/platform/v1/evidence/check",
        Access::Needs(Permission::EvidenceRead),
    )
    .slow(),
];

/// The document of this interface.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rialto platform",
        version = "1",
        description = "Sessions, people, tokens, evidence."
    ),
    components(schemas(ProblemDocument))
)]
pub struct PlatformDoc;

/// The routes with their documentation.
pub fn platform_routes() -> OpenApiRouter<Web> {
    OpenApiRouter::with_openapi(PlatformDoc::openapi())
        .routes(routes!(sign_in))
        .routes(routes!(redeem_link))
        .routes(routes!(current_session, sign_out))
        .routes(routes!(list_users, create_user))
        .routes(routes!(set_roles))
        .routes(routes!(set_active))
        .routes(routes!(set_password))
        .routes(routes!(create_login_link))
        .routes(routes!(list_tokens, issue_token))
        .routes(routes!(revoke_token))
        .routes(routes!(evidence_head))
        .routes(routes!(evidence_records))
        .routes(routes!(evidence_check))
}

/// Somebody with a login.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
struct UserView {
    id: String,
    login: String,
    name: String,
    email: String,
    /// developer, tester, quality_owner, release_manager, operations, security, auditor,
    /// administrator.
    roles: Vec<String>,
    /// Language tag they chose.
    locale: Option<String>,
    /// Whether they may sign in.
    active: bool,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            login: user.login,
            name: user.name,
            email: user.email,
            roles: user.roles.iter().map(ToString::to_string).collect(),
            locale: user.locale,
            active: user.active,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    login: String,
    #[schema(format = Password)]
    password: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedeemLink {
    /// The part after `/login?link=`.
    link: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    user: UserView,
    /// For the header `X-CSRF-Token` of every change; null when the caller is a token.
    csrf_token: Option<String>,
}

/// Sign in with login and password
#[utoipa::path(post, path = "/api/platform/v1/sessions", tag = "sessions", request_body = SignIn,
    responses((status = 201, description = "Signed in; the cookie is set", body = SessionView)))]
async fn sign_in(
    State(web): State<Web>,
    extensions: Extensions,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Result<Response, Problem> {
    let address = client_address(&extensions);
    let user = web
        .identity()
        .verify_password(&body.login, &body.password, &address)
        .await?;
    open_session(&web, user, &address, &headers).await
}

/// Sign in once with a link
#[utoipa::path(post, path = "/api/platform/v1/sessions/redeem", tag = "sessions",
    request_body = RedeemLink,
    responses((status = 201, description = "Signed in; the cookie is set", body = SessionView)))]
async fn redeem_link(
    State(web): State<Web>,
    extensions: Extensions,
    headers: HeaderMap,
    Json(body): Json<RedeemLink>,
) -> Result<Response, Problem> {
    let address = client_address(&extensions);
    let user = web
        .identity()
        .redeem_login_link(&body.link, &address)
        .await?;
    open_session(&web, user, &address, &headers).await
}

async fn open_session(
    web: &Web,
    user: User,
    address: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    if let Some(old) = session_cookie(headers) {
        web.identity().close_session(old).await?;
    }
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let opened = web.identity().open_session(user, address, agent).await?;
    let cookie = cookie(&opened.cookie, web.secure_cookies(), None)?;
    let view = SessionView {
        user: opened.user.into(),
        csrf_token: Some(opened.csrf_token),
    };
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(view)).into_response())
}

fn cookie(value: &str, secure: bool, max_age: Option<u32>) -> Result<HeaderValue, Problem> {
    let mut text = format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Lax");
    if secure {
        text.push_str("; Secure");
    }
    if let Some(seconds) = max_age {
        text.push_str(&format!("; Max-Age={seconds}"));
    }
    HeaderValue::from_str(&text).map_err(Problem::internal)
}

/// Who is signed in; without a CSRF token when the caller is a token
#[utoipa::path(get, path = "/api/platform/v1/sessions/current", tag = "sessions",
    responses((status = 200, body = SessionView)))]
async fn current_session(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    session: Option<Extension<CurrentSession>>,
) -> Result<Json<SessionView>, Problem> {
    if let Some(Extension(CurrentSession(session))) = session {
        let csrf_token = Some(session.csrf_token().to_owned());
        return Ok(Json(SessionView {
            user: session.user.into(),
            csrf_token,
        }));
    }
    let user = web.identity().user(&actor.user_id).await?;
    Ok(Json(SessionView {
        user: user.into(),
        csrf_token: None,
    }))
}

/// Sign out
#[utoipa::path(delete, path = "/api/platform/v1/sessions/current", tag = "sessions",
    responses((status = 204, description = "Signed out")))]
async fn sign_out(
    State(web): State<Web>,
    _: CurrentSession,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(value) = session_cookie(&headers) {
        web.identity().close_session(value).await?;
    }
    let cookie = cookie("", web.secure_cookies(), Some(0))?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

/// The people of the house
#[utoipa::path(get, path = "/api/platform/v1/users", tag = "users", params(Paging),
    responses((status = 200, body = Page<UserView>)))]
async fn list_users(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Query(query): Query<Paging>,
) -> Result<Json<Page<UserView>>, Problem> {
    let size = web.page_size(query.page_size)?;
    let context = format!(
        "users by {}",
        actor.scope(Permission::UserRead)?.fingerprint()
    );
    let after = web
        .open_page_token(query.page_token.as_deref(), &context)?
        .unwrap_or_default();
    let people = web.identity().people(&actor, &after, size + 1).await?;
    let rows: Vec<UserView> = people.into_iter().map(UserView::from).collect();
    Ok(Json(
        web.page(rows, size, &context, |last| last.login.clone()),
    ))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateUser {
    /// 2 to 64 of a-z, A-Z, 0-9, `.`, `-`, `_`; unique without case.
    login: String,
    /// Name for people.
    name: String,
    /// Authors of commits are recognised by it.
    email: String,
    /// First password; without one a login link signs in.
    #[schema(format = Password)]
    password: Option<String>,
    /// Roles.
    roles: Vec<String>,
    /// Language tag.
    locale: Option<String>,
}

fn roles(texts: &[String]) -> Result<Vec<Role>, Problem> {
    let mut problem = None;
    let mut roles = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(role) => roles.push(role),
            Err(error) => {
                let base = problem.unwrap_or_else(Problem::unprocessable);
                let pointer = format!("/roles/{index}");
                let refused = base.invalid(pointer, "unknown_role", format!("{error}"));
                problem = Some(refused.allowed(Role::ALL.map(Role::as_str)));
            }
        }
    }
    problem.map_or(Ok(roles), Err)
}

fn user_id(text: &str) -> Result<UserId, Problem> {
    text.parse().map_err(|_| Problem::not_found("user", text))
}

/// Add somebody
#[utoipa::path(post, path = "/api/platform/v1/users", tag = "users", request_body = CreateUser,
    responses((status = 201, body = UserView)))]
async fn create_user(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Json(body): Json<CreateUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let new = NewUser {
        roles: roles(&body.roles)?,
        login: body.login,
        name: body.name,
        email: body.email,
        password: body.password,
        locale: body.locale,
    };
    let user = web.identity().create_user(&actor, new).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetRoles {
    roles: Vec<String>,
}

/// Change somebody's roles
#[utoipa::path(put, path = "/api/platform/v1/users/{id}/roles", tag = "users",
    params(("id" = String, Path)), request_body = SetRoles,
    responses((status = 200, body = UserView)))]
async fn set_roles(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<SetRoles>,
) -> Result<Json<UserView>, Problem> {
    let user = web
        .identity()
        .set_roles(&actor, &user_id(&id)?, &roles(&body.roles)?)
        .await?;
    Ok(Json(user.into()))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetActive {
    active: bool,
}

/// Let somebody in or shut them out
#[utoipa::path(put, path = "/api/platform/v1/users/{id}/active", tag = "users",
    params(("id" = String, Path)), request_body = SetActive,
    responses((status = 200, body = UserView)))]
async fn set_active(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<SetActive>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(
        web.identity()
            .set_active(&actor, &user_id(&id)?, body.active)
            .await?
            .into(),
    ))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPassword {
    #[schema(format = Password)]
    password: String,
}

/// Set a password: one's own in a browser, or anybody's as administrator; ends their sessions
#[utoipa::path(put, path = "/api/platform/v1/users/{id}/password", tag = "users",
    params(("id" = String, Path)), request_body = SetPassword,
    responses((status = 204, description = "Set; every session of theirs has ended")))]
async fn set_password(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
    Json(body): Json<SetPassword>,
) -> Result<StatusCode, Problem> {
    web.identity()
        .set_password(&actor, &user_id(&id)?, &body.password)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link that signs somebody in once.
#[derive(Debug, Serialize, ToSchema)]
struct LoginLink {
    /// Path and query to open in a browser.
    path: String,
}

/// Make a one-time login link for somebody
#[utoipa::path(post, path = "/api/platform/v1/users/{id}/login-link", tag = "users",
    params(("id" = String, Path)), responses((status = 201, body = LoginLink)))]
async fn create_login_link(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<LoginLink>), Problem> {
    let link = web
        .identity()
        .create_login_link(&actor, &user_id(&id)?)
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(LoginLink {
            path: format!("/login?link={link}"),
        }),
    ))
}

/// An API token as it is listed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
struct TokenView {
    id: String,
    name: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A token that was just issued.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedToken)]
struct IssuedTokenView {
    #[serde(flatten)]
    listed: TokenView,
    /// The whole token, shown this once.
    token: String,
}

/// One's own tokens, newest first
#[utoipa::path(get, path = "/api/platform/v1/tokens", tag = "tokens", params(Paging),
    responses((status = 200, body = Page<TokenView>)))]
async fn list_tokens(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Query(query): Query<Paging>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let size = web.page_size(query.page_size)?;
    let context = format!("tokens of {}", actor.user_id);
    let after = web.open_page_token(query.page_token.as_deref(), &context)?;
    let tokens = web
        .identity()
        .tokens(&actor)
        .await?
        .into_iter()
        .map(TokenView::from);
    // A person's list of tokens is short and read whole; the page begins after the cursor's id.
    let rest: Vec<TokenView> = match after {
        Some(id) => tokens.skip_while(|token| token.id != id).skip(1).collect(),
        None => tokens.collect(),
    };
    Ok(Json(web.page(rest, size, &context, |last| last.id.clone())))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IssueToken {
    /// What it is for.
    name: String,
    /// 1 to 366.
    #[schema(minimum = 1, maximum = 366)]
    expires_in_days: u32,
}

/// Issue a token that may do what its owner may
#[utoipa::path(post, path = "/api/platform/v1/tokens", tag = "tokens", request_body = IssueToken,
    responses((status = 201, body = IssuedTokenView)))]
async fn issue_token(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Json(body): Json<IssueToken>,
) -> Result<Response, Problem> {
    let issued = web
        .identity()
        .issue_token(&actor, &body.name, body.expires_in_days)
        .await?;
    let view = IssuedTokenView {
        listed: issued.token.into(),
        token: issued.text,
    };
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(view),
    )
        .into_response())
}

/// Revoke one of one's own tokens
#[utoipa::path(delete, path = "/api/platform/v1/tokens/{id}", tag = "tokens",
    params(("id" = String, Path)), responses((status = 204, description = "Revoked")))]
async fn revoke_token(
    State(web): State<Web>,
    Authenticated(actor): Authenticated,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    web.identity().revoke_token(&actor, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The signed head of the evidence log
#[utoipa::path(get, path = "/api/platform/v1/evidence/head", tag = "evidence",
    responses((status = 200, body = Object)))]
async fn evidence_head(State(web): State<Web>) -> Result<Json<Value>, Problem> {
    let head = web.evidence().head(web.db()).await?;
    Ok(Json(serde_json::to_value(head).map_err(Problem::internal)?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RecordsQuery {
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
async fn evidence_records(
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
async fn record_view(web: &Web, record: &Record) -> Result<Value, Problem> {
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
async fn evidence_check(State(web): State<Web>) -> Result<Json<Value>, Problem> {
    let report = web.evidence().check(web.db()).await?;
    Ok(Json(
        serde_json::to_value(report).map_err(Problem::internal)?,
    ))
}
