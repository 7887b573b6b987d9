//! Somebody who acts: a person, a runner, or the system itself.

use crate::{Denied, Permission, Role, Scope, UserId};

/// How an actor proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// A browser session.
    Session,
    /// An API token.
    Token,
    /// The system itself, inside the process.
    System,
    /// A runner's token.
    Runner,
}

impl Auth {
    /// The word for evidence and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::System => "system",
            Self::Runner => "runner",
        }
    }
}

/// Somebody who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Id of the person or runner; for the system an id of all zero time and randomness.
    pub user_id: UserId,
    /// Login name.
    pub login: String,
    /// Name for people.
    pub name: String,
    /// E-mail; empty for system and runners.
    pub email: String,
    /// Roles; empty for system and runners.
    pub roles: Vec<Role>,
    /// How they proved who they are.
    pub auth: Auth,
}

impl Actor {
    /// The system itself, named after what it is doing.
    #[must_use]
    pub fn system(activity: &str) -> Self {
        Self {
            user_id: UserId::from_parts(0, [0; 10]),
            login: format!("system:{activity}"),
            name: "Rialto".to_owned(),
            email: String::new(),
            roles: Vec::new(),
            auth: Auth::System,
        }
    }

    /// Whether the table of permissions allows it. The system may do everything but approve.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        match self.auth {
            Auth::System => !permission.is_approval(),
            Auth::Runner => permission == Permission::RunnerWork,
            Auth::Session | Auth::Token => self
                .roles
                .iter()
                .any(|role| permission.roles().contains(role)),
        }
    }

    /// Refuses when the permission is missing.
    ///
    /// # Errors
    /// [`Denied`], which names the roles that would do.
    pub fn require(&self, permission: Permission) -> Result<(), Denied> {
        match self.may(permission) {
            true => Ok(()),
            false => Err(Denied {
                login: self.login.clone(),
                permission,
            }),
        }
    }

    /// The rows this actor may touch with a permission.
    ///
    /// # Errors
    /// [`Denied`] when the permission is missing.
    pub fn scope(&self, permission: Permission) -> Result<Scope, Denied> {
        Scope::of(self, permission)
    }

    /// Whether this is a person (with a session or with their token).
    #[must_use]
    pub fn is_person(&self) -> bool {
        matches!(self.auth, Auth::Session | Auth::Token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(roles: &[Role], auth: Auth) -> Actor {
        Actor {
            roles: roles.to_vec(),
            auth,
            ..Actor::system("test")
        }
    }

    #[test]
    fn several_roles_add_up_and_none_gives_nothing() {
        let both = actor(&[Role::Auditor, Role::Operations], Auth::Token);
        assert!(both.may(Permission::EnvironmentRollBack) && both.may(Permission::DeliveryRead));
        assert!(!both.may(Permission::UserManage));
        let none = actor(&[], Auth::Session);
        assert!(
            Permission::ALL
                .iter()
                .all(|permission| !none.may(*permission))
        );
    }

    #[test]
    fn a_runner_only_works_and_the_system_never_approves() {
        let runner = actor(&[Role::Administrator], Auth::Runner);
        let allowed: Vec<_> = Permission::ALL.iter().filter(|p| runner.may(**p)).collect();
        assert_eq!(allowed, [&Permission::RunnerWork]);
        let system = Actor::system("scheduler");
        assert!(!system.may(Permission::DeploymentApprove));
        assert!(system.may(Permission::PipelineRun));
    }

    #[test]
    fn scopes_differ_by_person_and_permission() {
        let a = actor(&[Role::Developer], Auth::Session);
        let read = a
            .scope(Permission::DeliveryRead)
            .expect("a developer reads");
        let push = a.scope(Permission::CodePush).expect("a developer pushes");
        assert_ne!(read.fingerprint(), push.fingerprint());
        assert!(a.scope(Permission::UserManage).is_err());
    }
}
