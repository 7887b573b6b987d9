//! Sessions of browsers.

use jiff::Timestamp;
use rialto_platform_store::{from_micros, params, to_micros};
use serde_json::json;

use crate::audit::append;
use crate::statements::{
    DELETE_SESSION, FIND_SESSION, INSERT_SESSION, PRUNE_SESSIONS, TOUCH_SESSION,
};
use crate::user::UserRow;
use crate::{Actor, Auth, Identity, IdentityError, User, secret};

/// The time of last use is written at most this often (microseconds).
const TOUCH_EVERY: i64 = 60_000_000;

/// A session that was just opened. The cookie is known to the browser alone.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// Value of the session cookie.
    pub cookie: String,
    /// Token for the `X-CSRF-Token` header of state-changing requests.
    pub csrf_token: String,
    /// Who signed in.
    pub user: User,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A session found by its cookie.
#[derive(Debug, Clone)]
pub struct SessionActor {
    /// Who it is.
    pub actor: Actor,
    /// Whose session it is, with language.
    pub user: User,
    csrf_token: String,
}

impl SessionActor {
    /// The session's CSRF token.
    #[must_use]
    pub fn csrf_token(&self) -> &str {
        &self.csrf_token
    }

    /// Whether a header proves that the request came from our own page.
    #[must_use]
    pub fn csrf_matches(&self, header: &str) -> bool {
        secret::same(&self.csrf_token, header)
    }
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    user: UserRow,
    session_created_at: i64,
    last_seen_at: i64,
}

/// The CSRF token follows from the cookie, so it needs no storage and dies with the session.
fn csrf_of(cookie: &str) -> String {
    secret::hash("csrf", cookie)
}

impl Identity {
    /// Opens a session with a fresh cookie for somebody who proved who they are.
    ///
    /// # Errors
    /// The store's.
    pub async fn open_session(
        &self,
        user: User,
        address: &str,
        agent: &str,
    ) -> Result<OpenedSession, IdentityError> {
        let cookie = secret::fresh();
        let now = self.now();
        let agent: String = agent.chars().take(200).collect();
        let mut tx = self.db.begin().await?;
        let idle = i64::try_from(self.rules.session_idle.as_micros()).unwrap_or(i64::MAX);
        tx.execute(PRUNE_SESSIONS, params![to_micros(now).saturating_sub(idle)])
            .await?;
        let values = params![
            secret::hash("session", &cookie),
            &user.id,
            address,
            agent,
            to_micros(now)
        ];
        tx.execute(INSERT_SESSION, values).await?;
        let by = user.actor(Auth::Session);
        let subject = format!("user:{}", user.id);
        let body = json!({"address": address});
        append(&self.evidence, &mut tx, &by, "signed_in", subject, body).await?;
        tx.commit().await?;
        let expires_at = now
            .checked_add(self.rules.session_absolute)
            .unwrap_or(Timestamp::MAX);
        Ok(OpenedSession {
            csrf_token: csrf_of(&cookie),
            cookie,
            user,
            expires_at,
        })
    }

    /// The session of a cookie; `None` when it is unknown, ended, or idle for too long, or when its
    /// user was shut out.
    ///
    /// # Errors
    /// The store's.
    pub async fn session_by_cookie(
        &self,
        cookie: &str,
    ) -> Result<Option<SessionActor>, IdentityError> {
        self.find_session(cookie, true).await
    }

    /// As [`Identity::session_by_cookie`], but without counting as use: for a stream that looks
    /// whether its session is still open.
    ///
    /// # Errors
    /// The store's.
    pub async fn peek_session(&self, cookie: &str) -> Result<Option<SessionActor>, IdentityError> {
        self.find_session(cookie, false).await
    }

    async fn find_session(
        &self,
        cookie: &str,
        counts_as_use: bool,
    ) -> Result<Option<SessionActor>, IdentityError> {
        let hash = secret::hash("session", cookie);
        let row: Option<SessionRow> = self.db.fetch_optional(FIND_SESSION, params![&hash]).await?;
        let Some(row) = row else { return Ok(None) };
        let now = self.now();
        let idle = now.duration_since(from_micros(row.last_seen_at)?);
        let age = now.duration_since(from_micros(row.session_created_at)?);
        let ended = idle >= self.rules.session_idle || age >= self.rules.session_absolute;
        let user = User::try_from(row.user)?;
        if ended || !user.active {
            self.close_session(cookie).await?;
            return Ok(None);
        }
        if counts_as_use && to_micros(now) - row.last_seen_at >= TOUCH_EVERY {
            self.db
                .execute(TOUCH_SESSION, params![&hash, to_micros(now)])
                .await?;
        }
        let actor = user.actor(Auth::Session);
        Ok(Some(SessionActor {
            actor,
            user,
            csrf_token: csrf_of(cookie),
        }))
    }

    /// Ends a session; ending one that is gone is fine.
    ///
    /// # Errors
    /// The store's.
    pub async fn close_session(&self, cookie: &str) -> Result<(), IdentityError> {
        self.db
            .execute(DELETE_SESSION, params![secret::hash("session", cookie)])
            .await?;
        Ok(())
    }
}
