//! What a reader of an answer should know: code, English and Chinese.

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// An approximation or notice beside an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable code, `N-RQMC-PATHS`.
    pub code: String,
    /// In English.
    pub en: String,
    /// The same in Simplified Chinese.
    pub zh: String,
}

impl Note {
    /// Of a code and two texts.
    pub fn new(code: &str, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            en: en.into(),
            zh: zh.into(),
        }
    }
}

impl From<&Finding> for Note {
    fn from(finding: &Finding) -> Self {
        Self::new(finding.code, &*finding.en, &*finding.zh)
    }
}
