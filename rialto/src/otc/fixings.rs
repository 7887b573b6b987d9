//! Fixings for `observe` and `replay`: CSV, JSON lists, JSON by code and date.

use rialto_otc_contract::document::Node;
use rialto_otc_contract::fixings::{FixingError, Fixings, Row, rows_of};

use super::fault::{Fault, Origin};
use super::input::Text;

fn fault(wrong: FixingError, file: &str, row: usize, text: &str) -> Fault {
    let shown: String = text.chars().take(80).collect();
    let (en, zh) = (wrong.en(), wrong.zh());
    Fault::input(
        wrong.code(),
        format!("{file}:{row}: {shown:?} {en}."),
        format!("{file}:{row}：{shown:?} {zh}。"),
    )
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
        fixings
            .add(&code, &when, &value, row)
            .map_err(|wrong| fault(wrong, file, row, &shown))?;
    }
    Ok(fixings)
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
        return Err(fault(FixingError::Columns, file, row + 1, &head.join(",")));
    };
    lines
        .map(|(row, line)| {
            let cells = cells(line);
            if cells.len() != head.len() {
                return Err(fault(FixingError::Columns, file, row + 1, line));
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
    let origin = Origin {
        file,
        node: None,
        at: (1, 1),
        market: None,
    };
    let root = Node::from_text(text).map_err(|findings| origin.fault(&findings))?;
    rows_of(&root).map_err(|(line, shown)| fault(FixingError::Columns, file, line, &shown))
}
