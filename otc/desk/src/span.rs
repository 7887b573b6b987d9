//! Dates of a schedule that is looked at day by day, kept as one bit for each day.

use rialto_otc_store::span::SpanRow;
use rialto_otc_time::Date;

use crate::view::SpanView;

/// Bits of the days from the first date on, in hexadecimal digits, lowest bit first; the dates are
/// in order.
pub fn write(dates: &[Date]) -> String {
    let Some(first) = dates.first() else {
        return String::new();
    };
    let place = |date: &Date| usize::try_from(date.days() - first.days()).unwrap_or(0);
    let length = dates.last().map_or(0, place) / 4 + 1;
    let mut digits = vec![0_u8; length];
    for date in dates {
        let at = place(date);
        if let Some(digit) = digits.get_mut(at / 4) {
            *digit |= 1 << (at % 4);
        }
    }
    let letter = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or('0');
    digits.into_iter().map(letter).collect()
}

/// The dates again.
fn read(first: Date, days: &str) -> Vec<Date> {
    let bits = days.chars().enumerate().flat_map(|(n, letter)| {
        let digit = letter.to_digit(16).unwrap_or(0);
        (0..4).filter_map(move |bit| (digit >> bit & 1 == 1).then_some(n * 4 + bit))
    });
    bits.filter_map(|at| first.add_days(i32::try_from(at).ok()?).ok())
        .collect()
}

/// What is told of a schedule from a date on; `None` when nothing of it is left in the range.
pub fn view(row: &SpanRow, (from, to): (&str, &str)) -> Option<SpanView> {
    let first: Date = row.first.parse().ok()?;
    let dates: Vec<String> = read(first, &row.days).iter().map(Date::to_string).collect();
    let left: Vec<&String> = dates.iter().filter(|date| date.as_str() >= from).collect();
    let next = left.first().filter(|next| next.as_str() <= to)?;
    Some(SpanView {
        first: row.first.clone(),
        last: row.last.clone(),
        count: dates.len() as u64,
        left: left.len() as u64,
        next: (*next).clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().expect("a date")
    }

    #[test]
    fn a_schedule_is_read_as_it_was_written() {
        let dates = ["2024-03-11", "2024-03-12", "2024-03-18", "2025-02-28"].map(date);
        let days = write(&dates);
        assert_eq!(read(dates[0], &days), dates);
        assert!(days.len() < 100, "{days}");
        assert_eq!(write(&[]), "");
        let row = SpanRow {
            trade_id: "T".into(),
            kind: "knock_in".into(),
            n: 1,
            trade_no: 1,
            first: "2024-03-11".into(),
            last: "2025-02-28".into(),
            days,
            code: String::new(),
            level: None,
            side: None,
        };
        let told = view(&row, ("2024-03-13", "2024-04-30")).expect("there");
        assert_eq!(
            (told.count, told.left, told.next.as_str()),
            (4, 2, "2024-03-18")
        );
        assert!(
            view(&row, ("2024-03-19", "2025-01-31")).is_none(),
            "no date in the range"
        );
    }
}
