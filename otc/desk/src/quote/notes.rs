//! What a reader of a quote should know: marks that bind nobody, and what of the request was not
//! taken as it stands.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::envelope::{Initial, When};
use rialto_otc_contract::note::Note;
use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_store::fixing;
use rialto_otc_time::{AsOf, Calendars, Date};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{Desk, DeskError, words};

/// Why nobody should be bound by a quote on this market: a surface it is made on admits arbitrage, or
/// could not be checked.
pub(super) fn doubt(sheet: &TermSheet, market: &Snapshot, calendars: &Calendars) -> Option<Note> {
    let doubtful: Vec<&str> = sheet
        .underlyings
        .iter()
        .map(|underlying| underlying.code.as_str())
        .filter(|code| market.arbitrage_of(code, calendars).next().is_some())
        .collect();
    (!doubtful.is_empty()).then(|| {
        let (codes, codes_zh) = (doubtful.join(", "), doubtful.join("、"));
        Note::new(
            "N-QUOTE-INDICATIVE",
            format!(
                "indicative only: the volatility surface of {codes} admits arbitrage or could not be checked; enter a market without such findings to quote firm"
            ),
            format!(
                "仅为指示性报价：{codes_zh} 的波动率曲面存在套利或无法检查；录入无此类问题的行情后方可给出实盘报价"
            ),
        )
    })
}

/// That the market is not of today, as the exchanges see it.
pub(super) fn old(market: &Snapshot, today: Date) -> Option<Note> {
    let AsOf::Dated { date, .. } = *market.as_of() else {
        return None;
    };
    (date != today).then(|| {
        Note::new(
            "N-MARKET-OLD",
            format!("the market is of {date}, not of today ({today})"),
            format!("所用行情日期为 {date}，并非今日（{today}）"),
        )
    })
}

/// Calendar days from the market's date to today; none of a market without a date.
pub(super) fn age(market: &Snapshot, today: Date) -> Option<i64> {
    let AsOf::Dated { date, .. } = *market.as_of() else {
        return None;
    };
    Some(i64::from(today.days()) - i64::from(date.days()))
}

/// That nobody should be bound by a quote on a market this old, as the house has it.
pub(super) fn too_old(age: Option<i64>, most: Option<u32>) -> Option<Note> {
    let (age, most) = (age?, most?);
    (age > i64::from(most)).then(|| {
        Note::new(
            "N-QUOTE-INDICATIVE",
            format!(
                "indicative only: the market is {age} days old, and this house quotes firm on at most {most} (otc.market_days); enter a newer market"
            ),
            format!(
                "仅为指示性报价：行情距今 {age} 天，本公司实盘报价所用行情至多 {most} 天（otc.market_days）；请录入较新的行情"
            ),
        )
    })
}

/// That the direction written in the sheet gave way to the side that was asked for.
pub(super) fn turned(terms: &Value, side: &str) -> Option<Note> {
    let written = terms.get("direction")?.as_str()?;
    (side != written).then(|| {
        Note::new(
            "N-QUOTE-DIRECTION",
            format!("the sheet says {written:?}; the quote is of the side asked for, {side:?}"),
            format!("条款所写方向为 {written:?}，报价按所询方向 {side:?} 计算"),
        )
    })
}

impl Desk {
    /// Which initial prices written in a sheet are not the known close of its start.
    pub(super) async fn off_the_close(&self, sheet: &TermSheet) -> Result<Vec<Note>, DeskError> {
        let Some(When::Date(start)) = sheet.dates.start else {
            return Ok(Vec::new());
        };
        let mut notes = Vec::new();
        for underlying in &sheet.underlyings {
            let (code, Initial::Price(initial)) = (&underlying.code, &underlying.initial) else {
                continue;
            };
            let found = fixing::find(&mut self.db(), code, "close", &start.to_string()).await?;
            let close = found.and_then(|row| row.value.parse::<Decimal>().ok());
            if let Some(close) = close.filter(|close| close != initial) {
                let (initial, close) = (words::number(*initial), words::number(close));
                notes.push(Note::new(
                    "N-INITIAL-CLOSE",
                    format!(
                        "the initial price of {code} is {initial}; it closed at {close} on {start}"
                    ),
                    format!("{code} 的期初价格为 {initial}，而 {start} 的收盘价为 {close}"),
                ));
            }
        }
        Ok(notes)
    }
}
