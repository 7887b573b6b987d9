//! Many European options: columns in, columns out.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat;
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};
use pyo3_arrow::input::AnyArray;
use rialto_otc_contract::finding::{Finding, Severity};
use rialto_otc_pricing::closed::many::{Column, Europeans, Values, Wrong};

use crate::fault::{Fault, Kind};
use crate::table::Table;
use crate::threads;

/// A column as it was given; numpy and Arrow memory is read where it lies.
enum Held<'py> {
    One(f64),
    List(Vec<f64>),
    Numpy(PyReadonlyArray1<'py, f64>),
    Arrow(Float64Array),
}

impl Held<'_> {
    fn column(&self, name: &str) -> Result<Column<'_>, Fault> {
        Ok(match self {
            Self::One(value) => Column::One(*value),
            Self::List(values) => Column::Each(values),
            Self::Arrow(array) => Column::Each(array.values()),
            Self::Numpy(array) => {
                let values = array.as_slice();
                Column::Each(values.map_err(|error| wrong(name, None, &error.to_string()))?)
            }
        })
    }
}

fn wrong(name: &str, seen: Option<String>, detail: &str) -> Fault {
    let pointer = format!("/{name}");
    let en = format!(
        "{name} is no column of numbers: {detail}. Give a number, a numpy array, an Arrow array or a \
         list of numbers, without gaps."
    );
    let zh = format!("{name} 不是数值列，请给出数字、numpy 数组、Arrow 数组或数字列表，且无空值。");
    Fault::at(Kind::Input, "E-INPUT-COLUMN", &pointer, seen, en, zh)
}

fn arrow(name: &str, given: AnyArray) -> Result<Float64Array, Fault> {
    let told = |error: &dyn std::fmt::Display| wrong(name, None, &error.to_string());
    let chunks = given.into_chunked_array().map_err(|error| {
        let error: PyErr = error.into();
        told(&error)
    })?;
    let (chunks, field) = chunks.into_inner();
    let whole: ArrayRef = match chunks.as_slice() {
        [] => arrow_array::new_empty_array(field.data_type()),
        [one] => Arc::clone(one),
        many => {
            let many: Vec<&dyn Array> = many.iter().map(AsRef::as_ref).collect();
            concat(&many).map_err(|error| told(&error))?
        }
    };
    let kind = whole.data_type();
    if !kind.is_numeric() && kind != &DataType::Null {
        return Err(wrong(name, None, &format!("it holds {kind}")));
    }
    let floats = cast(&whole, &DataType::Float64).map_err(|error| told(&error))?;
    let floats = floats.as_primitive::<Float64Type>();
    let empty: Vec<usize> = (0..floats.len())
        .filter(|row| floats.is_null(*row))
        .collect();
    if empty.is_empty() {
        Ok(floats.clone())
    } else {
        Err(in_rows(name, empty.into_iter().map(|row| (row, None))))
    }
}

/// Rows of a column that hold no number, each with what it holds.
fn in_rows(name: &str, rows: impl Iterator<Item = (usize, Option<String>)>) -> Fault {
    let told = rows.map(|(row, value)| {
        let (shown, shown_zh) = match &value {
            Some(value) => (format!("{value}, no number"), format!("{value}，不是数字")),
            None => ("empty".to_owned(), "空值".to_owned()),
        };
        Finding {
            code: "E-INPUT-COLUMN",
            severity: Severity::Error,
            pointer: format!("/{name}/{row}"),
            line: 0,
            column: 0,
            value,
            en: format!("{name} of row {row} is {shown}. Give a number in every row."),
            zh: format!("第 {row} 行 {name} 为{shown_zh}，每行须给出数字。"),
        }
    });
    Fault::several(Kind::Input, told.collect())
}

/// A list of numbers; every item that is none is told.
fn listed(name: &str, value: &Bound<'_, PyAny>) -> Result<Vec<f64>, Fault> {
    let whole = value.extract::<Vec<f64>>();
    whole.map_err(|error| {
        let items = value.try_iter().into_iter().flatten().enumerate();
        let strange = items.filter_map(|(row, item)| {
            let item = item.ok().filter(|item| item.extract::<f64>().is_err())?;
            let shown = item.repr().map(|text| text.to_string()).ok();
            Some((row, shown.filter(|_| !item.is_none())))
        });
        let strange: Vec<_> = strange.collect();
        if strange.is_empty() {
            wrong(name, None, &error.to_string())
        } else {
            in_rows(name, strange.into_iter())
        }
    })
}

fn numpy<'py>(name: &str, array: &Bound<'py, PyAny>) -> Result<Held<'py>, Fault> {
    let py = array.py();
    let told = |error: &dyn std::fmt::Display| wrong(name, None, &error.to_string());
    let kind: String = array
        .getattr("dtype")
        .and_then(|dtype| dtype.getattr("kind")?.extract())
        .map_err(|error| told(&error))?;
    if !["f", "i", "u"].contains(&kind.as_str()) {
        return Err(wrong(name, None, "its dtype is not numeric"));
    }
    let dimensions = array.getattr("ndim").and_then(|n| n.extract::<usize>());
    match dimensions.map_err(|error| told(&error))? {
        0 => {
            let value = array.call_method0("item").and_then(|item| item.extract());
            return Ok(Held::One(value.map_err(|error| told(&error))?));
        }
        1 => {}
        many => return Err(wrong(name, None, &format!("it has {many} dimensions"))),
    }
    let even = py
        .import("numpy")
        .and_then(|numpy| numpy.call_method1("ascontiguousarray", (array, "float64")))
        .map_err(|error| told(&error))?;
    let even = even
        .cast_into::<PyArray1<f64>>()
        .map_err(|error| told(&PyErr::from(error)))?;
    let held = even.try_readonly().map_err(|error| told(&error))?;
    Ok(Held::Numpy(held))
}

