//! The tables of the interface platform: rows and statements.
//!
//! Every function takes a transaction for writing and a [`Reader`] (a transaction or the database)
//! for reading. Rows mirror their tables; JSON columns are text. The SQL of every statement is
//! listed in [`statements`] and tried on both engines.

pub mod call;
pub mod credential;
pub mod definition;
pub mod event;
pub mod interface;
pub mod publishing;
pub mod subscription;
pub mod system;
pub mod version;

pub use rialto_platform_store::Reader;

use rialto_platform_store::{Migration, MigrationSet};

/// The schema of the interface platform.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    system: "esb",
    migrations: &[
        Migration {
            version: 1,
            name: "start",
            sql: include_str!("../migrations/0001_start.sql"),
            sqlite: None,
            postgres: None,
        },
        Migration {
            version: 2,
            name: "applications and subscriptions",
            sql: include_str!("../migrations/0002_subscriptions.sql"),
            sqlite: None,
            postgres: None,
        },
        Migration {
            version: 3,
            name: "credentials",
            sql: include_str!("../migrations/0003_credentials.sql"),
            sqlite: None,
            postgres: None,
        },
        Migration {
            version: 4,
            name: "publishing",
            sql: include_str!("../migrations/0004_publishing.sql"),
            sqlite: None,
            postgres: None,
        },
        Migration {
            version: 5,
            name: "calls",
            sql: include_str!("../migrations/0005_calls.sql"),
            sqlite: None,
            postgres: None,
        },
    ],
};

/// Every statement of this crate by name.
#[must_use]
pub fn statements() -> Vec<(&'static str, &'static str)> {
    [
        call::STATEMENTS,
        credential::STATEMENTS,
        definition::STATEMENTS,
        event::STATEMENTS,
        interface::STATEMENTS,
        publishing::STATEMENTS,
        subscription::STATEMENTS,
        system::STATEMENTS,
        version::STATEMENTS,
    ]
    .concat()
}

/// A text as a pattern of `LIKE … ESCAPE '!'` that finds it anywhere, lower-case; `None` for blanks.
#[must_use]
pub fn anywhere(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    Some(pattern)
}
