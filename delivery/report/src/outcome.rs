//! How far a reader got.

use serde::{Deserialize, Serialize};

/// The end of reading one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
// Not internally tagged: numbers as map keys (lines of coverage) would not read back.
#[serde(rename_all = "snake_case")]
pub enum Outcome<T> {
    /// The whole file was read.
    Parsed {
        /// What it says.
        value: T,
    },
    /// The file is broken somewhere; what came before (and, for line formats, after) was read.
    /// Good enough to show, not good enough to judge by: a gate treats it as missing.
    Partial {
        /// What could be read.
        value: T,
        /// What is wrong and what to do.
        reason: String,
        /// Line of the first fault, counted from 1.
        line: u32,
    },
    /// Nothing was taken from the file.
    Refused {
        /// What is wrong and what to do.
        reason: String,
        /// Line of the fault, counted from 1; 0 when the whole file is meant.
        line: u32,
    },
}

impl<T> Outcome<T> {
    /// The value of a whole or partial reading, for showing to people.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Parsed { value } | Self::Partial { value, .. } => Some(value),
            Self::Refused { .. } => None,
        }
    }

    /// The value of a whole reading, the only one a gate may judge by.
    pub fn whole(&self) -> Option<&T> {
        match self {
            Self::Parsed { value } => Some(value),
            Self::Partial { .. } | Self::Refused { .. } => None,
        }
    }

    /// `parsed`, `partial` or `refused`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Parsed { .. } => "parsed",
            Self::Partial { .. } => "partial",
            Self::Refused { .. } => "refused",
        }
    }

    /// Why the file is partial or refused.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Parsed { .. } => None,
            Self::Partial { reason, .. } | Self::Refused { reason, .. } => Some(reason),
        }
    }

    /// Line of the fault, if the reading is not whole and the fault has a line.
    pub fn line(&self) -> Option<u32> {
        match self {
            Self::Parsed { .. } => None,
            Self::Partial { line, .. } | Self::Refused { line, .. } => (*line > 0).then_some(*line),
        }
    }

    /// The same ending with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Parsed { value } => Outcome::Parsed {
                value: change(value),
            },
            Self::Partial {
                value,
                reason,
                line,
            } => Outcome::Partial {
                value: change(value),
                reason,
                line,
            },
            Self::Refused { reason, line } => Outcome::Refused { reason, line },
        }
    }

    pub(crate) fn refused(reason: impl Into<String>, line: u32) -> Self {
        Self::Refused {
            reason: reason.into(),
            line,
        }
    }
}

/// Something worth telling that does not make the reading partial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Line it is about, counted from 1; 0 when the whole file is meant.
    pub line: u32,
    /// What was found and what was done about it.
    pub message: String,
}

/// More notes than this from one file are not kept: the reader of a verdict needs the first ones.
const KEPT_NOTES: usize = 100;

/// Adds a note unless enough are kept already.
pub(crate) fn push_note(notes: &mut Vec<Note>, line: u32, message: impl Into<String>) {
    if notes.len() < KEPT_NOTES {
        notes.push(Note {
            line,
            message: message.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_outcome_with_numbers_as_keys_reads_back_from_json() {
        let value = BTreeMap::from([(1_u32, 2_u64)]);
        for outcome in [
            Outcome::Parsed {
                value: value.clone(),
            },
            Outcome::Partial {
                value,
                reason: "cut".into(),
                line: 3,
            },
            Outcome::Refused {
                reason: "no".into(),
                line: 1,
            },
        ] {
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<Outcome<_>>(&text).unwrap(), outcome);
        }
    }
}
