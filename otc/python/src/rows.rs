//! Rows of Arrow tables as term sheets.
//!
//! A column is a field of the sheet, by its path with dots (`terms.strike`, `dates.end`), or a struct
//! or list with the fields inside; an empty cell is a field that is not written. Or the table has one
//! column `sheet` of whole sheets as JSON or YAML text.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_cast::cast;
use arrow_schema::DataType;
use rialto_otc_contract::document::{Key, Node, Value};
use rialto_otc_contract::finding::Findings;

use crate::fault::{Fault, Kind};
use crate::node::{float, refuse};

/// Name of the column that holds whole sheets.
const SHEET: &str = "sheet";

/// A column, made ready cell by cell.
enum Cells {
    Nothing,
    Truths(ArrayRef),
    Floats(ArrayRef),
    /// Numbers as text.
    Numbers(ArrayRef),
    Texts(ArrayRef),
    Lists(ArrayRef, Box<Cells>),
    Maps(ArrayRef, Vec<(String, Cells)>),
}

fn unreadable(name: &str, kind: &DataType, detail: &str) -> Fault {
    let pointer = format!("/{name}");
    let en = format!(
        "Column {name:?} of type {kind} cannot be read{detail}. Give text, numbers, true or false, \
         dates, lists or structs."
    );
    let zh =
        format!("列 {name:?}（类型 {kind}）无法读取，请使用文本、数字、布尔值、日期、列表或结构。");
    Fault::at(Kind::Input, "E-INPUT-COLUMN", &pointer, None, en, zh)
}

fn ready(name: &str, array: &ArrayRef) -> Result<Cells, Fault> {
    let to = |kind: &DataType| {
        cast(array, kind)
            .map_err(|error| unreadable(name, array.data_type(), &format!(": {error}")))
    };
    Ok(match array.data_type() {
        DataType::Null => Cells::Nothing,
        DataType::Boolean => Cells::Truths(Arc::clone(array)),
        DataType::Float64 => Cells::Floats(Arc::clone(array)),
        kind if kind.is_integer() || kind.is_floating() => Cells::Numbers(to(&DataType::Utf8)?),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Cells::Numbers(to(&DataType::Utf8)?),
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..) => Cells::Texts(to(&DataType::Utf8)?),
        DataType::Dictionary(_, values) => ready(name, &to(values)?)?,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            let field = match array.data_type() {
                DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => f,
                other => return Err(unreadable(name, other, "")),
            };
            let lists = to(&DataType::List(Arc::clone(field)))?;
            let inner = ready(name, lists.as_list::<i32>().values())?;
            Cells::Lists(lists, Box::new(inner))
        }
        DataType::Struct(_) => {
            let parts = fields(array.as_struct())?;
            Cells::Maps(Arc::clone(array), parts)
        }
        other => return Err(unreadable(name, other, "")),
    })
}

/// The columns; all that cannot be read are told.
fn fields(parts: &StructArray) -> Result<Vec<(String, Cells)>, Fault> {
    let names = parts.fields().iter().map(|field| field.name());
    let (mut columns, mut wrong) = (Vec::new(), Vec::new());
    for (name, column) in names.zip(parts.columns()) {
        match ready(name, column) {
            Ok(cells) => columns.push((name.clone(), cells)),
            Err(fault) => wrong.extend(fault.findings),
        }
    }
    if wrong.is_empty() {
        Ok(columns)
    } else {
        Err(Fault::several(Kind::Input, wrong))
    }
}

