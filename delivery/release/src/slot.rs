//! The two slots of an environment.

use serde::{Deserialize, Serialize};

/// Name of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotName {
    /// The first.
    Blue,
    /// The second.
    Green,
}

impl SlotName {
    /// Both slots.
    pub const ALL: [Self; 2] = [Self::Blue, Self::Green];

    /// The word used in APIs, tables and folder names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }
}

impl std::fmt::Display for SlotName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The slot a new version goes into: never the one that serves.
#[must_use]
pub const fn choose_candidate(active: Option<SlotName>) -> SlotName {
    match active {
        Some(serving) => serving.other(),
        None => SlotName::Blue,
    }
}
