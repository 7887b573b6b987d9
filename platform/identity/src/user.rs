//! People and runners.

use rialto_platform_store::{StoreError, Tx, new_id, params, to_micros};
use serde_json::json;

use crate::audit::append;
use crate::statements::{
    COUNT_PEOPLE, DELETE_SESSIONS_OF, FIND_USER, FIND_USER_BY_LOGIN, INSERT_USER, LIST_PEOPLE,
    REVOKE_TOKENS_OF, SET_ACTIVE, SET_PASSWORD, SET_ROLES,
};
use crate::{Actor, Auth, Identity, IdentityError, Permission, Role, UserId, attempt, password};
use crate::{SignInError, audit};

/// Somebody with a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Login name as it was given.
    pub login: String,
    /// Name for people.
    pub name: String,
    /// E-mail.
    pub email: String,
    /// Their roles, in the order of [`Role::ALL`].
    pub roles: Vec<Role>,
    /// Language tag they chose, such as `zh-CN`.
    pub locale: Option<String>,
    /// Whether they may sign in.
    pub active: bool,
    pub(crate) runner: bool,
    pub(crate) password_hash: Option<String>,
}

impl User {
    /// This user as an actor.
    #[must_use]
    pub fn actor(&self, auth: Auth) -> Actor {
        Actor {
            user_id: self.id.clone(),
            login: self.login.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            roles: self.roles.clone(),
            auth: if self.runner { Auth::Runner } else { auth },
        }
    }

    /// Whether a password is set (before that, only a one-time link signs in).
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.password_hash.is_some()
    }
}

/// Somebody to add.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// 2 to 64 of a-z, A-Z, 0-9, `.`, `-`, `_`, beginning with a letter or digit; compared without
    /// case.
    pub login: String,
    /// Name for people, 1 to 100 characters.
    pub name: String,
    /// E-mail; authors of commits are recognised by it.
    pub email: String,
    /// First password; without one, a one-time link signs in.
    pub password: Option<String>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Language tag.
    pub locale: Option<String>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct UserRow {
    id: String,
    kind: String,
    login: String,
    name: String,
    email: String,
    locale: Option<String>,
    roles: String,
    password_hash: Option<String>,
    active: bool,
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        let broken = |message: String| StoreError::Decode { message };
        Ok(Self {
            id: row
                .id
                .parse()
                .map_err(|error| broken(format!("identity_user: {error}")))?,
            roles: serde_json::from_str(&row.roles)
                .map_err(|error| broken(format!("roles of {}: {error}", row.login)))?,
            runner: row.kind == "runner",
            login: row.login,
            name: row.name,
            email: row.email,
            locale: row.locale,
            password_hash: row.password_hash,
            active: row.active,
        })
    }
}

fn invalid(field: &'static str, message: impl Into<String>) -> IdentityError {
    IdentityError::Invalid {
        field,
        message: message.into(),
    }
}

fn check(new: &NewUser) -> Result<(), IdentityError> {
    let characters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let first = new.login.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !(2..=64).contains(&new.login.len()) || !first || !new.login.chars().all(characters) {
        let form = "2 to 64 of a-z, A-Z, 0-9, `.`, `-` and `_`, beginning with a letter or digit";
        return Err(invalid("login", format!("must be {form}")));
    }
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(invalid("name", "must have 1 to 100 characters on one line"));
    }
    let (local, domain) = new.email.split_once('@').unwrap_or_default();
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '@');
    if local.is_empty() || domain.is_empty() || domain.contains(bad) || local.contains(bad) {
        return Err(invalid(
            "email",
            "must be an address such as name@example.com",
        ));
    }
    Ok(())
}

fn roles_text(roles: &[Role]) -> serde_json::Value {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    json!(roles)
}

