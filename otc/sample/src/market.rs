//! Markets of the house's last sessions.

use std::collections::BTreeSet;

use rialto_otc_market::snapshot::Snapshot;
use rialto_otc_time::{Calendars, Date, Exchange};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};
use serde_json::{Map, Value, json};

use crate::SampleError;
use crate::names::{Asset, Class};
use crate::paths::{Paths, asset, correlation, expiry};

/// Zero rates of the house's currency, by tenor.
const ZERO: [(&str, &str); 5] = [
    ("1m", "1.52%"),
    ("3m", "1.60%"),
    ("1y", "1.69%"),
    ("2y", "1.77%"),
    ("3y", "1.85%"),
];
/// The one-year rate of [`ZERO`], for futures.
const RATE: f64 = 0.0169;

/// The market of a session for the codes that still trade on it.
pub(crate) fn snapshot(
    paths: &Paths,
    session: usize,
    futures: &BTreeSet<String>,
    calendars: &Calendars,
) -> Result<Snapshot, SampleError> {
    let date = paths.sessions[session];
    let codes: Vec<&str> = crate::names::ASSETS
        .iter()
        .filter(|asset| asset.class != Class::Commodity)
        .map(|asset| asset.code)
        .chain(futures.iter().map(String::as_str))
        .filter(|code| expiry(code).is_none_or(|last| last >= date))
        .collect();
    let mut underlyings = Map::new();
    for code in &codes {
        if let Some((_, asset)) = asset(code) {
            let spot = paths.close(code, session);
            underlyings.insert((*code).to_owned(), quotes(asset, spot, date, calendars)?);
        }
    }
    let mut pairs = Vec::new();
    for (n, a) in codes.iter().enumerate() {
        for b in &codes[n + 1..] {
            if let (Some((_, one)), Some((_, other))) = (asset(a), asset(b)) {
                let rho = match one.code == other.code {
                    // Two months of one commodity.
                    true => Decimal::new(98, 2),
                    false => correlation(one, other),
                };
                pairs.push(json!([a, b, rho]));
            }
        }
    }
    let zero: Vec<Value> = ZERO.iter().map(|(t, rate)| json!([t, rate])).collect();
    let document = json!({
        "schema": "rialto.market/1",
        "as_of": {"date": date, "phase": "post_close"},
        "discount": {"CNY": {"zero": zero}},
        "underlyings": underlyings,
        "correlation": pairs,
        "calendars": calendars.version(),
    });
    let read = Snapshot::from_text(&document.to_string());
    read.map(|(snapshot, _)| snapshot)
        .map_err(|findings| SampleError::Market(findings.to_string()))
}

fn quotes(
    asset: &Asset,
    spot: Decimal,
    date: Date,
    calendars: &Calendars,
) -> Result<Value, SampleError> {
    let q = match asset.class {
        Class::Index => json!({"futures": strip(asset, spot, date, calendars)?}),
        Class::Stock => json!(percent(asset.carry)),
        // A future grows at no rate: its q is r.
        Class::Commodity => {
            let zero: Vec<Value> = ZERO.iter().map(|(t, rate)| json!([t, rate])).collect();
            json!({"zero": zero})
        }
    };
    let vol = match asset.class {
        Class::Index => svi(asset.vol),
        _ => json!(percent(asset.vol)),
    };
    Ok(json!({"spot": spot, "q": q, "vol": vol}))
}

fn percent(share: f64) -> String {
    let hundredths = Decimal::from_f64((share * 10_000.0).round()).unwrap_or_default();
    format!("{}%", (hundredths / Decimal::ONE_HUNDRED).normalize())
}

/// A smile of two tenors that keeps its shape at any level of volatility: total variance scales.
fn svi(vol: f64) -> Value {
    // At 23 % these are the smile of a broad index.
    let scale = (vol / 0.23).powi(2);
    let number = |value: f64| {
        let steps = Decimal::from_f64((value * scale * 1e6).round()).unwrap_or_default();
        (steps / Decimal::from(1_000_000)).normalize()
    };
    json!({"svi": [
        {"tenor": "6m", "a": number(0.0142), "b": number(0.061), "rho": "-0.31", "m": "0.02", "s": "0.17"},
        {"tenor": "2y", "a": number(0.0741), "b": number(0.118), "rho": "-0.35", "m": "0.03", "s": "0.28"},
    ]})
}

/// The index futures that trade on a date: this month's, the next, and the two quarters after.
fn strip(
    asset: &Asset,
    spot: Decimal,
    date: Date,
    calendars: &Calendars,
) -> Result<Vec<Value>, SampleError> {
    let name = match asset.code {
        "XSHG:000905" => "IC",
        "XSHG:000852" => "IM",
        "XSHG:000016" => "IH",
        _ => "IF",
    };
    let calendar = calendars.get(Exchange::Ccfx);
    let told = |_| SampleError::Calendar(date);
    let spot = spot.to_f64().unwrap_or(0.0);
    let mut quotes = Vec::new();
    let mut ahead = 0;
    while quotes.len() < 4 && ahead < 14 {
        let month = date
            .add_months(ahead)
            .map_err(|_| SampleError::Calendar(date))?;
        ahead += 1;
        let expiry = calendar
            .index_futures_expiry(month.year(), month.month())
            .map_err(told)?;
        let wanted = quotes.len() < 2 || month.month() % 3 == 0;
        // On its last days a future says little about the carry of a year.
        if expiry.days() - date.days() < 7 || !wanted {
            continue;
        }
        let years = f64::from(expiry.days() - date.days()) / 365.0;
        let price = spot * (1.0 + (RATE - asset.carry) * years);
        let price = Decimal::from_f64((price * 5.0).round()).unwrap_or_default() / Decimal::from(5);
        let code = format!("{name}{:02}{:02}", month.year() % 100, month.month());
        quotes.push(json!([code, expiry, price]));
    }
    Ok(quotes)
}
