//! Tables of contracts in, tables of prices out: one crossing.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use pyo3_arrow::input::AnyRecordBatch;
use rayon::prelude::*;
use rialto_otc_contract::document::Node;
use rialto_otc_contract::finding::{Finding, Findings};
use rialto_otc_contract::note::Note;
use rialto_otc_contract::sheet::TermSheet;
use rialto_otc_market::snapshot;
use rialto_otc_pricing::desk::desk;
use rialto_otc_pricing::valuation::{Request, Valuation, value};

use crate::contract::{Sheet, calendars};
use crate::fault::{Fault, Kind};
use crate::market::Snapshot;
use crate::measures::{Measure, Valued, greeking};
use crate::node::{Wrong, node};
use crate::options::request;
use crate::rows::documents;
use crate::scenario::{Ready, Scenario};
use crate::state::ASSUMED;
use crate::table::Table;
use crate::threads;

/// A contract of a batch.
enum Entry {
    /// Read before.
    Sheet(Box<TermSheet>, bool),
    /// To be read.
    Document(Result<Node, Findings>),
    /// To be read from text.
    Text(String),
}

/// What became of one contract, or of one scenario of it.
struct Row {
    trade_id: Option<String>,
    scenario: Option<Scenario>,
    result: Result<Valued, Fault>,
}

fn internal(error: &ArrowError) -> Fault {
    let en = format!("The table cannot be built: {error}.");
    Fault::new(Kind::Input, "E-INPUT-TABLE", en, "无法建立表格。")
}

/// Contracts of a list.
fn list(py: Python<'_>, trades: &Bound<'_, PyAny>) -> PyResult<Vec<Entry>> {
    let mut entries = Vec::new();
    for trade in trades.try_iter()? {
        let trade = trade?;
        let trade = match trade.getattr_opt("_sheet")? {
            Some(sheet) => sheet,
            None => trade,
        };
        entries.push(if let Ok(sheet) = trade.cast::<Sheet>() {
            let (inner, assume) = sheet.get().parts();
            Entry::Sheet(Box::new(inner.clone()), assume)
        } else if let Ok(text) = trade.cast::<PyString>() {
            Entry::Text(text.to_cow()?.into_owned())
        } else {
            match node(&trade) {
                Ok(node) => Entry::Document(Ok(node)),
                Err(Wrong::Findings(findings)) => Entry::Document(Err(findings)),
                Err(Wrong::Python(error)) => return Err(error),
            }
        });
        py.check_signals()?;
    }
    Ok(entries)
}

/// Contracts of an Arrow table.
fn table(py: Python<'_>, trades: AnyRecordBatch) -> PyResult<Vec<Entry>> {
    let (batches, schema) = trades.into_table()?.into_inner();
    let read = py.detach(|| {
        let whole = concat_batches(&schema, &batches).map_err(|error| internal(&error))?;
        documents(&whole)
    });
    let read = read.map_err(|fault| fault.raise(py))?;
    Ok(read.into_iter().map(Entry::Document).collect())
}

/// Contracts of a list, or of whatever speaks Arrow.
fn entries(py: Python<'_>, trades: &Bound<'_, PyAny>) -> PyResult<Vec<Entry>> {
    let arrow = ["__arrow_c_stream__", "__arrow_c_array__"]
        .iter()
        .any(|name| trades.hasattr(*name).unwrap_or(false));
    if arrow {
        table(py, trades.extract()?)
    } else {
        list(py, trades)
    }
}

impl Entry {
    fn read(self) -> (Option<String>, bool, Result<TermSheet, Fault>) {
        let node = match self {
            Self::Sheet(sheet, assume) => {
                return (Some(sheet.trade_id.clone()), assume, Ok(*sheet));
            }
            Self::Document(node) => node,
            Self::Text(text) => Node::from_text(&text),
        };
        let named = |node: &Node| Some(node.get("trade_id")?.scalar()?.to_owned());
        let trade_id = node.as_ref().ok().and_then(named);
        let sheet = node
            .and_then(TermSheet::from_node)
            .map_err(|findings| Fault::findings(Kind::Terms, findings));
        (trade_id, false, sheet)
    }
}

/// What is asked of every contract.
struct Question<'a> {
    snapshot: &'a snapshot::Snapshot,
    request: Request,
    scenarios: &'a [Scenario],
}

