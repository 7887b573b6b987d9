//! API tokens: `rlt_<id>_<secret>`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rialto_platform_store::{Tx, from_micros, params, to_micros};
use serde_json::json;

use crate::audit::append;
use crate::statements::{FIND_TOKEN, INSERT_TOKEN, LIST_TOKENS, REVOKE_TOKEN, TOUCH_TOKEN};
use crate::user::UserRow;
use crate::{Actor, Auth, Identity, IdentityError, NewUser, Permission, User, UserId, secret};

/// The time of last use is written at most this often (microseconds).
const TOUCH_EVERY: i64 = 60_000_000;
/// Longest life of a person's token, days.
const LONGEST_DAYS: u32 = 366;

/// Public part of a token: 16 hexadecimal characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenId(String);

impl TokenId {
    /// The text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its public part.
    pub id: TokenId,
    /// What its owner calls it.
    pub name: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A token that was just issued; its text is shown this once.
#[derive(Debug, Clone)]
pub struct IssuedToken {
    /// As it will be listed.
    pub token: Token,
    /// `rlt_<id>_<secret>`.
    pub text: String,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    #[sqlx(flatten)]
    user: UserRow,
    secret_hash: String,
    expires_at: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    id: String,
    name: String,
    created_at: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
}

/// Id and secret of a token's text, when it has the form of one.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix("rlt_")?.split_once('_')?;
    let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    (id.len() == 16 && secret.len() == 48 && hex(id) && hex(secret)).then_some((id, secret))
}

impl Identity {
    /// Issues a token that can do what its owner can. Only a signed-in browser (or the system) may
    /// ask: a token that could issue tokens would outlive its own revocation.
    ///
    /// # Errors
    /// A missing permission, a bad name or lifetime.
    pub async fn issue_token(
        &self,
        by: &Actor,
        name: &str,
        expires_in_days: u32,
    ) -> Result<IssuedToken, IdentityError> {
        by.require(Permission::TokenOwn)?;
        if by.auth != Auth::Session {
            let message =
                "a token cannot issue tokens; sign in with a browser and use Access tokens there";
            return Err(IdentityError::Invalid {
                field: "token",
                message: message.into(),
            });
        }
        self.issue_token_for(by, &by.user_id, name, expires_in_days)
            .await
    }

    /// Issues a token to a person, as the system or an administrator would for a first set-up.
    ///
    /// # Errors
    /// A missing [`Permission::UserManage`], a bad name or lifetime.
    pub async fn issue_token_to(
        &self,
        by: &Actor,
        owner: &UserId,
        name: &str,
        expires_in_days: u32,
    ) -> Result<IssuedToken, IdentityError> {
        by.require(Permission::UserManage)?;
        self.user(owner).await?;
        self.issue_token_for(by, owner, name, expires_in_days).await
    }

