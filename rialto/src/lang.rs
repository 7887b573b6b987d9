//! The language of messages and tables.

use clap::ValueEnum;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The text in this language.
    pub fn pick<'t>(self, en: &'t str, zh: &'t str) -> &'t str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// The language asked for, else that of the environment (`LC_ALL`, `LC_MESSAGES`, `LANG`).
    pub fn told(asked: Option<Self>) -> Self {
        let told = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let of_environment = || {
            let value = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(told);
            match value.is_some_and(|value| value.to_ascii_lowercase().starts_with("zh")) {
                true => Self::Zh,
                false => Self::En,
            }
        };
        asked.unwrap_or_else(of_environment)
    }
}
