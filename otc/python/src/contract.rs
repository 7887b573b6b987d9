//! One contract: everything that is asked of it.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use rialto_otc_contract::compile::{Initials, compile_standing_in, compile_with};
use rialto_otc_contract::document::{Node, Value};
use rialto_otc_contract::explain::{Language, explain};
use rialto_otc_contract::finding::Findings;
use rialto_otc_contract::fixings::{FixingError, Fixings, rows_of};
use rialto_otc_contract::note::Note;
use rialto_otc_contract::observe::observe;
use rialto_otc_contract::sheet::{Product, TermSheet};
use rialto_otc_market::snapshot;
use rialto_otc_pricing::cashflows::cashflows;
use rialto_otc_pricing::desk::desk;
use rialto_otc_pricing::engine::Greeking;
use rialto_otc_pricing::quote::{Asked, Charges, Side, Spreads, quote};
use rialto_otc_pricing::solve::{Question, Target, Unknown, increment_of, solve, unknowns};
use rialto_otc_pricing::valuation::{Request, initials, value};
use rialto_otc_time::{Calendars, Date};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;

use crate::fault::{Fault, Kind, list, unread};
use crate::json;
use crate::market::Snapshot;
use crate::node::node;
use crate::options::request;
use crate::state::fresh;
use crate::threads;

/// A term sheet that was read without an error.
#[pyclass(frozen, module = "rialto_otc._rialto_otc")]
pub struct Sheet {
    inner: TermSheet,
    assume: bool,
}

/// The calendars that are compiled in.
pub fn calendars() -> &'static Calendars {
    Calendars::builtin()
}

impl Sheet {
    /// Does what needs a state; where none is given and no fixing is known, and `assume` is set, with
    /// that of a contract to which nothing has happened. Told by the second part of the answer.
    fn living<T>(
        &self,
        snapshot: &snapshot::Snapshot,
        request: &Request,
        work: impl Fn(&TermSheet) -> Result<T, Fault>,
    ) -> Result<(T, Option<Note>), Fault> {
        let first = work(&self.inner);
        let Err(fault) = first else {
            return first.map(|done| (done, None));
        };
        if !self.assume || fault.first().0 != "E-STATE-FIXING" {
            return Err(fault);
        }
        match fresh(&self.inner, snapshot, request.as_of, calendars()) {
            Some((sheet, note)) => Ok((work(&sheet)?, Some(note))),
            None => Err(fault),
        }
    }

    /// A sheet that was read; `assume` as for [`Self::parts`].
    pub const fn of(inner: TermSheet, assume: bool) -> Self {
        Self { inner, assume }
    }

    /// The sheet, and whether nothing is taken to have happened where nothing is told.
    pub const fn parts(&self) -> (&TermSheet, bool) {
        (&self.inner, self.assume)
    }

    fn market(&self, market: Option<&Snapshot>) -> Initials {
        market.map_or_else(Initials::new, |market| initials(&self.inner, &market.inner))
    }
}

/// Puts a note on an answer.
fn noted(py: Python<'_>, answer: &Py<PyAny>, note: Option<Note>) -> PyResult<()> {
    let Some(note) = note else { return Ok(()) };
    let answer = answer.bind(py).cast::<PyDict>()?;
    let told = json::answer(py, &note)?;
    match answer.get_item("notes")? {
        Some(notes) => notes.call_method1("append", (told,)).map(|_| ()),
        None => answer.set_item("notes", vec![told]),
    }
}

fn input(py: Python<'_>, name: &str, seen: String, en: String, zh: &str) -> PyErr {
    let pointer = format!("/{name}");
    Fault::at(Kind::Input, "E-INPUT-OPTION", &pointer, Some(seen), en, zh).raise(py)
}

/// A text or a number, as written.
fn written(py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let seen = node(value).map_err(|wrong| unread(py, Kind::Input, wrong))?;
    match seen.scalar() {
        Some(text) => Ok(text.to_owned()),
        None => {
            let en = format!("{name} is {}, not text or a number.", seen.kind());
            Err(input(py, name, seen.shown(), en, "须为文本或数字。"))
        }
    }
}

