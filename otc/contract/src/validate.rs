//! Checks across the fields of a sheet that no single reader can make (specification, section 5,
//! "Validation"). Readers check single values, `otc/time` schedules, templates their own levels,
//! and the compiler rules and payments.

use rialto_otc_time::{Calendars, Date, Exchange};

use crate::envelope::When;
use crate::finding::{Place, Sink};
use crate::reader::Field;
use crate::schedule::find;
use crate::sheet::TermSheet;

/// Tells what is wrong with the envelope as a whole.
pub(crate) fn envelope(sheet: &TermSheet, calendars: &Calendars, sink: &Sink) {
    let root = &sheet.source.0;
    let place = |pointer: &str| match find(root, pointer) {
        Some(node) => Field::new(node, pointer, sink).place(),
        None => Place {
            pointer: pointer.to_owned(),
            ..Place::default()
        },
    };
    if sheet.quanto {
        let en = "Quanto payments are not priced. Remove the flag, or write the contract in the underlying's currency.";
        let zh = "暂不支持 quanto 定价，请去掉该标志或改用标的币种。";
        sink.error("E-TERM-QUANTO", &place("/quanto"), en, zh);
    }
    if let (Some(trade), Some(When::Date(start))) = (sheet.dates.trade, sheet.dates.start)
        && trade > start
    {
        let en = format!("The trade date {trade} is after the start {start}.");
        let zh = format!("交易日 {trade} 晚于起始日 {start}。");
        sink.error("E-TERM-DATES", &place("/dates/trade"), en, zh);
    }
    let Some(When::Date(end)) = sheet.dates.end else {
        return;
    };
    for (index, underlying) in sheet.underlyings.iter().enumerate() {
        let Some(expiry) = last_day(&underlying.code, end, calendars) else {
            continue;
        };
        if end <= expiry {
            continue;
        }
        let pointer = match root.get("underlying") {
            Some(_) => "/underlying/code".to_owned(),
            None => format!("/underlyings/{index}/code"),
        };
        let code = &underlying.code;
        let en = format!(
            "The future {code} trades until {expiry} at the latest, and the contract ends on {end}. Shorten the term or choose a later future."
        );
        let zh = format!(
            "期货 {code} 最迟交易至 {expiry}，早于合约到期日 {end}。请缩短期限或选择更晚的合约。"
        );
        sink.error("E-TERM-EXPIRED", &place(&pointer), en, zh);
    }
}

/// The last day on which a future with a month in its code can trade: the expiry of index futures,
/// else the end of the delivery month. `None` for other codes.
fn last_day(code: &str, end: Date, calendars: &Calendars) -> Option<Date> {
    let (prefix, name) = code.split_once(':')?;
    let exchange: Exchange = prefix.parse().ok()?;
    let futures = matches!(
        exchange,
        Exchange::Ccfx
            | Exchange::Xsge
            | Exchange::Xine
            | Exchange::Xdce
            | Exchange::Xzce
            | Exchange::Gfex
    );
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.strip_prefix(letters)?;
    if !futures || letters.is_empty() || !letters.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    let (year, month) = (number / 100, u32::try_from(number % 100).ok()?);
    let year = match digits.len() {
        4 => 2000 + year,
        // Zhengzhou writes one digit of the year: the one in the decade of the contract's end.
        3 => {
            let decade = end.year() / 10 * 10;
            let near = decade + year;
            if near + 5 < end.year() {
                near + 10
            } else {
                near
            }
        }
        _ => return None,
    };
    let month_end = Date::new(year, month, 1).ok()?.end_of_month();
    match (exchange, letters) {
        (Exchange::Ccfx, "IC" | "IF" | "IH" | "IM") => {
            let expiry = calendars
                .get(exchange)
                .index_futures_expiry(year, month)
                .ok();
            Some(expiry.unwrap_or(month_end))
        }
        _ => Some(month_end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn futures_end_with_their_month_and_index_futures_with_their_expiry() {
        let end: Date = "2026-06-30".parse().expect("a date");
        let day = |code| last_day(code, end, Calendars::builtin()).map(|day| day.to_string());
        assert_eq!(day("XSGE:cu2609").as_deref(), Some("2026-09-30"));
        assert_eq!(day("CCFX:IC2606").as_deref(), Some("2026-06-22"));
        assert_eq!(day("XZCE:TA609").as_deref(), Some("2026-09-30"));
        assert_eq!(day("XSHG:000905"), None);
        assert_eq!(day("XSGE:cu"), None);
        assert_eq!(day("XSGE:cu2613"), None);
    }
}
