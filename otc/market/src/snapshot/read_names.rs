//! Reading what ties names together: correlations, and fixings by date.

use std::collections::BTreeMap;

use rialto_otc_contract::document::Value;
use rialto_otc_contract::reader::Field;
use rialto_otc_contract::value;
use rialto_otc_time::{AsOf, Date};
use rust_decimal::Decimal;

use super::quotes::CorrelationQuotes;
use super::read::{filled, float, is_future, items};
use crate::correlation::Correlation;

/// Correlations: one number for all pairs, a matrix in the order of the underlyings as written, a
/// list of `[name, name, value]`, or an object of `names` and `matrix`, or `pairs`, with `repair`.
pub fn correlation(field: &Field<'_>, names: &[&str]) -> Option<CorrelationQuotes> {
    let (pairs, repair) = match &field.node().value {
        Value::List(_) => (list(field, names)?, false),
        Value::Map(_) => {
            let mut fields = field.fields()?;
            let order = fields.optional("names");
            let (matrix, pairs) = (fields.optional("matrix"), fields.optional("pairs"));
            let repair = fields.optional("repair").map(|field| field.boolean());
            fields.finish();
            let order: Option<Vec<&str>> = match &order {
                None => Some(names.to_vec()),
                Some(field) => {
                    let all: Vec<Option<&str>> = filled(field)?.iter().map(Field::label).collect();
                    all.into_iter().collect()
                }
            };
            let forms = [("matrix", matrix), ("pairs", pairs)];
            let read = match super::read::one_form(field, forms)? {
                ("matrix", field) => matrix_pairs(&field, &order?)?,
                (_, field) => named_pairs(&field)?,
            };
            (read, repair.unwrap_or(Some(false))?)
        }
        _ => {
            let rho = coefficient(field)?;
            let mut all = Vec::new();
            for (n, a) in names.iter().enumerate() {
                all.extend(names[n + 1..].iter().map(|b| (pair(a, b), rho)));
            }
            (all, false)
        }
    };
    let mut quotes = CorrelationQuotes {
        pairs: BTreeMap::new(),
        repair,
    };
    for ((a, b), rho) in pairs {
        for name in [&a, &b] {
            if !names.contains(&name.as_str()) {
                unknown(field, name, names);
            }
        }
        if let Some(earlier) = quotes.pairs.insert((a.clone(), b.clone()), rho)
            && earlier != rho
        {
            field.error(
                "E-MKT-CORRELATION-TWICE",
                format!("{a} and {b} are given {earlier} and {rho}. Keep one."),
                format!("{a} 与 {b} 的相关系数给出了 {earlier} 和 {rho}，请只保留一个。"),
            );
        }
    }
    check(field, &quotes, names);
    Some(quotes)
}

fn unknown(field: &Field<'_>, name: &str, names: &[&str]) {
    let list = names.join(", ");
    field.error(
        "E-MKT-NAME",
        format!("{name:?} is no underlying or exchange rate of this market. There are: {list}."),
        format!("{name:?} 不是本市场数据中的标的或汇率。现有：{list}。"),
    );
}

fn pair(a: &str, b: &str) -> (String, String) {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    (a.to_owned(), b.to_owned())
}

fn coefficient(field: &Field<'_>) -> Option<Decimal> {
    let rho = field.ratio()?;
    if rho.abs() <= Decimal::ONE {
        return Some(rho);
    }
    field.error(
        "E-MKT-CORRELATION",
        "A correlation lies between -1 and 1.",
        "相关系数须在 -1 与 1 之间。",
    );
    None
}

type Pairs = Vec<((String, String), Decimal)>;

/// A list of named pairs, or the rows of a matrix.
fn list(field: &Field<'_>, names: &[&str]) -> Option<Pairs> {
    let rows = filled(field)?;
    let first = rows[0].list()?;
    let named = first
        .first()
        .and_then(|cell| cell.node().scalar())
        .is_some_and(|text| value::decimal(text).is_none() && value::percentage(text).is_none());
    if named {
        named_pairs(field)
    } else {
        matrix_pairs(field, names)
    }
}

