//! Tables for people.

use rialto_otc_contract::note::Note;

use crate::lang::Lang;

/// Rows under headings; numbers to the right. Widths are those on screen, where a Chinese letter
/// takes two columns.
pub fn render(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| width(cell))
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| widest(column).unwrap_or(0))
        .collect();
    let numbers = |column: usize| {
        let cells = rows.iter().skip(1).filter_map(|row| row.get(column));
        cells.clone().any(|cell| !cell.is_empty())
            && cells
                .filter(|cell| !cell.is_empty())
                .all(|cell| is_number(cell))
    };
    let right: Vec<bool> = (0..columns).map(numbers).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[column] - width(cell));
            match right[column] {
                true => line.extend([pad.as_str(), cell]),
                false => line.extend([cell, pad.as_str()]),
            }
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn is_number(cell: &str) -> bool {
    let bare = cell.trim_end_matches('%').trim_end().replace(',', "");
    bare.parse::<f64>().is_ok()
}

fn width(text: &str) -> usize {
    let wide = |c: char| matches!(c as u32, 0x2e80..=0xa4cf | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60);
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// A number with two decimals and groups of thousands.
pub fn money(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if value < 0.0 && !zero { "-" } else { "" };
    format!("{sign}{grouped}.{cents}")
}

/// Four decimals, or a power of ten when that would show nothing.
pub fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:.3e}")
    } else {
        format!("{value:.4}")
    }
}

/// Notes beside an answer, one line each, in a language.
pub fn notes(notes: &[Note], lang: Lang) -> String {
    let word = lang.pick("note", "提示");
    let line = |note: &Note| format!("{word} {}: {}\n", note.code, lang.pick(&note.en, &note.zh));
    notes.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{money, render};

    #[test]
    fn money_is_grouped_and_never_minus_nothing() {
        assert_eq!(money(-1_234_567.891), "-1,234,567.89");
        assert_eq!(money(999.0), "999.00");
        assert_eq!(money(-0.001), "0.00");
    }

    #[test]
    fn numbers_stand_right_and_letters_of_two_columns_count_twice() {
        let rows = [["交易", "v"], ["ab", "10"], ["c", "9"]];
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect();
        assert_eq!(render(&rows), "交易   v\nab    10\nc      9\n");
    }
}
