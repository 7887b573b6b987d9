//! Local users, roles, sessions and API tokens.
