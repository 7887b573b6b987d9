//! Files of fixings: CSV (UTF-8 or GB 18030) and XLSX.
//!
//! The first row names the columns, in English or Chinese: date, underlying, value, and optionally
//! source and rule.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use rialto_otc_time::Date;
use rialto_platform_identity::Actor;
use serde::Deserialize;

use crate::fixing::{MOST_ROWS, RawRow};
use crate::view::FixingReport;
use crate::{Desk, DeskError, blocking};

/// Largest file, bytes.
pub const MOST_BYTES: usize = 16 << 20;
/// What stands for the source when the file does not name it.
const SOURCE: &str = "import";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum FileKind {
    /// Text with cells parted by commas, semicolons or tabs.
    Csv,
    /// A workbook; its first sheet is read.
    Xlsx,
}

/// Columns of an export of fixings that say nothing to an import.
const OF_EXPORTS: [&str; 4] = ["version", "maker", "checker", "entered_at"];

/// A column by any of its names.
fn column(name: &str) -> Option<usize> {
    let name = name.trim().trim_start_matches('\u{feff}').to_lowercase();
    Some(match name.as_str() {
        "date" | "日期" | "定盘日" | "交易日" => 0,
        "underlying" | "code" | "标的" | "代码" | "标的代码" => 1,
        "value" | "price" | "close" | "价格" | "定盘价" | "收盘价" | "数值" => 2,
        "source" | "来源" => 3,
        "rule" | "口径" | "定盘规则" => 4,
        _ => return None,
    })
}

fn bad(en: impl Into<String>, zh: impl Into<String>) -> DeskError {
    DeskError::invalid("/body", "file", en, zh)
}

/// Where each known column stands.
fn heading(cells: &[String]) -> Result<[Option<usize>; 5], DeskError> {
    let mut places = [None; 5];
    for (n, cell) in cells.iter().enumerate() {
        if cell.trim().is_empty() || OF_EXPORTS.contains(&cell.trim()) {
            continue;
        }
        let Some(known) = column(cell) else {
            let text = format!(
                "row 1: there is no column {cell:?}; known are date, underlying, value, source, \
                 rule (日期、标的、价格、来源、口径)"
            );
            let zh = format!(
                "第 1 行：没有 {cell:?} 列；可用列为 date、underlying、value、source、rule（日期、标的、价格、来源、口径）"
            );
            return Err(bad(text, zh));
        };
        if places[known].replace(n).is_some() {
            return Err(bad(
                format!("row 1: the column {cell:?} is there twice"),
                format!("第 1 行：{cell:?} 列重复"),
            ));
        }
    }
    for (name, place) in ["date", "underlying", "value"].iter().zip(&places) {
        if place.is_none() {
            return Err(bad(
                format!("row 1 names no column {name}; the first row names the columns"),
                format!("第 1 行缺少 {name} 列；首行须为列名"),
            ));
        }
    }
    Ok(places)
}

/// Rows behind a heading; blank ones are passed over.
fn rows(cells: Vec<Vec<String>>) -> Result<Vec<RawRow>, DeskError> {
    let mut all = cells.into_iter().zip(1_u64..);
    let Some((first, _)) = all.next() else {
        return Err(bad("the file is empty", "文件为空"));
    };
    let places = heading(&first)?;
    let mut found = Vec::new();
    for (cells, row) in all {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let cell = |n: usize| {
            let place = places.get(n).copied().flatten();
            let text = place.and_then(|place| cells.get(place));
            text.map(|text| text.trim().to_owned()).unwrap_or_default()
        };
        let beyond = cells.get(first.len()..).unwrap_or_default();
        let beyond = beyond.iter().filter(|cell| !cell.trim().is_empty()).count();
        let source = Some(cell(3)).filter(|text| !text.is_empty());
        found.push(RawRow {
            row,
            date: dashed(&cell(0)),
            code: cell(1),
            value: cell(2),
            source: source.unwrap_or_else(|| SOURCE.to_owned()),
            rule: cell(4),
            beyond,
        });
        if found.len() > MOST_ROWS {
            return Err(bad(
                format!("more than {MOST_ROWS} rows; split the file"),
                format!("超过 {MOST_ROWS} 行，请拆分文件"),
            ));
        }
    }
    Ok(found)
}

/// A date as spreadsheets write it, `2026/3/9`, as `2026-03-09`; anything else as it is.
fn dashed(text: &str) -> String {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        [year, month, day] if year.len() == 4 => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => text.to_owned(),
    }
}

/// What parts the cells: the comma, or the semicolon or tab of a first row without commas, as
/// spreadsheets of some countries write them.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or_default();
    let parted = |by: &u8| first.bytes().any(|byte| byte == *by);
    [b',', b';', b'\t'].into_iter().find(parted).unwrap_or(b',')
}

/// Rows of a CSV file.
fn csv(bytes: &[u8]) -> Result<Vec<RawRow>, DeskError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let (text, _, broken) = encoding_rs::GB18030.decode(bytes);
            if broken {
                return Err(bad(
                    "the file is neither UTF-8 nor GB 18030 text",
                    "文件既不是 UTF-8 也不是 GB 18030 文本",
                ));
            }
            text.into_owned()
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let mut cells = Vec::new();
    for record in reader.records() {
        let record = record
            .map_err(|error| bad(format!("this is no CSV: {error}"), "不是有效的 CSV 文件"))?;
        cells.push(record.iter().map(str::to_owned).collect());
    }
    rows(cells)
}

