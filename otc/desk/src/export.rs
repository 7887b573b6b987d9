//! Tables as files: CSV and XLSX.

use std::borrow::Cow;

use rialto_otc_lifecycle::{Entry, Event};
use rialto_otc_store::event;
use rialto_otc_store::flow;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use serde_json::Value;

use crate::trade::TradeQuery;
use crate::view::{EventView, FixingView, FlowView, PostingView, QuoteView, TradeRowView};
use crate::{Desk, DeskError, blocking, words};

/// Most rows of a file.
pub const MOST_ROWS: usize = 200_000;
/// Rows read at once.
const READ: i64 = 5_000;

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The blotter.
    Trades,
    /// The ledger.
    Events,
    /// Flows.
    Flows,
    /// Postings.
    Postings,
    /// Prices in force.
    Fixings,
    /// Quotes.
    Quotes,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 6] = [
        Self::Trades,
        Self::Events,
        Self::Flows,
        Self::Postings,
        Self::Fixings,
        Self::Quotes,
    ];

    /// Its name in addresses and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Events => "events",
            Self::Flows => "flows",
            Self::Postings => "postings",
            Self::Fixings => "fixings",
            Self::Quotes => "quotes",
        }
    }
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated text, UTF-8 with a mark by which spreadsheets know it.
    Csv,
    /// A workbook.
    Xlsx,
}

/// Which rows; each table takes the filters of its list.
#[derive(Debug, Clone, Default)]
pub struct ExportQuery {
    /// Of trades.
    pub trades: TradeQuery,
    /// Of flows and quotes.
    pub status: Option<String>,
    /// Of fixings.
    pub underlying: Option<String>,
    /// Of quotes.
    pub counterparty: Option<String>,
    /// Of events.
    pub kind: Option<String>,
    /// From this date on (effective, pay date, fixing date).
    pub from: Option<String>,
    /// Up to this date.
    pub to: Option<String>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(String),
    /// A decimal as text: written as a number.
    Number(String),
}

fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

fn maybe(value: Option<impl Into<String>>) -> Cell {
    Cell::Text(value.map(Into::into).unwrap_or_default())
}

fn number(value: impl ToString) -> Cell {
    Cell::Number(value.to_string())
}

type Rows = Vec<Vec<Cell>>;

struct Sheet {
    heading: &'static [&'static str],
    rows: Rows,
}

/// Text that a spreadsheet would take for a formula is marked as text.
fn harmless(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

fn csv(sheet: &Sheet) -> Result<Vec<u8>, DeskError> {
    let failed = |error: csv::Error| DeskError::Internal(format!("csv: {error}"));
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(sheet.heading).map_err(failed)?;
    for row in &sheet.rows {
        let cells = row.iter().map(|cell| match cell {
            Cell::Text(text) => harmless(text),
            Cell::Number(number) => number.clone(),
        });
        writer.write_record(cells).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| DeskError::Internal(format!("csv: {error}")))
}

/// Characters one cell of a workbook takes (Excel's specifications and limits), counted in UTF-16.
const CELL_LIMIT: usize = 32_767;

/// Text as a cell takes it: what is longer is cut and says so, and where the whole is.
fn fitting(text: &str) -> Cow<'_, str> {
    let length = text.encode_utf16().count();
    if length <= CELL_LIMIT {
        return Cow::Borrowed(text);
    }
    let note = format!(" … (cut: {length} characters in all; the CSV export has them)");
    let mut room = CELL_LIMIT - note.encode_utf16().count();
    let kept = text.chars().take_while(|letter| {
        let fits = room >= letter.len_utf16();
        room = room.saturating_sub(letter.len_utf16());
        fits
    });
    Cow::Owned(kept.collect::<String>() + &note)
}

/// A number as a workbook has it; one with more digits than binary holds stays text.
fn put(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell) -> Result<(), XlsxError> {
    match cell {
        Cell::Number(number) => {
            let digits = number.bytes().filter(u8::is_ascii_digit).count();
            match number.parse::<f64>() {
                Ok(value) if digits <= 15 || number.contains('e') => {
                    sheet.write_number(row, column, value)?;
                }
                _ => {
                    sheet.write_string(row, column, number)?;
                }
            }
        }
        // Never a formula, whatever it begins with.
        Cell::Text(text) if !text.is_empty() => {
            sheet.write_string(row, column, fitting(text))?;
        }
        Cell::Text(_) => {}
    }
    Ok(())
}

