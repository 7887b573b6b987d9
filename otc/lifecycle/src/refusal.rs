//! What the book refuses and what it finds broken.

use std::fmt;

use rialto_otc_contract::Findings;
use rialto_otc_contract::finding::{Finding, Severity};
use serde::Serialize;

/// Why an event is not recorded: nothing was changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refusal {
    /// Stable code, `E-BOOK-VERSION`.
    pub code: &'static str,
    /// JSON pointer of the field.
    pub pointer: Box<str>,
    /// The value seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Box<str>>,
    /// What is wrong, the rule, the cure.
    pub en: Box<str>,
    /// The same in Simplified Chinese.
    pub zh: Box<str>,
    /// The trade's version now (`E-BOOK-VERSION`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u64>,
    /// What can be done instead (`E-BOOK-STATE`).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub allowed: Box<[&'static str]>,
    /// All that is wrong with the term sheet (`E-BOOK-SHEET`), or with the payload when it is more
    /// than one thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Box<Findings>>,
}

impl Refusal {
    /// A refusal at a field.
    #[must_use]
    pub fn new(
        code: &'static str,
        pointer: &str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self {
            code,
            pointer: pointer.into(),
            value: None,
            en: en.into().into(),
            zh: zh.into().into(),
            current_version: None,
            allowed: Box::default(),
            findings: None,
        }
    }

    /// With the value seen.
    #[must_use]
    pub fn value(mut self, value: impl fmt::Display) -> Self {
        self.value = Some(value.to_string().into());
        self
    }

    /// A term sheet that does not compile; its findings are pointed at from the event.
    #[must_use]
    pub fn sheet(findings: Findings) -> Self {
        let mut findings: Vec<Finding> = findings.into_iter().collect();
        for finding in &mut findings {
            finding.pointer.insert_str(0, "/payload/sheet");
        }
        let en = "The term sheet is not sound; see the findings.";
        let mut refusal = Self::new(
            "E-BOOK-SHEET",
            "/payload/sheet",
            en,
            "条款清单有误，见明细。",
        );
        refusal.findings = Some(Box::new(findings.into()));
        refusal
    }

    /// With further faults: the first speaks, all stand in the findings.
    #[must_use]
    pub fn and(mut self, more: &[Self]) -> Self {
        if !more.is_empty() {
            let all = std::iter::once(&self).chain(more).map(Self::finding);
            let all: Vec<Finding> = all.collect();
            self.findings = Some(Box::new(all.into()));
        }
        self
    }

    fn finding(&self) -> Finding {
        Finding {
            code: self.code,
            severity: Severity::Error,
            pointer: self.pointer.to_string(),
            line: 0,
            column: 0,
            value: self.value.as_deref().map(str::to_owned),
            en: self.en.to_string(),
            zh: self.zh.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}  {}: {} {}",
            self.code, self.pointer, self.en, self.zh
        )?;
        if let Some(findings) = &self.findings {
            write!(f, "\n{findings}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// The ledger contradicts itself: integrity alarm. Nothing of the event was taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize)]
#[error("E-BOOK-INTEGRITY  trade {trade_id}, event {seq}: {fault}")]
pub struct Alarm {
    /// Trade.
    pub trade_id: String,
    /// Number of the event in its chain.
    pub seq: u64,
    /// What is broken.
    pub fault: Fault,
}

/// What is broken.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize)]
pub enum Fault {
    /// An event is missing or told twice.
    #[error("event {expected} is expected here")]
    Sequence {
        /// The number that should come.
        expected: u64,
    },
    /// It does not name the hash of the event before.
    #[error("it does not follow the event before: the chain is broken")]
    Chain,
    /// Its hash is not that of its content.
    #[error("its content is not what was recorded: the hash differs")]
    Content,
    /// A derived event differs from what its inputs give.
    #[error("replay gives {expected}, the ledger says {found}")]
    Derived {
        /// What replay gives.
        expected: String,
        /// What is recorded.
        found: String,
    },
    /// The fold cannot take it.
    #[error("{0}")]
    Fold(Box<Refusal>),
}
