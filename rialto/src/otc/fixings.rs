//! Fixings for `observe` and `replay`: CSV, JSON lists, JSON by code and date.

use rialto_otc_contract::document::Node;
use rialto_otc_contract::fixings::{FixingError, Fixings, Row, rows_of};

use super::fault::{Class, Fault, Origin};
use super::input::Text;

/// What is wrong with a row: its line, and the row as written.
type Wrong = (FixingError, usize, String);

/// All wrong rows of a file, by line: each is one line of the message.
fn fault(file: &str, mut wrong: Vec<Wrong>) -> Fault {
    wrong.sort_by_key(|(_, row, _)| *row);
    let rows = wrong.into_iter().map(|(wrong, row, text)| {
        let shown: String = text.chars().take(80).collect();
        let (en, zh) = (wrong.en(), wrong.zh());
        Fault::input(
            wrong.code(),
            format!("{file}:{row}: {shown:?} {en}."),
            format!("{file}:{row}：{shown:?} {zh}。"),
        )
    });
    Fault::all(rows, Class::Input)
}

/// Reads fixings.
///
/// # Errors
/// Every row that is wrong, with file and line.
pub(super) fn fixings(text: &Text) -> Result<Fixings, Fault> {
    let mut fixings = Fixings::default();
    let Text { file, text } = text;
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (rows, mut wrong) = if body.trim_start().starts_with(['[', '{']) {
        json_rows(file, body)?
    } else {
        csv_rows(body)
    };
    for Row {
        row,
        when,
        code,
        value,
    } in rows
    {
        if let Err(error) = fixings.add(&code, &when, &value, row) {
            wrong.push((error, row, format!("{when},{code},{value}")));
        }
    }
    if wrong.is_empty() {
        Ok(fixings)
    } else {
        Err(fault(file, wrong))
    }
}

fn csv_rows(text: &str) -> (Vec<Row>, Vec<Wrong>) {
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let cells = |line: &str| -> Vec<String> {
        line.split(',')
            .map(|cell| cell.trim().trim_matches('"').to_owned())
            .collect()
    };
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    let (row, head) = lines.next().unwrap_or((0, ""));
    let head = cells(head);
    let column = |name: &str| head.iter().position(|cell| cell == name);
    let (Some(date), Some(code), Some(value)) = (column("date"), column("code"), column("value"))
    else {
        // Without its heading no row can be read.
        wrong.push((FixingError::Columns, row + 1, head.join(",")));
        return (rows, wrong);
    };
    for (row, line) in lines {
        let cells = cells(line);
        if cells.len() != head.len() {
            wrong.push((FixingError::Columns, row + 1, line.to_owned()));
            continue;
        }
        let cell = |at: usize| cells[at].clone();
        if cells[code].is_empty() {
            wrong.push((FixingError::Columns, row + 1, line.to_owned()));
            continue;
        }
        rows.push(Row {
            row: row + 1,
            when: cell(date),
            code: cell(code),
            value: cell(value),
        });
    }
    (rows, wrong)
}

fn json_rows(file: &str, text: &str) -> Result<(Vec<Row>, Vec<Wrong>), Fault> {
    let origin = Origin {
        file,
        node: None,
        at: (1, 1),
        market: None,
    };
    let root = Node::from_text(text).map_err(|findings| origin.fault(&findings))?;
    let (rows, wrong) = rows_of(&root);
    let form = |(row, shown)| (FixingError::Columns, row, shown);
    Ok((rows, wrong.into_iter().map(form).collect()))
}