impl Identity {
    /// Adds somebody.
    ///
    /// # Errors
    /// A missing [`Permission::UserManage`], an unacceptable field, a login that is taken.
    pub async fn create_user(&self, by: &Actor, new: NewUser) -> Result<User, IdentityError> {
        by.require(Permission::UserManage)?;
        check(&new)?;
        let hash = match &new.password {
            None => None,
            Some(text) => {
                self.check_password(text, &new.login)?;
                Some(self.hash_password(text).await?)
            }
        };
        let mut tx = self.db.begin().await?;
        let id = self.insert_user(&mut tx, "person", &new, hash).await?;
        let body = json!({"login": new.login, "roles": roles_text(&new.roles)});
        append(
            &self.evidence,
            &mut tx,
            by,
            "user_created",
            format!("user:{id}"),
            body,
        )
        .await?;
        tx.commit().await?;
        self.user(&id).await
    }

    pub(crate) async fn insert_user(
        &self,
        tx: &mut Tx<'_>,
        kind: &str,
        new: &NewUser,
        hash: Option<String>,
    ) -> Result<UserId, IdentityError> {
        let id: UserId = new_id();
        let values = params![
            &id,
            kind,
            &new.login,
            new.login.to_lowercase(),
            new.name.trim(),
            &new.email,
            new.locale.clone(),
            roles_text(&new.roles),
            hash,
            to_micros(self.now())
        ];
        match tx.execute(INSERT_USER, values).await {
            Err(error) if error.is_unique() => Err(IdentityError::LoginTaken {
                login: new.login.clone(),
            }),
            other => Ok(other.map(|_| id)?),
        }
    }

    fn check_password(&self, text: &str, login: &str) -> Result<(), IdentityError> {
        match password::refusal(text, login, self.rules.password_minimum) {
            Some(reason) => Err(invalid("password", reason)),
            None => Ok(()),
        }
    }

    /// One user.
    ///
    /// # Errors
    /// [`IdentityError::NotFound`].
    pub async fn user(&self, id: &UserId) -> Result<User, IdentityError> {
        let row: Option<UserRow> = self.db.fetch_optional(FIND_USER, params![id]).await?;
        let missing = || IdentityError::NotFound {
            what: "user",
            id: id.to_string(),
        };
        Ok(User::try_from(row.ok_or_else(missing)?)?)
    }

    /// The user with a login name, compared without case.
    ///
    /// # Errors
    /// The store's.
    pub async fn user_by_login(&self, login: &str) -> Result<Option<User>, IdentityError> {
        let folded = login.to_lowercase();
        let row: Option<UserRow> = self
            .db
            .fetch_optional(FIND_USER_BY_LOGIN, params![folded])
            .await?;
        Ok(row.map(User::try_from).transpose()?)
    }

    /// People in order of login, after `after` (a login, or empty), at most `limit`.
    ///
    /// # Errors
    /// A missing [`Permission::UserRead`].
    pub async fn people(
        &self,
        by: &Actor,
        after: &str,
        limit: u32,
    ) -> Result<Vec<User>, IdentityError> {
        by.require(Permission::UserRead)?;
        let rows: Vec<UserRow> = self
            .db
            .fetch_all(LIST_PEOPLE, params![after.to_lowercase(), limit])
            .await?;
        Ok(rows
            .into_iter()
            .map(User::try_from)
            .collect::<Result<_, _>>()?)
    }

    /// How many people there are; 0 means the house was never entered.
    ///
    /// # Errors
    /// The store's.
    pub async fn count_people(&self) -> Result<i64, IdentityError> {
        let (count,): (i64,) = self.db.fetch_one(COUNT_PEOPLE, params![]).await?;
        Ok(count)
    }

    /// Changes somebody's roles.
    ///
    /// # Errors
    /// A missing [`Permission::UserManage`], or the last administrator.
    pub async fn set_roles(
        &self,
        by: &Actor,
        id: &UserId,
        roles: &[Role],
    ) -> Result<User, IdentityError> {
        by.require(Permission::UserManage)?;
        let user = self.user(id).await?;
        let mut tx = self.db.begin().await?;
        tx.execute(SET_ROLES, params![id, roles_text(roles)])
            .await?;
        self.keep_an_administrator(&mut tx).await?;
        let body = json!({"before": roles_text(&user.roles), "after": roles_text(roles)});
        append(
            &self.evidence,
            &mut tx,
            by,
            "roles_changed",
            format!("user:{id}"),
            body,
        )
        .await?;
        tx.commit().await?;
        self.user(id).await
    }

