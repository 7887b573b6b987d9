//! The row of the list out of a trade's fold.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::envelope::{Direction, Initial, Labels, Size, When};
use rialto_otc_contract::names::preset_zh;
use rialto_otc_contract::sheet::Product;
use rialto_otc_contract::templates::catalog;
use rialto_otc_lifecycle::TradeLog;
use rialto_otc_store::trade::TradeRow;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use crate::DeskError;
use crate::ledger::word;
use crate::view::Words;

/// Sorts behind every date: no observation is to come.
pub const NO_DATE: &str = "~";

/// Flag of a trade whose size is not that of its sheet.
const RESIZED: &str = "resized";

/// Template of a sheet, or `program`.
pub fn product(sheet: &TermSheet) -> String {
    match &sheet.product {
        Product::Template { name, .. } => name.clone(),
        Product::Program(_) => "program".to_owned(),
    }
}

/// What a contract is called in a list.
pub fn title(sheet: &TermSheet) -> Words {
    let codes: Vec<&str> = sheet.underlyings.iter().map(|u| u.code.as_str()).collect();
    let codes = codes.join(", ");
    match &sheet.product {
        Product::Template { name, preset, .. } => {
            let known = catalog::find(name);
            let zh = known.map_or(name.as_str(), |product| product.zh);
            let preset = preset.as_deref().filter(|preset| *preset != "standard");
            let en = name.replace('_', " ");
            match preset {
                Some(preset) => Words {
                    en: format!("{en} ({}) on {codes}", preset.replace('_', " ")),
                    zh: format!("{zh}（{}）{codes}", preset_zh(preset)),
                },
                None => Words {
                    en: format!("{en} on {codes}"),
                    zh: format!("{zh} {codes}"),
                },
            }
        }
        Product::Program(_) => Words {
            en: format!("own program on {codes}"),
            zh: format!("自定义合约 {codes}"),
        },
    }
}

/// How the counterparty is shown: its name, or else the first of its numbers.
pub fn party(labels: &Labels) -> String {
    let named = ["name", "lei", "uscc"]
        .iter()
        .find_map(|key| labels.get(*key));
    named.cloned().unwrap_or_default()
}

fn date(when: Option<When>) -> String {
    match when {
        Some(When::Date(date)) => date.to_string(),
        _ => String::new(),
    }
}

/// Currency units: the notional, or the quantity times the first initial level when it is known.
pub fn notional(sheet: &TermSheet) -> Decimal {
    match sheet.size {
        Size::Notional(size) => size,
        Size::Quantity(size) => {
            let initial = sheet.underlyings.first().map(|u| &u.initial);
            match initial {
                Some(
                    Initial::Price(price)
                    | Initial::Fixing {
                        value: Some(price), ..
                    },
                ) => size.checked_mul(*price).unwrap_or(size),
                _ => size,
            }
        }
    }
}

/// The direction's name in documents.
pub const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::HouseSells => "house_sells",
        Direction::HouseBuys => "house_buys",
    }
}

/// A row of a sheet that is not booked yet.
pub fn row(sheet: &TermSheet, no: i64, maker: &str, at: i64) -> TradeRow {
    let mut row = TradeRow {
        trade_id: sheet.trade_id.clone(),
        no,
        product: String::new(),
        title_en: String::new(),
        title_zh: String::new(),
        underlying: String::new(),
        counterparty: String::new(),
        direction: String::new(),
        notional: String::new(),
        notional_cents: 0,
        currency: String::new(),
        start_date: String::new(),
        end_date: String::new(),
        status: String::new(),
        flags: String::new(),
        version: 0,
        contract_version: 0,
        next_date: NO_DATE.to_owned(),
        observed_to: String::new(),
        outcome: String::new(),
        search: String::new(),
        quote_id: None,
        open_approval: None,
        pv: None,
        pv_as_of: None,
        seq: 0,
        head: String::new(),
        created_by: maker.to_owned(),
        created_at: at,
        updated_at: at,
    };
    terms(&mut row, sheet);
    row
}

fn terms(row: &mut TradeRow, sheet: &TermSheet) {
    let title = title(sheet);
    let codes: Vec<&str> = sheet.underlyings.iter().map(|u| u.code.as_str()).collect();
    let size = notional(sheet);
    row.product = product(sheet);
    row.title_en = title.en;
    row.title_zh = title.zh;
    row.underlying = codes.join(",");
    row.counterparty = party(&sheet.parties.counterparty);
    direction(sheet.direction).clone_into(&mut row.direction);
    row.notional = size.normalize().to_string();
    let cents = size.checked_mul(Decimal::ONE_HUNDRED);
    row.notional_cents = cents.and_then(|cents| cents.to_i64()).unwrap_or(i64::MAX);
    row.currency.clone_from(&sheet.currency);
    row.start_date = date(sheet.dates.start);
    row.end_date = date(sheet.dates.end);
    let search = [
        &row.trade_id,
        &row.title_en,
        &row.title_zh,
        &row.counterparty,
    ];
    row.search = search.map(|text| text.to_lowercase()).join("\n");
}

/// Brings a row to the end of its chain.
pub fn refresh(row: &mut TradeRow, log: &TradeLog) -> Result<(), DeskError> {
    let trade = log.trade();
    let state = log.state();
    let Some(last) = log.events().last() else {
        return Ok(());
    };
    let version = i64::try_from(state.contract_version).unwrap_or(i64::MAX);
    let resized = state.size.is_some() || row.flags.split(',').any(|flag| flag == RESIZED);
    if resized || version != row.contract_version {
        let sheet = trade
            .sized_sheet()
            .ok_or_else(|| DeskError::Internal(format!("trade {} has no sheet", trade.id())))?;
        terms(row, &sheet);
        row.contract_version = version;
    }
    row.status = state.status.map(|status| word(&status)).unwrap_or_default();
    row.version = i64::try_from(state.version).unwrap_or(i64::MAX);
    let next = state.waiting_for.map(|date| date.to_string());
    row.next_date = next.unwrap_or_else(|| NO_DATE.to_owned());
    row.observed_to = state
        .observed_to
        .map(|date| date.to_string())
        .unwrap_or_default();
    row.outcome = state
        .outcome
        .map(|(outcome, on)| format!("{} {on}", word(&outcome)))
        .unwrap_or_default();
    let mut flags = Vec::new();
    for (name, value) in &state.values {
        if name == "ki" && !value.is_zero() {
            flags.push("ki".to_owned());
        }
        if name == "missed" && !value.is_zero() {
            flags.push(format!("missed:{}", value.normalize()));
        }
    }
    if state.size.is_some() {
        flags.push(RESIZED.to_owned());
    }
    if !state.reviews.is_empty() {
        flags.push("review".to_owned());
    }
    row.flags = flags.join(",");
    row.seq = i64::try_from(trade.seq()).unwrap_or(i64::MAX);
    row.head = last.hash.to_string();
    row.updated_at = rialto_platform_store::to_micros(last.known_at);
    Ok(())
}

/// Which prices a trade looks at: underlying and rule, of observations and of initial fixings.
pub fn looks_at(log: &TradeLog) -> Vec<(String, String)> {
    let Some(sheet) = log.trade().sheet() else {
        return Vec::new();
    };
    let rule = sheet.fixing.get("source").map_or("close", String::as_str);
    let mut all = Vec::new();
    for underlying in &sheet.underlyings {
        all.push((underlying.code.clone(), rule.to_owned()));
        if let Initial::Fixing { rule, .. } = &underlying.initial {
            all.push((underlying.code.clone(), rule.clone()));
        }
    }
    all.sort();
    all.dedup();
    all
}
