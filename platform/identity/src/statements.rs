//! Every statement of this crate.

rialto_platform_store::statements! {
    pub(crate) INSERT_USER =
        "INSERT INTO identity_user (id, kind, login, login_folded, name, email, locale, roles,
                                    password_hash, active, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, TRUE, 1, $10)";
    pub(crate) FIND_USER =
        "SELECT id, kind, login, name, email, locale, roles, password_hash, active, created_at
         FROM identity_user WHERE id = $1";
    pub(crate) FIND_USER_BY_LOGIN =
        "SELECT id, kind, login, name, email, locale, roles, password_hash, active, created_at
         FROM identity_user WHERE login_folded = $1";
    pub(crate) LIST_PEOPLE =
        "SELECT id, kind, login, name, email, locale, roles, password_hash, active, created_at
         FROM identity_user WHERE kind = 'person' AND login_folded > $1
         ORDER BY login_folded LIMIT $2";
    pub(crate) COUNT_PEOPLE = "SELECT count(*) FROM identity_user WHERE kind = 'person'";
    pub(crate) SET_ROLES =
        "UPDATE identity_user SET roles = $2, version = version + 1 WHERE id = $1";
    pub(crate) SET_PASSWORD =
        "UPDATE identity_user SET password_hash = $2, version = version + 1 WHERE id = $1";
    pub(crate) SET_ACTIVE =
        "UPDATE identity_user SET active = $2, version = version + 1 WHERE id = $1";

    pub(crate) INSERT_SESSION =
        "INSERT INTO identity_session (cookie_hash, user_id, address, agent, created_at, last_seen_at)
         VALUES ($1, $2, $3, $4, $5, $5)";
    pub(crate) FIND_SESSION =
        "SELECT u.id, u.kind, u.login, u.name, u.email, u.locale, u.roles, u.password_hash, u.active,
                u.created_at, s.created_at AS session_created_at, s.last_seen_at
         FROM identity_session s JOIN identity_user u ON u.id = s.user_id
         WHERE s.cookie_hash = $1";
    pub(crate) TOUCH_SESSION =
        "UPDATE identity_session SET last_seen_at = $2 WHERE cookie_hash = $1";
    pub(crate) DELETE_SESSION = "DELETE FROM identity_session WHERE cookie_hash = $1";
    pub(crate) DELETE_SESSIONS_OF = "DELETE FROM identity_session WHERE user_id = $1";
    pub(crate) PRUNE_SESSIONS = "DELETE FROM identity_session WHERE last_seen_at < $1";

    pub(crate) INSERT_TOKEN =
        "INSERT INTO identity_token (id, user_id, name, secret_hash, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    pub(crate) FIND_TOKEN =
        "SELECT u.id, u.kind, u.login, u.name, u.email, u.locale, u.roles, u.password_hash, u.active,
                u.created_at, t.secret_hash, t.expires_at, t.last_used_at, t.revoked_at
         FROM identity_token t JOIN identity_user u ON u.id = t.user_id
         WHERE t.id = $1";
    pub(crate) LIST_TOKENS =
        "SELECT id, name, created_at, expires_at, last_used_at FROM identity_token
         WHERE user_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1000";
    pub(crate) TOUCH_TOKEN = "UPDATE identity_token SET last_used_at = $2 WHERE id = $1";
    pub(crate) REVOKE_TOKEN =
        "UPDATE identity_token SET revoked_at = $3
         WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL";
    pub(crate) REVOKE_TOKENS_OF =
        "UPDATE identity_token SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL";

    pub(crate) INSERT_LINK =
        "INSERT INTO identity_login_link (link_hash, user_id, created_at, expires_at)
         VALUES ($1, $2, $3, $4)";
    pub(crate) RETIRE_LINKS_OF =
        "UPDATE identity_login_link SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL";
    pub(crate) USE_LINK =
        "UPDATE identity_login_link SET used_at = $2
         WHERE link_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING user_id";

    pub(crate) BLOCKED_UNTIL = "SELECT blocked_until FROM identity_attempt WHERE subject = $1";
    pub(crate) COUNT_FAILURE =
        "INSERT INTO identity_attempt (subject, failures, last_at, blocked_until)
         VALUES ($1, 1, $2, 0)
         ON CONFLICT (subject)
         DO UPDATE SET failures = identity_attempt.failures + 1, last_at = $2
         RETURNING failures";
    pub(crate) SET_BLOCK = "UPDATE identity_attempt SET blocked_until = $2 WHERE subject = $1";
    pub(crate) TAKE_BACK_FAILURE =
        "UPDATE identity_attempt
         SET failures = CASE WHEN failures > 0 THEN failures - 1 ELSE 0 END, blocked_until = 0
         WHERE subject = $1";
    pub(crate) CLEAR_ATTEMPTS = "DELETE FROM identity_attempt WHERE subject = $1";
    pub(crate) PRUNE_ATTEMPTS = "DELETE FROM identity_attempt WHERE last_at < $1";
}
