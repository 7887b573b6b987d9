//! What is wrong with a document, where, by which rule and what cures it, in both languages.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

/// One sentence in English and in Chinese.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bilingual {
    /// English.
    pub en: Cow<'static, str>,
    /// Simplified Chinese.
    pub zh: Cow<'static, str>,
}

impl Bilingual {
    /// Both sentences.
    pub fn new(en: impl Into<Cow<'static, str>>, zh: impl Into<Cow<'static, str>>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Notice,
    /// Somebody must decide; the document can be used meanwhile.
    Decision,
    /// The document is refused.
    Error,
}

/// A finding about one place of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name, as `E-SCHED-FREQ`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// JSON pointer (RFC 6901) of the place.
    pub pointer: String,
    /// The value seen.
    pub value: String,
    /// The rule it breaks.
    pub rule: Bilingual,
    /// What to do.
    pub cure: Bilingual,
}

impl Finding {
    /// A finding of the given severity.
    pub fn new(
        severity: Severity,
        code: &'static str,
        pointer: impl Into<String>,
        value: impl fmt::Display,
        rule: Bilingual,
        cure: Bilingual,
    ) -> Self {
        Self {
            code,
            severity,
            pointer: pointer.into(),
            value: value.to_string(),
            rule,
            cure,
        }
    }

    /// An error.
    pub fn error(
        code: &'static str,
        pointer: impl Into<String>,
        value: impl fmt::Display,
        rule: Bilingual,
        cure: Bilingual,
    ) -> Self {
        Self::new(Severity::Error, code, pointer, value, rule, cure)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        if !self.value.is_empty() {
            write!(f, " ({})", self.value)?;
        }
        write!(f, ": {}; {}", self.rule.en, self.cure.en)
    }
}

/// Everything found in one document, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Whether one of them is an error.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.0
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// The same with their places taken as relative to a pointer.
    #[must_use]
    pub fn under(mut self, pointer: &str) -> Self {
        for finding in &mut self.0 {
            finding.pointer.insert_str(0, pointer);
        }
        self
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}
