//! Which rows an allowed action may touch.

use crate::{Actor, Denied, Permission, UserId};

/// The rows within a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Every row of the system.
    All,
}

/// Proof that a permission was checked, and the rows it covers. Repository methods take one; only
/// this crate can make one, so an unscoped query does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    rows: Rows,
    holder: Holder,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Holder {
    Actor {
        user: UserId,
        permission: Permission,
    },
    System(&'static str),
}

impl Scope {
    /// The scope of a named activity of the system itself, such as `scheduler`.
    #[must_use]
    pub fn system(activity: &'static str) -> Self {
        tracing::debug!(activity, "system scope taken");
        Self {
            rows: Rows::All,
            holder: Holder::System(activity),
        }
    }

    pub(crate) fn of(actor: &Actor, permission: Permission) -> Result<Self, Denied> {
        actor.require(permission)?;
        let holder = Holder::Actor {
            user: actor.user_id.clone(),
            permission,
        };
        Ok(Self {
            rows: Rows::All,
            holder,
        })
    }

    /// The rows it covers.
    #[must_use]
    pub fn rows(&self) -> Rows {
        self.rows
    }

    /// A stable text of the scope: paging tokens carry it, so that a token made under one scope is
    /// refused under another.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        match &self.holder {
            Holder::Actor { user, permission } => format!("{user}/{permission}/all"),
            Holder::System(activity) => format!("system/{activity}/all"),
        }
    }
}
