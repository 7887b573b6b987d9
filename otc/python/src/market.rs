//! Markets.

use pyo3::prelude::*;
use pyo3::types::PyString;
use rialto_otc_contract::document::Node;
use rialto_otc_contract::finding::{Finding, Findings, Severity};
use rialto_otc_market::snapshot;

use crate::contract::calendars;
use crate::fault::{Fault, Kind, list, unread};
use crate::json;
use crate::node::node;

/// An immutable market at one moment.
#[pyclass(frozen, module = "rialto_otc._rialto_otc")]
pub struct Snapshot {
    /// What Rust prices in.
    pub inner: snapshot::Snapshot,
    notices: Vec<Finding>,
}

#[pymethods]
impl Snapshot {
    /// Reads a document: text of JSON or YAML, or a dict.
    #[new]
    fn new(py: Python<'_>, document: &Bound<'_, PyAny>) -> PyResult<Self> {
        let node = match document.cast::<PyString>() {
            Ok(text) => Node::from_text(&text.to_cow()?)
                .map_err(|findings| Fault::findings(Kind::Market, findings).raise(py))?,
            Err(_) => node(document).map_err(|wrong| unread(py, Kind::Market, wrong))?,
        };
        let (inner, notices) = snapshot::Snapshot::from_node(&node)
            .map_err(|findings| Fault::findings(Kind::Market, findings).raise(py))?;
        let notices = notices.into_iter().collect();
        Ok(Self { inner, notices })
    }

    /// SHA-256 of the canonical text.
    #[getter]
    fn id(&self) -> &str {
        self.inner.id()
    }

    /// Canonical JSON.
    fn to_json(&self) -> &str {
        self.inner.canonical()
    }

    /// The document, numbers as text.
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match Node::from_text(self.inner.canonical()) {
            Ok(node) => json::document(py, &node),
            Err(findings) => Err(Fault::findings(Kind::Market, findings).raise(py)),
        }
    }

    /// Moment of the quotes, as it is told.
    #[getter]
    fn as_of(&self) -> String {
        self.inner.as_of().to_string()
    }

    /// Codes of the underlyings.
    #[getter]
    fn codes(&self) -> Vec<String> {
        self.inner.codes().map(str::to_owned).collect()
    }

    /// Spot of an underlying, price units.
    fn spot(&self, code: &str) -> Option<f64> {
        use rust_decimal::prelude::ToPrimitive as _;
        self.inner.underlying(code)?.spot.to_f64()
    }

    /// What a reader should know, and where surfaces admit arbitrage.
    fn notices(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let mut notices = self.notices.clone();
        let breaches = self.inner.arbitrage(calendars()).into_iter();
        notices.extend(breaches.map(|breach| Finding {
            severity: Severity::Notice,
            ..breach
        }));
        let notices = Findings::from(notices);
        Ok(list(py, &notices)?.into_any().unbind())
    }
}
