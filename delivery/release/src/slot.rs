//! The slots of an environment: one serves, one stands by, and a new version is tried out in the
//! third, so that whoever stands by does so until the new version has proved itself.

use serde::{Deserialize, Serialize};

/// Name of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotName {
    /// The first.
    Blue,
    /// The second.
    Green,
    /// The third.
    Violet,
}

impl SlotName {
    /// All slots.
    pub const ALL: [Self; 3] = [Self::Blue, Self::Green, Self::Violet];

    /// The word used in APIs, tables and folder names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Green => "green",
            Self::Violet => "violet",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

impl std::fmt::Display for SlotName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The slot a new version goes into: never the one that serves, nor the one that stands by for it.
#[must_use]
pub fn choose_candidate(active: Option<SlotName>, standby: Option<SlotName>) -> SlotName {
    // Two are taken at most: when neither of the first is free, the third one is.
    [SlotName::Blue, SlotName::Green]
        .into_iter()
        .find(|slot| active != Some(*slot) && standby != Some(*slot))
        .unwrap_or(SlotName::Violet)
}

/// Which of two earlier versions stands by once a new one serves for good: the one before it,
/// unless only the older one is healthy.
#[must_use]
pub const fn keeps_older_standby(previous_healthy: bool, older_healthy: bool) -> bool {
    older_healthy && !previous_healthy
}