fn xlsx(name: &str, sheet: &Sheet) -> Result<Vec<u8>, DeskError> {
    let write = || -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let page = book.add_worksheet().set_name(name)?;
        let bold = Format::new().set_bold();
        for (title, column) in sheet.heading.iter().zip(0_u16..) {
            page.write_string_with_format(0, column, *title, &bold)?;
        }
        page.set_freeze_panes(1, 0)?;
        for (cells, row) in sheet.rows.iter().zip(1_u32..) {
            for (cell, column) in cells.iter().zip(0_u16..) {
                put(page, row, column, cell)?;
            }
        }
        book.save_to_buffer()
    };
    write().map_err(|error| DeskError::Internal(format!("xlsx: {error}")))
}

fn trade_cells(row: TradeRowView) -> Vec<Cell> {
    vec![
        text(row.id),
        number(row.no),
        text(row.product),
        text(row.title.en),
        text(row.title.zh),
        text(row.underlying),
        text(row.counterparty),
        text(row.direction),
        number(row.notional),
        text(row.currency),
        text(row.start),
        text(row.end),
        text(row.status),
        text(row.flags.join(" ")),
        number(row.version),
        maybe(row.next_observation),
        maybe(row.observed_to),
        maybe(row.outcome),
        row.pv.map_or_else(|| text(""), number),
        maybe(row.pv_as_of),
        text(row.updated_at.to_string()),
    ]
}

const TRADES: &[&str] = &[
    "id",
    "no",
    "product",
    "title_en",
    "title_zh",
    "underlying",
    "counterparty",
    "direction",
    "notional",
    "currency",
    "start",
    "end",
    "status",
    "flags",
    "version",
    "next_observation",
    "observed_to",
    "outcome",
    "pv",
    "pv_as_of",
    "updated_at",
];

fn event_cells(trade_id: &str, event: EventView) -> Vec<Cell> {
    vec![
        text(trade_id),
        number(event.seq),
        text(event.event_id),
        text(event.kind),
        text(event.effective),
        number(event.phase),
        text(event.known_at.to_string()),
        text(event.source),
        maybe(event.cause),
        maybe(event.supersedes),
        text(event.maker),
        maybe(event.checker),
        text(event.words.en),
        text(event.words.zh),
        text(event.payload.to_string()),
        text(event.hash),
        text(event.prev_hash),
    ]
}

const EVENTS: &[&str] = &[
    "trade_id",
    "seq",
    "event_id",
    "kind",
    "effective",
    "phase",
    "known_at",
    "source",
    "cause",
    "supersedes",
    "maker",
    "checker",
    "words_en",
    "words_zh",
    "payload",
    "hash",
    "prev_hash",
];

fn flow_cells(flow: FlowView) -> Vec<Cell> {
    vec![
        text(flow.trade_id),
        text(flow.id),
        maybe(flow.counterparty),
        text(flow.leg),
        text(flow.kind),
        number(flow.house),
        text(flow.currency),
        text(flow.payer),
        text(flow.payee),
        text(flow.observed),
        text(flow.pay_date),
        text(flow.status),
        text(flow.netting_set),
        text(flow.trace),
        maybe(flow.reverses),
    ]
}

const FLOWS: &[&str] = &[
    "trade_id",
    "flow_id",
    "counterparty",
    "leg",
    "kind",
    "house_amount",
    "currency",
    "payer",
    "payee",
    "observed",
    "pay_date",
    "status",
    "netting_set",
    "trace",
    "reverses",
];

fn posting_cells(trade_id: &str, entry: PostingView) -> Vec<Cell> {
    vec![
        text(trade_id),
        number(entry.id),
        text(entry.effective),
        text(entry.debit),
        text(entry.credit),
        number(entry.amount),
        text(entry.currency),
        text(entry.purpose),
        number(entry.cause),
        maybe(entry.flow_id),
        maybe(entry.reverses.map(|id| id.to_string())),
        text(entry.known_at.to_string()),
    ]
}

const POSTINGS: &[&str] = &[
    "trade_id",
    "id",
    "effective",
    "debit",
    "credit",
    "amount",
    "currency",
    "purpose",
    "cause",
    "flow_id",
    "reverses",
    "known_at",
];

fn fixing_cells(row: FixingView) -> Vec<Cell> {
    vec![
        text(row.underlying),
        text(row.date),
        text(row.rule),
        number(row.value),
        text(row.source),
        number(row.version),
        text(row.maker),
        maybe(row.checker),
        text(row.entered_at.to_string()),
    ]
}

