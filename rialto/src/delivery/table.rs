//! Tables for people: aligned by width on screen, where a Chinese character takes two columns.

use serde_json::Value;

use super::Column;

/// Renders rows under their headings.
pub fn render(columns: &[Column], rows: &[Value]) -> String {
    let headings: Vec<String> = columns
        .iter()
        .map(|(heading, _)| (*heading).to_owned())
        .collect();
    let cells = rows
        .iter()
        .map(|row| columns.iter().map(|(_, show)| show(row)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(cells).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            lines
                .iter()
                .map(|line| width(&line[column]))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, target) in line.iter().zip(&widths) {
            row.push_str(cell);
            row.push_str(&" ".repeat(target - width(cell) + 2));
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Columns a text takes on a terminal.
fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(c as u32, 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3
        | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6)
    };
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

/// `1.2 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(value: &Value) -> String {
    let Some(ms) = value.as_u64() else {
        return String::new();
    };
    match ms {
        0..=59_999 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..=3_599_999 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn chinese_and_latin_cells_line_up() {
        let columns: [Column; 2] = [
            ("NAME", |v| v["n"].to_string()),
            ("STATE", |v| v["s"].to_string()),
        ];
        let rows = [
            json!({"n": "生产", "s": 1}),
            json!({"n": "production", "s": 2}),
        ];
        let table = render(&columns, &rows);
        assert_eq!(
            table,
            "NAME          STATE\n\"生产\"        1\n\"production\"  2\n"
        );
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(&json!(1234)), "1.2 s");
        assert_eq!(duration(&json!(200_000)), "3 min 20 s");
        assert_eq!(duration(&json!(7_500_000)), "2 h 5 min");
        assert_eq!(duration(&json!(null)), "");
    }
}
