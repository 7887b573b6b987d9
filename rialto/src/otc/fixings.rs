//! Fixings for `observe` and `replay`: CSV, JSON lists, JSON by code and date.

use std::collections::HashMap;

use rialto_otc_contract::plan::Moment;
use rialto_otc_time::Date;
use rust_decimal::Decimal;

use super::fault::{Fault, Origin};
use super::input::Text;

/// Fixings by code and moment.
#[derive(Debug, Default)]
pub(super) struct Fixings {
    dated: HashMap<(String, Date), (Decimal, usize)>,
    numeric: Vec<(String, f64, Decimal)>,
}

impl Fixings {
    /// The fixing of a code at a moment of a contract.
    pub(super) fn at(&self, code: &str, at: &Moment) -> Option<Decimal> {
        match at.date {
            Some(date) => self
                .dated
                .get(&(code.to_owned(), date))
                .map(|(value, _)| *value),
            None => {
                let same = |years: f64| (years - at.rate).abs() <= rialto_otc_time::TIME_TOLERANCE;
                let mut numeric = self.numeric.iter();
                let found = numeric.find(|(of, years, _)| of == code && same(*years))?;
                Some(found.2)
            }
        }
    }

    /// The fixing of a code on a date.
    pub(super) fn on(&self, code: &str, date: Date) -> Option<Decimal> {
        let key = (code.to_owned(), date);
        self.dated.get(&key).map(|(value, _)| *value)
    }

    /// The last date and the last years of any of these codes.
    pub(super) fn last(&self, codes: &[&str]) -> (Option<Date>, f64) {
        let dated = self
            .dated
            .keys()
            .filter(|(code, _)| codes.contains(&code.as_str()));
        let numeric = self
            .numeric
            .iter()
            .filter(|(code, ..)| codes.contains(&code.as_str()));
        let years = numeric.map(|(_, years, _)| *years);
        (
            dated.map(|(_, date)| *date).max(),
            years.fold(f64::NEG_INFINITY, f64::max),
        )
    }

    /// Adds one.
    fn add(&mut self, code: &str, when: &str, value: Decimal, row: usize) -> Result<(), Wrong> {
        if let Ok(date) = when.parse::<Date>() {
            let before = self.dated.insert((code.to_owned(), date), (value, row));
            return match before {
                Some((_, row)) => Err(Wrong::Twice(row)),
                None => Ok(()),
            };
        }
        let years = when.parse::<f64>().ok().filter(|years| years.is_finite());
        let years = years.ok_or(Wrong::Date)?;
        if self
            .numeric
            .iter()
            .any(|(of, at, _)| of == code && *at == years)
        {
            return Err(Wrong::Twice(0));
        }
        self.numeric.push((code.to_owned(), years, value));
        Ok(())
    }
}

/// What is wrong with a fixing.
enum Wrong {
    Date,
    Value,
    Columns,
    /// Given before, in this row.
    Twice(usize),
}

impl Wrong {
    fn fault(&self, file: &str, row: usize, text: &str) -> Fault {
        let (code, en, zh) = match self {
            Self::Date => (
                "E-FIXING-DATE",
                "has no date like 2026-05-18 (or years)".into(),
                "日期须形如 2026-05-18（或年数）".into(),
            ),
            Self::Value => (
                "E-FIXING-VALUE",
                "has no value above zero".into(),
                "定盘价须为大于零的数".into(),
            ),
            Self::Columns => (
                "E-FIXING-FORM",
                "is not date,code,value".into(),
                "须为 date,code,value 三列".into(),
            ),
            Self::Twice(0) => (
                "E-FIXING-TWICE",
                "gives a fixing again".into(),
                "定盘价重复".into(),
            ),
            Self::Twice(other) => (
                "E-FIXING-TWICE",
                format!("gives the fixing of row {other} again"),
                format!("与第 {other} 行重复"),
            ),
        };
        let shown: String = text.chars().take(80).collect();
        Fault::input(
            code,
            format!("{file}:{row}: {shown:?} {en}."),
            format!("{file}:{row}：{shown:?} {zh}。"),
        )
    }
}

/// Reads fixings; the first one that is wrong ends it, named by its row.
pub(super) fn fixings(text: &Text) -> Result<Fixings, Fault> {
    let mut fixings = Fixings::default();
    let Text { file, text } = text;
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = if body.trim_start().starts_with(['[', '{']) {
        json_rows(file, body)?
    } else {
        csv_rows(file, body)?
    };
    for Row {
        row,
        when,
        code,
        value,
    } in rows
    {
        let shown = format!("{when},{code},{value}");
        let price =
            rialto_otc_contract::value::decimal(&value).filter(|price| *price > Decimal::ZERO);
        let added = match price {
            Some(price) => fixings.add(&code, &when, price, row),
            None => Err(Wrong::Value),
        };
        added.map_err(|wrong| wrong.fault(file, row, &shown))?;
    }
    Ok(fixings)
}

/// A fixing as written.
struct Row {
    /// Line of a CSV file, place in a JSON list; from 1.
    row: usize,
    when: String,
    code: String,
    value: String,
}

fn csv_rows(file: &str, text: &str) -> Result<Vec<Row>, Fault> {
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let cells = |line: &str| -> Vec<String> {
        line.split(',')
            .map(|cell| cell.trim().trim_matches('"').to_owned())
            .collect()
    };
    let (row, head) = lines.next().unwrap_or((0, ""));
    let head = cells(head);
    let column = |name: &str| head.iter().position(|cell| cell == name);
    let (Some(date), Some(code), Some(value)) = (column("date"), column("code"), column("value"))
    else {
        return Err(Wrong::Columns.fault(file, row + 1, &head.join(",")));
    };
    lines
        .map(|(row, line)| {
            let cells = cells(line);
            if cells.len() != head.len() {
                return Err(Wrong::Columns.fault(file, row + 1, line));
            }
            let cell = |at: usize| cells[at].clone();
            Ok(Row {
                row: row + 1,
                when: cell(date),
                code: cell(code),
                value: cell(value),
            })
        })
        .collect()
}

fn json_rows(file: &str, text: &str) -> Result<Vec<Row>, Fault> {
    use rialto_otc_contract::document::{Node, Value};
    let origin = Origin {
        file,
        node: None,
        at: (1, 1),
        market: None,
    };
    let root = Node::from_text(text).map_err(|findings| origin.fault(&findings))?;
    let text = |node: Option<&Node>| node.and_then(Node::scalar).map(str::to_owned);
    let mut rows = Vec::new();
    match &root.value {
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                let cells = (
                    text(item.get("date")),
                    text(item.get("code")),
                    text(item.get("value")),
                );
                let (Some(when), Some(code), Some(value)) = cells else {
                    return Err(Wrong::Columns.fault(file, item.line as usize, &item.shown()));
                };
                rows.push(Row {
                    row: n + 1,
                    when,
                    code,
                    value,
                });
            }
        }
        Value::Map(codes) => {
            for (code, dates) in codes {
                let Value::Map(dates) = &dates.value else {
                    return Err(Wrong::Columns.fault(file, dates.line as usize, &dates.shown()));
                };
                for (date, value) in dates {
                    rows.push(Row {
                        row: date.line as usize,
                        when: date.name.clone(),
                        code: code.name.clone(),
                        value: text(Some(value)).unwrap_or_default(),
                    });
                }
            }
        }
        _ => return Err(Wrong::Columns.fault(file, 1, &root.shown())),
    }
    Ok(rows)
}
