//! One-time login links: how somebody without a password signs in the first time.

use rialto_platform_store::{params, to_micros};
use serde_json::json;

use crate::audit::append;
use crate::statements::{INSERT_LINK, RETIRE_LINKS_OF, USE_LINK};
use crate::{
    Actor, Auth, Identity, IdentityError, NewUser, Permission, Role, SignInError, User, UserId,
    secret,
};

/// Login of the first administrator.
const FIRST_LOGIN: &str = "admin";

impl Identity {
    /// Makes a link that signs `user` in once; earlier unused links of theirs stop working.
    ///
    /// # Errors
    /// A missing [`Permission::UserManage`].
    pub async fn create_login_link(
        &self,
        by: &Actor,
        user: &UserId,
    ) -> Result<String, IdentityError> {
        by.require(Permission::UserManage)?;
        self.user(user).await?;
        let link = secret::fresh();
        let now = self.now();
        let expires_at =
            now.checked_add(self.rules.link_lifetime)
                .map_err(|error| IdentityError::Invalid {
                    field: "link",
                    message: error.to_string(),
                })?;
        let mut tx = self.db.begin().await?;
        tx.execute(RETIRE_LINKS_OF, params![user, to_micros(now)])
            .await?;
        let hash = secret::hash("link", &link);
        let values = params![hash, user, to_micros(now), to_micros(expires_at)];
        tx.execute(INSERT_LINK, values).await?;
        let body = json!({"expires_at": expires_at});
        let subject = format!("user:{user}");
        append(
            &self.evidence,
            &mut tx,
            by,
            "login_link_issued",
            subject,
            body,
        )
        .await?;
        tx.commit().await?;
        Ok(link)
    }

    /// Uses a link up; its user.
    ///
    /// # Errors
    /// [`SignInError::Link`] when it is unknown, used or expired.
    pub async fn redeem_login_link(&self, link: &str, address: &str) -> Result<User, SignInError> {
        let hash = secret::hash("link", link);
        let mut tx = self.db.begin().await?;
        let values = params![hash, to_micros(self.now())];
        let found: Option<(String,)> = tx.fetch_optional(USE_LINK, values).await?;
        let Some((id,)) = found else {
            return Err(SignInError::Link);
        };
        let id: UserId = id.parse().map_err(|_| SignInError::Link)?;
        let user = self.user(&id).await?;
        if !user.active {
            return Err(SignInError::Link);
        }
        let by = user.actor(Auth::Session);
        let body = json!({"address": address});
        append(
            &self.evidence,
            &mut tx,
            &by,
            "login_link_used",
            format!("user:{id}"),
            body,
        )
        .await?;
        tx.commit().await?;
        Ok(user)
    }

    /// The link for the first sign-in: adds the first administrator to an empty house. `None` once
    /// that administrator has a password.
    ///
    /// # Errors
    /// The store's.
    pub async fn first_login_link(&self, roles: &[Role]) -> Result<Option<String>, IdentityError> {
        let system = Actor::system("first-login");
        let user = match self.user_by_login(FIRST_LOGIN).await? {
            Some(user) => user,
            None if self.count_people().await? == 0 => {
                let new = NewUser {
                    login: FIRST_LOGIN.to_owned(),
                    name: "Administrator".to_owned(),
                    email: "admin@localhost".to_owned(),
                    roles: roles.to_vec(),
                    ..NewUser::default()
                };
                self.create_user(&system, new).await?
            }
            None => return Ok(None),
        };
        if user.has_password() || !user.active {
            return Ok(None);
        }
        self.create_login_link(&system, &user.id).await.map(Some)
    }
}