impl Cells {
    fn at(&self, row: usize) -> Option<Node> {
        let text = |array: &ArrayRef| {
            let texts = array.as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        match self {
            Self::Nothing => None,
            Self::Truths(array) => {
                let truths = array.as_boolean();
                let value = truths.is_valid(row).then(|| truths.value(row))?;
                Some(Value::Bool(value).into())
            }
            Self::Floats(array) => {
                let floats = array.as_primitive::<Float64Type>();
                let value = floats.is_valid(row).then(|| floats.value(row))?;
                Some(float(value).into())
            }
            Self::Numbers(array) => {
                let text = text(array)?;
                let finite = text.parse::<f64>().is_ok_and(f64::is_finite);
                let value = if finite {
                    Value::Number(text)
                } else {
                    Value::Text(text)
                };
                Some(value.into())
            }
            Self::Texts(array) => {
                let text = text(array)?;
                // A moment at midnight is a date: tables of pandas know no others.
                let date = text.strip_suffix("T00:00:00").unwrap_or(&text);
                Some(Node::text(date))
            }
            Self::Lists(array, inner) => {
                let lists = array.as_list::<i32>();
                if lists.is_null(row) {
                    return None;
                }
                let place = |at: i32| usize::try_from(at).unwrap_or(0);
                let ends = lists.value_offsets();
                let items = place(ends[row])..place(ends[row + 1]);
                let items = items.map(|at| inner.at(at).unwrap_or_else(|| Value::Null.into()));
                Some(Node::list(items))
            }
            Self::Maps(array, parts) => {
                if array.is_null(row) {
                    return None;
                }
                let parts = parts.iter();
                let pairs: Vec<_> = parts
                    .filter_map(|(name, cells)| Some((Key::new(name.as_str()), cells.at(row)?)))
                    .collect();
                // What has no fields at all is not written: a struct column has one cell per row.
                (!pairs.is_empty()).then(|| Value::Map(pairs).into())
            }
        }
    }
}

/// Puts a value at a path of names; wrong when something else stands there.
fn put(pairs: &mut Vec<(Key, Node)>, path: &[&str], value: Node) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    let at = match pairs.iter().position(|(key, _)| key.name == *first) {
        Some(at) if !rest.is_empty() => at,
        Some(_) => return false,
        None if rest.is_empty() => {
            pairs.push((Key::new(*first), value));
            return true;
        }
        None => {
            pairs.push((Key::new(*first), Value::Map(Vec::new()).into()));
            pairs.len() - 1
        }
    };
    match &mut pairs[at].1.value {
        Value::Map(inner) => put(inner, rest, value),
        _ => false,
    }
}

/// The document of each row; a row that has none tells why.
pub fn documents(batch: &RecordBatch) -> Result<Vec<Result<Node, Findings>>, Fault> {
    let parts = StructArray::from(batch.clone());
    let columns = fields(&parts)?;
    let sheets = columns.iter().find(|(name, _)| name == SHEET);
    if let Some((_, cells)) = sheets {
        if columns.len() > 1 || !matches!(cells, Cells::Texts(_) | Cells::Nothing) {
            let en = "A column \"sheet\" holds whole sheets as text and stands alone. Remove the \
                      other columns, or give the fields in columns of their own.";
            let zh = "sheet 列存放整份条款文本，须单独使用；请删去其他列，或逐字段给出。";
            let at = "/sheet";
            return Err(Fault::at(Kind::Input, "E-INPUT-COLUMN", at, None, en, zh));
        }
        let text = |row: usize| match cells.at(row) {
            Some(node) => Node::from_text(node.scalar().unwrap_or_default()),
            None => {
                let en = "This row holds no sheet.".to_owned();
                Err(refuse("E-DOC-EMPTY", "", en, "该行没有条款。"))
            }
        };
        return Ok((0..batch.num_rows()).map(text).collect());
    }
    let row = |row: usize| {
        let (mut pairs, mut twice) = (Vec::new(), Vec::new());
        for (name, cells) in &columns {
            let Some(value) = cells.at(row) else { continue };
            let path: Vec<&str> = name.split('.').collect();
            if !put(&mut pairs, &path, value) {
                let pointer = format!("/{}", path.join("/"));
                let en = format!("Column {name:?} gives a field that another column gives too.");
                let zh = "该字段由多列给出。";
                twice.extend(refuse("E-DOC-DUPLICATE", &pointer, en, zh));
            }
        }
        if twice.is_empty() {
            Ok(Value::Map(pairs).into())
        } else {
            Err(Findings::from(twice))
        }
    };
    Ok((0..batch.num_rows()).map(row).collect())
}