const FIXINGS: &[&str] = &[
    "underlying",
    "date",
    "rule",
    "value",
    "source",
    "version",
    "maker",
    "checker",
    "entered_at",
];

fn quote_cells(quote: QuoteView) -> Vec<Cell> {
    let named = |name: &str| {
        quote
            .terms
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    vec![
        number(quote.no),
        text(quote.id.clone()),
        text(quote.status.clone()),
        maybe(named("template")),
        text(quote.counterparty.clone()),
        text(quote.side.clone()),
        text(quote.unknown.clone()),
        text(quote.solved.rounded.clone()),
        number(quote.notional),
        text(quote.currency.clone()),
        number(quote.pays),
        number(quote.fair_value),
        number(quote.bid),
        number(quote.offer),
        number(quote.edge),
        text(quote.valid_until.to_string()),
        maybe(quote.trade_id.clone()),
        text(quote.reason.clone()),
        text(quote.created_by.clone()),
        text(quote.created_at.to_string()),
        text(quote.snapshot_id.clone()),
        text(quote.content_hash.clone()),
    ]
}

const QUOTES: &[&str] = &[
    "no",
    "id",
    "status",
    "template",
    "counterparty",
    "side",
    "unknown",
    "solved",
    "notional",
    "currency",
    "pays",
    "fair_value",
    "bid",
    "offer",
    "edge",
    "valid_until",
    "trade_id",
    "reason",
    "created_by",
    "created_at",
    "snapshot_id",
    "content_hash",
];

fn full(rows: &Rows) -> Result<(), DeskError> {
    if rows.len() <= MOST_ROWS {
        return Ok(());
    }
    let text = format!("more than {MOST_ROWS} rows; narrow the filter");
    let zh = format!("超过 {MOST_ROWS} 行，请缩小筛选范围");
    Err(DeskError::invalid("from", "too_many", text, zh))
}

impl Desk {
    /// A table as a file.
    ///
    /// # Errors
    /// [`DeskError::Invalid`] for a filter that its list refuses too, or more than
    /// [`MOST_ROWS`] rows.
    pub async fn export(
        &self,
        table: Table,
        form: Form,
        query: &ExportQuery,
    ) -> Result<Vec<u8>, DeskError> {
        let (heading, rows) = match table {
            Table::Trades => (TRADES, self.trade_rows(query).await?),
            Table::Events => (EVENTS, self.event_rows(query).await?),
            Table::Flows => (FLOWS, self.flow_rows(query).await?),
            Table::Postings => (POSTINGS, self.posting_rows(query).await?),
            Table::Fixings => (FIXINGS, self.fixing_rows(query).await?),
            Table::Quotes => (QUOTES, self.quote_rows(query).await?),
        };
        let sheet = Sheet { heading, rows };
        blocking(move || match form {
            Form::Csv => csv(&sheet),
            Form::Xlsx => xlsx(table.name(), &sheet),
        })
        .await
    }

    async fn trade_rows(&self, query: &ExportQuery) -> Result<Rows, DeskError> {
        let mut rows = Rows::new();
        let mut after = None;
        loop {
            let found = self
                .trades(&query.trades, after.as_deref(), READ as u32)
                .await?;
            rows.extend(found.page.items.into_iter().map(trade_cells));
            full(&rows)?;
            after = found.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    async fn event_rows(&self, query: &ExportQuery) -> Result<Rows, DeskError> {
        let wanted = event::Wanted {
            kind: query.kind.clone(),
            from: query.from.clone(),
            to: query.to.clone(),
        };
        let mut rows = Rows::new();
        let mut after = (String::new(), 0);
        loop {
            let page = event::all(&mut self.db(), &wanted, after.clone(), READ).await?;
            let Some(last) = page.last() else {
                return Ok(rows);
            };
            after = (last.trade_id.clone(), last.seq);
            for row in &page {
                let event: Event =
                    serde_json::from_str(&row.document).map_err(DeskError::json("event"))?;
                rows.push(event_cells(&row.trade_id, words::event(&event)));
            }
            full(&rows)?;
        }
    }

    async fn flow_rows(&self, query: &ExportQuery) -> Result<Rows, DeskError> {
        let range = (query.from.as_deref(), query.to.as_deref());
        let mut rows = Rows::new();
        let mut after = None;
        loop {
            let page = self
                .flows(query.status.as_deref(), range, after, READ)
                .await?;
            let Some(last) = page.last() else {
                return Ok(rows);
            };
            let place = (
                last.pay_date.clone(),
                last.trade_no.unwrap_or(0),
                last.id.clone(),
            );
            after = Some(place);
            rows.extend(page.into_iter().map(flow_cells));
            full(&rows)?;
        }
    }

    async fn posting_rows(&self, query: &ExportQuery) -> Result<Rows, DeskError> {
        let range = (query.from.as_deref(), query.to.as_deref());
        let mut rows = Rows::new();
        let mut after = (String::new(), 0);
        loop {
            let page = flow::postings(&mut self.db(), range, after.clone(), READ).await?;
            let Some(last) = page.last() else {
                return Ok(rows);
            };
            after = (last.trade_id.clone(), last.id);
            for row in &page {
                let entry: Entry =
                    serde_json::from_str(&row.document).map_err(DeskError::json("posting"))?;
                rows.push(posting_cells(&row.trade_id, words::posting(&entry)));
            }
            full(&rows)?;
        }
    }

    async fn fixing_rows(&self, query: &ExportQuery) -> Result<Rows, DeskError> {
        let range = (query.from.as_deref(), query.to.as_deref());
        let mut rows = Rows::new();
        let mut before = None;
        loop {
            let code = query.underlying.as_deref();
            let page = self.fixings(code, range, before, READ).await?;
            let Some(last) = page.last() else {
                return Ok(rows);
            };
            before = Some((
                last.date.clone(),
                last.underlying.clone(),
                last.rule.clone(),
            ));
            rows.extend(page.into_iter().map(fixing_cells));
            full(&rows)?;
        }
    }

    async fn quote_rows(&self, query: &ExportQuery) -> Result<Rows, DeskError> {
        let mut rows = Rows::new();
        let mut before = None;
        loop {
            let (status, party) = (query.status.as_deref(), query.counterparty.as_deref());
            let page = self.quotes(status, party, before, READ).await?;
            let Some(last) = page.last() else {
                return Ok(rows);
            };
            before = Some(last.no);
            rows.extend(page.into_iter().map(quote_cells));
            full(&rows)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet {
            heading: &["name", "amount"],
            rows: vec![
                vec![text("=1+1"), number("-20000000.00")],
                vec![text("雪球, \"A\""), number("12345678901234.567")],
            ],
        }
    }

    #[test]
    fn text_is_never_a_formula_and_numbers_stay_numbers() {
        let bytes = csv(&sheet()).expect("CSV");
        let found = String::from_utf8(bytes).expect("text");
        assert_eq!(
            found,
            "\u{feff}name,amount\r\n'=1+1,-20000000.00\r\n\"雪球, \"\"A\"\"\",12345678901234.567\r\n"
        );
        let bytes = xlsx("t", &sheet()).expect("XLSX");
        let mut book: calamine::Xlsx<_> =
            calamine::Reader::new(std::io::Cursor::new(bytes)).expect("a workbook");
        let range = calamine::Reader::worksheet_range_at(&mut book, 0);
        let range = range.expect("a sheet").expect("readable");
        let cell = |row, column| range.get_value((row, column)).cloned();
        assert_eq!(cell(1, 0), Some(calamine::Data::String("=1+1".into())));
        assert_eq!(cell(1, 1), Some(calamine::Data::Float(-2e7)));
        assert_eq!(
            cell(2, 1),
            Some(calamine::Data::String("12345678901234.567".into()))
        );
    }

    #[test]
    fn a_text_too_long_for_a_cell_is_cut_and_says_so() {
        let long = "雪😀".repeat(CELL_LIMIT);
        let sheet = Sheet {
            heading: &["trace"],
            rows: vec![vec![text(long.clone())], vec![text("x".repeat(CELL_LIMIT))]],
        };
        let bytes = xlsx("t", &sheet).expect("XLSX");
        let mut book: calamine::Xlsx<_> =
            calamine::Reader::new(std::io::Cursor::new(bytes)).expect("a workbook");
        let range = calamine::Reader::worksheet_range_at(&mut book, 0)
            .expect("a sheet")
            .expect("readable");
        let cut = range.get_value((1, 0)).expect("a cell").to_string();
        assert!(cut.starts_with("雪😀雪") && cut.ends_with("; the CSV export has them)"));
        let units = cut.encode_utf16().count();
        assert!((CELL_LIMIT - 1..=CELL_LIMIT).contains(&units), "{units}");
        let whole = range.get_value((2, 0)).expect("a cell").to_string();
        assert_eq!(whole.len(), CELL_LIMIT);
        let csv = String::from_utf8(csv(&sheet).expect("CSV")).expect("text");
        assert!(csv.contains(&long), "the CSV keeps the whole");
    }
}
