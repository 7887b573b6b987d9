//! Answers as Python values.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use rialto_otc_contract::document::{Node, Value as Part};
use serde_json::Value;

/// A JSON value as a Python one.
pub fn python(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Null => py.None(),
        Value::Bool(truth) => truth.into_pyobject(py)?.to_owned().into_any().unbind(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole.into_pyobject(py)?.into_any().unbind(),
            (None, Some(whole)) => whole.into_pyobject(py)?.into_any().unbind(),
            _ => {
                let float = number.as_f64().unwrap_or(f64::NAN);
                float.into_pyobject(py)?.into_any().unbind()
            }
        },
        Value::String(text) => text.into_pyobject(py)?.into_any().unbind(),
        Value::Array(items) => {
            let items: PyResult<Vec<_>> = items.iter().map(|item| python(py, item)).collect();
            PyList::new(py, items?)?.into_any().unbind()
        }
        Value::Object(map) => {
            let dict = PyDict::new(py);
            for (name, item) in map {
                dict.set_item(name, python(py, item)?)?;
            }
            dict.into_any().unbind()
        }
    })
}

/// A document as a Python value; numbers stay the text they were written in.
pub fn document(py: Python<'_>, node: &Node) -> PyResult<Py<PyAny>> {
    Ok(match &node.value {
        Part::Null => py.None(),
        Part::Bool(truth) => truth.into_pyobject(py)?.to_owned().into_any().unbind(),
        Part::Number(text) | Part::Text(text) => text.into_pyobject(py)?.into_any().unbind(),
        Part::List(items) => {
            let items: PyResult<Vec<_>> = items.iter().map(|item| document(py, item)).collect();
            PyList::new(py, items?)?.into_any().unbind()
        }
        Part::Map(pairs) => {
            let dict = PyDict::new(py);
            for (key, item) in pairs {
                dict.set_item(&key.name, document(py, item)?)?;
            }
            dict.into_any().unbind()
        }
    })
}

/// Anything that serialises, as a Python value.
pub fn answer(py: Python<'_>, value: &impl serde::Serialize) -> PyResult<Py<PyAny>> {
    let value = serde_json::to_value(value)
        .map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))?;
    python(py, &value)
}
