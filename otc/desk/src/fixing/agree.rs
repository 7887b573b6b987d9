//! What the rows of one file agree on.

use std::collections::BTreeMap;

use rialto_otc_time::Date;
use rust_decimal::Decimal;

use super::row::refusal;
use super::{Price, RawRow};
use crate::view::{RowRefusal, Words};

/// Most other rows named beside one that contradicts them.
const NAMED: usize = 3;

/// What a fixing is one of: date, underlying, rule.
type Key = (Date, String, String);

/// Rows that were read, sorted by date, underlying and rule.
#[derive(Default)]
pub(super) struct Agreed {
    /// Every price once.
    pub prices: Vec<Price>,
    /// Rows that give a price again, in the order of the file.
    pub again: Vec<u64>,
    /// Rows that contradict each other.
    pub refused: Vec<RowRefusal>,
}

/// Takes each price once. Of rows that give different prices for one date none is taken: nobody here
/// can tell which of them is right.
pub(super) fn agreed(read: Vec<(&RawRow, Price)>) -> Agreed {
    let mut groups: BTreeMap<Key, Vec<(&RawRow, Price)>> = BTreeMap::new();
    for (raw, price) in read {
        let key = (price.date, price.code.clone(), price.rule.clone());
        groups.entry(key).or_default().push((raw, price));
    }
    let mut out = Agreed::default();
    for rows in groups.into_values() {
        if rows.iter().all(|(_, price)| price.value == rows[0].1.value) {
            let mut rows = rows.into_iter().map(|(_, price)| price);
            out.prices.extend(rows.next());
            out.again.extend(rows.map(|price| price.row));
            continue;
        }
        for (raw, price) in &rows {
            out.refused.push(contradicted(raw, price.value, &rows));
        }
    }
    out.again.sort_unstable();
    out
}

/// "Row 3, 5, 9 and 2 more".
pub(super) fn rows_named(rows: &[u64]) -> Words {
    let first: Vec<String> = rows.iter().take(NAMED).map(u64::to_string).collect();
    let first = first.join(", ");
    match rows.len().saturating_sub(NAMED) {
        0 => Words::new(format!("Row {first}"), format!("第 {first} 行")),
        more => Words::new(
            format!("Row {first} and {more} more"),
            format!("第 {first} 行等另外 {more} 行"),
        ),
    }
}

fn contradicted(raw: &RawRow, value: Decimal, rows: &[(&RawRow, Price)]) -> RowRefusal {
    let others = rows.iter().filter(|(_, other)| other.value != value);
    let others: Vec<u64> = others.map(|(other, _)| other.row).collect();
    let named = rows_named(&others);
    let text = Words::new(
        format!(
            "{} gives another price for the same date. None of them is taken: keep one.",
            named.en
        ),
        format!("与{}同日不同价，均未录入，请只保留一个。", named.zh),
    );
    refusal(raw, "value", &raw.value, "E-FIXING-TWICE", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[(&str, &str)]) -> Vec<RawRow> {
        let row = |(n, (date, value)): (usize, &(&str, &str))| RawRow {
            row: n as u64 + 1,
            code: "XSHG:000905".to_owned(),
            date: (*date).to_owned(),
            value: (*value).to_owned(),
            ..RawRow::default()
        };
        values.iter().enumerate().map(row).collect()
    }

    fn read(rows: &[RawRow]) -> Vec<(&RawRow, Price)> {
        let price = |raw: &RawRow| Price {
            code: raw.code.clone(),
            date: raw.date.parse().unwrap(),
            rule: "close".to_owned(),
            value: raw.value.parse().unwrap(),
            source: "vendor".to_owned(),
            row: raw.row,
        };
        rows.iter().map(|raw| (raw, price(raw))).collect()
    }

    #[test]
    fn a_price_given_again_counts_once_and_contradictions_take_nothing() {
        let rows = rows(&[
            ("2024-05-14", "5705"),
            ("2024-05-13", "5700"),
            ("2024-05-14", "5705.00"),
            ("2024-05-13", "5701"),
            ("2024-05-13", "5700"),
        ]);
        let agreed = agreed(read(&rows));
        let taken: Vec<u64> = agreed.prices.iter().map(|price| price.row).collect();
        assert_eq!((taken, agreed.again), (vec![1], vec![3]));
        let told = agreed.refused.iter();
        let told: Vec<_> = told.map(|row| (row.row, row.message.en.as_str())).collect();
        let keep = "gives another price for the same date. None of them is taken: keep one.";
        assert_eq!(
            told,
            [
                (2, format!("Row 4 {keep}").as_str()),
                (4, format!("Row 2, 5 {keep}").as_str()),
                (5, format!("Row 4 {keep}").as_str()),
            ]
        );
    }
}
