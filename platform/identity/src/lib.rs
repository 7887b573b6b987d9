//! Local users, roles, sessions and API tokens.
//!
//! Who somebody is, is decided here and nowhere else: by a password, a one-time link, a session
//! cookie or an API token. Only hashes of secrets are stored. What somebody may do is one table
//! ([`Permission::roles`]); which rows they may see is a [`Scope`], a type only this crate can make,
//! so a query that takes one cannot be called without asking here first.

mod actor;
mod attempt;
mod audit;
mod error;
mod link;
mod password;
mod permission;
mod role;
mod scope;
mod secret;
mod service;
mod session;
mod statements;
mod token;
mod user;

use rialto_platform_store::{Migration, MigrationSet};

pub use actor::{Actor, Auth};
pub use error::{IdentityError, SignInError};
pub use permission::{Denied, Permission};
pub use role::{Role, UnknownRoleError};
pub use scope::{Rows, Scope};
pub use service::{Identity, Rules};
pub use session::{OpenedSession, SessionActor};
pub use statements::STATEMENTS;
pub use token::{IssuedToken, Token, TokenId};
pub use user::{NewUser, User};

rialto_kernel::define_id!(
    /// A person or a runner.
    UserId
);

/// The tables of this crate.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "identity",
    migrations: &[Migration {
        version: 1,
        name: "users, sessions, tokens",
        sql: include_str!("sql/start.sql"),
        sqlite: None,
        postgres: None,
    }],
};
