//! Python values as documents.
//!
//! Numbers become the text that Python would print for them (the shortest that reads back), so that a
//! term sheet is the same record whether it came as a dict, as JSON or as a table.

use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyDate, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple,
};
use rialto_otc_contract::document::{Key, MAX_DEPTH, MAX_NODES, Node, Value, twice};
use rialto_otc_contract::finding::{Finding, Findings, Severity};

/// A float as a number of a document; infinities and NaN stay words, which no reader takes.
pub fn float(value: f64) -> Value {
    if value.is_finite() {
        Value::Number(value.to_string())
    } else {
        Value::Text(value.to_string())
    }
}

/// One finding at a pointer.
pub fn refuse(code: &'static str, pointer: &str, en: String, zh: &str) -> Findings {
    Findings::from(vec![Finding {
        code,
        severity: Severity::Error,
        pointer: pointer.to_owned(),
        line: 0,
        column: 0,
        value: None,
        en,
        zh: zh.to_owned(),
    }])
}

/// What goes wrong on the way: in the document, or in Python itself.
pub enum Wrong {
    /// The document.
    Findings(Findings),
    /// An exception of a Python object that was asked.
    Python(PyErr),
}

impl From<PyErr> for Wrong {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// The document that a Python value is.
pub fn node(value: &Bound<'_, PyAny>) -> Result<Node, Wrong> {
    Walk { count: 0 }.node(value, "", 0)
}

struct Walk {
    count: usize,
}

impl Walk {
    fn node(&mut self, value: &Bound<'_, PyAny>, at: &str, depth: usize) -> Result<Node, Wrong> {
        self.count += 1;
        if depth > MAX_DEPTH || self.count > MAX_NODES {
            let en = format!(
                "Values are nested more than {MAX_DEPTH} deep or are more than {MAX_NODES}."
            );
            let found = refuse("E-DOC-SIZE", at, en, "嵌套过深或值过多。");
            return Err(Wrong::Findings(found));
        }
        if let Some(plain) = plain(value)? {
            return Ok(plain.into());
        }
        if let Ok(map) = value.cast::<PyDict>() {
            return self.map(map.items().as_any(), at, depth);
        }
        if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            return self.list(value, at, depth);
        }
        if let Ok(map) = value.cast::<PyMapping>() {
            return self.map(map.items()?.as_any(), at, depth);
        }
        if let Some(inner) = unwrapped(value) {
            return self.node(&inner, at, depth + 1);
        }
        let kind = value.get_type().name()?;
        let en = format!(
            "A value of type {kind} has no place in a document. Give text, a number, True or False, \
             None, a date, a list or a dict."
        );
        let zh = "该类型不能写入文档，请使用文本、数字、布尔值、None、日期、列表或字典。";
        Err(Wrong::Findings(refuse("E-DOC-TYPE", at, en, zh)))
    }

    fn map(&mut self, items: &Bound<'_, PyAny>, at: &str, depth: usize) -> Result<Node, Wrong> {
        let mut pairs: Vec<(Key, Node)> = Vec::new();
        for item in items.try_iter()? {
            let (key, inner): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
            let name = match plain(&key)? {
                Some(Value::Text(text) | Value::Number(text)) => text,
                _ => {
                    let en = "A name must be text here.".to_owned();
                    let found = refuse("E-DOC-KEY", at, en, "键必须是文本。");
                    return Err(Wrong::Findings(found));
                }
            };
            let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            if pairs.iter().any(|(known, _)| known.name == name) {
                let (en, zh) = twice(&pointer);
                let found = refuse("E-DOC-DUPLICATE", &pointer, en, &zh);
                return Err(Wrong::Findings(found));
            }
            let node = self.node(&inner, &pointer, depth + 1)?;
            pairs.push((Key::new(name), node));
        }
        Ok(Value::Map(pairs).into())
    }

    fn list(&mut self, value: &Bound<'_, PyAny>, at: &str, depth: usize) -> Result<Node, Wrong> {
        let mut items = Vec::new();
        for (n, item) in value.try_iter()?.enumerate() {
            items.push(self.node(&item?, &format!("{at}/{n}"), depth + 1)?);
        }
        Ok(Node::list(items))
    }
}

/// A scalar or an array of numpy, pandas or polars as a value of Python.
fn unwrapped<'py>(value: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let dimensions = value.getattr("ndim").and_then(|n| n.extract::<usize>());
    let names: &[&str] = match dimensions {
        Ok(0) => &["item"],
        _ => &["tolist", "to_list"],
    };
    let mut made = names
        .iter()
        .filter_map(|name| value.call_method0(*name).ok());
    made.find(|inner| !inner.get_type().is(value.get_type()))
}

/// A value without parts; `None` when it has some.
fn plain(value: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    if value.is_none() {
        return Ok(Some(Value::Null));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Some(Value::Text(text.to_cow()?.into_owned())));
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(Some(Value::Bool(truth.is_true())));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Some(Value::Number(value.str()?.to_cow()?.into_owned())));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Some(float(number.value())));
    }
    if value.is_instance_of::<PyDate>() {
        // A moment at midnight is a date: so tables hold dates.
        let text = value.call_method0("isoformat")?.str()?;
        let text = text.to_cow()?.into_owned();
        let date = text.strip_suffix("T00:00:00").unwrap_or(&text).to_owned();
        return Ok(Some(Value::Text(date)));
    }
    if value.is_instance_of::<PyBytes>() {
        return Ok(None);
    }
    let kind = value.get_type();
    if kind.name()?.to_cow()? == "Decimal" && kind.module()?.to_cow()? == "decimal" {
        return Ok(Some(Value::Number(value.str()?.to_cow()?.into_owned())));
    }
    Ok(None)
}