    async fn issue_token_for(
        &self,
        by: &Actor,
        owner: &UserId,
        name: &str,
        days: u32,
    ) -> Result<IssuedToken, IdentityError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            let message = "must have 1 to 100 characters on one line".to_owned();
            return Err(IdentityError::Invalid {
                field: "name",
                message,
            });
        }
        if days == 0 || days > LONGEST_DAYS {
            let message = format!("must be 1 to {LONGEST_DAYS}");
            return Err(IdentityError::Invalid {
                field: "expires_in_days",
                message,
            });
        }
        let mut tx = self.db.begin().await?;
        let lifetime = SignedDuration::from_hours(24 * i64::from(days));
        let issued = self
            .insert_token(&mut tx, by, owner, name, lifetime)
            .await?;
        tx.commit().await?;
        Ok(issued)
    }

    async fn insert_token(
        &self,
        tx: &mut Tx<'_>,
        by: &Actor,
        owner: &UserId,
        name: &str,
        lifetime: SignedDuration,
    ) -> Result<IssuedToken, IdentityError> {
        let (id, secret) = (secret::fresh_hex::<8>(), secret::fresh_hex::<24>());
        let created_at = self.now();
        let expires_at = created_at.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        let hash = secret::hash("token", &secret);
        let values = params![
            &id,
            owner,
            name,
            hash,
            to_micros(created_at),
            to_micros(expires_at)
        ];
        tx.execute(INSERT_TOKEN, values).await?;
        let body = json!({"name": name, "owner": owner, "expires_at": expires_at});
        append(
            &self.evidence,
            tx,
            by,
            "token_issued",
            format!("token:{id}"),
            body,
        )
        .await?;
        let text = format!("rlt_{id}_{secret}");
        let name = name.to_owned();
        let token = Token {
            id: TokenId(id),
            name,
            created_at,
            expires_at,
            last_used_at: None,
        };
        Ok(IssuedToken { token, text })
    }

    /// One's own tokens that were not revoked, newest first (expired ones included).
    ///
    /// # Errors
    /// A missing permission.
    pub async fn tokens(&self, by: &Actor) -> Result<Vec<Token>, IdentityError> {
        by.require(Permission::TokenOwn)?;
        let rows: Vec<ListedRow> = self.db.fetch_all(LIST_TOKENS, params![&by.user_id]).await?;
        let token = |row: ListedRow| {
            Ok(Token {
                id: TokenId(row.id),
                name: row.name,
                created_at: from_micros(row.created_at)?,
                expires_at: from_micros(row.expires_at)?,
                last_used_at: row.last_used_at.map(from_micros).transpose()?,
            })
        };
        rows.into_iter().map(token).collect()
    }

    /// Revokes one of one's own tokens.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`] when there is none of one's own with this id.
    pub async fn revoke_token(&self, by: &Actor, id: &str) -> Result<(), IdentityError> {
        by.require(Permission::TokenOwn)?;
        let mut tx = self.db.begin().await?;
        let values = params![id, &by.user_id, to_micros(self.now())];
        if tx.execute(REVOKE_TOKEN, values).await? == 0 {
            return Err(IdentityError::NotFound {
                what: "token",
                id: id.to_owned(),
            });
        }
        append(
            &self.evidence,
            &mut tx,
            by,
            "token_revoked",
            format!("token:{id}"),
            json!({}),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// The owner of a token; `None` when it is not one of ours, revoked, expired, or its owner was
    /// shut out.
    ///
    /// # Errors
    /// The store's.
    pub async fn actor_by_token(&self, text: &str) -> Result<Option<Actor>, IdentityError> {
        let Some((id, secret)) = parts(text) else {
            return Ok(None);
        };
        let row: Option<TokenRow> = self.db.fetch_optional(FIND_TOKEN, params![id]).await?;
        let Some(row) = row else { return Ok(None) };
        let now = to_micros(self.now());
        let good = secret::same(&row.secret_hash, &secret::hash("token", secret))
            && row.revoked_at.is_none()
            && row.expires_at > now;
        let user = User::try_from(row.user)?;
        if !good || !user.active {
            return Ok(None);
        }
        if row
            .last_used_at
            .is_none_or(|last| now - last >= TOUCH_EVERY)
        {
            self.db.execute(TOUCH_TOKEN, params![id, now]).await?;
        }
        Ok(Some(user.actor(Auth::Token)))
    }

    /// When a token of ours expired; `None` when it is not expired, or not one of ours.
    ///
    /// # Errors
    /// The store's.
    pub async fn token_expired_at(&self, text: &str) -> Result<Option<Timestamp>, IdentityError> {
        let Some((id, secret)) = parts(text) else {
            return Ok(None);
        };
        let row: Option<TokenRow> = self.db.fetch_optional(FIND_TOKEN, params![id]).await?;
        let known = row.filter(|row| {
            secret::same(&row.secret_hash, &secret::hash("token", secret))
                && row.revoked_at.is_none()
                && row.expires_at <= to_micros(self.now())
        });
        Ok(known.map(|row| from_micros(row.expires_at)).transpose()?)
    }

    /// Issues a token to the runner of this name, which is added when it is new.
    ///
    /// # Errors
    /// A missing [`Permission::UserManage`], or a login of that name that belongs to a person.
    pub async fn issue_runner_token(
        &self,
        by: &Actor,
        name: &str,
        lifetime: SignedDuration,
    ) -> Result<IssuedToken, IdentityError> {
        by.require(Permission::UserManage)?;
        let login = format!("runner-{name}");
        let known = self.user_by_login(&login).await?;
        if known.as_ref().is_some_and(|user| !user.runner) {
            return Err(IdentityError::LoginTaken { login });
        }
        let mut tx = self.db.begin().await?;
        let id = match known {
            Some(user) => user.id,
            None => {
                let new = NewUser {
                    login,
                    name: name.to_owned(),
                    ..NewUser::default()
                };
                self.insert_user(&mut tx, "runner", &new, None).await?
            }
        };
        let issued = self.insert_token(&mut tx, by, &id, name, lifetime).await?;
        tx.commit().await?;
        Ok(issued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_is_taken_for_a_token() {
        let (id, secret) = ("0123456789abcdef", "0".repeat(48));
        assert_eq!(
            parts(&format!("rlt_{id}_{secret}")),
            Some((id, secret.as_str()))
        );
        for text in [
            "",
            "rlt_",
            "rlt__",
            "glpat-x",
            &format!("rlt_{id}_{secret}0"),
            "rlt_一_二",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