impl Question<'_> {
    fn rows(&self, entry: Entry) -> Vec<Row> {
        let (trade_id, assume, sheet) = entry.read();
        let sheet = match sheet {
            Ok(sheet) => sheet,
            Err(fault) => return self.failed(trade_id.as_ref(), &fault),
        };
        let first = self.valued(trade_id.as_ref(), &sheet);
        let state = first.iter().all(|row| match &row.result {
            Err(fault) => fault.first().0 == "E-STATE-FIXING",
            Ok(_) => false,
        });
        if !assume || !state {
            return first;
        }
        let fresh = crate::state::fresh(&sheet, self.snapshot, self.request.as_of, calendars());
        let Some((sheet, note)) = fresh else {
            return first;
        };
        let mut rows = self.valued(trade_id.as_ref(), &sheet);
        for row in &mut rows {
            if let Ok(valued) = &mut row.result {
                valued.valuation.notes.push(note.clone());
            }
        }
        rows
    }

    fn failed(&self, trade_id: Option<&String>, fault: &Fault) -> Vec<Row> {
        let row = |scenario: Option<Scenario>| Row {
            trade_id: trade_id.cloned(),
            scenario,
            result: Err(fault.clone()),
        };
        if self.scenarios.is_empty() {
            return vec![row(None)];
        }
        self.scenarios.iter().map(|s| row(Some(*s))).collect()
    }

    fn valued(&self, trade_id: Option<&String>, sheet: &TermSheet) -> Vec<Row> {
        let (snapshot, request) = (self.snapshot, &self.request);
        if self.scenarios.is_empty() {
            let result = value(sheet, snapshot, calendars(), request)
                .map_err(|error| Fault::value(&error))
                .map(|valuation| Valued {
                    desk: desk(sheet, snapshot, &valuation.greeks, None),
                    valuation,
                });
            return vec![Row {
                trade_id: trade_id.cloned(),
                scenario: None,
                result,
            }];
        }
        let ready = match Ready::new(sheet, snapshot, request) {
            Ok(ready) => ready,
            Err(fault) => return self.failed(trade_id, &fault),
        };
        let all = self.scenarios.par_iter();
        all.map(|scenario| Row {
            trade_id: trade_id.cloned(),
            scenario: Some(*scenario),
            result: ready.value(*scenario, request),
        })
        .collect()
    }
}

fn good(row: &Row) -> Option<&Valuation> {
    row.result.as_ref().ok().map(|valued| &valued.valuation)
}

fn bad(row: &Row) -> Option<&Fault> {
    row.result.as_ref().err()
}

/// The table of the answers.
fn told(rows: &[Row], measures: &[Measure], moved: bool) -> Result<RecordBatch, Fault> {
    let texts = |part: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(part).collect::<StringArray>())
    };
    let numbers = |part: fn(&Scenario) -> f64| -> ArrayRef {
        let all = rows.iter().map(|row| row.scenario.as_ref().map(part));
        Arc::new(all.collect::<Float64Array>())
    };
    let mut fields = vec![Field::new("trade_id", DataType::Utf8, true)];
    let mut columns = vec![texts(&|row| row.trade_id.clone())];
    let mut add = |name: &str, column: ArrayRef| {
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    };
    if moved {
        add("spot_move", numbers(|scenario| scenario.spot));
        add("vol_move", numbers(|scenario| scenario.vol));
    }
    for measure in measures {
        let (field, column) = measure.column(rows.iter().map(|row| row.result.as_ref().ok()));
        add(field.name(), column);
    }
    add("currency", texts(&|row| Some(good(row)?.currency.clone())));
    add("engine", texts(&|row| Some(good(row)?.engine.to_owned())));
    let met = rows.iter().map(|row| Some(good(row)?.tolerance_met));
    add("tolerance_met", Arc::new(met.collect::<BooleanArray>()));
    let notes = |row: &Row, told: fn(&Note) -> &str| {
        let notes = good(row)?.notes.iter();
        let lines: Vec<String> = notes
            .map(|note| format!("{}: {}", note.code, told(note)))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    add("notes", texts(&|row| notes(row, |note| &note.en)));
    add("notes_zh", texts(&|row| notes(row, |note| &note.zh)));
    add(
        "error_code",
        texts(&|row| Some(bad(row)?.first().0.to_owned())),
    );
    add("error", texts(&|row| Some(bad(row)?.first().1.to_owned())));
    add(
        "error_zh",
        texts(&|row| Some(bad(row)?.first().2.to_owned())),
    );
    let findings = |row: &Row| serde_json::to_string(&bad(row)?.findings).ok();
    add("findings", texts(&findings));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| internal(&error))
}

