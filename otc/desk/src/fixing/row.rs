//! Prices as they are handed in, row by row, and what a row says.

use rialto_otc_contract::value;
use rialto_otc_time::{Date, Exchange, FixingSource};
use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Price;
use crate::view::{RowRefusal, Words};
use crate::{Desk, today};

/// Prices to be entered.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FixingInput {
    /// The prices.
    pub items: Vec<FixingItem>,
    /// Why, when one of them corrects a known price.
    pub reason: Option<String>,
}

/// A price to be entered.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FixingItem {
    /// Underlying, `XSHG:000905`.
    pub underlying: String,
    /// Trading date, `yyyy-mm-dd`.
    pub date: String,
    /// Price, a decimal as text.
    pub value: String,
    /// Where it comes from; `manual` needs a second person.
    pub source: String,
    /// Which price; `close` when not told.
    pub rule: Option<String>,
}

/// A row as it was read, before it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawRow {
    /// Row of the file, or place in the list, from 1.
    pub row: u64,
    /// Underlying.
    pub code: String,
    /// Date.
    pub date: String,
    /// Price.
    pub value: String,
    /// Where it comes from.
    pub source: String,
    /// Which price; `close` when empty.
    pub rule: String,
    /// Filled cells that stand under no column of the file.
    pub beyond: usize,
}

impl FixingInput {
    /// The items as rows.
    #[must_use]
    pub fn rows(&self) -> Vec<RawRow> {
        let items = self.items.iter().zip(1..);
        items
            .map(|(item, row)| RawRow {
                row,
                code: item.underlying.clone(),
                date: item.date.clone(),
                value: item.value.clone(),
                source: item.source.clone(),
                rule: item.rule.clone().unwrap_or_default(),
                beyond: 0,
            })
            .collect()
    }
}

/// What is said about a row.
pub(super) fn refusal(
    raw: &RawRow,
    column: &str,
    value: &str,
    code: &str,
    text: Words,
) -> RowRefusal {
    RowRefusal {
        row: raw.row,
        column: column.to_owned(),
        value: value.chars().take(80).collect(),
        code: code.to_owned(),
        message: text,
    }
}

impl Desk {
    /// What a row says, or why it cannot be taken.
    pub(super) fn read_row(&self, raw: &RawRow) -> Result<Price, Box<RowRefusal>> {
        let refuse = |column: &str, value: &str, code: &str, en: String, zh: String| {
            Box::new(refusal(raw, column, value, code, Words::new(en, zh)))
        };
        if raw.beyond > 0 {
            let en = "The row has more cells than the file has columns: write numbers without a thousands separator, or put the cell in quotes.".to_owned();
            let zh = "该行单元格多于列数：数字请勿使用千分位分隔符，或为单元格加引号。".to_owned();
            return Err(refuse("value", &raw.value, "E-FIXING-CELLS", en, zh));
        }
        let code = raw.code.trim();
        let exchange = code.split_once(':').filter(|(_, name)| !name.is_empty());
        let exchange = exchange.and_then(|(mic, _)| mic.parse::<Exchange>().ok());
        let Some(exchange) = exchange else {
            let en = "An underlying is exchange and code, such as XSHG:000905.".to_owned();
            let zh = "标的须为交易所加代码，例如 XSHG:000905。".to_owned();
            return Err(refuse("underlying", code, "E-FIXING-CODE", en, zh));
        };
        let date: Date = raw.date.trim().parse().map_err(|_| {
            let en = "A date looks like 2026-05-18.".to_owned();
            let zh = "日期格式为 2026-05-18。".to_owned();
            refuse("date", &raw.date, "E-FIXING-DATE", en, zh)
        })?;
        if date > today() {
            let en = format!("{date} is still ahead.");
            let zh = "定盘日尚未到来。".to_owned();
            return Err(refuse("date", &raw.date, "E-FIXING-FUTURE", en, zh));
        }
        match self.calendars().get(exchange).is_session(date) {
            Ok(true) => {}
            Ok(false) => {
                let en = format!("{} had no session on {date}.", exchange.code());
                let zh = format!("{} 在 {date} 无交易。", exchange.code());
                return Err(refuse("date", &raw.date, "E-FIXING-SESSION", en, zh));
            }
            Err(error) => {
                let zh = "日历未覆盖该日。".to_owned();
                let en = format!("{error}.");
                return Err(refuse("date", &raw.date, error.code(), en, zh));
            }
        }
        let price = value::decimal(raw.value.trim());
        let Some(price) = price.filter(|price| *price > Decimal::ZERO) else {
            let en = "A price is a number above zero.".to_owned();
            let zh = "价格须为大于零的数。".to_owned();
            return Err(refuse("value", &raw.value, "E-FIXING-VALUE", en, zh));
        };
        let rule = if raw.rule.is_empty() {
            "close"
        } else {
            raw.rule.trim()
        };
        if let Err(error) = rule.parse::<FixingSource>() {
            let zh = "定盘价口径无法识别。".to_owned();
            let en = format!("{error}.");
            return Err(refuse("rule", rule, "E-FIXING-RULE", en, zh));
        }
        let source = raw.source.trim();
        if source.is_empty() || source.len() > 100 || source.contains('#') {
            let en = "The source has 1 to 100 characters, none of them #.".to_owned();
            let zh = "来源须为 1 至 100 个字符且不含 #。".to_owned();
            return Err(refuse("source", source, "E-FIXING-SOURCE", en, zh));
        }
        Ok(Price {
            code: code.to_owned(),
            date,
            rule: rule.to_owned(),
            value: price,
            source: source.to_owned(),
            row: raw.row,
        })
    }
}
