//! `/api/platform/v1`: sessions, people, tokens and the evidence log.

mod evidence;
mod sessions;
mod standby;
mod tokens;
mod users;

use rialto_platform_identity::{Permission, User};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Access, Endpoint, ProblemDocument, Web};

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
    Endpoint::new(
        "GET",
        "/api/platform/v1/standby",
        Access::Needs(Permission::EvidenceRead),
    ),
    Endpoint::new(
        "GET",
        "/api/platform/v1/drills",
        Access::Needs(Permission::EvidenceRead),
    ),
    Endpoint::new(
        "GET",
        "/api/platform/v1/drills/{id}",
        Access::Needs(Permission::EvidenceRead),
    ),
    Endpoint::new(
        "POST",
        "/api/platform/v1/drills",
        Access::Needs(Permission::StandbyDrill),
    ),
];

/// The document of this interface.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rialto platform",
        version = "1",
        description = "Sessions, people, tokens, evidence, drills."
    ),
    components(schemas(ProblemDocument))
)]
pub struct PlatformDoc;

/// The routes with their documentation.
pub fn platform_routes() -> OpenApiRouter<Web> {
    OpenApiRouter::with_openapi(PlatformDoc::openapi())
        .routes(routes!(sessions::sign_in))
        .routes(routes!(sessions::redeem_link))
        .routes(routes!(sessions::current_session, sessions::sign_out))
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(users::set_roles))
        .routes(routes!(users::set_active))
        .routes(routes!(users::set_password))
        .routes(routes!(users::create_login_link))
        .routes(routes!(tokens::list_tokens, tokens::issue_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(evidence::evidence_head))
        .routes(routes!(evidence::evidence_records))
        .routes(routes!(evidence::evidence_check))
        .routes(routes!(standby::standby))
        .routes(routes!(standby::list_drills, standby::start_drill))
        .routes(routes!(standby::one_drill))
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

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Paging {
    /// Rows of the page: 1 to 1,000; default 50.
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}