fn wanted(py: Python<'_>, names: &[String]) -> PyResult<Vec<Measure>> {
    let mut measures = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let Some(named) = Measure::named(name) else {
            let known: Vec<&str> = Measure::ALL.iter().map(|m| m.name()).collect();
            let en = format!(
                "There is no measure {name:?}. There are: {}, and greeks and desk for several.",
                known.join(", ")
            );
            let zh = format!("没有指标 {name:?}。");
            let (pointer, seen) = (format!("/measures/{at}"), Some(name.clone()));
            let code = "E-INPUT-MEASURE";
            return Err(Fault::at(Kind::Input, code, &pointer, seen, en, zh).raise(py));
        };
        for measure in named {
            if !measures.contains(&measure) {
                measures.push(measure);
            }
        }
    }
    Ok(measures)
}

/// Prices contracts: a list of sheets, dicts and texts, or an Arrow table. One that cannot be priced
/// fails alone, in its own row. Gives the table, and how many rows rest on an assumed state.
#[pyfunction]
#[pyo3(signature = (trades, market, measures, options, threads = None, scenarios = None))]
pub fn price_table(
    py: Python<'_>,
    trades: &Bound<'_, PyAny>,
    market: &Snapshot,
    measures: Vec<String>,
    options: &Bound<'_, PyDict>,
    threads: Option<usize>,
    scenarios: Option<Vec<(f64, f64)>>,
) -> PyResult<(Table, usize)> {
    let measures = wanted(py, &measures)?;
    let request = request(py, options, greeking(&measures))?;
    let entries = entries(py, trades)?;
    let moved = scenarios.is_some();
    let scenarios: Vec<Scenario> = scenarios
        .unwrap_or_default()
        .into_iter()
        .map(|(spot, vol)| Scenario { spot, vol })
        .collect();
    if let Some(wild) = scenarios
        .iter()
        .find(|s| !s.spot.is_finite() || !s.vol.is_finite())
    {
        let seen = Some(format!("{}, {}", wild.spot, wild.vol));
        let en = "Moves of a scenario are finite numbers.";
        let (code, zh) = ("E-INPUT-SCENARIO", "情景变动须为有限数。");
        return Err(Fault::at(Kind::Input, code, "/scenarios", seen, en, zh).raise(py));
    }
    let question = Question {
        snapshot: &market.inner,
        request,
        scenarios: &scenarios,
    };
    let done = py.detach(|| {
        threads::run(threads, || {
            let rows: Vec<Vec<Row>> = entries
                .into_par_iter()
                .map(|entry| question.rows(entry))
                .collect();
            let rows: Vec<Row> = rows.into_iter().flatten().collect();
            let assumed = rows.iter().filter(|row| {
                let notes = good(row).map_or(&[][..], |valuation| &valuation.notes);
                notes.iter().any(|note| note.code == ASSUMED)
            });
            Ok((told(&rows, &measures, moved)?, assumed.count()))
        })
    });
    let (batch, assumed) = done.map_err(|fault| fault.raise(py))?;
    Ok((Table::of(batch), assumed))
}

/// Reads contracts once: a list of sheets, dicts and texts, or an Arrow table. All that is wrong in
/// any of them is one error; its pointers begin with the row, counted from 0, and its texts name it.
#[pyfunction]
pub fn read_sheets(py: Python<'_>, trades: &Bound<'_, PyAny>) -> PyResult<Vec<Sheet>> {
    let mut sheets = Vec::new();
    let mut wrong: Option<(Kind, Vec<Finding>)> = None;
    for (row, entry) in entries(py, trades)?.into_iter().enumerate() {
        let (trade_id, assume, sheet) = entry.read();
        match sheet {
            Ok(sheet) => sheets.push(Sheet::of(sheet, assume)),
            Err(fault) => {
                let (_, found) = wrong.get_or_insert((fault.kind, Vec::new()));
                let told = fault.findings.into_iter();
                found.extend(told.map(|finding| in_row(row, trade_id.as_deref(), finding)));
            }
        }
        py.check_signals()?;
    }
    match wrong {
        Some((kind, found)) => Err(Fault::several(kind, found).raise(py)),
        None => Ok(sheets),
    }
}

/// A finding of one row among many.
fn in_row(row: usize, trade_id: Option<&str>, finding: Finding) -> Finding {
    let named = trade_id.map_or(String::new(), |id| format!(" ({id})"));
    let named_zh = trade_id.map_or(String::new(), |id| format!("（{id}）"));
    Finding {
        pointer: format!("/{row}{}", finding.pointer),
        en: format!("Row {row}{named}: {}", finding.en),
        zh: format!("第 {row} 行{named_zh}：{}", finding.zh),
        ..finding
    }
}
