//! Tables of answers: Arrow inside, handed over without a copy.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_schema::{DataType, Field, FieldRef, SchemaRef};
use numpy::PyArray1;
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList, PyTuple};
use pyo3_arrow::ffi::{
    ArrayIterator, to_array_pycapsules, to_schema_pycapsule, to_stream_pycapsule,
};

/// A table in memory: `pyarrow.table(t)`, `polars.DataFrame(t)` and every reader of the Arrow
/// PyCapsule interface take it as it is.
#[pyclass(frozen, module = "rialto_otc._rialto_otc")]
pub struct Table {
    batch: RecordBatch,
}

impl Table {
    /// A table of columns of equal length.
    pub fn of(batch: RecordBatch) -> Self {
        Self { batch }
    }

    fn find(&self, name: &str) -> PyResult<&Arc<dyn Array>> {
        self.batch.column_by_name(name).ok_or_else(|| {
            let names = self.columns().join(", ");
            PyKeyError::new_err(format!("there is no column {name:?}; there are {names}"))
        })
    }

    fn schema(&self) -> SchemaRef {
        self.batch.schema()
    }

    /// The table as one array of structs.
    fn whole(&self) -> (FieldRef, StructArray) {
        let fields = self.schema().fields().clone();
        let field = Arc::new(Field::new_struct("", fields, false));
        (field, StructArray::from(self.batch.clone()))
    }
}

/// Cells as Python values.
fn cells<'py>(py: Python<'py>, array: &dyn Array) -> PyResult<Bound<'py, PyList>> {
    let all = PyList::empty(py);
    let null = |at: usize| array.is_null(at);
    for at in 0..array.len() {
        if null(at) {
            all.append(py.None())?;
            continue;
        }
        match array.data_type() {
            DataType::Utf8 => all.append(array.as_string::<i32>().value(at))?,
            DataType::Float64 => all.append(array.as_primitive::<Float64Type>().value(at))?,
            DataType::Int64 => all.append(array.as_primitive::<Int64Type>().value(at))?,
            DataType::Boolean => all.append(array.as_boolean().value(at))?,
            DataType::List(_) => all.append(cells(py, &array.as_list::<i32>().value(at))?)?,
            other => {
                let text = format!("a column of {other} is not told cell by cell");
                return Err(PyTypeError::new_err(text));
            }
        }
    }
    Ok(all)
}

#[pymethods]
impl Table {
    /// Names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        let schema = self.schema();
        schema.fields().iter().map(|f| f.name().clone()).collect()
    }

    /// Number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }

    fn __repr__(&self) -> String {
        let names = self.columns().join(", ");
        format!("Table({} rows: {names})", self.batch.num_rows())
    }

    /// One column as a list; None where there is no value.
    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        cells(py, self.find(name)?)
    }

    /// One column of numbers as a numpy array; NaN where there is no value.
    fn to_numpy<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let column = self.find(name)?;
        let Some(numbers) = column.as_primitive_opt::<Float64Type>() else {
            let kind = column.data_type();
            let text = format!("column {name:?} holds {kind}, not numbers; take table[{name:?}]");
            return Err(PyTypeError::new_err(text));
        };
        // Without this a missing numpy would be a panic of its bindings.
        py.import("numpy")?;
        if numbers.null_count() == 0 {
            return Ok(PyArray1::from_slice(py, numbers.values()).into_any());
        }
        let filled = numbers.iter().map(|cell| cell.unwrap_or(f64::NAN));
        Ok(PyArray1::from_iter(py, filled).into_any())
    }

    /// All columns as lists.
    fn to_pydict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        for name in self.columns() {
            all.set_item(&name, cells(py, self.find(&name)?)?)?;
        }
        Ok(all)
    }

    /// All rows as dicts.
    fn to_pylist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let columns = self.to_pydict(py)?;
        let rows = PyList::empty(py);
        for at in 0..self.batch.num_rows() {
            let row = PyDict::new(py);
            for (name, column) in &columns {
                row.set_item(name, column.get_item(at)?)?;
            }
            rows.append(row)?;
        }
        Ok(rows)
    }

    /// A pandas.DataFrame.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let pandas = py.import("pandas")?;
        let columns = PyDict::new(py);
        for name in self.columns() {
            let column = self.find(&name)?;
            if column.data_type() == &DataType::Float64 {
                columns.set_item(&name, self.to_numpy(py, &name)?)?;
            } else {
                columns.set_item(&name, cells(py, column)?)?;
            }
        }
        pandas.call_method1("DataFrame", (columns,))
    }

    /// A polars.DataFrame, without a copy.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let polars = slf.py().import("polars")?;
        polars.call_method1("DataFrame", (slf,))
    }

    /// A pyarrow.Table, without a copy.
    fn to_pyarrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let pyarrow = slf.py().import("pyarrow")?;
        pyarrow.call_method1("table", (slf,))
    }

    /// The stream of the Arrow PyCapsule interface.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let (field, array) = self.whole();
        let array: Arc<dyn Array> = Arc::new(array);
        let one = ArrayIterator::new(std::iter::once(Ok(array)), field);
        Ok(to_stream_pycapsule(py, Box::new(one), requested_schema)?)
    }

    /// The schema of the Arrow PyCapsule interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(to_schema_pycapsule(py, self.schema().as_ref())?)
    }

    /// The array of the Arrow PyCapsule interface.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (field, array) = self.whole();
        Ok(to_array_pycapsules(py, field, &array, requested_schema)?)
    }
}