    /// Lets somebody in or shuts them out; shutting out ends their sessions and tokens at once.
    ///
    /// # Errors
    /// A missing [`Permission::UserManage`], or the last administrator.
    pub async fn set_active(
        &self,
        by: &Actor,
        id: &UserId,
        active: bool,
    ) -> Result<User, IdentityError> {
        by.require(Permission::UserManage)?;
        self.user(id).await?;
        let mut tx = self.db.begin().await?;
        tx.execute(SET_ACTIVE, params![id, active]).await?;
        if !active {
            tx.execute(DELETE_SESSIONS_OF, params![id]).await?;
            tx.execute(REVOKE_TOKENS_OF, params![id, to_micros(self.now())])
                .await?;
            self.keep_an_administrator(&mut tx).await?;
        }
        let body = json!({"active": active});
        append(
            &self.evidence,
            &mut tx,
            by,
            "user_changed",
            format!("user:{id}"),
            body,
        )
        .await?;
        tx.commit().await?;
        self.user(id).await
    }

    async fn keep_an_administrator(&self, tx: &mut Tx<'_>) -> Result<(), IdentityError> {
        let rows: Vec<UserRow> = tx
            .fetch_all(LIST_PEOPLE, params!["", i64::from(u32::MAX)])
            .await?;
        for row in rows {
            let user = User::try_from(row)?;
            if user.active && user.roles.contains(&Role::Administrator) {
                return Ok(());
            }
        }
        Err(IdentityError::LastAdministrator)
    }

    /// Sets a password: one's own, or as an administrator somebody's. Ends their other sessions.
    ///
    /// # Errors
    /// A missing permission, or a password the rules refuse.
    pub async fn set_password(
        &self,
        by: &Actor,
        id: &UserId,
        text: &str,
    ) -> Result<(), IdentityError> {
        if by.user_id != *id || by.auth != Auth::Session {
            by.require(Permission::UserManage)?;
        }
        let user = self.user(id).await?;
        self.check_password(text, &user.login)?;
        let hash = self.hash_password(text).await?;
        let mut tx = self.db.begin().await?;
        tx.execute(SET_PASSWORD, params![id, hash]).await?;
        tx.execute(DELETE_SESSIONS_OF, params![id]).await?;
        let subject = format!("user:{id}");
        append(
            &self.evidence,
            &mut tx,
            by,
            "password_changed",
            subject,
            json!({}),
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// The user whose login and password these are. `address` is the client's, for the lock-out by
    /// delay; each failure is an entry of the evidence log.
    ///
    /// # Errors
    /// [`SignInError::Wrong`] without telling what, [`SignInError::Wait`] after too many failures.
    pub async fn verify_password(
        &self,
        login: &str,
        text: &str,
        address: &str,
    ) -> Result<User, SignInError> {
        let folded: String = login.to_lowercase().chars().take(64).collect();
        let mut tx = self.db.begin().await?;
        let wait = attempt::begin(&mut tx, &folded, address, self.now()).await?;
        tx.commit().await?;
        if let Some(retry_after) = wait {
            return Err(SignInError::Wait { retry_after });
        }
        let user = self.user_by_login(&folded).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let matches = self.password_matches(text, hash.as_deref()).await?;
        let mut tx = self.db.begin().await?;
        match user.filter(|user| matches && user.active && !user.runner) {
            Some(user) => {
                attempt::succeeded(&mut tx, &folded, address).await?;
                tx.commit().await?;
                Ok(user)
            }
            None => {
                let body = json!({"login": folded, "address": address});
                let subject = format!("login:{folded}");
                let by = audit::nobody();
                append(
                    &self.evidence,
                    &mut tx,
                    &by,
                    "sign_in_failed",
                    subject,
                    body,
                )
                .await?;
                tx.commit().await?;
                Err(SignInError::Wrong)
            }
        }
    }
}
