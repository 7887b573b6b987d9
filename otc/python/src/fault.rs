//! What is wrong, as Python exceptions that carry it all.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rialto_otc_contract::finding::{Finding, Findings, MAX_FINDINGS, Severity};
use rialto_otc_contract::observe::ObserveError;
use rialto_otc_pricing::engine::PriceError;
use rialto_otc_pricing::quote::QuoteError;
use rialto_otc_pricing::solve::SolveError;
use rialto_otc_pricing::valuation::ValueError;

use crate::node::Wrong;

/// Which exception of `rialto_otc` it becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `TermSheetError`.
    Terms,
    /// `MarketError`.
    Market,
    /// `PricingError`.
    Pricing,
    /// `SolveError`.
    Solve,
    /// `ObservationError`.
    Observation,
    /// `InputError`.
    Input,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Terms => "TermSheetError",
            Self::Market => "MarketError",
            Self::Pricing => "PricingError",
            Self::Solve => "SolveError",
            Self::Observation => "ObservationError",
            Self::Input => "InputError",
        }
    }
}

/// Something wrong, before it is told to Python.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What kind of thing.
    pub kind: Kind,
    /// All that was found.
    pub findings: Findings,
}

impl Fault {
    /// Something wrong that has no place in a document.
    pub fn new(
        kind: Kind,
        code: &'static str,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        Self::at(kind, code, "", None, en, zh)
    }

    /// Something wrong with a value at a place.
    pub fn at(
        kind: Kind,
        code: &'static str,
        pointer: &str,
        value: Option<String>,
        en: impl Into<String>,
        zh: impl Into<String>,
    ) -> Self {
        let finding = Finding {
            code,
            severity: Severity::Error,
            pointer: pointer.to_owned(),
            line: 0,
            column: 0,
            value,
            en: en.into(),
            zh: zh.into(),
        };
        Self {
            kind,
            findings: Findings::from(vec![finding]),
        }
    }

    /// Findings of many rows or columns, of which the first [`MAX_FINDINGS`] are told one by one.
    pub fn several(kind: Kind, mut found: Vec<Finding>) -> Self {
        let more = found.len().saturating_sub(MAX_FINDINGS);
        if more > 0 {
            found.truncate(MAX_FINDINGS);
            let en = format!("There are {more} more findings. Mend these first.");
            let zh = format!("还有 {more} 个问题，请先处理以上各项。");
            let last = Self::new(kind, "E-DOC-MORE", en, zh);
            found.extend(last.findings);
        }
        Self::findings(kind, found.into())
    }

    /// Findings, of the market when their code says so.
    pub fn findings(kind: Kind, findings: Findings) -> Self {
        let of_market = |finding: &Finding| {
            ["E-MKT", "E-MODEL", "E-ASOF"]
                .iter()
                .any(|prefix| finding.code.starts_with(prefix))
        };
        let first = findings
            .iter()
            .find(|finding| finding.severity == Severity::Error);
        let kind = match first {
            Some(finding) if kind == Kind::Terms && of_market(finding) => Kind::Market,
            _ => kind,
        };
        Self { kind, findings }
    }

    /// A valuation that failed.
    pub fn value(error: &ValueError) -> Self {
        match error {
            ValueError::Findings(findings) => Self::findings(Kind::Terms, findings.clone()),
            ValueError::Price(error) => Self::price(error),
        }
    }

    /// An engine that refused.
    pub fn price(error: &PriceError) -> Self {
        Self::new(Kind::Pricing, error.code(), error.en(), error.zh())
    }

    /// A question without an answer.
    pub fn solve(error: &SolveError) -> Self {
        match error {
            SolveError::Value(error) => Self::value(error),
            other => Self::new(Kind::Solve, other.code(), other.to_string(), other.zh()),
        }
    }

    /// A quote without an answer.
    pub fn quote(error: &QuoteError) -> Self {
        match error {
            QuoteError::Value(error) => Self::value(error),
            QuoteError::Field(error) => Self::solve(error),
            other => Self::new(Kind::Solve, other.code(), other.to_string(), other.zh()),
        }
    }

    /// A walk that stopped.
    pub fn observe(error: ObserveError) -> Self {
        match error {
            ObserveError::Findings(findings) => Self::findings(Kind::Terms, findings),
            ObserveError::Refused { code, en, zh } => Self::new(Kind::Observation, code, en, zh),
        }
    }

    /// The first error, of which short answers tell: code, English, Chinese.
    pub fn first(&self) -> (&'static str, &str, &str) {
        let mut errors = self.findings.iter();
        match errors.find(|finding| finding.severity == Severity::Error) {
            Some(finding) => (finding.code, &finding.en, &finding.zh),
            None => (
                "E-INTERNAL",
                "refused without a finding",
                "被拒绝但未给出原因",
            ),
        }
    }

    /// The exception.
    pub fn raise(&self, py: Python<'_>) -> PyErr {
        let made = || -> PyResult<Bound<'_, PyAny>> {
            let class = py
                .import("rialto_otc._errors")?
                .getattr(self.kind.class())?;
            class.call1((list(py, &self.findings)?,))
        };
        match made() {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        }
    }
}

/// Findings as a list of dicts.
pub fn list<'py>(py: Python<'py>, findings: &Findings) -> PyResult<Bound<'py, PyList>> {
    let all = PyList::empty(py);
    for finding in findings {
        let one = PyDict::new(py);
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Notice => "notice",
        };
        one.set_item("code", finding.code)?;
        one.set_item("severity", severity)?;
        one.set_item("pointer", &finding.pointer)?;
        one.set_item("line", finding.line)?;
        one.set_item("column", finding.column)?;
        one.set_item("value", finding.value.as_deref())?;
        one.set_item("en", &finding.en)?;
        one.set_item("zh", &finding.zh)?;
        all.append(one)?;
    }
    Ok(all)
}

/// A document that could not be read, as an exception.
pub fn unread(py: Python<'_>, kind: Kind, wrong: Wrong) -> PyErr {
    match wrong {
        Wrong::Findings(findings) => Fault::findings(kind, findings).raise(py),
        Wrong::Python(error) => error,
    }
}