fn named_pairs(field: &Field<'_>) -> Option<Pairs> {
    let rows = filled(field)?;
    let all: Vec<Option<((String, String), Decimal)>> = rows
        .iter()
        .map(|row| {
            let [a, b, rho] = items(row, "[name, name, correlation]")?;
            let (a, b, rho) = (a.label(), b.label(), coefficient(&rho));
            let (a, b, rho) = (a?, b?, rho?);
            if a == b {
                row.error(
                    "E-MKT-CORRELATION",
                    format!("{a:?} is paired with itself. Name two."),
                    format!("{a:?} 与自身配对，请给出两个不同的名称。"),
                );
                return None;
            }
            Some((pair(a, b), rho))
        })
        .collect();
    all.into_iter().collect()
}

fn matrix_pairs(field: &Field<'_>, names: &[&str]) -> Option<Pairs> {
    let rows = filled(field)?;
    let n = names.len();
    let cells: Vec<Option<Vec<Field<'_>>>> = rows.iter().map(Field::list).collect();
    let cells: Vec<Vec<Field<'_>>> = cells.into_iter().collect::<Option<_>>()?;
    if cells.len() != n || cells.iter().any(|row| row.len() != n) {
        field.error(
            "E-MKT-SHAPE",
            format!(
                "The matrix must have {n} rows and columns, one for each of: {}.",
                names.join(", ")
            ),
            format!("矩阵须为 {n} 行 {n} 列，依次对应：{}。", names.join("、")),
        );
        return None;
    }
    let values: Vec<Option<Vec<Decimal>>> = cells
        .iter()
        .map(|row| {
            let row: Vec<Option<Decimal>> = row.iter().map(coefficient).collect();
            row.into_iter().collect()
        })
        .collect();
    let values: Vec<Vec<Decimal>> = values.into_iter().collect::<Option<_>>()?;
    let mut pairs = Vec::new();
    for i in 0..n {
        if values[i][i] != Decimal::ONE {
            cells[i][i].error(
                "E-MKT-CORRELATION-DIAGONAL",
                "A name's correlation with itself is 1.",
                "对角线元素须为 1。",
            );
        }
        for j in i + 1..n {
            if values[i][j] != values[j][i] {
                cells[j][i].error(
                    "E-MKT-CORRELATION-SYMMETRY",
                    format!(
                        "This is {} while its mirror is {}. Make them equal.",
                        values[j][i], values[i][j]
                    ),
                    format!(
                        "此处为 {}，而对称位置为 {}，二者须相等。",
                        values[j][i], values[i][j]
                    ),
                );
            }
            pairs.push((pair(names[i], names[j]), values[i][j]));
        }
    }
    Some(pairs)
}

/// A complete matrix must be positive semidefinite, unless it is to be repaired.
fn check(field: &Field<'_>, quotes: &CorrelationQuotes, names: &[&str]) {
    let n = names.len();
    let mut values = Vec::with_capacity(n * n);
    for a in names {
        for b in names {
            let Some(rho) = quotes.of(a, b) else { return };
            values.push(float(rho));
        }
    }
    let Ok(matrix) = Correlation::new(n, values) else {
        return;
    };
    let least = matrix.least_eigenvalue();
    if quotes.repair || least >= -Correlation::ROUNDING {
        return;
    }
    field.error(
        "E-MKT-CORRELATION-PSD",
        format!(
            "These correlations cannot hold together: the matrix has the eigenvalue {least:.6}, \
             below 0. Correct them, or write \"repair\": true for the nearest matrix that can."
        ),
        format!(
            "这些相关系数不能同时成立：矩阵有负特征值 {least:.6}。请更正，或写 \"repair\": true 以取最近的半正定矩阵。"
        ),
    );
}

/// Fixings by date.
pub fn fixings(field: &Field<'_>, as_of: Option<&AsOf>) -> Option<BTreeMap<Date, Decimal>> {
    let all: Vec<Option<(Date, Decimal)>> = field
        .entries()?
        .iter()
        .map(|(name, field)| {
            let price = field.positive();
            let Ok(date) = name.parse::<Date>() else {
                field.error(
                    "E-FIELD-DATE",
                    format!("{name:?} is not a date. Name each fixing by its date, yyyy-mm-dd."),
                    format!("{name:?} 不是日期，请以 yyyy-mm-dd 为键。"),
                );
                return None;
            };
            if as_of.is_some_and(|as_of| is_future(date, as_of)) {
                field.error(
                    "E-MKT-FIXING-FUTURE",
                    format!(
                        "The fixing of {date} is after the as-of. Remove it or move the as-of."
                    ),
                    format!("{date} 的收盘价晚于估值时点，请删除或调整估值时点。"),
                );
            }
            Some((date, price?))
        })
        .collect();
    all.into_iter().collect()
}
