//! Fixings by code and moment, for walks of contracts on them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rialto_otc_time::{Calendars, Date, Exchange};
use rust_decimal::Decimal;

use crate::document::{Node, Value};
use crate::note::Note;
use crate::plan::Moment;

/// Fixings by code and moment.
#[derive(Debug, Clone, Default)]
pub struct Fixings {
    dated: HashMap<(String, Date), (Decimal, usize)>,
    numeric: Vec<(String, f64, Decimal)>,
}

impl Fixings {
    /// The fixing of a code at a moment of a contract.
    #[must_use]
    pub fn at(&self, code: &str, at: &Moment) -> Option<Decimal> {
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
    #[must_use]
    pub fn on(&self, code: &str, date: Date) -> Option<Decimal> {
        let key = (code.to_owned(), date);
        self.dated.get(&key).map(|(value, _)| *value)
    }

    /// The dated fixings of a code, by date.
    #[must_use]
    pub fn dated(&self, code: &str) -> BTreeMap<Date, Decimal> {
        let all = self.dated.iter();
        all.filter(|((of, _), _)| of == code)
            .map(|((_, date), (value, _))| (*date, *value))
            .collect()
    }

    /// Those of these codes that are dated on days without a session.
    #[must_use]
    pub fn off_session(&self, codes: &[&str], calendars: &Calendars) -> OffSession {
        let of = codes.iter().map(|code| {
            let own = self.dated.keys().filter(|(of, _)| of == code);
            OffSession::of(code, own.map(|(_, date)| *date), calendars)
        });
        of.reduce(OffSession::and).unwrap_or_default()
    }

    /// The last date with a session and the last years of any of these codes.
    #[must_use]
    pub fn last(&self, codes: &[&str], off: &OffSession) -> (Option<Date>, f64) {
        let dated = self
            .dated
            .keys()
            .filter(|(code, date)| codes.contains(&code.as_str()) && !off.has(code, *date));
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

    /// Adds one: `when` is a date or years.
    ///
    /// # Errors
    /// [`FixingError`].
    pub fn add(
        &mut self,
        code: &str,
        when: &str,
        value: &str,
        row: usize,
    ) -> Result<(), FixingError> {
        let price = crate::value::decimal(value).filter(|price| *price > Decimal::ZERO);
        let value = price.ok_or(FixingError::Value)?;
        if let Ok(date) = when.parse::<Date>() {
            let before = self.dated.insert((code.to_owned(), date), (value, row));
            return match before {
                Some((_, row)) => Err(FixingError::Twice(row)),
                None => Ok(()),
            };
        }
        let years = when.parse::<f64>().ok().filter(|years| years.is_finite());
        let years = years.ok_or(FixingError::Date)?;
        if self
            .numeric
            .iter()
            .any(|(of, at, _)| of == code && *at == years)
        {
            return Err(FixingError::Twice(0));
        }
        self.numeric.push((code.to_owned(), years, value));
        Ok(())
    }
}

/// Fixings dated on days without a session of their exchange: nothing is fixed on such a day. Codes
/// without an exchange, and days that no calendar covers, are not judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffSession(BTreeSet<(Date, String)>);

impl OffSession {
    /// Most of them named in a note.
    const NAMED: usize = 3;

    /// Those among the fixings of a code.
    #[must_use]
    pub fn of(code: &str, dates: impl Iterator<Item = Date>, calendars: &Calendars) -> Self {
        let exchange = code
            .split_once(':')
            .and_then(|(mic, _)| mic.parse::<Exchange>().ok());
        let Some(calendar) = exchange.map(|exchange| calendars.get(exchange)) else {
            return Self::default();
        };
        let off = dates.filter(|date| calendar.is_session(*date) == Ok(false));
        Self(off.map(|date| (date, code.to_owned())).collect())
    }

    /// Whether one of a code and date is among them.
    #[must_use]
    pub fn has(&self, code: &str, date: Date) -> bool {
        !self.0.is_empty() && self.0.contains(&(date, code.to_owned()))
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// `N-FIXING-SESSION`: they are passed over; `None` when there are none.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        let named = self.0.iter().take(Self::NAMED);
        let named: Vec<String> = named.map(|(date, code)| format!("{code} {date}")).collect();
        if named.is_empty() {
            return None;
        }
        let named = named.join(", ");
        let (more, more_zh) = match self.0.len().saturating_sub(Self::NAMED) {
            0 => (String::new(), String::new()),
            more => (format!(" and {more} more"), format!(" 等，另有 {more} 个")),
        };
        Some(Note::new(
            "N-FIXING-SESSION",
            format!("fixings on days without a session are passed over: {named}{more}"),
            format!("非交易日的定盘价未被采用：{named}{more_zh}"),
        ))
    }
}

/// What is wrong with a fixing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixingError {
    /// No date and no years.
    Date,
    /// No price above zero.
    Value,
    /// Not three of date, code and value.
    Columns,
    /// Given before, in this row (0: unknown).
    Twice(usize),
}

impl FixingError {
    /// `E-FIXING-…`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Date => "E-FIXING-DATE",
            Self::Value => "E-FIXING-VALUE",
            Self::Columns => "E-FIXING-FORM",
            Self::Twice(_) => "E-FIXING-TWICE",
        }
    }

    /// The end of a sentence that begins with the fixing, in English.
    #[must_use]
    pub fn en(self) -> String {
        match self {
            Self::Date => "has no date like 2026-05-18 (or years)".into(),
            Self::Value => "has no value above zero".into(),
            Self::Columns => "is not date,code,value".into(),
            Self::Twice(0) => "gives a fixing again".into(),
            Self::Twice(other) => format!("gives the fixing of row {other} again"),
        }
    }

    /// The same in Simplified Chinese.
    #[must_use]
    pub fn zh(self) -> String {
        match self {
            Self::Date => "日期须形如 2026-05-18（或年数）".into(),
            Self::Value => "定盘价须为大于零的数".into(),
            Self::Columns => "须为 date,code,value 三列".into(),
            Self::Twice(0) => "定盘价重复".into(),
            Self::Twice(other) => format!("与第 {other} 行重复"),
        }
    }
}

/// A fixing as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Line of its file, from 1; its place where there is no file.
    pub row: usize,
    /// Date or years.
    pub when: String,
    /// Whose.
    pub code: String,
    /// Price.
    pub value: String,
}

/// Rows of a list of objects `{date, code, value}`, or of `{"CODE": {"DATE": VALUE}}`; beside them
/// line and text of everything that has not this form.
#[must_use]
pub fn rows_of(root: &Node) -> (Vec<Row>, Vec<(usize, String)>) {
    let text = |node: Option<&Node>| node.and_then(Node::scalar).map(str::to_owned);
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    match &root.value {
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                // What was made in memory stands on no line: its place tells.
                let row = match item.line {
                    0 => n + 1,
                    line => line as usize,
                };
                let cells = ["date", "code", "value"].map(|name| text(item.get(name)));
                match cells {
                    [Some(when), Some(code), Some(value)] => rows.push(Row {
                        row,
                        when,
                        code,
                        value,
                    }),
                    _ => wrong.push((row, item.shown())),
                }
            }
        }
        Value::Map(codes) => {
            for (code, dates) in codes {
                let Value::Map(dates) = &dates.value else {
                    wrong.push((dates.line as usize, dates.shown()));
                    continue;
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
        _ => wrong.push((1, root.shown())),
    }
    (rows, wrong)
}