fn held<'py>(name: &str, value: &Bound<'py, PyAny>) -> Result<Held<'py>, Fault> {
    let seen = || value.repr().map(|text| text.to_string()).ok();
    if let Ok(text) = value.cast::<PyString>() {
        return match (name, text.to_string().as_str()) {
            ("w", "call") => Ok(Held::One(1.0)),
            ("w", "put") => Ok(Held::One(-1.0)),
            _ => Err(wrong(name, seen(), "it is text")),
        };
    }
    if value.is_instance_of::<PyBool>() || value.is_none() {
        return Err(wrong(name, seen(), "it is no number"));
    }
    if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() {
        let number = value.extract::<f64>();
        return number
            .map(Held::One)
            .map_err(|error| wrong(name, seen(), &error.to_string()));
    }
    let module = value.get_type().module();
    let module = module.map(|text| text.to_string()).unwrap_or_default();
    if module.split('.').next() == Some("numpy") {
        return numpy(name, value);
    }
    if module.split('.').next() == Some("pandas") {
        let array = value.call_method0("to_numpy");
        let array = array.map_err(|error| wrong(name, None, &error.to_string()))?;
        return numpy(name, &array);
    }
    if ["__arrow_c_array__", "__arrow_c_stream__"]
        .iter()
        .any(|protocol| value.hasattr(*protocol).unwrap_or(false))
    {
        let given = value.extract::<AnyArray>();
        let given = given.map_err(|error| wrong(name, None, &error.to_string()))?;
        return arrow(name, given).map(Held::Arrow);
    }
    listed(name, value).map(Held::List)
}

/// Rows that are wrong, each with its column and row.
fn refused(found: &[Wrong], columns: &[(&str, Option<usize>)]) -> Fault {
    if found.is_empty() {
        let lengths: Vec<String> = columns
            .iter()
            .filter_map(|(name, rows)| Some(format!("{name} {}", (*rows)?)))
            .collect();
        let lengths = lengths.join(", ");
        let en = format!("Columns have different lengths: {lengths}. Make them equal.");
        let zh = format!("各列长度不同：{lengths}。");
        return Fault::new(Kind::Input, "E-INPUT-LENGTH", en, zh);
    }
    let told = found.iter().map(|wrong| Finding {
        code: "E-INPUT-RANGE",
        severity: Severity::Error,
        pointer: format!("/{}/{}", wrong.column, wrong.row),
        line: 0,
        column: 0,
        value: Some(wrong.value.to_string()),
        en: format!(
            "{} of row {} is {}: {}.",
            wrong.column, wrong.row, wrong.value, wrong.rule
        ),
        zh: format!(
            "第 {} 行 {} 为 {}：{}。",
            wrong.row, wrong.column, wrong.value, wrong.rule_zh
        ),
    });
    Fault::several(Kind::Input, told.collect())
}

fn told(values: Values) -> Result<RecordBatch, Fault> {
    let columns = [
        ("value", values.value),
        ("delta", values.delta),
        ("gamma", values.gamma),
        ("vega", values.vega),
        ("rho", values.rho),
        ("rho_q", values.rho_q),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, _)| Field::new(*name, DataType::Float64, false))
        .collect();
    let arrays = columns
        .into_iter()
        .map(|(_, values)| Arc::new(Float64Array::from(values)) as ArrayRef);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays.collect()).map_err(|error| {
        let en = format!("The table cannot be built: {error}.");
        Fault::new(Kind::Input, "E-INPUT-TABLE", en, "无法建立表格。")
    })
}

/// Black-Scholes values and Greeks of one unit each, for numbers and columns of numbers.
#[pyfunction]
#[pyo3(signature = (spot, strike, t, r, q, vol, w, threads = None))]
#[expect(clippy::too_many_arguments, reason = "one for each column of Python")]
pub fn black_scholes(
    py: Python<'_>,
    spot: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    t: &Bound<'_, PyAny>,
    r: &Bound<'_, PyAny>,
    q: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    w: &Bound<'_, PyAny>,
    threads: Option<usize>,
) -> PyResult<Table> {
    const NAMES: [&str; 7] = ["spot", "strike", "t", "r", "q", "vol", "w"];
    let given = [spot, strike, t, r, q, vol, w];
    let (mut all, mut strange) = (Vec::with_capacity(NAMES.len()), Vec::new());
    for (name, value) in NAMES.iter().zip(given) {
        match held(name, value) {
            Ok(column) => all.push(column),
            Err(fault) => strange.extend(fault.findings),
        }
    }
    if !strange.is_empty() {
        return Err(Fault::several(Kind::Input, strange).raise(py));
    }
    let mut columns = [Column::One(0.0); 7];
    for ((column, held), name) in columns.iter_mut().zip(&all).zip(NAMES) {
        *column = held.column(name).map_err(|fault| fault.raise(py))?;
    }
    let [spot, strike, t, r, q, vol, w] = columns;
    let options = Europeans {
        spot,
        strike,
        t,
        r,
        q,
        vol,
        w,
    };
    let done = py.detach(|| {
        threads::run(threads, || {
            let values = options.values().map_err(|found| {
                let lengths = NAMES.iter().zip(&columns).map(|(n, c)| (*n, c.rows()));
                refused(&found, &lengths.collect::<Vec<_>>())
            })?;
            told(values)
        })
    });
    done.map(Table::of).map_err(|fault| fault.raise(py))
}