/// A cell as text: dates as `yyyy-mm-dd`, numbers in their shortest form.
fn cell(data: &Data) -> String {
    match data {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Float(number) => number.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Bool(flag) => flag.to_string(),
        // Days since 1899-12-30; the fraction is a time of day.
        Data::DateTime(at) => {
            let days = at.as_f64().floor() - 25_569.0;
            let date = Date::from_days(days as i32);
            date.map(|date| date.to_string()).unwrap_or_default()
        }
        Data::Error(error) => format!("{error:?}"),
    }
}

/// Rows of a workbook.
fn xlsx(bytes: Vec<u8>) -> Result<Vec<RawRow>, DeskError> {
    let no_book = |_| {
        let en = "this is no XLSX workbook, or it is damaged; save it again as .xlsx, or send CSV";
        bad(
            en,
            "不是 XLSX 工作簿或文件已损坏；请重新另存为 .xlsx，或改用 CSV",
        )
    };
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(no_book)?;
    let range = book.worksheet_range_at(0);
    let range = range.ok_or_else(|| bad("the workbook has no sheet", "工作簿没有工作表"))?;
    let range = range.map_err(|error| {
        bad(
            format!("its first sheet cannot be read: {error}"),
            "第一个工作表无法读取",
        )
    })?;
    // Rows are counted as the workbook does, also when the first ones are blank.
    let blank = range.start().map_or(0, |(row, _)| row as usize);
    if blank > 0 {
        return Err(bad(
            "row 1 is blank; the first row names the columns",
            "第 1 行为空；首行须为列名",
        ));
    }
    let cells = range.rows().map(|row| row.iter().map(cell).collect());
    rows(cells.collect())
}

/// Reads a file.
///
/// # Errors
/// [`DeskError::Invalid`] saying what is wrong with it as a whole.
pub(crate) fn read(bytes: Vec<u8>, kind: FileKind) -> Result<Vec<RawRow>, DeskError> {
    match kind {
        FileKind::Csv => csv(&bytes),
        FileKind::Xlsx => xlsx(bytes),
    }
}

impl Desk {
    /// Takes in a file of fixings, or tells what it would do.
    ///
    /// # Errors
    /// As [`Desk::enter_fixings`]; [`DeskError::Invalid`] for a file that cannot be read.
    pub async fn import_fixings(
        &self,
        actor: &Actor,
        bytes: Vec<u8>,
        kind: FileKind,
        reason: &str,
        dry_run: bool,
    ) -> Result<FixingReport, DeskError> {
        let rows = blocking(move || read(bytes, kind)).await?;
        self.enter_fixings(actor, &rows, reason, dry_run).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_in_both_languages_and_encodings() {
        let expected = RawRow {
            row: 2,
            code: "XSHG:000905".into(),
            date: "2026-03-09".into(),
            value: "5802.16".into(),
            source: SOURCE.into(),
            rule: String::new(),
            beyond: 0,
        };
        let text = "日期,标的,收盘价\n2026-03-09,XSHG:000905,5802.16\n\n";
        assert_eq!(csv(text.as_bytes()).expect("UTF-8"), vec![expected.clone()]);
        let (bytes, ..) = encoding_rs::GB18030.encode(text);
        assert_eq!(csv(&bytes).expect("GB 18030"), vec![expected.clone()]);
        for text in [
            "date;underlying;value\n2026-03-09;XSHG:000905;5802.16\n",
            "date\tunderlying\tvalue\n2026/3/9\tXSHG:000905\t5802.16\n",
        ] {
            assert_eq!(
                csv(text.as_bytes()).expect("parted"),
                vec![expected.clone()]
            );
        }
        let text = "\u{feff}value,date,underlying,source\n5802.16,2026-03-09,XSHG:000905,\"a,b\"\n";
        let named = RawRow {
            source: "a,b".into(),
            ..expected
        };
        assert_eq!(csv(text.as_bytes()).expect("any order"), [named]);
    }

    #[test]
    fn a_row_with_more_cells_than_columns_says_so() {
        let text = "date,underlying,value\n2026-03-09,XSHG:000905,5,802.16\n2026-03-10,A,5,\n";
        let rows = csv(text.as_bytes()).expect("rows");
        let beyond: Vec<usize> = rows.iter().map(|row| row.beyond).collect();
        assert_eq!(beyond, [1, 0]);
    }

    #[test]
    fn a_file_that_cannot_be_understood_says_why() {
        for (text, part) in [
            ("", "empty"),
            ("date,value\n", "no column underlying"),
            ("date,underlying,value,colour\n", "no column \"colour\""),
            ("date,date,underlying,value\n", "twice"),
        ] {
            let error = csv(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        let error = xlsx(b"PK no".to_vec())
            .expect_err("no workbook")
            .to_string();
        assert!(error.contains("no XLSX workbook"), "{error}");
    }
}
