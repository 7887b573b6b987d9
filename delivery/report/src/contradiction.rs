//! What a report says of itself and does not bear out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A claim of a report about itself that its own content contradicts, or that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// Line of the claim, counted from 1.
    pub line: u32,
    /// Who says what, and what the content says, in one sentence.
    pub message: String,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// More contradictions than this from one file are not kept.
pub(crate) const KEPT_CONTRADICTIONS: usize = 100;

/// Adds a contradiction unless enough are kept already.
pub(crate) fn push(list: &mut Vec<Contradiction>, line: u32, message: String) {
    if list.len() < KEPT_CONTRADICTIONS {
        list.push(Contradiction { line, message });
    }
}

/// A count as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Count {
    /// A whole number.
    Of(u64),
    /// Nothing: empty, or the `NaN` of tools that had nothing to count.
    Untold,
    /// Anything else, such as `-5` or `many`.
    Unreadable(String),
}

impl Count {
    /// Reads `12` and, as some tools write it, `12.0`.
    pub(crate) fn read(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("nan") {
            return Self::Untold;
        }
        let whole = text.trim_end_matches('0').strip_suffix('.').unwrap_or(text);
        match whole.parse() {
            Ok(count) => Self::Of(count),
            Err(_) => Self::Unreadable(crate::xml::shorten(text)),
        }
    }

    /// The number, if it is one.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Of(count) => Some(*count),
            Self::Untold | Self::Unreadable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn counts_are_read_as_tools_write_them_and_nothing_else_is_a_count() {
        for (text, expected) in [
            ("0", Count::Of(0)),
            (" 120 ", Count::Of(120)),
            ("120.00", Count::Of(120)),
            ("", Count::Untold),
            ("NaN", Count::Untold),
            ("-5", Count::Unreadable("-5".to_owned())),
            ("many", Count::Unreadable("many".to_owned())),
            ("1.5", Count::Unreadable("1.5".to_owned())),
            (".0", Count::Unreadable(".0".to_owned())),
        ] {
            assert_eq!(Count::read(text), expected, "{text:?}");
        }
    }
}