/// A dict of numbers as what it stands for.
fn lines<T: DeserializeOwned + Default>(
    py: Python<'_>,
    name: &str,
    value: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<T>> {
    let Some(value) = value else { return Ok(None) };
    let seen = node(value).map_err(|wrong| unread(py, Kind::Input, wrong))?;
    let Value::Map(pairs) = &seen.value else {
        let en = format!("{name} are a dict of numbers, not {}.", seen.kind());
        return Err(input(py, name, seen.shown(), en, "须为名称与数值的字典。"));
    };
    let mut map = serde_json::Map::new();
    for (key, part) in pairs {
        let number = part.scalar().and_then(|text| text.parse::<f64>().ok());
        map.insert(key.name.clone(), number.into());
    }
    serde_json::from_value(map.into())
        .map(Some)
        .map_err(|error| {
            let en = format!("{name} cannot be read: {error}.");
            input(py, name, seen.shown(), en, "无法识别，请给出名称与数值。")
        })
}

/// Fixings: `{"CODE": {"DATE": value}}` or a list of `{date, code, value}`.
fn fixings_of(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Fixings> {
    let root = match value.cast::<PyString>() {
        Ok(text) => Node::from_text(&text.to_cow()?)
            .map_err(|findings| Fault::findings(Kind::Observation, findings).raise(py))?,
        Err(_) => node(value).map_err(|wrong| unread(py, Kind::Observation, wrong))?,
    };
    let wrong = |wrong: FixingError, row: usize, shown: &str| {
        let shown: String = shown.chars().take(80).collect();
        let (en, zh) = (wrong.en(), wrong.zh());
        Fault::at(
            Kind::Observation,
            wrong.code(),
            &format!("/{}", row.saturating_sub(1)),
            Some(shown.clone()),
            format!("Row {row}: {shown:?} {en}."),
            format!("第 {row} 行：{shown:?} {zh}。"),
        )
        .raise(py)
    };
    let (rows, formless) = rows_of(&root);
    if let Some((row, shown)) = formless.first() {
        return Err(wrong(FixingError::Columns, *row, shown));
    }
    let mut fixings = Fixings::default();
    for (at, row) in rows.iter().enumerate() {
        let at = at + 1;
        fixings
            .add(&row.code, &row.when, &row.value, at)
            .map_err(|e| wrong(e, at, &format!("{},{},{}", row.when, row.code, row.value)))?;
    }
    Ok(fixings)
}

/// What a solution is wanted for.
struct Wanted {
    unknown: Unknown,
    target: Option<Target>,
    increment: Option<Decimal>,
    charges: Option<Charges>,
    spreads: Option<Spreads>,
}

impl Wanted {
    fn find(
        &self,
        sheet: &TermSheet,
        market: &snapshot::Snapshot,
        request: &Request,
    ) -> Result<(serde_json::Value, &'static str), Fault> {
        let json = |value: serde_json::Result<serde_json::Value>| {
            value.map_err(|e| Fault::new(Kind::Solve, "E-INTERNAL", e.to_string(), "内部错误"))
        };
        if self.charges.is_none() && self.spreads.is_none() {
            let question = Question {
                unknown: self.unknown,
                target: self.target.unwrap_or(Target::Premium),
                increment: self.increment,
            };
            let found = solve(sheet, market, calendars(), request, &question)
                .map_err(|error| Fault::solve(&error))?;
            return Ok((json(serde_json::to_value(found))?, "solve"));
        }
        let side = match sheet.direction.house_sign() {
            1 => Side::HouseBuys,
            _ => Side::HouseSells,
        };
        let asked = Asked {
            pays: self.target.filter(|target| *target != Target::Premium),
            spreads: self.spreads.unwrap_or_default(),
            charges: self.charges.unwrap_or_default(),
            increment: self.increment,
            ..Asked::fair(self.unknown, side)
        };
        let found = quote(sheet, market, calendars(), request, &asked)
            .map_err(|error| Fault::quote(&error))?;
        Ok((json(serde_json::to_value(found))?, "quote"))
    }
}

#[pymethods]
impl Sheet {
    /// Reads a sheet: text of JSON or YAML, or a dict.
    #[new]
    #[pyo3(signature = (document, assume = false))]
    fn new(py: Python<'_>, document: &Bound<'_, PyAny>, assume: bool) -> PyResult<Self> {
        let read = match document.cast::<PyString>() {
            Ok(text) => TermSheet::from_text(&text.to_cow()?),
            Err(_) => {
                let node = node(document).map_err(|wrong| unread(py, Kind::Terms, wrong))?;
                TermSheet::from_node(node)
            }
        };
        let inner = read.map_err(|findings| Fault::findings(Kind::Terms, findings).raise(py))?;
        Ok(Self { inner, assume })
    }

    /// Canonical JSON.
    fn to_json(&self) -> String {
        self.inner.to_json()
    }

    /// The record, numbers as text.
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        json::document(py, &self.inner.to_node())
    }

    /// SHA-256 of the canonical JSON.
    #[getter]
    fn hash(&self) -> String {
        self.inner.hash()
    }

    /// Name of the trade.
    #[getter]
    fn trade_id(&self) -> &str {
        &self.inner.trade_id
    }

    /// Name of the template; `program` for a program of its own.
    #[getter]
    fn product(&self) -> &str {
        match &self.inner.product {
            Product::Template { name, .. } => name,
            Product::Program(_) => "program",
        }
    }

    /// Codes of the underlyings.
    #[getter]
    fn underlyings(&self) -> Vec<String> {
        let all = self.inner.underlyings.iter();
        all.map(|underlying| underlying.code.clone()).collect()
    }

    /// What it can be solved for.
    #[getter]
    fn unknowns(&self) -> Vec<&'static str> {
        unknowns(&self.inner)
            .into_iter()
            .map(Unknown::name)
            .collect()
    }

    /// Errors and notices of the compiled contract; nothing is raised.
    #[pyo3(signature = (market = None))]
    fn validate(&self, py: Python<'_>, market: Option<&Snapshot>) -> PyResult<Py<PyAny>> {
        let known = self.market(market);
        let found: Findings =
            py.detach(
                || match compile_standing_in(&self.inner, calendars(), &known) {
                    Ok(compiled) => compiled.notices,
                    Err(findings) => findings,
                },
            );
        Ok(list(py, &found)?.into_any().unbind())
    }

    /// The compiled contract in words.
    #[pyo3(signature = (lang, market = None))]
    fn explain(&self, py: Python<'_>, lang: &str, market: Option<&Snapshot>) -> PyResult<String> {
        let language = match lang {
            "en" => Language::En,
            "zh" => Language::Zh,
            _ => {
                let en = "Languages are en and zh.".to_owned();
                return Err(input(py, "lang", lang.to_owned(), en, "语言为 en 或 zh。"));
            }
        };
        let known = self.market(market);
        py.detach(|| compile_standing_in(&self.inner, calendars(), &known))
            .map(|compiled| explain(&compiled, language))
            .map_err(|findings| Fault::findings(Kind::Terms, findings).raise(py))
    }

    /// Dates (years in numeric contracts) on which something is looked at.
    #[pyo3(signature = (market = None))]
    fn observations(&self, py: Python<'_>, market: Option<&Snapshot>) -> PyResult<Vec<String>> {
        let known = self.market(market);
        let compiled = py
            .detach(|| compile_standing_in(&self.inner, calendars(), &known))
            .map_err(|findings| Fault::findings(Kind::Terms, findings).raise(py))?;
        let instants = compiled.plan.instants.iter();
        Ok(instants.map(|instant| instant.at.label()).collect())
    }

    /// Levels that are watched, by schedule: date, level.
    #[pyo3(signature = (market = None))]
    fn levels(&self, py: Python<'_>, market: Option<&Snapshot>) -> PyResult<Py<PyAny>> {
        let known = self.market(market);
        let compiled = py
            .detach(|| compile_with(&self.inner, calendars(), &known))
            .map_err(|findings| Fault::findings(Kind::Terms, findings).raise(py))?;
        let all = PyDict::new(py);
        for schedule in &compiled.schedules {
            let Some(levels) = schedule.columns.get("level") else {
                continue;
            };
            let rows = schedule.rows.iter().zip(levels);
            let rows: Vec<(String, f64)> = rows
                .map(|(row, level)| (row.at.label(), rialto_otc_contract::number::binary(*level)))
                .collect();
            all.set_item(&schedule.name, rows)?;
        }
        Ok(all.into_any().unbind())
    }

    /// Values it: `greeks` is none, spot or all; `ladder` are spots in price units; `desk` adds the
    /// Greeks of the desk.
    #[pyo3(signature = (market, options, greeks, ladder = None, multiplier = None))]
    fn value(
        &self,
        py: Python<'_>,
        market: &Snapshot,
        options: &Bound<'_, PyDict>,
        greeks: &str,
        ladder: Option<Vec<f64>>,
        multiplier: Option<f64>,
    ) -> PyResult<Py<PyAny>> {
        let greeking = match greeks {
            "none" => Greeking::None,
            "spot" => Greeking::Spot,
            "all" => Greeking::All,
            _ => {
                let en = "Greeks are none, spot or all.".to_owned();
                return Err(input(
                    py,
                    "greeks",
                    greeks.to_owned(),
                    en,
                    "可选 none、spot、all。",
                ));
            }
        };
        let mut request = request(py, options, greeking)?;
        let ladder = ladder.unwrap_or_default();
        let sound = ladder.iter().all(|spot| spot.is_finite() && *spot > 0.0);
        if !sound || ladder.windows(2).any(|pair| pair[0] >= pair[1]) || ladder.len() > 10_000 {
            let en = "Spots of a ladder are above 0, increase, and are at most 10000.".to_owned();
            let zh = "阶梯价格须大于 0、递增且不超过 10000 个。";
            return Err(input(py, "spot", format!("{} spots", ladder.len()), en, zh));
        }
        request.ladder = ladder;
        let market = &market.inner;
        let done = py.detach(|| {
            threads::run(None, || {
                self.living(market, &request, |sheet| {
                let valuation = value(sheet, market, calendars(), &request)
                    .map_err(|error| Fault::value(&error))?;
                if valuation.ladder.len() != request.ladder.len() {
                    let engine = valuation.engine;
                    return Err(Fault::new(
                        Kind::Pricing,
                        "E-LADDER-ENGINE",
                        format!(
                            "{engine} gives no ladder for this contract. Name another engine, or \
                             price at each spot."
                        ),
                        format!(
                            "引擎 {engine} 不提供该合约的情景阶梯，请改用其他引擎或逐点定价。"
                        ),
                    ));
                }
                let desk = desk(sheet, market, &valuation.greeks, multiplier);
                Ok((valuation, desk))
            })
            })
        });
        let ((valuation, desk), note) = done.map_err(|fault| fault.raise(py))?;
        let answer = json::answer(py, &valuation)?;
        noted(py, &answer, note)?;
        if greeking == Greeking::All {
            answer.bind(py).set_item("desk", json::answer(py, &desk)?)?;
        }
        Ok(answer)
    }

    /// Cash flows determined and expected.
    fn cashflows(
        &self,
        py: Python<'_>,
        market: &Snapshot,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Py<PyAny>> {
        let request = request(py, options, Greeking::None)?;
        let market = &market.inner;
        let done = py.detach(|| {
            threads::run(None, || {
                self.living(market, &request, |sheet| {
                    cashflows(sheet, market, calendars(), &request)
                        .map_err(|error| Fault::value(&error))
                })
            })
        });
        let (flows, note) = done.map_err(|fault| fault.raise(py))?;
        let answer = json::answer(py, &flows)?;
        noted(py, &answer, note)?;
        Ok(answer)
    }

    /// One unknown so that the value meets a target; with charges or spreads it is a quote. Gives the
    /// answer, the sheet with the answer in it, and `solve` or `quote`.
    #[pyo3(signature = (unknown, market, options, target = None, increment = None, charges = None, spreads = None))]
    #[expect(clippy::too_many_arguments, reason = "one for each keyword of Python")]
    fn solve(
        &self,
        py: Python<'_>,
        unknown: &str,
        market: &Snapshot,
        options: &Bound<'_, PyDict>,
        target: Option<&Bound<'_, PyAny>>,
        increment: Option<&Bound<'_, PyAny>>,
        charges: Option<&Bound<'_, PyAny>>,
        spreads: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Py<PyAny>, Self, &'static str)> {
        let request = request(py, options, Greeking::All)?;
        let refuse = |name: &str, seen: &str, rule: &str| {
            let en = format!("{seen:?} is no {name}: {rule}.");
            input(py, name, seen.to_owned(), en, "无法识别。")
        };
        let target = match target {
            None => None,
            Some(value) => {
                let text = written(py, "target", value)?;
                Some(Target::told(&text).map_err(|rule| refuse("target", &text, rule))?)
            }
        };
        let increment = match increment {
            None => None,
            Some(value) => {
                let text = written(py, "increment", value)?;
                Some(increment_of(&text).map_err(|rule| refuse("increment", &text, rule))?)
            }
        };
        let wanted = Wanted {
            unknown: Unknown::told(unknown).map_err(|rule| refuse("unknown", unknown, &rule))?,
            target,
            increment,
            charges: lines(py, "charges", charges)?,
            spreads: lines(py, "spreads", spreads)?,
        };
        let market = &market.inner;
        let done = py.detach(|| {
            threads::run(None, || {
                self.living(market, &request, |sheet| {
                    wanted.find(sheet, market, &request)
                })
            })
        });
        let ((found, how), note) = done.map_err(|fault| fault.raise(py))?;
        let inner = TermSheet::from_value(&found["terms"])
            .map_err(|findings| Fault::findings(Kind::Terms, findings).raise(py))?;
        let answer = json::python(py, &found)?;
        noted(py, &answer, note)?;
        let assume = self.assume;
        Ok((answer, Self { inner, assume }, how))
    }

    /// Walks it from its start on fixings.
    #[pyo3(signature = (fixings, until = None))]
    fn observe(
        &self,
        py: Python<'_>,
        fixings: &Bound<'_, PyAny>,
        until: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let fixings = fixings_of(py, fixings)?;
        let until = match until {
            None => None,
            Some(value) => {
                let text = written(py, "until", value)?;
                Some(text.parse::<Date>().map_err(|error| {
                    let en = format!("until is no date: {error}.");
                    input(py, "until", text.clone(), en, "until 须为日期。")
                })?)
            }
        };
        let walked = py
            .detach(|| observe(&self.inner, &fixings, until, calendars()))
            .map_err(|error| Fault::observe(error).raise(py))?;
        json::answer(py, &walked)
    }
}
