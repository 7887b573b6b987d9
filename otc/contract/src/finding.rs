//! What is wrong with a contract: code, place, value, rule and cure, in English and Chinese.

use std::cell::RefCell;
use std::fmt;

/// Whether a finding stops the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The contract cannot be used as it is.
    Error,
    /// Something a reader should know; the contract stands.
    Notice,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Stable code, `E-TERM-KI-LEVEL`.
    pub code: &'static str,
    /// Whether it stops the contract.
    pub severity: Severity,
    /// JSON pointer (RFC 6901) of the field; empty for the whole document.
    pub pointer: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column in characters, from 1; 0 when unknown.
    pub column: u32,
    /// The value seen, as written.
    pub value: Option<String>,
    /// What is wrong, the rule, the cure.
    pub en: String,
    /// The same in Simplified Chinese.
    pub zh: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        write!(f, "{}  {pointer}", self.code)?;
        match (self.line, self.column) {
            (0, _) => {}
            (line, 0) => write!(f, " (line {line})")?,
            (line, column) => write!(f, " (line {line}, column {column})")?,
        }
        write!(f, ": {} {}", self.en, self.zh)
    }
}

/// Findings in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Whether nothing was found at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them stops the contract.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// The findings one by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// Adds one.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }
}

impl Extend<Finding> for Findings {
    fn extend<I: IntoIterator<Item = Finding>>(&mut self, more: I) {
        self.0.extend(more);
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(findings: Vec<Finding>) -> Self {
        Self(findings)
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, finding) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}

/// A place in a document: what a finding points at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// JSON pointer.
    pub pointer: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column, from 1; 0 when unknown.
    pub column: u32,
    /// The value there, as written.
    pub value: Option<String>,
}

/// Most findings of one document that are told one by one.
pub const MAX_FINDINGS: usize = 500;

/// Collects findings while a document is read, so that all are told at once. Shared by reference:
/// every field read from a document reports to the same sink.
#[derive(Debug, Default)]
pub struct Sink(RefCell<Findings>);

impl Sink {
    /// An error at a place.
    pub fn error(
        &self,
        code: &'static str,
        at: &Place,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) {
        self.push(code, Severity::Error, at, en.into(), zh.into());
    }

    /// A notice at a place.
    pub fn notice(
        &self,
        code: &'static str,
        at: &Place,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) {
        self.push(code, Severity::Notice, at, en.into(), zh.into());
    }

    fn push(&self, code: &'static str, severity: Severity, at: &Place, en: String, zh: String) {
        let Place {
            pointer,
            line,
            column,
            value,
        } = at.clone();
        let finding = Finding {
            code,
            severity,
            pointer,
            line,
            column,
            value,
            en,
            zh,
        };
        let mut findings = self.0.borrow_mut();
        if findings.0.len() > MAX_FINDINGS || findings.0.contains(&finding) {
            return;
        }
        if findings.0.len() == MAX_FINDINGS {
            let en = "There are more findings. Mend these first.".to_owned();
            findings.push(Finding {
                code: "E-DOC-MORE",
                severity: Severity::Error,
                pointer: String::new(),
                line: 0,
                column: 0,
                value: None,
                en,
                zh: "还有更多问题，请先处理以上各项。".to_owned(),
            });
            return;
        }
        findings.push(finding);
    }

    /// Whether an error was told so far.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.borrow().has_errors()
    }

    /// What was told.
    #[must_use]
    pub fn into_findings(self) -> Findings {
        self.0.into_inner()
    }
}
